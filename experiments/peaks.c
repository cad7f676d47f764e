#include "peaks.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/machine.h"
#include "base/rng.h"
#include "op/op.h"

#include <omp.h>

#define MEMORY_CACHES      4
#define MEMORY_BYTES_LEAST ((size_t)64 << 20)

Status peaks_gemm_rate(int m, int n, int k, double seconds, double *rate) {
    size_t a_count = (size_t)m * (size_t)k, b_count = (size_t)n * (size_t)k;
    size_t c_count = (size_t)m * (size_t)n;
    Arena arena;
    STATUS_TRY(arena_open(&arena, (a_count + b_count + c_count) * sizeof(float) + 192));
    float *a = arena_take(&arena, a_count * sizeof *a);
    float *b = arena_take(&arena, b_count * sizeof *b);
    float *c = arena_take_zeroed(&arena, c_count * sizeof *c);
    Status status = a && b && c ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK) {
        rng_fill_normal(a, a_count, 1, rng_stream("q4.gemm.a"));
        rng_fill_normal(b, b_count, 1, rng_stream("q4.gemm.b"));
    }
    double start = 0, spent = 0;
    int calls = -1; /* the first call warms up and is not counted */
    while (status == STATUS_OK && (calls < 1 || spent < seconds)) {
        if (calls == 0) start = clock_seconds();
        status = device_cpu()->gemm(0, 1, m, n, k, 1, a, (size_t)k, b, (size_t)k, 0, c, (size_t)n);
        calls++;
        if (calls > 0) spent = clock_seconds() - start;
    }
    arena_close(&arena);
    if (status == STATUS_OK) *rate = 2.0 * m * n * k * calls / spent;
    return status;
}

size_t peaks_memory_bytes(void) {
    Machine machine;
    machine_describe(&machine);
    size_t most = 0;
    for (int i = 0; i < machine.caches; i++)
        if (machine.cache[i].bytes > most) most = machine.cache[i].bytes;
    return MEMORY_CACHES * most < MEMORY_BYTES_LEAST ? MEMORY_BYTES_LEAST : MEMORY_CACHES * most;
}

Status peaks_triad_rate(size_t bytes, double seconds, double *rate) {
    long count = (long)(bytes / 3 / sizeof(float));
    Arena arena;
    STATUS_TRY(arena_open(&arena, bytes + 192));
    float *a = arena_take(&arena, (size_t)count * sizeof *a);
    float *b = arena_take(&arena, (size_t)count * sizeof *b);
    float *c = arena_take(&arena, (size_t)count * sizeof *c);
    if (!a || !b || !c) {
        arena_close(&arena);
        return STATUS_MEMORY;
    }
#pragma omp parallel for simd schedule(static)
    for (long i = 0; i < count; i++) {
        a[i] = 0;
        b[i] = 1;
        c[i] = 2;
    }
    double start = 0, spent = 0;
    int passes = -1;
    while (passes < 1 || spent < seconds) {
        if (passes == 0) start = clock_seconds();
        float factor = 0.5f + 0.25f * (float)(passes & 1);
#pragma omp parallel for simd schedule(static)
        for (long i = 0; i < count; i++) a[i] = b[i] + factor * c[i];
        passes++;
        if (passes > 0) spent = clock_seconds() - start;
    }
    *rate = 3.0 * (double)count * sizeof(float) * passes / spent;
    arena_close(&arena);
    return STATUS_OK;
}

/* Integers are summed, so that the compiler may use vectors without changing the result; eight
 * sums, so that no addition waits for the one before. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
__attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#endif
static uint64_t
sum_words(const uint64_t *words, long count) {
    uint64_t lanes[32] = {0}, sum = 0;
    for (long i = 0; i + 32 <= count; i += 32)
        for (int l = 0; l < 32; l++) lanes[l] += words[i + l];
    for (int l = 0; l < 32; l++) sum += lanes[l];
    return sum;
}

Status peaks_read_rate(size_t bytes, double seconds, double *rate) {
    enum { PASSES = 8 }; /* in a row, so that starting the threads costs little */
    long count = (long)(bytes / sizeof(uint64_t));
    Arena arena;
    STATUS_TRY(arena_open(&arena, bytes + 128));
    uint64_t *words = arena_take(&arena, (size_t)count * sizeof *words);
    if (!words) {
        arena_close(&arena);
        return STATUS_MEMORY;
    }
    for (long i = 0; i < count; i++) words[i] = (uint64_t)i;
    double start = 0, spent = 0;
    long calls = -1;
    while (calls < 1 || spent < seconds) {
        if (calls == 0) start = clock_seconds();
        uint64_t all = 0;
#pragma omp parallel reduction(+ : all)
        {
            long threads = omp_get_num_threads(), me = omp_get_thread_num();
            long from = count * me / threads, to = count * (me + 1) / threads;
            for (int pass = 0; pass < PASSES; pass++) {
                all += sum_words(words + from, to - from);
                __asm__ volatile("" : : : "memory"); /* reads them again in every pass */
            }
        }
        __asm__ volatile("" : : "r"(all));
        calls++;
        if (calls > 0) spent = clock_seconds() - start;
    }
    *rate = (double)bytes * PASSES * (double)calls / spent;
    arena_close(&arena);
    return STATUS_OK;
}
