#include "base/clock.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/threads.h"
#include "q3_parallelism.h"
#include "stat/fit.h"

#include <math.h>
#include <stdio.h>

#define CALLS_MOST 1000
/* Calls below this are repeated once untimed before each sample: another runner had the caches. */
#define SHORT 0.02

const char *const q3_stage_slug[Q3_STAGES] = {
    "length", "grid", "model_batch", "model_length", "threads", "model_threads", "step", "gemm"};

int q3_stage_on_gpu(Q3Stage stage) {
    return stage == Q3_STAGE_LENGTH || stage == Q3_STAGE_GRID || stage == Q3_STAGE_STEP ||
           stage == Q3_STAGE_GEMM;
}

const Q3Point *q3_find(const Q3Session *session, Q3Stage stage, int runner, int batch, int length,
                       int threads) {
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        if (p->stage == stage && p->runner == runner && p->batch == batch && p->length == length &&
            p->threads == threads && p->repetitions > 0)
            return p;
    }
    return NULL;
}

double q3_largest(const double *values, int count) {
    double best = 0;
    for (int i = 0; i < count; i++) best = fmax(best, values[i]);
    return best;
}

static Status check_interrupt(void) {
    if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
    return STATUS_OK;
}

enum { STORED = 3 }; /* first, second, disturbed */

static void sample_name(const Q3Point *p, int repetition, char name[STORE_NAME_MAX]) {
    snprintf(name, STORE_NAME_MAX, "%s %d %d %d %d %d", q3_stage_slug[p->stage], p->runner,
             p->batch, p->length, p->threads, repetition);
}

static Status sample(const Q3Point *point, int calls, Q3Call call, void *context,
                     double stored[STORED]) {
    long switches = clock_involuntary_switches();
    STATUS_TRY(call(context, point, calls, stored));
    stored[2] = clock_involuntary_switches() != switches;
    return STATUS_OK;
}

/* One untimed call, or two where the first is short; from the last, how many make a sample. */
static Status warm_up(const Q3Session *session, const Q3Point *point, Q3Call call, void *context,
                      int *calls) {
    double seconds[2];
    STATUS_TRY(call(context, point, 1, seconds));
    if (seconds[0] + seconds[1] < SHORT) STATUS_TRY(call(context, point, 1, seconds));
    double count = ceil(session->plan.sample_seconds / fmax(seconds[0] + seconds[1], 1e-7));
    *calls = (int)fmin(fmax(count, 1), CALLS_MOST);
    return STATUS_OK;
}

static Status take(Q3Session *session, Q3Point *point, int *calls, Q3Call call, void *context) {
    char name[STORE_NAME_MAX];
    double stored[STORED], unused[2];
    int r = point->repetitions;
    sample_name(point, r, name);
    if (!store_get(session->store, name, stored, STORED)) {
        STATUS_TRY(check_interrupt());
        threads_set(point->threads);
        if (!*calls)
            STATUS_TRY(warm_up(session, point, call, context, calls));
        else if (point->first[0] + point->second[0] < SHORT)
            STATUS_TRY(call(context, point, 1, unused));
        STATUS_TRY(sample(point, *calls, call, context, stored));
        STATUS_TRY(store_put(session->store, name, stored, STORED));
    }
    point->first[r] = stored[0];
    point->second[r] = stored[1];
    point->disturbed[r] = stored[2] != 0;
    point->repetitions = r + 1;
    return STATUS_OK;
}

Status q3_race(Q3Session *session, Q3Point *points, int count, int repetitions, Q3Call call,
               void *context) {
    uint32_t order[Q3_LIST_MAX * Q3_MODELS * Q3_LAYERS];
    int calls[Q3_LIST_MAX * Q3_MODELS * Q3_LAYERS] = {0};
    if (count > (int)(sizeof order / sizeof *order))
        return status_fail(STATUS_ARGUMENT, "a race of %d; at most %zu", count,
                           sizeof order / sizeof *order);
    Status status = STATUS_OK;
    /* Every turn has one sample of each: the r-th samples belong together. */
    for (int r = 0; r < repetitions && status == STATUS_OK; r++) {
        for (int i = 0; i < count; i++) order[i] = (uint32_t)i;
        rng_shuffle(order, (size_t)count, session->plan.seed,
                    rng_stream("q3.order") + (uint64_t)(points - session->point) * 64 +
                        (uint64_t)r);
        for (int i = 0; i < count && status == STATUS_OK; i++) {
            Q3Point *point = &points[order[i]];
            status = take(session, point, &calls[order[i]], call, context);
            session->done += point->expected;
            progress_step(&session->progress, session->done, q3_stage_slug[point->stage]);
        }
    }
    threads_set(session->plan.threads);
    return status;
}

Status q3_crossing(const double *x, const double *a, const double *b, int count, int repetitions,
                   uint64_t seed, Q3Crossing *out) {
    FitCrossing fit;
    STATUS_TRY(fit_crossing(x, a, b, (size_t)count, (size_t)repetitions, seed, &fit));
    if (fit.crossed)
        *out = (Q3Crossing){Q3_CROSSED, fit.x, fit.low, fit.high};
    else if (fit.bound > 0)
        *out = (Q3Crossing){Q3_NEVER, x[count - 1], x[count - 1], x[count - 1]};
    else
        *out = (Q3Crossing){Q3_ALWAYS, x[0], x[0], x[0]};
    return STATUS_OK;
}
