/* fit: exponents of measured curves, with intervals.
 *
 * A power law y = c x^s is a straight line in logarithms, fitted there by least squares so that
 * every size counts the same in relative error (a fit in y itself is decided by the largest size
 * alone). The interval comes from a bootstrap over the repetitions at each size.
 *
 *     // 3 sizes, 5 repetitions each, y[size][repetition] row-major
 *     FitPower fit;
 *     STATUS_TRY(fit_power(x, y, 3, 5, seed, &fit));
 *     printf("slope %.2f [%.2f, %.2f]\n", fit.slope, fit.slope_low, fit.slope_high);
 */
#ifndef STAT_FIT_H
#define STAT_FIT_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define FIT_SIZES_MAX 64

typedef struct {
    size_t sizes;
    double slope, slope_low, slope_high; /* exponent s and its 95 % bootstrap interval */
    double constant;                     /* c */
    double residual;                     /* root mean square of the relative residuals (log) */
    double local[FIT_SIZES_MAX];         /* local[i]: slope between size i and i+1, of medians;
                                            sizes - 1 of them */
    double local_low[FIT_SIZES_MAX], local_high[FIT_SIZES_MAX]; /* their 95 % intervals */
} FitPower;

/* x [sizes] ascending and positive; y [sizes, repetitions] positive. At least 2 sizes. The centre
 * of each size is the median of its repetitions. Intervals are percentiles of 2000 resamples of the
 * repetitions, widened where needed so that low <= value <= high; with one repetition they have no
 * width. STATUS_ARGUMENT names the offending value. */
Status fit_power(const double *x, const double *y, size_t sizes, size_t repetitions, uint64_t seed,
                 FitPower *out);

/* Where curve A stops being cheaper than curve B: the smallest x beyond which B stays below A, by
 * linear interpolation in logarithms between neighbouring sizes, with a bootstrap interval (A and B
 * resampled independently). An interval that reaches the first or last size is open there: some
 * resamples did not cross within the range.
 * crossed = 0 when there is no such x in the range, and then `bound` says on which side:
 * -1 B is below at every size (x, low and high are the first size: it lies at or before that),
 * +1 A is not above B at the largest size (x, low and high are the last size: it lies beyond). */
typedef struct {
    int crossed;
    int bound;
    double x, low, high;
} FitCrossing;

Status fit_crossing(const double *x, const double *a, const double *b, size_t sizes,
                    size_t repetitions, uint64_t seed, FitCrossing *out);

/* Ordinary least squares y = intercept + slope x with the usual t interval: infinite for two
 * points, which leave nothing to judge it by. r2 is 1 where all y are equal. */
typedef struct {
    double intercept, slope, slope_low, slope_high, r2;
} FitLine;

Status fit_line(const double *x, const double *y, size_t count, FitLine *out);

#endif
