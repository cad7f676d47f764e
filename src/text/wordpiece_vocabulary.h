/* wordpiece_vocabulary: the tokens of a vocab.txt and the table that finds them.
 *
 * Private to the wordpiece modules. Open addressing over FNV-1a. The hash is kept byte by byte so
 * that all prefixes of a word are hashed in one pass; a continuing piece starts from the hash of
 * "##" and needs no copy of its own.
 */
#ifndef TEXT_WORDPIECE_VOCABULARY_H
#define TEXT_WORDPIECE_VOCABULARY_H

#include "text/wordpiece.h"

typedef struct {
    uint32_t offset, length; /* in `text`; a NUL follows */
} WordpieceToken;

typedef struct {
    uint32_t hash;
    int32_t id; /* -1: free */
} WordpieceSlot;

struct Wordpiece {
    char *text; /* the file, cut up in place */
    WordpieceToken *token;
    size_t size;
    WordpieceSlot *slot;
    size_t mask;    /* slots - 1, a power of two less one */
    size_t longest; /* bytes of the longest token */
    int32_t special[WORDPIECE_SPECIALS];
    uint8_t starts_special[256]; /* 1 for bytes that a special token starts with */
    int lower_case;
};

#define WORDPIECE_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t wordpiece_hash_byte(uint64_t hash, char byte) {
    return (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
}

/* FNV's low bits mix poorly: fold the high ones in. */
static inline uint32_t wordpiece_hash_end(uint64_t hash) {
    return (uint32_t)(hash ^ (hash >> 32));
}

/* The id of the token that is `prefix` bytes of "##" followed by `length` bytes, whose finished
 * hash is `hash`; -1 where there is none. */
int32_t wordpiece_lookup(const Wordpiece *pieces, uint32_t hash, size_t prefix, const char *bytes,
                         size_t length);

#endif
