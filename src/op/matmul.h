/* matmul: the products of a linear layer, y = x W' and its two gradients, at a chosen precision.
 *
 * A weight is used three times a step and changes once, so what a product library wants of it
 * (another type, another order) is made once a step and kept beside it.
 *
 *     MatmulWeight *w;
 *     STATUS_TRY(matmul_weight_open(&w, outputs, inputs, PRECISION_BF16));
 *     STATUS_TRY(matmul_weight_set(w, value));                    // after every change of value
 *     STATUS_TRY(matmul_forward(w, rows, x, y));                  // y = x W'
 *     STATUS_TRY(matmul_backward_input(w, rows, dy, dx, 0));      // dx = dy W
 *     STATUS_TRY(matmul_backward_weight(w, rows, dy, x, dw, 1));  // dW += dy' x
 *     matmul_weight_close(w);
 *
 * All matrices are dense, row-major and f32: W and dW [outputs, inputs], x and dx [rows, inputs],
 * y and dy [rows, outputs]. PRECISION_F32 computes in f32. PRECISION_BF16 rounds the operands of
 * every product to bfloat16 (nearest, ties to even) and sums in f32 (Micikevicius et al. 2018;
 * masters stay f32). Rows may be 0. The same calls give the same bits again, on one machine with
 * one number of threads. bf16 products share scratch: one thread of the program at a time.
 */
#ifndef OP_MATMUL_H
#define OP_MATMUL_H

#include "base/status.h"
#include "op/precision.h"

typedef struct MatmulWeight MatmulWeight;

/* *out is the caller's to matmul_weight_close. STATUS_ARGUMENT for a size below 1, STATUS_MEMORY.
 */
Status matmul_weight_open(MatmulWeight **out, int outputs, int inputs, Precision precision);

/* Takes the values [outputs, inputs] as they are now. f32 keeps the pointer and reads it in every
 * product, so that values may change without another call; bf16 converts and packs them here, and
 * keeps the pointer for shapes that cannot be packed. STATUS_ARGUMENT for NULL. */
Status matmul_weight_set(MatmulWeight *weight, const float *value);

/* y[rows, outputs] = x[rows, inputs] W'. All three: STATUS_ARGUMENT for rows below 0, and where W
 * is needed and was not set; STATUS_MEMORY for scratch; then the result is as it was. */
Status matmul_forward(MatmulWeight *weight, int rows, const float *x, float *y);

/* dx[rows, inputs] = dy[rows, outputs] W, or += where `accumulate`. */
Status matmul_backward_input(MatmulWeight *weight, int rows, const float *dy, float *dx,
                             int accumulate);

/* dw[outputs, inputs] = dy' x, or += where `accumulate`. */
Status matmul_backward_weight(MatmulWeight *weight, int rows, const float *dy, const float *x,
                              float *dw, int accumulate);

/* NULL is fine. */
void matmul_weight_close(MatmulWeight *weight);

/* How products of `precision` are computed on this machine, for run.tsv and --help:
 * "oneDNN and OpenBLAS f32", "oneDNN bf16 on AMX", "bf16 operands, f32 arithmetic (no bf16
 * instructions here)". */
const char *matmul_backend(Precision precision);

#endif
