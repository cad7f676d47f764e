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
 *
 * An operand goes into two products, x into y and dW, dy into dx and dW; several layers may share
 * an x. What bf16 makes of it can be kept from the first to the last:
 *
 *     MatmulRounded shape = matmul_rounded(w, rows, inputs);      // bytes 0: nothing is made
 *     uint16_t *kept = arena_take(&arena, shape.bytes);
 *     matmul_round_operand(shape, x, rows, inputs, kept);
 *     STATUS_TRY(matmul_forward_with(w, rows, (MatmulOperand){x, kept}, bias, y));
 */
#ifndef OP_MATMUL_H
#define OP_MATMUL_H

#include "base/status.h"
#include "op/layers.h"
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

/* What bf16 products read in the place of an operand: its numbers rounded, in whole blocks of rows
 * and columns, zeros added. The same for every weight that has any. */
typedef struct {
    int rows, columns; /* of whole blocks */
    size_t bytes;      /* 0: products of this weight read f32 */
} MatmulRounded;

typedef struct {
    const float *value;      /* [rows, columns]; NULL where `rounded` is there */
    const uint16_t *rounded; /* NULL: products make it for themselves, each time */
} MatmulOperand;

/* Of an operand [rows, columns]; rows 1 or more. */
MatmulRounded matmul_rounded(const MatmulWeight *weight, int rows, int columns);
void matmul_round_operand(MatmulRounded shape, const float *from, int rows, int columns,
                          uint16_t *to);

/* y = gelu(x), and y rounded into `to` while it is in cache. */
void matmul_round_gelu(MatmulRounded shape, int rows, int columns, const float *x, float *y,
                       uint16_t *to);

/* In one pass over dy [rows, columns]: what activate_backward (op/layers.h) would make of it,
 * summed into dbias (NULL: not wanted), += where `accumulate`, and rounded into `to`. The sums are
 * those of activate_backward to the bit, whatever the number of threads. x and y are forward's, as
 * there. */
void matmul_round_gradient(MatmulRounded shape, Activation f, int rows, int columns, const float *x,
                           const float *y, const float *dy, uint16_t *to, float *dbias,
                           int accumulate);

/* The three products, with operands that may be there rounded; the same bits as without. Forward
 * adds a bias [outputs] (NULL: none) to every row. */
Status matmul_forward_with(MatmulWeight *weight, int rows, MatmulOperand x, const float *bias,
                           float *y);
Status matmul_backward_input_with(MatmulWeight *weight, int rows, MatmulOperand dy, float *dx,
                                  int accumulate);
Status matmul_backward_weight_with(MatmulWeight *weight, int rows, MatmulOperand dy,
                                   MatmulOperand x, float *dw, int accumulate);

/* NULL is fine. */
void matmul_weight_close(MatmulWeight *weight);

/* How products of `precision` are computed on this machine, for run.tsv and --help:
 * "oneDNN and OpenBLAS f32", "oneDNN bf16 on AMX", "bf16 operands, f32 arithmetic (no bf16
 * instructions here)". */
const char *matmul_backend(Precision precision);

#endif
