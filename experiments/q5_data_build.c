/* From the command line to sets on disk. */
#define _POSIX_C_SOURCE 200809L
#include "q5_data.h"
#include "base/clock.h"
#include "base/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char about[] =
    "Question 5, the data: reads Persian texts, normalises them, cuts them into sentences, leaves "
    "out what is no sentence (every filter is counted), splits by document into training, "
    "validation and test, removes from training what repeats a test sentence wholly or nearly, and "
    "writes tables of two columns, shuffled and ordered, that any spreadsheet opens. The published "
    "test part of the PerDT treebank is a test set of its own and never trained on. Counts, "
    "lengths, vocabulary and what a random order scores go into the results.\n"
    "Corpora are those that `make data` brings (MIRROR=folder for most of them); those that are "
    "missing are named and left out. --text adds any UTF-8 file, plain or gzip: one paragraph a "
    "line, a blank line between documents.\n"
    "Cost on one core: profile quick (the small corpora) about 2 s, all corpora of full about "
    "10 s and 170 MB of memory.";

static const char examples[] =
    "  q5_data                                   small corpora of build/data, into "
    "build/reorder_quick\n"
    "  q5_data --profile=full                    all that are there, into build/reorder\n"
    "  q5_data --data=. --corpora=open --text=novel.txt --output=/tmp/sets\n";

int q5_data_parse(Q5DataPlan *plan, int argc, char **argv) {
    *plan = (Q5DataPlan){0};
    int corpora;
    const Option table[] = {
        {"profile", OPTION_CHOICE, &plan->full, "quick", .choices = "quick|full",
         .help = "quick: the small corpora; full: all that are there"},
        {"corpora", OPTION_CHOICE, &corpora, "profile", .choices = "profile|small|open|all",
         .help = "which to read: what the profile says, the small ones, those of a stated open "
                 "licence, or all that are there"},
        {"data", OPTION_TEXT, &plan->data, "build/data", .value = "FOLDER",
         .help = "where make data puts its files (persian/docs, persian/gold), or persian itself"},
        {"text", OPTION_TEXT, &plan->text, NULL, .value = "FILE",
         .help = "a text of your own besides, UTF-8, plain or gzip"},
        {"output", OPTION_TEXT, &plan->output, NULL, .value = "FOLDER",
         .help = "where train.tsv, validation.tsv, test.tsv and the other sets are written; "
                 "without it build/reorder_quick or build/reorder"},
        {"seed", OPTION_INT, &plan->seed, "1", .value = "SEED", .low = 0, .high = 2147483647,
         .help = "of the split and of every shuffle"},
        {"test", OPTION_NUMBER, &plan->test, "0.04", .value = "SHARE", .low = 0, .high = 0.5,
         .help = "share of each corpus's documents for testing"},
        {"validation", OPTION_NUMBER, &plan->validation, "0.03", .value = "SHARE", .low = 0,
         .high = 0.49, .help = "share for validation"},
        {"results", OPTION_TEXT, &plan->results, "results/local", .value = "FOLDER",
         .help = "where the folder q5_data (quick: q5_data_quick) will appear, whole or not at "
                 "all"},
    };
    const OptionsProgram program = {.name = "q5_data",
                                    .about = about,
                                    .examples = examples,
                                    .options = table,
                                    .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    plan->corpora = corpora ? corpora - 1 : plan->full ? 2 : 0;
    if (!plan->output) plan->output = plan->full ? "build/reorder" : "build/reorder_quick";
    snprintf(plan->experiment, sizeof plan->experiment, "q5_data%s", plan->full ? "" : "_quick");
    snprintf(plan->prefix, sizeof plan->prefix, "q5.%sdata", plan->full ? "" : "quick.");
    return -1;
}

/* --- files -------------------------------------------------------------------------------------
 */

/* The corpus's file under the data folder, which may be the folder persian itself; compressed or
 * not. */
static int find_file(const char *folder, const char *file, char *path) {
    static const char *const endings[] = {"", ".gz"};
    for (int inside = 0; inside < 2; inside++)
        for (int e = 0; e < 2; e++) {
            const char *name = inside ? strchr(file, '/') + 1 : file;
            if (snprintf(path, Q5_PATH, "%s/%s%s", folder, name, endings[e]) < Q5_PATH &&
                access(path, R_OK) == 0)
                return 1;
        }
    return 0;
}

static int is_wanted(const Q5DataPlan *plan, const PersianCorpus *corpus) {
    return plan->corpora == 2 || (plan->corpora == 1 ? corpus->open : corpus->small);
}

static Status add_source(Q5Data *data, const PersianCorpus *corpus, const char *path) {
    if (data->sources == REORDER_CORPORA_MAX)
        return status_fail(STATUS_UNSUPPORTED, "more than %d corpora", REORDER_CORPORA_MAX);
    Q5Source *source = &data->source[data->sources++];
    source->corpus = *corpus;
    if (snprintf(source->path, sizeof source->path, "%s", path) >= Q5_PATH)
        return status_fail(STATUS_ARGUMENT, "%.100s...: the path is too long", path);
    return STATUS_OK;
}

static Status find_sources(Q5Data *data) {
    static const PersianCorpus own = {.name = "text",
                                      .form = PERSIAN_DOCUMENTS,
                                      .oddities = PERSIAN_NOTES,
                                      .licence = "the user's",
                                      .source = "the user's"};
    char path[Q5_PATH], missing[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < persian_corpora_count; i++) {
        const PersianCorpus *corpus = &persian_corpora[i];
        if (!is_wanted(&data->plan, corpus)) continue;
        if (find_file(data->plan.data, corpus->file, path))
            STATUS_TRY(add_source(data, corpus, path));
        else if (used < sizeof missing)
            used += (size_t)snprintf(missing + used, sizeof missing - used, " %s", corpus->name);
    }
    if (data->plan.text) STATUS_TRY(add_source(data, &own, data->plan.text));
    if (*missing)
        fprintf(stderr, "q5_data: not in %s and left out:%s (make data MIRROR=folder)\n",
                data->plan.data, missing);
    if (data->sources == 0)
        return status_fail(STATUS_IO,
                           "%s holds no Persian text: make data brings it, or give --text=FILE",
                           data->plan.data);
    return STATUS_OK;
}

static ReorderRole role_of(const PersianCorpus *corpus) {
    if (corpus->form == PERSIAN_TREEBANK) return REORDER_TEST_ONLY;
    return corpus->form == PERSIAN_SENTENCES ? REORDER_TRAIN_ONLY : REORDER_SPLIT;
}

/* The work of a corpus, for the progress: bytes as stored, thrice where they are compressed. */
static double work_of(const char *path) {
    struct stat about_file;
    size_t length = strlen(path);
    if (stat(path, &about_file)) return 0;
    int packed = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    return (double)about_file.st_size * (packed ? 4 : 1);
}

static Status read_sources(Q5Data *data, double *done) {
    for (int i = 0; i < data->sources; i++) {
        Q5Source *source = &data->source[i];
        if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
        progress_step(&data->progress, *done, source->corpus.name);
        STATUS_TRY(sha256_file(source->path, source->hash));
        STATUS_TRY(
            persian_corpus_read(&source->corpus, source->path, i, &data->pool, &source->counts));
        *done += work_of(source->path);
    }
    return STATUS_OK;
}

Status q5_data_build(Q5Data *data) {
    double started = clock_seconds(), total = 0, done = 0;
    clock_t used = clock();
    ReorderFlow flow[REORDER_CORPORA_MAX];
    ReorderPlan plan = {.seed = (uint64_t)data->plan.seed,
                        .test = data->plan.test,
                        .validation = data->plan.validation};
    STATUS_TRY(find_sources(data));
    for (int i = 0; i < data->sources; i++) {
        plan.role[i] = role_of(&data->source[i].corpus);
        plan.name[i] = data->source[i].corpus.name;
        total += work_of(data->source[i].path);
    }
    progress_begin(&data->progress, stderr, "q5_data:", 1.6 * total);
    STATUS_TRY(read_sources(data, &done));
    progress_step(&data->progress, done, "splitting, looking for repetitions");
    STATUS_TRY(reorder_build(&data->pool, data->sources, &plan, &data->data, flow));
    for (int i = 0; i < data->sources; i++) data->source[i].flow = flow[i];
    progress_step(&data->progress, 1.4 * total, "writing the sets");
    if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
    STATUS_TRY(reorder_data_save(&data->data, data->plan.output));
    data->seconds = clock_seconds() - started;
    data->processor_seconds = (double)(clock() - used) / CLOCKS_PER_SEC;
    return STATUS_OK;
}

void q5_data_free(Q5Data *data) {
    persian_pool_free(&data->pool);
    reorder_data_free(&data->data);
}
