/* q2_drawbacks: what a Transformer is worse at than a recurrent network (Question 2).
 * `q2_drawbacks --help` says what is measured. */
#include "q2_drawbacks.h"
#include "program.h"
#include "base/progress.h"
#include "op/op.h"
#include "q2_drawbacks_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Drawbacks d;
    Grid grid;
    char folder[1200], fingerprint[640];
    Gathered *gathered;
    Generation *generation;
    Progress progress;
} Session;

static Status describe(const Drawbacks *d, Results *results) {
    const DrawbacksPlan *plan = &d->plan;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%llu", (unsigned long long)plan->seed));
    STATUS_TRY(results_run(results, "device", "%s %s", device_cpu()->name, device_cpu_isa()));
    STATUS_TRY(results_run(results, "trainings",
                           "processes of one thread; generation timed on one "
                           "thread"));
    if (!d->has_text)
        return results_run(results, "sentences", "none found: the next character was left out");
    STATUS_TRY(results_run(results, "sentences", "UD Persian-PerDT, train %zu, dev %zu",
                           d->train.count, d->test.count));
    return drawbacks_text_describe(d, results);
}

static void tell(void *context, double share) {
    Session *s = context;
    progress_step(&s->progress, share, "generation");
}

static Status measure(Session *s) {
    Drawbacks *d = &s->d;
    if (snprintf(s->folder, sizeof s->folder, "%s/.%s-work", d->plan.results, d->experiment) >=
        (int)sizeof s->folder)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", d->plan.results);
    drawbacks_fingerprint(d, s->fingerprint, sizeof s->fingerprint);
    s->grid = (Grid){.name = "q2_drawbacks",
                     .folder = s->folder,
                     .fingerprint = s->fingerprint,
                     .cells = d->cells,
                     .cost = drawbacks_cost,
                     .cell_name = drawbacks_cell_name,
                     .work = drawbacks_work,
                     .context = d,
                     .processes = d->plan.processes,
                     .progress = stderr,
                     .replace = !d->plan.full};
    STATUS_TRY(grid_run(&s->grid));
    STATUS_TRY(drawbacks_gather(&s->gathered, d, &s->grid));
    progress_begin(&s->progress, stderr, "q2_drawbacks: timing", 1);
    STATUS_TRY(generation_open(&s->generation, &d->plan));
    STATUS_TRY(generation_run(s->generation, tell, s));
    progress_end(&s->progress);
    return STATUS_OK;
}

static Status run(Session *s, Results *results) {
    Drawbacks *d = &s->d;
    STATUS_TRY(drawbacks_text_open(d));
    if (!d->has_text)
        fprintf(stderr,
                "q2_drawbacks: no fa_perdt-ud-train and fa_perdt-ud-dev in %s: the next character "
                "is left out (make data brings them)\n",
                d->plan.data);
    drawbacks_list_cells(d);
    STATUS_TRY(describe(d, results));
    STATUS_TRY(results_prefix(results, "%s.", d->facts));
    STATUS_TRY(measure(s));
    STATUS_TRY(drawbacks_report_grid(d, s->gathered, &s->grid, results));
    return drawbacks_report_generation(d, s->generation, results);
}

int main(int argc, char **argv) {
    static Session s;
    int exit_status = drawbacks_plan_parse(&s.d, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Results *results = NULL;
    Status status = results_open(&results, s.d.plan.results, s.d.experiment, argc, argv);
    if (status == STATUS_OK) status = run(&s, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        grid_remove(&s.grid);
        drawbacks_report_print(&s.d, s.gathered, s.generation, stdout);
    }
    exit_status = program_end(&(ProgramEnd){.name = "q2_drawbacks",
                                            .results = s.d.plan.results,
                                            .experiment = s.d.experiment,
                                            .kept = "trainings"},
                              status);
    free(s.gathered);
    generation_close(s.generation);
    drawbacks_text_close(&s.d);
    return exit_status;
}
