/* memory: where a device's numbers live, how they come and go, and how its time is taken.
 *
 *     const DeviceMemory *memory = device->memory;
 *     Arena arena;                                       // addresses of the device
 *     STATUS_TRY(memory->arena_open(&arena, (size_t)1 << 30));
 *     float *x = arena_take(&arena, n * sizeof *x);
 *     STATUS_TRY(memory->upload(x, host, n * sizeof *x));
 *     STATUS_TRY(memory->time_begin());
 *     ... operations ...
 *     STATUS_TRY(memory->time_end(&seconds));            // waits; failures of operations come here
 *     STATUS_TRY(memory->download(host, x, n * sizeof *x));
 *     memory->arena_close(&arena);
 *
 * arena_take, arena_mark and arena_rewind work on any device's arena; arena_take_zeroed and
 * arena_trim are for the host's. An operation of a device other than the CPU may return before it
 * is done; those of one thread run in the order in which they were called, and so do transfers.
 */
#ifndef OP_MEMORY_H
#define OP_MEMORY_H

#include "base/arena.h"
#include "base/status.h"
#include <stddef.h>

typedef struct {
    int is_host; /* addresses are the host's own: nothing needs to be moved */

    /* Takes `capacity` bytes (0: nearly all that is free). STATUS_MEMORY says how much was asked
     * and how much is free. Bytes are undefined. */
    Status (*arena_open)(Arena *arena, size_t capacity);
    void (*arena_close)(Arena *arena);

    Status (*upload)(void *device, const void *host, size_t bytes);
    Status (*download)(void *host, const void *device, size_t bytes); /* waits */
    Status (*copy)(void *to, const void *from, size_t bytes);         /* both the device's */
    Status (*zero)(void *device, size_t bytes);

    /* Waits for everything that was asked for. */
    Status (*wait)(void);

    /* Seconds that the device spent between the two calls, by its own clock. */
    Status (*time_begin)(void);
    Status (*time_end)(double *seconds);

    /* Bytes of the device's memory: free now, and in all. */
    Status (*free_bytes)(size_t *bytes, size_t *total);

    /* "NVIDIA H200, 139.8 GiB, sm_90, CUDA 13.0 (driver 13.0)": for run.tsv. */
    const char *(*describe)(void);

    /* "nvidia-h200": names a folder of recorded results; "" for the host. */
    const char *(*slug)(void);
} DeviceMemory;

#endif
