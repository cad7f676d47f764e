/* q2_drawbacks_text: Persian sentences as one stream of characters, for networks that say which
 * character comes next.
 *
 *     PersianLines train;
 *     Alphabet alphabet;
 *     STATUS_TRY(persian_lines_load("build/data/persian/gold/perdt/fa_perdt-ud-train.txt.gz",
 * &train)); STATUS_TRY(alphabet_make(&alphabet, &train, 20)); CharacterStream stream;
 *     STATUS_TRY(character_stream_make(&stream, &alphabet, &train, order, 400));   // 400 of the
 * sentences
 *     ... stream.id[i .. i + N] are the symbols of a window ...
 *     character_stream_free(&stream), alphabet_free(&alphabet), persian_lines_free(&train);
 *
 * A symbol is a code point; symbol 0 ends a sentence, symbol 1 stands for all code points that are
 * too rare to have one of their own. A window of N symbols is cut anywhere, so that every place of
 * a window is as hard to guess as any other, but for what precedes it in the window.
 */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_TEXT_H
#define EXPERIMENTS_Q2_DRAWBACKS_TEXT_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_END, SYMBOL_OTHER, SYMBOLS_SPECIAL };

typedef struct {
    size_t count;
    char **text; /* [count], UTF-8 */
    char *bytes;
} PersianLines;

typedef struct {
    uint32_t *code; /* [symbols - SYMBOLS_SPECIAL], ascending */
    int symbols;    /* the special ones counted */
} Alphabet;

typedef struct {
    int32_t *id; /* [count] */
    size_t count, other;
} CharacterStream;

/* One sentence a line, or CoNLL-U, of which its "# text" lines are taken; plain or gzip. Blank
 * lines are passed over. STATUS_IO, STATUS_FORMAT with path and line. The caller's to free, empty
 * on failure. */
Status persian_lines_load(const char *path, PersianLines *out);
void persian_lines_free(PersianLines *sentences);

/* The first of "<folder>/<name>.conllu", ".conllu.gz", ".txt", ".txt.gz" that can be read; 0 where
 * there is none. */
int persian_lines_find(const char *folder, const char *name, char *path, size_t size);

/* Code points that occur at least `least` times. */
Status alphabet_make(Alphabet *out, const PersianLines *sentences, long least);
int32_t alphabet_symbol(const Alphabet *alphabet, uint32_t code);
void alphabet_free(Alphabet *alphabet);

/* PersianLines order[0 .. count), each ended by SYMBOL_END; order NULL: as they stand. */
Status character_stream_make(CharacterStream *out, const Alphabet *alphabet,
                             const PersianLines *sentences, const uint32_t *order, size_t count);
void character_stream_free(CharacterStream *stream);

/* Windows of `length` symbols and the one after them that a stream holds end to end. */
size_t character_stream_windows(const CharacterStream *stream, int length);

/* ids and labels [count, length] of windows first, first + 1 ... shifted by `offset` symbols. */
void character_stream_cut(const CharacterStream *stream, int length, size_t offset, size_t first,
                          size_t count, int32_t *ids, int32_t *labels);

#endif
