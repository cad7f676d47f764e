/* q2_history_head: a head built by hand that looks `offset` steps back (Question 2): seeing the
 * past with no recurrence, shown constructively.
 *
 * A shift of sinusoids is a rotation of their pairs, whatever the position (Vaswani et al. 2017,
 * section 3.5). So a query whose weights turn every pair back by `offset` steps is, but for its
 * length, the key of the position `offset` before; beta sharpens the softmax.
 *
 *     HeadShape shape = {.width = 64, .offset = 1, .beta = 64};
 *     HeadScore score;
 *     STATUS_TRY(head_measure(&shape, 1024, seed, &score, NULL));   // score.least: weight
 */
#ifndef EXPERIMENTS_Q2_HISTORY_HEAD_H
#define EXPERIMENTS_Q2_HISTORY_HEAD_H

#include "base/status.h"
#include <stdint.h>

typedef struct {
    int width;  /* d: of sinusoids, queries, keys, and of what a token says; even */
    int offset; /* how many steps back */
    double beta;
} HeadShape;

/* Weights [3 d, 2 d] of queries, keys and values, from inputs [what the token says | sinusoids]. */
void head_build(const HeadShape *shape, float *weights);

typedef struct {
    double mean, least; /* weight on the position `offset` before, over all that have one */
    double bound;       /* below which it cannot fall, by equation (q2-weight) of the report */
    double accuracy;    /* share of positions whose largest weight is there */
    double copied;      /* share whose output is nearest to what that token says */
} HeadScore;

/* Causal attention over `length` random tokens of 64 kinds. weights [length, length], NULL: not
 * wanted. STATUS_ARGUMENT for an odd width and for a length that the offset leaves no position. */
Status head_measure(const HeadShape *shape, int length, uint64_t seed, HeadScore *out,
                    float *weights);

/* The gap between the largest and the second largest sum of cosines among `length` positions
 * (Delta_N), in double. */
double head_gap(int width, int length);

#endif
