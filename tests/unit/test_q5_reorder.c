/* q5_reorder as a user runs it, on a language whose words stand in ascending order: it learns, what
 * it writes agrees with itself, a run that was killed ends with the same tables, the filter answers
 * line by line, and what can go wrong says so. */
#define _GNU_SOURCE
#include "q5_reorder.h"
#include "unit/q5_world.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

Suite *suite_q5_reorder(void);

#define SMALL                                                                                      \
    "--width=16 --heads=2 --feed-forward=32 --encoder-layers=1 --decoder-layers=1 --words=40 "     \
    "--affixes=40 --batch=20 --rate=5e-3 --precision=f32 --threads=1 --held-out=10 "
#define LEARN SMALL "--steps=150 "

static void open_world(void) {
    static const Q5WorldSet sets[] = {
        {"train", 400}, {"perdt_dev", 20}, {"perdt_test", 30}, {"test_a", 15}};
    q5_world_open(sets, sizeof sets / sizeof *sets);
}

static pid_t start(const char *flags, int (*run)(int, char **)) {
    return q5_world_start("q5_reorder", flags, run);
}

static void ck_run(const char *flags) {
    char err[4096];
    const int status = q5_world_wait(start(flags, q5_reorder_run));
    ck_assert_msg(status == 0, "%d: %s", status, q5_world_read("err", err, sizeof err));
}

static const char *experiment = "q5_reorder_quick";

static Tsv *load(const char *results, const char *table) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s/%s", results, experiment, table);
    return q5_world_table(path);
}

static double fact(const char *results, const char *name) {
    Tsv *tsv = load(results, "facts");
    double value = NAN;
    for (int row = 0; row < tsv->rows; row++)
        if (strcmp(tsv_text(tsv, row, 0), name) == 0)
            ck_assert_int_eq(tsv_number(tsv, row, 1, &value), STATUS_OK);
    tsv_free(tsv);
    ck_assert_msg(!isnan(value), "no fact %s", name);
    return value;
}

START_TEST(it_learns_and_its_tables_agree) {
    ck_run(LEARN "--data=data --results=one --model=model.safetensors");
    ck_assert_double_gt(fact("one", "q5.quick.perdt_test.pointer.tau"), .9);
    ck_assert_double_gt(fact("one", "q5.quick.test_a.pointer.tau"), .9);
    ck_assert_double_gt(fact("one", "q5.quick.perdt_test.kn3.tau"), .7);
    ck_assert_double_lt(fact("one", "q5.quick.perdt_test.chance.tau"), .4);
    ck_assert_double_lt(fact("one", "q5.quick.dev.loss"),
                        .6 * fact("one", "q5.quick.dev.before.loss"));
    ck_assert_double_eq(fact("one", "q5.quick.training.sentences"), 400);

    /* What was right before an answer is right in it: samples are those of the test part. */
    Tsv *samples = load("one", "samples");
    ck_assert_int_eq(samples->rows, 4 * Q5_SAMPLES);
    for (int row = 0; row < samples->rows; row++) {
        static const char *const what[] = {"input", "before", "after", "truth"};
        ck_assert_str_eq(tsv_text(samples, row, 1), what[row % 4]);
        ck_assert_uint_eq(strlen(tsv_text(samples, row, 2)),
                          strlen(tsv_text(samples, row - row % 4, 2)));
    }
    tsv_free(samples);

    /* Every word of the test part is somewhere in its confusion matrix, the diagonal is the share
     * of positions. */
    Tsv *confusion = load("one", "confusion_test");
    double all = 0, diagonal = 0, count;
    for (int row = 0; row < confusion->rows; row++) {
        ck_assert_int_eq(tsv_number(confusion, row, 2, &count), STATUS_OK);
        all += count;
        if (strcmp(tsv_text(confusion, row, 0), tsv_text(confusion, row, 1)) == 0)
            diagonal += count;
    }
    ck_assert_int_eq(confusion->rows, Q5_LONGEST * Q5_LONGEST);
    ck_assert_double_gt(all, 30 * 4);
    ck_assert_double_gt(diagonal / all, .8);
    tsv_free(confusion);

    Tsv *curve = load("one", "curve");
    int validations = 0;
    for (int row = 0; row < curve->rows; row++)
        validations += strcmp(tsv_text(curve, row, 2), "validation") == 0;
    ck_assert_int_ge(validations, 3);
    tsv_free(curve);

    /* The work is done: nothing is left to resume. */
    const char *path = q5_world_path("one/.q5_reorder_quick-work");
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* The recurrent network learns the same language, is measured as an experiment of its own, and what
 * it is measured against answers as it does in its own run. */
START_TEST(a_recurrent_network_beside_it) {
    char err[4096];
    ck_run(LEARN "--data=data --results=one --model=model.safetensors");
    const double pointer = fact("one", "q5.quick.perdt_test.pointer.bleu");
    ck_run("--network=lstm --width=32 --encoder-layers=1 --words=40 --affixes=40 --batch=20 "
           "--rate=1e-2 --precision=f32 --threads=1 --held-out=10 --steps=200 --seed=3 --data=data "
           "--results=one --against=model.safetensors");
    experiment = "q5_reorder_lstm_s3_quick";
    const double lstm = fact("one", "q5.quick.lstm.s3.perdt_test.lstm.bleu");
    ck_assert_double_gt(fact("one", "q5.quick.lstm.s3.perdt_test.lstm.tau"), .6);
    ck_assert_double_gt(fact("one", "q5.quick.lstm.s3.test_a.lstm_kn3.bleu"), 0);
    ck_assert_double_lt(fact("one", "q5.quick.lstm.s3.dev.loss"),
                        .6 * fact("one", "q5.quick.lstm.s3.dev.before.loss"));
    ck_assert_double_eq_tol(fact("one", "q5.quick.lstm.s3.perdt_test.against.bleu"), pointer, 1e-6);
    ck_assert_double_eq_tol(fact("one", "q5.quick.lstm.s3.perdt_test.behind.bleu"), pointer - lstm,
                            1e-4);
    experiment = "q5_reorder_quick";
    ck_assert_int_eq(q5_world_wait(start("--network=lstm --width=33", q5_reorder_run)), 2);
    ck_assert_int_eq(q5_world_wait(start("--network=lstm --model=a", q5_reorder_run)), 2);
    ck_assert_ptr_nonnull(strstr(q5_world_read("err", err, sizeof err), "neither --model"));
    ck_assert_int_eq(q5_world_wait(start(SMALL "--steps=2 --data=data --results=two --against=in",
                                         q5_reorder_run)),
                     1);
    const char *path = q5_world_path("two/q5_reorder_quick");
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

static void strip_times(Tsv *tsv, char *out, size_t size) {
    size_t used = 0;
    for (int row = 0; row < tsv->rows; row++)
        if (!strstr(tsv_text(tsv, row, 0), "second"))
            used += (size_t)snprintf(out + used, size - used, "%s %s %s\n", tsv_text(tsv, row, 0),
                                     tsv_text(tsv, row, 1), tsv_text(tsv, row, 2));
    tsv_free(tsv);
}

START_TEST(killed_and_started_again_it_ends_with_the_same_facts) {
    static char one[1 << 16], two[1 << 16];
    struct stat about;
    ck_run(SMALL "--steps=60 --data=data --results=one");
    const char *path = q5_world_path("two/.q5_reorder_quick-work/training.safetensors");
    pid_t child = start(SMALL "--steps=60 --data=data --results=two", q5_reorder_run);
    for (int k = 0; k < 20000 && stat(path, &about); k++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    kill(child, SIGKILL);
    ck_assert_int_eq(q5_world_wait(child), -SIGKILL);
    ck_assert_int_eq(stat(path, &about), 0); /* an epoch's first quarter was kept */
    ck_run(SMALL "--steps=60 --data=data --results=two");
    strip_times(load("one", "facts"), one, sizeof one);
    strip_times(load("two", "facts"), two, sizeof two);
    ck_assert_str_eq(one, two);
}
END_TEST

START_TEST(the_filter_answers_line_by_line) {
    char out[4096], err[4096];
    ck_run(SMALL "--steps=20 --data=data --results=one --model=model.safetensors");
    const char *path = q5_world_path("in");
    FILE *in = fopen(path, "w");
    ck_assert_ptr_nonnull(in);
    fputs("\xef\xbb\xbfوba وaa وca\r\n\nیکتا\n\xff\xfe\nوaa، وaa.\n", in);
    for (int i = 0; i < 300; i++) fputs("a ", in);
    fwrite("\nوaa\0b\n", 1, 8, in);
    fputs("\u202eوba\u202c \u200eوaa\u2069\n. ،؟ «»\n", in); /* marks of direction; signs alone */
    for (int i = 0; i < 1000000; i++) fputs("کتاب ", in);    /* 9 MB */
    fputs("\nb a", in);                                      /* without an end */
    fclose(in);
    ck_assert_int_eq(q5_world_wait(start("--model=model.safetensors --beam=4", q5_reorder_order)),
                     1);
    q5_world_read("out", out, sizeof out);
    q5_world_read("err", err, sizeof err);
    const char *line = out;
    ck_assert(strncmp(line, "و", 2) == 0 && strchr(line, '\n') - line == 14);
    ck_assert_ptr_nonnull(strstr(out, "\n\nیکتا\n\nوaa وaa\n\n"));
    ck_assert_ptr_nonnull(strstr(err, "line 4"));
    ck_assert_ptr_nonnull(strstr(err, "line 6: more than 256 words"));
    ck_assert_ptr_nonnull(strstr(err, "line 7: found a NUL byte at offset 4"));
    ck_assert_ptr_nonnull(strstr(err, "line 10: longer than 65536 bytes"));
    ck_assert(strstr(out, "\n\n\nوaa وba\n\n\n") || strstr(out, "\n\n\nوba وaa\n\n\n"));
    int lines = 0;
    for (const char *at = out; (at = strchr(at, '\n')); at++) lines++;
    ck_assert_int_eq(lines, 11);
    ck_assert_int_eq(q5_world_wait(start("", q5_reorder_order)), 1);
    ck_assert_ptr_nonnull(
        strstr(q5_world_read("err", err, sizeof err), "make orderer trains a model"));
    ck_assert_int_eq(q5_world_wait(start("--beam=0", q5_reorder_order)), 2);
    ck_assert_int_eq(q5_world_wait(start("--model=in", q5_reorder_order)), 1);
}
END_TEST

START_TEST(what_is_missing_is_named) {
    char err[4096];
    ck_assert_int_eq(q5_world_wait(start(SMALL "--data=nowhere --results=one", q5_reorder_run)), 1);
    ck_assert_ptr_nonnull(strstr(q5_world_read("err", err, sizeof err), "nowhere"));
    ck_assert_int_eq(q5_world_wait(start("--steps=none", q5_reorder_run)), 2);
    ck_assert_int_eq(
        q5_world_wait(start(SMALL "--data=data --results=one --shortest=30", q5_reorder_run)), 1);
    ck_assert_ptr_nonnull(strstr(q5_world_read("err", err, sizeof err), "no sentence of 30 to 15"));
    ck_assert_int_eq(q5_world_wait(start(SMALL "--data=data --results=one --repeat=2 --favour=gone",
                                         q5_reorder_run)),
                     1);
    ck_assert_ptr_nonnull(strstr(q5_world_read("err", err, sizeof err), "gone"));
    const char *path = q5_world_path("one/q5_reorder_quick");
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

Suite *suite_q5_reorder(void) {
    Suite *suite = suite_create("q5_reorder");
    TCase *test = tcase_create("q5_reorder");
    tcase_add_checked_fixture(test, open_world, q5_world_close);
    tcase_set_timeout(test, 60);
    tcase_add_test(test, it_learns_and_its_tables_agree);
    tcase_add_test(test, a_recurrent_network_beside_it);
    tcase_add_test(test, killed_and_started_again_it_ends_with_the_same_facts);
    tcase_add_test(test, the_filter_answers_line_by_line);
    tcase_add_test(test, what_is_missing_is_named);
    suite_add_tcase(suite, test);
    return suite;
}
