#include "metric/boundaries.h"

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

typedef struct {
    const BoundaryUnit *units;
    double (*score)(const BoundaryCounts *counts);
} Scoring;

static double score_of(const double *positions, size_t count, void *context) {
    const Scoring *scoring = context;
    BoundaryCounts counts = {0};
    for (size_t i = 0; i < count; i++) {
        const BoundaryUnit *unit = &scoring->units[(size_t)positions[i]];
        counts.right += unit->right;
        counts.wrong += unit->wrong;
        counts.missed += unit->missed;
    }
    return scoring->score(&counts);
}

Status boundaries_bootstrap(const BoundaryUnit *units, size_t count, size_t draws, uint64_t seed,
                            BoundaryIntervals *out) {
    double *positions = malloc((count ? count : 1) * sizeof *positions);
    if (!positions) return status_fail(STATUS_MEMORY, "boundaries: no memory for %zu units", count);
    for (size_t i = 0; i < count; i++) positions[i] = (double)i;
    double (*const scores[3])(const BoundaryCounts *) = {boundaries_precision, boundaries_recall,
                                                         boundaries_f1};
    Interval *const intervals[3] = {&out->precision, &out->recall, &out->f1};
    Status status = STATUS_OK;
    /* The same seed three times: the three scores are of the same draws. */
    for (int i = 0; i < 3 && status == STATUS_OK; i++) {
        Scoring scoring = {units, scores[i]};
        status =
            bootstrap_interval(positions, count, score_of, &scoring, draws, seed, intervals[i]);
    }
    free(positions);
    return status;
}
