/* Encoder-decoders against a reference in double precision: logits and attention weights of every
 * cell, score, direction and context; gradients of every parameter by four-point differences of
 * the reference; greedy answers against teacher forcing on themselves; sizes. */
#include "base/rng.h"
#include "model/seq2seq.h"
#include "nn/loss.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_seq2seq(void);

enum { V = 7, D = 3, H = 6, B = 2, N = 4, M = 3, ARRAYS_MAX = 24, PROBES = 6 };

static Arena arena;
static const int32_t source[N * B] = {0, 1, 2, 3, 4, 5, 1, 0};
static const int32_t input[M * B] = {6, 6, 2, 0, 3, 3};
static const int32_t label[M * B] = {2, 0, 3, 3, -1, 5};
static const Seq2seqBatch batch = {.sequences = B,
                                   .source_steps = N,
                                   .target_steps = M,
                                   .source = source,
                                   .input = input,
                                   .label = label};

/* --- the reference, one sequence and one step at a time ----------------------------------------
 */

typedef struct {
    const Seq2seqConfig *config;
    const ParameterSet *set;
    double *value[ARRAYS_MAX]; /* of each parameter of the set */
    double logits[M * B][V], weights[M * B][N];
} World;

static const double *find(const World *w, const char *name) {
    for (size_t i = 0; i < w->set->count; i++)
        if (strcmp(w->set->item[i]->name, name) == 0) return w->value[i];
    ck_abort_msg("there is no parameter '%s'", name);
}

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* h and c [width] are replaced by those after the step. */
static void step(const World *w, const char *name, int width, const double *x, double *h,
                 double *c) {
    char full[64];
    double g[4 * H], u[4 * H], next[H] = {0};
    const RecurrentKind kind = w->config->encoder;
    snprintf(full, sizeof full, "%s.input", name);
    const double *W = find(w, full);
    snprintf(full, sizeof full, "%s.bias", name);
    const double *bias = find(w, full);
    snprintf(full, sizeof full, "%s.weight", name);
    const double *U = find(w, full);
    for (int i = 0; i < recurrent_gates(kind) * width; i++) {
        g[i] = bias[i] + dot(W + i * D, x, D);
        u[i] = dot(U + i * width, h, width);
    }
    for (int i = 0; i < width; i++) {
        if (kind == RECURRENT_TANH) {
            next[i] = tanh(g[i] + u[i]);
        } else if (kind == RECURRENT_GRU) {
            snprintf(full, sizeof full, "%s.hidden_bias", name);
            const double z = sigmoid(g[width + i] + u[width + i]);
            const double n = tanh(g[2 * width + i] +
                                  sigmoid(g[i] + u[i]) * (u[2 * width + i] + find(w, full)[i]));
            next[i] = (1 - z) * n + z * h[i];
        } else {
            c[i] = sigmoid(g[width + i] + u[width + i]) * c[i] +
                   sigmoid(g[i] + u[i]) * tanh(g[2 * width + i] + u[2 * width + i]);
            next[i] = sigmoid(g[3 * width + i] + u[3 * width + i]) * tanh(c[i]);
        }
    }
    memcpy(h, next, (size_t)width * sizeof *h);
}

static double score(const World *w, const double *s, const double *m) {
    double sum = 0;
    if (w->config->score == SCORE_DOT) return dot(s, m, H);
    const double *query = find(w, "score.query");
    for (int i = 0; i < H; i++)
        sum += w->config->score == SCORE_GENERAL
                   ? m[i] * dot(query + i * H, s, H)
                   : find(w, "score.vector")[i] *
                         tanh(dot(query + i * H, s, H) + dot(find(w, "score.key") + i * H, m, H));
    return sum;
}

/* What lies beyond the context is forgotten: the first numbers of the cells, then of the outputs,
 * half of them from either direction. */
static void forget(const World *w, double *h, double *c) {
    const int lstm = w->config->encoder == RECURRENT_LSTM, directions = w->config->directions;
    if (!w->config->context) return;
    for (int s = 0; s < 1 + lstm; s++) {
        double *state = lstm && s == 0 ? c : h;
        int kept = w->config->context - s * H;
        kept = kept < 0 ? 0 : kept > H ? H : kept;
        for (int i = 0; i < H; i++) {
            const int of_second = directions == 2 && i >= H / 2;
            const int room = directions == 1 ? kept : of_second ? kept / 2 : kept - kept / 2;
            if (i - of_second * H / 2 >= room) state[i] = 0;
        }
    }
}

static void run_sequence(World *w, int b) {
    double memory[N][H] = {{0}}, h[H] = {0}, c[H] = {0};
    const int directions = w->config->directions, width = H / directions;
    for (int d = 0; d < directions; d++)
        for (int s = 0; s < N; s++) {
            const int t = d ? N - 1 - s : s;
            step(w, d ? "encoder.0.backward" : "encoder.0.forward", width,
                 find(w, "source") + source[t * B + b] * D, h + d * width, c + d * width);
            memcpy(memory[t] + d * width, h + d * width, (size_t)width * sizeof *h);
        }
    forget(w, h, c);
    for (int i = 0; i < M; i++) {
        double e[N], mixed[2 * H] = {0}, s[H], sum = 0;
        step(w, "decoder.0.forward", H, find(w, "target") + input[i * B + b] * D, h, c);
        const int attends = w->config->score != SCORE_NONE;
        for (int j = 0; attends && j < N; j++) sum += e[j] = exp(score(w, h, memory[j]));
        for (int j = 0; attends && j < N; j++) {
            w->weights[i * B + b][j] = e[j] / sum;
            for (int k = 0; k < H; k++) mixed[k] += e[j] / sum * memory[j][k];
        }
        const int wide = attends ? 2 * H : H;
        memcpy(mixed + wide - H, h, sizeof h);
        for (int k = 0; k < H; k++)
            s[k] = tanh(find(w, "combine.bias")[k] +
                        dot(find(w, "combine.weight") + k * wide, mixed, wide));
        for (int v = 0; v < V; v++)
            w->logits[i * B + b][v] =
                find(w, "logits.bias")[v] + dot(find(w, "logits.weight") + v * H, s, H);
    }
}

/* Mean cross-entropy over the labels that count. */
static double reference(World *w) {
    double loss = 0;
    int counted = 0;
    for (int b = 0; b < B; b++) run_sequence(w, b);
    for (int r = 0; r < M * B; r++) {
        double sum = 0;
        for (int v = 0; v < V; v++) sum += exp(w->logits[r][v]);
        if (label[r] < 0) continue;
        loss += log(sum) - w->logits[r][label[r]];
        counted++;
    }
    return loss / counted;
}

/* --- model against reference -------------------------------------------------------------------
 */

static Seq2seq *open_model(const Seq2seqConfig *config) {
    Seq2seq *model;
    ck_assert_msg(seq2seq_open(&model, config, 3) == STATUS_OK, "%s", status_message());
    return model;
}

static void ck_gradients(World *w) {
    static const double points[] = {-2, -1, 1, 2}, factors[] = {1, -8, 8, -1};
    const double h = 1e-3;
    for (size_t k = 0; k < w->set->count; k++) {
        const Parameter *p = w->set->item[k];
        double wrong = 0, size = 1e-12;
        for (size_t i = k % 2; i < p->count; i += 1 + p->count / PROBES) {
            const double was = w->value[k][i];
            double slope = 0;
            for (int point = 0; point < 4; point++) {
                w->value[k][i] = was + points[point] * h;
                slope += factors[point] * reference(w) / (12 * h);
            }
            w->value[k][i] = was;
            const double e = slope - (double)p->gradient[i];
            wrong += e * e, size += slope * slope;
        }
        ck_assert_msg(wrong <= 1e-8 * size, "%s: NMSE %g of its gradient", p->name, wrong / size);
    }
}

static void ck_model(RecurrentKind kind, int directions, ScoreKind score_kind, int context) {
    const Seq2seqConfig config = {.encoder = kind,
                                  .directions = directions,
                                  .width = H,
                                  .context = context,
                                  .embedding = D,
                                  .source_vocabulary = V,
                                  .target_vocabulary = V,
                                  .score = score_kind,
                                  .forget_bias = 1};
    Seq2seq *model = open_model(&config);
    World *w = calloc(1, sizeof *w);
    w->config = &model->config, w->set = &model->parameters;
    ck_assert_uint_le(w->set->count, ARRAYS_MAX);
    for (size_t k = 0; k < w->set->count; k++) {
        const Parameter *p = w->set->item[k];
        w->value[k] = malloc(p->count * sizeof(double));
        for (size_t i = 0; i < p->count; i++) w->value[k][i] = (double)p->value[i];
    }
    Tape tape;
    Value *weights;
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *logits = seq2seq_forward(model, &tape, &batch, &weights);
    Value *loss = nn_cross_entropy_ids(&tape, logits, label, NULL, NULL);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    ck_assert_double_eq_tol((double)loss->data[0], reference(w), 2e-6);
    for (int r = 0; r < M * B; r++) {
        for (int v = 0; v < V; v++)
            ck_assert_double_eq_tol((double)logits->data[r * V + v], w->logits[r][v], 3e-6);
        for (int j = 0; weights && j < N; j++)
            ck_assert_double_eq_tol((double)weights->data[r * N + j], w->weights[r][j], 1e-6);
    }
    ck_assert_int_eq(weights == NULL, score_kind == SCORE_NONE);
    ck_assert_int_eq(tape_backward(&tape, loss, 1), STATUS_OK);
    ck_gradients(w);
    for (size_t k = 0; k < w->set->count; k++) free(w->value[k]);
    free(w);
    seq2seq_close(model);
}

START_TEST(models_follow_the_reference) {
    for (int kind = RECURRENT_TANH; kind <= RECURRENT_LSTM; kind++)
        for (int s = SCORE_NONE; s <= SCORE_DOT; s++)
            ck_model((RecurrentKind)kind, 1 + s % 2, (ScoreKind)s, 0);
    ck_model(RECURRENT_LSTM, 2, SCORE_NONE, 0);
}
END_TEST

START_TEST(a_context_hands_over_so_many_numbers) {
    ck_model(RECURRENT_LSTM, 1, SCORE_NONE, 4);
    ck_model(RECURRENT_LSTM, 1, SCORE_ADDITIVE, H + 2);
    ck_model(RECURRENT_LSTM, 1, SCORE_NONE, 2 * H);
    ck_model(RECURRENT_LSTM, 2, SCORE_NONE, 3);
    ck_model(RECURRENT_GRU, 1, SCORE_NONE, 2);
    ck_model(RECURRENT_TANH, 2, SCORE_NONE, 5);
}
END_TEST

/* --- generation --------------------------------------------------------------------------------
 */

START_TEST(greedy_answers_are_what_teacher_forcing_gives_on_them) {
    enum { STEPS = 9, START = 6 };
    for (int s = SCORE_NONE; s <= SCORE_DOT; s++) {
        const Seq2seqConfig config = {.encoder = (RecurrentKind)(s % 3),
                                      .directions = 1 + s % 2,
                                      .width = 10,
                                      .layers = 2,
                                      .embedding = D,
                                      .source_vocabulary = V,
                                      .target_vocabulary = V,
                                      .score = (ScoreKind)s};
        Seq2seq *model = open_model(&config);
        int32_t answer[STEPS * B], shifted[STEPS * B];
        float weights[STEPS * B * N];
        Seq2seqBatch own = batch;
        own.target_steps = STEPS;
        const size_t before = arena_mark(&arena);
        ck_assert_int_eq(seq2seq_generate(model, &arena, &own, START, answer, weights), STATUS_OK);
        ck_assert_uint_eq(arena_mark(&arena), before);
        for (int r = 0; r < STEPS * B; r++) shifted[r] = r < B ? START : answer[r - B];
        own.input = shifted;
        Tape tape;
        Value *forced;
        tape_open(&tape, &arena, TAPE_INFER, 1, 0);
        const Value *logits = seq2seq_forward(model, &tape, &own, &forced);
        ck_assert_ptr_nonnull(logits);
        for (int r = 0; r < STEPS * B; r++) {
            for (int v = 0; v < V; v++)
                ck_assert_float_le(logits->data[r * V + v],
                                   logits->data[r * V + answer[r]] + 1e-5f);
            for (int j = 0; forced && j < N; j++)
                ck_assert_float_eq_tol(weights[r * N + j], forced->data[r * N + j], 1e-5f);
        }
        seq2seq_close(model);
    }
}
END_TEST

/* --- sizes -------------------------------------------------------------------------------------
 */

START_TEST(parameters_are_counted_and_widths_made_equal) {
    for (int k = 0; k < 24; k++) {
        Seq2seqConfig config = {.encoder = (RecurrentKind)(k % 3),
                                .directions = 1 + k % 2,
                                .width = 12,
                                .layers = 1 + k / 12,
                                .embedding = 5,
                                .source_vocabulary = 9,
                                .target_vocabulary = 8,
                                .score = (ScoreKind)(k / 3 % 4)};
        Seq2seq *model = open_model(&config);
        const size_t count = parameters_count(&model->parameters);
        ck_assert_uint_eq(seq2seq_parameters(&config), count);
        seq2seq_close(model);
        ck_assert_int_eq(seq2seq_equal_width(&config, count), 12);
        ck_assert_int_eq(seq2seq_equal_width(&config, count + 3), 12);
        ck_assert_int_eq(seq2seq_equal_width(&config, 1), 2);
    }
    const Seq2seqConfig lstm = {.encoder = RECURRENT_LSTM, .width = 64};
    ck_assert_int_eq(seq2seq_handed_over(&lstm), 128);
    const Seq2seqConfig gru = {.encoder = RECURRENT_GRU, .width = 64, .context = 16};
    ck_assert_int_eq(seq2seq_handed_over(&gru), 16);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    Seq2seq *model;
    const Seq2seqConfig fine = {.encoder = RECURRENT_GRU,
                                .width = 6,
                                .embedding = D,
                                .source_vocabulary = V,
                                .target_vocabulary = V};
    Seq2seqConfig wrong = fine;
    wrong.directions = 2, wrong.width = 7;
    ck_assert_int_eq(seq2seq_open(&model, &wrong, 1), STATUS_ARGUMENT);
    wrong = fine, wrong.context = 7;
    ck_assert_int_eq(seq2seq_open(&model, &wrong, 1), STATUS_ARGUMENT);
    wrong = fine, wrong.context = 2, wrong.layers = 2;
    ck_assert_int_eq(seq2seq_open(&model, &wrong, 1), STATUS_ARGUMENT);
    wrong = fine, wrong.embedding = 0;
    ck_assert_int_eq(seq2seq_open(&model, &wrong, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(model);
    model = open_model(&fine);
    Seq2seqBatch empty = batch;
    int32_t answer[B];
    empty.target_steps = 0;
    ck_assert_int_eq(seq2seq_generate(model, &arena, &empty, 6, answer, NULL), STATUS_ARGUMENT);
    seq2seq_close(model);
}
END_TEST

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)64 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

Suite *suite_seq2seq(void) {
    Suite *suite = suite_create("seq2seq");
    TCase *tests = tcase_create("seq2seq");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, models_follow_the_reference);
    tcase_add_test(tests, a_context_hands_over_so_many_numbers);
    tcase_add_test(tests, greedy_answers_are_what_teacher_forcing_gives_on_them);
    tcase_add_test(tests, parameters_are_counted_and_widths_made_equal);
    tcase_add_test(tests, what_makes_no_sense_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
