/* q5_data: the data of word ordering, what its parts share.
 *
 * - q5_data_build: the command line; from files to sets
 * - q5_data_count: what is counted in the sets
 * - q5_data_report: tables and facts
 */
#ifndef EXPERIMENTS_Q5_DATA_H
#define EXPERIMENTS_Q5_DATA_H

#include "base/progress.h"
#include "base/sha256.h"
#include "data/reorder_build.h"
#include "metric/order.h"
#include "options.h"
#include "results.h"

#define Q5_PATH 4096

/* What the command line asks for. */
typedef struct {
    int full, corpora; /* corpora: 0 small, 1 open, 2 all */
    const char *data, *text, *output, *results;
    int seed;
    double test, validation;
    char experiment[32], prefix[32]; /* "q5_data", "q5.data"; quick: "q5_data_quick",
                                        "q5.quick.data" */
} Q5DataPlan;

/* One corpus that was there. */
typedef struct {
    PersianCorpus corpus;
    char path[Q5_PATH], hash[SHA256_TEXT];
    PersianCounts counts;
    ReorderFlow flow;
} Q5Source;

typedef struct {
    Q5DataPlan plan;
    int sources;
    Q5Source source[REORDER_CORPORA_MAX];
    PersianPool pool;
    ReorderData data;
    double seconds, processor_seconds; /* from the first byte read to the last written */
    Progress progress;
} Q5Data;

/* -1 to go on, else the exit status. */
int q5_data_parse(Q5DataPlan *plan, int argc, char **argv);

/* Files to sets in memory. */
Status q5_data_build(Q5Data *data);

/* Answers that no model gave, to see what each measure makes of them. */
typedef enum {
    Q5_PROBE_SWAP,     /* the two words in the middle change places */
    Q5_PROBE_ROTATE,   /* the first word goes to the end */
    Q5_PROBE_HALVES,   /* the second half comes first */
    Q5_PROBE_REVERSED, /* the last word first */
    Q5_PROBE_RANDOM,   /* the column "shuffled": by chance, but never the right order */
    Q5_PROBES
} Q5Probe;
const char *q5_probe_name(Q5Probe probe);

/* Measures of such answers to the sentences of low .. high words of a set; sentences 0 where there
 * are none. */
Status q5_data_probe(const ReorderSet *set, int low, int high, Q5Probe probe, OrderSummary *out);

/* Words of a set, and how many of them training never shows. */
typedef struct {
    size_t vocabulary, unseen_vocabulary, unseen_words, unseen_sentences, repeating;
} Q5Words;
Status q5_data_words(const ReorderData *data, const ReorderSet *set, Q5Words *out);

Status q5_data_report(const Q5Data *data, Results *results);
void q5_data_print(const Q5Data *data, FILE *stream);
void q5_data_free(Q5Data *data);

#endif
