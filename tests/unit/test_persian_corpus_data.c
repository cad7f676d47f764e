/* persian_corpus_data: the treebanks and texts that make data brings, beside what is known of them.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/conllu.h"
#include "data/reorder_build.h"
#include "unit/data_folder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_persian_corpus_data(void);

#define SUITE  "persian_corpus_data"
#define PERDT  "persian/gold/perdt/fa_perdt-ud-"
#define SERAJI "persian/gold/seraji/fa_seraji-ud-"

/* Counted with a separate program (Python, lines beginning with a number or a range). */
static const struct {
    const char *file;
    size_t sentences, multiword;
} treebanks[] = {
    {PERDT "dev.conllu", 1456, 369},
    {PERDT "test.conllu", 1455, 296},
    {SERAJI "dev.conllu", 599, 77},
    {SERAJI "test.conllu", 600, 98},
};

START_TEST(treebanks_are_read_whole) {
    const char *path = data_folder(SUITE, treebanks[_i].file);
    if (!path) return;
    Conllu *file;
    ck_assert_msg(conllu_load(path, &file) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(file->sentences, treebanks[_i].sentences);
    ck_assert_uint_eq(file->multiword, treebanks[_i].multiword);
    ck_assert_uint_eq(file->unwritten, 0);
    ck_assert_uint_eq(file->without_text, 0);
    /* The written words, with their spaces, are the sentence's text. */
    for (size_t s = 0; s < file->sentences; s++) {
        char text[8192];
        size_t used = 0;
        const ConlluSentence *sentence = &file->sentence[s];
        for (size_t w = 0; w < sentence->words; w++)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%s", sentence->word[w].form,
                                 sentence->word[w].space_after ? " " : "");
        while (used > 0 && text[used - 1] == ' ') text[--used] = 0;
        ck_assert_str_eq(text, sentence->text);
    }
    conllu_free(file);
}
END_TEST

static void read_corpus(const char *name, int number, PersianPool *pool, PersianCounts *counts) {
    const PersianCorpus *corpus = persian_corpus_find(name);
    const char *path = data_folder(SUITE, corpus->file);
    ck_assert_ptr_nonnull(path);
    ck_assert_msg(persian_corpus_read(corpus, path, number, pool, counts) == STATUS_OK, "%s",
                  status_message());
}

/* The test set for which results are known: 884 sentences of 4 to 15 words. */
START_TEST(perdt_test_is_the_set_that_is_known) {
    if (!data_folder(SUITE, PERDT "test.conllu")) return;
    PersianPool pool = {0};
    PersianCounts counts;
    read_corpus("perdt_test", 0, &pool, &counts);
    ck_assert_uint_eq(counts.sentences, 1455);
    ck_assert_uint_eq(counts.kept, 1434);
    ck_assert_uint_eq(counts.other_words, 0);
    size_t known = 0;
    for (size_t s = 0; s < pool.sentences; s++) known += pool.start[s + 1] - pool.start[s] <= 15;
    ck_assert_uint_eq(known, 884);
    persian_pool_free(&pool);
}
END_TEST

/* Nothing of PerDT's test part is left in what is trained on: no sentence of it, nor one inside a
 * longer one. */
START_TEST(training_holds_no_test_sentence) {
    static const char *const names[] = {"perdt_test", "perdt_train", "wiki_pquad"};
    PersianPool pool = {0};
    PersianCounts counts;
    ReorderPlan plan = {.seed = 1, .test = .04, .validation = .03};
    ReorderData data;
    ReorderFlow flow[3];
    for (int i = 0; i < 3; i++) {
        char file[200];
        snprintf(file, sizeof file, "%s", persian_corpus_find(names[i])->file);
        char packed[208];
        snprintf(packed, sizeof packed, "%s.gz", file);
        const char *path = data_folder(SUITE, i == 2 ? packed : file);
        if (!path) return;
        ck_assert_msg(persian_corpus_read(persian_corpus_find(names[i]), path, i, &pool, &counts) ==
                          STATUS_OK,
                      "%s", status_message());
        plan.name[i] = names[i];
        plan.role[i] = i == 0 ? REORDER_TEST_ONLY : i == 1 ? REORDER_TRAIN_ONLY : REORDER_SPLIT;
    }
    ck_assert_msg(reorder_build(&pool, 3, &plan, &data, flow) == STATUS_OK, "%s", status_message());
    ck_assert_uint_gt(flow[1].near_own[0], 0);
    const ReorderSet *train = reorder_data_set(&data, "train");
    const ReorderSet *test = reorder_data_set(&data, "perdt_test");
    ck_assert_uint_gt(train->sentences, 30000);
    /* By the first word: where a test sentence could begin. */
    uint32_t *first = malloc(data.words.count * sizeof *first), *next;
    next = malloc(test->sentences * sizeof *next);
    memset(first, 0xFF, data.words.count * sizeof *first);
    for (uint32_t s = 0; s < test->sentences; s++) {
        next[s] = first[reorder_words_of(test, s)[0]];
        first[reorder_words_of(test, s)[0]] = s;
    }
    for (size_t t = 0; t < train->sentences; t++) {
        const uint32_t *word = reorder_words_of(train, t);
        int length = reorder_length(train, t);
        for (int i = 0; i < length; i++)
            for (uint32_t s = first[word[i]]; s != UINT32_MAX; s = next[s]) {
                int n = reorder_length(test, s);
                ck_assert_msg(i + n > length || memcmp(word + i, reorder_words_of(test, s),
                                                       (size_t)n * sizeof *word) != 0,
                              "training sentence %zu holds sentence %u of the test", t, s);
            }
    }
    free(first);
    free(next);
    reorder_data_free(&data);
    persian_pool_free(&pool);
}
END_TEST

Suite *suite_persian_corpus_data(void) {
    Suite *suite = suite_create(SUITE);
    TCase *tcase = tcase_create("published");
    tcase_add_loop_test(tcase, treebanks_are_read_whole, 0,
                        (int)(sizeof treebanks / sizeof *treebanks));
    tcase_add_test(tcase, perdt_test_is_the_set_that_is_known);
    tcase_add_test(tcase, training_holds_no_test_sentence);
    suite_add_tcase(suite, tcase);
    return suite;
}
