/* Kernel attention in the wrong order, (phi(Q) phi(K)') V: the N x N matrix that kernels are there
 * to avoid, kept so that the mistake can be measured. Matrices and normalisers are saved as on the
 * CPU: head after head, within a head sequence after sequence. */
#include "linear.h"

namespace {

/* phi of all queries and keys of a sequence, stabilised: not causal, keys feature by feature, as
 * linear.cu does; causal, each row by its own largest, which log_k remembers. */
struct Quadratic {
    CudaKernel f;
    float *raw_q, *raw_k, *room_q, *room_k, *dphi; /* [heads][N][C] */
    float *log_q, *log_k, *factor;                 /* [heads][N] */
    float *tops, *top;                             /* [heads][chunks][C], [heads][C] */
};

/* One sequence's matrices: [heads][n][m]; normalisers [heads][n] at strides. */
struct Matrices {
    float *at;
    size_t head;
    int rows, keys;
    float *normaliser;
    size_t normaliser_head;
};

/* most[i] = the largest of log up to i: a block a head, its threads on neighbouring pieces. */
KERNEL(CUDA_TEAMED) largest_so_far(int rows, int stride, const float *log, float *most) {
    SHARED float part[CUDA_TEAMED];
    const int me = (int)threadIdx.x, piece = (rows + CUDA_TEAMED - 1) / CUDA_TEAMED;
    const int from = me * piece, to = from + piece < rows ? from + piece : rows;
    const size_t first = (size_t)blockIdx.y * (size_t)stride;
    float own = -CUDART_INF_F;
    for (int i = from; i < to; i++)
        own = log[first + (size_t)i] > own ? log[first + (size_t)i] : own;
    part[me] = own;
    __syncthreads();
    own = -CUDART_INF_F;
    for (int i = 0; i < me; i++) own = part[i] > own ? part[i] : own;
    for (int i = from; i < to; i++) {
        own = log[first + (size_t)i] > own ? log[first + (size_t)i] : own;
        most[first + (size_t)i] = own;
    }
}

/* 2^(log_k[j] - the largest so far): what turns phi(q_i) phi(k_j) into the true weight up to a
 * factor of the row. most NULL: 1. */
__device__ __forceinline__ float causal_factor(const float *log_k, const float *most, size_t first,
                                               int i, int j) {
    return most ? exp2f(log_k[first + (size_t)j] - most[first + (size_t)i]) : 1;
}

/* A row of A, divided by its sum; exactly 0 where nothing is seen. */
KERNEL(CUDA_TEAMED)
normalise_rows(Matrices a, int causal, int stride, const float *log_k, const float *most) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM;
    const size_t first = (size_t)h * (size_t)stride;
    CUDA_EACH_ROW(r, a.rows) {
        const bool live = r < a.rows;
        const int i = live ? r : 0, seen = causal ? i + 1 : a.keys;
        float *row = a.at + (size_t)h * a.head + (size_t)i * (size_t)a.keys, sum = 0;
        for (int j = lane; live && j < seen; j += CUDA_TEAM) {
            const float x = row[j] * causal_factor(log_k, most, first, i, j);
            row[j] = x;
            sum += x;
        }
        sum = team_sum(sum);
        if (!live) continue;
        for (int j = lane; j < a.keys; j += CUDA_TEAM) row[j] = j < seen ? row[j] / sum : 0;
        if (lane == 0) a.normaliser[(size_t)h * a.normaliser_head + (size_t)i] = sum;
    }
}

/* O = A V / D: dA = (dO V' - dO . O) / D, in place of dO V', through the causal factor. */
KERNEL(CUDA_TEAMED)
weights_backward(Matrices a, int causal, int width, AttentionIn out, AttentionIn dout, int stride,
                 const float *log_k, const float *most, float *gradient) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM;
    const size_t first = (size_t)h * (size_t)stride;
    CUDA_EACH_ROW(r, a.rows) {
        const bool live = r < a.rows;
        const int i = live ? r : 0, seen = causal ? i + 1 : a.keys;
        const float *o = out.data + (size_t)i * out.row + (size_t)h * out.head;
        const float *d = dout.data + (size_t)i * dout.row + (size_t)h * dout.head;
        float *row = gradient + ((size_t)h * (size_t)a.rows + (size_t)i) * (size_t)a.keys;
        float delta = 0;
        for (int e = lane; live && e < width; e += CUDA_TEAM) delta += o[e] * d[e];
        delta = team_sum(delta);
        const float inverse = 1 / a.normaliser[(size_t)h * a.normaliser_head + (size_t)i];
        for (int j = lane; live && j < a.keys; j += CUDA_TEAM)
            row[j] =
                j < seen ? (row[j] - delta) * inverse * causal_factor(log_k, most, first, i, j) : 0;
    }
}

/* All rows of a sequence are one panel. */
CudaPanel panel_of(int first, int rows) {
    CudaPanel p;
    p.first = first;
    p.rows = rows;
    p.chunk = rows < CUDA_SUM ? rows : (int)CUDA_SUM;
    p.chunks = rows == 0 ? 0 : (rows + p.chunk - 1) / p.chunk;
    return p;
}
CudaPanel whole(const int *offsets, int b) {
    return panel_of(offsets[b], offsets[b + 1] - offsets[b]);
}

/* top[h][c] = the largest of its chunks. */
KERNEL(CUDA_TEAMED) largest_of_chunks(int columns, int chunks, const float *tops, float *top) {
    const size_t h = blockIdx.y;
    for (int c = (int)threadIdx.x; c < columns; c += CUDA_TEAMED) {
        float most = -CUDART_INF_F;
        for (int t = 0; t < chunks; t++) {
            const float x = tops[(h * (size_t)chunks + (size_t)t) * (size_t)columns + (size_t)c];
            most = x > most ? x : most;
        }
        top[h * (size_t)columns + (size_t)c] = most;
    }
}

size_t numbers_of_head(const Attention *a) {
    size_t numbers = 0;
    for (int b = 0; b < a->sequences; b++)
        numbers += (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                   (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
    return numbers;
}

Status open(const Attention *a, const CudaRows *rows, int backward, Arena *arena, Quadratic *s) {
    *s = Quadratic();
    s->f = cuda_kernel(a);
    const CudaKernel *f = &s->f;
    const size_t heads = (size_t)f->heads, c = (size_t)f->c;
    const CudaPanel n = panel_of(0, rows->longest_query), m = panel_of(0, rows->longest_key);
    const size_t queries = heads * (size_t)cuda_padded(n), keys = heads * (size_t)cuda_padded(m);
    const size_t both = queries > keys ? queries : keys;
    struct {
        float **to;
        size_t count;
        int wanted;
    } const parts[] = {
        {&s->raw_q, queries * c, 1},
        {&s->raw_k, keys * c, 1},
        {&s->room_q, queries * c, f->logarithmic},
        {&s->room_k, keys * c, f->scaled},
        {&s->dphi, both * c, backward},
        {&s->log_q, queries, 1},
        {&s->log_k, keys, 1},
        {&s->factor, keys, f->scaled && a->causal},
        {&s->tops, heads * (size_t)m.chunks * c, f->scaled && !a->causal},
        {&s->top, heads * c, f->scaled && !a->causal},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].wanted) continue;
        *parts[i].to = (float *)cuda_host->take(arena, (parts[i].count + 1) * sizeof(float));
        if (!*parts[i].to) return STATUS_MEMORY;
    }
    return STATUS_OK;
}

Status all_features(Quadratic *s, CudaPanel n, CudaPanel m, AttentionIn q, AttentionIn k,
                    const float **phi_q, const float **phi_k) {
    const CudaKernel *f = &s->f;
    CudaColumn column = cuda_column_shared(f, NULL, 1);
    const float *row = f->map == FEATURE_TRIGONOMETRIC ? s->log_k : NULL;
    STATUS_TRY(cuda_features_raw(f, q, n, s->raw_q, s->log_q));
    STATUS_TRY(cuda_features_raw(f, k, m, s->raw_k, s->log_k));
    if (s->factor) { /* causal: each row by its own largest */
        LAUNCH(largest_so_far, dim3(1, (unsigned)f->heads), dim3(CUDA_TEAMED), 0, m.rows,
               cuda_padded(m), s->log_k, s->factor);
        STATUS_TRY(cuda_launched("largest logarithms of %d rows, %d heads", m.rows, f->heads));
        STATUS_TRY(cuda_features_expand(f, m, s->raw_k, column, f->logarithmic ? s->log_k : NULL,
                                        -1, s->room_k, phi_k));
    } else {
        if (s->top) {
            STATUS_TRY(cuda_features_maxima(f, m, s->raw_k, row, 1, s->tops));
            LAUNCH(largest_of_chunks, dim3(1, (unsigned)f->heads), dim3(CUDA_TEAMED), 0, f->c,
                   m.chunks, s->tops, s->top);
            column.at = s->top;
        }
        column.sign = -1;
        STATUS_TRY(cuda_features_expand(f, m, s->raw_k, column, row, 1, s->room_k, phi_k));
        column.sign = 1;
    }
    return cuda_features_queries(f, n, s->raw_q, column, s->room_q, phi_q);
}

/* Sequence b's matrices; `before` entries of a head come before its own. */
Matrices matrices_of(const Attention *a, int b, float *saved, size_t head, size_t before) {
    Matrices s;
    s.at = saved + before;
    s.head = head;
    s.rows = a->query_offsets[b + 1] - a->query_offsets[b];
    s.keys = a->key_offsets[b + 1] - a->key_offsets[b];
    s.normaliser = saved + (size_t)a->heads * head + a->query_offsets[b];
    s.normaliser_head = (size_t)a->query_offsets[a->sequences];
    return s;
}

size_t largest_matrix(const Attention *a) {
    size_t most = 0;
    for (int b = 0; b < a->sequences; b++) {
        const size_t numbers = (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                               (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
        most = numbers > most ? numbers : most;
    }
    return most;
}

} // namespace

Status cuda_quadratic(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                      AttentionIn v, AttentionOut out, float *saved, Arena *arena) {
    const size_t head = numbers_of_head(a);
    Quadratic s;
    size_t before = 0;
    STATUS_TRY(open(a, rows, 0, arena, &s));
    if (!saved) saved = (float *)cuda_host->take(arena, cuda_host->attention_saved_bytes(a));
    if (!saved) return STATUS_MEMORY;
    const size_t c = (size_t)s.f.c;
    for (int b = 0; b < a->sequences; b++) {
        const CudaPanel n = whole(a->query_offsets, b), m = whole(a->key_offsets, b);
        const Matrices w = matrices_of(a, b, saved, head, before);
        const AttentionIn vb = cuda_from_row(v, m.first);
        const AttentionOut ob = cuda_from_row(out, n.first);
        const float *phi_q, *phi_k;
        before += (size_t)n.rows * (size_t)m.rows;
        if (n.rows == 0) continue;
        if (m.rows == 0) { /* nothing to attend to: zeros */
            STATUS_TRY(cuda_zero_rows(a, n.rows, ob));
            continue;
        }
        STATUS_TRY(all_features(&s, n, m, q, k, &phi_q, &phi_k));
        STATUS_TRY(cuda_gemm_heads(a->heads, 0, 1, n.rows, m.rows, s.f.c, 1, phi_q, c,
                                   (size_t)cuda_padded(n) * c, phi_k, c, (size_t)cuda_padded(m) * c,
                                   w.at, (size_t)m.rows, head)); /* A = phi(Q) phi(K)' */
        LAUNCH(normalise_rows, cuda_row_grid(n.rows, a->heads), dim3(CUDA_TEAMED), 0, w, a->causal,
               cuda_padded(m), s.log_k, s.factor);
        STATUS_TRY(cuda_launched("weights of %d rows, %d heads", n.rows, a->heads));
        STATUS_TRY(cuda_gemm_heads(a->heads, 0, 0, n.rows, a->width, m.rows, 1, w.at,
                                   (size_t)m.rows, head, vb.data, v.row, v.head, ob.data, out.row,
                                   out.head)); /* A V */
    }
    return STATUS_OK;
}

Status cuda_quadratic_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                               AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                               const float *saved, AttentionOut dq, AttentionOut dk,
                               AttentionOut dv, Arena *arena) {
    const size_t head = numbers_of_head(a);
    const CudaPart none = {NULL, NULL};
    Quadratic s;
    size_t before = 0;
    STATUS_TRY(open(a, rows, 1, arena, &s));
    float *gradient = (float *)cuda_host->take(arena, ((size_t)a->heads * largest_matrix(a) + 1) *
                                                          sizeof *gradient);
    if (!gradient) return STATUS_MEMORY;
    const size_t c = (size_t)s.f.c;
    for (int b = 0; b < a->sequences; b++) {
        const CudaPanel n = whole(a->query_offsets, b), m = whole(a->key_offsets, b);
        /* only read */
        const Matrices w = matrices_of(a, b, const_cast<float *>(saved), head, before);
        const size_t keys = (size_t)m.rows, own = (size_t)n.rows * keys;
        const AttentionIn vb = cuda_from_row(v, m.first), ob = cuda_from_row(out, n.first);
        const AttentionIn g = cuda_from_row(dout, n.first);
        const AttentionOut dvb = cuda_from_row(dv, m.first);
        const float *phi_q, *phi_k;
        before += own;
        if (n.rows == 0 || m.rows == 0) {
            STATUS_TRY(cuda_linear_nothing(a, b, dq, dk, dv));
            continue;
        }
        STATUS_TRY(all_features(&s, n, m, q, k, &phi_q, &phi_k));
        STATUS_TRY(cuda_gemm_heads(a->heads, 0, 1, n.rows, m.rows, a->width, 1, g.data, dout.row,
                                   dout.head, vb.data, v.row, v.head, gradient, keys, own));
        STATUS_TRY(cuda_gemm_heads(a->heads, 1, 0, m.rows, a->width, n.rows, 1, w.at, keys, head,
                                   g.data, dout.row, dout.head, dvb.data, dv.row, dv.head));
        LAUNCH(weights_backward, cuda_row_grid(n.rows, a->heads), dim3(CUDA_TEAMED), 0, w,
               a->causal, a->width, ob, g, cuda_padded(m), s.log_k, s.factor, gradient);
        STATUS_TRY(cuda_launched("gradient of weights of %d rows, %d heads", n.rows, a->heads));
        /* A = phi(Q) phi(K)': dphi(Q) = dA phi(K), dphi(K) = dA' phi(Q) */
        const CudaPart queries = {phi_q, s.dphi}, features = {phi_k, s.dphi};
        STATUS_TRY(cuda_gemm_heads(a->heads, 0, 0, n.rows, s.f.c, m.rows, 1, gradient, keys, own,
                                   phi_k, c, (size_t)cuda_padded(m) * c, s.dphi, c,
                                   (size_t)cuda_padded(n) * c));
        STATUS_TRY(cuda_features_backward(&s.f, n, q, 0, queries, none, dq, 0));
        STATUS_TRY(cuda_gemm_heads(a->heads, 1, 0, m.rows, s.f.c, n.rows, 1, gradient, keys, own,
                                   phi_q, c, (size_t)cuda_padded(n) * c, s.dphi, c,
                                   (size_t)cuda_padded(m) * c));
        STATUS_TRY(cuda_features_backward(&s.f, m, k, 1, features, none, dk, 0));
    }
    return STATUS_OK;
}
