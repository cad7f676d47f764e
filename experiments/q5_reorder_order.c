/* q5_reorder order: a trained model as a filter, one sentence a line. */
#include "base/threads.h"
#include "filter.h"
#include "model/reorderer_file.h"
#include "q5_reorder.h"
#include "text/persian.h"
#include "text/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *model;
    int beam, threads;
} OrderPlan;

static int parse(OrderPlan *plan, int argc, char **argv) {
    const Option table[] = {
        {"model", OPTION_TEXT, &plan->model, "build/orderer.safetensors", .value = "FILE",
         .help = "what make orderer or q5_reorder --model=FILE wrote"},
        {"beam", OPTION_INT, &plan->beam, "16", .value = "COUNT", .low = 1,
         .high = REORDERER_BEAM_MAX, .help = "hypotheses that are kept; 1: greedy"},
        {"threads", OPTION_INT, &plan->threads, "0", .value = "COUNT", .low = 0, .high = 1024,
         .help = "of all loops; 0: every processor"},
    };
    const OptionsProgram program = {
        .name = "q5_reorder order",
        .about = "Reads shuffled Persian words from standard input, one sentence "
                 "a line, and prints "
                 "each sentence: the same words in the likeliest order. Words "
                 "are normalised and "
                 "punctuation is left out, as in training. An empty line gives "
                 "an empty line. So "
                 "does a line that is no UTF-8 text or has too many words, which is "
                 "reported on "
                 "standard error with its number, and the exit status is then 1: "
                 "line n of the "
                 "output always answers line n of the input.",
        .examples = "  echo 'را کتاب خواند او' | q5_reorder order\n"
                    "  q5_reorder order --model=mine.safetensors < shuffled.txt\n",
        .options = table,
        .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    return -1;
}

typedef struct {
    Reorderer *model;
    ReorderWords words; /* those of the model, then those that lines brought */
    size_t known;
    Arena arena;
    PersianText text;
    int beam;
} Orderer;

static Status take_words(Orderer *o, const char *line, size_t size, ReorderBatch *batch) {
    PersianReport report;
    Words walk;
    uint32_t *word = arena_take(&o->arena, REORDERER_WORDS_MAX * sizeof *word);
    int32_t *feature =
        arena_take(&o->arena, REORDERER_WORDS_MAX * REORDERER_FEATURES * sizeof *feature);
    int *offsets = arena_take(&o->arena, 2 * sizeof *offsets);
    int count = 0;
    if (!word || !feature || !offsets) return STATUS_MEMORY;
    STATUS_TRY(persian_normalise(line, size, NULL, &o->text, &report));
    words_begin(&walk, o->text.bytes, o->text.size);
    while (words_next(&walk)) {
        if (walk.kind == WORD_SIGN) continue;
        if (count == REORDERER_WORDS_MAX)
            return status_fail(STATUS_ARGUMENT, "more than %d words", REORDERER_WORDS_MAX);
        STATUS_TRY(reorder_words_add(&o->words, walk.word, walk.bytes, &word[count]));
        reorderer_features(reorderer_config(o->model), reorder_words_text(&o->words, word[count]),
                           word[count] < o->known ? word[count] : REORDER_NONE,
                           feature + count * REORDERER_FEATURES);
        count++;
    }
    offsets[0] = 0, offsets[1] = count;
    *batch = (ReorderBatch){1, offsets, word, feature};
    return STATUS_OK;
}

static Status order_line(Orderer *o, const char *line, size_t size) {
    ReorderBatch batch;
    arena_rewind(&o->arena, 0);
    STATUS_TRY(take_words(o, line, size, &batch));
    const int n = batch.offsets[1];
    if (n > 0) {
        int *order = arena_take(&o->arena, (size_t)n * sizeof *order);
        if (!order) return STATUS_MEMORY;
        STATUS_TRY(reorderer_search(o->model, &o->arena, &batch,
                                    &(ReordererSearch){.beam = o->beam}, order, NULL));
        for (int t = 0; t < n; t++)
            printf("%s%s", t ? " " : "", reorder_words_text(&o->words, batch.words[order[t]]));
    }
    putchar('\n');
    return STATUS_OK;
}

static Status answer_line(void *context, const char *line, size_t size, unsigned long number,
                          int cut) {
    (void)number;
    const char *nul = memchr(line, 0, size);
    if (cut) return status_fail(STATUS_ARGUMENT, "longer than %zu bytes", FILTER_LINE_BYTES);
    if (nul)
        return status_fail(STATUS_FORMAT, "found a NUL byte at offset %zu; expected text",
                           (size_t)(nul - line));
    return order_line(context, line, size);
}

int q5_reorder_order(int argc, char **argv) {
    OrderPlan plan = {0};
    Orderer o = {0};
    int exit_status = parse(&plan, argc, argv);
    if (exit_status >= 0) return exit_status;
    threads_set(plan.threads);
    o.beam = plan.beam;
    Status status = reorderer_load(&o.model, PRECISION_F32, plan.model, &o.words);
    o.known = o.words.count;
    if (status == STATUS_OK) status = arena_open(&o.arena, 0);
    if (status == STATUS_OK) {
        exit_status = filter_lines("q5_reorder order", answer_line, &o);
    } else {
        fprintf(stderr, "q5_reorder order: %s\n%s", status_message(),
                access(plan.model, F_OK) ? "make orderer trains a model: half a minute, or "
                                           "with PROFILE=full hours, and well\n"
                                         : "");
        exit_status = 1;
    }
    arena_close(&o.arena);
    persian_text_free(&o.text);
    reorder_words_free(&o.words);
    reorderer_close(o.model);
    return exit_status;
}
