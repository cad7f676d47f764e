/* reorder_sets (reorder_data.h, reorder_words.h): tables written and read back, shuffles that are
 * fair and never the right order, ids by frequency, and what is no such table refused. */
#define _POSIX_C_SOURCE 200809L
#include "data/reorder_data.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_reorder_sets(void);

static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-reorder-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(line), 0);
}

static const char *write_file(const char *name, const char *text, size_t size) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static void add(ReorderData *data, ReorderSet *set, const char *sentence, uint64_t seed) {
    uint32_t id[64];
    int length = 0;
    for (const char *at = sentence; *at; length++) {
        size_t size = strcspn(at, " ");
        ck_assert_int_eq(reorder_words_add(&data->words, at, size, &id[length]), STATUS_OK);
        at += size + (at[size] == ' ');
    }
    ck_assert_int_eq(reorder_set_add(set, &data->words, id, length, seed), STATUS_OK);
}

START_TEST(words_are_kept_once) {
    ReorderWords words = {0};
    char text[16];
    uint32_t id;
    ck_assert_uint_eq(reorder_words_find(&words, "w1", 2), REORDER_NONE);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            int size = snprintf(text, sizeof text, "w%d", i);
            ck_assert_int_eq(reorder_words_add(&words, text, (size_t)size, &id), STATUS_OK);
            ck_assert_uint_eq(id, (uint32_t)i);
            words.occurrences[id] += (uint32_t)(i % 7);
        }
    ck_assert_uint_eq(words.count, 5000);
    ck_assert_uint_eq(reorder_words_find(&words, "w12", 3), 12);
    ck_assert_uint_eq(reorder_words_find(&words, "w12", 2), 1);
    ck_assert_uint_eq(reorder_words_find(&words, "w5000", 5), REORDER_NONE);
    uint32_t *renamed = malloc(5000 * sizeof *renamed);
    ck_assert_int_eq(reorder_words_rank(&words, renamed), STATUS_OK);
    ck_assert_uint_eq(words.occurrences[0], 12);
    ck_assert_str_eq(reorder_words_text(&words, 0), "w1000"); /* the first by bytes of those */
    for (uint32_t i = 1; i < 5000; i++)
        ck_assert_uint_ge(words.occurrences[i - 1], words.occurrences[i]);
    ck_assert_uint_eq(reorder_words_find(&words, "w12", 3), renamed[12]);
    ck_assert_str_eq(reorder_words_text(&words, renamed[4999]), "w4999");
    free(renamed);
    reorder_words_free(&words);
}
END_TEST

/* Three words of which two are the same have three orders; two of them are drawn, evenly. */
START_TEST(a_shuffle_is_fair_and_never_the_right_order) {
    const uint32_t word[3] = {7, 7, 9};
    int counts[3] = {0};
    for (uint64_t stream = 0; stream < 4000; stream++) {
        uint32_t out[3];
        reorder_shuffle(word, 3, 1, stream * 7919, out);
        ck_assert_uint_eq(out[0] + out[1] + out[2], 23);
        for (int i = 0; i < 3; i++) counts[i] += out[i] == 9;
    }
    ck_assert_int_eq(counts[2], 0);
    ck_assert_int_eq(counts[0] + counts[1], 4000);
    ck_assert_int_lt(abs(counts[0] - 2000), 150);
    uint32_t one = 5, out[4];
    const uint32_t same[4] = {3, 3, 3, 3};
    reorder_shuffle(&one, 1, 1, 1, out);
    ck_assert_uint_eq(out[0], 5);
    reorder_shuffle(same, 4, 1, 1, out);
    ck_assert_mem_eq(out, same, sizeof same);
}
END_TEST

START_TEST(a_set_is_what_was_written) {
    ReorderData data = {0}, again;
    ReorderSet *train = reorder_data_add(&data, "train");
    add(&data, train, "من کتاب را خواندم", 1);
    add(&data, train, "او کتاب را به من داد", 1);
    ReorderSet *test = reorder_data_add(&data, "test");
    add(&data, test, "ما نامه‌ها را به او دادیم", 1);
    ck_assert_int_eq(reorder_data_rank(&data), STATUS_OK);
    ck_assert_msg(reorder_data_save(&data, folder) == STATUS_OK, "%s", status_message());
    ck_assert_msg(reorder_data_load(folder, &again) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(again.sets, 2);
    ck_assert_uint_eq(again.words.count, data.words.count);
    for (size_t s = 0; s < 2; s++) {
        ck_assert_uint_eq(again.set[s].sentences, data.set[s].sentences);
        ck_assert_uint_eq(again.set[s].words, data.set[s].words);
        ck_assert_mem_eq(again.set[s].word, data.set[s].word, data.set[s].words * 4);
        ck_assert_mem_eq(again.set[s].shuffled, data.set[s].shuffled, data.set[s].words * 4);
    }
    /* The most frequent words have the lowest ids; what training never shows has no occurrence. */
    uint32_t book = reorder_words_find(&again.words, "کتاب", strlen("کتاب"));
    uint32_t we = reorder_words_find(&again.words, "ما", strlen("ما"));
    ck_assert_uint_lt(book, 3);
    ck_assert_uint_eq(again.words.occurrences[book], 2);
    ck_assert_uint_eq(again.words.occurrences[we], 0);
    ck_assert_ptr_null(reorder_data_set(&again, "validation"));
    ck_assert_int_eq(reorder_length(reorder_data_set(&again, "train"), 1), 6);
    reorder_data_free(&data);
    reorder_data_free(&again);
}
END_TEST

START_TEST(the_shuffle_depends_on_seed_and_sentence_alone) {
    ReorderData data = {0};
    ReorderSet *a = reorder_data_add(&data, "a"), *b = reorder_data_add(&data, "b");
    ReorderSet *c = reorder_data_add(&data, "c");
    add(&data, a, "یک دو سه چهار پنج شش هفت هشت نه ده", 3);
    add(&data, b, "چیز دیگری پیش از آن", 3);
    add(&data, b, "یک دو سه چهار پنج شش هفت هشت نه ده", 3);
    add(&data, c, "یک دو سه چهار پنج شش هفت هشت نه ده", 4);
    ck_assert_mem_eq(reorder_shuffled_of(a, 0), reorder_shuffled_of(b, 1), 40);
    ck_assert_mem_ne(reorder_shuffled_of(a, 0), reorder_shuffled_of(c, 0), 40);
    reorder_data_free(&data);
}
END_TEST

START_TEST(a_folder_must_be_whole) {
    ReorderData data;
    ck_assert_int_eq(reorder_data_load(folder, &data), STATUS_IO);
    static const char two[] = "set\tsentences\twords\ntest\t2\t8\n",
                      one[] = "shuffled\tordered\na b\tb a\n";
    write_file("sets.tsv", two, sizeof two - 1);
    ck_assert_int_eq(reorder_data_load(folder, &data), STATUS_IO);
    write_file("test.tsv", one, sizeof one - 1);
    ck_assert_int_eq(reorder_data_load(folder, &data), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "found 1 sentences"), "%s", status_message());
    static const char list[] = "set\tsentences\twords\ntest\t1\t2\n";
    write_file("sets.tsv", list, sizeof list - 1);
    ck_assert_int_eq(reorder_data_load(folder, &data), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "expected a set 'train'"), "%s", status_message());
    static const char outside[] = "set\tsentences\twords\n../test\t1\t2\n";
    write_file("sets.tsv", outside, sizeof outside - 1);
    ck_assert_int_eq(reorder_data_load(folder, &data), STATUS_FORMAT);
}
END_TEST

#define HEAD "shuffled\tordered\n"
static const struct {
    const char *text, *says;
} refused[] = {
    {"", "t.tsv: the file is empty"},
    {"ordered\tshuffled\n", "t.tsv:1: found 'ordered\tshuffled'; expected the column names"},
    {HEAD "a b\n", "t.tsv:2: found no tab"},
    {HEAD "a\ta\ta\n", "t.tsv:2: found more than one tab"},
    {HEAD "a b\tb a\n\ta\n", "t.tsv:3: found an empty column"},
    {HEAD "a  b\tb a\n", "t.tsv:2: found two spaces"},
    {HEAD "a b\tb a \n", "t.tsv:2: found two spaces in a row, or one at an end"},
    {HEAD "a b\tb b\n", "t.tsv:2: the column 'shuffled' (2 words) is no rearrangement"},
    {HEAD "a b c\tb a\n", "is no rearrangement of 'ordered' (2 words)"},
    {HEAD "a \xC3\tb a\n", "t.tsv:2: found byte 0xc3 at offset 19, which is not UTF-8"},
};

START_TEST(what_is_no_table_is_refused) {
    const char *path = write_file("t.tsv", refused[_i].text, strlen(refused[_i].text));
    ReorderSet set = {.name = "t"};
    ReorderWords words = {0};
    ck_assert_int_eq(reorder_set_read(&set, &words, path), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), refused[_i].says), "'%s' should say '%s'",
                  status_message(), refused[_i].says);
    reorder_set_free(&set);
    reorder_words_free(&words);
}
END_TEST

START_TEST(a_table_of_a_spreadsheet_is_read) {
    static const char text[] = "shuffled\tordered\r\nb a a\ta b a\r\nx\tx";
    const char *path = write_file("t.tsv", text, sizeof text - 1);
    ReorderSet set = {.name = "t"};
    ReorderWords words = {0};
    ck_assert_msg(reorder_set_read(&set, &words, path) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(set.sentences, 2);
    ck_assert_uint_eq(words.count, 3);
    const uint32_t expected[4] = {0, 1, 1, 2};
    ck_assert_mem_eq(set.shuffled, expected, sizeof expected);
    ck_assert_int_eq(reorder_set_write(&set, &words, "/nowhere/t.tsv"), STATUS_IO);
    reorder_set_free(&set);
    reorder_words_free(&words);
}
END_TEST

Suite *suite_reorder_sets(void) {
    Suite *suite = suite_create("reorder_sets");
    TCase *tcase = tcase_create("sets");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, words_are_kept_once);
    tcase_add_test(tcase, a_shuffle_is_fair_and_never_the_right_order);
    tcase_add_test(tcase, a_set_is_what_was_written);
    tcase_add_test(tcase, the_shuffle_depends_on_seed_and_sentence_alone);
    tcase_add_test(tcase, a_folder_must_be_whole);
    tcase_add_loop_test(tcase, what_is_no_table_is_refused, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tcase, a_table_of_a_spreadsheet_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
