/* From the command line to the results. */
#include "q5_scaling.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

#define ABOUT                                                                                      \
    "Trains the Transformer of q5_reorder, smaller, on nested subsets of the Persian sentences "   \
    "(4 to 15 words), with the same number of steps each, and counts the trigrams of the same "    \
    "subsets: how does the score grow with the data, and from how many sentences on does a "       \
    "network beat counting (assignment, question 5)? Within each training PerDT's dev part is "    \
    "answered after all of the steps, half of them, a quarter and so on, with processor seconds: " \
    "at each of these moments a copy of the run lets its rate fall to 0, so that every point is "  \
    "a whole training that might have ended there. Sizes are compared at their best moment, that " \
    "of the least loss on dev, where PerDT's test part is answered, once; nothing is chosen by "   \
    "it.\n\n"                                                                                      \
    "Every training is a process of its own with one thread. The same command continues after "    \
    "Ctrl-C, kill -9 or a power cut."

/* --- the command line ---------------------------------------------------------------------------
 */

static void set_shape(ScalingPlan *plan) {
    ReordererConfig *s = &plan->shape;
    *s = reorderer_config_default();
    s->encoder_layers = s->decoder_layers = 2;
    s->width = plan->width, s->feed_forward = 4 * plan->width;
    s->words = plan->words, s->affixes = 2000;
    s->dropout = .1f;
}

static void finish(ScalingPlan *plan) {
    static const int sizes[] = {2000, 8000, 32000};
    const int full = plan->full;
    if (!plan->data) plan->data = full ? "build/reorder" : "build/reorder_quick";
    if (plan->seeds.count == 0)
        plan->seeds = full ? (OptionInts){.count = 3, .values = {1, 2, 3}}
                           : (OptionInts){.count = 1, .values = {1}};
    if (plan->asked.count == 0) {
        plan->asked.count = full ? 3 : 1;
        memcpy(plan->asked.values, sizes, sizeof sizes);
    }
    if (plan->steps == 0) plan->steps = full ? 2400 : 64;
    if (plan->moments == 0) plan->moments = full ? 5 : 2;
    if (plan->tested == 0) plan->tested = full ? 1000000 : 100;
    if (plan->ngram_beam == 0) plan->ngram_beam = full ? 512 : 32;
    plan->experiment = full ? "q5_scaling" : "q5_scaling_quick";
    plan->prefix = full ? "q5." : "q5.quick.";
}

static int check(const ScalingPlan *plan) {
    if (plan->seeds.count > SCALING_SEEDS_MAX || plan->asked.count >= SCALING_SIZES_MAX) {
        fprintf(stderr, "q5_scaling: expected at most %d --seeds and %d --sizes\n",
                SCALING_SEEDS_MAX, SCALING_SIZES_MAX - 1);
        return 2;
    }
    if (scaling_moment(plan, 0) < 4) {
        fprintf(stderr,
                "q5_scaling: --steps=%d --moments=%d: the first moment comes after %d steps; "
                "expected at least 4\n",
                plan->steps, plan->moments, scaling_moment(plan, 0));
        return 2;
    }
    return -1;
}

static int parse(ScalingPlan *plan, int argc, char **argv) {
    int profile;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "quick: ten seconds of processor time, named q5.quick.scaling.*; full: half an "
                 "hour of it"},
        {"data", OPTION_TEXT, &plan->data, NULL, .value = "FOLDER",
         .help = "sets of sentences, as q5_data leaves them: build/reorder_quick or build/reorder"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the experiment's folder will stand"},
        {"sizes", OPTION_INTS, &plan->asked, NULL, .value = "N,N,...", .low = 10, .high = 10000000,
         .help = "training sentences, ascending; all of them come last by themselves. 2000, in the "
                 "full profile 2000,8000,32000"},
        {"seeds", OPTION_INTS, &plan->seeds, NULL, .value = "N,N,...", .low = 1, .high = 1000000,
         .help = "of subsets, weights and order of data; 1, in the full profile 1,2,3"},
        {"steps", OPTION_INT, &plan->steps, NULL, .value = "COUNT", .low = 8, .high = 1000000,
         .help = "of each training; 64, in the full profile 2400"},
        {"moments", OPTION_INT, &plan->moments, NULL, .value = "COUNT", .low = 1,
         .high = SCALING_MOMENTS_MAX,
         .help = "at which a training is looked at: after all steps, half of them, ...; 2, in the "
                 "full profile 5"},
        {"batch", OPTION_INT, &plan->batch, "50", .value = "COUNT", .low = 1, .high = 10000,
         .help = "sentences of a step"},
        {"tested", OPTION_INT, &plan->tested, NULL, .value = "COUNT", .low = 5, .high = 1000000,
         .help = "sentences of PerDT's dev and test parts; 100, in the full profile all"},
        {"rate", OPTION_NUMBER, &plan->rate, "3e-3", .value = "NUMBER", .low = 1e-9, .high = 1,
         .help = "learning rate, held until it falls"},
        {"fall", OPTION_NUMBER, &plan->fall, ".2", .value = "SHARE", .low = 0, .high = .9,
         .help = "of a moment's steps, the last, over which the rate falls to 0"},
        {"width", OPTION_INT, &plan->width, "128", .value = "COUNT", .low = 8, .high = 4096,
         .help = "of the states; 4 heads, 2 layers a side, feed-forward four times as wide"},
        {"words", OPTION_INT, &plan->words, "10000", .value = "COUNT", .low = 1, .high = 1000000,
         .help = "most frequent words, each with a vector of its own"},
        {"beam", OPTION_INT, &plan->beam, "8", .value = "COUNT", .low = 1,
         .high = REORDERER_BEAM_MAX, .help = "of the pointer's search; greedy stands beside it"},
        {"ngram-beam", OPTION_INT, &plan->ngram_beam, NULL, .value = "COUNT", .low = 1,
         .high = 100000, .help = "of the trigram's search; 32, in the full profile 512"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at a time; 0: one for each processor"},
    };
    const OptionsProgram program = {.name = "q5_scaling",
                                    .about = ABOUT,
                                    .examples =
                                        "  q5_scaling\n  q5_scaling --profile=full --seeds=1,2\n",
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    const int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->full = profile == 1;
    set_shape(plan);
    finish(plan);
    return check(plan);
}

/* --- the run ------------------------------------------------------------------------------------
 */

/* The sizes that are asked for, as far as there are so many sentences, and all of them. */
static void set_sizes(ScalingPlan *plan) {
    const size_t all = plan->sentences.train.count;
    plan->sizes = 0;
    for (int i = 0; i < plan->asked.count; i++) {
        const size_t size = (size_t)plan->asked.values[i];
        const size_t before = plan->sizes ? plan->size[plan->sizes - 1] : 0;
        if (size > before && size < all) plan->size[plan->sizes++] = size;
    }
    plan->size[plan->sizes++] = all;
}

static Status open_sentences(ScalingPlan *plan) {
    const Q5ReorderPlan read = {.data = plan->data,
                                .shortest = Q5_SHORTEST,
                                .longest = Q5_LONGEST,
                                .repeat = 1,
                                .rare = 2,
                                .tested = plan->tested,
                                .shape = plan->shape};
    STATUS_TRY(q5_sentences_open(&plan->sentences, &read));
    set_sizes(plan);
    return STATUS_OK;
}

static void describe(const ScalingPlan *plan, char *text, size_t size) {
    const Q5Sentences *d = &plan->sentences;
    int used = snprintf(text, size,
                        "steps %d, moments %d, batch %d, rate %g, fall %g, beam %d, %d, train %zu "
                        "%zu, dev %zu, test %zu, width %d, words %d, sizes",
                        plan->steps, plan->moments, plan->batch, plan->rate, plan->fall, plan->beam,
                        plan->ngram_beam, d->train.count, d->train.words, d->dev.count,
                        d->test.count, plan->width, plan->words);
    for (int i = 0; i < plan->sizes && used < (int)size - 24; i++)
        used += snprintf(text + used, size - (size_t)used, " %zu", plan->size[i]);
    used += snprintf(text + used, size - (size_t)used, ", seeds");
    for (int i = 0; i < plan->seeds.count && used < (int)size - 16; i++)
        used += snprintf(text + used, size - (size_t)used, " %d", plan->seeds.values[i]);
}

static Status run(ScalingPlan *plan, Results *results, Grid *grid, char *fingerprint, size_t size) {
    STATUS_TRY(open_sentences(plan));
    describe(plan, fingerprint, size);
    grid->cells = scaling_cells(plan);
    STATUS_TRY(grid_run(grid));
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "plan", "%s", fingerprint));
    return scaling_report(plan, grid, results);
}

int scaling_main(int argc, char **argv) {
    static ScalingPlan plan;
    static char folder[4096], fingerprint[1024];
    Results *results = NULL;
    int exit_status = parse(&plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    program_begin();
    snprintf(folder, sizeof folder, "%s/.%s-work", plan.results, plan.experiment);
    Grid grid = {.name = "q5 scaling",
                 .folder = folder,
                 .fingerprint = fingerprint,
                 .cost = scaling_cost,
                 .cell_name = scaling_name,
                 .work = scaling_run,
                 .context = &plan,
                 .processes = plan.processes,
                 .progress = stderr,
                 .replace = !plan.full};
    Status status = results_open(&results, plan.results, plan.experiment, argc, argv);
    if (status == STATUS_OK) status = run(&plan, results, &grid, fingerprint, sizeof fingerprint);
    status = results_end(results, status);
    if (status == STATUS_OK) grid_remove(&grid);
    exit_status = program_end(
        &(ProgramEnd){.name = "q5_scaling", .results = plan.results, .experiment = plan.experiment},
        status);
    q5_sentences_close(&plan.sentences);
    return exit_status;
}
