/* Softmax attention as the textbook writes it: the score matrix of every head stored whole
 * (Vaswani et al. 2017, equation 1). Products through OpenBLAS: heads side by side where there are
 * enough of them, else one after the other with every thread in each. */
#include "op/cpu/attention.h"
#include "base/threads.h"
#include "op/cpu/short.h"

#include <cblas.h>
#include <string.h>

/* Rows below which the other threads are not woken. */
#define ROWS_TO_SHARE 64

/* Scratch of one worker: of short sequences, and of what dropout leaves of a long one. */
typedef struct {
    float *memory; /* [workers * each] */
    size_t each, square;
    int workers;
} Scratch;

static Status scratch_open(const Attention *a, Arena *arena, Scratch *s) {
    const int tasks = a->sequences * a->heads, threads = threads_count();
    s->square = 0;
    for (int b = 0; b < a->sequences && a->dropout > 0; b++) {
        const CpuTask t = cpu_task(a, b * a->heads);
        const size_t count = (size_t)t.queries * (size_t)t.keys;
        if (!cpu_is_short(a, &t) && count > s->square) s->square = count;
    }
    const size_t small = cpu_short_scratch(a);
    s->each = tile_pad(small > s->square ? small : s->square, 16);
    s->workers = tasks < threads ? 1 : threads;
    s->memory = NULL;
    if (s->each && !(s->memory = arena_take(arena, (size_t)s->workers * s->each * sizeof(float))))
        return STATUS_MEMORY;
    return STATUS_OK;
}

static float *scratch_of(const Scratch *s) {
    return s->memory ? s->memory + (s->workers > 1 ? (size_t)omp_get_thread_num() * s->each : 0)
                     : NULL;
}

/* `p` gets the probabilities, `dropped` what is left of them (NULL without dropout); `first` is the
 * number of the head's first probability among all, which dropout is drawn by. */
static void head_forward(const Attention *a, const CpuTask *t, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *p, float *dropped, size_t first) {
    const int n = t->queries, m = t->keys, e = a->width;
    float *o = out_row(out, t->first_query, t->head);
    if (n == 0) return;
    if (m == 0) { /* nothing to attend to: zeros */
        cpu_zero_head(out, t->first_query, n, t->head, e);
        return;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, e, 1,
                in_row(q, t->first_query, t->head), (int)q.row, in_row(k, t->first_key, t->head),
                (int)k.row, 0, p, m);
#pragma omp parallel for if (n >= ROWS_TO_SHARE)
    for (int i = 0; i < n; i++) cpu_probabilities(a, t->head, i, m, p + (size_t)i * (size_t)m);
    if (dropped) cpu_drop(a, first, (size_t)n * (size_t)m, p, dropped);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, e, m, 1, dropped ? dropped : p, m,
                in_row(v, t->first_key, t->head), (int)v.row, 0, o, (int)out.row);
}

Status cpu_materialised(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                        AttentionOut out, float *saved, Arena *arena) {
    float *p = saved;
    Scratch scratch;
    if (!p) p = arena_take(arena, attention_saved_bytes(a));
    if (!p) return STATUS_MEMORY;
    STATUS_TRY(scratch_open(a, arena, &scratch));
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 8) num_threads(scratch.workers) if (scratch.workers > 1)
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        size_t at = cpu_block_offset(a, index);
        float *own = scratch_of(&scratch);
        if (t.queries && t.keys && cpu_is_short(a, &t))
            cpu_short_forward(a, &t, q, k, v, out, p + at, at, own);
        else
            head_forward(a, &t, q, k, v, out, p + at, a->dropout > 0 ? own : NULL, at);
    }
    return STATUS_OK;
}

static void head_backward(const Attention *a, const CpuTask *t, const CpuBackward *b,
                          const float *p, float *dp, float *dropped, size_t first) {
    const int n = t->queries, m = t->keys, e = a->width;
    const size_t count = (size_t)n * (size_t)m;
    float *dq = out_row(b->dq, t->first_query, t->head);
    float *dk = out_row(b->dk, t->first_key, t->head), *dv = out_row(b->dv, t->first_key, t->head);
    if (n == 0 || m == 0) {
        cpu_zero_head(b->dq, t->first_query, n, t->head, e);
        cpu_zero_head(b->dk, t->first_key, m, t->head, e);
        cpu_zero_head(b->dv, t->first_key, m, t->head, e);
        return;
    }
    const float *dout = in_row(b->dout, t->first_query, t->head);
    const float *weights = p;
    if (dropped) { /* O = D V, D = dropout(P) */
        cpu_drop(a, first, count, p, dropped);
        weights = dropped;
    }
    /* O = P V: dP = dO V', dV = P' dO */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, e, 1, dout, (int)b->dout.row,
                in_row(b->v, t->first_key, t->head), (int)b->v.row, 0, dp, m);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, 1, weights, m, dout,
                (int)b->dout.row, 0, dv, (int)b->dv.row);
    if (dropped) cpu_drop(a, first, count, dp, dp);
    /* P = softmax(S): dS = P (dP - rowsum(P dP)); S = scale Q K' + bias */
    const float scale = a->relative_bias ? 1 : a->scale;
#pragma omp parallel for if (n >= ROWS_TO_SHARE)
    for (int i = 0; i < n; i++)
        cpu_kernels()->softmax_row_backward(p + (size_t)i * (size_t)m, dp + (size_t)i * (size_t)m,
                                            m, scale);
    /* dQ = scale dS K, dK = scale dS' Q */
    const float left = a->scale / scale;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, e, m, left, dp, m,
                in_row(b->k, t->first_key, t->head), (int)b->k.row, 0, dq, (int)b->dq.row);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, left, dp, m,
                in_row(b->q, t->first_query, t->head), (int)b->q.row, 0, dk, (int)b->dk.row);
}

/* S = scale Q K' + bias[j - i]: the bias of a distance gets the sum of dS along its diagonal, over
 * the sequences in their order. */
static void bias_backward(const Attention *a, const float *dp) {
    const int span = a->relative_span;
#pragma omp parallel for schedule(static, 1)
    for (int head = 0; head < a->heads; head++) {
        float *sum = a->relative_bias_gradient + (size_t)head * (size_t)(2 * span - 1);
        memset(sum, 0, (size_t)(2 * span - 1) * sizeof *sum);
        const float *row = dp + cpu_block_offset(a, head); /* a head's matrices follow each other */
        for (int b = 0; b < a->sequences; b++) {
            const CpuTask t = cpu_task(a, b * a->heads + head);
            for (int i = 0; i < t.queries; i++, row += t.keys)
                for (int j = 0; j < t.keys; j++) sum[j - i + span - 1] += row[j];
        }
    }
}

Status cpu_materialised_backward(const Attention *a, const CpuBackward *b, const float *saved,
                                 Arena *arena) {
    float *dp = arena_take(arena, attention_saved_bytes(a));
    Scratch scratch;
    if (!dp) return STATUS_MEMORY;
    STATUS_TRY(scratch_open(a, arena, &scratch));
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 8) num_threads(scratch.workers) if (scratch.workers > 1)
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        const size_t at = cpu_block_offset(a, index);
        float *own = scratch_of(&scratch);
        if (t.queries && t.keys && cpu_is_short(a, &t))
            cpu_short_backward(a, &t, b, saved + at, dp + at, at, own);
        else
            head_backward(a, &t, b, saved + at, dp + at, a->dropout > 0 ? own : NULL, at);
    }
    if (a->relative_bias && a->relative_bias_gradient) bias_backward(a, dp);
    return STATUS_OK;
}
