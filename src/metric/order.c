#include "metric/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void order_match(const uint32_t *truth, int n, const uint32_t *answer, int m, int *place) {
    unsigned char taken[ORDER_WORDS_MAX] = {0};
    for (int j = 0; j < m; j++) {
        place[j] = -1;
        for (int i = 0; i < n && place[j] < 0; i++)
            if (!taken[i] && truth[i] == answer[j]) {
                taken[i] = 1;
                place[j] = i;
            }
    }
}

/* n-grams of the answer that the truth holds too, each of the truth's used once. */
static int count_matches(const uint32_t *truth, int n, const uint32_t *answer, int m, int gram) {
    unsigned char taken[ORDER_WORDS_MAX] = {0};
    int matches = 0;
    for (int j = 0; j + gram <= m; j++)
        for (int i = 0; i + gram <= n; i++)
            if (!taken[i] && memcmp(truth + i, answer + j, (size_t)gram * sizeof *truth) == 0) {
                taken[i] = 1;
                matches++;
                break;
            }
    return matches;
}

/* excerpt: kendall-tau */
static double tau_of(const uint32_t *truth, int n, const int *place, int m) {
    long pairs = 0, balance = 0;
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++) pairs += truth[i] != truth[k];
    if (pairs == 0) return 1;
    for (int j = 0; j < m; j++)
        for (int k = j + 1; k < m; k++)
            if (place[j] >= 0 && place[k] >= 0 && truth[place[j]] != truth[place[k]])
                balance += place[j] < place[k] ? 1 : -1;
    return (double)balance / (double)pairs;
}
/* end excerpt */

/* The longest run of words that stands in both: for each end in the truth, how far back the two
 * agree from each end in the answer. */
static int longest_run(const uint32_t *truth, int n, const uint32_t *answer, int m) {
    uint16_t run[ORDER_WORDS_MAX + 1] = {0};
    int longest = 0;
    for (int i = 0; i < n; i++)
        for (int j = m; j > 0; j--) {
            run[j] = truth[i] == answer[j - 1] ? (uint16_t)(run[j - 1] + 1) : 0;
            if (run[j] > longest) longest = run[j];
        }
    return longest;
}

Status order_score(const uint32_t *truth, int n, const uint32_t *answer, int m, OrderScore *out) {
    if (n < 1 || n > ORDER_WORDS_MAX || m < 0 || m > ORDER_WORDS_MAX)
        return status_fail(
            STATUS_ARGUMENT,
            "order: a sentence of %d words and an answer of %d; expected 1 to %d and "
            "0 to %d",
            n, m, ORDER_WORDS_MAX, ORDER_WORDS_MAX);
    int place[ORDER_WORDS_MAX], right = 0;
    *out = (OrderScore){.length = (uint16_t)n, .answer_length = (uint16_t)m};
    order_match(truth, n, answer, m, place);
    for (int gram = 1; gram <= ORDER_GRAMS; gram++) {
        out->matches[gram - 1] = (uint16_t)count_matches(truth, n, answer, m, gram);
        out->grams[gram - 1] = (uint16_t)(m >= gram ? m - gram + 1 : 0);
    }
    for (int i = 0; i < n && i < m; i++) right += truth[i] == answer[i];
    out->exact = n == m && right == n;
    out->tau = (float)tau_of(truth, n, place, m);
    out->position = (float)((double)right / n);
    out->substring = (float)((double)longest_run(truth, n, answer, m) / n);
    return STATUS_OK;
}

size_t order_of_length(const OrderScore *scores, size_t sentences, int low, int high,
                       OrderScore *out) {
    size_t count = 0;
    for (size_t s = 0; s < sentences; s++)
        if (scores[s].length >= low && scores[s].length <= high) out[count++] = scores[s];
    return count;
}

/* --- positions -------------------------------------------------------------------------------- */

Status order_confusion_open(OrderConfusion *confusion, int size) {
    *confusion = (OrderConfusion){0};
    if (size < 1 || size > ORDER_WORDS_MAX)
        return status_fail(STATUS_ARGUMENT, "order: a confusion matrix of %d positions", size);
    confusion->cell = calloc((size_t)size * (size_t)size, sizeof *confusion->cell);
    confusion->elsewhere = calloc((size_t)size, sizeof *confusion->elsewhere);
    if (!confusion->cell || !confusion->elsewhere) {
        order_confusion_close(confusion);
        return status_fail(STATUS_MEMORY, "order: a confusion matrix of %d positions", size);
    }
    confusion->size = size;
    return STATUS_OK;
}

void order_confusion_add(OrderConfusion *confusion, const uint32_t *truth, int n,
                         const uint32_t *answer, int m) {
    int place[ORDER_WORDS_MAX], seen[ORDER_WORDS_MAX] = {0};
    if (n > confusion->size || m > ORDER_WORDS_MAX) {
        confusion->too_long++;
        return;
    }
    confusion->sentences++;
    order_match(truth, n, answer, m, place);
    for (int j = 0; j < m; j++) {
        if (place[j] < 0) continue;
        seen[place[j]] = 1;
        if (j < confusion->size)
            confusion->cell[place[j] * confusion->size + j]++;
        else
            confusion->elsewhere[place[j]]++;
    }
    for (int i = 0; i < n; i++) confusion->elsewhere[i] += !seen[i];
}

void order_confusion_close(OrderConfusion *confusion) {
    free(confusion->cell);
    free(confusion->elsewhere);
    *confusion = (OrderConfusion){0};
}
