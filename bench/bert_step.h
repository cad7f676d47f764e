/* bert_step: one training step of an encoder on one batch, as src/train/loop.c makes it, without a
 * data set, an evaluation or a schedule around it: what races and tables of times repeat.
 *
 *     BertStep *step;
 *     STATUS_TRY(bert_step_open(&step, "all-MiniLM-L6-v2", PRECISION_F32, -1));
 *     BertStepBatch batch = {{.sequences = 32, .offsets = offsets, .ids = ids}, labels};
 *     STATUS_TRY(bert_step_run(step, &batch));      // step->loss, step->norm
 *     bert_step_close(step);
 *
 * A step: forward, backward, gradients clipped to global norm 1, AdamW with bias correction at a
 * rate of 2e-5 and decay .01 on matrices. Two labels; the classifier is drawn by seed 1 where the
 * folder has none.
 */
#ifndef BENCH_BERT_STEP_H
#define BENCH_BERT_STEP_H

#include "model/bert.h"
#include "train/adamw.h"

typedef struct {
    BertBatch tokens;
    const uint8_t *labels; /* [tokens.sequences] of 0 and 1 */
} BertStepBatch;

typedef struct {
    Bert *bert;
    Adamw *adamw;
    Arena arena;
    uint64_t steps;
    double loss, norm; /* of the last step, before it */
} BertStep;

/* The model of a folder in the Hugging Face layout and a fresh optimiser. `dropout` everywhere that
 * the configuration names one; below 0: as the configuration says. *out is the caller's to
 * bert_step_close, NULL on failure (those of bert_open, adamw_open). */
Status bert_step_open(BertStep **out, const char *folder, Precision precision, double dropout);

/* Failures of the layers; STATUS_ARGUMENT where loss or norm is no number. */
Status bert_step_run(BertStep *step, const BertStepBatch *batch);

/* NULL is fine. */
void bert_step_close(BertStep *step);

#endif
