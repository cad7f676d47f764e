/* q1_bottleneck: the bottleneck of the encoder-decoder, and how attention removes it (Question 1).
 * `q1_bottleneck --help` says what is measured. */
#include "q1_bottleneck.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

static const char *experiment_of(const Q1Plan *plan) {
    return plan->full ? "q1_bottleneck" : "q1_bottleneck_quick";
}

static Status describe(const Q1Session *session, Results *results) {
    const Q1Plan *plan = &session->plan;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%llu", (unsigned long long)plan->seed));
    STATUS_TRY(results_run(results, "tasks",
                           "copy and reversal of %d symbols, training lengths %d-%d",
                           plan->alphabet, plan->shortest, plan->longest));
    STATUS_TRY(results_run(results, "training",
                           "%d steps of %d sequences (text: %d), AdamW, cosine", plan->steps,
                           plan->batch, plan->text_steps));
    if (session->text.count == 0)
        return results_run(results, "text", "not there, left out: %s", plan->text);
    STATUS_TRY(results_run(results, "text_training_sha256", "%s", session->text.sha256[0]));
    STATUS_TRY(results_run(results, "text_held_out_sha256", "%s", session->text.sha256[1]));
    return results_run(results, "text_sentences", "training %d, validation %d, test %d",
                       session->text.sentences[Q1_TRAIN], session->text.sentences[Q1_VALIDATE],
                       session->text.sentences[Q1_TEST]);
}

/* *results is NULL once it is committed. */
static Status run(Q1Session *session, Results **results) {
    char fingerprint[2048], folder[4096];
    const Q1Plan *plan = &session->plan;
    STATUS_TRY(q1_text_open(&session->text, plan->text));
    if (session->text.count == 0)
        fprintf(stderr,
                "q1_bottleneck: %s is not there (make data brings it); the Persian part is left "
                "out\n",
                plan->text);
    q1_list_cells(session);
    STATUS_TRY(describe(session, *results));
    q1_plan_text(session, fingerprint, sizeof fingerprint);
    if ((size_t)snprintf(folder, sizeof folder, "%s/.%s-work", plan->results,
                         experiment_of(plan)) >= sizeof folder)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", plan->results);
    const Grid grid = {.name = "q1_bottleneck",
                       .folder = folder,
                       .fingerprint = fingerprint,
                       .cells = (size_t)session->cells,
                       .cost = q1_cell_cost,
                       .cell_name = q1_cell_name,
                       .work = q1_train_cell,
                       .context = session,
                       .processes = plan->processes,
                       .progress = stderr,
                       .replace = !plan->full};
    fprintf(stderr, "q1_bottleneck: %d trainings of %d networks\n", session->cells,
            session->models);
    STATUS_TRY(grid_run(&grid));
    STATUS_TRY(q1_report_write(session, &grid, *results));
    Results *whole = *results;
    *results = NULL;
    STATUS_TRY(results_commit(whole));
    grid_remove(&grid);
    return STATUS_OK;
}

int main(int argc, char **argv) {
    static Q1Session session;
    int exit_status = q1_plan_parse(&session.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Results *results = NULL;
    const char *experiment = experiment_of(&session.plan);
    Status status = results_open(&results, session.plan.results, experiment, argc, argv);
    if (status == STATUS_OK) status = run(&session, &results);
    results_discard(results);
    q1_text_close(&session.text);
    return program_end(&(ProgramEnd){.name = "q1_bottleneck",
                                     .results = session.plan.results,
                                     .experiment = experiment,
                                     .kept = "trainings"},
                       status);
}
