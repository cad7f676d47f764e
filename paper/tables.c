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

static void print_number(char *out, size_t size, const char *format, double value) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, size, format, value);
#pragma GCC diagnostic pop
}

void cell_number(Text *out, int first, const char *format, double value) {
    char digits[64];
    print_number(digits, sizeof digits, format, value);
    separate(out, first);
    number_typeset(digits, out);
}

void cell_interval(Text *out, int first, const char *format, double value, double low,
                   double high) {
    char middle[64], start[64], stop[64], whole[200];
    print_number(middle, sizeof middle, format, value);
    print_number(start, sizeof start, format, low);
    print_number(stop, sizeof stop, format, high);
    snprintf(whole, sizeof whole, "%s [%s, %s]", middle, start, stop);
    separate(out, first);
    number_typeset(whole, out);
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

/* A longtable keeps its heading on every page; its caption comes from \LongCaption. */
static void long_head(Report *report, Text *out, const char *columns, const char *words) {
    text_printf(out, "\\begin{longtable}{%s}\n\\LongCaption\\toprule\n", columns);
    head_row(report, out, words);
    text_puts(out, "\\midrule\\endfirsthead\n\\toprule\n");
    head_row(report, out, words);
    text_puts(out, "\\midrule\\endhead\n\\bottomrule\\endfoot\n");
}

/* --- the machine, the experiments, the claims, the trainings --------------------------------- */

static const char *const machine_keys[] = {"cpu",      "processors", "threads",      "isa",
                                           "device",   "caches",     "memory_bytes", "system",
                                           "compiler", "build",      "libraries"};

/* One row a property; one block a machine, of which several may have measured this report. */
static Status machine_table(Report *report, Text *out) {
    Names seen = {0};
    text_puts(out, "\\begin{longtable}{@{}WT@{}}\n\\LongCaption\\toprule\\endfirsthead\n"
                   "\\toprule\\endhead\n\\bottomrule\\endfoot\n");
    for (size_t i = 0; i < report->sources.count; i++) {
        const Source *source = &report->sources.all[i];
        Text where = {0};
        text_puts(&where, source->machine); /* the same in every respect: once */
        for (size_t k = 0; k < sizeof machine_keys / sizeof *machine_keys; k++)
            text_printf(&where, "\n%s", source_run(source, machine_keys[k]));
        int fresh = names_find(&seen, text_bytes(&where)) < 0;
        names_add(&seen, text_bytes(&where));
        text_free(&where);
        if (!fresh) continue;
        if (seen.count > 1) text_puts(out, "\\midrule\n");
        cell_text(out, 1, report_label(report, "machine.name"));
        text_puts(out, " & ");
        text_add_code(out, source->machine);
        row_end(out);
        for (size_t k = 0; k < sizeof machine_keys / sizeof *machine_keys; k++) {
            const char *key = machine_keys[k], *value = source_run(source, key);
            char label[64];
            if (!*value) continue;
            snprintf(label, sizeof label, "machine.%s", key);
            cell_text(out, 1, report_label(report, label));
            if (strcmp(key, "memory_bytes") == 0)
                cell_value(out, 0, strtod(value, NULL), "byte");
            else
                cell_plain(out, 0, value);
            row_end(out);
        }
    }
    names_free(&seen);
    text_puts(out, "\\end{longtable}\n");
    return STATUS_OK;
}

static Status experiments_table(Report *report, Text *out) {
    table_head(report, out, "@{}WWWWW@{}", "experiment date profile commit measured");
    for (size_t i = 0; i < report->sources.count; i++) {
        const Source *source = &report->sources.all[i];
        char day[11], commit[40];
        snprintf(day, sizeof day, "%s", source_run(source, "date"));
        const char *full = source_run(source, "commit");
        const char *changes = strchr(full, '+');
        snprintf(commit, sizeof commit, "%.10s%s", full, changes ? changes : "");
        text_add_code(out, source->experiment);
        cell_plain(out, 0, day);
        cell_plain(out, 0, source_run(source, "profile"));
        cell_plain(out, 0, commit);
        cell_text(out, 0,
                  report_label(report, source->local ? "measured.here" : "measured.recorded"));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status claims_table(Report *report, Text *out) {
    long_head(report, out, "@{}rLcW@{}", "number predicate page verdict");
    for (size_t i = 0; i < report->claim_count; i++) {
        const Claim *claim = &report->claims[i];
        cell_number(out, 1, "%.0f", claim->number);
        text_puts(out, " & ");
        text_add_code(out, claim->predicate);
        text_printf(out, " & \\pageref{claim:%d}", claim->number);
        cell_text(out, 0,
                  report_label(report, claim->verdict.kind == CLAIM_HOLDS   ? "verdict.holds"
                                       : claim->verdict.kind == CLAIM_FAILS ? "verdict.fails"
                                                                            : "verdict.missing"));
        row_end(out);
    }
    text_puts(out, "\\end{longtable}\n");
    return STATUS_OK;
}

static void add_card(Report *report, const Source *source, const Tsv *card, Text *out) {
    text_puts(out, "\\multicolumn{2}{@{}W}{");
    text_add_code(out, source->experiment);
    text_puts(out, "}");
    row_end(out);
    for (int row = 0; row < card->rows; row++)
        for (int column = 0; column < card->columns; column++) {
            const char *name = card->names[column];
            if (card->columns == 2 && strcmp(name, "key") == 0) continue;
            /* key and value, or one training a row with a column for each property */
            if (card->columns == 2 && strcmp(card->names[0], "key") == 0)
                name = tsv_text(card, row, 0);
            cell_word(report, out, 1, "card", name);
            cell_plain(out, 0, tsv_text(card, row, column));
            row_end(out);
        }
}

static Status cards_table(Report *report, Text *out) {
    text_puts(out, "\\begin{longtable}{@{}WT@{}}\n\\LongCaption\\toprule\\endfirsthead\n"
                   "\\toprule\\endhead\n\\bottomrule\\endfoot\n");
    int cards = 0;
    for (size_t i = 0; i < report->sources.count; i++) {
        const Source *source = &report->sources.all[i];
        Text path = {0};
        Tsv *card = NULL;
        text_printf(&path, "%s/card.tsv", source->folder);
        Status status = STATUS_OK;
        if (text_file_exists(text_bytes(&path))) status = tsv_load(text_bytes(&path), &card);
        text_free(&path);
        if (status != STATUS_OK) return status;
        if (!card) continue;
        if (cards++) text_puts(out, "\\midrule\n");
        add_card(report, source, card, out);
        tsv_free(card);
    }
    text_puts(out, "\\end{longtable}\n");
    return STATUS_OK;
}

static const Table tables_common[] = {
    {"machine", NULL, machine_table, 1},
    {"experiments", NULL, experiments_table, 0},
    {"claims", NULL, claims_table, 1},
    {"cards", NULL, cards_table, 1},
};
enum { COMMON = sizeof tables_common / sizeof *tables_common };

/* --- the register ---------------------------------------------------------------------------- */

static const Table *table_at(int index) {
    if (index < COMMON) return &tables_common[index];
    index -= COMMON;
    if (index < tables_q4_count) return &tables_q4[index];
    index -= tables_q4_count;
    return index < tables_q6_count ? &tables_q6[index] : NULL;
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
