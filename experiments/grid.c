/* The workers of a grid: one process a cell, as many at once as there are processors. The parent
 * only waits, so that no thread pool exists when it forks. */
#define _GNU_SOURCE
#include "grid.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "base/threads.h"
#include "grid_store.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 1024
#define WHOLE         1000000u /* a cell's share of work that is done, in millionths */

/* What a worker tells its parent: memory that both see. */
typedef struct {
    atomic_uint share;
    int finished; /* 1: status and message are set */
    Status status;
    char message[1024];
} Report;

typedef struct {
    pid_t process; /* 0: none */
    size_t cell;
    double cost;
    char name[GRID_NAME];
} Worker;

typedef struct {
    double cost;
    size_t cell;
} Item;

typedef struct {
    const Grid *grid;
    int lock, processes, asked; /* asked: to stop */
    Item *item;                 /* [items]: the cells that are missing, the costliest first */
    size_t items, next;
    double total, done; /* cost of all items; of those finished */
    Worker *worker;     /* [processes] */
    Report *report;     /* [processes] */
    sigset_t mask;      /* before the run */
    struct sigaction child_action;
    Progress progress;
    Status status; /* the first failure */
    char message[1024];
} Run;

struct GridRecord {
    const Grid *grid;
    size_t cell;
    Report *report;
    FILE *rows; /* in memory */
    char *text;
    size_t size;
    Status status; /* of the rows so far */
    char checkpoint[GRID_PATH], name[GRID_NAME];
};

/* --- in a worker ----------------------------------------------------------------------------- */

void grid_row(GridRecord *record, const char *table, const char *format, ...) {
    char row[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(row, sizeof row, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof row || strchr(row, '\n')) {
        record->status = status_fail(
            STATUS_ARGUMENT, "a row of '%s' is too long or holds a line break: %.60s", table, row);
        return;
    }
    if (fprintf(record->rows, "%s\t%s\n", table, row) < 0)
        record->status = status_fail(STATUS_MEMORY, "no memory for the rows of '%s'", table);
}

void grid_progress(GridRecord *record, double share) {
    double parts = fmin(fmax(share, 0), 1) * WHOLE;
    atomic_store_explicit(&record->report->share, isnan(parts) ? 0 : (unsigned)parts,
                          memory_order_relaxed);
}

const char *grid_checkpoint(const GridRecord *record) {
    return record->checkpoint;
}

void grid_log(GridRecord *record, const TrainTask *task, const TrainPlan *plan, const TrainLog *log,
              int loss_score, int accuracy_score, int points) {
    static const char *const schedules[] = {
        [SCHEDULE_CONSTANT] = "constant",
        [SCHEDULE_LINEAR] = "linear to 0",
        [SCHEDULE_COSINE] = "cosine to 0",
        [SCHEDULE_HOLD] = "held, then linear to 0",
    };
    uint64_t count = points < 1 ? 0 : log->steps < (uint64_t)points ? log->steps : (uint64_t)points;
    for (uint64_t p = 0; p < count; p++) {
        uint64_t from = log->steps * p / count, to = log->steps * (p + 1) / count;
        double loss = 0, right = 0, counted = 0;
        for (uint64_t i = from; i < to; i++) {
            loss += log->batch[i].loss;
            right += log->batch[i].right;
            counted += log->batch[i].counted;
        }
        grid_row(record, "curve", "%s\ttraining\t%llu\t%.6g\t%.6g", record->name,
                 (unsigned long long)to, loss / (double)(to - from),
                 counted > 0 ? right / counted : NAN);
    }
    for (size_t e = 0; e < log->evaluations; e++) {
        const TrainEvaluation *at = &log->evaluation[e];
        grid_row(record, "curve", "%s\tvalidation\t%llu\t%.6g\t%.6g", record->name,
                 (unsigned long long)at->step, loss_score < 0 ? NAN : at->score[loss_score],
                 accuracy_score < 0 ? NAN : at->score[accuracy_score]);
    }
    grid_row(record, "card",
             "%s\t%zu\tAdamW, peak rate %g, %s, warm-up %g, decay %g, clip %g\t%llu\t%zu",
             record->name, parameters_count(task->parameters), plan->rate,
             schedules[plan->schedule], plan->warmup, plan->decay, plan->clip,
             (unsigned long long)log->steps, plan->batch);
}

static Status record_cell(const Grid *grid, size_t cell, Report *report) {
    GridRecord record = {.grid = grid, .cell = cell, .report = report};
    STATUS_TRY(grid_cell_name(grid, cell, record.name));
    STATUS_TRY(grid_cell_path(grid, cell, "checkpoint", record.checkpoint));
    record.rows = open_memstream(&record.text, &record.size);
    if (!record.rows) return status_fail(STATUS_MEMORY, "no memory for its rows");
    Status status = grid->work(grid->context, cell, &record);
    if (status == STATUS_OK) status = record.status;
    if (fclose(record.rows) && status == STATUS_OK)
        status = status_fail(STATUS_MEMORY, "no memory for its rows");
    if (status == STATUS_OK) status = grid_cell_save(grid, cell, record.text, record.size);
    if (status == STATUS_OK) unlink(record.checkpoint);
    free(record.text);
    return status;
}

/* Signals that ask to stop may come twice, from the terminal and from the parent: unlike a program
 * of its own, a worker does not end at the second. */
static void listen_always(void) {
    struct sigaction action;
    const int signals[] = {SIGINT, SIGTERM};
    interrupt_install();
    for (int i = 0; i < 2; i++) {
        sigaction(signals[i], NULL, &action);
        action.sa_flags &= ~(int)SA_RESETHAND;
        sigaction(signals[i], &action, NULL);
    }
}

_Noreturn static void work(const Run *run, const Worker *worker, Report *report, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* it ended before that line */
    listen_always();
    sigaction(SIGCHLD, &run->child_action, NULL);
    sigprocmask(SIG_SETMASK, &run->mask, NULL);
    threads_set(1);
    report->status = record_cell(run->grid, worker->cell, report);
    snprintf(report->message, sizeof report->message, "%s",
             report->status == STATUS_OK ? "" : status_message());
    report->finished = 1;
    _exit(0); /* what the parent has in its buffers is the parent's to write */
}

/* --- in the parent: one worker --------------------------------------------------------------- */

static void fail(Run *run, Status status) {
    if (run->status != STATUS_OK) return; /* the first failure counts; the others follow from it */
    run->status = status;
    snprintf(run->message, sizeof run->message, "%s", status_message());
}

static void start(Run *run, int place, const Item *item) {
    Worker *worker = &run->worker[place];
    Report *report = &run->report[place];
    worker->cell = item->cell;
    worker->cost = item->cost;
    memset(report, 0, sizeof *report);
    Status status = grid_cell_name(run->grid, item->cell, worker->name);
    if (status != STATUS_OK) {
        fail(run, status);
        return;
    }
    /* A request to stop that reaches the child before it listens would meet whatever handler this
     * process was given by its caller: it waits until work() has let it in. */
    sigset_t requests, before;
    sigemptyset(&requests);
    sigaddset(&requests, SIGINT);
    sigaddset(&requests, SIGTERM);
    sigprocmask(SIG_BLOCK, &requests, &before);
    pid_t parent = getpid(), child = fork();
    if (child == 0) work(run, worker, report, parent);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child > 0)
        worker->process = child;
    else
        fail(run, status_fail(STATUS_MEMORY, "%s: cell %s: no process for it: %s", run->grid->name,
                              worker->name, strerror(errno)));
}

/* What a worker that has ended has come to. */
static void finish(Run *run, int place, int ended) {
    const Worker *worker = &run->worker[place];
    const Report *report = &run->report[place];
    const char *name = run->grid->name;
    if (WIFSIGNALED(ended))
        fail(run, status_fail(STATUS_IO, "%s: cell %s: its process was ended by signal %d (%s)",
                              name, worker->name, WTERMSIG(ended), strsignal(WTERMSIG(ended))));
    else if (!report->finished)
        fail(run, status_fail(STATUS_IO, "%s: cell %s: its process ended with exit status %d", name,
                              worker->name, WEXITSTATUS(ended)));
    else if (report->status == STATUS_OK)
        run->done += worker->cost;
    else
        fail(run,
             status_fail(report->status, "%s: cell %s: %s", name, worker->name, report->message));
}

/* --- in the parent: all of them --------------------------------------------------------------- */

static int running(const Run *run) {
    int count = 0;
    for (int i = 0; i < run->processes; i++) count += run->worker[i].process != 0;
    return count;
}

static void collect(Run *run) {
    for (int i = 0; i < run->processes; i++) {
        int ended;
        if (!run->worker[i].process) continue;
        pid_t child = waitpid(run->worker[i].process, &ended, WNOHANG);
        if (child == 0 || (child < 0 && errno == EINTR)) continue;
        if (child > 0)
            finish(run, i, ended);
        else
            fail(run, status_fail(STATUS_IO, "%s: cell %s: its process is lost: %s",
                                  run->grid->name, run->worker[i].name, strerror(errno)));
        run->worker[i].process = 0;
    }
}

static void stop_workers(Run *run) {
    if (run->asked) return;
    run->asked = 1;
    for (int i = 0; i < run->processes; i++)
        if (run->worker[i].process) kill(run->worker[i].process, SIGTERM);
}

static void show(Run *run) {
    double done = run->done;
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < run->processes; i++) {
        const Worker *worker = &run->worker[i];
        if (!worker->process) continue;
        done += worker->cost * atomic_load_explicit(&run->report[i].share, memory_order_relaxed) /
                WHOLE;
        if (used < sizeof names - GRID_NAME)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     worker->name);
    }
    progress_step(&run->progress, done, names);
}

/* Until a child ends, a signal comes, or it is time to show something. */
static void wait_a_moment(void) {
    const struct timespec most = {0, 100 * 1000 * 1000};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigtimedwait(&child, NULL, &most);
}

static void run_cells(Run *run) {
    while (1) {
        if (run->status == STATUS_OK && interrupt_requested())
            fail(run, status_fail(STATUS_INTERRUPTED, "stopped"));
        for (int i = 0; i < run->processes && run->status == STATUS_OK && run->next < run->items;
             i++)
            if (!run->worker[i].process) start(run, i, &run->item[run->next++]);
        if (run->status != STATUS_OK) stop_workers(run);
        if (!running(run)) return;
        wait_a_moment();
        collect(run);
        show(run);
    }
}

/* --- beginning and end ------------------------------------------------------------------------ */

static int costlier(const void *a, const void *b) {
    const Item *x = a, *y = b;
    if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static Status find_missing(Run *run) {
    const Grid *grid = run->grid;
    run->item = calloc(grid->cells + 1, sizeof *run->item);
    if (!run->item)
        return status_fail(STATUS_MEMORY, "%s: no memory for %zu cells", grid->name, grid->cells);
    for (size_t cell = 0; cell < grid->cells; cell++) {
        char *text;
        STATUS_TRY(grid_cell_load(grid, cell, &text));
        int found = text != NULL;
        free(text);
        if (found) continue;
        double cost = grid->cost ? grid->cost(grid->context, cell) : 1;
        run->item[run->items++] = (Item){cost > 0 && isfinite(cost) ? cost : 1, cell};
    }
    qsort(run->item, run->items, sizeof *run->item, costlier);
    for (size_t i = 0; i < run->items; i++) run->total += run->item[i].cost;
    return STATUS_OK;
}

static Status make_room(Run *run) {
    const Grid *grid = run->grid;
    size_t most = run->items < PROCESSES_MAX ? run->items : PROCESSES_MAX;
    run->processes = grid->processes > 0 ? grid->processes : threads_available();
    if ((size_t)run->processes > most) run->processes = (int)most;
    run->worker = calloc((size_t)run->processes, sizeof *run->worker);
    run->report = mmap(NULL, (size_t)run->processes * sizeof *run->report, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->report == MAP_FAILED) run->report = NULL;
    if (run->worker && run->report) return STATUS_OK;
    return status_fail(STATUS_MEMORY, "%s: no memory for %d workers", grid->name, run->processes);
}

/* SIGCHLD is held back, to be waited for, and not ignored, as a caller may have inherited it. */
static void hold_signals(Run *run) {
    struct sigaction action;
    sigset_t child;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, &run->child_action);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &run->mask);
}

static Status report_end(Run *run) {
    const Grid *grid = run->grid;
    if (run->status == STATUS_OK) {
        progress_end(&run->progress);
        return STATUS_OK;
    }
    if (run->progress.terminal)
        fputc('\n', grid->progress); /* the caller's message begins a line */
    if (run->status != STATUS_INTERRUPTED) return status_fail(run->status, "%s", run->message);
    return status_fail(STATUS_INTERRUPTED,
                       "%s: stopped with %.0f %% done; start it again with the same arguments to "
                       "continue from %s",
                       grid->name, 100 * run->done / run->total, grid->folder);
}

static Status run_missing(Run *run) {
    const Grid *grid = run->grid;
    if (run->items < grid->cells && grid->progress)
        fprintf(grid->progress, "%s: %zu of %zu cells were done before\n", grid->name,
                grid->cells - run->items, grid->cells);
    if (run->items == 0) return STATUS_OK;
    STATUS_TRY(make_room(run));
    if (grid->progress) fflush(grid->progress);
    hold_signals(run);
    progress_begin(&run->progress, grid->progress, grid->name, run->total);
    run_cells(run);
    sigprocmask(SIG_SETMASK, &run->mask, NULL);
    sigaction(SIGCHLD, &run->child_action, NULL);
    return report_end(run);
}

Status grid_run(const Grid *grid) {
    Run run = {.grid = grid, .lock = -1};
    if (!grid->name || !grid->folder || !grid->fingerprint || !grid->work)
        return status_fail(STATUS_ARGUMENT, "a grid needs name, folder, fingerprint and work");
    Status status = grid_folder_open(grid, &run.lock);
    if (status == STATUS_OK) status = find_missing(&run);
    if (status == STATUS_OK) status = run_missing(&run);
    if (run.report) munmap(run.report, (size_t)run.processes * sizeof *run.report);
    free(run.worker);
    free(run.item);
    if (run.lock >= 0) close(run.lock);
    return status;
}

/* --- afterwards ------------------------------------------------------------------------------- */

static Status take_rows(char *text, const char *table, size_t cell, GridTake take, void *context) {
    size_t length = strlen(table);
    for (char *row = text, *end; *row; row = end + 1) {
        end = strchr(row, '\n'); /* every line of a whole file has one */
        *end = 0;
        if (strncmp(row, table, length) == 0 && row[length] == '\t')
            STATUS_TRY(take(context, cell, row + length + 1));
    }
    return STATUS_OK;
}

Status grid_rows(const Grid *grid, const char *table, GridTake take, void *context) {
    for (size_t cell = 0; cell < grid->cells; cell++) {
        char *text, name[GRID_NAME];
        STATUS_TRY(grid_cell_name(grid, cell, name));
        STATUS_TRY(grid_cell_load(grid, cell, &text));
        if (!text)
            return status_fail(STATUS_FORMAT, "%s: %s: cell %s is missing or damaged", grid->name,
                               grid->folder, name);
        Status status = take_rows(text, table, cell, take, context);
        free(text);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}
