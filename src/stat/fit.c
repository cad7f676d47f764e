#include "stat/fit.h"
#include "base/rng.h"
#include "stat/summary.h"
#include <math.h>
#include <stdlib.h>

enum { DRAWS = 2000 };

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* --- curves: repetitions at ascending sizes ----------------------------------------------- */

static Status curve_check(const char *who, const char *name, const double *x, const double *y,
                          size_t sizes, size_t repetitions) {
    if (sizes < 2 || sizes > FIT_SIZES_MAX || repetitions < 1)
        return status_fail(
            STATUS_ARGUMENT,
            "%s: expected 2 to %d sizes and at least 1 repetition, found %zu and %zu", who,
            FIT_SIZES_MAX, sizes, repetitions);
    for (size_t i = 0; i < sizes; i++) {
        if (!(x[i] > 0) || !isfinite(x[i]) || (i && !(x[i] > x[i - 1])))
            return status_fail(STATUS_ARGUMENT,
                               "%s: sizes must be positive, finite and ascending; size %zu is %g",
                               who, i, x[i]);
        for (size_t r = 0; r < repetitions; r++)
            if (!(y[i * repetitions + r] > 0) || !isfinite(y[i * repetitions + r]))
                return status_fail(STATUS_ARGUMENT,
                                   "%s: %s must be positive and finite for logarithms; repetition "
                                   "%zu at size %g is %g",
                                   who, name, r, x[i], y[i * repetitions + r]);
    }
    return STATUS_OK;
}

/* A copy of y [sizes, repetitions] in which each size's repetitions ascend; NULL without memory. */
static double *curve_sorted(const double *y, size_t sizes, size_t repetitions) {
    double *sorted = malloc(sizes * repetitions * sizeof *sorted);
    if (!sorted) return NULL;
    for (size_t i = 0; i < sizes * repetitions; i++) sorted[i] = y[i];
    for (size_t i = 0; i < sizes; i++)
        qsort(sorted + i * repetitions, repetitions, sizeof *sorted, compare_doubles);
    return sorted;
}

static void curve_log_medians(const double *sorted, size_t sizes, size_t repetitions, double *out) {
    for (size_t i = 0; i < sizes; i++)
        out[i] = log(summary_quantile(sorted + i * repetitions, repetitions, 0.5));
}

/* The same for one bootstrap draw: each size's repetitions are drawn again with replacement. As
 * they are sorted, counting how often each rank was drawn gives the median without a sort.
 * `counts` holds `repetitions` numbers. */
static void curve_log_medians_drawn(const double *sorted, size_t sizes, size_t repetitions,
                                    uint64_t seed, uint64_t stream, size_t draw, size_t *counts,
                                    double *out) {
    size_t lower = (repetitions - 1) / 2, upper = repetitions / 2;
    for (size_t i = 0; i < sizes; i++) {
        const double *ranked = sorted + i * repetitions;
        for (size_t r = 0; r < repetitions; r++) counts[r] = 0;
        for (size_t r = 0; r < repetitions; r++) {
            uint64_t index = ((uint64_t)draw * sizes + i) * repetitions + r;
            counts[rng_below(seed, stream, index, repetitions)]++;
        }
        size_t seen = 0, rank = 0;
        while (seen + counts[rank] <= lower) seen += counts[rank++];
        double median = ranked[rank];
        while (seen + counts[rank] <= upper) seen += counts[rank++];
        out[i] = log(median + 0.5 * (ranked[rank] - median));
    }
}

/* The 95 % percentile interval of `drawn`, which is sorted; widened where needed to hold `value`.
 */
static void percentile_interval(double *drawn, double value, double *low, double *high) {
    qsort(drawn, DRAWS, sizeof *drawn, compare_doubles);
    *low = fmin(value, summary_quantile(drawn, DRAWS, 0.025));
    *high = fmax(value, summary_quantile(drawn, DRAWS, 0.975));
}

/* --- power laws ---------------------------------------------------------------------------- */

static void least_squares(const double *x, const double *y, size_t count, double *slope,
                          double *intercept) {
    double mean_x = 0, mean_y = 0, sxx = 0, sxy = 0;
    for (size_t i = 0; i < count; i++) {
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        sxx += (x[i] - mean_x) * (x[i] - mean_x);
        sxy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    *slope = sxy / sxx;
    *intercept = mean_y - *slope * mean_x;
}

static double local_slope(const double *log_x, const double *log_y, size_t i) {
    return (log_y[i + 1] - log_y[i]) / (log_x[i + 1] - log_x[i]);
}

/* `drawn` holds [sizes, DRAWS]: row 0 the overall slopes, row 1 + i the local ones. */
static void power_intervals(const double *log_x, const double *sorted, size_t sizes,
                            size_t repetitions, uint64_t seed, double *drawn, size_t *counts,
                            FitPower *out) {
    uint64_t stream = rng_stream("stat.fit.power");
    double centre[FIT_SIZES_MAX], intercept;
    for (size_t draw = 0; draw < DRAWS; draw++) {
        curve_log_medians_drawn(sorted, sizes, repetitions, seed, stream, draw, counts, centre);
        least_squares(log_x, centre, sizes, &drawn[draw], &intercept);
        for (size_t i = 0; i + 1 < sizes; i++)
            drawn[(1 + i) * DRAWS + draw] = local_slope(log_x, centre, i);
    }
    percentile_interval(drawn, out->slope, &out->slope_low, &out->slope_high);
    for (size_t i = 0; i + 1 < sizes; i++)
        percentile_interval(drawn + (1 + i) * DRAWS, out->local[i], &out->local_low[i],
                            &out->local_high[i]);
}

Status fit_power(const double *x, const double *y, size_t sizes, size_t repetitions, uint64_t seed,
                 FitPower *out) {
    STATUS_TRY(curve_check("fit_power", "y", x, y, sizes, repetitions));
    double *sorted = curve_sorted(y, sizes, repetitions);
    double *drawn = malloc(sizes * DRAWS * sizeof *drawn);
    size_t *counts = malloc(repetitions * sizeof *counts);
    Status status = STATUS_OK;
    if (!sorted || !drawn || !counts) {
        status = status_fail(STATUS_MEMORY, "fit_power: no memory for %zu sizes of %zu repetitions",
                             sizes, repetitions);
    } else {
        double log_x[FIT_SIZES_MAX] = {0}, centre[FIT_SIZES_MAX] = {0}, intercept, squares = 0;
        *out = (FitPower){.sizes = sizes};
        for (size_t i = 0; i < sizes; i++) log_x[i] = log(x[i]);
        curve_log_medians(sorted, sizes, repetitions, centre);
        least_squares(log_x, centre, sizes, &out->slope, &intercept);
        for (size_t i = 0; i + 1 < sizes; i++) out->local[i] = local_slope(log_x, centre, i);
        for (size_t i = 0; i < sizes; i++) {
            double residual = centre[i] - intercept - out->slope * log_x[i];
            squares += residual * residual;
        }
        out->constant = exp(intercept);
        out->residual = sqrt(squares / (double)sizes);
        power_intervals(log_x, sorted, sizes, repetitions, seed, drawn, counts, out);
    }
    free(sorted);
    free(drawn);
    free(counts);
    return status;
}

/* --- crossings ----------------------------------------------------------------------------- */

/* log x of the last change from "A at or below B" to "B below A"; -INFINITY where B is below
 * everywhere, INFINITY where A is at or below B at the largest size. */
static double log_crossing(const double *log_x, const double *log_a, const double *log_b,
                           size_t sizes) {
    size_t i = sizes;
    while (i > 0 && log_a[i - 1] > log_b[i - 1]) i--;
    if (i == 0) return -INFINITY;
    if (i == sizes) return INFINITY;
    double before = log_a[i - 1] - log_b[i - 1], after = log_a[i] - log_b[i];
    return log_x[i - 1] + (log_x[i] - log_x[i - 1]) * -before / (after - before);
}

static double clamp(double value, double low, double high) {
    return fmin(fmax(value, low), high);
}

static void crossing_find(const double *x, const double *sorted_a, const double *sorted_b,
                          size_t sizes, size_t repetitions, uint64_t seed, double *drawn,
                          size_t *counts, FitCrossing *out) {
    double log_x[FIT_SIZES_MAX], a[FIT_SIZES_MAX], b[FIT_SIZES_MAX];
    for (size_t i = 0; i < sizes; i++) log_x[i] = log(x[i]);
    curve_log_medians(sorted_a, sizes, repetitions, a);
    curve_log_medians(sorted_b, sizes, repetitions, b);
    double at = log_crossing(log_x, a, b, sizes);
    if (isinf(at)) {
        double edge = at < 0 ? x[0] : x[sizes - 1];
        *out = (FitCrossing){0, at < 0 ? -1 : 1, edge, edge, edge};
        return;
    }
    uint64_t stream_a = rng_stream("stat.fit.crossing.a"),
             stream_b = rng_stream("stat.fit.crossing.b");
    for (size_t draw = 0; draw < DRAWS; draw++) {
        curve_log_medians_drawn(sorted_a, sizes, repetitions, seed, stream_a, draw, counts, a);
        curve_log_medians_drawn(sorted_b, sizes, repetitions, seed, stream_b, draw, counts, b);
        drawn[draw] = clamp(log_crossing(log_x, a, b, sizes), log_x[0], log_x[sizes - 1]);
    }
    *out = (FitCrossing){.crossed = 1, .x = exp(at)};
    percentile_interval(drawn, at, &out->low, &out->high);
    out->low = clamp(exp(out->low), x[0], out->x);
    out->high = clamp(exp(out->high), out->x, x[sizes - 1]);
}

Status fit_crossing(const double *x, const double *a, const double *b, size_t sizes,
                    size_t repetitions, uint64_t seed, FitCrossing *out) {
    STATUS_TRY(curve_check("fit_crossing", "a", x, a, sizes, repetitions));
    STATUS_TRY(curve_check("fit_crossing", "b", x, b, sizes, repetitions));
    double *sorted_a = curve_sorted(a, sizes, repetitions);
    double *sorted_b = curve_sorted(b, sizes, repetitions);
    double *drawn = malloc(DRAWS * sizeof *drawn);
    size_t *counts = malloc(repetitions * sizeof *counts);
    Status status = STATUS_OK;
    if (!sorted_a || !sorted_b || !drawn || !counts)
        status =
            status_fail(STATUS_MEMORY, "fit_crossing: no memory for %zu sizes of %zu repetitions",
                        sizes, repetitions);
    else
        crossing_find(x, sorted_a, sorted_b, sizes, repetitions, seed, drawn, counts, out);
    free(sorted_a);
    free(sorted_b);
    free(drawn);
    free(counts);
    return status;
}

/* --- lines --------------------------------------------------------------------------------- */

/* P(|T| <= t) of Student's t with a whole number of degrees of freedom: Abramowitz & Stegun,
 * 26.7.3 and 26.7.4. */
static double student_two_sided(double t, size_t freedom) {
    double angle = atan(t / sqrt((double)freedom)), cosine = cos(angle), sum = 0;
    size_t odd = freedom % 2;
    double term = odd ? cosine : 1;
    for (size_t power = odd; power + 2 <= freedom; power += 2) {
        sum += term;
        term *= cosine * cosine * (double)(power + 1) / (double)(power + 2);
    }
    return odd ? 2 / acos(-1) * (angle + sin(angle) * sum) : sin(angle) * sum;
}

static double student_95(size_t freedom) {
    double low = 0, high = 16; /* 12.71 for one degree of freedom, less for all others */
    for (int step = 0; step < 60; step++) {
        double middle = 0.5 * (low + high);
        if (student_two_sided(middle, freedom) < 0.95)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

Status fit_line(const double *x, const double *y, size_t count, FitLine *out) {
    if (count < 2)
        return status_fail(STATUS_ARGUMENT, "fit_line: expected at least 2 points, found %zu",
                           count);
    double mean_x = 0, mean_y = 0, sxx = 0, syy = 0, residuals = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            return status_fail(STATUS_ARGUMENT, "fit_line: point %zu is (%g, %g), not finite", i,
                               x[i], y[i]);
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        sxx += (x[i] - mean_x) * (x[i] - mean_x);
        syy += (y[i] - mean_y) * (y[i] - mean_y);
    }
    if (!(sxx > 0))
        return status_fail(STATUS_ARGUMENT,
                           "fit_line: all %zu points have x = %g; a slope needs two different x",
                           count, x[0]);
    least_squares(x, y, count, &out->slope, &out->intercept);
    for (size_t i = 0; i < count; i++) {
        double residual = y[i] - out->intercept - out->slope * x[i];
        residuals += residual * residual;
    }
    out->r2 = syy > 0 ? 1 - residuals / syy : 1;
    double half = INFINITY; /* two points leave no residual to judge the slope by */
    if (count > 2) half = student_95(count - 2) * sqrt(residuals / (double)(count - 2) / sxx);
    out->slope_low = out->slope - half;
    out->slope_high = out->slope + half;
    return STATUS_OK;
}
