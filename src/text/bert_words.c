#include "text/bert_words.h"

#include "text/bert_tables.h"
#include "text/utf8.h"

#include <string.h>
#include <utf8proc.h>

/* BARRIER: a mark that is removed but that no other mark may be moved across. */
enum { LETTER, SPACE, ALONE, BARRIER, NOTHING };

static int is_in(uint32_t code, const BertRange *range, size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > range[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= range[low].first;
}
#define IS_IN(code, table) is_in(code, table, table##_count)

static int is_ideograph(uint32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static int is_space(uint32_t c) {
    return c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static int ascii_kind(unsigned char c) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return SPACE;
    if (c < 0x20 || c == 0x7F) return NOTHING;
    if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) return LETTER;
    return ALONE;
}

static uint32_t lower_of(uint32_t code) {
    for (size_t i = 0; i < bert_case_count; i++)
        if (code >= bert_case[i].first && code <= bert_case[i].last)
            return (uint32_t)((int32_t)code + bert_case[i].offset);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
}

static uint8_t kind_of(uint32_t code) {
    if (code < 0x80) return (uint8_t)ascii_kind((unsigned char)code);
    return IS_IN(code, bert_punctuation) ? ALONE : LETTER;
}

static void queue_code(BertWords *words, uint32_t code, int alone) {
    BertPending *next = &words->queue[words->pending++];
    *next = (BertPending){.code = code};
    if (!words->lower_case) {
        next->kind = alone ? ALONE : kind_of(code);
        return;
    }
    if (code >= 0x80) {
        if (IS_IN(code, bert_combining))
            next->order = (uint8_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
        if (IS_IN(code, bert_nonspacing)) {
            next->kind = next->order ? NOTHING : BARRIER;
            return;
        }
    }
    next->code = lower_of(code);
    next->kind = alone ? ALONE : kind_of(next->code);
}

/* What one code point of the text becomes, into the empty queue. */
static void queue_expand(BertWords *words, uint32_t code) {
    words->pending = words->pending_at = 0;
    if (code == 0xFFFD || IS_IN(code, bert_control)) return;
    if (is_space(code)) {
        words->queue[words->pending++] = (BertPending){.kind = SPACE};
        return;
    }
    int alone = is_ideograph(code);
    utf8proc_int32_t parts[sizeof words->queue / sizeof *words->queue];
    const utf8proc_ssize_t room = sizeof parts / sizeof *parts;
    utf8proc_ssize_t count = 0;
    if (words->lower_case && !IS_IN(code, bert_whole)) {
        int boundary = 0;
        count = utf8proc_decompose_char((utf8proc_int32_t)code, parts, room,
                                        UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
    }
    if (count < 1 || count > room) {
        parts[0] = (utf8proc_int32_t)code;
        count = 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) queue_code(words, (uint32_t)parts[i], alone);
}

/* Canonical ordering by insertion: a mark moves before marks of a higher class. Words that grow
 * beyond the buffer are not looked at by anyone, so their order does not matter. */
static void append(BertWords *words, uint32_t code, uint8_t order) {
    size_t place = words->characters++;
    if (place >= BERT_WORD_CHARACTERS_MAX) return;
    if (order == 0) words->run = place + 1;
    for (; place > words->run && words->order[place - 1] > order; place--) {
        words->code[place] = words->code[place - 1];
        words->order[place] = words->order[place - 1];
    }
    words->code[place] = code;
    words->order[place] = order;
}

static void write_word(BertWords *words) {
    size_t stored = words->characters;
    if (stored > BERT_WORD_CHARACTERS_MAX) stored = BERT_WORD_CHARACTERS_MAX;
    size_t bytes = 0;
    for (size_t i = 0; i < stored; i++) bytes += utf8_encode(words->code[i], words->word + bytes);
    words->bytes = bytes;
}

void bert_words_begin(BertWords *words, const char *text, size_t size, int lower_case) {
    words->at = text;
    words->end = size ? text + size : text;
    words->lower_case = lower_case;
    words->pending = words->pending_at = 0;
    words->bytes = words->characters = words->run = 0;
}

/* Takes what can be taken of the queue: 1 where the word is complete. */
static int take_pending(BertWords *words) {
    while (words->pending_at < words->pending) {
        const BertPending *next = &words->queue[words->pending_at];
        if (next->kind == ALONE && words->characters > 0) return 1;
        words->pending_at++;
        if (next->kind == LETTER)
            append(words, next->code, next->order);
        else if (next->kind == BARRIER && words->characters < BERT_WORD_CHARACTERS_MAX)
            words->run = words->characters;
        else if (next->kind == ALONE)
            append(words, next->code, 0);
        if (next->kind == ALONE || (next->kind == SPACE && words->characters > 0)) return 1;
    }
    return 0;
}

/* The same straight from ASCII text, without the queue. */
static int take_ascii(BertWords *words) {
    while (words->at < words->end) {
        unsigned char c = (unsigned char)*words->at;
        if (c >= 0x80) return 0;
        int kind = ascii_kind(c);
        if (kind == ALONE && words->characters > 0) return 1;
        words->at++;
        if (kind == LETTER)
            append(words, words->lower_case && c >= 'A' && c <= 'Z' ? c | 0x20u : c, 0);
        else if (kind == ALONE)
            append(words, c, 0);
        if (kind == ALONE || (kind == SPACE && words->characters > 0)) return 1;
    }
    return 0;
}

int bert_words_next(BertWords *words) {
    words->characters = words->run = words->bytes = 0;
    while (!take_pending(words) && !take_ascii(words) && words->at < words->end) {
        uint32_t code = 0xFFFD;
        size_t length = utf8_decode(words->at, (size_t)(words->end - words->at), &code);
        words->at += length ? length : 1;
        queue_expand(words, code);
    }
    write_word(words);
    return words->characters > 0;
}
