#define _GNU_SOURCE
#include "op/cpu/memory.h"
#include "base/clock.h"

#include <string.h>
#include <unistd.h>

static Status move(void *to, const void *from, size_t bytes) {
    memmove(to, from, bytes);
    return STATUS_OK;
}

static Status zero(void *at, size_t bytes) {
    memset(at, 0, bytes);
    return STATUS_OK;
}

static Status wait(void) {
    return STATUS_OK;
}

static _Thread_local double begun;

static Status time_begin(void) {
    begun = clock_seconds();
    return STATUS_OK;
}

static Status time_end(double *seconds) {
    *seconds = clock_seconds() - begun;
    return STATUS_OK;
}

static Status free_bytes(size_t *bytes, size_t *total) {
    const long page = sysconf(_SC_PAGESIZE), free = sysconf(_SC_AVPHYS_PAGES);
    const long all = sysconf(_SC_PHYS_PAGES);
    if (page < 1 || free < 0 || all < 1)
        return status_fail(STATUS_UNSUPPORTED, "this system does not say how much memory it has");
    *bytes = (size_t)free * (size_t)page;
    *total = (size_t)all * (size_t)page;
    return STATUS_OK;
}

static const char *describe(void) {
    return "the CPU";
}

static const char *slug(void) {
    return "";
}

const DeviceMemory cpu_memory = {1,    arena_open, arena_close, move,       move,     move, zero,
                                 wait, time_begin, time_end,    free_bytes, describe, slug};
