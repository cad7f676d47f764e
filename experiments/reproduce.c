/* reproduce: recorded facts and this machine's, side by side, with verdicts. `make reproduce`
 * measures first and then runs this. */
#define _POSIX_C_SOURCE 200809L
#include "base/tsv.h"
#include "options.h"
#include "reproduce_judge.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

typedef struct {
    char **names;
    size_t count;
} Names;

typedef struct {
    Tsv *facts, *run;
    int name, value, low, high, unit;
} Side;

typedef struct {
    const char *recorded, *local, *machine;
    double tolerance;
    int strict;
} Settings;

/* --- folders ----------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int has_name(const Names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0) return 1;
    return 0;
}

/* Adds the folders inside `path` that are not hidden; a folder that is not there adds none. */
static Status names_add(Names *names, const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return STATUS_OK;
    Status status = STATUS_OK;
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(folder));) {
        char whole[PATH_BYTES + 257];
        struct stat info;
        if (entry->d_name[0] == '.' || has_name(names, entry->d_name)) continue;
        snprintf(whole, sizeof whole, "%s/%s", path, entry->d_name);
        if (stat(whole, &info) || !S_ISDIR(info.st_mode)) continue;
        char **grown = realloc(names->names, (names->count + 1) * sizeof *grown);
        if (grown) names->names = grown;
        char *copy = grown ? strdup(entry->d_name) : NULL;
        if (copy)
            names->names[names->count++] = copy;
        else
            status = status_fail(STATUS_MEMORY, "%s: %s", path, entry->d_name);
    }
    closedir(folder);
    if (names->count) qsort(names->names, names->count, sizeof *names->names, compare_names);
    return status;
}

static void names_free(Names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->names[i]);
    free(names->names);
}

/* --- one side ---------------------------------------------------------------------------- */

static void side_close(Side *side) {
    tsv_free(side->facts);
    tsv_free(side->run);
    *side = (Side){0};
}

/* Facts and run of `parent`/`experiment`; an absent folder is an empty side. */
static Status side_open(Side *side, const char *parent, const char *experiment) {
    char path[PATH_BYTES];
    struct stat info;
    *side = (Side){0};
    snprintf(path, sizeof path, "%s/%s", parent, experiment);
    if (stat(path, &info)) return STATUS_OK;
    snprintf(path, sizeof path, "%s/%s/run.tsv", parent, experiment);
    STATUS_TRY(tsv_load(path, &side->run));
    snprintf(path, sizeof path, "%s/%s/facts.tsv", parent, experiment);
    STATUS_TRY(tsv_load(path, &side->facts));
    side->name = tsv_column(side->facts, "name");
    side->value = tsv_column(side->facts, "value");
    side->low = tsv_column(side->facts, "low");
    side->high = tsv_column(side->facts, "high");
    side->unit = tsv_column(side->facts, "unit");
    if (side->name < 0 || side->value < 0 || side->low < 0 || side->high < 0 || side->unit < 0)
        return status_fail(STATUS_FORMAT, "%s: expected the columns name value low high unit",
                           path);
    return STATUS_OK;
}

static const char *side_run(const Side *side, const char *key) {
    int row = side->run && side->run->columns > 1 ? tsv_find(side->run, 0, key) : -1;
    return row < 0 ? "unknown" : tsv_text(side->run, row, 1);
}

static Status side_fact(const Side *side, int row, Fact *fact) {
    STATUS_TRY(tsv_number(side->facts, row, side->value, &fact->value));
    STATUS_TRY(tsv_number(side->facts, row, side->low, &fact->low));
    STATUS_TRY(tsv_number(side->facts, row, side->high, &fact->high));
    fact->unit = tsv_text(side->facts, row, side->unit);
    return STATUS_OK;
}

/* --- printing ---------------------------------------------------------------------------- */

static void print_fact(const Fact *fact) {
    char text[64] = "";
    if (fact && fact->low == fact->high)
        snprintf(text, sizeof text, "%.4g", fact->value);
    else if (fact)
        snprintf(text, sizeof text, "%.4g [%.4g, %.4g]", fact->value, fact->low, fact->high);
    printf("  %-32s", text);
}

static void print_row(const char *name, const Fact *recorded, const Fact *local,
                      const Settings *settings, int counts[REPRODUCE_VERDICTS]) {
    ReproduceVerdict verdict = reproduce_judge(recorded, local, settings->tolerance);
    counts[verdict]++;
    printf("  %-46s", name);
    print_fact(recorded);
    print_fact(local);
    printf("  %-8s  %s\n", (recorded ? recorded : local)->unit, reproduce_verdict(verdict));
}

static void print_side(const char *what, const Side *side) {
    if (!side->run) {
        printf("  %-9s none\n", what);
        return;
    }
    printf("  %-9s %s, profile %s, %s threads, %s, commit %.12s\n", what, side_run(side, "date"),
           side_run(side, "profile"), side_run(side, "threads"), side_run(side, "cpu"),
           side_run(side, "commit"));
}

static Status compare(const char *experiment, const Side *recorded, const Side *local,
                      const Settings *settings, int counts[REPRODUCE_VERDICTS]) {
    printf("\n%s\n", experiment);
    print_side("recorded", recorded);
    print_side("here", local);
    if (recorded->run && local->run &&
        strcmp(side_run(recorded, "profile"), side_run(local, "profile")))
        printf("  The profiles differ, and with them the ranges and the repetitions.\n");
    printf("  %-46s  %-32s  %-32s  %-8s  %s\n", "fact", "recorded", "here", "unit", "verdict");
    Fact here, there;
    for (int row = 0; recorded->facts && row < recorded->facts->rows; row++) {
        const char *name = tsv_text(recorded->facts, row, recorded->name);
        STATUS_TRY(side_fact(recorded, row, &there));
        int other = local->facts ? tsv_find(local->facts, local->name, name) : -1;
        if (other >= 0) STATUS_TRY(side_fact(local, other, &here));
        print_row(name, &there, other >= 0 ? &here : NULL, settings, counts);
    }
    for (int row = 0; local->facts && row < local->facts->rows; row++) {
        const char *name = tsv_text(local->facts, row, local->name);
        if (recorded->facts && tsv_find(recorded->facts, recorded->name, name) >= 0) continue;
        STATUS_TRY(side_fact(local, row, &here));
        print_row(name, NULL, &here, settings, counts);
    }
    return STATUS_OK;
}

/* --- the whole --------------------------------------------------------------------------- */

/* The recorded machine that is asked for; else this one, if it was recorded; else the first. */
static Status choose_machine(const Settings *settings, const Names *machines,
                             const Names *experiments, char chosen[256]) {
    if (!machines->count)
        return status_fail(STATUS_IO, "%s: holds no recorded machine", settings->recorded);
    if (settings->machine) {
        if (!has_name(machines, settings->machine))
            return status_fail(STATUS_ARGUMENT, "--machine=%s: not in %s; there is %s",
                               settings->machine, settings->recorded, machines->names[0]);
        snprintf(chosen, 256, "%s", settings->machine);
        return STATUS_OK;
    }
    snprintf(chosen, 256, "%s", machines->names[0]);
    for (size_t i = 0; i < experiments->count; i++) {
        Side side;
        Status status = side_open(&side, settings->local, experiments->names[i]);
        if (status == STATUS_OK && has_name(machines, side_run(&side, "machine")))
            snprintf(chosen, 256, "%s", side_run(&side, "machine"));
        side_close(&side);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}

static Status reproduce(const Settings *settings, Names *machines, Names *experiments,
                        int counts[REPRODUCE_VERDICTS]) {
    char machine[256], recorded[PATH_BYTES];
    STATUS_TRY(names_add(machines, settings->recorded));
    STATUS_TRY(names_add(experiments, settings->local));
    if (!experiments->count)
        return status_fail(STATUS_IO, "%s: holds no results; make measure makes them",
                           settings->local);
    STATUS_TRY(choose_machine(settings, machines, experiments, machine));
    snprintf(recorded, sizeof recorded, "%s/%s", settings->recorded, machine);
    STATUS_TRY(names_add(experiments, recorded));
    printf("Recorded: %s. Here: %s.\n", recorded, settings->local);
    for (size_t i = 0; i < machines->count; i++)
        if (strcmp(machines->names[i], machine))
            printf("Also recorded: --machine=%s\n", machines->names[i]);
    for (size_t i = 0; i < experiments->count; i++) {
        Side there = {0}, here = {0};
        Status status = side_open(&there, recorded, experiments->names[i]);
        if (status == STATUS_OK) status = side_open(&here, settings->local, experiments->names[i]);
        if (status == STATUS_OK)
            status = compare(experiments->names[i], &there, &here, settings, counts);
        side_close(&there);
        side_close(&here);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}

int main(int argc, char **argv) {
    Settings settings = {0};
    const Option table[] = {
        {"recorded", OPTION_TEXT, &settings.recorded, "results/recorded", .value = "FOLDER",
         .help = "holds one folder for each recorded machine"},
        {"local", OPTION_TEXT, &settings.local, "results/local", .value = "FOLDER",
         .help = "this machine's results"},
        {"machine", OPTION_TEXT, &settings.machine, NULL, .value = "NAME",
         .help = "the recorded machine to compare with; else this one if it was recorded, else "
                 "the first"},
        {"tolerance", OPTION_NUMBER, &settings.tolerance, "0.05", .value = "SHARE", .low = 0,
         .high = 1, .help = "values that differ by no more than this share are close"},
        {"strict", OPTION_SWITCH, &settings.strict, NULL,
         .help = "exit status 1 when a fact differs"},
    };
    const OptionsProgram program = {
        .name = "reproduce",
        .about = "Prints the recorded facts beside those measured here. Dimensionless facts "
                 "(slopes, ratios, accuracies) get a verdict: 'agrees' when the 95 % intervals "
                 "overlap, 'close' when they do not but the values are within the tolerance, "
                 "'DIFFERS' otherwise. Times, rates and lengths belong to a machine and get none.",
        .examples = "  reproduce\n  reproduce --local=/tmp/other-results --tolerance=0.1\n",
        .options = table,
        .count = sizeof table / sizeof *table};
    int exit_status = options_begin(&program, argc, argv);
    if (exit_status >= 0) return exit_status;

    Names machines = {0}, experiments = {0};
    int counts[REPRODUCE_VERDICTS] = {0};
    Status status = reproduce(&settings, &machines, &experiments, counts);
    names_free(&machines);
    names_free(&experiments);
    if (status != STATUS_OK) {
        fprintf(stderr, "reproduce: %s\n", status_message());
        return 1;
    }
    printf("\nOf the facts without a unit %d agree, %d are close (within %g %%), %d differ; "
           "%d facts with a unit are not judged.\n",
           counts[REPRODUCE_AGREES], counts[REPRODUCE_CLOSE], 100 * settings.tolerance,
           counts[REPRODUCE_DIFFERS], counts[REPRODUCE_UNJUDGED]);
    printf("Recorded only: %d, here only: %d, with another unit: %d.\n",
           counts[REPRODUCE_ONLY_RECORDED], counts[REPRODUCE_ONLY_HERE], counts[REPRODUCE_UNITS]);
    if (fflush(stdout)) {
        perror("reproduce: standard output");
        return 1;
    }
    return settings.strict && counts[REPRODUCE_DIFFERS] + counts[REPRODUCE_UNITS] > 0;
}
