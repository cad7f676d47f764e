/* device: what the parts of the plug-in share: the stream, cuBLAS, messages, and the operations
 * that each part brings.
 *
 *     CUDA_TRY(cudaMemsetAsync(at, 0, bytes, cuda_stream()), "zero of %zu bytes", bytes);
 *     LAUNCH(scale, dim3(blocks), dim3(256), 0, count, factor, x);
 *     return cuda_launched("scale of %d", count);      // a launch that was refused
 *
 * Everything goes into one stream, in the order of the calls, and nothing here waits but
 * DeviceMemory's download, wait and time_end. An error inside of a kernel is reported there.
 */
#ifndef OP_CUDA_DEVICE_H
#define OP_CUDA_DEVICE_H

#include "portable.h"

extern "C" {
#include "op/cuda/plugin.h"
}

extern const CudaHost *cuda_host;

cudaStream_t cuda_stream(void);
cublasHandle_t cuda_blas(void);

/* STATUS_UNSUPPORTED or STATUS_MEMORY with "cuda: <what>: <CUDA's message>". */
Status cuda_failed(cudaError_t error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
Status cuda_blas_failed(cublasStatus_t status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define CUDA_TRY(call, ...)                                                                        \
    do {                                                                                           \
        cudaError_t error_ = (call);                                                               \
        if (error_ != cudaSuccess) return cuda_failed(error_, __VA_ARGS__);                        \
    } while (0)
#define BLAS_TRY(call, ...)                                                                        \
    do {                                                                                           \
        cublasStatus_t status_ = (call);                                                           \
        if (status_ != CUBLAS_STATUS_SUCCESS) return cuda_blas_failed(status_, __VA_ARGS__);       \
    } while (0)

/* Whether the launches since the last call were accepted. */
#define cuda_launched(...)                                                                         \
    (cudaPeekAtLastError() == cudaSuccess ? STATUS_OK                                              \
                                          : cuda_failed(cudaGetLastError(), __VA_ARGS__))

/* C[m,n] = alpha op(A) op(B) + beta C, row-major (op/op.h). */
Status cuda_gemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
Status cuda_gemm_at(Precision precision, int transpose_a, int transpose_b, int m, int n, int k,
                    float alpha, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                    float *c, size_t ldc, Arena *arena);

/* All products from here on are of `precision`; `arena` gives scratch to bf16. Whoever calls it
 * sets f32 again at the end of its operation. */
void cuda_products_at(Precision precision, Arena *arena);

extern const DeviceMemory cuda_memory;
extern const LayerOps cuda_layers;
extern const RecurrentOps cuda_recurrent;

Status cuda_memory_open(void);
Status cuda_attention_forward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                              AttentionOut out, void *saved, Arena *arena);
Status cuda_attention_backward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                               AttentionIn out, AttentionIn dout, const void *saved,
                               AttentionOut dq, AttentionOut dk, AttentionOut dv, Arena *arena);

/* --- for kernels ------------------------------------------------------------------------------ */

static inline unsigned cuda_blocks(size_t work, size_t share) {
    size_t blocks = (work + share - 1) / share;
    return (unsigned)(blocks < 1 ? 1 : blocks > 0x7fffffff ? 0x7fffffff : blocks);
}

/* Sums, or the largest, over each LANES neighbouring lanes of a warp, a power of two; every lane
 * gets its own group's. */
template <int LANES> static __device__ __forceinline__ float lanes_sum(float x) {
    for (int away = LANES / 2; away > 0; away /= 2) x += __shfl_xor_sync(FULL_WARP, x, away);
    return x;
}
template <int LANES> static __device__ __forceinline__ float lanes_max(float x) {
    for (int away = LANES / 2; away > 0; away /= 2) {
        float other = __shfl_xor_sync(FULL_WARP, x, away);
        x = other > x ? other : x;
    }
    return x;
}
static __device__ __forceinline__ float warp_sum(float x) {
    return lanes_sum<WARP>(x);
}
static __device__ __forceinline__ float warp_max(float x) {
    return lanes_max<WARP>(x);
}

/* Philox4x32-10 (Salmon et al. 2011), the host's rng_words (base/rng.h). */
static __device__ __forceinline__ void cuda_words(uint64_t seed, uint64_t stream, uint64_t index,
                                                  uint32_t words[4]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t even = (uint64_t)0xD2511F53u * c0, odd = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(odd >> 32) ^ c1 ^ key0, n2 = (uint32_t)(even >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)odd, c3 = (uint32_t)even;
        c0 = n0, c2 = n2;
        key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
    }
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* What dropout multiplies element `index` with (op/layers.h); rate 0: 1. */
struct CudaDropout {
    float kept; /* 1 / (1 - rate) */
    uint32_t threshold;
    uint64_t seed, stream;
};
static inline CudaDropout cuda_dropout(const Dropout *d) {
    CudaDropout out = {1, 0, 0, 0};
    if (d && d->rate > 0) {
        out.kept = 1 / (1 - d->rate);
        out.threshold = (uint32_t)((double)d->rate * 4294967296.0);
        out.seed = d->seed, out.stream = d->stream;
    }
    return out;
}
static __device__ __forceinline__ float cuda_dropout_scale(const CudaDropout &d, uint64_t index) {
    if (d.threshold == 0) return d.kept;
    uint32_t words[4];
    cuda_words(d.seed, d.stream, index / 4, words);
    return words[index % 4] < d.threshold ? 0 : d.kept;
}

#endif
