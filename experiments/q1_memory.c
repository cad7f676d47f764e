/* q1_memory: what reaches the last state of a recurrent network from words far back, and what it
 * learns to keep (Question 1). `q1_memory --help` says what is measured. */
#include "q1_memory.h"
#include "program.h"

#include <stdio.h>

static MemoryPlan plan;
static char folder[4096], fingerprint[2048];

static Status open_grid(Grid *grid) {
    if ((size_t)snprintf(folder, sizeof folder, "%s/.%s%s-work", plan.results,
                         memory_plan_experiment(&plan),
                         plan.search ? "_search" : "") >= sizeof folder)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", plan.results);
    memory_plan_describe(&plan, fingerprint, sizeof fingerprint);
    *grid = (Grid){.name = "q1_memory",
                   .folder = folder,
                   .fingerprint = fingerprint,
                   .cells = memory_cells(&plan),
                   .cost = memory_cell_cost,
                   .cell_name = memory_cell_name,
                   .work = memory_cell_run,
                   .context = &plan,
                   .processes = plan.processes,
                   .progress = stderr,
                   .replace = !plan.full || plan.search};
    return STATUS_OK;
}

static Status describe(Results *results) {
    STATUS_TRY(results_run(results, "profile", "%s", plan.full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "device", "%s %s", device_cpu()->name, device_cpu_isa()));
    STATUS_TRY(results_run(results, "trainings", "%zu", memory_cells(&plan)));
    STATUS_TRY(results_run(results, "chance", "%.9g", 1. / plan.alphabet));
    STATUS_TRY(results_run(results, "sides_lag", "%d", plan.pair_lag));
    return results_run(results, "plan", "%s", fingerprint);
}

static Status run(const Grid *grid, Results *results, MemoryData **data) {
    double seconds = 0;
    for (size_t cell = 0; cell < grid->cells; cell++)
        seconds += 1e-3 * memory_cell_cost(&plan, cell);
    fprintf(stderr, "q1_memory: %zu trainings, about %.0f s of processor time\n", grid->cells,
            seconds);
    STATUS_TRY(grid_run(grid));
    STATUS_TRY(memory_data_read(data, &plan, grid));
    if (plan.search) return STATUS_OK;
    STATUS_TRY(describe(results));
    return memory_report_write(*data, results);
}

int main(int argc, char **argv) {
    int exit_status = memory_plan_parse(&plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Grid grid;
    MemoryData *data = NULL;
    Results *results = NULL;
    Status status = open_grid(&grid);
    if (status == STATUS_OK && !plan.search)
        status = results_open(&results, plan.results, memory_plan_experiment(&plan), argc, argv);
    if (status == STATUS_OK) status = run(&grid, results, &data);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        grid_remove(&grid);
        if (plan.search) {
            memory_search_print(data, stdout);
        } else {
            memory_report_print(data, stdout);
        }
    }
    memory_data_free(data);
    return program_end(&(ProgramEnd){.name = "q1_memory",
                                     .results = plan.search ? NULL : plan.results,
                                     .experiment = memory_plan_experiment(&plan)},
                       status);
}
