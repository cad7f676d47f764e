/* batches: in which order an epoch shows the training examples.
 *
 *     Batches *batches;
 *     STATUS_TRY(batches_open(&batches, 7695, length, 32, 8, seed));
 *     batches_begin_epoch(batches, epoch);
 *     for (size_t i = 0; i < batches_per_epoch(batches); i++) {
 *         size_t count;
 *         const uint32_t *example = batches_at(batches, i, &count);   // [count]
 *         ...
 *     }
 *     batches_close(batches);
 *
 * The order is a pure function of (seed, epoch). The examples are shuffled and cut into pools of
 * `pool` batches; each pool is sorted by length and cut into batches, so that the sentences of a
 * batch are about as long as each other (no padding, even work); and the batches of the whole epoch
 * are shuffled. Every example comes once an epoch, and no position of the epoch prefers a length.
 *
 * Where the number of examples is not a multiple of `batch`, the last pool has one short batch. Cut
 * off at the end it would always hold the longest sentences, and their gradients would always be
 * means over few: so it is cut at a random place of its sorted pool.
 */
#ifndef TRAIN_BATCHES_H
#define TRAIN_BATCHES_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Batches Batches;

/* `length` [examples], the caller's, must outlive the result; NULL, or pool 1: not grouped.
 * STATUS_ARGUMENT when a number is 0 or there are more than 2^32 - 1 examples, STATUS_MEMORY. */
Status batches_open(Batches **out, size_t examples, const int *length, size_t batch, size_t pool,
                    uint64_t seed);

size_t batches_per_epoch(const Batches *batches);

/* Allocates nothing. Must come before batches_at. */
void batches_begin_epoch(Batches *batches, uint64_t epoch);

/* Batch `index` of the present epoch: [*count] examples, valid until the next begin_epoch. */
const uint32_t *batches_at(const Batches *batches, size_t index, size_t *count);

void batches_close(Batches *batches);

#endif
