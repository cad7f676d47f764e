/* reorder_build: documents stay whole, test and training share nothing, every sentence is accounted
 * for; near_duplicates beside counting by hand. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "data/near_duplicates.h"
#include "data/reorder_build.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_reorder_build(void);

/* Letters are words. */
static void add_letters(NearIndex *index, const char *letters, int mark) {
    uint32_t word[64];
    int length = (int)strlen(letters);
    for (int i = 0; i < length; i++) word[i] = (uint32_t)letters[i];
    ck_assert_int_eq(near_index_add(index, word, length, mark), STATUS_OK);
}

static NearMatch find_letters(NearIndex *index, const char *letters) {
    uint32_t word[64];
    NearMatch match;
    int length = (int)strlen(letters);
    for (int i = 0; i < length; i++) word[i] = (uint32_t)letters[i];
    ck_assert_int_eq(near_index_find(index, word, length, &match), STATUS_OK);
    return match;
}

START_TEST(shares_of_shingles_are_those_counted_by_hand) {
    NearIndex index = {0};
    ck_assert_double_eq(find_letters(&index, "abcdef").share, 0);
    add_letters(&index, "abcdefghij", 7); /* 8 shingles */
    add_letters(&index, "klmn", 8);       /* 2 */
    add_letters(&index, "xy", 9);         /* none: not added */
    ck_assert_uint_eq(index.sentences, 2);
    ck_assert_uint_eq(index.postings, 10);
    NearMatch match = find_letters(&index, "abcdefghij");
    ck_assert_double_eq(match.share, 1);
    ck_assert_int_eq(match.mark, 7);
    /* One word of ten another: 3 of 8 shingles are lost. */
    ck_assert_double_eq(find_letters(&index, "abcdXfghij").share, 5 / 8.);
    ck_assert_double_eq(find_letters(&index, "Xbcdefghij").share, 7 / 8.);
    ck_assert_double_eq(find_letters(&index, "jihgfedcba").share, 0);
    /* What contains it repeats it, whatever stands around. */
    match = find_letters(&index, "XYZklmnXYZ");
    ck_assert_double_eq(match.share, 1);
    ck_assert_int_eq(match.mark, 8);
    ck_assert_uint_eq(match.sentence, 1);
    ck_assert_double_eq(find_letters(&index, "kl").share, 0);
    /* A shingle that occurs twice counts once, on both sides. */
    add_letters(&index, "opqopqopq", 3); /* opq pqo qop */
    ck_assert_double_eq(find_letters(&index, "opqXopqXopq").share, 1 / 3.);
    near_index_free(&index);
}
END_TEST

/* Thousands of sentences, so that the table grows; every one finds itself. */
START_TEST(many_sentences_find_themselves) {
    NearIndex index = {0};
    uint32_t word[12];
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t s = 0; s < 3000; s++) {
            for (uint32_t i = 0; i < 12; i++)
                word[i] = (uint32_t)rng_below(1, s, i, 50) + (i < 6 ? 0 : s * 50);
            if (pass == 0) {
                ck_assert_int_eq(near_index_add(&index, word, 12, (int)(s % 200)), STATUS_OK);
                continue;
            }
            NearMatch match;
            ck_assert_int_eq(near_index_find(&index, word, 12, &match), STATUS_OK);
            ck_assert_double_eq(match.share, 1);
            ck_assert_uint_eq(match.sentence, s);
            ck_assert_int_eq(match.mark, (int)(s % 200));
        }
    near_index_free(&index);
}
END_TEST

/* --- sets --------------------------------------------------------------------------------------
 */

static PersianPool pool;
static ReorderData data;
static ReorderFlow flow[4];

static void close_all(void) {
    persian_pool_free(&pool);
    reorder_data_free(&data);
}

static void read_text(int number, PersianForm form, const char *text) {
    PersianCorpus corpus = {.name = "t", .file = "t/t.txt", .form = form};
    PersianCounts counts;
    ck_assert_msg(persian_corpus_parse(&corpus, "t.txt", text, strlen(text), number, &pool,
                                       &counts) == STATUS_OK,
                  "%s", status_message());
}

/* Documents of some sentences each; every sentence has words of its own. */
static void read_documents(int number, int documents, int sentences) {
    size_t room = (size_t)documents * (size_t)sentences * 160 + 16, used = 0;
    char *text = malloc(room);
    for (int d = 0; d < documents; d++) {
        for (int s = 0; s < sentences; s++) {
            /* Words of Persian letters that say which sentence it is. */
            char name[16] = "";
            for (int k = d * 100 + s + number * 100000; k > 0; k /= 10)
                snprintf(name + strlen(name), sizeof name - strlen(name), "%s",
                         (const char *const[]){"ا", "ب", "پ", "ت", "ث", "ج", "چ", "ح", "خ",
                                               "د"}[k % 10]);
            used += (size_t)snprintf(text + used, room - used, "%sب %sپ %sت %sث %sج %sچ.\n", name,
                                     name, name, name, name, name);
        }
        used += (size_t)snprintf(text + used, room - used, "\n");
    }
    read_text(number, PERSIAN_DOCUMENTS, text);
    free(text);
}

static Status build(int corpora, ReorderRole first, ReorderRole second, uint64_t seed) {
    ReorderPlan plan = {.seed = seed, .test = .2, .validation = .1};
    plan.role[0] = first;
    plan.role[1] = second;
    plan.name[0] = "one";
    plan.name[1] = "two";
    return reorder_build(&pool, corpora, &plan, &data, flow);
}

static size_t account(const ReorderFlow *f) {
    size_t sum = f->near_test + f->near_validation;
    for (int split = 0; split < REORDER_SPLITS; split++) sum += f->kept[split] + f->repeated[split];
    for (int k = 0; k < REORDER_CORPORA_MAX; k++) sum += f->near_own[k];
    return sum;
}

/* The document of the pool that holds a sentence of a set, found by its first word. */
static uint32_t document_of(const ReorderSet *set, size_t s) {
    const char *first = reorder_words_text(&data.words, reorder_words_of(set, s)[0]);
    uint32_t id = reorder_words_find(&pool.words, first, strlen(first));
    ck_assert_uint_ne(id, REORDER_NONE);
    for (size_t p = 0; p < pool.sentences; p++)
        if (pool.word[pool.start[p]] == id) return pool.document[p];
    ck_abort_msg("no sentence begins with '%s'", first);
}

START_TEST(documents_stay_whole) {
    read_documents(0, 30, 5);
    ck_assert_uint_eq(pool.sentences, 150);
    ck_assert_int_eq(build(1, REORDER_SPLIT, REORDER_SPLIT, 1), STATUS_OK);
    ck_assert_uint_eq(flow[0].documents[REORDER_TEST], 6);
    ck_assert_uint_eq(flow[0].documents[REORDER_VALIDATION], 3);
    ck_assert_uint_eq(flow[0].kept[REORDER_TRAIN], 105);
    ck_assert_uint_eq(flow[0].words[REORDER_TRAIN], 630);
    int where[30] = {0};
    for (int split = 0; split < REORDER_SPLITS; split++) {
        const ReorderSet *set = &data.set[split];
        ck_assert_uint_eq(set->sentences, flow[0].kept[split]);
        for (size_t s = 0; s < set->sentences; s++) {
            uint32_t document = document_of(set, s);
            ck_assert(where[document] == 0 || where[document] == split + 1);
            where[document] = split + 1;
        }
    }
    ck_assert_uint_eq(reorder_data_set(&data, "test_one")->sentences, 30);
    ck_assert_ptr_null(reorder_data_set(&data, "test_two"));
}
END_TEST

START_TEST(the_seed_decides_and_nothing_else) {
    ReorderData kept;
    read_documents(0, 40, 3);
    ck_assert_int_eq(build(1, REORDER_SPLIT, REORDER_SPLIT, 1), STATUS_OK);
    kept = data;
    ck_assert_int_eq(build(1, REORDER_SPLIT, REORDER_SPLIT, 1), STATUS_OK);
    for (size_t s = 0; s < data.sets; s++) {
        ck_assert_uint_eq(data.set[s].words, kept.set[s].words);
        ck_assert_mem_eq(data.set[s].word, kept.set[s].word, 4 * kept.set[s].words);
        ck_assert_mem_eq(data.set[s].shuffled, kept.set[s].shuffled, 4 * kept.set[s].words);
    }
    reorder_data_free(&data);
    ck_assert_int_eq(build(1, REORDER_SPLIT, REORDER_SPLIT, 2), STATUS_OK);
    const char *a = reorder_words_text(&data.words, data.set[0].word[0]);
    const char *b = reorder_words_text(&kept.words, kept.set[0].word[0]);
    ck_assert_str_ne(a, b);
    reorder_data_free(&kept);
}
END_TEST

#define TEST_SENTENCE "او دیروز کتاب تازه را برای ما از خانه به مدرسه آورد"

START_TEST(what_repeats_a_test_sentence_is_not_trained_on) {
    read_text(0, PERSIAN_SENTENCES,
              TEST_SENTENCE
              ".\n"                                                    /* the same */
              "«" TEST_SENTENCE "»!\n"                                 /* the same words */
              "گفت که " TEST_SENTENCE " و رفت.\n"                      /* contains it */
              "او دیروز نامه تازه را برای ما از خانه به مدرسه آورد.\n" /* a word changed */
              "او دیروز نامه کهنه را برای من از مغازه به مدرسه برد.\n" /* another sentence */
              "این جمله هیچ ربطی به آن ندارد.\n");
    read_text(1, PERSIAN_SENTENCES, TEST_SENTENCE ".\nاو دیروز کتاب تازه خرید.\n");
    ck_assert_int_eq(build(2, REORDER_TRAIN_ONLY, REORDER_TEST_ONLY, 1), STATUS_OK);
    ck_assert_uint_eq(flow[0].kept[REORDER_TRAIN], 2);
    /* The second is word for word the first, which is met before it. */
    ck_assert_uint_eq(flow[0].near_own[1], 3);
    ck_assert_uint_eq(flow[0].repeated[REORDER_TRAIN], 1);
    ck_assert_uint_eq(account(&flow[0]), 6);
    const ReorderSet *own = reorder_data_set(&data, "two");
    ck_assert_uint_eq(own->sentences, 2);
    ck_assert_uint_eq(flow[1].kept[REORDER_TEST], 2);
}
END_TEST

/* Two corpora of the same text: what is test in one repeats in the other's training. */
START_TEST(splits_share_no_sentence) {
    read_documents(0, 60, 4);
    read_documents(0, 60, 4);
    for (size_t s = pool.sentences / 2; s < pool.sentences; s++) pool.corpus[s] = 1;
    for (size_t d = pool.documents / 2; d < pool.documents; d++) {
        pool.of[d] = 1;
        pool.hash[d] += 1; /* so that the two are split in different ways */
    }
    ck_assert_int_eq(build(2, REORDER_SPLIT, REORDER_SPLIT, 5), STATUS_OK);
    size_t kept = 0;
    for (int c = 0; c < 2; c++) {
        ck_assert_uint_eq(account(&flow[c]), 240);
        for (int split = 0; split < REORDER_SPLITS; split++) kept += flow[c].kept[split];
    }
    ck_assert_uint_eq(kept, 240); /* every sentence once, wherever */
    ck_assert_uint_gt(flow[0].repeated[REORDER_TRAIN] + flow[1].repeated[REORDER_TRAIN], 0);
    for (int split = 1; split < REORDER_SPLITS; split++)
        for (size_t s = 0; s < data.set[split].sentences; s++)
            ck_assert_uint_eq(data.words.occurrences[reorder_words_of(&data.set[split], s)[0]], 0);
}
END_TEST

START_TEST(small_corpora_and_wrong_plans) {
    read_documents(0, 3, 2);
    ck_assert_int_eq(build(1, REORDER_SPLIT, REORDER_SPLIT, 1), STATUS_OK);
    for (int split = 0; split < REORDER_SPLITS; split++)
        ck_assert_uint_eq(flow[0].documents[split], 1);
    reorder_data_free(&data);
    ck_assert_int_eq(build(1, REORDER_TEST_ONLY, REORDER_SPLIT, 1), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), "no sentence is left for training"), "%s",
                  status_message());
    ReorderPlan plan = {.test = .6, .validation = .4};
    ck_assert_int_eq(reorder_build(&pool, 1, &plan, &data, flow), STATUS_ARGUMENT);
    plan.test = -1;
    ck_assert_int_eq(reorder_build(&pool, 1, &plan, &data, flow), STATUS_ARGUMENT);
    ck_assert_int_eq(reorder_build(&pool, 0, &plan, &data, flow), STATUS_ARGUMENT);
}
END_TEST

Suite *suite_reorder_build(void) {
    Suite *suite = suite_create("reorder_build");
    TCase *near = tcase_create("near");
    tcase_add_test(near, shares_of_shingles_are_those_counted_by_hand);
    tcase_add_test(near, many_sentences_find_themselves);
    suite_add_tcase(suite, near);
    TCase *sets = tcase_create("sets");
    tcase_add_checked_fixture(sets, NULL, close_all);
    tcase_add_test(sets, documents_stay_whole);
    tcase_add_test(sets, the_seed_decides_and_nothing_else);
    tcase_add_test(sets, what_repeats_a_test_sentence_is_not_trained_on);
    tcase_add_test(sets, splits_share_no_sentence);
    tcase_add_test(sets, small_corpora_and_wrong_plans);
    suite_add_tcase(suite, sets);
    return suite;
}
