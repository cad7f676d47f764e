/* Softmax attention as the textbook writes it: the score matrix of every head stored whole
 * (Vaswani et al. 2017, equation 1). Products through OpenBLAS: heads side by side where there are
 * enough of them, else one after the other with every thread in each. */
#include "op/cpu/attention.h"
#include "base/threads.h"
#include "op/cpu/layers.h"

#include <cblas.h>
#include <string.h>

/* Rows below which the other threads are not woken. */
#define ROWS_TO_SHARE 64

/* What the probabilities of a head are multiplied by: 0 or 1 / (1 - dropout), element by element.
 */
static void drop(const Attention *a, size_t first, size_t count, const float *from, float *to) {
    const Dropout dropout = {a->dropout, a->dropout_seed, a->dropout_stream};
    const uint32_t threshold = (uint32_t)((double)dropout.rate * 4294967296.0);
    float scales[256];
    for (size_t done = 0; done < count; done += 256) {
        int n = count - done < 256 ? (int)(count - done) : 256;
        cpu_layer_rows()->dropout_scales(scales, n, dropout.seed, dropout.stream, first + done,
                                         threshold, 1 / (1 - dropout.rate));
        for (int i = 0; i < n; i++) to[done + (size_t)i] = from[done + (size_t)i] * scales[i];
    }
}

/* Scores of one row to probabilities. */
static void row_forward(const Attention *a, int head, int i, int m, float *row) {
    float scale = a->scale;
    if (a->relative_bias) {
        const float *bias = a->relative_bias + (size_t)head * (size_t)(2 * a->relative_span - 1) +
                            (a->relative_span - 1 - i);
        for (int j = 0; j < m; j++) row[j] = row[j] * scale + bias[j];
        scale = 1;
    }
    cpu_kernels()->softmax_row(row, a->causal ? i + 1 : m, m, scale);
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
    for (int i = 0; i < n; i++) row_forward(a, t->head, i, m, p + (size_t)i * (size_t)m);
    if (dropped) drop(a, first, (size_t)n * (size_t)m, p, dropped);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, e, m, 1, dropped ? dropped : p, m,
                in_row(v, t->first_key, t->head), (int)v.row, 0, o, (int)out.row);
}

Status cpu_materialised(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                        AttentionOut out, float *saved, Arena *arena) {
    float *p = saved, *dropped = NULL;
    if (!p) p = arena_take(arena, attention_saved_bytes(a));
    if (!p) return STATUS_MEMORY;
    if (a->dropout > 0 && !(dropped = arena_take(arena, attention_saved_bytes(a))))
        return STATUS_MEMORY;
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 1) if (tasks >= threads_count())
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        size_t at = cpu_block_offset(a, index);
        head_forward(a, &t, q, k, v, out, p + at, dropped ? dropped + at : NULL, at);
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
        drop(a, first, count, p, dropped);
        weights = dropped;
    }
    /* O = P V: dP = dO V', dV = P' dO */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, e, 1, dout, (int)b->dout.row,
                in_row(b->v, t->first_key, t->head), (int)b->v.row, 0, dp, m);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, 1, weights, m, dout,
                (int)b->dout.row, 0, dv, (int)b->dv.row);
    if (dropped) drop(a, first, count, dp, dp);
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
        for (int b = 0; b < a->sequences; b++) {
            const CpuTask t = cpu_task(a, b * a->heads + head);
            const float *row = dp + cpu_block_offset(a, b * a->heads + head);
            for (int i = 0; i < t.queries; i++, row += t.keys)
                for (int j = 0; j < t.keys; j++) sum[j - i + span - 1] += row[j];
        }
    }
}

Status cpu_materialised_backward(const Attention *a, const CpuBackward *b, const float *saved,
                                 Arena *arena) {
    float *dp = arena_take(arena, attention_saved_bytes(a)), *dropped = NULL;
    if (!dp) return STATUS_MEMORY;
    if (a->dropout > 0 && !(dropped = arena_take(arena, attention_saved_bytes(a))))
        return STATUS_MEMORY;
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 1) if (tasks >= threads_count())
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        const size_t at = cpu_block_offset(a, index);
        head_backward(a, &t, b, saved + at, dp + at, dropped ? dropped + at : NULL, at);
    }
    if (a->relative_bias && a->relative_bias_gradient) bias_backward(a, dp);
    return STATUS_OK;
}
