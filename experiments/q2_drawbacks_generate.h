/* q2_drawbacks_generate: what the t-th generated symbol costs: seconds, and bytes held of the past.
 *
 *     Generation *g;
 *     STATUS_TRY(generation_open(&g, &plan));
 *     STATUS_TRY(generation_run(g, NULL, NULL));
 *     double seconds = g->seconds[(r * GENERATES + k) * g->blocks + b];   // a symbol of block b
 *     size_t bytes = g->bytes[k * g->blocks + b];                         // after it
 *     generation_close(g);
 *
 * One sequence, one thread, whose processor time is taken, the likeliest symbol each time. A
 * Transformer that keeps the keys and values of the past, one that keeps the sums of kernel
 * attention, and an LSTM of as many parameters. All of them generate the same length side by side,
 * a block of symbols at a time and in random order, again and again: a machine that becomes slower
 * meanwhile becomes so for all of them.
 */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_GENERATE_H
#define EXPERIMENTS_Q2_DRAWBACKS_GENERATE_H

#include "q2_drawbacks.h"

enum { GENERATES = 3 };
extern const int generation_holds[GENERATES]; /* HoldsKind of each */

typedef struct {
    int blocks, block, repetitions;
    size_t parameters[GENERATES];
    double *seconds;         /* [repetitions, GENERATES, blocks] of one symbol */
    size_t *bytes;           /* [GENERATES, blocks], after the block */
    long disturbed, samples; /* samples during which the kernel took the processor away */
    struct Generators *inner;
} Generation;

Status generation_open(Generation **out, const DrawbacksPlan *plan);

/* `done` hears of the share that is done, and may be NULL. STATUS_INTERRUPTED after Ctrl-C. */
Status generation_run(Generation *g, void (*done)(void *context, double share), void *context);

/* The next symbol after `id`, by kind k; for tests. */
Status generation_step(Generation *g, int k, int32_t id, int32_t *next);

/* Bytes that kind k must hold after t symbols, by the formula: 2 L t D floats of keys and values,
 * L H (E + 1) E of sums, 2 L H of the LSTM's h and c. */
size_t generation_formula_bytes(const DrawbacksPlan *plan, int k, int t);

void generation_close(Generation *g);

#endif
