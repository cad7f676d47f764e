/* Softmax attention with the score matrix of every head stored whole (Vaswani et al. 2017, equation
 * 1): products by cuBLAS over all heads of a sequence at once, rows by a block each. Matrices lie
 * head after head, within a head sequence after sequence, as on the CPU, so that dropout counts the
 * probabilities in the same way. */
#include "attention.h"

namespace {

const int THREADS = 128;

/* The score matrices [heads][rows, keys] of one sequence. */
struct Scores {
    float *at;
    size_t head; /* floats from one head's matrix to the next */
    int rows, keys, heads;
    uint64_t first;      /* number of head 0's first probability among all, for dropout */
    uint64_t first_head; /* and how many a head has in all */
};

/* A row of scores belongs to G threads: a warp where rows are short, else the whole block. */
const int SHORT_ROW = 512;

template <int G> __device__ __forceinline__ int row_of_group(void) {
    return (int)(blockIdx.x * (THREADS / G) + threadIdx.x / G);
}
template <int G> __device__ __forceinline__ int place_in_group(void) {
    return (int)(threadIdx.x % G);
}

/* Sums or largest over a group; `part` holds a number a warp. Every thread gets it. */
template <int G> __device__ __forceinline__ float group_sum(float x, float *part) {
    x = warp_sum(x);
    if (G == WARP) return x;
    __syncthreads(); /* part may still be read from the last time */
    if (threadIdx.x % WARP == 0) part[threadIdx.x / WARP] = x;
    __syncthreads();
    x = 0;
    for (int i = 0; i < THREADS / WARP; i++) x += part[i];
    return x;
}
template <int G> __device__ __forceinline__ float group_max(float x, float *part) {
    x = warp_max(x);
    if (G == WARP) return x;
    __syncthreads();
    if (threadIdx.x % WARP == 0) part[threadIdx.x / WARP] = x;
    __syncthreads();
    x = part[0];
    for (int i = 1; i < THREADS / WARP; i++) x = part[i] > x ? part[i] : x;
    return x;
}

/* Keys first .. last - 1 are seen by row i. */
__device__ __forceinline__ void visible(int causal, int remaining, int i, int keys, int *first,
                                        int *last) {
    *first = remaining ? i : 0;
    *last = causal ? i + 1 : keys;
}

/* P = softmax(scale S + bias) of a row, and what dropout leaves of it in `dropped` (NULL: none). */
template <int G>
KERNEL(THREADS)
softmax_rows(Scores s, float scale, int causal, int remaining, const float *bias, int span,
             CudaDropout d, float *dropped) {
    SHARED float part[THREADS / WARP];
    const int i = row_of_group<G>(), h = (int)blockIdx.y, me = place_in_group<G>();
    if (i >= s.rows) return; /* a whole warp */
    float *row = s.at + (size_t)h * s.head + (size_t)i * (size_t)s.keys;
    const float *lean = bias ? bias + (size_t)h * (size_t)(2 * span - 1) + (span - 1 - i) : NULL;
    int first, last;
    visible(causal, remaining, i, s.keys, &first, &last);
    float most = -CUDART_INF_F, sum = 0;
    for (int j = first + me; j < last; j += G) {
        float x = row[j] * scale + (lean ? lean[j] : 0);
        row[j] = x;
        most = x > most ? x : most;
    }
    most = group_max<G>(most, part);
    for (int j = first + me; j < last; j += G) {
        float p = expf(row[j] - most);
        row[j] = p;
        sum += p;
    }
    sum = group_sum<G>(sum, part);
    const uint64_t at = s.first + (uint64_t)h * s.first_head + (uint64_t)i * (uint64_t)s.keys;
    for (int j = me; j < s.keys; j += G) {
        float p = j >= first && j < last ? row[j] / sum : 0;
        row[j] = p;
        if (dropped)
            dropped[((size_t)h * (size_t)s.rows + (size_t)i) * (size_t)s.keys + (size_t)j] =
                p * cuda_dropout_scale(d, at + (uint64_t)j);
    }
}

/* What dropout leaves of P, again. */
KERNEL(THREADS) drop_again(Scores s, CudaDropout d, float *dropped) {
    const int i = (int)blockIdx.x, h = (int)blockIdx.y;
    const float *row = s.at + (size_t)h * s.head + (size_t)i * (size_t)s.keys;
    const uint64_t at = s.first + (uint64_t)h * s.first_head + (uint64_t)i * (uint64_t)s.keys;
    for (int j = (int)threadIdx.x; j < s.keys; j += THREADS)
        dropped[((size_t)h * (size_t)s.rows + (size_t)i) * (size_t)s.keys + (size_t)j] =
            row[j] * cuda_dropout_scale(d, at + (uint64_t)j);
}

/* P = softmax(S): dS = P (dP - rowsum(P dP)) scale, in place of dP. */
template <int G>
KERNEL(THREADS)
softmax_rows_backward(Scores s, const float *p, float scale, CudaDropout d) {
    SHARED float part[THREADS / WARP];
    const int i = row_of_group<G>(), h = (int)blockIdx.y, me = place_in_group<G>();
    if (i >= s.rows) return;
    const size_t from = (size_t)h * s.head + (size_t)i * (size_t)s.keys;
    const uint64_t at = s.first + (uint64_t)h * s.first_head + (uint64_t)i * (uint64_t)s.keys;
    float *dp = s.at + from, sum = 0;
    p += from;
    for (int j = me; j < s.keys; j += G) {
        float g = dp[j] * cuda_dropout_scale(d, at + (uint64_t)j);
        dp[j] = g;
        sum += p[j] * g;
    }
    sum = group_sum<G>(sum, part);
    for (int j = me; j < s.keys; j += G) dp[j] = p[j] * (dp[j] - sum) * scale;
}

/* The bias of distance j - i gets the sum of dS along its diagonal; a warp a distance, sequences
 * in their order. */
KERNEL(WARP)
sum_diagonals(int sequences, const int *query_offsets, const int *key_offsets, const float *ds,
              size_t head, int span, float *out) {
    const int away = (int)blockIdx.x - (span - 1), h = (int)blockIdx.y;
    const float *matrix = ds + (size_t)h * head;
    float sum = 0;
    for (int b = 0; b < sequences; b++) {
        const int rows = query_offsets[b + 1] - query_offsets[b];
        const int keys = key_offsets[b + 1] - key_offsets[b];
        for (int i = (int)threadIdx.x; i < rows; i += WARP)
            if (i + away >= 0 && i + away < keys)
                sum += matrix[(size_t)i * (size_t)keys + (size_t)(i + away)];
        matrix += (size_t)rows * (size_t)keys;
    }
    sum = warp_sum(sum);
    if (threadIdx.x == 0) out[(size_t)h * (size_t)(2 * span - 1) + blockIdx.x] = sum;
}

template <int G> dim3 grid_of(const Scores &s) {
    return dim3(cuda_blocks((size_t)s.rows, THREADS / G), (unsigned)s.heads);
}

size_t numbers_of_head(const Attention *a) {
    size_t numbers = 0;
    for (int b = 0; b < a->sequences; b++)
        numbers += (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                   (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
    return numbers;
}

size_t largest_matrix(const Attention *a) {
    size_t most = 0;
    for (int b = 0; b < a->sequences; b++) {
        size_t numbers = (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                         (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
        most = numbers > most ? numbers : most;
    }
    return most;
}

/* One sequence: `before` matrix entries of a head come before its own. */
Scores scores_of(const Attention *a, int b, float *matrices, size_t head, size_t before) {
    Scores s = {matrices + before,
                head,
                a->query_offsets[b + 1] - a->query_offsets[b],
                a->key_offsets[b + 1] - a->key_offsets[b],
                a->heads,
                (uint64_t)before,
                (uint64_t)head};
    return s;
}

} // namespace

Status cuda_materialised(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *saved, Arena *arena) {
    const size_t head = numbers_of_head(a);
    const CudaDropout d = cuda_dropout_of(a);
    float *dropped = NULL;
    (void)rows;
    if (!saved) saved = (float *)cuda_host->take(arena, cuda_host->attention_saved_bytes(a));
    if (a->dropout > 0)
        dropped =
            (float *)cuda_host->take(arena, (size_t)a->heads * largest_matrix(a) * sizeof *dropped);
    if (!saved || (a->dropout > 0 && !dropped)) return STATUS_MEMORY;
    size_t before = 0;
    for (int b = 0; b < a->sequences; b++) {
        const Scores s = scores_of(a, b, saved, head, before);
        const AttentionIn qb = cuda_from_row(q, a->query_offsets[b]);
        const AttentionIn kb = cuda_from_row(k, a->key_offsets[b]),
                          vb = cuda_from_row(v, a->key_offsets[b]);
        const AttentionOut ob = cuda_from_row(out, a->query_offsets[b]);
        before += (size_t)s.rows * (size_t)s.keys;
        if (s.rows == 0) continue;
        Status status;
        if (s.keys == 0) { /* nothing to attend to: zeros */
            status = cuda_zero_rows(a, s.rows, ob);
            if (status != STATUS_OK) return status;
            continue;
        }
        status = cuda_gemm_heads(a->heads, 0, 1, s.rows, s.keys, a->width, 1, qb.data, q.row,
                                 q.head, kb.data, k.row, k.head, s.at, (size_t)s.keys, head);
        if (status != STATUS_OK) return status;
        if (s.keys <= SHORT_ROW)
            LAUNCH(softmax_rows<WARP>, grid_of<WARP>(s), dim3(THREADS), 0, s, a->scale, a->causal,
                   a->remaining, a->relative_bias, a->relative_span, d, dropped);
        else
            LAUNCH(softmax_rows<THREADS>, grid_of<THREADS>(s), dim3(THREADS), 0, s, a->scale,
                   a->causal, a->remaining, a->relative_bias, a->relative_span, d, dropped);
        const float *weights = dropped ? dropped : s.at;
        status = cuda_gemm_heads(a->heads, 0, 0, s.rows, a->width, s.keys, 1, weights,
                                 (size_t)s.keys, dropped ? (size_t)s.rows * (size_t)s.keys : head,
                                 vb.data, v.row, v.head, ob.data, out.row, out.head);
        if (status != STATUS_OK) return status;
    }
    return cuda_launched("materialised attention of %d sequences, %d heads", a->sequences,
                         a->heads);
}

Status cuda_materialised_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                  AttentionIn k, AttentionIn v, AttentionIn dout,
                                  const float *saved, AttentionOut dq, AttentionOut dk,
                                  AttentionOut dv, Arena *arena) {
    const size_t head = numbers_of_head(a);
    const CudaDropout d = cuda_dropout_of(a);
    const float scale = a->relative_bias ? 1 : a->scale, left = a->scale / scale;
    float *dropped = NULL;
    float *matrices = (float *)cuda_host->take(arena, cuda_host->attention_saved_bytes(a));
    if (a->dropout > 0)
        dropped =
            (float *)cuda_host->take(arena, (size_t)a->heads * largest_matrix(a) * sizeof *dropped);
    if (!matrices || (a->dropout > 0 && !dropped)) return STATUS_MEMORY;
    size_t before = 0;
    for (int b = 0; b < a->sequences; b++) {
        const Scores ds = scores_of(a, b, matrices, head, before);
        Scores p = ds;
        p.at = const_cast<float *>(saved) + before; /* only read */
        const int n = ds.rows, m = ds.keys, e = a->width;
        const AttentionIn qb = cuda_from_row(q, a->query_offsets[b]);
        const AttentionIn kb = cuda_from_row(k, a->key_offsets[b]),
                          vb = cuda_from_row(v, a->key_offsets[b]);
        const AttentionIn g = cuda_from_row(dout, a->query_offsets[b]);
        const AttentionOut dqb = cuda_from_row(dq, a->query_offsets[b]);
        const AttentionOut dkb = cuda_from_row(dk, a->key_offsets[b]);
        const AttentionOut dvb = cuda_from_row(dv, a->key_offsets[b]);
        const dim3 grid((unsigned)n, (unsigned)a->heads);
        before += (size_t)n * (size_t)m;
        Status status;
        if (n == 0 || m == 0) {
            status = cuda_zero_rows(a, n, dqb);
            if (status == STATUS_OK) status = cuda_zero_rows(a, m, dkb);
            if (status == STATUS_OK) status = cuda_zero_rows(a, m, dvb);
            if (status != STATUS_OK) return status;
            continue;
        }
        const float *weights = p.at;
        size_t weights_head = head;
        if (dropped) { /* O = D V, D = dropout(P) */
            LAUNCH(drop_again, grid, dim3(THREADS), 0, p, d, dropped);
            weights = dropped;
            weights_head = (size_t)n * (size_t)m;
        }
        /* O = P V: dP = dO V', dV = P' dO */
        status = cuda_gemm_heads(a->heads, 0, 1, n, m, e, 1, g.data, dout.row, dout.head, vb.data,
                                 v.row, v.head, ds.at, (size_t)m, head);
        if (status == STATUS_OK)
            status = cuda_gemm_heads(a->heads, 1, 0, m, e, n, 1, weights, (size_t)m, weights_head,
                                     g.data, dout.row, dout.head, dvb.data, dv.row, dv.head);
        if (status != STATUS_OK) return status;
        if (m <= SHORT_ROW)
            LAUNCH(softmax_rows_backward<WARP>, grid_of<WARP>(ds), dim3(THREADS), 0, ds,
                   saved + (ds.at - matrices), scale, d);
        else
            LAUNCH(softmax_rows_backward<THREADS>, grid_of<THREADS>(ds), dim3(THREADS), 0, ds,
                   saved + (ds.at - matrices), scale, d);
        /* S = scale Q K' + bias: dQ = scale dS K, dK = scale dS' Q */
        status = cuda_gemm_heads(a->heads, 0, 0, n, e, m, left, ds.at, (size_t)m, head, kb.data,
                                 k.row, k.head, dqb.data, dq.row, dq.head);
        if (status == STATUS_OK)
            status = cuda_gemm_heads(a->heads, 1, 0, m, e, n, left, ds.at, (size_t)m, head, qb.data,
                                     q.row, q.head, dkb.data, dk.row, dk.head);
        if (status != STATUS_OK) return status;
    }
    if (a->relative_bias && a->relative_bias_gradient)
        LAUNCH(sum_diagonals, dim3((unsigned)(2 * a->relative_span - 1), (unsigned)a->heads),
               dim3(WARP), 0, a->sequences, rows->query_offsets, rows->key_offsets, matrices, head,
               a->relative_span, a->relative_bias_gradient);
    return cuda_launched("backward of materialised attention of %d sequences, %d heads",
                         a->sequences, a->heads);
}
