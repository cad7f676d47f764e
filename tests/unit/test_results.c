/* results: a folder appears whole or not at all, whatever happens on the way. */
#define _GNU_SOURCE
#include "results.h"
#include "base/tsv.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_results(void);

static char parent[128]; /* a fresh folder for each test */
static char *command[] = {(char *)"build/bin/trial", (char *)"--lengths=1,2", (char *)"two words"};

/* The library's call of renameat2 ends here, so that a file system without exchange can be
 * played. */
static int exchange_denied;
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (exchange_denied) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

static void make_parent(void) {
    const char *root = getenv("TMPDIR");
    snprintf(parent, sizeof parent, "%s/tamrin-results-XXXXXX", root && *root ? root : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(parent));
    exchange_denied = 0;
}

static void remove_parent(void) {
    char line[256];
    snprintf(line, sizeof line, "rm -rf '%s'", parent);
    ck_assert_int_eq(system(line), 0);
}

static const char *under(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", parent, name);
    return path;
}

static int is_there(const char *name) {
    return access(under(name), F_OK) == 0;
}

/* Entries of the parent, hidden ones too. */
static int count_entries(void) {
    DIR *folder = opendir(parent);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(folder);
    return count;
}

static Results *begin(void) {
    Results *results;
    ck_assert_msg(results_open(&results, parent, "trial", 3, command) == STATUS_OK, "%s",
                  status_message());
    return results;
}

/* A whole result with one row and one fact. */
static Status leave(double value) {
    Results *results = begin();
    FILE *table = results_table(results, "time", "variant\tseconds");
    ck_assert_ptr_nonnull(table);
    fprintf(table, "tiled\t%g\n", value);
    ck_assert_int_eq(results_fact(results, "q.trial", value, value - 1, value + 1, "s"), STATUS_OK);
    return results_commit(results);
}

static double fact_now(void) {
    Tsv *facts;
    double value = NAN;
    ck_assert_msg(tsv_load(under("trial/facts.tsv"), &facts) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(
        tsv_number(facts, tsv_find(facts, 0, "q.trial"), tsv_column(facts, "value"), &value),
        STATUS_OK);
    tsv_free(facts);
    return value;
}

static const char *run_value(const Tsv *run, const char *key) {
    int row = tsv_find(run, 0, key);
    ck_assert_msg(row >= 0, "run.tsv has no %s", key);
    return tsv_text(run, row, 1);
}

START_TEST(nothing_shows_before_the_commit) {
    Results *results = begin();
    ck_assert(!is_there("trial"));
    ck_assert_ptr_nonnull(results_table(results, "time", "a\tb"));
    ck_assert(!is_there("trial"));
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    ck_assert(is_there("trial/time.tsv"));
    ck_assert(is_there("trial/facts.tsv"));
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(run_says_what_ran_and_where) {
    Results *results = begin();
    ck_assert_int_eq(results_run(results, "profile", "%s", "quick\tor\nnot"), STATUS_OK);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    Tsv *run;
    ck_assert_msg(tsv_load(under("trial/run.tsv"), &run) == STATUS_OK, "%s", status_message());
    ck_assert_str_eq(run_value(run, "command"), "build/bin/trial --lengths=1,2 'two words'");
    ck_assert_str_eq(run_value(run, "profile"), "quick or not");
    static const char *const keys[] = {"date",         "commit",  "build",      "compiler",
                                       "libraries",    "cpu",     "machine",    "isa",
                                       "caches",       "threads", "load",       "system",
                                       "memory_bytes", "mhz",     "processors", "wall_seconds"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(*run_value(run, keys[i]), "%s is empty", keys[i]);
    int year, month, day, hour, minute, second, length = 0;
    ck_assert_int_eq(sscanf(run_value(run, "date"), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month,
                            &day, &hour, &minute, &second, &length),
                     6);
    ck_assert_int_eq(length, 20);
    const char *commit = run_value(run, "commit");
    ck_assert(strcmp(commit, "unknown") == 0 || strspn(commit, "0123456789abcdef") >= 40);
    ck_assert_int_ge(atoi(run_value(run, "threads")), 1);
    tsv_free(run);
}
END_TEST

START_TEST(facts_keep_their_digits) {
    Results *results = begin();
    ck_assert_int_eq(results_fact(results, "q.slope", 1.0 / 3, 0.3, 0.4, "1"), STATUS_OK);
    ck_assert_int_eq(results_fact(results, "q.peak", 2.5e11, 2.5e11, 2.5e11, "flop/s"), STATUS_OK);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    Tsv *facts;
    ck_assert_int_eq(tsv_load(under("trial/facts.tsv"), &facts), STATUS_OK);
    ck_assert_int_eq(facts->rows, 2);
    ck_assert_int_eq(facts->columns, 5);
    static const char *const names[] = {"name", "value", "low", "high", "unit"};
    for (int i = 0; i < 5; i++) ck_assert_str_eq(facts->names[i], names[i]);
    double value;
    ck_assert_int_eq(tsv_number(facts, 0, 1, &value), STATUS_OK);
    ck_assert_double_eq_tol(value, 1.0 / 3, 1e-9);
    ck_assert_int_eq(tsv_number(facts, 1, 3, &value), STATUS_OK);
    ck_assert_double_eq(value, 2.5e11);
    ck_assert_str_eq(tsv_text(facts, 1, 4), "flop/s");
    tsv_free(facts);
}
END_TEST

START_TEST(facts_that_make_no_sense_are_refused) {
    static const struct {
        const char *name;
        double value, low, high;
        const char *unit, *says;
    } cases[] = {
        {"q.twice", 1, 1, 1, "1", "twice"},
        {"q.nan", NAN, 0, 1, "1", "finite"},
        {"q.inf", INFINITY, 0, INFINITY, "1", "finite"},
        {"q.low", 1, -INFINITY, 1, "1", "finite"},
        {"q.outside", 2, 0, 1, "1", "inside"},
        {"q.turned", 1, 2, 0, "1", "inside"},
        {"a tab\there", 1, 1, 1, "1", "name"},
        {"", 1, 1, 1, "1", "name"},
        {"q.unitless", 1, 1, 1, "", "unit"},
        {"q.unit", 1, 1, 1, "flop s", "unit"},
    };
    Results *results = begin();
    ck_assert_int_eq(results_fact(results, "q.twice", 1, 1, 1, "1"), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(results_fact(results, cases[i].name, cases[i].value, cases[i].low,
                                      cases[i].high, cases[i].unit),
                         STATUS_ARGUMENT);
        ck_assert_msg(strstr(status_message(), cases[i].says), "'%s' should say '%s'",
                      status_message(), cases[i].says);
    }
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    Tsv *facts;
    ck_assert_int_eq(tsv_load(under("trial/facts.tsv"), &facts), STATUS_OK);
    ck_assert_int_eq(facts->rows, 1);
    tsv_free(facts);
}
END_TEST

/* Row of a fact, with its value, low and high. */
static void ck_fact(const Tsv *facts, const char *name, double value, double low, double high) {
    const double expected[] = {value, low, high};
    const int row = tsv_find(facts, 0, name);
    ck_assert_msg(row >= 0, "no fact %s", name);
    for (int i = 0; i < 3; i++) {
        double found;
        ck_assert_int_eq(tsv_number(facts, row, 1 + i, &found), STATUS_OK);
        ck_assert_double_eq(found, expected[i]);
    }
}

START_TEST(names_of_facts_are_put_together) {
    char longest[256];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    Results *results = begin();
    Tsv *facts;
    ck_assert_int_eq(results_factf(results, (Interval){2, 1, 3}, "s", "q.%s.n%d", "lstm", 8),
                     STATUS_OK);
    ck_assert_int_eq(results_prefix(results, "q%d.%s", 1, "quick."), STATUS_OK);
    ck_assert_int_eq(results_exactf(results, .5, "1", "%s", "half"), STATUS_OK);
    ck_assert_int_eq(results_fact(results, "whole", 1, 0, 1, "1"), STATUS_OK);
    /* A limit that misses its value gives way where that is asked for; one that is no number does
     * not. */
    ck_assert_int_eq(results_factf(results, (Interval){2, 2.5, 3}, "1", "above"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_factf(results, (Interval){2, 1, 1.5}, "1", "below"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_aroundf(results, (Interval){2, 2.5, 3}, "1", "above"), STATUS_OK);
    ck_assert_int_eq(results_aroundf(results, (Interval){2, 1, 1.5}, "1", "below"), STATUS_OK);
    ck_assert_int_eq(results_factf(results, (Interval){2, NAN, 3}, "1", "nan"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_aroundf(results, (Interval){2, NAN, 3}, "1", "n"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_exactf(results, INFINITY, "1", "inf"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_exactf(results, 1, "1", "%s", "half"), STATUS_ARGUMENT); /* twice */
    ck_assert_int_eq(results_exactf(results, 1, "1", "%s", ""), STATUS_ARGUMENT);
    /* Neither a name nor a prefix is cut. */
    ck_assert_int_eq(results_exactf(results, 1, "1", "%s", longest), STATUS_ARGUMENT);
    ck_assert_int_eq(results_exactf(results, 1, "1", "%.195s", longest), STATUS_ARGUMENT);
    ck_assert_int_eq(results_prefix(results, "%s", longest), STATUS_ARGUMENT);
    ck_assert_int_eq(results_prefix(results, "two words"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_exactf(results, 1, "1", "%.191s", longest), STATUS_OK);
    ck_assert_int_eq(results_prefix(results, "%s", ""), STATUS_OK);
    ck_assert_int_eq(results_exactf(results, 7, "1", "bare"), STATUS_OK);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    ck_assert_int_eq(tsv_load(under("trial/facts.tsv"), &facts), STATUS_OK);
    ck_assert_int_eq(facts->rows, 7);
    ck_fact(facts, "q.lstm.n8", 2, 1, 3);
    ck_fact(facts, "q1.quick.half", .5, .5, .5);
    ck_fact(facts, "q1.quick.whole", 1, 0, 1);
    ck_fact(facts, "q1.quick.above", 2, 2, 3);
    ck_fact(facts, "q1.quick.below", 2, 1, 2);
    ck_fact(facts, "bare", 7, 7, 7);
    tsv_free(facts);
}
END_TEST

START_TEST(a_table_is_opened_once) {
    Results *results = begin();
    FILE *first = results_table(results, "time", "a\tb");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(results_table(results, "time", "a\tb"), first);
    ck_assert_ptr_null(results_table(results, "time", "a\tc"));
    ck_assert_ptr_null(results_table(results, "run", "key\tvalue"));
    ck_assert_ptr_null(results_table(results, "facts", "name"));
    ck_assert_ptr_null(results_table(results, "../escape", "a"));
    ck_assert_ptr_null(results_table(results, "lines", "a\nb"));
    ck_assert_int_eq(results_run(results, "profile", "quick"), STATUS_OK);
    ck_assert_int_eq(results_run(results, "profile", "full"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_run(results, "two words", "x"), STATUS_ARGUMENT);
    results_discard(results);
}
END_TEST

START_TEST(commit_replaces_the_earlier_result) {
    exchange_denied = _i;
    ck_assert_int_eq(leave(1), STATUS_OK);
    FILE *stale = fopen(under("trial/stale.tsv"), "w");
    ck_assert_ptr_nonnull(stale);
    fclose(stale);
    ck_assert_msg(leave(2) == STATUS_OK, "%s", status_message());
    ck_assert_double_eq(fact_now(), 2);
    ck_assert(!is_there("trial/stale.tsv"));
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(discard_leaves_the_earlier_result) {
    ck_assert_int_eq(leave(1), STATUS_OK);
    Results *results = begin();
    ck_assert_int_eq(results_fact(results, "q.trial", 2, 2, 2, "s"), STATUS_OK);
    results_discard(results);
    results_discard(NULL);
    ck_assert_double_eq(fact_now(), 1);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(a_killed_run_is_cleaned_up_by_the_next) {
    ck_assert_int_eq(leave(1), STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        begin();
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(count_entries(), 2);
    ck_assert_double_eq(fact_now(), 1);
    results_discard(begin());
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(a_running_neighbour_is_left_alone) {
    int ready[2], finish[2];
    ck_assert_int_eq(pipe(ready) | pipe(finish), 0);
    pid_t child = fork();
    if (child == 0) {
        Results *results = begin();
        char byte = 0;
        close(finish[1]);
        if (write(ready[1], &byte, 1) != 1 || read(finish[0], &byte, 1) != 0) _exit(1);
        _exit(results_fact(results, "q.trial", 7, 7, 7, "s") || results_commit(results));
    }
    char byte;
    int status;
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(leave(1), STATUS_OK);
    close(finish[0]);
    close(finish[1]);
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_double_eq(fact_now(), 7);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

/* Died between the two renames of a file system without exchange. */
START_TEST(a_result_that_stepped_aside_comes_back) {
    ck_assert_int_eq(leave(1), STATUS_OK);
    char from[512];
    snprintf(from, sizeof from, "%s", under("trial"));
    ck_assert_int_eq(rename(from, under(".trial.previous")), 0);
    results_discard(begin());
    ck_assert_double_eq(fact_now(), 1);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(a_forked_child_writes_nothing_twice) {
    Results *results = begin();
    FILE *table = results_table(results, "time", "a");
    fprintf(table, "1\n");
    pid_t child = fork();
    if (child == 0) exit(0); /* flushes whatever it inherited */
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    Tsv *time;
    ck_assert_int_eq(tsv_load(under("trial/time.tsv"), &time), STATUS_OK);
    ck_assert_int_eq(time->rows, 1);
    tsv_free(time);
}
END_TEST

static void expect_open_fails(const char *folder, const char *experiment, const char *says) {
    Results *results = (Results *)parent;
    ck_assert_int_ne(results_open(&results, folder, experiment, 3, command), STATUS_OK);
    ck_assert_ptr_null(results);
    ck_assert_msg(strstr(status_message(), says), "'%s' should say '%s'", status_message(), says);
}

START_TEST(a_parent_that_cannot_be_written_fails_at_once) {
    expect_open_fails("/proc/tamrin", "trial", "/proc/tamrin");
    expect_open_fails("/dev/null/results", "trial", "/dev/null/results");
    expect_open_fails("", "trial", "folder");
    expect_open_fails(parent, "a/b", "name");
    expect_open_fails(parent, "", "name");
    FILE *file = fopen(under("file"), "w");
    fclose(file);
    expect_open_fails(under("file"), "trial", "Not a directory");
    if (geteuid() == 0) {
        /* Root passes every permission, so become somebody else in this test's own process. */
        ck_assert_int_eq(chmod(parent, 0755), 0);
        ck_assert_int_eq(setresuid(65534, 65534, 0), 0);
    } else
        ck_assert_int_eq(chmod(parent, 0555), 0);
    expect_open_fails(parent, "trial", "Permission denied");
    expect_open_fails(under("deeper/still"), "trial", "Permission denied");
    if (getuid() == 65534)
        ck_assert_int_eq(setresuid(0, 0, 0), 0);
    else
        ck_assert_int_eq(chmod(parent, 0755), 0);
}
END_TEST

START_TEST(parents_are_made) {
    Results *results;
    ck_assert_int_eq(results_open(&results, under("a/b/c"), "trial", 3, command), STATUS_OK);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    ck_assert(is_there("a/b/c/trial/run.tsv"));
}
END_TEST

START_TEST(what_is_no_result_is_not_replaced) {
    ck_assert_int_eq(mkdir(under("trial"), 0777), 0);
    FILE *file = fopen(under("trial/thesis.txt"), "w");
    fclose(file);
    expect_open_fails(parent, "trial", "move it away");
    ck_assert(is_there("trial/thesis.txt"));
    file = fopen(under("other"), "w");
    fclose(file);
    expect_open_fails(parent, "other", "not a folder");
    ck_assert(is_there("other"));
    /* It came while the run was measuring. */
    Results *results;
    ck_assert_int_eq(results_open(&results, parent, "late", 3, command), STATUS_OK);
    ck_assert_int_eq(mkdir(under("late"), 0777), 0);
    file = fopen(under("late/thesis.txt"), "w");
    fclose(file);
    ck_assert_int_eq(results_commit(results), STATUS_IO);
    ck_assert(is_there("late/thesis.txt"));
    ck_assert_int_eq(count_entries(), 3);
}
END_TEST

static Status write_until_full(size_t bytes) {
    Results *results = begin();
    FILE *table = results_table(results, "time", "a");
    ck_assert_ptr_nonnull(table);
    for (size_t i = 0; i < bytes / 64; i++) fprintf(table, "%063d\n", 0);
    return results_commit(results);
}

START_TEST(a_file_that_cannot_grow_keeps_the_earlier_result) {
    ck_assert_int_eq(leave(1), STATUS_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit = {65536, 65536};
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    Status status = write_until_full(1 << 20);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(status, STATUS_IO);
    ck_assert_msg(strstr(status_message(), "trial/time.tsv") &&
                      strstr(status_message(), strerror(EFBIG)),
                  "'%s'", status_message());
    ck_assert_double_eq(fact_now(), 1);
    ck_assert_int_eq(count_entries(), 1);
}
END_TEST

/* A real full disk: a file system of 256 KiB in memory, in a mount namespace of this test's own
 * process, with which it ends. Where the system allows neither, there is nothing to test. */
START_TEST(a_full_disk_keeps_the_earlier_result) {
    if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) return;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return;
    if (mount("tamrin", parent, "tmpfs", 0, "size=256k,mode=777")) return;
    Status first = leave(1), second = write_until_full(1 << 20);
    int named = strstr(status_message(), "trial/time.tsv") != NULL;
    int reason = strstr(status_message(), strerror(ENOSPC)) != NULL;
    double value = first == STATUS_OK ? fact_now() : NAN;
    int entries = count_entries();
    Status third = leave(3);
    ck_assert_int_eq(umount2(parent, MNT_DETACH), 0);
    ck_assert_int_eq(first, STATUS_OK);
    ck_assert_int_eq(second, STATUS_IO);
    ck_assert_msg(named && reason, "the message should name the file and say why");
    ck_assert_double_eq(value, 1);
    ck_assert_int_eq(entries, 1);
    ck_assert_int_eq(third, STATUS_OK);
}
END_TEST

/* --- of a GPU --------------------------------------------------------------------------------- */

static const char *gpu_words(void) {
    return "NVIDIA H200, 139.8 GiB, sm_90, CUDA 13.0 (driver 13.0)";
}
static const char *gpu_slug(void) {
    return "nvidia-h200";
}
static Status gpu_bytes(size_t *now, size_t *total) {
    *now = 100, *total = 1000;
    return STATUS_OK;
}

START_TEST(a_gpu_has_folder_facts_and_machine_of_its_own) {
    const DeviceMemory gpu = {.describe = gpu_words, .slug = gpu_slug, .free_bytes = gpu_bytes};
    Results *results;
    Tsv *run, *facts;
    ck_assert_int_eq(leave(1), STATUS_OK);
    ck_assert_int_eq(results_open_device(&results, parent, "trial", &gpu, 3, command), STATUS_OK);
    ck_assert_int_eq(results_fact(results, "q4.tiled.slope", 2, 1, 3, "1"), STATUS_OK);
    ck_assert_int_eq(results_fact(results, "q4.tiled.slope", 2, 1, 3, "1"), STATUS_ARGUMENT);
    ck_assert_int_eq(results_prefix(results, "q4."), STATUS_OK);
    ck_assert_int_eq(results_exactf(results, 8, "1", "%s", "heads"), STATUS_OK);
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    ck_assert_double_eq(fact_now(), 1); /* the CPU's is where it was */
    ck_assert_int_eq(tsv_load(under("trial_cuda/facts.tsv"), &facts), STATUS_OK);
    ck_assert_int_ge(tsv_find(facts, 0, "q4.cuda.tiled.slope"), 0);
    ck_assert_int_ge(tsv_find(facts, 0, "q4.cuda.heads"), 0);
    ck_assert_int_lt(tsv_find(facts, 0, "q4.tiled.slope"), 0);
    tsv_free(facts);
    ck_assert_int_eq(tsv_load(under("trial_cuda/run.tsv"), &run), STATUS_OK);
    ck_assert_str_eq(run_value(run, "device"), "cuda");
    ck_assert_str_eq(run_value(run, "gpu"), gpu_words());
    ck_assert_str_eq(run_value(run, "gpu_name"), "NVIDIA H200");
    ck_assert_str_eq(run_value(run, "gpu_memory_bytes"), "1000");
    ck_assert_str_eq(run_value(run, "gpu_free_bytes"), "100");
    const char *machine = run_value(run, "machine");
    ck_assert_str_eq(machine + strlen(machine) - strlen("-nvidia-h200"), "-nvidia-h200");
    tsv_free(run);
}
END_TEST

Suite *suite_results(void) {
    Suite *suite = suite_create("results");
    TCase *whole = tcase_create("whole");
    tcase_add_checked_fixture(whole, make_parent, remove_parent);
    tcase_add_test(whole, nothing_shows_before_the_commit);
    tcase_add_test(whole, run_says_what_ran_and_where);
    tcase_add_test(whole, facts_keep_their_digits);
    tcase_add_test(whole, facts_that_make_no_sense_are_refused);
    tcase_add_test(whole, names_of_facts_are_put_together);
    tcase_add_test(whole, a_table_is_opened_once);
    tcase_add_loop_test(whole, commit_replaces_the_earlier_result, 0, 2);
    tcase_add_test(whole, discard_leaves_the_earlier_result);
    tcase_add_test(whole, a_killed_run_is_cleaned_up_by_the_next);
    tcase_add_test(whole, a_running_neighbour_is_left_alone);
    tcase_add_test(whole, a_result_that_stepped_aside_comes_back);
    tcase_add_test(whole, a_forked_child_writes_nothing_twice);
    tcase_add_test(whole, parents_are_made);
    tcase_add_test(whole, a_gpu_has_folder_facts_and_machine_of_its_own);
    suite_add_tcase(suite, whole);
    TCase *refused = tcase_create("refused");
    tcase_add_checked_fixture(refused, make_parent, remove_parent);
    tcase_add_test(refused, a_parent_that_cannot_be_written_fails_at_once);
    tcase_add_test(refused, what_is_no_result_is_not_replaced);
    tcase_add_test(refused, a_file_that_cannot_grow_keeps_the_earlier_result);
    tcase_add_test(refused, a_full_disk_keeps_the_earlier_result);
    suite_add_tcase(suite, refused);
    return suite;
}
