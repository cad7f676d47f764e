/* bootstrap_seeds: how far a score of several training runs can be believed.
 *
 * A published score is a mean over runs (seeds) on one test set (sentences). Another choice of
 * either would have given another score, so both are resampled: in each draw the seeds with
 * replacement, and the sentences with replacement, the same sentences for every seed, because all
 * runs answered the same test. More seeds shrink only the first part; the second stays.
 *
 *     // 5 runs on 516 sentences, predicted[run][sentence] row-major
 *     BootstrapSeeds scores;
 *     STATUS_TRY(bootstrap_seeds(truth, predicted, 5, 516, BOOTSTRAP_OVER_BOTH, 2000, 1, &scores));
 *     printf("MCC %.3f [%.3f, %.3f]\n", scores.mcc.value, scores.mcc.low, scores.mcc.high);
 */
#ifndef METRIC_BOOTSTRAP_SEEDS_H
#define METRIC_BOOTSTRAP_SEEDS_H

#include "base/status.h"
#include "stat/bootstrap.h"
#include <stddef.h>
#include <stdint.h>

/* What is resampled; one level alone shows its share of the uncertainty. */
typedef enum {
    BOOTSTRAP_OVER_SEEDS = 1,
    BOOTSTRAP_OVER_SENTENCES = 2,
    BOOTSTRAP_OVER_BOTH = 3
} BootstrapLevels;

typedef struct {
    Interval mcc, accuracy, f1; /* means over seeds with their 95 % percentile intervals */
} BootstrapSeeds;

/* truth [sentences], predicted [seeds, sentences] row-major, classes 0 and 1 (1 is the positive of
 * F1). `draws` at least 40; 2000 is usual. The same arguments give the same intervals on every
 * machine; they are widened where needed so that low <= value <= high. A resample in which MCC or
 * F1 is undefined counts as 0 (the convention of metric/classification.h). STATUS_ARGUMENT for no
 * data, too few draws or a label above 1, whose place is named; STATUS_MEMORY. */
Status bootstrap_seeds(const uint8_t *truth, const uint8_t *predicted, size_t seeds,
                       size_t sentences, BootstrapLevels levels, size_t draws, uint64_t seed,
                       BootstrapSeeds *out);

#endif
