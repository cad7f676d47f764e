/* adamw: the inner loops of the optimiser, compiled once for each instruction set.
 *
 * One pass over memory: each number of w, m, v and g is read once, each of w, m, v written once.
 * The same inlined arithmetic serves the update and the replay of missed updates, and
 * multiplications and additions are never contracted, so that all variants, widths and orders of
 * the work give the same bits.
 *
 *     const AdamwKernels *kernels = adamw_kernels();
 *     AdamwNumbers numbers = {.rest1 = .1f, .beta2 = .999f, .rest2 = .001f, .epsilon = 1e-8f};
 *     kernels->update(&numbers, &step, 1, w, m, v, g, count);
 *
 * While they work, results below 2^-126 are flushed to zero (on x86): moments of numbers that get
 * no gradient would otherwise end as subnormals, which some processors compute a hundred times
 * slower.
 */
#ifndef OP_CPU_ADAMW_H
#define OP_CPU_ADAMW_H

#include <stddef.h>

typedef struct {
    float rest1;        /* 1 - beta1 */
    float beta2, rest2; /* and 1 - beta2 */
    float epsilon;
} AdamwNumbers;

/* What one step uses, worked out in double and rounded once. */
typedef struct {
    float keep; /* 1 - rate * decay */
    float move; /* rate / (1 - beta1^t) */
    float root; /* sqrt(1 - beta2^t) */
} AdamwStep;

typedef struct {
    const char *name;

    /* One step with gradients scale * g; g NULL: zeros. */
    void (*update)(const AdamwNumbers *numbers, const AdamwStep *step, float scale, float *w,
                   float *m, float *v, const float *g, size_t count);

    /* `steps` updates with zero gradient, one after the other. m and v NULL: zeros, which stay. */
    void (*replay)(const AdamwNumbers *numbers, const AdamwStep *step, size_t steps, float *w,
                   float *m, float *v, size_t count);

    /* Sum of x^2 in double: sixteen sums over every sixteenth number, then those in order. */
    double (*sum_squares)(const float *x, size_t count);

    /* average += rest * (w - average). */
    void (*approach)(float *average, const float *w, float rest, size_t count);
} AdamwKernels;

/* The variant of cpu_kernels(). */
const AdamwKernels *adamw_kernels(void);

extern const AdamwKernels adamw_kernels_baseline, adamw_kernels_avx2, adamw_kernels_avx512;

#endif
