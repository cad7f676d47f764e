/* Kernel attention in the wrong order, (phi(Q) phi(K)') V. The parentheses are the whole
 * difference from linear.c, and they cost the N x N matrix that kernels are there to avoid: it is
 * kept here so that the mistake can be measured. */
#include "op/cpu/features.h"
#include "base/threads.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

typedef struct {
    float *phi_q, *phi_k;       /* [N, cp], rows padded to whole tiles */
    float *x, *raw, *dphi, *dx; /* one tile */
    float *log_q, *log_k;       /* [N]: what a row of phi was divided by, in logarithms */
    float *column;              /* [cp]: the same for a feature, when not causal */
    float *factor;              /* [N] */
} Scratch;

static Status take_scratch(const FeatureMapping *f, size_t queries, size_t keys, Arena *arena,
                           Scratch *s) {
    const size_t t = TILE_ROWS;
    struct {
        float **to;
        size_t count;
    } const parts[] = {{&s->phi_q, queries * f->cp}, {&s->phi_k, keys * f->cp},
                       {&s->x, t * (size_t)f->e},    {&s->raw, t * f->cp},
                       {&s->dphi, t * f->cp},        {&s->dx, t * f->ep},
                       {&s->log_q, queries},         {&s->log_k, keys},
                       {&s->column, f->cp},          {&s->factor, keys}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!(*parts[i].to = arena_take_zeroed(arena, parts[i].count * sizeof(float))))
            return STATUS_MEMORY;
    return STATUS_OK;
}

static inline int tile_rows(int left) {
    return left < TILE_ROWS ? left : TILE_ROWS;
}

/* phi of all queries and keys of one head, stabilised: not causal, as linear.c does; causal, each
 * row by its own maximum. log_q and log_k hold the exponents given to feature_expand. */
static void all_features(const FeatureMapping *f, const CpuTask *t, Scratch *s, AttentionIn q,
                         AttentionIn k) {
    const int causal = f->attention->causal;
    float most = -INFINITY;
    for (size_t c = 0; c < f->cp; c++) s->column[c] = -INFINITY;
    for (int j = 0; j < t->keys; j += TILE_ROWS) {
        const int rows = tile_rows(t->keys - j);
        float *raw = s->phi_k + (size_t)j * f->cp;
        feature_raw(f, in_row(k, t->first_key + j, t->head), k.row, rows, s->x, raw, s->log_k + j);
        for (int r = 0; r < rows; r++) {
            if (f->logarithmic && !causal)
                f->kernel->raise_columns(s->column, raw + (size_t)r * f->cp, 0, (int)f->cp);
            most = s->log_k[j + r] > most ? s->log_k[j + r] : most;
        }
        if (f->logarithmic && causal) feature_row_maximum(f, rows, raw, NULL, s->log_k + j);
    }
    float *negative = s->raw; /* free until the gradients need it */
    for (int c = 0; c < (int)f->cp; c++) negative[c] = c < f->c ? -s->column[c] : 0;
    for (int j = 0; j < t->keys; j += TILE_ROWS) {
        const int rows = tile_rows(t->keys - j);
        float *phi = s->phi_k + (size_t)j * f->cp, shift[TILE_ROWS];
        for (int r = 0; r < rows; r++)
            shift[r] = f->logarithmic ? (causal ? -s->log_k[j + r] : 0)
                       : causal       ? 0
                                      : s->log_k[j + r] - most;
        feature_expand(f, rows, phi, f->logarithmic && !causal ? negative : NULL, shift, phi);
        if (!causal) memcpy(s->log_k + j, shift, (size_t)rows * sizeof *shift);
    }
    for (int i = 0; i < t->queries; i += TILE_ROWS) {
        const int rows = tile_rows(t->queries - i);
        float *phi = s->phi_q + (size_t)i * f->cp, shift[TILE_ROWS] = {0};
        const float *column = f->logarithmic && !causal ? s->column : NULL;
        feature_raw(f, in_row(q, t->first_query + i, t->head), q.row, rows, s->x, phi,
                    s->log_q + i);
        if (f->logarithmic) {
            feature_row_maximum(f, rows, phi, column, s->log_q + i);
            for (int r = 0; r < rows; r++) shift[r] = -s->log_q[i + r];
        }
        feature_expand(f, rows, phi, column, shift, phi);
    }
}

/* factor[j] = 2^(log_k[j] - largest so far): what turns phi(q_i) phi(k_j) into the true weight up
 * to a factor of the row. Causal only. */
static void causal_factor(const FeatureMapping *f, Scratch *s, int i, float *most) {
    *most = s->log_k[i] > *most ? s->log_k[i] : *most;
    f->kernel->exp2_row(s->factor, s->log_k, NULL, -*most, i + 1);
}

static void head_forward(const FeatureMapping *f, const CpuTask *t, Scratch *s, AttentionIn q,
                         AttentionIn k, AttentionIn v, AttentionOut out, float *weights,
                         float *normaliser) {
    const int n = t->queries, m = t->keys, causal = f->attention->causal;
    float *o = out_row(out, t->first_query, t->head), most = -INFINITY;
    if (n == 0) return;
    if (m == 0) {
        cpu_zero_head(out, t->first_query, n, t->head, f->e);
        return;
    }
    all_features(f, t, s, q, k);
    /* excerpt: wrong-order */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, f->c, 1, s->phi_q, (int)f->cp,
                s->phi_k, (int)f->cp, 0, weights, m); /* A = phi(Q) phi(K)': N x N, at N N C */
    for (int i = 0; i < n; i++) {
        float *w = weights + (size_t)i * (size_t)m, sum = 0;
        const int seen = causal ? i + 1 : m;
        if (causal) {
            causal_factor(f, s, i, &most);
            f->kernel->scale_row(w, s->factor, seen);
            memset(w + seen, 0, (size_t)(m - seen) * sizeof *w);
        }
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < seen; j++) sum += w[j];
        normaliser[i] = sum;
        for (int j = 0; j < seen; j++) w[j] /= sum;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, f->e, m, 1, weights, m,
                in_row(v, t->first_key, t->head), (int)v.row, 0, o, (int)out.row); /* A V */
    /* end excerpt */
}

Status cpu_quadratic(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                     AttentionOut out, float *saved, Arena *arena) {
    const int threads = threads_count(), tasks = a->sequences * a->heads;
    const int total = a->query_offsets[a->sequences];
    const size_t queries = tile_pad((size_t)cpu_longest(a->query_offsets, a->sequences), TILE_ROWS);
    const size_t keys = tile_pad((size_t)cpu_longest(a->key_offsets, a->sequences), TILE_ROWS);
    FeatureMapping f;
    STATUS_TRY(feature_mapping(a, 0, arena, &f));
    float *matrices = saved ? saved : arena_take(arena, attention_saved_bytes(a));
    Scratch *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    if (!matrices || !scratch) return STATUS_MEMORY;
    const int workers = tasks < threads ? 1 : threads;
    for (int i = 0; i < workers; i++)
        STATUS_TRY(take_scratch(&f, queries, keys, arena, &scratch[i]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers) if (workers > 1)
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        float *normalisers = matrices + cpu_block_numbers(a);
        head_forward(&f, &t, &scratch[omp_get_thread_num()], q, k, v, out,
                     matrices + cpu_block_offset(a, index),
                     normalisers + (size_t)t.head * (size_t)total + t.first_query);
    }
    return STATUS_OK;
}

/* A tile of dphi from rows of the gradient of A (or columns, transposed), then through phi. */
static void rows_backward(const FeatureMapping *f, Scratch *s, int keys, int rows, int depth,
                          const float *gradient, int ld, const float *other, const float *value,
                          const float *shift, const float *from, size_t stride, float *to,
                          size_t to_stride) {
    float logs[TILE_ROWS];
    cblas_sgemm(CblasRowMajor, keys ? CblasTrans : CblasNoTrans, CblasNoTrans, rows, f->c, depth, 1,
                gradient, ld, other, (int)f->cp, 0, s->dphi, (int)f->cp);
    feature_raw(f, from, stride, rows, s->x, s->raw, logs);
    feature_backward(f, rows, keys, s->x, s->raw, value, shift, s->dphi, s->dx, to, to_stride, 0);
}

static void head_backward(const FeatureMapping *f, const CpuTask *t, Scratch *s,
                          const CpuBackward *b, const float *weights, const float *normaliser,
                          float *gradient) {
    const int n = t->queries, m = t->keys, e = f->e, causal = f->attention->causal;
    const float *dout = in_row(b->dout, t->first_query, t->head);
    float *dv = out_row(b->dv, t->first_key, t->head), most = -INFINITY;
    float zero[TILE_ROWS] = {0};
    if (n == 0 || m == 0) {
        cpu_zero_head(b->dq, t->first_query, n, t->head, e);
        cpu_zero_head(b->dk, t->first_key, m, t->head, e);
        cpu_zero_head(b->dv, t->first_key, m, t->head, e);
        return;
    }
    all_features(f, t, s, b->q, b->k);
    /* O = A V / D: dA = (dO V' - dO . O) / D, dV = (A / D)' dO */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, e, 1, dout, (int)b->dout.row,
                in_row(b->v, t->first_key, t->head), (int)b->v.row, 0, gradient, m);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, 1, weights, m, dout,
                (int)b->dout.row, 0, dv, (int)b->dv.row);
    for (int i = 0; i < n; i++) {
        float *g = gradient + (size_t)i * (size_t)m;
        const int seen = causal ? i + 1 : m;
        const float delta = dot(in_row(b->dout, t->first_query + i, t->head),
                                in_row(b->out, t->first_query + i, t->head), e);
        const float inverse = 1 / normaliser[i];
        for (int j = 0; j < seen; j++) g[j] = (g[j] - delta) * inverse;
        if (!causal) continue;
        causal_factor(f, s, i, &most);
        f->kernel->scale_row(g, s->factor, seen);
        memset(g + seen, 0, (size_t)(m - seen) * sizeof *g);
    }
    /* A = phi(Q) phi(K)': dphi(Q) = dA phi(K), dphi(K) = dA' phi(Q) */
    for (int i = 0; i < n; i += TILE_ROWS)
        rows_backward(f, s, 0, tile_rows(n - i), m, gradient + (size_t)i * (size_t)m, m, s->phi_k,
                      s->phi_q + (size_t)i * f->cp, zero, in_row(b->q, t->first_query + i, t->head),
                      b->q.row, out_row(b->dq, t->first_query + i, t->head), b->dq.row);
    for (int j = 0; j < m; j += TILE_ROWS)
        rows_backward(f, s, 1, tile_rows(m - j), n, gradient + j, m, s->phi_q,
                      s->phi_k + (size_t)j * f->cp, causal ? zero : s->log_k + j,
                      in_row(b->k, t->first_key + j, t->head), b->k.row,
                      out_row(b->dk, t->first_key + j, t->head), b->dk.row);
}

Status cpu_quadratic_backward(const Attention *a, const CpuBackward *b, const float *saved,
                              Arena *arena) {
    const int threads = threads_count(), tasks = a->sequences * a->heads;
    const int total = a->query_offsets[a->sequences];
    const size_t queries = tile_pad((size_t)cpu_longest(a->query_offsets, a->sequences), TILE_ROWS);
    const size_t keys = tile_pad((size_t)cpu_longest(a->key_offsets, a->sequences), TILE_ROWS);
    FeatureMapping f;
    STATUS_TRY(feature_mapping(a, 1, arena, &f));
    float *gradients = arena_take(arena, cpu_block_numbers(a) * sizeof(float));
    Scratch *scratch = arena_take(arena, (size_t)threads * sizeof *scratch);
    if (!gradients || !scratch) return STATUS_MEMORY;
    const int workers = tasks < threads ? 1 : threads;
    for (int i = 0; i < workers; i++)
        STATUS_TRY(take_scratch(&f, queries, keys, arena, &scratch[i]));
    const float *normalisers = saved + cpu_block_numbers(a);
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers) if (workers > 1)
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        const size_t at = cpu_block_offset(a, index);
        head_backward(&f, &t, &scratch[omp_get_thread_num()], b, saved + at,
                      normalisers + (size_t)t.head * (size_t)total + t.first_query, gradients + at);
    }
    return STATUS_OK;
}
