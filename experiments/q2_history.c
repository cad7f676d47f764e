/* q2_history: how a Transformer sees the past without recurrence (Question 2). `q2_history --help`
 * says what is measured. */
#include "q2_history.h"
#include "program.h"

#include <stdio.h>

static Status describe(const HistoryPlan *plan, Results *results) {
    const RecallShape *r = &plan->recall;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%llu", (unsigned long long)plan->seed));
    STATUS_TRY(results_run(results, "device", "%s %s", device_cpu()->name, device_cpu_isa()));
    STATUS_TRY(results_run(results, "networks",
                           "Transformer width %d, heads %d, layers %d, feed-forward %d; LSTM of as "
                           "many parameters; %d keys, %d values",
                           r->width, r->heads, r->layers, r->feed_forward, r->alphabet,
                           r->alphabet));
    return results_run(results, "trainings", "%zu", plan->cells);
}

static Status run(HistorySession *session, Grid *grid, Results *results) {
    const HistoryPlan *plan = &session->plan;
    double seconds = 0;
    for (size_t c = 0; c < plan->cells; c++) seconds += history_cell_cost(&session->plan, c);
    fprintf(stderr, "q2_history: %zu trainings, about %.0f s of processor time; then about %d s\n",
            plan->cells, seconds, plan->full ? 15 : 2);
    STATUS_TRY(history_train(session, grid));
    STATUS_TRY(describe(plan, results));
    STATUS_TRY(history_measure(session));
    return history_report(session, grid, results);
}

int main(int argc, char **argv) {
    static HistorySession session;
    static Grid grid;
    int exit_status = history_plan_parse(&session.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    const HistoryPlan *plan = &session.plan;
    program_begin();
    Results *results = NULL;
    Status status = results_open(&results, plan->results, plan->experiment, argc, argv);
    if (status == STATUS_OK) status = run(&session, &grid, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        history_print(&session, &grid, stdout);
        grid_remove(&grid);
    }
    return program_end(&(ProgramEnd){.name = "q2_history",
                                     .results = plan->results,
                                     .experiment = plan->experiment,
                                     .line_open = session.progress.terminal},
                       status);
}
