/* pointer_lstm_parts: the parameters of a pointer LSTM and how it reads. For model/pointer_lstm*.c
 * only. */
#ifndef MODEL_POINTER_LSTM_PARTS_H
#define MODEL_POINTER_LSTM_PARTS_H

#include "model/pointer_lstm.h"
#include "nn/recurrent.h"

struct PointerLstm {
    PointerLstmConfig config;
    ParameterSet set;
    Parameter *words, *affixes; /* [words + 2, D], [affixes + 1, D], as the reorderer's; D = 2 H */
    RecurrentStack encoder, decoder;
    Parameter *query, *key; /* [D, D] */
};

/* Row r of the result [count, D]: the word at row source[r] of `features`, the begin of a sentence
 * where that is below 0. */
Value *pointer_lstm_embed(PointerLstm *model, Tape *tape, const int32_t *features,
                          const int *source, int count);

/* The states [N B, D] of the words as they are given, time-major, and what the decoder begins with:
 * the same for every layer. */
Value *pointer_lstm_encode(PointerLstm *model, Tape *tape, const PointerLstmBatch *batch,
                           Value **hidden, Value **cell);

/* What is pointed at, and what points: [rows, D] of states. */
Value *pointer_lstm_key(PointerLstm *model, Tape *tape, Value *states);
Value *pointer_lstm_query(PointerLstm *model, Tape *tape, Value *placed);

/* The decoder's first state. */
static inline RecurrentState pointer_lstm_begin(const PointerLstm *model, Value *hidden,
                                                Value *cell) {
    RecurrentState state = {{{NULL}}, {{NULL}}};
    for (int i = 0; i < model->config.layers; i++) state.h[i][0] = hidden, state.c[i][0] = cell;
    return state;
}

#endif
