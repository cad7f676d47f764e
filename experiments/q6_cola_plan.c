#include "q6_cola.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ABOUT                                                                                      \
    "Fine-tunes a pretrained encoder (BERT or MPNet, any Hugging Face folder of that layout) on "  \
    "CoLA, the Corpus of Linguistic Acceptability, and measures how well it judges sentences "     \
    "(assignment, question 6).\n\n"                                                                \
    "A tenth of in_domain_train is held out; training minimises the cross-entropy of two labels "  \
    "with AdamW; the epoch whose weights judge the held-out tenth best is chosen; and only then "  \
    "are in_domain_dev and out_of_domain_dev answered, once for every seed. The measure is "       \
    "Matthews correlation (MCC): the constant answer 'acceptable' has accuracy .686 and F1 .814 "  \
    "out of domain, and MCC 0.\n\n"                                                                \
    "The folder <results>/<experiment> appears when every seed has been trained, or not at all. "  \
    "Until then the training's state is kept beside it: the same command continues after Ctrl-C, " \
    "kill -9 or a power cut, and ends with the same numbers.\n\n"                                  \
    "q6_cola classify --model FOLDER reads sentences from standard input, one a line, and prints " \
    "the probability that each is acceptable (q6_cola classify --help)."

#define EXAMPLES                                                                                   \
    "  q6_cola                                     a short real run on MiniLM, under half a "      \
    "minute\n"                                                                                     \
    "  q6_cola --profile=full                      bert-base-uncased, five seeds: hours\n"         \
    "  q6_cola --model=all-MiniLM-L6-v2 --data=cola --epochs=4 --rate=1e-4 --seed=1 \\\n"          \
    "          --results=/tmp/mine --export=/tmp/mine/model\n"                                     \
    "  echo 'The cat sat.' | q6_cola classify --model=/tmp/mine/model\n"

void q6_model_name(const char *folder, char *name, size_t size) {
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    size_t begin = length;
    while (begin > 0 && folder[begin - 1] != '/') begin--;
    char base[256];
    snprintf(base, sizeof base, "%.*s", (int)(length - begin), folder + begin);
    for (char *c = base; *c; c++) *c = (char)(isalnum((unsigned char)*c) ? tolower(*c) : '_');
    if (strstr(base, "mpnet"))
        snprintf(name, size, "mpnet");
    else if (strstr(base, "minilm"))
        snprintf(name, size, "minilm");
    else if (strcmp(base, "bert_base_uncased") == 0)
        snprintf(name, size, "bert");
    else
        snprintf(name, size, "%.40s", *base ? base : "model");
}

static int is_word(const char *name) {
    if (!*name || strlen(name) > 40) return 0;
    for (const char *c = name; *c; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_') return 0;
    return 1;
}

static int complain(const char *message) {
    fprintf(stderr, "q6_cola: %s\n", message);
    return 2;
}

static int finish(Q6Plan *plan, int seed) {
    if (plan->quick) {
        if (!plan->model) plan->model = "build/data/models/all-MiniLM-L6-v2";
        if (plan->examples < 0) plan->examples = 1600;
        if (plan->epochs == 0) plan->epochs = 1;
        if (plan->rate == 0) plan->rate = 2e-4;
    }
    if (!plan->model) plan->model = "build/data/models/bert-base-uncased";
    if (plan->examples < 0) plan->examples = 0;
    if (plan->epochs == 0) plan->epochs = 3;
    if (plan->rate == 0) plan->rate = 2e-5;
    if (seed > 0 && plan->seeds.count > 0) return complain("--seed and --seeds: give one of them");
    if (seed > 0) {
        plan->seeds.count = 1;
        plan->seeds.values[0] = seed;
    }
    for (int i = 1; plan->seeds.count == 0 && i <= (plan->quick ? 1 : 5); i++)
        plan->seeds.values[i - 1] = i;
    if (plan->seeds.count == 0) plan->seeds.count = plan->quick ? 1 : 5;
    if (plan->seeds.count > Q6_SEEDS_MAX) return complain("--seeds: expected at most 32 of them");
    for (int i = 0; i < plan->seeds.count; i++)
        for (int j = 0; j < i; j++)
            if (plan->seeds.values[i] == plan->seeds.values[j])
                return complain("--seeds: one comes twice; every seed is trained once");
    char name[48];
    q6_model_name(plan->model, name, sizeof name);
    if (plan->name && !is_word(plan->name))
        return complain("--name: expected up to 40 of a-z, 0-9 and _");
    if (plan->name) snprintf(name, sizeof name, "%s", plan->name);
    snprintf(plan->label, sizeof plan->label, "%s%s%s", plan->quick ? "quick" : name,
             plan->quick || !plan->random_weights ? "" : "_control",
             plan->quick || !plan->form ? "" : "_tokenized");
    if (plan->quick)
        snprintf(plan->experiment, sizeof plan->experiment, "q6_cola");
    else
        snprintf(plan->experiment, sizeof plan->experiment, "q6_%s", plan->label);
    return -1;
}

int q6_plan_parse(Q6Plan *plan, int argc, char **argv) {
    int profile = -1, seed = 0;
    *plan = (Q6Plan){.dropout = -1, .examples = -1};
    const Option table[] = {
        {"model", OPTION_TEXT, &plan->model, NULL, .value = "FOLDER",
         .help =
             "Hugging Face folder: config.json, vocab.txt, model.safetensors. Where this is not "
             "given: all-MiniLM-L6-v2 in the quick profile, bert-base-uncased in the full one, "
             "as make data leaves them"},
        {"data", OPTION_TEXT, &plan->data, "build/data/cola", .value = "FOLDER",
         .help = "CoLA 1.1, unpacked: raw/, tokenized/ (make data)"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the experiment's folder will stand"},
        {"name", OPTION_TEXT, &plan->name, NULL, .value = "WORD",
         .help = "what facts call the model (q6.WORD.*); derived from the folder where not given"},
        {"profile", OPTION_CHOICE, &profile, NULL, .choices = "quick|full",
         .help = "quick: a short run on part of the training sentences, named q6.quick.*; this is "
                 "the default where no --model is named, else full"},
        {"seed", OPTION_INT, &seed, NULL, .value = "NUMBER", .low = 1, .high = 1000000,
         .help = "one training"},
        {"seeds", OPTION_INTS, &plan->seeds, NULL, .value = "N,N,...", .low = 1, .high = 1000000,
         .help =
             "several trainings: classifier, order of data and dropout differ; 1,2,3,4,5 in the "
             "full profile"},
        {"epochs", OPTION_INT, &plan->epochs, NULL, .value = "COUNT", .low = 1, .high = 1000,
         .help = "passes over the training sentences; 3, in the quick profile 1"},
        {"rate", OPTION_NUMBER, &plan->rate, NULL, .value = "NUMBER", .low = 1e-9, .high = 1,
         .help = "peak learning rate; 2e-5, in the quick profile 2e-4"},
        {"batch", OPTION_INT, &plan->batch, "32", .value = "COUNT", .low = 1, .high = 4096,
         .help = "sentences of a step"},
        {"pool", OPTION_INT, &plan->pool, "8", .value = "COUNT", .low = 1, .high = 100000,
         .help = "batches that are grouped by length together; 1: no grouping"},
        {"warmup", OPTION_NUMBER, &plan->warmup, ".1", .value = "SHARE", .low = 0, .high = 1,
         .help = "of the steps, in which the rate rises from 0; then it falls to 0"},
        {"weight-decay", OPTION_NUMBER, &plan->weight_decay, ".01", .value = "NUMBER", .low = 0,
         .high = 1, .help = "of matrices, decoupled; biases and gains do not decay"},
        {"layer-decay", OPTION_NUMBER, &plan->layer_decay, "1", .value = "NUMBER", .low = .1,
         .high = 1, .help = "rate of a layer as a share of that of the layer above it"},
        {"average", OPTION_NUMBER, &plan->average, "0", .value = "NUMBER", .low = 0, .high = .99999,
         .help = "decay of a moving average of the weights, which is then evaluated; 0: none"},
        {"dropout", OPTION_NUMBER, &plan->dropout, NULL, .value = "SHARE", .low = 0, .high = .9,
         .help = "the configuration's where not given"},
        {"hold-out", OPTION_NUMBER, &plan->hold_out, ".1", .value = "SHARE", .low = .001,
         .high = .9, .help = "of in_domain_train, for validation"},
        {"split-seed", OPTION_INT, &plan->split_seed, "1", .value = "NUMBER", .low = 0,
         .high = 1000000, .help = "which tenth is held out; the same for every training seed"},
        {"select", OPTION_CHOICE, &plan->select, "mcc", .choices = "mcc|accuracy|loss",
         .help = "score of the validation part that chooses among the evaluations"},
        {"keep-last", OPTION_SWITCH, &plan->keep_last, NULL,
         .help = "the last weights, not the chosen ones"},
        {"evaluations-per-epoch", OPTION_INT, &plan->evaluations_per_epoch, "1", .value = "COUNT",
         .low = 1, .high = 100, .help = "how often the validation part is answered"},
        {"form", OPTION_CHOICE, &plan->form, "raw", .choices = "raw|tokenized",
         .help = "which of the release's two forms"},
        {"random-weights", OPTION_SWITCH, &plan->random_weights, NULL,
         .help = "nothing pretrained: the same architecture with drawn weights (the control)"},
        {"precision", OPTION_CHOICE, &plan->precision, "f32", .choices = "f32|bf16",
         .help = "of the products; master weights are f32"},
        {"longest", OPTION_INT, &plan->longest, "128", .value = "TOKENS", .low = 3, .high = 4096,
         .help = "longer sentences are cut"},
        {"examples", OPTION_INT, &plan->examples, NULL, .value = "COUNT", .low = 0, .high = 1000000,
         .help = "training sentences to use; 0: all; 1600 in the quick profile"},
        {"threads", OPTION_INT, &plan->threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "of all loops; 0: every processor"},
        {"export", OPTION_TEXT, &plan->export_folder, NULL, .value = "FOLDER",
         .help = "writes the fine-tuned model there (of the last seed), in the layout that "
                 "transformers reads"},
    };
    const OptionsProgram program = {.name = "q6_cola",
                                    .about = ABOUT,
                                    .examples = EXAMPLES,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->quick = profile == 0 || (profile < 0 && !plan->model);
    return finish(plan, seed);
}
