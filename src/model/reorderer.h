/* reorderer: a Transformer that puts a bag of words into order.
 *
 *     ReordererConfig config = reorderer_config_default();
 *     Reorderer *model;
 *     STATUS_TRY(reorderer_open(&model, &config, seed));
 *     reorderer_features(&config, "کتاب", id, feature);                 // of every word, once
 *     ReorderBatch batch = {.sequences = B, .offsets = offsets, .words = ids, .features = feature};
 *     Value *loss = reorderer_loss(model, &tape, &batch, &right);       // rows in the right order
 *     ... tape_backward, AdamW ...
 *     reorderer_close(model);
 *
 * Encoder: the words without any position, so that it sees a bag; permuting the input permutes its
 * states. Decoder: causal self-attention over the words placed so far, with positions, and
 * attention to the states of the words that are left. It points at one of them (nn/pointer.h), so
 * that what comes out is a permutation of what went in, whatever the weights are. model/
 * reorderer_search.h looks for the likeliest one.
 *
 * A word is the sum of a vector of its own, where it is among the most frequent, and of vectors of
 * its beginnings and ends, hashed into a table: unseen words have these. The decoder's input at
 * place t is the word placed last (the same sum, and the encoder's state of it), the place, and how
 * many words are left.
 */
#ifndef MODEL_REORDERER_H
#define MODEL_REORDERER_H

#include "model/transformer.h"

/* Beginnings of 1 to 4 characters, ends likewise. */
#define REORDERER_AFFIXES  8
#define REORDERER_FEATURES (1 + REORDERER_AFFIXES)

typedef struct {
    int encoder_layers, decoder_layers;
    int width, heads, feed_forward;
    int words;   /* ids with a vector of their own: 0 .. words - 1; beyond, all share one */
    int affixes; /* rows that beginnings and ends are hashed into */
    int places;  /* the longest sentence; longer ones share the last place */
    float dropout;
    int left_only; /* 1: the decoder attends to the words left; 0: to all words of the bag */
    Precision precision;
} ReordererConfig;

/* 3 and 3 layers, width 256, 4 heads, feed-forward 1024, 30,000 words, 5,000 affixes, 40 places, no
 * dropout, left_only, f32. */
ReordererConfig reorderer_config_default(void);

/* What the embedding looks up for a word: its row, then its affixes. `id` is its rank by frequency;
 * `word` is UTF-8. [REORDERER_FEATURES] */
void reorderer_features(const ReordererConfig *config, const char *word, uint32_t id,
                        int32_t *feature);

/* Sentences end to end. Everything must live until backward. */
typedef struct {
    int sequences;
    const int *offsets;      /* [B+1]; no sentence is empty */
    const uint32_t *words;   /* [T]: equal where words are equal */
    const int32_t *features; /* [T, REORDERER_FEATURES] */
} ReorderBatch;

typedef struct Reorderer Reorderer;

/* *out is the caller's to reorderer_close, NULL on failure. Weights are drawn by seed and name. */
Status reorderer_open(Reorderer **out, const ReordererConfig *config, uint64_t seed);
void reorderer_close(Reorderer *model);

const ReordererConfig *reorderer_config(const Reorderer *model);
ParameterSet *reorderer_parameters(Reorderer *model);

/* The encoder's states [T, D]. */
Value *reorderer_encode(Reorderer *model, Tape *tape, const ReorderBatch *batch);

/* Mean loss [1,1] of a batch whose rows stand in the right order; *right (may be NULL) counts the
 * places where the likeliest word left is the right one. */
Value *reorderer_loss(Reorderer *model, Tape *tape, const ReorderBatch *batch, int *right);

#endif
