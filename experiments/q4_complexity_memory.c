#define _GNU_SOURCE
#include "q4_complexity_memory.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/threads.h"
#include "op/cuda.h"

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

#define CHILD_SECONDS     0.04 /* to start a process, for the estimate */
#define GPU_CHILD_SECONDS 0.6  /* and to open a GPU in it */
#define GPU_RESOLUTION    (2 << 20)
#define LITTLE            64 /* rows */

/* --child variant direction H E R N threads operate; of a GPU also the bytes of its arena */
enum { CHILD_ARGUMENTS = 10, NUMBERS = 7 };

double memory_resolution_bytes(const Plan *plan) {
    if (*plan->gpu) return GPU_RESOLUTION; /* the driver's large pages */
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

/* On the CPU: the largest resident size. */
static Status child_run(const Variant *variant, Shape shape, Direction direction, int operate,
                        double *seen) {
    Room room;
    STATUS_TRY(room_open(&room, device_cpu()));
    size_t floats = (size_t)shape.heads * (size_t)shape.length * (size_t)shape.width;
    size_t projection = (size_t)shape.features * (size_t)shape.width;
    Workspace workspace;
    STATUS_TRY(workspace_open(&workspace, &room, floats, projection, 1,
                              direction == DIRECTION_BACKWARD, 0));
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

static Status free_now(const Device *device, double *bytes) {
    size_t now, total;
    STATUS_TRY(device->memory->wait());
    STATUS_TRY(device->memory->free_bytes(&now, &total));
    *bytes = (double)now;
    return STATUS_OK;
}

/* The operation in an arena of its own, which goes again where `keep` is not set. */
static Status run_in(Workspace *workspace, const Variant *variant, Shape shape, Direction direction,
                     size_t bytes, int keep) {
    Case one;
    Sample sample[2];
    const int calls[2] = {1, direction == DIRECTION_BACKWARD};
    case_make(&one, variant, shape, workspace);
    STATUS_TRY(room_arena(workspace->room, bytes ? bytes : 64, &workspace->work));
    STATUS_TRY(case_measure(workspace, &one, calls, sample));
    if (!keep) room_arena_close(workspace->room, &workspace->work);
    return STATUS_OK;
}

/* On a GPU: what its driver has less when an arena of just the bytes that were counted is there and
 * the operation has run in it. It runs once before, at a small length: the code that a GPU loads
 * then is none of the operation's memory. */
static Status child_run_gpu(const Variant *variant, Shape shape, Direction direction, size_t bytes,
                            double *seen) {
    const size_t floats = (size_t)shape.heads * (size_t)shape.length * (size_t)shape.width;
    const size_t projection = (size_t)shape.features * (size_t)shape.width;
    const Device *device;
    Room room;
    Workspace workspace;
    double before, after;
    STATUS_TRY(device_choose("cuda", &device));
    room_open_apart(&room, device);
    STATUS_TRY(workspace_open(&workspace, &room, floats, projection, 1,
                              direction == DIRECTION_BACKWARD, 64));
    room_arena_close(&room, &workspace.work);
    Status status = workspace_project(&workspace, shape.features, shape.width, 1, 0);
    Shape little = shape;
    if (little.length > LITTLE) little.length = LITTLE;
    if (status == STATUS_OK) status = run_in(&workspace, variant, little, direction, bytes, 0);
    if (status == STATUS_OK) status = free_now(device, &before);
    if (status == STATUS_OK) status = run_in(&workspace, variant, shape, direction, bytes, 1);
    if (status == STATUS_OK) status = free_now(device, &after);
    if (status == STATUS_OK) *seen = fmax(0, before - after);
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
    int number[NUMBERS]; /* direction H E R N threads operate */
    const int gpu = argc == CHILD_ARGUMENTS + 1;
    const Variant *variant = argc == CHILD_ARGUMENTS || gpu ? case_variant(argv[2]) : NULL;
    int good = variant != NULL;
    for (int i = 0; i < NUMBERS && good; i++) good = whole_number(argv[3 + i], &number[i]);
    if (!good) {
        fprintf(stderr, "q4_complexity: --child is the program's own way to start itself again; "
                        "--help lists the flags\n");
        return 2;
    }
    threads_set(number[5]);
    Shape shape = {number[1], number[2], number[3], number[4]};
    double seen;
    const Direction direction = number[0] ? DIRECTION_BACKWARD : DIRECTION_FORWARD;
    if (gpu ? child_run_gpu(variant, shape, direction,
                            (size_t)strtoull(argv[CHILD_ARGUMENTS], NULL, 10), &seen)
            : child_run(variant, shape, direction, number[6], &seen)) {
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
                        int operate, double counted, double *seen) {
    const Plan *plan = &session->plan;
    char text[NUMBERS][16], bytes[32];
    int number[NUMBERS] = {direction, plan->heads,   plan->width, plan->features,
                           length,    plan->threads, operate};
    snprintf(bytes, sizeof bytes, "%.0f", counted);
    for (int i = 0; i < NUMBERS; i++) snprintf(text[i], sizeof text[i], "%d", number[i]);
    char name[64];
    snprintf(name, sizeof name, "%s", slug);
    char *arguments[] = {"q4_complexity",
                         "--child",
                         name,
                         text[0],
                         text[1],
                         text[2],
                         text[3],
                         text[4],
                         text[5],
                         text[6],
                         *plan->gpu ? bytes : NULL,
                         NULL};
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
                       double counted, double *seen) {
    char name[STORE_NAME_MAX];
    snprintf(name, sizeof name, "%s %s %d %d", operate ? "seen" : "baseline", slug, direction,
             length);
    if (store_get(session->store, name, seen, 1)) return STATUS_OK;
    STATUS_TRY(session_check(session));
    STATUS_TRY(child_ask(session, slug, direction, length, operate, counted, seen));
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
    double start = *plan->gpu ? GPU_CHILD_SECONDS : CHILD_SECONDS;
    double seconds = start + 5e-9 * case_inputs_bytes(one.shape, (Direction)d);
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

static Status measure(Session *session, Grid *grid) {
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
                /* What runs forward before backward needs room for both. */
                const Cell *forward = &grid->cell[v][0][i];
                const double counted = fmax(cell->counted_bytes, d ? forward->forward_bytes : 0);
                if (*plan->gpu)
                    baseline = 0;
                else if (isnan(baseline))
                    STATUS_TRY(resident(session, "value", d, length, 0, 0, &baseline));
                STATUS_TRY(resident(session, case_variants[v].slug, d, length, 1, counted, &seen));
                if (*plan->gpu)
                    cell->seen_bytes = seen;
                else if (seen > 0 && baseline > 0)
                    cell->seen_bytes = fmax(0, seen - baseline);
                session_done(session, expect_child(session, v, d, length), "memory");
            }
        }
    }
    return STATUS_OK;
}

Status memory_measure(Session *session, Grid *grid) {
    if (!room_is_gpu(&session->room)) return measure(session, grid);
    session_leave_room(session); /* the children need it */
    Status status = measure(session, grid);
    return status == STATUS_OK ? session_take_room(session) : status;
}
