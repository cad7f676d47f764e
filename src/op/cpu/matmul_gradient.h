/* matmul_gradient: operands of bf16 products made where the numbers come from: gelu(x) beside its
 * f32, and for a linear layer's backward pass dy f'(x) with its sums for the bias.
 *
 * Passes that write f32 and read it again cost more of a step than the arithmetic does: the rows of
 * a batch do not fit into the cache. Not for callers: they use op/matmul.h.
 */
#ifndef OP_CPU_MATMUL_GRADIENT_H
#define OP_CPU_MATMUL_GRADIENT_H

#include "op/layers.h"

/* matmul_round_gradient with its shape as two numbers. */
void matmul_gradient(Activation f, int rows, int columns, const float *x, const float *y,
                     const float *dy, uint16_t *to, int padded_rows, int padded_columns,
                     float *dbias, int accumulate);

/* matmul_round_gelu likewise. */
void matmul_gelu(int rows, int columns, const float *x, float *y, uint16_t *to, int padded_rows,
                 int padded_columns);

#endif
