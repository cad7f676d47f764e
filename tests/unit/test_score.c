/* Attention between a recurrent decoder and its encoder against a reference in double precision:
 * contexts, weights, and every gradient by four-point differences of the reference; columns and
 * rows taken apart and put together. */
#include "base/rng.h"
#include "nn/concat.h"
#include "nn/score.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_score(void);

enum { ROOM = 4096, ARRAYS = 5 }; /* states, memory, query, key, vector */

typedef struct {
    ScoreKind kind;
    int M, N, B, Ds, Dm, A;
    double value[ARRAYS][ROOM], direction[ROOM];
    int count[ARRAYS];
    double context[ROOM], weights[ROOM];
} World;

static World w;
static float state_data[ROOM], memory_data[ROOM];

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double score(const double *s, const double *m) {
    double sum = 0;
    if (w.kind == SCORE_DOT) return dot(s, m, w.Dm);
    if (w.kind == SCORE_GENERAL) {
        for (int i = 0; i < w.Dm; i++) sum += m[i] * dot(w.value[2] + i * w.Ds, s, w.Ds);
        return sum;
    }
    for (int i = 0; i < w.A; i++)
        sum += w.value[4][i] *
               tanh(dot(w.value[2] + i * w.Ds, s, w.Ds) + dot(w.value[3] + i * w.Dm, m, w.Dm));
    return sum;
}

/* Fills context and weights; the loss is context times `direction`. */
static double reference(void) {
    double loss = 0;
    memset(w.context, 0, sizeof w.context);
    for (int i = 0; i < w.M; i++)
        for (int b = 0; b < w.B; b++) {
            double *p = w.weights + (i * w.B + b) * w.N, most = -INFINITY, total = 0;
            for (int j = 0; j < w.N; j++) {
                p[j] = score(w.value[0] + (i * w.B + b) * w.Ds, w.value[1] + (j * w.B + b) * w.Dm);
                most = fmax(most, p[j]);
            }
            for (int j = 0; j < w.N; j++) total += p[j] = exp(p[j] - most);
            for (int j = 0; j < w.N; j++) {
                p[j] /= total;
                for (int d = 0; d < w.Dm; d++)
                    w.context[(i * w.B + b) * w.Dm + d] +=
                        p[j] * w.value[1][(j * w.B + b) * w.Dm + d];
            }
        }
    for (int i = 0; i < w.M * w.B * w.Dm; i++) loss += w.context[i] * w.direction[i];
    return loss;
}

static double difference(int array, int index) {
    double *x = &w.value[array][index], at = *x, h = 1e-3, f[4];
    const double steps[] = {-2, -1, 1, 2};
    for (int i = 0; i < 4; i++) {
        *x = at + steps[i] * h;
        f[i] = reference();
    }
    *x = at;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

static void draw(double *to, float *as, int count, uint64_t stream) {
    rng_fill_normal(as, (size_t)count, 5, stream);
    for (int i = 0; i < count; i++) to[i] = (double)as[i];
}

static double nmse(const double *truth, const float *found, int count) {
    double error = 0, power = 1e-30;
    for (int i = 0; i < count; i++) {
        error += (truth[i] - (double)found[i]) * (truth[i] - (double)found[i]);
        power += truth[i] * truth[i];
    }
    return error / power;
}

static void ck_score(ScoreKind kind, int M, int N, int B, int Ds, int Dm, int A) {
    static float direction[ROOM];
    w = (World){.kind = kind, .M = M, .N = N, .B = B, .Ds = Ds, .Dm = Dm, .A = A};
    Arena arena;
    ParameterSet set;
    ScoreLayer layer;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    ck_assert_msg(nn_score_open(&set, &layer, "s", kind, Ds, Dm, A, 3) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(parameters_changed(&set), STATUS_OK);
    parameters_clear_gradients(&set);
    Parameter *const own[] = {layer.query, layer.key, layer.vector};
    w.count[0] = M * B * Ds;
    w.count[1] = N * B * Dm;
    draw(w.value[0], state_data, w.count[0], 1);
    draw(w.value[1], memory_data, w.count[1], 2);
    draw(w.direction, direction, M * B * Dm, 3);
    for (int k = 0; k < 3; k++) {
        w.count[2 + k] = own[k] ? (int)own[k]->count : 0;
        for (int i = 0; i < w.count[2 + k]; i++) w.value[2 + k][i] = (double)own[k]->value[i];
    }
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *s = tape_input(&tape, state_data, M * B, Ds);
    Value *m = tape_input(&tape, memory_data, N * B, Dm), *weights = NULL;
    Value *context = nn_score_attention(&tape, &layer, s, m, B, &weights);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    reference();
    ck_assert_int_eq(weights->rows, M * B);
    ck_assert_int_eq(weights->columns, N);
    ck_assert_double_le(nmse(w.context, context->data, M * B * Dm), 1e-11);
    ck_assert_double_le(nmse(w.weights, weights->data, M * B * N), 1e-11);
    for (int r = 0; r < M * B; r++) {
        double sum = 0;
        for (int j = 0; j < N; j++) sum += (double)weights->data[r * N + j];
        ck_assert_double_eq_tol(sum, 1, 1e-6);
    }
    ck_assert_msg(tape_backward_from(&tape, context, direction) == STATUS_OK, "%s",
                  status_message());
    for (int a = 0; a < ARRAYS; a++) {
        static double truth[ROOM];
        const float *found = a == 0 ? s->gradient : a == 1 ? m->gradient : NULL;
        if (a >= 2 && own[a - 2]) found = own[a - 2]->gradient;
        for (int i = 0; i < w.count[a]; i++) truth[i] = difference(a, i);
        double power = 0; /* of one place alone the weights are 1 whatever the score */
        for (int i = 0; i < w.count[a]; i++) power += truth[i] * truth[i];
        if (power < 1e-12) continue;
        ck_assert_msg(nmse(truth, found, w.count[a]) <= 1e-9, "kind %d, array %d: NMSE %g",
                      (int)kind, a, nmse(truth, found, w.count[a]));
    }
    parameters_close(&set);
    arena_close(&arena);
}

START_TEST(scores_agree_with_the_reference) {
    for (ScoreKind kind = SCORE_ADDITIVE; kind <= SCORE_DOT; kind++) {
        int dot_width = kind == SCORE_DOT;
        ck_score(kind, 1, 1, 1, 3, 3, 2);
        ck_score(kind, 3, 5, 2, 8, 8, 7);
        ck_score(kind, 2, 7, 3, dot_width ? 17 : 9, 17, 16);
        ck_score(kind, 5, 4, 1, dot_width ? 6 : 16, 6, 9);
    }
}
END_TEST

START_TEST(widths_that_do_not_fit_are_refused) {
    ParameterSet set;
    ScoreLayer layer;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    ck_assert_int_eq(nn_score_open(&set, &layer, "a", SCORE_DOT, 3, 4, 0, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(nn_score_open(&set, &layer, "b", SCORE_GENERAL, 0, 4, 0, 1), STATUS_ARGUMENT);
    parameters_close(&set);
}
END_TEST

START_TEST(columns_and_rows_come_apart_and_together) {
    Arena arena;
    Tape tape;
    float a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {7, 8, 9};
    const float dy[9] = {1, 10, 100, 2, 20, 200, 3, 30, 300};
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *x = tape_input(&tape, a, 3, 2), *y = tape_input(&tape, b, 3, 1);
    Value *both = nn_concat(&tape, 2, (Value *[]){x, y});
    const float joined[9] = {1, 2, 7, 3, 4, 8, 5, 6, 9};
    ck_assert_mem_eq(both->data, joined, sizeof joined);
    ck_assert_int_eq(tape_backward_from(&tape, both, dy), STATUS_OK);
    const float dx[6] = {1, 10, 2, 20, 3, 30}, dz[3] = {100, 200, 300};
    ck_assert_mem_eq(x->gradient, dx, sizeof dx);
    ck_assert_mem_eq(y->gradient, dz, sizeof dz);

    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    x = tape_input(&tape, a, 3, 2);
    Value *part = nn_rows(&tape, nn_columns(&tape, x, 1, 1), 1, 2);
    ck_assert_float_eq(part->data[0], 4);
    ck_assert_float_eq(part->data[1], 6);
    ck_assert_int_eq(tape_backward_from(&tape, part, (float[]){5, 7}), STATUS_OK);
    const float spread[6] = {0, 0, 0, 5, 0, 7};
    ck_assert_mem_eq(x->gradient, spread, sizeof spread);

    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    x = tape_input(&tape, a, 3, 2);
    ck_assert_ptr_null(nn_columns(&tape, x, 1, 2));
    ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
    arena_close(&arena);
}
END_TEST

Suite *suite_score(void) {
    Suite *suite = suite_create("score");
    TCase *tests = tcase_create("score");
    tcase_add_test(tests, scores_agree_with_the_reference);
    tcase_add_test(tests, widths_that_do_not_fit_are_refused);
    tcase_add_test(tests, columns_and_rows_come_apart_and_together);
    suite_add_tcase(suite, tests);
    return suite;
}
