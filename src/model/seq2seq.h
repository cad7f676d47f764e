/* seq2seq: a recurrent encoder and a recurrent decoder, with or without attention between them
 * (Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al. 2015).
 *
 *     Seq2seqConfig config = {.encoder = RECURRENT_LSTM, .width = 64, .embedding = 32,
 *                             .source_vocabulary = 34, .target_vocabulary = 34,
 *                             .score = SCORE_ADDITIVE, .forget_bias = 1};
 *     Seq2seq *model;
 *     STATUS_TRY(seq2seq_open(&model, &config, seed));
 *     Value *logits = seq2seq_forward(model, &tape, &batch, NULL);      // [M B, target_vocabulary]
 *     Value *loss = nn_cross_entropy_ids(&tape, logits, batch.label, &right, &counted);
 *     STATUS_TRY(seq2seq_generate(model, &arena, &batch, start, answer, NULL));  // greedy
 *     seq2seq_close(model);
 *
 * The decoder is of the encoder's kind. What the encoder hands over is the decoder's first state:
 * the states after its last step, of both directions side by side, or `context` of those numbers,
 * the others beginning as zeros. That is all that the decoder gets without attention, and it gets
 * it with attention too, so that the scores are the only difference. Attention is in Luong's place,
 * after the cell: c_i = sum_j a_ij m_j with a_i = softmax_j score(s_i, m_j), and s~_i = tanh(W
 * [c_i; s_i] + b); without attention c_i is left out.
 */
#ifndef MODEL_SEQ2SEQ_H
#define MODEL_SEQ2SEQ_H

#include "grad/tape.h"
#include "nn/recurrent.h"
#include "nn/score.h"

typedef struct {
    RecurrentKind encoder;
    int directions; /* of the encoder: 1 (and 0), or 2, each of width / 2 */
    int width;      /* H of the decoder, and of the encoder in all */
    int layers;     /* of both; 0 counts as 1 */
    int context;    /* numbers that the encoder hands over (one layer; cells before outputs, half of
                       them of either direction); 0: all of its last states */
    int embedding;  /* D */
    int source_vocabulary, target_vocabulary;
    ScoreKind score;   /* nn/score.h; the hidden width of ADDITIVE is H */
    float forget_bias; /* of LSTM */
} Seq2seqConfig;

/* A batch of exact length, time-major: source [N B], input (the target shifted right, its first
 * symbol the start symbol) [M B], label [M B] (negative: not scored, as nn_cross_entropy_ids has
 * it; targets of several lengths end in such labels, since no step depends on later ones). */
typedef struct {
    int sequences, source_steps, target_steps; /* B, N, M */
    const int32_t *source, *input, *label;     /* must live until backward */
} Seq2seqBatch;

typedef struct Seq2seqParts Seq2seqParts;

typedef struct {
    Seq2seqConfig config; /* with 0 replaced by what it stands for */
    ParameterSet parameters;
    Seq2seqParts *parts; /* the layers: model/seq2seq.c */
} Seq2seq;

/* All weights are pure functions of seed and name. STATUS_ARGUMENT names what does not fit. */
Status seq2seq_open(Seq2seq **out, const Seq2seqConfig *config, uint64_t seed);

/* Logits [M B, target_vocabulary] under teacher forcing. *weights (may be NULL) gets the attention
 * weights [M B, N] as a value without a gradient, NULL where there is no attention. */
Value *seq2seq_forward(Seq2seq *model, Tape *tape, const Seq2seqBatch *batch, Value **weights);

/* Greedy decoding of batch->target_steps symbols, the largest logit at each step, from the symbol
 * `start`: answer [M B], time-major, and the attention weights [M B, N] (NULL: not wanted; not
 * touched without attention). input and label of the batch are not read. Scratch from the arena is
 * given back. */
Status seq2seq_generate(Seq2seq *model, Arena *arena, const Seq2seqBatch *batch, int32_t start,
                        int32_t *answer, float *weights);

/* Numbers that the encoder hands over: the size of the bottleneck. */
int seq2seq_handed_over(const Seq2seqConfig *config);

/* Numbers that training changes in a model of this configuration, without making it. */
size_t seq2seq_parameters(const Seq2seqConfig *config);

/* The even width, from 2 to 4096, at which `config` has the number of parameters nearest to
 * `parameters`. */
int seq2seq_equal_width(const Seq2seqConfig *config, size_t parameters);

void seq2seq_close(Seq2seq *model);

#endif
