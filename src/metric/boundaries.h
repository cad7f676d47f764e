/* boundaries: how well a text was cut into sentences: precision, recall and F1 of the cuts.
 *
 * A cut is an offset into the text at which a sentence ends. The end of the text is no cut: every
 * splitter finds it. White space is not counted, so that it does not matter on which side of a
 * space somebody cuts: give offsets of the last byte of a sentence plus one.
 *
 *     BoundaryUnit *units = malloc((gold_count + 1) * sizeof *units);
 *     BoundaryCounts counts;
 *     STATUS_TRY(boundaries_count(gold, gold_count, found, found_count, &counts, units));
 *     printf("F1 %.4f\n", boundaries_f1(&counts));
 *     BoundaryIntervals intervals;
 *     STATUS_TRY(boundaries_bootstrap(units, gold_count + 1, 2000, 1, &intervals));
 *
 * Precision = TP / (TP + FP), the share of the cuts made that are right; recall = TP / (TP + FN),
 * the share of the right ones that were made; F1, their harmonic mean, = 2 TP / (2 TP + FP + FN).
 * 0 / 0 is 1 in all three: nothing to find and nothing found.
 */
#ifndef METRIC_BOUNDARIES_H
#define METRIC_BOUNDARIES_H

#include "base/status.h"
#include "stat/bootstrap.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t right, wrong, missed; /* TP, FP, FN */
} BoundaryCounts;

/* What belongs to one true sentence: whether the cut at its end was made (the last sentence of a
 * text has none: neither), and the cuts made inside it. */
typedef struct {
    uint32_t right, wrong, missed;
} BoundaryUnit;

typedef struct {
    Interval precision, recall, f1;
} BoundaryIntervals;

/* Compares two ascending lists of offsets. `units`, where not NULL, is [gold_count + 1], one a true
 * sentence. STATUS_ARGUMENT where a list does not ascend. */
Status boundaries_count(const size_t *gold, size_t gold_count, const size_t *found,
                        size_t found_count, BoundaryCounts *counts, BoundaryUnit *units);

double boundaries_precision(const BoundaryCounts *counts);
double boundaries_recall(const BoundaryCounts *counts);
double boundaries_f1(const BoundaryCounts *counts);

/* 95 % percentile intervals: the true sentences are drawn again, with all that belongs to each. */
Status boundaries_bootstrap(const BoundaryUnit *units, size_t count, size_t draws, uint64_t seed,
                            BoundaryIntervals *out);

#endif
