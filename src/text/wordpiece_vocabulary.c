#include "text/wordpiece_vocabulary.h"

#include "text/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const special_names[][WORDPIECE_SPECIALS] = {
    [WORDPIECE_BERT] = {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"},
    [WORDPIECE_MPNET] = {"<s>", "</s>", "<pad>", "[UNK]", "<mask>"},
};

int32_t wordpiece_lookup(const Wordpiece *pieces, uint32_t hash, size_t prefix, const char *bytes,
                         size_t length) {
    for (size_t at = hash & pieces->mask;; at = (at + 1) & pieces->mask) {
        const WordpieceSlot *slot = &pieces->slot[at];
        if (slot->id < 0) return -1;
        if (slot->hash != hash) continue;
        const WordpieceToken *token = &pieces->token[slot->id];
        const char *found = pieces->text + token->offset;
        if (token->length == prefix + length && memcmp(found, "##", prefix) == 0 &&
            memcmp(found + prefix, bytes, length) == 0)
            return slot->id;
    }
}

static uint32_t hash_of(const char *bytes, size_t length) {
    uint64_t hash = WORDPIECE_HASH_BEGIN;
    for (size_t i = 0; i < length; i++) hash = wordpiece_hash_byte(hash, bytes[i]);
    return wordpiece_hash_end(hash);
}

int32_t wordpiece_find(const Wordpiece *pieces, const char *token) {
    size_t length = strlen(token);
    return wordpiece_lookup(pieces, hash_of(token, length), 0, token, length);
}

/* Unicode's White_Space, which the reference trims lines by. */
static int is_white_space(uint32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* The length of a valid line without the white space at its end. */
static size_t trimmed_length(const char *line, size_t length) {
    while (length > 0) {
        size_t start = length - 1;
        while (start > 0 && ((unsigned char)line[start] & 0xC0) == 0x80) start--;
        uint32_t code;
        if (utf8_decode(line + start, length - start, &code) == 0 || !is_white_space(code)) break;
        length = start;
    }
    return length;
}

static void insert(Wordpiece *pieces, int32_t id) {
    const WordpieceToken *token = &pieces->token[id];
    const char *bytes = pieces->text + token->offset;
    uint32_t hash = hash_of(bytes, token->length);
    int32_t earlier = wordpiece_lookup(pieces, hash, 0, bytes, token->length);
    size_t at = hash & pieces->mask;
    while (pieces->slot[at].id >= 0 && pieces->slot[at].id != earlier) at = (at + 1) & pieces->mask;
    pieces->slot[at] = (WordpieceSlot){hash, id};
    if (earlier < 0) return;
    /* The earlier one loses its name: its NUL stands where its text did. */
    pieces->text[pieces->token[earlier].offset] = '\0';
}

static Status check_bytes(const char *path, const char *bytes, size_t size) {
    if (size > WORDPIECE_FILE_BYTES_MAX)
        return status_fail(STATUS_FORMAT,
                           "%s:1: a vocabulary of %zu bytes, expected at most %zu: is it a "
                           "vocab.txt, one token a line?",
                           path, size, WORDPIECE_FILE_BYTES_MAX);
    if (size == 0)
        return status_fail(STATUS_FORMAT, "%s:1: the file is empty, expected one token a line",
                           path);
    size_t bad = utf8_validate(bytes, size);
    const char *nul = memchr(bytes, '\0', bad);
    if (nul) bad = (size_t)(nul - bytes);
    if (bad == size) return STATUS_OK;
    size_t line = 1, start = 0;
    for (size_t i = 0; i < bad; i++)
        if (bytes[i] == '\n') {
            line++;
            start = i + 1;
        }
    return status_fail(STATUS_FORMAT,
                       "%s:%zu: byte %zu of the line (0x%02x) is %s, expected a token in UTF-8",
                       path, line, bad - start + 1, (unsigned)(unsigned char)bytes[bad],
                       nul ? "a NUL" : "not UTF-8");
}

static Status fill(Wordpiece *pieces, const char *path, const char *bytes, size_t size) {
    size_t lines = bytes[size - 1] != '\n';
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    size_t slots = 16;
    while (slots < 2 * lines) slots *= 2;
    pieces->text = malloc(size + 1);
    pieces->token = malloc(lines * sizeof *pieces->token);
    pieces->slot = malloc(slots * sizeof *pieces->slot);
    if (!pieces->text || !pieces->token || !pieces->slot)
        return status_fail(STATUS_MEMORY, "%s: no memory for a vocabulary of %zu lines", path,
                           lines);
    memcpy(pieces->text, bytes, size);
    pieces->text[size] = '\0';
    for (size_t i = 0; i < slots; i++) pieces->slot[i].id = -1;
    pieces->mask = slots - 1;
    for (size_t start = 0; start < size;) {
        const char *newline = memchr(bytes + start, '\n', size - start);
        size_t end = newline ? (size_t)(newline - bytes) : size;
        size_t length = trimmed_length(bytes + start, end - start);
        pieces->text[start + length] = '\0';
        pieces->token[pieces->size] = (WordpieceToken){(uint32_t)start, (uint32_t)length};
        insert(pieces, (int32_t)pieces->size++);
        if (length > pieces->longest) pieces->longest = length;
        start = end + 1;
    }
    return STATUS_OK;
}

static Status find_specials(Wordpiece *pieces, const char *path, WordpieceFamily family) {
    for (int i = 0; i < WORDPIECE_SPECIALS; i++) {
        const char *name = special_names[family][i];
        pieces->special[i] = wordpiece_find(pieces, name);
        if (pieces->special[i] < 0 && family == WORDPIECE_MPNET && i == WORDPIECE_UNK)
            pieces->special[i] = wordpiece_find(pieces, name = "<unk>");
        if (pieces->special[i] < 0)
            return status_fail(STATUS_FORMAT,
                               "%s:%zu: no line up to here, the last, holds the special token %s "
                               "that %s needs: is it the vocabulary of another model?",
                               path, pieces->size, special_names[family][i],
                               family == WORDPIECE_MPNET ? "MPNet" : "BERT");
        pieces->starts_special[(unsigned char)name[0]] = 1;
    }
    return STATUS_OK;
}

Status wordpiece_parse(const char *path, const char *bytes, size_t size, WordpieceFamily family,
                       int lower_case, Wordpiece **out) {
    *out = NULL;
    if (family != WORDPIECE_BERT && family != WORDPIECE_MPNET)
        return status_fail(STATUS_ARGUMENT, "%s: family %d, expected WORDPIECE_BERT or _MPNET",
                           path, (int)family);
    STATUS_TRY(check_bytes(path, bytes, size));
    Wordpiece *pieces = calloc(1, sizeof *pieces);
    if (!pieces) return status_fail(STATUS_MEMORY, "%s: no memory for a vocabulary", path);
    pieces->lower_case = lower_case;
    Status status = fill(pieces, path, bytes, size);
    if (status == STATUS_OK) status = find_specials(pieces, path, family);
    if (status == STATUS_OK)
        *out = pieces;
    else
        wordpiece_free(pieces);
    return status;
}

/* All of a file, or one byte more than a vocabulary may have. */
static Status read_bytes(const char *path, FILE *file, char **bytes, size_t *size) {
    size_t room = (size_t)1 << 18;
    *size = 0;
    *bytes = NULL;
    for (;;) {
        char *larger = realloc(*bytes, room);
        if (!larger) return status_fail(STATUS_MEMORY, "%s: no memory for %zu bytes", path, room);
        *bytes = larger;
        *size += fread(*bytes + *size, 1, room - *size, file);
        if (ferror(file))
            return status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
        if (*size < room || room > WORDPIECE_FILE_BYTES_MAX) return STATUS_OK;
        room *= 2;
    }
}

Status wordpiece_load(const char *path, WordpieceFamily family, int lower_case, Wordpiece **out) {
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return status_fail(STATUS_IO, "%s: cannot open the vocabulary: %s", path, strerror(errno));
    char *bytes;
    size_t size;
    Status status = read_bytes(path, file, &bytes, &size);
    fclose(file);
    if (status == STATUS_OK) status = wordpiece_parse(path, bytes, size, family, lower_case, out);
    free(bytes);
    return status;
}

void wordpiece_free(Wordpiece *pieces) {
    if (!pieces) return;
    free(pieces->text);
    free(pieces->token);
    free(pieces->slot);
    free(pieces);
}

size_t wordpiece_size(const Wordpiece *pieces) {
    return pieces->size;
}

int32_t wordpiece_special(const Wordpiece *pieces, WordpieceSpecial special) {
    return pieces->special[special];
}

const char *wordpiece_token(const Wordpiece *pieces, int32_t id) {
    if (id < 0 || (size_t)id >= pieces->size) return NULL;
    return pieces->text + pieces->token[id].offset;
}
