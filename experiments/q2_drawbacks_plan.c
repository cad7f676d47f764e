#define _GNU_SOURCE
#include "base/hash.h"
#include "base/machine.h"
#include "q2_drawbacks.h"
#include "store.h"

#include <stdio.h>
#include <string.h>

const char *const drawbacks_net_slug[NET_KINDS] = {"lstm", "sinusoidal", "learned", "none"};
const char *const drawbacks_holds_slug[HOLDS_KINDS] = {"lstm", "stored", "tiled", "kernel"};

static const char about[] =
    "Question 2, the drawbacks: what a Transformer is worse at than a recurrent network, and where "
    "that is not so. (1) Running parity: trained on up to 40 bits, asked far beyond, an LSTM and "
    "Transformers with sinusoidal, learned and no positions. (2) The next character of Persian "
    "sentences (UD PerDT, make data): bits a character of an LSTM and a Transformer of as many "
    "parameters against the number of training sentences, and at places of the window that "
    "training "
    "never had. (3) Bytes of a training step against its length. (4) Seconds and bytes held of the "
    "t-th generated symbol: keys and values of all before, the LSTM's state, the sums of kernel "
    "attention.\n"
    "Where the sentences are missing, (2) is left out and the rest is measured. Cost: profile "
    "quick "
    "takes about 14 s on two cores, full about 5 minutes. Ctrl-C keeps finished trainings (a "
    "second "
    "one ends at once); the same command then continues.";

static const char examples[] =
    "  q2_drawbacks                         the quick profile, into "
    "results/local/q2_drawbacks_quick\n"
    "  q2_drawbacks --profile=full          what the report records\n"
    "  q2_drawbacks --data=/data/perdt      sentences from another folder\n";

static void list(DrawbacksList *out, int count, const int *values) {
    out->count = count;
    memcpy(out->value, values, (size_t)count * sizeof *values);
}
#define LIST(target, ...)                                                                          \
    list(&(target), (int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)), (int[]){__VA_ARGS__})

static void set_common(DrawbacksPlan *p) {
    p->parity = (NetShape){.width = 32, .heads = 4, .layers = 2, .lstm_layers = 1};
    p->parity_length = 40;
    p->parity_batch = 16;
    p->parity_rate[0] = 2e-3;
    p->parity_rate[1] = 1e-2;
    p->language = (NetShape){.width = 64, .heads = 4, .layers = 2, .lstm_layers = 1};
    p->window = 64;
    p->far = 256;
    p->language_batch = 16;
    p->language_rate[0] = 8e-3;
    p->language_rate[1] = 1e-2;
    p->validation = 596;
    p->big = (NetShape){
        .vocabulary = 128, .classes = 128, .width = 128, .heads = 4, .layers = 4, .lstm_layers = 4};
    p->block = 32;
}

static void set_quick(DrawbacksPlan *p) {
    p->seeds = 2;
    p->parity_seeds = 2;
    p->parity_longest = 200;
    p->parity_steps = 600;
    p->parity_test = 128;
    LIST(p->sentences, 50, 800);
    LIST(p->steps, 80, 80);
    p->far_seeds = 0;
    p->test_windows = 128;
    LIST(p->lengths, 64, 256, 1024);
    p->generated = 1024;
    p->repetitions = 3;
}

static void set_full(DrawbacksPlan *p) {
    p->seeds = 3;
    p->parity_seeds = 5;
    p->parity_longest = 320;
    p->parity_steps = 4000;
    p->parity_test = 256;
    LIST(p->sentences, 50, 200, 800, 3200, 12800);
    LIST(p->steps, 800, 800, 800, 800, 800);
    p->far_seeds = 3;
    p->test_windows = 1024;
    LIST(p->lengths, 64, 128, 256, 512, 1024, 2048);
    p->generated = 4096;
    p->repetitions = 7;
}

int drawbacks_plan_parse(Drawbacks *d, int argc, char **argv) {
    DrawbacksPlan *plan = &d->plan;
    memset(d, 0, sizeof *d);
    int seed, seeds;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to train and to measure: quick for a first look, full for the record"},
        {"data", OPTION_TEXT, &plan->data, "build/data/persian/gold/perdt", .value = "FOLDER",
         .help = "where fa_perdt-ud-train and fa_perdt-ud-dev stand, .conllu or .txt, plain or .gz "
                 "(make data)"},
        {"seeds", OPTION_INT, &seeds, "0", .value = "COUNT", .low = 0, .high = 9,
         .help = "trainings of every kind; 0: 2 in the quick profile, 5 and 3 in the full one"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at once; 0: one for every processor"},
        {"seed", OPTION_INT, &seed, "1", .value = "SEED", .low = 0, .high = 1000000,
         .help = "of weights, sequences, the choice of sentences and the order of measurements"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q2_drawbacks will appear (quick: q2_drawbacks_quick), whole or "
                 "not at all"},
    };
    const OptionsProgram program = {.name = "q2_drawbacks",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->seed = (uint64_t)seed;
    set_common(plan);
    (plan->full ? set_full : set_quick)(plan);
    if (seeds) plan->seeds = plan->parity_seeds = seeds;
    if (seeds && plan->far_seeds) plan->far_seeds = seeds;
    snprintf(d->experiment, sizeof d->experiment, "q2_drawbacks%s", plan->full ? "" : "_quick");
    snprintf(d->facts, sizeof d->facts, "q2%s", plan->full ? "" : ".quick");
    return -1;
}

/* --- cells ----------------------------------------------------------------------------------- */

static void add(Drawbacks *d, DrawbacksCell cell) {
    if (d->cells < DRAWBACKS_CELLS_MAX) d->cell[d->cells++] = cell;
}

void drawbacks_list_cells(Drawbacks *d) {
    const DrawbacksPlan *plan = &d->plan;
    d->cells = 0;
    for (int net = 0; net < NET_KINDS; net++)
        for (int seed = 1; seed <= plan->parity_seeds; seed++)
            add(d, (DrawbacksCell){
                       .kind = CELL_PARITY, .net = net, .seed = seed, .steps = plan->parity_steps});
    const int most = plan->sentences.count - 1;
    for (int i = 0; d->has_text && i <= most; i++)
        for (int net = 0; net < NET_KINDS; net++) {
            const int both = net == NET_LSTM || net == NET_SINUSOIDAL;
            const int seeds = both ? plan->seeds : i == most ? plan->far_seeds : 0;
            for (int seed = 1; seed <= seeds; seed++)
                add(d, (DrawbacksCell){.kind = CELL_LANGUAGE,
                                       .net = net,
                                       .seed = seed,
                                       .sentences = plan->sentences.value[i],
                                       .steps = plan->steps.value[i]});
        }
    for (int holds = 0; holds < HOLDS_KINDS; holds++)
        for (int i = 0; i < plan->lengths.count; i++)
            add(d, (DrawbacksCell){
                       .kind = CELL_MEMORY, .net = holds, .length = plan->lengths.value[i]});
}

/* Measured on one core of two, an EPYC of Zen 4. */
double drawbacks_cost(void *context, size_t cell) {
    const Drawbacks *d = context;
    const DrawbacksCell *c = &d->cell[cell];
    const DrawbacksPlan *p = &d->plan;
    switch (c->kind) {
    case CELL_PARITY:
        return .0016 * c->steps + 1e-5 * p->parity_test * p->parity_longest;
    case CELL_LANGUAGE:
        return .012 * c->steps + 7e-6 * p->window * p->test_windows;
    case CELL_MEMORY:
        return .05 + 2e-4 * c->length;
    }
    return 1;
}

void drawbacks_cell_name(void *context, size_t cell, char *name, size_t size) {
    const Drawbacks *d = context;
    const DrawbacksCell *c = &d->cell[cell];
    if (c->kind == CELL_PARITY)
        snprintf(name, size, "parity-%s-%d", drawbacks_net_slug[c->net], c->seed);
    else if (c->kind == CELL_LANGUAGE)
        snprintf(name, size, "character-%s-%d-%d", drawbacks_net_slug[c->net], c->sentences,
                 c->seed);
    else
        snprintf(name, size, "memory-%s-%d", drawbacks_holds_slug[c->net], c->length);
}

Status drawbacks_train(const TrainTask *task, int batch, double rate, uint64_t seed,
                       GridRecord *record, TrainLog **log) {
    enum { EVALUATIONS = 10, CURVE_POINTS = 40 };
    TrainTask scored = *task;
    scored.scores = 2;
    scored.score_names[0] = "loss";
    scored.score_names[1] = "accuracy";
    scored.select = 0;
    scored.select_least = 1;
    TrainPlan how = train_plan_default();
    how.batch = (size_t)batch;
    how.rate = rate;
    how.seed = seed;
    how.evaluations_per_epoch = EVALUATIONS;
    how.checkpoint = grid_checkpoint(record);
    STATUS_TRY(train_run(&scored, &how, log));
    grid_log(record, &scored, &how, *log, 0, 1, CURVE_POINTS);
    return STATUS_OK;
}

Status drawbacks_work(void *context, size_t cell, GridRecord *record) {
    const Drawbacks *d = context;
    const DrawbacksCell *c = &d->cell[cell];
    if (c->kind == CELL_PARITY) return drawbacks_parity_cell(d, c, record);
    if (c->kind == CELL_LANGUAGE) return drawbacks_language_cell(d, c, record);
    return drawbacks_memory_cell(d, c, record);
}

static uint64_t hash_stream(uint64_t hash, const CharacterStream *stream) {
    return stream->id ? hash_bytes(hash, stream->id, stream->count * sizeof *stream->id) : hash;
}

void drawbacks_fingerprint(const Drawbacks *d, char *text, size_t size) {
    DrawbacksPlan plan;
    memcpy(&plan, &d->plan, sizeof plan);
    plan.results = plan.data = NULL;
    plan.processes = 0;
    uint64_t words = hash_stream(hash_stream(HASH_BEGIN, &d->validation), &d->dev);
    Machine machine;
    machine_describe(&machine);
    snprintf(text, size,
             "profile %s, seed %llu, plan %016llx, sentences %016llx, program %016llx, machine %s",
             plan.full ? "full" : "quick", (unsigned long long)plan.seed,
             (unsigned long long)hash_bytes(HASH_BEGIN, &plan, sizeof plan),
             (unsigned long long)words, (unsigned long long)store_hash_here(HASH_BEGIN),
             machine.slug);
}
