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

Status cuda_value(const Attention *a, const CudaRows *rows, AttentionIn v, AttentionOut out);
Status cuda_value_backward(const Attention *a, const CudaRows *rows, AttentionIn dout,
                           AttentionOut dq, AttentionOut dk, AttentionOut dv);

#endif
