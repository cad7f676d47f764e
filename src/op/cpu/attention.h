/* attention: what the files of op/cpu share. Not for callers: they use op/op.h. */
#ifndef OP_CPU_ATTENTION_H
#define OP_CPU_ATTENTION_H

#include "op/cpu/kernels.h"
#include "op/op.h"

#include <omp.h>

#define LOG2E 1.44269504088896341f
#define LN2   0.693147180559945309f

typedef struct {
    AttentionIn q, k, v, out, dout;
    AttentionOut dq, dk, dv;
} CpuBackward;

/* One sequence and one head of a batch: what a thread works on. */
typedef struct {
    int head;
    int first_query, queries; /* rows of this sequence in the packed batch */
    int first_key, keys;
} CpuTask;

static inline CpuTask cpu_task(const Attention *a, int index) {
    int b = index / a->heads;
    return (CpuTask){.head = index % a->heads,
                     .first_query = a->query_offsets[b],
                     .queries = a->query_offsets[b + 1] - a->query_offsets[b],
                     .first_key = a->key_offsets[b],
                     .keys = a->key_offsets[b + 1] - a->key_offsets[b]};
}

static inline int cpu_longest(const int *offsets, int sequences) {
    int longest = 0;
    for (int b = 0; b < sequences; b++)
        if (offsets[b + 1] - offsets[b] > longest) longest = offsets[b + 1] - offsets[b];
    return longest;
}

static inline const float *in_row(AttentionIn view, int row, int head) {
    return view.data + (size_t)row * view.row + (size_t)head * view.head;
}

static inline float *out_row(AttentionOut view, int row, int head) {
    return view.data + (size_t)row * view.row + (size_t)head * view.head;
}

static inline float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* to[rows, width] = factor * from, packed; rows up to `padded` become zero. */
void cpu_gather(const float *from, size_t stride, int rows, int padded, int width, float factor,
                float *to);

void cpu_copy_rows(const Attention *a, AttentionIn from, AttentionOut to);
void cpu_zero_rows(const Attention *a, const int *offsets, AttentionOut to);

/* `rows` rows of one head from row `first` become zero. */
void cpu_zero_head(AttentionOut to, int first, int rows, int head, int width);

/* N x N matrices of a ragged batch lie head by head, sequence by sequence: where that of task
 * `index` starts, and how many numbers those of all heads hold. */
size_t cpu_block_offset(const Attention *a, int index);
size_t cpu_block_numbers(const Attention *a);

Status cpu_materialised(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                        AttentionOut out, float *saved, Arena *arena);
Status cpu_materialised_backward(const Attention *a, const CpuBackward *b, const float *saved,
                                 Arena *arena);
Status cpu_tiled(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out,
                 float *saved, Arena *arena);
Status cpu_tiled_backward(const Attention *a, const CpuBackward *b, const float *saved,
                          Arena *arena);
Status cpu_quadratic(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                     AttentionOut out, float *saved, Arena *arena);
Status cpu_quadratic_backward(const Attention *a, const CpuBackward *b, const float *saved,
                              Arena *arena);
Status cpu_linear(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out,
                  Arena *arena);
Status cpu_linear_causal(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                         AttentionOut out, Arena *arena);
Status cpu_linear_backward(const Attention *a, const CpuBackward *b, Arena *arena);
Status cpu_linear_causal_backward(const Attention *a, const CpuBackward *b, Arena *arena);

#endif
