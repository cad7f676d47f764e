#include "data/reorder_words.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static Status no_memory(size_t count) {
    return status_fail(STATUS_MEMORY, "no memory for a vocabulary of %zu words", count);
}

/* The slot that holds the word, or the free one where it belongs. Slots are never full. */
static size_t find_slot(const ReorderWords *words, const char *bytes, size_t size) {
    size_t mask = words->slots - 1;
    for (size_t at = (size_t)hash_bytes(HASH_BEGIN, bytes, size) & mask;; at = (at + 1) & mask) {
        uint32_t id = words->slot[at];
        if (id == REORDER_NONE) return at;
        const char *other = reorder_words_text(words, id);
        if (strncmp(other, bytes, size) == 0 && other[size] == 0) return at;
    }
}

static void fill_slots(ReorderWords *words) {
    memset(words->slot, 0xFF, words->slots * sizeof *words->slot);
    for (size_t i = 0; i < words->count; i++) {
        const char *text = reorder_words_text(words, (uint32_t)i);
        words->slot[find_slot(words, text, strlen(text))] = (uint32_t)i;
    }
}

/* Room for one word more, of `size` bytes; slots stay at most half full. */
static Status grow(ReorderWords *words, size_t size) {
    if (words->size + size + 1 > words->bytes_room) {
        size_t room = 2 * words->bytes_room + size + 4096;
        char *bytes = realloc(words->bytes, room);
        if (!bytes) return no_memory(words->count);
        words->bytes = bytes;
        words->bytes_room = room;
    }
    if (words->count < words->room) return STATUS_OK;
    size_t room = words->room ? 2 * words->room : 512;
    if (room >= REORDER_NONE / 2)
        return status_fail(STATUS_UNSUPPORTED, "more than %zu different words", words->count);
    size_t *offset = realloc(words->offset, room * sizeof *offset);
    if (offset) words->offset = offset;
    uint32_t *occurrences = realloc(words->occurrences, room * sizeof *occurrences);
    if (occurrences) words->occurrences = occurrences;
    uint32_t *slot = offset && occurrences ? malloc(2 * room * sizeof *slot) : NULL;
    if (!slot) return no_memory(room);
    free(words->slot);
    words->slot = slot;
    words->slots = 2 * room;
    words->room = room;
    fill_slots(words);
    return STATUS_OK;
}

Status reorder_words_add(ReorderWords *words, const char *bytes, size_t size, uint32_t *id) {
    STATUS_TRY(grow(words, size));
    size_t at = find_slot(words, bytes, size);
    if (words->slot[at] == REORDER_NONE) {
        words->offset[words->count] = words->size;
        words->occurrences[words->count] = 0;
        memcpy(words->bytes + words->size, bytes, size);
        words->bytes[words->size + size] = 0;
        words->size += size + 1;
        words->slot[at] = (uint32_t)words->count++;
    }
    *id = words->slot[at];
    return STATUS_OK;
}

uint32_t reorder_words_find(const ReorderWords *words, const char *bytes, size_t size) {
    return words->count ? words->slot[find_slot(words, bytes, size)] : REORDER_NONE;
}

typedef struct {
    const char *text;
    size_t offset;
    uint32_t occurrences, id;
} Ranked;

static int compare_ranked(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->occurrences != y->occurrences) return x->occurrences < y->occurrences ? 1 : -1;
    return strcmp(x->text, y->text);
}

Status reorder_words_rank(ReorderWords *words, uint32_t *renamed) {
    Ranked *ranked = malloc((words->count + 1) * sizeof *ranked);
    if (!ranked) return no_memory(words->count);
    for (size_t i = 0; i < words->count; i++)
        ranked[i] = (Ranked){reorder_words_text(words, (uint32_t)i), words->offset[i],
                             words->occurrences[i], (uint32_t)i};
    qsort(ranked, words->count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < words->count; i++) {
        words->offset[i] = ranked[i].offset;
        words->occurrences[i] = ranked[i].occurrences;
        renamed[ranked[i].id] = (uint32_t)i;
    }
    free(ranked);
    if (words->count) fill_slots(words);
    return STATUS_OK;
}

void reorder_words_free(ReorderWords *words) {
    free(words->occurrences);
    free(words->bytes);
    free(words->offset);
    free(words->slot);
    *words = (ReorderWords){0};
}
