/* q4_complexity_cross: from which length on kernel attention (favor_positive, right order, forward)
 * is faster than softmax attention: at equal head width, and at equal error.
 *
 *     Cross *cross = cross_new();
 *     STATUS_TRY(cross_measure(&session, cross));
 *
 * Equal width: over head widths d and features R, on a grid of lengths half an octave apart, all
 * interleaved at each length. A kernel with R features is not tried below length R/4: there it does
 * at least eight times the multiplications of exact attention. It is left alone once it wins twice
 * running by half as much again, or when a call would take too long.
 *
 * Equal error: the smallest R (again half an octave apart) whose output differs from exact
 * attention's by at most a target, ||approximate - exact||_F / ||exact||_F, mean over independent
 * inputs and projections; that R then joins the grid. How large an R that is depends on how peaked
 * attention is: it is looked up for entries of queries and keys of deviation 1 and of 1/2 (scores
 * of deviation 1 and of 1/4).
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_CROSS_H
#define EXPERIMENTS_Q4_COMPLEXITY_CROSS_H

#include "q4_complexity_session.h"

enum { CROSS_LENGTHS_MAX = 40, CROSS_FEATURES_MAX = 16, CROSS_ERRORS_MAX = 48, CROSS_EXACT = 3 };

typedef enum { CROSS_CROSSED, CROSS_NEVER, CROSS_ALWAYS, CROSS_UNMEASURED } CrossStatus;

/* Where kernel attention begins to win. NEVER: not up to `low` (length and high are infinite).
 * ALWAYS: at every length measured, from `high` on (length and low are 0). */
typedef struct {
    CrossStatus status;
    double length, low, high;
} CrossPoint;

typedef struct {
    int features;
    double error, low, high; /* relative, mean over draws and its 95 % interval */
} CrossError;

typedef struct {
    int width;
    int columns, features[CROSS_FEATURES_MAX]; /* ascending */
    CrossPoint point[CROSS_FEATURES_MAX][CROSS_EXACT];
    struct {
        int errors;
        CrossError error[CROSS_ERRORS_MAX];
        int needed[PLAN_GRID_MAX]; /* R for each target error; 0: not reached */
    } by[PLAN_GRID_MAX];           /* each deviation of the plan */
} CrossWidth;

typedef struct {
    CrossWidth width[PLAN_GRID_MAX];
} Cross;

/* "tiled", "materialised", and of a GPU "tiled_bf16". */
extern const char *const cross_exact[CROSS_EXACT];

/* "crossed", "never", "always". */
const char *cross_status_name(CrossStatus status);

/* NULL without memory; the caller's to free(). */
Cross *cross_new(void);

double cross_expect(const Session *session);

Status cross_measure(Session *session, Cross *cross);

#endif
