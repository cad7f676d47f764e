/* persian_word: the rules of normalisation (persian.h) for one word, as code points.
 *
 * Not for use outside of persian.c: persian_normalise() walks a text and calls this word by word.
 *
 *     PersianWord word = {0};
 *     STATUS_TRY(persian_word_push(&word, 0x643));          // Arabic kaf
 *     STATUS_TRY(persian_word_normalise(&word, &options, changes));
 *     word.code[0] == 0x6A9;
 *     persian_word_free(&word);
 */
#ifndef TEXT_PERSIAN_WORD_H
#define TEXT_PERSIAN_WORD_H

#include "text/persian.h"

typedef struct {
    uint32_t *code; /* [count] */
    size_t count, capacity;
    uint32_t *spare; /* private: as large as `code` */
} PersianWord;

/* STATUS_MEMORY. */
Status persian_word_push(PersianWord *word, uint32_t code);

/* Applies the rules until the word changes no more; adds to changes[PERSIAN_RULES]. The word may be
 * empty afterwards. STATUS_MEMORY. */
Status persian_word_normalise(PersianWord *word, const PersianOptions *options, size_t *changes);

void persian_word_free(PersianWord *word);

/* 1 where no rule can change `code` after the code point `before` (0: at the start of a word). Most
 * words of good text are all plain and pass by without further work. */
int persian_is_plain(uint32_t code, uint32_t before, PersianDigits digits);

/* 1 where a word of plain code points may end in `code`: not in a half-space. */
int persian_may_end(uint32_t code);

/* How many of `size` >= 1 bytes, the first of which starts no character, are one broken one. */
size_t persian_broken_length(const char *bytes, size_t size);

#endif
