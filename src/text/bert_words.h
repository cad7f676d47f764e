/* bert_words: BERT's basic tokenisation, the words that WordPiece then cuts into pieces.
 *
 * Devlin et al., "BERT", NAACL 2019. The same words as Hugging Face's BertNormalizer and
 * BertPreTokenizer, for every code point and every sequence of them:
 * 1. U+0000, U+FFFD and the classes Cc, Cf, Co (but not tab, line feed, carriage return) vanish;
 * 2. CJK ideographs stand alone;
 * 3. where lower-casing: canonical decomposition, class Mn vanishes, then lower case, each code
 *    point for itself (no final sigma);
 * 4. words end at white space; punctuation (the ASCII signs and the classes P*) stands alone.
 * A word of more than 100 characters is one that WordPiece does not look at.
 *
 * The reference froze its classes at an old version of Unicode (a vocabulary expects the classes
 * that it was made with), so they are tables here and not utf8proc's, which move with its version.
 *
 *     BertWords words;
 *     bert_words_begin(&words, text, size, 1);
 *     while (bert_words_next(&words)) printf("%.*s\n", (int)words.bytes, words.word);
 */
#ifndef TEXT_BERT_WORDS_H
#define TEXT_BERT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define BERT_WORD_CHARACTERS_MAX 100

/* Private: one code point on its way. */
typedef struct {
    uint32_t code;
    uint8_t kind, order;
} BertPending;

typedef struct {
    char word[4 * BERT_WORD_CHARACTERS_MAX]; /* UTF-8, no terminator; the first 100 characters */
    size_t bytes;                            /* of `word` */
    size_t characters;                       /* of the whole word; beyond 100, `word` is cut */
    /* private from here on */
    const char *at, *end;
    int lower_case;
    int pending, pending_at;
    size_t run; /* where the marks start that canonical ordering may still move */
    BertPending queue[32];
    uint32_t code[BERT_WORD_CHARACTERS_MAX];
    uint8_t order[BERT_WORD_CHARACTERS_MAX];
} BertWords;

/* `text` must outlive the walk. Bytes that are not UTF-8 are passed over like U+FFFD: validate
 * first where that should be an error. `lower_case` 0: steps 1, 2 and 4 only, for cased models. */
void bert_words_begin(BertWords *words, const char *text, size_t size, int lower_case);

/* 1 with the next word, 0 at the end. Takes no memory. */
int bert_words_next(BertWords *words);

#endif
