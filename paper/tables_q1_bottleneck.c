/* tables_q1_bottleneck: the tables of question 1's bottleneck, from the results of q1_bottleneck.
 */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q1_bottleneck"

/* "1.00 [0.99, 1.00]"; one seed has no interval, and a length that was not tested no value. */
static Status share_cell(const TableColumns *columns, int row, int first, const char *format,
                         Text *out) {
    double value, low, high;
    if (strcmp(table_text(columns, row, first), "nan") == 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    STATUS_TRY(table_number(columns, row, first, &value));
    STATUS_TRY(table_number(columns, row, first + 1, &low));
    STATUS_TRY(table_number(columns, row, first + 2, &high));
    if (low < high)
        cell_interval(out, 0, format, value, low, high);
    else
        cell_number(out, 0, format, value);
    return STATUS_OK;
}

/* --- every network ---------------------------------------------------------------------------- */

static Status models_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const parts[] = {"copy", "reverse", "width", "text"};
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "part encoder score trained width parameters handed_over seeds n16 "
                             "n16_low n16_high n32 n32_low n32_high",
                             &columns));
    table_head(report, out, "@{}WWWrrrrrcc@{}",
               "bottleneck_task bottleneck_encoder bottleneck_score bottleneck_trained "
               "bottleneck_width bottleneck_parameters bottleneck_handed_over bottleneck_seeds "
               "bottleneck_n16 bottleneck_n32");
    for (int p = 0; p < 4; p++) {
        int written = 0;
        for (int row = 0; row < tsv->rows; row++) {
            if (strcmp(table_text(&columns, row, 0), parts[p])) continue;
            if (!written++ && p > 0) text_puts(out, "\\addlinespace\n");
            cell_word(report, out, 1, "bottleneck_part", parts[p]);
            cell_word(report, out, 0, "bottleneck_encoder", table_text(&columns, row, 1));
            cell_word(report, out, 0, "bottleneck_score", table_text(&columns, row, 2));
            for (int i = 3; i < 8; i++)
                cell_number(out, 0, "%.0f", strtod(table_text(&columns, row, i), NULL));
            STATUS_TRY(share_cell(&columns, row, 8, "%.2f", out));
            STATUS_TRY(share_cell(&columns, row, 11, "%.2f", out));
            row_end(out);
        }
    }
    table_foot(out);
    return STATUS_OK;
}

static Status models_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "models", models_body, out);
}

/* --- copying, by other measures --------------------------------------------------------------- */

static int is_row(const TableColumns *columns, int row, const char *part, const char *length) {
    return strcmp(table_text(columns, row, 0), part) == 0 &&
           strcmp(table_text(columns, row, 3), length) == 0;
}

static Status forced_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "part encoder score length exact exact_low exact_high forced "
                             "forced_low forced_high bits bits_low bits_high",
                             &columns));
    table_head(report, out, "@{}WWcccc@{}",
               "bottleneck_encoder bottleneck_score bottleneck_exact16 bottleneck_forced16 "
               "bottleneck_forced32 bottleneck_bits16");
    for (int row = 0; row < tsv->rows; row++) {
        if (!is_row(&columns, row, "copy", "16")) continue;
        int longer = row;
        while (longer < tsv->rows && !is_row(&columns, longer, "copy", "32")) longer++;
        cell_word(report, out, 1, "bottleneck_encoder", table_text(&columns, row, 1));
        cell_word(report, out, 0, "bottleneck_score", table_text(&columns, row, 2));
        STATUS_TRY(share_cell(&columns, row, 4, "%.2f", out));
        STATUS_TRY(share_cell(&columns, row, 7, "%.2f", out));
        if (longer < tsv->rows)
            STATUS_TRY(share_cell(&columns, longer, 7, "%.2f", out));
        else
            cell_nothing(out, 0);
        STATUS_TRY(share_cell(&columns, row, 10, "%.0f", out));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status forced_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "accuracy", forced_body, out);
}

const Table tables_q1_bottleneck[] = {
    {"q1_models", EXPERIMENT, models_table, 0},
    {"q1_forced", EXPERIMENT, forced_table, 0},
};
const int tables_q1_bottleneck_count = sizeof tables_q1_bottleneck / sizeof *tables_q1_bottleneck;
