/* short: stored softmax attention of one head of one short sequence, without a call of BLAS.
 *
 * A sentence has about ten tokens: a product of 11 x 11 x 32 takes less time than OpenBLAS needs to
 * begin it, and attention asks for two forward and four backward, per head and sentence. Here the
 * operands are packed into scratch that stays in first-level cache and multiplied by the register
 * blocks of kernels.h. Not for callers: they use op/op.h.
 *
 *     if (cpu_is_short(a, &task)) cpu_short_forward(a, &task, q, k, v, out, p, first, scratch);
 */
#ifndef OP_CPU_SHORT_H
#define OP_CPU_SHORT_H

#include "op/cpu/attention.h"

/* Longest sequence, and widest head. */
#define SHORT_ROWS  TILE_ROWS
#define SHORT_WIDTH 256

int cpu_is_short(const Attention *a, const CpuTask *task);

/* Floats of scratch that one thread needs; 0 where no sequence of the batch is short. */
size_t cpu_short_scratch(const Attention *a);

/* One row of scores to probabilities, scaled, with its relative bias. */
void cpu_probabilities(const Attention *a, int head, int row, int keys, float *scores);

/* to = dropout(from), `count` probabilities of which the first has number `first`. */
void cpu_drop(const Attention *a, size_t first, size_t count, const float *from, float *to);

/* As forward of op.h for one task: p gets the probabilities [queries, keys]; `first` is the number
 * of the first one. scratch: cpu_short_scratch() floats, aligned to 64 bytes. */
void cpu_short_forward(const Attention *a, const CpuTask *task, AttentionIn q, AttentionIn k,
                       AttentionIn v, AttentionOut out, float *p, size_t first, float *scratch);

/* And backward: dp gets the gradient of the scores [queries, keys]. */
void cpu_short_backward(const Attention *a, const CpuTask *task, const CpuBackward *b,
                        const float *p, float *dp, size_t first, float *scratch);

#endif
