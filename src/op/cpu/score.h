/* score: the CPU's loops for op/score.h, compiled once for each instruction set.
 *
 * Not for callers: they use device_cpu()->scores.
 */
#ifndef OP_CPU_SCORE_H
#define OP_CPU_SCORE_H

#include "op/score.h"
#include <stddef.h>

typedef struct {
    /* scores[j] = v' tanh(query + key_j), key_j = key + j * stride, of `width` numbers. */
    void (*additive_row)(const float *query, const float *key, size_t stride, const float *vector,
                         int keys, int width, float *scores);

    /* From d[keys], the gradients of the scores: dquery += sum_j g_j, dkey_j += g_j and
     * dvector += sum_j d_j t_j, with t_j = tanh(query + key_j), g_j = d_j v (1 - t_j^2). */
    void (*additive_row_backward)(const float *query, const float *key, size_t stride,
                                  const float *vector, const float *d, int keys, int width,
                                  float *dquery, float *dkey, float *dvector);
} CpuScoreRows;

extern const CpuScoreRows cpu_score_rows_baseline, cpu_score_rows_avx2, cpu_score_rows_avx512;

extern const ScoreOps cpu_scores;

#endif
