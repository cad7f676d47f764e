/* sentences: running Persian text cut into sentences, by rules, as a stream.
 *
 * A full stop ends a sentence, or an abbreviation, or stands in a number, a date, an address; a
 * colon sometimes ends one; a quotation may go on after its stop. The rules (sentences_rules.h)
 * look at the sign, at what stands close before it and after it, and at open quotations and
 * brackets. Memory does not grow with the text: a line of any length is fine.
 *
 *     static Status show(void *user, const Sentence *s) {
 *         fwrite(s->bytes, 1, s->size, user);
 *         return fputc('\n', user) == EOF ? STATUS_IO : STATUS_OK;
 *     }
 *     Sentences *splitter;
 *     STATUS_TRY(sentences_open(NULL, show, stdout, &splitter));
 *     while ((size = read(...)) > 0) STATUS_TRY(sentences_feed(splitter, buffer, size));
 *     STATUS_TRY(sentences_finish(splitter));
 *     sentences_free(splitter);
 *
 * Nothing is lost and nothing is invented: every byte of the text that is not white space is in
 * exactly one sentence, in order. A sentence starts and ends with bytes other than white space, and
 * it does not matter in which portions the text is fed. Bytes that are not UTF-8, NUL among them,
 * pass through as parts of words. Normalise first (persian.h) or afterwards: Arabic letters are
 * understood as well.
 */
#ifndef TEXT_SENTENCES_H
#define TEXT_SENTENCES_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

/* Why a sentence ended. */
typedef enum {
    SENTENCE_STOP, /* . ! ? and their like, or a colon or an ellipsis taken for one */
    SENTENCE_LINE, /* the end of a line or an empty line, as the options say */
    SENTENCE_TEXT, /* the end of the text */
    SENTENCE_LIMIT /* no end within SENTENCE_BYTES_MAX: cut at a space, or inside a "word" */
} SentenceEnd;

#define SENTENCE_BYTES_MAX 65536

/* What the end of a line means. */
typedef enum {
    SENTENCE_LINES_END,   /* every line ends a sentence: one paragraph a line (the default) */
    SENTENCE_LINES_BLANK, /* only an empty line does: text broken into lines of one width */
    SENTENCE_LINES_SPACE  /* it is a space like any other */
} SentenceLines;

typedef struct {
    SentenceLines lines;
} SentenceOptions;

typedef struct {
    const char *bytes; /* valid during the call only */
    size_t size;       /* 1 .. SENTENCE_BYTES_MAX */
    uint64_t offset;   /* of its first byte in all that was fed */
    SentenceEnd end;
} Sentence;

/* Called for each sentence. What it returns other than STATUS_OK ends the feeding. */
typedef Status (*SentenceVisit)(void *user, const Sentence *sentence);

typedef struct Sentences Sentences;

/* `options` NULL: all zero. *out is the caller's to sentences_free. STATUS_MEMORY. */
Status sentences_open(const SentenceOptions *options, SentenceVisit visit, void *user,
                      Sentences **out);

/* Takes the next portion of the text, of any size. The status of `visit` where it failed: the
 * splitter can then only be freed. */
Status sentences_feed(Sentences *splitter, const char *bytes, size_t size);

/* The text has ended: hands out what is left. The splitter is then ready for another text, whose
 * offsets start at 0 again. */
Status sentences_finish(Sentences *splitter);

void sentences_free(Sentences *splitter);

/* What a splitter takes, whatever the text. */
size_t sentences_memory_bytes(void);

/* All at once: where in `text` the sentences lie. */
typedef struct {
    size_t count, capacity;
    size_t *start, *end; /* [count]; sentence i is bytes start[i] .. end[i] - 1 */
    SentenceEnd *why;    /* [count] */
} SentenceList;

/* `out` starts at {0} and is filled anew; its memory is kept and used again. STATUS_MEMORY. */
Status sentences_split(const char *text, size_t size, const SentenceOptions *options,
                       SentenceList *out);

void sentence_list_free(SentenceList *list);

#endif
