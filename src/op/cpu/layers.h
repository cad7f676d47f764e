/* layers: the CPU's loops for op/layers.h: rows of numbers, compiled once for each instruction set.
 *
 * Not for callers: they use device_cpu()->layers.
 */
#ifndef OP_CPU_LAYERS_H
#define OP_CPU_LAYERS_H

#include "op/layers.h"

typedef struct {
    /* out[i] = 0 where element first + i is dropped, else `keep`. */
    void (*dropout_scales)(float *out, int n, uint64_t seed, uint64_t stream, uint64_t first,
                           uint32_t threshold, float keep);

    /* x += bias (NULL: none); y = x Phi(x). */
    void (*gelu_row)(float *x, const float *bias, float *y, int n);

    /* dx = dy (Phi(x) + x phi(x)). */
    void (*gelu_backward_row)(const float *x, const float *dy, float *dx, int n);

    /* y = (s - mean) / deviation * gain + shift; statistics[2]: mean, 1 / deviation. */
    void (*norm_row)(const float *s, const float *gain, const float *shift, float epsilon, float *y,
                     float *statistics, int n);

    /* gain[c] += dy (s - mean) / deviation and shift[c] += dy, down `rows` rows of n columns, which
     * lie `stride` numbers apart; no product is contracted with its sum. */
    void (*norm_sums)(int rows, size_t stride, const float *s, const float *statistics,
                      const float *dy, float *gain, float *shift, int n);

    /* sums[2] of one row: mean of g = dy gain, mean of g times the normalised row. */
    void (*norm_backward_sums)(const float *s, const float *statistics, const float *gain,
                               const float *dy, int n, float *sums);

    /* ds of n elements of a row, from its sums. */
    void (*norm_backward_part)(const float *s, const float *statistics, const float *gain,
                               const float *dy, const float *sums, float *ds, int n);

    /* Returns the sum of exp(z - top) over a row, top being its largest. */
    float (*exp_sum_row)(const float *z, int n, float *top);

    /* dz = factor exp(z - top), or +=. */
    void (*exp_row)(const float *z, int n, float top, float factor, float *dz, int accumulate);
} CpuLayerRows;

/* The variant of this processor (the same rule as cpu_kernels()). */
const CpuLayerRows *cpu_layer_rows(void);

extern const CpuLayerRows cpu_layer_rows_baseline, cpu_layer_rows_avx2, cpu_layer_rows_avx512;

/* What `n` elements from `first` on are multiplied by: 0 or 1 / (1 - rate). */
void cpu_dropout_scales(const Dropout *dropout, uint64_t first, int n, float *scales);

extern const LayerOps cpu_layers;

#endif
