/* persian: each rule of the header on an example of its own, with its count; whole lines; broken
 * bytes; the count of words. */
#include "text/persian.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_persian(void);

#define ZWNJ "\xe2\x80\x8c"
#define RLM  "\xe2\x80\x8f"

static const struct {
    const char *from, *to;
    PersianRule rule;
    size_t changes;
} cases[] = {
    {"علي", "علی", PERSIAN_YEH, 1},
    {"موسى", "موسی", PERSIAN_YEH, 1},
    {"كتاب كهن", "کتاب کهن", PERSIAN_KAF, 2},
    {"\u06c1\u0648\u0627", "هوا", PERSIAN_HEH, 1},
    {"\u062e\u0627\u0646\u06c0 \u0645\u0627", "خانه ما", PERSIAN_HAMZA, 1},
    {"\u062e\u0627\u0646\u0647\u0654 \u0645\u0627", "خانه ما", PERSIAN_HAMZA, 1},
    {"\u062e\u0627\u0646\u06d5\u0654", "خانه", PERSIAN_NFC, 2},
    {"\u0645\u0633\u06cc\u0654\u0648\u0644", "مسئول", PERSIAN_HAMZA, 1},
    {"\u0645\u0633\u064a\u0654\u0648\u0644", "مسئول", PERSIAN_NFC, 2},
    {"\u0627\u0653\u0628", "آب", PERSIAN_NFC, 2},
    {"مي" ZWNJ ZWNJ "روم", "می" ZWNJ "روم", PERSIAN_ZWNJ, 1},
    {ZWNJ "می" ZWNJ "روم" ZWNJ, "می" ZWNJ "روم", PERSIAN_ZWNJ, 2},
    {"می " ZWNJ "روم", "می روم", PERSIAN_ZWNJ, 1},
    {"خانه" ZWNJ "، باغ", "خانه، باغ", PERSIAN_ZWNJ, 1},
    {"URL" ZWNJ "ها", "URL" ZWNJ "ها", PERSIAN_ZWNJ, 0},
    {"5" ZWNJ "ساله", "۵" ZWNJ "ساله", PERSIAN_DIGIT, 1},
    {"کتاب" RLM "ها", "کتاب" ZWNJ "ها", PERSIAN_HALF_SPACE, 1},
    {"کتاب" RLM "، قلم" RLM, "کتاب، قلم", PERSIAN_DIRECTION, 2},
    {"می\u00acروم", "می" ZWNJ "روم", PERSIAN_HALF_SPACE, 1},
    {"p\u00acq", "p\u00acq", PERSIAN_HALF_SPACE, 0},
    {"کتابِ" RLM "ها", "کتاب" ZWNJ "ها", PERSIAN_HALF_SPACE, 1},
    {"سال 1380 و ١٣٨١", "سال ۱۳۸۰ و ۱۳۸۱", PERSIAN_DIGIT, 8},
    {"mp3 B2B", "mp3 B2B", PERSIAN_DIGIT, 0},
    {"مُحَمَّد", "محمد", PERSIAN_DIACRITIC, 4},
    {"واقعاً", "واقعا", PERSIAN_DIACRITIC, 1},
    {"کتـــاب", "کتاب", PERSIAN_TATWEEL, 3},
    {"تهران ـ قم", "تهران - قم", PERSIAN_TATWEEL, 1},
    {"\ufee3\ufe8e\u06cc", "مای", PERSIAN_FORM, 2},
    {"\ufefb", "لا", PERSIAN_FORM, 1},
    {"\ufdf2", "الله", PERSIAN_FORM, 1},
    {"\ufdfa", "\ufdfa", PERSIAN_FORM, 0},
    {"\u202bسلام\u202c", "سلام", PERSIAN_DIRECTION, 2},
    {"\ufeffسلام", "سلام", PERSIAN_DIRECTION, 1},
    {"سلا\x01م", "سلام", PERSIAN_CONTROL, 1},
    {"دو  خط \n سه", "دو خط\nسه", PERSIAN_SPACE, 3},
    {"یک\u00a0دو\tسه\r\nچهار", "یک دو سه\nچهار", PERSIAN_SPACE, 3},
    {"روزنامۀ «شرق»، ۱۳:۳۰ (عصر).", "روزنامه «شرق»، ۱۳:۳۰ (عصر).", PERSIAN_HAMZA, 1},
};

START_TEST(each_rule_does_what_its_line_says) {
    PersianText out = {0};
    PersianReport report;
    ck_assert_int_eq(persian_normalise(cases[_i].from, strlen(cases[_i].from), NULL, &out, &report),
                     STATUS_OK);
    ck_assert_str_eq(out.bytes, cases[_i].to);
    ck_assert_uint_eq(out.size, strlen(cases[_i].to));
    ck_assert_uint_eq(report.changes[cases[_i].rule], cases[_i].changes);
    ck_assert_uint_eq(report.words_before, report.words_after);
    persian_text_free(&out);
}
END_TEST

static void expect(const PersianOptions *options, const char *from, const char *to) {
    PersianText out = {0};
    ck_assert_int_eq(persian_normalise(from, strlen(from), options, &out, NULL), STATUS_OK);
    ck_assert_str_eq(out.bytes, to);
    persian_text_free(&out);
}

START_TEST(options_keep_what_they_say) {
    expect(&(PersianOptions){.digits = PERSIAN_DIGITS_LATIN}, "۱۲ ٣ 4 a5", "12 3 4 a5");
    expect(&(PersianOptions){.digits = PERSIAN_DIGITS_KEEP}, "۱۲ ٣ 4", "۱۲ ٣ 4");
    expect(&(PersianOptions){.keep_diacritics = 1}, "واقعاً مُهم", "واقعاً مُهم");
    expect(&(PersianOptions){.keep_diacritics = 1}, "کتابِ" RLM "ها", "کتابِ" ZWNJ "ها");
    expect(&(PersianOptions){.keep_hamza = 1}, "\u062e\u0627\u0646\u06c0",
           "\u062e\u0627\u0646\u0647\u0654");
    expect(&(PersianOptions){.keep_hamza = 1}, "\u06c0\u06c2\u06d5\u0654\u06c0",
           "\u0647\u0654\u0647\u0654\u0647\u0654\u0647\u0654");
}
END_TEST

START_TEST(words_that_vanish_are_said) {
    PersianText out = {0};
    PersianReport report;
    const char *text = "یک " ZWNJ " دو \u064b سه";
    ck_assert_int_eq(persian_normalise(text, strlen(text), NULL, &out, &report), STATUS_OK);
    ck_assert_str_eq(out.bytes, "یک دو سه");
    ck_assert_uint_eq(report.words_before, 5);
    ck_assert_uint_eq(report.words_after, 3);
    /* Used again: nothing of the text before is left. */
    ck_assert_int_eq(persian_normalise("", 0, NULL, &out, &report), STATUS_OK);
    ck_assert_str_eq(out.bytes, "");
    ck_assert_uint_eq(report.words_before, 0);
    persian_text_free(&out);
    persian_text_free(&out);
}
END_TEST

START_TEST(broken_bytes_are_an_error_with_their_place_or_replaced) {
    PersianText out = {0};
    PersianReport report;
    const char text[] = "\xd8\xb3\xd9 \xe2\x80\xff\xf0\x9fz";
    ck_assert_int_eq(persian_normalise(text, sizeof text - 1, NULL, &out, &report), STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "byte 2 (0xD9) is not UTF-8"));
    PersianOptions replace = {.replace_invalid = 1};
    ck_assert_int_eq(persian_normalise(text, sizeof text - 1, &replace, &out, &report), STATUS_OK);
    ck_assert_str_eq(out.bytes, "س\ufffd \ufffd\ufffd\ufffdz");
    ck_assert_uint_eq(report.changes[PERSIAN_INVALID], 4);
    ck_assert_uint_eq(report.words_before, report.words_after);
    persian_text_free(&out);
}
END_TEST

START_TEST(nul_is_a_control_character) {
    PersianText out = {0};
    PersianReport report;
    ck_assert_int_eq(persian_normalise("a\0b", 3, NULL, &out, &report), STATUS_OK);
    ck_assert_str_eq(out.bytes, "ab");
    ck_assert_uint_eq(report.changes[PERSIAN_CONTROL], 1);
    persian_text_free(&out);
}
END_TEST

START_TEST(a_long_run_of_marks_is_ordered_in_time) {
    /* Alternating classes: bubbling them into order would take hours. */
    size_t pairs = 200000, size = 0;
    char *text = malloc(4 * pairs + 1);
    ck_assert_ptr_nonnull(text);
    text[size++] = 'a';
    for (size_t i = 0; i < pairs; i++) {
        memcpy(text + size, "\xcc\x81\xcc\xa3", 4); /* acute above, dot below */
        size += 4;
    }
    PersianText out = {0};
    ck_assert_int_eq(persian_normalise(text, size, NULL, &out, NULL), STATUS_OK);
    ck_assert(memcmp(out.bytes, "\xe1\xba\xa1\xcc\xa3", 5) == 0); /* a with dot below composes */
    ck_assert(memcmp(out.bytes + out.size - 2, "\xcc\x81", 2) == 0);
    ck_assert_uint_eq(out.size, size);
    persian_text_free(&out);
    free(text);
}
END_TEST

START_TEST(letters_and_spaces_are_told_apart) {
    ck_assert(persian_is_letter(0x6CC) && persian_is_letter(0x627) && persian_is_letter(0xFE8E));
    ck_assert(!persian_is_letter('a') && !persian_is_letter(0x640) && !persian_is_letter(0x6F1));
    ck_assert(!persian_is_letter(0x64B) && !persian_is_letter(0x60C) && !persian_is_letter(0));
    ck_assert(persian_is_space(' ') && persian_is_space('\n') && persian_is_space(0xA0));
    ck_assert(!persian_is_space(0x200C) && !persian_is_space(0x200B) && !persian_is_space(0));
    ck_assert_str_eq(persian_rule_name(PERSIAN_YEH), "yeh");
    ck_assert_str_eq(persian_rule_name(PERSIAN_ZWNJ), "zwnj");
    ck_assert_str_eq(persian_rule_name(PERSIAN_RULES), "?");
}
END_TEST

Suite *suite_persian(void) {
    Suite *suite = suite_create("persian");
    TCase *tcase = tcase_create("rules");
    tcase_add_loop_test(tcase, each_rule_does_what_its_line_says, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, options_keep_what_they_say);
    tcase_add_test(tcase, words_that_vanish_are_said);
    tcase_add_test(tcase, broken_bytes_are_an_error_with_their_place_or_replaced);
    tcase_add_test(tcase, nul_is_a_control_character);
    tcase_add_test(tcase, a_long_run_of_marks_is_ordered_in_time);
    tcase_add_test(tcase, letters_and_spaces_are_told_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}
