/* matmul_packed: the products of a linear layer through oneDNN's packed operands.
 *
 *     MatmulPacked *w;
 *     STATUS_TRY(matmul_packed_open(&w, outputs, inputs, ONEDNN_BF16));
 *     STATUS_TRY(matmul_packed_set(w, value));            // converted and packed, both directions
 *     STATUS_TRY(matmul_packed_product(w, MATMUL_FORWARD, rows, x, NULL, y, 0));
 *     matmul_packed_close(w);
 *
 * Everything oneDNN sees is a multiple of BLOCK in every dimension, zeros added where need be: its
 * kernels then have no remainders, and the rows of a batch, which vary, ask for few different
 * shapes. A product of r rows is one of the whole blocks, straight into the result, and one of
 * the last block through scratch.
 *
 * With ONEDNN_F32 nothing is rounded. f32 products are faster unpacked; this is how machines
 * without bfloat16 test the code.
 */
#ifndef OP_CPU_MATMUL_PACKED_H
#define OP_CPU_MATMUL_PACKED_H

#include "op/cpu/dnnl.h"
#include "op/cpu/matmul_f32.h"
#include "op/matmul.h"

/* Two rows of AMX tiles, or one step of their depth in bfloat16. */
#define MATMUL_BLOCK 32

static inline int matmul_whole(int n) {
    return (n + MATMUL_BLOCK - 1) / MATMUL_BLOCK * MATMUL_BLOCK;
}

typedef struct MatmulPacked MatmulPacked;

/* *out is the caller's to matmul_packed_close. STATUS_UNSUPPORTED where oneDNN cannot (see dnnl.h).
 */
Status matmul_packed_open(MatmulPacked **out, int outputs, int inputs, OnednnType type);

/* Takes the values [outputs, inputs]. */
Status matmul_packed_set(MatmulPacked *weight, const float *value);

/* matmul_f32 with the values that were set as the right operand; `right` is x for
 * MATMUL_BACKWARD_WEIGHT and otherwise not used. On failure `out` is as it was. */
Status matmul_packed_product(MatmulPacked *weight, MatmulProduct product, int rows,
                             const float *left, const float *right, float *out, int accumulate);

/* The same with operands that may be there rounded, of weights in ONEDNN_BF16, and for
 * MATMUL_FORWARD a bias [outputs] that is added to every row (NULL: none). */
Status matmul_packed_product_with(MatmulPacked *weight, MatmulProduct product, int rows,
                                  MatmulOperand left, MatmulOperand right, const float *bias,
                                  float *out, int accumulate);

/* NULL is fine. */
void matmul_packed_close(MatmulPacked *weight);

#endif
