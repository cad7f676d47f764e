/* emulate_tensor: twins of the tensor cores' instructions (tensor.h) for the emulation. A copy in
 * the background arrives when it is waited for and not before: what is read too early is found, as
 * the NaN that shared memory holds. */
#ifndef OP_CUDA_EMULATE_TENSOR_H
#define OP_CUDA_EMULATE_TENSOR_H

#include <cstdint>

uint32_t tensor_shared(const void *at);

void tensor_copy(uint32_t to, const void *from, int bytes);
void tensor_copy_commit(void);
void emulate_copy_wait(int groups);
template <int GROUPS> static inline void tensor_copy_wait(void) {
    emulate_copy_wait(GROUPS);
}

void tensor_load(uint32_t r[4], uint32_t row);
void tensor_load_transposed(uint32_t r[4], uint32_t row);
void tensor_multiply(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1);
uint32_t tensor_pack(float low, float high);
float tensor_exp2(float x);

#endif
