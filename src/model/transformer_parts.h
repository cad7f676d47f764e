/* transformer_parts: the parameters of a Transformer, by what they do. For model/transformer*.c,
 * and for who sets weights by hand (a head built from sinusoids: experiments/q2_history_head.c).
 *
 *     Parameter *w = model->parts->decoder[0].qkv.weight;      // [3 D, D]: queries, keys, values
 *     memcpy(w->value, mine, w->count * sizeof *mine);
 *     STATUS_TRY(parameters_changed(&model->parameters));
 */
#ifndef MODEL_TRANSFORMER_PARTS_H
#define MODEL_TRANSFORMER_PARTS_H

#include "model/transformer.h"

typedef struct {
    Parameter *weight, *bias; /* [outputs, inputs], [outputs] */
} LinearParts;

typedef struct {
    Parameter *gain, *shift; /* [D] */
} NormParts;

typedef struct {
    NormParts attention_norm;
    LinearParts qkv, output;
    NormParts cross_norm; /* decoders that have an encoder; else NULL */
    LinearParts query, key_value, cross_output;
    NormParts feed_norm;
    LinearParts up, down;
} TransformerLayer;

typedef struct TransformerParts {
    TransformerLayer *encoder, *decoder; /* [layers] */
    Parameter *encoder_words, *decoder_words;
    Parameter *encoder_positions, *decoder_positions; /* LEARNED, else NULL */
    NormParts encoder_norm, decoder_norm;             /* the last ones */
    LinearParts classes;
    float *sinusoids; /* [sinusoid_rows, D]: the first ones; later ones are computed */
    int sinusoid_rows;
} TransformerParts;

#define TRANSFORMER_EPSILON 1e-5f /* of every norm */

/* Ids of the decoder's inputs. */
int transformer_decoder_vocabulary(const TransformerConfig *config);

/* Adds and draws the parameters. */
Status transformer_parts_open(Transformer *model, uint64_t seed);
void transformer_parts_close(TransformerParts *parts);

#endif
