#include "q1_memory.h"

#include <stdio.h>
#include <string.h>

static const char about[] =
    "Question 1, memory: do recurrent networks weigh recent words exponentially more, and do LSTM "
    "and bidirectional LSTM cure it? Readers of about equal parameters (RNN, GRU, LSTM with three "
    "initial forget biases, bidirectional LSTM read in three ways, Transformer) are trained to "
    "recall the first symbol of a sequence after a lag of other symbols, one training for each lag "
    "and seed. Two things are measured: the accuracy against the lag, which says what is learned, "
    "and the norm of the Jacobian dh_T/dx_t against T - t before and after training, which says "
    "what flows, with exponential decay rates fitted to it. A bidirectional LSTM's Jacobian is "
    "measured for each direction, at the last word and in the middle.\n"
    "Cost: profile quick takes about 8 s on two cores, full about 4 minutes. Ctrl-C keeps what is "
    "finished; the same command then continues.";

static const char examples[] =
    "  q1_memory                              the quick profile, into results/local\n"
    "  q1_memory --profile=full               what the report records\n"
    "  q1_memory --search                     learning rates compared on validation sequences,\n"
    "                                         by seeds that the profiles do not use\n"
    "  q1_memory --profile=full --readers=lstm1,chrono --lags=400 --results=/tmp/mine\n";

static void take_list(int *count, int *value, int most, const OptionInts *from) {
    *count = 0;
    for (int i = 0; i < from->count && *count < most; i++) value[(*count)++] = from->values[i];
}

static void set(int *count, int *value, const char *numbers) {
    int read = 0;
    *count = 0;
    for (const char *at = numbers; sscanf(at, "%d%n", &value[*count], &read) == 1; at += read)
        ++*count;
}

/* Peak rates found by --search: the best mean accuracy on validation sequences over its lags and
 * seeds, at the full profile's steps; among equals the middle one, and for MEMORY_LSTM_0, which
 * learned at none, that of MEMORY_LSTM_1. */
static const double chosen_rate[MEMORY_KINDS] = {
    [MEMORY_RNN] = 1e-2,    [MEMORY_GRU] = 3e-2,         [MEMORY_LSTM_0] = 3e-3,
    [MEMORY_LSTM_1] = 3e-3, [MEMORY_LSTM_CHRONO] = 1e-2, [MEMORY_BILSTM] = 3e-3,
    [MEMORY_ENDS] = 1e-2,   [MEMORY_MIDDLE] = 3e-3,      [MEMORY_TRANSFORMER] = 3e-3,
};
static const double searched_rate[] = {1e-3, 3e-3, 1e-2, 3e-2};

static void set_profile(MemoryPlan *plan) {
    plan->batch = 8;
    plan->alphabet = plan->others = 8;
    plan->embedding = 16;
    plan->parameters = 6800;
    plan->probes = 16;
    plan->evaluations = 10;
    if (plan->full || plan->search) {
        set(&plan->lags, plan->lag, plan->search ? "25 50 100" : "12 25 50 100 200 400");
        set(&plan->seeds, plan->seed, plan->search ? "101 102" : "1 2 3 4 5");
        set(&plan->offsets, plan->offset, "1 2 4 8 16 32 64 128 200 256 400");
        plan->length = 401;
        plan->steps = 1000;
        plan->validation = 128;
        plan->test = 512;
    } else {
        set(&plan->lags, plan->lag, "12 50");
        set(&plan->seeds, plan->seed, "1 2 3");
        set(&plan->offsets, plan->offset, "1 2 4 8 16 32 64 100");
        plan->length = 101;
        plan->steps = 600;
        plan->validation = 64;
        plan->test = 256;
    }
    plan->rates = plan->search ? (int)(sizeof searched_rate / sizeof *searched_rate) : 1;
    for (int k = 0; k < MEMORY_KINDS; k++)
        for (int r = 0; r < plan->rates; r++)
            plan->rate[k][r] = plan->search ? searched_rate[r] : chosen_rate[k];
}

/* "rnn,lstm1" */
static int set_kinds(MemoryPlan *plan, const char *words) {
    plan->kinds = 0;
    for (const char *at = words; *at;) {
        int length = (int)strcspn(at, ","), found = 0;
        for (int k = 0; k < MEMORY_KINDS; k++)
            if ((int)strlen(memory_kind_slug[k]) == length &&
                strncmp(at, memory_kind_slug[k], (size_t)length) == 0) {
                for (int i = 0; i < plan->kinds; i++) found |= plan->kind[i] == k ? 2 : 0;
                if (!found) plan->kind[plan->kinds++] = k;
                found |= 1;
            }
        if (found != 1) {
            fprintf(stderr,
                    "q1_memory: --readers: '%.*s' %s; expected some of rnn, gru, lstm0, "
                    "lstm1, chrono, bilstm, ends, middle, transformer, each once\n",
                    length, at, found ? "comes twice" : "is no reader");
            return 2;
        }
        at += length;
        at += *at == ',';
    }
    return -1;
}

static int check(const MemoryPlan *plan) {
    for (int i = 0; i + 1 < plan->lags; i++)
        if (plan->lag[i] >= plan->lag[i + 1]) {
            fprintf(stderr, "q1_memory: --lags: %d before %d; expected them ascending\n",
                    plan->lag[i], plan->lag[i + 1]);
            return 2;
        }
    for (int i = 0; i < plan->seeds; i++)
        for (int j = 0; j < i; j++)
            if (plan->seed[i] == plan->seed[j]) {
                fprintf(stderr, "q1_memory: --seeds: %d comes twice; every seed is trained once\n",
                        plan->seed[i]);
                return 2;
            }
    return -1;
}

int memory_plan_parse(MemoryPlan *plan, int argc, char **argv) {
    memset(plan, 0, sizeof *plan);
    OptionInts lags = {0}, seeds = {0};
    const char *readers = NULL;
    int steps = 0, batch = 0;
    double rate = 0;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to train: quick for a first look, full for the record"},
        {"readers", OPTION_TEXT, &readers, NULL, .value = "NAME,...",
         .help = "some of rnn, gru, lstm0, lstm1, chrono, bilstm, ends, middle, transformer; all "
                 "where not given"},
        {"lags", OPTION_INTS, &lags, NULL, .value = "N,N,...", .low = 2, .high = 1000,
         .help = "words from the asked symbol to the question; 12,50 in the quick profile, "
                 "12,25,50,100,200,400 in the full one, 25,50,100 in a search"},
        {"seeds", OPTION_INTS, &seeds, NULL, .value = "N,N,...", .low = 0, .high = 2147483647,
         .help = "of weights and data; 1,2,3 in the quick profile, 1,2,3,4,5 in the full one, "
                 "101,102 in a search"},
        {"steps", OPTION_INT, &steps, "0", .value = "COUNT", .low = 0, .high = 10000000,
         .help = "of each training; 0: 600 in the quick profile, 1000 in the full one"},
        {"batch", OPTION_INT, &batch, "0", .value = "COUNT", .low = 0, .high = 65536,
         .help = "sequences of a step; 0: 8"},
        {"rate", OPTION_NUMBER, &rate, "0", .value = "NUMBER", .low = 0, .high = 1,
         .help = "peak learning rate of every reader; 0: the one that a search found for it"},
        {"search", OPTION_SWITCH, &plan->search, NULL,
         .help = "instead of the experiment: train every reader with each of the rates .001, .003, "
                 ".01, .03 and print the accuracy on validation sequences; leaves no results"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at once; 0: one on every processor"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q1_memory (quick: q1_memory_quick) will appear, whole or not "
                 "at all"},
    };
    const OptionsProgram program = {.name = "q1_memory",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    set_profile(plan);
    if (lags.count) take_list(&plan->lags, plan->lag, MEMORY_LIST_MAX, &lags);
    if (seeds.count) take_list(&plan->seeds, plan->seed, MEMORY_LIST_MAX, &seeds);
    if (steps) plan->steps = steps;
    if (batch) plan->batch = batch;
    if (rate > 0) {
        plan->rates = 1;
        for (int k = 0; k < MEMORY_KINDS; k++) plan->rate[k][0] = rate;
    }
    /* The two-sided profile is taken where both halves have most likely learned something. */
    plan->pair_lag = plan->lag[plan->lags > 2 ? 1 : 0];
    if (readers && (status = set_kinds(plan, readers)) >= 0) return status;
    for (int k = 0; !readers && k < MEMORY_KINDS; k++) plan->kind[plan->kinds++] = k;
    return check(plan);
}

void memory_plan_describe(const MemoryPlan *plan, char *text, size_t size) {
    size_t used = 0;
#define ADD(...)                                                                                   \
    do {                                                                                           \
        if (used < size) used += (size_t)snprintf(text + used, size - used, __VA_ARGS__);          \
    } while (0)
    ADD("%s%s, %d steps of %d, alphabet %d + %d, words of %d, parameters %d, validation %d x %d, "
        "test %d, Jacobians %d words, %d probes; readers",
        memory_plan_experiment(plan), plan->search ? " search" : "", plan->steps, plan->batch,
        plan->alphabet, plan->others, plan->embedding, plan->parameters, plan->evaluations,
        plan->validation, plan->test, plan->length, plan->probes);
    for (int i = 0; i < plan->kinds; i++) {
        ADD(" %s", memory_kind_slug[plan->kind[i]]);
        for (int r = 0; r < plan->rates; r++) ADD(" %g", plan->rate[plan->kind[i]][r]);
    }
    ADD("; lags");
    for (int i = 0; i < plan->lags; i++) ADD(" %d", plan->lag[i]);
    ADD("; seeds");
    for (int i = 0; i < plan->seeds; i++) ADD(" %d", plan->seed[i]);
    ADD("; words back");
    for (int i = 0; i < plan->offsets; i++) ADD(" %d", plan->offset[i]);
#undef ADD
}

const char *memory_plan_prefix(const MemoryPlan *plan) {
    return plan->full ? "q1" : "q1.quick";
}

const char *memory_plan_experiment(const MemoryPlan *plan) {
    return plan->full ? "q1_memory" : "q1_memory_quick";
}
