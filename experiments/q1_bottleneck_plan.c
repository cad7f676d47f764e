#include "q1_bottleneck.h"

#include <stdio.h>
#include <string.h>

const char *const q1_encoder_slug[Q1_ENCODERS] = {"rnn", "gru", "lstm", "bilstm"};
const char *const q1_part_slug[Q1_PARTS] = {"copy", "reverse", "width", "text"};

static const char about[] =
    "Question 1, the bottleneck: a recurrent encoder hands the decoder one vector of a fixed size, "
    "whatever the length of the source; attention lets the decoder read every state instead. "
    "Networks of equal parameters (encoders: RNN, GRU, LSTM, bidirectional LSTM; scores: none, "
    "additive, general, dot) learn to copy and to reverse random symbols of a few lengths and are "
    "tested on lengths up to twice as long; an LSTM learns to copy through 16 to 128 numbers, and "
    "what it holds is counted in bits; and Persian phrases typed without spaces get their spaces "
    "and half-spaces back. Accuracies are of greedy decoding from the network's own output, means "
    "over seeds with 95 % intervals.\n"
    "Every training is a process with one thread. Cost on two cores: quick about 14 s, full about "
    "8 minutes. Ctrl-C keeps what is trained; the same command then continues. Without the Persian "
    "files (make data) their part is left out, and that is said.";

static const char examples[] =
    "  q1_bottleneck                           the quick profile, into results/local\n"
    "  q1_bottleneck --profile=full            what the report records\n"
    "  q1_bottleneck --steps=4000 --seeds=1    longer trainings, one seed\n";

static const Q1List tested = {12, {2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32}};

static void set_full(Q1Plan *plan) {
    static const int seeds[] = {5, 2, 2, 2}, copy_seeds[] = {5, 5, 5, 1};
    memcpy(plan->seeds, seeds, sizeof seeds);
    memcpy(plan->copy_seeds, copy_seeds, sizeof copy_seeds);
    for (int e = 0; e < Q1_ENCODERS; e++) plan->encoders[e] = 1;
    plan->reverse_encoders[Q1_LSTM] = plan->reverse_encoders[Q1_BILSTM] = 1;
    for (int s = SCORE_NONE; s <= SCORE_DOT; s++) plan->scores[s] = 1;
    plan->reverse_scores[SCORE_NONE] = plan->reverse_scores[SCORE_ADDITIVE] = 1;
    plan->contexts = (Q1List){3, {16, 32, 64}};
    plan->text_longest = (Q1List){2, {16, 32}};
    plan->text_lengths = (Q1List){12, {4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48}};
    plan->steps = 2000;
    plan->text_steps = 2000;
    plan->evaluations = 10;
    plan->test_sequences = 128;
}

static void set_quick(Q1Plan *plan) {
    set_full(plan);
    static const int seeds[] = {1, 1, 1, 1};
    memcpy(plan->seeds, seeds, sizeof seeds);
    memcpy(plan->copy_seeds, seeds, sizeof seeds);
    plan->encoders[Q1_RNN] = plan->encoders[Q1_GRU] = plan->encoders[Q1_BILSTM] = 0;
    for (int e = 0; e < Q1_ENCODERS; e++) plan->reverse_encoders[e] = e == Q1_LSTM;
    plan->scores[SCORE_GENERAL] = plan->scores[SCORE_DOT] = 0;
    plan->contexts = (Q1List){1, {16}};
    plan->text_longest = (Q1List){1, {16}};
    plan->text_lengths = (Q1List){6, {4, 8, 12, 16, 24, 32}};
    plan->steps = 800;
    plan->text_steps = 800;
    plan->evaluations = 4;
    plan->test_sequences = 64;
}

int q1_plan_parse(Q1Plan *plan, int argc, char **argv) {
    int profile, seed, seeds, steps;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "how much is trained"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q1_bottleneck (quick: q1_bottleneck_quick) is put"},
        {"text", OPTION_TEXT, &plan->text, "build/data/persian/gold/perdt", .value = "FOLDER",
         .help = "UD_Persian-PerDT: fa_perdt-ud-train.txt and fa_perdt-ud-dev.conllu"},
        {"processes", OPTION_INT, &plan->processes, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "trainings at once; 0: as many as there are processors"},
        {"seed", OPTION_INT, &seed, "1", .low = 1, .high = 1 << 20,
         .help = "the first seed; the others follow"},
        {"seeds", OPTION_INT, &seeds, "0", .value = "COUNT", .low = 0, .high = Q1_SEEDS_MAX,
         .help = "trainings of each network; 0: the profile's"},
        {"steps", OPTION_INT, &steps, "0", .value = "COUNT", .low = 0, .high = 1000000,
         .help = "of each training; 0: the profile's"},
        {"rate", OPTION_NUMBER, &plan->rate, "0", .low = 0, .high = 1,
         .help = "peak learning rate of AdamW; 0: each encoder's own"},
        {"batch", OPTION_INT, &plan->batch, "32", .low = 1, .high = 1024,
         .help = "sequences of a step, all of one length"},
        {"width", OPTION_INT, &plan->width, "64", .low = 4, .high = 1024,
         .help = "of the LSTM without attention, whose number of parameters the others have"},
    };
    const OptionsProgram program = {.name = "q1_bottleneck",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->full = profile == 1;
    (plan->full ? set_full : set_quick)(plan);
    plan->seed = (uint64_t)seed;
    for (int p = 0; seeds && p < Q1_PARTS; p++) plan->seeds[p] = seeds;
    for (int k = 0; seeds && k <= SCORE_DOT; k++) plan->copy_seeds[k] = seeds;
    if (steps) plan->steps = plan->text_steps = steps;
    plan->alphabet = 32;
    plan->shortest = 2;
    plan->longest = 16;
    plan->embedding = 32;
    plan->lengths = tested;
    plan->text_shortest = 2;
    plan->text_width = plan->width;
    plan->warmup = .05;
    plan->decay = .01;
    return -1;
}

/* Of .008 and .012 the one with the lower validation loss of the first seed, without attention. */
double q1_rate(const Q1Plan *plan, Q1Encoder encoder) {
    static const double rates[] = {.008, .008, .012, .012};
    return plan->rate > 0 ? plan->rate : rates[encoder];
}

int q1_steps(const Q1Plan *plan, Q1Part part) {
    return part == Q1_TEXT ? plan->text_steps : plan->steps;
}

/* --- cells ------------------------------------------------------------------------------------ */

static int vocabulary_of(const Q1Session *session, Q1Part part) {
    return part == Q1_TEXT ? q1_text_vocabulary(&session->text) : session->plan.alphabet + 2;
}

Seq2seqConfig q1_cell_config(const Q1Session *session, const Q1Cell *cell) {
    static const RecurrentKind kinds[] = {RECURRENT_TANH, RECURRENT_GRU, RECURRENT_LSTM,
                                          RECURRENT_LSTM};
    const Q1Plan *plan = &session->plan;
    const int vocabulary = vocabulary_of(session, cell->part);
    Seq2seqConfig config = {.encoder = RECURRENT_LSTM,
                            .directions = 1,
                            .width = cell->part == Q1_TEXT ? plan->text_width : plan->width,
                            .embedding = plan->embedding,
                            .source_vocabulary = vocabulary,
                            .target_vocabulary = vocabulary,
                            .score = SCORE_NONE,
                            .forget_bias = 1};
    const size_t size = seq2seq_parameters(&config);
    config.encoder = kinds[cell->encoder];
    config.directions = cell->encoder == Q1_BILSTM ? 2 : 1;
    config.score = cell->score;
    config.context = cell->context;
    if (cell->part != Q1_WIDTH) config.width = seq2seq_equal_width(&config, size);
    return config;
}

static void add_model(Q1Session *session, Q1Cell cell) {
    const Q1Plan *plan = &session->plan;
    cell.model = session->models++;
    const Seq2seqConfig config = q1_cell_config(session, &cell);
    const int seeds = cell.part == Q1_COPY ? plan->copy_seeds[cell.score] : plan->seeds[cell.part];
    for (int s = 0; s < seeds && session->cells < Q1_CELLS_MAX; s++) {
        cell.seed = s + 1;
        cell.cost =
            q1_steps(plan, cell.part) * (cell.longest + 8.) * (double)seq2seq_parameters(&config);
        session->cell[session->cells++] = cell;
    }
}

void q1_list_cells(Q1Session *session) {
    const Q1Plan *plan = &session->plan;
    session->cells = session->models = 0;
    for (int e = 0; e < Q1_ENCODERS; e++)
        for (int s = SCORE_NONE; s <= SCORE_DOT; s++) {
            Q1Cell cell = {Q1_COPY, (Q1Encoder)e, (ScoreKind)s, .longest = plan->longest};
            if (plan->encoders[e] && plan->scores[s]) add_model(session, cell);
            cell.part = Q1_REVERSE;
            if (plan->reverse_encoders[e] && plan->reverse_scores[s]) add_model(session, cell);
        }
    for (int c = 0; c < plan->contexts.count; c++)
        add_model(session, (Q1Cell){Q1_WIDTH, Q1_LSTM, SCORE_NONE,
                                    .context = plan->contexts.value[c], .longest = plan->longest});
    for (int l = 0; session->text.count > 0 && l < plan->text_longest.count; l++)
        for (int s = SCORE_NONE; s <= SCORE_ADDITIVE; s++)
            add_model(session, (Q1Cell){Q1_TEXT, Q1_BILSTM, (ScoreKind)s,
                                        .longest = plan->text_longest.value[l]});
}

void q1_cell_name(void *context, size_t index, char *name, size_t size) {
    const Q1Session *session = context;
    const Q1Cell *cell = &session->cell[index];
    int used = snprintf(name, size, "%s_%s_%s", q1_part_slug[cell->part],
                        q1_encoder_slug[cell->encoder], nn_score_name(cell->score));
    if (cell->context) used += snprintf(name + used, size - (size_t)used, "_c%d", cell->context);
    if (cell->part == Q1_TEXT)
        used += snprintf(name + used, size - (size_t)used, "_n%d", cell->longest);
    snprintf(name + used, size - (size_t)used, "_seed%d", cell->seed);
}

double q1_cell_cost(void *context, size_t index) {
    return ((const Q1Session *)context)->cell[index].cost;
}

static int put_list(char *text, size_t size, const char *name, const Q1List *list) {
    int used = snprintf(text, size, "%s", name);
    for (int i = 0; i < list->count && (size_t)used < size; i++)
        used += snprintf(text + used, size - (size_t)used, " %d", list->value[i]);
    return used;
}

void q1_plan_text(const Q1Session *session, char *text, size_t size) {
    const Q1Plan *p = &session->plan;
    size_t used = (size_t)snprintf(
        text, size,
        "profile %s, seed %llu, seeds %d %d %d %d %d %d %d, alphabet %d, training %d-%d, width %d, "
        "embedding %d, steps %d %d, batch %d, rates %g %g %g %g, warmup %g, decay %g, evaluations "
        "%d, "
        "sequences %d, text %s, text training %d, text width %d, ",
        p->full ? "full" : "quick", (unsigned long long)p->seed, p->copy_seeds[0], p->copy_seeds[1],
        p->copy_seeds[2], p->copy_seeds[3], p->seeds[1], p->seeds[2], p->seeds[3], p->alphabet,
        p->shortest, p->longest, p->width, p->embedding, p->steps, p->text_steps, p->batch,
        q1_rate(p, Q1_RNN), q1_rate(p, Q1_GRU), q1_rate(p, Q1_LSTM), q1_rate(p, Q1_BILSTM),
        p->warmup, p->decay, p->evaluations, p->test_sequences,
        session->text.count ? session->text.sha256[0] : "none", p->text_shortest, p->text_width);
    const Q1List *const lists[] = {&p->contexts, &p->lengths, &p->text_longest, &p->text_lengths};
    static const char *const names[] = {"contexts", ", lengths", ", text longest",
                                        ", text lengths"};
    for (int l = 0; l < 4 && used < size; l++)
        used += (size_t)put_list(text + used, size - used, names[l], lists[l]);
    if (used < size) snprintf(text + used, size - used, ", models %d", session->models);
}
