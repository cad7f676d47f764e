#define _GNU_SOURCE
#include "sources.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int is_visible_folder(const char *parent, const char *name) {
    if (name[0] == '.') return 0; /* an experiment's unfinished folder begins with a dot */
    char *path = NULL;
    if (asprintf(&path, "%s/%s", parent, name) < 0) return 0;
    int folder = is_folder(path);
    free(path);
    return folder;
}

const char *source_run(const Source *source, const char *key) {
    int row = source->run && source->run->columns >= 2 ? tsv_find(source->run, 0, key) : -1;
    return row < 0 ? "" : tsv_text(source->run, row, 1);
}

static void source_free(Source *source) {
    free(source->experiment);
    free(source->folder);
    free(source->machine);
    tsv_free(source->run);
    tsv_free(source->facts);
    *source = (Source){0};
}

static Status source_load(Source *source, const char *parent, const char *machine,
                          const char *experiment) {
    *source = (Source){.local = machine == NULL};
    source->experiment = strdup(experiment);
    char *path = NULL;
    if (!source->experiment || asprintf(&source->folder, "%s/%s", parent, experiment) < 0 ||
        asprintf(&path, "%s/run.tsv", source->folder) < 0)
        return status_fail(STATUS_MEMORY, "%s/%s: no memory", parent, experiment);
    Status status = tsv_load(path, &source->run);
    if (status == STATUS_OK &&
        (tsv_column(source->run, "key") != 0 || tsv_column(source->run, "value") != 1))
        status = status_fail(STATUS_FORMAT, "%s: expected the columns 'key' and 'value'", path);
    free(path);
    path = NULL;
    if (status == STATUS_OK && asprintf(&path, "%s/facts.tsv", source->folder) < 0)
        status = status_fail(STATUS_MEMORY, "%s/%s: no memory", parent, experiment);
    if (status == STATUS_OK) status = tsv_load(path, &source->facts);
    free(path);
    if (status == STATUS_OK) {
        source->machine = strdup(machine ? machine : source_run(source, "machine"));
        if (!source->machine) status = status_fail(STATUS_MEMORY, "%s: no memory", experiment);
    }
    if (status != STATUS_OK) source_free(source);
    return status;
}

/* Keeps the new source if its experiment is not there yet, or there from another machine and
 * older. Dates are ISO 8601, so that text order is time order. */
static Status keep_if_better(Sources *sources, Source *fresh) {
    for (size_t i = 0; i < sources->count; i++) {
        Source *old = &sources->all[i];
        if (strcmp(old->experiment, fresh->experiment)) continue;
        int newer = strcmp(source_run(fresh, "date"), source_run(old, "date")) > 0;
        if (old->local || !newer) {
            source_free(fresh);
            return STATUS_OK;
        }
        source_free(old);
        *old = *fresh;
        return STATUS_OK;
    }
    Source *grown = realloc(sources->all, (sources->count + 1) * sizeof *grown);
    if (!grown) {
        source_free(fresh);
        return status_fail(STATUS_MEMORY, "results: no memory");
    }
    sources->all = grown;
    sources->all[sources->count++] = *fresh;
    return STATUS_OK;
}

/* The tests' emulation of a GPU leaves results like a GPU's: no number of it is shown. */
static int is_emulated(const Source *source) {
    return strstr(source_run(source, "machine"), "-emulated-gpu") != NULL;
}

/* Every experiment below `parent`; machine NULL: measured here. */
static Status collect(Sources *sources, const char *parent, const char *machine) {
    struct dirent **entries;
    int count = scandir(parent, &entries, NULL, alphasort);
    Status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (status == STATUS_OK && is_visible_folder(parent, name)) {
            Source fresh;
            status = source_load(&fresh, parent, machine, name);
            if (status == STATUS_OK && is_emulated(&fresh))
                source_free(&fresh);
            else if (status == STATUS_OK)
                status = keep_if_better(sources, &fresh);
        }
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return status;
}

static Status collect_recorded(Sources *sources, const char *recorded) {
    struct dirent **entries;
    int count = scandir(recorded, &entries, NULL, alphasort);
    Status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *parent = NULL;
        if (status == STATUS_OK && is_visible_folder(recorded, name)) {
            if (asprintf(&parent, "%s/%s", recorded, name) < 0)
                status = status_fail(STATUS_MEMORY, "%s: no memory", recorded);
            else
                status = collect(sources, parent, name);
            free(parent);
        }
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return status;
}

static int by_experiment(const void *a, const void *b) {
    return strcmp(((const Source *)a)->experiment, ((const Source *)b)->experiment);
}

static Status read_facts(Sources *sources, const Source *source) {
    const Tsv *table = source->facts;
    static const char *const wanted[] = {"name", "value", "low", "high", "unit"};
    int column[5];
    for (int i = 0; i < 5; i++) {
        column[i] = tsv_column(table, wanted[i]);
        if (column[i] < 0)
            return status_fail(STATUS_FORMAT,
                               "%s: no column '%s'; expected name, value, low, high, unit",
                               table->path, wanted[i]);
    }
    if (table->rows == 0) return STATUS_OK;
    Fact *grown =
        realloc(sources->facts, (sources->fact_count + (size_t)table->rows) * sizeof *grown);
    if (!grown) return status_fail(STATUS_MEMORY, "%s: no memory", table->path);
    sources->facts = grown;
    for (int row = 0; row < table->rows; row++) {
        Fact fact = {.name = tsv_text(table, row, column[0]),
                     .unit = tsv_text(table, row, column[4]),
                     .source = source,
                     .line = table->lines[row]};
        STATUS_TRY(tsv_number(table, row, column[1], &fact.value));
        STATUS_TRY(tsv_number(table, row, column[2], &fact.low));
        STATUS_TRY(tsv_number(table, row, column[3], &fact.high));
        const Fact *first = sources_fact(sources, fact.name);
        if (first)
            return status_fail(STATUS_FORMAT, "%s:%d: fact '%s' is given twice, first in %s:%d",
                               table->path, fact.line, fact.name, first->source->facts->path,
                               first->line);
        if (names_add(&sources->fact_names, fact.name) != (int)sources->fact_count)
            return status_fail(STATUS_MEMORY, "%s: no memory", table->path);
        sources->facts[sources->fact_count++] = fact;
    }
    return STATUS_OK;
}

Status sources_open(const char *results, Sources *out) {
    *out = (Sources){0};
    char *local = NULL, *recorded = NULL;
    Status status = STATUS_OK;
    if (asprintf(&local, "%s/local", results) < 0 ||
        asprintf(&recorded, "%s/recorded", results) < 0)
        status = status_fail(STATUS_MEMORY, "%s: no memory", results);
    if (status == STATUS_OK) status = collect(out, local, NULL);
    if (status == STATUS_OK) status = collect_recorded(out, recorded);
    free(local);
    free(recorded);
    if (out->count) qsort(out->all, out->count, sizeof *out->all, by_experiment);
    for (size_t i = 0; i < out->count && status == STATUS_OK; i++)
        status = read_facts(out, &out->all[i]);
    if (status != STATUS_OK) sources_close(out);
    return status;
}

void sources_close(Sources *sources) {
    for (size_t i = 0; i < sources->count; i++) source_free(&sources->all[i]);
    free(sources->all);
    free(sources->facts);
    names_free(&sources->fact_names);
    *sources = (Sources){0};
}

const Source *sources_find(const Sources *sources, const char *experiment) {
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->all[i].experiment, experiment) == 0) return &sources->all[i];
    return NULL;
}

const Fact *sources_fact(const Sources *sources, const char *name) {
    int found = names_find(&sources->fact_names, name);
    return found < 0 ? NULL : &sources->facts[found];
}

int sources_cover(const Sources *sources, const char *question) {
    size_t length = strlen(question);
    for (size_t i = 0; i < sources->count; i++)
        if (strncmp(sources->all[i].experiment, question, length) == 0 &&
            sources->all[i].experiment[length] == '_')
            return 1;
    return 0;
}
