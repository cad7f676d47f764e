/* The plug-in's entry, its stream, cuBLAS and memory. */
#include "device.h"

#include <cstdarg>
#include <cstdio>

const CudaHost *cuda_host;

namespace {

cudaStream_t stream;
cublasHandle_t blas;
cudaEvent_t timer[2];
char description[400], machine_slug[128];

} // namespace

cudaStream_t cuda_stream(void) {
    return stream;
}

cublasHandle_t cuda_blas(void) {
    return blas;
}

/* --- failures --------------------------------------------------------------------------------- */

Status cuda_failed(cudaError_t error, const char *format, ...) {
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    cudaGetLastError(); /* it has been told */
    return cuda_host->fail(error == cudaErrorMemoryAllocation ? STATUS_MEMORY : STATUS_UNSUPPORTED,
                           "cuda: %s: %s", what, cudaGetErrorString(error));
}

Status cuda_blas_failed(cublasStatus_t status, const char *format, ...) {
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: %s: cuBLAS: %s", what,
                           cublasGetStatusString(status));
}

/* --- memory ----------------------------------------------------------------------------------- */

static Status free_bytes(size_t *bytes, size_t *total) {
    CUDA_TRY(cudaMemGetInfo(bytes, total), "asking for free memory");
    return STATUS_OK;
}

/* What is left for cuBLAS and the driver when an arena takes all. */
static const size_t RESERVE = (size_t)512 << 20;

static Status arena_open_device(Arena *arena, size_t capacity) {
    size_t now, total;
    void *base;
    *arena = Arena();
    Status status = free_bytes(&now, &total);
    if (status != STATUS_OK) return status;
    if (capacity == 0) capacity = now > 2 * RESERVE ? now - RESERVE : now / 2;
    capacity = (capacity + 255) / 256 * 256;
    cudaError_t error = cudaMalloc(&base, capacity);
    if (error != cudaSuccess)
        return cuda_failed(error, "an arena of %zu bytes; %zu of the GPU's %zu are free", capacity,
                           now, total);
    arena->base = static_cast<unsigned char *>(base);
    arena->capacity = capacity;
    return STATUS_OK;
}

static void arena_close_device(Arena *arena) {
    cudaFree(arena->base);
    *arena = Arena();
}

static Status upload(void *device, const void *host, size_t bytes) {
    CUDA_TRY(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream),
             "upload of %zu bytes", bytes);
    return STATUS_OK;
}

static Status wait(void) {
    CUDA_TRY(cudaStreamSynchronize(stream), "waiting for what was asked for");
    return STATUS_OK;
}

static Status download(void *host, const void *device, size_t bytes) {
    CUDA_TRY(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream),
             "download of %zu bytes", bytes);
    return wait();
}

static Status copy(void *to, const void *from, size_t bytes) {
    CUDA_TRY(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream),
             "copy of %zu bytes", bytes);
    return STATUS_OK;
}

static Status zero(void *at, size_t bytes) {
    CUDA_TRY(cudaMemsetAsync(at, 0, bytes, stream), "zero of %zu bytes", bytes);
    return STATUS_OK;
}

static Status time_begin(void) {
    CUDA_TRY(cudaEventRecord(timer[0], stream), "beginning to take the time");
    return STATUS_OK;
}

static Status time_end(double *seconds) {
    float milliseconds;
    CUDA_TRY(cudaEventRecord(timer[1], stream), "taking the time");
    CUDA_TRY(cudaEventSynchronize(timer[1]), "what was timed");
    CUDA_TRY(cudaEventElapsedTime(&milliseconds, timer[0], timer[1]), "taking the time");
    *seconds = 1e-3 * (double)milliseconds;
    return STATUS_OK;
}

static const char *describe(void) {
    return description;
}

static const char *slug(void) {
    return machine_slug;
}

const DeviceMemory cuda_memory = {
    0,    arena_open_device, arena_close_device, upload,     download, copy, zero,
    wait, time_begin,        time_end,           free_bytes, describe, slug};

/* --- the entry -------------------------------------------------------------------------------- */

/* "NVIDIA H200" gives "nvidia-h200". */
static void make_slug(const char *name) {
    size_t used = 0;
    for (; *name && used + 1 < sizeof machine_slug; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 'a' - 'A') : *name;
        int plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain)
            machine_slug[used++] = c;
        else if (used > 0 && machine_slug[used - 1] != '-')
            machine_slug[used++] = '-';
    }
    while (used > 0 && machine_slug[used - 1] == '-') used--;
    machine_slug[used] = 0;
}

static Status find_gpu(void) {
    int devices = 0, driver = 0, runtime = 0;
    cudaDeviceProp properties;
    cudaError_t error = cudaGetDeviceCount(&devices);
    if (error != cudaSuccess)
        return cuda_failed(error, "no GPU can be used; expected an NVIDIA GPU and its driver");
    if (devices < 1)
        return cuda_host->fail(STATUS_UNSUPPORTED, "cuda: this machine has no NVIDIA GPU");
    CUDA_TRY(cudaSetDevice(0), "choosing GPU 0");
    CUDA_TRY(cudaGetDeviceProperties(&properties, 0), "asking what GPU 0 is");
    CUDA_TRY(cudaDriverGetVersion(&driver), "asking for the driver");
    CUDA_TRY(cudaRuntimeGetVersion(&runtime), "asking for CUDA");
    if (properties.major < 8)
        return cuda_host->fail(STATUS_UNSUPPORTED,
                               "cuda: %s is sm_%d%d; expected sm_80 (Ampere) or later",
                               properties.name, properties.major, properties.minor);
    snprintf(description, sizeof description, "%s, %.1f GiB, sm_%d%d, CUDA %d.%d (driver %d.%d)",
             properties.name, (double)properties.totalGlobalMem / 1073741824., properties.major,
             properties.minor, runtime / 1000, runtime % 1000 / 10, driver / 1000,
             driver % 1000 / 10);
    make_slug(properties.name);
    return STATUS_OK;
}

extern "C" Status tamrin_cuda_open(const CudaHost *host, const Device **out) {
    static Device device;
    static const CudaHost mine = {CUDA_HOST_SIZES, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    if (host->version != mine.version || host->device_bytes != mine.device_bytes ||
        host->attention_bytes != mine.attention_bytes ||
        host->recurrent_bytes != mine.recurrent_bytes || host->layers_bytes != mine.layers_bytes ||
        host->memory_bytes != mine.memory_bytes)
        return host->fail(STATUS_FORMAT, "cuda: the plug-in is of another build than the program; "
                                         "make experiments builds both");
    cuda_host = host;
    Status status = find_gpu();
    if (status != STATUS_OK) return status;
    CUDA_TRY(cudaStreamCreate(&stream), "making a stream");
    for (int i = 0; i < 2; i++) CUDA_TRY(cudaEventCreate(&timer[i]), "making a timer");
    BLAS_TRY(cublasCreate(&blas), "opening cuBLAS");
    BLAS_TRY(cublasSetStream(blas, stream), "cuBLAS's stream");
    device = Device();
    device.name = "cuda";
    device.gemm = cuda_gemm;
    device.gemm_at = cuda_gemm_at;
    device.attention_forward = cuda_attention_forward;
    device.attention_backward = cuda_attention_backward;
    device.layers = &cuda_layers;
    device.recurrent = &cuda_recurrent;
    device.memory = &cuda_memory;
    *out = &device;
    return STATUS_OK;
}
