/* q2_drawbacks_gather: what the cells of the grid left, put in order, and what it says over seeds.
 *
 *     Gathered *g;
 *     STATUS_TRY(drawbacks_gather(&g, &d, &grid));
 *     Interval last;
 *     STATUS_TRY(gather_mean(g->parity[NET_LSTM][160].last, g->parity_seeds, &last));
 *     free(g);
 *
 * Intervals are percentiles of resampled seeds (stat/bootstrap.h). Of three seeds they are little
 * more than the range of what was seen.
 */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_GATHER_H
#define EXPERIMENTS_Q2_DRAWBACKS_GATHER_H

#include "q2_drawbacks.h"
#include "stat/bootstrap.h"

enum { GATHER_SEEDS = 10, GATHER_LENGTHS = 512, GATHER_PLACES = 64 };

/* Of every seed. */
typedef struct {
    int count;
    double last[GATHER_SEEDS], all[GATHER_SEEDS], bits[GATHER_SEEDS];
} GatheredParity;

typedef struct {
    int count, updates;
    size_t parameters;
    double best_update[GATHER_SEEDS], training[GATHER_SEEDS], validation[GATHER_SEEDS],
        test[GATHER_SEEDS];
} GatheredLanguage;

typedef struct {
    int first, last, count; /* places of the window, from 1 */
    double bits[GATHER_SEEDS];
} GatheredPlace;

typedef struct {
    size_t parameters;
    double counted, seen; /* bytes; 0: not measured */
} GatheredMemory;

typedef struct {
    GatheredParity parity[NET_KINDS][GATHER_LENGTHS + 1];     /* by length, from 1 */
    GatheredLanguage language[NET_KINDS][DRAWBACKS_LIST_MAX]; /* by position in plan.sentences */
    int places;
    GatheredPlace place[NET_KINDS][GATHER_PLACES];
    GatheredMemory memory[HOLDS_KINDS][DRAWBACKS_LIST_MAX]; /* by position in plan.lengths */
} Gathered;

/* *out is the caller's to free(). */
Status drawbacks_gather(Gathered **out, const Drawbacks *d, const Grid *grid);

/* The mean over seeds, with its interval. */
Status gather_mean(const double *values, int count, Interval *out);

/* a[s] - b[s], seed by seed. */
Status gather_gap(const double *a, const double *b, int count, Interval *out);

/* How many times as many sentences the network of the curve `slow` needs for the bits that `fast`
 * has with x[at]: slow's curve is read between its points, straight in log x. 0 and *out untouched
 * where it does not come that low (or begins below) for some seed. x [count] ascending; curves
 * [count], of each seed. */
int gather_hunger(const double *x, int count, int at, const GatheredLanguage *slow,
                  const GatheredLanguage *fast, Interval *out);

/* Bits a symbol of a distribution learned by counting alone: the cross-entropy of `test` under the
 * frequencies of `train`, every symbol counted once more. */
double gather_unigram_bits(const CharacterStream *train, const CharacterStream *test, int symbols);

#endif
