#define _GNU_SOURCE
#include "q4_complexity_session.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>

#define TRIAD_CACHES      4
#define TRIAD_BYTES_LEAST ((size_t)64 << 20)

Status session_check(const Session *session) {
    (void)session;
    if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
    return STATUS_OK;
}

void session_done(Session *session, double expected_seconds, const char *detail) {
    session->done += expected_seconds;
    progress_step(&session->progress, session->done, detail);
}

/* --- peaks --------------------------------------------------------------------------------- */

Status session_gemm_rate(int m, int n, int k, double seconds, double *rate) {
    size_t a_count = (size_t)m * (size_t)k, b_count = (size_t)n * (size_t)k;
    size_t c_count = (size_t)m * (size_t)n;
    Arena arena;
    STATUS_TRY(arena_open(&arena, (a_count + b_count + c_count) * sizeof(float) + 192));
    float *a = arena_take(&arena, a_count * sizeof *a);
    float *b = arena_take(&arena, b_count * sizeof *b);
    float *c = arena_take_zeroed(&arena, c_count * sizeof *c);
    Status status = a && b && c ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK) {
        rng_fill_normal(a, a_count, 1, rng_stream("q4.gemm.a"));
        rng_fill_normal(b, b_count, 1, rng_stream("q4.gemm.b"));
    }
    double start = 0, spent = 0;
    int calls = -1; /* the first call warms up and is not counted */
    while (status == STATUS_OK && (calls < 1 || spent < seconds)) {
        if (calls == 0) start = clock_seconds();
        status = device_cpu()->gemm(0, 1, m, n, k, 1, a, (size_t)k, b, (size_t)k, 0, c, (size_t)n);
        calls++;
        if (calls > 0) spent = clock_seconds() - start;
    }
    arena_close(&arena);
    if (status == STATUS_OK) *rate = 2.0 * m * n * k * calls / spent;
    return status;
}

static size_t last_level_cache(void) {
    Machine machine;
    machine_describe(&machine);
    size_t most = 0;
    for (int i = 0; i < machine.caches; i++)
        if (machine.cache[i].bytes > most) most = machine.cache[i].bytes;
    return most;
}

/* McCalpin's triad a = b + s c. */
static Status triad_rate(double memory_limit, double seconds, double *rate) {
    size_t bytes = TRIAD_CACHES * last_level_cache();
    if (bytes < TRIAD_BYTES_LEAST) bytes = TRIAD_BYTES_LEAST;
    if ((double)bytes > memory_limit / 2) bytes = (size_t)(memory_limit / 2);
    long count = (long)(bytes / 3 / sizeof(float));
    Arena arena;
    STATUS_TRY(arena_open(&arena, bytes + 192));
    float *a = arena_take(&arena, (size_t)count * sizeof *a);
    float *b = arena_take(&arena, (size_t)count * sizeof *b);
    float *c = arena_take(&arena, (size_t)count * sizeof *c);
    if (!a || !b || !c) {
        arena_close(&arena);
        return STATUS_MEMORY;
    }
#pragma omp parallel for simd schedule(static)
    for (long i = 0; i < count; i++) {
        a[i] = 0;
        b[i] = 1;
        c[i] = 2;
    }
    double start = 0, spent = 0;
    int passes = -1;
    while (passes < 1 || spent < seconds) {
        if (passes == 0) start = clock_seconds();
        float factor = 0.5f + 0.25f * (float)(passes & 1);
#pragma omp parallel for simd schedule(static)
        for (long i = 0; i < count; i++) a[i] = b[i] + factor * c[i];
        passes++;
        if (passes > 0) spent = clock_seconds() - start;
    }
    *rate = 3.0 * (double)count * sizeof(float) * passes / spent;
    arena_close(&arena);
    return STATUS_OK;
}

Status session_measure_peaks(Session *session) {
    const Plan *plan = &session->plan;
    if (session->peaks == PEAKS_MAX) return STATUS_OK;
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "peak %d", session->peaks);
    double pair[2];
    if (!store_get(session->store, name, pair, 2)) {
        STATUS_TRY(session_check(session));
        int size = plan->gemm_size;
        STATUS_TRY(session_gemm_rate(size, size, size, plan->peak_seconds, &pair[0]));
        STATUS_TRY(triad_rate(plan->memory_limit, plan->peak_seconds / 2, &pair[1]));
        STATUS_TRY(store_put(session->store, name, pair, 2));
    }
    session->gemm[session->peaks] = pair[0];
    session->bandwidth[session->peaks] = pair[1];
    session->peaks++;
    session_done(session, 2 * plan->peak_seconds, "peaks");
    return STATUS_OK;
}

static double largest(const double *values, int count) {
    double best = 0;
    for (int i = 0; i < count; i++) best = fmax(best, values[i]);
    return best;
}

double session_gemm_peak(const Session *session) {
    return largest(session->gemm, session->peaks);
}

double session_bandwidth_peak(const Session *session) {
    return largest(session->bandwidth, session->peaks);
}

/* --- the GEMM curve -------------------------------------------------------------------------- */

static double point_seconds(const Session *session) {
    return session->plan.peak_seconds / 4;
}

double session_curve_expect(const Session *session) {
    double total = 0;
    for (int size = 64; size <= session->plan.curve_largest; size *= 2)
        total += 3 * point_seconds(session);
    return total;
}

Status session_measure_curve(Session *session) {
    const Plan *plan = &session->plan;
    session->points = 0;
    for (int size = 64; size <= plan->curve_largest && session->points + 2 <= CURVE_MAX; size *= 2)
        for (int scores = 0; scores < 2; scores++) {
            CurvePoint *point = &session->curve[session->points];
            *point = (CurvePoint){scores ? "scores" : "square", size, size,
                                  scores ? plan->width : size, 0};
            char name[STORE_NAME_MAX];
            snprintf(name, sizeof name, "gemm %s %d", point->shape, size);
            if (!store_get(session->store, name, &point->rate, 1)) {
                STATUS_TRY(session_check(session));
                STATUS_TRY(session_gemm_rate(point->m, point->n, point->k, point_seconds(session),
                                             &point->rate));
                STATUS_TRY(store_put(session->store, name, &point->rate, 1));
            }
            session->points++;
            session_done(session, 1.5 * point_seconds(session), "gemm");
        }
    return STATUS_OK;
}

/* --- estimates ------------------------------------------------------------------------------ */

/* Rough, for the estimate of the whole run only: the products at 70 % of the peak, a vectorised
 * exponential as dear as 40 operations of a product, and what the method stores passing through
 * memory four times. */
double session_expect(const Session *session, const Case *one, Direction direction) {
    AttentionWork work = attention_work(&one->attention, direction);
    double peak = session_gemm_peak(session), bandwidth = session_bandwidth_peak(session);
    double moved = case_inputs_bytes(one->shape, direction) + 4 * work.bytes;
    return 5e-6 + work.flops / (0.7 * peak) + 40 * work.exponentials / peak + moved / bandwidth;
}
