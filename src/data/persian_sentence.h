/* persian_sentence: whether a sentence is good for word ordering, and its words.
 *
 *     PersianSentence sentence;
 *     int filter = persian_sentence_take(text, size, 0, &sentence);
 *     if (filter < 0) ... sentence.word[0 .. sentence.words) ...
 */
#ifndef DATA_PERSIAN_SENTENCE_H
#define DATA_PERSIAN_SENTENCE_H

#include "data/persian_corpus.h"
#include "data/reorder_data.h"

typedef struct {
    int words;                             /* without signs */
    const char *word[REORDER_LENGTH_HIGH]; /* into the text */
    size_t bytes[REORDER_LENGTH_HIGH];
    int speaker, list_number; /* 1 where one was taken off the front */
} PersianSentence;

enum {
    PERSIAN_TAKE_SPEAKERS = 1, /* a name and a dash before the sentence are no part of it */
    PERSIAN_TAKE_UNENDED = 2,  /* no stop is needed at its end */
    PERSIAN_TAKE_GIVEN = 4     /* a sentence for certain: only its length can be wrong */
};

/* Takes a normalised sentence apart; `how`: the above, added. -1, or the filter that refuses it;
 * then `out` holds what was read. */
int persian_sentence_take(const char *text, size_t size, int how, PersianSentence *out);

#endif
