#define _GNU_SOURCE
#include "base/arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_ALIGN 64

static size_t physical_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0) return (size_t)1 << 32;
    return (size_t)pages * (size_t)page;
}

Status arena_open(Arena *arena, size_t capacity) {
    *arena = (Arena){0};
    if (capacity == 0) capacity = physical_bytes();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    capacity = (capacity + page - 1) / page * page;
    void *base = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return status_fail(STATUS_MEMORY, "arena: cannot reserve %zu bytes of address space",
                           capacity);
    /* Large pages: attention walks megabytes in tiles, and 4 KiB pages would spend TLB misses. */
    madvise(base, capacity, MADV_HUGEPAGE);
    arena->base = base;
    arena->capacity = capacity;
    return STATUS_OK;
}

void *arena_take(Arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - ARENA_ALIGN) bytes = SIZE_MAX - ARENA_ALIGN;
    size_t rounded = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded > arena->capacity - arena->used) {
        status_fail(STATUS_MEMORY, "arena: %zu bytes asked, %zu of %zu free", bytes,
                    arena->capacity - arena->used, arena->capacity);
        return NULL;
    }
    void *taken = arena->base + arena->used;
    arena->used += rounded;
    if (arena->used > arena->high_water) arena->high_water = arena->used;
    return taken;
}

void *arena_take_zeroed(Arena *arena, size_t bytes) {
    void *taken = arena_take(arena, bytes);
    if (taken) memset(taken, 0, bytes);
    return taken;
}

size_t arena_mark(const Arena *arena) {
    return arena->used;
}

void arena_rewind(Arena *arena, size_t mark) {
    if (mark <= arena->used) arena->used = mark;
}

void arena_high_water_reset(Arena *arena) {
    arena->high_water = arena->used;
}

void arena_trim(Arena *arena) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t keep = (arena->used + page - 1) / page * page;
    if (keep < arena->capacity) madvise(arena->base + keep, arena->capacity - keep, MADV_DONTNEED);
}

void arena_close(Arena *arena) {
    if (arena->base) munmap(arena->base, arena->capacity);
    *arena = (Arena){0};
}
