#define _GNU_SOURCE
#include "base/hash.h"
#include "base/threads.h"
#include "q3_parallelism.h"

#include <stdio.h>
#include <string.h>

static const char about[] =
    "Question 3, parallelism: why Transformers use a parallel machine better than recurrent "
    "networks. For an LSTM layer, softmax attention, kernel attention (elu + 1, FAVOR+) and a "
    "convolution of the same width it counts operations, sequential steps and path lengths on the "
    "graph of what depends on what, and measures the time against length; it looks up the length "
    "and the batch from which the LSTM is the faster one; it trains an LSTM encoder-decoder and a "
    "Transformer of as many parameters and takes their symbols a second against batch and length; "
    "it measures how all of these scale over threads; and it places the LSTM's step and the "
    "attention layer on the machine's roofline, whose roofs are measured in the same run.\n"
    "Cost: profile quick takes about 10 s on two cores, full about 4 minutes. Ctrl-C keeps the "
    "finished measurements (a second one ends at once); the same command then continues.\n"
    "--device=cuda measures the layers, the recurrence and the roofline on an NVIDIA GPU, by its "
    "own events and with all numbers in its memory, into the folder q3_parallelism_cuda; the two "
    "models and the scaling over threads are the CPU's alone.";

static const char examples[] =
    "  q3_parallelism                         the quick profile, into results/local\n"
    "  q3_parallelism --profile=full          what the report records\n"
    "  q3_parallelism --width=512 --threads=1 wider layers, on one thread\n"
    "  q3_parallelism --device=cuda           the layers on a GPU\n";

static void doubling(Q3List *list, int from, int to, int factor) {
    list->count = 0;
    for (int n = from; n <= to && list->count < Q3_LIST_MAX; n *= factor)
        list->value[list->count++] = n;
}

static void set_quick(Q3Plan *plan) {
    plan->repetitions = plan->grid_repetitions = 3;
    plan->sample_seconds = 0.002;
    doubling(&plan->grid_batches, 4, 4, 2);
    doubling(&plan->grid_lengths, 256, 1024, 2);
    plan->grid_tokens = 4096;
    doubling(&plan->model_batches, 1, 16, 4);
    doubling(&plan->model_lengths, 16, 256, 4);
    doubling(&plan->step_batches, 1, 64, 4);
    plan->gemm_size = 1024;
    plan->peak_seconds = 0.08;
}

/* A GPU takes the same layers further. */
static void set_gpu(Q3Plan *plan) {
    doubling(&plan->lengths, 64, plan->full ? 32768 : 4096, 2);
    plan->gemm_size = plan->full ? 8192 : 4096;
    if (!plan->full) return;
    plan->repetitions = plan->grid_repetitions = 7;
    doubling(&plan->grid_batches, 4, 256, 4);
    plan->grid_tokens = 262144;
    doubling(&plan->step_batches, 1, 1024, 2);
    plan->peak_seconds = 0.1;
}

static void set_full(Q3Plan *plan) {
    plan->repetitions = 9;
    plan->grid_repetitions = 7;
    plan->sample_seconds = 0.01;
    doubling(&plan->grid_batches, 2, 32, 2);
    doubling(&plan->grid_lengths, 64, 2048, 2);
    plan->grid_tokens = 16384;
    doubling(&plan->model_batches, 1, 256, 2);
    doubling(&plan->model_lengths, 16, 1024, 2);
    doubling(&plan->step_batches, 1, 256, 2);
    plan->gemm_size = 2048;
    plan->peak_seconds = 0.4;
}

/* What both profiles have, so that every fact that the report quotes is in both. */
static void set_common(Q3Plan *plan, int width) {
    plan->shape = (Q3Shape){.width = width, .heads = 4, .features = 256, .taps = 3};
    plan->headline = 512;
    doubling(&plan->lengths, 64, 2048, 2);
    plan->model = (Q3ModelShape){.width = 128, .heads = 4, .layers = 2, .vocabulary = 1000};
    plan->model_length = 32;
    plan->model_batch = 4;
    plan->thread_batch = 16;
    int most = plan->threads;
    for (int t = 1; t < most && plan->thread_counts.count < Q3_LIST_MAX - 1; t *= 2)
        plan->thread_counts.value[plan->thread_counts.count++] = t;
    plan->thread_counts.value[plan->thread_counts.count++] = most;
}

/* The user's lengths; the first of them stands for the headline where that is not among them. */
static int set_lengths(Q3Plan *plan, const OptionInts *asked) {
    plan->lengths.count = plan->grid_batches.count = 0;
    plan->step_batches.count = 1;
    int headline = 0;
    for (int i = 0; i < asked->count && i < Q3_LIST_MAX; i++) {
        const int n = asked->values[i];
        if (i > 0 && n <= asked->values[i - 1]) {
            fprintf(stderr,
                    "q3_parallelism: --lengths: %d follows %d; expected ascending lengths\n", n,
                    asked->values[i - 1]);
            return 0;
        }
        headline |= n == plan->headline;
        plan->lengths.value[plan->lengths.count++] = n;
    }
    if (asked->count < 2 || asked->count > Q3_LIST_MAX) {
        fprintf(stderr, "q3_parallelism: --lengths: %d of them; expected 2 to %d\n", asked->count,
                Q3_LIST_MAX);
        return 0;
    }
    if (!headline) plan->headline = plan->lengths.value[0];
    return 1;
}

int q3_plan_parse(Q3Plan *plan, int argc, char **argv) {
    memset(plan, 0, sizeof *plan); /* padding too: q3_plan_hash reads all of it */
    int width, threads, repetitions, seed, device;
    OptionInts lengths = {0};
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to measure: quick for a first look, full for the record"},
        {"width", OPTION_INT, &width, "256", .value = "D", .low = 8, .high = 4096,
         .help = "width of the layers, a multiple of their 4 heads"},
        {"lengths", OPTION_INTS, &lengths, NULL, .value = "N,N,...", .low = 8, .high = 1 << 20,
         .help = "lengths of one sequence, ascending, in place of the profile's (64 to 2048, of a "
                 "GPU further); the grid and larger batches are then left out"},
        {"device", OPTION_CHOICE, &device, "cpu", .choices = ROOM_DEVICES,
         .help = "what is measured: the CPU; an NVIDIA GPU; or auto, the GPU where there is one"},
        {"threads", OPTION_INT, &threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "threads; 0: every processor"},
        {"repetitions", OPTION_INT, &repetitions, "0", .value = "COUNT", .low = 0,
         .high = Q3_REPETITIONS_MAX,
         .help = "samples of each time; 0: 3 in the quick profile, 9 and 7 in the full one"},
        {"seed", OPTION_INT, &seed, "1", .value = "SEED", .low = 0, .high = 2147483647,
         .help = "of weights, inputs and the order of measurements"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q3_parallelism (of a GPU q3_parallelism_cuda) will appear, "
                 "whole or not at all"},
    };
    const OptionsProgram program = {.name = "q3_parallelism",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    threads_set(threads);
    plan->threads = threads_count();
    plan->seed = (uint64_t)seed;
    status = room_choose("q3_parallelism", device, &plan->device);
    if (status >= 0) return status;
    if (!plan->device->memory->is_host)
        snprintf(plan->gpu, sizeof plan->gpu, "%s", plan->device->memory->describe());
    (plan->full ? set_full : set_quick)(plan);
    set_common(plan, width);
    if (*plan->gpu) set_gpu(plan);
    if (lengths.count && !set_lengths(plan, &lengths)) return 2;
    if (repetitions) plan->repetitions = plan->grid_repetitions = repetitions;
    if (width % plan->shape.heads == 0) return -1;
    fprintf(stderr, "q3_parallelism: --width: %d is no multiple of %d heads\n", width,
            plan->shape.heads);
    return 2;
}

uint64_t q3_plan_hash(const Q3Plan *plan) {
    Q3Plan kept;
    memcpy(&kept, plan, sizeof kept);
    kept.results = NULL;
    kept.device = NULL; /* an address; kept.gpu says which */
    return store_hash_here(hash_bytes(HASH_BEGIN, &kept, sizeof kept));
}
