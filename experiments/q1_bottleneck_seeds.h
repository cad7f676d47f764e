/* q1_bottleneck_seeds: means over the seeds of one network, with intervals.
 *
 *     Q1Means m;
 *     STATUS_TRY(q1_means(session, tests + first, seeds, l, part, &m));
 *     m.accuracy.value, m.accuracy.low, m.accuracy.high ...
 */
#ifndef EXPERIMENTS_Q1_BOTTLENECK_SEEDS_H
#define EXPERIMENTS_Q1_BOTTLENECK_SEEDS_H

#include "q1_bottleneck.h"
#include "stat/bootstrap.h"

typedef struct {
    Interval accuracy, exact, forced;
    Interval bits;    /* held of a random source, at least; of text 0 */
    double untouched; /* of text */
} Q1Means;

/* The mean of one number a seed and its 95 % bootstrap interval. */
Status q1_over_seeds(const double *values, int seeds, Interval *out);

/* At tests[].length[l]; `tests` [seeds] of one network. */
Status q1_means(const Q1Session *session, const Q1Tests *tests, int seeds, int l, Q1Part part,
                Q1Means *out);

/* -1 where the length was not tested. */
int q1_length_index(const Q1Tests *tests, int length);

/* The first cell of a network, or -1. `context` and `longest` 0: any. */
int q1_find(const Q1Session *session, Q1Part part, Q1Encoder encoder, ScoreKind score, int context,
            int longest);
int q1_seeds_of(const Q1Session *session, int first);

/* 1 for the cells of WIDTH, and for the LSTM without attention that hands over all it has. */
int q1_is_width(const Q1Cell *cell);

/* The most bits, by the mean over seeds at any length, that one of the numbers handed over held in
 * any network of WIDTH: what a number can be used for, as far as it was seen. */
double q1_bits_per_number(const Q1Session *session, const Q1Tests *tests);

#endif
