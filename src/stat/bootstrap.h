/* bootstrap: percentile intervals of any statistic, by resampling with the counter-based RNG. */
#ifndef STAT_BOOTSTRAP_H
#define STAT_BOOTSTRAP_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    double value, low, high; /* the statistic on the data; its 95 % percentile interval */
} Interval;

/* A statistic of `count` values. */
typedef double (*BootstrapStatistic)(const double *values, size_t count, void *context);

/* `draws` resamples (2000 is usual; at least 40). Same seed, same interval; widened where needed so
 * that low <= value <= high. STATUS_ARGUMENT where the statistic of a resample is not a number. */
Status bootstrap_interval(const double *values, size_t count, BootstrapStatistic statistic,
                          void *context, size_t draws, uint64_t seed, Interval *out);

/* Ready-made statistics. */
double bootstrap_mean(const double *values, size_t count, void *context);
double bootstrap_median(const double *values, size_t count, void *context);

#endif
