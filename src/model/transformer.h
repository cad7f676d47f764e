/* transformer: encoder, decoder, or both (Vaswani et al. 2017), with a choice of positions and of
 * attention.
 *
 *     TransformerConfig config = {.decoder_layers = 2, .width = 64, .heads = 4,
 *                                 .feed_forward = 256, .vocabulary = 40, .classes = 40,
 *                                 .positions = POSITIONS_SINUSOIDAL, .positions_max = 512};
 *     Transformer *model;
 *     STATUS_TRY(transformer_open(&model, &config, seed));
 *     int offsets[] = {0, 5, 8};                                  // two sequences, packed
 *     Value *logits = transformer_decode(model, &tape, ids, 2, offsets, NULL);    // [T, classes]
 *
 * Layers normalise before each branch (Xiong et al. 2020); a last norm follows. No encoder layers:
 * a decoder alone, whose causal attention sees its own past. No decoder layers: an encoder alone.
 */
#ifndef MODEL_TRANSFORMER_H
#define MODEL_TRANSFORMER_H

#include "grad/tape.h"

typedef enum { POSITIONS_NONE, POSITIONS_SINUSOIDAL, POSITIONS_LEARNED } Positions;

typedef struct {
    int encoder_layers, decoder_layers;
    int width, heads, feed_forward; /* D, H, F */
    int vocabulary;                 /* of inputs; with both halves: of the source */
    int target_vocabulary;          /* inputs of the decoder where there is an encoder */
    int classes;                    /* columns of the logits */
    Positions positions;
    int positions_max;       /* rows of LEARNED; longer sequences are refused there alone */
    AttentionKind attention; /* MATERIALISED, TILED, or KERNEL_LINEAR with elu + 1 */
    float dropout;
} TransformerConfig;

typedef struct Transformer {
    TransformerConfig config;
    ParameterSet parameters;
    struct TransformerParts *parts; /* model/transformer.c */
} Transformer;

Status transformer_open(Transformer **out, const TransformerConfig *config, uint64_t seed);
size_t transformer_parameters(const TransformerConfig *config); /* without opening one */

/* The encoder's states [T, D]: ids [T], sequences packed end to end by offsets [B+1]. */
Value *transformer_encode(Transformer *model, Tape *tape, const int32_t *ids, int sequences,
                          const int *offsets);

/* Logits of an encoder alone, [T, classes]. */
Value *transformer_classify(Transformer *model, Tape *tape, Value *states);

/* What decoders attend to besides their own past. */
typedef struct {
    Value *states;
    const int *offsets; /* [B+1] */
} TransformerMemory;

/* Logits [T, classes] of a decoder; memory NULL for a decoder alone. */
Value *transformer_decode(Transformer *model, Tape *tape, const int32_t *ids, int sequences,
                          const int *offsets, const TransformerMemory *memory);

/* --- one token at a time ------------------------------------------------------------------- */

/* What is kept between tokens: keys and values of the past (softmax), or the running sums
 * S = sum phi(k) v', z = sum phi(k) (KERNEL_LINEAR: constant size). */
typedef struct TransformerCache TransformerCache;

/* Room for `length` tokens of each of `sequences`. `memory` (with its data) must outlive it. */
Status transformer_cache_open(TransformerCache **out, Transformer *model, int sequences, int length,
                              const TransformerMemory *memory);

/* The next token of every sequence, ids [B]: logits [B, classes], the same as transformer_decode's
 * last rows within rounding. Allocates nothing. */
Status transformer_cache_step(TransformerCache *cache, const int32_t *ids, float *logits);

/* Bytes held for the tokens so far. */
size_t transformer_cache_bytes(const TransformerCache *cache);
void transformer_cache_close(TransformerCache *cache);

void transformer_close(Transformer *model);

/* Row `position` of the sinusoids, [D] (Vaswani et al. 2017, section 3.5). */
void transformer_sinusoid(int position, int width, float *out);

#endif
