/* pointer_lstm: a recurrent pointer network (Vinyals, Fortunato and Jaitly 2015): what the orderer
 * of model/reorderer.h is compared with.
 *
 *     PointerLstmConfig config = {.width = 96, .layers = 2, .words = 10000, .affixes = 2000};
 *     PointerLstm *model;
 *     STATUS_TRY(pointer_lstm_open(&model, &config, seed));
 *     PointerLstmBatch batch = {B, N, words, features, given};         // sentences of N words each
 *     Value *loss = pointer_lstm_loss(model, &tape, &batch, &right);
 *     STATUS_TRY(pointer_lstm_search(model, &arena, &bags, &(ReordererSearch){.beam = 8}, order,
 *                                    NULL));
 *     pointer_lstm_close(model);
 *
 * A bidirectional LSTM reads the words in the order in which they are given; another one, which
 * begins with its last states, reads what has been placed and points at the words left. Words are
 * embedded as the reorderer's, and the loss is its loss (nn/pointer.h). What comes out is a
 * permutation, but unlike the reorderer's it depends on how the words were shuffled.
 */
#ifndef MODEL_POINTER_LSTM_H
#define MODEL_POINTER_LSTM_H

#include "model/reorderer_search.h"

typedef struct {
    int width; /* of each direction of the encoder; the decoder has twice that */
    int layers;
    int words, affixes;  /* as of ReordererConfig */
    float dropout;       /* of embeddings, and of what points and is pointed at */
    Precision precision; /* of the products that do not go through time; those that do are f32 */
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

/* As reorderer_search, of bags of any lengths, but for this: what the model makes of a bag depends
 * on the order in which its words are given, and that is how they stand in `bags`. */
Status pointer_lstm_search(PointerLstm *model, Arena *arena, const ReorderBatch *bags,
                           const ReordererSearch *options, int *order, double *score);

#endif
