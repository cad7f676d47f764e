#include "stat/summary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double summary_quantile(const double *sorted, size_t count, double p) {
    if (count == 0 || !(p >= 0 && p <= 1)) return NAN;
    double position = p * (double)(count - 1);
    size_t below = (size_t)position;
    if (below + 1 >= count) return sorted[count - 1];
    double share = position - (double)below;
    /* Without this, an infinity in the upper neighbour would make 0 * inf of an exact hit. */
    if (share == 0) return sorted[below];
    return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

/* A sorted copy, or NULL where there is no memory or where a NaN leaves no order to sort by. */
static double *sorted_copy(const double *values, size_t count) {
    double *sorted = malloc(count * sizeof *sorted);
    if (!sorted) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            free(sorted);
            return NULL;
        }
        sorted[i] = values[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    return sorted;
}

/* Overwrites `values` with their absolute deviations from `centre`, sorted; gives the median. */
static double deviations_median(double *values, size_t count, double centre) {
    for (size_t i = 0; i < count; i++) values[i] = fabs(values[i] - centre);
    qsort(values, count, sizeof *values, compare_doubles);
    return summary_quantile(values, count, 0.5);
}

/* The rank k (from 1) for which [x_(k), x_(n+1-k)] covers the median with at least 95 %: the
 * largest k with P(Binomial(n, 1/2) < k) <= 0.025. 0 where even the whole range covers less. */
static size_t median_interval_rank(size_t count) {
    double n = (double)count, below = 0;
    size_t k = 0;
    while (k < count) {
        double i = (double)k;
        below += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) - n * log(2));
        if (below > 0.025) break;
        k++;
    }
    return k;
}

Summary summary_of(const double *values, size_t count) {
    Summary s = {count, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (count == 0) return s;
    double *sorted = sorted_copy(values, count);
    if (!sorted) return s;

    s.minimum = sorted[0];
    s.maximum = sorted[count - 1];
    s.median = summary_quantile(sorted, count, 0.5);
    s.quartile_low = summary_quantile(sorted, count, 0.25);
    s.quartile_high = summary_quantile(sorted, count, 0.75);
    size_t rank = median_interval_rank(count);
    s.median_low = sorted[rank ? rank - 1 : 0];
    s.median_high = sorted[rank ? count - rank : count - 1];

    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += sorted[i];
    s.mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) squares += (sorted[i] - s.mean) * (sorted[i] - s.mean);
    s.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;

    double typical = deviations_median(sorted, count, s.median);
    s.spread = typical == 0 ? 0 : typical / fabs(s.median);
    free(sorted);
    return s;
}

Interval summary_median(Summary s) {
    return (Interval){s.median, s.median_low, s.median_high};
}

size_t summary_outliers(const double *values, size_t count, unsigned char *marks) {
    memset(marks, 0, count);
    if (count == 0) return 0;
    double *sorted = sorted_copy(values, count);
    if (!sorted) return 0;
    double median = summary_quantile(sorted, count, 0.5);
    /* 1.4826 and 1.2533 make either deviation estimate the standard deviation of a normal sample.
     * The second is for the case that half of the values are equal (Iglewicz & Hoaglin, 3.4). */
    double scale = 1.482602 * deviations_median(sorted, count, median);
    if (scale == 0) {
        for (size_t i = 0; i < count; i++) scale += sorted[i] / (double)count;
        scale *= 1.253314;
    }
    free(sorted);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        marks[i] = scale > 0 && fabs(values[i] - median) / scale > 3.5;
        found += marks[i];
    }
    return found;
}
