#define _GNU_SOURCE
#include "q4_complexity_plan.h"
#include "base/hash.h"
#include "base/machine.h"
#include "base/threads.h"
#include "options.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SHARE     0.7
#define GPU_MEMORY_SHARE 0.8 /* an eighth is the peaks' (q4_complexity_session.c) */

static const char about[] =
    "Question 4, time and memory: how much softmax attention and kernel attention cost as the "
    "sequence grows. For every variant and direction it counts the operations exactly, measures "
    "the time of each length, and takes memory twice: bytes counted (what the operation took from "
    "its arena, beside the formula) and bytes seen (the resident size of a process that does only "
    "that; on a GPU, what the device has less than before). Exponents are fitted with 95 % "
    "intervals; the machine's own peaks are measured in the "
    "same run; the length from which kernel attention wins is looked up over head widths and "
    "numbers of features, at equal width and at equal error.\n"
    "The variants: materialised and tiled (softmax, exact), materialised_causal, tiled_causal, "
    "wrong_order ((phi(Q) phi(K)') V, still quadratic), favor_positive, favor_trigonometric, "
    "favor_causal, elu, elu_causal, relu (phi(Q) (phi(K)' V), linear), value (returns V: the "
    "bound). Of a GPU also materialised, tiled and their causal kinds with _bf16, and "
    "materialised, "
    "wrong_order, favor_positive, favor_causal, elu, elu_causal and relu with _tf32: the operands "
    "of products are rounded to that format.\n"
    "Cost: profile quick takes about 15 s on two cores, full about 7 minutes; each prints its own "
    "estimate first. Ctrl-C keeps the finished measurements (a second one ends at once); the same "
    "command then continues. "
    "Lengths that do not fit into memory are left out, and named.\n"
    "--device=cuda measures the same on an NVIDIA GPU: all numbers in its memory, times by its own "
    "events, lengths as far as its memory goes, into the folder q4_complexity_cuda.";

static const char examples[] =
    "  q4_complexity                                    the quick profile, into results/local\n"
    "  q4_complexity --profile=full                     what the report records\n"
    "  q4_complexity --variants=tiled,favor_positive --lengths=1024,2048,4096,8192 \\\n"
    "      --heads=12 --head-width=64 --features=128    your own model's attention\n"
    "  q4_complexity --variants=materialised --direction=forward --lengths=512,1024\n"
    "  q4_complexity --device=cuda --profile=full       the same on a GPU\n";

typedef struct {
    OptionInts lengths;
    const char *variants;
    int heads, width, features, direction, threads, repetitions, seed, device;
} Flags;

/* --- defaults of the profiles --------------------------------------------------------------- */

static int between(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

static void set_doubling(int *values, int *count, int from, int to, int factor) {
    *count = 0;
    for (int n = from; n <= to; n *= factor) values[(*count)++] = n;
}

/* Attention is computed head by head: with a head for every thread nobody idles, and more heads
 * would only repeat the same work. */
static int heads_for_threads(int threads) {
    return between(threads, 2, 8);
}

static void set_quick(Plan *plan) {
    plan->heads = plan->cross_heads = heads_for_threads(plan->threads);
    set_doubling(plan->length, &plan->lengths, 256, 8192, 2);
    set_doubling(plan->seen_length, &plan->seen, 512, 2048, 4);
    plan->repetitions = 3;
    plan->sample_seconds = 0.002;
    plan->gemm_size = 1024;
    plan->peak_seconds = 0.08;
    plan->curve_largest = 1024;
    plan->cross_longest = 8192;
    plan->cross_repetitions = 7;
    plan->cross_seconds = 0.05;
    plan->cross_width[plan->cross_widths++] = 64;
    plan->cross_feature[plan->cross_features++] = 64;
    plan->cross_feature[plan->cross_features++] = 256;
    plan->error_length = 256;
    plan->error_draws = 4;
    plan->error_most = 8192;
}

static void set_full(Plan *plan) {
    plan->heads = 8;
    plan->cross_heads = heads_for_threads(plan->threads);
    set_doubling(plan->length, &plan->lengths, 128, 16384, 2);
    set_doubling(plan->seen_length, &plan->seen, 512, 4096, 2);
    plan->repetitions = 9;
    plan->sample_seconds = 0.01;
    plan->gemm_size = 2048;
    plan->peak_seconds = 0.5;
    plan->curve_largest = 2048;
    plan->cross_longest = 8192;
    plan->cross_repetitions = 9;
    plan->cross_seconds = 1;
    set_doubling(plan->cross_width, &plan->cross_widths, 32, 128, 2);
    set_doubling(plan->cross_feature, &plan->cross_features, 64, 512, 2);
    plan->error_length = 512;
    plan->error_draws = 10;
    plan->error_most = 32768;
}

/* A GPU takes the same as the CPU, and lengths as far as its memory goes. */
static void set_gpu(Plan *plan) {
    plan->heads = plan->cross_heads = 8;
    if (!plan->full) {
        set_doubling(plan->length, &plan->lengths, 512, 16384, 2);
        set_doubling(plan->seen_length, &plan->seen, 1024, 4096, 4);
        plan->gemm_size = plan->curve_largest = 4096;
        return;
    }
    set_doubling(plan->length, &plan->lengths, 256, 1 << 20, 2);
    set_doubling(plan->seen_length, &plan->seen, 4096, 16384,
                 4); /* a process each: half a second */
    plan->repetitions = plan->cross_repetitions = 7;
    plan->gemm_size = plan->curve_largest = 8192;
    plan->peak_seconds = 0.1;
    plan->cross_longest = 16384;
    plan->cross_seconds = 0.25;
}

int plan_longest(const Plan *plan, int variant, Direction direction) {
    const Variant *one = &case_variants[variant];
    int last = plan->length[plan->lengths - 1], forward = direction == DIRECTION_FORWARD;
    if (plan->own_lengths) return last;
    int linear = one->kind == ATTENTION_KERNEL_LINEAR || one->kind == ATTENTION_VALUE;
    int tiled = one->kind == ATTENTION_TILED;
    int wrong = one->kind == ATTENTION_KERNEL_QUADRATIC;
    if (plan->full && *plan->gpu) return linear ? last : last / 16;
    if (plan->full)
        return linear || (tiled && forward) ? last : wrong && !forward ? last / 4 : last / 2;
    /* Both sides of the speed-up that the report quotes at the longest length. */
    if (forward && !one->causal && (tiled || (linear && one->map == FEATURE_POSITIVE))) return last;
    return forward || linear || (tiled && !one->causal) ? last / 2 : last / 4;
}

/* --- flags over defaults -------------------------------------------------------------------- */

static Status set_variants(Plan *plan, const char *list) {
    if (!list || strcmp(list, "all") == 0) {
        for (int v = 0; v < VARIANT_COUNT; v++)
            plan->variants[v] = *plan->gpu || case_variants[v].precision == PRECISION_F32;
        return STATUS_OK;
    }
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        int v = case_variant_find(at, length);
        if (v < 0) {
            char known[768] = "";
            for (int i = 0; i < VARIANT_COUNT; i++) {
                size_t used = strlen(known);
                snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                         case_variants[i].slug);
            }
            return status_fail(STATUS_ARGUMENT,
                               "--variants: '%.*s' is none of the variants; expected all, or some "
                               "of %s",
                               (int)between((int)length, 0, 60), at, known);
        }
        if (!*plan->gpu && case_variants[v].precision != PRECISION_F32)
            return status_fail(STATUS_ARGUMENT,
                               "--variants: %s is a GPU's alone; --device=cuda measures it",
                               case_variants[v].slug);
        plan->variants[v] = 1;
        at += length;
        if (!*at) return STATUS_OK;
    }
}

static int compare_ints(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* The user's lengths, ascending, each once; memory is seen at those which the profile would also
 * take, at most at six of them. */
static void set_lengths(Plan *plan, const OptionInts *asked) {
    int sorted[OPTIONS_INTS_MAX];
    memcpy(sorted, asked->values, sizeof sorted);
    qsort(sorted, (size_t)asked->count, sizeof *sorted, compare_ints);
    plan->lengths = plan->seen = 0;
    for (int i = 0; i < asked->count; i++)
        if (i == 0 || sorted[i] != sorted[i - 1]) plan->length[plan->lengths++] = sorted[i];
    int first = plan->lengths > 6 ? plan->lengths - 6 : 0;
    for (int i = first; i < plan->lengths; i++) plan->seen_length[plan->seen++] = plan->length[i];
    plan->own_lengths = 1; /* who names a length wants it */
}

/* Bytes that may be used now, also inside a container with a limit of its own. */
static double available_bytes(void) {
    Machine machine;
    machine_describe(&machine);
    double bytes = (double)machine.memory_bytes;
    FILE *file = fopen("/proc/meminfo", "re");
    if (file) {
        char line[256];
        unsigned long long kib;
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) bytes = 1024.0 * (double)kib;
        fclose(file);
    }
    file = fopen("/sys/fs/cgroup/memory.max", "re");
    if (file) {
        double limit;
        if (fscanf(file, "%lf", &limit) == 1 && limit < bytes) bytes = limit;
        fclose(file);
    }
    return bytes;
}

/* A GPU's libraries and the peaks of this program have what MEMORY_SHARE leaves. */
static Status set_memory_limit(Plan *plan) {
    double bytes = 0;
    size_t now, total;
    if (*plan->gpu) {
        STATUS_TRY(plan->device->memory->free_bytes(&now, &total));
        bytes = (double)now;
    } else {
        bytes = available_bytes();
    }
    plan->memory_limit = (*plan->gpu ? GPU_MEMORY_SHARE : MEMORY_SHARE) * bytes;
    return STATUS_OK;
}

static Status check_plan(const Plan *plan) {
    for (int d = 0; d < 2; d++) {
        Shape smallest = {plan->heads, plan->width, plan->features, plan->length[0]};
        double bytes = case_inputs_bytes(smallest, (Direction)d);
        if (plan->directions[d] && bytes > plan->memory_limit)
            return status_fail(STATUS_ARGUMENT,
                               "--lengths: even the shortest, %d, needs %.3g GB for %d heads of "
                               "width %d, inputs and outputs alone; %.3g GB may be used here; ask "
                               "for shorter ones",
                               plan->length[0], bytes * 1e-9, plan->heads, plan->width,
                               plan->memory_limit * 1e-9);
    }
    double projection = 4.0 * plan->features * plan->width;
    if (projection > plan->memory_limit)
        return status_fail(STATUS_ARGUMENT,
                           "--features: %d by --head-width %d needs %.3g GB for the projection "
                           "alone; %.3g GB may be used here",
                           plan->features, plan->width, projection * 1e-9,
                           plan->memory_limit * 1e-9);
    return STATUS_OK;
}

static Status apply_flags(Plan *plan, const Flags *flags) {
    plan->seed = (uint64_t)flags->seed;
    plan->width = flags->width ? flags->width : 64;
    plan->features = flags->features ? flags->features : 256;
    if (flags->heads) plan->heads = flags->heads;
    if (flags->repetitions) plan->repetitions = plan->cross_repetitions = flags->repetitions;
    if (flags->lengths.count) set_lengths(plan, &flags->lengths);
    if (flags->width) {
        plan->cross_widths = 1;
        plan->cross_width[0] = flags->width;
    }
    if (flags->features) {
        plan->cross_features = 1;
        plan->cross_feature[0] = flags->features;
    }
    plan->directions[DIRECTION_FORWARD] = flags->direction != 1;
    plan->directions[DIRECTION_BACKWARD] = flags->direction != 0;
    STATUS_TRY(set_variants(plan, flags->variants));
    int exact = plan->variants[case_variant_find("tiled", 5)] ||
                plan->variants[case_variant_find("materialised", 12)];
    plan->crossover = exact && plan->variants[case_variant_find("favor_positive", 14)] &&
                      plan->directions[DIRECTION_FORWARD];
    plan->target[plan->targets++] = 0.1;
    plan->target[plan->targets++] = 0.2;
    plan->target[plan->targets++] = 0.5;
    plan->deviation[plan->deviations++] = 1;
    plan->deviation[plan->deviations++] = 0.5;
    STATUS_TRY(set_memory_limit(plan));
    return check_plan(plan);
}

int plan_parse(Plan *plan, int argc, char **argv) {
    memset(plan, 0, sizeof *plan); /* padding too: plan_hash reads all of it */
    Flags flags = {0};
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to measure: quick for a first look, full for the record"},
        {"lengths", OPTION_INTS, &flags.lengths, NULL, .value = "N,N,...", .low = 1,
         .high = 1 << 24,
         .help = "sequence lengths, in place of the profile's (quick 256 to 8192, full 128 to "
                 "16384; on a GPU as far as its memory goes)"},
        {"heads", OPTION_INT, &flags.heads, "0", .value = "H", .low = 0, .high = 4096,
         .help = "heads; 0: 8 in the full profile, one for each thread (2 to 8) in the quick one"},
        {"head-width", OPTION_INT, &flags.width, "0", .value = "E", .low = 0, .high = 4096,
         .help = "width of a head, also of the crossover; 0: 64, and 32 to 128 for the crossover "
                 "of the full profile"},
        {"features", OPTION_INT, &flags.features, "0", .value = "R", .low = 0, .high = 1 << 20,
         .help = "random features of the kernel kinds (trigonometric ones have 2R columns); 0: "
                 "256, and 64 to 512 for the crossover of the full profile"},
        {"direction", OPTION_CHOICE, &flags.direction, "both", .choices = "forward|backward|both",
         .help = "what to time"},
        {"variants", OPTION_TEXT, &flags.variants, "all", .value = "NAME,NAME,...",
         .help = "which of the variants; the crossover needs favor_positive and an exact one"},
        {"device", OPTION_CHOICE, &flags.device, "cpu", .choices = ROOM_DEVICES,
         .help = "what is measured: the CPU; an NVIDIA GPU; or auto, the GPU where there is one"},
        {"threads", OPTION_INT, &flags.threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "threads; 0: every processor"},
        {"repetitions", OPTION_INT, &flags.repetitions, "0", .value = "COUNT", .low = 0,
         .high = PLAN_REPETITIONS_MAX,
         .help = "samples of each time; 0: 3 in the quick profile, 9 in the full one"},
        {"seed", OPTION_INT, &flags.seed, "1", .value = "SEED", .low = 0, .high = 2147483647,
         .help = "of inputs, projections and the order of measurements"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q4_complexity (of a GPU q4_complexity_cuda) will appear, whole "
                 "or not at all"},
    };
    const OptionsProgram program = {.name = "q4_complexity",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    threads_set(flags.threads);
    plan->threads = threads_count();
    status = room_choose("q4_complexity", flags.device, &plan->device);
    if (status >= 0) return status;
    if (!plan->device->memory->is_host)
        snprintf(plan->gpu, sizeof plan->gpu, "%s", plan->device->memory->describe());
    (plan->full ? set_full : set_quick)(plan);
    if (*plan->gpu) set_gpu(plan);
    if (apply_flags(plan, &flags) == STATUS_OK) return -1;
    fprintf(stderr, "q4_complexity: %s\n", status_message());
    return 2;
}

/* --- the configuration as a number ----------------------------------------------------------- */

uint64_t plan_hash(const Plan *plan) {
    Plan kept;
    memcpy(&kept, plan, sizeof kept);
    kept.results = NULL;
    kept.device = NULL;    /* an address; kept.gpu says which */
    kept.memory_limit = 0; /* moves from run to run */
    return store_hash_here(hash_bytes(HASH_BEGIN, &kept, sizeof kept));
}
