/* From the command line to the results: seed after seed, each kept as soon as it is trained. */
#define _XOPEN_SOURCE 700
#include "q6_cola.h"
#include "base/clock.h"
#include "program.h"
#include "base/threads.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    Q6Plan plan;
    BertConfig config;
    Q6Data data;
    Q6Seed seed[Q6_SEEDS_MAX];
    size_t seeds; /* finished */
    Q6Work work;
    char fingerprint[512];
    char export_folder[PATH_MAX]; /* from the root; "": none */
} Q6Run;

/* A folder that lacks what make data brings is the most common mistake. */
static Status check_input(const char *flag, const char *folder, const char *file) {
    char path[1400];
    if (strlen(folder) > 1000) return status_fail(STATUS_ARGUMENT, "--%s: path too long", flag);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (access(path, R_OK) == 0) return STATUS_OK;
    return status_fail(
        STATUS_IO,
        "--%s=%s: %s: %s; make data brings models and corpora (make data PROFILE=full "
        "bert-base-uncased too), or name a folder that holds them",
        flag, folder, path, strerror(errno));
}

/* Better now than after the training. The folder that the weights come from is no place for others:
 * the next run would start from them. */
static Status check_export(Q6Run *run) {
    const char *folder = run->plan.export_folder;
    struct stat model, export;
    if (!folder) return STATUS_OK;
    if (mkdir(folder, 0777) && errno != EEXIST)
        return status_fail(STATUS_IO, "--export=%s: cannot be made: %s", folder, strerror(errno));
    if (stat(folder, &export) || !S_ISDIR(export.st_mode) || access(folder, W_OK | X_OK))
        return status_fail(STATUS_IO, "--export=%s: expected a folder that can be written", folder);
    if (stat(run->plan.model, &model) == 0 && model.st_dev == export.st_dev &&
        model.st_ino == export.st_ino)
        return status_fail(STATUS_ARGUMENT,
                           "--export=%s: is the folder of the model itself, whose weights would be "
                           "lost; name another one",
                           folder);
    char whole[PATH_MAX];
    if (!realpath(folder, whole) || strlen(whole) >= sizeof run->seed[0].exported)
        return status_fail(STATUS_IO, "--export=%s: path too long", folder);
    snprintf(run->export_folder, sizeof run->export_folder, "%s", whole);
    return STATUS_OK;
}

/* A seed that was finished by an earlier process has left its answers, not its weights. */
static Status check_exported(const Q6Run *run, const Q6Seed *seed, const char *path) {
    char weights[PATH_MAX + 32];
    snprintf(weights, sizeof weights, "%s/model.safetensors", run->export_folder);
    if (strcmp(seed->exported, run->export_folder) == 0 && access(weights, R_OK) == 0)
        return STATUS_OK;
    return status_fail(STATUS_ARGUMENT,
                       "--export=%s: seed %d was trained before without it, and its weights are "
                       "not kept; leave --export out, or remove %s to train that seed again",
                       run->plan.export_folder, seed->seed, path);
}

static Status run_seed(Q6Run *run, int seed, int is_last, Q6Seed *out) {
    const char *export_folder = is_last && *run->export_folder ? run->export_folder : NULL;
    char finished[1300], training[1300];
    int found;
    q6_work_path(&run->work, seed, "", finished, sizeof finished);
    q6_work_path(&run->work, seed, "-training", training, sizeof training);
    STATUS_TRY(q6_store_load(finished, run->fingerprint, &run->data, seed, out, &found));
    if (found) {
        fprintf(stderr, "q6_cola: seed %d was trained before: taken from %s\n", seed, finished);
        return export_folder ? check_exported(run, out, finished) : STATUS_OK;
    }
    STATUS_TRY(q6_train_seed(&run->plan, &run->data, seed, training, export_folder, out));
    Status status = q6_store_save(finished, run->fingerprint, out);
    if (status == STATUS_OK) unlink(training);
    return status;
}

/* The progress of a seed shows its own time only. */
static void show_left(const Q6Run *run, double seconds, int trained) {
    size_t left = (size_t)run->plan.seeds.count - run->seeds;
    if (left == 0 || trained == 0) return;
    fprintf(stderr, "q6_cola: %zu of %d seeds done, about %.0f min for the others\n", run->seeds,
            run->plan.seeds.count, (double)left * seconds / trained / 60 + .5);
}

static Status run_seeds(Q6Run *run) {
    const Q6Plan *plan = &run->plan;
    double seconds = 0;
    int trained = 0;
    for (int i = 0; i < plan->seeds.count; i++) {
        Q6Seed *seed = &run->seed[run->seeds++];
        double began = clock_seconds();
        STATUS_TRY(run_seed(run, plan->seeds.values[i], i + 1 == plan->seeds.count, seed));
        double took = clock_seconds() - began;
        if (took > 1) seconds += took, trained++;
        q6_print_seed(plan, seed, &run->data);
        show_left(run, seconds, trained);
    }
    return STATUS_OK;
}

static Status run_all(Q6Run *run, Results *results) {
    const Q6Plan *plan = &run->plan;
    char path[1100];
    snprintf(path, sizeof path, "%s/config.json", plan->model);
    STATUS_TRY(bert_config_load(path, &run->config));
    STATUS_TRY(q6_data_open(&run->data, plan, &run->config));
    STATUS_TRY(q6_fingerprint(plan, &run->data, run->fingerprint, sizeof run->fingerprint));
    STATUS_TRY(
        q6_work_open(&run->work, plan->results, plan->experiment, run->fingerprint, plan->quick));
    STATUS_TRY(q6_data_describe(&run->data, plan, results));
    q6_print_data(plan, &run->data);
    STATUS_TRY(run_seeds(run));
    return q6_report_write(plan, &run->data, &run->config, run->seed, run->seeds, results);
}

static Status run_experiment(Q6Run *run, int argc, char **argv) {
    Results *results;
    STATUS_TRY(check_input("model", run->plan.model, "config.json"));
    STATUS_TRY(check_input("data", run->plan.data, ""));
    if (strlen(run->plan.results) > 1000)
        return status_fail(STATUS_ARGUMENT, "--results: path too long");
    STATUS_TRY(check_export(run));
    STATUS_TRY(results_open(&results, run->plan.results, run->plan.experiment, argc, argv));
    const Status status = results_end(results, run_all(run, results));
    q6_work_close(&run->work, status == STATUS_OK);
    return status;
}

int q6_run(int argc, char **argv) {
    static Q6Run run;
    run = (Q6Run){.work = {.lock = -1}};
    int exit_status = q6_plan_parse(&run.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    threads_set(run.plan.threads);
    Status status = run_experiment(&run, argc, argv);
    exit_status = program_end(&(ProgramEnd){.name = "q6_cola",
                                            .results = run.plan.results,
                                            .experiment = run.plan.experiment},
                              status);
    for (size_t i = 0; i < run.seeds; i++) q6_seed_free(&run.seed[i]);
    q6_data_close(&run.data);
    return exit_status;
}
