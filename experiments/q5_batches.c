#include "q5_batches.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTHS = 256 };

Status q5_batches_open(Q5Batches *out, const Q5Part *part, int most, uint64_t seed) {
    size_t of_length[LENGTHS + 1] = {0}, begins[LENGTHS + 1] = {0}, batches = 0, at = 0;
    uint32_t *order = malloc((part->count + 1) * sizeof *order);
    *out = (Q5Batches){.memory = malloc((part->count + 1) * sizeof *out->memory)};
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
        q5_batches_close(out);
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
            out->batch[out->count++] = (Q5Batch){n, (int)count, out->memory + at};
            at += count;
            left -= count;
        }
    free(order);
    return STATUS_OK;
}

void q5_batches_close(Q5Batches *batches) {
    free(batches->batch), free(batches->memory);
    *batches = (Q5Batches){0};
}

Status q5_batch_pack(Arena *arena, const Q5Sentences *data, const ReorderSet *set,
                     const Q5Batch *batch, uint64_t seed, uint64_t stream, Q5Packed *out) {
    const size_t b = (size_t)batch->count, n = (size_t)batch->length;
    uint32_t *order = arena_take(arena, n * sizeof *order);
    out->offsets = arena_take(arena, (b + 1) * sizeof *out->offsets);
    out->words = arena_take(arena, b * n * sizeof *out->words);
    out->features = arena_take(arena, b * n * REORDERER_FEATURES * sizeof *out->features);
    out->given = arena_take(arena, b * n * sizeof *out->given);
    if (!order || !out->offsets || !out->words || !out->features || !out->given)
        return STATUS_MEMORY;
    for (size_t s = 0; s <= b; s++) out->offsets[s] = (int)(s * n);
    for (size_t s = 0; s < b; s++) {
        const uint32_t sentence = batch->sentence[s];
        memcpy(out->words + s * n, reorder_words_of(set, sentence), n * sizeof *out->words);
        for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
        rng_shuffle(order, n, seed, rng_stream("q5.compare.given") + stream + sentence);
        for (size_t i = 0; i < n; i++) {
            out->given[s * n + i] = (int)order[i];
            memcpy(out->features + (s * n + i) * REORDERER_FEATURES,
                   data->feature + (size_t)out->words[s * n + i] * REORDERER_FEATURES,
                   REORDERER_FEATURES * sizeof *out->features);
        }
    }
    return STATUS_OK;
}
