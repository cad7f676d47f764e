#include "nn/recurrent.h"
#include "q5_reorder.h"

#include <stdio.h>
#include <string.h>

#define ABOUT                                                                                      \
    "Trains a Transformer from scratch that puts the words of a Persian "                          \
    "sentence into order, and "                                                                    \
    "measures how well it does on sentences that it has never seen "                               \
    "(assignment, question 5).\n\n"                                                                \
    "The words come as a bag: the encoder knows no order. The decoder points "                     \
    "at the words left, "                                                                          \
    "one after the other, so that every answer is a rearrangement of its "                         \
    "input. Beside it stand, "                                                                     \
    "trained on the same sentences, a Kneser-Ney trigram, and orders drawn by "                    \
    "chance. --network=lstm trains a recurrent pointer network of the same size instead, "         \
    "measured in the same way, as an experiment of its own (q5_reorder_lstm); so is every seed "   \
    "but the first (q5_reorder_s2). The test "                                                     \
    "part of the PerDT treebank (4 to 15 words) and documents held out of "                        \
    "every corpus are "                                                                            \
    "answered once, after training; what is chosen is chosen on PerDT's dev "                      \
    "part.\n\n"                                                                                    \
    "The folder <results>/<experiment> appears when all is measured, or not at "                   \
    "all. Until then "                                                                             \
    "the training's state is kept beside it: the same command continues after "                    \
    "Ctrl-C, kill -9 or "                                                                          \
    "a power cut, and ends with the same numbers. A rate that has not begun to "                   \
    "fall may be given "                                                                           \
    "another end: --steps and --fall may then differ.\n\n"                                         \
    "q5_reorder order --model FILE reads shuffled words from standard input, a "                   \
    "sentence a line, "                                                                            \
    "and prints each sentence (q5_reorder order --help). q5_reorder judged "                       \
    "counts how many of the answers that differ from the sentence are "                            \
    "acceptable, as readers judged them (q5_reorder judged --help)."

#define EXAMPLES                                                                                   \
    "  q5_reorder                               about 20 seconds of training "                     \
    "on a treebank\n"                                                                              \
    "  q5_reorder --profile=full                hours on two processors; "                         \
    "q5_data "                                                                                     \
    "--profile=full makes its data\n"                                                              \
    "  q5_reorder --profile=full --network=lstm --against=build/reorder.safetensors\n"             \
    "  q5_reorder --steps=500 --model=mine.safetensors --results=/tmp/mine\n"                      \
    "  echo 'را کتاب خواند او' | q5_reorder order --model=mine.safetensors\n"

static void finish_transformer(Q5ReorderPlan *plan) {
    const int quick = plan->quick;
    ReordererConfig *s = &plan->shape;
    if (plan->rate == 0) plan->rate = quick ? 2e-3 : 1e-3;
    if (s->encoder_layers == 0) s->encoder_layers = quick ? 2 : 3;
    if (s->decoder_layers == 0) s->decoder_layers = quick ? 2 : 3;
    if (s->width == 0) s->width = quick ? 128 : 256;
    if (s->feed_forward == 0) s->feed_forward = quick ? 512 : 1024;
    if (s->dropout < 0) s->dropout = quick ? 0 : .1f;
}

/* Of about as many parameters as the Transformer; the shape's words and affixes are its own too. */
static void finish_lstm(Q5ReorderPlan *plan) {
    const int quick = plan->quick;
    ReordererConfig *s = &plan->shape;
    if (plan->rate == 0) plan->rate = 2e-3;
    if (s->encoder_layers == 0) s->encoder_layers = 2;
    if (s->width == 0) s->width = quick ? 152 : 320;
    if (s->dropout < 0) s->dropout = quick ? 0 : .1f;
    plan->lstm = (PointerLstmConfig){.width = s->width / 2,
                                     .layers = s->encoder_layers,
                                     .words = s->words,
                                     .affixes = s->affixes,
                                     .dropout = s->dropout,
                                     .precision = s->precision};
}

/* Adds what is not NULL, each behind `mark`. */
static void add_parts(char *name, size_t size, char mark, const char *const *part, int count) {
    for (int k = 0; k < count; k++) {
        const size_t used = strlen(name);
        if (part[k]) snprintf(name + used, size - used, "%c%s", mark, part[k]);
    }
}

static void name_it(Q5ReorderPlan *plan) {
    char text[24];
    snprintf(text, sizeof text, "s%d", plan->seed);
    const char *network = plan->network == Q5_LSTM ? "lstm" : NULL;
    const char *seed = plan->seed != 1 ? text : NULL, *quick = plan->quick ? "quick" : NULL;
    snprintf(plan->experiment, sizeof plan->experiment, "q5_reorder");
    snprintf(plan->prefix, sizeof plan->prefix, "q5");
    add_parts(plan->experiment, sizeof plan->experiment, '_',
              (const char *[]){network, seed, quick}, 3);
    add_parts(plan->prefix, sizeof plan->prefix, '.', (const char *[]){quick, network, seed}, 3);
}

/* What the profiles ask for where the command line does not. */
static void finish(Q5ReorderPlan *plan) {
    const int quick = plan->quick, given = plan->beams.count;
    if (!plan->data) plan->data = quick ? "build/reorder_quick" : "build/reorder";
    if (plan->steps == 0) plan->steps = quick ? 300 : 8000;
    if (plan->fall < 0) plan->fall = quick ? plan->steps * 2 / 3 : plan->steps / 4;
    if (plan->rise < 0) plan->rise = quick ? 20 : 100;
    if (plan->longest == 0) plan->longest = quick ? 15 : 30;
    if (plan->repeat == 0) plan->repeat = quick ? 1 : 2;
    if (plan->network == Q5_LSTM)
        finish_lstm(plan);
    else
        finish_transformer(plan);
    if (plan->beam == 0) plan->beam = quick ? 32 : 512;
    for (int b = 1; plan->beams.count < (quick ? 2 : 3) && !given; b *= 8)
        plan->beams.values[plan->beams.count++] = b;
    if (plan->tested == 0) plan->tested = quick ? 250 : 1000000;
    if (plan->held_out == 0) plan->held_out = quick ? 20 : 300;
    if (plan->fall > plan->steps) plan->fall = plan->steps;
    name_it(plan);
}

int q5_reorder_parse(Q5ReorderPlan *plan, int argc, char **argv) {
    int profile, precision, network;
    double dropout = -1;
    *plan = (Q5ReorderPlan){.shape = reorderer_config_default(), .rise = -1, .fall = -1};
    ReordererConfig *s = &plan->shape;
    s->encoder_layers = s->decoder_layers = s->width = s->feed_forward = 0;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
         .help = "quick: a short run on real sentences, named q5.quick.*; full: "
                 "what is recorded"},
        {"network", OPTION_CHOICE, &network, "transformer", .choices = "transformer|lstm",
         .help = "what is trained; lstm: a recurrent pointer network, which reads the words in "
                 "the order in which they are given"},
        {"data", OPTION_TEXT, &plan->data, NULL, .value = "FOLDER",
         .help = "sets of sentences, as q5_data leaves them: build/reorder_quick "
                 "or build/reorder"},
        {"favour", OPTION_TEXT, &plan->favour,
         "build/data/persian/gold/perdt/fa_perdt-ud-train.txt", .value = "FILE",
         .help = "a treebank's training sentences, plain or gzip, which come "
                 "--repeat times in an "
                 "epoch; only read where that is above 1"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the experiment's folder will stand"},
        {"model", OPTION_TEXT, &plan->model, NULL, .value = "FILE",
         .help = "where the trained weights are written, for q5_reorder order; of a Transformer "
                 "only"},
        {"against", OPTION_TEXT, &plan->against, NULL, .value = "FILE",
         .help = "weights that --model wrote: they order PerDT's test part too, and the "
                 "difference is measured sentence by sentence"},
        {"seed", OPTION_INT, &plan->seed, "1", .value = "NUMBER", .low = 1, .high = 1000000,
         .help =
             "of weights, order of data and dropout; but for 1 it stands in the experiment's name"},
        {"steps", OPTION_INT, &plan->steps, NULL, .value = "COUNT", .low = 1, .high = 10000000,
         .help = "of training; 300, in the full profile 8000"},
        {"rise", OPTION_INT, &plan->rise, NULL, .value = "COUNT", .low = 0, .high = 10000000,
         .help = "first steps, over which the rate rises; 20, in the full "
                 "profile 100"},
        {"fall", OPTION_INT, &plan->fall, NULL, .value = "COUNT", .low = 0, .high = 10000000,
         .help = "last steps, over which the rate falls to 0; two thirds of all, "
                 "in the full "
                 "profile a quarter"},
        {"batch", OPTION_INT, &plan->batch, "200", .value = "COUNT", .low = 1, .high = 100000,
         .help = "sentences of a step"},
        {"shortest", OPTION_INT, &plan->shortest, "4", .value = "WORDS", .low = 1, .high = 200,
         .help = "of training sentences"},
        {"longest", OPTION_INT, &plan->longest, NULL, .value = "WORDS", .low = 1, .high = 200,
         .help = "of training sentences; 15, in the full profile 30"},
        {"repeat", OPTION_INT, &plan->repeat, NULL, .value = "COUNT", .low = 1, .high = 100,
         .help = "times that a favoured sentence comes in an epoch; 1, in the "
                 "full profile 2"},
        {"rare", OPTION_INT, &plan->rare, "2", .value = "COUNT", .low = 0, .high = 1000000,
         .help = "words that occur less often are known by their affixes alone"},
        {"evaluations", OPTION_INT, &plan->evaluations, "4", .value = "COUNT", .low = 1,
         .high = 1000, .help = "of dev, in every epoch"},
        {"rate", OPTION_NUMBER, &plan->rate, NULL, .value = "NUMBER", .low = 1e-9, .high = 1,
         .help = "peak learning rate; 2e-3, in the full profile of the Transformer 1e-3"},
        {"weight-decay", OPTION_NUMBER, &plan->decay, ".01", .value = "NUMBER", .low = 0, .high = 1,
         .help = "of matrices, decoupled"},
        {"beta2", OPTION_NUMBER, &plan->beta2, ".99", .value = "NUMBER", .low = 0, .high = .99999,
         .help = "of AdamW; beta1 is .9"},
        {"dropout", OPTION_NUMBER, &dropout, NULL, .value = "SHARE", .low = 0, .high = .9,
         .help = "0, in the full profile .1"},
        {"encoder-layers", OPTION_INT, &s->encoder_layers, NULL, .value = "COUNT", .low = 1,
         .high = 24, .help = "of the bag; 2, in the full profile 3; of the LSTM's both halves: 2"},
        {"decoder-layers", OPTION_INT, &s->decoder_layers, NULL, .value = "COUNT", .low = 1,
         .high = 24, .help = "of the words placed; 2, in the full profile 3; not of the LSTM"},
        {"width", OPTION_INT, &s->width, NULL, .value = "COUNT", .low = 8, .high = 4096,
         .help = "of the states; 128, in the full profile 256; of the LSTM's both directions "
                 "together: 152 "
                 "and 320"},
        {"heads", OPTION_INT, &s->heads, "4", .value = "COUNT", .low = 1, .high = 64,
         .help = "of attention"},
        {"feed-forward", OPTION_INT, &s->feed_forward, NULL, .value = "COUNT", .low = 8,
         .high = 65536,
         .help = "between the two products of a feed-forward layer; 512, in the full profile 1024"},
        {"words", OPTION_INT, &s->words, "30000", .value = "COUNT", .low = 1, .high = 1000000,
         .help = "most frequent words, each with a vector of its own"},
        {"affixes", OPTION_INT, &s->affixes, "5000", .value = "COUNT", .low = 1, .high = 1000000,
         .help = "vectors that beginnings and ends of words are hashed into"},
        {"left-only", OPTION_INT, &s->left_only, "1", .value = "0|1", .low = 0, .high = 1,
         .help = "1: the decoder attends to the words left; 0: to all words of "
                 "the bag"},
        {"precision", OPTION_CHOICE, &precision, "bf16", .choices = "f32|bf16",
         .help = "of the products, but for the LSTM's through time; master weights are f32"},
        {"ngram-beam", OPTION_INT, &plan->beam, NULL, .value = "COUNT", .low = 1, .high = 100000,
         .help = "of the trigram's search; 32, in the full profile 512"},
        {"future", OPTION_NUMBER, &plan->future, "1", .value = "NUMBER", .low = 0, .high = 10,
         .help = "weight of the trigram's future costs"},
        {"beams", OPTION_INTS, &plan->beams, NULL, .value = "N,N,...", .low = 1,
         .high = REORDERER_BEAM_MAX,
         .help = "of the pointer's search, ascending; 1,8, in the full profile 1,8,64"},
        {"tested", OPTION_INT, &plan->tested, NULL, .value = "COUNT", .low = 5, .high = 1000000,
         .help = "sentences of PerDT's dev and test parts that are answered; 250, in the full "
                 "profile all"},
        {"held-out", OPTION_INT, &plan->held_out, NULL, .value = "COUNT", .low = 1, .high = 1000000,
         .help = "sentences of each corpus's held-out documents that are "
                 "answered; 20, in the full "
                 "profile 300"},
        {"threads", OPTION_INT, &plan->threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "of all loops; 0: every processor"},
    };
    const OptionsProgram program = {.name = "q5_reorder",
                                    .about = ABOUT,
                                    .examples = EXAMPLES,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->quick = profile == 0;
    plan->network = network == 1 ? Q5_LSTM : Q5_TRANSFORMER;
    if (plan->network == Q5_LSTM && (plan->model || s->decoder_layers || s->feed_forward)) {
        fprintf(stderr, "q5_reorder: --network=lstm: has neither --model nor --decoder-layers nor "
                        "--feed-forward; see q5_reorder --help\n");
        return 2;
    }
    if (plan->network == Q5_LSTM && (s->width % 2 || s->encoder_layers > NN_RECURRENT_LAYERS_MAX)) {
        fprintf(stderr,
                "q5_reorder: --network=lstm: expected an even --width and at most %d "
                "--encoder-layers\n",
                NN_RECURRENT_LAYERS_MAX);
        return 2;
    }
    s->dropout = (float)dropout;
    s->precision = precision ? PRECISION_BF16 : PRECISION_F32;
    finish(plan);
    return -1;
}
