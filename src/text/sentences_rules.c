#include "text/sentences_rules.h"

#include "text/persian.h"
#include "text/utf8.h"

#include <string.h>

/* A run of signs longer than this is looked at as if it ended here. */
#define RUN_BYTES_MAX 64

typedef enum { NONE, STOP, QUESTION, ELLIPSIS, COLON } Sign;

static size_t decode(const char *text, size_t at, size_t end, uint32_t *code) {
    size_t length = utf8_decode(text + at, end - at, code);
    if (length) return length;
    *code = 0;
    return at < end;
}

/* The code point that ends at `at`, 0 where there is none. */
static uint32_t code_before(const char *text, size_t start, size_t at, size_t *length) {
    *length = 0;
    for (size_t back = 1; back <= 4 && back <= at - start; back++)
        if (((unsigned char)text[at - back] & 0xC0) != 0x80) {
            uint32_t code = 0;
            *length = back;
            return utf8_decode(text + at - back, back, &code) == back ? code : 0xFFFD;
        }
    *length = at > start;
    return at > start ? 0xFFFD : 0;
}

static Sign sign_of(uint32_t code) {
    switch (code) {
    case '.':
    case 0x6D4:
        return STOP;
    case '!':
    case '?':
    case 0x61F:
        return QUESTION;
    case 0x2026:
        return ELLIPSIS;
    case ':':
        return COLON;
    default:
        return NONE;
    }
}

static int is_digit(uint32_t code) {
    return (code >= '0' && code <= '9') || (code >= 0x660 && code <= 0x669) ||
           (code >= 0x6F0 && code <= 0x6F9);
}

static int is_latin(uint32_t code) {
    return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

static int is_closer(uint32_t code) {
    return code == 0xBB || code == 0x201D || code == ')' || code == ']' || code == '}' ||
           code == 0x203A || code == 0x2019;
}

size_t sentence_rules_run(const SentencePlace *place) {
    size_t at = place->sign, stop = place->sign + RUN_BYTES_MAX;
    if (stop > place->end) stop = place->end;
    while (at < stop) {
        uint32_t code;
        size_t length = decode(place->text, at, stop, &code);
        if (sign_of(code) == NONE) break;
        at += length;
    }
    return at > place->sign ? at : place->sign + 1;
}

size_t sentence_rules_end(const SentencePlace *place) {
    const char *text = place->text;
    size_t after = sentence_rules_run(place);
    uint32_t code = 0;
    int dots = 0, strong = 0, colon = 0;
    for (size_t at = place->sign; at < after;) {
        at += decode(text, at, after, &code);
        Sign sign = sign_of(code);
        dots += sign == STOP ? 1 : sign == ELLIPSIS ? 3 : 0;
        strong += sign == QUESTION;
        colon += sign == COLON;
    }
    if (colon && !strong && !dots) return 0;

    size_t closed = after;
    while (closed < place->end) {
        size_t length = decode(text, closed, place->end, &code);
        if (!is_closer(code) && !(code == '"' && place->straight)) break;
        closed += length;
    }
    if (closed >= place->end) return closed;
    decode(text, closed, place->end, &code);
    size_t length;
    size_t back = place->sign > place->start + SENTENCE_LOOK_BACK ? place->sign - SENTENCE_LOOK_BACK
                                                                  : place->start;
    uint32_t before = code_before(text, back, place->sign, &length);
    if (!persian_is_space(code)) {
        if (is_latin(code) || is_digit(code) || !persian_is_letter(code)) return 0;
        return persian_is_letter(before) ? closed : 0;
    }
    return closed;
}
