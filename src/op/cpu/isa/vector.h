/* vector: what the loops of this folder share: the vectors of the instruction set that a file is
 * being compiled for, 2^x and tanh.
 *
 *     for (int i = 0; i + LANES <= n; i += LANES) store(y + i, exp2_vector(load(x + i)));
 *
 * For the .c files beside it only: its names are short because nobody else sees them.
 */
#ifndef OP_CPU_ISA_VECTOR_H
#define OP_CPU_ISA_VECTOR_H

#include <stdint.h>
#include <string.h>

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

/* The last, shorter vector of a row goes through a padded copy, so that every element is computed
 * by the same instructions wherever it stands. */
static inline Vector load_part(const float *p, int n) {
    float copy[LANES] = {0};
    memcpy(copy, p, (size_t)n * sizeof *p);
    return load(copy);
}
static inline void store_part(float *p, Vector v, int n) {
    float copy[LANES];
    store(copy, v);
    memcpy(p, copy, (size_t)n * sizeof *p);
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

/* e^x - 1 = 2^n (*part) + (2^n - 1) for -87 <= x <= 0, and *power = 2^n. With n the nearest integer
 * to x / ln 2, the rest r lies in [-ln 2 / 2, ln 2 / 2], and *part = e^r - 1 = r + r^2 p(r), p
 * fitted to the smallest largest error relative to r: 2.4e-10. ln 2 is taken off in two parts, of
 * which the first has so few bits that n times it is exact. */
static inline Vector exp_parts(Vector x, Vector *power) {
    const Vector round = splat(12582912.0f);
    Vector shifted = x * 1.44269504f + round, n = shifted - round;
    Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Vector p = splat(1.99142727e-4f);
    p = p * r + 1.39410631e-3f;
    p = p * r + 8.33327323e-3f;
    p = p * r + 4.16663550e-2f;
    p = p * r + 1.66666672e-1f;
    p = p * r + 0.5f;
    *power = (Vector)(((Bits)shifted << 23) + 0x3f800000u);
    return p * r * r + r;
}

/* x, but -87 below it: beyond, 1 + e^x is 1 and e^x leaves the range of normal numbers. */
static inline Vector at_least_87(Vector x) {
    Bits below = (Bits)(x < splat(-87.0f));
    return (Vector)(((Bits)splat(-87.0f) & below) | ((Bits)x & ~below));
}

/* 1 / (1 + e^-x), to 3 units in the last place where the result is above 2^-125 (below it stays
 * there); NaN gives NaN. With e = e^-|x|: 1 / (1 + e) above 0, e / (1 + e) below. */
static inline Vector sigmoid_vector(Vector x) {
    Bits sign = (Bits){0} + 0x80000000u, negative = (Bits)(x < splat(0));
    Vector power, part = exp_parts(at_least_87((Vector)((Bits)x | sign)), &power);
    Vector e = part * power + power;
    Bits above = ((Bits)e & negative) | ((Bits)splat(1) & ~negative);
    return (Vector)above / (1.0f + e);
}

/* tanh x, to 3 units in the last place, also near 0: with m = e^(-2 |x|) - 1, which keeps its
 * relative precision there, tanh |x| = -m / (2 + m). NaN gives NaN. */
static inline Vector tanh_vector(Vector x) {
    Bits sign = (Bits){0} + 0x80000000u;
    Vector power, part = exp_parts(at_least_87((Vector)((Bits)(x * 2.0f) | sign)), &power);
    Vector m = part * power + (power - 1.0f);
    Vector positive = -m / (2.0f + m);
    return (Vector)(((Bits)positive & ~sign) | ((Bits)x & sign));
}

#endif
