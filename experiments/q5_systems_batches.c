#include "base/rng.h"
#include "q5_systems.h"

#include <stdlib.h>

enum { LENGTHS = 256 };

Status compare_batches_open(CompareBatches *out, const Q5Part *part, int most, uint64_t seed) {
    size_t of_length[LENGTHS + 1] = {0}, begins[LENGTHS + 1] = {0}, batches = 0, at = 0;
    uint32_t *order = malloc((part->count + 1) * sizeof *order);
    *out = (CompareBatches){.memory = malloc((part->count + 1) * sizeof *out->memory)};
    for (size_t i = 0; i < part->count; i++)
        of_length[reorder_length(part->set, part->sentence[i])]++;
    for (int n = 0; n < LENGTHS; n++) {
        begins[n] = at;
        at += of_length[n];
        batches += (of_length[n] + (size_t)most - 1) / (size_t)most;
    }
    out->batch = malloc((batches + 1) * sizeof *out->batch);
    if (!order || !out->memory || !out->batch) {
        free(order);
        compare_batches_close(out);
        return status_fail(STATUS_MEMORY, "no memory for %zu batches", batches);
    }
    for (size_t i = 0; i < part->count; i++) order[i] = (uint32_t)i;
    rng_shuffle(order, part->count, seed, rng_stream("q5.compare.batches"));
    for (size_t i = 0; i < part->count; i++) {
        const uint32_t s = part->sentence[order[i]];
        out->memory[begins[reorder_length(part->set, s)]++] = s;
    }
    at = 0;
    for (int n = 0; n < LENGTHS; n++)
        for (size_t left = of_length[n]; left > 0;) {
            const size_t count = left < (size_t)most ? left : (size_t)most;
            out->batch[out->count++] = (CompareBatch){n, (int)count, out->memory + at};
            at += count;
            left -= count;
        }
    free(order);
    return STATUS_OK;
}

void compare_batches_close(CompareBatches *batches) {
    free(batches->batch), free(batches->memory);
    *batches = (CompareBatches){0};
}
