/* q3_parallelism_layer: the five layers that question 3 compares, D columns in and D out, and one
 * timed pass through one of them.
 *
 *     Q3Shape shape = {.width = 256, .heads = 4, .features = 256, .taps = 3};
 *     Q3Layer *layer;
 *     STATUS_TRY(q3_layer_open(&layer, Q3_LSTM, &shape, seed));
 *     double seconds[2];                                     // forward, backward
 *     STATUS_TRY(q3_layer_run(layer, &arena, B, N, x, dout, seconds));
 *     q3_layer_close(layer);
 *
 *   lstm         W x + b and U h for four gates, the cell             16 D^2 operations a row
 *   softmax      queries, keys, values and output by products of      8 D^2 + 4 N D
 *                D x D; between them exact attention in tiles
 *   elu, favor   the same with kernel attention, phi(Q) (phi(K)' V)   8 D^2 + what attention_work
 * counts convolution  `taps` rows of x side by side, one product           2 taps D^2
 *
 * (forward; a multiplication and an addition are two). Forward keeps what backward needs, backward
 * makes the gradients of the input and of all weights, as inside a network that is trained.
 */
#ifndef EXPERIMENTS_Q3_PARALLELISM_LAYER_H
#define EXPERIMENTS_Q3_PARALLELISM_LAYER_H

#include "base/arena.h"
#include "grad/parameter.h"
#include "op/op.h"
#include "q3_parallelism_graph.h"
#include <stdint.h>

typedef struct {
    int width, heads, features, taps; /* D, H, R, k */
} Q3Shape;

typedef struct Q3Layer Q3Layer;

/* *out is the caller's to q3_layer_close. */
Status q3_layer_open(Q3Layer **out, Q3LayerKind kind, const Q3Shape *shape, uint64_t seed);

/* Where a pass has left its results, until the arena is used again; gradients of weights stand in
 * the parameters (q3_layer_weights), until the next pass. */
typedef struct {
    const float *y, *dx; /* [B N, D] */
} Q3LayerResult;

/* x and dout [B N, D]; dout NULL: forward alone. `result` may be NULL. The arena is given back. */
Status q3_layer_run(Q3Layer *layer, Arena *arena, int batch, int length, float *x,
                    const float *dout, double seconds[2], Q3LayerResult *result);

/* Multiplies and adds of one pass, counted from the shapes. */
double q3_layer_operations(Q3LayerKind kind, const Q3Shape *shape, int batch, int length,
                           Direction direction);

/* Bytes that one forward pass must move at least: weights and every matrix between the operations,
 * each read or written once. */
double q3_layer_bytes(Q3LayerKind kind, const Q3Shape *shape, int batch, int length);

/* Runs the layer and asks its backward, output by output, which inputs have a gradient:
 * reaches[j * length + i] is 1 where input j reaches output i. */
Status q3_layer_dependence(Q3Layer *layer, Arena *arena, int length, uint64_t seed,
                           unsigned char *reaches);

/* For a device with memory of its own (q3_parallelism_device.h): the weights, NULL where the kind
 * has none, and the attention between the products. Owned by the layer. */
typedef struct {
    Q3LayerKind kind;
    Q3Shape shape;
    const Parameter *in, *in_bias; /* the first product; of the LSTM W and b */
    const Parameter *recurrent;    /* U */
    const Parameter *out, *out_bias;
    const float *projection; /* [R, D / H] */
} Q3LayerWeights;
Q3LayerWeights q3_layer_weights(const Q3Layer *layer);
Attention q3_layer_attention(Q3LayerKind kind, const Q3Shape *shape, int batch, const int *offsets,
                             const float *projection);

void q3_layer_close(Q3Layer *layer);

#endif
