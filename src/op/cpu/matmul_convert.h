/* matmul_convert: bfloat16 operands for products: conversion, rounding, and rows padded to whole
 * blocks.
 *
 *     matmul_to_bf16(x, rows, inputs, to, padded_rows, padded_inputs);
 *     matmul_convert()->round(x, rounded, count);
 *
 * bfloat16 is the upper half of an f32: 8 bits of exponent, 7 of mantissa. Rounding is to nearest,
 * ties to even; numbers beyond its largest become infinite; subnormal numbers stay what they are; a
 * NaN stays a NaN of the same sign, made quiet.
 */
#ifndef OP_CPU_MATMUL_CONVERT_H
#define OP_CPU_MATMUL_CONVERT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;

    /* to[i] = the bits of from[i] as bfloat16. */
    void (*narrow)(const float *from, uint16_t *to, size_t count);

    /* The same, and sum[i] += from[i]. */
    void (*narrow_add)(const float *from, uint16_t *to, float *sum, size_t count);

    /* to[i] = from[i] rounded to bfloat16, as f32. The two may be the same. */
    void (*round)(const float *from, float *to, size_t count);
} MatmulConvert;

/* The variant of cpu_kernels(). */
const MatmulConvert *matmul_convert(void);

/* from [rows, columns] to [padded_rows, padded_columns]; what is added is zero. */
void matmul_to_bf16(const float *from, int rows, int columns, uint16_t *to, int padded_rows,
                    int padded_columns);

/* The same, as f32 and unchanged. */
void matmul_to_f32(const float *from, int rows, int columns, float *to, int padded_rows,
                   int padded_columns);

/* to[i] = from[i] rounded, by all threads. */
void matmul_round(const float *from, float *to, size_t count);

/* to [rows, columns] = the upper left of what matmul_to_bf16 made, as f32. */
void matmul_widen(const uint16_t *from, int rows, int columns, float *to, int padded_columns);

/* y[r] += bias, both with `columns` columns. */
void matmul_add_bias(int rows, int columns, const float *bias, float *y);

/* to [rows, columns] = the upper left of from [., stride], or += where `accumulate`. */
void matmul_cut(const float *from, int stride, int rows, int columns, float *to, int accumulate);

extern const MatmulConvert matmul_convert_baseline, matmul_convert_avx2, matmul_convert_avx512;

#endif
