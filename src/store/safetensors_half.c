#include "store/safetensors_half.h"

#include <string.h>

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float half_to_f32(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ff;
    if (exponent == 0) {
        /* A subnormal counts units of 2^-24, which F32 holds as a normal number. */
        float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
    return from_bits(sign | wide << 23 | mantissa << 13);
}

float bf16_to_f32(uint16_t bf16) {
    return from_bits((uint32_t)bf16 << 16);
}

/* `bits` without its lowest `drop` bits, rounded to nearest, ties to even. A carry out of the
 * mantissa raises the exponent, which is the right result, up to and including infinity. */
static uint32_t round_off(uint32_t bits, unsigned drop) {
    uint32_t kept = bits >> drop, half = 1u << (drop - 1), rest = bits & ((1u << drop) - 1);
    return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t f32_to_half(float value) {
    uint32_t bits = to_bits(value), magnitude = bits & 0x7fffffff;
    uint32_t sign = bits >> 16 & 0x8000;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 2^16 and above */
    if (magnitude >= 0x38800000)                                   /* 2^-14: the smallest normal */
        return (uint16_t)(sign | round_off(magnitude - ((127u - 15) << 23), 13));
    if (magnitude < 0x33000000) return (uint16_t)sign; /* below 2^-25: nearer to 0 */
    uint32_t exponent = magnitude >> 23, mantissa = (magnitude & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | round_off(mantissa, 126 - exponent));
}

uint16_t f32_to_bf16(float value) {
    uint32_t bits = to_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)round_off(bits, 16);
}
