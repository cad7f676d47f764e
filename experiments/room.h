/* room: the memory of the device that an experiment measures, and the numbers that lie in it.
 *
 *     const Device *device;
 *     int status = room_choose("q4_complexity", "auto", &device);   // says which, and why
 *     if (status >= 0) return status;
 *     Room room;
 *     STATUS_TRY(room_open(&room, device));                   // a GPU's: all that is free, at once
 *     Arena arena;
 *     STATUS_TRY(room_arena(&room, 0, &arena));               // 0: the rest
 *     float *x = arena_take(&arena, n * sizeof *x);
 *     STATUS_TRY(room_fill_normal(&room, x, n, seed, "q4.query"));
 *     room_arena_close(&room, &arena);
 *     room_close(&room);
 *
 * On the CPU an arena is a reservation of its own (base/arena.h). On a GPU nothing is taken from
 * the driver while something is measured: arenas are parts of one, and the one that was made last
 * goes first.
 */
#ifndef EXPERIMENTS_ROOM_H
#define EXPERIMENTS_ROOM_H

#include "op/op.h"
#include <stdint.h>

/* What --device takes, for options.h. */
#define ROOM_DEVICES "cpu|cuda|auto"

typedef struct {
    const Device *device;
    Arena whole; /* a GPU's; empty on the CPU */
    int apart;
} Room;

/* The device of --device's position in ROOM_DEVICES. Returns -1; or 1, the exit status, where it
 * cannot be had: what was looked for and what can be done is then on stderr. "auto" says in one
 * line there what it chose. */
int room_choose(const char *program, int choice, const Device **out);

/* STATUS_MEMORY where a GPU has nothing left. */
Status room_open(Room *room, const Device *device);

/* Takes nothing yet: every arena is then taken from the driver by itself, so that its count of free
 * bytes shows it. */
void room_open_apart(Room *room, const Device *device);

void room_close(Room *room);

int room_is_gpu(const Room *room);

/* Bytes that are left; on the CPU 0. */
size_t room_left(const Room *room);

/* `bytes` bytes, 0: all that is left. STATUS_MEMORY says how much was asked and how much is free.
 */
Status room_arena(Room *room, size_t bytes, Arena *out);
void room_arena_close(Room *room, Arena *arena);

/* Standard normal numbers: block b of 65536 is stream rng_stream(name) + b of `seed`, wherever the
 * numbers go. */
Status room_fill_normal(const Device *device, float *to, size_t count, uint64_t seed,
                        const char *name);

#endif
