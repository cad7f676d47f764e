/* words: the words of a Persian sentence, its punctuation apart.
 *
 * Words stand between spaces. Signs at their ends stand alone, one token each (but "..." and "!!"
 * together); a sign inside stays where it holds a word together: in numbers (۳٫۵, ۱۲:۳۰,
 * ۱۳۸۰/۲/۳), in Latin words and addresses (www.example.ir, don't), at a half-space. A stop, comma
 * and the like between two Persian letters ends the first of them: their space was forgotten.
 *
 *     Words words;
 *     words_begin(&words, sentence, size);
 *     while (words_next(&words))
 *         if (words.kind != WORD_SIGN) printf("%.*s\n", (int)words.bytes, words.word);
 */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include <stddef.h>

typedef enum {
    WORD_PERSIAN, /* has a letter of the Arabic script */
    WORD_NUMBER,  /* has digits and no letters */
    WORD_FOREIGN, /* has other letters and none of the Arabic script */
    WORD_SIGN     /* punctuation and symbols only */
} WordKind;

typedef struct {
    const char *word; /* into the sentence */
    size_t bytes;
    WordKind kind;
    int glued; /* 1: no space before it, the token before ends where it starts */
    /* private from here on */
    const char *at, *end, *chunk_end;
} Words;

/* `sentence` must outlive the walk. Bytes that are not UTF-8 count as letters of no script. */
void words_begin(Words *words, const char *sentence, size_t size);

/* 1 with the next token, 0 at the end. Takes no memory. */
int words_next(Words *words);

#endif
