/* Softmax attention as the textbook writes it: the score matrix of every head stored whole
 * (Vaswani et al. 2017, equation 1). Products through OpenBLAS: heads side by side where there are
 * enough of them, else one after the other with every thread in each. */
#include "op/cpu/attention.h"
#include "base/threads.h"

#include <cblas.h>

static void head_forward(const Attention *a, const CpuTask *t, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *p) {
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
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        cpu_kernels()->softmax_row(p + (size_t)i * (size_t)m, a->causal ? i + 1 : m, m, a->scale);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, e, m, 1, p, m,
                in_row(v, t->first_key, t->head), (int)v.row, 0, o, (int)out.row);
}

Status cpu_materialised(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                        AttentionOut out, float *saved, Arena *arena) {
    float *p = saved;
    if (!p) p = arena_take(arena, attention_saved_bytes(a));
    if (!p) return STATUS_MEMORY;
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 1) if (tasks >= threads_count())
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        head_forward(a, &t, q, k, v, out, p + cpu_block_offset(a, index));
    }
    return STATUS_OK;
}

static void head_backward(const Attention *a, const CpuTask *t, const CpuBackward *b,
                          const float *p, float *dp) {
    const int n = t->queries, m = t->keys, e = a->width;
    float *dq = out_row(b->dq, t->first_query, t->head);
    float *dk = out_row(b->dk, t->first_key, t->head), *dv = out_row(b->dv, t->first_key, t->head);
    if (n == 0 || m == 0) {
        cpu_zero_head(b->dq, t->first_query, n, t->head, e);
        cpu_zero_head(b->dk, t->first_key, m, t->head, e);
        cpu_zero_head(b->dv, t->first_key, m, t->head, e);
        return;
    }
    const float *dout = in_row(b->dout, t->first_query, t->head);
    /* O = P V: dP = dO V', dV = P' dO */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, e, 1, dout, (int)b->dout.row,
                in_row(b->v, t->first_key, t->head), (int)b->v.row, 0, dp, m);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, 1, p, m, dout, (int)b->dout.row,
                0, dv, (int)b->dv.row);
    /* P = softmax(scale S): dS = scale P (dP - rowsum(P dP)) */
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        cpu_kernels()->softmax_row_backward(p + (size_t)i * (size_t)m, dp + (size_t)i * (size_t)m,
                                            m, a->scale);
    /* S = Q K': dQ = dS K, dK = dS' Q */
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, e, m, 1, dp, m,
                in_row(b->k, t->first_key, t->head), (int)b->k.row, 0, dq, (int)b->dq.row);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, e, n, 1, dp, m,
                in_row(b->q, t->first_query, t->head), (int)b->q.row, 0, dk, (int)b->dk.row);
}

Status cpu_materialised_backward(const Attention *a, const CpuBackward *b, const float *saved,
                                 Arena *arena) {
    float *dp = arena_take(arena, attention_saved_bytes(a));
    if (!dp) return STATUS_MEMORY;
    const int tasks = a->sequences * a->heads;
#pragma omp parallel for schedule(dynamic, 1) if (tasks >= threads_count())
    for (int index = 0; index < tasks; index++) {
        const CpuTask t = cpu_task(a, index);
        const size_t at = cpu_block_offset(a, index);
        head_backward(a, &t, b, saved + at, dp + at);
    }
    return STATUS_OK;
}
