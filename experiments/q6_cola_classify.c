/* q6_cola classify: a fine-tuned model as a filter, one sentence a line. */
#include "q6_cola.h"
#include "filter.h"
#include "base/threads.h"
#include "store/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(int argc, char **argv, const char **model, int *threads) {
    const Option table[] = {
        {"model", OPTION_TEXT, model, NULL, .value = "FOLDER",
         .help = "a fine-tuned model: what q6_cola --export wrote, or any BERT or MPNet sequence "
                 "classifier of two labels in Hugging Face's layout"},
        {"threads", OPTION_INT, threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "of all loops; 0: every processor"},
    };
    const OptionsProgram program = {
        .name = "q6_cola classify",
        .about =
            "Reads sentences from standard input, one a line, and prints for each the "
            "probability that it is acceptable (label 1), a tab, and the sentence. An empty line "
            "gives an empty line. So does a line that is not UTF-8, which is reported on standard "
            "error with its number and the offset of the byte, and the exit status is then 1: line "
            "n of the output always answers line n of the input. Longer sentences than the model "
            "reads are cut, with a note on standard error.",
        .examples = "  echo 'The cat sat on the mat.' | q6_cola classify --model=/tmp/mine/model\n",
        .options = table,
        .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    if (*model) return -1;
    fprintf(stderr,
            "q6_cola classify: --model=FOLDER is missing; q6_cola --export=FOLDER makes one\n");
    return 2;
}

typedef struct {
    Bert *bert;
    Wordpiece *pieces;
    Arena arena;
    int32_t *ids;
    size_t longest;
} Classifier;

/* Without a classifier in the folder one would be drawn, and its answers would look like answers.
 */
static Status check_classifier(const char *folder, const BertConfig *config) {
    static const char *const names[] = {"classifier.weight", "classifier.out_proj.weight"};
    Safetensors *model;
    STATUS_TRY(safetensors_open(&model, folder));
    int found = safetensors_find(model, names[config->kind == BERT_KIND_MPNET]) != NULL;
    safetensors_close(model);
    /* transformers leaves the number out where it is 2 */
    if (found && (config->labels == 0 || config->labels == 2)) return STATUS_OK;
    char labels[32];
    snprintf(labels, sizeof labels, "%d labels", config->labels);
    return status_fail(
        STATUS_FORMAT,
        "%s: holds %s; expected a classifier of 2 labels: a model fine-tuned on CoLA "
        "(q6_cola --export=FOLDER makes one)",
        folder, found ? labels : "an encoder without a classifier");
}

static Status open_classifier(Classifier *c, const char *folder) {
    BertConfig config;
    char path[1100];
    if (strlen(folder) > 1000) return status_fail(STATUS_ARGUMENT, "--model: path too long");
    snprintf(path, sizeof path, "%s/config.json", folder);
    STATUS_TRY(bert_config_load(path, &config));
    STATUS_TRY(check_classifier(folder, &config));
    STATUS_TRY(q6_pieces_open(&c->pieces, folder, &config));
    STATUS_TRY(bert_open(&c->bert, folder, &(BertOptions){.labels = 2}));
    STATUS_TRY(arena_open(&c->arena, 0));
    c->longest = (size_t)bert_config_longest(&config);
    c->ids = malloc(c->longest * sizeof *c->ids);
    return c->ids ? STATUS_OK : status_fail(STATUS_MEMORY, "no memory for a sentence");
}

static Status classify_line(void *context, const char *line, size_t size, unsigned long number,
                            int cut) {
    Classifier *c = context;
    size_t count, whole;
    if (cut)
        fprintf(stderr, "q6_cola classify: line %lu: longer than %zu bytes, cut\n", number,
                FILTER_LINE_BYTES);
    if (size == 0) {
        putchar('\n');
        return STATUS_OK;
    }
    STATUS_TRY(wordpiece_encode(c->pieces, line, size, c->ids, c->longest, &count, &whole));
    if (whole > count)
        fprintf(stderr, "q6_cola classify: line %lu: %zu tokens, cut to %zu\n", number, whole,
                count);
    Tape tape;
    arena_rewind(&c->arena, 0);
    tape_open(&tape, &c->arena, TAPE_INFER, 0, 0);
    const BertBatch batch = {.sequences = 1, .offsets = (int[]){0, (int)count}, .ids = c->ids};
    const Value *logits = bert_classify(c->bert, &tape, &batch, NULL);
    STATUS_TRY(tape_status(&tape));
    double margin = (double)logits->data[1] - (double)logits->data[0];
    printf("%.4f\t", 1 / (1 + exp(-margin)));
    fwrite(line, 1, size, stdout);
    putchar('\n');
    return STATUS_OK;
}

int q6_classify(int argc, char **argv) {
    const char *model = NULL;
    int threads = 0, status = parse(argc, argv, &model, &threads);
    if (status >= 0) return status;
    threads_set(threads);
    Classifier c = {0};
    if (open_classifier(&c, model) == STATUS_OK) {
        status = filter_lines("q6_cola classify", classify_line, &c);
    } else {
        fprintf(stderr, "q6_cola classify: %s\n", status_message());
        status = 1;
    }
    bert_close(c.bert);
    wordpiece_free(c.pieces);
    arena_close(&c.arena);
    free(c.ids);
    return status;
}
