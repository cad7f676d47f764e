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
 * The feed-forward layers have GELU between them (Hendrycks and Gimpel 2016).
 *
 * Initialisation, pure functions of seed and parameter name: matrices uniform in
 * +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010, equation 16; queries, keys and values one
 * by one, though they lie in one matrix), biases 0, gains 1; embeddings and learned positions
 * standard normal, which is what Vaswani et al. 2017, section 3.4, have after multiplying by
 * sqrt(D): on a par with the sinusoids, whose mean square is 1/2.
 */
#ifndef MODEL_TRANSFORMER_H
#define MODEL_TRANSFORMER_H

#include "grad/tape.h"

typedef enum { POSITIONS_NONE, POSITIONS_SINUSOIDAL, POSITIONS_LEARNED } Positions;

typedef struct {
    int encoder_layers, decoder_layers;
    int width, heads, feed_forward; /* D, H, F */
    int vocabulary;                 /* of inputs; with both halves: of the source; 0: rows come
                                       embedded, see transformer_encode_rows */
    int target_vocabulary;          /* inputs of the decoder where there is an encoder */
    int classes;                    /* columns of the logits; 0, where rows come embedded: states
                                       are what comes out */
    Positions positions;
    int positions_max;       /* rows of LEARNED; longer sequences are refused there alone */
    AttentionKind attention; /* MATERIALISED, TILED, or KERNEL_LINEAR with elu + 1 */
    float dropout; /* of the embeddings, of each branch, and of MATERIALISED's probabilities */
    int remaining; /* 1: row i of the decoder attends to rows i and after of its memory, which must
                      be as long (model/reorderer.h) */
    Precision precision; /* of the products */
} TransformerConfig;

#define TRANSFORMER_LAYERS_MAX 24

/* The attention weights of a forward pass: those of layer i as nn/multihead.h lays them out, in the
 * tape's arena. NULL for kinds that store none. */
typedef struct {
    const float *encoder[TRANSFORMER_LAYERS_MAX];
    const float *decoder[TRANSFORMER_LAYERS_MAX];
    const float *cross[TRANSFORMER_LAYERS_MAX];
} TransformerWeights;

typedef struct Transformer {
    TransformerConfig config;
    ParameterSet parameters;
    struct TransformerParts *parts; /* model/transformer_parts.h */
    TransformerWeights *watch; /* where not NULL, filled by every forward pass: for heat maps */
} Transformer;

/* *out is the caller's to transformer_close, NULL on failure. STATUS_ARGUMENT names the size that
 * makes no sense. */
Status transformer_open(Transformer **out, const TransformerConfig *config, uint64_t seed);
size_t transformer_parameters(const TransformerConfig *config); /* without opening one */

/* The encoder's states [T, D], after its last norm: ids [T] (they and offsets must live until
 * backward, here and below), sequences packed end to end by offsets [B+1]. */
Value *transformer_encode(Transformer *model, Tape *tape, const int32_t *ids, int sequences,
                          const int *offsets);

/* The same of rows [T, D] that are embedded already, whatever the config says of vocabularies and
 * positions; and the decoder's states, [T, D], after its last norm, before any classes. */
Value *transformer_encode_rows(Transformer *model, Tape *tape, Value *rows, int sequences,
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
Value *transformer_decode_rows(Transformer *model, Tape *tape, Value *rows, int sequences,
                               const int *offsets, const TransformerMemory *memory);

/* --- one token at a time ------------------------------------------------------------------- */

/* What is kept between tokens: keys and values of the past (softmax), or the running sums
 * S = sum phi(k) v', z = sum phi(k) (KERNEL_LINEAR: constant size). */
typedef struct TransformerCache TransformerCache;

/* Room for `length` tokens of each of `sequences`. What the decoder needs of `memory` is computed
 * here and kept. The cache reads the model's weights as they are at each step; close it before the
 * model. */
Status transformer_cache_open(TransformerCache **out, Transformer *model, int sequences, int length,
                              const TransformerMemory *memory);

/* The next token of every sequence, ids [B]: logits [B, classes], the same as transformer_decode's
 * last rows within rounding. Allocates nothing of its own (product libraries may keep scratch).
 * STATUS_ARGUMENT where `length` tokens are there already. */
Status transformer_cache_step(TransformerCache *cache, const int32_t *ids, float *logits);

/* Bytes held for the tokens so far: what grows with them for softmax, the state of constant size
 * for KERNEL_LINEAR, and what was kept of `memory`. */
size_t transformer_cache_bytes(const TransformerCache *cache);

/* Forgets every token, keeps the memory. */
void transformer_cache_reset(TransformerCache *cache);
void transformer_cache_close(TransformerCache *cache);

void transformer_close(Transformer *model);

/* Row `position` of the sinusoids, [D] (Vaswani et al. 2017, section 3.5). */
void transformer_sinusoid(int position, int width, float *out);

#endif
