/* pointer_lstm: a recurrent pointer network (Vinyals, Fortunato and Jaitly 2015): what the orderer
 * of model/reorderer.h is compared with.
 *
 *     PointerLstmConfig config = {.width = 96, .layers = 2, .words = 10000, .affixes = 2000};
 *     PointerLstm *model;
 *     STATUS_TRY(pointer_lstm_open(&model, &config, seed));
 *     PointerLstmBatch batch = {B, N, words, features, given};         // sentences of N words each
 *     Value *loss = pointer_lstm_loss(model, &tape, &batch, &right);
 *     pointer_lstm_close(model);
 *
 * A bidirectional LSTM reads the words in the order in which they are given; another one, which
 * begins with its last states, reads what has been placed and points at the words left. Words are
 * embedded as the reorderer's, and the loss is its loss (nn/pointer.h). What comes out is a
 * permutation, but unlike the reorderer's it depends on how the words were shuffled.
 */
#ifndef MODEL_POINTER_LSTM_H
#define MODEL_POINTER_LSTM_H

#include "model/reorderer.h"

typedef struct {
    int width; /* of each direction of the encoder; the decoder has twice that */
    int layers;
    int words, affixes; /* as of ReordererConfig */
} PointerLstmConfig;

/* Sentences of one length, end to end, words in the right order; all must live until backward. */
typedef struct {
    int sequences, length;
    const uint32_t *words;   /* [B N] */
    const int32_t *features; /* [B N, REORDERER_FEATURES] */
    const int *given;        /* [B N]: which word of its sentence stands at each given place */
} PointerLstmBatch;

typedef struct PointerLstm PointerLstm;

/* *out is the caller's to pointer_lstm_close, NULL on failure. */
Status pointer_lstm_open(PointerLstm **out, const PointerLstmConfig *config, uint64_t seed);
void pointer_lstm_close(PointerLstm *model);
ParameterSet *pointer_lstm_parameters(PointerLstm *model);

/* Mean loss [1,1]; *right (may be NULL) as in nn_pointer_loss. */
Value *pointer_lstm_loss(PointerLstm *model, Tape *tape, const PointerLstmBatch *batch, int *right);

/* Greedily: order [B N], for each place the word of its sentence that stands there. Nothing of the
 * right order is looked at but through `given`. */
Status pointer_lstm_order(PointerLstm *model, Arena *arena, const PointerLstmBatch *batch,
                          int *order);

#endif
