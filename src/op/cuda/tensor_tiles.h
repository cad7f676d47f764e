/* tensor_tiles: what the tiled attention of the tensor cores shares, forward and backward. For
 * src/op/cuda only.
 *
 * Rows are packed first, [heads][rows of the batch][D] in bfloat16, D the head's width filled up
 * with zeros to 32, 64 or 128: 6 bytes moved an element, where attention then does 2 N products
 * with it. From there tiles go to shared memory 16 bytes at a time, swizzled: chunk c of row r lies
 * at chunk c ^ (r % 8) (D = 32, two rows in 128 bytes: c ^ (r / 2 % 4)), so that the 8 rows of
 * which tensor_load takes one chunk each lie in 8 different groups of 4 banks, and so do 8
 * neighbouring chunks as they come.
 */
#ifndef OP_CUDA_TENSOR_TILES_H
#define OP_CUDA_TENSOR_TILES_H

#include "attention.h"
#include "tensor.h"

enum { TENSOR_WARPS = 4, TENSOR_THREADS = TENSOR_WARPS * WARP };

struct CudaPacked {
    const __nv_bfloat16 *at; /* [heads][rows][D] */
    int rows;
};

/* D for a head's width, 0 where it is too wide. */
static inline int cuda_tensor_width(int width) {
    return width <= 32 ? 32 : width <= 64 ? 64 : width <= 128 ? 128 : 0;
}

/* Room from the arena; the rows are there when the stream has come so far. */
Status cuda_tensor_pack(const Attention *a, int rows, AttentionIn x, Arena *arena, CudaPacked *out);

/* The log-sum-exps of a batch belong to natural logarithms, scores here to base 2. */
#define CUDA_LOG2_E 1.4426950408889634f

struct CudaTensorShape {
    const int *query_offsets, *key_offsets;
    int queries, width, causal; /* queries: of the whole batch */
    float scale;
};

/* --- in kernels --------------------------------------------------------------------------------
 */

/* Byte of chunk `chunk` of row `row` in a tile. */
template <int D> static __device__ __forceinline__ uint32_t tile_place(int row, int chunk) {
    const int turned = D == 32 ? chunk ^ (row / 2 % 4) : chunk ^ (row % 8);
    return (uint32_t)(row * D * 2 + turned * 16);
}

/* What a thread fetches of every tile of a matrix: one chunk of every STEP-th row. */
template <int D> struct TileSource {
    static const int CHUNKS = D / 8, STEP = TENSOR_THREADS / CHUNKS; /* a multiple of 8 */
    const __nv_bfloat16 *at; /* its first row's chunk in row 0 of the sequence */
    int row;
    uint32_t place;
};
template <int D>
static __device__ __forceinline__ TileSource<D> tile_source(const CudaPacked &x, int head,
                                                            int first) {
    const int chunk = (int)(threadIdx.x % TileSource<D>::CHUNKS);
    TileSource<D> source;
    source.row = (int)(threadIdx.x / TileSource<D>::CHUNKS);
    source.at = x.at + ((size_t)head * (size_t)x.rows + (size_t)(first + source.row)) * D +
                (size_t)chunk * 8;
    source.place = tile_place<D>(source.row, chunk);
    return source;
}

/* Rows from .. from + ROWS - 1 of the sequence, those from `rows` on zero. */
template <int ROWS, int D>
static __device__ __forceinline__ void tile_fetch(SharedAt tile, const TileSource<D> &source,
                                                  int from, int rows) {
    const __nv_bfloat16 *at = source.at + (size_t)from * D;
    const SharedAt to = tile + source.place;
    if (from + ROWS <= rows) {
        UNROLL
        for (int i = 0; i < ROWS; i += TileSource<D>::STEP)
            tensor_copy(to + (uint32_t)(i * D * 2), at + i * D, 16);
        return;
    }
    const int left = rows - from - source.row;
    UNROLL
    for (int i = 0; i < ROWS; i += TileSource<D>::STEP)
        tensor_copy(to + (uint32_t)(i * D * 2), at + i * D, i < left ? 16 : 0);
}

/* Where a lane's row begins in the 16 rows and 16 columns that tensor_load takes at once. Tiles
 * begin at multiples of 256 bytes, so that columns 16 s .. 16 s + 15 are at the exclusive or with
 * 32 s: one instruction, and none kept in a register for every s. */
template <int D> static __device__ __forceinline__ uint32_t tile_lane_a(void) {
    const int lane = (int)(threadIdx.x % WARP); /* matrices: rows first, then columns */
    return tile_place<D>(lane % 16, lane / 16);
}
template <int D> static __device__ __forceinline__ uint32_t tile_lane_b(void) {
    const int lane = (int)(threadIdx.x % WARP); /* columns first, then rows */
    return tile_place<D>(lane % 8 + lane / 16 * 8, lane / 8 % 2);
}

/* a [16, 16] from rows 16 i and columns 16 s of the tile; `at`: it and the lane's place. */
template <int D>
static __device__ __forceinline__ void tile_load_a(uint32_t a[4], SharedAt at, int i, int s) {
    tensor_load(a, (at ^ (uint32_t)(s * 32)) + (uint32_t)(i * 16 * D * 2));
}

/* Two b [16, 8] of a product with the tile's transpose: rows 16 i (and 8 on) of the tile are
 * columns of b, its columns 16 s are summed over. Of tile_lane_b. */
template <int D>
static __device__ __forceinline__ void tile_load_b(uint32_t b[4], SharedAt at, int i, int s) {
    tensor_load(b, (at ^ (uint32_t)(s * 32)) + (uint32_t)(i * 16 * D * 2));
}

/* Two b [16, 8] of a product with the tile itself: its rows 16 i are summed over, its columns 16 s
 * (and 8 on) are columns of b. Of tile_lane_a. */
template <int D>
static __device__ __forceinline__ void tile_load_b_rows(uint32_t b[4], SharedAt at, int i, int s) {
    tensor_load_transposed(b, (at ^ (uint32_t)(s * 32)) + (uint32_t)(i * 16 * D * 2));
}

/* Two neighbouring c, columns 16 s .. 16 s + 7 and 16 s + 8 .. 16 s + 15, as an a. */
static __device__ __forceinline__ void tensor_pack_rows(const float left[4], const float right[4],
                                                        uint32_t a[4]) {
    a[0] = tensor_pack(left[0], left[1]);
    a[1] = tensor_pack(left[2], left[3]);
    a[2] = tensor_pack(right[0], right[1]);
    a[3] = tensor_pack(right[2], right[3]);
}

/* Over the 4 lanes that hold a row. */
static __device__ __forceinline__ float quad_sum(float x) {
    x += __shfl_xor_sync(FULL_WARP, x, 1);
    return x + __shfl_xor_sync(FULL_WARP, x, 2);
}
static __device__ __forceinline__ float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 1));
    return fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 2));
}

/* Row `row` of c tiles, columns 8 i + 2 t and the next, times factor. */
template <int D>
static __device__ __forceinline__ void tile_store_row(AttentionOut out, int head, size_t row,
                                                      int width, int half, const float c[][4],
                                                      float factor) {
    float *to = out.data + row * out.row + (size_t)head * out.head;
    const int t = (int)threadIdx.x % 4 * 2;
    if (width == D && (reinterpret_cast<uintptr_t>(to) & 7) == 0) { /* the same for the row */
        UNROLL
        for (int i = 0; i < D / 8; i++)
            *reinterpret_cast<float2 *>(to + i * 8 + t) =
                make_float2(c[i][2 * half] * factor, c[i][2 * half + 1] * factor);
        return;
    }
    UNROLL
    for (int i = 0; i < D / 8; i++) {
        const int e = i * 8 + t;
        if (e < width) to[e] = c[i][2 * half] * factor;
        if (e + 1 < width) to[e + 1] = c[i][2 * half + 1] * factor;
    }
}

#endif
