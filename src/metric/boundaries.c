#include "metric/boundaries.h"

#include "base/rng.h"
#include "stat/summary.h"

#include <stdlib.h>
#include <string.h>

static double share(double part, double whole) {
    return whole > 0 ? part / whole : 1;
}

double boundaries_precision(const BoundaryCounts *counts) {
    return share((double)counts->right, (double)(counts->right + counts->wrong));
}

double boundaries_recall(const BoundaryCounts *counts) {
    return share((double)counts->right, (double)(counts->right + counts->missed));
}

double boundaries_f1(const BoundaryCounts *counts) {
    return share(2.0 * (double)counts->right,
                 2.0 * (double)counts->right + (double)(counts->wrong + counts->missed));
}

static Status check_ascending(const char *name, const size_t *offsets, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (offsets[i] <= offsets[i - 1])
            return status_fail(STATUS_ARGUMENT,
                               "boundaries: the %s cuts must ascend; cut %zu is at %zu, after %zu",
                               name, i, offsets[i], offsets[i - 1]);
    return STATUS_OK;
}

Status boundaries_count(const size_t *gold, size_t gold_count, const size_t *found,
                        size_t found_count, BoundaryCounts *counts, BoundaryUnit *units) {
    STATUS_TRY(check_ascending("true", gold, gold_count));
    STATUS_TRY(check_ascending("found", found, found_count));
    *counts = (BoundaryCounts){0};
    size_t at = 0;
    for (size_t i = 0; i <= gold_count; i++) {
        BoundaryUnit unit = {0};
        while (at < found_count && (i == gold_count || found[at] < gold[i])) {
            unit.wrong++;
            at++;
        }
        if (i < gold_count) {
            if (at < found_count && found[at] == gold[i]) {
                unit.right = 1;
                at++;
            } else {
                unit.missed = 1;
            }
        }
        counts->right += unit.right;
        counts->wrong += unit.wrong;
        counts->missed += unit.missed;
        if (units) units[i] = unit;
    }
    return STATUS_OK;
}

static int compare_numbers(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static Interval interval_of(double value, double *drawn, size_t draws) {
    qsort(drawn, draws, sizeof *drawn, compare_numbers);
    Interval interval = {value, summary_quantile(drawn, draws, 0.025),
                         summary_quantile(drawn, draws, 0.975)};
    if (interval.low > value) interval.low = value;
    if (interval.high < value) interval.high = value;
    return interval;
}

Status boundaries_bootstrap(const BoundaryUnit *units, size_t count, size_t draws, uint64_t seed,
                            BoundaryIntervals *out) {
    if (draws < 40) return status_fail(STATUS_ARGUMENT, "boundaries: %zu draws are too few", draws);
    double *drawn = malloc(3 * draws * sizeof *drawn);
    if (!drawn) return status_fail(STATUS_MEMORY, "boundaries: no memory for %zu draws", draws);
    BoundaryCounts all = {0};
    for (size_t i = 0; i < count; i++) {
        all.right += units[i].right;
        all.wrong += units[i].wrong;
        all.missed += units[i].missed;
    }
    /* One draw gives all three scores. */
    for (size_t draw = 0; draw < draws; draw++) {
        BoundaryCounts counts = {0};
        for (size_t i = 0; i < count; i++) {
            const BoundaryUnit *unit = &units[rng_below(seed, draw, i, count)];
            counts.right += unit->right;
            counts.wrong += unit->wrong;
            counts.missed += unit->missed;
        }
        drawn[draw] = boundaries_precision(&counts);
        drawn[draws + draw] = boundaries_recall(&counts);
        drawn[2 * draws + draw] = boundaries_f1(&counts);
    }
    out->precision = interval_of(boundaries_precision(&all), drawn, draws);
    out->recall = interval_of(boundaries_recall(&all), drawn + draws, draws);
    out->f1 = interval_of(boundaries_f1(&all), drawn + 2 * draws, draws);
    free(drawn);
    return STATUS_OK;
}
