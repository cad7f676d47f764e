/* The backward of exact softmax attention in tiles, in bf16 on tensor cores (Dao 2023, algorithm 2,
 * with dQ in a kernel of its own): the scores are formed again from the saved log-sum-exps, once
 * for dK and dV and once for dQ, 7 products instead of 5, so that no two blocks write the same
 * number and every run gives the same bits. A warp has 16 rows: what it holds of P and dS stays in
 * its registers, since the keys' kernel forms S' = K Q' and dP' = V dO', whose rows are its own. */
#include "tensor_tiles.h"

namespace {

const int ROWS = 16 * TENSOR_WARPS; /* of a block; the others come in tiles of ACROSS<D> */
template <int D> constexpr int ACROSS = D == 128 ? 32 : 64; /* registers */

struct Gradients {
    CudaPacked q, k, v, dout;
    AttentionOut dq, dk, dv;
    const float *saved, *delta;
};

/* c[16, N] = A B': 16 rows of one tile (its tile_lane_a), N of another (its tile_lane_b). */
template <int D, int N>
__device__ __forceinline__ void multiply_tiles(SharedAt a_at, SharedAt b_at, float c[N / 8][4]) {
    UNROLL
    for (int n = 0; n < N / 8; n++) {
        UNROLL
        for (int i = 0; i < 4; i++) c[n][i] = 0;
    }
    UNROLL
    for (int e = 0; e < D / 16; e++) {
        uint32_t a[4];
        tile_load_a<D>(a, a_at, 0, e);
        UNROLL
        for (int n = 0; n < N / 16; n++) {
            uint32_t b[4];
            tile_load_b<D>(b, b_at, n, e);
            tensor_multiply(c[2 * n], a, b[0], b[1]);
            tensor_multiply(c[2 * n + 1], a, b[2], b[3]);
        }
    }
}

/* sum[16, D] += c[16, N] B, B the N rows of a tile (its tile_lane_a). */
template <int D, int N>
__device__ __forceinline__ void add_product(const float c[N / 8][4], SharedAt b_at,
                                            float sum[D / 8][4]) {
    UNROLL
    for (int n = 0; n < N / 16; n++) {
        uint32_t a[4];
        tensor_pack_rows(c[2 * n], c[2 * n + 1], a);
        UNROLL
        for (int e = 0; e < D / 16; e++) {
            uint32_t b[4];
            tile_load_b_rows<D>(b, b_at, n, e);
            tensor_multiply(sum[2 * e], a, b[0], b[1]);
            tensor_multiply(sum[2 * e + 1], a, b[2], b[3]);
        }
    }
}

template <int D> __device__ __forceinline__ void clear(float sum[D / 8][4]) {
    UNROLL
    for (int e = 0; e < D / 8; e++) {
        UNROLL
        for (int c = 0; c < 4; c++) sum[e][c] = 0;
    }
}

/* dK and dV of ROWS keys. */
template <int D> KERNEL(TENSOR_THREADS) tensor_keys_backward(CudaTensorShape s, Gradients g) {
    const int N = ACROSS<D>;
    SHARED float logs[2][N], deltas[2][N]; /* of the tile's queries; beyond the last: no weight */
    DYNAMIC_SHARED(unsigned char, memory);
    const uint32_t own = ROWS * D * 2, tile = N * D * 2;
    const SharedAt k_tile = tensor_shared(memory), v_tile = k_tile + own, tiles = v_tile + own;
    const int b = (int)blockIdx.z, h = (int)blockIdx.y, from = (int)blockIdx.x * ROWS;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int lane = (int)(threadIdx.x % WARP), mine = from + (int)(threadIdx.x / WARP) * 16;
    if (from >= m) return; /* the whole block */
    const uint32_t rows = (uint32_t)((mine - from) * D * 2) + tile_lane_a<D>();
    const TileSource<D> q_from = tile_source<D>(g.q, h, first);
    const TileSource<D> g_from = tile_source<D>(g.dout, h, first);
    const float *saved = g.saved + (size_t)h * (size_t)s.queries + first;
    const float *delta = g.delta + (size_t)h * (size_t)s.queries + first;
    const float factor = s.scale * CUDA_LOG2_E;
    const int begin = s.causal ? from : 0, me = (int)threadIdx.x;
    float dk[D / 8][4], dv[D / 8][4];
    clear<D>(dk);
    clear<D>(dv);
    tile_fetch<ROWS, D>(k_tile, tile_source<D>(g.k, h, first_key), from, m);
    tile_fetch<ROWS, D>(v_tile, tile_source<D>(g.v, h, first_key), from, m);
    tile_fetch<N, D>(tiles, q_from, begin, n);
    tile_fetch<N, D>(tiles + tile, g_from, begin, n);
    tensor_copy_commit();
    if (me < N) {
        const int row = begin + me;
        logs[0][me] = row < n ? saved[row] * CUDA_LOG2_E : CUDART_INF_F;
        deltas[0][me] = row < n ? delta[row] : 0;
    }
    int now = 0;
    for (int i = begin; i < n; i += N, now ^= 1) {
        tensor_copy_wait<0>();
        __syncthreads(); /* all have these tiles, and are done with the last */
        float next_log = CUDART_INF_F, next_delta = 0;
        if (i + N < n) {
            const SharedAt next = tiles + (uint32_t)(now ^ 1) * 2 * tile;
            tile_fetch<N, D>(next, q_from, i + N, n);
            tile_fetch<N, D>(next + tile, g_from, i + N, n);
            tensor_copy_commit();
            const int row = i + N + me;
            if (me < N && row < n) next_log = saved[row] * CUDA_LOG2_E, next_delta = delta[row];
        }
        const SharedAt q_tile = tiles + (uint32_t)now * 2 * tile, g_tile = q_tile + tile;
        float p[N / 8][4], ds[N / 8][4];
        multiply_tiles<D, N>(k_tile + rows, q_tile + tile_lane_b<D>(), p);
        multiply_tiles<D, N>(v_tile + rows, g_tile + tile_lane_b<D>(), ds);
        UNROLL
        for (int c = 0; c < N / 8; c++) {
            UNROLL
            for (int x = 0; x < 4; x++) {
                const int column = c * 8 + lane % 4 * 2 + x % 2;
                const int key = mine + lane / 4 + x / 2 * 8;
                p[c][x] = tensor_exp2(fmaf(p[c][x], factor, -logs[now][column]));
                if (s.causal && key > i + column) p[c][x] = 0;
                ds[c][x] = p[c][x] * (ds[c][x] - deltas[now][column]);
            }
        }
        add_product<D, N>(p, g_tile + tile_lane_a<D>(), dv);  /* O = P V: dV = P' dO */
        add_product<D, N>(ds, q_tile + tile_lane_a<D>(), dk); /* dK = scale dS' Q */
        if (me < N) logs[now ^ 1][me] = next_log, deltas[now ^ 1][me] = next_delta;
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
        const int row = mine + half * 8 + lane / 4;
        if (row >= m) continue;
        tile_store_row<D>(g.dk, h, (size_t)(first_key + row), s.width, half, dk, s.scale);
        tile_store_row<D>(g.dv, h, (size_t)(first_key + row), s.width, half, dv, 1);
    }
}

/* dQ of ROWS queries. */
template <int D> KERNEL(TENSOR_THREADS) tensor_queries_backward(CudaTensorShape s, Gradients g) {
    const int N = ACROSS<D>;
    DYNAMIC_SHARED(unsigned char, memory);
    const uint32_t own = ROWS * D * 2, tile = N * D * 2;
    const SharedAt q_tile = tensor_shared(memory), g_tile = q_tile + own, tiles = g_tile + own;
    const int b = (int)blockIdx.z, h = (int)blockIdx.y;
    const int from = (int)(s.causal ? gridDim.x - 1 - blockIdx.x : blockIdx.x) * ROWS;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int lane = (int)(threadIdx.x % WARP), mine = from + (int)(threadIdx.x / WARP) * 16;
    if (from >= n) return; /* the whole block */
    const uint32_t rows = (uint32_t)((mine - from) * D * 2) + tile_lane_a<D>();
    const TileSource<D> k_from = tile_source<D>(g.k, h, first_key);
    const TileSource<D> v_from = tile_source<D>(g.v, h, first_key);
    const float factor = s.scale * CUDA_LOG2_E;
    float dq[D / 8][4], log[2], delta[2];
    clear<D>(dq);
    UNROLL
    for (int half = 0; half < 2; half++) {
        const int row = mine + half * 8 + lane / 4;
        const size_t at = (size_t)h * (size_t)s.queries + (size_t)(first + row);
        log[half] = row < n ? g.saved[at] * CUDA_LOG2_E : CUDART_INF_F;
        delta[half] = row < n ? g.delta[at] : 0;
    }
    const int last = s.causal && from + ROWS < m ? from + ROWS : m;
    tile_fetch<ROWS, D>(q_tile, tile_source<D>(g.q, h, first), from, n);
    tile_fetch<ROWS, D>(g_tile, tile_source<D>(g.dout, h, first), from, n);
    tile_fetch<N, D>(tiles, k_from, 0, m);
    tile_fetch<N, D>(tiles + tile, v_from, 0, m);
    tensor_copy_commit();
    uint32_t now = 0;
    for (int j = 0; j < last; j += N, now ^= 2 * tile) {
        tensor_copy_wait<0>();
        __syncthreads(); /* all have these tiles, and are done with the last */
        if (j + N < last) {
            const SharedAt next = tiles + (now ^ (2 * tile));
            tile_fetch<N, D>(next, k_from, j + N, m);
            tile_fetch<N, D>(next + tile, v_from, j + N, m);
            tensor_copy_commit();
        }
        const SharedAt k_tile = tiles + now, v_tile = k_tile + tile;
        float p[N / 8][4], ds[N / 8][4];
        multiply_tiles<D, N>(q_tile + rows, k_tile + tile_lane_b<D>(), p);
        multiply_tiles<D, N>(g_tile + rows, v_tile + tile_lane_b<D>(), ds);
        UNROLL
        for (int c = 0; c < N / 8; c++) {
            UNROLL
            for (int x = 0; x < 4; x++) {
                const int key = j + c * 8 + lane % 4 * 2 + x % 2;
                const int end = s.causal ? mine + x / 2 * 8 + lane / 4 + 1 : m;
                p[c][x] = tensor_exp2(fmaf(p[c][x], factor, -log[x / 2]));
                ds[c][x] = key < end && key < m ? p[c][x] * (ds[c][x] - delta[x / 2]) : 0;
            }
        }
        add_product<D, N>(ds, k_tile + tile_lane_a<D>(), dq); /* dQ = scale dS K */
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
        const int row = mine + half * 8 + lane / 4;
        if (row < n) tile_store_row<D>(g.dq, h, (size_t)(first + row), s.width, half, dq, s.scale);
    }
}

template <int D> Status backward(const Attention *a, const CudaRows *rows, const Gradients &g) {
    const size_t bytes = (2 * ROWS + 4 * ACROSS<D>)*D * 2;
    const CudaTensorShape s = {rows->query_offsets, rows->key_offsets, rows->queries, a->width,
                               a->causal,           a->scale};
    const dim3 keys(cuda_blocks((size_t)rows->longest_key, ROWS), (unsigned)a->heads,
                    (unsigned)a->sequences);
    const dim3 queries(cuda_blocks((size_t)rows->longest_query, ROWS), (unsigned)a->heads,
                       (unsigned)a->sequences);
    CUDA_TRY(cudaFuncSetAttribute(tensor_keys_backward<D>,
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
             "%zu bytes of shared memory for the backward of tiled attention in bf16", bytes);
    CUDA_TRY(cudaFuncSetAttribute(tensor_queries_backward<D>,
                                  cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes),
             "%zu bytes of shared memory for the backward of tiled attention in bf16", bytes);
    LAUNCH(tensor_keys_backward<D>, keys, dim3(TENSOR_THREADS), bytes, s, g);
    LAUNCH(tensor_queries_backward<D>, queries, dim3(TENSOR_THREADS), bytes, s, g);
    return cuda_launched("backward of tiled attention in bf16 of %d sequences, %d heads of %d",
                         a->sequences, a->heads, a->width);
}

} // namespace

Status cuda_tensor_tiled_backward(const Attention *a, const CudaRows *rows, AttentionIn q,
                                  AttentionIn k, AttentionIn v, AttentionIn out, AttentionIn dout,
                                  const float *saved, AttentionOut dq, AttentionOut dk,
                                  AttentionOut dv, Arena *arena) {
    Gradients g = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, dq, dk, dv, saved, NULL};
    Status status = cuda_tiled_delta(a, rows, out, dout, arena, &g.delta);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->queries, q, arena, &g.q);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->keys, k, arena, &g.k);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->keys, v, arena, &g.v);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->queries, dout, arena, &g.dout);
    if (status != STATUS_OK || rows->queries + rows->keys == 0) return status;
    switch (cuda_tensor_width(a->width)) {
    case 32:
        return backward<32>(a, rows, g);
    case 64:
        return backward<64>(a, rows, g);
    default:
        return backward<128>(a, rows, g);
    }
}
