/* q2_history_recall: associative recall by networks of equal size, one training a cell of the grid
 * (Question 2).
 *
 * Pairs of a key and a value, then keys alone: which value belongs to this one (data/synthetic.h,
 * PAIRS)? A causal Transformer with softmax, the same one with kernel attention, and an LSTM, which
 * differ in what they keep of the pairs: everything, a matrix, a vector.
 *
 *     RecallShape shape = {.alphabet = 32, .width = 64, .heads = 4, .layers = 2,
 *                          .feed_forward = 128, .tokens = 3072, .batch_most = 64,
 *                          .evaluations = 10, .validation = 64, .test = 256};
 *     RecallNet net;
 *     STATUS_TRY(recall_open(&net, RECALL_LSTM, &shape, 16, seed));
 *     Value *logits = recall_logits(&net, &tape, &batch);         // [rows of the batch, classes]
 *     recall_close(&net);
 */
#ifndef EXPERIMENTS_Q2_HISTORY_RECALL_H
#define EXPERIMENTS_Q2_HISTORY_RECALL_H

#include "data/synthetic.h"
#include "grid.h"
#include "model/transformer.h"
#include "nn/recurrent.h"

typedef enum { RECALL_TRANSFORMER, RECALL_KERNEL, RECALL_LSTM, RECALL_MODELS } RecallModel;

extern const char *const recall_slug[RECALL_MODELS];

typedef struct {
    int alphabet;                           /* keys, and values */
    int width, heads, layers, feed_forward; /* of the Transformers; the LSTM's inputs are as wide */
    int tokens, batch_most;                 /* of a step; and no more sequences than this */
    int evaluations, validation, test;      /* on so many sequences, drawn once and for all */
    double rate[RECALL_MODELS];             /* peak learning rates */
} RecallShape;

/* Sequences of a step. */
int recall_batch(const RecallShape *shape, int pairs);

/* One training. */
typedef struct {
    RecallModel model;
    int pairs, steps, seed;
    int watch; /* 1: its attention is summed up afterwards, 2: and one sequence of it kept */
} RecallCell;

typedef struct {
    RecallModel model;
    SyntheticTask task;
    int length;               /* 2 pairs + one query of every key */
    Transformer *transformer; /* or: */
    ParameterSet set;
    Parameter *words, *classes, *bias;
    RecurrentStack lstm;
    ParameterSet *parameters; /* of whichever it is */
} RecallNet;

/* Sequences of a step, in the order of rows that the network wants. */
typedef struct {
    int sequences;
    int32_t *ids, *labels; /* [sequences * length] */
    int *offsets;          /* [sequences + 1] */
} RecallBatch;

/* recall_close frees what there is, also after a failure. The LSTM gets the width that brings its
 * parameters nearest to the Transformer's. */
Status recall_open(RecallNet *net, RecallModel model, const RecallShape *shape, int pairs,
                   uint64_t seed);
void recall_close(RecallNet *net);

/* Sequence `first`, `first` + 1 ... of a split. */
Status recall_draw(const RecallNet *net, SyntheticSplit split, uint64_t first, int sequences,
                   Arena *arena, RecallBatch *out);

Value *recall_logits(RecallNet *net, Tape *tape, const RecallBatch *batch);

/* Mean loss and accuracy over `sequences` sequences of a split. */
Status recall_score(RecallNet *net, SyntheticSplit split, int sequences, Arena *arena, double *loss,
                    double *accuracy);

/* Bytes of state that the network holds when the first key is asked for. */
Status recall_state_bytes(RecallNet *net, size_t *bytes);

/* How a trained Transformer looks back, over `sequences` of the test split: what each head of the
 * first layer gives, at the values, to the key before; and what each head of the second gives, at
 * the queries, to the right value. Means, [heads] each. */
Status recall_watch(RecallNet *net, int sequences, Arena *arena, double *previous, double *right);

/* Trains the cell and leaves rows of the tables
 *   curve, card (grid.h)
 *   score  model, pairs, seed, steps, parameters, state bytes, loss, accuracy    (of the test)
 *   heads  model, pairs, seed, layer, head, part (previous, right), weight       (watched cells)
 *   map    model, pairs, layer, head, query, key, weight                         (watched cells)
 *   tokens model, pairs, position, id
 */
Status recall_train(const RecallShape *shape, const RecallCell *cell, GridRecord *record);

#endif
