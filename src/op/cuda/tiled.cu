/* Exact softmax attention in tiles, never stored (Milakov & Gimelshein 2018; Dao et al. 2022;
 * Dao 2023), in f32: a block has T queries of a head (or, backward, T keys) and walks over the
 * others. Backward forms the scores again from the saved log-sum-exps, once for dQ and once for dK
 * and dV, so that no two blocks write the same number and every run gives the same bits. */
#include "attention.h"

namespace {

const int SIDE = 16, THREADS = SIDE * SIDE;
const int PARTS = 10; /* columns of E a thread, SIDE apart: E up to 160 */

struct Shape {
    const int *query_offsets, *key_offsets;
    int queries, width, causal; /* queries: of the whole batch */
    float scale;
};

/* Rows from .. from + T of a view into tile [T][width + 1], those beyond `rows` zero. */
template <int T>
__device__ __forceinline__ void load_tile(AttentionIn view, int head, size_t first, int from,
                                          int rows, int width, float factor, float *tile) {
    for (int at = (int)threadIdx.x; at < T * width; at += THREADS) {
        int r = at / width, e = at % width;
        float x = 0;
        if (from + r < rows)
            x = view.data[(first + (size_t)(from + r)) * view.row + (size_t)head * view.head +
                          (size_t)e];
        tile[r * (width + 1) + e] = x * factor;
    }
}

/* Sum over the SIDE threads of a row of threads, which are lanes of one half of a warp. */
__device__ __forceinline__ float side_sum(float x) {
    for (int away = SIDE / 2; away > 0; away /= 2) x += __shfl_xor_sync(FULL_WARP, x, away);
    return x;
}
__device__ __forceinline__ float side_max(float x) {
    for (int away = SIDE / 2; away > 0; away /= 2) {
        float other = __shfl_xor_sync(FULL_WARP, x, away);
        x = other > x ? other : x;
    }
    return x;
}

/* out[M][M] = rows y, y + SIDE, ... of a times rows x, x + SIDE, ... of b. */
template <int M>
__device__ __forceinline__ void multiply_tiles(const float *a, const float *b, int width, int x,
                                               int y, float out[M][M]) {
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) out[i][j] = 0;
    for (int e = 0; e < width; e++) {
        float left[M], right[M];
        for (int i = 0; i < M; i++) left[i] = a[(y + i * SIDE) * (width + 1) + e];
        for (int j = 0; j < M; j++) right[j] = b[(x + j * SIDE) * (width + 1) + e];
        for (int i = 0; i < M; i++)
            for (int j = 0; j < M; j++) out[i][j] += left[i] * right[j];
    }
}

/* sum[M][PARTS] += weights [T][T + 1], or their transpose, times tile [T][width + 1]. */
template <int T, int M>
__device__ __forceinline__ void add_product(const float *weights, int transposed, const float *tile,
                                            int width, int x, int y, float sum[M][PARTS]) {
    const int across = transposed ? T + 1 : 1, down = transposed ? 1 : T + 1;
    for (int j = 0; j < T; j++) {
        float w[M];
        for (int i = 0; i < M; i++) w[i] = weights[(y + i * SIDE) * down + j * across];
        UNROLL
        for (int c = 0; c < PARTS; c++) {
            if (x + c * SIDE >= width) break;
            float v = tile[j * (width + 1) + x + c * SIDE];
            for (int i = 0; i < M; i++) sum[i][c] += w[i] * v;
        }
    }
}

template <int M>
__device__ __forceinline__ void store_rows(AttentionOut out, int head, size_t first, int from,
                                           int rows, int width, int x, int y,
                                           const float sum[M][PARTS], const float factor[M]) {
    for (int i = 0; i < M; i++) {
        int r = from + y + i * SIDE;
        if (r >= rows) continue;
        float *to = out.data + (first + (size_t)r) * out.row + (size_t)head * out.head;
        for (int c = 0; c < PARTS; c++)
            if (x + c * SIDE < width) to[x + c * SIDE] = sum[i][c] * factor[i];
    }
}

template <int T>
KERNEL(THREADS)
tiled_rows(Shape s, AttentionIn q, AttentionIn k, AttentionIn v, AttentionOut out, float *saved) {
    const int M = T / SIDE;
    DYNAMIC_SHARED(float, memory);
    float *q_tile = memory, *k_tile = q_tile + T * (s.width + 1);
    float *v_tile = k_tile + T * (s.width + 1), *p_tile = v_tile + T * (s.width + 1);
    const int b = (int)blockIdx.z, h = (int)blockIdx.y, from = (int)blockIdx.x * T;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int x = (int)threadIdx.x % SIDE, y = (int)threadIdx.x / SIDE;
    if (from >= n) return; /* the whole block */
    float sum[M][PARTS] = {{0}}, most[M], total[M], score[M][M];
    for (int i = 0; i < M; i++) most[i] = -CUDART_INF_F, total[i] = 0;
    load_tile<T>(q, h, (size_t)first, from, n, s.width, s.scale, q_tile);
    const int last = s.causal && from + T < m ? from + T : m;
    for (int j = 0; j < last; j += T) {
        __syncthreads(); /* all are done with the last tiles */
        load_tile<T>(k, h, (size_t)first_key, j, m, s.width, 1, k_tile);
        load_tile<T>(v, h, (size_t)first_key, j, m, s.width, 1, v_tile);
        __syncthreads();
        multiply_tiles<M>(q_tile, k_tile, s.width, x, y, score);
        for (int i = 0; i < M; i++) {
            const int row = from + y + i * SIDE;
            float top = most[i], part = 0;
            for (int c = 0; c < M; c++) {
                const int key = j + x + c * SIDE;
                if (key >= m || (s.causal && key > row)) score[i][c] = -CUDART_INF_F;
                top = score[i][c] > top ? score[i][c] : top;
            }
            top = side_max(top);
            /* A row that has seen nothing yet stays at nothing. */
            const float shrink = most[i] == top ? 1 : fast_exp(most[i] - top);
            for (int c = 0; c < M; c++) {
                float p = score[i][c] == -CUDART_INF_F ? 0 : fast_exp(score[i][c] - top);
                p_tile[(y + i * SIDE) * (T + 1) + x + c * SIDE] = p;
                part += p;
            }
            total[i] = total[i] * shrink + side_sum(part);
            most[i] = top;
            for (int c = 0; c < PARTS; c++) sum[i][c] *= shrink;
        }
        __syncthreads();
        add_product<T, M>(p_tile, 0, v_tile, s.width, x, y, sum);
    }
    float factor[M];
    for (int i = 0; i < M; i++) {
        factor[i] = total[i] == 0 ? 0 : 1 / total[i];
        const int row = from + y + i * SIDE;
        if (saved && x == 0 && row < n)
            saved[(size_t)h * (size_t)s.queries + (size_t)(first + row)] =
                total[i] == 0 ? 0 : most[i] + logf(total[i]);
    }
    store_rows<M>(out, h, (size_t)first, from, n, s.width, x, y, sum, factor);
}

/* delta[h][row] = dO . O: what the normalisation takes off every dP of a row. A warp a row. Where
 * dP is of rounded dO (`low`), so is delta: one key's dS is then exactly 0. */
KERNEL(THREADS)
dot_rows(int queries, int heads, int width, int low, AttentionIn out, AttentionIn dout,
         float *delta) {
    const size_t r = (size_t)blockIdx.x * (THREADS / WARP) + threadIdx.x / WARP;
    const int lane = (int)(threadIdx.x % WARP);
    if (r >= (size_t)queries * (size_t)heads) return;
    const size_t row = r % (size_t)queries, h = r / (size_t)queries;
    float sum = 0;
    for (int e = lane; e < width; e += WARP) {
        float g = dout.data[row * dout.row + h * dout.head + (size_t)e];
        if (low) g = __bfloat162float(__float2bfloat16_rn(g));
        sum += out.data[row * out.row + h * out.head + (size_t)e] * g;
    }
    sum = warp_sum(sum);
    if (lane == 0) delta[r] = sum;
}

struct Backward {
    AttentionIn q, k, v, dout;
    AttentionOut dq, dk, dv;
    const float *saved, *delta;
};

/* P = exp(S - lse) and dS = P (dP - delta) of a tile of queries and keys, into shared memory. */
template <int T, int M>
__device__ __forceinline__ void
form_tiles(const Shape &s, const Backward &g, int h, int first, int n, int m, int i0, int j0,
           const float *q_tile, const float *k_tile, const float *v_tile, const float *g_tile,
           int x, int y, float *p_tile, float *ds_tile) {
    float score[M][M], dp[M][M];
    multiply_tiles<M>(q_tile, k_tile, s.width, x, y, score);
    multiply_tiles<M>(g_tile, v_tile, s.width, x, y, dp);
    for (int i = 0; i < M; i++) {
        const int row = i0 + y + i * SIDE;
        const size_t at = (size_t)h * (size_t)s.queries + (size_t)(first + row);
        const float lse = row < n ? g.saved[at] : 0, delta = row < n ? g.delta[at] : 0;
        for (int c = 0; c < M; c++) {
            const int key = j0 + x + c * SIDE, place = (y + i * SIDE) * (T + 1) + x + c * SIDE;
            const int seen = row < n && key < m && !(s.causal && key > row);
            const float p = seen ? fast_exp(score[i][c] - lse) : 0;
            p_tile[place] = p;
            ds_tile[place] = p * (dp[i][c] - delta);
        }
    }
}

template <int T> KERNEL(THREADS) tiled_keys_backward(Shape s, Backward g) {
    const int M = T / SIDE;
    DYNAMIC_SHARED(float, memory);
    const int tile = T * (s.width + 1);
    float *q_tile = memory, *k_tile = q_tile + tile, *v_tile = k_tile + tile;
    float *g_tile = v_tile + tile, *p_tile = g_tile + tile, *ds_tile = p_tile + T * (T + 1);
    const int b = (int)blockIdx.z, h = (int)blockIdx.y, from = (int)blockIdx.x * T;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int x = (int)threadIdx.x % SIDE, y = (int)threadIdx.x / SIDE;
    if (from >= m) return;
    float dk[M][PARTS] = {{0}}, dv[M][PARTS] = {{0}}, one[M];
    for (int i = 0; i < M; i++) one[i] = 1;
    load_tile<T>(g.k, h, (size_t)first_key, from, m, s.width, 1, k_tile);
    load_tile<T>(g.v, h, (size_t)first_key, from, m, s.width, 1, v_tile);
    for (int i = s.causal ? from : 0; i < n; i += T) {
        __syncthreads();
        load_tile<T>(g.q, h, (size_t)first, i, n, s.width, s.scale, q_tile);
        load_tile<T>(g.dout, h, (size_t)first, i, n, s.width, 1, g_tile);
        __syncthreads();
        form_tiles<T, M>(s, g, h, first, n, m, i, from, q_tile, k_tile, v_tile, g_tile, x, y,
                         p_tile, ds_tile);
        __syncthreads();
        add_product<T, M>(p_tile, 1, g_tile, s.width, x, y, dv);  /* O = P V: dV = P' dO */
        add_product<T, M>(ds_tile, 1, q_tile, s.width, x, y, dk); /* dK = dS' (scale Q) */
    }
    store_rows<M>(g.dk, h, (size_t)first_key, from, m, s.width, x, y, dk, one);
    store_rows<M>(g.dv, h, (size_t)first_key, from, m, s.width, x, y, dv, one);
}

template <int T> KERNEL(THREADS) tiled_queries_backward(Shape s, Backward g) {
    const int M = T / SIDE;
    DYNAMIC_SHARED(float, memory);
    const int tile = T * (s.width + 1);
    float *q_tile = memory, *k_tile = q_tile + tile, *v_tile = k_tile + tile;
    float *g_tile = v_tile + tile, *p_tile = g_tile + tile, *ds_tile = p_tile + T * (T + 1);
    const int b = (int)blockIdx.z, h = (int)blockIdx.y, from = (int)blockIdx.x * T;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int x = (int)threadIdx.x % SIDE, y = (int)threadIdx.x / SIDE;
    if (from >= n) return;
    float dq[M][PARTS] = {{0}}, scale[M];
    for (int i = 0; i < M; i++) scale[i] = s.scale;
    load_tile<T>(g.q, h, (size_t)first, from, n, s.width, s.scale, q_tile);
    load_tile<T>(g.dout, h, (size_t)first, from, n, s.width, 1, g_tile);
    const int last = s.causal && from + T < m ? from + T : m;
    for (int j = 0; j < last; j += T) {
        __syncthreads();
        load_tile<T>(g.k, h, (size_t)first_key, j, m, s.width, 1, k_tile);
        load_tile<T>(g.v, h, (size_t)first_key, j, m, s.width, 1, v_tile);
        __syncthreads();
        form_tiles<T, M>(s, g, h, first, n, m, from, j, q_tile, k_tile, v_tile, g_tile, x, y,
                         p_tile, ds_tile);
        __syncthreads();
        add_product<T, M>(ds_tile, 0, k_tile, s.width, x, y, dq); /* dQ = scale dS K */
    }
    store_rows<M>(g.dq, h, (size_t)first, from, n, s.width, x, y, dq, scale);
}

Shape shape_of(const Attention *a, const CudaRows *rows) {
    Shape s = {rows->query_offsets, rows->key_offsets, rows->queries, a->width,
               a->causal,           a->scale};
    return s;
}

template <int T> size_t shared_bytes(int width, int tiles, int squares) {
    return ((size_t)tiles * T * (size_t)(width + 1) + (size_t)squares * T * (T + 1)) *
           sizeof(float);
}

template <class Kernel> Status allow(Kernel kernel, size_t bytes) {
    CUDA_TRY(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
             "%zu bytes of shared memory for tiled attention", bytes);
    return STATUS_OK;
}

template <int T>
Status forward(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
               AttentionIn v, AttentionOut out, float *saved) {
    const size_t bytes = shared_bytes<T>(a->width, 3, 1);
    const dim3 grid(cuda_blocks((size_t)rows->longest_query, T), (unsigned)a->heads,
                    (unsigned)a->sequences);
    Status status = allow(tiled_rows<T>, bytes);
    if (status != STATUS_OK) return status;
    const Shape s = shape_of(a, rows);
    LAUNCH(tiled_rows<T>, grid, dim3(THREADS), bytes, s, q, k, v, out, saved);
    return cuda_launched("tiled attention of %d sequences, %d heads of %d", a->sequences, a->heads,
                         a->width);
}

template <int T> Status backward(const Attention *a, const CudaRows *rows, const Backward &g) {
    const size_t bytes = shared_bytes<T>(a->width, 4, 2);
    const dim3 keys(cuda_blocks((size_t)rows->longest_key, T), (unsigned)a->heads,
                    (unsigned)a->sequences);
    const dim3 queries(cuda_blocks((size_t)rows->longest_query, T), (unsigned)a->heads,
                       (unsigned)a->sequences);
    Status status = allow(tiled_keys_backward<T>, bytes);
    if (status == STATUS_OK) status = allow(tiled_queries_backward<T>, bytes);
    if (status != STATUS_OK) return status;
    const Shape s = shape_of(a, rows);
    LAUNCH(tiled_keys_backward<T>, keys, dim3(THREADS), bytes, s, g);
    LAUNCH(tiled_queries_backward<T>, queries, dim3(THREADS), bytes, s, g);
    return cuda_launched("backward of tiled attention of %d sequences, %d heads of %d",
                         a->sequences, a->heads, a->width);
}

Status check_width(const Attention *a) {
    if (a->width <= SIDE * PARTS) return STATUS_OK;
    return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: tiled attention of heads of %d; at most %d",
                           a->width, SIDE * PARTS);
}

} // namespace

Status cuda_tiled(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                  AttentionIn v, AttentionOut out, float *saved) {
    Status status = check_width(a);
    if (status != STATUS_OK || rows->queries == 0) return status;
    return a->width <= 64 ? forward<64>(a, rows, q, k, v, out, saved)
                          : forward<32>(a, rows, q, k, v, out, saved);
}

Status cuda_tiled_delta(const Attention *a, const CudaRows *rows, AttentionIn out, AttentionIn dout,
                        Arena *arena, const float **delta) {
    const size_t count = (size_t)a->heads * (size_t)rows->queries;
    float *at = (float *)cuda_host->take(arena, (count + 1) * sizeof *at);
    if (!at) return STATUS_MEMORY;
    if (count)
        LAUNCH(dot_rows, dim3(cuda_blocks(count, THREADS / WARP)), dim3(THREADS), 0, rows->queries,
               a->heads, a->width, a->precision == PRECISION_BF16, out, dout, at);
    *delta = at;
    return STATUS_OK;
}

Status cuda_tiled_backward(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                           AttentionIn v, AttentionIn out, AttentionIn dout, const float *saved,
                           AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena) {
    Status status = check_width(a);
    if (status != STATUS_OK || rows->queries + rows->keys == 0) return status;
    const float *delta;
    status = cuda_tiled_delta(a, rows, out, dout, arena, &delta);
    if (status != STATUS_OK) return status;
    const Backward g = {q, k, v, dout, dq, dk, dv, saved, delta};
    return a->width <= 64 ? backward<64>(a, rows, g) : backward<32>(a, rows, g);
}
