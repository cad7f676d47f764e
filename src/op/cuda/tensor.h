/* tensor: the instructions of the tensor cores and those that feed them, one function each, with a
 * twin for the emulation (emulate_tensor.cpp) that moves the same elements between the same lanes.
 *
 *     uint32_t a[4], b[4];
 *     tensor_copy(to, from, 16), tensor_copy_commit();         // global to shared, in the
 * background tensor_copy_wait<0>(), __syncthreads(); tensor_load(a, q_row), tensor_load(b, k_row);
 * // four 8 x 8 matrices tensor_multiply(c, a, b[0], b[1]);                       // c[16,8] +=
 * a[16,16] b[16,8]
 *
 * All lanes of a warp must reach each but the copies. Where the elements lie (PTX ISA, the sections
 * "Matrix Fragments for mma.m16n8k16 with floating point type" and "Warp-level matrix load
 * instruction: ldmatrix"), with g = lane / 4 and t = lane % 4, two bf16 a register, the earlier one
 * low:
 *
 *     a[0] (row g,     columns 2t, 2t+1)      b[0] (rows 2t, 2t+1,  column g)
 *     a[1] (row g + 8, columns 2t, 2t+1)      b[1] (rows 2t+8, +9,  column g)
 *     a[2] (row g,     columns 2t+8, +9)      c[0], c[1] (row g,     columns 2t, 2t+1)
 *     a[3] (row g + 8, columns 2t+8, +9)      c[2], c[3] (row g + 8, columns 2t, 2t+1)
 *
 * So two neighbouring c, packed, are an a: what softmax leaves of the scores needs no shared memory
 * on its way into the next product. tensor_load gives lane l of matrix i, whose row r begins where
 * lane 8 i + r points, the elements 2t, 2t+1 of row g; transposed, of column g the rows 2t, 2t+1.
 */
#ifndef OP_CUDA_TENSOR_H
#define OP_CUDA_TENSOR_H

#include "portable.h"

/* Bytes within the block's shared memory. */
typedef uint32_t SharedAt;

#if EMULATED

#include "emulate_tensor.h"

#else

static __device__ __forceinline__ SharedAt tensor_shared(const void *at) {
    return (SharedAt)__cvta_generic_to_shared(at);
}

/* 16 bytes, of which those beyond `bytes` (0 or 16) are zeros and not read. Both ends at multiples
 * of 16. Past the first-level cache: a tile is read once a block. */
static __device__ __forceinline__ void tensor_copy(SharedAt to, const void *from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes)
                 : "memory");
}
static __device__ __forceinline__ void tensor_copy_commit(void) {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/* Until all but the last GROUPS commits of this thread have arrived. */
template <int GROUPS> static __device__ __forceinline__ void tensor_copy_wait(void) {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

static __device__ __forceinline__ void tensor_load(uint32_t r[4], SharedAt row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(row)
                 : "memory");
}
static __device__ __forceinline__ void tensor_load_transposed(uint32_t r[4], SharedAt row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(row)
                 : "memory");
}

static __device__ __forceinline__ void tensor_multiply(float c[4], const uint32_t a[4], uint32_t b0,
                                                       uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* To nearest, ties to even. */
static __device__ __forceinline__ uint32_t tensor_pack(float low, float high) {
    uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

/* 2^x within 2 units in the last place; results below 2^-126 are 0. */
static __device__ __forceinline__ float tensor_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#endif

#endif
