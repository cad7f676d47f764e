/* Small kernels of which the emulation's tests know what they must do. */
#include "emulate.h"
#include "emulate_tensor.h"

enum { THREADS = 96, LANES = 32 };

static void neighbour(float *out) {
    SHARED float given[THREADS];
    int me = (int)threadIdx.x;
    given[me] = (float)me;
    __syncthreads();
    out[me] = given[(me + 1) % THREADS];
}

static void lanes(float *out) {
    float sum = (float)threadIdx.x;
    for (int away = LANES / 2; away > 0; away /= 2) sum += __shfl_xor_sync(~0u, sum, away);
    out[threadIdx.x] = sum;
}

static void unwritten(float *out) {
    DYNAMIC_SHARED(float, nobody);
    out[threadIdx.x] = nobody[threadIdx.x];
}

static void divided(float *out) {
    if (threadIdx.x < 40)
        __syncthreads(); /* half of a warp, and of the block */
    else
        __syncwarp();
    out[threadIdx.x] = 0;
    __syncthreads();
}

/* c[16,16] = A B of small whole numbers, exact in bf16: A[i][k] = (7 i + 3 k) % 11 - 5, B[k][j] =
 * (5 k + 2 j) % 13 - 6; B in shared memory by columns (tensor_load) or by rows (transposed). */
static void product(float *out, int transposed) {
    DYNAMIC_SHARED(__nv_bfloat16, a);
    __nv_bfloat16 *b = a + 16 * 16;
    const int lane = (int)threadIdx.x;
    for (int at = lane; at < 16 * 16; at += LANES) {
        const int r = at / 16, s = at % 16, k = transposed ? r : s, j = transposed ? s : r;
        a[at] = __float2bfloat16_rn((float)((7 * r + 3 * s) % 11 - 5));
        b[at] = __float2bfloat16_rn((float)((5 * k + 2 * j) % 13 - 6));
    }
    __syncwarp();
    uint32_t left[4], right[4];
    float c[2][4] = {{0}};
    tensor_load(left, tensor_shared(a + lane % 16 * 16 + lane / 16 * 8));
    if (transposed)
        tensor_load_transposed(right, tensor_shared(b + lane % 16 * 16 + lane / 16 * 8));
    else
        tensor_load(right, tensor_shared(b + (lane % 8 + lane / 16 * 8) * 16 + lane / 8 % 2 * 8));
    for (int i = 0; i < 2; i++) tensor_multiply(c[i], left, right[2 * i], right[2 * i + 1]);
    for (int i = 0; i < 8; i++)
        out[(lane / 4 + i % 4 / 2 * 8) * 16 + i / 4 * 8 + lane % 4 * 2 + i % 2] = c[i / 4][i % 4];
}

/* The first of two copies is waited for, and only it has arrived; then both; and what is beyond the
 * end is zero. */
static void copies(const float *in, float *out) {
    DYNAMIC_SHARED(float, here);
    tensor_copy(tensor_shared(here), in, 16);
    tensor_copy_commit();
    tensor_copy(tensor_shared(here + 4), in + 4, 16);
    tensor_copy(tensor_shared(here + 8), in, 0);
    tensor_copy_commit();
    out[0] = here[0];
    tensor_copy_wait<1>();
    out[1] = here[0], out[2] = here[4];
    tensor_copy_wait<0>();
    out[3] = here[4], out[4] = here[8];
}

extern "C" void emulate_selftest(int which, float *out) {
    if (which == 0) LAUNCH(neighbour, dim3(1), dim3(THREADS), 0, out);
    if (which == 1) LAUNCH(lanes, dim3(1), dim3(THREADS), 0, out);
    if (which == 2) LAUNCH(unwritten, dim3(1), dim3(THREADS), THREADS * sizeof(float), out);
    if (which == 3) LAUNCH(divided, dim3(1), dim3(THREADS), 0, out);
    if (which == 4) LAUNCH(product, dim3(1), dim3(LANES), 1024, out, 0);
    if (which == 5) LAUNCH(product, dim3(1), dim3(LANES), 1024, out, 1);
    if (which == 6) {
        alignas(16) static const float in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        LAUNCH(copies, dim3(1), dim3(1), 48, in, out);
    }
}
