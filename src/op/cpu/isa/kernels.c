/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). Vectors are
 * the compiler's own: one source, and the width is the only thing that changes. */
#include "op/cpu/kernels.h"
#include "op/cpu/isa/names.h"
#include "op/cpu/isa/vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Rows and columns of the register block. */
#if defined(__AVX512F__)
#define MR 12
#elif defined(__AVX2__)
#define MR 6
#else
#define MR 4
#endif
#define NR (2 * LANES)

static inline Vector larger(Vector a, Vector b) {
    Integers greater = a > b;
    return (Vector)(((Integers)a & greater) | ((Integers)b & ~greater));
}

static inline float largest(Vector v) {
    float x = v[0];
    for (int i = 1; i < LANES; i++) x = v[i] > x ? v[i] : x;
    return x;
}

/* --- matrix product -------------------------------------------------------------------------- */

/* The register block: MR x NR sums stay in registers over the whole depth. Inlined twice so that
 * the unit stride of A is known to the compiler. */
static inline __attribute__((always_inline)) void block(int k, const float *a, size_t a_row,
                                                        size_t a_col, const float *b, float *c,
                                                        size_t ldc, int accumulate) {
    Vector sum[MR][2];
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) sum[i][0] = sum[i][1] = (Vector){0};
    for (int step = 0; step < k; step++) {
        Vector b0 = load(b), b1 = load(b + LANES);
#pragma GCC unroll 12
        for (int i = 0; i < MR; i++) {
            Vector x = splat(a[(size_t)i * a_row]);
            sum[i][0] += x * b0;
            sum[i][1] += x * b1;
        }
        a += a_col;
        b += NR;
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        if (accumulate) {
            sum[i][0] += load(row);
            sum[i][1] += load(row + LANES);
        }
        store(row, sum[i][0]);
        store(row + LANES, sum[i][1]);
    }
}

static void multiply(int m, int n, int k, const float *a, size_t a_row, size_t a_col,
                     const float *panels, size_t depth, float *c, size_t ldc, int accumulate) {
    for (int column = 0; column < n; column += NR, panels += depth * NR)
        for (int row = 0; row < m; row += MR) {
            float *to = c + (size_t)row * ldc + column;
            if (a_col == 1)
                block(k, a + (size_t)row * a_row, a_row, 1, panels, to, ldc, accumulate);
            else
                block(k, a + row, 1, a_col, panels, to, ldc, accumulate);
        }
}

static void pack(const float *source, size_t stride, int rows, int columns, float factor,
                 float *panels, size_t depth) {
    for (int column = 0; column < columns; column += NR, panels += depth * NR) {
        int width = columns - column < NR ? columns - column : NR;
        for (int k = 0; k < rows; k++) {
            const float *from = source + (size_t)k * stride + column;
            float *to = panels + (size_t)k * NR;
            if (width == NR) {
                store(to, load(from) * factor);
                store(to + LANES, load(from + LANES) * factor);
                continue;
            }
            for (int n = 0; n < NR; n++) to[n] = n < width ? from[n] * factor : 0;
        }
        memset(panels + (size_t)rows * NR, 0, (depth - (size_t)rows) * NR * sizeof *panels);
    }
}

static void pack_transposed(const float *source, size_t stride, int rows, int width, float factor,
                            float *panels, size_t depth) {
    for (int first = 0; first < rows; first += NR, panels += depth * NR) {
        int columns = rows - first < NR ? rows - first : NR;
        if (columns < NR) memset(panels, 0, depth * NR * sizeof *panels);
        for (int n = 0; n < columns; n++) {
            const float *from = source + (size_t)(first + n) * stride;
            for (int k = 0; k < width; k++) panels[(size_t)k * NR + n] = from[k] * factor;
        }
        memset(panels + (size_t)width * NR, 0, (depth - (size_t)width) * NR * sizeof *panels);
    }
}

/* --- short sequences ---------------------------------------------------------------------------
 */

/* `rows` x `vectors` sums in registers over the whole depth; both are known to the compiler. */
static inline __attribute__((always_inline)) void rows_block(int rows, int vectors, int k,
                                                             const float *a, size_t a_row,
                                                             size_t a_col, const float *b,
                                                             size_t b_row, float *c, size_t ldc) {
    Vector sum[MR][2] = {0};
    for (int step = 0; step < k; step++, a += a_col, b += b_row) {
        Vector b0 = load(b), b1 = vectors > 1 ? load(b + LANES) : b0;
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            Vector x = splat(a[(size_t)i * a_row]);
            sum[i][0] += x * b0;
            if (vectors > 1) sum[i][1] += x * b1;
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        store(c + (size_t)i * ldc, sum[i][0]);
        if (vectors > 1) store(c + (size_t)i * ldc + LANES, sum[i][1]);
    }
}

static inline __attribute__((always_inline)) void rows_of(int rows, int vectors, int k,
                                                          const float *a, size_t a_row,
                                                          size_t a_col, const float *b,
                                                          size_t b_row, float *c, size_t ldc) {
    switch (rows) {
#define ROWS(n)                                                                                    \
    case n:                                                                                        \
        rows_block(n, vectors, k, a, a_row, a_col, b, b_row, c, ldc);                              \
        break;
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(4)
#if MR > 4
        ROWS(5)
        ROWS(6)
#endif
#if MR > 6
        ROWS(7)
        ROWS(8)
        ROWS(9)
        ROWS(10)
        ROWS(11)
        ROWS(12)
#endif
#undef ROWS
    }
}

/* Rows are shared out evenly among the blocks that they need: 15 as 8 and 7, not as 12 and 3, which
 * would wait for each other's sums. */
static void multiply_rows(int m, int n, int k, const float *a, size_t a_row, size_t a_col,
                          const float *b, size_t b_row, float *c, size_t ldc) {
    for (int row = 0, rows; row < m; row += rows) {
        const int left = (m - row + MR - 1) / MR;
        rows = (m - row + left - 1) / left;
        const float *from = a + (size_t)row * a_row;
        float *to = c + (size_t)row * ldc;
        int column = 0;
        for (; column + NR <= n; column += NR)
            rows_of(rows, 2, k, from, a_row, a_col, b + column, b_row, to + column, ldc);
        if (column < n)
            rows_of(rows, 1, k, from, a_row, a_col, b + column, b_row, to + column, ldc);
    }
}

/* Lane l of `low` where bit `span` of l is not set, else lane l - span of `high`; or of the upper:
 * lane l + span of `low`, else lane l of `high`. */
static inline Vector exchanged(Vector low, Vector high, int span, int upper) {
    Integers order = {0};
    for (int l = 0; l < LANES; l++)
        order[l] = (l & span ? LANES + l - span : l) + (upper ? span : 0);
    return __builtin_shuffle(low, high, order);
}

/* Rows and columns change places: one bit of the index after the other. */
static inline __attribute__((always_inline)) void turn(Vector v[LANES]) {
#pragma GCC unroll 4
    for (int span = 1; span < LANES; span *= 2)
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            if (i & span) continue;
            Vector low = v[i], high = v[i + span];
            v[i] = exchanged(low, high, span, 0);
            v[i + span] = exchanged(low, high, span, 1);
        }
}

static void transpose(const float *source, size_t stride, int rows, int columns, float *to,
                      size_t to_row) {
    for (int first = 0; first < rows; first += LANES) {
        const int here = rows - first < LANES ? rows - first : LANES;
        const float *from = source + (size_t)first * stride;
        int c = 0;
        for (; c + LANES <= columns; c += LANES) {
            Vector v[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                v[i] = i < here ? load(from + (size_t)i * stride + c) : (Vector){0};
            turn(v);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) store(to + (size_t)(c + i) * to_row + first, v[i]);
        }
        for (; c < columns; c++) {
            Vector v = {0};
            for (int i = 0; i < here; i++) v[i] = from[(size_t)i * stride + (size_t)c];
            store(to + (size_t)c * to_row + first, v);
        }
    }
}

/* --- softmax --------------------------------------------------------------------------------- */

static inline long clip(long visible, long columns) {
    return visible < 0 ? 0 : visible < columns ? visible : columns;
}

/* excerpt: tiled-row-update */
static void softmax_step(int rows, int columns, long visible, long step, float *scores, size_t ld,
                         float *maximum, float *sum, float *output, size_t ldo, int width) {
    for (int i = 0; i < rows; i++, visible += step) {
        float *s = scores + (size_t)i * ld;
        long seen = clip(visible, columns);
        for (long j = seen; j < columns; j++) s[j] = -INFINITY;
        if (seen == 0) {
            memset(s, 0, (size_t)columns * sizeof *s);
            continue;
        }
        Vector top = load(s);
        for (int j = LANES; j < columns; j += LANES) top = larger(top, load(s + j));
        float old = maximum[i], new = largest(top);
        if (!(new > old)) new = old;
        Vector shift = splat(new), part = {0};
        for (int j = 0; j < columns; j += LANES) {
            Vector p = exp2_vector(load(s + j) - shift); /* s <= maximum: never above 1 */
            store(s + j, p);
            part += p;
        }
        if (new > old) { /* what was summed under the old maximum shrinks to the new one */
            float shrink = exp2f(old - new);
            float *o = output + (size_t)i * ldo;
            for (int e = 0; e < width; e += LANES) store(o + e, load(o + e) * shrink);
            sum[i] *= shrink;
            maximum[i] = new;
        }
        sum[i] += total(part);
    }
}
/* end excerpt */

static void softmax_backward(int rows, int columns, long visible, long step, float *scores,
                             float *dp, size_t ld, const float *lse, const float *delta) {
    for (int i = 0; i < rows; i++, visible += step) {
        float *s = scores + (size_t)i * ld, *d = dp + (size_t)i * ld;
        for (long j = clip(visible, columns); j < columns; j++) s[j] = -INFINITY;
        for (int j = 0; j < columns; j += LANES) {
            Vector p = exp2_vector(load(s + j) - lse[i]);
            store(s + j, p);
            store(d + j, p * (load(d + j) - delta[i]));
        }
    }
}

static void softmax_row(float *row, long visible, long columns, float scale) {
    const float log2e = 1.44269504088896341f;
    float top = -INFINITY, sum = 0;
    long whole = visible / LANES * LANES;
    Vector most = splat(-INFINITY), part = {0};
    for (long j = 0; j < whole; j += LANES) most = larger(most, load(row + j));
    top = largest(most);
    for (long j = whole; j < visible; j++) top = row[j] > top ? row[j] : top;
    float factor = scale * log2e, shift = top * factor;
    for (long j = 0; j < whole; j += LANES) {
        Vector p = exp2_vector(load(row + j) * factor - shift);
        store(row + j, p);
        part += p;
    }
    sum = total(part);
    for (long j = whole; j < visible; j++) sum += row[j] = exp2f(row[j] * factor - shift);
    float inverse = visible > 0 ? 1 / sum : 0;
    for (long j = 0; j < visible; j++) row[j] *= inverse;
    if (columns > visible) memset(row + visible, 0, (size_t)(columns - visible) * sizeof *row);
}

static void softmax_row_backward(const float *p, float *dp, long columns, float scale) {
    Vector part = {0};
    long whole = columns / LANES * LANES;
    for (long j = 0; j < whole; j += LANES) part += load(p + j) * load(dp + j);
    float inner = total(part);
    for (long j = whole; j < columns; j++) inner += p[j] * dp[j];
    for (long j = 0; j < columns; j++) dp[j] = scale * p[j] * (dp[j] - inner);
}

/* --- feature maps ---------------------------------------------------------------------------- */

static float exp2_row(float *out, const float *x, const float *column, float row, int n) {
    Vector part = {0}, shift = splat(row);
    int whole = n / LANES * LANES;
    for (int j = 0; j < whole; j += LANES) {
        Vector e = load(x + j) + shift;
        if (column) e += load(column + j);
        Vector p = exp2_vector(e);
        store(out + j, p);
        part += p;
    }
    float sum = total(part);
    for (int j = whole; j < n; j++) sum += out[j] = exp2f(x[j] + row + (column ? column[j] : 0));
    return sum;
}

static float maximum_row(const float *x, const float *column, int n) {
    Vector most = splat(-INFINITY);
    int whole = n / LANES * LANES;
    for (int j = 0; j < whole; j += LANES)
        most = larger(most, column ? load(x + j) + load(column + j) : load(x + j));
    float top = largest(most);
    for (int j = whole; j < n; j++) {
        float y = x[j] + (column ? column[j] : 0);
        top = y > top ? y : top;
    }
    return top;
}

static void raise_columns(float *column, const float *x, float row, int n) {
    for (int j = 0; j < n; j++) {
        float y = x[j] + row;
        column[j] = y > column[j] ? y : column[j];
    }
}

static float scale_row(float *d, const float *x, int n) {
    Vector part = {0};
    int whole = n / LANES * LANES;
    for (int j = 0; j < whole; j += LANES) {
        Vector y = load(d + j) * load(x + j);
        store(d + j, y);
        part += y;
    }
    float sum = total(part);
    for (int j = whole; j < n; j++) sum += d[j] *= x[j];
    return sum;
}

static void add_row(float *sum, const float *x, float factor, int n) {
    for (int j = 0; j < n; j++) sum[j] += factor * x[j];
}

static void elu1_row(float *out, const float *x, int n) {
    const float log2e = 1.44269504088896341f;
    int whole = n / LANES * LANES;
    for (int j = 0; j < whole; j += LANES) {
        Vector v = load(x + j), e = exp2_vector(v * log2e);
        Integers positive = v > splat(0);
        store(out + j, (Vector)(((Integers)(v + 1) & positive) | ((Integers)e & ~positive)));
    }
    for (int j = whole; j < n; j++) out[j] = x[j] > 0 ? x[j] + 1 : exp2f(x[j] * log2e);
}

/* The loops below call libmvec: glibc's vector mathematics, bound by these declarations and not
 * by -ffast-math, which would also change what NaN and rounding mean here. */
#if defined(__x86_64__) && defined(__GLIBC__)
__attribute__((simd("notinbranch"))) float cosf(float);
__attribute__((simd("notinbranch"))) float sinf(float);
#endif

static void cos_sin_row(const float *x, float *cosine, float *sine, int n) {
#pragma omp simd
    for (int j = 0; j < n; j++) sine[j] = sinf(x[j]);
#pragma omp simd
    for (int j = 0; j < n; j++) cosine[j] = cosf(x[j]);
}

const CpuKernels JOIN(cpu_kernels_, ISA) = {
    .name = TEXT(ISA),
    .mr = MR,
    .nr = NR,
    .multiply = multiply,
    .pack = pack,
    .pack_transposed = pack_transposed,
    .lanes = LANES,
    .multiply_rows = multiply_rows,
    .transpose = transpose,
    .softmax_step = softmax_step,
    .softmax_backward = softmax_backward,
    .softmax_row = softmax_row,
    .softmax_row_backward = softmax_row_backward,
    .exp2_row = exp2_row,
    .maximum_row = maximum_row,
    .raise_columns = raise_columns,
    .scale_row = scale_row,
    .add_row = add_row,
    .elu1_row = elu1_row,
    .cos_sin_row = cos_sin_row,
};
