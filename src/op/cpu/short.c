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
    float *right;          /* a right operand: [width, keys] turned, or [keys, width] multiplied */
    float *result;         /* [queries, width] of a width that is no multiple of vectors */
    float *scores;         /* [queries, columns] */
    float *dropped;        /* [queries, keys], dense: what dropout leaves of probabilities */
    size_t width, columns; /* from one row to the next, whole vectors */
} Scratch;

/* Numbers of scratch for sequences of `rows` rows, a multiple of every variant's vectors. */
static size_t floats(size_t rows, size_t width) {
    return 2 * rows * width + 2 * rows * rows;
}

static Scratch divide(const Attention *a, const CpuTask *t, float *scratch) {
    const size_t rows = tile_pad((size_t)(t->queries > t->keys ? t->queries : t->keys), TILE_PAD);
    Scratch s = {.width = tile_pad((size_t)a->width, TILE_PAD), .columns = rows};
    s.right = scratch;
    s.result = s.right + rows * s.width;
    s.scores = s.result + rows * s.width;
    s.dropped = s.scores + rows * rows;
    return s;
}

size_t cpu_short_scratch(const Attention *a) {
    int longest = 0;
    for (int b = 0; b < a->sequences; b++) {
        const CpuTask t = cpu_task(a, b * a->heads);
        const int rows = t.queries > t.keys ? t.queries : t.keys;
        if (cpu_is_short(a, &t) && rows > longest) longest = rows;
    }
    return longest
               ? floats(tile_pad((size_t)longest, TILE_PAD), tile_pad((size_t)a->width, TILE_PAD))
               : 0;
}

static int whole(int n) {
    return (int)tile_pad((size_t)n, (size_t)cpu_kernels()->lanes);
}

/* scores[n, m] = A B' for rows of A and B of width e. */
static void outer(const Scratch *s, const float *a, size_t a_row, int n, const float *b,
                  size_t b_row, int m, int e) {
    const CpuKernels *kernel = cpu_kernels();
    kernel->transpose(b, b_row, m, e, s->right, s->columns);
    kernel->multiply_rows(n, whole(m), e, a, a_row, 1, s->right, s->columns, s->scores, s->columns);
}

/* factor B [m, e] in rows of whole vectors. */
static void multiplied(const Scratch *s, const float *b, size_t b_row, int m, int e, float factor) {
    for (int k = 0; k < m; k++) {
        const float *from = b + (size_t)k * b_row;
        float *to = s->right + (size_t)k * s->width;
        for (int c = 0; c < e; c++) to[c] = factor * from[c];
        if (whole(e) > e) memset(to + e, 0, (size_t)(whole(e) - e) * sizeof *to);
    }
}

/* out[n, e] = A (factor B), with A(i,k) = a[i * a_row + k * a_col] and rows of B of width e. */
static void inner(const Scratch *s, const float *a, size_t a_row, size_t a_col, int n, int m,
                  const float *b, size_t b_row, int e, float factor, float *out, size_t out_row) {
    const CpuKernels *kernel = cpu_kernels();
    const int even = whole(e) == e;
    if (factor != 1 || !even) {
        multiplied(s, b, b_row, m, e, factor);
        b = s->right, b_row = s->width;
    }
    kernel->multiply_rows(n, whole(e), m, a, a_row, a_col, b, b_row, even ? out : s->result,
                          even ? out_row : s->width);
    for (int i = 0; i < n && !even; i++)
        memcpy(out + (size_t)i * out_row, s->result + (size_t)i * s->width,
               (size_t)e * sizeof *out);
}

/* The scores of scratch, dense. */
static void copy_scores(const Scratch *s, int n, int m, float *to) {
    for (int i = 0; i < n; i++)
        memcpy(to + (size_t)i * (size_t)m, s->scores + (size_t)i * s->columns,
               (size_t)m * sizeof *to);
}

/* Rows of the head that comes next, in the lines beside this one's: rows that lie far apart are
 * nothing that a processor foresees. */
static void fetch_next(const Attention *a, int head, AttentionIn view, int first, int rows) {
    if (head + 1 == a->heads) return;
    for (int i = 0; i < rows; i++) {
        const float *from = in_row(view, first + i, head + 1);
        for (int e = 0; e < a->width; e += 16) __builtin_prefetch(from + e);
    }
}

void cpu_short_forward(const Attention *a, const CpuTask *t, AttentionIn q, AttentionIn k,
                       AttentionIn v, AttentionOut out, float *p, size_t first, float *scratch) {
    const int n = t->queries, m = t->keys, e = a->width;
    const Scratch s = divide(a, t, scratch);
    fetch_next(a, t->head, q, t->first_query, n);
    fetch_next(a, t->head, k, t->first_key, m);
    fetch_next(a, t->head, v, t->first_key, m);
    outer(&s, in_row(q, t->first_query, t->head), q.row, n, in_row(k, t->first_key, t->head), k.row,
          m, e);
    for (int i = 0; i < n; i++)
        cpu_probabilities(a, t->head, i, m, s.scores + (size_t)i * s.columns);
    copy_scores(&s, n, m, p);
    const float *weights = p;
    if (a->dropout > 0) {
        cpu_drop(a, first, (size_t)n * (size_t)m, p, s.dropped);
        weights = s.dropped;
    }
    inner(&s, weights, (size_t)m, 1, n, m, in_row(v, t->first_key, t->head), v.row, e, 1,
          out_row(out, t->first_query, t->head), out.row);
}

void cpu_short_backward(const Attention *a, const CpuTask *t, const CpuBackward *b, const float *p,
                        float *dp, size_t first, float *scratch) {
    const int n = t->queries, m = t->keys, e = a->width;
    const size_t count = (size_t)n * (size_t)m, row = (size_t)m;
    const float *dout = in_row(b->dout, t->first_query, t->head), *weights = p;
    const Scratch s = divide(a, t, scratch);
    fetch_next(a, t->head, b->dout, t->first_query, n);
    fetch_next(a, t->head, b->v, t->first_key, m);
    fetch_next(a, t->head, b->k, t->first_key, m);
    fetch_next(a, t->head, b->q, t->first_query, n);
    /* O = D V, D = dropout(P): dV = D' dO, dD = dO V' */
    if (a->dropout > 0) {
        cpu_drop(a, first, count, p, s.dropped);
        weights = s.dropped;
    }
    inner(&s, weights, 1, row, m, n, dout, b->dout.row, e, 1, out_row(b->dv, t->first_key, t->head),
          b->dv.row);
    outer(&s, dout, b->dout.row, n, in_row(b->v, t->first_key, t->head), b->v.row, m, e);
    copy_scores(&s, n, m, dp);
    if (a->dropout > 0) cpu_drop(a, first, count, dp, dp);
    /* P = softmax(S): dS = P (dP - rowsum(P dP)); S = scale Q K' + bias */
    for (int i = 0; i < n; i++)
        cpu_kernels()->softmax_row_backward(p + (size_t)i * row, dp + (size_t)i * row, m, 1);
    /* dQ = scale dS K, dK = scale dS' Q */
    inner(&s, dp, row, 1, n, m, in_row(b->k, t->first_key, t->head), b->k.row, e, a->scale,
          out_row(b->dq, t->first_query, t->head), b->dq.row);
    inner(&s, dp, 1, row, m, n, in_row(b->q, t->first_query, t->head), b->q.row, e, a->scale,
          out_row(b->dk, t->first_key, t->head), b->dk.row);
}
