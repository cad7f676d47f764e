/* normalise: a second pass changes nothing, words are kept, whatever the text: every code point
 * alone and between letters, random strings of the characters that rules fight over, random bytes.
 */
#include "base/rng.h"
#include "text/persian.h"
#include "text/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_normalise(void);

static const PersianOptions all_options[] = {
    {0},
    {.digits = PERSIAN_DIGITS_LATIN, .keep_diacritics = 1, .keep_hamza = 1},
    {.digits = PERSIAN_DIGITS_KEEP, .keep_diacritics = 1},
    {.keep_hamza = 1, .replace_invalid = 1},
};

static size_t count_words(const char *text, size_t size) {
    size_t words = 0;
    int inside = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0xFFFD;
        size_t length = utf8_decode(text + at, size - at, &code);
        int space = length > 0 && persian_is_space(code);
        words += !space && !inside;
        inside = !space;
        at += length ? length : 1;
    }
    return words;
}

/* Check writes each ck_assert into a file, which is too slow for a million of them. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) ck_abort_msg("does not hold: %s", #condition);                           \
    } while (0)

/* Normalises twice; the second time must change nothing and say so. */
static void check_text(const char *text, size_t size, const PersianOptions *options) {
    static PersianText once, twice;
    PersianReport first, second;
    Status status = persian_normalise(text, size, options, &once, &first);
    if (status == STATUS_FORMAT) {
        MUST(!options->replace_invalid && utf8_validate(text, size) < size);
        return;
    }
    MUST(status == STATUS_OK);
    MUST(utf8_validate(once.bytes, once.size) == once.size);
    MUST(first.words_before == count_words(text, size));
    MUST(first.words_after == count_words(once.bytes, once.size));
    MUST(first.words_after <= first.words_before);
    MUST(persian_normalise(once.bytes, once.size, options, &twice, &second) == STATUS_OK);
    MUST(twice.size == once.size && memcmp(twice.bytes, once.bytes, once.size) == 0);
    for (int rule = 0; rule < PERSIAN_RULES; rule++)
        if (second.changes[rule])
            ck_abort_msg("rule %s changed %zu on a second pass",
                         persian_rule_name((PersianRule)rule), second.changes[rule]);
    MUST(second.words_before == second.words_after);
}

START_TEST(every_code_point_alone_and_between_letters) {
    for (uint32_t code = 1; code <= 0x10FFFF; code++) {
        if (code > 0x1FFFF && code % 64) continue; /* planes without letters of ours */
        char text[64];
        size_t size = utf8_encode(code, text);
        if (size == 0) continue;
        check_text(text, size, &all_options[0]);
        memcpy(text, "ب", 2);
        size = 2 + utf8_encode(code, text + 2);
        memcpy(text + size, "ب", 2);
        check_text(text, size + 2, &all_options[code % 4]);
    }
}
END_TEST

/* What rules look at, and what may stand beside it. */
static const uint32_t hostile[] = {
    ' ',    ' ',    '\n',   '\r',   '\t',   0,      0x85,   0xA0,   0x2028,  0x200C, 0x200C, 0x200C,
    0x200F, 0x200E, 0x200D, 0x202B, 0x202C, 0x2067, 0xFEFF, 0xAC,   0xAD,    0x640,  0x640,  0x64B,
    0x64E,  0x651,  0x653,  0x654,  0x654,  0x655,  0x670,  0x627,  0x628,   0x647,  0x647,  0x6C0,
    0x6C1,  0x6C2,  0x6D5,  0x64A,  0x649,  0x6CC,  0x6CC,  0x6D2,  0x6D3,   0x626,  0x643,  0x6A9,
    0x6BE,  0x648,  0x624,  0xFB50, 0xFC5E, 0xFC63, 0xFDF2, 0xFDFA, 0xFDFC,  0xFE70, 0xFE8E, 0xFEFB,
    '0',    '9',    0x661,  0x6F1,  'a',    'Z',    '.',    '-',    0x60C,   0x1,    0x7F,   0xFDD0,
    0xFFFE, 0x301,  0x323,  0xE9,   0x1100, 0x1161, 0x11A8, 0xAC00, 0x1D15E, 0x2126, 0x3000};

START_TEST(random_strings_of_hostile_characters) {
    char text[4 * 40];
    for (uint64_t seed = 0; seed < 40000; seed++) {
        size_t size = 0;
        uint64_t count = 1 + rng_below(seed, 0, 0, 39);
        for (uint64_t i = 0; i < count; i++)
            size += utf8_encode(hostile[rng_below(seed, 1, i, sizeof hostile / sizeof *hostile)],
                                text + size);
        check_text(text, size, &all_options[seed % 4]);
    }
}
END_TEST

START_TEST(random_bytes) {
    char text[64];
    for (uint64_t seed = 0; seed < 20000; seed++) {
        size_t size = rng_below(seed, 0, 0, sizeof text + 1);
        for (size_t i = 0; i < size; i++) {
            /* Half of them lead bytes and continuations of our blocks. */
            static const unsigned char likely[] = {0xD8, 0xD9, 0xDB, 0xE2, 0x80, 0x8C,
                                                   0x94, 0xA7, 0xF0, 0xC2, ' ',  '\n'};
            uint64_t draw = rng_bits(seed, 2, i);
            text[i] = (char)(draw & 1 ? likely[(draw >> 8) % sizeof likely] : draw >> 8 & 0xFF);
        }
        check_text(text, size, &all_options[3]);
        check_text(text, size, &all_options[0]);
    }
}
END_TEST

START_TEST(lines_are_normalised_one_by_one_as_together) {
    char text[4 * 60];
    PersianText whole = {0}, line = {0}, joined = {0};
    joined.bytes = malloc(8192);
    ck_assert_ptr_nonnull(joined.bytes);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        size_t size = 0;
        for (uint64_t i = 0; i < 60; i++) {
            uint32_t code = hostile[rng_below(seed, 3, i, sizeof hostile / sizeof *hostile)];
            size += utf8_encode(code == '\r' ? '\n' : code, text + size);
        }
        MUST(persian_normalise(text, size, NULL, &whole, NULL) == STATUS_OK);
        joined.size = 0;
        for (size_t at = 0; at < size;) {
            const char *end = memchr(text + at, '\n', size - at);
            size_t length = end ? (size_t)(end + 1 - text) - at : size - at;
            MUST(persian_normalise(text + at, length, NULL, &line, NULL) == STATUS_OK);
            memcpy(joined.bytes + joined.size, line.bytes, line.size);
            joined.size += line.size;
            at += length;
        }
        MUST(joined.size == whole.size);
        MUST(memcmp(joined.bytes, whole.bytes, whole.size) == 0);
    }
    persian_text_free(&whole);
    persian_text_free(&line);
    persian_text_free(&joined);
}
END_TEST

Suite *suite_normalise(void) {
    Suite *suite = suite_create("normalise");
    TCase *tcase = tcase_create("normalise");
    tcase_add_test(tcase, every_code_point_alone_and_between_letters);
    tcase_add_test(tcase, random_strings_of_hostile_characters);
    tcase_add_test(tcase, random_bytes);
    tcase_add_test(tcase, lines_are_normalised_one_by_one_as_together);
    suite_add_tcase(suite, tcase);
    return suite;
}
