/* persian_corpus: Persian texts read into sentences, each a list of normalised words.
 *
 *     PersianPool pool = {0};
 *     PersianCounts counts;
 *     STATUS_TRY(persian_corpus_read(persian_corpus_find("wiki_pquad"), path, &pool, &counts));
 *     for (size_t s = 0; s < pool.sentences; s++)
 *         ... pool.word[pool.start[s]] ... of document pool.document[s] ...
 *     printf("%zu of %zu kept\n", counts.kept, counts.sentences);
 *     persian_pool_free(&pool);
 *
 * The way of a text: documents (blank lines between them) -> what is odd in this corpus put right
 * -> persian_normalise -> sentences_split -> words, without punctuation -> filters. A sentence that
 * a filter refuses is counted under the first that does; nothing else is ever left out, so that
 * sentences = kept + the sum of dropped.
 */
#ifndef DATA_PERSIAN_CORPUS_H
#define DATA_PERSIAN_CORPUS_H

#include "base/status.h"
#include "data/reorder_words.h"
#include "text/persian.h"
#include <stddef.h>
#include <stdint.h>

typedef enum {
    PERSIAN_DOCUMENTS, /* one paragraph a line, a blank line between documents */
    PERSIAN_LINES,     /* every line a document of its own (Tatoeba) */
    PERSIAN_SENTENCES, /* every line one sentence, given as such (a treebank's train part) */
    PERSIAN_TREEBANK   /* CoNLL-U: words and punctuation as annotated */
} PersianForm;

/* What is odd in a corpus, and put right before anything else. */
enum {
    PERSIAN_WRAPPED = 1,  /* paragraphs broken at a width (Hamshahri): see persian_unwrap */
    PERSIAN_SPEAKERS = 2, /* "رئیس- ..." before what somebody says (assembly): the name goes */
    PERSIAN_BACKSLASHES = 4, /* a backslash before a sign (autir4k): goes */
    PERSIAN_NOTES = 8 /* "[نیازمند منبع]", "[یادداشت ۷]", "[12]" (Wikipedia): go */
};

typedef struct {
    const char *name;
    const char *file; /* under the data folder, without .gz */
    PersianForm form;
    int oddities;
    int open;  /* 1: the licence is stated and open; brought by make data without asking */
    int small; /* 1: read in less than a second: what the quick profile takes */
    const char *licence; /* in short, for tables */
    const char *source;
} PersianCorpus;

/* Those of experiments/inputs.tsv. */
extern const PersianCorpus persian_corpora[];
extern const size_t persian_corpora_count;
const PersianCorpus *persian_corpus_find(const char *name); /* or NULL */

/* Why a sentence is left out, in the order in which it is asked. Where the file gives sentences
 * (PERSIAN_SENTENCES, PERSIAN_TREEBANK) only the length is asked; PERSIAN_LINES need no stop. */
typedef enum {
    PERSIAN_COLON,     /* ends with a colon: what follows belongs to it */
    PERSIAN_NO_END,    /* ends with no stop, question or exclamation mark: headings, lists, cells */
    PERSIAN_SHORT,     /* fewer than 4 words */
    PERSIAN_LONG,      /* more than 40 words */
    PERSIAN_FOREIGN,   /* fewer than 7 in 10 words are Persian: tables, formulas, other languages */
    PERSIAN_ARABIC,    /* 3 words in 10 or more begin with the Arabic article: quoted Arabic */
    PERSIAN_SIGNS,     /* more signs than words: lists, scores, markup */
    PERSIAN_LONG_WORD, /* a word of more than 25 letters: spaces lost, addresses */
    PERSIAN_REPEATED,  /* one word is more than a third of 9 or more words */
    PERSIAN_FILTERS
} PersianFilter;
const char *persian_filter_name(PersianFilter filter); /* "no_end" ... */

typedef struct {
    size_t bytes, documents, paragraphs;
    size_t sentences; /* as the splitter found them */
    size_t dropped[PERSIAN_FILTERS];
    size_t kept;
    size_t lines_joined, speakers, backslashes, notes; /* put right */
    size_t list_numbers;           /* taken from the front of a sentence: "3- ..." */
    size_t changes[PERSIAN_RULES]; /* of persian_normalise */
    size_t words_changed;          /* words before less words after: those with nothing visible */
    size_t other_words; /* treebanks: sentences whose annotated words are other than those that
                           the text alone would give */
} PersianCounts;

/* Sentences of any number of corpora. */
typedef struct {
    ReorderWords words;
    size_t sentences, documents;
    size_t *start;      /* [sentences + 1], into word */
    uint32_t *word;     /* ids in `words` */
    uint32_t *document; /* [sentences], numbered through the whole pool */
    uint8_t *corpus;    /* [sentences]: the number given at reading */
    uint64_t *hash;     /* [documents]: of each document's normalised text */
    uint8_t *of;        /* [documents]: its corpus */
    size_t room_sentences, room_words, room_documents;
} PersianPool;

/* Adds what is in the file at `path` (plain or gzip) under the number `corpus`, below 255. Fills
 * `counts`. STATUS_FORMAT with path:line for a NUL byte or bytes that are not UTF-8 (nothing of the
 * file is then in the pool), and what conllu_load refuses; a file with no text at all gives no
 * sentence and no error. STATUS_IO, STATUS_MEMORY. */
Status persian_corpus_read(const PersianCorpus *corpus, const char *path, int number,
                           PersianPool *pool, PersianCounts *counts);

/* The same from `size` bytes in memory, for every form but PERSIAN_TREEBANK; `path` is for
 * messages. */
Status persian_corpus_parse(const PersianCorpus *corpus, const char *path, const char *bytes,
                            size_t size, int number, PersianPool *pool, PersianCounts *counts);

void persian_pool_free(PersianPool *pool);

/* Removes such notes, in place. The size left; *removed counts them. */
size_t persian_remove_notes(char *text, size_t size, size_t *removed);

/* Joins the lines of one document, in place: a line of 60 letters or more that does not end a
 * sentence goes on in the next one. The joined size; *joined, where not NULL, counts them. */
size_t persian_unwrap(char *text, size_t size, size_t *joined);

#endif
