#include "fuzz/mutate.h"

#include "base/rng.h"
#include "base/status.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED         41
#define LONGEST_WORD 64

size_t mutate_trial;

size_t mutate_trials(void) {
    const char *text = getenv("TAMRIN_FUZZ");
    long trials = text ? strtol(text, NULL, 10) : 0;
    return trials > 0 ? (size_t)trials : 500;
}

Bytes mutate_copy(const void *bytes, size_t size) {
    Bytes made = {malloc(size ? size : 1), size};
    MUST(made.bytes);
    if (size) memcpy(made.bytes, bytes, size);
    return made;
}

Bytes mutate_read(const char *path) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened: tests run in the root of the repository",
                  path);
    static unsigned char buffer[1 << 20];
    size_t size = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    ck_assert_uint_gt(size, 0);
    ck_assert_uint_lt(size, sizeof buffer);
    return mutate_copy(buffer, size);
}

size_t mutate_below(uint64_t index, size_t bound) {
    return (size_t)rng_below(SEED + 1, mutate_trial, index, bound);
}

void mutate_fail(const char *file, int line, const char *condition) {
    ck_abort_msg("%s:%d: trial %zu: expected %s (the last message was '%s')", file, line,
                 mutate_trial, condition, status_message());
}

void mutate_expect_message(void) {
    MUST(*status_message() != 0);
}

/* A piece of work: `room` bytes, `size` in use. */
typedef struct {
    unsigned char *bytes;
    size_t size, room;
    uint64_t draw;
} Work;

static size_t below(Work *work, size_t bound) {
    return (size_t)rng_below(SEED, mutate_trial, work->draw++, bound);
}

static void take_out(Work *work, size_t at, size_t count) {
    if (count > work->size - at) count = work->size - at;
    memmove(work->bytes + at, work->bytes + at + count, work->size - at - count);
    work->size -= count;
}

static void put_in(Work *work, size_t at, const void *bytes, size_t count) {
    if (work->size + count > work->room) return;
    memmove(work->bytes + at + count, work->bytes + at, work->size - at);
    memcpy(work->bytes + at, bytes, count);
    work->size += count;
}

static void exchange(Work *work, size_t at) {
    size_t other = below(work, work->size), count = 1 + below(work, 16);
    if (at > other) {
        size_t swap = at;
        at = other, other = swap;
    }
    if (other - at < count || work->size - other < count) return;
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = work->bytes[at + i];
        work->bytes[at + i] = work->bytes[other + i];
        work->bytes[other + i] = byte;
    }
}

/* Another digit for the first one from `at` on: a file that stays well formed and says something
 * else is what a parser alone does not catch. */
static void change_digit(Work *work, size_t at) {
    while (at < work->size && (work->bytes[at] < '0' || work->bytes[at] > '9')) at++;
    if (at < work->size) work->bytes[at] = (unsigned char)('0' + below(work, 10));
}

static void change(Work *work, const char *const *words, size_t word_count) {
    static const unsigned char tempting[] = {0,    '\t', '\n', '\r', '\b', ' ',  '"',  '\\', '{',
                                             '}',  '[',  ']',  ',',  ':',  '-',  '#',  '0',  '1',
                                             0x7f, 0x80, 0xc3, 0xe2, 0xed, 0xef, 0xf0, 0xff};
    size_t at = below(work, work->size);
    const char *word = word_count ? words[below(work, word_count)] : "?";
    size_t length = strlen(word);
    unsigned char chunk[LONGEST_WORD];
    size_t count = 1 + below(work, 8);
    switch (below(work, 24)) {
    case 0:
        work->size = at;
        break;
    case 1:
    case 2:
    case 3:
        work->bytes[at] ^= (unsigned char)(1 << below(work, 8));
        break;
    case 4:
        work->bytes[at] = (unsigned char)below(work, 256);
        break;
    case 5:
    case 6:
    case 7:
        work->bytes[at] = tempting[below(work, sizeof tempting)];
        break;
    case 8:
    case 9:
    case 10:
        take_out(work, at, count);
        break;
    case 11:
    case 12: /* doubled: a key twice, a line twice */
        if (count > work->size - at) count = work->size - at;
        memcpy(chunk, work->bytes + at, count);
        put_in(work, at, chunk, count);
        break;
    case 13:
    case 14:
        exchange(work, at);
        break;
    case 15:
    case 16:
    case 17:
    case 18:
        change_digit(work, at);
        break;
    case 19:
    case 20:
        take_out(work, at, length);
        put_in(work, at, word, length);
        break;
    default:
        put_in(work, at, word, length);
    }
}

Bytes mutate(Bytes from, const char *const *words, size_t word_count) {
    Work work = {.room = from.size + 8 * LONGEST_WORD, .size = from.size};
    work.bytes = malloc(work.room);
    MUST(work.bytes);
    memcpy(work.bytes, from.bytes, from.size);
    size_t changes = 1 + below(&work, 4);
    for (size_t i = 0; i < changes && work.size > 0; i++) change(&work, words, word_count);
    Bytes made = mutate_copy(work.bytes, work.size);
    free(work.bytes);
    return made;
}
