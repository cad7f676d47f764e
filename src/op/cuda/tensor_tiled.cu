/* Exact softmax attention in tiles, in bf16 on tensor cores: FlashAttention-2's division of the
 * work (Dao 2023) with the instructions of Ampere, which Hopper runs too. A block has 128 queries
 * of a head, a warp 32 of them, and walks over keys 64 at a time (32 where D = 128); a warp's
 * scores stay in its registers from Q K' through softmax to P V. K and V of the next tile arrive
 * while this one is worked on.
 *
 * Estimates from the instructions, not measurements, for D = 64, a block and a tile of 64 keys,
 * 2.1 million operations, in cycles of an SM of Hopper (Ampere):
 *
 *     512 mma.m16n8k16         512 at the peak of 4096 operations a cycle, about 800 at the 5/8 of
 *                              it that mma.sync was seen to reach (Luo et al. 2024)  (1024)
 *     128 ldmatrix.x4, 64 KB   512 at 128 bytes a cycle: 4 mma a load. With 16 rows a warp it would
 *                              be 1024, more than the products                        (512)
 *     8192 exponentials        512 at 16 a cycle                                       (512)
 *     4 x about 530            530, one a cycle and scheduler; 128 are mma             (530)
 *     16 KB of K and V         128 operations a byte: memory is no limit
 *
 * So nothing exceeds the products, and the rest hides behind them as far as two blocks an SM allow:
 * ptxas for sm_90 (sm_80) gives 240 (232) registers at D = 64, 247 (247) at 128, 168 (167) at 32,
 * none spilled, and shared memory is 48, 64 and 24 KB: two blocks of four warps an SM by registers,
 * three at D = 32. */
#include "tensor_tiles.h"

namespace {

const int ROWS = 32 * TENSOR_WARPS;
template <int D> constexpr int KEYS = D == 128 ? 32 : 64; /* as registers last */

/* A row's scores are divided by 2^most, and most moves only when they have outgrown it by 2^SLACK:
 * nearly every tile then leaves the sums as they are. */
const float SLACK = 8;

/* What a warp holds of its 32 rows: two tiles of 16. */
template <int D> struct Rows {
    float sum[2][D / 8][4];
    float most[2][2], total[2][2]; /* of row g and g + 8; total: this lane's share */
};

/* S = Q K' of 32 rows and the tile's keys. */
template <int D>
__device__ __forceinline__ void scores(SharedAt q_rows, SharedAt k_tile,
                                       const uint32_t kept[2][D / 16][4],
                                       float s[2][KEYS<D> / 8][4]) {
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int n = 0; n < KEYS<D> / 8; n++) {
            UNROLL
            for (int c = 0; c < 4; c++) s[i][n][c] = 0;
        }
    }
    UNROLL
    for (int e = 0; e < D / 16; e++) {
        uint32_t q[2][4];
        UNROLL
        for (int i = 0; i < 2; i++) {
            if (D <= 64) {
                UNROLL
                for (int c = 0; c < 4; c++) q[i][c] = kept[i][e][c];
            } else {
                tile_load_a<D>(q[i], q_rows, i, e);
            }
        }
        UNROLL
        for (int n = 0; n < KEYS<D> / 16; n++) {
            uint32_t k[4];
            tile_load_b<D>(k, k_tile, n, e);
            UNROLL
            for (int i = 0; i < 2; i++) {
                tensor_multiply(s[i][2 * n], q[i], k[0], k[1]);
                tensor_multiply(s[i][2 * n + 1], q[i], k[2], k[3]);
            }
        }
    }
}

/* What the row (of its sequence) of s[i][.][2 half] may not see. */
template <int D>
__device__ __forceinline__ void mask_row(int causal, int row, int first_key, int keys, int half,
                                         float s[KEYS<D> / 8][4]) {
    const int end = causal && row + 1 < keys ? row + 1 : keys;
    const int t = (int)threadIdx.x % 4 * 2;
    UNROLL
    for (int n = 0; n < KEYS<D> / 8; n++) {
        UNROLL
        for (int c = 0; c < 2; c++)
            if (first_key + n * 8 + t + c >= end) s[n][2 * half + c] = -CUDART_INF_F;
    }
}

/* P = 2^(factor S - most) in place of S. Each row decides for itself whether `most` moves, so that
 * no row's bits depend on another's; a warp none of whose rows moves leaves its sums alone. */
template <int D>
__device__ __forceinline__ void softmax(float factor, int i, float s[KEYS<D> / 8][4],
                                        Rows<D> &rows) {
    float shrink[2];
    UNROLL
    for (int half = 0; half < 2; half++) {
        float top = -CUDART_INF_F;
        UNROLL
        for (int n = 0; n < KEYS<D> / 8; n++)
            top = fmaxf(top, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
        top = quad_max(top) * factor;
        shrink[half] = 1;
        if (top > rows.most[i][half] + SLACK) {
            shrink[half] = tensor_exp2(rows.most[i][half] - top);
            rows.most[i][half] = top;
        }
        float part = 0;
        UNROLL
        for (int n = 0; n < KEYS<D> / 8; n++) {
            UNROLL
            for (int c = 2 * half; c < 2 * half + 2; c++) {
                s[n][c] = tensor_exp2(fmaf(s[n][c], factor, -rows.most[i][half]));
                part += s[n][c];
            }
        }
        rows.total[i][half] = rows.total[i][half] * shrink[half] + part;
    }
    if (!__any_sync(FULL_WARP, shrink[0] != 1 || shrink[1] != 1)) return;
    UNROLL
    for (int e = 0; e < D / 8; e++) {
        UNROLL
        for (int c = 0; c < 4; c++) rows.sum[i][e][c] *= shrink[c / 2];
    }
}

/* sum += P V. */
template <int D>
__device__ __forceinline__ void add_values(SharedAt v_tile, const float p[2][KEYS<D> / 8][4],
                                           Rows<D> &rows) {
    UNROLL
    for (int n = 0; n < KEYS<D> / 16; n++) {
        uint32_t a[2][4];
        UNROLL
        for (int i = 0; i < 2; i++) tensor_pack_rows(p[i][2 * n], p[i][2 * n + 1], a[i]);
        UNROLL
        for (int e = 0; e < D / 16; e++) {
            uint32_t v[4];
            tile_load_b_rows<D>(v, v_tile, n, e);
            UNROLL
            for (int i = 0; i < 2; i++) {
                tensor_multiply(rows.sum[i][2 * e], a[i], v[0], v[1]);
                tensor_multiply(rows.sum[i][2 * e + 1], a[i], v[2], v[3]);
            }
        }
    }
}

template <int D>
KERNEL(TENSOR_THREADS)
tensor_rows(CudaTensorShape s, CudaPacked q, CudaPacked k, CudaPacked v, AttentionOut out,
            float *saved) {
    DYNAMIC_SHARED(unsigned char, memory);
    const uint32_t tile = KEYS<D> * D * 2;
    const SharedAt q_tile = tensor_shared(memory), tiles = q_tile + ROWS * D * 2;
    const int b = (int)blockIdx.z, h = (int)blockIdx.y;
    /* Causal: the longest rows begin first. */
    const int from = (int)(s.causal ? gridDim.x - 1 - blockIdx.x : blockIdx.x) * ROWS;
    const int first = s.query_offsets[b], n = s.query_offsets[b + 1] - first;
    const int first_key = s.key_offsets[b], m = s.key_offsets[b + 1] - first_key;
    const int lane = (int)threadIdx.x % WARP, mine = from + (int)threadIdx.x / WARP * 32;
    const SharedAt q_rows = q_tile + (uint32_t)((mine - from) * D * 2) + tile_lane_a<D>();
    const SharedAt k_at = tiles + tile_lane_b<D>(), v_at = tiles + tile + tile_lane_a<D>();
    const TileSource<D> k_from = tile_source<D>(k, h, first_key);
    const TileSource<D> v_from = tile_source<D>(v, h, first_key);
    const float factor = s.scale * CUDA_LOG2_E;
    if (from >= n) return; /* the whole block */
    Rows<D> rows;
    uint32_t kept[2][D / 16][4];
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int e = 0; e < D / 8; e++) {
            UNROLL
            for (int c = 0; c < 4; c++) rows.sum[i][e][c] = 0;
        }
        UNROLL
        for (int half = 0; half < 2; half++)
            rows.most[i][half] = -CUDART_INF_F, rows.total[i][half] = 0;
    }
    const int last = s.causal && from + ROWS < m ? from + ROWS : m;
    /* Tiles of keys that all rows see whole, as most do, need no mask. */
    const int whole = (s.causal && from < m ? from : m) / KEYS<D> * KEYS<D>;
    tile_fetch<ROWS, D>(q_tile, tile_source<D>(q, h, first), from, n);
    tile_fetch<KEYS<D>, D>(tiles, k_from, 0, m);
    tile_fetch<KEYS<D>, D>(tiles + tile, v_from, 0, m);
    tensor_copy_commit();
    uint32_t now = 0; /* byte of the pair of tiles that is worked on */
    for (int j = 0; j < last; j += KEYS<D>, now ^= 2 * tile) {
        tensor_copy_wait<0>();
        __syncthreads(); /* all have this tile, and are done with the last */
        if (j + KEYS<D> < last) {
            const SharedAt next = tiles + (now ^ (2 * tile));
            tile_fetch<KEYS<D>, D>(next, k_from, j + KEYS<D>, m);
            tile_fetch<KEYS<D>, D>(next + tile, v_from, j + KEYS<D>, m);
            tensor_copy_commit();
        }
        if (j == 0 && D <= 64) {
            UNROLL
            for (int i = 0; i < 2; i++) {
                UNROLL
                for (int e = 0; e < D / 16; e++) tile_load_a<D>(kept[i][e], q_rows, i, e);
            }
        }
        if (mine >= n || (s.causal && j > mine + 31)) continue; /* a whole warp sees none */
        float p[2][KEYS<D> / 8][4];
        scores<D>(q_rows, k_at + now, kept, p);
        if (j >= whole) {
            UNROLL
            for (int i = 0; i < 2; i++) {
                UNROLL
                for (int half = 0; half < 2; half++)
                    mask_row<D>(s.causal, mine + i * 16 + half * 8 + lane / 4, j, m, half, p[i]);
            }
        }
        UNROLL
        for (int i = 0; i < 2; i++) softmax<D>(factor, i, p[i], rows);
        add_values<D>(v_at + now, p, rows);
    }
    UNROLL
    for (int i = 0; i < 2; i++) {
        UNROLL
        for (int half = 0; half < 2; half++) {
            const int row = mine + i * 16 + half * 8 + lane / 4;
            const float total = quad_sum(rows.total[i][half]);
            if (row >= n) continue;
            if (saved && lane % 4 == 0)
                saved[(size_t)h * (size_t)s.queries + (size_t)(first + row)] =
                    total == 0 ? 0 : rows.most[i][half] / CUDA_LOG2_E + logf(total);
            tile_store_row<D>(out, h, (size_t)(first + row), s.width, half, rows.sum[i],
                              total == 0 ? 0 : 1 / total);
        }
    }
}

template <int D>
Status forward(const Attention *a, const CudaRows *rows, CudaPacked q, CudaPacked k, CudaPacked v,
               AttentionOut out, float *saved) {
    const size_t bytes = (ROWS + 4 * KEYS<D>)*D * 2;
    const CudaTensorShape s = {rows->query_offsets, rows->key_offsets, rows->queries, a->width,
                               a->causal,           a->scale};
    const dim3 grid(cuda_blocks((size_t)rows->longest_query, ROWS), (unsigned)a->heads,
                    (unsigned)a->sequences);
    CUDA_TRY(cudaFuncSetAttribute(tensor_rows<D>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  (int)bytes),
             "%zu bytes of shared memory for tiled attention in bf16", bytes);
    LAUNCH(tensor_rows<D>, grid, dim3(TENSOR_THREADS), bytes, s, q, k, v, out, saved);
    return cuda_launched("tiled attention in bf16 of %d sequences, %d heads of %d", a->sequences,
                         a->heads, a->width);
}

} // namespace

Status cuda_tensor_tiled(const Attention *a, const CudaRows *rows, AttentionIn q, AttentionIn k,
                         AttentionIn v, AttentionOut out, float *saved, Arena *arena) {
    CudaPacked pq, pk, pv;
    Status status = cuda_tensor_pack(a, rows->queries, q, arena, &pq);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->keys, k, arena, &pk);
    if (status == STATUS_OK) status = cuda_tensor_pack(a, rows->keys, v, arena, &pv);
    if (status != STATUS_OK || rows->queries == 0) return status;
    switch (cuda_tensor_width(a->width)) {
    case 32:
        return forward<32>(a, rows, pq, pk, pv, out, saved);
    case 64:
        return forward<64>(a, rows, pq, pk, pv, out, saved);
    default:
        return forward<128>(a, rows, pq, pk, pv, out, saved);
    }
}
