#define _GNU_SOURCE
#include "q2_drawbacks_text.h"
#include "data/conllu.h"
#include "data/text_file.h"
#include "text/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CODES 0x110000u

/* --- sentences ------------------------------------------------------------------------------- */

static Status no_memory(const char *what) {
    return status_fail(STATUS_MEMORY, "no memory for %s", what);
}

int persian_lines_find(const char *folder, const char *name, char *path, size_t size) {
    static const char *const endings[] = {"conllu", "conllu.gz", "txt", "txt.gz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        int length = snprintf(path, size, "%s/%s.%s", folder, name, endings[i]);
        if (length > 0 && (size_t)length < size && access(path, R_OK) == 0) return 1;
    }
    return 0;
}

static int is_conllu(const char *path) {
    const char *at = strstr(path, ".conllu");
    return at && (!at[7] || strcmp(at + 7, ".gz") == 0);
}

/* Lines of `bytes`, which the result owns from here on. */
static Status take_lines(char *bytes, size_t size, PersianLines *out) {
    size_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    out->bytes = bytes;
    if (!(out->text = malloc(lines * sizeof *out->text))) return no_memory("sentences");
    char *rest = bytes;
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t length = strlen(line);
        if (length && line[length - 1] == '\r') line[--length] = 0;
        if (length) out->text[out->count++] = line;
    }
    return STATUS_OK;
}

static Status load_lines(const char *path, PersianLines *out) {
    TextFile file;
    STATUS_TRY(text_file_read(path, &file));
    Status status = text_file_check(path, file.bytes, file.size);
    if (status != STATUS_OK) {
        text_file_free(&file);
        return status;
    }
    return take_lines(file.bytes, file.size, out);
}

static Status load_conllu(const char *path, PersianLines *out) {
    Conllu *treebank;
    STATUS_TRY(conllu_load(path, &treebank));
    size_t size = 0;
    for (size_t s = 0; s < treebank->sentences; s++) size += strlen(treebank->sentence[s].text) + 1;
    char *bytes = malloc(size + 1), *to = bytes;
    for (size_t s = 0; bytes && s < treebank->sentences; s++) {
        to = stpcpy(to, treebank->sentence[s].text);
        *to++ = '\n';
    }
    if (bytes) *to = 0;
    conllu_free(treebank);
    return bytes ? take_lines(bytes, size, out) : no_memory("sentences");
}

Status persian_lines_load(const char *path, PersianLines *out) {
    *out = (PersianLines){0};
    Status status = is_conllu(path) ? load_conllu(path, out) : load_lines(path, out);
    if (status == STATUS_OK && out->count == 0)
        status = status_fail(STATUS_FORMAT, "%s: no sentence in it; expected one a line", path);
    if (status != STATUS_OK) persian_lines_free(out);
    return status;
}

void persian_lines_free(PersianLines *sentences) {
    free(sentences->text);
    free(sentences->bytes);
    *sentences = (PersianLines){0};
}

/* --- alphabet -------------------------------------------------------------------------------- */

Status alphabet_make(Alphabet *out, const PersianLines *sentences, long least) {
    *out = (Alphabet){.symbols = SYMBOLS_SPECIAL};
    uint32_t *seen = calloc(CODES, sizeof *seen);
    if (!seen) return no_memory("an alphabet");
    for (size_t s = 0; s < sentences->count; s++) {
        const char *text = sentences->text[s];
        uint32_t code;
        for (size_t left = strlen(text), used; left > 0 && (used = utf8_decode(text, left, &code));
             text += used, left -= used)
            seen[code]++;
    }
    size_t kept = 0;
    for (uint32_t c = 0; c < CODES; c++) kept += seen[c] >= least && seen[c] > 0;
    out->code = malloc((kept + 1) * sizeof *out->code);
    for (uint32_t c = 0; out->code && c < CODES; c++)
        if (seen[c] >= least && seen[c] > 0) out->code[out->symbols++ - SYMBOLS_SPECIAL] = c;
    free(seen);
    return out->code ? STATUS_OK : no_memory("an alphabet");
}

int32_t alphabet_symbol(const Alphabet *alphabet, uint32_t code) {
    int low = 0, high = alphabet->symbols - SYMBOLS_SPECIAL;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (alphabet->code[middle] == code) return middle + SYMBOLS_SPECIAL;
        if (alphabet->code[middle] < code)
            low = middle + 1;
        else
            high = middle;
    }
    return SYMBOL_OTHER;
}

void alphabet_free(Alphabet *alphabet) {
    free(alphabet->code);
    *alphabet = (Alphabet){0};
}

/* --- streams --------------------------------------------------------------------------------- */

Status character_stream_make(CharacterStream *out, const Alphabet *alphabet,
                             const PersianLines *sentences, const uint32_t *order, size_t count) {
    *out = (CharacterStream){0};
    size_t room = 0;
    for (size_t s = 0; s < count; s++) room += strlen(sentences->text[order ? order[s] : s]) + 1;
    if (!(out->id = malloc((room + 1) * sizeof *out->id))) return no_memory("a stream");
    for (size_t s = 0; s < count; s++) {
        const char *text = sentences->text[order ? order[s] : s];
        uint32_t code;
        for (size_t left = strlen(text), used; left > 0 && (used = utf8_decode(text, left, &code));
             text += used, left -= used) {
            int32_t symbol = alphabet_symbol(alphabet, code);
            out->other += symbol == SYMBOL_OTHER;
            out->id[out->count++] = symbol;
        }
        out->id[out->count++] = SYMBOL_END;
    }
    return STATUS_OK;
}

void character_stream_free(CharacterStream *stream) {
    free(stream->id);
    *stream = (CharacterStream){0};
}

size_t character_stream_windows(const CharacterStream *stream, int length) {
    return stream->count < 2 ? 0 : (stream->count - 1) / (size_t)length;
}

void character_stream_cut(const CharacterStream *stream, int length, size_t offset, size_t first,
                          size_t count, int32_t *ids, int32_t *labels) {
    const size_t n = (size_t)length;
    for (size_t w = 0; w < count; w++) {
        const int32_t *from = stream->id + offset + (first + w) * n;
        memcpy(ids + w * n, from, n * sizeof *ids);
        memcpy(labels + w * n, from + 1, n * sizeof *labels);
    }
}
