/* kernel: what the files of kernel attention share. For src/op/cuda only.
 *
 * Rows of a sequence pass in panels, all heads at once; a panel is cut into chunks of equal length,
 * and everything packed is [heads][chunks][chunk] rows, those beyond the sequence zero, so that one
 * batch of products does every chunk of every head:
 *
 *     cuda_features_raw(&f, k, panel, raw, log);                       // W x and its factor
 *     cuda_features_expand(&f, panel, raw, column, NULL, 1, &phi);     // phi, scaled
 *
 * Logarithms are to base 2. A feature is used as
 *
 *     POSITIVE        2^(raw + column + row)
 *     TRIGONOMETRIC   raw 2^(column + row), the factor exp(|x|^2 / 2) being part of row
 *     ELU1, RELU      raw: positive and tame, so nothing scales them
 */
#ifndef OP_CUDA_KERNEL_H
#define OP_CUDA_KERNEL_H

#include "attention.h"

/* A row belongs to a team of lanes. Fewer of everything where every thread costs a fiber. */
#if EMULATED
enum { CUDA_TEAM = 4, CUDA_TEAMED = 8 };
#else
enum { CUDA_TEAM = 32, CUDA_TEAMED = 256 };
#endif
enum { CUDA_TEAMS = CUDA_TEAMED / CUDA_TEAM };

struct CudaKernel {
    FeatureMap map;
    int heads, e, r, c; /* H; E; projections R; columns C of phi */
    int w;              /* floats of a row [v 1]: E + 1, padded */
    float factor;       /* of the inputs: sqrt(scale), or 1 for ELU1 */
    int logarithmic;    /* POSITIVE: raw values are logarithms */
    int scaled;         /* whether phi needs a scale at all: POSITIVE and TRIGONOMETRIC */
    const float *projection;
};

CudaKernel cuda_kernel(const Attention *a);

/* Rows of one sequence: from row `first` of the batch. */
struct CudaPanel {
    int first, rows, chunk, chunks;
};
static inline int cuda_padded(CudaPanel p) {
    return p.chunk * p.chunks;
}

/* One number a feature, of sign `sign`: [heads][chunks][C], or [heads][C] for all chunks. */
struct CudaColumn {
    const float *at;
    size_t head, chunk;
    float sign;
};
CudaColumn cuda_column_shared(const CudaKernel *f, const float *at, float sign);
CudaColumn cuda_column_chunks(const CudaKernel *f, CudaPanel p, const float *at, float sign);

/* raw [heads][padded][C]; log [heads][padded]: POSITIVE the row's largest raw value, TRIGONOMETRIC
 * its factor, 0 else. */
Status cuda_features_raw(const CudaKernel *f, AttentionIn x, CudaPanel p, float *raw, float *log);

/* *phi = the features scaled by column and sign * row (NULL: 0), written to `room`, or raw itself
 * where nothing scales them. */
Status cuda_features_expand(const CudaKernel *f, CudaPanel p, const float *raw, CudaColumn column,
                            const float *row, float sign, float *room, const float **phi);

/* The same for queries, whose scale cancels: each row of POSITIVE by its own largest. */
Status cuda_features_queries(const CudaKernel *f, CudaPanel p, const float *raw, CudaColumn column,
                             float *room, const float **phi);

/* Largest exponent raw + sign * row (TRIGONOMETRIC: sign * row) of each chunk and feature. */
Status cuda_features_maxima(const CudaKernel *f, CudaPanel p, const float *raw, const float *row,
                            float sign, float *top);

/* Gradients of features, used as `value`; a second part may be NULL. */
struct CudaPart {
    const float *value;
    float *dphi; /* destroyed */
};

/* Into dx, written or added. Of queries the factor exp(-+|x|^2 / 2) cancels: keys = 0. */
Status cuda_features_backward(const CudaKernel *f, CudaPanel p, AttentionIn x, int keys,
                              CudaPart one, CudaPart two, AttentionOut dx, int accumulate);

/* --- teams: loops over rows, a team a row, lanes over columns ----------------------------------
 */

#define CUDA_EACH_ROW(r, rows)                                                                     \
    for (int r##_ = (int)(blockIdx.x * CUDA_TEAMS), r = r##_ + (int)threadIdx.x / CUDA_TEAM;       \
         r##_ < (rows); r##_ += (int)gridDim.x * CUDA_TEAMS, r += (int)gridDim.x * CUDA_TEAMS)

static inline dim3 cuda_row_grid(int rows, int heads) {
    return dim3(EMULATED ? 1 : cuda_blocks((size_t)rows, CUDA_TEAMS), (unsigned)heads);
}
static __device__ __forceinline__ float team_sum(float x) {
    return lanes_sum<CUDA_TEAM>(x);
}
static __device__ __forceinline__ float team_max(float x) {
    return lanes_max<CUDA_TEAM>(x);
}

#endif
