/* order: measures of word order on sentences small enough to count by hand, BLEU beside sacrebleu,
 * repeated words beside every possible matching, intervals beside what theory says of them. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "base/tsv.h"
#include "metric/order.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_order(void);

/* Letters are words. */
static OrderScore score_text(const char *truth, const char *answer) {
    uint32_t t[64], a[64];
    int n = (int)strlen(truth), m = (int)strlen(answer);
    for (int i = 0; i < n; i++) t[i] = (uint32_t)truth[i];
    for (int i = 0; i < m; i++) a[i] = (uint32_t)answer[i];
    OrderScore score;
    ck_assert_msg(order_score(t, n, a, m, &score) == STATUS_OK, "%s", status_message());
    return score;
}

/* tau: counted by hand over pairs of different words; matches: common 1- to 4-grams. */
static const struct {
    const char *truth, *answer;
    int exact;
    double tau, position, substring;
    int matches[ORDER_GRAMS];
} by_hand[] = {
    {"abcd", "abcd", 1, 1, 1, 1, {4, 3, 2, 1}},
    {"abcd", "dcba", 0, -1, 0, .25, {4, 0, 0, 0}},
    {"abcd", "abdc", 0, 4 / 6., .5, .5, {4, 1, 0, 0}}, /* one pair of six is turned */
    {"abcd", "bcda", 0, 0, 0, .75, {4, 2, 1, 0}},      /* a behind three others */
    {"abcde", "cdeab", 0, -.2, 0, .6, {5, 3, 1, 0}},   /* 6 of 10 pairs are turned */
    {"a", "a", 1, 1, 1, 1, {1, 0, 0, 0}},              /* no pair: nothing to get wrong */
    {"aaaa", "aaaa", 1, 1, 1, 1, {4, 3, 2, 1}},        /* no pair of different words */
    {"abab", "abab", 1, 1, 1, 1, {4, 3, 2, 1}},
    {"abab", "baba", 0, 0, 0, .75, {4, 2, 2, 0}},       /* b1 a1 b2 a2: 2 of the 4 pairs turned */
    {"aab", "aba", 0, 0, 1 / 3., 2 / 3., {3, 1, 0, 0}}, /* b before the second a: 1 of 2 */
    {"aab", "baa", 0, -1, 1 / 3., 2 / 3., {3, 1, 0, 0}},
    {"abcd", "abc", 0, .5, .75, .75, {3, 2, 1, 0}}, /* three of six pairs are there, right */
    {"abcd", "xabcd", 0, 1, 0, 1, {4, 3, 2, 1}},    /* in order, each one place too late */
    {"abcd", "", 0, 0, 0, 0, {0, 0, 0, 0}},
    {"abcd", "xyzw", 0, 0, 0, 0, {0, 0, 0, 0}},
    {"abcd", "aaaa", 0, 0, .25, .25, {1, 0, 0, 0}}, /* clipped: the truth has one a */
};

START_TEST(measures_are_those_counted_by_hand) {
    OrderScore score = score_text(by_hand[_i].truth, by_hand[_i].answer);
    ck_assert_int_eq(score.exact, by_hand[_i].exact);
    ck_assert_double_eq_tol(score.tau, by_hand[_i].tau, 1e-6);
    ck_assert_double_eq_tol(score.position, by_hand[_i].position, 1e-6);
    ck_assert_double_eq_tol(score.substring, by_hand[_i].substring, 1e-6);
    for (int g = 0; g < ORDER_GRAMS; g++) {
        int grams = (int)strlen(by_hand[_i].answer) - g;
        ck_assert_int_eq(score.matches[g], by_hand[_i].matches[g]);
        ck_assert_int_eq(score.grams[g], grams > 0 ? grams : 0);
    }
}
END_TEST

START_TEST(bleu_is_that_of_sacrebleu) {
    Tsv *table;
    ck_assert_msg(tsv_load("tests/golden/bleu.tsv", &table) == STATUS_OK, "%s", status_message());
    int corpora = 0;
    for (int row = 0; row < table->rows;) {
        OrderScore scores[64];
        double expected;
        size_t count = 0;
        const char *name = tsv_text(table, row, 0);
        size_t length = strcspn(name, ".");
        ck_assert_int_eq(tsv_number(table, row, 1, &expected), STATUS_OK);
        for (row++; row < table->rows; row++, count++) {
            uint32_t id[2][64];
            int n[2] = {0};
            const char *other = tsv_text(table, row, 0);
            if (strncmp(other, name, length) != 0 || other[length] != 0) break;
            /* A word's id: its bytes, hashed; two words of the list do not collide. */
            for (int side = 0; side < 2; side++)
                for (const char *at = tsv_text(table, row, 1 + side); *at;) {
                    uint32_t hash = 2166136261u;
                    for (; *at && *at != ' '; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
                    id[side][n[side]++] = hash;
                    at += *at == ' ';
                }
            ck_assert_int_eq(order_score(id[0], n[0], id[1], n[1], &scores[count]), STATUS_OK);
        }
        ck_assert_uint_gt(count, 0);
        ck_assert_msg(fabs(order_bleu(scores, count) - expected) < 1e-6, "%s: %.9f, found %.9f",
                      name, expected, order_bleu(scores, count));
        corpora++;
    }
    ck_assert_int_eq(corpora, 10);
    tsv_free(table);
}
END_TEST

/* --- repeated words --------------------------------------------------------------------------- */

/* Turned pairs of different words under a matching: place[j] of each answer word. */
static int turned(const uint32_t *truth, const int *place, int n) {
    int count = 0;
    for (int j = 0; j < n; j++)
        for (int k = j + 1; k < n; k++)
            count += place[j] > place[k] && truth[place[j]] != truth[place[k]];
    return count;
}

/* The fewest turned pairs over every matching of same words. */
static int fewest(const uint32_t *truth, const uint32_t *answer, int n, int *place, int j,
                  unsigned taken) {
    if (j == n) return turned(truth, place, n);
    int best = 1000;
    for (int i = 0; i < n; i++)
        if (!(taken & 1u << i) && truth[i] == answer[j]) {
            place[j] = i;
            int found = fewest(truth, answer, n, place, j + 1, taken | 1u << i);
            if (found < best) best = found;
        }
    return best;
}

START_TEST(same_words_are_matched_as_well_as_can_be) {
    for (uint64_t trial = 0; trial < 400; trial++) {
        uint32_t truth[7] = {0}, answer[7];
        int place[7] = {0}, n = 3 + (int)(trial % 5), pairs = 0;
        for (int i = 0; i < n; i++) truth[i] = (uint32_t)rng_below(5, trial, (uint64_t)i, 3);
        memcpy(answer, truth, sizeof answer);
        rng_shuffle(answer, (size_t)n, 6, trial);
        for (int i = 0; i < n; i++)
            for (int k = i + 1; k < n; k++) pairs += truth[i] != truth[k];
        OrderScore score;
        ck_assert_int_eq(order_score(truth, n, answer, n, &score), STATUS_OK);
        double best = pairs ? 1 - 2. * fewest(truth, answer, n, place, 0, 0) / pairs : 1;
        ck_assert_double_eq_tol(score.tau, best, 1e-6);
    }
}
END_TEST

/* Of words that do not repeat, a random order has tau 0 and one position right in expectation. */
START_TEST(a_random_order_scores_what_chance_does) {
    enum { COUNT = 4000, WORDS = 8 };
    double tau = 0, position = 0;
    for (uint64_t trial = 0; trial < COUNT; trial++) {
        uint32_t truth[WORDS], answer[WORDS];
        for (uint32_t i = 0; i < WORDS; i++) truth[i] = answer[i] = i;
        rng_shuffle(answer, WORDS, 9, trial);
        OrderScore score;
        ck_assert_int_eq(order_score(truth, WORDS, answer, WORDS, &score), STATUS_OK);
        tau += score.tau / COUNT;
        position += score.position / COUNT;
    }
    /* Variance of tau: 2 (2n + 5) / (9 n (n - 1)) (Kendall 1938); of the positions right: 1. */
    ck_assert_double_lt(fabs(tau), 4 * sqrt(2 * 21. / (9 * 8 * 7) / COUNT));
    ck_assert_double_lt(fabs(position - 1. / WORDS), 4 * sqrt(1. / COUNT) / WORDS);
}
END_TEST

/* --- many ------------------------------------------------------------------------------------- */

START_TEST(intervals_are_those_of_the_mean) {
    enum { COUNT = 900 };
    OrderScore *scores = calloc(COUNT, sizeof *scores);
    for (int i = 0; i < COUNT; i++) scores[i] = score_text("abcd", i % 10 ? "abdc" : "abcd");
    OrderSummary summary, again, other;
    ck_assert_int_eq(order_summarise(scores, 1, COUNT, BOOTSTRAP_OVER_SENTENCES, 1000, 3, &summary),
                     STATUS_OK);
    ck_assert_uint_eq(summary.sentences, COUNT);
    ck_assert_double_eq_tol(summary.exact.value, .1, 1e-9);
    ck_assert_double_eq_tol(summary.tau.value, .1 + .9 * 4 / 6, 1e-6);
    ck_assert_double_eq_tol(summary.bleu.value, order_bleu(scores, COUNT), 1e-9);
    /* A share of .1 of 900 has a standard error of .01. */
    ck_assert_double_eq_tol(summary.exact.low, .1 - .0196, .004);
    ck_assert_double_eq_tol(summary.exact.high, .1 + .0196, .004);
    order_summarise(scores, 1, COUNT, BOOTSTRAP_OVER_SENTENCES, 1000, 3, &again);
    ck_assert_mem_eq(&again, &summary, sizeof summary);
    order_summarise(scores, 1, COUNT, BOOTSTRAP_OVER_SENTENCES, 47, 3, &summary);
    order_summarise(scores, 1, COUNT, BOOTSTRAP_OVER_SENTENCES, 47, 4, &other);
    ck_assert_mem_ne(&other, &summary, sizeof summary);
    ck_assert_int_eq(order_summarise(scores, 1, 0, BOOTSTRAP_OVER_BOTH, 100, 1, &other),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(order_summarise(scores, 1, 5, BOOTSTRAP_OVER_BOTH, 10, 1, &other),
                     STATUS_ARGUMENT);
    free(scores);
}
END_TEST

START_TEST(seeds_are_a_level_of_their_own) {
    /* Two runs: one always right, one always turned. Sentences alone leave no doubt, seeds all. */
    OrderScore scores[20];
    for (int i = 0; i < 20; i++) scores[i] = score_text("abcd", i < 10 ? "abcd" : "dcba");
    OrderSummary summary;
    order_summarise(scores, 2, 10, BOOTSTRAP_OVER_SENTENCES, 200, 1, &summary);
    ck_assert_double_eq_tol(summary.tau.value, 0, 1e-9);
    ck_assert_double_eq_tol(summary.tau.high - summary.tau.low, 0, 1e-9);
    order_summarise(scores, 2, 10, BOOTSTRAP_OVER_BOTH, 200, 1, &summary);
    ck_assert_double_eq_tol(summary.tau.low, -1, 1e-9);
    ck_assert_double_eq_tol(summary.tau.high, 1, 1e-9);
    ck_assert_double_eq_tol(summary.exact.value, .5, 1e-9);
}
END_TEST

/* The same hard and easy sentences for both: in pairs their difference is certain, though each
 * system's own score is not. */
START_TEST(a_comparison_is_made_in_pairs) {
    OrderScore a[200], b[200];
    for (int i = 0; i < 200; i++) {
        a[i] = score_text("abcdef", i % 2 ? "abcdef" : "fedcba");
        b[i] = score_text("abcdef", i % 2 ? "abcdfe" : "fedcba");
    }
    OrderSummary difference, alone;
    ck_assert_int_eq(order_compare(a, b, 200, 500, 1, &difference), STATUS_OK);
    ck_assert_double_eq_tol(difference.tau.value, .5 * 2 / 15, 1e-6);
    ck_assert_double_gt(difference.tau.low, .05);
    order_summarise(b, 1, 200, BOOTSTRAP_OVER_SENTENCES, 500, 1, &alone);
    ck_assert_double_lt(alone.tau.low, alone.tau.value - difference.tau.value);
    order_compare(a, a, 200, 500, 1, &difference);
    ck_assert_double_eq(difference.bleu.high, 0);
    ck_assert_double_eq(difference.bleu.low, 0);
}
END_TEST

/* Run i of one belongs to run i of the other: both good on one seed and bad on the other, so that
 * each alone is unsure and their difference is not. */
START_TEST(runs_are_compared_seed_by_seed) {
    OrderScore a[20], b[20];
    for (int i = 0; i < 20; i++) {
        a[i] = score_text("abcdef", i < 10 ? "abcdef" : "fedcba");
        b[i] = score_text("abcdef", i < 10 ? "abcdfe" : "fedcab");
    }
    OrderSummary difference, one;
    ck_assert_int_eq(
        order_compare_seeds(a, b, 2, 10, BOOTSTRAP_OVER_SENTENCES, 200, 1, &difference), STATUS_OK);
    /* one pair turned of 15 costs 2/15 on the first seed and gains as much on the second */
    ck_assert_double_eq_tol(difference.tau.value, 0, 1e-6);
    ck_assert_double_eq_tol(difference.exact.value, .5, 1e-6);
    order_compare_seeds(a, b, 2, 10, BOOTSTRAP_OVER_BOTH, 200, 1, &difference);
    ck_assert_double_eq_tol(difference.tau.high, 2. / 15, 1e-6);
    ck_assert_double_eq_tol(difference.tau.low, -2. / 15, 1e-6);
    order_summarise(a, 2, 10, BOOTSTRAP_OVER_BOTH, 200, 1, &one);
    ck_assert_double_eq_tol(one.tau.high, 1, 1e-6);
    ck_assert_int_eq(order_compare_seeds(a, b, 0, 10, BOOTSTRAP_OVER_BOTH, 200, 1, &difference),
                     STATUS_ARGUMENT);
}
END_TEST

START_TEST(lengths_are_taken_apart) {
    OrderScore scores[4] = {score_text("ab", "ab"), score_text("abcd", "abcd"),
                            score_text("abc", "abc"), score_text("abcde", "abcde")};
    ck_assert_uint_eq(order_of_length(scores, 4, 3, 4, scores), 2);
    ck_assert_int_eq(scores[0].length, 4);
    ck_assert_int_eq(scores[1].length, 3);
}
END_TEST

START_TEST(positions_are_counted) {
    OrderConfusion confusion;
    ck_assert_int_eq(order_confusion_open(&confusion, 4), STATUS_OK);
    const uint32_t truth[5] = {1, 2, 2, 3, 4}, turned_round[4] = {2, 3, 1, 2};
    const uint32_t lost[2] = {9, 1}, late[6] = {8, 8, 8, 8, 8, 3};
    order_confusion_add(&confusion, truth, 4, turned_round, 4);
    order_confusion_add(&confusion, truth, 4, lost, 2);
    order_confusion_add(&confusion, truth, 4, late, 6);
    order_confusion_add(&confusion, truth, 5, truth, 5);
    /* True position by position in the answer. */
    const uint64_t expected[16] = {0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0};
    const uint64_t elsewhere[4] = {1, 2, 2, 2};
    ck_assert_mem_eq(confusion.cell, expected, sizeof expected);
    ck_assert_mem_eq(confusion.elsewhere, elsewhere, sizeof elsewhere);
    ck_assert_uint_eq(confusion.sentences, 3);
    ck_assert_uint_eq(confusion.too_long, 1);
    order_confusion_close(&confusion);
    ck_assert_int_eq(order_confusion_open(&confusion, 0), STATUS_ARGUMENT);
}
END_TEST

START_TEST(lengths_out_of_range_are_refused) {
    uint32_t *words = calloc(ORDER_WORDS_MAX + 1, sizeof *words);
    OrderScore score;
    ck_assert_int_eq(order_score(words, 0, words, 1, &score), STATUS_ARGUMENT);
    ck_assert_int_eq(order_score(words, 1, words, -1, &score), STATUS_ARGUMENT);
    ck_assert_int_eq(order_score(words, ORDER_WORDS_MAX + 1, words, 1, &score), STATUS_ARGUMENT);
    ck_assert_int_eq(order_score(words, 1, words, ORDER_WORDS_MAX + 1, &score), STATUS_ARGUMENT);
    for (uint32_t i = 0; i < ORDER_WORDS_MAX; i++) words[i] = i;
    ck_assert_int_eq(order_score(words, ORDER_WORDS_MAX, words, ORDER_WORDS_MAX, &score),
                     STATUS_OK);
    ck_assert_int_eq(score.exact, 1);
    ck_assert_double_eq(score.tau, 1);
    ck_assert_int_eq(score.matches[3], ORDER_WORDS_MAX - 3);
    free(words);
}
END_TEST

Suite *suite_order(void) {
    Suite *suite = suite_create("order");
    TCase *one = tcase_create("one");
    tcase_add_loop_test(one, measures_are_those_counted_by_hand, 0,
                        (int)(sizeof by_hand / sizeof *by_hand));
    tcase_add_test(one, same_words_are_matched_as_well_as_can_be);
    tcase_add_test(one, a_random_order_scores_what_chance_does);
    tcase_add_test(one, lengths_out_of_range_are_refused);
    suite_add_tcase(suite, one);
    TCase *many = tcase_create("many");
    tcase_add_test(many, bleu_is_that_of_sacrebleu);
    tcase_add_test(many, intervals_are_those_of_the_mean);
    tcase_add_test(many, seeds_are_a_level_of_their_own);
    tcase_add_test(many, a_comparison_is_made_in_pairs);
    tcase_add_test(many, runs_are_compared_seed_by_seed);
    tcase_add_test(many, lengths_are_taken_apart);
    tcase_add_test(many, positions_are_counted);
    suite_add_tcase(suite, many);
    return suite;
}
