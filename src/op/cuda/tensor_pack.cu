/* Rows of views as bfloat16, packed for the tensor cores. */
#include "tensor_tiles.h"

namespace {

const int THREADS = 256;

struct Chunk {
    uint32_t two[4];
};

/* 8 elements a thread. `even`: rows and heads begin at multiples of 16 bytes. */
KERNEL(THREADS)
pack_rows(int rows, int heads, int width, int chunks, int even, AttentionIn x, Chunk *to) {
    const size_t count = (size_t)rows * (size_t)heads * (size_t)chunks;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        const int c = (int)(i % (size_t)chunks);
        const size_t r = i / (size_t)chunks % (size_t)rows, h = i / (size_t)chunks / (size_t)rows;
        const float *from = x.data + r * x.row + h * x.head + (size_t)c * 8;
        float e[8];
        if (even && c * 8 + 8 <= width) {
            const float4 a = reinterpret_cast<const float4 *>(from)[0];
            const float4 b = reinterpret_cast<const float4 *>(from)[1];
            e[0] = a.x, e[1] = a.y, e[2] = a.z, e[3] = a.w;
            e[4] = b.x, e[5] = b.y, e[6] = b.z, e[7] = b.w;
        } else {
            for (int j = 0; j < 8; j++) e[j] = c * 8 + j < width ? from[j] : 0;
        }
        Chunk packed;
        for (int j = 0; j < 4; j++) packed.two[j] = tensor_pack(e[2 * j], e[2 * j + 1]);
        to[i] = packed;
    }
}

} // namespace

Status cuda_tensor_pack(const Attention *a, int rows, AttentionIn x, Arena *arena,
                        CudaPacked *out) {
    const int d = cuda_tensor_width(a->width), chunks = d / 8;
    const size_t count = (size_t)rows * (size_t)a->heads * (size_t)chunks;
    const int even =
        reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.row % 4 == 0 && x.head % 4 == 0;
    Chunk *to = (Chunk *)cuda_host->take(arena, (count + 1) * sizeof *to);
    if (!to) return STATUS_MEMORY;
    if (count)
        LAUNCH(pack_rows, dim3(cuda_blocks(count, 2 * THREADS)), dim3(THREADS), 0, rows, a->heads,
               a->width, chunks, even, x, to);
    *out = {reinterpret_cast<const __nv_bfloat16 *>(to), rows};
    return cuda_launched("packing %d rows of %d heads of %d as bf16", rows, a->heads, a->width);
}
