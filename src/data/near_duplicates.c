#include "data/near_duplicates.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define FREE UINT32_MAX

static uint64_t shingle_of(const uint32_t *word) {
    /* The last step spreads what FNV leaves in the low bits, by which slots are chosen. */
    uint64_t hash = hash_bytes(HASH_BEGIN, word, NEAR_SHINGLE * sizeof *word);
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static int grow(void *array, size_t size, size_t room) {
    void *grown = realloc(*(void **)array, size * room);
    if (grown) *(void **)array = grown;
    return grown != NULL;
}

static void put(NearIndex *index, uint32_t posting) {
    size_t mask = index->slots - 1, at = (size_t)index->shingle[posting] & mask;
    while (index->slot[at] != FREE) at = (at + 1) & mask;
    index->slot[at] = posting;
}

static Status no_memory(const NearIndex *index) {
    return status_fail(STATUS_MEMORY, "no memory for the shingles of %zu sentences",
                       index->sentences + 1);
}

static Status reserve(NearIndex *index, size_t shingles) {
    if (index->sentences == index->room_sentences) {
        size_t room = 2 * index->room_sentences + 1024;
        if (!grow(&index->shingles, sizeof *index->shingles, room) ||
            !grow(&index->mark, 1, room) || !grow(&index->count, sizeof *index->count, room) ||
            !grow(&index->touched, sizeof *index->touched, room))
            return no_memory(index);
        memset(index->count + index->sentences, 0,
               (room - index->sentences) * sizeof *index->count);
        index->room_sentences = room;
    }
    if (index->postings + shingles <= index->room_postings) return STATUS_OK;
    size_t room = index->room_postings ? index->room_postings : 4096;
    while (room < index->postings + shingles) room *= 2;
    if (room >= FREE / 2) return no_memory(index);
    if (!grow(&index->shingle, sizeof *index->shingle, room) ||
        !grow(&index->sentence, sizeof *index->sentence, room) ||
        !grow(&index->slot, sizeof *index->slot, 2 * room))
        return no_memory(index);
    index->room_postings = room;
    index->slots = 2 * room;
    memset(index->slot, 0xFF, index->slots * sizeof *index->slot);
    for (size_t i = 0; i < index->postings; i++) put(index, (uint32_t)i);
    return STATUS_OK;
}

/* 1 where the shingle at `i` stands in the same sentence before it. */
static int is_repeated(const uint32_t *word, int i) {
    for (int k = 0; k < i; k++)
        if (memcmp(word + k, word + i, NEAR_SHINGLE * sizeof *word) == 0) return 1;
    return 0;
}

Status near_index_add(NearIndex *index, const uint32_t *word, int length, int mark) {
    int shingles = length - NEAR_SHINGLE + 1, distinct = 0;
    if (length > UINT16_MAX || mark < 0 || mark > UINT8_MAX)
        return status_fail(STATUS_ARGUMENT, "shingles of %d words with mark %d", length, mark);
    if (shingles < 1) return STATUS_OK;
    STATUS_TRY(reserve(index, (size_t)shingles));
    for (int i = 0; i < shingles; i++) {
        if (is_repeated(word, i)) continue;
        index->shingle[index->postings] = shingle_of(word + i);
        index->sentence[index->postings] = (uint32_t)index->sentences;
        put(index, (uint32_t)index->postings++);
        distinct++;
    }
    index->shingles[index->sentences] = (uint16_t)distinct;
    index->mark[index->sentences++] = (uint8_t)mark;
    return STATUS_OK;
}

Status near_index_find(NearIndex *index, const uint32_t *word, int length, NearMatch *out) {
    size_t touched = 0;
    *out = (NearMatch){0};
    if (index->postings == 0) return STATUS_OK;
    for (int i = 0; i + NEAR_SHINGLE <= length; i++) {
        if (is_repeated(word, i)) continue;
        uint64_t shingle = shingle_of(word + i);
        size_t mask = index->slots - 1;
        for (size_t at = (size_t)shingle & mask; index->slot[at] != FREE; at = (at + 1) & mask) {
            uint32_t posting = index->slot[at];
            if (index->shingle[posting] != shingle) continue;
            uint32_t sentence = index->sentence[posting];
            if (index->count[sentence]++ == 0) index->touched[touched++] = sentence;
        }
    }
    for (size_t t = 0; t < touched; t++) {
        uint32_t sentence = index->touched[t];
        double share = (double)index->count[sentence] / index->shingles[sentence];
        if (share > out->share || (share >= out->share && sentence < out->sentence))
            *out = (NearMatch){share, sentence, index->mark[sentence]};
        index->count[sentence] = 0;
    }
    return STATUS_OK;
}

void near_index_free(NearIndex *index) {
    free(index->shingle);
    free(index->sentence);
    free(index->slot);
    free(index->shingles);
    free(index->mark);
    free(index->count);
    free(index->touched);
    *index = (NearIndex){0};
}
