/* What is counted in the sets. */
#include "q5_data.h"

#include <stdlib.h>
#include <string.h>

const char *q5_probe_name(Q5Probe probe) {
    static const char *const names[Q5_PROBES] = {"swap", "rotate", "halves", "reversed", "random"};
    return names[probe];
}

static void answer_of(const ReorderSet *set, size_t sentence, Q5Probe probe, uint32_t *answer) {
    const uint32_t *word = reorder_words_of(set, sentence);
    int length = reorder_length(set, sentence), middle = length / 2;
    memcpy(answer, word, (size_t)length * sizeof *answer);
    switch (probe) {
    case Q5_PROBE_SWAP:
        answer[middle - 1] = word[middle];
        answer[middle] = word[middle - 1];
        break;
    case Q5_PROBE_ROTATE:
        for (int i = 0; i < length; i++) answer[i] = word[(i + 1) % length];
        break;
    case Q5_PROBE_HALVES:
        for (int i = 0; i < length; i++) answer[i] = word[(i + middle) % length];
        break;
    case Q5_PROBE_REVERSED:
        for (int i = 0; i < length; i++) answer[i] = word[length - 1 - i];
        break;
    default:
        memcpy(answer, reorder_shuffled_of(set, sentence), (size_t)length * sizeof *answer);
    }
}

Status q5_data_probe(const ReorderSet *set, int low, int high, Q5Probe probe, OrderSummary *out) {
    enum { DRAWS = 1000 };
    OrderScore *scores = malloc((set->sentences + 1) * sizeof *scores);
    if (!scores) return status_fail(STATUS_MEMORY, "no memory for %zu sentences", set->sentences);
    size_t count = 0;
    Status status = STATUS_OK;
    for (size_t s = 0; status == STATUS_OK && s < set->sentences; s++) {
        uint32_t answer[REORDER_LENGTH_HIGH];
        int length = reorder_length(set, s);
        if (length < low || length > high) continue;
        answer_of(set, s, probe, answer);
        status = order_score(reorder_words_of(set, s), length, answer, length, &scores[count++]);
    }
    *out = (OrderSummary){0};
    if (status == STATUS_OK && count > 0)
        status = order_summarise(scores, 1, count, BOOTSTRAP_OVER_SENTENCES, DRAWS, 1, out);
    free(scores);
    return status;
}

static int repeats_a_word(const uint32_t *word, int length) {
    for (int i = 0; i < length; i++)
        for (int k = i + 1; k < length; k++)
            if (word[i] == word[k]) return 1;
    return 0;
}

Status q5_data_words(const ReorderData *data, const ReorderSet *set, Q5Words *out) {
    *out = (Q5Words){0};
    unsigned char *met = calloc(data->words.count + 1, 1);
    if (!met) return status_fail(STATUS_MEMORY, "no memory for %zu words", data->words.count);
    for (size_t s = 0; s < set->sentences; s++) {
        const uint32_t *word = reorder_words_of(set, s);
        size_t unseen = 0;
        for (int i = 0; i < reorder_length(set, s); i++) {
            int new_word = data->words.occurrences[word[i]] == 0;
            unseen += (size_t)new_word;
            if (met[word[i]]) continue;
            met[word[i]] = 1;
            out->vocabulary++;
            out->unseen_vocabulary += (size_t)new_word;
        }
        out->unseen_words += unseen;
        out->unseen_sentences += unseen > 0;
        out->repeating += (size_t)repeats_a_word(word, reorder_length(set, s));
    }
    free(met);
    return STATUS_OK;
}
