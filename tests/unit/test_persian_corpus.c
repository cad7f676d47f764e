/* persian_corpus: what becomes of each kind of sentence and of what is odd in a corpus; text that
 * is hostile. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "data/persian_corpus.h"
#include "data/persian_sentence.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_persian_corpus(void);

static PersianPool pool;
static PersianCounts counts;

static void empty_pool(void) {
    persian_pool_free(&pool);
}

static PersianCorpus corpus_of(PersianForm form, int oddities) {
    return (PersianCorpus){.name = "t", .file = "t/t.txt", .form = form, .oddities = oddities};
}

static void parse_bytes(PersianForm form, int oddities, const char *text, size_t size) {
    PersianCorpus corpus = corpus_of(form, oddities);
    Status status = persian_corpus_parse(&corpus, "t.txt", text, size, 0, &pool, &counts);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    size_t dropped = 0;
    for (int f = 0; f < PERSIAN_FILTERS; f++) dropped += counts.dropped[f];
    ck_assert_uint_eq(counts.sentences, counts.kept + dropped);
}

static void parse(PersianForm form, int oddities, const char *text) {
    parse_bytes(form, oddities, text, strlen(text));
}

/* The words of a sentence of the pool with spaces between. */
static const char *sentence(size_t s) {
    static char text[4096];
    size_t used = 0;
    ck_assert_uint_lt(s, pool.sentences);
    for (size_t w = pool.start[s]; w < pool.start[s + 1]; w++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "",
                                 reorder_words_text(&pool.words, pool.word[w]));
    return text;
}

START_TEST(documents_become_sentences_of_normal_words) {
    /* Arabic yeh and kaf, a half-space of RLM, Latin digits; two paragraphs, two documents. */
    parse(PERSIAN_DOCUMENTS, 0,
          "علي كتاب را خواند. او در سال 1390 می\xE2\x80\x8Fرفت!\n"
          "عنوان بی نقطه این است\n"
          "\n\r\n"
          "«ما هم، آن را دیدیم».");
    ck_assert_uint_eq(counts.documents, 2);
    ck_assert_uint_eq(counts.paragraphs, 3);
    ck_assert_uint_eq(counts.sentences, 4);
    ck_assert_uint_eq(counts.dropped[PERSIAN_NO_END], 1);
    ck_assert_uint_eq(pool.sentences, 3);
    ck_assert_str_eq(sentence(0), "علی کتاب را خواند");
    ck_assert_str_eq(sentence(1), "او در سال ۱۳۹۰ می‌رفت");
    ck_assert_str_eq(sentence(2), "ما هم آن را دیدیم");
    ck_assert_uint_eq(pool.document[1], 0);
    ck_assert_uint_eq(pool.document[2], 1);
    ck_assert_uint_eq(pool.documents, 2);
    ck_assert_uint_ne(pool.hash[0], pool.hash[1]);
    ck_assert_uint_gt(counts.changes[PERSIAN_YEH], 0);
    ck_assert_uint_gt(counts.changes[PERSIAN_HALF_SPACE], 0);
}
END_TEST

#define EIGHT "این یک دو سه چهار پنج شش هفت "
static const struct {
    const char *text;
    int filter;
} judged[] = {
    {"او به خانه رفت.", -1},
    {"او به خانه رفت؟", -1},
    {"او به خانه رفت...", -1},
    {"او گفت «به خانه رفت».", -1},
    {"او گفت «به خانه رفت.»", -1},
    {"او به خانه رفت", PERSIAN_NO_END},
    {"او به خانه رفت،", PERSIAN_NO_END},
    {"او گفت که به خانه رفت:", PERSIAN_COLON},
    {"به خانه رفت.", PERSIAN_SHORT},
    {"...", PERSIAN_SHORT},
    {EIGHT EIGHT EIGHT EIGHT EIGHT ".", -1},
    {EIGHT EIGHT EIGHT EIGHT EIGHT "رفت.", PERSIAN_LONG},
    {"he is from United States of تهران و اصفهان.", PERSIAN_FOREIGN},
    {"۱ ۲ ۳ ۴ ۵ شش هفت هشت.", PERSIAN_FOREIGN},
    {"او شرکت Apple Inc را در سال ۱۹۷۶ بنا کرد و رفت.", -1},
    {"بسم الله الرحمن الرحیم.", PERSIAN_ARABIC},
    {"البته البته البته البته آمد.", -1},
    {"(او) (به) (خانه) (رفت).", PERSIAN_SIGNS},
    {"او نشانیاینبرگهراکهبسیاربلنداستدرنامه به ما داد.", PERSIAN_LONG_WORD},
    {"آقای یک آقای دو آقای سه آقای چهار آقای پنج.", PERSIAN_REPEATED},
};

START_TEST(each_filter_refuses_its_own_kind) {
    PersianSentence out;
    int filter = persian_sentence_take(judged[_i].text, strlen(judged[_i].text), 0, &out);
    ck_assert_msg(filter == judged[_i].filter, "'%s': %d", judged[_i].text, filter);
    /* A sentence that is given as such is asked for its length alone. */
    int given =
        persian_sentence_take(judged[_i].text, strlen(judged[_i].text), PERSIAN_TAKE_GIVEN, &out);
    int length = filter == PERSIAN_SHORT || filter == PERSIAN_LONG ? filter : -1;
    ck_assert_int_eq(given, length);
}
END_TEST

START_TEST(list_numbers_and_speakers_go) {
    parse(PERSIAN_DOCUMENTS, PERSIAN_SPEAKERS,
          "رئیس (طاهری)- جلسه رسمی شد و آغاز گشت.\n"
          "دکتر بهشتی- اصل ۴۴- (اصل چهلم)- این اصل خوانده "
          "می‌شود.\n"
          "۸- این اصل تصویب شده است.\n"
          "بنی‌صدر این را نمی‌پذیرد - او رفت.\n");
    ck_assert_uint_eq(counts.speakers, 2);
    ck_assert_str_eq(sentence(0), "جلسه رسمی شد و آغاز گشت");
    ck_assert_str_eq(sentence(1), "این اصل خوانده می‌شود");
    ck_assert_str_eq(sentence(2), "این اصل تصویب شده است");
    ck_assert_str_eq(sentence(3), "بنی‌صدر این را نمی‌پذیرد او رفت");
    empty_pool();
    parse(PERSIAN_DOCUMENTS, 0, "۳) او به خانه رفت و آمد.\nرئیس- جلسه رسمی شد.\n");
    ck_assert_uint_eq(counts.list_numbers, 1);
    ck_assert_uint_eq(counts.speakers, 0);
    ck_assert_str_eq(sentence(0), "او به خانه رفت و آمد");
    ck_assert_str_eq(sentence(1), "رئیس جلسه رسمی شد");
}
END_TEST

START_TEST(oddities_are_put_right_and_counted) {
    parse(PERSIAN_DOCUMENTS, PERSIAN_NOTES,
          "تهران پایتخت ایران است.[نیازمند منبع] آن شهر[یادداشت ۷] بسیار بزرگ است.[12]\n");
    ck_assert_uint_eq(counts.notes, 3);
    ck_assert_uint_eq(counts.kept, 2);
    ck_assert_str_eq(sentence(1), "آن شهر بسیار بزرگ است");
    empty_pool();
    parse(PERSIAN_DOCUMENTS, PERSIAN_NOTES, "او [گفت] که [x و [ آن را دید.");
    ck_assert_uint_eq(counts.notes, 0);
    empty_pool();
    parse(PERSIAN_DOCUMENTS, PERSIAN_BACKSLASHES, "۱\\. او به خانه رفت و آمد.\n\\");
    ck_assert_uint_eq(counts.backslashes, 1);
    ck_assert_str_eq(sentence(0), "او به خانه رفت و آمد");
    empty_pool();
    /* A line of 60 letters goes on in the next; a heading and the end of a sentence do not. */
    parse(PERSIAN_DOCUMENTS, PERSIAN_WRAPPED,
          "عنوان کوتاه\n"
          "جودی ابوت را سال ها است که می شناسم، دقیقا از دوران نوجوانی و شاید در\n"
          "دوران پرفراز آن نیز چنین بود.\n"
          "بسیاری از ماجراهای او را می خواندم و هیچ گاه از آن ها خسته نمی شدم حتی.\n"
          "او دختری درس خوان است.\n");
    ck_assert_uint_eq(counts.lines_joined, 1);
    ck_assert_uint_eq(counts.kept, 3);
    ck_assert_uint_eq(counts.dropped[PERSIAN_NO_END], 1);
    ck_assert_uint_eq(pool.start[1] - pool.start[0], 22);
}
END_TEST

START_TEST(lines_and_given_sentences) {
    parse(PERSIAN_LINES, 0, "تا نباشد چوب تر\nاو رفت. من هم به خانه رفتم\n\n");
    ck_assert_uint_eq(counts.documents, 2);
    ck_assert_uint_eq(counts.sentences, 3);
    ck_assert_uint_eq(counts.kept, 2);
    ck_assert_uint_eq(counts.dropped[PERSIAN_SHORT], 1);
    empty_pool();
    parse(PERSIAN_SENTENCES, 0, "او رفت. من هم به خانه رفتم\n");
    ck_assert_uint_eq(counts.sentences, 1);
    ck_assert_str_eq(sentence(0), "او رفت من هم به خانه رفتم");
}
END_TEST

#define WORD(n, form, upos) n "\t" form "\t_\t" upos "\t_\t_\t0\t_\t_\t_\n"

START_TEST(treebanks_give_the_words_that_are_annotated) {
    static const char text[] =
        "# text = او ماتمش را دید؛ رفت.\n" WORD("1", "او", "PRON") WORD("2-3", "ماتمش", "_")
            WORD("2", "ماتم", "NOUN") WORD("3", "ش", "PRON") WORD("4", "را", "ADP")
                WORD("5", "دید", "VERB") WORD("6", "؛", "PUNCT") WORD("7", "رفت", "VERB")
                    WORD("8", ".", "PUNCT") "\n"
                                            /* The text has a word that the annotation lacks. */
                                            "# text = او به خانه نیز رفت.\n" WORD("1", "او", "PRON")
                                                WORD("2", "به", "ADP") WORD("3", "خانه", "NOUN")
                                                    WORD("4", "رفت", "VERB")
                                                        WORD("5", ".", "PUNCT");
    char path[] = "/tmp/tamrin-treebank-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_eq(write(descriptor, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(descriptor);
    PersianCorpus corpus = corpus_of(PERSIAN_TREEBANK, 0);
    ck_assert_msg(persian_corpus_read(&corpus, path, 3, &pool, &counts) == STATUS_OK, "%s",
                  status_message());
    ck_assert_uint_eq(pool.sentences, 2);
    ck_assert_str_eq(sentence(0), "او ماتمش را دید رفت");
    ck_assert_uint_eq(counts.other_words, 1);
    ck_assert_uint_eq(pool.corpus[1], 3);
    ck_assert_uint_eq(pool.of[1], 3);
    unlink(path);
    ck_assert_int_eq(persian_corpus_read(&corpus, path, 3, &pool, &counts), STATUS_IO);
    ck_assert_uint_eq(pool.sentences, 2);
}
END_TEST

/* --- hostile text ------------------------------------------------------------------------------
 */

START_TEST(bytes_that_are_no_text_are_refused_with_their_line) {
    PersianCorpus corpus = corpus_of(PERSIAN_DOCUMENTS, 0);
    ck_assert_int_eq(persian_corpus_parse(&corpus, "t.txt", "a b\nc \xFFz", 8, 0, &pool, &counts),
                     STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "t.txt:2: found byte 0xff at offset 6"), "%s",
                  status_message());
    ck_assert_int_eq(persian_corpus_parse(&corpus, "t.txt", "a\n\nb\0c", 6, 0, &pool, &counts),
                     STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "t.txt:3: found a NUL byte at offset 4"), "%s",
                  status_message());
    ck_assert_uint_eq(pool.sentences, 0);
    ck_assert_uint_eq(pool.documents, 0);
}
END_TEST

START_TEST(empty_files_give_nothing) {
    static const char *const texts[] = {"", "\n", " \t\r\n\n", "\xEF\xBB\xBF", "\xE2\x80\x8E\n\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parse(PERSIAN_DOCUMENTS, 15, texts[i]);
        parse(PERSIAN_LINES, 0, texts[i]);
        parse(PERSIAN_SENTENCES, 0, texts[i]);
        ck_assert_uint_eq(pool.sentences, 0);
    }
}
END_TEST

START_TEST(direction_overrides_do_not_stay) {
    parse(PERSIAN_DOCUMENTS, 0,
          "\xE2\x80\xAE"
          "او به \xE2\x80\xAD"
          "خانه\xE2\x80\xAC رفت\xE2\x80\xAC.");
    ck_assert_str_eq(sentence(0), "او به خانه رفت");
    ck_assert_uint_gt(counts.changes[PERSIAN_DIRECTION], 0);
}
END_TEST

/* One line of 10 MB: of sentences, all are found; of one word without end, nothing is kept. */
START_TEST(lines_of_ten_megabytes) {
    static const char one[] = "او به خانه رفت و آمد. ";
    enum { SIZE = 10 << 20 };
    size_t unit = sizeof one - 1, count = SIZE / unit;
    char *text = malloc(SIZE);
    for (size_t i = 0; i < count; i++) memcpy(text + i * unit, one, unit);
    parse_bytes(PERSIAN_DOCUMENTS, 15, text, count * unit);
    ck_assert_uint_eq(counts.sentences, count);
    ck_assert_uint_eq(counts.kept, count);
    ck_assert_uint_eq(pool.words.count, 6);
    empty_pool();
    for (size_t i = 0; i + 1 < SIZE; i += 2) memcpy(text + i, "ب", 2);
    parse_bytes(PERSIAN_DOCUMENTS, 15, text, SIZE);
    ck_assert_uint_eq(counts.kept, 0);
    ck_assert_uint_gt(counts.sentences, 0);
    free(text);
}
END_TEST

/* Pieces of text, marks and signs put together at random: nothing breaks, and every sentence kept
 * has 4 to 40 words without white space or signs alone. */
START_TEST(random_text_is_survived) {
    static const char *const pieces[] = {"او",
                                         "به",
                                         "خانه",
                                         "رفت",
                                         ".",
                                         "؟",
                                         "\n",
                                         "\n\n",
                                         " ",
                                         " ",
                                         "[",
                                         "]",
                                         "۱",
                                         "12",
                                         "-",
                                         "\\",
                                         "»",
                                         "«",
                                         "\"",
                                         ":",
                                         "\xE2\x80\x8C",
                                         "\xE2\x80\xAE",
                                         "\xE2\x80\x8F",
                                         "abc",
                                         "\t",
                                         "\r\n",
                                         "ـ",
                                         "ّ",
                                         "…",
                                         "!",
                                         "الرحمن",
                                         "\xF0\x9F\x98\x80",
                                         "[نیازمند",
                                         "\x01",
                                         "ﻻ",
                                         "  "};
    enum { PIECES = sizeof pieces / sizeof *pieces, LENGTH = 400 };
    for (uint64_t trial = 0; trial < 400; trial++) {
        char text[LENGTH * 24];
        size_t size = 0;
        for (uint64_t i = 0; i < LENGTH; i++) {
            const char *piece = pieces[rng_below(11, trial, i, PIECES)];
            memcpy(text + size, piece, strlen(piece));
            size += strlen(piece);
        }
        PersianForm form = (PersianForm)(trial % 3);
        parse_bytes(form, (int)(trial % 16), text, size);
        for (size_t s = 0; s < pool.sentences; s++) {
            size_t length = pool.start[s + 1] - pool.start[s];
            ck_assert(length >= REORDER_LENGTH_LOW && length <= REORDER_LENGTH_HIGH);
            ck_assert_uint_lt(pool.document[s], pool.documents);
        }
        for (uint32_t w = 0; w < pool.words.count; w++) {
            const char *word = reorder_words_text(&pool.words, w);
            ck_assert_uint_eq(strcspn(word, " \t\r\n"), strlen(word));
            ck_assert_uint_gt(strlen(word), 0);
        }
        empty_pool();
    }
}
END_TEST

START_TEST(the_table_of_corpora_is_sound) {
    for (size_t i = 0; i < persian_corpora_count; i++) {
        const PersianCorpus *corpus = &persian_corpora[i];
        ck_assert_ptr_eq(persian_corpus_find(corpus->name), corpus);
        ck_assert_ptr_nonnull(strchr(corpus->file, '/'));
        ck_assert_uint_lt(strlen(corpus->name), REORDER_NAME - 5);
    }
    ck_assert_ptr_null(persian_corpus_find("none"));
}
END_TEST

Suite *suite_persian_corpus(void) {
    Suite *suite = suite_create("persian_corpus");
    TCase *text = tcase_create("text");
    tcase_add_checked_fixture(text, NULL, empty_pool);
    tcase_add_test(text, documents_become_sentences_of_normal_words);
    tcase_add_loop_test(text, each_filter_refuses_its_own_kind, 0,
                        (int)(sizeof judged / sizeof *judged));
    tcase_add_test(text, list_numbers_and_speakers_go);
    tcase_add_test(text, oddities_are_put_right_and_counted);
    tcase_add_test(text, lines_and_given_sentences);
    tcase_add_test(text, treebanks_give_the_words_that_are_annotated);
    tcase_add_test(text, the_table_of_corpora_is_sound);
    suite_add_tcase(suite, text);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, NULL, empty_pool);
    tcase_add_test(hostile, bytes_that_are_no_text_are_refused_with_their_line);
    tcase_add_test(hostile, empty_files_give_nothing);
    tcase_add_test(hostile, direction_overrides_do_not_stay);
    tcase_add_test(hostile, lines_of_ten_megabytes);
    tcase_add_test(hostile, random_text_is_survived);
    suite_add_tcase(suite, hostile);
    return suite;
}
