/* fuzz_persian: damaged treebanks, two-column tables and texts are refused with a message or give
 * sound data; no byte of a text is both dropped and kept. */
#define _POSIX_C_SOURCE 200809L
#include "data/conllu.h"
#include "data/persian_corpus.h"
#include "data/reorder_data.h"
#include "fuzz/mutate.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_fuzz_persian(void);

#define COUNT(list)         (sizeof(list) / sizeof *(list))
#define ROW(id, form, upos) id "\t" form "\t_\t" upos "\t_\t_\t0\troot\t_\tSpaceAfter=No\n"

static const char treebank[] = "# sent_id = a\n# text = او ماتمش را دید.\n" ROW("1", "او", "PRON")
    ROW("2-3", "ماتمش", "_") ROW("2", "ماتم", "NOUN") ROW("3", "ش", "PRON") ROW("4", "را", "ADP")
        ROW("5", "دید", "VERB") ROW("5.1", "شد", "VERB")
            ROW("6", ".", "PUNCT") "\n# text = بله.\n" ROW("1", "بله", "INTJ")
                ROW("2", ".", "PUNCT") "\n";

static const char *const treebank_words[] = {
    "\n",   "\n\n",  "\t",  "\r\n", "1-2",       "2-1", "99999999999",  "3.1", "-",
    "\xff", "# x\n", "1\t", "_",    "# text = ", "0",   "\xef\xbb\xbf", "۱",   "4-5\tx\t",
};

START_TEST(treebanks) {
    Bytes whole = mutate_copy(treebank, sizeof treebank - 1);
    size_t accepted = 0;
    for (mutate_trial = 0; mutate_trial < mutate_trials(); mutate_trial++) {
        Bytes file = mutate(whole, treebank_words, COUNT(treebank_words));
        Conllu *found;
        Status status = conllu_parse("t.conllu", (const char *)file.bytes, file.size, &found);
        if (status != STATUS_OK) {
            MUST(status == STATUS_FORMAT && !found);
            mutate_expect_message();
        } else {
            size_t words = 0, parts = 0;
            accepted++;
            for (size_t s = 0; s < found->sentences; s++) {
                MUST(found->sentence[s].words > 0);
                for (size_t w = 0; w < found->sentence[s].words; w++, words++) {
                    MUST(*found->sentence[s].word[w].form && *found->sentence[s].word[w].upos);
                    MUST(found->sentence[s].word[w].parts > 0);
                    parts += found->sentence[s].word[w].parts;
                }
            }
            MUST(words == found->words);
            MUST(parts >= words && parts <= file.size / 20);
            conllu_free(found);
        }
        free(file.bytes);
    }
    ck_assert_uint_gt(accepted, 0);
    free(whole.bytes);
}
END_TEST

static const char table[] = "\xef\xbb\xbfshuffled\tordered\nرا کتاب من خواندم\tمن کتاب را خواندم\n"
                            "به او او داد\tاو به او داد\nالف ب\tب الف\n";
static const char *const table_words[] = {"\t", "\n", " ", "  ", "\r\n", "او", "\xff", "\tordered"};

START_TEST(tables) {
    char path[] = "/tmp/tamrin-fuzz-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    close(descriptor);
    Bytes whole = mutate_copy(table, sizeof table - 1);
    for (mutate_trial = 0; mutate_trial < mutate_trials(); mutate_trial++) {
        Bytes bytes = mutate(whole, table_words, COUNT(table_words));
        FILE *file = fopen(path, "w");
        MUST(file);
        MUST(fwrite(bytes.bytes, 1, bytes.size, file) == bytes.size);
        MUST(fclose(file) == 0);
        ReorderSet set = {.name = "t"};
        ReorderWords words = {0};
        Status status = reorder_set_read(&set, &words, path);
        if (status != STATUS_OK) {
            MUST(status == STATUS_FORMAT);
            mutate_expect_message();
        } else {
            /* What was read can be written and read again, and is then the same. */
            ReorderSet again = {.name = "t"};
            MUST(reorder_set_write(&set, &words, path) == STATUS_OK);
            MUST(reorder_set_read(&again, &words, path) == STATUS_OK);
            MUST(again.sentences == set.sentences && again.words == set.words);
            MUST(set.words == 0 || memcmp(again.word, set.word, set.words * sizeof *set.word) == 0);
            MUST(set.words == 0 ||
                 memcmp(again.shuffled, set.shuffled, set.words * sizeof *set.word) == 0);
            reorder_set_free(&again);
        }
        reorder_set_free(&set);
        reorder_words_free(&words);
        free(bytes.bytes);
    }
    unlink(path);
    free(whole.bytes);
}
END_TEST

/* clang-format off */
static const char text[] =
    "رئیس- جلسه رسمی شد و آغاز گشت.[نیازمند منبع]\n"
    "۸- علي كتاب را در سال 1390 خواند؟ «او رفت».\n\n"
    "جودی ابوت را سال‌ها است که می‌شناسم، دقیقا از دوران نوجوانی و شاید\n"
    "پیش از آن نیز چنین بود.\n";
/* clang-format on */

static const char *const text_words[] = {
    "\n",
    "\n\n",
    ".",
    "؟",
    ":",
    "[",
    "]",
    "- ",
    "\\",
    "\xe2\x80\x8c",
    "\xe2\x80\xae",
    "\xff",
    "  ",
    "www.a.ir",
    "۱۲٫۵",
    "الرحمن ",
    "\xf0\x9f\x98\x80",
    "\xc2\xa0",
    "ـ",
    "»",
};

START_TEST(texts) {
    Bytes whole = mutate_copy(text, sizeof text - 1);
    for (mutate_trial = 0; mutate_trial < mutate_trials(); mutate_trial++) {
        Bytes bytes = mutate(whole, text_words, COUNT(text_words));
        PersianCorpus corpus = {.name = "t",
                                .file = "t/t",
                                .form = (PersianForm)mutate_below(0, 3),
                                .oddities = (int)mutate_below(1, 16)};
        PersianPool pool = {0};
        PersianCounts counts;
        Status status = persian_corpus_parse(&corpus, "t", (const char *)bytes.bytes, bytes.size, 7,
                                             &pool, &counts);
        if (status != STATUS_OK) {
            MUST(status == STATUS_FORMAT && pool.sentences == 0);
            mutate_expect_message();
        } else {
            size_t dropped = 0;
            for (int f = 0; f < PERSIAN_FILTERS; f++) dropped += counts.dropped[f];
            MUST(counts.sentences == counts.kept + dropped);
            MUST(counts.kept == pool.sentences);
            for (size_t s = 0; s < pool.sentences; s++) {
                size_t length = pool.start[s + 1] - pool.start[s];
                MUST(length >= REORDER_LENGTH_LOW && length <= REORDER_LENGTH_HIGH);
                MUST(pool.corpus[s] == 7 && pool.document[s] < pool.documents);
            }
        }
        persian_pool_free(&pool);
        free(bytes.bytes);
    }
    free(whole.bytes);
}
END_TEST

Suite *suite_fuzz_persian(void) {
    Suite *suite = suite_create("fuzz_persian");
    TCase *tcase = tcase_create("damaged");
    tcase_add_test(tcase, treebanks);
    tcase_add_test(tcase, tables);
    tcase_add_test(tcase, texts);
    suite_add_tcase(suite, tcase);
    return suite;
}
