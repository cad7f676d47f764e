/* near_duplicates: which of the sentences kept apart a new sentence repeats, wholly or nearly.
 *
 * A sentence of n words has n - 2 shingles of three words (Broder, "On the resemblance and
 * containment of documents", 1997). A sentence repeats one that is kept apart where it holds more
 * than half of that one's shingles: all of them where it is the same or contains it, and still more
 * than half where one word of eight is another. Every shingle is looked up, so nothing is missed
 * as by sampled shingles (MinHash).
 *
 *     NearIndex index = {0};
 *     STATUS_TRY(near_index_add(&index, word, length, 7));           // 7: whatever the owner likes
 *     NearMatch match;
 *     STATUS_TRY(near_index_find(&index, other, other_length, &match));
 *     if (match.share > .5) ...                                      // repeats one marked
 * match.mark near_index_free(&index);
 */
#ifndef DATA_NEAR_DUPLICATES_H
#define DATA_NEAR_DUPLICATES_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define NEAR_SHINGLE 3
#define NEAR_SHARE   .5 /* more than this is a repetition */

typedef struct {
    size_t sentences, postings;
    /* --- its own --- */
    size_t room_sentences, room_postings, slots;
    uint64_t *shingle;  /* [postings]: hash */
    uint32_t *sentence; /* [postings] */
    uint32_t *slot;     /* [slots]: a posting, UINT32_MAX: free; several of one shingle in a row of
                           probes */
    uint16_t *shingles; /* [sentences] */
    uint8_t *mark;      /* [sentences] */
    uint16_t *count;    /* [sentences]: work space, zero between calls */
    uint32_t *touched;  /* [sentences]: work space */
} NearIndex;

typedef struct {
    double share;      /* of the other's shingles; 0 where none is common */
    uint32_t sentence; /* which, in the order of near_index_add; undefined at share 0 */
    int mark;
} NearMatch;

/* Adds a sentence of at least 3 words (a shorter one is ignored), at most 65,535. STATUS_MEMORY,
 * STATUS_ARGUMENT. */
Status near_index_add(NearIndex *index, const uint32_t *word, int length, int mark);

/* The sentence of the largest share; of equal ones the first added. */
Status near_index_find(NearIndex *index, const uint32_t *word, int length, NearMatch *out);

void near_index_free(NearIndex *index);

#endif
