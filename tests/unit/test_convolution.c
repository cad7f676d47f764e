/* nn/convolution: values, edges of sequences, and gradients against four-point differences. */
#include "base/rng.h"
#include "nn/convolution.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_convolution(void);

enum { ROWS = 9, WIDTH = 3, OUTPUTS = 4, TAPS_MAX = 4 };
static const int offsets[] = {0, 5, 6, ROWS};

static Arena arena;
static ParameterSet set;
static Parameter *weight, *bias;
static float input[ROWS * WIDTH];

static void open_layer(int taps) {
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    weight = parameters_add(&set, "weight", 2, (size_t[]){OUTPUTS, (size_t)(taps * WIDTH)});
    bias = parameters_add(&set, "bias", 1, (size_t[]){OUTPUTS});
    ck_assert(weight && bias);
    rng_fill_normal(weight->value, weight->count, 1, 1);
    rng_fill_normal(bias->value, bias->count, 1, 2);
    rng_fill_normal(input, ROWS * WIDTH, 1, 3);
    ck_assert_int_eq(parameter_use_products(weight, PRECISION_F32), STATUS_OK);
    ck_assert_int_eq(parameters_changed(&set), STATUS_OK);
}

static void close_layer(void) {
    parameters_close(&set);
    arena_close(&arena);
}

/* The formula of the header, in double. */
static double expected(int taps, int t, int o) {
    int b = 0;
    while (t >= offsets[b + 1]) b++;
    double sum = bias->value[o];
    for (int j = 0; j < taps; j++) {
        int s = t + j - (taps - 1) / 2;
        if (s < offsets[b] || s >= offsets[b + 1]) continue;
        for (int c = 0; c < WIDTH; c++)
            sum += (double)weight->value[(o * taps + j) * WIDTH + c] * input[s * WIDTH + c];
    }
    return sum;
}

START_TEST(values_are_those_of_the_formula) {
    int taps = _i + 1;
    open_layer(taps);
    Tape tape;
    tape_open(&tape, &arena, TAPE_INFER, 1, 1);
    Value *x = tape_input(&tape, input, ROWS, WIDTH);
    Value *y = nn_convolution(&tape, x, taps, 3, offsets, weight, bias, ACTIVATION_NONE);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(y->rows, ROWS);
    ck_assert_int_eq(y->columns, OUTPUTS);
    for (int t = 0; t < ROWS; t++)
        for (int o = 0; o < OUTPUTS; o++)
            ck_assert_double_eq_tol((double)y->data[t * OUTPUTS + o], expected(taps, t, o), 1e-5);
    close_layer();
}
END_TEST

/* Gradients of sum(seed * y), which is linear in each operand: a difference is exact up to rounding
 * whatever its step. */
START_TEST(gradients_are_those_of_the_formula) {
    int taps = _i + 1;
    float seed[ROWS * OUTPUTS];
    open_layer(taps);
    rng_fill_normal(seed, ROWS * OUTPUTS, 1, 4);
    Tape tape;
    tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
    Value *x = tape_input(&tape, input, ROWS, WIDTH);
    Value *y = nn_convolution(&tape, x, taps, 3, offsets, weight, bias, ACTIVATION_NONE);
    ck_assert_msg(tape_backward_from(&tape, y, seed) == STATUS_OK, "%s", status_message());
    float *operand[] = {input, weight->value, bias->value};
    float *gradient[] = {x->gradient, weight->gradient, bias->gradient};
    size_t count[] = {ROWS * WIDTH, weight->count, bias->count};
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < count[k]; i++) {
            double difference = 0;
            float kept = operand[k][i];
            for (int sign = -1; sign <= 1; sign += 2) {
                operand[k][i] = kept + (float)sign;
                for (int t = 0; t < ROWS; t++)
                    for (int o = 0; o < OUTPUTS; o++)
                        difference += sign * (double)seed[t * OUTPUTS + o] * expected(taps, t, o);
            }
            operand[k][i] = kept;
            ck_assert_double_eq_tol((double)gradient[k][i], difference / 2, 1e-4);
        }
    close_layer();
}
END_TEST

START_TEST(gradients_add_up_over_two_uses) {
    open_layer(3);
    float once[ROWS * WIDTH], seed[ROWS * 3 * WIDTH];
    rng_fill_normal(seed, ROWS * 3 * WIDTH, 1, 5);
    for (int uses = 1; uses <= 2; uses++) {
        Tape tape;
        arena_rewind(&arena, 0);
        tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
        Value *x = tape_input(&tape, input, ROWS, WIDTH);
        Value *y = nn_unfold(&tape, x, 3, 3, offsets);
        if (uses == 2) {
            int accumulate;
            memcpy(tape_gradient(x, &accumulate), once, sizeof once);
        }
        ck_assert_int_eq(tape_backward_from(&tape, y, seed), STATUS_OK);
        for (int i = 0; i < ROWS * WIDTH; i++) {
            if (uses == 1)
                once[i] = x->gradient[i];
            else
                ck_assert_double_eq_tol((double)x->gradient[i], 2.0 * (double)once[i], 1e-6);
        }
    }
    close_layer();
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused) {
    open_layer(3);
    const int ends_early[] = {0, 5, 6, ROWS - 1};
    const struct {
        int taps, sequences;
        const int *offsets;
    } wrong[] = {{0, 3, offsets}, {3, 0, offsets}, {3, 3, ends_early}, {3, 3, NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Tape tape;
        tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
        Value *x = tape_input(&tape, input, ROWS, WIDTH);
        ck_assert_ptr_null(
            nn_unfold(&tape, x, wrong[i].taps, wrong[i].sequences, wrong[i].offsets));
        ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(status_message(), "convolution"));
    }
    close_layer();
}
END_TEST

Suite *suite_convolution(void) {
    Suite *suite = suite_create("convolution");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, values_are_those_of_the_formula, 0, TAPS_MAX);
    tcase_add_loop_test(all, gradients_are_those_of_the_formula, 0, TAPS_MAX);
    tcase_add_test(all, gradients_add_up_over_two_uses);
    tcase_add_test(all, shapes_that_do_not_fit_are_refused);
    suite_add_tcase(suite, all);
    return suite;
}
