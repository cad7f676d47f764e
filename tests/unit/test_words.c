/* words: the tokens of a sentence, one line a case. */
#include "text/words.h"

#include <check.h>
#include <string.h>

Suite *suite_words(void);

static const struct {
    const char *sentence, *tokens; /* tokens with | between them */
} cases[] = {
    {"", ""},
    {"  \n ", ""},
    {"او رفت.", "او|رفت|."},
    {"«سلام!» گفت؛ (آری).", "«|سلام|!|»|گفت|؛|(|آری|)|."},
    {"می‌روم", "می‌روم"},
    {"۳.۵ و ۱۲:۳۰ و ۱۳۸۰/۲/۳ و ۱۲٫۵٪", "۳.۵|و|۱۲:۳۰|و|۱۳۸۰/۲/۳|و|۱۲٫۵|٪"},
    {"رفت.او،ماند", "رفت|.|او|،|ماند"},
    {"و... دیگر!!", "و|...|دیگر|!!"},
    {"به https://www.example.ir/a-b?c=1 بروید", "به|https://www.example.ir/a-b?c=1|بروید"},
    {"don't, www.example.ir.", "don't|,|www.example.ir|."},
    {"علمی-تخیلی", "علمی|-|تخیلی"},
    {"۱۰-۱۲", "۱۰|-|۱۲"},
    {"سال۱۳۸۰", "سال۱۳۸۰"},
    {"کتابِ ما", "کتابِ|ما"},
    {"\xff\xfe ا", "\xff\xfe|ا"},
};

START_TEST(a_sentence_has_these_words) {
    char found[512] = "";
    Words words;
    const char *sentence = cases[_i].sentence, *last = sentence;
    words_begin(&words, sentence, strlen(sentence));
    while (words_next(&words)) {
        if (*found) strcat(found, "|");
        strncat(found, words.word, words.bytes);
        ck_assert(words.word >= last);
        ck_assert_int_eq(words.glued, words.word == last && last != sentence);
        last = words.word + words.bytes;
    }
    ck_assert_str_eq(found, cases[_i].tokens);
    ck_assert_int_eq(words_next(&words), 0);
}
END_TEST

START_TEST(kinds_are_told) {
    static const struct {
        const char *word;
        WordKind kind;
    } kinds[] = {{"سلام", WORD_PERSIAN},   {"۱۲۳", WORD_NUMBER}, {"3.5", WORD_NUMBER},
                 {"iPhone", WORD_FOREIGN}, {"...", WORD_SIGN},   {"«", WORD_SIGN},
                 {"ص۱۲", WORD_PERSIAN},    {"A4", WORD_FOREIGN}, {"٪", WORD_SIGN}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        Words words;
        words_begin(&words, kinds[i].word, strlen(kinds[i].word));
        ck_assert_int_eq(words_next(&words), 1);
        ck_assert_int_eq(words.kind, kinds[i].kind);
        ck_assert_uint_eq(words.bytes, strlen(kinds[i].word));
    }
}
END_TEST

Suite *suite_words(void) {
    Suite *suite = suite_create("words");
    TCase *tcase = tcase_create("words");
    tcase_add_loop_test(tcase, a_sentence_has_these_words, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, kinds_are_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
