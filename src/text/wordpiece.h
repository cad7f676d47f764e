/* wordpiece: sentences to the ids that BERT and MPNet read, and back for showing.
 *
 * Greedy longest-match WordPiece (Schuster and Nakajima, ICASSP 2012; Wu et al., 2016, section
 * 4.1) over BERT's words (text/bert_words.h). The reference is Hugging Face's fast tokenizer
 * (BertTokenizerFast, MPNetTokenizerFast), whose ids these are.
 *
 *     Wordpiece *pieces;
 *     STATUS_TRY(wordpiece_load("bert/vocab.txt", WORDPIECE_BERT, 1, &pieces));
 *     int32_t ids[128];
 *     size_t count, whole;
 *     STATUS_TRY(wordpiece_encode(pieces, text, size, ids, 128, &count, &whole));
 *     for (size_t i = 0; i < count; i++) puts(wordpiece_token(pieces, ids[i]));
 *     wordpiece_free(pieces);              // [CLS] the cat sat [SEP]; count < whole: was cut
 */
#ifndef TEXT_WORDPIECE_H
#define TEXT_WORDPIECE_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define WORDPIECE_FILE_BYTES_MAX ((size_t)16 << 20)

/* What the specials are called. An MPNet vocabulary holds BERT's as well, so the family cannot be
 * told from the vocabulary: config.json's model_type says it. */
typedef enum {
    WORDPIECE_BERT, /* [CLS] [SEP] [PAD] [UNK] [MASK] */
    WORDPIECE_MPNET /* <s> </s> <pad> [UNK] <mask>; <unk> only where there is no [UNK] */
} WordpieceFamily;

typedef enum {
    WORDPIECE_CLS,
    WORDPIECE_SEP,
    WORDPIECE_PAD,
    WORDPIECE_UNK,
    WORDPIECE_MASK,
    WORDPIECE_SPECIALS
} WordpieceSpecial;

typedef struct Wordpiece Wordpiece;

/* Reads a vocab.txt: one token a line, the line's number from 0 is its id. White space at the end
 * of a line is not the token's. Of two equal lines the later has the token, the earlier none. An
 * empty line takes an id. *out is the caller's to wordpiece_free, NULL on failure. `lower_case`:
 * 1 for uncased models (lower case, no accents), 0 for cased ones.
 * STATUS_IO where it cannot be read; STATUS_FORMAT with file:line for an empty file, one of more
 * than WORDPIECE_FILE_BYTES_MAX bytes, a NUL, bytes that are not UTF-8, a special token that is
 * missing; STATUS_MEMORY. */
Status wordpiece_load(const char *path, WordpieceFamily family, int lower_case, Wordpiece **out);

/* The same from `size` bytes in memory, which stay the caller's; `path` is for messages. */
Status wordpiece_parse(const char *path, const char *bytes, size_t size, WordpieceFamily family,
                       int lower_case, Wordpiece **out);

void wordpiece_free(Wordpiece *pieces);

/* How many ids there are: the rows that the embedding must have at least. */
size_t wordpiece_size(const Wordpiece *pieces);

int32_t wordpiece_special(const Wordpiece *pieces, WordpieceSpecial special);

/* The id of a token ("##ing"), -1 where the vocabulary does not hold it. */
int32_t wordpiece_find(const Wordpiece *pieces, const char *token);

/* The token of an id; NULL outside the vocabulary. "" for an id that has none (an empty line, the
 * earlier of two equal ones). Owned by `pieces`. */
const char *wordpiece_token(const Wordpiece *pieces, int32_t id);

/* One sentence of `size` bytes of UTF-8: CLS, its pieces, SEP, into ids[0 .. *count). Where there
 * are more than `capacity` ids the last pieces are left out, never CLS and SEP; *whole (NULL if
 * unwanted) gets the number that there would have been. A special token's name in the text is that
 * token, as in the reference. Takes no memory; any number of threads may share `pieces`.
 * STATUS_ARGUMENT for a capacity below 2, STATUS_FORMAT with the offset for bytes that are not
 * UTF-8. */
Status wordpiece_encode(const Wordpiece *pieces, const char *text, size_t size, int32_t *ids,
                        size_t capacity, size_t *count, size_t *whole);

/* Ids as text: pieces joined, words spaced, the five specials left out where `skip_specials`.
 * Writes a terminated string, cut at a character where `capacity` is too small, and returns the
 * bytes that the whole needs without terminator, as snprintf does. Ids outside the vocabulary and
 * those without a token are passed over. `capacity` 0: only counts, `text` may be NULL. */
size_t wordpiece_decode(const Wordpiece *pieces, const int32_t *ids, size_t count,
                        int skip_specials, char *text, size_t capacity);

#endif
