/* emulate: enough of CUDA in C++ to run the kernels here on a processor, for the tests.
 *
 * A launch runs its blocks one after the other; the threads of a block are fibers, each of which
 * runs until it meets the others, in __syncthreads() or in a warp's shuffle. Blocks, threads and
 * lanes that never meet, reads of shared memory that nobody wrote (it is filled with NaN) and,
 * under AddressSanitizer, addresses outside of what cudaMalloc gave are found. Races between
 * threads that a barrier should have parted are found only as far as they change a result.
 *
 * Kernels wait for each other here as they do in one stream. One thread of the program at a time.
 */
#ifndef OP_CUDA_EMULATE_H
#define OP_CUDA_EMULATE_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define EMULATED 1
#define UNROLL
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define SHARED                     static
#define DYNAMIC_SHARED(type, name) type *name = reinterpret_cast<type *>(emulate_shared_memory())

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
    unsigned x, y, z;
};
struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
static inline float2 make_float2(float x, float y) {
    return {x, y};
}
static inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

/* --- launches --------------------------------------------------------------------------------- */

void emulate_launch(dim3 grid, dim3 block, size_t shared, void (*body)(void *), void *context);
void *emulate_shared_memory(void);

/* The arguments are taken by value, as a launch takes them. */
#define LAUNCH(kernel, grid, block, bytes, ...)                                                    \
    do {                                                                                           \
        auto body_ = [=]() { kernel(__VA_ARGS__); };                                               \
        emulate_launch((grid), (block), (bytes),                                                   \
                       [](void *b) { (*static_cast<decltype(body_) *>(b))(); }, &body_);           \
    } while (0)

/* --- where threads meet ----------------------------------------------------------------------- */

void emulate_meet_block(void);
void emulate_meet_warp(void);

/* Every lane gives 8 bytes and takes those of `lane`. */
uint64_t emulate_exchange(uint64_t bits, int lane);
int emulate_lane(void);
int emulate_thread(void);          /* of the block */
unsigned long emulate_block(void); /* how many have begun */

static inline void __syncthreads(void) {
    emulate_meet_block();
}
static inline void __syncwarp(unsigned = 0xffffffffu) {
    emulate_meet_warp();
}

template <class T> static inline T emulate_shuffle(T value, int lane) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emulate_exchange(bits, lane);
    memcpy(&value, &bits, sizeof value);
    return value;
}
template <class T> static inline T __shfl_sync(unsigned, T value, int lane, int width = 32) {
    int me = emulate_lane();
    return emulate_shuffle(value, me / width * width + lane % width);
}
template <class T> static inline T __shfl_xor_sync(unsigned, T value, int mask, int = 32) {
    return emulate_shuffle(value, emulate_lane() ^ mask);
}
template <class T> static inline T __shfl_up_sync(unsigned, T value, int by, int width = 32) {
    int me = emulate_lane();
    return emulate_shuffle(value, me % width >= by ? me - by : me);
}
template <class T> static inline T __shfl_down_sync(unsigned, T value, int by, int width = 32) {
    int me = emulate_lane();
    return emulate_shuffle(value, me % width + by < width ? me + by : me);
}

int emulate_any(int mine);
static inline int __any_sync(unsigned, int mine) {
    return emulate_any(mine);
}

template <class T> static inline T atomicAdd(T *at, T value) {
    T was = *at;
    *at = was + value;
    return was;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

static inline float rsqrtf(float x) {
    return 1 / sqrtf(x);
}
static inline float fast_exp(float x) {
    return expf(x);
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)(((uint64_t)a * b) >> 32);
}

/* bfloat16: the upper half of a float (cuda_bf16.h). */
struct __nv_bfloat16 {
    uint16_t bits;
};
static inline float __bfloat162float(__nv_bfloat16 x) {
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline __nv_bfloat16 __float2bfloat16_rn(float x) { /* nearest, ties to even; NaN stays */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return {(uint16_t)(bits >> 16 | 0x40)};
    return {(uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

template <class T> static inline T __ldg(const T *at) {
    return *at;
}
static inline int min(int a, int b) {
    return a < b ? a : b;
}
static inline int max(int a, int b) {
    return a > b ? a : b;
}
#define CUDART_INF_F INFINITY

/* --- the run-time library: what is used of it --------------------------------------------------
 */

enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation = 2, cudaErrorInvalidValue = 1 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
typedef struct EmulatedEvent *cudaEvent_t;
typedef void *cudaStream_t;
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlockOptin;
    int major, minor, multiProcessorCount;
};

cudaError_t cudaMalloc(void **at, size_t bytes);
cudaError_t cudaFree(void *at);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t);
cudaError_t cudaMemGetInfo(size_t *free, size_t *total);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaStreamCreate(cudaStream_t *stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreate(cudaEvent_t *event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to);
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);
const char *cudaGetErrorString(cudaError_t error);
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
template <class F> static inline cudaError_t cudaFuncSetAttribute(F, cudaFuncAttribute, int) {
    return cudaSuccess;
}

/* For tests: the memory that this "GPU" has, 0 for no limit. */
extern "C" void emulate_memory_limit(size_t bytes);

/* For tests: how often the host has waited so far. */
extern "C" long emulate_waits(void);

/* --- cuBLAS, answered by the CPU's BLAS --------------------------------------------------------
 */

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS, CUBLAS_STATUS_INVALID_VALUE = 7 };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cudaDataType_t { CUDA_R_32F = 0, CUDA_R_16BF = 14 };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 };
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };
typedef struct EmulatedBlas *cublasHandle_t;

cublasStatus_t cublasCreate(cublasHandle_t *handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t transpose_a,
                           cublasOperation_t transpose_b, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta,
                           float *c, int ldc);
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transpose_a,
                                         cublasOperation_t transpose_b, int m, int n, int k,
                                         const float *alpha, const float *a, int lda,
                                         long long stride_a, const float *b, int ldb,
                                         long long stride_b, const float *beta, float *c, int ldc,
                                         long long stride_c, int count);

/* Of f32 operands (tf32: rounded to nearest, ties away, as cvt.rna does) or bf16 ones, into f32. */
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transpose_a,
                                          cublasOperation_t transpose_b, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType_t type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType_t type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType_t type_c, int ldc,
                                          long long stride_c, int count,
                                          cublasComputeType_t compute, cublasGemmAlgo_t algorithm);
cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transpose_a,
                            cublasOperation_t transpose_b, int m, int n, int k, const void *alpha,
                            const void *a, cudaDataType_t type_a, int lda, const void *b,
                            cudaDataType_t type_b, int ldb, const void *beta, void *c,
                            cudaDataType_t type_c, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm);
const char *cublasGetStatusString(cublasStatus_t status);

#endif
