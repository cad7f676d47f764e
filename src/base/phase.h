/* phase: where the time of a training step goes, kind of work by kind of work.
 *
 * Operations note what they do; nobody reads a clock unless somebody listens:
 *
 *     PhaseTable table = {0};
 *     phase_listen(&table);
 *     ... any number of steps ...
 *     phase_listen(NULL);
 *     printf("%g s, %g flops\n", table.seconds[PHASE_PRODUCT_WEIGHT],
 *            table.work[PHASE_PRODUCT_WEIGHT]);
 *
 * and in an operation, outside of parallel regions and of every other phase:
 *
 *     double begun = phase_begin();
 *     ... the work ...
 *     phase_end(PHASE_NORM, begun, 16. * rows * columns);
 *
 * A thread listens for itself: grids of small trainings on many threads do not disturb each other,
 * and what a team of threads does counts as the time of the thread that waits for it.
 */
#ifndef BASE_PHASE_H
#define BASE_PHASE_H

#include "base/clock.h"
#include <stddef.h>

typedef enum {
    PHASE_PRODUCT_FORWARD, /* of linear layers: y = x W' */
    PHASE_PRODUCT_INPUT,   /* dx = dy W */
    PHASE_PRODUCT_WEIGHT,  /* dW = dy' x */
    PHASE_ATTENTION,
    PHASE_ATTENTION_BACKWARD,
    PHASE_ACTIVATION, /* biases, GELU, tanh and their gradients */
    PHASE_NORM,       /* LayerNorm with its residual and dropout */
    PHASE_DROPOUT,    /* alone, and additions */
    PHASE_EMBEDDING,  /* look-ups and their gradients, and rows that catch up for them */
    PHASE_LOSS,
    PHASE_CLIP,   /* the norm of all gradients */
    PHASE_UPDATE, /* AdamW */
    PHASES
} Phase;

typedef struct {
    double seconds[PHASES];
    double work[PHASES]; /* flops of products and attention, bytes of everything else */
    long calls[PHASES];
} PhaseTable;

extern _Thread_local PhaseTable *phase_table_;

/* Adds to `table` from now on what this thread does; NULL: to none. The table is the caller's. */
void phase_listen(PhaseTable *table);

/* "product_forward": a word for tables. */
const char *phase_name(Phase phase);

/* 1: work counts flops (multiplies and adds of products), 0: bytes that must be read and written
 * once. */
int phase_is_flops(Phase phase);

static inline int phase_is_heard(void) {
    return phase_table_ != NULL;
}

static inline double phase_begin(void) {
    return phase_table_ ? clock_seconds() : 0;
}

static inline void phase_end(Phase phase, double begun, double work) {
    if (!phase_table_) return;
    phase_table_->seconds[phase] += clock_seconds() - begun;
    phase_table_->work[phase] += work;
    phase_table_->calls[phase]++;
}

#endif
