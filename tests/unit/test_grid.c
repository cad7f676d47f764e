/* grid: what a grid leaves is the same whether it ran at once or was killed again and again, and
 * what goes wrong in a cell is said with the cell's name. */
#define _GNU_SOURCE
#include "grid.h"
#include "base/interrupt.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

Suite *suite_grid(void);

#define CELLS 12

/* What the cells do besides their rows. */
typedef struct {
    long milliseconds;      /* that a cell takes */
    int fails, dies, waits; /* the cell that fails, is killed, waits for a request to stop; -1 */
    char rows[8192];        /* collected afterwards */
} Work;

static char folder[64], inner[128];
static Work work;
static Grid grid;

static void pause_for(long milliseconds) {
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static double cost_of(void *context, size_t cell) {
    (void)context;
    return 1 + (double)(cell % 5);
}

static void name_of(void *context, size_t cell, char *name, size_t size) {
    (void)context;
    snprintf(name, size, "cell_%c", (char)('a' + cell));
}

static Status do_cell(void *context, size_t cell, GridRecord *record) {
    const Work *w = context;
    grid_row(record, "squares", "%zu\t%zu", cell, cell * cell);
    for (int i = 1; i <= 4; i++) {
        pause_for(w->milliseconds / 4);
        grid_progress(record, i / 4.);
    }
    while ((int)cell == w->waits) {
        if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "asked to stop");
        pause_for(5);
    }
    if ((int)cell == w->dies) raise(SIGKILL);
    if ((int)cell == w->fails) return status_fail(STATUS_FORMAT, "line 7: expected a number");
    grid_row(record, "cubes", "%zu", cell * cell * cell);
    grid_row(record, "squares", "again\t%zu", cell);
    return STATUS_OK;
}

static Status take(void *context, size_t cell, const char *row) {
    Work *w = context;
    size_t used = strlen(w->rows);
    snprintf(w->rows + used, sizeof w->rows - used, "%zu:%s\n", cell, row);
    return STATUS_OK;
}

static void open_grid(void) {
    snprintf(folder, sizeof folder, "/tmp/tamrin-grid-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/results/.work", folder);
    work = (Work){.fails = -1, .dies = -1, .waits = -1};
    grid = (Grid){.name = "test grid",
                  .folder = inner,
                  .fingerprint = "rate 1e-3, steps 7",
                  .cells = CELLS,
                  .cost = cost_of,
                  .cell_name = name_of,
                  .work = do_cell,
                  .context = &work,
                  .processes = 3};
}

static void close_grid(void) {
    char path[160];
    grid_remove(&grid);
    ck_assert_int_eq(access(inner, F_OK), -1); /* nothing of its own is left */
    snprintf(path, sizeof path, "%s/results", folder);
    rmdir(path);
    rmdir(folder);
}

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

static void ck_rows(void) {
    char expected[sizeof work.rows] = "";
    for (size_t c = 0; c < CELLS; c++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "%zu:%zu\t%zu\n%zu:again\t%zu\n", c, c, c * c, c, c);
    *work.rows = 0;
    ck_assert_msg(grid_rows(&grid, "squares", take, &work) == STATUS_OK, "%s", status_message());
    ck_assert_str_eq(work.rows, expected);
}

static int files_with(const char *ending) {
    int count = 0;
    DIR *open = opendir(inner);
    for (struct dirent *e; open && (e = readdir(open));)
        count += strlen(e->d_name) > strlen(ending) &&
                 strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending) == 0;
    if (open) closedir(open);
    return count;
}

START_TEST(rows_come_in_the_order_of_the_cells) {
    for (grid.processes = 1; grid.processes <= 20; grid.processes += 19) {
        ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
        ck_rows();
        *work.rows = 0;
        ck_assert_int_eq(grid_rows(&grid, "cubes", take, &work), STATUS_OK);
        ck_assert_int_eq(strncmp(work.rows, "0:0\n1:1\n2:8\n3:27\n", 17), 0);
        grid_remove(&grid);
    }
}
END_TEST

START_TEST(a_failing_cell_is_named_and_the_others_stay) {
    work.fails = 5;
    grid.processes = 1;
    ck_assert_int_eq(grid_run(&grid), STATUS_FORMAT);
    ck_says("test grid: cell cell_f: line 7: expected a number");
    int done = files_with(".rows");
    ck_assert_int_lt(done, CELLS);
    ck_assert_int_eq(grid_rows(&grid, "squares", take, &work), STATUS_FORMAT);
    ck_says("is missing or damaged");
    work.fails = -1;
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    ck_rows();
}
END_TEST

START_TEST(a_cell_that_dies_is_named) {
    work.dies = 2;
    ck_assert_int_eq(grid_run(&grid), STATUS_IO);
    ck_says("cell cell_c: its process was ended by signal 9");
    work.dies = -1;
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    ck_rows();
}
END_TEST

START_TEST(another_plan_is_refused_or_replaced) {
    work.fails = 0; /* the cheapest cell comes last: some are done */
    ck_assert_int_eq(grid_run(&grid), STATUS_FORMAT);
    work.fails = -1;
    grid.fingerprint = "rate 1e-3, steps 8";
    ck_assert_int_gt(files_with(".rows"), 0);
    ck_assert_int_eq(grid_run(&grid), STATUS_FORMAT);
    ck_says("'steps 7' (asked: 'steps 8')");
    ck_assert_int_gt(files_with(".rows"), 0); /* nothing is lost by a wrong argument */
    grid.replace = 1;
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    ck_rows();
}
END_TEST

START_TEST(a_damaged_cell_is_made_again) {
    char path[256];
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    snprintf(path, sizeof path, "%s/cell-00003.cell_d.rows", inner);
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    fputs("sqUares", file);
    fclose(file);
    ck_assert_int_eq(grid_rows(&grid, "squares", take, &work), STATUS_FORMAT);
    ck_says("cell cell_d is missing or damaged");
    snprintf(path, sizeof path, "%s/cell-00007.cell_h.rows", inner);
    ck_assert_int_eq(truncate(path, 9), 0);
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    ck_rows();
}
END_TEST

START_TEST(killed_at_any_moment_it_ends_with_the_same_rows) {
    work.milliseconds = 24;
    int kills = 0;
    for (int moment = 3; kills < 60; moment += 11, kills++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) _exit(grid_run(&grid) == STATUS_OK ? 0 : 1);
        int ended;
        pause_for(moment % 90);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &ended, 0), child);
        if (WIFEXITED(ended)) {
            ck_assert_int_eq(WEXITSTATUS(ended), 0);
            break;
        }
    }
    ck_assert_int_gt(kills, 0);
    ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
    ck_rows();
}
END_TEST

START_TEST(a_request_to_stop_reaches_the_cells) {
    work.waits = 4;
    int both[2];
    ck_assert_int_eq(pipe(both), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        interrupt_install();
        Status status = grid_run(&grid);
        const char *message = status_message();
        if (write(both[1], message, strlen(message) + 1) < 0) _exit(2);
        _exit(status == STATUS_INTERRUPTED ? 0 : 1);
    }
    for (int i = 0; i < 500 && files_with(".rows") < CELLS - 1; i++) pause_for(10);
    kill(child, SIGTERM);
    int ended;
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    char message[1024] = "";
    ck_assert_int_gt(read(both[0], message, sizeof message - 1), 0);
    close(both[0]);
    close(both[1]);
    ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "%s", message);
    ck_assert_msg(strstr(message, "start it again with the same arguments"), "%s", message);
    work.waits = -1;
    ck_assert_int_eq(grid_run(&grid), STATUS_OK);
    ck_rows();
}
END_TEST

START_TEST(two_at_once_do_not_work_in_one_folder) {
    work.waits = 4;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        interrupt_install();
        _exit(grid_run(&grid) == STATUS_INTERRUPTED ? 0 : 1);
    }
    for (int i = 0; i < 500 && files_with(".rows") < 1; i++) pause_for(10);
    ck_assert_int_eq(grid_run(&grid), STATUS_IO);
    ck_says("another process works here");
    kill(child, SIGTERM);
    int ended;
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    ck_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}
END_TEST

static void bad_name(void *context, size_t cell, char *name, size_t size) {
    (void)context, (void)cell;
    snprintf(name, size, "../up");
}

START_TEST(names_and_rows_that_cannot_be_kept_are_refused) {
    grid.cell_name = bad_name;
    ck_assert_int_eq(grid_run(&grid), STATUS_ARGUMENT);
    ck_says("is named '../up'");
    grid.cell_name = name_of;
    grid.work = NULL;
    ck_assert_int_eq(grid_run(&grid), STATUS_ARGUMENT);
    grid.work = do_cell;
}
END_TEST

Suite *suite_grid(void) {
    Suite *suite = suite_create("grid");
    TCase *tests = tcase_create("grid");
    tcase_add_checked_fixture(tests, open_grid, close_grid);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, rows_come_in_the_order_of_the_cells);
    tcase_add_test(tests, a_failing_cell_is_named_and_the_others_stay);
    tcase_add_test(tests, a_cell_that_dies_is_named);
    tcase_add_test(tests, another_plan_is_refused_or_replaced);
    tcase_add_test(tests, a_damaged_cell_is_made_again);
    tcase_add_test(tests, killed_at_any_moment_it_ends_with_the_same_rows);
    tcase_add_test(tests, a_request_to_stop_reaches_the_cells);
    tcase_add_test(tests, two_at_once_do_not_work_in_one_folder);
    tcase_add_test(tests, names_and_rows_that_cannot_be_kept_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
