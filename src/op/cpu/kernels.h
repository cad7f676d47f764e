/* kernels: the CPU's own inner loops, compiled once for each instruction set, chosen at run time.
 *
 * Attention spends its time in many small matrix products whose operands are in cache and whose
 * results are consumed at once. A general GEMM packs both operands again on every call; here a
 * tile is packed once and multiplied many times, and nothing leaves the second-level cache.
 *
 * Panels. The right operand B [k,n] of a product is kept in panels of `nr` columns:
 * element (k, n) lies at panels[(n / nr) * depth * nr + k * nr + n % nr], where depth >= k.
 * Padding columns are zero. Left operands and results are plain row-major scratch whose rows and
 * columns are padded to multiples of TILE_ROWS and nr, so that no loop has a remainder.
 *
 *     const CpuKernels *kernels = cpu_kernels();
 *     kernels->pack_transposed(k_rows, stride, n, width, 1, panels, width); // B = K'
 *     kernels->multiply(rows, columns, width, q, width, 1, panels, width, scores, ld, 0);
 */
#ifndef OP_CPU_KERNELS_H
#define OP_CPU_KERNELS_H

#include <stddef.h>

/* Rows of a tile: a multiple of every variant's register block (12, 6, 4 rows). */
#define TILE_ROWS 96
/* Columns of a tile of scores: a multiple of 12 and of every panel width (32, 16, 8). */
#define TILE_COLUMNS 192
/* The widest panel; scratch columns are padded to this, whatever the variant. */
#define TILE_PAD 32

static inline size_t tile_pad(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

typedef struct {
    const char *name; /* "avx512", "avx2", "baseline" */
    int mr, nr;       /* register block of multiply */

    /* C[m,n] = A B, or C += A B when `accumulate`. A(i,k) = a[i * a_row + k * a_col]; one of the
     * two strides is 1. m a multiple of mr, n of nr. B in panels of the given depth. */
    void (*multiply)(int m, int n, int k, const float *a, size_t a_row, size_t a_col,
                     const float *panels, size_t depth, float *c, size_t ldc, int accumulate);

    /* Panels of B(k,n) = factor * source[k * stride + n], k < rows, n < columns. Rows from `rows`
     * to `depth` are zeroed, and so are padding columns. */
    void (*pack)(const float *source, size_t stride, int rows, int columns, float factor,
                 float *panels, size_t depth);

    /* Panels of B(k,n) = factor * source[n * stride + k], k < width, n < rows: the transpose. */
    void (*pack_transposed)(const float *source, size_t stride, int rows, int width, float factor,
                            float *panels, size_t depth);

    /* For short sequences, where padding to whole blocks and panels would be most of the work.
     * C[m,n] = A B with A(i,k) = a[i * a_row + k * a_col], B(k,j) = b[k * b_row + j]: m and k any,
     * n a multiple of `lanes`. Each sum is that of multiply, to the bit. */
    int lanes;
    void (*multiply_rows)(int m, int n, int k, const float *a, size_t a_row, size_t a_col,
                          const float *b, size_t b_row, float *c, size_t ldc);

    /* to[c * to_row + r] = source[r * stride + c], r < rows, c < columns; rows up to the next
     * multiple of `lanes` become zero. */
    void (*transpose)(const float *source, size_t stride, int rows, int columns, float *to,
                      size_t to_row);

    /* Online softmax on a strip of scores in base-2 logarithms [rows, columns]: row i sees its
     * first `visible + i * step` columns. Replaces scores by 2^(s - maximum) (0 where masked),
     * moves the row's running maximum and sum, and rescales its accumulated output [rows, width].
     */
    void (*softmax_step)(int rows, int columns, long visible, long step, float *scores, size_t ld,
                         float *maximum, float *sum, float *output, size_t ldo, int width);

    /* Softmax backward on a strip: scores become p = 2^(s - lse) (0 where masked) and
     * dp becomes p * (dp - delta). */
    void (*softmax_backward)(int rows, int columns, long visible, long step, float *scores,
                             float *dp, size_t ld, const float *lse, const float *delta);

    /* One row of ordinary softmax with a scale, in place; entries from `visible` on become 0. */
    void (*softmax_row)(float *row, long visible, long columns, float scale);

    /* row <- scale * p * (dp - sum p dp), into dp. */
    void (*softmax_row_backward)(const float *p, float *dp, long columns, float scale);

    /* out = 2^(x + column[c] + row): n values; column may be NULL. Returns their sum. */
    float (*exp2_row)(float *out, const float *x, const float *column, float row, int n);

    /* Largest of x + column; column may be NULL. */
    float (*maximum_row)(const float *x, const float *column, int n);

    /* column[c] = max(column[c], x[c] + row). */
    void (*raise_columns)(float *column, const float *x, float row, int n);

    /* d *= x; returns the sum of the products. */
    float (*scale_row)(float *d, const float *x, int n);

    /* sum += factor * x. */
    void (*add_row)(float *sum, const float *x, float factor, int n);

    /* out = elu(x) + 1: x + 1 above 0, e^x below. */
    void (*elu1_row)(float *out, const float *x, int n);

    /* cosine and sine of n values; x may be `cosine`. */
    void (*cos_sin_row)(const float *x, float *cosine, float *sine, int n);
} CpuKernels;

/* The variant for this processor; TAMRIN_ISA=baseline|avx2|avx512 in the environment overrides it
 * downwards (for tests and for comparing variants). */
const CpuKernels *cpu_kernels(void);

extern const CpuKernels cpu_kernels_baseline, cpu_kernels_avx2, cpu_kernels_avx512;

#endif
