/* split_data: normalisation and sentence splitting on the real texts that make data brings. */
#include "data/text_file.h"
#include "q5_split.h"
#include "text/persian.h"
#include "unit/data_folder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_split_data(void);

static const char *seraji(void) {
    return data_folder("split_data", "persian/gold/seraji");
}

static const char *corpus(int index) {
    static const char *const files[] = {"persian/docs/wiki_pquad.txt.gz",
                                        "persian/docs/assembly1979_1989.txt.gz",
                                        "persian/docs/wiki_bio.txt.gz"};
    return data_folder("split_data", files[index]);
}
#define CORPORA 3

START_TEST(the_splitter_reaches_its_scores) {
    static SplitTexts sets[SPLIT_SETS];
    static SplitScores scores;
    ck_assert_msg(split_texts_load(sets, seraji(), "tests/golden") == STATUS_OK, "%s",
                  status_message());
    ck_assert_uint_eq(sets[SPLIT_TRAIN].sentences, 4798);
    ck_assert_uint_eq(sets[SPLIT_DEV].sentences, 599);
    ck_assert_uint_eq(sets[SPLIT_TEST].sentences, 600);
    ck_assert_msg(split_score_all(sets, "experiments/q5_split_pysbd.tsv", 1, &scores) == STATUS_OK,
                  "%s", status_message());
    ck_assert_str_eq(scores.pysbd_version, "0.3.4");
    static const double at_least[SPLIT_SETS] = {.994, .997, .99, .97, .9};
    for (int set = 0; set < SPLIT_SETS; set++) {
        const SplitScore *rules = split_score_find(&scores, SPLIT_RULES, (SplitSet)set, NULL);
        ck_assert_double_ge(rules->intervals.f1.value, at_least[set]);
        for (int method = SPLIT_EVERY_STOP; method < SPLIT_METHODS; method++)
            ck_assert_double_gt(rules->intervals.f1.value,
                                split_score_find(&scores, (SplitMethod)method, (SplitSet)set, NULL)
                                    ->intervals.f1.value);
    }
    split_texts_free(sets);
}
END_TEST

START_TEST(real_text_is_normalised_once_and_for_all) {
    TextFile file;
    ck_assert_int_eq(text_file_read(corpus(_i), &file), STATUS_OK);
    PersianText once = {0}, twice = {0};
    PersianReport first, second;
    ck_assert_msg(persian_normalise(file.bytes, file.size, NULL, &once, &first) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(persian_normalise(once.bytes, once.size, NULL, &twice, &second), STATUS_OK);
    ck_assert_uint_eq(once.size, twice.size);
    ck_assert_mem_eq(once.bytes, twice.bytes, once.size);
    size_t changes = 0;
    for (int rule = 0; rule < PERSIAN_RULES; rule++) changes += second.changes[rule];
    ck_assert_uint_eq(changes, 0);
    ck_assert_uint_gt(first.words_after, 200000);
    ck_assert_uint_le(first.words_before - first.words_after, first.words_before / 1000);
    persian_text_free(&once);
    persian_text_free(&twice);
    text_file_free(&file);
}
END_TEST

typedef struct {
    const char *text;
    const SentenceList *list;
    size_t at;
} Compare;

static Status compare(void *user, const Sentence *sentence) {
    Compare *c = user;
    ck_assert_uint_lt(c->at, c->list->count);
    ck_assert_uint_eq(sentence->offset, c->list->start[c->at]);
    ck_assert_uint_eq(sentence->size, c->list->end[c->at] - c->list->start[c->at]);
    c->at++;
    return STATUS_OK;
}

START_TEST(real_text_is_cut_alike_in_any_portions) {
    TextFile file;
    ck_assert_int_eq(text_file_read(corpus(_i), &file), STATUS_OK);
    SentenceList list = {0};
    ck_assert_int_eq(sentences_split(file.bytes, file.size, NULL, &list), STATUS_OK);
    Compare c = {file.bytes, &list, 0};
    Sentences *splitter;
    ck_assert_int_eq(sentences_open(NULL, compare, &c, &splitter), STATUS_OK);
    for (size_t at = 0, portion = 1; at < file.size; at += portion) {
        portion = 1 + (portion * 7919 + 13) % 9001;
        if (portion > file.size - at) portion = file.size - at;
        ck_assert_int_eq(sentences_feed(splitter, file.bytes + at, portion), STATUS_OK);
    }
    ck_assert_int_eq(sentences_finish(splitter), STATUS_OK);
    ck_assert_uint_eq(c.at, list.count);
    sentences_free(splitter);
    sentence_list_free(&list);
    text_file_free(&file);
}
END_TEST

Suite *suite_split_data(void) {
    Suite *suite = suite_create("split_data");
    TCase *tcase = tcase_create("split");
    if (seraji()) tcase_add_test(tcase, the_splitter_reaches_its_scores);
    int corpora = 0;
    while (corpora < CORPORA && corpus(corpora)) corpora++;
    tcase_add_loop_test(tcase, real_text_is_normalised_once_and_for_all, 0, corpora);
    tcase_add_loop_test(tcase, real_text_is_cut_alike_in_any_portions, 0, corpora);
    suite_add_tcase(suite, tcase);
    return suite;
}
