/* q4_complexity: time and memory of softmax and kernel attention against length (Question 4).
 * `q4_complexity --help` says what is measured and how to ask for other shapes. */
#include "base/clock.h"
#include "program.h"
#include "q4_complexity_cross.h"
#include "q4_complexity_memory.h"
#include "q4_complexity_report.h"
#include "q4_complexity_session.h"
#include "q4_complexity_time.h"
#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status open_store(Session *session) {
    char path[4096];
    const char *parent = session->plan.results;
    if ((size_t)snprintf(path, sizeof path, "%s/.q4_complexity%s-checkpoint", parent,
                         *session->plan.gpu ? "_cuda" : "") >= sizeof path)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", parent);
    STATUS_TRY(store_open(&session->store, path, plan_hash(&session->plan)));
    if (*store_notice(session->store))
        fprintf(stderr, "q4_complexity: %s\n", store_notice(session->store));
    return STATUS_OK;
}

static Status describe(const Session *session, Results *results) {
    const Plan *plan = &session->plan;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%llu", (unsigned long long)plan->seed));
    if (!*plan->gpu)
        STATUS_TRY(results_run(results, "device", "%s %s", device_cpu()->name, device_cpu_isa()));
    STATUS_TRY(results_run(results, "shape", "heads %d, width %d, features %d, one sequence",
                           plan->heads, plan->width, plan->features));
    STATUS_TRY(results_run(results, "crossover_heads", "%d", plan->cross_heads));
    STATUS_TRY(results_run(results, "repetitions", "%d", plan->repetitions));
    STATUS_TRY(results_run(results, "layout", "[heads, length, width], f32"));
    STATUS_TRY(results_run(results, "inputs",
                           "standard normal queries, keys, values and output gradients; scores "
                           "scaled by 1/sqrt(width); orthogonal projection"));
    STATUS_TRY(results_run(results, "fit_range", "from the longest length to an eighth of it"));
    STATUS_TRY(results_run(results, "peak", "best sustained of a square product of size %d; %s",
                           plan->gemm_size,
                           *plan->gpu ? "copy within the GPU's memory"
                                      : "triad over four times the last-level cache"));
    return results_run(results, "continued_measurements", "%zu", store_inherited(session->store));
}

static void say_estimate(Session *session, const Grid *grid) {
    double time = time_expect(session, grid), memory = memory_expect(session, grid);
    double cross = session->plan.crossover ? cross_expect(session) : 0;
    session->expected = time + memory + cross + session_curve_expect(session);
    fprintf(stderr,
            "q4_complexity: about %.0f s (time %.0f, memory %.0f, crossover %.0f) with %d "
            "threads%s%s\n",
            session->expected, time, memory, cross, session->plan.threads,
            *session->plan.gpu ? " and " : "", session->plan.gpu);
    progress_begin(&session->progress, stderr, "q4_complexity:", session->expected);
    session->done = 0;
}

static Status run(Session *session, Results *results, Grid **grid, Cross **cross) {
    STATUS_TRY(session_take_room(session));
    STATUS_TRY(open_store(session));
    STATUS_TRY(describe(session, results));
    STATUS_TRY(session_measure_peaks(session)); /* the estimate needs them */
    if (!(*grid = grid_new(session))) return STATUS_MEMORY;
    STATUS_TRY(time_ask(session, *grid));
    say_estimate(session, *grid);
    STATUS_TRY(session_measure_curve(session));
    STATUS_TRY(time_measure(session, *grid));
    STATUS_TRY(memory_measure(session, *grid));
    STATUS_TRY(session_measure_peaks(session));
    if (session->plan.crossover) {
        if (!(*cross = cross_new())) return STATUS_MEMORY;
        STATUS_TRY(cross_measure(session, *cross));
    }
    STATUS_TRY(session_check(session));
    return report_write(session, *grid, *cross, results);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--child") == 0) return memory_child(argc, argv);
    static Session session;
    int exit_status = plan_parse(&session.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Results *results = NULL;
    Grid *grid = NULL;
    Cross *cross = NULL;
    Status status = results_open_device(&results, session.plan.results, "q4_complexity",
                                        session.plan.device->memory, argc, argv);
    if (status == STATUS_OK) status = run(&session, results, &grid, &cross);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        progress_end(&session.progress);
        store_remove(session.store);
        report_print(&session, grid, cross, stdout);
    }
    exit_status = program_end(
        &(ProgramEnd){.name = "q4_complexity",
                      .results = session.plan.results,
                      .experiment = *session.plan.gpu ? "q4_complexity_cuda" : "q4_complexity",
                      .kept = session.store ? "measurements" : NULL,
                      .line_open = session.progress.terminal},
        status);
    if (status != STATUS_OK) store_close(session.store);
    session_leave_room(&session);
    free(grid);
    free(cross);
    return exit_status;
}
