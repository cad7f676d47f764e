/* reorder_words: the words of a corpus, each kept once and known by a number.
 *
 *     ReorderWords words = {0};
 *     uint32_t id;
 *     STATUS_TRY(reorder_words_add(&words, "کتاب", strlen("کتاب"), &id));   // the same id each
 * time words.occurrences[id]++; puts(reorder_words_text(&words, id)); reorder_words_free(&words);
 */
#ifndef DATA_REORDER_WORDS_H
#define DATA_REORDER_WORDS_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define REORDER_NONE UINT32_MAX

typedef struct {
    size_t count;          /* distinct words; ids 0 .. count - 1 */
    uint32_t *occurrences; /* [count], whatever the owner counts; 0 for a new word */
    /* --- its own --- */
    char *bytes; /* the words, a NUL after each */
    size_t size, bytes_room, room, slots;
    size_t *offset; /* [count], into bytes */
    uint32_t *slot; /* [slots], open addressing by hash; REORDER_NONE: free */
} ReorderWords;

/* The word's id, a new one where it has none yet. `bytes` hold no NUL. STATUS_MEMORY. */
Status reorder_words_add(ReorderWords *words, const char *bytes, size_t size, uint32_t *id);

/* Its id, or REORDER_NONE. */
uint32_t reorder_words_find(const ReorderWords *words, const char *bytes, size_t size);

/* The word, with a NUL; valid until the next word is added. */
static inline const char *reorder_words_text(const ReorderWords *words, uint32_t id) {
    return words->bytes + words->offset[id];
}

/* Gives new ids: by occurrences, the most frequent first; words as frequent by their bytes.
 * renamed [count before]: the new id of each old one. STATUS_MEMORY leaves all as it was. */
Status reorder_words_rank(ReorderWords *words, uint32_t *renamed);

void reorder_words_free(ReorderWords *words);

#endif
