/* tables_quick: what a short run on the reader's machine gave, beside the recorded full one.
 *
 * The folder <experiment>_quick holds facts q1.quick.<rest>; the full run of the same program holds
 * q1.<rest> in the folder <experiment>. Where labels "fact.q1.<rest>" exist for facts of the short
 * run, these are its table, in the order of the facts: the author chooses a few and names them.
 * Where there is no such label, every fact stands in it, by its name.
 */
#define _GNU_SOURCE
#include "number.h"
#include "tables.h"

#include <stdio.h>
#include <string.h>

/* "q1.quick.width.bits" is "q1.width.bits" of the full run; 0 for a fact of another kind of name.
 */
static int full_name(const char *quick, char *out, size_t size) {
    const char *dot = strchr(quick, '.');
    if (!dot || strncmp(dot, ".quick.", 7)) return 0;
    snprintf(out, size, "%.*s%s", (int)(dot - quick), quick, dot + 6);
    return 1;
}

static const char *fact_label(const Report *report, const char *name) {
    char key[256];
    snprintf(key, sizeof key, "fact.%s", name);
    return labels_find(&report->labels, key);
}

static void fact_cell(const Fact *fact, Text *out) {
    if (!fact) {
        cell_nothing(out, 0);
        return;
    }
    cell_text(out, 0, "");
    number_tex(fact, fact->low < fact->high ? NUMBER_RANGE : NUMBER_VALUE, NULL, out);
}

/* Rows of the facts that have a label (`labelled`), or of all. Returns how many there are. */
static int short_rows(Report *report, const Source *quick, int labelled, Text *out) {
    int rows = 0;
    for (size_t i = 0; i < report->sources.fact_count; i++) {
        const Fact *fact = &report->sources.facts[i];
        char name[200];
        if (fact->source != quick || !full_name(fact->name, name, sizeof name)) continue;
        const char *label = fact_label(report, name);
        if (labelled && !label) continue;
        rows++;
        if (!out) continue;
        if (label)
            cell_text(out, 1, label);
        else
            text_add_code(out, name);
        fact_cell(fact, out);
        fact_cell(sources_fact(&report->sources, name), out);
        row_end(out);
    }
    return rows;
}

static Status short_run(Report *report, const char *experiment, Text *out) {
    const Source *quick = sources_find(&report->sources, experiment);
    if (!quick)
        return status_fail(STATUS_ARGUMENT, "no results of %s, so no table from it", experiment);
    table_head(report, out, "@{}Wcc@{}", "quantity short_run full_run");
    short_rows(report, quick, short_rows(report, quick, 1, NULL) > 0, out);
    table_foot(out);
    return STATUS_OK;
}

#define SHORT_RUN(experiment)                                                                      \
    static Status experiment##_table(Report *report, Text *out) {                                  \
        return short_run(report, #experiment "_quick", out);                                       \
    }
SHORT_RUN(q1_bottleneck)
SHORT_RUN(q1_memory)
SHORT_RUN(q2_history)
SHORT_RUN(q2_drawbacks)
SHORT_RUN(q5_reorder)
SHORT_RUN(q5_systems)
SHORT_RUN(q5_scaling)

#define SHORT_ROW(experiment)                                                                      \
    { #experiment "_quick", #experiment "_quick " #experiment, experiment##_table, 0 }

const Table tables_quick[] = {
    SHORT_ROW(q1_bottleneck), SHORT_ROW(q1_memory),  SHORT_ROW(q2_history), SHORT_ROW(q2_drawbacks),
    SHORT_ROW(q5_reorder),    SHORT_ROW(q5_systems), SHORT_ROW(q5_scaling),
};
const int tables_quick_count = sizeof tables_quick / sizeof *tables_quick;
