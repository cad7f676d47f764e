/* tables_common: what the appendices show of every experiment: the machines, the runs, the claims
 * and the trainings. */
#define _GNU_SOURCE
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const machine_keys[] = {"cpu",      "processors", "threads",      "isa",
                                           "device",   "caches",     "memory_bytes", "system",
                                           "compiler", "build",      "libraries"};

/* Every value that the runs of one machine have for a key: once each, in the order of the runs. */
static Names values_of(const Report *report, const char *machine, const char *key) {
    Names values = {0};
    for (size_t i = 0; i < report->sources.count; i++) {
        const Source *source = &report->sources.all[i];
        const char *value = source_run(source, key);
        if (strcmp(source->machine, machine) == 0 && *value && names_find(&values, value) < 0)
            names_add(&values, value);
    }
    return values;
}

static void property_row(Report *report, const char *machine, const char *key, Text *out) {
    char label[64];
    Names values = values_of(report, machine, key);
    snprintf(label, sizeof label, "machine.%s", key);
    if (values.count) cell_text(out, 1, report_label(report, label));
    for (size_t i = 0; i < values.count; i++) {
        if (i) text_puts(out, "\\newline ");
        if (strcmp(key, "memory_bytes") == 0)
            cell_value(out, i > 0, strtod(values.names[i], NULL), "byte");
        else
            cell_plain(out, i > 0, values.names[i]);
    }
    if (values.count) row_end(out);
    names_free(&values);
}

/* One row a property; one block a machine, of which several may have measured this report. */
static Status machine_table(Report *report, Text *out) {
    Names seen = {0};
    text_puts(out, "\\begin{longtable}{@{}WT@{}}\n\\LongCaption\\toprule\\endfirsthead\n"
                   "\\toprule\\endhead\n\\bottomrule\\endfoot\n");
    for (size_t i = 0; i < report->sources.count; i++) {
        const char *machine = report->sources.all[i].machine;
        if (names_find(&seen, machine) >= 0) continue;
        names_add(&seen, machine);
        if (seen.count > 1) text_puts(out, "\\midrule\n");
        cell_text(out, 1, report_label(report, "machine.name"));
        text_puts(out, " & ");
        text_add_code(out, machine);
        row_end(out);
        for (size_t k = 0; k < sizeof machine_keys / sizeof *machine_keys; k++)
            property_row(report, machine, machine_keys[k], out);
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
    table_long_head(report, out, "@{}rLcW@{}", "number predicate page verdict");
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
    text_puts(out, "} \\\\*\n"); /* no page ends between a heading and what it heads */
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

/* <experiment>/<name>.tsv where there is one; NULL where there is none. */
static Status load_if_there(const Source *source, const char *name, Tsv **out) {
    Text path = {0};
    Status status = STATUS_OK;
    *out = NULL;
    text_printf(&path, "%s/%s.tsv", source->folder, name);
    if (text_file_exists(text_bytes(&path))) status = tsv_load(text_bytes(&path), out);
    text_free(&path);
    return status;
}

static Status cards_table(Report *report, Text *out) {
    int cards = 0;
    for (size_t i = 0; i < report->sources.count; i++) {
        const Source *source = &report->sources.all[i];
        Tsv *card;
        STATUS_TRY(load_if_there(source, "card", &card));
        if (!card) continue;
        text_puts(out, cards++
                           ? "\\midrule\n"
                           : "\\begin{longtable}{@{}WT@{}}\n\\LongCaption\\toprule\\endfirsthead\n"
                             "\\toprule\\endhead\n\\bottomrule\\endfoot\n");
        add_card(report, source, card, out);
        tsv_free(card);
    }
    if (cards) table_long_foot(out);
    return STATUS_OK;
}

/* Grids of small trainings: one line a kind of training, in small type. */
#define GRID_COLUMNS "training architecture parameters loss optimiser steps batch data seeds"
enum { GRID_COUNT = 9 };

static void grid_head(Report *report, Text *out) {
    static const char *const words[GRID_COUNT] = {"training", "architecture", "parameters",
                                                  "loss",     "optimiser",    "steps",
                                                  "batch",    "data",         "seeds"};
    for (int k = 0; k < GRID_COUNT; k++) {
        char key[64];
        snprintf(key, sizeof key, "card.%s", words[k]);
        cell_text(out, k == 0, "\\CardHead{");
        text_puts(out, report_label(report, key));
        text_puts(out, "}");
    }
    row_end(out);
}

static Status add_grid(const Source *source, const Tsv *cards, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(cards, GRID_COLUMNS, &c));
    text_printf(out, "\\multicolumn{%d}{@{}W@{}}{", GRID_COUNT);
    text_add_code(out, source->experiment);
    text_puts(out, "} \\\\*\n"); /* no page ends between a heading and what it heads */
    for (int row = 0; row < cards->rows; row++) {
        for (int k = 0; k < GRID_COUNT; k++) {
            cell_text(out, k == 0, "\\CardWords{");
            text_add_escaped(out, table_text(&c, row, k));
            text_puts(out, "}");
        }
        row_end(out);
    }
    return STATUS_OK;
}

static Status grid_cards_table(Report *report, Text *out) {
    int grids = 0;
    Status status = STATUS_OK;
    for (size_t i = 0; i < report->sources.count && status == STATUS_OK; i++) {
        const Source *source = &report->sources.all[i];
        Tsv *cards;
        STATUS_TRY(load_if_there(source, "cards", &cards));
        if (!cards) continue;
        if (grids++) {
            text_puts(out, "\\midrule\n");
        } else {
            text_puts(out, "\\begin{CardTable}\n\\LongCaption\\toprule\n");
            grid_head(report, out);
            text_puts(out, "\\midrule\\endfirsthead\n\\toprule\n");
            grid_head(report, out);
            text_puts(out, "\\midrule\\endhead\n\\bottomrule\\endfoot\n");
        }
        status = add_grid(source, cards, out);
        tsv_free(cards);
    }
    if (grids) text_puts(out, "\\end{CardTable}\n");
    return status;
}

const Table tables_common[] = {
    {"machine", NULL, machine_table, 1},       {"experiments", NULL, experiments_table, 0},
    {"claims", NULL, claims_table, 1},         {"cards", NULL, cards_table, 1},
    {"grid_cards", NULL, grid_cards_table, 1},
};
const int tables_common_count = sizeof tables_common / sizeof *tables_common;
