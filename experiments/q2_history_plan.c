#define _GNU_SOURCE
#include "base/threads.h"
#include "q2_history.h"

#include <stdio.h>
#include <string.h>

static const char about[] =
    "Question 2, first part: how a Transformer sees the past with no recurrence, and better than a "
    "recurrent network. It changes the future and counts the bits of the past that follow (none "
    "may; without a mask many must); it permutes inputs and measures how far a network without "
    "positions, and with them, is from permuting its outputs; it builds a head from sinusoids that "
    "looks at the previous token, and measures its weight against sharpness and length; it trains "
    "Transformers with softmax and with kernel attention and an LSTM of as many parameters on "
    "associative recall (pairs of keys and values, then the keys alone), and looks at what the "
    "trained heads attend to; and it compares the parallel and the recurrent form of causal kernel "
    "attention.\n"
    "Cost: profile quick takes about 12 s on two cores, full about 4 minutes, nearly all of it "
    "trainings, one process for each processor. Ctrl-C keeps the finished trainings; the same "
    "command then continues.";

static const char examples[] =
    "  q2_history                            the quick profile, into results/local\n"
    "  q2_history --profile=full             what the report records\n"
    "  q2_history --seeds=1 --steps=300      one short training of each kind\n";

#define LIST(...)                                                                                  \
    {                                                                                              \
        .count = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .value = { __VA_ARGS__ }              \
    }

typedef struct {
    int steps, seeds;      /* of Transformers with few pairs */
    int most_steps, fewer; /* with the most pairs; their seeds, and those of kernel attention */
    int lstm_factor;       /* how much longer LSTMs are trained */
    int long_pairs, long_steps;
    HistoryList pairs;
} Trainings;

static void add_cell(HistoryPlan *plan, RecallModel model, int pairs, int steps, int seed,
                     int watch) {
    if (plan->cells < HISTORY_CELLS_MAX)
        plan->cell[plan->cells++] = (RecallCell){
            .model = model, .pairs = pairs, .steps = steps, .seed = seed, .watch = watch};
}

static void add_cells(HistoryPlan *plan, const Trainings *t) {
    const int most = t->pairs.value[t->pairs.count - 1];
    for (int i = 0; i < t->pairs.count; i++) {
        const int pairs = t->pairs.value[i], last = pairs == most && pairs > plan->headline;
        const int steps = last ? t->most_steps : t->steps, seeds = last ? t->fewer : t->seeds;
        for (int seed = 1; seed <= seeds; seed++) {
            const int watch = pairs != plan->headline ? 0 : seed == 1 ? 2 : 1;
            add_cell(plan, RECALL_TRANSFORMER, pairs, steps, seed, watch);
            add_cell(plan, RECALL_LSTM, pairs, steps * t->lstm_factor, seed, 0);
            if (pairs == plan->headline && seed <= t->fewer)
                add_cell(plan, RECALL_KERNEL, pairs, steps, seed, 0);
            if (pairs == t->long_pairs && seed <= t->fewer)
                add_cell(plan, RECALL_LSTM, pairs, t->long_steps, seed, 0);
        }
    }
}

static Trainings set_quick(HistoryPlan *plan) {
    plan->leak_draws = 20;
    plan->order_draws = 10;
    plan->head_lengths = (HistoryList)LIST(16, 64, 256);
    plan->linear_lengths = (HistoryList)LIST(64, 256, 1024);
    plan->linear_draws = 1;
    plan->headline = 8;
    plan->recall.evaluations = 10;
    plan->recall.validation = 32;
    plan->recall.test = 128;
    return (Trainings){.steps = 350,
                       .seeds = 1,
                       .fewer = 1,
                       .most_steps = 350,
                       .lstm_factor = 1,
                       .pairs = LIST(2, 4, 8)};
}

static Trainings set_full(HistoryPlan *plan) {
    plan->leak_draws = 200;
    plan->order_draws = 100;
    plan->head_lengths = (HistoryList)LIST(16, 64, 256, 1024);
    plan->linear_lengths = (HistoryList)LIST(64, 128, 256, 512, 1024, 2048, 4096);
    plan->linear_draws = 3;
    plan->headline = 16;
    plan->recall.evaluations = 20;
    plan->recall.validation = 64;
    plan->recall.test = 256;
    return (Trainings){.steps = 600,
                       .seeds = 5,
                       .fewer = 3,
                       .most_steps = 800,
                       .lstm_factor = 2,
                       .long_pairs = 2,
                       .long_steps = 4000,
                       .pairs = LIST(2, 4, 8, 16, 32)};
}

/* What both profiles have, so that every fact that a table of the short run shows is in both. */
static void set_common(HistoryPlan *plan) {
    RecallShape *recall = &plan->recall;
    plan->length = 48;
    plan->head_width = 64;
    plan->head_betas = (HistoryList)LIST(1, 2, 4, 8, 16, 32, 64, 128, 256);
    plan->head_offsets = (HistoryList)LIST(2, 4, 8, 16);
    plan->head_beta = 128;
    plan->head_offset_length = 256;
    plan->head_map_betas[0] = 8;
    plan->head_map_betas[1] = 128;
    plan->linear_model_length = 512;
    recall->alphabet = 32;
    recall->width = 64;
    recall->heads = 1;
    recall->layers = 2;
    recall->feed_forward = 128;
    recall->tokens = 3072;
    recall->batch_most = 64;
    recall->rate[RECALL_TRANSFORMER] = recall->rate[RECALL_KERNEL] = 3e-3;
    recall->rate[RECALL_LSTM] = 5e-3;
}

static void make_fingerprint(HistoryPlan *plan, const Trainings *t) {
    const RecallShape *r = &plan->recall;
    size_t used = (size_t)snprintf(
        plan->fingerprint, sizeof plan->fingerprint,
        "q2_history, alphabet %d, width %d, heads %d, layers %d, feed-forward %d, tokens %d, batch "
        "%d, evaluations %d on %d, test %d, rates %g %g %g, steps %d %d, seeds %d %d, LSTM times "
        "%d, long %d %d, pairs",
        r->alphabet, r->width, r->heads, r->layers, r->feed_forward, r->tokens, r->batch_most,
        r->evaluations, r->validation, r->test, r->rate[0], r->rate[1], r->rate[2], t->steps,
        t->most_steps, t->seeds, t->fewer, t->lstm_factor, t->long_pairs, t->long_steps);
    for (int i = 0; i < t->pairs.count; i++)
        used += (size_t)snprintf(plan->fingerprint + used, sizeof plan->fingerprint - used, " %d",
                                 t->pairs.value[i]);
}

int history_plan_parse(HistoryPlan *plan, int argc, char **argv) {
    int threads, seeds, steps;
    *plan = (HistoryPlan){.seed = 1};
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "how much to measure: quick for a first look, full for the record"},
        {"seeds", OPTION_INT, &seeds, "0", .value = "COUNT", .low = 0, .high = 20,
         .help = "trainings of each kind, which differ in weights and data; 0: 1 in the quick "
                 "profile, 5 in the full one (3 of the costliest)"},
        {"steps", OPTION_INT, &steps, "0", .value = "COUNT", .low = 0, .high = 1000000,
         .help = "of the Transformers with few pairs; the others follow in proportion; 0: 350 in "
                 "the quick profile, 600 in the full one"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at a time; 0: one for each processor"},
        {"threads", OPTION_INT, &threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "threads of what is not trained; 0: every processor"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q2_history, of the quick profile q2_history_quick, will appear, "
                 "whole or not at all"},
    };
    const OptionsProgram program = {.name = "q2_history",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    threads_set(threads);
    plan->threads = threads_count();
    plan->experiment = plan->full ? "q2_history" : "q2_history_quick";
    plan->prefix = plan->full ? "q2." : "q2.quick.";
    set_common(plan);
    Trainings trainings = plan->full ? set_full(plan) : set_quick(plan);
    if (seeds) {
        trainings.fewer = seeds < trainings.fewer ? seeds : trainings.fewer;
        trainings.seeds = seeds;
    }
    if (steps) {
        trainings.most_steps = trainings.most_steps * steps / trainings.steps;
        trainings.long_steps = trainings.long_steps * steps / trainings.steps;
        trainings.steps = steps;
    }
    add_cells(plan, &trainings);
    make_fingerprint(plan, &trainings);
    return -1;
}

/* --- cells ------------------------------------------------------------------------------------ */

const char *history_cell_slug(const HistoryPlan *plan, size_t cell) {
    const RecallCell *c = &plan->cell[cell];
    if (c->model != RECALL_LSTM) return recall_slug[c->model];
    for (size_t i = 0; i < plan->cells; i++) {
        const RecallCell *other = &plan->cell[i];
        if (other->model == c->model && other->pairs == c->pairs && other->steps < c->steps)
            return "lstm_long";
    }
    return recall_slug[c->model];
}

void history_cell_name(void *context, size_t cell, char *name, size_t size) {
    const HistoryPlan *plan = context;
    snprintf(name, size, "%s_p%d_s%d", history_cell_slug(plan, cell), plan->cell[cell].pairs,
             plan->cell[cell].seed);
}

/* Microseconds of a symbol's step, on a core of 2021. */
double history_cell_cost(void *context, size_t cell) {
    const HistoryPlan *plan = context;
    const RecallCell *c = &plan->cell[cell];
    const double symbols = (double)recall_batch(&plan->recall, c->pairs) * 3 * c->pairs;
    return 1e-6 * (c->model == RECALL_LSTM ? 4.1 : 7.5) * symbols * c->steps;
}
