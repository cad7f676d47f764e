/* reorder_data: the data of word ordering: sentences, and the same words in another order.
 *
 * On disk a set is a table of two columns, as the assignment asks: `shuffled` and `ordered`, words
 * separated by single spaces, UTF-8. A byte order mark begins it, by which every spreadsheet knows
 * UTF-8; readers of ours take files with and without one. A folder of sets has a `sets.tsv`, which
 * is written last.
 *
 *     ReorderData data;
 *     STATUS_TRY(reorder_data_load("build/data/persian/reorder", &data));
 *     const ReorderSet *train = reorder_data_set(&data, "train");
 *     for (size_t s = 0; s < train->sentences; s++) {
 *         const uint32_t *word = reorder_words_of(train, s);         // in the right order
 *         const uint32_t *given = reorder_shuffled_of(train, s);     // as a model sees them
 *         int length = reorder_length(train, s);                     // 4 .. 40
 *     }
 *     reorder_data_free(&data);
 *
 * Sets: "train", "validation" and "test" (documents apart), "test_<corpus>" (the part of "test" of
 * each corpus), "perdt_dev" and "perdt_test" (published splits; nothing of perdt_test, nor anything
 * nearly equal to it, is in "train"). Rows stand in an order drawn by seed, so that the first n of
 * "train" are a fair sample of it.
 *
 * Word ids rank by frequency in "train": the 30,000 most frequent words are those below 30,000.
 * words.occurrences[id] is the count in "train": 0 for a word that training never shows.
 */
#ifndef DATA_REORDER_DATA_H
#define DATA_REORDER_DATA_H

#include "base/status.h"
#include "data/reorder_words.h"
#include <stddef.h>
#include <stdint.h>

#define REORDER_LENGTH_LOW  4
#define REORDER_LENGTH_HIGH 40
#define REORDER_NAME        40
#define REORDER_SETS_MAX    32

typedef struct {
    char name[REORDER_NAME];
    size_t sentences, words;
    uint32_t *start;    /* [sentences + 1], into the next two */
    uint32_t *word;     /* [words]: ids in the right order */
    uint32_t *shuffled; /* [words]: the same ids, sentence by sentence in another order */
    size_t room_sentences, room_words;
} ReorderSet;

typedef struct {
    ReorderWords words;
    size_t sets;
    ReorderSet set[REORDER_SETS_MAX];
} ReorderData;

static inline int reorder_length(const ReorderSet *set, size_t sentence) {
    return (int)(set->start[sentence + 1] - set->start[sentence]);
}
static inline const uint32_t *reorder_words_of(const ReorderSet *set, size_t sentence) {
    return set->word + set->start[sentence];
}
static inline const uint32_t *reorder_shuffled_of(const ReorderSet *set, size_t sentence) {
    return set->shuffled + set->start[sentence];
}

/* Every set of a folder, ids ranked by "train". The caller's to reorder_data_free. STATUS_IO,
 * STATUS_FORMAT with file:line (see reorder_set_read), or where a set has another number of
 * sentences than sets.tsv says, or there is no "train"; STATUS_MEMORY. */
Status reorder_data_load(const char *folder, ReorderData *out);

/* Writes every set and then sets.tsv; the folder is made. STATUS_IO. */
Status reorder_data_save(const ReorderData *data, const char *folder);

/* A set by name, or NULL. */
const ReorderSet *reorder_data_set(const ReorderData *data, const char *name);

/* A new empty set at the end of data; NULL with a message when there are too many. */
ReorderSet *reorder_data_add(ReorderData *data, const char *name);

/* Counts the words of "train" and ranks all ids by it, in every set. */
Status reorder_data_rank(ReorderData *data);

void reorder_data_free(ReorderData *data);

/* Reads one table into an empty set and new words into `words`, after those it has. Lengths are as
 * found, 1 to 65,535. STATUS_FORMAT with path:line, expected and found, for: a NUL byte, bytes that
 * are not UTF-8, another header, other than two columns, an empty sentence, a shuffled column that
 * is no rearrangement of the ordered one. */
Status reorder_set_read(ReorderSet *set, ReorderWords *words, const char *path);

/* Writes it; the file appears whole or not at all. STATUS_IO. */
Status reorder_set_write(const ReorderSet *set, const ReorderWords *words, const char *path);

/* Adds a sentence of `length` ids in the right order; the other order is drawn by reorder_shuffle
 * from (seed, the sentence's own words): it depends on nothing around it. STATUS_MEMORY. */
Status reorder_set_add(ReorderSet *set, const ReorderWords *words, const uint32_t *word, int length,
                       uint64_t seed);

void reorder_set_free(ReorderSet *set);

/* Writes a random order of word [length] to out [length]: every order that differs from the right
 * one is as likely as every other; the right one comes out only where all words are the same. What
 * is drawn depends on (seed, stream) alone. */
void reorder_shuffle(const uint32_t *word, int length, uint64_t seed, uint64_t stream,
                     uint32_t *out);

#endif
