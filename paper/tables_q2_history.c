/* tables_q2_history: the tables of question 2's first part, from the results of q2_history. */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q2_history"

/* --- the future ------------------------------------------------------------------------------- */

/* The row of `level` and the attention of `row`, or -1. */
static int find(const TableColumns *c, const char *level, int row) {
    for (int i = 0; i < c->tsv->rows; i++)
        if (strcmp(table_text(c, i, 0), level) == 0 &&
            strcmp(table_text(c, i, 1), table_text(c, row, 1)) == 0)
            return i;
    return -1;
}

static Status leak_cells(const TableColumns *c, const char *level, int row, Text *out) {
    double compared, bits;
    const int at = find(c, level, row);
    if (at < 0) {
        cell_nothing(out, 0);
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    STATUS_TRY(table_number(c, at, 2, &compared));
    STATUS_TRY(table_number(c, at, 4, &bits));
    cell_value(out, 0, compared, "1");
    cell_value(out, 0, bits, "1");
    return STATUS_OK;
}

static Status leak_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "level attention compared changed bits largest", &c));
    table_head(report, out, "@{}Wrrrrrr@{}",
               "history_attention history_layer history_bits history_network history_bits "
               "history_unmasked history_unmasked_bits");
    for (int row = 0; row < tsv->rows; row++) {
        if (strcmp(table_text(&c, row, 0), "layer")) continue;
        cell_word(report, out, 1, "history_attention", table_text(&c, row, 1));
        STATUS_TRY(leak_cells(&c, "layer", row, out));
        STATUS_TRY(leak_cells(&c, "network", row, out));
        STATUS_TRY(leak_cells(&c, "unmasked", row, out));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status leak_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "leak", leak_body, out);
}

/* --- order ------------------------------------------------------------------------------------ */

/* Rows of the table of one half and one kind of positions stand together, an attention each. */
static Status order_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    char last[128] = "";
    int rows = 0;
    STATUS_TRY(table_columns(tsv, "half attention positions residual low high", &c));
    table_head(report, out, "@{}WWccc@{}",
               "history_half history_positions history_softmax history_tiled history_elu");
    for (int row = 0; row < tsv->rows; row++) {
        char here[128];
        double value, low, high;
        snprintf(here, sizeof here, "%s %s", table_text(&c, row, 0), table_text(&c, row, 2));
        if (strcmp(here, last)) {
            if (rows++) row_end(out);
            cell_word(report, out, 1, "history_half", table_text(&c, row, 0));
            cell_word(report, out, 0, "history_positions", table_text(&c, row, 2));
            snprintf(last, sizeof last, "%s", here);
        }
        STATUS_TRY(table_number(&c, row, 3, &value));
        STATUS_TRY(table_number(&c, row, 4, &low));
        STATUS_TRY(table_number(&c, row, 5, &high));
        cell_interval(out, 0, value < 1e-3 ? "%.1e" : "%.2f", value, low, high);
    }
    if (rows) row_end(out);
    table_foot(out);
    return STATUS_OK;
}

static Status order_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "order", order_body, out);
}

/* --- recall ----------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

static Status recall_row(Report *report, const TableColumns *c, int row, Text *out) {
    double v[9];
    for (int i = 1; i < 9; i++) STATUS_TRY(table_number(c, row, i + 1, &v[i]));
    cell_plain(out, 1, table_text(c, row, 1));
    cell_word(report, out, 0, "history", table_text(c, row, 0));
    for (int i = 1; i < 6; i++) cell_value(out, 0, v[i], "1");
    cell_interval(out, 0, "%.3f", v[6], v[7], v[8]);
    return STATUS_OK;
}

/* Pairs by pairs; within, as the networks come in the results. */
static Status recall_body(Report *report, const Tsv *tsv, Text *out) {
    enum { ROWS_MAX = 64 };
    TableColumns c;
    double order[ROWS_MAX][2];
    STATUS_TRY(table_columns(tsv,
                             "model pairs steps seeds parameters state_bits needed_bits accuracy "
                             "low high chance",
                             &c));
    if (tsv->rows > ROWS_MAX)
        return status_fail(STATUS_FORMAT, "%s: more than %d rows", tsv->path, ROWS_MAX);
    for (int row = 0; row < tsv->rows; row++) {
        STATUS_TRY(table_number(&c, row, 1, &order[row][0]));
        order[row][1] = row;
    }
    qsort(order, (size_t)tsv->rows, sizeof *order, ascending);
    table_head(
        report, out, "@{}rWrrrrrcr@{}",
        "history_pairs model history_steps seeds history_parameters history_state history_needed "
        "history_accuracy history_chance");
    for (int i = 0; i < tsv->rows; i++) {
        const int row = (int)order[i][1];
        double chance;
        if (i > 0 && order[i][0] != order[i - 1][0]) text_puts(out, "\\addlinespace\n");
        STATUS_TRY(recall_row(report, &c, row, out));
        STATUS_TRY(table_number(&c, row, 10, &chance));
        cell_number(out, 0, "%.3f", chance);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status recall_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "recall", recall_body, out);
}

const Table tables_q2_history[] = {
    {"q2_history_leak", EXPERIMENT, leak_table, 0},
    {"q2_history_order", EXPERIMENT, order_table, 0},
    {"q2_history_recall", EXPERIMENT, recall_table, 0},
};
const int tables_q2_history_count = sizeof tables_q2_history / sizeof *tables_q2_history;
