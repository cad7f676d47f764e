#define _GNU_SOURCE
#include "q4_complexity_memory.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define CHILD_SECONDS 0.04 /* to start a process, for the estimate */

enum { CHILD_ARGUMENTS = 10 }; /* --child variant direction H E R N threads operate */

double memory_resolution_bytes(void) {
    double bytes = 0;
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
    if (file) {
        if (fscanf(file, "%lf", &bytes) != 1) bytes = 0;
        fclose(file);
    }
    char policy[128] = "";
    file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (file) {
        if (!fgets(policy, sizeof policy, file)) policy[0] = 0;
        fclose(file);
    }
    if (bytes > 0 && *policy && !strstr(policy, "[never]")) return bytes;
    long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? (double)page : 4096;
}

/* --- in the child -------------------------------------------------------------------------- */

/* Gives back what was used so far beyond what is kept, and sets the mark of the largest resident
 * size anew: making inputs, and forward before backward, must not count. Where the system does not
 * allow it, they do. */
static void forget(Workspace *workspace) {
    arena_trim(&workspace->work);
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t wrote = write(file, "5", 1);
    (void)wrote;
    close(file);
}

static Status child_run(const Variant *variant, Shape shape, Direction direction, int operate,
                        double *seen) {
    size_t floats = (size_t)shape.heads * (size_t)shape.length * (size_t)shape.width;
    size_t projection = (size_t)shape.features * (size_t)shape.width;
    Workspace workspace;
    STATUS_TRY(workspace_open(&workspace, floats, projection, 1, direction == DIRECTION_BACKWARD));
    Status status = workspace_project(&workspace, shape.features, shape.width, 1, 0);
    workspace.before_backward = forget;
    Case one;
    case_make(&one, variant, shape, &workspace);
    int calls[2] = {1, direction == DIRECTION_BACKWARD};
    Sample sample[2];
    forget(&workspace);
    if (status == STATUS_OK && operate) status = case_measure(&workspace, &one, calls, sample);
    *seen = (double)machine_peak_resident_bytes();
    workspace_close(&workspace);
    return status;
}

static int whole_number(const char *text, int *out) {
    char *end;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return end != text && !*end && value >= 0 && value <= 1 << 30;
}

int memory_child(int argc, char **argv) {
    int number[7]; /* direction H E R N threads operate */
    const Variant *variant = argc == CHILD_ARGUMENTS ? case_variant(argv[2]) : NULL;
    int good = variant != NULL;
    for (int i = 0; i < 7 && good; i++) good = whole_number(argv[3 + i], &number[i]);
    if (!good) {
        fprintf(stderr, "q4_complexity: --child is the program's own way to start itself again; "
                        "--help lists the flags\n");
        return 2;
    }
    threads_set(number[5]);
    Shape shape = {number[1], number[2], number[3], number[4]};
    double seen;
    if (child_run(variant, shape, number[0] ? DIRECTION_BACKWARD : DIRECTION_FORWARD, number[6],
                  &seen)) {
        fprintf(stderr, "q4_complexity: memory of %s: %s\n", variant->slug, status_message());
        return 1;
    }
    printf("%.0f\n", seen);
    return fflush(stdout) ? 1 : 0;
}

/* --- in the parent ------------------------------------------------------------------------- */

/* Waits for the child; Ctrl-C ends it too, since it alone may run for seconds. */
static int wait_child(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -1;
        if (interrupt_requested()) kill(child, SIGTERM);
    }
    return status;
}

static Status child_ask(const Session *session, const char *slug, int direction, int length,
                        int operate, double *seen) {
    const Plan *plan = &session->plan;
    char text[7][16];
    int number[7] = {direction, plan->heads,   plan->width, plan->features,
                     length,    plan->threads, operate};
    for (int i = 0; i < 7; i++) snprintf(text[i], sizeof text[i], "%d", number[i]);
    char name[64];
    snprintf(name, sizeof name, "%s", slug);
    char *arguments[] = {"q4_complexity", "--child", name,    text[0], text[1], text[2],
                         text[3],         text[4],   text[5], text[6], NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return status_fail(STATUS_IO, "cannot make a pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t child;
    int error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char answer[64] = "";
    size_t used = 0;
    for (ssize_t got; !error && used + 1 < sizeof answer; used += (size_t)got) {
        got = read(ends[0], answer + used, sizeof answer - 1 - used);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            break;
    }
    close(ends[0]);
    if (error)
        return status_fail(STATUS_IO, "cannot start this program again: %s", strerror(error));
    int status = wait_child(child);
    STATUS_TRY(session_check(session));
    if (status != 0)
        return status_fail(STATUS_IO,
                           "memory of %s %s at length %d: the process that measures it ended "
                           "with %s %d",
                           slug, direction ? "backward" : "forward", length,
                           WIFSIGNALED(status) ? "signal" : "status",
                           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    answer[used] = 0;
    *seen = strtod(answer, NULL);
    return STATUS_OK;
}

/* The same through the checkpoint. */
static Status resident(Session *session, const char *slug, int direction, int length, int operate,
                       double *seen) {
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "%s %s %d %d", operate ? "seen" : "baseline", slug, direction,
             length);
    if (store_get(session->store, name, seen, 1)) return STATUS_OK;
    STATUS_TRY(session_check(session));
    STATUS_TRY(child_ask(session, slug, direction, length, operate, seen));
    return store_put(session->store, name, seen, 1);
}

/* The position of `length` in the plan, or -1. */
static int length_index(const Plan *plan, int length) {
    for (int i = 0; i < plan->lengths; i++)
        if (plan->length[i] == length) return i;
    return -1;
}

static double expect_child(const Session *session, int v, int d, int length) {
    const Plan *plan = &session->plan;
    Case one;
    case_make(&one, &case_variants[v], (Shape){plan->heads, plan->width, plan->features, length},
              NULL);
    double seconds = CHILD_SECONDS + 5e-9 * case_inputs_bytes(one.shape, (Direction)d);
    for (int i = 0; i <= d; i++) seconds += session_expect(session, &one, (Direction)i);
    return seconds;
}

double memory_expect(const Session *session, const Grid *grid) {
    const Plan *plan = &session->plan;
    double total = 0;
    for (int s = 0; s < plan->seen; s++) {
        int i = length_index(plan, plan->seen_length[s]);
        for (int v = 0; v < VARIANT_COUNT && i >= 0; v++)
            for (int d = 0; d < 2; d++)
                if (grid->cell[v][d][i].state == CELL_MEASURED)
                    total += expect_child(session, v, d, plan->length[i]);
    }
    return total;
}

Status memory_measure(Session *session, Grid *grid) {
    const Plan *plan = &session->plan;
    for (int s = 0; s < plan->seen; s++) {
        int i = length_index(plan, plan->seen_length[s]);
        if (i < 0) continue;
        for (int d = 0; d < 2; d++) {
            double baseline = NAN;
            for (int v = 0; v < VARIANT_COUNT; v++) {
                Cell *cell = &grid->cell[v][d][i];
                if (cell->state != CELL_MEASURED) continue;
                int length = plan->length[i];
                double seen;
                if (isnan(baseline))
                    STATUS_TRY(resident(session, "value", d, length, 0, &baseline));
                STATUS_TRY(resident(session, case_variants[v].slug, d, length, 1, &seen));
                if (seen > 0 && baseline > 0) cell->seen_bytes = fmax(0, seen - baseline);
                session_done(session, expect_child(session, v, d, length), "memory");
            }
        }
    }
    return STATUS_OK;
}
