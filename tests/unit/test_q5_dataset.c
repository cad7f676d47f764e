/* q5_dataset: the driver of question 5's data on a small world: a treebank, a text of the user's,
 * tables that add up, answers whose measures can be counted. */
#define _POSIX_C_SOURCE 200809L
#include "base/tsv.h"
#include "q5_data.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q5_dataset(void);

static char folder[64];
static Q5Data data;

static void shell(const char *line) {
    char whole[512];
    snprintf(whole, sizeof whole, line, folder);
    ck_assert_int_eq(system(whole), 0);
}

static FILE *create(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

/* PerDT: forty sentences for training, two of them those of the test part; a text of the user's of
 * fifty documents. */
static void make_world(void) {
    static const char *const who[] = {"علی", "مریم", "رضا", "سارا", "استاد", "پزشک", "همسایه"};
    static const char *const what[] = {"کتاب", "نامه", "خانه", "ماشین", "میوه"};
    memset(&data, 0, sizeof data);
    strcpy(folder, "/tmp/tamrin-q5-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* what is missing is said there */
    shell("mkdir -p %s/persian/gold/perdt");
    FILE *train = create("persian/gold/perdt/fa_perdt-ud-train.txt");
    for (int i = 0; i < 40; i++)
        fprintf(train, "%s دیروز %s را برای %s خرید و آورد.\n", who[i % 7], what[i % 5],
                who[(i / 5 + 3) % 7]);
    fclose(train);
    FILE *test = create("persian/gold/perdt/fa_perdt-ud-test.conllu");
    for (int i = 0; i < 2; i++) {
        const char *words[] = {who[i], "دیروز", what[i], "را", "برای", who[3], "خرید", "و", "آورد"};
        for (int w = 0; w < 9; w++)
            fprintf(test, "%d\t%s\t_\tX\t_\t_\t0\t_\t_\t_\n", w + 1, words[w]);
        fprintf(test, "10\t.\t_\tPUNCT\t_\t_\t0\t_\t_\t_\n\n");
    }
    fclose(test);
    FILE *text = create("own.txt");
    for (int d = 0; d < 50; d++)
        fprintf(text, "سند شمارهٔ %d\nدر سال %d %s به شهر دیگری رفت. این را %s در %d نوشته بود.\n\n",
                d, 1300 + d, who[d % 7], who[d % 6], 2 * d);
    fclose(text);
}

static void remove_world(void) {
    q5_data_free(&data);
    shell("rm -rf '%s'");
}

static void run(const char *more) {
    static char where[3][128], text[128]; /* the plan points into them */
    snprintf(where[0], sizeof where[0], "--data=%s", folder);
    snprintf(where[1], sizeof where[1], "--output=%s/sets", folder);
    snprintf(where[2], sizeof where[2], "--results=%s/results", folder);
    snprintf(text, sizeof text, "--text=%s/own.txt", folder);
    char *argv[] = {"q5_data", where[0], where[1], where[2], text, (char *)more, NULL};
    int argc = more ? 6 : 5;
    ck_assert_int_eq(q5_data_parse(&data.plan, argc, argv), -1);
    Results *results;
    ck_assert_int_eq(results_open(&results, data.plan.results, data.plan.experiment, argc, argv),
                     STATUS_OK);
    ck_assert_msg(q5_data_build(&data) == STATUS_OK, "%s", status_message());
    ck_assert_msg(q5_data_report(&data, results) == STATUS_OK, "%s", status_message());
    ck_assert_msg(results_commit(results) == STATUS_OK, "%s", status_message());
}

static Tsv *table_of(const char *name) {
    char path[512];
    Tsv *table;
    snprintf(path, sizeof path, "%s/results/%s/%s.tsv", folder, data.plan.experiment, name);
    ck_assert_msg(tsv_load(path, &table) == STATUS_OK, "%s", status_message());
    return table;
}

static double fact_of(const char *name) {
    Tsv *facts = table_of("facts");
    double value;
    int row = tsv_find(facts, 0, name);
    ck_assert_msg(row >= 0, "no fact %s", name);
    ck_assert_int_eq(tsv_number(facts, row, 1, &value), STATUS_OK);
    tsv_free(facts);
    return value;
}

START_TEST(every_sentence_is_accounted_for) {
    run(NULL);
    ck_assert_str_eq(data.plan.experiment, "q5_data_quick");
    ck_assert_int_eq(data.sources, 3);
    Tsv *corpora = table_of("corpora");
    ck_assert_int_eq(corpora->rows, 3);
    for (int row = 0; row < corpora->rows; row++) {
        double good, repeated, near, part[3], sum;
        ck_assert_int_eq(tsv_number(corpora, row, tsv_column(corpora, "good"), &good), STATUS_OK);
        tsv_number(corpora, row, tsv_column(corpora, "repeated"), &repeated);
        tsv_number(corpora, row, tsv_column(corpora, "near"), &near);
        tsv_number(corpora, row, tsv_column(corpora, "train"), &part[0]);
        tsv_number(corpora, row, tsv_column(corpora, "validation"), &part[1]);
        tsv_number(corpora, row, tsv_column(corpora, "test"), &part[2]);
        sum = repeated + near + part[0] + part[1] + part[2];
        ck_assert_double_eq(good, sum);
    }
    tsv_free(corpora);
    double found = fact_of("q5.quick.data.sentences.found"), dropped = 0;
    for (int f = 0; f < PERSIAN_FILTERS; f++) {
        char name[64];
        snprintf(name, sizeof name, "q5.quick.data.filter.%s",
                 persian_filter_name((PersianFilter)f));
        dropped += fact_of(name);
    }
    ck_assert_double_eq(found, dropped + fact_of("q5.quick.data.sentences.good"));
    ck_assert_double_eq(fact_of("q5.quick.data.filter.no_end"), 50); /* the headings */
    ck_assert_double_eq(fact_of("q5.quick.data.perdt_test.sentences"), 2);
    /* The two test sentences stand in the training part, once or more, and go. */
    ck_assert_double_ge(fact_of("q5.quick.data.near.perdt_test.perdt_train"), 2);
    ck_assert_double_eq(fact_of("q5.quick.data.train.unseen_words"), 0);
}
END_TEST

START_TEST(the_sets_on_disk_are_those_in_memory) {
    run("--profile=full");
    ck_assert_str_eq(data.plan.experiment, "q5_data");
    ReorderData again;
    ck_assert_msg(reorder_data_load(data.plan.output, &again) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(again.sets, data.data.sets);
    ck_assert_uint_eq(again.words.count, data.data.words.count);
    for (size_t s = 0; s < again.sets; s++) {
        ck_assert_uint_eq(again.set[s].words, data.data.set[s].words);
        ck_assert_mem_eq(again.set[s].word, data.data.set[s].word, 4 * again.set[s].words);
        ck_assert_mem_eq(again.set[s].shuffled, data.data.set[s].shuffled, 4 * again.set[s].words);
    }
    const ReorderSet *train = reorder_data_set(&again, "train");
    ck_assert_uint_gt(train->sentences, 50);
    for (size_t s = 0; s < train->sentences; s++)
        ck_assert_mem_ne(reorder_words_of(train, s), reorder_shuffled_of(train, s),
                         4 * (size_t)reorder_length(train, s));
    reorder_data_free(&again);
}
END_TEST

START_TEST(probes_score_what_can_be_counted) {
    run(NULL);
    /* Nine different words each: the first to the end turns 8 of 36 pairs, reversed turns all. */
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.swap.tau"), 1 - 2 / 36., 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.swap.position"), 7 / 9., 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.rotate.tau"), 1 - 16 / 36., 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.rotate.substring"), 8 / 9., 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.halves.tau"), 1 - 40 / 36., 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.reversed.tau"), -1, 1e-6);
    ck_assert_double_eq_tol(fact_of("q5.quick.data.probe.reversed.position"), 1 / 9., 1e-6);
    ck_assert_double_eq(fact_of("q5.quick.data.probe.random.exact"), 0);
}
END_TEST

START_TEST(examples_are_rows_of_the_sets) {
    run(NULL);
    Tsv *examples = table_of("examples");
    ck_assert_int_ge(examples->rows, 2);
    for (int row = 0; row < examples->rows; row++) {
        ck_assert_uint_eq(strlen(tsv_text(examples, row, 1)), strlen(tsv_text(examples, row, 2)));
        ck_assert_str_ne(tsv_text(examples, row, 1), tsv_text(examples, row, 2));
    }
    tsv_free(examples);
}
END_TEST

START_TEST(what_is_missing_or_broken_is_an_error) {
    char *nothing[] = {"q5_data", "--data=/nowhere", NULL};
    ck_assert_int_eq(q5_data_parse(&data.plan, 2, nothing), -1);
    ck_assert_int_eq(q5_data_build(&data), STATUS_IO);
    ck_assert_msg(strstr(status_message(), "/nowhere holds no Persian text"), "%s",
                  status_message());
    shell("printf 'a\\377\\n' >%s/bad.txt");
    char text[128];
    snprintf(text, sizeof text, "--text=%s/bad.txt", folder);
    char *bad[] = {"q5_data", "--data=/nowhere", text, NULL};
    memset(&data, 0, sizeof data);
    ck_assert_int_eq(q5_data_parse(&data.plan, 3, bad), -1);
    ck_assert_int_eq(q5_data_build(&data), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "bad.txt:1: found byte 0xff"), "%s", status_message());
    char *wrong[] = {"q5_data", "--test=2", NULL};
    ck_assert_int_eq(q5_data_parse(&data.plan, 2, wrong), 2);
}
END_TEST

Suite *suite_q5_dataset(void) {
    Suite *suite = suite_create("q5_dataset");
    TCase *tcase = tcase_create("driver");
    tcase_add_checked_fixture(tcase, make_world, remove_world);
    tcase_add_test(tcase, every_sentence_is_accounted_for);
    tcase_add_test(tcase, the_sets_on_disk_are_those_in_memory);
    tcase_add_test(tcase, probes_score_what_can_be_counted);
    tcase_add_test(tcase, examples_are_rows_of_the_sets);
    tcase_add_test(tcase, what_is_missing_or_broken_is_an_error);
    suite_add_tcase(suite, tcase);
    return suite;
}
