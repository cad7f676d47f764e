/* q2_history_exact: what must hold exactly of a network that sees the past (Question 2): the causal
 * mask lets no bit of the future through, and a network without positions does not know order.
 *
 *     LeakCount count = {0};
 *     STATUS_TRY(leak_measure(network, context, &shape, 100, seed, &count));
 *     // count.changed of count.compared numbers of the past have other bits: 0 for a causal one
 *     double residual[100];
 *     STATUS_TRY(order_measure(network, context, &shape, 100, seed, residual));
 *
 * A network here is any function from N symbols to N rows, so that a test can plant a leak. The
 * networks that the experiment looks at are opened by exact_open: a Transformer of two layers, or
 * one layer of attention alone, which has kinds that no model uses.
 */
#ifndef EXPERIMENTS_Q2_HISTORY_EXACT_H
#define EXPERIMENTS_Q2_HISTORY_EXACT_H

#include "base/status.h"
#include "model/transformer.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int length, vocabulary, columns; /* N; symbols; numbers of a row */
} ExactShape;

/* Writes out [N, columns] of ids [N]. */
typedef Status (*ExactNetwork)(void *context, const int32_t *ids, float *out);

typedef struct {
    double compared, changed;    /* numbers before the change; those that are no longer the same */
    double bits;                 /* that differ among theirs */
    double largest;              /* difference among them */
    double after, after_changed; /* numbers from the change on: that it was one */
} LeakCount;

/* Draws N symbols, then others from a random place on, and compares the bits of the rows before it;
 * adds to *count. */
Status leak_measure(ExactNetwork network, void *context, const ExactShape *shape, int draws,
                    uint64_t seed, LeakCount *count);

/* |f(P x) - P f(x)| / |f(x)| (Frobenius) for `draws` sequences x of distinct symbols and
 * permutations P. Symbols are distinct so that a permutation always changes something: vocabulary
 * at least N. */
Status order_measure(ExactNetwork network, void *context, const ExactShape *shape, int draws,
                     uint64_t seed, double *residual);

/* --- the networks ----------------------------------------------------------------------------- */

typedef enum {
    EXACT_SOFTMAX,
    EXACT_TILED,
    EXACT_ELU,
    EXACT_QUADRATIC, /* elu + 1 in the wrong order; from here on layers alone */
    EXACT_FAVOR,
    EXACT_RELU,
    EXACT_KINDS
} ExactKind;

#define EXACT_MODEL_KINDS 3 /* the first ones */

extern const char *const exact_kind_slug[EXACT_KINDS];
extern const char *const exact_positions_slug[3]; /* by Positions */

typedef struct ExactNet ExactNet;

/* causal: a decoder alone; else an encoder. `layer` 1: attention alone, whose queries, keys and
 * values are drawn for each symbol and each position (`positions` is not looked at). */
Status exact_open(ExactNet **out, int layer, ExactKind kind, int causal, Positions positions,
                  int length, uint64_t seed);
Status exact_run(void *net, const int32_t *ids, float *out); /* an ExactNetwork */
ExactShape exact_shape(const ExactNet *net);
void exact_close(ExactNet *net);

#endif
