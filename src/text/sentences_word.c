#include "text/sentences_word.h"

#include "text/persian.h"
#include "text/utf8.h"

#include <string.h>

size_t sentence_code_at(const char *text, size_t at, size_t end, uint32_t *code) {
    *code = 0;
    size_t length = utf8_decode(text + at, end - at, code);
    return length ? length : (size_t)(at < end);
}

size_t sentence_code_before(const char *text, size_t start, size_t at, uint32_t *code) {
    *code = 0;
    for (size_t back = 1; back <= UTF8_BYTES_MAX && back <= at - start; back++)
        if (((unsigned char)text[at - back] & 0xC0) != 0x80) {
            if (utf8_decode(text + at - back, back, code) == back) return back;
            break;
        }
    *code = 0;
    return at > start;
}

int sentence_is_invisible(uint32_t code) {
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x640 || code == 0x61C || code == 0xFEFF ||
           (code >= 0x64B && code <= 0x65F) || code == 0x670 || code == 0xAD;
}

int sentence_is_digit(uint32_t code) {
    return (code >= '0' && code <= '9') || (code >= 0x660 && code <= 0x669) ||
           (code >= 0x6F0 && code <= 0x6F9);
}

static int is_latin(uint32_t code) {
    return ((code | 0x20) >= 'a' && (code | 0x20) <= 'z') ||
           (code >= 0xC0 && code <= 0x24F && code != 0xD7 && code != 0xF7);
}

static uint32_t fold(uint32_t code) {
    if (code >= 'A' && code <= 'Z') return code | 0x20;
    if (code == 0x64A || code == 0x649) return 0x6CC;
    return code == 0x643 ? 0x6A9 : code;
}

/* Counts and folds text[word->from .. word->to). */
static void look_at(const char *text, SentenceWord *word) {
    size_t folded = 0;
    for (size_t at = word->from; at < word->to;) {
        uint32_t code;
        size_t length = sentence_code_at(text, at, word->to, &code);
        word->persian += persian_is_letter(code);
        word->latin += is_latin(code);
        word->digits += sentence_is_digit(code);
        if (at == word->from) word->lower = code >= 'a' && code <= 'z';
        if (folded < SENTENCE_FOLDED_BYTES && !sentence_is_invisible(code)) {
            char bytes[UTF8_BYTES_MAX];
            size_t size = utf8_encode(fold(code), bytes);
            if (folded + size < SENTENCE_FOLDED_BYTES) {
                for (size_t i = 0; i < size; i++) word->folded[folded + i] = bytes[i];
                folded += size;
            } else {
                folded = SENTENCE_FOLDED_BYTES;
            }
        }
        at += length;
    }
    word->letters = word->persian + word->latin;
    word->folded[folded < SENTENCE_FOLDED_BYTES ? folded : 0] = '\0';
}

static void word_clear(SentenceWord *word) {
    word->from = word->to = 0;
    word->persian = word->latin = word->digits = word->letters = word->spaced = word->lower = 0;
    word->folded[0] = '\0';
}

static int is_word_code(uint32_t code) {
    return persian_is_letter(code) || is_latin(code) || sentence_is_digit(code) ||
           sentence_is_invisible(code);
}

SentenceWord sentence_word_before(const char *text, size_t start, size_t at) {
    SentenceWord word;
    uint32_t code;
    size_t length;
    word_clear(&word);
    while ((length = sentence_code_before(text, start, at, &code)) > 0 && persian_is_space(code)) {
        at -= length;
        word.spaced = 1;
    }
    word.from = word.to = at;
    while ((length = sentence_code_before(text, start, word.from, &code)) > 0 && is_word_code(code))
        word.from -= length;
    look_at(text, &word);
    return word;
}

SentenceWord sentence_word_after(const char *text, size_t at, size_t end) {
    SentenceWord word;
    uint32_t code;
    size_t length;
    word_clear(&word);
    while ((length = sentence_code_at(text, at, end, &code)) > 0 &&
           (persian_is_space(code) || sentence_is_invisible(code))) {
        word.spaced |= persian_is_space(code);
        at += length;
    }
    word.from = word.to = at;
    while ((length = sentence_code_at(text, word.to, end, &code)) > 0 && is_word_code(code))
        word.to += length;
    look_at(text, &word);
    return word;
}
