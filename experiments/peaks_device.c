#include "peaks.h"
#include "room.h"

#include <math.h>

#define CALLS_MOST 10000

typedef struct {
    const Device *device;
    Precision precision;
    Arena *arena;
    int m, n, k;
    float *a, *b, *c;
    size_t bytes;
} Work;

typedef Status Call(const Work *work);

static Status multiply(const Work *w) {
    return w->device->gemm_at(w->precision, 0, 1, w->m, w->n, w->k, 1, w->a, (size_t)w->k, w->b,
                              (size_t)w->k, 0, w->c, (size_t)w->n, w->arena);
}

static Status copy(const Work *w) {
    return w->device->memory->copy(w->b, w->a, w->bytes);
}

/* Seconds of one of `calls` in a row, which nothing waits between. */
static Status take(const Work *work, Call *call, int calls, double *seconds) {
    const DeviceMemory *memory = work->device->memory;
    STATUS_TRY(memory->time_begin());
    for (int i = 0; i < calls; i++) STATUS_TRY(call(work));
    STATUS_TRY(memory->time_end(seconds));
    *seconds /= calls;
    return STATUS_OK;
}

static Status sustain(const Work *work, Call *call, double wanted, double *seconds) {
    STATUS_TRY(take(work, call, 1, seconds)); /* warms up */
    STATUS_TRY(take(work, call, 1, seconds));
    double calls = ceil(wanted / fmax(*seconds, 1e-6));
    return take(work, call, (int)fmin(fmax(calls, 1), CALLS_MOST), seconds);
}

/* Normal numbers, the same block again and again: drawing them all would take longer than what is
 * measured. */
static Status fill(const Device *device, float *to, size_t count, const char *name) {
    const size_t block = (size_t)1 << 16;
    size_t done = count < block ? count : block;
    STATUS_TRY(room_fill_normal(device, to, done, 1, name));
    while (done < count) {
        const size_t next = count - done < done ? count - done : done;
        STATUS_TRY(device->memory->copy(to + done, to, next * sizeof *to));
        done += next;
    }
    return STATUS_OK;
}

Status peaks_device_gemm_rate(const Device *device, Precision precision, Arena *arena, int m, int n,
                              int k, double seconds, double *rate) {
    const size_t a = (size_t)m * (size_t)k, b = (size_t)n * (size_t)k, c = (size_t)m * (size_t)n;
    const size_t mark = arena_mark(arena);
    Work work = {.device = device, .precision = precision, .arena = arena, .m = m, .n = n, .k = k};
    work.a = arena_take(arena, a * sizeof(float));
    work.b = arena_take(arena, b * sizeof(float));
    work.c = arena_take(arena, c * sizeof(float));
    Status status = work.a && work.b && work.c ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK) status = fill(device, work.a, a, "q4.gemm.a");
    if (status == STATUS_OK) status = fill(device, work.b, b, "q4.gemm.b");
    if (status == STATUS_OK) status = sustain(&work, multiply, seconds, &seconds);
    arena_rewind(arena, mark);
    if (status == STATUS_OK) *rate = 2.0 * m * n * k / seconds;
    return status;
}

Status peaks_copy_rate(const Device *device, Arena *arena, size_t bytes, double seconds,
                       double *rate) {
    const size_t mark = arena_mark(arena);
    Work work = {.device = device, .bytes = bytes};
    work.a = arena_take(arena, bytes);
    work.b = arena_take(arena, bytes);
    Status status = work.a && work.b ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK) status = device->memory->zero(work.a, bytes);
    if (status == STATUS_OK) status = sustain(&work, copy, seconds, &seconds);
    arena_rewind(arena, mark);
    if (status == STATUS_OK) *rate = 2.0 * (double)bytes / seconds;
    return status;
}
