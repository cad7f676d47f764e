/* Causal kernel attention in the right order, by chunks: what came before a chunk through the
 * state before it, what lies in it through masked products (Katharopoulos et al. 2020, section 3.3;
 * Hua et al. 2022, section 3.2). Weights are kept divided by 2^centre, a number a row: its largest
 * exponent over the keys that it sees, so that no row knows of a later key, not even through
 * rounding. */
#include "linear.h"

namespace {

/* centre[i] = the largest of log_q + log_k over the chunk's keys up to i and of the exponents
 * against the state before the chunk, m. POSITIVE and TRIGONOMETRIC. */
KERNEL(CUDA_TEAMED)
centre_rows(CudaKernel f, CudaPanel p, const float *raw_q, const float *log_q, const float *log_k,
            const float *before, float *centre) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, p.rows) {
        const int i = r < p.rows ? r : 0, t = i / p.chunk;
        const size_t first = (size_t)h * (size_t)padded, at = first + (size_t)i;
        const float *m = before + ((size_t)h * (size_t)p.chunks + (size_t)t) * (size_t)f.c;
        const float *row = raw_q + at * (size_t)f.c;
        float inside = -CUDART_INF_F, past = -CUDART_INF_F;
        for (int j = t * p.chunk + lane; j <= i; j += CUDA_TEAM) {
            const float l = log_k[first + (size_t)j];
            inside = l > inside ? l : inside;
        }
        inside = team_max(inside);
        if (f.logarithmic) {
            for (int c = lane; c < f.c; c += CUDA_TEAM) {
                const float l = row[c] + m[c];
                past = l > past ? l : past;
            }
            past = team_max(past);
            inside += log_q[at];
        } else {
            past = m[0];
        }
        if (lane == 0 && r < p.rows) centre[at] = inside > past ? inside : past;
    }
}

/* weights[i][j] *= 2^(log_k[j] + log_q[i] - centre[i]), exactly 0 above the diagonal; without a
 * centre only that. */
KERNEL(CUDA_TEAMED)
mask_rows(CudaPanel p, const float *log_q, const float *log_k, const float *centre,
          float *weights) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, padded) {
        if (r >= padded) continue;
        const size_t first = (size_t)h * (size_t)padded, at = first + (size_t)r;
        const int t = r / p.chunk, i = r - t * p.chunk;
        const float *logs = log_k + first + (size_t)(t * p.chunk);
        float *row = weights + at * (size_t)p.chunk;
        const bool live = r < p.rows;
        const float shift = !centre || !live ? 0 : (log_q ? log_q[at] : 0) - centre[at];
        for (int j = lane; j < p.chunk; j += CUDA_TEAM)
            row[j] = !live || j > i ? 0 : centre ? row[j] * exp2f(logs[j] + shift) : row[j];
    }
}

/* A chunk's own features of the queries and keys that l holds, and where the rows' scales lie. */
struct Own {
    const float *q, *k; /* features by the rows' own scales */
    const float *past;  /* queries' features against the state before */
    const float *log_q; /* NULL: 0 */
    float *centre;      /* NULL: 0 */
    float *normaliser;  /* of this panel */
};

/* The panel's rows begin at its place of what is kept for a whole sequence. */
size_t kept_at(const CudaLinear *l, int index) {
    return (size_t)l->f.heads * (size_t)index * (size_t)CUDA_PANEL;
}

Status raw_panel(CudaLinear *l, CudaPanel p, AttentionIn q, AttentionIn k, AttentionIn v) {
    STATUS_TRY(cuda_features_raw(&l->f, q, p, l->raw_q, l->log_q));
    STATUS_TRY(cuda_features_raw(&l->f, k, p, l->raw_k, l->log_k));
    return cuda_linear_values(l, p, v);
}

Status mask(CudaLinear *l, CudaPanel p, const Own &own, float *weights) {
    LAUNCH(mask_rows, cuda_row_grid(cuda_padded(p), l->f.heads), dim3(CUDA_TEAMED), 0, p, own.log_q,
           l->log_k, own.centre, weights);
    return cuda_launched("weights of %d rows, %d heads", p.rows, l->f.heads);
}

/* Takes a panel into the state, and forms the features and weights of its chunks: l->weights. */
Status panel_weights(CudaLinear *l, CudaPanel p, AttentionIn q, AttentionIn k, AttentionIn v,
                     Own *own) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, chunk = (size_t)p.chunk;
    const CudaColumn none = cuda_column_shared(f, NULL, 1);
    own->log_q = f->logarithmic ? l->log_q : NULL;
    STATUS_TRY(raw_panel(l, p, q, k, v));
    STATUS_TRY(
        cuda_linear_absorb(l, p, &l->state, l->raw_k, cuda_key_row(l), 1, l->v, l->past_k, 0));
    STATUS_TRY(cuda_features_expand(f, p, l->raw_q, none, own->log_q, -1, l->own_q, &own->q));
    STATUS_TRY(cuda_features_expand(f, p, l->raw_k, none, f->logarithmic ? l->log_k : NULL, -1,
                                    l->own_k, &own->k));
    if (own->centre)
        LAUNCH(centre_rows, cuda_row_grid(p.rows, f->heads), dim3(CUDA_TEAMED), 0, *f, p, l->raw_q,
               l->log_q, l->log_k, l->before, own->centre);
    STATUS_TRY(cuda_features_expand(f, p, l->raw_q, cuda_column_chunks(f, p, l->before, 1),
                                    own->centre, -1, l->past_q, &own->past));
    STATUS_TRY(cuda_gemm_many(f->heads * p.chunks, 0, 1, p.chunk, p.chunk, f->c, 1, own->q, c,
                              chunk * c, own->k, c, chunk * c, 0, l->weights, chunk,
                              chunk * chunk));
    return mask(l, p, *own, l->weights);
}

/* D = phi(Q) z + the row sums of the weights. */
Status normalisers(CudaLinear *l, CudaPanel p, const Own &own) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, chunk = (size_t)p.chunk;
    const int count = f->heads * p.chunks;
    STATUS_TRY(cuda_gemm_many(count, 0, 0, p.chunk, 1, f->c, 1, own.past, c, chunk * c,
                              l->sums + f->e, w, c * w, 0, own.normaliser, 1, chunk));
    return cuda_gemm_many(count, 0, 0, p.chunk, 1, p.chunk, 1, l->weights, chunk, chunk * chunk,
                          l->v + f->e, w, chunk * w, 1, own.normaliser, 1, chunk);
}

/* dQ of a panel, and what its chunks' own queries give to dK and dV. */
Status panel_backward(CudaLinear *l, CudaPanel p, const Own &own, AttentionIn q, AttentionIn k,
                      AttentionOut dq, AttentionOut dk, AttentionOut dv) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, chunk = (size_t)p.chunk;
    const int count = f->heads * p.chunks;
    const CudaPart none = {NULL, NULL};
    /* dA = g V' + c, through the scales and the mask; N = A V: dV = A' g */
    STATUS_TRY(cuda_gemm_many(count, 0, 1, p.chunk, p.chunk, f->w, 1, l->g, w, chunk * w, l->v, w,
                              chunk * w, 0, l->dweights, chunk, chunk * chunk));
    STATUS_TRY(mask(l, p, own, l->dweights));
    STATUS_TRY(cuda_gemm_many(count, 1, 0, p.chunk, f->w, p.chunk, 1, l->weights, chunk,
                              chunk * chunk, l->g, w, chunk * w, 0, l->n, w, chunk * w));
    STATUS_TRY(cuda_linear_store(l, p, dv, 0, 0));
    /* A = phi(Q) phi(K)': dphi(Q) = dA phi(K), dphi(K) = dA' phi(Q) */
    STATUS_TRY(cuda_gemm_many(count, 0, 0, p.chunk, f->c, p.chunk, 1, l->dweights, chunk,
                              chunk * chunk, own.k, c, chunk * c, 0, l->dphi, c, chunk * c));
    STATUS_TRY(cuda_gemm_many(count, 0, 1, p.chunk, f->c, f->w, 1, l->g, w, chunk * w, l->sums, w,
                              c * w, 0, l->dphi2, c, chunk * c)); /* g S' + c z' */
    const CudaPart inside = {own.q, l->dphi}, past = {own.past, l->dphi2};
    STATUS_TRY(cuda_features_backward(f, p, q, 0, inside, past, dq, 0));
    STATUS_TRY(cuda_gemm_many(count, 1, 0, p.chunk, f->c, p.chunk, 1, l->dweights, chunk,
                              chunk * chunk, own.q, c, chunk * c, 0, l->dphi, c, chunk * c));
    const CudaPart keys = {own.k, l->dphi};
    return cuda_features_backward(f, p, k, 1, keys, none, dk, 0);
}

/* Adds to dK and dV what comes from later chunks, and takes the panel's queries into the gradient
 * of the state, which walks backwards. */
Status panel_from_future(CudaLinear *l, CudaPanel p, const Own &own, AttentionIn k, AttentionOut dk,
                         AttentionOut dv) {
    const CudaKernel *f = &l->f;
    const size_t c = (size_t)f->c, w = (size_t)f->w, chunk = (size_t)p.chunk;
    const int count = f->heads * p.chunks;
    const CudaPart none = {NULL, NULL};
    const float *phi;
    STATUS_TRY(
        cuda_linear_absorb(l, p, &l->gradient, l->raw_q, own.centre, -1, l->g, l->past_q, 1));
    STATUS_TRY(cuda_features_expand(f, p, l->raw_k, cuda_column_chunks(f, p, l->before, 1),
                                    cuda_key_row(l), 1, l->past_k, &phi));
    STATUS_TRY(cuda_gemm_many(count, 0, 1, p.chunk, f->c, f->w, 1, l->v, w, chunk * w, l->sums, w,
                              c * w, 0, l->dphi, c, chunk * c)); /* V dS' + dz' */
    const CudaPart part = {phi, l->dphi};
    STATUS_TRY(cuda_features_backward(f, p, k, 1, part, none, dk, 1));
    STATUS_TRY(cuda_gemm_many(count, 0, 0, p.chunk, f->w, f->c, 1, phi, c, chunk * c, l->sums, w,
                              c * w, 0, l->n, w, chunk * w)); /* phi(K) dS */
    return cuda_linear_store(l, p, dv, 0, 1);
}

} // namespace

Status cuda_linear_causal(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                          AttentionIn v, AttentionOut out, Arena *arena) {
    CudaLinear l;
    STATUS_TRY(cuda_linear_open(a, rows, 0, arena, &l));
    const size_t c = (size_t)l.f.c, w = (size_t)l.f.w;
    for (int b = 0; b < a->sequences; b++) {
        const int first = a->query_offsets[b], n = a->query_offsets[b + 1] - first;
        l.state.begun = 0;
        for (int i = 0; i < cuda_linear_panels(n); i++) {
            const CudaPanel p = cuda_linear_panel(&l, first, n, i);
            const size_t chunk = (size_t)p.chunk;
            const int count = l.f.heads * p.chunks;
            Own own = Own();
            own.centre = l.centre;
            STATUS_TRY(panel_weights(&l, p, q, k, v, &own));
            /* [N D] = phi(Q) [S z] + A [V 1] */
            STATUS_TRY(cuda_gemm_many(count, 0, 0, p.chunk, l.f.w, l.f.c, 1, own.past, c, chunk * c,
                                      l.sums, w, c * w, 0, l.n, w, chunk * w));
            STATUS_TRY(cuda_gemm_many(count, 0, 0, p.chunk, l.f.w, p.chunk, 1, l.weights, chunk,
                                      chunk * chunk, l.v, w, chunk * w, 1, l.n, w, chunk * w));
            STATUS_TRY(cuda_linear_store(&l, p, out, 1, 0));
        }
    }
    return STATUS_OK;
}

Status cuda_linear_causal_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                   AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                                   AttentionOut dq, AttentionOut dk, AttentionOut dv,
                                   Arena *arena) {
    CudaLinear l;
    STATUS_TRY(cuda_linear_open(a, rows, 1, arena, &l));
    for (int b = 0; b < a->sequences; b++) {
        const int first = a->query_offsets[b], n = a->query_offsets[b + 1] - first;
        const int panels = cuda_linear_panels(n);
        l.state.begun = l.gradient.begun = 0;
        for (int i = 0; i < panels; i++) { /* forwards, with the state of the past, for dQ */
            const CudaPanel p = cuda_linear_panel(&l, first, n, i);
            Own own = Own();
            own.centre = l.centre ? l.centre + kept_at(&l, i) : NULL;
            own.normaliser = l.normaliser + kept_at(&l, i);
            STATUS_TRY(panel_weights(&l, p, q, k, v, &own));
            STATUS_TRY(normalisers(&l, p, own));
            STATUS_TRY(cuda_linear_gradients(&l, p, out, dout, own.normaliser));
            STATUS_TRY(panel_backward(&l, p, own, q, k, dq, dk, dv));
        }
        for (int i = panels - 1; i >= 0; i--) { /* backwards, with what the future collects */
            const CudaPanel p = cuda_linear_panel(&l, first, n, i);
            Own own = Own();
            own.centre = l.centre ? l.centre + kept_at(&l, i) : NULL;
            if (i != panels - 1) { /* else it is all there still */
                STATUS_TRY(raw_panel(&l, p, q, k, v));
                STATUS_TRY(cuda_linear_gradients(&l, p, out, dout, l.normaliser + kept_at(&l, i)));
            }
            STATUS_TRY(panel_from_future(&l, p, own, k, dk, dv));
        }
    }
    return STATUS_OK;
}
