/* Exact softmax attention by tiles: scores live for one tile at a time, in cache, and nothing of
 * size N x N is ever stored. A running maximum and a running sum make the softmax of a row whose
 * end has not been seen yet (Milakov & Gimelshein 2018, algorithm 3; Dao et al. 2022).
 *
 * Scores are kept in base-2 logarithms: queries are multiplied by scale * log2(e) once, and every
 * exponential is a power of two. */
#include "op/cpu/attention.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

/* Rows that go through scores, softmax and values together: their scores stay in the first-level
 * cache. A multiple of every variant's register block. */
#define STRIP 12

typedef struct {
    float *keys;    /* K' in panels, a tile of TILE_COLUMNS keys after the other */
    float *values;  /* V in panels, likewise */
    float *query;   /* [TILE_ROWS, E], scaled */
    float *scores;  /* [STRIP, TILE_COLUMNS] */
    float *output;  /* [TILE_ROWS, Ep] */
    float *maximum; /* [TILE_ROWS] */
    float *sum;     /* [TILE_ROWS] */
} Forward;

static Status take_forward(Arena *arena, size_t keys, size_t e, size_t ep, Forward *s) {
    float **const parts[] = {&s->keys,   &s->values,  &s->query, &s->scores,
                             &s->output, &s->maximum, &s->sum};
    const size_t sizes[] = {keys * e,       keys * ep, TILE_ROWS * e, STRIP * TILE_COLUMNS,
                            TILE_ROWS * ep, TILE_ROWS, TILE_ROWS};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!(*parts[i] = arena_take(arena, sizes[i] * sizeof(float)))) return STATUS_MEMORY;
    return STATUS_OK;
}

/* Rows first .. first + rows of one sequence and head. */
static void forward_rows(const Attention *a, const CpuTask *t, const Forward *s, AttentionIn q,
                         AttentionOut out, float *lse, int first, int rows) {
    const CpuKernels *kernel = cpu_kernels();
    const int e = a->width, en = (int)tile_pad((size_t)e, (size_t)kernel->nr);
    const size_t ep = tile_pad((size_t)e, TILE_PAD);
    cpu_gather(in_row(q, t->first_query + first, t->head), q.row, rows, TILE_ROWS, e,
               a->scale * LOG2E, s->query);
    memset(s->output, 0, TILE_ROWS * ep * sizeof(float));
    memset(s->sum, 0, TILE_ROWS * sizeof(float));
    for (int i = 0; i < TILE_ROWS; i++) s->maximum[i] = -INFINITY;
    const int end = a->causal && first + rows < t->keys ? first + rows : t->keys;
    for (int j = 0; j < end; j += TILE_COLUMNS) {
        const int here = t->keys - j < TILE_COLUMNS ? t->keys - j : TILE_COLUMNS;
        const float *keys = s->keys + (size_t)j * (size_t)e;
        const float *values = s->values + (size_t)j * ep;
        for (int i = 0; i < rows; i += STRIP) {
            const long visible = a->causal ? first + i + 1L - j : here;
            long columns = a->causal && visible + STRIP - 1 < here ? visible + STRIP - 1 : here;
            if (columns <= 0) continue;
            int n = (int)tile_pad((size_t)columns, (size_t)kernel->nr);
            kernel->multiply(STRIP, n, e, s->query + i * e, (size_t)e, 1, keys, (size_t)e,
                             s->scores, TILE_COLUMNS, 0);
            kernel->softmax_step(STRIP, n, visible, a->causal, s->scores, TILE_COLUMNS,
                                 s->maximum + i, s->sum + i, s->output + (size_t)i * ep, ep, en);
            kernel->multiply(STRIP, en, n, s->scores, TILE_COLUMNS, 1, values, TILE_COLUMNS,
                             s->output + (size_t)i * ep, ep, 1);
        }
    }
    for (int i = 0; i < rows; i++) {
        float *o = out_row(out, t->first_query + first + i, t->head);
        const float *from = s->output + (size_t)i * ep;
        const float inverse = s->sum[i] == 0 ? 0 : 1 / s->sum[i]; /* no keys: zeros */
        for (int c = 0; c < e; c++) o[c] = from[c] * inverse;
        if (lse) lse[first + i] = s->sum[i] == 0 ? 0 : s->maximum[i] + log2f(s->sum[i]);
    }
}

Status cpu_tiled(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out,
                 float *saved, Arena *arena) {
    const CpuKernels *kernel = cpu_kernels();
    const int threads = threads_count(), total = a->query_offsets[a->sequences];
    const size_t e = (size_t)a->width, ep = tile_pad(e, TILE_PAD);
    const size_t keys = tile_pad((size_t)cpu_longest(a->key_offsets, a->sequences), TILE_COLUMNS);
    Forward *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    if (!scratch) return STATUS_MEMORY;
    for (int i = 0; i < threads; i++) STATUS_TRY(take_forward(arena, keys, e, ep, &scratch[i]));
    /* With fewer heads than threads, rows are shared out too; each share packs its own keys. A
     * row's result does not depend on the share that it falls into. */
    const int tasks = a->sequences * a->heads;
    const int shares = tasks >= 2 * threads ? 1 : (2 * threads + tasks - 1) / tasks;
    const int longest = cpu_longest(a->query_offsets, a->sequences);
    const int share = (int)tile_pad((size_t)((longest + shares - 1) / shares), TILE_ROWS);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int index = 0; index < tasks * shares; index++) {
        const Forward *s = &scratch[omp_get_thread_num()];
        const CpuTask t = cpu_task(a, index / shares);
        const int from = index % shares * share;
        const int to = from + share < t.queries ? from + share : t.queries;
        if (from >= to) continue;
        const int needed = a->causal ? to : t.keys;
        for (int j = 0; j < needed; j += TILE_COLUMNS) {
            const int here = t.keys - j < TILE_COLUMNS ? t.keys - j : TILE_COLUMNS;
            kernel->pack_transposed(in_row(k, t.first_key + j, t.head), k.row, here, a->width, 1,
                                    s->keys + (size_t)j * e, e);
            kernel->pack(in_row(v, t.first_key + j, t.head), v.row, here, a->width, 1,
                         s->values + (size_t)j * ep, TILE_COLUMNS);
        }
        float *lse = saved ? saved + (size_t)t.head * (size_t)total + t.first_query : NULL;
        for (int i = from; i < to; i += TILE_ROWS)
            forward_rows(a, &t, s, q, out, lse, i, to - i < TILE_ROWS ? to - i : TILE_ROWS);
    }
    return STATUS_OK;
}

/* --- backward: scores are formed again from the saved log-sum-exps --------------------------- */

typedef struct {
    float *keys, *values_t; /* K' and V' of one tile of keys, in panels of keys */
    float *keys_rows;       /* K of the tile, in panels of E */
    float *query, *dout;    /* [TILE_ROWS, E] */
    float *query_panels, *dout_panels;
    float *p, *ds;      /* [TILE_ROWS, TILE_COLUMNS] */
    float *dk, *dv;     /* [TILE_COLUMNS, Ep] */
    float *dq;          /* [N, Ep] of one sequence and head */
    float *lse, *delta; /* [N], padded */
} Backward;

static Status take_backward(Arena *arena, size_t rows, size_t e, size_t ep, Backward *s) {
    float **const parts[] = {&s->keys,         &s->values_t,    &s->keys_rows, &s->query, &s->dout,
                             &s->query_panels, &s->dout_panels, &s->p,         &s->ds,    &s->dk,
                             &s->dv,           &s->dq,          &s->lse,       &s->delta};
    const size_t sizes[] = {TILE_COLUMNS * e,
                            TILE_COLUMNS * e,
                            TILE_COLUMNS * ep,
                            TILE_ROWS * e,
                            TILE_ROWS * e,
                            TILE_ROWS * ep,
                            TILE_ROWS * ep,
                            TILE_ROWS * TILE_COLUMNS,
                            TILE_ROWS * TILE_COLUMNS,
                            TILE_COLUMNS * ep,
                            TILE_COLUMNS * ep,
                            rows * ep,
                            rows,
                            rows};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!(*parts[i] = arena_take_zeroed(arena, sizes[i] * sizeof(float)))) return STATUS_MEMORY;
    return STATUS_OK;
}

/* One tile of queries against the packed tile of keys j .. j + here. */
static void backward_tile(const Attention *a, const CpuTask *t, const Backward *s,
                          const CpuBackward *b, int i, int j, int here) {
    const CpuKernels *kernel = cpu_kernels();
    const int e = a->width, en = (int)tile_pad((size_t)e, (size_t)kernel->nr);
    const size_t ep = tile_pad((size_t)e, TILE_PAD);
    const int rows = t->queries - i < TILE_ROWS ? t->queries - i : TILE_ROWS;
    const int seen = a->causal && i + rows - j < here ? i + rows - j : here;
    /* Keys are both columns (of S) and rows (of dK): TILE_ROWS divides by either register block. */
    const int n = (int)tile_pad((size_t)seen, TILE_ROWS);
    const float *q = in_row(b->q, t->first_query + i, t->head);
    const float *dout = in_row(b->dout, t->first_query + i, t->head);
    cpu_gather(q, b->q.row, rows, TILE_ROWS, e, a->scale * LOG2E, s->query);
    cpu_gather(dout, b->dout.row, rows, TILE_ROWS, e, 1, s->dout);
    kernel->pack(s->query, (size_t)e, TILE_ROWS, e, 1, s->query_panels, TILE_ROWS);
    kernel->pack(s->dout, (size_t)e, TILE_ROWS, e, 1, s->dout_panels, TILE_ROWS);
    for (int r = 0; r < TILE_ROWS; r += STRIP) {
        float *p = s->p + r * TILE_COLUMNS, *ds = s->ds + r * TILE_COLUMNS;
        const long visible = a->causal ? i + r + 1L - j : here;
        /* S = Q K'; dP = dO V' */
        kernel->multiply(STRIP, n, e, s->query + r * e, (size_t)e, 1, s->keys, (size_t)e, p,
                         TILE_COLUMNS, 0);
        kernel->multiply(STRIP, n, e, s->dout + r * e, (size_t)e, 1, s->values_t, (size_t)e, ds,
                         TILE_COLUMNS, 0);
        /* P = exp(S - lse); dS = P (dP - rowsum(dO O)) */
        kernel->softmax_backward(STRIP, n, visible, a->causal, p, ds, TILE_COLUMNS, s->lse + i + r,
                                 s->delta + i + r);
    }
    /* O = P V:   dV += P' dO */
    kernel->multiply(n, en, TILE_ROWS, s->p, 1, TILE_COLUMNS, s->dout_panels, TILE_ROWS, s->dv, ep,
                     1);
    /* S = Q K':  dK += dS' Q,  dQ += dS K */
    kernel->multiply(n, en, TILE_ROWS, s->ds, 1, TILE_COLUMNS, s->query_panels, TILE_ROWS, s->dk,
                     ep, 1);
    kernel->multiply(TILE_ROWS, en, n, s->ds, TILE_COLUMNS, 1, s->keys_rows, TILE_COLUMNS,
                     s->dq + (size_t)i * ep, ep, 1);
}

static void backward_head(const Attention *a, const CpuTask *t, const Backward *s,
                          const CpuBackward *b, const float *lse) {
    const CpuKernels *kernel = cpu_kernels();
    const int e = a->width;
    const size_t ep = tile_pad((size_t)e, TILE_PAD);
    const int padded = (int)tile_pad((size_t)t->queries, TILE_ROWS);
    memset(s->dq, 0, (size_t)padded * ep * sizeof(float));
    for (int i = 0; i < padded; i++) {
        /* A padding row has an infinite log-sum-exp: its probabilities are exactly 0. */
        s->lse[i] = i < t->queries ? lse[i] : INFINITY;
        s->delta[i] = i < t->queries ? dot(in_row(b->dout, t->first_query + i, t->head),
                                           in_row(b->out, t->first_query + i, t->head), e)
                                     : 0;
    }
    for (int j = 0; j < t->keys; j += TILE_COLUMNS) {
        const int here = t->keys - j < TILE_COLUMNS ? t->keys - j : TILE_COLUMNS;
        const float *k = in_row(b->k, t->first_key + j, t->head);
        const float *v = in_row(b->v, t->first_key + j, t->head);
        kernel->pack_transposed(k, b->k.row, here, e, 1, s->keys, (size_t)e);
        kernel->pack_transposed(v, b->v.row, here, e, 1, s->values_t, (size_t)e);
        kernel->pack(k, b->k.row, here, e, 1, s->keys_rows, TILE_COLUMNS);
        memset(s->dk, 0, TILE_COLUMNS * ep * sizeof(float));
        memset(s->dv, 0, TILE_COLUMNS * ep * sizeof(float));
        for (int i = a->causal ? j / TILE_ROWS * TILE_ROWS : 0; i < t->queries; i += TILE_ROWS)
            backward_tile(a, t, s, b, i, j, here);
        for (int r = 0; r < here; r++) {
            float *dk = out_row(b->dk, t->first_key + j + r, t->head);
            float *dv = out_row(b->dv, t->first_key + j + r, t->head);
            for (int c = 0; c < e; c++) {
                dk[c] = s->dk[(size_t)r * ep + (size_t)c] * LN2; /* queries carry scale log2(e) */
                dv[c] = s->dv[(size_t)r * ep + (size_t)c];
            }
        }
    }
    for (int i = 0; i < t->queries; i++) {
        float *dq = out_row(b->dq, t->first_query + i, t->head);
        for (int c = 0; c < e; c++) dq[c] = s->dq[(size_t)i * ep + (size_t)c] * a->scale;
    }
}

Status cpu_tiled_backward(const Attention *a, const CpuBackward *b, const float *saved,
                          Arena *arena) {
    const int threads = threads_count(), total = a->query_offsets[a->sequences];
    const size_t e = (size_t)a->width, ep = tile_pad(e, TILE_PAD);
    const size_t rows = tile_pad((size_t)cpu_longest(a->query_offsets, a->sequences), TILE_ROWS);
    Backward *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    if (!scratch) return STATUS_MEMORY;
    for (int i = 0; i < threads; i++) STATUS_TRY(take_backward(arena, rows, e, ep, &scratch[i]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int index = 0; index < a->sequences * a->heads; index++) {
        const CpuTask t = cpu_task(a, index);
        backward_head(a, &t, &scratch[omp_get_thread_num()], b,
                      saved + (size_t)t.head * (size_t)total + t.first_query);
    }
    return STATUS_OK;
}
