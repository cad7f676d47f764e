/* dnnl: the one file that knows oneDNN (C API of version 2). Built without it, everything here says
 * STATUS_UNSUPPORTED, and callers go another way.
 *
 *     OnednnPacked *b;
 *     STATUS_TRY(onednn_packed_open(&b, ONEDNN_BF16, k, n));     // B [k, n], in an order of
 * oneDNN's STATUS_TRY(onednn_packed_set(b, values, 0));               // bfloat16 [k, n], or [n, k]
 *     STATUS_TRY(onednn_packed_product(b, m, a, c, 0));          // C [m, n] = A [m, k] B
 *     onednn_packed_close(b);
 *
 * Operands are dense, row-major, of the type named; sums and results are f32. What oneDNN compiles
 * for a shape is kept, the 256 shapes used last: callers that let m vary freely should cut it into
 * few different sizes. Call from one thread of the program at a time.
 */
#ifndef OP_CPU_DNNL_H
#define OP_CPU_DNNL_H

#include "base/status.h"

typedef enum { ONEDNN_F32, ONEDNN_BF16 } OnednnType;

typedef struct OnednnPacked OnednnPacked;

/* "2.6.3"; NULL where the build has no oneDNN. */
const char *onednn_version(void);

/* What computes bfloat16 products on this processor, "AMX" or "AVX-512"; NULL where nothing does.
 * (oneDNN would also emulate them on AVX-512 without bfloat16: slower than f32, so no.) */
const char *onednn_bf16_unit(void);

/* C [m, n] = op(A) op(B) + beta C in f32; lda, ldb, ldc are the row strides. m, n, k >= 1. */
Status onednn_sgemm(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc);

/* *out is the caller's to onednn_packed_close. STATUS_UNSUPPORTED where oneDNN has no product of
 * this kind for this processor. k, n >= 1. */
Status onednn_packed_open(OnednnPacked **out, OnednnType type, int k, int n);

/* Takes the values of B: [k, n], or [n, k] where `transposed`. */
Status onednn_packed_set(OnednnPacked *b, const void *values, int transposed);

/* C [m, n] = A [m, k] B, or +=. On failure C is as it was. m >= 1. */
Status onednn_packed_product(OnednnPacked *b, int m, const void *a, float *c, int accumulate);

/* The same with bias [n] added to every row; NULL: none. */
Status onednn_packed_product_bias(OnednnPacked *b, int m, const void *a, const float *bias,
                                  float *c, int accumulate);

/* C [m, n] = A' B, or +=, with A [k, m] and B [k, n]. On failure C is as it was. m, n, k >= 1. */
Status onednn_transposed_product(OnednnType type, int m, int n, int k, const void *a, const void *b,
                                 float *c, int accumulate);

/* NULL is fine. */
void onednn_packed_close(OnednnPacked *b);

/* How many shapes are kept now (at most 256), and how many were compiled since the program began.
 * For tests. */
int onednn_shapes_kept(void);
long onednn_shapes_made(void);

/* Gives up everything that is kept. */
void onednn_forget(void);

#endif
