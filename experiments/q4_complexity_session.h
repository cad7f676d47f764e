/* q4_complexity_session: what the stages of q4_complexity share: the plan, the checkpoint, the
 * progress line, the answer to Ctrl-C, and the machine's peaks.
 *
 *     double seconds[2];
 *     if (!store_get(session->store, name, seconds, 2)) {
 *         STATUS_TRY(session_check(session));               // Ctrl-C ends here
 *         ... measure into seconds ...
 *         STATUS_TRY(store_put(session->store, name, seconds, 2));
 *     }
 *     session_done(session, expected_seconds, name);
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_SESSION_H
#define EXPERIMENTS_Q4_COMPLEXITY_SESSION_H

#include "base/progress.h"
#include "q4_complexity_plan.h"
#include "store.h"

enum { PEAKS_MAX = 64, CURVE_MAX = 48, PRECISIONS = PRECISION_TF32 + 1 };

/* One point of the GEMM curve: C[m,n] = A[m,k] B[n,k]'. */
typedef struct {
    const char *shape; /* "square": m = n = k; "scores": m = n, k the width of a head */
    int m, n, k;
    double rate; /* flop/s */
} CurvePoint;

typedef struct {
    Plan plan;
    Store *store;
    Room room;     /* of the device that is measured */
    Arena scratch; /* a GPU's, for its peaks: there beside every workspace */
    Progress progress;
    double expected, done; /* seconds by estimate: of the whole run, and of what is finished */
    int peaks;             /* measurements of the peaks so far, spread over the run */
    double gemm[PRECISIONS][PEAKS_MAX]; /* flop/s by Precision; 0: not measured */
    double bandwidth[PEAKS_MAX];        /* byte/s */
    int lacking[VARIANT_COUNT];         /* 1: the device has no such operation, not even forward */
    int points;
    CurvePoint curve[CURVE_MAX];
} Session;

/* STATUS_INTERRUPTED once Ctrl-C was pressed. */
Status session_check(const Session *session);

/* Adds to the progress line. */
void session_done(Session *session, double expected_seconds, const char *detail);

/* Takes the device's memory, and gives it back, so that other processes may have it for a while. On
 * the CPU nothing is taken. Where a GPU has little, plan.gemm_size and plan.curve_largest shrink.
 */
Status session_take_room(Session *session);
void session_leave_room(Session *session);

/* Measures GEMM (square, plan.gemm_size) and memory bandwidth (the CPU's triad, a GPU's copy;
 * peaks.h) once more. Called again and again through the run, since a shared machine changes. */
Status session_measure_peaks(Session *session);

/* The best sustained so far: what shares of peak refer to. */
double session_gemm_peak(const Session *session, Precision precision);
double session_bandwidth_peak(const Session *session);

/* How the GEMM's own speed depends on its size: from 64 by doubling, as squares and as the product
 * of scores QK'. A method made of small products cannot be faster than these. */
Status session_measure_curve(Session *session);
double session_curve_expect(const Session *session);

/* Seconds that one call is expected to take, from the counted work and the measured peaks. */
double session_expect(const Session *session, const Case *one, Direction direction);

#endif
