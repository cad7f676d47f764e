/* vector: what the loops of this folder share: the vectors of the instruction set that a file is
 * being compiled for, and 2^x.
 *
 *     for (int i = 0; i + LANES <= n; i += LANES) store(y + i, exp2_vector(load(x + i)));
 *
 * For the .c files beside it only: its names are short because nobody else sees them.
 */
#ifndef OP_CPU_ISA_VECTOR_H
#define OP_CPU_ISA_VECTOR_H

#include <stdint.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef float Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES))); /* wraps around, by definition */

static inline Vector load(const float *p) {
    return *(const Unaligned *)p;
}
static inline void store(float *p, Vector v) {
    *(Unaligned *)p = v;
}
static inline Vector splat(float x) {
    return x - (Vector){0};
}

static inline float total(Vector v) {
    float x = 0;
    for (int i = 0; i < LANES; i++) x += v[i];
    return x;
}

/* 2^x to one unit in the last place for x <= 127; exactly 0 below -126, so that a masked score of
 * -infinity weighs nothing at all. The integer part goes into the exponent; the fraction, in
 * [-1/2, 1/2], through a minimax polynomial of degree 6 with p(0) = 1. Inlined it takes two thirds
 * of the time of libmvec's expf, and needs no call inside a strip (bench/LOG.md). */
static inline Vector exp2_vector(Vector x) {
    const Vector round = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    Vector shifted = x + round;
    Vector f = x - (shifted - round);
    Vector p = splat(1.559467759e-4f);
    p = p * f + 1.340664391e-3f;
    p = p * f + 9.617692975e-3f;
    p = p * f + 5.550310551e-2f;
    p = p * f + 2.402265278e-1f;
    p = p * f + 6.931472150e-1f;
    p = p * f + 1.0f;
    Bits scaled = (Bits)p + ((Bits)shifted << 23);
    return (Vector)(scaled & ~(Bits)(x < splat(-126.0f))); /* not x >= -126: NaN stays NaN */
}

#endif
