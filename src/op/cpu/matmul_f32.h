/* matmul_f32: the three products of a linear layer in f32, each by the library that is faster.
 *
 *     STATUS_TRY(matmul_f32(MATMUL_FORWARD, outputs, inputs, rows, x, w, y, 0));
 *
 * The rule is fixed, so that a machine computes the same bits every time; it comes from
 * measurements of every product of BERT's linear layers (bench/LOG.md, "Products of a linear
 * layer").
 */
#ifndef OP_CPU_MATMUL_F32_H
#define OP_CPU_MATMUL_F32_H

#include "base/status.h"

typedef enum {
    MATMUL_FORWARD,        /* y [rows, outputs] = x [rows, inputs] w' */
    MATMUL_BACKWARD_INPUT, /* dx [rows, inputs] = dy [rows, outputs] w */
    MATMUL_BACKWARD_WEIGHT /* dw [outputs, inputs] = dy' [outputs, rows] x */
} MatmulProduct;

/* 1 where oneDNN computes this product, 0 where OpenBLAS does. */
int matmul_f32_is_onednn(MatmulProduct product, int outputs, int inputs, int rows);

/* `left` and `right` are the operands in the order above, `out` the result, which is added to where
 * `accumulate`. Sizes are 1 or more. */
Status matmul_f32(MatmulProduct product, int outputs, int inputs, int rows, const float *left,
                  const float *right, float *out, int accumulate);

#endif
