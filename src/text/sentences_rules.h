/* sentences_rules: whether a sign ends its sentence, and where. sentences.c finds the signs.
 *
 * A decision looks at most SENTENCE_LOOK_BACK bytes back, never beyond the sentence's start, and
 * SENTENCE_LOOK_AHEAD bytes ahead, so that a stream and a whole text are cut alike.
 *
 *     SentencePlace place = {.text = text, .start = start, .sign = at, .end = size, .final = 1};
 *     size_t end = sentence_rules_end(&place);
 *     if (end) ...                        // the sentence is text[start .. end - 1]
 */
#ifndef TEXT_SENTENCES_RULES_H
#define TEXT_SENTENCES_RULES_H

#include <stddef.h>

#define SENTENCE_LOOK_BACK  192
#define SENTENCE_LOOK_AHEAD 320

typedef struct {
    const char *text;
    size_t start; /* of the sentence */
    size_t sign;  /* where a run of . ! ? : and the like begins */
    size_t end;   /* what follows may be looked at up to here */
    int final;    /* 1: at `end` the line or the text ends; 0: more follows that is too far away */
    int quotes;   /* quotations open before the sign, 0 or more */
    int brackets; /* brackets open before the sign */
    int bracket_first; /* 1: the first of them opens the sentence */
    int reversed;      /* 1: something was closed in the sentence that it had not opened */
    int straight;      /* 1: a " was opened before the sign and not closed */
} SentencePlace;

/* The offset behind the sentence's last byte (the sign, and what closes after it), or 0 where the
 * sentence goes on. */
size_t sentence_rules_end(const SentencePlace *place);

/* The offset behind the run of signs that begins at place->sign: that much has been decided. */
size_t sentence_rules_run(const SentencePlace *place);

#endif
