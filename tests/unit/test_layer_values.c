/* Where activations and LayerNorm are hard: tails, NaN and infinities, extremes of float, rows of
 * one value. Every instruction set that this processor has. */
#include "op/cpu/kernels.h"
#include "op/cpu/layers.h"
#include "op/op.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static double gelu(double x) {
    return x * .5 * erfc(-x / sqrt(2));
}
static double gelu_slope(double x) {
    return .5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / 2.50662827463100050242;
}

/* --- GELU ------------------------------------------------------------------------------------ */

/* A fine grid over all that is not 0 or x, in float: GELU to 1.5e-7 of the larger of |x| and 1, its
 * slope to 3e-7; both to an NMSE far below the table's. */
START_TEST(gelu_follows_erf) {
    const CpuLayerRows *list[3];
    enum { COUNT = 80001 };
    float *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
    float *one = malloc(COUNT * sizeof *one), *d = malloc(COUNT * sizeof *d);
    for (int i = 0; i < COUNT; i++) {
        x[i] = (float)(-20 + 40. * i / (COUNT - 1));
        one[i] = 1;
    }
    for (int v = variants(list) - 1; v >= 0; v--) {
        double error = 0, power = 0, worst = 0, worst_slope = 0, worst_tail = 0;
        list[v]->gelu_row(x, NULL, y, COUNT);
        list[v]->gelu_backward_row(x, one, d, COUNT);
        for (int i = 0; i < COUNT; i++) {
            double truth = gelu(x[i]), e = fabs(y[i] - truth);
            error += e * e, power += truth * truth;
            worst = fmax(worst, e / fmax(fabs((double)x[i]), 1));
            worst_slope = fmax(worst_slope, fabs(d[i] - gelu_slope(x[i])));
            if (x[i] < -1 && x[i] > -7) worst_tail = fmax(worst_tail, e / fabs(truth));
        }
        ck_assert_msg(error / power < 1e-14, "variant %d: NMSE %g", v, error / power);
        ck_assert_msg(worst < 1.5e-7, "variant %d: largest error %g", v, worst);
        ck_assert_msg(worst_slope < 3e-7, "variant %d: largest error of the slope %g", v,
                      worst_slope);
        ck_assert_msg(worst_tail < 2e-4, "variant %d: relative error in the tail %g", v,
                      worst_tail);
    }
    free(x), free(y), free(one), free(d);
}
END_TEST

/* As PyTorch: x (1 + erf(x / sqrt 2)) / 2 with floats; NaN stays, -infinity times 0 is NaN. */
START_TEST(gelu_of_special_values) {
    const CpuLayerRows *list[3];
    const struct {
        float x, y;
    } cases[] = {{0, 0},
                 {INFINITY, INFINITY},
                 {-INFINITY, NAN},
                 {NAN, NAN},
                 {FLT_MAX, FLT_MAX},
                 {-FLT_MAX, 0},
                 {1e20f, 1e20f},
                 {-1e20f, 0},
                 {FLT_MIN, FLT_MIN / 2},
                 {-FLT_MIN, -FLT_MIN / 2},
                 {1e-20f, .5e-20f},
                 {-100, 0},
                 {100, 100}};
    enum { CASES = sizeof cases / sizeof *cases };
    for (int v = variants(list) - 1; v >= 0; v--)
        for (int place = 0; place < 20; place++) { /* in whole vectors and in the rest */
            float x[20], y[20], one[20], d[20];
            for (int c = 0; c < CASES; c++) {
                for (int i = 0; i < 20; i++) x[i] = 1, one[i] = 1;
                x[place] = cases[c].x;
                list[v]->gelu_row(x, NULL, y, 20);
                list[v]->gelu_backward_row(x, one, d, 20);
                int same = isnan(cases[c].y) ? isnan(y[place]) : y[place] == cases[c].y;
                ck_assert_msg(same, "gelu(%g) = %g, expected %g", (double)cases[c].x,
                              (double)y[place], (double)cases[c].y);
                if (isfinite(cases[c].x))
                    ck_assert_msg(fabs(d[place] - gelu_slope(cases[c].x)) < 3e-7, "slope(%g) = %g",
                                  (double)cases[c].x, (double)d[place]);
                else
                    ck_assert_msg(isnan(d[place]), "slope(%g) = %g", (double)cases[c].x,
                                  (double)d[place]);
                for (int i = 0; i < 20; i++) /* neighbours are not touched */
                    if (i != place) ck_assert(y[i] == y[place ? 0 : 1]);
            }
        }
}
END_TEST

/* A value has the same bits wherever it stands in a row. */
START_TEST(the_place_in_a_row_does_not_matter) {
    const CpuLayerRows *list[3];
    for (int v = variants(list) - 1; v >= 0; v--)
        for (int n = 1; n < 70; n++) {
            float x[70], y[70], one[70], d[70];
            for (int i = 0; i < n; i++) x[i] = .7312f, one[i] = 1.25f;
            list[v]->gelu_row(x, NULL, y, n);
            list[v]->gelu_backward_row(x, one, d, n);
            for (int i = 0; i < n; i++) {
                ck_assert(memcmp(&y[i], &y[0], sizeof y[0]) == 0);
                ck_assert(memcmp(&d[i], &d[0], sizeof d[0]) == 0);
            }
        }
}
END_TEST

START_TEST(other_activations_of_special_values) {
    const LayerOps *ops = device_cpu()->layers;
    float x[] = {NAN, INFINITY, -INFINITY, -0.f, 1e30f, -1e30f}, y[6], dy[6], dx[6];
    for (int i = 0; i < 6; i++) dy[i] = 2;
    ops->activate(ACTIVATION_TANH, 1, 6, NULL, x, y);
    ck_assert(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[3] == 0 && y[4] == 1 && y[5] == -1);
    ops->activate_backward(ACTIVATION_TANH, 1, 6, x, y, dy, dx, NULL, 0);
    ck_assert(isnan(dx[0]) && dx[1] == 0 && dx[2] == 0 && dx[3] == 2);
    ops->activate(ACTIVATION_RELU, 1, 6, NULL, x, y);
    ck_assert(y[1] == INFINITY && y[2] == 0 && y[3] == 0 && y[4] == 1e30f && y[5] == 0);
    ck_assert_msg(isnan(y[0]), "relu(NaN) = %g: a NaN must not disappear", (double)y[0]);
    ops->activate_backward(ACTIVATION_RELU, 1, 6, x, y, dy, dx, NULL, 0);
    ck_assert(dx[1] == 2 && dx[2] == 0 && dx[3] == 0 && dx[4] == 2);
}
END_TEST

/* --- LayerNorm ------------------------------------------------------------------------------- */

/* A row of one value has no deviation: its result is the shift, to what epsilon leaves. */
START_TEST(norm_of_a_row_of_one_value) {
    const CpuLayerRows *list[3];
    const float values[] = {0, .1f, -3.3f, 1e4f, 1e30f};
    const int widths[] = {1, 3, 8, 17, 384, 768};
    for (int v = variants(list) - 1; v >= 0; v--)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                float s[768], gain[768], shift[768], y[768], statistics[2];
                int n = widths[w];
                for (int i = 0; i < n; i++) s[i] = values[k], gain[i] = 2, shift[i] = .25f;
                list[v]->norm_row(s, gain, shift, 1e-5f, y, statistics, n);
                double away = 1e-5 + 2e-7 * fabs((double)values[k]) / sqrt(1e-5);
                if (values[k] > 1e20f) continue; /* squares of its rounding overflow */
                ck_assert_msg(fabs(statistics[0] - (double)values[k]) <=
                                  2e-7 * fabs((double)values[k]),
                              "mean %g of %g", (double)statistics[0], (double)values[k]);
                for (int i = 0; i < n; i++)
                    ck_assert_msg(fabs(y[i] - .25) <= away, "width %d of %g: %g", n,
                                  (double)values[k], (double)y[i]);
            }
}
END_TEST

START_TEST(norm_of_zeros_is_the_shift_exactly) {
    const LayerOps *ops = device_cpu()->layers;
    float x[2 * 17] = {0}, s[2 * 17], y[2 * 17], gain[17], shift[17], statistics[4], dy[34], dx[34];
    for (int i = 0; i < 17; i++) gain[i] = 3, shift[i] = (float)i;
    ops->norm(2, 17, x, NULL, NULL, gain, shift, 1e-12f, s, y, statistics);
    for (int i = 0; i < 34; i++) {
        ck_assert(y[i] == shift[i % 17]);
        dy[i] = (float)(i % 5);
    }
    float dgain[17], dshift[17];
    ops->norm_backward(2, 17, s, statistics, NULL, gain, dy, dgain, dshift, 0, NULL, 0, dx, 0);
    for (int i = 0; i < 34; i++) ck_assert(isfinite(dx[i]));
    for (int i = 0; i < 17; i++) ck_assert(dgain[i] == 0);
}
END_TEST

/* A NaN stays in its row and is seen there. */
START_TEST(norm_of_a_nan_spoils_its_row_alone) {
    const LayerOps *ops = device_cpu()->layers;
    float x[3 * 19], s[3 * 19], y[3 * 19], gain[19], shift[19], statistics[6];
    for (int i = 0; i < 57; i++) x[i] = (float)(i % 7);
    for (int i = 0; i < 19; i++) gain[i] = 1, shift[i] = 0;
    x[19 + _i] = NAN;
    ops->norm(3, 19, x, NULL, NULL, gain, shift, 1e-5f, s, y, statistics);
    for (int i = 0; i < 57; i++) ck_assert_int_eq(isnan(y[i]) != 0, i / 19 == 1);
}
END_TEST

/* --- products of short sequences ----------------------------------------------------------------
 */

/* Both ways of multiplying add in the same order: the same bits, whatever rows, depth and strides;
 * and nothing outside of the result is written. */
START_TEST(rows_multiply_as_blocks_do) {
    enum { MOST = 30, WIDE = 64, DEPTH = 21 };
    const CpuKernels *list[3] = {&cpu_kernels_baseline};
    int count = 1;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v3")) list[count++] = &cpu_kernels_avx2;
    if (__builtin_cpu_supports("x86-64-v4")) list[count++] = &cpu_kernels_avx512;
#endif
    static float a[36 * DEPTH], turned[DEPTH * 36], b[WIDE * DEPTH], right[DEPTH * WIDE];
    static float panels[DEPTH * WIDE], blocks[36 * WIDE], rows[MOST * WIDE + 1];
    for (int i = 0; i < 36 * DEPTH; i++) a[i] = (float)sin(i);
    for (int i = 0; i < 36 * DEPTH; i++) turned[i % DEPTH * 36 + i / DEPTH] = a[i];
    for (int i = 0; i < WIDE * DEPTH; i++) b[i] = (float)cos(3 * i);
    for (int v = 0; v < count; v++) {
        const CpuKernels *k = list[v];
        for (int n = 1; n <= WIDE; n += 9) {
            const int wide = (int)tile_pad((size_t)n, (size_t)k->lanes);
            const int most = (int)tile_pad((size_t)n, (size_t)k->nr);
            k->pack_transposed(b, DEPTH, n, DEPTH, 1, panels, DEPTH);
            k->multiply(36, most, DEPTH, a, DEPTH, 1, panels, DEPTH, blocks, WIDE, 0);
            for (int i = 0; i < DEPTH * WIDE; i++) right[i] = NAN;
            k->transpose(b, DEPTH, n, DEPTH, right, WIDE);
            int wrong = 0;
            for (int c = 0; c < DEPTH; c++)
                for (int r = 0; r < WIDE; r++) {
                    const float found = right[c * WIDE + r];
                    wrong += r < n      ? found != b[r * DEPTH + c]
                             : r < wide ? found != 0
                                        : !isnan(found);
                }
            for (int m = 1; m <= MOST; m += m < 13 ? 1 : 17)
                for (int by_column = 0; by_column < 2; by_column++) {
                    for (int i = 0; i <= MOST * WIDE; i++) rows[i] = NAN;
                    k->multiply_rows(m, wide, DEPTH, by_column ? turned : a, by_column ? 1 : DEPTH,
                                     by_column ? 36 : 1, right, WIDE, rows, WIDE);
                    for (int i = 0; i < MOST * WIDE; i++)
                        wrong += i / WIDE < m && i % WIDE < wide ? rows[i] != blocks[i]
                                                                 : !isnan(rows[i]);
                }
            ck_assert_msg(!wrong, "%s, %d columns: %d numbers are wrong", k->name, n, wrong);
        }
    }
}
END_TEST

Suite *suite_layer_values(void);
Suite *suite_layer_values(void) {
    Suite *suite = suite_create("layer values");
    TCase *tcase = tcase_create("values");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, gelu_follows_erf);
    tcase_add_test(tcase, gelu_of_special_values);
    tcase_add_test(tcase, the_place_in_a_row_does_not_matter);
    tcase_add_test(tcase, other_activations_of_special_values);
    tcase_add_test(tcase, norm_of_a_row_of_one_value);
    tcase_add_test(tcase, norm_of_zeros_is_the_shift_exactly);
    tcase_add_loop_test(tcase, norm_of_a_nan_spoils_its_row_alone, 0, 19);
    tcase_add_test(tcase, rows_multiply_as_blocks_do);
    suite_add_tcase(suite, tcase);
    return suite;
}
