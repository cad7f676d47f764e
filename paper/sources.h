/* sources: which results the report speaks of, and the facts that they hold.
 *
 * For each experiment the folder results/local/<experiment> is taken where it is present, else
 * results/recorded/<machine>/<experiment>; where several machines recorded the same experiment,
 * the one with the newest date in its run.tsv. What the tests' emulation of a GPU left is passed
 * over.
 *
 *     Sources sources;
 *     STATUS_TRY(sources_open("results", &sources));
 *     const Fact *fact = sources_fact(&sources, "q4.tiled.forward.time.slope");
 *     if (fact) printf("%g from %s\n", fact->value, fact->source->folder);
 *     sources_close(&sources);
 */
#ifndef PAPER_SOURCES_H
#define PAPER_SOURCES_H

#include "base/status.h"
#include "base/tsv.h"
#include "text.h"
#include <stddef.h>

typedef struct {
    char *experiment; /* "q4_complexity" */
    char *folder;     /* "results/local/q4_complexity" */
    char *machine;    /* the recorded machine's folder; for a local one run.tsv's machine */
    int local;        /* measured here */
    Tsv *run, *facts;
} Source;

typedef struct {
    const char *name, *unit;
    double value, low, high;
    const Source *source;
    int line; /* of facts.tsv */
} Fact;

typedef struct {
    Source *all; /* [count], by name of experiment */
    size_t count;
    Fact *facts; /* [fact_count] */
    size_t fact_count;
    Names fact_names;
} Sources;

/* `results` is the folder that holds local/ and recorded/; either may be missing. A folder without
 * run.tsv or facts.tsv, a fact that is no number, one given twice: an error that names it. */
Status sources_open(const char *results, Sources *out);
void sources_close(Sources *sources);

const Source *sources_find(const Sources *sources, const char *experiment);
const Fact *sources_fact(const Sources *sources, const char *name);

/* 1 when any experiment of the question ("q4") has results. */
int sources_cover(const Sources *sources, const char *question);

/* The value of a key in run.tsv, or "" when it does not say. */
const char *source_run(const Source *source, const char *key);

#endif
