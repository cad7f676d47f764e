/* q3_parallelism_model: the two networks that question 3 trains against each other, an LSTM
 * encoder-decoder with attention and a Transformer encoder-decoder of as many parameters, and one
 * timed training step of either.
 *
 *     Q3ModelShape shape = {.width = 128, .heads = 4, .layers = 2, .vocabulary = 1000};
 *     Q3Models *models;
 *     STATUS_TRY(q3_models_open(&models, &shape, most_tokens, seed));
 *     double seconds[2];              // forward and backward; update by AdamW
 *     STATUS_TRY(q3_models_step(models, Q3_TRANSFORMER, B, N, seconds));
 *     q3_models_close(models);
 *
 * Both read a source of N symbols and are taught a target of N symbols; sources and targets are
 * random, since only the time matters here. Transformer: `layers` encoder and `layers` decoder
 * layers, feed-forward 4 D, sinusoids, stored softmax (Vaswani et al. 2017). LSTM: `layers` encoder
 * and `layers` decoder layers, the decoder begins with the encoder's last states (Sutskever et al.
 * 2014), attention by the dot score after the last cell (Luong et al. 2015), D-wide embeddings, and
 * the width H at which its parameters come nearest to the Transformer's.
 */
#ifndef EXPERIMENTS_Q3_PARALLELISM_MODEL_H
#define EXPERIMENTS_Q3_PARALLELISM_MODEL_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum { Q3_SEQ2SEQ, Q3_TRANSFORMER, Q3_MODELS } Q3ModelKind;

/* "seq2seq", "transformer". */
extern const char *const q3_model_slug[Q3_MODELS];

typedef struct {
    int width, heads, layers, vocabulary;
} Q3ModelShape;

typedef struct Q3Models Q3Models;

/* `most_tokens`: the largest B N that will be asked for. */
Status q3_models_open(Q3Models **out, const Q3ModelShape *shape, size_t most_tokens, uint64_t seed);

size_t q3_models_parameters(const Q3Models *models, Q3ModelKind kind);

/* H of the LSTM. */
int q3_models_recurrent_width(const Q3Models *models);

Status q3_models_step(Q3Models *models, Q3ModelKind kind, int batch, int length, double seconds[2]);

/* The loss of the last step. */
double q3_models_loss(const Q3Models *models);

void q3_models_close(Q3Models *models);

#endif
