/* tables_q1_memory: the tables of what recurrent networks remember, from the results of q1_memory.
 */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q1_memory"

enum { LAGS_MAX = 16 };

/* The lags of a table's rows, in the order in which they come. */
typedef struct {
    int count, value[LAGS_MAX];
} Lags;

static void note_lag(Lags *lags, int lag) {
    for (int i = 0; i < lags->count; i++)
        if (lags->value[i] == lag) return;
    if (lags->count < LAGS_MAX) lags->value[lags->count++] = lag;
}

/* 1 where a row begins another reader than the row before. */
static int begins(const TableColumns *columns, int row) {
    return row == 0 || strcmp(table_text(columns, row, 0), table_text(columns, row - 1, 0)) != 0;
}

/* --- accuracy -------------------------------------------------------------------------------- */

static Status recall_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    Lags lags = {0};
    STATUS_TRY(table_columns(tsv, "reader lag accuracy solved seeds", &columns));
    for (int row = 0; row < tsv->rows; row++) note_lag(&lags, atoi(table_text(&columns, row, 1)));
    text_puts(out, "\\begin{tabular}{@{}W");
    for (int i = 0; i < lags.count; i++) text_puts(out, "c");
    text_puts(out, "@{}}\n\\toprule\n");
    cell_text(out, 1, report_label(report, "table.memory_reader"));
    for (int i = 0; i < lags.count; i++)
        text_printf(out, i ? " & \\Number{%d}" : " & $T-t=%d$", lags.value[i]);
    row_end(out);
    text_puts(out, "\\midrule\n");
    for (int row = 0; row < tsv->rows; row++) {
        double accuracy, solved, seeds;
        char cell[48];
        STATUS_TRY(table_number(&columns, row, 2, &accuracy));
        STATUS_TRY(table_number(&columns, row, 3, &solved));
        STATUS_TRY(table_number(&columns, row, 4, &seeds));
        if (begins(&columns, row))
            cell_word(report, out, 1, "reader", table_text(&columns, row, 0));
        snprintf(cell, sizeof cell, "%.2f (%.0f/%.0f)", accuracy, solved, seeds);
        cell_plain(out, 0, cell);
        if (row + 1 == tsv->rows || begins(&columns, row + 1)) row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status recall_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "recall", recall_body, out);
}

/* --- decay rates ----------------------------------------------------------------------------- */

/* The row of a reader and phase, -1 where its norms were too small to fit. */
static int find_rate(const TableColumns *columns, int rows, const char *reader, const char *phase,
                     int lag) {
    for (int row = 0; row < rows; row++)
        if (strcmp(table_text(columns, row, 0), reader) == 0 &&
            strcmp(table_text(columns, row, 1), phase) == 0 &&
            (lag < 0 || atoi(table_text(columns, row, 2)) == lag))
            return row;
    return -1;
}

static Status rate_cell(const TableColumns *columns, int row, Text *out) {
    double rate, low, high;
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    STATUS_TRY(table_number(columns, row, 3, &rate));
    STATUS_TRY(table_number(columns, row, 4, &low));
    STATUS_TRY(table_number(columns, row, 5, &high));
    cell_interval(out, 0, "%.3f", rate, low, high);
    return STATUS_OK;
}

/* Before training with the share of the variance that the line explains; after training at the
 * first, a middle and the last lag. */
static Status rates_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    Lags lags = {0};
    STATUS_TRY(table_columns(tsv, "reader phase lag rate low high r2", &columns));
    for (int row = 0; row < tsv->rows; row++) note_lag(&lags, atoi(table_text(&columns, row, 2)));
    const int last = lags.count - 1, shown[] = {0, last / 2, last};
    text_puts(out, "\\begin{tabular}{@{}Wcrccc@{}}\n\\toprule\n");
    cell_text(out, 1, report_label(report, "table.memory_reader"));
    cell_text(out, 0, report_label(report, "table.memory_before"));
    cell_text(out, 0, "$R^2$");
    for (int i = 0; i < 3; i++)
        text_printf(out, " & %s~\\Number{%d}", report_label(report, "table.memory_after"),
                    lags.value[shown[i]]);
    row_end(out);
    text_puts(out, "\\midrule\n");
    for (int row = 0; row < tsv->rows; row++) {
        if (!begins(&columns, row)) continue;
        const char *reader = table_text(&columns, row, 0);
        int before = find_rate(&columns, tsv->rows, reader, "before", -1);
        double r2;
        cell_word(report, out, 1, "reader", reader);
        STATUS_TRY(rate_cell(&columns, before, out));
        if (before < 0) {
            cell_nothing(out, 0);
        } else {
            STATUS_TRY(table_number(&columns, before, 6, &r2));
            cell_number(out, 0, "%.3f", r2);
        }
        for (int i = 0; i < 3; i++)
            STATUS_TRY(rate_cell(
                &columns, find_rate(&columns, tsv->rows, reader, "after", lags.value[shown[i]]),
                out));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status rates_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "rates", rates_body, out);
}

const Table tables_q1_memory[] = {
    {"q1_memory_recall", EXPERIMENT, recall_table, 0},
    {"q1_memory_rates", EXPERIMENT, rates_table, 0},
};
const int tables_q1_memory_count = sizeof tables_q1_memory / sizeof *tables_q1_memory;
