/* bert_layer: one encoder layer forward and backward, to its weights and its input: the piece that
 * a whole encoder repeats, for races and for finding out what makes it fast.
 *
 *     BertLayerRun *run;
 *     BertLayerSize size = {.width = 768, .heads = 12, .hidden = 3072, .sequences = 32,
 *                           .length = 11, .precision = PRECISION_F32};
 *     STATUS_TRY(bert_layer_open(&run, &size));
 *     double seconds;
 *     STATUS_TRY(bert_layer_time(run, &seconds));
 *     bert_layer_close(run);
 *
 * Random weights and inputs, no dropout, no optimiser, sequences of one length.
 */
#ifndef BENCH_BERT_LAYER_H
#define BENCH_BERT_LAYER_H

#include "grad/tape.h"

typedef struct {
    int width, heads, hidden, sequences, length;
    Precision precision;
} BertLayerSize;

typedef struct BertLayerRun BertLayerRun;

/* *out is the caller's to bert_layer_close. STATUS_ARGUMENT for sizes below 1 and a width that the
 * heads do not share, STATUS_MEMORY. */
Status bert_layer_open(BertLayerRun **out, const BertLayerSize *size);

/* Runs it once. */
Status bert_layer_time(BertLayerRun *run, double *seconds);

/* NULL is fine. */
void bert_layer_close(BertLayerRun *run);

#endif
