/* sentences: where sentences end; a stream in any portions is cut as the whole text; long lines,
 * hostile bytes. The hard cases of tests/golden are scored by the experiment q5_split. */
#include "text/sentences.h"
#include "base/rng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_sentences(void);

static const struct {
    const char *text, *sentences; /* sentences with | between them */
    SentenceLines lines;
} cases[] = {
    {"", "", 0},
    {" \n\t ", "", 0},
    {"او آمد. من رفتم.", "او آمد.|من رفتم.", 0},
    {"آیا آمد؟ نه!  رفت", "آیا آمد؟|نه!|رفت", 0},
    {"عدد ۳.۵ است. تمام", "عدد ۳.۵ است.|تمام", 0},
    {"یک خط\nخط دیگر", "یک خط|خط دیگر", SENTENCE_LINES_END},
    {"یک خط\nخط دیگر\n \nسوم", "یک خط\nخط دیگر|سوم", SENTENCE_LINES_BLANK},
    {"یک خط\n\nخط دیگر", "یک خط\n\nخط دیگر", SENTENCE_LINES_SPACE},
    {"به www.example.ir رفت. دید.", "به www.example.ir رفت.|دید.", 0},
    {"رفت.او ماند.", "رفت.|او ماند.", 0},
    {"«می‌روم.» او رفت.", "«می‌روم.»|او رفت.", 0},
};

static void join(char *found, const char *bytes, size_t size) {
    if (*found) strcat(found, "|");
    strncat(found, bytes, size);
}

START_TEST(a_text_has_these_sentences) {
    const char *text = cases[_i].text;
    SentenceOptions options = {.lines = cases[_i].lines};
    SentenceList list = {0};
    char found[1024] = "";
    ck_assert_int_eq(sentences_split(text, strlen(text), &options, &list), STATUS_OK);
    for (size_t i = 0; i < list.count; i++)
        join(found, text + list.start[i], list.end[i] - list.start[i]);
    ck_assert_str_eq(found, cases[_i].sentences);
    sentence_list_free(&list);
}
END_TEST

/* What a stream gave, against what the whole text gives. */
typedef struct {
    const char *text;
    const SentenceList *expected;
    size_t count;
} Compare;

/* Check writes each ck_assert into a file, which is too slow for a million of them. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) ck_abort_msg("does not hold: %s", #condition);                           \
    } while (0)

static Status compare(void *user, const Sentence *sentence) {
    Compare *c = user;
    MUST(c->count < c->expected->count);
    MUST(sentence->offset == c->expected->start[c->count]);
    MUST(sentence->offset + sentence->size == c->expected->end[c->count]);
    MUST(sentence->end == c->expected->why[c->count]);
    MUST(memcmp(sentence->bytes, c->text + sentence->offset, sentence->size) == 0);
    MUST(sentence->size <= SENTENCE_BYTES_MAX);
    c->count++;
    return STATUS_OK;
}

static int is_white(const char *bytes, size_t size) {
    static const char *const spaces[] = {
        " ",        "\t",       "\n",           "\v",           "\f",          "\r",
        "\xc2\xa0", "\xc2\x85", "\xe2\x80\xaf", "\xe2\x80\x83", "\xe3\x80\x80"};
    while (size > 0) {
        size_t length = 0;
        for (size_t i = 0; i < sizeof spaces / sizeof *spaces && !length; i++)
            if (strlen(spaces[i]) <= size && memcmp(bytes, spaces[i], strlen(spaces[i])) == 0)
                length = strlen(spaces[i]);
        if (length == 0) return 0;
        bytes += length;
        size -= length;
    }
    return 1;
}

/* Streams `text` in portions of 1 .. `most` bytes; nothing but white space lies between sentences.
 */
static void check_stream(const char *text, size_t size, SentenceLines lines, size_t most,
                         uint64_t seed) {
    SentenceOptions options = {.lines = lines};
    SentenceList list = {0};
    MUST(sentences_split(text, size, &options, &list) == STATUS_OK);
    size_t end = 0;
    for (size_t i = 0; i < list.count; i++) {
        MUST(list.start[i] >= end);
        MUST(list.end[i] > list.start[i]);
        MUST(is_white(text + end, list.start[i] - end));
        end = list.end[i];
    }
    MUST(end <= size);
    MUST(is_white(text + end, size - end));
    Compare c = {text, &list, 0};
    Sentences *splitter;
    MUST(sentences_open(&options, compare, &c, &splitter) == STATUS_OK);
    for (int again = 0; again < 2; again++) {
        c.count = 0;
        for (size_t at = 0; at < size;) {
            size_t portion = 1 + rng_below(seed, 1, at, most);
            if (portion > size - at) portion = size - at;
            MUST(sentences_feed(splitter, text + at, portion) == STATUS_OK);
            at += portion;
        }
        MUST(sentences_finish(splitter) == STATUS_OK);
        MUST(c.count == list.count);
    }
    sentences_free(splitter);
    sentence_list_free(&list);
}

START_TEST(a_stream_is_cut_like_the_whole) {
    static const char *const pieces[] = {".",
                                         "!",
                                         "؟",
                                         "…",
                                         ":",
                                         " ",
                                         " ",
                                         "\n",
                                         "\n\n",
                                         "»",
                                         "«",
                                         "\"",
                                         "(",
                                         ")",
                                         "م.",
                                         "۱",
                                         "2",
                                         "a.",
                                         "و",
                                         "رفت",
                                         " او",
                                         "می‌روم",
                                         "\xc2\xa0",
                                         "\xe2",
                                         "\x80",
                                         "\xd8",
                                         "\xff",
                                         "\r\n",
                                         "...",
                                         "۔",
                                         "\xe3\x80\x80",
                                         "http://a.b/c?d",
                                         "[",
                                         "]",
                                         "\0"};
    char text[3000];
    for (uint64_t seed = 0; seed < 60; seed++) {
        size_t size = 0;
        for (uint64_t i = 0; size < sizeof text - 32 && i < 50 * (seed + 1); i++) {
            const char *piece = pieces[rng_below(seed, 0, i, sizeof pieces / sizeof *pieces)];
            size_t length = *piece ? strlen(piece) : 1;
            memcpy(text + size, piece, length);
            size += length;
        }
        for (int lines = SENTENCE_LINES_END; lines <= SENTENCE_LINES_SPACE; lines++)
            check_stream(text, size, (SentenceLines)lines, 1 + seed % 7 * 40, seed);
    }
}
END_TEST

START_TEST(a_line_of_ten_megabytes_is_cut_within_bounds) {
    size_t size = 10 * 1000 * 1000;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    for (int kind = 0; kind < 4; kind++) {
        /* Words without an end; one endless word; signs only; white space only. */
        static const char *const unit[] = {"سلام به همه ", "سلام", ".", " "};
        size_t length = strlen(unit[kind]);
        for (size_t i = 0; i < size; i++) text[i] = unit[kind][i % length];
        check_stream(text, size, SENTENCE_LINES_END, 1 << 20, (uint64_t)kind);
    }
    free(text);
}
END_TEST

static Status refuse(void *user, const Sentence *sentence) {
    (void)sentence;
    ++*(int *)user;
    return status_fail(STATUS_IO, "no");
}

START_TEST(a_visit_that_fails_ends_the_feeding) {
    Sentences *splitter;
    int calls = 0;
    ck_assert_int_eq(sentences_open(NULL, refuse, &calls, &splitter), STATUS_OK);
    ck_assert_int_eq(sentences_feed(splitter, "یک.\nدو.\n", strlen("یک.\nدو.\n")), STATUS_IO);
    ck_assert_int_eq(calls, 1);
    sentences_free(splitter);
    sentences_free(NULL);
}
END_TEST

Suite *suite_sentences(void) {
    Suite *suite = suite_create("sentences");
    TCase *tcase = tcase_create("sentences");
    tcase_add_loop_test(tcase, a_text_has_these_sentences, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, a_stream_is_cut_like_the_whole);
    tcase_add_test(tcase, a_line_of_ten_megabytes_is_cut_within_bounds);
    tcase_add_test(tcase, a_visit_that_fails_ends_the_feeding);
    suite_add_tcase(suite, tcase);
    return suite;
}
