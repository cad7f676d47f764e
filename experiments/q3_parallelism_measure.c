#include "base/clock.h"
#include "base/rng.h"
#include "peaks.h"
#include "q3_parallelism.h"
#include "q3_parallelism_device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Rough rates for the estimate of the whole run only. */
#define GUESSED_RATE     80e9
#define GUESSED_GPU_RATE 5e12
#define GUESSED_LAUNCHES 10e-6 /* of a step of the recurrence */
#define GUESSED_SYMBOL   40e-6
#define STEP_LENGTH      64
#define COPY_BYTES       ((size_t)1 << 30) /* many times a GPU's cache */
#define SCRATCH_SHARE    4                 /* of what is free, at most, for peaks */

/* --- the list -------------------------------------------------------------------------------- */

static Status add(Q3Session *session, Q3Stage stage, int runner, int batch, int length, int threads,
                  double expected) {
    if (*session->plan.gpu && !q3_stage_on_gpu(stage)) return STATUS_OK;
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
    double work = 0, steps = kind == Q3_LSTM ? 3.0 * length : 0;
    for (int d = 0; d < 2; d++)
        work += q3_layer_operations((Q3LayerKind)kind, &plan->shape, batch, length, (Direction)d);
    if (*plan->gpu)
        return fmax(work / GUESSED_GPU_RATE + steps * GUESSED_LAUNCHES, plan->sample_seconds);
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

static Status cpu_peaks(Q3Session *session, double values[3]) {
    const Q3Plan *plan = &session->plan;
    const size_t weight = (size_t)4 * (size_t)plan->shape.width * (size_t)plan->shape.width;
    const int n = plan->gemm_size;
    STATUS_TRY(peaks_gemm_rate(n, n, n, plan->peak_seconds, &values[0]));
    STATUS_TRY(peaks_triad_rate(peaks_memory_bytes(), plan->peak_seconds / 2, &values[1]));
    return peaks_read_rate(weight * sizeof(float), plan->peak_seconds / 4, &values[2]);
}

/* What its cache gives cannot be asked of the operations. */
static Status gpu_peaks(Q3Session *session, double values[3]) {
    const Q3Plan *plan = &session->plan;
    const Device *device = plan->device;
    Arena *arena = &session->arena;
    const size_t most = (arena->capacity - arena->used) / SCRATCH_SHARE / 64 * 64;
    int n = plan->gemm_size;
    while (n > 1 && 3 * ((size_t)n * (size_t)n * sizeof(float) + 64) > most) n /= 2;
    const size_t half = most / 2 / 64 * 64;
    STATUS_TRY(peaks_device_gemm_rate(device, PRECISION_F32, arena, n, n, n, plan->peak_seconds,
                                      &values[0]));
    values[2] = 0;
    return peaks_copy_rate(device, arena, half < COPY_BYTES ? half : COPY_BYTES,
                           plan->peak_seconds / 2, &values[1]);
}

static Status measure_peaks(Q3Session *session) {
    const Q3Plan *plan = &session->plan;
    if (session->peaks == Q3_PEAKS_MAX) return STATUS_OK;
    char name[STORE_NAME_MAX];
    double values[3];
    snprintf(name, sizeof name, "peak %d", session->peaks);
    if (!store_get(session->store, name, values, 3)) {
        STATUS_TRY((*plan->gpu ? gpu_peaks : cpu_peaks)(session, values));
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
    Q3DeviceLayer *there[Q3_LAYERS]; /* of a GPU */
    Q3Models *models;
    float *gates, *h, *c, *weight; /* of the recurrent part alone */
} Runners;

typedef Status Once(Runners *r, const Q3Point *point, double seconds[2]);

static Status repeat(Runners *r, const Q3Point *point, Once *once, int calls, double seconds[2]) {
    double sum[2] = {0, 0};
    for (int i = 0; i < calls; i++) {
        STATUS_TRY(once(r, point, seconds));
        for (int k = 0; k < 2; k++) sum[k] += seconds[k];
    }
    for (int k = 0; k < 2; k++) seconds[k] = sum[k] / calls;
    return STATUS_OK;
}

static Status layer_once(Runners *r, const Q3Point *point, double seconds[2]) {
    return q3_layer_run(r->layer[point->runner], &r->session->arena, point->batch, point->length,
                        r->session->x, r->session->dout, seconds, NULL);
}

static Status call_layer(void *context, const Q3Point *point, int calls, double seconds[2]) {
    Runners *r = context;
    if (!*r->session->plan.gpu) return repeat(r, point, layer_once, calls, seconds);
    return q3_device_layer_run(r->there[point->runner], &r->session->arena, point->batch,
                               point->length, r->session->x, r->session->dout, calls, seconds,
                               NULL);
}

static Status model_once(Runners *r, const Q3Point *point, double seconds[2]) {
    return q3_models_step(r->models, (Q3ModelKind)point->runner, point->batch, point->length,
                          seconds);
}

static Status call_model(void *context, const Q3Point *point, int calls, double seconds[2]) {
    return repeat(context, point, model_once, calls, seconds);
}

/* All steps of the recurrence, the gates' other half being there: [B,H] x [H,4H], step by step. */
static Status call_step(void *context, const Q3Point *point, int calls, double seconds[2]) {
    Runners *r = context;
    const Device *device = r->session->plan.device;
    Arena *arena = &r->session->arena;
    const Recurrent cells = {.kind = RECURRENT_LSTM,
                             .steps = point->length,
                             .batch = point->batch,
                             .width = r->session->plan.shape.width};
    size_t mark = arena_mark(arena);
    Status status = device->memory->time_begin();
    for (int i = 0; i < calls && status == STATUS_OK; i++)
        status = device->recurrent->forward(&cells, r->gates, r->weight, NULL, NULL, NULL, r->h,
                                            r->c, NULL, arena);
    if (status == STATUS_OK) status = device->memory->time_end(&seconds[0]);
    seconds[0] /= calls;
    seconds[1] = 0;
    arena_rewind(arena, mark);
    return status;
}

static Status call_gemm(void *context, const Q3Point *point, int calls, double seconds[2]) {
    Runners *r = context;
    const Device *device = r->session->plan.device;
    const size_t d = (size_t)r->session->plan.shape.width;
    STATUS_TRY(device->memory->time_begin());
    for (int t = 0; t < calls * point->length; t++)
        STATUS_TRY(device->gemm(0, 1, point->batch, (int)(4 * d), (int)d, 1, r->h, d, r->weight, d,
                                0, r->gates, 4 * d));
    STATUS_TRY(device->memory->time_end(&seconds[0]));
    seconds[0] /= calls;
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

/* Normal numbers, divided, wherever they lie. */
static Status fill(const Q3Plan *plan, float *to, size_t count, const char *name, float divisor) {
    const DeviceMemory *memory = plan->device->memory;
    float *host = memory->is_host ? to : malloc(count * sizeof *host);
    if (!host) return status_fail(STATUS_MEMORY, "no memory for %zu floats", count);
    rng_fill_normal(host, count, plan->seed, rng_stream(name));
    for (size_t i = 0; i < count && divisor != 1; i++) host[i] /= divisor;
    if (memory->is_host) return STATUS_OK;
    Status status = memory->upload(to, host, count * sizeof *host);
    if (status == STATUS_OK) status = memory->wait();
    free(host);
    return status;
}

static Status open_runners(Q3Session *session, Runners *r) {
    const Q3Plan *plan = &session->plan;
    const size_t d = (size_t)plan->shape.width, rows = most_rows(session);
    size_t steps = STEP_LENGTH * (size_t)plan->step_batches.value[plan->step_batches.count - 1];
    *r = (Runners){.session = session};
    STATUS_TRY(room_open(&session->room, plan->device));
    STATUS_TRY(room_arena(&session->room, 0, &session->arena));
    session->x = arena_take(&session->arena, rows * d * sizeof(float));
    session->dout = arena_take(&session->arena, rows * d * sizeof(float));
    r->gates = arena_take(&session->arena, steps * 4 * d * sizeof(float));
    r->h = arena_take(&session->arena, steps * d * sizeof(float));
    r->c = arena_take(&session->arena, steps * d * sizeof(float));
    r->weight = arena_take(&session->arena, 4 * d * d * sizeof(float));
    if (!session->x || !session->dout || !r->gates || !r->h || !r->c || !r->weight)
        return STATUS_MEMORY;
    STATUS_TRY(fill(plan, session->x, rows * d, "q3.x", 1));
    STATUS_TRY(fill(plan, session->dout, rows * d, "q3.dout", 1));
    STATUS_TRY(fill(plan, r->gates, steps * 4 * d, "q3.gates", 1));
    STATUS_TRY(plan->device->memory->zero(r->h, steps * d * sizeof(float)));
    STATUS_TRY(plan->device->memory->zero(r->c, steps * d * sizeof(float)));
    STATUS_TRY(fill(plan, r->weight, 4 * d * d, "q3.weight", (float)d));
    for (int k = 0; k < Q3_LAYERS; k++)
        STATUS_TRY(q3_layer_open(&r->layer[k], (Q3LayerKind)k, &plan->shape, plan->seed));
    for (int k = 0; k < Q3_LAYERS && *plan->gpu; k++)
        STATUS_TRY(q3_device_layer_open(&r->there[k], r->layer[k], plan->device, &session->arena));
    if (*plan->gpu) return STATUS_OK;
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
        STATUS_TRY(*session->plan.gpu ? q3_device_layer_dependence(r->there[k], &session->arena, N,
                                                                   session->plan.seed, reaches)
                                      : q3_layer_dependence(r->layer[k], &session->arena, N,
                                                            session->plan.seed, reaches));
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
    for (int k = 0; k < Q3_LAYERS; k++) q3_device_layer_close(runners.there[k]);
    for (int k = 0; k < Q3_LAYERS; k++) q3_layer_close(runners.layer[k]);
    q3_models_close(runners.models);
    room_arena_close(&session->room, &session->arena);
    room_close(&session->room);
    return status;
}
