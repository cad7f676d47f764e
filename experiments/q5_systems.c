/* q5_systems: three networks on the same batches of word ordering, at one small budget. */
#include "q5_systems.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 1000

#define ABOUT                                                                                      \
    "Trains three networks of about one size on the same batches of Persian sentences (4 to 15 "   \
    "words), for the same number of steps, and lets them order the words of PerDT's test part, "   \
    "greedily (assignment, question 5): the Transformer of q5_reorder, which points at the words " \
    "left; a recurrent pointer network (LSTM); and the textbook's encoder-decoder, a Transformer " \
    "with positions and a softmax over a vocabulary, which may forget words, repeat them or "      \
    "invent others. The budget is small: this compares architectures, q5_reorder trains one well."

/* --- the command line ---------------------------------------------------------------------------
 */

static void set_sizes(ComparePlan *plan) {
    plan->words = plan->full ? 10000 : 3000;
    plan->affixes = 2000;
    plan->pointer = reorderer_config_default();
    plan->pointer.encoder_layers = plan->pointer.decoder_layers = 2;
    plan->pointer.width = 128, plan->pointer.feed_forward = 512;
    plan->pointer.words = plan->words, plan->pointer.affixes = plan->affixes;
    plan->lstm = (PointerLstmConfig){
        .width = 76, .layers = 2, .words = plan->words, .affixes = plan->affixes};
    plan->softmax = (TransformerConfig){.encoder_layers = 2,
                                        .decoder_layers = 2,
                                        .width = 128,
                                        .heads = 4,
                                        .feed_forward = 512,
                                        .vocabulary = plan->words + 2,
                                        .target_vocabulary = plan->words + 2,
                                        .classes = plan->words + 2,
                                        .positions = POSITIONS_SINUSOIDAL};
}

static int parse(ComparePlan *plan, int argc, char **argv) {
    int profile;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "quick: half a minute of processor time, named q5.quick.compare.*; full: minutes"},
        {"data", OPTION_TEXT, &plan->data, NULL, .value = "FOLDER",
         .help = "sets of sentences, as q5_data leaves them: build/reorder_quick or build/reorder"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the experiment's folder will stand"},
        {"seeds", OPTION_INTS, &plan->seeds, NULL, .value = "N,N,...", .low = 1, .high = 1000000,
         .help = "of weights, batches and shuffles; 1, in the full profile 1,2,3"},
        {"steps", OPTION_INT, &plan->steps, NULL, .value = "COUNT", .low = 1, .high = 1000000,
         .help = "of each training; 40, in the full profile 2400"},
        {"batch", OPTION_INT, &plan->batch, NULL, .value = "COUNT", .low = 1, .high = 10000,
         .help = "sentences of a batch, all of one length; 200, in the full profile 50"},
        {"tested", OPTION_INT, &plan->tested, NULL, .value = "COUNT", .low = 5, .high = 1000000,
         .help = "sentences of PerDT's dev and test parts; 100, in the full profile all"},
        {"rate", OPTION_NUMBER, &plan->rate, "2e-3", .value = "NUMBER", .low = 1e-9, .high = 1,
         .help = "peak learning rate; it rises over a tenth of the steps and falls to 0"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at a time; 0: one for each processor"},
    };
    const OptionsProgram program = {.name = "q5_systems",
                                    .about = ABOUT,
                                    .examples = "  q5_systems\n  q5_systems --profile=full\n",
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->full = profile == 1;
    if (!plan->data) plan->data = plan->full ? "build/reorder" : "build/reorder_quick";
    if (plan->seeds.count == 0)
        plan->seeds = (OptionInts){.count = plan->full ? 3 : 1, .values = {1, 2, 3}};
    if (plan->seeds.count > COMPARE_SEEDS_MAX) {
        fprintf(stderr, "q5_systems: --seeds: expected at most %d of them\n", COMPARE_SEEDS_MAX);
        return 2;
    }
    if (plan->steps == 0) plan->steps = plan->full ? 2400 : 40;
    if (plan->batch == 0) plan->batch = plan->full ? 50 : 200;
    if (plan->tested == 0) plan->tested = plan->full ? 1000000 : 100;
    plan->experiment = plan->full ? "q5_systems" : "q5_systems_quick";
    plan->prefix = plan->full ? "q5." : "q5.quick.";
    set_sizes(plan);
    return -1;
}

static Status open_sentences(ComparePlan *plan) {
    const Q5ReorderPlan read = {.data = plan->data,
                                .shortest = Q5_SHORTEST,
                                .longest = Q5_LONGEST,
                                .repeat = 1,
                                .rare = 2,
                                .tested = plan->tested,
                                .shape = plan->pointer};
    return q5_sentences_open(&plan->sentences, &read);
}

/* --- results
 * -------------------------------------------------------------------------------------- */

typedef struct {
    const ComparePlan *plan;
    Results *results;
    OrderScore *score[COMPARE_SYSTEMS]; /* [seeds, sentences] */
    size_t taken[COMPARE_SYSTEMS];
    double valid[COMPARE_SYSTEMS], parameters[COMPARE_SYSTEMS], seconds[COMPARE_SYSTEMS];
    double loss[COMPARE_SYSTEMS], accuracy[COMPARE_SYSTEMS];
    FILE *curve;
} Report;

static Status take_answer(void *context, size_t cell, const char *row) {
    Report *r = context;
    const CompareSystem k = compare_system(cell);
    OrderScore *o = &r->score[k][r->taken[k]++];
    unsigned sentence;
    int valid;
    if (sscanf(row, "%u\t%d\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hhu\t%f\t%f\t%f",
               &sentence, &valid, &o->length, &o->answer_length, &o->matches[0], &o->matches[1],
               &o->matches[2], &o->matches[3], &o->grams[0], &o->grams[1], &o->grams[2],
               &o->grams[3], &o->exact, &o->tau, &o->position, &o->substring) != 16)
        return status_fail(STATUS_FORMAT, "an answer of %s is damaged", compare_slug[k]);
    r->valid[k] += valid;
    return STATUS_OK;
}

static Status take_cost(void *context, size_t cell, const char *row) {
    Report *r = context;
    const CompareSystem k = compare_system(cell);
    double parameters, seconds, loss, accuracy;
    if (sscanf(row, "%lf\t%lf\t%lf\t%lf", &parameters, &seconds, &loss, &accuracy) != 4)
        return status_fail(STATUS_FORMAT, "the cost of %s is damaged", compare_slug[k]);
    const double share = 1. / r->plan->seeds.count;
    r->parameters[k] = parameters, r->seconds[k] += seconds * share;
    r->loss[k] += loss * share, r->accuracy[k] += accuracy * share;
    return STATUS_OK;
}

static Status take_curve(void *context, size_t cell, const char *row) {
    const Report *r = context;
    char split[24];
    unsigned long long step;
    double loss, accuracy;
    const char *tab = strchr(row, '\t');
    if (!tab || sscanf(tab + 1, "%23[a-z]\t%llu\t%lf\t%lf", split, &step, &loss, &accuracy) != 4)
        return status_fail(STATUS_FORMAT, "a curve of %s is damaged",
                           compare_slug[compare_system(cell)]);
    fprintf(r->curve, "%s\t%d\t%s\t%llu\t%.5f\t%.5f\n", compare_slug[compare_system(cell)],
            compare_seed(r->plan, cell), split, step, loss, accuracy);
    return STATUS_OK;
}

static Status write_system(Report *r, CompareSystem k) {
    const size_t seeds = (size_t)r->plan->seeds.count, count = r->plan->sentences.test.count;
    OrderSummary s;
    FILE *f = results_table(r->results, "systems",
                            "system\tparameters\tvalid\tbleu\tbleu_low\tbleu_high\texact\texact_"
                            "low\texact_high\ttau\ttau_low\ttau_high\tseconds");
    if (!f) return STATUS_IO;
    if (r->taken[k] != seeds * count)
        return status_fail(STATUS_FORMAT, "%s: %zu answers; expected %zu", compare_slug[k],
                           r->taken[k], seeds * count);
    STATUS_TRY(order_summarise(r->score[k], seeds, count,
                               seeds > 1 ? BOOTSTRAP_OVER_BOTH : BOOTSTRAP_OVER_SENTENCES, DRAWS, 1,
                               &s));
    const double valid = r->valid[k] / (double)(seeds * count);
    fprintf(f, "%s\t%.0f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
            compare_slug[k], r->parameters[k], valid, s.bleu.value, s.bleu.low, s.bleu.high,
            s.exact.value, s.exact.low, s.exact.high, s.tau.value, s.tau.low, s.tau.high,
            r->seconds[k]);
    printf("%-8s %9.0f parameters, valid %5.1f %%, BLEU %5.1f [%.1f, %.1f], exact %4.1f %%, tau "
           "%.3f, %.0f s\n",
           compare_slug[k], r->parameters[k], 100 * valid, s.bleu.value, s.bleu.low, s.bleu.high,
           100 * s.exact.value, s.tau.value, r->seconds[k]);
    STATUS_TRY(results_exactf(r->results, r->parameters[k], "1", "%s.parameters", compare_slug[k]));
    STATUS_TRY(results_exactf(r->results, valid, "1", "%s.valid", compare_slug[k]));
    STATUS_TRY(results_exactf(r->results, r->loss[k], "nat", "%s.dev.loss", compare_slug[k]));
    STATUS_TRY(results_exactf(r->results, r->accuracy[k], "1", "%s.dev.accuracy", compare_slug[k]));
    STATUS_TRY(results_exactf(r->results, r->seconds[k], "s", "%s.seconds", compare_slug[k]));
    STATUS_TRY(results_aroundf(r->results, s.bleu, "1", "%s.bleu", compare_slug[k]));
    STATUS_TRY(results_aroundf(r->results, s.exact, "1", "%s.exact", compare_slug[k]));
    STATUS_TRY(results_aroundf(r->results, s.tau, "1", "%s.tau", compare_slug[k]));
    return results_aroundf(r->results, s.position, "1", "%s.position", compare_slug[k]);
}

static Status write_cards(const Report *r) {
    static const char *const about[COMPARE_SYSTEMS] = {
        "Transformer 2+2, D=128, F=512, H=4, bag, pointer",
        "LSTM 2+2, bidirectional encoder H=76, decoder 152, pointer",
        "Transformer 2+2, D=128, F=512, H=4, sinusoids, softmax"};
    const ComparePlan *p = r->plan;
    FILE *f = results_table(r->results, "cards",
                            "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\tbatch\t"
                            "data\tseeds");
    if (!f) return STATUS_IO;
    for (int k = 0; k < COMPARE_SYSTEMS; k++)
        fprintf(f,
                "%s\t%s\t%.0f\tcross-entropy\tAdamW, rate %g, 10 %% rise, linear fall, beta2 .99, "
                "decay .01\t%d\t%d\t%zu sentences of 4-15 words\t%d\n",
                compare_slug[k], about[k], r->parameters[k], p->rate, p->steps, p->batch,
                p->sentences.train.count, p->seeds.count);
    return STATUS_OK;
}

static Status write_results(Report *r, const Grid *grid) {
    const ComparePlan *plan = r->plan;
    const size_t answers = (size_t)plan->seeds.count * plan->sentences.test.count;
    for (int k = 0; k < COMPARE_SYSTEMS; k++)
        if (!(r->score[k] = malloc((answers + 1) * sizeof *r->score[k])))
            return status_fail(STATUS_MEMORY, "no memory for %zu answers", answers);
    r->curve = results_table(r->results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy");
    if (!r->curve) return STATUS_IO;
    STATUS_TRY(grid_rows(grid, "answers", take_answer, r));
    STATUS_TRY(grid_rows(grid, "cost", take_cost, r));
    STATUS_TRY(grid_rows(grid, "curve", take_curve, r));
    STATUS_TRY(results_run(r->results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(r->results, "plan", "%s", grid->fingerprint));
    STATUS_TRY(results_prefix(r->results, "%scompare.", plan->prefix));
    for (int k = 0; k < COMPARE_SYSTEMS; k++) STATUS_TRY(write_system(r, (CompareSystem)k));
    STATUS_TRY(results_exactf(r->results, plan->steps, "1", "pointer.steps"));
    STATUS_TRY(
        results_exactf(r->results, (double)plan->sentences.train.count, "1", "pointer.sentences"));
    return write_cards(r);
}

/* --- the run
 * --------------------------------------------------------------------------------------- */

static Status run(ComparePlan *plan, Results *results, Grid *grid, char *fingerprint, size_t size) {
    Report report = {.plan = plan, .results = results};
    STATUS_TRY(open_sentences(plan));
    int used = snprintf(fingerprint, size,
                        "steps %d batch %d rate %g words %d train %zu %zu dev %zu test %zu seeds",
                        plan->steps, plan->batch, plan->rate, plan->words,
                        plan->sentences.train.count, plan->sentences.train.words,
                        plan->sentences.dev.count, plan->sentences.test.count);
    for (int i = 0; i < plan->seeds.count && used < (int)size - 16; i++)
        used += snprintf(fingerprint + used, size - (size_t)used, " %d", plan->seeds.values[i]);
    STATUS_TRY(grid_run(grid));
    Status status = write_results(&report, grid);
    for (int k = 0; k < COMPARE_SYSTEMS; k++) free(report.score[k]);
    return status;
}

int main(int argc, char **argv) {
    static ComparePlan plan;
    static char folder[4096], fingerprint[512];
    Results *results = NULL;
    int exit_status = parse(&plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    snprintf(folder, sizeof folder, "%s/.%s-work", plan.results, plan.experiment);
    Grid grid = {.name = "q5 compare",
                 .folder = folder,
                 .fingerprint = fingerprint,
                 .cells = (size_t)plan.seeds.count * COMPARE_SYSTEMS,
                 .cost = compare_cost,
                 .cell_name = compare_name,
                 .work = compare_run,
                 .context = &plan,
                 .processes = plan.processes,
                 .progress = stderr,
                 .replace = !plan.full};
    Status status = results_open(&results, plan.results, plan.experiment, argc, argv);
    if (status == STATUS_OK) status = run(&plan, results, &grid, fingerprint, sizeof fingerprint);
    status = results_end(results, status);
    if (status == STATUS_OK) grid_remove(&grid);
    exit_status = program_end(
        &(ProgramEnd){.name = "q5_systems", .results = plan.results, .experiment = plan.experiment},
        status);
    q5_sentences_close(&plan.sentences);
    return exit_status;
}
