#include "base/clock.h"
#include "base/rng.h"
#include "peaks.h"
#include "q3_parallelism.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Rough rates for the estimate of the whole run only. */
#define GUESSED_RATE   80e9
#define GUESSED_SYMBOL 40e-6
#define STEP_LENGTH    64

/* --- the list -------------------------------------------------------------------------------- */

static Status add(Q3Session *session, Q3Stage stage, int runner, int batch, int length, int threads,
                  double expected) {
    if (session->points == Q3_POINTS_MAX)
        return status_fail(STATUS_ARGUMENT, "more than %d points", Q3_POINTS_MAX);
    session->point[session->points++] = (Q3Point){.stage = stage,
                                                  .runner = runner,
                                                  .batch = batch,
                                                  .length = length,
                                                  .threads = threads,
                                                  .expected = expected};
    return STATUS_OK;
}

static double layer_seconds(const Q3Plan *plan, int kind, int batch, int length) {
    double work = 0;
    for (int d = 0; d < 2; d++)
        work += q3_layer_operations((Q3LayerKind)kind, &plan->shape, batch, length, (Direction)d);
    return fmax(work / GUESSED_RATE, plan->sample_seconds);
}

static Status list_layers(Q3Session *session) {
    const Q3Plan *plan = &session->plan;
    for (int i = 0; i < plan->lengths.count; i++)
        for (int k = 0; k < Q3_LAYERS; k++) {
            int n = plan->lengths.value[i];
            STATUS_TRY(add(session, Q3_STAGE_LENGTH, k, 1, n, plan->threads,
                           layer_seconds(plan, k, 1, n)));
        }
    for (int b = 0; b < plan->grid_batches.count; b++)
        for (int i = 0; i < plan->grid_lengths.count; i++)
            for (int k = Q3_LSTM; k <= Q3_SOFTMAX; k++) {
                int n = plan->grid_lengths.value[i], batch = plan->grid_batches.value[b];
                if (batch * n > plan->grid_tokens) continue;
                STATUS_TRY(add(session, Q3_STAGE_GRID, k, batch, n, plan->threads,
                               layer_seconds(plan, k, batch, n)));
            }
    for (int k = 0; k < Q3_LAYERS; k++)
        for (int t = 0; t < plan->thread_counts.count; t++) {
            int threads = plan->thread_counts.value[t];
            STATUS_TRY(add(session, Q3_STAGE_THREADS, k, 1, plan->headline, threads,
                           layer_seconds(plan, k, 1, plan->headline) * plan->threads / threads));
        }
    return STATUS_OK;
}

static double model_seconds(const Q3Plan *plan, int batch, int length) {
    return fmax(2 * batch * length * GUESSED_SYMBOL, plan->sample_seconds);
}

static Status list_models(Q3Session *session) {
    const Q3Plan *plan = &session->plan;
    for (int b = 0; b < plan->model_batches.count; b++)
        for (int k = 0; k < Q3_MODELS; k++) {
            int batch = plan->model_batches.value[b];
            STATUS_TRY(add(session, Q3_STAGE_MODEL_BATCH, k, batch, plan->model_length,
                           plan->threads, model_seconds(plan, batch, plan->model_length)));
        }
    for (int i = 0; i < plan->model_lengths.count; i++)
        for (int k = 0; k < Q3_MODELS; k++) {
            int n = plan->model_lengths.value[i];
            STATUS_TRY(add(session, Q3_STAGE_MODEL_LENGTH, k, plan->model_batch, n, plan->threads,
                           model_seconds(plan, plan->model_batch, n)));
        }
    for (int k = 0; k < Q3_MODELS; k++)
        for (int t = 0; t < plan->thread_counts.count; t++) {
            int threads = plan->thread_counts.value[t];
            STATUS_TRY(add(session, Q3_STAGE_MODEL_THREADS, k, plan->thread_batch,
                           plan->model_length, threads,
                           model_seconds(plan, plan->thread_batch, plan->model_length) *
                               plan->threads / threads));
        }
    return STATUS_OK;
}

static int repetitions_of(const Q3Plan *plan, Q3Stage stage) {
    return stage == Q3_STAGE_GRID ? plan->grid_repetitions : plan->repetitions;
}

Status q3_list_points(Q3Session *session) {
    const Q3Plan *plan = &session->plan;
    STATUS_TRY(list_layers(session));
    STATUS_TRY(list_models(session));
    for (int b = 0; b < plan->step_batches.count; b++)
        for (int s = Q3_STAGE_STEP; s <= Q3_STAGE_GEMM; s++) {
            int batch = plan->step_batches.value[b];
            double d = plan->shape.width, work = 8 * d * d * batch * STEP_LENGTH;
            STATUS_TRY(add(session, (Q3Stage)s, Q3_LSTM, batch, STEP_LENGTH, plan->threads,
                           fmax(work / GUESSED_RATE, plan->sample_seconds)));
        }
    session->expected = 8 * plan->peak_seconds;
    for (int i = 0; i < session->points; i++) /* one more call warms up */
        session->expected +=
            session->point[i].expected * (repetitions_of(plan, session->point[i].stage) + 1);
    return STATUS_OK;
}

/* --- peaks ----------------------------------------------------------------------------------- */

static Status measure_peaks(Q3Session *session) {
    const Q3Plan *plan = &session->plan;
    if (session->peaks == Q3_PEAKS_MAX) return STATUS_OK;
    char name[STORE_NAME_MAX];
    double values[3];
    snprintf(name, sizeof name, "peak %d", session->peaks);
    if (!store_get(session->store, name, values, 3)) {
        size_t weight = (size_t)4 * (size_t)plan->shape.width * (size_t)plan->shape.width;
        int n = plan->gemm_size;
        STATUS_TRY(peaks_gemm_rate(n, n, n, plan->peak_seconds, &values[0]));
        STATUS_TRY(peaks_triad_rate(peaks_memory_bytes(), plan->peak_seconds / 2, &values[1]));
        STATUS_TRY(peaks_read_rate(weight * sizeof(float), plan->peak_seconds / 4, &values[2]));
        STATUS_TRY(store_put(session->store, name, values, 3));
    }
    session->gemm[session->peaks] = values[0];
    session->memory[session->peaks] = values[1];
    session->cache[session->peaks++] = values[2];
    session->done += 2 * plan->peak_seconds;
    progress_step(&session->progress, session->done, "peaks");
    return STATUS_OK;
}

/* --- what is called -------------------------------------------------------------------------- */

typedef struct {
    Q3Session *session;
    Q3Layer *layer[Q3_LAYERS];
    Q3Models *models;
    float *gates, *h, *c, *weight; /* of the recurrent part alone */
} Runners;

static Status call_layer(void *context, const Q3Point *point, double seconds[2]) {
    Runners *r = context;
    return q3_layer_run(r->layer[point->runner], &r->session->arena, point->batch, point->length,
                        r->session->x, r->session->dout, seconds);
}

static Status call_model(void *context, const Q3Point *point, double seconds[2]) {
    Runners *r = context;
    return q3_models_step(r->models, (Q3ModelKind)point->runner, point->batch, point->length,
                          seconds);
}

/* All steps of the recurrence, the gates' other half being there: [B,H] x [H,4H], step by step. */
static Status call_step(void *context, const Q3Point *point, double seconds[2]) {
    Runners *r = context;
    Arena *arena = &r->session->arena;
    const Recurrent cells = {.kind = RECURRENT_LSTM,
                             .steps = point->length,
                             .batch = point->batch,
                             .width = r->session->plan.shape.width};
    size_t mark = arena_mark(arena);
    double start = clock_seconds();
    Status status = device_cpu()->recurrent->forward(&cells, r->gates, r->weight, NULL, NULL, NULL,
                                                     r->h, r->c, NULL, arena);
    seconds[0] = clock_seconds() - start;
    seconds[1] = 0;
    arena_rewind(arena, mark);
    return status;
}

static Status call_gemm(void *context, const Q3Point *point, double seconds[2]) {
    Runners *r = context;
    const size_t d = (size_t)r->session->plan.shape.width;
    double start = clock_seconds();
    for (int t = 0; t < point->length; t++)
        STATUS_TRY(device_cpu()->gemm(0, 1, point->batch, (int)(4 * d), (int)d, 1, r->h, d,
                                      r->weight, d, 0, r->gates, 4 * d));
    seconds[0] = clock_seconds() - start;
    seconds[1] = 0;
    return STATUS_OK;
}

static Q3Call call_of(Q3Stage stage) {
    if (stage == Q3_STAGE_STEP) return call_step;
    if (stage == Q3_STAGE_GEMM) return call_gemm;
    return stage == Q3_STAGE_MODEL_BATCH || stage == Q3_STAGE_MODEL_LENGTH ||
                   stage == Q3_STAGE_MODEL_THREADS
               ? call_model
               : call_layer;
}

/* --- the run --------------------------------------------------------------------------------- */

static size_t most_rows(const Q3Session *session) {
    size_t most = (size_t)Q3_DEPENDENCE_LENGTH;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        size_t rows = (size_t)p->batch * (size_t)p->length;
        if (call_of(p->stage) == call_layer && rows > most) most = rows;
    }
    return most;
}

static size_t most_symbols(const Q3Session *session) {
    size_t most = 1;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        size_t symbols = (size_t)p->batch * (size_t)p->length;
        if (call_of(p->stage) == call_model && symbols > most) most = symbols;
    }
    return most;
}

static Status open_runners(Q3Session *session, Runners *r) {
    const Q3Plan *plan = &session->plan;
    const size_t d = (size_t)plan->shape.width, rows = most_rows(session);
    size_t steps = STEP_LENGTH * (size_t)plan->step_batches.value[plan->step_batches.count - 1];
    *r = (Runners){.session = session};
    STATUS_TRY(arena_open(&session->arena, 0));
    session->x = arena_take(&session->arena, rows * d * sizeof(float));
    session->dout = arena_take(&session->arena, rows * d * sizeof(float));
    r->gates = arena_take(&session->arena, steps * 4 * d * sizeof(float));
    r->h = arena_take(&session->arena, steps * d * sizeof(float));
    r->c = arena_take(&session->arena, steps * d * sizeof(float));
    r->weight = arena_take(&session->arena, 4 * d * d * sizeof(float));
    if (!session->x || !session->dout || !r->gates || !r->h || !r->c || !r->weight)
        return STATUS_MEMORY;
    rng_fill_normal(session->x, rows * d, plan->seed, rng_stream("q3.x"));
    rng_fill_normal(session->dout, rows * d, plan->seed, rng_stream("q3.dout"));
    rng_fill_normal(r->gates, steps * 4 * d, plan->seed, rng_stream("q3.gates"));
    memset(r->h, 0, steps * d * sizeof(float));
    memset(r->c, 0, steps * d * sizeof(float));
    rng_fill_normal(r->weight, 4 * d * d, plan->seed, rng_stream("q3.weight"));
    for (size_t i = 0; i < 4 * d * d; i++) r->weight[i] /= (float)d;
    for (int k = 0; k < Q3_LAYERS; k++)
        STATUS_TRY(q3_layer_open(&r->layer[k], (Q3LayerKind)k, &plan->shape, plan->seed));
    STATUS_TRY(q3_models_open(&r->models, &plan->model, most_symbols(session), plan->seed));
    for (int k = 0; k < Q3_MODELS; k++)
        session->parameters[k] = q3_models_parameters(r->models, (Q3ModelKind)k);
    session->recurrent_width = q3_models_recurrent_width(r->models);
    return STATUS_OK;
}

/* Whether the running code depends on its inputs where the graph says so, and nowhere else. */
static Status check_dependence(Q3Session *session, Runners *r) {
    enum { N = Q3_DEPENDENCE_LENGTH };
    unsigned char reaches[N * N];
    for (int k = 0; k < Q3_LAYERS; k++) {
        Q3Graph *graph;
        STATUS_TRY(
            q3_layer_dependence(r->layer[k], &session->arena, N, session->plan.seed, reaches));
        STATUS_TRY(q3_graph_open(&graph, (Q3LayerKind)k, N, session->plan.shape.taps, 1, 0));
        session->agrees[k] = 1;
        session->pairs[k] = 0;
        for (int j = 0; j < N; j++)
            for (int i = 0; i < N; i++) {
                session->pairs[k] += reaches[j * N + i];
                if (q3_graph_reaches(graph, j, i) != reaches[j * N + i]) session->agrees[k] = 0;
            }
        q3_graph_close(graph);
    }
    return STATUS_OK;
}

/* Points of one stage that are compared: layers and models at one shape, threads with each other,
 * the recurrence beside the library. */
static int same_race(const Q3Point *a, const Q3Point *b) {
    int pair = a->stage == b->stage || (a->stage == Q3_STAGE_STEP && b->stage == Q3_STAGE_GEMM);
    return pair && a->batch == b->batch && a->length == b->length;
}

static Status run_all(Q3Session *session, Runners *r) {
    STATUS_TRY(check_dependence(session, r));
    STATUS_TRY(measure_peaks(session));
    for (int at = 0, past; at < session->points; at = past) {
        Q3Point *first = &session->point[at];
        past = at + 1;
        while (past < session->points && same_race(first, &session->point[past])) past++;
        if (first->stage == Q3_STAGE_STEP) { /* two calls of their own */
            for (int i = at; i < past; i++)
                STATUS_TRY(q3_race(session, &session->point[i], 1, session->plan.repetitions,
                                   call_of(session->point[i].stage), r));
        } else {
            STATUS_TRY(q3_race(session, first, past - at,
                               repetitions_of(&session->plan, first->stage), call_of(first->stage),
                               r));
        }
        int last = past == session->points || session->point[past].stage != first->stage;
        int heavy = first->stage == Q3_STAGE_LENGTH || first->stage == Q3_STAGE_GRID ||
                    first->stage == Q3_STAGE_MODEL_BATCH;
        if (last && heavy) STATUS_TRY(measure_peaks(session));
    }
    return measure_peaks(session);
}

Status q3_measure(Q3Session *session) {
    Runners runners;
    Status status = open_runners(session, &runners);
    if (status == STATUS_OK) status = run_all(session, &runners);
    for (int k = 0; k < Q3_LAYERS; k++) q3_layer_close(runners.layer[k]);
    q3_models_close(runners.models);
    arena_close(&session->arena);
    return status;
}
