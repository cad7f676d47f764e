/* summary: what a handful of repeated measurements says.
 *
 *     Summary s = summary_of(seconds, 9);
 *     printf("%.3g (%.3g to %.3g)\n", s.median, s.median_low, s.median_high);
 */
#ifndef STAT_SUMMARY_H
#define STAT_SUMMARY_H

#include "stat/bootstrap.h"
#include <stddef.h>

typedef struct {
    size_t count;
    double minimum, maximum, mean, median;
    double deviation; /* sample standard deviation (n-1); 0 for one sample */
    double quartile_low, quartile_high;
    double median_low, median_high; /* distribution-free interval of the median from order
                                       statistics, coverage at least 95 % where count allows (6 or
                                       more); else the whole range */
    double spread; /* median absolute deviation from the median, as a share of the median */
} Summary;

/* `values` is not changed. count 0, a NaN among the values, or no memory give NaNs. */
Summary summary_of(const double *values, size_t count);

/* The median with its interval. */
Interval summary_median(Summary s);

/* Quantile with linear interpolation (type 7), p in [0, 1]; `sorted` ascending. */
double summary_quantile(const double *sorted, size_t count, double p);

/* marks[i] = 1 where the modified Z-score (Iglewicz & Hoaglin 1993) exceeds 3.5. Returns how many.
 */
size_t summary_outliers(const double *values, size_t count, unsigned char *marks);

#endif
