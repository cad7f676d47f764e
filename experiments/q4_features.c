#include "q4_features.h"
#include "base/interrupt.h"
#include "program.h"
#include "base/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ABOUT                                                                                      \
    "Random features against exact softmax attention (assignment, question 4). With x = "          \
    "q/d^(1/4) "                                                                                   \
    "and y = k/d^(1/4), a feature map phi with C columns stands for the kernel exp(x'y) as "       \
    "phi(x)'phi(y), so that attention costs O(N C d) in place of O(N^2 d). What does it cost in "  \
    "accuracy?\n\n"                                                                                \
    "Measured here: (1) the mean squared error of the attention output against the number of "     \
    "columns, at the size of Performer's figure 4 (Choromanski et al., ICLR 2021), for positive "  \
    "and trigonometric features of independent and orthogonal projections; kinds are compared at " \
    "equal columns, so trigonometric features get half as many projections. (2) How the error "    \
    "grows with the size of the inputs, beside the error of the plain mean of V, which uses no "   \
    "attention at all. (3) The closed-form variances against sampled ones, where sampling can "    \
    "tell and where it cannot. (4) The rank of QK' and of softmax(QK').\n\n"                       \
    "The folder <results>/q4_features appears when everything has been measured, or not at all."

#define EXAMPLES                                                                                   \
    "  q4_features                                  about three seconds on two cores\n"            \
    "  q4_features --profile=full --threads=2       about a minute; what the report records\n"     \
    "  q4_features --length=8192 --width=64 --columns=64,256,1024 --results=/tmp/mine\n"

Status features_step(FeaturesRun *run, double seconds, const char *detail) {
    run->done += seconds;
    progress_step(&run->progress, run->done, detail);
    if (interrupt_requested())
        return status_fail(STATUS_INTERRUPTED,
                           "stopped on request; nothing was written, an earlier result stays");
    return STATUS_OK;
}

const char *features_map_name(FeatureMap map) {
    return map == FEATURE_POSITIVE ? "positive" : "trigonometric";
}

const char *features_kind_name(ProjectionKind kind) {
    return kind == PROJECTION_IID ? "iid" : "orthogonal";
}

typedef struct {
    const double *a, *b;
} Pairs;

static double ratio_of_means(const double *positions, size_t count, void *context) {
    const Pairs *pairs = context;
    double a = 0, b = 0;
    for (size_t i = 0; i < count; i++) {
        a += pairs->a[(size_t)positions[i]];
        b += pairs->b[(size_t)positions[i]];
    }
    return a / b;
}

Status features_ratio(FeaturesRun *run, const double *a, const double *b, size_t count,
                      Interval *out) {
    Pairs pairs = {a, b};
    size_t mark = arena_mark(&run->arena);
    double *positions = arena_take(&run->arena, count * sizeof *positions);
    if (!positions) return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) positions[i] = (double)i;
    Status status = bootstrap_interval(positions, count, ratio_of_means, &pairs, FEATURES_DRAWS,
                                       run->seed, out);
    arena_rewind(&run->arena, mark);
    return status;
}

/* The profile decides what the user left open. */
static void choose_sizes(FeaturesRun *run) {
    static const int quick_columns[] = {16, 32, 64, 128, 256};
    static const int full_columns[] = {16, 32, 64, 128, 256, 512, 1024};
    if (run->columns.count == 0) {
        run->columns.count = run->quick ? 5 : 7;
        memcpy(run->columns.values, run->quick ? quick_columns : full_columns,
               (size_t)run->columns.count * sizeof(int));
    }
    run->growth_samples = run->quick ? 5 : 15;
    run->variance_draws = run->quick ? 20000 : 400000;
    run->rank_draws = run->quick ? 1 : 5;
}

static Status check_columns(const OptionInts *columns) {
    for (int i = 0; i < columns->count; i++) {
        if (columns->values[i] % 2)
            return status_fail(STATUS_ARGUMENT,
                               "--columns: trigonometric features come in pairs of sin and cos, "
                               "so expected even numbers, found %d",
                               columns->values[i]);
        if (i && columns->values[i] <= columns->values[i - 1])
            return status_fail(STATUS_ARGUMENT,
                               "--columns: expected growing numbers, found %d "
                               "after %d",
                               columns->values[i], columns->values[i - 1]);
    }
    if (columns->count == 1)
        return status_fail(STATUS_ARGUMENT,
                           "--columns: expected two or more numbers, for the "
                           "error's slope; found only %d",
                           columns->values[0]);
    return STATUS_OK;
}

static Status describe(FeaturesRun *run) {
    char list[OPTIONS_INTS_MAX * 12] = "";
    for (int i = 0; i < run->columns.count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%d", i ? "," : "",
                 run->columns.values[i]);
    STATUS_TRY(results_run(run->results, "profile", "%s", run->quick ? "quick" : "full"));
    STATUS_TRY(results_run(run->results, "seed", "%llu", (unsigned long long)run->seed));
    STATUS_TRY(results_run(run->results, "error_length", "%d", run->length));
    STATUS_TRY(results_run(run->results, "error_width", "%d", run->width));
    STATUS_TRY(results_run(run->results, "error_samples", "%d", run->samples));
    STATUS_TRY(results_run(run->results, "error_spread", "%g", run->spread));
    STATUS_TRY(results_run(run->results, "error_columns", "%s", list));
    STATUS_TRY(results_run(run->results, "variance_draws", "%zu", run->variance_draws));
    return results_run(run->results, "rank_draws", "%d", run->rank_draws);
}

static Status measure(FeaturesRun *run) {
    STATUS_TRY(describe(run));
    STATUS_TRY(features_measure_error(run));
    STATUS_TRY(features_measure_growth(run));
    STATUS_TRY(features_measure_variance(run));
    return features_measure_rank(run);
}

/* Opens what can fail first, so that nothing is measured for a folder that cannot be written. */
static Status run_experiment(FeaturesRun *run, const char *parent, int argc, char **argv) {
    STATUS_TRY(results_open(&run->results, parent, "q4_features", argc, argv));
    Status status = arena_open(&run->arena, 0);
    if (status == STATUS_OK) {
        double seconds = features_error_seconds(run) + features_growth_seconds(run) +
                         features_variance_seconds(run) + features_rank_seconds(run);
        fprintf(stderr, "q4_features: about %.0f s on %d threads\n", ceil(seconds),
                threads_count());
        progress_begin(&run->progress, stderr, "q4_features: measuring", seconds);
        status = measure(run);
        if (status == STATUS_OK) progress_end(&run->progress);
        arena_close(&run->arena);
    }
    return results_end(run->results, status);
}

int main(int argc, char **argv) {
    FeaturesRun run = {0};
    int profile, threads, seed;
    const char *parent;
    const Option options[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "how much to measure: fewer columns, samples and matrices, or all that the "
                 "report records"},
        {"results", OPTION_TEXT, &parent, "results/local", .value = "FOLDER",
         .help = "the folder that will hold q4_features/; made if missing"},
        {"length", OPTION_INT, &run.length, "4096", .value = "N", .low = 2, .high = 1 << 20,
         .help = "rows of Q, K and V in the error part (figure 4: 4096)"},
        {"width", OPTION_INT, &run.width, "16", .value = "D", .low = 1, .high = 1024,
         .help = "width of the head in the error part (figure 4: 16)"},
        {"spread", OPTION_NUMBER, &run.spread, "0.5", .value = "DEVIATION", .low = 1e-6,
         .high = 1e3,
         .help = "standard deviation of queries and keys in the error part. 0.5 at width 16 makes "
                 "|q|^2/sqrt(d) = 1 on average; the errors at 1 are measured beside it"},
        {"columns", OPTION_INTS, &run.columns, NULL, .value = "C,C,...", .low = 2, .high = 65536,
         .help = "columns of the feature maps in the error part: two or more, even, growing. "
                 "Quick: 16 to 256, full: 16 to 1024, doubling"},
        {"samples", OPTION_INT, &run.samples, "15", .low = 2, .high = 10000,
         .help = "draws of Q, K, V and of the projections in the error part (figure 4: 15)"},
        {"seed", OPTION_INT, &seed, "1", .value = "NUMBER", .low = 0, .high = 2147483647,
         .help = "of every random number: the same seed gives the same draws on any machine"},
        {"threads", OPTION_INT, &threads, "0", .low = 0, .high = 4096,
         .help = "threads of all loops and of the linear algebra; 0: every processor"},
    };
    const OptionsProgram program = {.name = "q4_features",
                                    .about = ABOUT,
                                    .examples = EXAMPLES,
                                    .options = options,
                                    .count = sizeof options / sizeof *options};
    int ended = options_begin(&program, argc, argv);
    if (ended >= 0) return ended;
    if (check_columns(&run.columns)) {
        fprintf(stderr, "q4_features: %s\n", status_message());
        return 2;
    }
    run.quick = profile == 0;
    run.seed = (uint64_t)seed;
    choose_sizes(&run);
    threads_set(threads);
    program_begin();
    const Status status = run_experiment(&run, parent, argc, argv);
    return program_end(&(ProgramEnd){.name = "q4_features", .line_open = run.progress.terminal},
                       status);
}
