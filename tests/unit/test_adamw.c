/* adamw: PyTorch's numbers, and rows that catch up late with the bits of the dense update. */
#include "base/rng.h"
#include "base/threads.h"
#include "op/cpu/adamw.h"
#include "op/cpu/kernels.h"
#include "train/adamw.h"
#include "train/schedule.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_adamw(void);

/* tests/golden/adamw.py, PyTorch 2: norm before clipping, and the numbers after each of ten steps.
 */
static const struct {
    float norm, value[6];
} golden[10] = {
    {6.95436144, {0.897477508, -0.252493769, 0.997475028, -1.99745011, 0.749981284, 0.0599984378}},
    {6.72577572, {0.892429531, -0.257484496, 0.992421806, -1.99234664, 0.749943793, 0.054996442}},
    {6.27368879, {0.884845138, -0.264983952, 0.984828651, -1.98467755, 0.749887586, 0.0474992432}},
    {5.61149454, {0.874702334, -0.275014758, 0.974672854, -1.97441971, 0.749812603, 0.0375229791}},
    {4.77085972, {0.865971863, -0.28364858, 0.965931892, -1.9655925, 0.749748349, 0.0290152282}},
    {4.10992384, {0.858660698, -0.290877819, 0.958613396, -1.95820415, 0.749694824, 0.0219937544}},
    {3.62451458, {0.852778673, -0.296693444, 0.952726364, -1.9522624, 0.749651968, 0.0164682586}},
    {3.29760528, {0.84833914, -0.301083356, 0.948282897, -1.94777799, 0.749619842, 0.0124270245}},
    {3.09892201, {0.845359743, -0.304030567, 0.945300043, -1.94476724, 0.749598444, 0.00982300751}},
    {2.99249721, {0.843860447, -0.305514425, 0.943798304, -1.94325101, 0.749587715, 0.00857247412}},
};

START_TEST(ten_steps_agree_with_pytorch) {
    static const float start[6] = {0.9f, -0.25f, 1, -2, 0.75f, 0.0625f};
    static const float target[6] = {0.5f, -1, 0.25f, 2, -0.125f, 0};
    static const float curvature[6] = {1, 4, 0.5f, 0.001f, 0, 100};
    ParameterSet set;
    Adamw *adamw;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    Parameter *x = parameters_add(&set, "x", 1, (size_t[]){6});
    x->decays = 1;
    memcpy(x->value, start, sizeof start);
    ck_assert_int_eq(adamw_open(&adamw, &set, &(AdamwOptions){.9, .999, 1e-8, .01, 1}), STATUS_OK);
    for (int step = 0; step < 10; step++) {
        for (int i = 0; i < 6; i++) x->gradient[i] = (x->value[i] - target[i]) * curvature[i];
        x->has_gradient = 1;
        double norm = adamw_norm(adamw), clip = 1 / (norm + 1e-6);
        double rate = .01 * (step < 3 ? (step + 1) / 4. : (10 - step) / 7.);
        ck_assert_double_eq_tol(norm, golden[step].norm, 1e-5 * golden[step].norm);
        ck_assert_int_eq(adamw_step(adamw, rate, clip < 1 ? clip : 1), STATUS_OK);
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq_tol(x->value[i], golden[step].value[i], 3e-7);
    }
    ck_assert_uint_eq(adamw_steps(adamw), 10);
    adamw_close(adamw);
    parameters_close(&set);
}
END_TEST

/* --- twins: one by rows, one dense ------------------------------------------------------------ */

#define ROWS  97
#define WIDTH 77 /* a block and a remainder of the inner loops */
#define USED  9  /* rows of a step */

typedef struct {
    ParameterSet set;
    Parameter *dense, *table[2]; /* the second does not decay */
    Adamw *adamw;
} Twin;

static const AdamwOptions options = {.9, .99, 1e-8, .05, .layer_decay = .8};

static void twin_open(Twin *twin, int by_rows) {
    ck_assert_int_eq(parameters_open(&twin->set), STATUS_OK);
    twin->table[0] = parameters_add(&twin->set, "words", 2, (size_t[]){ROWS, WIDTH});
    twin->dense = parameters_add(&twin->set, "weight", 2, (size_t[]){70, 2001});
    twin->table[1] = parameters_add(&twin->set, "gains", 2, (size_t[]){ROWS, WIDTH});
    twin->table[0]->decays = twin->dense->decays = 1;
    twin->dense->depth = 2;
    twin->table[1]->depth = 1;
    for (size_t i = 0; i < twin->set.count; i++)
        rng_fill_normal(twin->set.item[i]->value, twin->set.item[i]->count, 5, i);
    if (by_rows)
        for (int t = 0; t < 2; t++)
            ck_assert_int_eq(parameter_use_rows(&twin->set, twin->table[t]), STATUS_OK);
    ck_assert_int_eq(adamw_open(&twin->adamw, &twin->set, &options), STATUS_OK);
}

static void twin_close(Twin *twin) {
    adamw_close(twin->adamw);
    for (int t = 0; t < 2; t++) ck_assert(twin->table[t]->freshen == NULL);
    parameters_close(&twin->set);
}

/* Row i of step's look-up; every seventh step uses none. Rows from 80 on are never used. */
static int32_t used_row(uint64_t step, size_t i) {
    return (int32_t)rng_below(9, step / 2, i, step % 3 ? 80 : 12);
}

/* One step; the gradient depends on the values read, so that a stale row would be noticed. */
static void twin_step(Twin *twin, uint64_t step) {
    Schedule schedule = {SCHEDULE_LINEAR, .03, 45, 6, 0};
    Parameter *dense = twin->dense;
    if (step % 5 != 4) {
        for (size_t i = 0; i < dense->count; i++)
            dense->gradient[i] = dense->value[i] * .1f + (float)(i % 7) - 3;
        dense->has_gradient = 1;
    }
    int32_t rows[USED];
    size_t count = step % 7 ? USED : 0;
    for (size_t i = 0; i < count; i++) rows[i] = used_row(step, i);
    for (int t = 0; t < 2; t++) {
        Parameter *table = twin->table[t];
        if (table->by_rows) {
            ck_assert_int_eq(table->freshen(table->freshen_context, table, rows, count), STATUS_OK);
            parameter_touch_rows(table, rows, count);
        } else {
            memset(table->gradient, 0, table->count * sizeof(float));
            table->has_gradient = 1;
        }
        for (size_t i = 0; i < count; i++) { /* repeated rows add up */
            float *g = table->gradient + (size_t)rows[i] * WIDTH;
            const float *w = table->value + (size_t)rows[i] * WIDTH;
            for (size_t k = 0; k < WIDTH; k++) g[k] += w[k] - .1f * (float)k * (float)(i + 1);
        }
    }
    /* Not the norm: the twins add it up in different orders. */
    double scale = step % 2 ? 1 : .3;
    ck_assert_int_eq(adamw_step(twin->adamw, schedule_rate(&schedule, step), scale), STATUS_OK);
}

static void twins_agree(Twin *one, Twin *other) {
    for (size_t i = 0; i < one->set.count; i++) {
        size_t bytes = one->set.item[i]->count * sizeof(float);
        ck_assert_mem_eq(one->set.item[i]->value, other->set.item[i]->value, bytes);
        ck_assert_mem_eq(adamw_first_moment(one->adamw, i), adamw_first_moment(other->adamw, i),
                         bytes);
        ck_assert_mem_eq(adamw_second_moment(one->adamw, i), adamw_second_moment(other->adamw, i),
                         bytes);
    }
}

START_TEST(late_rows_have_the_bits_of_the_dense_update) {
    Twin lazy, dense;
    twin_open(&lazy, 1);
    twin_open(&dense, 0);
    for (uint64_t step = 0; step < 40; step++) {
        twin_step(&lazy, step);
        twin_step(&dense, step);
        if (step == 13 || step == 14 || step == 30) {
            ck_assert_int_eq(adamw_settle(lazy.adamw), STATUS_OK);
            twins_agree(&lazy, &dense);
        }
    }
    /* Before settling, a row that nobody used is behind: otherwise nothing was late here. */
    ck_assert_mem_ne(lazy.table[0]->value + 96 * WIDTH, dense.table[0]->value + 96 * WIDTH,
                     WIDTH * sizeof(float));
    ck_assert_int_eq(adamw_settle(lazy.adamw), STATUS_OK);
    twins_agree(&lazy, &dense);
    ck_assert_int_eq(adamw_settle(lazy.adamw), STATUS_OK); /* nothing to do */
    twins_agree(&lazy, &dense);
    twin_close(&lazy);
    twin_close(&dense);
}
END_TEST

START_TEST(threads_and_settling_do_not_change_bits) {
    int threads = threads_count();
    Twin one, other;
    twin_open(&one, 1);
    twin_open(&other, 1);
    threads_set(1);
    for (uint64_t step = 0; step < 12; step++) twin_step(&one, step);
    ck_assert_int_eq(adamw_settle(one.adamw), STATUS_OK);
    threads_set(3);
    for (uint64_t step = 0; step < 12; step++) {
        twin_step(&other, step);
        ck_assert_int_eq(adamw_settle(other.adamw), STATUS_OK);
    }
    threads_set(threads);
    twins_agree(&one, &other);
    twin_close(&one);
    twin_close(&other);
}
END_TEST

START_TEST(a_restored_optimiser_goes_on_with_the_same_bits) {
    Twin one, other;
    twin_open(&one, 1);
    for (uint64_t step = 0; step < 9; step++) twin_step(&one, step);
    ck_assert_int_eq(adamw_settle(one.adamw), STATUS_OK);
    twin_open(&other, 1);
    for (size_t i = 0; i < one.set.count; i++) {
        size_t bytes = one.set.item[i]->count * sizeof(float);
        memcpy(other.set.item[i]->value, one.set.item[i]->value, bytes);
        memcpy(adamw_first_moment(other.adamw, i), adamw_first_moment(one.adamw, i), bytes);
        memcpy(adamw_second_moment(other.adamw, i), adamw_second_moment(one.adamw, i), bytes);
    }
    ck_assert_int_eq(adamw_restore_steps(other.adamw, adamw_steps(one.adamw)), STATUS_OK);
    for (uint64_t step = 9; step < 25; step++) {
        twin_step(&one, step);
        twin_step(&other, step);
    }
    ck_assert_int_eq(adamw_settle(one.adamw), STATUS_OK);
    ck_assert_int_eq(adamw_settle(other.adamw), STATUS_OK);
    twins_agree(&one, &other);
    twin_close(&one);
    twin_close(&other);
}
END_TEST

/* Two thousand steps without a gradient: a tenth of the first moment is below 2^-126, hence zero,
 * so that the moment stays a normal number, and both twins agree on which. */
START_TEST(a_long_rest_does_not_end_in_subnormals) {
    Twin lazy, dense;
    threads_set(1); /* thousands of short steps, on a machine that may be busy */
    twin_open(&lazy, 1);
    twin_open(&dense, 0);
    Twin *twin[] = {&lazy, &dense};
    for (int t = 0; t < 2; t++) {
        twin_step(twin[t], 1);
        for (int step = 0; step < 2000; step++)
            ck_assert_int_eq(adamw_step(twin[t]->adamw, 1e-3, 1), STATUS_OK);
        ck_assert_int_eq(adamw_settle(twin[t]->adamw), STATUS_OK);
    }
    twins_agree(&lazy, &dense);
    for (size_t i = 0; i < dense.table[0]->count; i++)
        ck_assert_int_ne(fpclassify(adamw_first_moment(lazy.adamw, 0)[i]), FP_SUBNORMAL);
    twin_close(&lazy);
    twin_close(&dense);
}
END_TEST

START_TEST(the_norm_is_that_of_all_gradients_in_any_order_of_rows) {
    Twin twin;
    twin_open(&twin, 1);
    double expected = 0;
    for (size_t i = 0; i < twin.dense->count; i++) {
        twin.dense->gradient[i] = (float)rng_normal(3, 1, i);
        expected += (double)twin.dense->gradient[i] * twin.dense->gradient[i];
    }
    twin.dense->has_gradient = 1;
    const int32_t orders[2][4] = {{5, 90, 2, 44}, {44, 2, 5, 90}};
    double norm[2];
    for (int o = 0; o < 2; o++) {
        twin.table[0]->row_count = 0;
        memset(twin.table[0]->touched, 0, ROWS);
        parameter_touch_rows(twin.table[0], orders[o], 4);
        for (int r = 0; r < 4; r++)
            rng_fill_normal(twin.table[0]->gradient + orders[o][r] * WIDTH, WIDTH, 4,
                            (uint64_t)orders[o][r]);
        norm[o] = adamw_norm(twin.adamw);
    }
    for (size_t i = 0; i < twin.table[0]->count; i++)
        expected += (double)twin.table[0]->gradient[i] * twin.table[0]->gradient[i];
    ck_assert_double_eq_tol(norm[0], sqrt(expected), 1e-12 * sqrt(expected));
    ck_assert_double_eq(norm[0], norm[1]);
    twin.dense->has_gradient = 0; /* what is there is old */
    ck_assert_double_lt(adamw_norm(twin.adamw), .2 * norm[0]);
    twin_close(&twin);
}
END_TEST

/* --- the inner loops: one set of bits for every instruction set ------------------------------ */

static const AdamwKernels *variants(int i) {
#if defined(__x86_64__)
    if (i == 1 && __builtin_cpu_supports("x86-64-v3")) return &adamw_kernels_avx2;
    if (i == 2 && __builtin_cpu_supports("x86-64-v4")) return &adamw_kernels_avx512;
#endif
    return i ? NULL : &adamw_kernels_baseline;
}

#define LENGTH 331
typedef struct {
    float w[LENGTH], m[LENGTH], v[LENGTH], average[LENGTH];
    double sum;
} State;

static void run_variant(const AdamwKernels *kernels, State *s) {
    const AdamwNumbers numbers = {.1f, .999f, .001f, 1e-8f};
    const AdamwStep steps[] = {
        {.9999f, 1e-3f, .0316f}, {.9998f, 2e-3f, .0447f}, {1, 3e-3f, .0547f}};
    float g[LENGTH];
    memset(s, 0, sizeof *s);
    rng_fill_normal(s->w, LENGTH, 1, 0);
    rng_fill_normal(g, LENGTH, 1, 1);
    for (int i = 0; i < 3; i++)
        kernels->update(&numbers, &steps[i], .37f, s->w, s->m, s->v, i == 1 ? NULL : g, LENGTH);
    kernels->replay(&numbers, steps, 3, s->w, s->m, s->v, LENGTH - 20);
    kernels->replay(&numbers, steps, 3, s->w, NULL, NULL, 101);
    kernels->approach(s->average, s->w, .3f, LENGTH);
    s->sum = kernels->sum_squares(s->w, LENGTH);
}

START_TEST(every_instruction_set_gives_the_same_bits) {
    State first, state;
    run_variant(variants(0), &first);
    for (int i = 1; i < 3; i++) {
        if (!variants(i)) continue;
        run_variant(variants(i), &state);
        ck_assert_mem_eq(&state, &first, sizeof state);
    }
    ck_assert_str_eq(adamw_kernels()->name, cpu_kernels()->name);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    ParameterSet set;
    Adamw *adamw;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    Parameter *table = parameters_add(&set, "words", 2, (size_t[]){4, 2});
    ck_assert_int_eq(parameter_use_rows(&set, table), STATUS_OK);
    const AdamwOptions wrong[] = {{1, .999, 1e-8, 0, 1},  {.9, -.1, 1e-8, 0, 1},
                                  {.9, .999, 0, 0, 1},    {.9, .999, 1e-8, -1, 1},
                                  {.9, .999, 1e-8, 0, 0}, {.9, .999, NAN, 0, 1},
                                  {.9, .999, 1e-8, 0, 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(adamw_open(&adamw, &set, &wrong[i]), STATUS_ARGUMENT);
        ck_assert_ptr_null(adamw);
    }
    ck_assert_int_eq(adamw_open(&adamw, &set, &(AdamwOptions){.9, .999, 1e-8, 0, 1}), STATUS_OK);
    ck_assert_int_eq(table->freshen(table->freshen_context, table, (int32_t[]){4}, 1),
                     STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "'words': row 4 asked; it has 4"));
    ck_assert_int_eq(adamw_step(adamw, NAN, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(adamw_step(adamw, 1e-3, INFINITY), STATUS_ARGUMENT);
    ck_assert_uint_eq(adamw_steps(adamw), 0);
    adamw_close(adamw);
    adamw_close(NULL);
    parameters_close(&set);
}
END_TEST

Suite *suite_adamw(void) {
    Suite *suite = suite_create("adamw");
    TCase *tests = tcase_create("adamw");
    tcase_add_test(tests, ten_steps_agree_with_pytorch);
    tcase_add_test(tests, late_rows_have_the_bits_of_the_dense_update);
    tcase_add_test(tests, threads_and_settling_do_not_change_bits);
    tcase_add_test(tests, a_restored_optimiser_goes_on_with_the_same_bits);
    tcase_add_test(tests, a_long_rest_does_not_end_in_subnormals);
    tcase_add_test(tests, the_norm_is_that_of_all_gradients_in_any_order_of_rows);
    tcase_add_test(tests, every_instruction_set_gives_the_same_bits);
    tcase_add_test(tests, what_makes_no_sense_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
