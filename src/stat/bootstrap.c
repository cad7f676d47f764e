#include "stat/bootstrap.h"
#include "base/rng.h"
#include "stat/summary.h"
#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bootstrap_mean(const double *values, size_t count, void *context) {
    (void)context;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

double bootstrap_median(const double *values, size_t count, void *context) {
    (void)context;
    return summary_of(values, count).median;
}

static Status resample(const double *values, size_t count, BootstrapStatistic statistic,
                       void *context, size_t draws, uint64_t seed, double *sample, double *drawn) {
    uint64_t stream = rng_stream("stat.bootstrap");
    for (size_t draw = 0; draw < draws; draw++) {
        for (size_t i = 0; i < count; i++)
            sample[i] = values[rng_below(seed, stream, draw * count + i, count)];
        drawn[draw] = statistic(sample, count, context);
        if (isnan(drawn[draw]))
            return status_fail(STATUS_ARGUMENT,
                               "bootstrap: the statistic is not a number on resample %zu of %zu; "
                               "it must be defined on every resample of the data",
                               draw, draws);
    }
    return STATUS_OK;
}

Status bootstrap_interval(const double *values, size_t count, BootstrapStatistic statistic,
                          void *context, size_t draws, uint64_t seed, Interval *out) {
    if (count == 0 || draws < 40)
        return status_fail(STATUS_ARGUMENT,
                           "bootstrap: expected at least 1 value and 40 draws, found %zu and %zu",
                           count, draws);
    double value = statistic(values, count, context);
    if (isnan(value))
        return status_fail(STATUS_ARGUMENT,
                           "bootstrap: the statistic of the %zu values is not a number", count);
    double *sample = malloc(count * sizeof *sample);
    double *drawn = malloc(draws * sizeof *drawn);
    Status status = STATUS_OK;
    if (!sample || !drawn)
        status = status_fail(STATUS_MEMORY, "bootstrap: no memory for %zu values and %zu draws",
                             count, draws);
    else
        status = resample(values, count, statistic, context, draws, seed, sample, drawn);
    if (status == STATUS_OK) {
        qsort(drawn, draws, sizeof *drawn, compare_doubles);
        out->value = value;
        out->low = fmin(value, summary_quantile(drawn, draws, 0.025));
        out->high = fmax(value, summary_quantile(drawn, draws, 0.975));
    }
    free(sample);
    free(drawn);
    return status;
}
