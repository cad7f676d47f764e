#include "q5_split.h"

#include "program.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ABOUT                                                                                      \
    "Cuts Persian text into sentences by rules, and measures how well (assignment, question 5).\n" \
    "\nq5_split split reads a text from standard input and prints one sentence a line "            \
    "(q5_split split --help).\n\n"                                                                 \
    "Without that word it scores the splitter: the sentences of UD_Persian-Seraji, joined by "     \
    "single spaces so that nothing but the words says where they end, are cut again, and the "     \
    "cuts compared with the true ones (precision, recall, F1 with bootstrap intervals over "       \
    "sentences). The rules were tuned on train and dev; test was looked at once. Beside it stand " \
    "a cut at every stop, at every stop before a space, at every line end, and pySBD's Persian "   \
    "rules (recorded; bench/peers/pysbd_split.py). Hard cases are scored by kind: those that the " \
    "rules were made with, and fresh ones.\n\n"                                                    \
    "The folder <results>/q5_split appears when everything has been measured, or not at all. "     \
    "Both profiles give the same scores; full repeats the timings more often."

#define EXAMPLES                                                                                   \
    "  q5_split                                    a few seconds\n"                                \
    "  q5_split --profile=full --results=/tmp/mine\n"                                              \
    "  q5_split split < text.txt > sentences.txt\n"

#define SPLIT_ABOUT                                                                                \
    "Reads a text from standard input, prints one sentence a line. A line end within a sentence "  \
    "becomes a space. Memory does not grow with the text; a sentence longer than 64 KiB is cut "   \
    "at a space. Bytes that are not UTF-8 pass through."

#define SPLIT_EXAMPLES                                                                             \
    "  printf 'او آمد. من رفتم.' | q5_split split\n"                                    \
    "  q5_split split --lines=blank < book.txt     a text broken into lines of one width\n"

static Status print_sentence(void *user, const Sentence *sentence) {
    FILE *out = user;
    for (size_t at = 0; at < sentence->size;) {
        const char *line = memchr(sentence->bytes + at, '\n', sentence->size - at);
        size_t size = line ? (size_t)(line - sentence->bytes) - at : sentence->size - at;
        fwrite(sentence->bytes + at, 1, size, out);
        at += size;
        if (line) {
            fputc(' ', out);
            at++;
        }
    }
    fputc('\n', out);
    return ferror(out) ? status_fail(STATUS_IO, "standard output: %s", strerror(errno)) : STATUS_OK;
}

static Status split_stream(FILE *in, FILE *out, const SentenceOptions *options) {
    static char buffer[1 << 16];
    Sentences *splitter;
    STATUS_TRY(sentences_open(options, print_sentence, out, &splitter));
    Status status = STATUS_OK;
    size_t size;
    while (status == STATUS_OK && (size = fread(buffer, 1, sizeof buffer, in)) > 0)
        status = sentences_feed(splitter, buffer, size);
    if (status == STATUS_OK && ferror(in))
        status = status_fail(STATUS_IO, "standard input: %s", strerror(errno));
    if (status == STATUS_OK) status = sentences_finish(splitter);
    if (status == STATUS_OK && fflush(out))
        status = status_fail(STATUS_IO, "standard output: %s", strerror(errno));
    sentences_free(splitter);
    return status;
}

static int main_split(int argc, char **argv) {
    int lines;
    const Option options[] = {
        {"lines", OPTION_CHOICE, &lines, "end", .choices = "end|blank|space",
         .help = "what the end of a line means: the end of a sentence, too; that only for an empty "
                 "line; or a space like any other"},
    };
    const OptionsProgram program = {.name = "q5_split split",
                                    .about = SPLIT_ABOUT,
                                    .examples = SPLIT_EXAMPLES,
                                    .options = options,
                                    .count = sizeof options / sizeof *options};
    int ended = options_begin(&program, argc, argv);
    if (ended >= 0) return ended;
    SentenceOptions how = {.lines = (SentenceLines)lines};
    if (split_stream(stdin, stdout, &how) == STATUS_OK) return 0;
    fprintf(stderr, "q5_split split: %s\n", status_message());
    return 1;
}

typedef struct {
    int full, seed;
    const char *results, *data, *golden, *peer;
} Plan;

static Status measure(const Plan *plan, SplitTexts sets[SPLIT_SETS], Results *results) {
    static SplitScores scores;
    SplitSpeed speed;
    char treebanks[4096], corpora[4096];
    snprintf(treebanks, sizeof treebanks, "%s/gold/seraji", plan->data);
    snprintf(corpora, sizeof corpora, "%s/docs", plan->data);
    STATUS_TRY(results_run(results, "profile", "%s", plan->full ? "full" : "quick"));
    STATUS_TRY(results_run(results, "seed", "%d", plan->seed));
    STATUS_TRY(split_texts_load(sets, treebanks, plan->golden));
    STATUS_TRY(split_speed_measure(&sets[SPLIT_TRAIN], 16, plan->full ? 25 : 7, &speed));
    STATUS_TRY(split_score_all(sets, plan->peer, (uint64_t)plan->seed, &scores));
    STATUS_TRY(split_report_write(sets, &scores, &speed, corpora, results));
    split_report_print(sets, &scores, &speed, stdout);
    return STATUS_OK;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "split") == 0) return main_split(argc - 1, argv + 1);
    Plan plan;
    const Option options[] = {
        {"profile", OPTION_CHOICE, &plan.full, "quick", .choices = "quick|full",
         .help = "how often the timings are repeated; the scores are the same"},
        {"results", OPTION_TEXT, &plan.results, "results/local", .value = "FOLDER",
         .help = "the folder that will hold q5_split/; made if missing"},
        {"data", OPTION_TEXT, &plan.data, "build/data/persian", .value = "FOLDER",
         .help = "what make data brought: gold/seraji, and docs for the work of normalisation"},
        {"cases", OPTION_TEXT, &plan.golden, "tests/golden", .value = "FOLDER",
         .help = "the folder of sentences_hard.tsv and sentences_fresh.tsv"},
        {"pysbd", OPTION_TEXT, &plan.peer, "experiments/q5_split_pysbd.tsv", .value = "FILE",
         .help = "what bench/peers/pysbd_split.py wrote about the same texts"},
        {"seed", OPTION_INT, &plan.seed, "1", .value = "NUMBER", .low = 0, .high = 2147483647,
         .help = "of the bootstrap's draws"},
    };
    const OptionsProgram program = {.name = "q5_split",
                                    .about = ABOUT,
                                    .examples = EXAMPLES,
                                    .options = options,
                                    .count = sizeof options / sizeof *options};
    int ended = options_begin(&program, argc, argv);
    if (ended >= 0) return ended;
    program_begin();
    Results *results = NULL;
    SplitTexts sets[SPLIT_SETS] = {0};
    Status status = results_open(&results, plan.results, "q5_split", argc, argv);
    if (status == STATUS_OK) status = measure(&plan, sets, results);
    split_texts_free(sets);
    status = results_end(results, status);
    return program_end(
        &(ProgramEnd){.name = "q5_split", .results = plan.results, .experiment = "q5_split"},
        status);
}
