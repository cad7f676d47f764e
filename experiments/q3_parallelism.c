/* q3_parallelism: why Transformers use a parallel machine better than recurrent networks, and where
 * they do not (Question 3). `q3_parallelism --help` says what is measured. */
#include "q3_parallelism.h"
#include "program.h"

#include <stdio.h>

static Status open_store(Q3Session *session) {
    char path[4096];
    const char *parent = session->plan.results;
    if ((size_t)snprintf(path, sizeof path, "%s/.q3_parallelism%s-checkpoint", parent,
                         *session->plan.gpu ? "_cuda" : "") >= sizeof path)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", parent);
    STATUS_TRY(store_open(&session->store, path, q3_plan_hash(&session->plan)));
    if (*store_notice(session->store))
        fprintf(stderr, "q3_parallelism: %s\n", store_notice(session->store));
    return STATUS_OK;
}

static const char cpu_alone[] = "model_batch, model_length, model_threads (both models are trained "
                                "through the tape), threads, the cache's roof";

static Status describe(const Q3Session *session, Results *results) {
    const Q3Plan *plan = &session->plan;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%llu", (unsigned long long)plan->seed));
    if (!*plan->gpu)
        STATUS_TRY(results_run(results, "device", "%s %s", device_cpu()->name, device_cpu_isa()));
    else
        STATUS_TRY(results_run(results, "not_on_the_gpu", "%s", cpu_alone));
    STATUS_TRY(results_run(results, "layers", "width %d, heads %d, features %d, taps %d, f32",
                           plan->shape.width, plan->shape.heads, plan->shape.features,
                           plan->shape.taps));
    if (!*plan->gpu)
        STATUS_TRY(results_run(
            results, "models",
            "Transformer width %d, heads %d, layers %d + %d, feed-forward %d; LSTM "
            "layers %d + %d, attention by dot score; vocabulary %d",
            plan->model.width, plan->model.heads, plan->model.layers, plan->model.layers,
            4 * plan->model.width, plan->model.layers, plan->model.layers, plan->model.vocabulary));
    STATUS_TRY(results_run(results, "repetitions", "%d", plan->repetitions));
    return results_run(results, "continued_measurements", "%zu", store_inherited(session->store));
}

static Status run(Q3Session *session, Results *results) {
    STATUS_TRY(open_store(session));
    STATUS_TRY(describe(session, results));
    STATUS_TRY(q3_list_points(session));
    fprintf(stderr, "q3_parallelism: about %.0f s with %d threads%s%s\n", session->expected,
            session->plan.threads, *session->plan.gpu ? " and " : "", session->plan.gpu);
    if (*session->plan.gpu)
        fprintf(stderr, "q3_parallelism: on the CPU alone, not measured now: %s\n", cpu_alone);
    progress_begin(&session->progress, stderr, "q3_parallelism:", session->expected);
    STATUS_TRY(q3_measure(session));
    return q3_report_write(session, results);
}

int main(int argc, char **argv) {
    static Q3Session session;
    int exit_status = q3_plan_parse(&session.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    Results *results = NULL;
    Status status = results_open_device(&results, session.plan.results, "q3_parallelism",
                                        session.plan.device->memory, argc, argv);
    if (status == STATUS_OK) status = run(&session, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        progress_end(&session.progress);
        store_remove(session.store);
        q3_report_print(&session, stdout);
    }
    exit_status = program_end(
        &(ProgramEnd){.name = "q3_parallelism",
                      .results = session.plan.results,
                      .experiment = *session.plan.gpu ? "q3_parallelism_cuda" : "q3_parallelism",
                      .kept = session.store ? "measurements" : NULL,
                      .line_open = session.progress.terminal},
        status);
    if (status != STATUS_OK) store_close(session.store);
    return exit_status;
}
