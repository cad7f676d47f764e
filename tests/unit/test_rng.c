/* rng: the bits are the published ones, and what is made of them has the right distribution. */
#include "base/rng.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_rng(void);

/* The known-answer vectors that Random123 publishes (kat_vectors, philox4x32 with 10 rounds),
 * with its counter read as (index, stream) and its key as the seed. */
static const struct {
    uint64_t seed, stream, index;
    uint32_t words[4];
} answers[] = {
    {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {0x299f31d0a4093822,
     0x0370734413198a2e,
     0x85a308d3243f6a88,
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(words_are_the_published_ones) {
    uint32_t words[4];
    rng_words(answers[_i].seed, answers[_i].stream, answers[_i].index, words);
    for (int i = 0; i < 4; i++) ck_assert_uint_eq(words[i], answers[_i].words[i]);
    ck_assert_uint_eq(rng_bits(answers[_i].seed, answers[_i].stream, answers[_i].index),
                      (uint64_t)answers[_i].words[0] << 32 | answers[_i].words[1]);
}
END_TEST

typedef struct {
    double mean, variance, skew, kurtosis, lowest, highest, neighbour; /* correlation of i, i+1 */
} Moments;

static Moments moments(double (*draw)(uint64_t, uint64_t, uint64_t), size_t count) {
    Moments m = {.lowest = INFINITY, .highest = -INFINITY};
    for (size_t i = 0; i < count; i++) {
        double x = draw(11, 3, i);
        m.mean += x / (double)count;
        if (x < m.lowest) m.lowest = x;
        if (x > m.highest) m.highest = x;
    }
    double last = draw(11, 3, count - 1) - m.mean;
    for (size_t i = 0; i < count; i++) {
        double x = draw(11, 3, i) - m.mean;
        m.variance += x * x / (double)count;
        m.skew += x * x * x / (double)count;
        m.kurtosis += x * x * x * x / (double)count;
        m.neighbour += x * last / (double)count;
        last = x;
    }
    m.neighbour /= m.variance;
    return m;
}

/* 2^20 draws; every bound is five standard errors of the estimate it holds. The seed is fixed, so
 * the outcome is too. */
#define DRAWS       ((size_t)1 << 20)
#define FIVE_ERRORS (5 / 1024.0)

START_TEST(uniform_has_its_moments) {
    Moments m = moments(rng_uniform, DRAWS);
    ck_assert_double_eq_tol(m.mean, 0.5, FIVE_ERRORS * sqrt(1 / 12.0));
    ck_assert_double_eq_tol(m.variance, 1 / 12.0, FIVE_ERRORS * sqrt(1 / 180.0));
    ck_assert_double_eq_tol(m.neighbour, 0, FIVE_ERRORS);
    ck_assert_double_gt(m.lowest, 0);
    ck_assert_double_lt(m.highest, 1);
    ck_assert_double_lt(m.lowest, 1e-4);
    ck_assert_double_gt(m.highest, 1 - 1e-4);
}
END_TEST

START_TEST(normal_has_its_moments) {
    Moments m = moments(rng_normal, DRAWS);
    ck_assert_double_eq_tol(m.mean, 0, FIVE_ERRORS);
    ck_assert_double_eq_tol(m.variance, 1, FIVE_ERRORS * sqrt(2));
    ck_assert_double_eq_tol(m.skew, 0, FIVE_ERRORS * sqrt(15));
    ck_assert_double_eq_tol(m.kurtosis, 3, FIVE_ERRORS * sqrt(96));
    ck_assert_double_eq_tol(m.neighbour, 0, FIVE_ERRORS);
    ck_assert_double_gt(m.highest, 4);
    ck_assert_double_lt(m.lowest, -4);
}
END_TEST

START_TEST(filling_is_drawing_one_by_one) {
    static const size_t counts[] = {0, 1, 2, 7, 64};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        float filled[65];
        for (int i = 0; i < 65; i++) filled[i] = -99;
        rng_fill_normal(filled, counts[c], 5, 8);
        for (size_t i = 0; i < counts[c]; i++)
            ck_assert_float_eq(filled[i], (float)rng_normal(5, 8, i));
        ck_assert_float_eq(filled[counts[c]], -99);
    }
}
END_TEST

START_TEST(below_stays_below_and_is_even) {
    static const uint64_t bounds[] = {1, 2, 3, 10, 1000, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
        for (uint64_t i = 0; i < 1000; i++)
            ck_assert_uint_lt(rng_below(1, 2, i, bounds[b]), bounds[b]);
    int seen[10] = {0};
    for (uint64_t i = 0; i < 100000; i++) seen[rng_below(1, 2, i, 10)]++;
    double chi2 = 0; /* 9 degrees of freedom: 27.9 is exceeded once in a thousand */
    for (int i = 0; i < 10; i++) chi2 += (seen[i] - 10000.0) * (seen[i] - 10000.0) / 10000.0;
    ck_assert_double_lt(chi2, 27.9);
}
END_TEST

START_TEST(shuffle_is_a_permutation) {
    static const size_t counts[] = {0, 1, 2, 3, 1000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        uint32_t order[1001];
        unsigned char seen[1001] = {0};
        for (uint32_t i = 0; i < 1001; i++) order[i] = i;
        rng_shuffle(order, counts[c], 4, 9);
        for (size_t i = 0; i < counts[c]; i++) {
            ck_assert_uint_lt(order[i], counts[c]);
            seen[order[i]]++;
        }
        for (size_t i = 0; i < counts[c]; i++) ck_assert_uint_eq(seen[i], 1);
        ck_assert_uint_eq(order[counts[c]], counts[c]);
    }
}
END_TEST

START_TEST(shuffles_of_three_come_equally_often) {
    int seen[27] = {0};
    for (uint64_t stream = 0; stream < 60000; stream++) {
        uint32_t order[3] = {0, 1, 2};
        rng_shuffle(order, 3, 1, stream);
        seen[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    double chi2 = 0; /* 5 degrees of freedom: 20.5 is exceeded once in a thousand */
    for (int i = 0; i < 27; i++)
        if (seen[i]) chi2 += (seen[i] - 10000.0) * (seen[i] - 10000.0) / 10000.0;
    ck_assert_double_lt(chi2, 20.5);
}
END_TEST

START_TEST(seeds_streams_and_indices_are_told_apart) {
    uint64_t same = rng_bits(1, 2, 3);
    ck_assert_uint_eq(rng_bits(1, 2, 3), same);
    ck_assert_uint_ne(rng_bits(2, 2, 3), same);
    ck_assert_uint_ne(rng_bits(1, 3, 3), same);
    ck_assert_uint_ne(rng_bits(1, 2, 4), same);
    ck_assert_uint_ne(rng_bits(1, 3, 2), rng_bits(1, 2, 3));
    ck_assert_uint_ne(rng_bits((uint64_t)1 << 32, 0, 0), rng_bits(0, 0, 0));
    ck_assert_uint_ne(rng_bits(0, (uint64_t)1 << 32, 0), rng_bits(0, 0, (uint64_t)1 << 32));
}
END_TEST

START_TEST(stream_names_hash_by_fnv1a) {
    /* The test vectors of the FNV authors, 64 bits, 1a. */
    ck_assert_uint_eq(rng_stream(""), UINT64_C(0xcbf29ce484222325));
    ck_assert_uint_eq(rng_stream("a"), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(rng_stream("foobar"), UINT64_C(0x85944171f73967e8));
}
END_TEST

Suite *suite_rng(void) {
    Suite *suite = suite_create("rng");
    TCase *bits = tcase_create("bits");
    tcase_add_loop_test(bits, words_are_the_published_ones, 0,
                        (int)(sizeof answers / sizeof *answers));
    tcase_add_test(bits, seeds_streams_and_indices_are_told_apart);
    tcase_add_test(bits, stream_names_hash_by_fnv1a);
    suite_add_tcase(suite, bits);
    TCase *distributions = tcase_create("distributions");
    tcase_add_test(distributions, uniform_has_its_moments);
    tcase_add_test(distributions, normal_has_its_moments);
    tcase_add_test(distributions, filling_is_drawing_one_by_one);
    tcase_add_test(distributions, below_stays_below_and_is_even);
    tcase_add_test(distributions, shuffle_is_a_permutation);
    tcase_add_test(distributions, shuffles_of_three_come_equally_often);
    suite_add_tcase(suite, distributions);
    return suite;
}
