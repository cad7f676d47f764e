/* q6_cola as a user runs it: it learns, what it writes agrees with itself, a run that was killed
 * ends with the same tables, and what can go wrong says so. */
#define _GNU_SOURCE
#include "base/tsv.h"
#include "metric/classification.h"
#include "unit/q6_world.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

Suite *suite_q6_cola_run(void);

/* Learns what "not" means in a second. */
#define LEARN "--epochs=12 --rate=3e-3 --batch=8 --dropout=0 "

static Q6World world;

static void open_world(void) {
    q6_world_open(&world);
}

static void close_world(void) {
    q6_world_close(&world);
}

static void pause_for(long milliseconds) {
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static int is_there(const char *path) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", world.results, path);
    return access(whole, F_OK) == 0;
}

static void ck_err(const char *text) {
    ck_assert_msg(strstr(world.err, text) != NULL, "'%s' should say '%s'", world.err, text);
}

static Tsv *load(const char *path) {
    char whole[512];
    Tsv *tsv;
    snprintf(whole, sizeof whole, "%s/%s", world.results, path);
    ck_assert_msg(tsv_load(whole, &tsv) == STATUS_OK, "%s", status_message());
    return tsv;
}

static double number(const Tsv *tsv, int row, const char *column) {
    double value;
    int at = tsv_column(tsv, column);
    ck_assert_msg(at >= 0, "no column %s in %s", column, tsv->path);
    ck_assert_int_eq(tsv_number(tsv, row, at, &value), STATUS_OK);
    return value;
}

static const char *text(const Tsv *tsv, int row, const char *column) {
    return tsv_text(tsv, row, tsv_column(tsv, column));
}

/* --- it learns, and the tables agree --------------------------------------------------------- */

/* MCC of a seed on a split, from confusion_all.tsv. */
static double confusion_mcc(int seed, const char *split) {
    uint64_t count[2][2] = {{0}};
    Tsv *all = load("q6_tiny/confusion_all.tsv");
    for (int row = 0; row < all->rows; row++)
        if (number(all, row, "seed") == seed && strcmp(text(all, row, "split"), split) == 0)
            count[(int)number(all, row, "truth")][(int)number(all, row, "predicted")] =
                (uint64_t)number(all, row, "count");
    tsv_free(all);
    return classification_mcc_binary(count[1][1], count[0][1], count[1][0], count[0][0]);
}

static void check_scores(void) {
    static const char *const splits[] = {"train", "validation", "in_domain", "out_of_domain"};
    Tsv *seeds = load("q6_tiny/seeds.tsv");
    ck_assert_int_eq(seeds->rows, 8);
    for (int s = 0; s < 4; s++) {
        char name[96];
        double one = confusion_mcc(1, splits[s]), two = confusion_mcc(2, splits[s]);
        snprintf(name, sizeof name, "q6.tiny.%s.mcc.seed1", splits[s]);
        ck_assert_double_eq_tol(q6_world_fact(&world, "q6_tiny", name), one, 1e-9);
        snprintf(name, sizeof name, "q6.tiny.%s.mcc.mean", splits[s]);
        ck_assert_double_eq_tol(q6_world_fact(&world, "q6_tiny", name), (one + two) / 2, 1e-9);
        snprintf(name, sizeof name, "q6.tiny.%s.mcc.min", splits[s]);
        ck_assert_double_eq_tol(q6_world_fact(&world, "q6_tiny", name), fmin(one, two), 1e-9);
        snprintf(name, sizeof name, "q6.tiny.%s.mcc.median", splits[s]);
        ck_assert_double_eq_tol(q6_world_fact(&world, "q6_tiny", name), (one + two) / 2, 1e-9);
    }
    tsv_free(seeds);
}

/* predictions.tsv again gives the accuracy that the facts hold. */
static void check_predictions(void) {
    Tsv *predictions = load("q6_tiny/predictions.tsv");
    int right = 0, count = 0;
    for (int row = 0; row < predictions->rows; row++) {
        if (strcmp(text(predictions, row, "split"), "out_of_domain")) continue;
        int label = (int)number(predictions, row, "label");
        right += label == (number(predictions, row, "p_1") > .5);
        right += label == (number(predictions, row, "p_2") > .5);
        count += 2;
    }
    tsv_free(predictions);
    ck_assert_int_eq(count, 2 * Q6_WORLD_OUT_OF_DOMAIN);
    ck_assert_double_eq_tol(q6_world_fact(&world, "q6_tiny", "q6.tiny.out_of_domain.accuracy.mean"),
                            (double)right / count, 1e-9);
}

/* The chosen epoch is the first of those with the best validation MCC. */
static void check_selection(void) {
    Tsv *curve = load("q6_tiny/curve.tsv"), *seeds = load("q6_tiny/seeds.tsv");
    double best = -2, epoch = 0;
    for (int row = 0; row < curve->rows; row++) {
        if (number(curve, row, "seed") != 1 || strcmp(text(curve, row, "split"), "validation"))
            continue;
        if (number(curve, row, "mcc") > best)
            best = number(curve, row, "mcc"), epoch = number(curve, row, "epoch");
    }
    ck_assert_double_eq(number(seeds, 0, "chosen_epoch"), epoch);
    ck_assert_double_eq_tol(confusion_mcc(1, "validation"), best, 1e-5);
    tsv_free(curve);
    tsv_free(seeds);
}

START_TEST(it_learns_and_its_tables_agree) {
    ck_assert_msg(q6_world_run(&world, LEARN "--seeds=1,2", NULL) == 0, "%s", world.err);
    ck_assert_double_ge(q6_world_fact(&world, "q6_tiny", "q6.tiny.out_of_domain.mcc.min"), .9);
    check_scores();
    check_predictions();
    check_selection();
    Tsv *batches = load("q6_tiny/batches.tsv");
    ck_assert_int_eq(batches->rows, 2 * 12 * 23);
    tsv_free(batches);
    ck_assert_double_eq(q6_world_fact(&world, "q6_tiny", "q6.tiny.steps"), 12 * 23);
    ck_assert_double_eq(q6_world_fact(&world, "q6_tiny", "q6.tiny.constant.mcc"), 0);
    ck_assert(!is_there(".q6_tiny-work"));
    /* Every epoch is printed when it ends, the test set only after the last. */
    const char *last = strstr(world.out, "tiny, seed 1, epoch 12 of 12: validation loss");
    ck_assert_ptr_nonnull(last);
    ck_assert_ptr_nonnull(strstr(world.out, "tiny, seed 1, epoch 1 of 12: validation loss"));
    ck_assert_ptr_nonnull(strstr(last, "out_of_domain"));
    ck_assert_ptr_null(strstr(world.err, "out_of_domain"));
    ck_assert_ptr_nonnull(strstr(world.out, "[CLS]"));
    char *run = q6_world_read(&world, "q6_tiny/run.tsv");
    ck_assert_ptr_nonnull(strstr(run, "sha256.model.safetensors\t"));
    ck_assert_ptr_nonnull(strstr(run, "sha256.in_domain_train.tsv\t"));
    free(run);
}
END_TEST

START_TEST(the_control_and_the_tokenized_form_have_their_own_folders) {
    ck_assert_msg(q6_world_run(&world, "--epochs=1 --seed=1 --random-weights", NULL) == 0, "%s",
                  world.err);
    ck_assert(is_there("q6_tiny_control/facts.tsv"));
    ck_assert_msg(q6_world_run(&world, "--epochs=1 --seed=1 --form=tokenized", NULL) == 0, "%s",
                  world.err);
    ck_assert(is_there("q6_tiny_tokenized/facts.tsv"));
    ck_assert_msg(q6_world_run(&world, "--profile=quick", NULL) == 0, "%s", world.err);
    ck_assert(is_there("q6_cola/facts.tsv"));
}
END_TEST

/* --- interrupted ----------------------------------------------------------------------------- */

#define LONGER                                                                                     \
    "--epochs=6 --rate=1e-3 --batch=8 --seeds=1,2 --evaluations-per-epoch=3 --average=.9 "

START_TEST(killed_at_any_moment_it_ends_with_the_same_tables) {
    ck_assert_msg(q6_world_run(&world, LONGER, NULL) == 0, "%s", world.err);
    char *whole = q6_world_tables(&world, "q6_tiny");
    char line[512];
    snprintf(line, sizeof line, "rm -rf '%s'", world.results);
    ck_assert_int_eq(system(line), 0);
    int kills = 0, status = -1;
    for (long wait = 20; status != 0 && kills < 200; wait += 13) {
        pid_t child = q6_world_start(&world, LONGER, NULL);
        pause_for(wait);
        kill(child, SIGKILL);
        status = q6_world_wait(&world, child);
        ck_assert_msg(status <= 0, "%s", world.err);
        kills += status != 0;
        if (status != 0 && is_there("q6_tiny")) { /* killed between its results and its end */
            char *early = q6_world_tables(&world, "q6_tiny");
            ck_assert_str_eq(whole, early);
            free(early);
        }
    }
    ck_assert_int_eq(status, 0);
    ck_assert_int_ge(kills, 3);
    char *pieces = q6_world_tables(&world, "q6_tiny");
    ck_assert_msg(strcmp(whole, pieces) == 0, "%s\nafter %d kills:\n%s", whole, kills, pieces);
    free(whole);
    free(pieces);
    ck_assert(!is_there(".q6_tiny-work"));
}
END_TEST

static void wait_for(const char *path) {
    for (int i = 0; i < 2000 && !is_there(path); i++) pause_for(5);
    ck_assert_msg(is_there(path), "%s does not appear", path);
}

START_TEST(ctrl_c_says_how_to_go_on) {
    pid_t child = q6_world_start(&world, "--epochs=900 --seed=1", NULL);
    wait_for(".q6_tiny-work/seed-1-training.safetensors");
    kill(child, SIGINT);
    ck_assert_int_eq(q6_world_wait(&world, child), 130);
    ck_err("start it again with the same arguments");
    ck_assert(!is_there("q6_tiny"));
    ck_assert(is_there(".q6_tiny-work/seed-1-training.safetensors"));
    /* Another plan must not mix with it, nor remove it. */
    ck_assert_int_eq(q6_world_run(&world, "--epochs=1 --seed=1", NULL), 1);
    ck_err("'epochs 900' (asked: 'epochs 1')");
    ck_assert(is_there(".q6_tiny-work/seed-1-training.safetensors"));
}
END_TEST

START_TEST(two_at_once_do_not_mix) {
    pid_t child = q6_world_start(&world, "--epochs=900 --seed=1", NULL);
    wait_for(".q6_tiny-work/plan.txt");
    /* The second writes over what the first has printed; only the second is read. */
    ck_assert_int_eq(q6_world_run(&world, "--epochs=900 --seed=1", NULL), 1);
    ck_err("another q6_cola works here");
    kill(child, SIGKILL);
    q6_world_wait(&world, child);
}
END_TEST

/* --- what can go wrong ----------------------------------------------------------------------- */

START_TEST(mistakes_are_named) {
    char flags[400];
    ck_assert_int_eq(q6_world_run(&world, "--model=/nowhere", NULL), 1);
    ck_err("/nowhere/config.json: No such file");
    ck_err("make data");
    snprintf(flags, sizeof flags, "--seed=1 --export=%s", world.model);
    ck_assert_int_eq(q6_world_run(&world, flags, NULL), 1);
    ck_err("the folder of the model itself");
    ck_assert_int_eq(q6_world_run(&world, "--seed=1 --export=/nowhere/x", NULL), 1);
    ck_err("--export=/nowhere/x");
    snprintf(flags, sizeof flags, "echo broken > %s/raw/in_domain_dev.tsv", world.data);
    ck_assert_int_eq(system(flags), 0);
    ck_assert_int_eq(q6_world_run(&world, "--seed=1 --name=other", NULL), 1);
    ck_err("in_domain_dev.tsv:1");
    ck_assert(!is_there("q6_other"));
    ck_assert(!is_there(".q6_other-work"));
}
END_TEST

/* --- export and classify --------------------------------------------------------------------- */

START_TEST(the_exported_model_answers_as_the_trained_one) {
    char flags[600], classify[400], input[1 << 14], line[512];
    snprintf(flags, sizeof flags, LEARN "--seeds=1,2 --export=%s/mine", world.folder);
    ck_assert_msg(q6_world_run(&world, flags, NULL) == 0, "%s", world.err);
    Tsv *predictions = load("q6_tiny/predictions.tsv");
    /* The sentences of out_of_domain_dev, in their order. */
    snprintf(line, sizeof line, "%s/raw/out_of_domain_dev.tsv", world.data);
    FILE *file = fopen(line, "r");
    size_t used = 0;
    while (fgets(line, sizeof line, file))
        used += (size_t)snprintf(input + used, sizeof input - used, "%s", strrchr(line, '\t') + 1);
    fclose(file);
    snprintf(classify, sizeof classify, "classify --model=%s/mine", world.folder);
    ck_assert_msg(q6_world_run(&world, classify, input) == 0, "%s", world.err);
    const char *at = world.out;
    int compared = 0;
    for (int row = 0; row < predictions->rows; row++) {
        if (strcmp(text(predictions, row, "split"), "out_of_domain")) continue;
        ck_assert_double_eq_tol(strtod(at, NULL), number(predictions, row, "p_2"), 2e-4);
        at = strchr(at, '\n') + 1;
        compared++;
    }
    ck_assert_int_eq(compared, Q6_WORLD_OUT_OF_DOMAIN);
    ck_assert_int_eq(*at, 0);
    tsv_free(predictions);
}
END_TEST

/* The tiny model itself holds a classifier. */
START_TEST(every_line_is_answered_by_one_line) {
    ck_assert_int_eq(q6_world_run(&world, "classify", "the cat sees .\n\n\xff\xfe oops\nno end"),
                     1);
    ck_err("line 3: ");
    int lines = 0;
    for (const char *c = world.out; *c; c++) lines += *c == '\n';
    ck_assert_int_eq(lines, 4);
    ck_assert_ptr_nonnull(strstr(world.out, "\tthe cat sees .\n\n\n"));
    ck_assert_ptr_nonnull(strstr(world.out, "\tno end\n"));

    char *many = malloc(100002);
    memset(many, 'a', 100000);
    for (int i = 0; i < 100000; i += 2) many[i] = ' ';
    memcpy(many + 100000, "\n", 2);
    ck_assert_msg(q6_world_run(&world, "classify", many) == 0, "%s", world.err);
    free(many);
    ck_err("cut to 40");
    ck_assert_int_eq(q6_world_run(&world, "classify", ""), 0);
    ck_assert_str_eq(world.out, "");
    ck_assert_int_eq(q6_world_run(&world, "classify --model=/nowhere", ""), 1);
    ck_err("/nowhere");
}
END_TEST

START_TEST(weights_of_a_finished_seed_cannot_be_exported_later) {
    char flags[600];
    pid_t child = q6_world_start(&world, "--epochs=2 --seeds=1,2", NULL);
    wait_for(".q6_tiny-work/seed-1.safetensors");
    kill(child, SIGKILL);
    q6_world_wait(&world, child);
    if (is_there("q6_tiny")) return; /* it was faster */
    snprintf(flags, sizeof flags, "--epochs=2 --seeds=1 --export=%s/mine", world.folder);
    ck_assert_int_eq(q6_world_run(&world, flags, NULL), 1);
    ck_err("leave --export out, or remove");
}
END_TEST

Suite *suite_q6_cola_run(void) {
    Suite *suite = suite_create("q6_cola_run");
    TCase *tcase = tcase_create("run");
    tcase_add_checked_fixture(tcase, open_world, close_world);
    tcase_add_test(tcase, it_learns_and_its_tables_agree);
    tcase_add_test(tcase, the_control_and_the_tokenized_form_have_their_own_folders);
    tcase_add_test(tcase, killed_at_any_moment_it_ends_with_the_same_tables);
    tcase_add_test(tcase, ctrl_c_says_how_to_go_on);
    tcase_add_test(tcase, two_at_once_do_not_mix);
    tcase_add_test(tcase, mistakes_are_named);
    tcase_add_test(tcase, the_exported_model_answers_as_the_trained_one);
    tcase_add_test(tcase, every_line_is_answered_by_one_line);
    tcase_add_test(tcase, weights_of_a_finished_seed_cannot_be_exported_later);
    suite_add_tcase(suite, tcase);
    return suite;
}
