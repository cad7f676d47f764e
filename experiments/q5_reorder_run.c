/* From the command line to the results. */
#define _XOPEN_SOURCE 700
#include "program.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/reorderer_file.h"
#include "q5_reorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* <results>/.<experiment>-work/training.safetensors: what an interrupted
 * training left. */
static Status make_work(const Q5ReorderPlan *plan, char *folder, size_t size) {
    if (snprintf(folder, size, "%s/.%s-work", plan->results, plan->experiment) >= (int)size - 32)
        return status_fail(STATUS_ARGUMENT, "--results: path too long");
    if (mkdir(folder, 0777) && errno != EEXIST)
        return status_fail(STATUS_IO, "%s: cannot be made: %s", folder, strerror(errno));
    return STATUS_OK;
}

/* Five test sentences, no two the same. */
static void draw_samples(Q5Run *run) {
    const size_t count = run->data->test.count;
    for (int k = 0; k < Q5_SAMPLES; k++) {
        int again = 1;
        for (uint64_t draw = 0; again; draw++) {
            run->sample[k] = (uint32_t)rng_below(
                (uint64_t)run->plan->seed, rng_stream("q5.samples") + (uint64_t)k, draw, count);
            again = 0;
            for (int j = 0; j < k; j++) again |= run->sample[j] == run->sample[k];
        }
    }
}

static Status look_before(Q5Run *run) {
    Arena arena;
    const Q5Sentences *data = run->data;
    if (data->test.count < Q5_SAMPLES || data->dev.count == 0)
        return status_fail(STATUS_ARGUMENT,
                           "%s: %zu sentences of dev, %zu of test; expected at least 1 and %d",
                           run->plan->data, data->dev.count, data->test.count, Q5_SAMPLES);
    draw_samples(run);
    STATUS_TRY(arena_open(&arena, 0));
    Status status =
        q5_loss(&run->network, &arena, data, &data->dev, &run->before_loss, &run->before_accuracy);
    arena_close(&arena);
    if (status != STATUS_OK) return status;
    STATUS_TRY(q5_answers_open(&data->test, &run->before));
    return q5_answer_network(&run->network, data, &data->test, &(ReordererSearch){.beam = 1}, NULL,
                             &run->before);
}

static Status run_all(Q5Run *run, const char *checkpoint) {
    const Q5ReorderPlan *plan = run->plan;
    const Q5Sentences *data = run->data;
    TrainLog *log = NULL;
    if (plan->against) STATUS_TRY(q5_check_against(plan));
    printf("training: %zu sentences (%zu favoured), %zu words an epoch; %zu "
           "words known\n",
           data->distinct, data->favoured, data->train.words, data->known);
    fflush(stdout);
    STATUS_TRY(q5_network_open(&run->network, plan));
    STATUS_TRY(look_before(run));
    STATUS_TRY(q5_train(plan, data, &run->network, checkpoint, &log));
    run->log = log;
    Status status = STATUS_OK;
    if (plan->model)
        status = reorderer_save(run->network.pointer, &data->data.words, data->known, plan->model);
    if (status == STATUS_OK) status = q5_train_ngram(data, &run->ngram);
    if (status == STATUS_OK) status = results_prefix(run->results, "%s.", plan->prefix);
    if (status == STATUS_OK) status = q5_measure(run);
    if (status == STATUS_OK) status = q5_report(run);
    train_log_free(log);
    return status;
}

static Status run_experiment(Q5Run *run, Q5Sentences *data, int argc, char **argv) {
    char folder[1200], checkpoint[1240];
    const Q5ReorderPlan *plan = run->plan;
    STATUS_TRY(results_open(&run->results, plan->results, plan->experiment, argc, argv));
    Status status = make_work(plan, folder, sizeof folder);
    if (status == STATUS_OK) status = q5_sentences_open(data, plan);
    if (status == STATUS_OK) {
        snprintf(checkpoint, sizeof checkpoint, "%s/training.safetensors", folder);
        status = run_all(run, checkpoint);
    }
    STATUS_TRY(results_end(run->results, status));
    unlink(checkpoint);
    rmdir(folder);
    return STATUS_OK;
}

int q5_reorder_run(int argc, char **argv) {
    Q5ReorderPlan plan;
    static Q5Sentences data;
    static Q5Run run;
    int exit_status = q5_reorder_parse(&plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    threads_set(plan.threads);
    run = (Q5Run){.plan = &plan, .data = &data};
    Status status = run_experiment(&run, &data, argc, argv);
    exit_status = program_end(
        &(ProgramEnd){.name = "q5_reorder", .results = plan.results, .experiment = plan.experiment},
        status);
    q5_answers_close(&run.before), q5_answers_close(&run.after);
    ngram_close(run.ngram);
    q5_network_close(&run.network);
    q5_sentences_close(&data);
    return exit_status;
}
