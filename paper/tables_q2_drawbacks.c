/* tables_q2_drawbacks: the tables of question 2's drawbacks, from the results of q2_drawbacks. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q2_drawbacks"

/* --- parity ---------------------------------------------------------------------------------- */

/* The row of a network at a length; -1: not measured. */
static int find(const TableColumns *c, int rows, const char *net, double length) {
    for (int row = 0; row < rows; row++) {
        double at;
        if (strcmp(table_text(c, row, 0), net) == 0 && table_number(c, row, 1, &at) == STATUS_OK &&
            at == length)
            return row;
    }
    return -1;
}

static Status accuracy_cell(const TableColumns *c, int row, Text *out) {
    double value[3];
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    for (int i = 0; i < 3; i++) STATUS_TRY(table_number(c, row, 2 + i, &value[i]));
    cell_interval(out, 0, "%.2f", value[0], value[1], value[2]);
    return STATUS_OK;
}

static Status parity_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const nets[] = {"lstm", "sinusoidal", "learned", "none"};
    const Fact *trained = sources_fact(&report->sources, "q2.parity.length");
    TableColumns c;
    if (!trained)
        return status_fail(STATUS_ARGUMENT, "no fact q2.parity.length: where does training end?");
    STATUS_TRY(table_columns(tsv, "net length last last_low last_high", &c));
    table_head(report, out, "@{}Wccccc@{}",
               "q2d_net q2d_within q2d_at_end q2d_twice q2d_four q2d_eight");
    for (int k = 0; k < 4; k++) {
        const double n = trained->value;
        const double lengths[] = {n / 2, n, 2 * n, 4 * n, 8 * n};
        cell_word(report, out, 1, "q2dnet", nets[k]);
        for (int i = 0; i < 5; i++)
            STATUS_TRY(accuracy_cell(&c, find(&c, tsv->rows, nets[k], lengths[i]), out));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status parity_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "parity", parity_body, out);
}

/* --- the next character ---------------------------------------------------------------------- */

static Status bits_cell(const TableColumns *c, int row, Text *out) {
    double value[3];
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    for (int i = 0; i < 3; i++) STATUS_TRY(table_number(c, row, 2 + i, &value[i]));
    cell_interval(out, 0, "%.3f", value[0], value[1], value[2]);
    return STATUS_OK;
}

static Status training_cell(const TableColumns *c, int row, Text *out) {
    double value;
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    STATUS_TRY(table_number(c, row, 5, &value));
    cell_number(out, 0, "%.2f", value);
    return STATUS_OK;
}

static Status language_rows(Report *report, const Tsv *tsv, const Tsv *gaps, Text *out) {
    TableColumns c, g;
    STATUS_TRY(table_columns(tsv, "net sentences bits low high training", &c));
    STATUS_TRY(table_columns(gaps, "sentences gap low high", &g));
    table_head(report, out, "@{}rccccc@{}",
               "q2d_sentences q2d_lstm q2d_transformer q2d_gap q2d_training "
               "q2d_training_transformer");
    for (int row = 0; row < gaps->rows; row++) {
        double value[4];
        for (int i = 0; i < 4; i++) STATUS_TRY(table_number(&g, row, i, &value[i]));
        const int lstm = find(&c, tsv->rows, "lstm", value[0]);
        const int transformer = find(&c, tsv->rows, "sinusoidal", value[0]);
        cell_number(out, 1, "%.0f", value[0]);
        STATUS_TRY(bits_cell(&c, lstm, out));
        STATUS_TRY(bits_cell(&c, transformer, out));
        cell_interval(out, 0, "%.3f", value[1], value[2], value[3]);
        STATUS_TRY(training_cell(&c, lstm, out));
        STATUS_TRY(training_cell(&c, transformer, out));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status language_body(Report *report, const Tsv *tsv, Text *out) {
    Tsv *gaps;
    STATUS_TRY(table_load(report, EXPERIMENT, "language_gap", &gaps));
    Status status = language_rows(report, tsv, gaps, out);
    tsv_free(gaps);
    return status;
}

static Status language_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "language", language_body, out);
}

const Table tables_q2_drawbacks[] = {
    {"q2_drawbacks_parity", EXPERIMENT, parity_table, 0},
    {"q2_drawbacks_language", EXPERIMENT, language_table, 0},
};
const int tables_q2_drawbacks_count = sizeof tables_q2_drawbacks / sizeof *tables_q2_drawbacks;
