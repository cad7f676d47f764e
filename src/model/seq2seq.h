/* seq2seq: a recurrent encoder and a recurrent decoder, with or without attention between them
 * (Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al. 2015).
 *
 *     Seq2seqConfig config = {.encoder = RECURRENT_LSTM, .directions = 1, .width = 64,
 *                             .embedding = 32, .source_vocabulary = 34, .target_vocabulary = 34,
 *                             .score = SEQ2SEQ_ADDITIVE};
 *     Seq2seq *model;
 *     STATUS_TRY(seq2seq_open(&model, &config, seed));
 *     Value *logits = seq2seq_forward(model, &tape, &batch, NULL);      // [M B, target_vocabulary]
 *     Value *loss = nn_cross_entropy_ids(&tape, logits, batch.label, NULL, NULL);
 *
 * The decoder is of the encoder's kind (LSTM for BiLSTM). The encoder's last state, through one
 * linear layer (context: [width of the context]) and another (to the decoder's width), is the
 * decoder's first: that is all that the decoder gets without attention, and with it too, so that
 * the scores are the only difference: after the cell (Luong's place), c_i = sum_j a_ij m_j with
 * a_i = softmax_j(score(s_i, m_j)), and s~ = tanh(W [c; s]); without attention c is left out.
 */
#ifndef MODEL_SEQ2SEQ_H
#define MODEL_SEQ2SEQ_H

#include "grad/tape.h"
#include "nn/recurrent.h"
#include "nn/score.h"

typedef struct {
    RecurrentKind encoder;
    int directions; /* of the encoder: 2 is BiLSTM; each direction then has width / 2 or what makes
                       parameters equal: see seq2seq_equal_width */
    int width;      /* H of the decoder, and of the encoder in all */
    int layers;     /* 0 counts as 1 */
    int context;    /* numbers that the encoder hands over; 0: width */
    int embedding;  /* D */
    int source_vocabulary, target_vocabulary;
    ScoreKind score; /* nn/score.h: SCORE_NONE, SCORE_ADDITIVE, SCORE_GENERAL, SCORE_DOT */
    float forget_bias;
    float dropout;
} Seq2seqConfig;

/* A batch of exact length, time-major: source [N B], input (the target shifted right, its first
 * symbol the start symbol) [M B], label [M B]. */
typedef struct {
    int sequences, source_steps, target_steps; /* B, N, M */
    const int32_t *source, *input, *label;
} Seq2seqBatch;

typedef struct Seq2seq {
    Seq2seqConfig config;
    ParameterSet parameters;
    /* the layers: model/seq2seq.c */
    struct Seq2seqParts *parts;
} Seq2seq;

Status seq2seq_open(Seq2seq **out, const Seq2seqConfig *config, uint64_t seed);

/* Logits [M B, target_vocabulary] under teacher forcing. `weights` (may be NULL) gets the attention
 * weights [M B, N] as a value without a gradient; NULL where there is no attention. */
Value *seq2seq_forward(Seq2seq *model, Tape *tape, const Seq2seqBatch *batch, Value **weights);

/* Greedy decoding of `target_steps` symbols from the start symbol: out [M B], time-major. weights
 * [M B, N] or NULL. */
Status seq2seq_generate(Seq2seq *model, Arena *arena, const Seq2seqBatch *batch, int32_t start,
                        int32_t *out, float *weights);

/* The width at which `config` has about as many parameters as `parameters`. */
int seq2seq_equal_width(const Seq2seqConfig *config, size_t parameters);

void seq2seq_close(Seq2seq *model);

#endif
