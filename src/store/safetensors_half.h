/* safetensors_half: the two 16-bit floats that checkpoints use, and F32.
 *
 *     float x = half_to_f32(0x3c00);           // 1
 *     uint16_t h = f32_to_bf16(3.14159265f);   // nearest, ties to even
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes an
 * infinity, what is too small a subnormal or a zero of the same sign, and a NaN stays a quiet NaN
 * (IEEE 754-2008, sections 3.4 and 4.3.1).
 */
#ifndef STORE_SAFETENSORS_HALF_H
#define STORE_SAFETENSORS_HALF_H

#include <stdint.h>

float half_to_f32(uint16_t half);
float bf16_to_f32(uint16_t bf16);
uint16_t f32_to_half(float value);
uint16_t f32_to_bf16(float value);

#endif
