#include "text/wordpiece.h"

#include "text/bert_words.h"
#include "text/utf8.h"
#include "text/wordpiece_vocabulary.h"

#include <string.h>

/* Where ids go: the first `room` are stored, all are counted. */
typedef struct {
    int32_t *ids;
    size_t room, count;
} Sink;

static void put(Sink *sink, int32_t id) {
    if (sink->count < sink->room) sink->ids[sink->count] = id;
    sink->count++;
}

/* The longest token that starts the bytes (after "##" where `prefix` is 2); its length without
 * prefix, or 0. Prefixes are hashed forwards and looked up backwards. */
static size_t longest_match(const Wordpiece *pieces, size_t prefix, const char *bytes, size_t size,
                            int32_t *id) {
    uint32_t hashes[4 * BERT_WORD_CHARACTERS_MAX];
    uint64_t hash = WORDPIECE_HASH_BEGIN;
    for (size_t i = 0; i < prefix; i++) hash = wordpiece_hash_byte(hash, '#');
    if (pieces->longest < prefix) return 0;
    if (size > pieces->longest - prefix) size = pieces->longest - prefix;
    for (size_t i = 0; i < size; i++) {
        hash = wordpiece_hash_byte(hash, bytes[i]);
        hashes[i] = wordpiece_hash_end(hash);
    }
    for (size_t length = size; length > 0; length--) {
        *id = wordpiece_lookup(pieces, hashes[length - 1], prefix, bytes, length);
        if (*id >= 0) return length;
    }
    return 0;
}

/* excerpt: wordpiece */
/* One word's pieces, or one UNK in place of all where any part has none. */
static void put_word(const Wordpiece *pieces, const BertWords *words, Sink *sink) {
    size_t before = sink->count;
    size_t at = words->characters > BERT_WORD_CHARACTERS_MAX ? words->bytes + 1 : 0;
    while (at < words->bytes) {
        int32_t id;
        size_t length = longest_match(pieces, at ? 2 : 0, words->word + at, words->bytes - at, &id);
        if (length == 0) break;
        put(sink, id);
        at += length;
    }
    if (at == words->bytes) return;
    sink->count = before;
    put(sink, pieces->special[WORDPIECE_UNK]);
}
/* end excerpt */

static void put_text(const Wordpiece *pieces, const char *text, size_t size, Sink *sink) {
    BertWords words;
    bert_words_begin(&words, text, size, pieces->lower_case);
    while (bert_words_next(&words)) put_word(pieces, &words, sink);
}

/* The special token that `text` starts with, -1 for none. None of them starts another. */
static int32_t special_at(const Wordpiece *pieces, const char *text, size_t size, size_t *length) {
    for (int i = 0; i < WORDPIECE_SPECIALS; i++) {
        const WordpieceToken *token = &pieces->token[pieces->special[i]];
        *length = token->length;
        if (*length <= size && memcmp(text, pieces->text + token->offset, *length) == 0)
            return pieces->special[i];
    }
    return -1;
}

Status wordpiece_encode(const Wordpiece *pieces, const char *text, size_t size, int32_t *ids,
                        size_t capacity, size_t *count, size_t *whole) {
    *count = 0;
    if (capacity < 2)
        return status_fail(STATUS_ARGUMENT,
                           "wordpiece: room for %zu ids, expected at least 2: the sentence's first "
                           "and last are special tokens",
                           capacity);
    size_t bad = utf8_validate(text, size);
    if (bad < size)
        return status_fail(
            STATUS_FORMAT,
            "wordpiece: byte %zu of the text (0x%02x) is not UTF-8; convert it first", bad,
            (unsigned)(unsigned char)text[bad]);
    /* The last place is the closing token's. */
    Sink sink = {ids, capacity - 1, 0};
    put(&sink, pieces->special[WORDPIECE_CLS]);
    size_t start = 0;
    for (size_t at = 0; at < size; at++) {
        if (!pieces->starts_special[(unsigned char)text[at]]) continue;
        size_t length;
        int32_t special = special_at(pieces, text + at, size - at, &length);
        if (special < 0) continue;
        put_text(pieces, text + start, at - start, &sink);
        put(&sink, special);
        start = at + length;
        at = start - 1;
    }
    if (start < size) put_text(pieces, text + start, size - start, &sink);
    size_t stored = sink.count < sink.room ? sink.count : sink.room;
    ids[stored] = pieces->special[WORDPIECE_SEP];
    *count = stored + 1;
    if (whole) *whole = sink.count + 1;
    return STATUS_OK;
}

static int is_special(const Wordpiece *pieces, int32_t id) {
    for (int i = 0; i < WORDPIECE_SPECIALS; i++)
        if (pieces->special[i] == id) return 1;
    return 0;
}

size_t wordpiece_decode(const Wordpiece *pieces, const int32_t *ids, size_t count,
                        int skip_specials, char *text, size_t capacity) {
    size_t needed = 0, stored = 0;
    for (size_t i = 0; i < count; i++) {
        const char *token = wordpiece_token(pieces, ids[i]);
        if (!token || !token[0] || (skip_specials && is_special(pieces, ids[i]))) continue;
        const char *parts[2] = {"", token};
        if (needed > 0 && strncmp(token, "##", 2) == 0)
            parts[1] = token + 2;
        else if (needed > 0)
            parts[0] = " ";
        for (int part = 0; part < 2; part++)
            for (const char *byte = parts[part]; *byte; byte++) {
                if (needed + 1 < capacity) text[stored++] = *byte;
                needed++;
            }
    }
    if (capacity == 0) return needed;
    /* A character that was begun and cut does not stay. */
    if (stored < needed)
        while (stored > 0 && utf8_validate(text, stored) < stored) stored--;
    text[stored] = '\0';
    return needed;
}
