/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */

/* No a * b + c in one rounding, whatever the flags say: where the compiler would contract differs
 * from one copy of the arithmetic to the next, and the bits must not. */
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("-ffp-contract=off")
#endif

#include "op/cpu/adamw.h"
#include "op/cpu/isa/names.h"

#include <math.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#define FLUSH_TO_ZERO  0x8000u /* of MXCSR: results */
#define SUBNORMAL_ZERO 0x0040u /* and operands */

static inline unsigned flush_begin(void) {
#if defined(__x86_64__)
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | FLUSH_TO_ZERO | SUBNORMAL_ZERO);
    return saved;
#else
    return 0;
#endif
}

static inline void flush_end(unsigned saved) {
#if defined(__x86_64__)
    _mm_setcsr(saved);
#else
    (void)saved;
#endif
}

/* excerpt: adamw-advance */
/* The order of operations of torch.optim.AdamW: decay, lerp of the first moment, the second, and a
 * quotient of quotients. */
static inline __attribute__((always_inline)) void advance(const AdamwNumbers n, const AdamwStep s,
                                                          float g, float *w, float *m, float *v) {
    float kept = *w * s.keep;
    *m = *m + (g - *m) * n.rest1;
    *v = *v * n.beta2 + n.rest2 * g * g;
    float divisor = sqrtf(*v) / s.root + n.epsilon;
    *w = kept - s.move * *m / divisor;
}
/* end excerpt */

/* The loops are functions of their own, which cannot be moved across the change of mode. */
static __attribute__((noinline)) void update_loop(const AdamwNumbers n, const AdamwStep s,
                                                  float scale, float *restrict w, float *restrict m,
                                                  float *restrict v, const float *restrict g,
                                                  size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) advance(n, s, scale * g[i], w + i, m + i, v + i);
}

static __attribute__((noinline)) void update_zero_loop(const AdamwNumbers n, const AdamwStep s,
                                                       float *restrict w, float *restrict m,
                                                       float *restrict v, size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) advance(n, s, 0, w + i, m + i, v + i);
}

static void update(const AdamwNumbers *numbers, const AdamwStep *step, float scale, float *w,
                   float *m, float *v, const float *g, size_t count) {
    unsigned saved = flush_begin();
    if (g)
        update_loop(*numbers, *step, scale, w, m, v, g, count);
    else
        update_zero_loop(*numbers, *step, w, m, v, count);
    flush_end(saved);
}

/* Steps go round inside a block that stays in registers: four vectors of the widest kind hide the
 * latency of root and quotient. */
#define BLOCK 64

static __attribute__((noinline)) void replay_loop(const AdamwNumbers n,
                                                  const AdamwStep *restrict step, size_t steps,
                                                  float *restrict w, float *restrict m,
                                                  float *restrict v, size_t count) {
    size_t at = 0;
    for (; at + BLOCK <= count; at += BLOCK)
        for (size_t s = 0; s < steps; s++) {
            const AdamwStep now = step[s];
#pragma omp simd
            for (size_t i = at; i < at + BLOCK; i++) advance(n, now, 0, w + i, m + i, v + i);
        }
    for (size_t s = 0; s < steps; s++) {
        const AdamwStep now = step[s];
        for (size_t i = at; i < count; i++) advance(n, now, 0, w + i, m + i, v + i);
    }
}

/* With m = v = 0 the move is w - 0 = w exactly: only the decay is left. */
static __attribute__((noinline)) void decay_loop(const AdamwStep *restrict step, size_t steps,
                                                 float *restrict w, size_t count) {
    size_t at = 0;
    for (; at + BLOCK <= count; at += BLOCK) {
        float block[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) block[i] = w[at + i];
        for (size_t s = 0; s < steps; s++) {
            const float keep = step[s].keep;
#pragma omp simd
            for (size_t i = 0; i < BLOCK; i++) block[i] *= keep;
        }
        for (size_t i = 0; i < BLOCK; i++) w[at + i] = block[i];
    }
    for (size_t s = 0; s < steps; s++)
        for (size_t i = at; i < count; i++) w[i] *= step[s].keep;
}

static void replay(const AdamwNumbers *numbers, const AdamwStep *step, size_t steps, float *w,
                   float *m, float *v, size_t count) {
    unsigned saved = flush_begin();
    if (m)
        replay_loop(*numbers, step, steps, w, m, v, count);
    else
        decay_loop(step, steps, w, count);
    flush_end(saved);
}

/* Four vectors of four sums, whatever the registers: more would not fit in all of them, and an
 * array of sums would live in memory. */
#define SUMS 16
typedef double Four __attribute__((vector_size(32)));
typedef float FourNarrow __attribute__((vector_size(16), aligned(4), may_alias));

static inline __attribute__((always_inline)) Four square(const float *x) {
    Four wide = __builtin_convertvector(*(const FourNarrow *)x, Four);
    return wide * wide;
}

static double sum_squares(const float *x, size_t count) {
    Four sum[SUMS / 4] = {{0}};
    size_t i = 0;
    for (; i + SUMS <= count; i += SUMS) {
        sum[0] += square(x + i);
        sum[1] += square(x + i + 4);
        sum[2] += square(x + i + 8);
        sum[3] += square(x + i + 12);
    }
    double total = 0, rest[SUMS];
    for (size_t k = 0; k < SUMS; k++) rest[k] = sum[k / 4][k % 4];
    for (size_t k = 0; i + k < count; k++) rest[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t k = 0; k < SUMS; k++) total += rest[k];
    return total;
}

static void approach(float *restrict average, const float *restrict w, float rest, size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) average[i] += rest * (w[i] - average[i]);
}

const AdamwKernels JOIN(adamw_kernels_, ISA) = {.name = TEXT(ISA),
                                                .update = update,
                                                .replay = replay,
                                                .sum_squares = sum_squares,
                                                .approach = approach};
