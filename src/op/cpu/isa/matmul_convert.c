/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */
#include "op/cpu/matmul_convert.h"
#include "op/cpu/isa/names.h"

#include <string.h>

/* The lower half is rounded into the upper one: adding 0x7fff, and one more where the upper half is
 * odd, carries exactly when the lower half is above a half, or a half and the upper half odd. A
 * carry out of the mantissa raises the exponent, up to infinity. A NaN gets its quiet bit instead:
 * a carry could turn it into another number. */
static inline uint32_t rounded_bits(uint32_t bits) {
    uint32_t near = bits + 0x7fffu + (bits >> 16 & 1u), quiet = bits | 0x400000u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? quiet : near;
}

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void narrow(const float *restrict from, uint16_t *restrict to, size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) to[i] = (uint16_t)(rounded_bits(bits_of(from[i])) >> 16);
}

static void narrow_add(const float *restrict from, uint16_t *restrict to, float *restrict sum,
                       size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        to[i] = (uint16_t)(rounded_bits(bits_of(from[i])) >> 16);
        sum[i] += from[i];
    }
}

static void round_all(const float *from, float *to, size_t count) {
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = from_bits(rounded_bits(bits_of(from[i])) & 0xffff0000u);
}

const MatmulConvert JOIN(matmul_convert_, ISA) = {
    .name = TEXT(ISA), .narrow = narrow, .narrow_add = narrow_add, .round = round_all};
