#include "op/cpu/short.h"
#include "op/cpu/layers.h"

#include <string.h>

void cpu_drop(const Attention *a, size_t first, size_t count, const float *from, float *to) {
    const Dropout dropout = {a->dropout, a->dropout_seed, a->dropout_stream};
    float scales[512];
    for (size_t done = 0; done < count; done += 512) {
        int n = count - done < 512 ? (int)(count - done) : 512;
        cpu_dropout_scales(&dropout, first + done, n, scales);
        for (int i = 0; i < n; i++) to[done + (size_t)i] = from[done + (size_t)i] * scales[i];
    }
}

void cpu_probabilities(const Attention *a, int head, int row, int keys, float *scores) {
    float scale = a->scale;
    if (a->remaining) { /* the keys before the row have been taken */
        memset(scores, 0, (size_t)row * sizeof *scores);
        cpu_kernels()->softmax_row(scores + row, keys - row, keys - row, scale);
        return;
    }
    if (a->relative_bias) {
        const float *bias = a->relative_bias + (size_t)head * (size_t)(2 * a->relative_span - 1) +
                            (a->relative_span - 1 - row);
        for (int j = 0; j < keys; j++) scores[j] = scores[j] * scale + bias[j];
        scale = 1;
    }
    cpu_kernels()->softmax_row(scores, a->causal ? row + 1 : keys, keys, scale);
}

int cpu_is_short(const Attention *a, const CpuTask *t) {
    return t->queries <= SHORT_ROWS && t->keys <= SHORT_ROWS && a->width <= SHORT_WIDTH;
}

typedef struct {
    float *rows;             /* [padded, width] a left operand, or a result */
    float *panels;           /* a right operand */
    float *scores, *dscores; /* [padded, padded] */
    size_t width, columns;   /* from one row to the next: of rows, of scores */
} Scratch;

/* Rows and columns that hold a sequence padded to every variant's blocks, of up to 12 rows and 32
 * columns. What padding holds only goes into padding. */
static size_t padded(int longest) {
    return tile_pad((size_t)longest, TILE_PAD) + 16;
}

static size_t floats(size_t rows, size_t width) {
    return rows * width + rows * (width > rows ? width : rows) + 2 * rows * rows;
}

static Scratch divide(const Attention *a, const CpuTask *t, float *scratch) {
    const size_t rows = padded(t->queries > t->keys ? t->queries : t->keys);
    Scratch s = {.width = tile_pad((size_t)a->width, TILE_PAD), .columns = rows};
    s.rows = scratch;
    s.panels = s.rows + rows * s.width;
    s.scores = s.panels + rows * (s.width > rows ? s.width : rows);
    s.dscores = s.scores + rows * rows;
    return s;
}

size_t cpu_short_scratch(const Attention *a) {
    int longest = 0;
    for (int b = 0; b < a->sequences; b++) {
        const CpuTask t = cpu_task(a, b * a->heads);
        const int rows = t.queries > t.keys ? t.queries : t.keys;
        if (cpu_is_short(a, &t) && rows > longest) longest = rows;
    }
    return longest ? floats(padded(longest), tile_pad((size_t)a->width, TILE_PAD)) : 0;
}

static int blocks(int rows) {
    const int mr = cpu_kernels()->mr;
    return (rows + mr - 1) / mr * mr;
}
static int panels(int columns) {
    const int nr = cpu_kernels()->nr;
    return (columns + nr - 1) / nr * nr;
}

/* scores[n, m] = A B' for rows of A and B of width e. */
static void outer(const Scratch *s, const float *a, size_t a_row, int n, const float *b,
                  size_t b_row, int m, int e, float *scores) {
    const CpuKernels *kernel = cpu_kernels();
    cpu_gather(a, a_row, n, blocks(n), e, 1, s->rows);
    kernel->pack_transposed(b, b_row, m, e, 1, s->panels, (size_t)e);
    kernel->multiply(blocks(n), panels(m), e, s->rows, (size_t)e, 1, s->panels, (size_t)e, scores,
                     s->columns, 0);
}

/* out[n, e] = factor scores[n, m] B, or with scores' [n, m] where `transposed`. */
static void inner(const Scratch *s, const float *scores, int transposed, int n, int m,
                  const float *b, size_t b_row, int e, float factor, float *out, size_t out_row) {
    const CpuKernels *kernel = cpu_kernels();
    kernel->pack(b, b_row, m, e, factor, s->panels, (size_t)m);
    kernel->multiply(blocks(n), panels(e), m, scores, transposed ? 1 : s->columns,
                     transposed ? s->columns : 1, s->panels, (size_t)m, s->rows, s->width, 0);
    for (int i = 0; i < n; i++)
        memcpy(out + (size_t)i * out_row, s->rows + (size_t)i * s->width, (size_t)e * sizeof *out);
}

/* Between the dense matrices that are saved and the padded ones of scratch. */
static void copy_rows(const float *from, size_t from_row, int n, int m, float *to, size_t to_row) {
    for (int i = 0; i < n; i++)
        memcpy(to + (size_t)i * to_row, from + (size_t)i * from_row, (size_t)m * sizeof *to);
}

void cpu_short_forward(const Attention *a, const CpuTask *t, AttentionIn q, AttentionIn k,
                       AttentionIn v, AttentionOut out, float *p, size_t first, float *scratch) {
    const int n = t->queries, m = t->keys, e = a->width;
    const Scratch s = divide(a, t, scratch);
    outer(&s, in_row(q, t->first_query, t->head), q.row, n, in_row(k, t->first_key, t->head), k.row,
          m, e, s.scores);
    for (int i = 0; i < n; i++)
        cpu_probabilities(a, t->head, i, m, s.scores + (size_t)i * s.columns);
    copy_rows(s.scores, s.columns, n, m, p, (size_t)m);
    if (a->dropout > 0) { /* dscores is free here, and as dense as p */
        cpu_drop(a, first, (size_t)n * (size_t)m, p, s.dscores);
        copy_rows(s.dscores, (size_t)m, n, m, s.scores, s.columns);
    }
    inner(&s, s.scores, 0, n, m, in_row(v, t->first_key, t->head), v.row, e, 1,
          out_row(out, t->first_query, t->head), out.row);
}

void cpu_short_backward(const Attention *a, const CpuTask *t, const CpuBackward *b, const float *p,
                        float *dp, size_t first, float *scratch) {
    const int n = t->queries, m = t->keys, e = a->width;
    const size_t count = (size_t)n * (size_t)m;
    const float *dout = in_row(b->dout, t->first_query, t->head);
    const Scratch s = divide(a, t, scratch);
    /* O = D V, D = dropout(P): dV = D' dO, dD = dO V' */
    if (a->dropout > 0) {
        cpu_drop(a, first, count, p, s.dscores);
        copy_rows(s.dscores, (size_t)m, n, m, s.scores, s.columns);
    } else {
        copy_rows(p, (size_t)m, n, m, s.scores, s.columns);
    }
    inner(&s, s.scores, 1, m, n, dout, b->dout.row, e, 1, out_row(b->dv, t->first_key, t->head),
          b->dv.row);
    outer(&s, dout, b->dout.row, n, in_row(b->v, t->first_key, t->head), b->v.row, m, e, s.scores);
    copy_rows(s.scores, s.columns, n, m, dp, (size_t)m);
    if (a->dropout > 0) cpu_drop(a, first, count, dp, dp);
    /* P = softmax(S): dS = P (dP - rowsum(P dP)); S = scale Q K' + bias */
    for (int i = 0; i < n; i++)
        cpu_kernels()->softmax_row_backward(p + (size_t)i * (size_t)m, dp + (size_t)i * (size_t)m,
                                            m, 1);
    copy_rows(dp, (size_t)m, n, m, s.scores, s.columns);
    /* dQ = scale dS K, dK = scale dS' Q */
    inner(&s, s.scores, 0, n, m, in_row(b->k, t->first_key, t->head), b->k.row, e, a->scale,
          out_row(b->dq, t->first_query, t->head), b->dq.row);
    inner(&s, s.scores, 1, m, n, in_row(b->q, t->first_query, t->head), b->q.row, e, a->scale,
          out_row(b->dk, t->first_key, t->head), b->dk.row);
}
