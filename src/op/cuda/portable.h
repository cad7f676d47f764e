/* portable: the few words in which CUDA code here differs from C++, so that the same .cu files are
 * compiled twice: by nvcc for a GPU, and by g++ with TAMRIN_EMULATE for the tests (emulate.h).
 *
 *     KERNEL(256) scale(int count, float factor, float *x) {
 *         SHARED float part[32];
 *         int i = blockIdx.x * blockDim.x + threadIdx.x;
 *         if (i < count) x[i] *= factor;
 *     }
 *     LAUNCH(scale, dim3(blocks), dim3(256), 0, count, factor, x);
 *
 * SHARED and DYNAMIC_SHARED replace __shared__; threads of a block meet in __syncthreads(), lanes
 * of a warp in __syncwarp() and in shuffles, which all lanes of the warp must reach (full masks).
 */
#ifndef OP_CUDA_PORTABLE_H
#define OP_CUDA_PORTABLE_H

#ifdef TAMRIN_EMULATE
#include "emulate.h"
#else

#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <cstdint>
#include <math_constants.h>

#define SHARED __shared__
#define DYNAMIC_SHARED(type, name)                                                                 \
    extern __shared__ __align__(256) unsigned char dynamic_shared_[];                              \
    type *name = reinterpret_cast<type *>(dynamic_shared_)
#define LAUNCH(kernel, grid, block, bytes, ...)                                                    \
    kernel<<<(grid), (block), (bytes), cuda_stream()>>>(__VA_ARGS__)
#define EMULATED 0
#define UNROLL   _Pragma("unroll")

/* e^x within a few roundings of the result. */
static __device__ __forceinline__ float fast_exp(float x) {
    return __expf(x);
}

#endif

#define KERNEL(threads) static __global__ void __launch_bounds__(threads)
#define WARP            32
#define FULL_WARP       0xffffffffu

#ifndef TAMRIN_EMULATE
cudaStream_t cuda_stream(void);
#endif

#endif
