/* Kernel attention in the right order, phi(Q) (phi(K)' V), not causal (Katharopoulos et al. 2020;
 * Choromanski et al. 2021). Rows pass in panels and their features are forgotten, so that memory
 * beyond input and output is that of a panel and of the state, whatever N. */
#include "linear.h"

namespace {

/* [S z] of one sequence's keys, divided by 2^m. */
Status absorb_keys(CudaLinear *l, int first, int keys, AttentionIn k, AttentionIn v) {
    l->state.begun = 0;
    for (int i = 0; i < cuda_linear_panels(keys); i++) {
        const CudaPanel p = cuda_linear_panel(l, first, keys, i);
        STATUS_TRY(cuda_features_raw(&l->f, k, p, l->raw_k, l->log_k));
        STATUS_TRY(cuda_linear_values(l, p, v));
        STATUS_TRY(
            cuda_linear_absorb(l, p, &l->state, l->raw_k, cuda_key_row(l), 1, l->v, l->past_k, 0));
    }
    return STATUS_OK;
}

/* phi of a panel of queries against the state. */
Status query_features(CudaLinear *l, CudaPanel p, AttentionIn q, const float **phi) {
    STATUS_TRY(cuda_features_raw(&l->f, q, p, l->raw_q, l->log_q));
    return cuda_features_queries(&l->f, p, l->raw_q, cuda_column_shared(&l->f, l->state.m, 1),
                                 l->past_q, phi);
}

Status queries_backward(CudaLinear *l, CudaPanel p, AttentionIn q, AttentionIn out,
                        AttentionIn dout, AttentionOut dq) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, rows = (size_t)cuda_padded(p);
    const CudaPart none = {NULL, NULL};
    const float *phi;
    STATUS_TRY(query_features(l, p, q, &phi));
    STATUS_TRY(cuda_gemm_many(f->heads, 0, 0, p.rows, 1, f->c, 1, phi, c, rows * c,
                              l->state.s + f->e, w, c * w, 0, l->normaliser, 1,
                              rows)); /* phi(Q) z */
    STATUS_TRY(cuda_linear_gradients(l, p, out, dout, l->normaliser));
    /* S keeps its scale 2^-m; dS is collected in the same scale, whose product is free of it. */
    STATUS_TRY(cuda_linear_collect(l, p, &l->gradient, phi, l->g, 0, 0));
    STATUS_TRY(cuda_gemm_many(f->heads, 0, 1, p.rows, f->c, f->w, 1, l->g, w, rows * w, l->state.s,
                              w, c * w, 0, l->dphi, c, rows * c)); /* dphi(Q) = g S' + c z' */
    const CudaPart part = {phi, l->dphi};
    return cuda_features_backward(f, p, q, 0, part, none, dq, 0);
}

Status keys_backward(CudaLinear *l, CudaPanel p, AttentionIn k, AttentionIn v, AttentionOut dk,
                     AttentionOut dv) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, rows = (size_t)cuda_padded(p);
    const CudaPart none = {NULL, NULL};
    const float *phi;
    STATUS_TRY(cuda_features_raw(f, k, p, l->raw_k, l->log_k));
    STATUS_TRY(cuda_linear_values(l, p, v));
    STATUS_TRY(cuda_features_expand(f, p, l->raw_k, cuda_column_shared(f, l->state.m, -1),
                                    cuda_key_row(l), 1, l->past_k, &phi));
    STATUS_TRY(cuda_gemm_many(f->heads, 0, 1, p.rows, f->c, f->w, 1, l->v, w, rows * w,
                              l->gradient.s, w, c * w, 0, l->dphi, c,
                              rows * c)); /* dphi(K) = V dS' + dz' */
    const CudaPart part = {phi, l->dphi};
    STATUS_TRY(cuda_features_backward(f, p, k, 1, part, none, dk, 0));
    dv = cuda_from_row(dv, p.first);
    return cuda_gemm_many(f->heads, 0, 0, p.rows, f->e, f->c, 1, phi, c, rows * c, l->gradient.s, w,
                          c * w, 0, dv.data, dv.row, dv.head); /* dV = phi(K) dS */
}

} // namespace

/* excerpt: cuda-right-order */
Status cuda_linear(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                   AttentionIn v, AttentionOut out, Arena *arena) {
    CudaLinear l;
    STATUS_TRY(cuda_linear_open(a, rows, 0, arena, &l));
    const CudaKernel *f = &l.f;
    const size_t c = (size_t)f->c, w = (size_t)f->w;
    for (int b = 0; b < a->sequences; b++) {
        const int first = a->query_offsets[b], n = a->query_offsets[b + 1] - first;
        const int keys = a->key_offsets[b + 1] - a->key_offsets[b];
        if (n == 0) continue;
        if (keys == 0) { /* nothing to attend to: zeros */
            STATUS_TRY(cuda_zero_rows(a, n, cuda_from_row(out, first)));
            continue;
        }
        STATUS_TRY(absorb_keys(&l, a->key_offsets[b], keys, k, v)); /* phi(K)' [V 1] */
        for (int i = 0; i < cuda_linear_panels(n); i++) {           /* phi(Q) S / phi(Q) z */
            const CudaPanel p = cuda_linear_panel(&l, first, n, i);
            const size_t padded = (size_t)cuda_padded(p);
            const float *phi;
            STATUS_TRY(query_features(&l, p, q, &phi));
            STATUS_TRY(cuda_gemm_many(f->heads, 0, 0, p.rows, f->w, f->c, 1, phi, c, padded * c,
                                      l.state.s, w, c * w, 0, l.n, w, padded * w));
            STATUS_TRY(cuda_linear_store(&l, p, out, 1, 0));
        }
    }
    return STATUS_OK;
}
/* end excerpt */

Status cuda_linear_backward(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                            AttentionIn v, AttentionIn out, AttentionIn dout, AttentionOut dq,
                            AttentionOut dk, AttentionOut dv, Arena *arena) {
    CudaLinear l;
    STATUS_TRY(cuda_linear_open(a, rows, 1, arena, &l));
    for (int b = 0; b < a->sequences; b++) {
        const int first = a->query_offsets[b], n = a->query_offsets[b + 1] - first;
        const int first_key = a->key_offsets[b], keys = a->key_offsets[b + 1] - first_key;
        if (n == 0 || keys == 0) {
            STATUS_TRY(cuda_linear_nothing(a, b, dq, dk, dv));
            continue;
        }
        STATUS_TRY(absorb_keys(&l, first_key, keys, k, v));
        l.gradient.begun = 0;
        for (int i = 0; i < cuda_linear_panels(n); i++)
            STATUS_TRY(queries_backward(&l, cuda_linear_panel(&l, first, n, i), q, out, dout, dq));
        for (int i = 0; i < cuda_linear_panels(keys); i++)
            STATUS_TRY(keys_backward(&l, cuda_linear_panel(&l, first_key, keys, i), k, v, dk, dv));
    }
    return STATUS_OK;
}
