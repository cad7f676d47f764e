#include "train/batches.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

struct Batches {
    size_t examples, batch, pool, count; /* count: batches of an epoch */
    const int *length;
    uint64_t seed;
    uint32_t *example; /* [examples] as they come in `from` order */
    uint32_t *scratch; /* [examples] */
    uint32_t *from;    /* [count + 1] where each batch begins in `example` */
    uint32_t *order;   /* [count] which batch comes when */
};

Status batches_open(Batches **out, size_t examples, const int *length, size_t batch, size_t pool,
                    uint64_t seed) {
    *out = NULL;
    if (examples == 0 || examples > UINT32_MAX || batch == 0 || pool == 0)
        return status_fail(STATUS_ARGUMENT,
                           "batches: %zu examples, %zu a batch, pools of %zu batches; expected at "
                           "least 1 of each, and at most 2^32 - 1 examples",
                           examples, batch, pool);
    Batches *batches = calloc(1, sizeof *batches);
    if (!batches) return status_fail(STATUS_MEMORY, "batches: no memory");
    size_t count = examples / batch + (examples % batch != 0);
    *batches = (Batches){.examples = examples,
                         .batch = batch,
                         .pool = pool < count ? pool : count,
                         .count = count,
                         .length = length,
                         .seed = seed};
    batches->example = malloc(examples * sizeof(uint32_t));
    batches->scratch = malloc(examples * sizeof(uint32_t));
    batches->from = malloc((count + 1) * sizeof(uint32_t));
    batches->order = malloc(count * sizeof(uint32_t));
    if (!batches->example || !batches->scratch || !batches->from || !batches->order) {
        batches_close(batches);
        return status_fail(STATUS_MEMORY, "batches: no memory for %zu examples", examples);
    }
    *out = batches;
    return STATUS_OK;
}

void batches_close(Batches *batches) {
    if (!batches) return;
    free(batches->example);
    free(batches->scratch);
    free(batches->from);
    free(batches->order);
    free(batches);
}

size_t batches_per_epoch(const Batches *batches) {
    return batches->count;
}

/* Merges runs of doubling width between `item` and `scratch`; the result ends in `item`. Stable: of
 * equal lengths, the order of the shuffle stays. */
static void sort_by_length(uint32_t *item, uint32_t *scratch, size_t count, const int *length) {
    uint32_t *source = item, *target = scratch;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t middle = at + width < count ? at + width : count;
            size_t end = at + 2 * width < count ? at + 2 * width : count;
            for (size_t i = at, j = middle, k = at; k < end; k++)
                target[k] = j >= end || (i < middle && length[source[i]] <= length[source[j]])
                                ? source[i++]
                                : source[j++];
        }
        uint32_t *swapped = source;
        source = target;
        target = swapped;
    }
    if (source != item) memcpy(item, source, count * sizeof *item);
}

void batches_begin_epoch(Batches *batches, uint64_t epoch) {
    uint64_t seed = batches->seed;
    uint64_t pools = rng_stream("train.batches.pools") + epoch;
    uint64_t turns = rng_stream("train.batches.order") + epoch;
    uint64_t place = rng_stream("train.batches.short");
    for (size_t i = 0; i < batches->examples; i++) batches->example[i] = (uint32_t)i;
    rng_shuffle(batches->example, batches->examples, seed, pools);

    size_t room = batches->batch * batches->pool, made = 0;
    for (size_t at = 0; at < batches->examples; at += room) {
        size_t size = batches->examples - at < room ? batches->examples - at : room;
        if (batches->length && batches->pool > 1)
            sort_by_length(batches->example + at, batches->scratch, size, batches->length);
        size_t whole = size / batches->batch, rest = size % batches->batch;
        size_t cut = rest ? (size_t)rng_below(seed, place, epoch, whole + 1) : whole + 1;
        size_t begin = at;
        for (size_t b = 0; b < whole + (rest != 0); b++) {
            batches->from[made++] = (uint32_t)begin;
            begin += b == cut ? rest : batches->batch;
        }
    }
    batches->from[made] = (uint32_t)batches->examples;

    for (size_t i = 0; i < batches->count; i++) batches->order[i] = (uint32_t)i;
    rng_shuffle(batches->order, batches->count, seed, turns);
}

const uint32_t *batches_at(const Batches *batches, size_t index, size_t *count) {
    size_t which = batches->order[index];
    *count = batches->from[which + 1] - batches->from[which];
    return batches->example + batches->from[which];
}
