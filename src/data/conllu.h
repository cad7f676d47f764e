/* conllu: treebanks of Universal Dependencies: their sentences and words, not their trees.
 *
 * CoNLL-U (universaldependencies.org/format.html): ten columns separated by tabs, a blank line
 * after every sentence, comments before it. A line 38-39 holds one written word that the analysis
 * takes for two, as Persian writes a pronoun at the end of a noun; 8.1 holds a word that is not
 * written at all.
 *
 *     Conllu *treebank;
 *     STATUS_TRY(conllu_load("fa_perdt-ud-test.conllu", &treebank));
 *     for (size_t s = 0; s < treebank->sentences; s++) {
 *         const ConlluSentence *sentence = &treebank->sentence[s];
 *         for (size_t w = 0; w < sentence->words; w++)
 *             if (!sentence->word[w].punctuation) puts(sentence->word[w].form);
 *     }
 *     conllu_free(treebank);
 */
#ifndef DATA_CONLLU_H
#define DATA_CONLLU_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

/* A word as it is written. */
typedef struct {
    const char *form;    /* UTF-8 */
    const char *upos;    /* of the word, or of the first of its parts: "NOUN", "PUNCT" ... */
    uint16_t parts;      /* syntactic words in it: 1, or more for a multiword token */
    uint8_t punctuation; /* 1 where every part has the UPOS PUNCT */
    uint8_t space_after; /* 0 where MISC says SpaceAfter=No, for it or for its last part */
} ConlluWord;

typedef struct {
    const char *id;   /* of "# sent_id = ...", or "" */
    const char *text; /* of "# text = ...", or "" */
    size_t words;
    const ConlluWord *word; /* [words] */
    uint32_t line;          /* of the first word or comment, from 1 */
} ConlluSentence;

typedef struct {
    char *path;
    size_t sentences, words; /* words of all sentences */
    ConlluSentence *sentence;
    ConlluWord *word;                          /* [words] */
    size_t multiword, unwritten, without_text; /* tokens n-m, nodes n.m, sentences with no text */
    size_t carriage_returns;                   /* lines that end in CR LF */
    char *text_bytes;                          /* what all strings point into */
} Conllu;

/* Reads a file, plain or gzip; *out is the caller's to conllu_free, NULL on failure. STATUS_FORMAT
 * with file:line, expected and found for: an empty file, a NUL byte, bytes that are not UTF-8, a
 * line of other than ten columns, ids that do not count from 1 in steps of 1, a range n-m that is
 * empty, overlaps another or ends beyond the sentence, an empty form or UPOS, a sentence with no
 * word. STATUS_IO, STATUS_MEMORY. */
Status conllu_load(const char *path, Conllu **out);

/* The same from `size` bytes in memory, which stay the caller's; `path` is for messages. */
Status conllu_parse(const char *path, const char *bytes, size_t size, Conllu **out);

void conllu_free(Conllu *file);

#endif
