/* q5_scaling: moments halve, subsets are nested and know nothing but themselves, and a run that was
 * killed between two moments ends with the numbers of one that was not. */
#define _GNU_SOURCE
#include "model/reorderer_parts.h"
#include "q5_scaling.h"
#include "unit/q5_world.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *suite_q5_scaling(void);

static const Q5WorldSet sets[] = {{"train", 300}, {"perdt_dev", 12}, {"perdt_test", 12}};
enum { SETS = sizeof sets / sizeof *sets };

START_TEST(moments_halve_and_share_a_trunk) {
    const ScalingPlan plan = {.steps = 1600, .moments = 4, .fall = .2};
    ck_assert_int_eq(scaling_moment(&plan, 0), 200);
    ck_assert_int_eq(scaling_moment(&plan, 3), 1600);
    ck_assert_int_eq(scaling_fall(&plan, 0), 40);
    /* a trunk of 1280 steps, falls of 40, 80, 160 and 320 */
    ck_assert_int_eq(scaling_steps(&plan), 1880);
    const ScalingPlan none = {.steps = 8, .moments = 1, .fall = 0};
    ck_assert_int_eq(scaling_fall(&none, 0), 1);
    ck_assert_int_eq(scaling_steps(&none), 8);
}
END_TEST

static int holds(const Q5Part *part, uint32_t sentence) {
    for (size_t i = 0; i < part->count; i++)
        if (part->sentence[i] == sentence) return 1;
    return 0;
}

START_TEST(subsets_are_nested_by_seed) {
    static Q5Sentences all;
    Q5Sentences small, large, other;
    ReordererConfig shape = reorderer_config_default();
    q5_world_data(&all.data, sets, SETS);
    ck_assert_int_eq(q5_part_open(&all.train, reorder_data_set(&all.data, "train"), 4, 15, 1000),
                     STATUS_OK);
    ck_assert_int_eq(scaling_subset_open(&small, &all, &shape, 40, 7), STATUS_OK);
    ck_assert_int_eq(scaling_subset_open(&large, &all, &shape, 160, 7), STATUS_OK);
    ck_assert_int_eq(scaling_subset_open(&other, &all, &shape, 40, 8), STATUS_OK);
    ck_assert_uint_eq(small.train.count, 40);
    ck_assert_uint_eq(large.distinct, 160);
    int shared = 0;
    size_t words = 0;
    for (size_t i = 0; i < 40; i++) {
        ck_assert(holds(&large.train, small.train.sentence[i]));
        shared += holds(&other.train, small.train.sentence[i]);
        words += (size_t)reorder_length(all.train.set, small.train.sentence[i]);
    }
    ck_assert_int_lt(shared, 40); /* another seed, another subset */
    ck_assert_uint_eq(small.train.words, words);
    scaling_subset_close(&small), scaling_subset_close(&large), scaling_subset_close(&other);
    q5_part_close(&all.train);
    reorder_data_free(&all.data);
}
END_TEST

START_TEST(words_are_known_by_what_the_subset_shows) {
    static Q5Sentences all;
    Q5Sentences subset;
    ReordererConfig shape = reorderer_config_default();
    shape.words = 6;
    q5_world_data(&all.data, sets, SETS);
    ck_assert_int_eq(q5_part_open(&all.train, reorder_data_set(&all.data, "train"), 4, 15, 1000),
                     STATUS_OK);
    ck_assert_int_eq(scaling_subset_open(&subset, &all, &shape, 8, 1), STATUS_OK);
    const size_t count = all.data.words.count;
    unsigned *seen = calloc(count, sizeof *seen);
    ck_assert_ptr_nonnull(seen);
    for (size_t i = 0; i < subset.train.count; i++) {
        const uint32_t s = subset.train.sentence[i];
        for (int t = 0; t < reorder_length(all.train.set, s); t++)
            seen[reorder_words_of(all.train.set, s)[t]]++;
    }
    size_t own = 0;
    unsigned least = 1000, most_of_others = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t row = subset.feature[i * REORDERER_FEATURES];
        if (row == REORDERER_OTHER) {
            if (seen[i] > most_of_others) most_of_others = seen[i];
            continue;
        }
        own++;
        ck_assert_uint_ge(seen[i], 2);
        if (seen[i] < least) least = seen[i];
    }
    ck_assert_uint_eq(own, subset.known);
    ck_assert_uint_eq(own, 6);
    ck_assert_uint_ge(least, most_of_others); /* the most frequent have vectors of their own */
    free(seen);
    scaling_subset_close(&subset);
    q5_part_close(&all.train);
    reorder_data_free(&all.data);
}
END_TEST

/* --- the program ------------------------------------------------------------------------------ */

static void open_world(void) {
    q5_world_open(sets, SETS);
}

static pid_t start(const char *results) {
    char flags[256];
    snprintf(flags, sizeof flags,
             "--data=data --results=%s --sizes=60 --steps=64 --batch=10 --width=16 --words=40 "
             "--beam=2 --ngram-beam=8 --rate=5e-3 --processes=1",
             results);
    return q5_world_start("q5_scaling", flags, scaling_main);
}

static Tsv *load(const char *results, const char *table) {
    char path[128];
    snprintf(path, sizeof path, "%s/q5_scaling_quick/%s", results, table);
    return q5_world_table(path);
}

static void kill_between_moments(void) {
    struct timespec pause = {0, 500 * 1000};
    pid_t child = start("two");
    for (int tries = 0; tries < 20000; tries++) {
        char command[320];
        snprintf(command, sizeof command, "ls %s >/dev/null 2>&1",
                 q5_world_path("two/.q5_scaling_quick-work/cell-*trunk1"));
        if (system(command) == 0) break;
        nanosleep(&pause, NULL);
    }
    kill(child, SIGKILL);
    ck_assert_int_eq(q5_world_wait(child), -SIGKILL); /* it was not done yet */
}

/* Every cell but those that are times. */
static void ck_same_table(const char *table) {
    Tsv *one = load("one", table), *two = load("two", table);
    ck_assert_int_gt(one->rows, 0);
    ck_assert_int_eq(one->rows, two->rows);
    for (int row = 0; row < one->rows; row++)
        for (int column = 0; column < one->columns; column++)
            if (strcmp(one->names[column], "seconds") != 0)
                ck_assert_str_eq(tsv_text(one, row, column), tsv_text(two, row, column));
    tsv_free(one), tsv_free(two);
}

START_TEST(it_learns_and_a_killed_run_ends_with_the_same_tables) {
    double tau;
    ck_assert_int_eq(q5_world_wait(start("one")), 0);
    kill_between_moments();
    ck_assert_int_eq(q5_world_wait(start("two")), 0);
    ck_same_table("sizes"), ck_same_table("moments"), ck_same_table("curve");
    Tsv *sizes = load("one", "sizes");
    for (int row = 0; row < sizes->rows; row++)
        if (strcmp(tsv_text(sizes, row, 1), "pointer") == 0) {
            ck_assert_int_eq(tsv_number(sizes, row, 10, &tau), STATUS_OK);
            ck_assert_double_gt(tau, .6);
        }
    tsv_free(sizes);
}
END_TEST

Suite *suite_q5_scaling(void) {
    Suite *suite = suite_create("q5_scaling");
    TCase *parts = tcase_create("parts"), *runs = tcase_create("runs");
    tcase_add_test(parts, moments_halve_and_share_a_trunk);
    tcase_add_test(parts, subsets_are_nested_by_seed);
    tcase_add_test(parts, words_are_known_by_what_the_subset_shows);
    tcase_add_checked_fixture(runs, open_world, q5_world_close);
    tcase_set_timeout(runs, 60);
    tcase_add_test(runs, it_learns_and_a_killed_run_ends_with_the_same_tables);
    suite_add_tcase(suite, parts), suite_add_tcase(suite, runs);
    return suite;
}
