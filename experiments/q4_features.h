/* q4_features: how well random features approximate softmax attention, and why it needs them.
 *
 * The experiment is four parts over one FeaturesRun. Each part writes its tables and facts, calls
 * features_step at every safe point, and tells beforehand about how many seconds it will take.
 *
 *     error     mse.tsv, mse_unit.tsv, normaliser.tsv   Performer's figure 4 at its own size
 *     growth    growth.tsv                the same error against the size of the inputs
 *     variance  variance.tsv              closed forms against samples; heavy tails; small kernels
 *     rank      rank.tsv, spectrum.tsv    QK' against softmax(QK')
 */
#ifndef EXPERIMENTS_Q4_FEATURES_H
#define EXPERIMENTS_Q4_FEATURES_H

#include "base/arena.h"
#include "base/progress.h"
#include "op/op.h"
#include "op/projection.h"
#include "options.h"
#include "results.h"
#include "stat/bootstrap.h"

#include <stdint.h>

#define FEATURES_DRAWS 2000 /* resamples of every bootstrap */

typedef struct {
    Results *results;
    Arena arena;
    Progress progress;
    double done; /* seconds of the estimate that are behind us */
    uint64_t seed;
    int quick;
    int length, width, samples; /* of the error part */
    double spread;              /* the same: standard deviation of queries and keys */
    OptionInts columns;
    int growth_samples;
    size_t variance_draws;
    int rank_draws;
} FeaturesRun;

/* Counts `seconds` of the estimate as done. STATUS_INTERRUPTED once the user has asked to stop. */
Status features_step(FeaturesRun *run, double seconds, const char *detail);

/* The words that tables and facts use: "positive", "trigonometric"; "iid", "orthogonal". */
const char *features_map_name(FeatureMap map);
const char *features_kind_name(ProjectionKind kind);

/* Ratio of the means of a[count] over b[count], measured in pairs; interval by resampling pairs. */
Status features_ratio(FeaturesRun *run, const double *a, const double *b, size_t count,
                      Interval *out);

double features_error_seconds(const FeaturesRun *run);
Status features_measure_error(FeaturesRun *run);

double features_growth_seconds(const FeaturesRun *run);
Status features_measure_growth(FeaturesRun *run);

double features_variance_seconds(const FeaturesRun *run);
Status features_measure_variance(FeaturesRun *run);

double features_rank_seconds(const FeaturesRun *run);
Status features_measure_rank(FeaturesRun *run);

#endif
