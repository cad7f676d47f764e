#define _GNU_SOURCE
#include "q4_complexity_session.h"
#include "base/interrupt.h"
#include "peaks.h"

#include <math.h>
#include <stdio.h>

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

/* Both are bounded where little is free: by an eighth of it. */
#define SCRATCH_SHARE 8
#define COPY_BYTES    ((size_t)1 << 30) /* many times a GPU's cache */

static size_t scratch_bytes(const Plan *plan) {
    const size_t size = plan->gemm_size > plan->curve_largest ? (size_t)plan->gemm_size
                                                              : (size_t)plan->curve_largest;
    const size_t products = 4 * size * size * sizeof(float), copies = 2 * COPY_BYTES;
    return (products > copies ? products : copies) + 3 * 64;
}

/* The largest product of this kind that the scratch memory holds. */
static int fitting(const Session *session, int size) {
    while (size > 1 &&
           4 * ((size_t)size * (size_t)size * sizeof(float) + 64) > session->scratch.capacity)
        size /= 2;
    return size;
}

Status session_take_room(Session *session) {
    Plan *plan = &session->plan;
    STATUS_TRY(room_open(&session->room, plan->device));
    if (!room_is_gpu(&session->room)) return STATUS_OK;
    const size_t bytes = scratch_bytes(plan);
    const size_t most = room_left(&session->room) / SCRATCH_SHARE / 64 * 64;
    STATUS_TRY(room_arena(&session->room, bytes < most ? bytes : most, &session->scratch));
    plan->gemm_size = fitting(session, plan->gemm_size);
    plan->curve_largest = fitting(session, plan->curve_largest);
    return STATUS_OK;
}

void session_leave_room(Session *session) {
    if (!session->room.device) return;
    room_arena_close(&session->room, &session->scratch);
    room_close(&session->room);
}

static Status measure_gemm(Session *session, Precision precision, int m, int n, int k,
                           double seconds, double *rate) {
    if (room_is_gpu(&session->room))
        return peaks_device_gemm_rate(session->room.device, precision, &session->scratch, m, n, k,
                                      seconds, rate);
    return peaks_gemm_rate(m, n, k, seconds, rate);
}

static Status measure_bandwidth(Session *session, double seconds, double *rate) {
    const Plan *plan = &session->plan;
    if (!room_is_gpu(&session->room)) {
        size_t bytes = (size_t)fmin((double)peaks_memory_bytes(), plan->memory_limit / 2);
        return peaks_triad_rate(bytes, seconds, rate);
    }
    const size_t half = session->scratch.capacity / 2 / 64 * 64;
    return peaks_copy_rate(session->room.device, &session->scratch,
                           half < COPY_BYTES ? half : COPY_BYTES, seconds, rate);
}

static int wants_precision(const Plan *plan, Precision precision) {
    for (int v = 0; v < VARIANT_COUNT; v++)
        if (plan->variants[v] && case_variants[v].precision == precision) return 1;
    return 0;
}

Status session_measure_peaks(Session *session) {
    const Plan *plan = &session->plan;
    if (session->peaks == PEAKS_MAX) return STATUS_OK;
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "peak %d", session->peaks);
    double rate[PRECISIONS + 1] = {0}; /* the bandwidth last */
    if (!store_get(session->store, name, rate, PRECISIONS + 1)) {
        STATUS_TRY(session_check(session));
        int size = plan->gemm_size;
        for (int p = 0; p < PRECISIONS; p++)
            if (p == PRECISION_F32 || wants_precision(plan, (Precision)p))
                STATUS_TRY(measure_gemm(session, (Precision)p, size, size, size, plan->peak_seconds,
                                        &rate[p]));
        STATUS_TRY(measure_bandwidth(session, plan->peak_seconds / 2, &rate[PRECISIONS]));
        STATUS_TRY(store_put(session->store, name, rate, PRECISIONS + 1));
    }
    for (int p = 0; p < PRECISIONS; p++) session->gemm[p][session->peaks] = rate[p];
    session->bandwidth[session->peaks] = rate[PRECISIONS];
    session->peaks++;
    session_done(session, 2 * plan->peak_seconds, "peaks");
    return STATUS_OK;
}

static double largest(const double *values, int count) {
    double best = 0;
    for (int i = 0; i < count; i++) best = fmax(best, values[i]);
    return best;
}

double session_gemm_peak(const Session *session, Precision precision) {
    return largest(session->gemm[precision], session->peaks);
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
                STATUS_TRY(measure_gemm(session, PRECISION_F32, point->m, point->n, point->k,
                                        point_seconds(session), &point->rate));
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
    double peak = session_gemm_peak(session, PRECISION_F32);
    double products = session_gemm_peak(session, one->attention.precision);
    double bandwidth = session_bandwidth_peak(session);
    double moved = case_inputs_bytes(one->shape, direction) + 4 * work.bytes;
    return 5e-6 + work.flops / (0.7 * products) + 40 * work.exponentials / peak + moved / bandwidth;
}
