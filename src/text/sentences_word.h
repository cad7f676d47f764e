/* sentences_word: the word before and the word after a sign, as the rules of sentence splitting
 * see them.
 *
 *     SentenceWord word = sentence_word_before(text, start, sign);
 *     if (word.letters == 1) ...                    // م.
 *     if (strcmp(word.folded, "گفت") == 0) ...
 */
#ifndef TEXT_SENTENCES_WORD_H
#define TEXT_SENTENCES_WORD_H

#include <stddef.h>
#include <stdint.h>

#define SENTENCE_FOLDED_BYTES 48

/* A run of letters and digits with what is invisible in it. */
typedef struct {
    size_t from, to; /* bytes; from == to: there is none */
    int persian, latin, digits;
    int letters;                        /* persian + latin */
    int spaced;                         /* white space lies between it and the place asked about */
    int lower;                          /* begins with a small Latin letter */
    char folded[SENTENCE_FOLDED_BYTES]; /* "" where it is longer */
} SentenceWord;

/* The word that ends at `at`, or before white space that ends there; not before `start`. */
SentenceWord sentence_word_before(const char *text, size_t start, size_t at);

/* The word that begins at `at`, or after white space there; not beyond `end`. Where another sign
 * comes first, an empty one. */
SentenceWord sentence_word_after(const char *text, size_t at, size_t end);

/* The code point at `at` and its length; 0 and 1 for a byte that starts none, 0 and 0 at `end`. */
size_t sentence_code_at(const char *text, size_t at, size_t end, uint32_t *code);

/* The code point that ends at `at` and its length, likewise. */
size_t sentence_code_before(const char *text, size_t start, size_t at, uint32_t *code);

/* Half-spaces, direction marks, vowel signs: they stand between a word and its stop. */
int sentence_is_invisible(uint32_t code);

int sentence_is_digit(uint32_t code);

#endif
