/* Question 6: how fast the engine trains, and where the time of a step goes. `q6_speed --help` says
 * what is measured. */
#include "q6_speed.h"
#include "base/hash.h"
#include "program.h"
#include "base/threads.h"
#include "op/cpu/dnnl.h"
#include "peaks.h"

#include <stdio.h>
#include <string.h>

static const char about[] =
    "Question 6, speed: training steps of an encoder on real batches of CoLA, grouped by length as "
    "q6_cola trains on them, taken evenly from an epoch. Every kind of work of a step (products, "
    "attention, activations, LayerNorm, AdamW ...) is timed, and stands beside its bound: what "
    "the same work would take at the machine's peak, which is measured in the same run (products "
    "and attention: the largest rate of a product; everything else: bytes over the bandwidth of "
    "memory). Where the processor has bf16 instructions, steps in f32 and bf16 take turns.\n"
    "Cost: profile quick (all-MiniLM-L6-v2) takes about 10 s on two cores; full a minute, of a "
    "base-size model five. Ctrl-C keeps the finished repetitions; the same command continues.";

static const char examples[] =
    "  q6_speed                                      all-MiniLM-L6-v2, into results/local\n"
    "  q6_speed --profile=full                       what the report records of it\n"
    "  q6_speed --profile=full --model=build/data/models/bert-base-uncased\n";

static int parse(SpeedPlan *plan, int argc, char **argv) {
    *plan = (SpeedPlan){0};
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to measure"},
        {"model", OPTION_TEXT, &plan->model, "build/data/models/all-MiniLM-L6-v2",
         .value = "FOLDER",
         .help = "Hugging Face folder: config.json, vocab.txt, model.safetensors"},
        {"data", OPTION_TEXT, &plan->data, "build/data/cola", .value = "FOLDER",
         .help = "CoLA 1.1, unpacked (make data)"},
        {"batch", OPTION_INT, &plan->batch, "32", .value = "COUNT", .low = 1, .high = 4096,
         .help = "sentences of a step"},
        {"batches", OPTION_INT, &plan->batches, "0", .value = "COUNT", .low = 0, .high = 10000,
         .help = "steps of a repetition; 0: 6 in the quick profile, 16 in the full one"},
        {"repetitions", OPTION_INT, &plan->repetitions, "0", .value = "COUNT", .low = 0,
         .high = SPEED_REPETITIONS_MAX, .help = "0: 3 in the quick profile, 9 in the full one"},
        {"threads", OPTION_INT, &plan->threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "0: every processor"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q6_speed_<model> will appear, whole or not at all"},
    };
    const OptionsProgram program = {.name = "q6_speed",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    if (!plan->batches) plan->batches = plan->full ? 16 : 6;
    plan->peak_size = 2048;
    plan->peak_bytes = peaks_memory_bytes();
    plan->peak_seconds = plan->full ? .3 : .1;
    if (!plan->repetitions) plan->repetitions = plan->full ? 9 : 3;
    q6_model_name(plan->model, plan->name, sizeof plan->name);
    snprintf(plan->experiment, sizeof plan->experiment, "q6_speed_%s", plan->name);
    threads_set(plan->threads);
    plan->threads = threads_count();
    return -1;
}

/* What the times of one store share: another build's do not count for this one. */
static uint64_t configuration(const SpeedPlan *plan) {
    char text[2400];
    snprintf(text, sizeof text, "%s %s %s batch %d batches %d threads %d", plan->model, plan->data,
             plan->full ? "full" : "quick", plan->batch, plan->batches, plan->threads);
    return store_hash_here(hash_bytes(HASH_BEGIN, text, strlen(text)));
}

static Status describe(const SpeedRun *run, Results *results) {
    const SpeedPlan *plan = &run->plan;
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "model", "%s", plan->name));
    STATUS_TRY(results_run(results, "batches",
                           "%d of %d sentences, evenly from an epoch of %zu; %zu tokens",
                           plan->batches, plan->batch, run->batches_of_epoch, run->tokens));
    STATUS_TRY(results_run(results, "repetitions", "%d", plan->repetitions));
    STATUS_TRY(results_run(results, "products.f32", "%s", matmul_backend(PRECISION_F32)));
    STATUS_TRY(results_run(results, "products.bf16", "%s", matmul_backend(PRECISION_BF16)));
    return results_run(results, "continued_repetitions", "%zu", run->inherited);
}

static Status run_speed(SpeedRun *run, Store *store, Results *results) {
    Progress progress;
    char path[1100];
    snprintf(path, sizeof path, "%s/config.json", run->plan.model);
    Status status = bert_config_load(path, &run->config);
    if (status != STATUS_OK) return status_prefix(status, "make data brings models; ");
    run->precisions = onednn_bf16_unit() ? SPEED_PRECISIONS : 1;
    progress_begin(&progress, stderr,
                   "q6_speed:", (double)run->plan.repetitions * run->plan.batches);
    status = speed_measure(run, store, &progress, results);
    if (status != STATUS_OK) {
        if (progress.terminal) fputc('\n', stderr);
        return status;
    }
    progress_end(&progress);
    STATUS_TRY(describe(run, results));
    return speed_report(run, results);
}

int main(int argc, char **argv) {
    static SpeedRun run;
    int exit_status = parse(&run.plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    char path[1200];
    Results *results = NULL;
    Store *store = NULL;
    snprintf(path, sizeof path, "%s/.%s-checkpoint", run.plan.results, run.plan.experiment);
    Status status = results_open(&results, run.plan.results, run.plan.experiment, argc, argv);
    if (status == STATUS_OK) status = store_open(&store, path, configuration(&run.plan));
    if (status == STATUS_OK && *store_notice(store))
        fprintf(stderr, "q6_speed: %s\n", store_notice(store));
    if (status == STATUS_OK) status = run_speed(&run, store, results);
    status = results_end(results, status);
    if (status == STATUS_OK) {
        store_remove(store);
        speed_print(&run, stdout);
    }
    exit_status = program_end(&(ProgramEnd){.name = "q6_speed",
                                            .results = run.plan.results,
                                            .experiment = run.plan.experiment,
                                            .kept = "repetitions"},
                              status);
    if (status != STATUS_OK) store_close(store);
    return exit_status;
}
