/* Recurrent layers against a reference in double precision: outputs, last states, and gradients by
 * four-point differences of the reference, for every cell, with two layers, both directions and
 * given initial states; how LSTM's memory decays; the same bits for any number of threads. */
#include "base/rng.h"
#include "base/threads.h"
#include "nn/recurrent.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2, DIRECTIONS = 2, NUMBERS_MAX = 8 };

/* --- the reference: everything that the loss depends on, as one list of arrays --------------- */

typedef struct {
    double *value;
    size_t count;
    const float *gradient; /* the tape's */
} Numbers;

typedef struct {
    RecurrentKind kind;
    int inputs, width, steps, batch;
    Numbers all[64]; /* x, then of each layer and direction W, b, U, bn, h0, c0 */
    int count;
} World;

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* One step of one sequence: `in` [inputs], h and c [H] are replaced. */
static void cell(RecurrentKind kind, const Numbers *p, const double *in, int inputs, int H,
                 double *h, double *c) {
    int G = recurrent_gates(kind);
    double g[4 * 64], u[4 * 64], next[64] = {0};
    for (int i = 0; i < G * H; i++) {
        g[i] = p[1].value[i] + dot(p[0].value + (size_t)i * inputs, in, inputs);
        u[i] = dot(p[2].value + (size_t)i * H, h, H);
    }
    for (int i = 0; i < H; i++) {
        if (kind == RECURRENT_TANH) {
            next[i] = tanh(g[i] + u[i]);
        } else if (kind == RECURRENT_GRU) {
            double r = sigmoid(g[i] + u[i]), z = sigmoid(g[H + i] + u[H + i]);
            double n = tanh(g[2 * H + i] + r * (u[2 * H + i] + p[3].value[i]));
            next[i] = (1 - z) * n + z * h[i];
        } else {
            c[i] = sigmoid(g[H + i] + u[H + i]) * c[i] +
                   sigmoid(g[i] + u[i]) * tanh(g[2 * H + i] + u[2 * H + i]);
            next[i] = sigmoid(g[3 * H + i] + u[3 * H + i]) * tanh(c[i]);
        }
    }
    memcpy(h, next, (size_t)H * sizeof *h);
}

/* Weights of the loss: fixed, of all sizes up to 1, without a pattern that cells could share. */
static double weight_of(const char *name, size_t i) {
    return sin(12.9898 * (double)(i + 1) + (double)name[strlen(name) - 1]);
}

/* sum of outputs, last h and last c, each times its weight; outputs [T B, 2 H] into `out`. */
static double reference_loss(const World *w, double *out) {
    const int H = w->width, T = w->steps, B = w->batch;
    double loss = 0;
    double *in = malloc((size_t)T * B * (size_t)(w->inputs + 2 * H) * sizeof *in);
    memcpy(in, w->all[0].value, w->all[0].count * sizeof *in);
    int inputs = w->inputs;
    for (int l = 0; l < LAYERS; l++) {
        for (int d = 0; d < DIRECTIONS; d++) {
            const Numbers *p = w->all + 1 + 6 * (l * DIRECTIONS + d);
            for (int b = 0; b < B; b++) {
                double h[64], c[64];
                memcpy(h, p[4].value + (size_t)b * H, (size_t)H * sizeof *h);
                memcpy(c, p[5].value + (size_t)b * H, (size_t)H * sizeof *c);
                for (int s = 0; s < T; s++) {
                    int t = d ? T - 1 - s : s;
                    cell(w->kind, p, in + ((size_t)t * B + b) * inputs, inputs, H, h, c);
                    memcpy(out + ((size_t)t * B + b) * 2 * H + (size_t)d * H, h,
                           (size_t)H * sizeof *h);
                }
                for (int i = 0; i < H; i++) {
                    size_t at = ((size_t)(l * DIRECTIONS + d) * B + b) * H + (size_t)i;
                    loss += h[i] * weight_of("last h", at);
                    if (w->kind == RECURRENT_LSTM) loss += c[i] * weight_of("last c", at);
                }
            }
        }
        inputs = 2 * H;
        memcpy(in, out, (size_t)T * B * 2 * H * sizeof *in);
    }
    for (size_t i = 0; i < (size_t)T * B * 2 * H; i++) loss += out[i] * weight_of("out", i);
    free(in);
    return loss;
}

/* --- the layers ------------------------------------------------------------------------------ */

static Arena arena;

static void add_numbers(World *w, const float *value, size_t count, const float *gradient) {
    Numbers *n = &w->all[w->count++];
    *n = (Numbers){
        .value = calloc(count ? count : 1, sizeof(double)), .count = count, .gradient = gradient};
    for (size_t i = 0; value && i < count; i++) n->value[i] = value[i];
}

static Value *filled(Tape *tape, const char *name, int rows, int columns) {
    float *data = arena_take(&arena, (size_t)rows * columns * sizeof *data);
    rng_fill_normal(data, (size_t)rows * columns, 5, rng_stream(name));
    return tape_input(tape, data, rows, columns);
}

/* Records "sum of v times weights" by giving the gradient directly. */
static void weigh(Value *v, const char *name, size_t first) {
    int accumulate;
    float *g = tape_gradient(v, &accumulate);
    for (size_t i = 0; i < (size_t)v->rows * v->columns; i++)
        g[i] = (float)weight_of(name, first + i) + (accumulate ? g[i] : 0);
}

static void check_stack(RecurrentKind kind, int width, int steps, int batch) {
    World w = {.kind = kind, .inputs = 5, .width = width, .steps = steps, .batch = batch};
    ParameterSet set;
    RecurrentStack stack;
    RecurrentState first = {0}, last;
    Tape tape;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    ck_assert_int_eq(
        nn_recurrent_open(&set, &stack, "r", kind, w.inputs, width, LAYERS, DIRECTIONS, 1, 7),
        STATUS_OK);
    arena_rewind(&arena, 0);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
    Value *x = filled(&tape, "x", steps * batch, w.inputs);
    add_numbers(&w, x->data, (size_t)x->rows * x->columns, x->gradient);
    for (int l = 0; l < LAYERS; l++)
        for (int d = 0; d < DIRECTIONS; d++) {
            const RecurrentLayer *layer = &stack.layer[l][d];
            Parameter *const part[] = {layer->input, layer->bias, layer->weight,
                                       layer->hidden_bias};
            char name[] = {'h', (char)('0' + l), (char)('0' + d), 0};
            first.h[l][d] = filled(&tape, name, batch, width);
            name[0] = 'c';
            first.c[l][d] = filled(&tape, name, batch, width);
            for (int i = 0; i < 4; i++)
                add_numbers(&w, part[i] ? part[i]->value : NULL, part[i] ? part[i]->count : 0,
                            part[i] ? part[i]->gradient : NULL);
            size_t states = (size_t)batch * width;
            add_numbers(&w, first.h[l][d]->data, states, first.h[l][d]->gradient);
            add_numbers(&w, first.c[l][d]->data, states, first.c[l][d]->gradient);
            if (kind != RECURRENT_LSTM) w.all[w.count - 1].count = 0;
        }
    Value *y = nn_recurrent(&tape, &stack, x, steps, batch, &first, &last);
    ck_assert_msg(y != NULL, "%s", tape.message);
    size_t count = (size_t)y->rows * y->columns;
    double *out = malloc(count * sizeof *out), error = 0, power = 0;
    float *dy = malloc(count * sizeof *dy);
    reference_loss(&w, out);
    for (size_t i = 0; i < count; i++) {
        error += (y->data[i] - out[i]) * (y->data[i] - out[i]), power += out[i] * out[i];
        dy[i] = (float)weight_of("out", i);
    }
    ck_assert_msg(error <= 1e-12 * power, "kind %d width %d: NMSE %g of the outputs", kind, width,
                  error / power);
    for (int l = 0; l < LAYERS; l++)
        for (int d = 0; d < DIRECTIONS; d++) {
            size_t at = (size_t)(l * DIRECTIONS + d) * batch * width;
            weigh(last.h[l][d], "last h", at);
            if (last.c[l][d]) weigh(last.c[l][d], "last c", at);
        }
    /* The last states of the last layer come after y on the tape: walk from the very last node. */
    for (size_t i = 0; i < count; i++) y->gradient[i] = dy[i];
    y->has_gradient = 1;
    Value *top = tape.last->output;
    float *top_gradient = malloc((size_t)batch * width * sizeof *top_gradient);
    memcpy(top_gradient, top->gradient, (size_t)batch * width * sizeof *top_gradient);
    ck_assert_int_eq(tape_backward_from(&tape, top, top_gradient), STATUS_OK);
    const double h = 1e-3, points[] = {-2, -1, 1, 2}, weights[] = {1, -8, 8, -1};
    for (int k = 0; k < w.count; k++) {
        double wrong = 0, size = 0;
        for (size_t i = k % 3; i < w.all[k].count; i += 1 + w.all[k].count / NUMBERS_MAX) {
            double was = w.all[k].value[i], slope = 0;
            for (int point = 0; point < 4; point++) {
                w.all[k].value[i] = was + points[point] * h;
                slope += weights[point] * reference_loss(&w, out) / (12 * h);
            }
            w.all[k].value[i] = was;
            double e = slope - (double)w.all[k].gradient[i];
            wrong += e * e, size += slope * slope;
        }
        ck_assert_msg(wrong <= 1e-10 * size, "kind %d width %d: NMSE %g of gradient %d", kind,
                      width, wrong / size, k);
    }
    for (int k = 0; k < w.count; k++) free(w.all[k].value);
    free(out), free(dy), free(top_gradient);
    parameters_close(&set);
}

START_TEST(stacks_follow_the_reference) {
    static const int shapes[][3] = {{9, 4, 3}, {33, 2, 4}, {16, 1, 2}};
    for (int kind = RECURRENT_TANH; kind <= RECURRENT_LSTM; kind++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            check_stack((RecurrentKind)kind, shapes[s][0], shapes[s][1], shapes[s][2]);
}
END_TEST

/* --- what is known in closed form ------------------------------------------------------------ */

/* Without recurrent weights dc_T/dc_t = sigmoid(b_f)^(T-t), whatever the inputs. */
START_TEST(memory_of_lstm_decays_with_its_forget_gate) {
    enum { T = 40, B = 1, H = 19, G = 4 };
    static float gates[T * B * G * H], weight[G * H * H], h[T * B * H], c[T * B * H];
    static float dh[T * B * H], dgates[T * B * G * H], one[B * H], dc0[B * H];
    static char saved[T * B * 4 * H * sizeof(float)];
    const RecurrentOps *ops = device_cpu()->recurrent;
    const float biases[] = {-1, 0, 1, 3};
    for (size_t k = 0; k < sizeof biases / sizeof *biases; k++) {
        rng_fill_normal(gates, T * B * G * H, 1, 2);
        for (int i = 0; i < B * H; i++) one[i] = 1;
        for (int t = 0; t < T; t++)
            for (int u = 0; u < H; u++) gates[t * G * H + H + u] = biases[k];
        for (int lag = 1; lag <= T; lag += 13) {
            Recurrent r = {.kind = RECURRENT_LSTM, .steps = lag, .batch = B, .width = H};
            double truth = pow(1 / (1 + exp(-(double)biases[k])), lag);
            ck_assert_int_eq(ops->forward(&r, gates, weight, NULL, NULL, NULL, h, c, saved, &arena),
                             STATUS_OK);
            ck_assert_int_eq(ops->backward(&r, weight, NULL, NULL, h, c, saved, dh, one, dgates,
                                           NULL, NULL, NULL, dc0, 0, &arena),
                             STATUS_OK);
            for (int u = 0; u < B * H; u++)
                ck_assert_double_le(fabs(dc0[u] / truth - 1), 3e-7 * lag);
        }
    }
}
END_TEST

/* Every sum is made by one thread in one order. */
START_TEST(threads_change_no_bit) {
    enum { T = 5, B = 8, H = 264, G = 4 }; /* large enough for threads */
    const RecurrentOps *ops = device_cpu()->recurrent;
    int before = threads_count();
    arena_rewind(&arena, 0);
    for (int reverse = 0; reverse < 2; reverse++) {
        float *result[2];
        Recurrent r = {RECURRENT_LSTM, T, B, H, reverse};
        size_t states = (size_t)T * B * H;
        float *gates = arena_take(&arena, G * states * sizeof *gates);
        float *weight = arena_take(&arena, (size_t)G * H * H * sizeof *weight);
        void *saved = arena_take(&arena, recurrent_saved_bytes(&r));
        rng_fill_normal(gates, G * states, 1, 1);
        rng_fill_normal(weight, (size_t)G * H * H, 1, 2);
        for (int k = 0; k < 2; k++) {
            threads_set(1 + k);
            float *h = result[k] = arena_take(&arena, (2 + G) * states * sizeof *h);
            ck_assert_int_eq(
                ops->forward(&r, gates, weight, NULL, NULL, NULL, h, h + states, saved, &arena),
                STATUS_OK);
            ck_assert_int_eq(ops->backward(&r, weight, NULL, NULL, h, h + states, saved, gates,
                                           NULL, h + 2 * states, NULL, NULL, NULL, NULL, 0, &arena),
                             STATUS_OK);
        }
        threads_set(before);
        ck_assert_int_eq(memcmp(result[0], result[1], (2 + G) * states * sizeof(float)), 0);
    }
}
END_TEST

/* What may be NULL changes no bit of the rest, and gradients of weights are added where asked. */
START_TEST(what_is_left_out_changes_nothing_else) {
    enum { T = 4, B = 3, H = 9, STATES = T * B * H };
    const RecurrentOps *ops = device_cpu()->recurrent;
    for (int k = 0; k < 6; k++) {
        const Recurrent r = {(RecurrentKind)(k / 2), T, B, H, k % 2};
        const size_t G = (size_t)recurrent_gates(r.kind), weights = G * H * H;
        const int lstm = r.kind == RECURRENT_LSTM;
        arena_rewind(&arena, 0);
        float *gates = arena_take(&arena, G * STATES * sizeof *gates);
        float *weight = arena_take(&arena, weights * sizeof *weight);
        float *zero = arena_take_zeroed(&arena, B * H * sizeof *zero);
        float *dh = arena_take(&arena, STATES * sizeof *dh);
        float *h[2], *c[2], *dgates[2], *dweight[2], *dbias[2], bias[H];
        void *saved[2];
        rng_fill_normal(gates, G * STATES, 1, 1);
        rng_fill_normal(weight, weights, 1, 2);
        rng_fill_normal(dh, STATES, 1, 3);
        rng_fill_normal(bias, H, 1, 4);
        const float *bn = r.kind == RECURRENT_GRU ? bias : NULL;
        for (int way = 0; way < 2; way++) { /* given zeros and written; not given and added to */
            const float *h0 = way ? NULL : zero, *c0 = way || !lstm ? NULL : zero;
            h[way] = arena_take(&arena, STATES * sizeof(float));
            c[way] = lstm ? arena_take(&arena, STATES * sizeof(float)) : NULL;
            saved[way] = arena_take(&arena, recurrent_saved_bytes(&r) + 1);
            dgates[way] = arena_take(&arena, G * STATES * sizeof(float));
            dweight[way] = arena_take(&arena, weights * sizeof(float));
            dbias[way] = arena_take(&arena, H * sizeof(float));
            for (size_t i = 0; i < weights; i++) dweight[way][i] = 2;
            for (size_t i = 0; i < H; i++) dbias[way][i] = 2;
            ck_assert_int_eq(
                ops->forward(&r, gates, weight, bn, h0, c0, h[way], c[way], saved[way], &arena),
                STATUS_OK);
            ck_assert_int_eq(ops->backward(&r, weight, h0, c0, h[way], c[way], saved[way], dh, NULL,
                                           dgates[way], dweight[way], bn ? dbias[way] : NULL, NULL,
                                           NULL, way, &arena),
                             STATUS_OK);
        }
        ck_assert_mem_eq(h[0], h[1], STATES * sizeof(float));
        ck_assert_mem_eq(dgates[0], dgates[1], G * STATES * sizeof(float));
        for (size_t i = 0; i < weights; i++)
            ck_assert_float_eq_tol(dweight[1][i], dweight[0][i] + 2,
                                   1e-5f * (1 + fabsf(dweight[0][i])));
        for (size_t i = 0; bn && i < H; i++)
            ck_assert_float_eq_tol(dbias[1][i], dbias[0][i] + 2, 1e-5f * (1 + fabsf(dbias[0][i])));
        float *alone = arena_take(&arena, STATES * sizeof *alone);
        ck_assert_int_eq(ops->forward(&r, gates, weight, bn, NULL, NULL, alone, NULL, NULL, &arena),
                         STATUS_OK);
        ck_assert_mem_eq(alone, h[0], STATES * sizeof *alone);
    }
}
END_TEST

START_TEST(refuses_shapes) {
    ParameterSet set;
    RecurrentStack stack;
    Tape tape;
    static float data[12];
    arena_rewind(&arena, 0);
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    ck_assert_int_eq(nn_recurrent_open(&set, &stack, "r", RECURRENT_GRU, 3, 0, 1, 1, 0, 1),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(nn_recurrent_open(&set, &stack, "r", RECURRENT_GRU, 3, 4, 99, 1, 0, 1),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(nn_recurrent_open(&set, &stack, "r", RECURRENT_GRU, 3, 4, 1, 1, 0, 1),
                     STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 1);
    ck_assert_ptr_null(
        nn_recurrent(&tape, &stack, tape_input(&tape, data, 4, 3), 3, 1, NULL, NULL));
    ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
    parameters_close(&set);
}
END_TEST

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)64 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

Suite *suite_recurrent(void);
Suite *suite_recurrent(void) {
    Suite *suite = suite_create("recurrent");
    TCase *tests = tcase_create("recurrent");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, stacks_follow_the_reference);
    tcase_add_test(tests, memory_of_lstm_decays_with_its_forget_gate);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, what_is_left_out_changes_nothing_else);
    tcase_add_test(tests, refuses_shapes);
    suite_add_tcase(suite, tests);
    return suite;
}
