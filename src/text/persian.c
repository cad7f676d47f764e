#include "text/persian.h"

#include "text/persian_word.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *const rule_names[PERSIAN_RULES] = {
    "invalid", "control", "space",     "form",    "nfc",       "yeh",        "kaf", "heh",
    "hamza",   "digit",   "diacritic", "tatweel", "direction", "half_space", "zwnj"};

const char *persian_rule_name(PersianRule rule) {
    return (unsigned)rule < PERSIAN_RULES ? rule_names[rule] : "?";
}

void persian_text_free(PersianText *text) {
    free(text->bytes);
    *text = (PersianText){0};
}

/* Room for `more` bytes and the NUL. */
static Status text_reserve(PersianText *text, size_t more) {
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity) return STATUS_OK;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed) capacity *= 2;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes) return status_fail(STATUS_MEMORY, "persian: no memory for %zu bytes", capacity);
    text->bytes = bytes;
    text->capacity = capacity;
    return STATUS_OK;
}

static Status text_append(PersianText *text, const char *bytes, size_t size) {
    STATUS_TRY(text_reserve(text, size));
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return STATUS_OK;
}

static int is_line_end(uint32_t code) {
    return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* One pass over the text. */
typedef struct {
    const PersianOptions *options;
    PersianReport *report;
    PersianText *out;
    PersianWord word;
    const char *start; /* of the present word in the text */
    int plain;         /* nothing in the word that any rule could change */
    uint32_t before;   /* the code point before, 0 at the start of a word */
    int spaces;        /* white space since the word before, other than line ends */
    int exact;         /* that is one U+0020 */
    int line_empty;    /* nothing was written into this line yet */
} Walk;

static Status word_begin(Walk *walk, const char *at) {
    walk->start = at;
    walk->plain = 1;
    walk->before = 0;
    walk->word.count = 0;
    walk->report->words_before++;
    return STATUS_OK;
}

/* The space before a word is written with it, so that none is left where a word vanished. */
static Status word_space(Walk *walk) {
    if (walk->spaces && !walk->line_empty) {
        if (!walk->exact) walk->report->changes[PERSIAN_SPACE]++;
        STATUS_TRY(text_append(walk->out, " ", 1));
    } else if (walk->spaces) {
        walk->report->changes[PERSIAN_SPACE]++;
    }
    walk->spaces = 0;
    walk->line_empty = 0;
    return STATUS_OK;
}

static Status word_end(Walk *walk, const char *at) {
    if (walk->plain && !persian_may_end(walk->before)) walk->plain = 0;
    if (walk->plain) {
        STATUS_TRY(word_space(walk));
        walk->report->words_after++;
        return text_append(walk->out, walk->start, (size_t)(at - walk->start));
    }
    /* The word again, code point by code point. */
    for (const char *from = walk->start; from < at;) {
        uint32_t code;
        size_t length = utf8_decode(from, (size_t)(at - from), &code);
        if (length == 0) {
            code = 0xFFFD;
            length = persian_broken_length(from, (size_t)(at - from));
            walk->report->changes[PERSIAN_INVALID]++;
        }
        STATUS_TRY(persian_word_push(&walk->word, code));
        from += length;
    }
    STATUS_TRY(persian_word_normalise(&walk->word, walk->options, walk->report->changes));
    if (walk->word.count == 0) {
        /* Vanished: the spaces on both of its sides become one. */
        walk->exact = 0;
        return STATUS_OK;
    }
    STATUS_TRY(word_space(walk));
    walk->report->words_after++;
    STATUS_TRY(text_reserve(walk->out, walk->word.count * UTF8_BYTES_MAX));
    for (size_t i = 0; i < walk->word.count; i++)
        walk->out->size += utf8_encode(walk->word.code[i], walk->out->bytes + walk->out->size);
    return STATUS_OK;
}

static Status line_end(Walk *walk, uint32_t code) {
    if (walk->spaces) walk->report->changes[PERSIAN_SPACE]++;
    if (code != '\n') walk->report->changes[PERSIAN_SPACE]++;
    walk->spaces = 0;
    walk->line_empty = 1;
    return text_append(walk->out, "\n", 1);
}

static Status walk_text(Walk *walk, const char *text, size_t size) {
    int inside = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t length = utf8_decode(text + at, size - at, &code);
        if (length == 0) {
            if (!walk->options->replace_invalid)
                return status_fail(
                    STATUS_FORMAT,
                    "byte %zu (0x%02X) is not UTF-8; expected UTF-8 text: convert it "
                    "(iconv), or ask for U+FFFD in its place",
                    at, (unsigned char)text[at]);
            code = 0xFFFD;
            length = persian_broken_length(text + at, size - at);
            if (inside) walk->plain = 0;
        }
        if (persian_is_space(code)) {
            if (inside) STATUS_TRY(word_end(walk, text + at));
            inside = 0;
            if (is_line_end(code)) {
                STATUS_TRY(line_end(walk, code));
                if (code == '\r' && at + 1 < size && text[at + 1] == '\n') length = 2;
            } else {
                walk->exact = !walk->spaces && code == ' ';
                walk->spaces = 1;
            }
        } else {
            if (!inside) STATUS_TRY(word_begin(walk, text + at));
            inside = 1;
            if (walk->plain && !persian_is_plain(code, walk->before, walk->options->digits))
                walk->plain = 0;
            walk->before = code;
        }
        at += length;
    }
    if (inside) STATUS_TRY(word_end(walk, text + size));
    if (walk->spaces) walk->report->changes[PERSIAN_SPACE]++;
    return STATUS_OK;
}

Status persian_normalise(const char *text, size_t size, const PersianOptions *options,
                         PersianText *out, PersianReport *report) {
    static const PersianOptions usual;
    PersianReport unwanted;
    if (!report) report = &unwanted;
    memset(report, 0, sizeof *report);
    Walk walk = {
        .options = options ? options : &usual, .report = report, .out = out, .line_empty = 1};
    out->size = 0;
    Status status = text_reserve(out, size);
    if (status == STATUS_OK) status = walk_text(&walk, text, size);
    persian_word_free(&walk.word);
    if (out->bytes) out->bytes[out->size] = '\0';
    return status;
}
