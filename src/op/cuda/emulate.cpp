#include "emulate.h"

#include <chrono>
#include <cstdio>
#include <csetjmp>
#include <cstdlib>
#include <ucontext.h>

extern "C" {
#include <cblas.h>
}

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* --- fibers ----------------------------------------------------------------------------------- */

namespace {

enum { THREADS_MAX = 1024, LANES = 32 };
const size_t STACK_BYTES = 128 * 1024;

enum State { READY, AT_BLOCK, AT_WARP, ENDED };

/* The first switch to a fiber sets its stack up; later ones jump, which asks nothing of the kernel.
 * AddressSanitizer follows only the first way. */
struct Fiber {
    ucontext_t context;
#if !defined __SANITIZE_ADDRESS__
    jmp_buf place;
    int begun;
#endif
    State state;
    uint3 index;
    uint64_t given; /* to the shuffle that the warp is in */
};

Fiber fibers[THREADS_MAX];
char *stacks;
#if defined __SANITIZE_ADDRESS__
ucontext_t scheduler;
#else
jmp_buf scheduler_place;
#endif
int count, current;
unsigned long blocks_begun;
void (*kernel_body)(void *);
void *kernel_context;
char *shared;

[[noreturn]] void give_up(const char *what) {
    fprintf(stderr, "emulated CUDA: %s (block %u %u %u, thread %u %u %u)\n", what, blockIdx.x,
            blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    abort();
}

#if defined __SANITIZE_ADDRESS__
void *scheduler_fake;
const void *scheduler_stack;
size_t scheduler_stack_bytes;
#endif

#if defined __SANITIZE_ADDRESS__

void to_fiber(int i) {
    current = i;
    threadIdx = fibers[i].index;
    __sanitizer_start_switch_fiber(&scheduler_fake, stacks + (size_t)i * STACK_BYTES, STACK_BYTES);
    swapcontext(&scheduler, &fibers[i].context);
    __sanitizer_finish_switch_fiber(scheduler_fake, NULL, NULL);
}

/* From a fiber back to the scheduler; returns when the fiber's turn comes again. */
void to_scheduler(State state) {
    Fiber *fiber = &fibers[current];
    void *fake = NULL;
    fiber->state = state;
    __sanitizer_start_switch_fiber(state == ENDED ? NULL : &fake, scheduler_stack,
                                   scheduler_stack_bytes);
    swapcontext(&fiber->context, &scheduler);
    __sanitizer_finish_switch_fiber(fake, &scheduler_stack, &scheduler_stack_bytes);
}

#else

void to_fiber(int i) {
    Fiber *fiber = &fibers[i];
    current = i;
    threadIdx = fiber->index;
    if (_setjmp(scheduler_place)) return;
    if (fiber->begun) _longjmp(fiber->place, 1);
    fiber->begun = 1;
    setcontext(&fiber->context);
}

/* From a fiber back to the scheduler; returns when the fiber's turn comes again. */
void to_scheduler(State state) {
    Fiber *fiber = &fibers[current];
    fiber->state = state;
    if (_setjmp(fiber->place) == 0) _longjmp(scheduler_place, 1);
}

#endif

void fiber_main(void) {
#if defined __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_stack_bytes);
#endif
    for (;;) { /* where fibers are kept, the next block's thread goes on here */
        kernel_body(kernel_context);
        to_scheduler(ENDED);
    }
}

/* Lets those go on that all whom they wait for have joined: a warp's lanes, or the whole block. A
 * thread that has ended waits for nobody, and nobody for it. */
int release(void) {
    int released = 0, waiting = 0, alive = 0;
    for (int warp = 0; warp < count; warp += LANES) {
        int lanes = 0, here = 0;
        for (int i = warp; i < warp + LANES && i < count; i++) {
            lanes += fibers[i].state != ENDED;
            here += fibers[i].state == AT_WARP;
            waiting += fibers[i].state == AT_BLOCK;
        }
        alive += lanes;
        if (here == 0 || here != lanes) continue;
        for (int i = warp; i < warp + LANES && i < count; i++)
            if (fibers[i].state == AT_WARP) fibers[i].state = READY, released++;
    }
    if (waiting > 0 && waiting == alive)
        for (int i = 0; i < count; i++)
            if (fibers[i].state == AT_BLOCK) fibers[i].state = READY, released++;
    if (alive > 0 && released == 0)
        give_up("some threads wait where others never come: a barrier or a shuffle in a branch");
    return alive;
}

/* Not part of the loop over threads: getcontext() may return twice, to the compiler's mind with
 * the loop's variables lost. */
__attribute__((noinline)) void begin_thread(unsigned i) {
    Fiber *fiber = &fibers[i];
    fiber->index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    fiber->state = READY;
#if !defined __SANITIZE_ADDRESS__
    if (fiber->begun) return; /* it waits at the end of the last block */
#endif
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = stacks + (size_t)i * STACK_BYTES;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, fiber_main, 0);
}

void run_block(void) {
    blocks_begun++;
    for (int i = 0; i < count; i++) begin_thread((unsigned)i);
    do {
        for (int i = 0; i < count; i++)
            if (fibers[i].state == READY) to_fiber(i);
    } while (release());
}

} // namespace

void emulate_launch(dim3 grid, dim3 block, size_t bytes, void (*body)(void *), void *context) {
    if (!stacks) stacks = static_cast<char *>(malloc(THREADS_MAX * STACK_BYTES));
    if (!stacks) give_up("no memory for stacks");
    size_t threads = (size_t)block.x * block.y * block.z;
    if (threads < 1 || threads > THREADS_MAX || grid.x < 1 || grid.y < 1 || grid.z < 1 ||
        grid.y > 65535 || grid.z > 65535)
        give_up("a grid or a block of an impossible size");
    if (bytes > 227 * 1024) give_up("more shared memory than any GPU has");
    gridDim = grid;
    blockDim = block;
    count = (int)threads;
    kernel_body = body;
    kernel_context = context;
    shared = static_cast<char *>(malloc(bytes + 16));
    if (!shared) give_up("no memory for shared memory");
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = {x, y, z};
                memset(shared, 0xff, bytes + 16); /* every float is a NaN */
                run_block();
            }
    free(shared);
    shared = NULL;
}

void *emulate_shared_memory(void) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(shared) + 15) & ~(uintptr_t)15);
}

void emulate_meet_block(void) {
    to_scheduler(AT_BLOCK);
}

void emulate_meet_warp(void) {
    to_scheduler(AT_WARP);
}

int emulate_thread(void) {
    return current;
}

unsigned long emulate_block(void) {
    return blocks_begun;
}

int emulate_lane(void) {
    return current % LANES;
}

uint64_t emulate_exchange(uint64_t bits, int lane) {
    int warp = current / LANES * LANES;
    fibers[current].given = bits;
    emulate_meet_warp();
    if (lane < 0 || lane >= LANES || warp + lane >= count || fibers[warp + lane].state == ENDED)
        give_up("a shuffle from a lane that is not there");
    bits = fibers[warp + lane].given;
    emulate_meet_warp(); /* nobody gives the next value before all have taken this one */
    return bits;
}

/* Whether any lane of the warp says so; lanes that have ended do not. */
int emulate_any(int mine) {
    int warp = current / LANES * LANES, any = 0;
    fibers[current].given = mine != 0;
    emulate_meet_warp();
    for (int i = warp; i < warp + LANES && i < count; i++)
        any |= fibers[i].state != ENDED && fibers[i].given;
    emulate_meet_warp();
    return any;
}

/* --- the run-time library ----------------------------------------------------------------------
 */

struct EmulatedEvent {
    std::chrono::steady_clock::time_point at;
};

static size_t limit_of_environment(void);
static size_t limit_bytes = limit_of_environment(), used_bytes;
static cudaError_t last_error;

/* TAMRIN_EMULATED_BYTES gives a program that opens the emulation as its plug-in a smaller GPU. */
static size_t limit_of_environment(void) {
    const char *text = getenv("TAMRIN_EMULATED_BYTES");
    return text ? (size_t)strtoull(text, NULL, 10) : 0;
}

extern "C" void emulate_memory_limit(size_t bytes) {
    limit_bytes = bytes;
}

static cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

/* The size stands before the block, at a distance that keeps its alignment. */
enum { HEAD = 256 };

cudaError_t cudaMalloc(void **at, size_t bytes) {
    *at = NULL;
    if (limit_bytes && (bytes > limit_bytes || used_bytes > limit_bytes - bytes))
        return result(cudaErrorMemoryAllocation);
    void *block = NULL;
    if (posix_memalign(&block, HEAD, HEAD + (bytes ? bytes : 1)))
        return result(cudaErrorMemoryAllocation);
    memcpy(block, &bytes, sizeof bytes);
    *at = static_cast<char *>(block) + HEAD;
    memset(*at, 0xff, bytes < ((size_t)64 << 20) ? bytes : (size_t)64 << 20);
    used_bytes += bytes;
    return cudaSuccess;
}

cudaError_t cudaFree(void *at) {
    if (!at) return cudaSuccess;
    size_t bytes;
    char *block = static_cast<char *>(at) - HEAD;
    memcpy(&bytes, block, sizeof bytes);
    used_bytes -= bytes;
    free(block);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
    if (bytes) memcpy(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t) {
    if (bytes) memset(at, value, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_now, size_t *total) {
    *total = limit_bytes ? limit_bytes : (size_t)1 << 30;
    *free_now = *total > used_bytes ? *total - used_bytes : 0;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *devices) {
    *devices = 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    return result(device == 0 ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
    *properties = cudaDeviceProp();
    strcpy(properties->name, "Emulated GPU");
    properties->totalGlobalMem = (size_t)1 << 30;
    properties->sharedMemPerBlockOptin = 99 * 1024; /* the least of sm_80 and later */
    properties->major = 8;
    properties->multiProcessorCount = 4;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 0;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    *stream = NULL;
    return cudaSuccess;
}

static long waits;

extern "C" long emulate_waits(void) {
    return waits;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) {
    waits++;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    *event = new EmulatedEvent();
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
    event->at = std::chrono::steady_clock::now();
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t) {
    waits++;
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) {
    *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void) {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaPeekAtLastError(void) {
    return last_error;
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaSuccess                 ? "no error"
           : error == cudaErrorMemoryAllocation ? "out of memory"
                                                : "invalid argument";
}

/* --- cuBLAS ----------------------------------------------------------------------------------- */

static CBLAS_TRANSPOSE transpose(cublasOperation_t operation) {
    return operation == CUBLAS_OP_T ? CblasTrans : CblasNoTrans;
}

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    *handle = NULL;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) {
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t multiply(cublasOperation_t transpose_a, cublasOperation_t transpose_b, int m,
                               int n, int k, float alpha, const float *a, int lda, const float *b,
                               int ldb, float beta, float *c, int ldc) {
    if (m < 0 || n < 0 || k < 0 || ldc < (m > 1 ? m : 1) ||
        lda < (transpose_a == CUBLAS_OP_T ? k : m) || ldb < (transpose_b == CUBLAS_OP_T ? n : k))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (m && n)
        cblas_sgemm(CblasColMajor, transpose(transpose_a), transpose(transpose_b), m, n, k, alpha,
                    a, lda > 1 ? lda : 1, b, ldb > 1 ? ldb : 1, beta, c, ldc);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t, cublasOperation_t transpose_a,
                                         cublasOperation_t transpose_b, int m, int n, int k,
                                         const float *alpha, const float *a, int lda,
                                         long long stride_a, const float *b, int ldb,
                                         long long stride_b, const float *beta, float *c, int ldc,
                                         long long stride_c, int products) {
    for (int i = 0; i < products; i++) {
        cublasStatus_t status =
            multiply(transpose_a, transpose_b, m, n, k, *alpha, a + i * stride_a, lda,
                     b + i * stride_b, ldb, *beta, c + i * stride_c, ldc);
        if (status != CUBLAS_STATUS_SUCCESS) return status;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm(cublasHandle_t, cublasOperation_t transpose_a,
                           cublasOperation_t transpose_b, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta,
                           float *c, int ldc) {
    return multiply(transpose_a, transpose_b, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
}

static float round_tf32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (!std::isfinite(x)) return x;
    bits = (bits + 0x1000) & ~(uint32_t)0x1fff;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What the tensor core reads of a column-major matrix, dense. */
static float *operand(const void *from, cudaDataType_t type, long long first, int rows, int columns,
                      int ld, int tf32) {
    float *to = static_cast<float *>(malloc(((size_t)rows * (size_t)columns + 1) * sizeof *to));
    if (!to) give_up("no memory for an operand");
    for (int j = 0; j < columns; j++)
        for (int i = 0; i < rows; i++) {
            const long long at = first + (long long)j * ld + i;
            float x = type == CUDA_R_16BF
                          ? __bfloat162float(static_cast<const __nv_bfloat16 *>(from)[at])
                          : static_cast<const float *>(from)[at];
            to[(size_t)j * (size_t)rows + (size_t)i] = tf32 ? round_tf32(x) : x;
        }
    return to;
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t, cublasOperation_t transpose_a,
                                          cublasOperation_t transpose_b, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType_t type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType_t type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType_t type_c, int ldc,
                                          long long stride_c, int products,
                                          cublasComputeType_t compute, cublasGemmAlgo_t) {
    const int tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    const int rows_a = transpose_a == CUBLAS_OP_T ? k : m, columns_a = m + k - rows_a;
    const int rows_b = transpose_b == CUBLAS_OP_T ? n : k, columns_b = n + k - rows_b;
    if (m < 0 || n < 0 || k < 0 || lda < rows_a || ldb < rows_b || type_a != type_b ||
        type_c != CUDA_R_32F || (tf32 && type_a != CUDA_R_32F))
        return CUBLAS_STATUS_INVALID_VALUE;
    for (int i = 0; i < products; i++) {
        float *left = operand(a, type_a, i * stride_a, rows_a, columns_a, lda, tf32);
        float *right = operand(b, type_b, i * stride_b, rows_b, columns_b, ldb, tf32);
        cublasStatus_t status =
            multiply(transpose_a, transpose_b, m, n, k, *static_cast<const float *>(alpha), left,
                     rows_a, right, rows_b, *static_cast<const float *>(beta),
                     static_cast<float *>(c) + i * stride_c, ldc);
        free(left), free(right);
        if (status != CUBLAS_STATUS_SUCCESS) return status;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transpose_a,
                            cublasOperation_t transpose_b, int m, int n, int k, const void *alpha,
                            const void *a, cudaDataType_t type_a, int lda, const void *b,
                            cudaDataType_t type_b, int ldb, const void *beta, void *c,
                            cudaDataType_t type_c, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
    return cublasGemmStridedBatchedEx(handle, transpose_a, transpose_b, m, n, k, alpha, a, type_a,
                                      lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1,
                                      compute, algorithm);
}

const char *cublasGetStatusString(cublasStatus_t status) {
    return status == CUBLAS_STATUS_SUCCESS ? "success" : "invalid value";
}
