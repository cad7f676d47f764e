#include "text/sentences.h"

#include "text/sentences_rules.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

/* What a byte may be the last one of. Most bytes are none of these and pass at one look. */
enum {
    USUAL,
    ONE_BYTE,
    MAYBE_QUESTION,
    MAYBE_ELLIPSIS,
    MAYBE_FULL,
    BRACKET,
    QUOTE,
    MAYBE_QUOTE,
    LINE
};

static const unsigned char byte_class[256] = {
    ['.'] = ONE_BYTE,        ['!'] = ONE_BYTE,     ['?'] = ONE_BYTE,     [':'] = ONE_BYTE,
    [0x9F] = MAYBE_QUESTION, /* D8 9F: Persian question mark */
    [0xA6] = MAYBE_ELLIPSIS, /* E2 80 A6 */
    [0x94] = MAYBE_FULL,     /* DB 94: Urdu full stop */
    ['('] = BRACKET,         [')'] = BRACKET,      ['['] = BRACKET,      [']'] = BRACKET,
    ['"'] = QUOTE,           [0xAB] = MAYBE_QUOTE, [0xBB] = MAYBE_QUOTE, /* C2 AB, C2 BB */
    [0x9C] = MAYBE_QUOTE,    [0x9D] = MAYBE_QUOTE,                       /* E2 80 9C, E2 80 9D */
    ['\n'] = LINE,
};

/* How far the present sentence was looked at. Offsets are into the bytes at hand. */
typedef struct {
    SentenceLines lines;
    size_t start; /* of the sentence; white space before it has been passed over */
    size_t at;    /* what lies before was looked at */
    int quotes, brackets, straight, bracket_first, reversed;
} Scan;

static int is_space_byte(unsigned char byte) {
    return byte == ' ' || (byte >= 9 && byte <= 13);
}

/* The length of the white space character at `bytes`, 0 where there is none. */
static size_t space_length(const char *bytes, size_t size) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (size == 0) return 0;
    if (is_space_byte(b[0])) return 1;
    if (b[0] < 0xC2) return 0;
    if (size >= 2 && b[0] == 0xC2 && (b[1] == 0xA0 || b[1] == 0x85)) return 2;
    if (size < 3) return 0;
    if (b[0] == 0xE2 && b[1] == 0x80 &&
        ((b[2] >= 0x80 && b[2] <= 0x8A) || b[2] == 0xA8 || b[2] == 0xA9 || b[2] == 0xAF))
        return 3;
    if (b[0] == 0xE2 && b[1] == 0x81 && b[2] == 0x9F) return 3;
    if (b[0] == 0xE1 && b[1] == 0x9A && b[2] == 0x80) return 3;
    if (b[0] == 0xE3 && b[1] == 0x80 && b[2] == 0x80) return 3;
    return 0;
}

static size_t trim_end(const char *bytes, size_t start, size_t end) {
    for (;;) {
        size_t length = 0;
        for (size_t back = 1; back <= 3 && back <= end - start; back++)
            if (space_length(bytes + end - back, back) == back) {
                length = back;
                break;
            }
        if (length == 0) return end;
        end -= length;
    }
}

static void scan_open(Scan *scan, size_t start) {
    scan->start = scan->at = start;
    scan->quotes = scan->brackets = scan->straight = scan->bracket_first = scan->reversed = 0;
}

/* Where the line ends, at most SENTENCE_LOOK_AHEAD bytes on; *final says whether it ends there. */
static size_t look_ahead(const Scan *scan, const char *bytes, size_t size, int last, size_t sign,
                         int *final) {
    size_t end = sign + SENTENCE_LOOK_AHEAD;
    *final = 0;
    if (end > size) {
        end = size;
        *final = last;
    }
    if (scan->lines == SENTENCE_LINES_END) {
        const char *line = memchr(bytes + sign, '\n', end - sign);
        if (line) {
            end = (size_t)(line - bytes);
            *final = 1;
        }
    }
    return end;
}

/* Whether the line end at `at` is followed by an empty line. 2: more bytes are needed to say. */
static int is_blank_line(const char *bytes, size_t size, int last, size_t at) {
    size_t i = at + 1;
    for (; i < size && i < at + SENTENCE_LOOK_AHEAD; i++) {
        if (bytes[i] == '\n') return 1;
        if (!is_space_byte((unsigned char)bytes[i])) return 0;
    }
    return i < at + SENTENCE_LOOK_AHEAD ? (last ? 0 : 2) : 0;
}

/* Looks for the end of the sentence. 1: *end and *why are set. 0: more bytes are needed; with
 * `last` there are none and the rest is a sentence. */
static int scan_next(Scan *scan, const char *bytes, size_t size, int last, size_t *end,
                     SentenceEnd *why) {
    size_t at = scan->at;
    size_t limit = scan->start + SENTENCE_BYTES_MAX;
    size_t stop = size < limit ? size : limit;
    const unsigned char *b = (const unsigned char *)bytes;
    for (;;) {
        while (at + 4 <= stop && !(byte_class[b[at]] | byte_class[b[at + 1]] |
                                   byte_class[b[at + 2]] | byte_class[b[at + 3]]))
            at += 4;
        while (at < stop && byte_class[b[at]] == USUAL) at++;
        if (at >= stop) break;
        size_t sign = at;
        switch (byte_class[b[at]]) {
        case BRACKET:
            if (b[at] == '(' || b[at] == '[') {
                if (at == scan->start) scan->bracket_first = 1;
                scan->brackets++;
            } else if (scan->brackets) {
                scan->brackets--;
            } else {
                scan->reversed = 1;
            }
            at++;
            continue;
        case QUOTE:
            scan->straight = !scan->straight;
            at++;
            continue;
        case MAYBE_QUOTE:
            if ((at > scan->start && b[at - 1] == 0xC2) ||
                (at > scan->start + 1 && b[at - 1] == 0x80 && b[at - 2] == 0xE2)) {
                if (b[at] == 0xAB || b[at] == 0x9C)
                    scan->quotes++;
                else if (scan->quotes)
                    scan->quotes--;
            }
            at++;
            continue;
        case LINE: {
            int ends = scan->lines == SENTENCE_LINES_END;
            if (scan->lines == SENTENCE_LINES_BLANK) {
                ends = is_blank_line(bytes, size, last, at);
                if (ends == 2) {
                    scan->at = at;
                    return 0;
                }
            }
            if (ends) {
                *end = at;
                *why = SENTENCE_LINE;
                return 1;
            }
            at++;
            continue;
        }
        case MAYBE_QUESTION:
        case MAYBE_FULL:
            if (at == scan->start || b[at - 1] != (b[at] == 0x9F ? 0xD8 : 0xDB)) {
                at++;
                continue;
            }
            sign = at - 1;
            break;
        case MAYBE_ELLIPSIS:
            if (at < scan->start + 2 || b[at - 1] != 0x80 || b[at - 2] != 0xE2) {
                at++;
                continue;
            }
            sign = at - 2;
            break;
        default:
            break;
        }
        SentencePlace place = {.text = bytes,
                               .start = scan->start,
                               .sign = sign,
                               .quotes = scan->quotes,
                               .brackets = scan->brackets,
                               .straight = scan->straight,
                               .bracket_first = scan->bracket_first,
                               .reversed = scan->reversed};
        place.end = look_ahead(scan, bytes, size, last, sign, &place.final);
        if (!place.final && place.end < sign + SENTENCE_LOOK_AHEAD) {
            scan->at = at;
            return 0;
        }
        size_t found = sentence_rules_end(&place);
        if (found && found - scan->start <= SENTENCE_BYTES_MAX) {
            *end = found;
            *why = SENTENCE_STOP;
            return 1;
        }
        at = sentence_rules_run(&place);
        if (at > stop) break;
    }
    scan->at = at;
    if (size > limit) {
        /* Too long: at the last space of its last part, else between two characters. */
        *why = SENTENCE_LIMIT;
        for (size_t cut = limit; cut > limit - 4096; cut--)
            if (is_space_byte(b[cut - 1])) {
                *end = cut - 1;
                if (trim_end(bytes, scan->start, *end) > scan->start) return 1;
            }
        *end = limit;
        for (int back = 0; back < 3 && (b[*end] & 0xC0) == 0x80; back++) --*end;
        return 1;
    }
    if (last && size > scan->start) {
        *end = size;
        *why = SENTENCE_TEXT;
        return 1;
    }
    return 0;
}

/* Passes over white space. */
static size_t skip_space(const char *bytes, size_t at, size_t size) {
    size_t length;
    while (at < size && (length = space_length(bytes + at, size - at)) > 0) at += length;
    return at;
}

typedef struct {
    size_t start, end;
    SentenceEnd why;
} Found;

/* The next sentence of bytes[0 .. size - 1]; 0 where more bytes are needed or none is left. */
static int scan_sentence(Scan *scan, const char *bytes, size_t size, int last, Found *found) {
    for (;;) {
        if (scan->at == scan->start) {
            size_t start = skip_space(bytes, scan->start, size);
            if (start != scan->start) scan_open(scan, start);
            /* Two or three bytes at the end may yet become a space. */
            if (!last && size - start < UTF8_BYTES_MAX) return 0;
        }
        if (scan->start >= size) return 0;
        if (!scan_next(scan, bytes, size, last, &found->end, &found->why)) return 0;
        size_t start = scan->start, after = found->end;
        found->start = start;
        found->end = trim_end(bytes, start, after);
        scan_open(scan, after);
        if (found->end > start) return 1;
    }
}

/* --- a whole text --------------------------------------------------------------------------- */

void sentence_list_free(SentenceList *list) {
    free(list->start);
    free(list->end);
    free(list->why);
    *list = (SentenceList){0};
}

static Status list_grow(SentenceList *list) {
    size_t capacity = list->capacity ? 2 * list->capacity : 64;
    size_t *start = realloc(list->start, capacity * sizeof *start);
    if (start) list->start = start;
    size_t *end = realloc(list->end, capacity * sizeof *end);
    if (end) list->end = end;
    SentenceEnd *why = realloc(list->why, capacity * sizeof *why);
    if (why) list->why = why;
    if (!start || !end || !why)
        return status_fail(STATUS_MEMORY, "sentences: no memory for a list of %zu", capacity);
    list->capacity = capacity;
    return STATUS_OK;
}

Status sentences_split(const char *text, size_t size, const SentenceOptions *options,
                       SentenceList *out) {
    Scan scan = {.lines = options ? options->lines : SENTENCE_LINES_END};
    Found found;
    out->count = 0;
    while (scan_sentence(&scan, text, size, 1, &found)) {
        if (out->count == out->capacity) STATUS_TRY(list_grow(out));
        out->start[out->count] = found.start;
        out->end[out->count] = found.end;
        out->why[out->count++] = found.why;
    }
    return STATUS_OK;
}

/* --- a stream ------------------------------------------------------------------------------- */

#define BUFFER_BYTES (4 * SENTENCE_BYTES_MAX)

struct Sentences {
    SentenceVisit visit;
    void *user;
    Scan scan;
    uint64_t offset; /* of buffer[0] in the text */
    size_t size;     /* of what the buffer holds */
    char buffer[BUFFER_BYTES];
};

Status sentences_open(const SentenceOptions *options, SentenceVisit visit, void *user,
                      Sentences **out) {
    Sentences *splitter = malloc(sizeof *splitter);
    *out = splitter;
    if (!splitter)
        return status_fail(STATUS_MEMORY, "sentences: no memory for %zu bytes", sizeof *splitter);
    splitter->visit = visit;
    splitter->user = user;
    splitter->scan = (Scan){.lines = options ? options->lines : SENTENCE_LINES_END};
    splitter->offset = 0;
    splitter->size = 0;
    return STATUS_OK;
}

size_t sentences_memory_bytes(void) {
    return sizeof(Sentences);
}

void sentences_free(Sentences *splitter) {
    free(splitter);
}

/* Hands out every sentence that the buffer decides, then keeps only what is still open. */
static Status drain(Sentences *splitter, int last) {
    Found found;
    Scan *scan = &splitter->scan;
    while (scan_sentence(scan, splitter->buffer, splitter->size, last, &found)) {
        Sentence sentence = {.bytes = splitter->buffer + found.start,
                             .size = found.end - found.start,
                             .offset = splitter->offset + found.start,
                             .end = found.why};
        STATUS_TRY(splitter->visit(splitter->user, &sentence));
    }
    size_t done = scan->start < splitter->size ? scan->start : splitter->size;
    if (done == 0) return STATUS_OK;
    memmove(splitter->buffer, splitter->buffer + done, splitter->size - done);
    splitter->offset += done;
    splitter->size -= done;
    scan->start -= done;
    scan->at -= done;
    return STATUS_OK;
}

Status sentences_feed(Sentences *splitter, const char *bytes, size_t size) {
    while (size > 0) {
        size_t portion = BUFFER_BYTES - splitter->size;
        if (portion > size) portion = size;
        memcpy(splitter->buffer + splitter->size, bytes, portion);
        splitter->size += portion;
        bytes += portion;
        size -= portion;
        STATUS_TRY(drain(splitter, 0));
    }
    return STATUS_OK;
}

Status sentences_finish(Sentences *splitter) {
    STATUS_TRY(drain(splitter, 1));
    splitter->scan = (Scan){.lines = splitter->scan.lines};
    splitter->offset = 0;
    splitter->size = 0;
    return STATUS_OK;
}
