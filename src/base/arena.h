/* arena: memory that is taken in order and given back all at once.
 *
 * A large range of addresses is reserved once; pages become real when first touched, so a
 * generous reservation costs nothing. The high-water mark is the number of "bytes counted"
 * that the reports print beside a formula.
 *
 *     Arena arena;
 *     STATUS_TRY(arena_open(&arena, 0));              // 0: as much as the machine has
 *     float *q = arena_take(&arena, n * sizeof *q);   // 64-byte aligned, not zeroed
 *     if (!q) return STATUS_MEMORY;                   // message already recorded
 *     size_t mark = arena_mark(&arena);
 *     ... arena_take ...
 *     arena_rewind(&arena, mark);                     // gives back what came after the mark
 *     arena_close(&arena);
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/status.h"
#include <stddef.h>

typedef struct {
    unsigned char *base;
    size_t capacity;   /* bytes reserved */
    size_t used;       /* bytes taken now */
    size_t high_water; /* most bytes ever taken since arena_open or arena_high_water_reset */
} Arena;

/* Reserves `capacity` bytes (0: the machine's physical memory). STATUS_MEMORY on refusal. */
Status arena_open(Arena *arena, size_t capacity);

/* Takes `bytes` bytes, aligned to 64, contents undefined. NULL with a message when full. */
void *arena_take(Arena *arena, size_t bytes);

/* The same, zeroed. */
void *arena_take_zeroed(Arena *arena, size_t bytes);

size_t arena_mark(const Arena *arena);
void arena_rewind(Arena *arena, size_t mark);

/* Starts the high-water mark again from what is in use now. */
void arena_high_water_reset(Arena *arena);

/* Gives the pages beyond `used` back to the system, so that memory seen falls with memory counted.
 */
void arena_trim(Arena *arena);

void arena_close(Arena *arena);

#endif
