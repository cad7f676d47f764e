/* reorderer_step: one step of the decoder for many hypotheses at once. For model/reorderer*.c only.
 *
 *     ReordererStep step;
 *     STATUS_TRY(reorderer_step_open(&step, model, &tape, &bags, longest, rows_at_most));
 *     for (int t = 0; t < longest; t++)
 *         STATUS_TRY(reorderer_step(&step, t, rows, row));  // row[i].query points at the words
 *
 * Memory is the tape's arena's.
 */
#ifndef MODEL_REORDERER_STEP_H
#define MODEL_REORDERER_STEP_H

#include "model/pointer_search.h"
#include "model/reorderer_parts.h"

typedef struct {
    Reorderer *model;
    int rows_max, longest;
    const float *words, *projected; /* [T, D]: embeddings, and what `state` makes of the states */
    const float *keys;              /* [T, D]: what is pointed at */
    const float *memory[TRANSFORMER_LAYERS_MAX]; /* [T, 2 D]: keys and values of the states */
    float *past[TRANSFORMER_LAYERS_MAX];         /* [longest, rows_max, 2 D] */
    float begin[4096];
    /* [rows_max, ...] */
    float *x, *normal, *branch, *wide, *statistics;
    float *gathered, *scores; /* of one thread: [longest, 2 D], [longest] */
    float *query;             /* [rows_max, D]: the result */
} ReordererStep;

Status reorderer_step_open(ReordererStep *step, Reorderer *model, Tape *tape,
                           const ReorderBatch *bags, int longest, int rows_max);

/* `rows` hypotheses that have placed t words each; step->query gets their queries. */
Status reorderer_step(ReordererStep *step, int t, int rows, const PointerRow *row);

#endif
