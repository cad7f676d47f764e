#define _GNU_SOURCE
#include "tables.h"
#include "number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- pieces ---------------------------------------------------------------------------------- */

Status table_load(const Report *report, const char *experiment, const char *table, Tsv **out) {
    *out = NULL;
    const Source *source = sources_find(&report->sources, experiment);
    if (!source)
        return status_fail(STATUS_ARGUMENT, "no results of %s, so no table from it", experiment);
    Text path = {0};
    text_printf(&path, "%s/%s.tsv", source->folder, table);
    Status status = tsv_load(text_bytes(&path), out);
    text_free(&path);
    return status;
}

Status table_from(Report *report, const char *experiment, const char *table, TableBody body,
                  Text *out) {
    Tsv *tsv;
    STATUS_TRY(table_load(report, experiment, table, &tsv));
    Status status = body(report, tsv, out);
    tsv_free(tsv);
    return status;
}

Status table_columns(const Tsv *tsv, const char *names, TableColumns *out) {
    *out = (TableColumns){.tsv = tsv};
    while (*names && out->count < TABLE_COLUMNS_MAX) {
        char name[64];
        int length = (int)strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", length, names);
        int column = tsv_column(tsv, name);
        if (column < 0) return status_fail(STATUS_FORMAT, "%s: no column '%s'", tsv->path, name);
        out->column[out->count++] = column;
        names += length;
        names += strspn(names, " ");
    }
    return STATUS_OK;
}

const char *table_text(const TableColumns *columns, int row, int index) {
    return tsv_text(columns->tsv, row, columns->column[index]);
}

Status table_number(const TableColumns *columns, int row, int index, double *out) {
    return tsv_number(columns->tsv, row, columns->column[index], out);
}

static void separate(Text *out, int first) {
    if (!first) text_puts(out, " & ");
}

void cell_text(Text *out, int first, const char *tex) {
    separate(out, first);
    text_puts(out, tex);
}

void cell_plain(Text *out, int first, const char *plain) {
    separate(out, first);
    text_puts(out, "\\LatinWords{");
    text_add_escaped(out, plain);
    text_puts(out, "}");
}

void cell_number(Text *out, int first, const char *format, double value) {
    Text plain = {0};
    number_print(format, value, 1, &plain);
    separate(out, first);
    number_typeset(text_bytes(&plain), out);
    text_free(&plain);
}

void cell_interval(Text *out, int first, const char *format, double value, double low,
                   double high) {
    Text plain = {0};
    number_print(format, value, 1, &plain);
    text_puts(&plain, " [");
    number_print(format, low, 1, &plain);
    text_puts(&plain, ", ");
    number_print(format, high, 1, &plain);
    text_puts(&plain, "]");
    separate(out, first);
    number_typeset(text_bytes(&plain), out);
    text_free(&plain);
}

void cell_nothing(Text *out, int first) {
    separate(out, first);
    text_puts(out, "--");
}

void row_end(Text *out) {
    text_puts(out, " \\\\\n");
}

void cell_word(Report *report, Text *out, int first, const char *kind, const char *word) {
    Text key = {0};
    text_printf(&key, "%s.%s", kind, word);
    const char *label = labels_find(&report->labels, text_bytes(&key));
    separate(out, first);
    if (label)
        text_puts(out, label);
    else
        text_add_code(out, word);
    text_free(&key);
}

void cell_value(Text *out, int first, double value, const char *unit) {
    Fact fact = {.name = "", .unit = unit, .value = value, .low = value, .high = value};
    separate(out, first);
    number_tex(&fact, NUMBER_VALUE, NULL, out);
}

static void head_row(Report *report, Text *out, const char *words) {
    int first = 1;
    while (*words) {
        char key[80];
        int length = (int)strcspn(words, " ");
        snprintf(key, sizeof key, "table.%.*s", length, words);
        cell_text(out, first, report_label(report, key));
        first = 0;
        words += length;
        words += strspn(words, " ");
    }
    row_end(out);
}

void table_head(Report *report, Text *out, const char *columns, const char *words) {
    text_printf(out, "\\begin{tabular}{%s}\n\\toprule\n", columns);
    head_row(report, out, words);
    text_puts(out, "\\midrule\n");
}

void table_foot(Text *out) {
    text_puts(out, "\\bottomrule\n\\end{tabular}\n");
}

void table_long_head(Report *report, Text *out, const char *columns, const char *words) {
    text_printf(out, "\\begin{longtable}{%s}\n\\LongCaption\\toprule\n", columns);
    head_row(report, out, words);
    text_puts(out, "\\midrule\\endfirsthead\n\\toprule\n");
    head_row(report, out, words);
    text_puts(out, "\\midrule\\endhead\n\\bottomrule\\endfoot\n");
}

void table_long_foot(Text *out) {
    text_puts(out, "\\end{longtable}\n");
}

/* --- the register ---------------------------------------------------------------------------- */

static const struct {
    const Table *array;
    const int *count;
} files[] = {
#define FILE_OF(part) tables_##part, &tables_##part##_count
    /* clang-format off */
    {FILE_OF(common)},
    {FILE_OF(quick)},
    {FILE_OF(operations)},
    {FILE_OF(gpu)},
    {FILE_OF(q1_bottleneck)},
    {FILE_OF(q1_memory)},
    {FILE_OF(q2_history)},
    {FILE_OF(q2_drawbacks)},
    {FILE_OF(q3)},
    {FILE_OF(q4)},
    {FILE_OF(q5_data)},
    {FILE_OF(q5_judged)},
    {FILE_OF(q5_reorder)},
    {FILE_OF(q5_split)},
    {FILE_OF(q6)},
    {FILE_OF(q6_speed)},
    /* clang-format on */
};

static const Table *table_at(int index) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (index < *files[i].count) return &files[i].array[index];
        index -= *files[i].count;
    }
    return NULL;
}

static const Table *table_named(const char *name) {
    const Table *table;
    for (int i = 0; (table = table_at(i)); i++)
        if (strcmp(table->name, name) == 0) return table;
    return NULL;
}

int table_exists(const char *name, const char **experiments, int *is_long) {
    const Table *table = table_named(name);
    if (!table) return 0;
    *experiments = table->experiments;
    *is_long = table->is_long;
    return 1;
}

const char *table_nearest(const char *name) {
    const Table *table, *nearest = NULL;
    for (int i = 0; (table = table_at(i)); i++)
        if (!nearest || text_distance(table->name, name) < text_distance(nearest->name, name))
            nearest = table;
    return nearest ? nearest->name : "";
}

Status table_write(Report *report, const char *name, Text *out) {
    const Table *table = table_named(name);
    if (!table) return status_fail(STATUS_ARGUMENT, "there is no table '%s'", name);
    return table->generate(report, out);
}
