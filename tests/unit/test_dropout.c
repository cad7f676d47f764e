/* Dropout: the mask is the pure function of op/layers.h, element by element, wherever a call
 * starts, for every instruction set; its share; the same one forward and backward. */
#include "base/rng.h"
#include "op/cpu/layers.h"
#include "op/op.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1100 };

static int is_dropped(float rate, uint64_t seed, uint64_t stream, uint64_t i) {
    uint32_t words[4];
    rng_words(seed, stream, i / 4, words);
    return words[i % 4] < (double)rate * 4294967296.;
}

/* The variants that this processor can run. */
static int variants(const CpuLayerRows **list) {
    int count = 0;
    list[count++] = &cpu_layer_rows_baseline;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v3")) list[count++] = &cpu_layer_rows_avx2;
    if (__builtin_cpu_supports("x86-64-v4")) list[count++] = &cpu_layer_rows_avx512;
#endif
    return count;
}

static const struct {
    uint64_t seed, stream, first; /* counters pass 2^32, and wrap at 2^62 */
} starts[] = {{1, 2, 0},
              {0xfedcba9876543210, 0x0123456789abcdef, 1},
              {3, 1ull << 40, 2},
              {~0ull, ~0ull, 3},
              {5, 6, 4 * 4294967296ull - 37},
              {7, 8, 1234567}};
static const int lengths[] = {1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 512, 1025};

START_TEST(the_mask_is_the_one_that_is_defined) {
    const CpuLayerRows *list[3];
    const float rates[] = {.1f, .5f, 1e-6f, .999f};
    float scales[MOST + 2];
    for (int v = variants(list) - 1; v >= 0; v--)
        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
            for (uint64_t shift = 0; shift < 5; shift++)
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                    float rate = rates[(s + l) % 4];
                    uint64_t first = starts[s].first + shift;
                    int n = lengths[l];
                    scales[0] = scales[n + 1] = -7;
                    list[v]->dropout_scales(scales + 1, n, starts[s].seed, starts[s].stream, first,
                                            (uint32_t)((double)rate * 4294967296.), 3.5f);
                    for (int i = 0; i < n; i++) {
                        int dropped =
                            is_dropped(rate, starts[s].seed, starts[s].stream, first + (uint64_t)i);
                        if (scales[i + 1] != (dropped ? 0 : 3.5f))
                            ck_abort_msg("variant %d, start %zu + %d, element %d of %d: %g", v, s,
                                         (int)shift, i, n, (double)scales[i + 1]);
                    }
                    ck_assert(scales[0] == -7 && scales[n + 1] == -7);
                }
}
END_TEST

/* A binomial share: at most five standard deviations from the rate. */
START_TEST(the_share_is_the_rate) {
    const float rates[] = {.01f, .1f, .3f, .5f, .9f};
    enum { COUNT = 400000 };
    float *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
    for (int i = 0; i < COUNT; i++) x[i] = 1;
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        Dropout d = {rates[r], 42, 1000 + r};
        int dropped = 0;
        device_cpu()->layers->dropout(COUNT, &d, x, y, 0);
        for (int i = 0; i < COUNT; i++) {
            dropped += y[i] == 0;
            ck_assert_msg(y[i] == 0 || fabs(y[i] * (1 - (double)rates[r]) - 1) < 1e-6, "scale %g",
                          (double)y[i]);
        }
        double expected = COUNT * (double)rates[r], deviation = sqrt(expected * (1 - rates[r]));
        ck_assert_msg(fabs(dropped - expected) < 5 * deviation, "%d dropped of %d at rate %g",
                      dropped, COUNT, (double)rates[r]);
    }
    free(x), free(y);
}
END_TEST

/* Streams and seeds that differ drop other elements: about 2 rate (1 - rate) of them differ. */
START_TEST(streams_are_independent) {
    enum { COUNT = 100000 };
    float *x = malloc(COUNT * sizeof *x), *y[3];
    const Dropout d[3] = {{.5f, 1, 7}, {.5f, 1, 8}, {.5f, 2, 7}};
    for (int i = 0; i < COUNT; i++) x[i] = 1;
    for (int k = 0; k < 3; k++) {
        y[k] = malloc(COUNT * sizeof *x);
        device_cpu()->layers->dropout(COUNT, &d[k], x, y[k], 0);
    }
    for (int k = 1; k < 3; k++) {
        int differ = 0;
        for (int i = 0; i < COUNT; i++) differ += y[0][i] != y[k][i];
        ck_assert_msg(abs(differ - COUNT / 2) < 800, "%d of %d differ", differ, COUNT);
    }
    for (int k = 0; k < 3; k++) free(y[k]);
    free(x);
}
END_TEST

/* LayerNorm drops what dropout alone drops, whatever the width of a row; and backward the same. */
START_TEST(norm_drops_the_same_elements) {
    const int widths[] = {5, 64, 511, 768, 1023};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const int rows = 5, n = widths[w];
        const size_t count = (size_t)rows * (size_t)n;
        const Dropout d = {.2f, 9, 11};
        const LayerOps *ops = device_cpu()->layers;
        float *x = malloc(count * sizeof *x), *zero = calloc(count, sizeof *x);
        float *s = malloc(count * sizeof *x), *y = malloc(count * sizeof *x);
        float *drop = malloc(count * sizeof *x), *dx = malloc(count * sizeof *x);
        float *gain = malloc((size_t)n * sizeof *x), *sums = malloc((size_t)n * sizeof *x);
        float statistics[10];
        for (size_t i = 0; i < count; i++) x[i] = 1 + (float)(i % 3);
        for (int c = 0; c < n; c++) gain[c] = 1 + (float)(c % 5);
        ops->dropout(count, &d, x, drop, 0);
        ops->norm(rows, n, x, zero, &d, gain, gain, 1e-5f, s, y, statistics);
        ck_assert_mem_eq(s, drop, count * sizeof *s);
        for (size_t i = 0; i < count; i++) y[i] = (float)rng_normal(3, 4, i);
        ops->norm_backward(rows, n, s, statistics, &d, gain, y, sums, sums, 0, NULL, 0, dx, 0);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg((dx[i] == 0) == (drop[i] == 0), "width %d: element %zu", n, i);
        free(x), free(zero), free(s), free(y), free(drop), free(dx), free(gain), free(sums);
    }
}
END_TEST

Suite *suite_dropout(void);
Suite *suite_dropout(void) {
    Suite *suite = suite_create("dropout");
    TCase *tcase = tcase_create("dropout");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_mask_is_the_one_that_is_defined);
    tcase_add_test(tcase, the_share_is_the_rate);
    tcase_add_test(tcase, streams_are_independent);
    tcase_add_test(tcase, norm_drops_the_same_elements);
    suite_add_tcase(suite, tcase);
    return suite;
}
