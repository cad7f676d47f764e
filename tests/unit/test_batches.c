/* batches: every example once an epoch, lengths grouped, no bias in time. */
#include "base/rng.h"
#include "train/batches.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_batches(void);

#define EXAMPLES 2003 /* 62 batches of 32, and 19 */

static int *make_lengths(void) {
    int *length = malloc(EXAMPLES * sizeof *length);
    ck_assert_ptr_nonnull(length);
    for (uint64_t i = 0; i < EXAMPLES; i++) /* skewed, with many equal ones, as sentences are */
        length[i] = 4 + (int)(4 * exp(rng_normal(1, 7, i)));
    return length;
}

static Batches *make(size_t examples, const int *length, size_t batch, size_t pool, uint64_t seed) {
    Batches *batches;
    ck_assert_int_eq(batches_open(&batches, examples, length, batch, pool, seed), STATUS_OK);
    return batches;
}

/* The examples of an epoch in their order, [examples]; the caller's to free. */
static uint32_t *unroll(Batches *batches, size_t examples, uint64_t epoch) {
    uint32_t *all = malloc(examples * sizeof *all);
    ck_assert_ptr_nonnull(all);
    size_t filled = 0;
    batches_begin_epoch(batches, epoch);
    for (size_t i = 0; i < batches_per_epoch(batches); i++) {
        size_t count;
        const uint32_t *example = batches_at(batches, i, &count);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(filled + count, examples);
        memcpy(all + filled, example, count * sizeof *all);
        filled += count;
    }
    ck_assert_uint_eq(filled, examples);
    return all;
}

START_TEST(every_example_comes_once) {
    static const size_t cases[][3] = {{1, 1, 1},    {1, 32, 8},      {31, 32, 8},   {32, 32, 8},
                                      {33, 32, 8},  {256, 32, 8},    {257, 32, 8},  {2003, 32, 8},
                                      {2003, 1, 8}, {2003, 7, 1000}, {2003, 32, 1}, {10, 3, 2}};
    int *length = make_lengths();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int grouped = 0; grouped < 2; grouped++) {
            size_t n = cases[c][0], batch = cases[c][1], seen_short = 0;
            Batches *b = make(n, grouped ? length : NULL, batch, cases[c][2], 3);
            ck_assert_uint_eq(batches_per_epoch(b), (n + batch - 1) / batch);
            uint32_t *all = unroll(b, n, 5);
            unsigned char *seen = calloc(n, 1);
            ck_assert_ptr_nonnull(seen);
            for (size_t i = 0; i < n; i++) {
                ck_assert_uint_lt(all[i], n);
                ck_assert_uint_eq(seen[all[i]]++, 0);
            }
            for (size_t i = 0; i < batches_per_epoch(b); i++) {
                size_t count;
                batches_at(b, i, &count);
                if (count != batch) {
                    ck_assert_uint_eq(count, n % batch);
                    seen_short++;
                }
            }
            ck_assert_uint_eq(seen_short, n % batch != 0);
            free(seen);
            free(all);
            batches_close(b);
        }
    free(length);
}
END_TEST

START_TEST(the_same_seed_and_epoch_give_the_same_order) {
    int *length = make_lengths();
    Batches *one = make(EXAMPLES, length, 32, 8, 3), *other = make(EXAMPLES, length, 32, 8, 3);
    Batches *stranger = make(EXAMPLES, length, 32, 8, 4);
    free(unroll(other, EXAMPLES, 9)); /* what came before does not matter */
    uint32_t *a = unroll(one, EXAMPLES, 2), *b = unroll(other, EXAMPLES, 2);
    uint32_t *c = unroll(one, EXAMPLES, 3), *d = unroll(stranger, EXAMPLES, 2);
    ck_assert_mem_eq(a, b, EXAMPLES * sizeof *a);
    size_t same_epoch = 0, same_seed = 0;
    for (size_t i = 0; i < EXAMPLES; i++) {
        same_epoch += a[i] == c[i];
        same_seed += a[i] == d[i];
    }
    ck_assert_uint_lt(same_epoch, 12); /* one, on average, is where it was */
    ck_assert_uint_lt(same_seed, 12);
    free(a), free(b), free(c), free(d);
    batches_close(one);
    batches_close(other);
    batches_close(stranger);
    free(length);
}
END_TEST

/* Mean over batches of the standard deviation of lengths within a batch. */
static double spread(Batches *batches, const int *length) {
    double total = 0;
    batches_begin_epoch(batches, 0);
    for (size_t i = 0; i < batches_per_epoch(batches); i++) {
        size_t count;
        const uint32_t *example = batches_at(batches, i, &count);
        double sum = 0, squares = 0;
        for (size_t k = 0; k < count; k++) {
            sum += length[example[k]];
            squares += (double)length[example[k]] * length[example[k]];
        }
        total += sqrt(fmax(0, squares / (double)count - sum * sum / (double)(count * count)));
    }
    return total / (double)batches_per_epoch(batches);
}

START_TEST(grouping_makes_batches_even) {
    int *length = make_lengths();
    Batches *loose = make(EXAMPLES, length, 32, 1, 3), *grouped = make(EXAMPLES, length, 32, 8, 3);
    ck_assert_double_lt(spread(grouped, length), .5 * spread(loose, length));
    batches_close(loose);
    batches_close(grouped);
    free(length);
}
END_TEST

/* The mean length of a batch against its place in the epoch: over 200 epochs of 63 batches the
 * standard error of the correlation is 1 / sqrt(200 * 63) = .009. */
START_TEST(no_place_in_the_epoch_prefers_a_length) {
    int *length = make_lengths();
    Batches *b = make(EXAMPLES, length, 32, 8, 3);
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (uint64_t epoch = 0; epoch < 200; epoch++) {
        batches_begin_epoch(b, epoch);
        for (size_t i = 0; i < batches_per_epoch(b); i++) {
            size_t count;
            const uint32_t *example = batches_at(b, i, &count);
            double sum = 0, at = (double)i;
            for (size_t k = 0; k < count; k++) sum += length[example[k]];
            double mean = sum / (double)count;
            n += 1, x += at, y += mean, xx += at * at, yy += mean * mean, xy += at * mean;
        }
    }
    double correlation = (xy - x * y / n) / sqrt((xx - x * x / n) * (yy - y * y / n));
    ck_assert_double_lt(fabs(correlation), .035);
    batches_close(b);
    free(length);
}
END_TEST

/* The examples of the short batch are no longer than others: over 400 epochs their mean length is
 * within five standard errors of the mean of all. */
START_TEST(the_short_batch_is_not_that_of_the_longest) {
    int *length = make_lengths();
    Batches *b = make(EXAMPLES, length, 32, 8, 3);
    double all = 0, squares = 0, mean = 0, epochs = 400;
    for (size_t i = 0; i < EXAMPLES; i++) all += length[i] / (double)EXAMPLES;
    for (uint64_t epoch = 0; epoch < 400; epoch++) {
        batches_begin_epoch(b, epoch);
        for (size_t i = 0; i < batches_per_epoch(b); i++) {
            size_t count;
            const uint32_t *example = batches_at(b, i, &count);
            if (count == 32) continue;
            double sum = 0;
            for (size_t k = 0; k < count; k++) sum += length[example[k]] / (double)count;
            mean += sum / epochs;
            squares += sum * sum / epochs;
        }
    }
    double error = sqrt((squares - mean * mean) / epochs);
    ck_assert_double_lt(fabs(mean - all), 5 * error);
    ck_assert_double_gt(sqrt(squares - mean * mean), .1 * all); /* it is short and long in turn */
    batches_close(b);
    free(length);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    Batches *b;
    ck_assert_int_eq(batches_open(&b, 0, NULL, 1, 1, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(b);
    ck_assert_int_eq(batches_open(&b, 1, NULL, 0, 1, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(batches_open(&b, 1, NULL, 1, 0, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(batches_open(&b, (size_t)1 << 33, NULL, 1, 1, 1), STATUS_ARGUMENT);
    batches_close(NULL);
}
END_TEST

Suite *suite_batches(void) {
    Suite *suite = suite_create("batches");
    TCase *tests = tcase_create("batches");
    tcase_add_test(tests, every_example_comes_once);
    tcase_add_test(tests, the_same_seed_and_epoch_give_the_same_order);
    tcase_add_test(tests, grouping_makes_batches_even);
    tcase_add_test(tests, no_place_in_the_epoch_prefers_a_length);
    tcase_add_test(tests, the_short_batch_is_not_that_of_the_longest);
    tcase_add_test(tests, what_makes_no_sense_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
