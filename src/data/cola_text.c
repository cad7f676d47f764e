#include "data/cola_text.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

size_t cola_utf8_length(const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < size;) {
        unsigned char lead = bytes[i];
        if (lead < 0x80) {
            i++;
            continue;
        }
        size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (lead < 0xc2 || lead > 0xf4 || size - i < length) return i;
        /* The second byte's range excludes overlong forms, surrogates and what lies too high. */
        unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (bytes[i + 1] < low || bytes[i + 1] > high) return i;
        for (size_t k = 2; k < length; k++)
            if ((bytes[i + k] & 0xc0) != 0x80) return i;
        i += length;
    }
    return size;
}

/* The slot that holds the sentence, or the empty one where it belongs. */
static size_t find_slot(const ColaIndex *index, const char *sentence) {
    size_t at = (size_t)rng_stream(sentence) & (index->slots - 1);
    while (index->slot[at] != COLA_NOWHERE &&
           strcmp(index->sentence[index->slot[at]], sentence) != 0)
        at = (at + 1) & (index->slots - 1);
    return at;
}

Status cola_index_open(ColaIndex *index, const char *const *sentence, size_t count) {
    memset(index, 0, sizeof *index);
    if (count > INT32_MAX)
        return status_fail(STATUS_ARGUMENT, "index of sentences: %zu; expected fewer than 2^31",
                           count);
    size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    index->sentence = sentence;
    index->slots = slots;
    index->slot = malloc(slots * sizeof *index->slot);
    index->next = malloc((count + 1) * sizeof *index->next);
    if (!index->slot || !index->next) {
        cola_index_close(index);
        return status_fail(STATUS_MEMORY, "index of %zu sentences", count);
    }
    memset(index->slot, 0xff, slots * sizeof *index->slot);
    /* Backwards, so that each chain ends up in ascending order without being walked. */
    for (size_t i = count; i-- > 0;) {
        size_t at = find_slot(index, sentence[i]);
        index->next[i] = index->slot[at];
        index->slot[at] = (uint32_t)i;
    }
    return STATUS_OK;
}

uint32_t cola_index_first(const ColaIndex *index, const char *sentence) {
    return index->slot[find_slot(index, sentence)];
}

void cola_index_close(ColaIndex *index) {
    free(index->slot);
    free(index->next);
    memset(index, 0, sizeof *index);
}
