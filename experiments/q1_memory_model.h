/* q1_memory_model: one reader of sequences for each way to remember, with as many parameters.
 *
 *     MemoryModel *model;
 *     STATUS_TRY(memory_model_open(&model, &(MemoryConfig){.kind = MEMORY_LSTM, .vocabulary = 18,
 *                                  .classes = 8, .parameters = 7000, .lag = 100}, seed));
 *     int32_t *ids = ...;                     // [N B], row memory_row(model, N, B, t, b)
 *     MemoryPass pass = memory_forward(model, &tape, ids, N, B);
 *     Value *logits = memory_classify(model, &tape, &pass);             // [B, classes]
 *
 * A word is a row of a table of embeddings; the reader gives a state for every word; a linear layer
 * answers from the state of the last word. MEMORY_ENDS and MEMORY_MIDDLE are bidirectional readers
 * that hand over both ends instead, [forward h_T; backward h_1], as an encoder does.
 */
#ifndef EXPERIMENTS_Q1_MEMORY_MODEL_H
#define EXPERIMENTS_Q1_MEMORY_MODEL_H

#include "model/transformer.h"
#include "nn/recurrent.h"

typedef enum {
    MEMORY_RNN, /* tanh */
    MEMORY_GRU,
    MEMORY_LSTM_0,      /* bias of the forget gate 0 */
    MEMORY_LSTM_1,      /* 1 (Jozefowicz et al. 2015) */
    MEMORY_LSTM_CHRONO, /* log of uniform numbers up to the lag (Tallec and Ollivier 2018) */
    MEMORY_BILSTM,      /* both directions, read at the last word; forget bias 1, as below */
    MEMORY_ENDS,        /* both directions, read at both ends */
    MEMORY_MIDDLE,      /* the same reader; what it is asked for stands in the middle */
    MEMORY_TRANSFORMER, /* encoder with sinusoids */
    MEMORY_KINDS
} MemoryKind;

extern const char *const memory_kind_slug[MEMORY_KINDS];

typedef struct {
    MemoryKind kind;
    int vocabulary, classes;
    int embedding;  /* width of the recurrent readers' words */
    int parameters; /* as near to this as the width allows */
    int lag;        /* of MEMORY_LSTM_CHRONO: the longest that it should bridge */
} MemoryConfig;

typedef struct {
    MemoryConfig config;
    ParameterSet *parameters;
    int inputs; /* width of a word: columns of x */
    int half;   /* width of one direction, of the state where there is one alone */
    int width;  /* columns of a state */
    ParameterSet own;
    Parameter *words, *answer, *answer_bias;
    RecurrentStack stack;
    Transformer *transformer;
} MemoryModel;

typedef struct {
    Value *words;  /* x [N B, inputs]: the words as the reader gets them, before any position */
    Value *states; /* h [N B, width] */
    int length, batch;
} MemoryPass;

/* The width, a multiple of 4, at which a reader comes nearest to config->parameters. */
int memory_width(const MemoryConfig *config);

/* Weights are pure functions of config, seed and name. *out is the caller's to memory_model_close,
 * NULL on failure; STATUS_ARGUMENT for numbers that make no reader. */
Status memory_model_open(MemoryModel **out, const MemoryConfig *config, uint64_t seed);
void memory_model_close(MemoryModel *model);

/* Row of word t of sequence b of a batch of B sequences of N words. */
int memory_row(const MemoryModel *model, int length, int batch, int t, int b);

/* ids [N B] must live until backward. Members are NULL where the tape has failed. */
MemoryPass memory_forward(MemoryModel *model, Tape *tape, const int32_t *ids, int length,
                          int batch);

/* Logits [B, classes]. */
Value *memory_classify(const MemoryModel *model, Tape *tape, const MemoryPass *pass);

#endif
