/* attention: what the files of attention share. For src/op/cuda only.
 *
 * A batch packs B sequences end to end. Blocks are handed tiles of rows: a tile lies in one
 * sequence, and CudaRows says which.
 */
#ifndef OP_CUDA_ATTENTION_H
#define OP_CUDA_ATTENTION_H

#include "device.h"

/* Offsets on the GPU, and totals on the host. */
struct CudaRows {
    const int *query_offsets, *key_offsets; /* [B+1], the GPU's */
    int queries, keys;                      /* rows of the batch */
    int longest_query, longest_key;         /* of one sequence */
};

/* Takes room from the arena; the caller rewinds it. */
Status cuda_rows_open(CudaRows *rows, const Attention *a, Arena *arena);

/* Zeros in `rows` rows of every head. */
Status cuda_zero_rows(const Attention *a, int rows, AttentionOut to);

/* Of the probabilities. */
static inline CudaDropout cuda_dropout_of(const Attention *a) {
    const Dropout d = {a->dropout, a->dropout_seed, a->dropout_stream};
    return cuda_dropout(&d);
}

/* Row-major products of all heads at once: C[m,n] = alpha op(A) op(B); `row` and `head` are floats
 * from one row, and from one head's matrix, to the next. */
Status cuda_gemm_heads(int heads, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float *a, size_t a_row, size_t a_head, const float *b,
                       size_t b_row, size_t b_head, float *c, size_t c_row, size_t c_head);

/* C = alpha op(A) op(B) + beta C, `count` times at strides. */
Status cuda_gemm_many(int count, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                      const float *a, size_t a_row, size_t a_next, const float *b, size_t b_row,
                      size_t b_next, float beta, float *c, size_t c_row, size_t c_next);

static inline AttentionIn cuda_from_row(AttentionIn view, int row) {
    view.data += (size_t)row * view.row;
    return view;
}
static inline AttentionOut cuda_from_row(AttentionOut view, int row) {
    view.data += (size_t)row * view.row;
    return view;
}

/* --- the kinds: each forward and its backward --------------------------------------------------
 */

Status cuda_materialised(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *saved, Arena *arena);
Status cuda_materialised_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                  AttentionIn k, AttentionIn v, AttentionIn dout,
                                  const float *saved, AttentionOut dq, AttentionOut dk,
                                  AttentionOut dv, Arena *arena);

Status cuda_tiled(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                  AttentionIn v, AttentionOut out, float *saved);
Status cuda_tiled_backward(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                           AttentionIn v, AttentionIn out, AttentionIn dout, const float *saved,
                           AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena);

/* The same with bf16 operands, on tensor cores. */
Status cuda_tensor_tiled(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *saved, Arena *arena);

Status cuda_tensor_tiled_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                  AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                                  const float *saved, AttentionOut dq, AttentionOut dk,
                                  AttentionOut dv, Arena *arena);

/* *delta [heads][queries] = dO . O of every row, of rounded dO in bf16; from the arena. */
Status cuda_tiled_delta(const Attention *a, const CudaRows *rows, AttentionIn out, AttentionIn dout,
                        Arena *arena, const float **delta);

Status cuda_value(const Attention *a, const CudaRows *rows, AttentionIn v, AttentionOut out);
Status cuda_value_backward(const Attention *a, const CudaRows *rows, AttentionIn dout,
                           AttentionOut dq, AttentionOut dk, AttentionOut dv);

Status cuda_linear(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                   AttentionIn v, AttentionOut out, Arena *arena);
Status cuda_linear_backward(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                            AttentionIn v, AttentionIn out, AttentionIn dout, AttentionOut dq,
                            AttentionOut dk, AttentionOut dv, Arena *arena);
Status cuda_linear_causal(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                          AttentionIn v, AttentionOut out, Arena *arena);
Status cuda_linear_causal_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                   AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                                   AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena);

Status cuda_quadratic(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                      AttentionIn v, AttentionOut out, float *saved, Arena *arena);
Status cuda_quadratic_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                               AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                               const float *saved, AttentionOut dq, AttentionOut dk,
                               AttentionOut dv, Arena *arena);

#endif
