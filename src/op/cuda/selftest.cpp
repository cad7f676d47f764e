/* Small kernels of which the emulation's tests know what they must do. */
#include "emulate.h"

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

extern "C" void emulate_selftest(int which, float *out) {
    if (which == 0) LAUNCH(neighbour, dim3(1), dim3(THREADS), 0, out);
    if (which == 1) LAUNCH(lanes, dim3(1), dim3(THREADS), 0, out);
    if (which == 2) LAUNCH(unwritten, dim3(1), dim3(THREADS), THREADS * sizeof(float), out);
    if (which == 3) LAUNCH(divided, dim3(1), dim3(THREADS), 0, out);
}
