/* Question 6: an encoder fine-tuned on CoLA. Follow main() down: the data (q6_cola_data), one
 * training (q6_cola_train, the loop in src/train), tables and facts (q6_cola_report). */
#define _POSIX_C_SOURCE 200809L
#include "q6_cola.h"
#include "base/interrupt.h"
#include "base/threads.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_INTERRUPTED 130

typedef struct {
    Q6Plan plan;
    BertConfig config;
    Q6Data data;
    Q6Seed seed[Q6_SEEDS_MAX];
    size_t seeds; /* finished */
    char work[1200], fingerprint[512];
} Q6Run;

/* A folder that lacks what make data brings is the most common mistake. */
static Status check_input(const char *flag, const char *folder, const char *file) {
    char path[1400];
    if (strlen(folder) > 1000) return status_fail(STATUS_ARGUMENT, "--%s: path too long", flag);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (access(path, R_OK) == 0) return STATUS_OK;
    return status_fail(
        STATUS_IO,
        "--%s=%s: %s: %s; make data brings models and corpora, or name a folder that "
        "holds them",
        flag, folder, path, strerror(errno));
}

static Status open_work(Q6Run *run) {
    if (strlen(run->plan.results) > 1000)
        return status_fail(STATUS_ARGUMENT, "--results: path too long");
    snprintf(run->work, sizeof run->work, "%s/.%s-work", run->plan.results, run->plan.experiment);
    if (mkdir(run->work, 0777) && errno != EEXIST)
        return status_fail(STATUS_IO, "%s: cannot be made: %s", run->work, strerror(errno));
    return STATUS_OK;
}

/* Only what this program left there; a folder that holds more stays. */
static void remove_work(const Q6Run *run) {
    DIR *folder = opendir(run->work);
    if (!folder) return;
    for (struct dirent *e; (e = readdir(folder));) {
        char path[1600];
        if (strncmp(e->d_name, "seed-", 5) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", run->work, e->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(run->work);
}

static Status run_seed(Q6Run *run, int seed, Q6Seed *out) {
    char finished[1300], training[1300];
    int found;
    snprintf(finished, sizeof finished, "%s/seed-%d.safetensors", run->work, seed);
    snprintf(training, sizeof training, "%s/seed-%d-training.safetensors", run->work, seed);
    STATUS_TRY(q6_store_load(finished, run->fingerprint, &run->data, seed, out, &found));
    if (found) {
        fprintf(stderr, "q6_cola: seed %d was trained before: taken from %s\n", seed, finished);
        return STATUS_OK;
    }
    STATUS_TRY(q6_train_seed(&run->plan, &run->data, seed, training, out));
    Status status = q6_store_save(finished, run->fingerprint, out);
    if (status == STATUS_OK) unlink(training);
    if (status != STATUS_OK) q6_seed_free(out);
    return status;
}

static Status run_all(Q6Run *run, Results *results) {
    const Q6Plan *plan = &run->plan;
    char path[1100];
    STATUS_TRY(open_work(run));
    snprintf(path, sizeof path, "%s/config.json", plan->model);
    STATUS_TRY(bert_config_load(path, &run->config));
    STATUS_TRY(q6_data_open(&run->data, plan, &run->config));
    STATUS_TRY(q6_fingerprint(plan, &run->data, run->fingerprint, sizeof run->fingerprint));
    q6_print_data(plan, &run->data);
    for (int i = 0; i < plan->seeds.count; i++) {
        STATUS_TRY(run_seed(run, plan->seeds.values[i], &run->seed[i]));
        run->seeds++;
        q6_print_seed(plan, &run->seed[i], &run->data);
    }
    return q6_report_write(plan, &run->data, &run->config, run->seed, run->seeds, results);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "classify") == 0) return q6_classify(argc - 1, argv + 1);
    static Q6Run run;
    int exit_status = q6_plan_parse(&run.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    interrupt_install();
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then a failed write, with its message */
    threads_set(run.plan.threads);
    Results *results = NULL;
    Status status = check_input("model", run.plan.model, "config.json");
    if (status == STATUS_OK) status = check_input("data", run.plan.data, "");
    if (status == STATUS_OK)
        status = results_open(&results, run.plan.results, run.plan.experiment, argc, argv);
    if (status == STATUS_OK) status = run_all(&run, results);
    if (status == STATUS_OK) {
        status = results_commit(results);
        results = NULL;
    }
    results_discard(results);
    exit_status = 0;
    if (status == STATUS_OK) {
        remove_work(&run);
        printf("results: %s/%s\n", run.plan.results, run.plan.experiment);
    } else {
        fprintf(stderr, "q6_cola: %s\n", status_message());
        exit_status = status == STATUS_INTERRUPTED ? EXIT_INTERRUPTED : 1;
    }
    if (fflush(stdout)) {
        fprintf(stderr, "q6_cola: not all could be written to standard output\n");
        exit_status = exit_status ? exit_status : 1;
    }
    for (size_t i = 0; i < run.seeds; i++) q6_seed_free(&run.seed[i]);
    q6_data_close(&run.data);
    return exit_status;
}
