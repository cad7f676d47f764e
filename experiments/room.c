#include "room.h"
#include "base/rng.h"
#include "op/cuda.h"

#include <stdio.h>
#include <stdlib.h>

#define BLOCK ((size_t)1 << 16) /* numbers of one stream */
#define STAGE (64 * BLOCK)      /* numbers on their way to a GPU */

int room_choose(const char *program, int choice, const Device **out) {
    static const char *const words[] = {"cpu", "cuda", "auto"};
    if (device_choose(words[choice], out) != STATUS_OK) {
        fprintf(stderr,
                "%s: --device=%s: %s; --device=cpu measures on the CPU, --device=auto where it "
                "can\n",
                program, words[choice], status_message());
        return 1;
    }
    if (*device_notice()) fprintf(stderr, "%s: %s\n", program, device_notice());
    return -1;
}

/* --- memory ---------------------------------------------------------------------------------- */

Status room_open(Room *room, const Device *device) {
    *room = (Room){.device = device};
    return room_is_gpu(room) ? device->memory->arena_open(&room->whole, 0) : STATUS_OK;
}

void room_open_apart(Room *room, const Device *device) {
    *room = (Room){.device = device, .apart = 1};
}

void room_close(Room *room) {
    if (room->whole.base) room->device->memory->arena_close(&room->whole);
    room->whole = (Arena){0};
}

int room_is_gpu(const Room *room) {
    return !room->device->memory->is_host;
}

size_t room_left(const Room *room) {
    return room->whole.capacity - room->whole.used;
}

Status room_arena(Room *room, size_t bytes, Arena *out) {
    *out = (Arena){0};
    if (room->apart || !room_is_gpu(room)) return room->device->memory->arena_open(out, bytes);
    if (bytes == 0) bytes = room_left(room) / 64 * 64;
    if (!room->whole.base || bytes > room_left(room))
        return status_fail(STATUS_MEMORY, "%s: %zu bytes asked, %zu of the %zu taken are free",
                           room->device->memory->describe(), bytes, room_left(room),
                           room->whole.capacity);
    out->base = arena_take(&room->whole, bytes);
    if (!out->base) return STATUS_MEMORY;
    out->capacity = bytes;
    return STATUS_OK;
}

void room_arena_close(Room *room, Arena *arena) {
    if (!arena->base) return;
    if (room->apart || !room_is_gpu(room))
        room->device->memory->arena_close(arena);
    else
        arena_rewind(&room->whole, (size_t)(arena->base - room->whole.base));
    *arena = (Arena){0};
}

/* --- numbers --------------------------------------------------------------------------------- */

/* Blocks are streams of their own, so that threads can draw them side by side. */
static void draw(float *out, size_t count, uint64_t seed, uint64_t stream) {
    const long blocks = (long)((count + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(static)
    for (long b = 0; b < blocks; b++) {
        size_t from = (size_t)b * BLOCK, left = count - from;
        rng_fill_normal(out + from, left < BLOCK ? left : BLOCK, seed, stream + (uint64_t)b);
    }
}

Status room_fill_normal(const Device *device, float *to, size_t count, uint64_t seed,
                        const char *name) {
    const uint64_t stream = rng_stream(name);
    if (device->memory->is_host) {
        draw(to, count, seed, stream);
        return STATUS_OK;
    }
    const size_t room = count < STAGE ? count : STAGE;
    float *stage = malloc(room * sizeof *stage);
    if (!stage) return status_fail(STATUS_MEMORY, "no memory for %zu floats", room);
    Status status = STATUS_OK;
    for (size_t from = 0; from < count && status == STATUS_OK; from += STAGE) {
        const size_t left = count - from, size = left < STAGE ? left : STAGE;
        draw(stage, size, seed, stream + from / BLOCK);
        status = device->memory->upload(to + from, stage, size * sizeof *stage);
        if (status == STATUS_OK) status = device->memory->wait();
    }
    free(stage);
    return status;
}
