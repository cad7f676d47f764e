/* q3_parallelism_device: question 3's layers on a device that has its own memory, made of its
 * operations alone: what the CPU's layers do through the tape (q3_parallelism_layer.h), with the
 * same weights.
 *
 *     Q3DeviceLayer *there;
 *     STATUS_TRY(q3_device_layer_open(&there, layer, device, &arena));   // weights go there
 *     double seconds[2];                                     // of one call: forward, backward
 *     STATUS_TRY(q3_device_layer_run(there, &arena, B, N, x, dout, calls, seconds, NULL));
 *     q3_device_layer_close(there);
 *
 * `calls` forward passes run in a row and then as many backward ones, timed by the device; the host
 * waits for neither. A convolution is one product a tap and sequence, the middle tap first, over
 * the rows that the tap can see: no copy of the rows side by side.
 */
#ifndef EXPERIMENTS_Q3_PARALLELISM_DEVICE_H
#define EXPERIMENTS_Q3_PARALLELISM_DEVICE_H

#include "q3_parallelism_layer.h"

typedef struct Q3DeviceLayer Q3DeviceLayer;

/* Where a pass has left its results, on the device: [B N, D], until the arena is used again; and
 * the gradients of the weights (q3_layer_weights), until the next pass. */
typedef struct {
    const float *y, *dx;
    const float *in, *in_bias, *recurrent, *out, *out_bias;
} Q3DeviceResult;

/* Weights and their gradients stand in `arena`, the device's, and stay. *out is the caller's. */
Status q3_device_layer_open(Q3DeviceLayer **out, const Q3Layer *layer, const Device *device,
                            Arena *arena);

/* x and dout [B N, D] on the device; dout NULL: forward alone. `result` may be NULL. The arena is
 * given back. STATUS_MEMORY where it is too small. */
Status q3_device_layer_run(Q3DeviceLayer *layer, Arena *arena, int batch, int length,
                           const float *x, float *dout, int calls, double seconds[2],
                           Q3DeviceResult *result);

/* Which inputs reach which outputs, as q3_layer_dependence. */
Status q3_device_layer_dependence(Q3DeviceLayer *layer, Arena *arena, int length, uint64_t seed,
                                  unsigned char *reaches);

void q3_device_layer_close(Q3DeviceLayer *layer);

#endif
