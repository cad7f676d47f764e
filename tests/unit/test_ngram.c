/* The Kneser-Ney trigram: its probabilities sum to one, are those of the formula, and its search
 * finds what trying every order finds. */
#include "base/rng.h"
#include "model/ngram.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_ngram(void);

enum { WORDS = 30 };

static Ngram *trained(int sentences) {
    Ngram *model;
    ck_assert_int_eq(ngram_open(&model, WORDS), STATUS_OK);
    for (int s = 0; s < sentences; s++) {
        uint32_t word[12];
        const int length = 1 + (int)rng_below(1, (uint64_t)s, 99, 12);
        for (int i = 0; i < length; i++) { /* frequent and rare ones; 28 and 29 never come */
            const double u = rng_uniform(1, (uint64_t)s, (uint64_t)i);
            word[i] = (uint32_t)(28 * u * u * u);
        }
        ck_assert_int_eq(ngram_add(model, word, length), STATUS_OK);
    }
    ck_assert_msg(ngram_finish(model) == STATUS_OK, "%s", status_message());
    return model;
}

START_TEST(probabilities_sum_to_one) {
    Ngram *model = trained(400);
    const uint32_t contexts[][2] = {
        {NGRAM_BEGIN, NGRAM_BEGIN}, {NGRAM_BEGIN, 0}, {0, 0}, {1, 5}, {29, 29}, {0, 28}, {28, 0}};
    for (int order = 1; order <= 3; order++)
        for (int k = 0; k < 3; k++)
            ck_assert(ngram_discounts(model, order)[k] > 0 &&
                      ngram_discounts(model, order)[k] < k + 1);
    for (size_t c = 0; c < sizeof contexts / sizeof *contexts; c++) {
        const uint32_t u = contexts[c][0], v = contexts[c][1];
        double sum = ngram_probability(model, u, v, NGRAM_END),
               two = ngram_bigram(model, v, NGRAM_END);
        for (uint32_t w = 0; w < WORDS; w++) {
            const double p = ngram_probability(model, u, v, w);
            ck_assert(p > 0 && p < 1);
            sum += p, two += ngram_bigram(model, v, w);
        }
        ck_assert_double_eq_tol(sum, 1, 1e-12);
        ck_assert_double_eq_tol(two, 1, 1e-12);
    }
    ngram_close(model);
}
END_TEST

/* "a b", "a b", "a c", "c b": every number here can be counted on paper. Counts of counts are too
 * few for discounts of their own, so that they are 1/2, 1, 3/2. */
START_TEST(is_the_formula) {
    Ngram *model;
    const uint32_t a = 0, b = 1, c = 2, sentence[][2] = {{a, b}, {a, b}, {a, c}, {c, b}};
    ck_assert_int_eq(ngram_open(&model, 3), STATUS_OK);
    for (int s = 0; s < 4; s++) ck_assert_int_eq(ngram_add(model, sentence[s], 2), STATUS_OK);
    ck_assert_int_eq(ngram_finish(model), STATUS_OK);
    const double *d3 = ngram_discounts(model, 3), *d2 = ngram_discounts(model, 2),
                 *d1 = ngram_discounts(model, 1);
    /* Words before: of a {begin}, of b {a, c}, of c {begin? no: a, begin}, of the end {b, c}. */
    const double p0 = 1. / 4;
    const double saved1 = d1[0] * 1 + d1[1] * 3; /* a once; b, c, end twice each */
    const double p1 = (2 - d1[1] + saved1 * p0) / 7;
    /* After a come b and c, each as the continuation of one word (begin a): counted 1 and 1. */
    const double p2 = (1 - d2[0] + d2[0] * 2 * p1) / 2;
    /* After begin, a come b twice and c once. */
    const double p3 = (2 - d3[1] + (d3[0] + d3[1]) * p2) / 3;
    ck_assert_double_eq_tol(ngram_bigram(model, a, b), p2, 1e-12);
    ck_assert_double_eq_tol(ngram_probability(model, NGRAM_BEGIN, a, b), p3, 1e-12);
    /* A context that was never seen hands everything to the lower order. */
    ck_assert_double_eq_tol(ngram_probability(model, b, a, b), p2, 1e-12);
    ngram_close(model);
}
END_TEST

static double score_of(const Ngram *model, const uint32_t *word, const int *order, int n) {
    uint32_t u = NGRAM_BEGIN, v = NGRAM_BEGIN;
    double sum = 0;
    for (int t = 0; t <= n; t++) {
        const uint32_t w = t < n ? word[order[t]] : NGRAM_END;
        sum += log(ngram_probability(model, u, v, w));
        u = v, v = w;
    }
    return sum;
}

static double best_of_all(const Ngram *model, const uint32_t *word, int *order, int at, int n) {
    double best = -INFINITY;
    if (at == n) return score_of(model, word, order, n);
    for (int i = at; i < n; i++) {
        int kept = order[at];
        order[at] = order[i], order[i] = kept;
        best = fmax(best, best_of_all(model, word, order, at + 1, n));
        kept = order[at], order[at] = order[i], order[i] = kept;
    }
    return best;
}

START_TEST(a_wide_beam_finds_the_best_of_all_orders) {
    Ngram *model = trained(400);
    for (uint64_t trial = 0; trial < 8; trial++) {
        uint32_t word[6];
        int order[6], all[6] = {0, 1, 2, 3, 4, 5}, seen[6] = {0};
        double score;
        for (int i = 0; i < 6; i++)
            word[i] = (uint32_t)rng_below(2, trial, (uint64_t)i, trial % 2 ? WORDS : 4);
        ck_assert_int_eq(
            ngram_search(model, word, 6, &(NgramSearch){.beam = 4000, .future = 1}, order, &score),
            STATUS_OK);
        for (int t = 0; t < 6; t++) ck_assert_int_eq(seen[order[t]]++, 0);
        ck_assert_double_eq_tol(score, score_of(model, word, order, 6), 1e-9);
        ck_assert_double_eq_tol(score, best_of_all(model, word, all, 0, 6), 1e-9);
    }
    ngram_close(model);
}
END_TEST

START_TEST(bags_of_any_kind_give_permutations) {
    Ngram *model = trained(50);
    uint32_t word[NGRAM_BAG_MAX] = {0};
    int order[NGRAM_BAG_MAX];
    for (int n = 1; n <= NGRAM_BAG_MAX; n += 21)
        for (int beam = 1; beam <= 64; beam *= 8) {
            int seen[NGRAM_BAG_MAX] = {0};
            ck_assert_int_eq(ngram_search(model, word, n,
                                          &(NgramSearch){.beam = beam, .future = .5}, order, NULL),
                             STATUS_OK);
            for (int t = 0; t < n; t++) ck_assert_int_eq(seen[order[t]]++, 0);
            for (int i = 0; i < n; i++) word[i] = (uint32_t)i % WORDS;
        }
    const NgramSearch narrow = {.beam = 0};
    ck_assert_int_eq(ngram_search(model, word, 3, &narrow, order, NULL), STATUS_ARGUMENT);
    ck_assert_int_eq(
        ngram_search(model, word, NGRAM_BAG_MAX + 1, &(NgramSearch){.beam = 1}, order, NULL),
        STATUS_ARGUMENT);
    ngram_close(model);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    Ngram *model;
    const uint32_t word[] = {1, WORDS};
    ck_assert_int_eq(ngram_open(&model, 0), STATUS_ARGUMENT);
    ck_assert_int_eq(ngram_open(&model, (size_t)NGRAM_WORDS_MAX + 1), STATUS_ARGUMENT);
    ck_assert_int_eq(ngram_open(&model, WORDS), STATUS_OK);
    ck_assert_int_eq(ngram_finish(model), STATUS_ARGUMENT);
    ck_assert_int_eq(ngram_add(model, word, 2), STATUS_ARGUMENT);
    ck_assert_int_eq(ngram_add(model, word, 1), STATUS_OK);
    ck_assert_int_eq(ngram_finish(model), STATUS_OK);
    ck_assert_int_eq(ngram_add(model, word, 1), STATUS_ARGUMENT);
    ngram_close(model);
}
END_TEST

Suite *suite_ngram(void) {
    Suite *suite = suite_create("ngram");
    TCase *test = tcase_create("ngram");
    tcase_add_test(test, probabilities_sum_to_one);
    tcase_add_test(test, is_the_formula);
    tcase_add_test(test, a_wide_beam_finds_the_best_of_all_orders);
    tcase_add_test(test, bags_of_any_kind_give_permutations);
    tcase_add_test(test, what_makes_no_sense_is_refused);
    suite_add_tcase(suite, test);
    return suite;
}
