/* program: the last words of a program and its exit status. */
#define _GNU_SOURCE
#include "program.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

Suite *suite_program(void);

static char out[1024], err[1024]; /* what the last end said */

static void read_all(FILE *file, char *text, size_t size) {
    rewind(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

/* The exit status; standard output goes to `full` where it is given. */
static int ending(const ProgramEnd *end, Status status, const char *full) {
    fflush(NULL);
    const int kept[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    FILE *files[] = {tmpfile(), tmpfile()};
    const int device = full ? open(full, O_WRONLY | O_CLOEXEC) : -1;
    ck_assert(kept[0] >= 0 && kept[1] >= 0 && files[0] && files[1]);
    dup2(device >= 0 ? device : fileno(files[0]), STDOUT_FILENO);
    dup2(fileno(files[1]), STDERR_FILENO);
    const int exit_status = program_end(end, status);
    fflush(NULL);
    dup2(kept[0], STDOUT_FILENO);
    dup2(kept[1], STDERR_FILENO);
    clearerr(stdout);
    close(kept[0]), close(kept[1]);
    if (device >= 0) close(device);
    read_all(files[0], out, sizeof out);
    read_all(files[1], err, sizeof err);
    return exit_status;
}

static const ProgramEnd whole = {
    .name = "trial", .results = "results/local", .experiment = "q9", .kept = "trainings"};
static const ProgramEnd bare = {.name = "trial"};

START_TEST(a_good_run_says_where_its_results_are) {
    ck_assert_int_eq(ending(&whole, STATUS_OK, NULL), 0);
    ck_assert_str_eq(out, "results: results/local/q9\n");
    ck_assert_str_eq(err, "");
    ck_assert_int_eq(ending(&bare, STATUS_OK, NULL), 0);
    ck_assert_str_eq(out, "");
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(a_failure_has_its_message) {
    ProgramEnd end = whole;
    const Status status = status_fail(STATUS_IO, "a disk is full");
    ck_assert_int_eq(ending(&end, status, NULL), 1);
    ck_assert_str_eq(out, "");
    ck_assert_str_eq(err, "trial: a disk is full\n");
    end.line_open = 1;
    ck_assert_int_eq(ending(&end, status, NULL), 1);
    ck_assert_str_eq(err, "\ntrial: a disk is full\n");
}
END_TEST

START_TEST(an_interrupted_run_says_what_it_keeps) {
    const Status status = status_fail(STATUS_INTERRUPTED, "stopped by the user");
    ck_assert_int_eq(ending(&whole, status, NULL), EXIT_INTERRUPTED);
    ck_assert_str_eq(err, "trial: stopped by the user\ntrial: no results were written; finished "
                          "trainings are kept, and the same command continues\n");
    ck_assert_int_eq(ending(&bare, status, NULL), EXIT_INTERRUPTED);
    ck_assert_str_eq(err, "trial: stopped by the user\n");
}
END_TEST

START_TEST(an_output_that_is_lost_is_told) {
    if (access("/dev/full", W_OK)) return;
    ck_assert_int_eq(ending(&whole, STATUS_OK, "/dev/full"), 1);
    ck_assert_str_eq(err, "trial: the results are kept, but not all of this could be written to "
                          "standard output\n");
}
END_TEST

START_TEST(a_limit_on_files_kills_no_program) {
    program_begin();
    struct sigaction now;
    ck_assert_int_eq(sigaction(SIGXFSZ, NULL, &now), 0);
    ck_assert(now.sa_handler == SIG_IGN);
    ck_assert_int_eq(sigaction(SIGINT, NULL, &now), 0);
    ck_assert(now.sa_handler != SIG_DFL);
}
END_TEST

Suite *suite_program(void) {
    Suite *suite = suite_create("program");
    TCase *end = tcase_create("end");
    tcase_add_test(end, a_good_run_says_where_its_results_are);
    tcase_add_test(end, a_failure_has_its_message);
    tcase_add_test(end, an_interrupted_run_says_what_it_keeps);
    tcase_add_test(end, an_output_that_is_lost_is_told);
    tcase_add_test(end, a_limit_on_files_kills_no_program);
    suite_add_tcase(suite, end);
    return suite;
}
