/* tables_q3: the tables of question 3, from the results of q3_parallelism. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q3_parallelism"

/* --- one layer: formulas beside what was counted and measured --------------------------------- */

static Status layers_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "layer operations steps tree_steps path forward forward_low "
                             "forward_high both both_low both_high",
                             &columns));
    table_head(report, out, "@{}Wrrrrcc@{}",
               "layer megaflop steps tree_steps path_counted milliseconds_forward "
               "milliseconds_both");
    for (int row = 0; row < tsv->rows; row++) {
        double value[11];
        for (int i = 1; i < 11; i++) STATUS_TRY(table_number(&columns, row, i, &value[i]));
        cell_word(report, out, 1, "layer", table_text(&columns, row, 0));
        cell_number(out, 0, "%.0f", value[1] / 1e6);
        for (int i = 2; i < 5; i++) cell_number(out, 0, "%.0f", value[i]);
        for (int i = 5; i < 11; i += 3)
            cell_interval(out, 0, "%.1f", 1e3 * value[i], 1e3 * value[i + 1], 1e3 * value[i + 2]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status layers_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "layers", layers_body, out);
}

/* --- slopes ---------------------------------------------------------------------------------- */

static Status slopes_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "layer part from_length to_length slope low high", &columns));
    table_head(report, out, "@{}Wccc@{}", "layer range slope_forward slope_both");
    for (int row = 0; row + 1 < tsv->rows; row += 2) {
        cell_word(report, out, 1, "layer", table_text(&columns, row, 0));
        text_printf(out, " & \\Number{%s--%s}", table_text(&columns, row, 2),
                    table_text(&columns, row, 3));
        for (int k = 0; k < 2; k++) {
            double slope, low, high;
            STATUS_TRY(table_number(&columns, row + k, 4, &slope));
            STATUS_TRY(table_number(&columns, row + k, 5, &low));
            STATUS_TRY(table_number(&columns, row + k, 6, &high));
            cell_interval(out, 0, "%.2f", slope, low, high);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status slopes_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "slopes", slopes_body, out);
}

/* --- where the recurrent network wins --------------------------------------------------------- */

static Status crossover_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "what over fixed first last value low high status", &columns));
    table_head(report, out, "@{}Wrcc@{}", "compared fixed_at searched recurrent_wins");
    for (int row = 0; row < tsv->rows; row++) {
        double value, low, high;
        const char *what = table_text(&columns, row, 0), *over = table_text(&columns, row, 1);
        const char *status = table_text(&columns, row, 8);
        int lengths = strcmp(over, "length") == 0;
        STATUS_TRY(table_number(&columns, row, 5, &value));
        STATUS_TRY(table_number(&columns, row, 6, &low));
        STATUS_TRY(table_number(&columns, row, 7, &high));
        if (row > 0 && (strcmp(what, table_text(&columns, row - 1, 0)) ||
                        strcmp(over, table_text(&columns, row - 1, 1))))
            text_puts(out, "\\addlinespace\n");
        cell_word(report, out, 1, "what", what);
        text_printf(out, " & $%s=%s$ & $%s=%s\\text{--}%s$", lengths ? "B" : "N",
                    table_text(&columns, row, 2), lengths ? "N" : "B", table_text(&columns, row, 3),
                    table_text(&columns, row, 4));
        if (strcmp(status, "crossed") == 0) {
            cell_interval(out, 0, value < 100 ? "%.1f" : "%.0f", value, low, high);
        } else {
            int never = strcmp(status, "never") == 0;
            text_printf(out, " & %s~$%.0f$",
                        report_label(report, never ? "wins.never" : "wins.always"), value);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status crossover_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "crossover", crossover_body, out);
}

/* --- threads --------------------------------------------------------------------------------- */

static Status threads_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "runner batch length threads speedup low high efficiency "
                             "serial_share",
                             &columns));
    table_head(report, out, "@{}Wrrrcrr@{}",
               "runner batch_size length threads speedup efficiency serial_share");
    for (int row = 0; row < tsv->rows; row++) {
        double speedup, low, high, efficiency, serial;
        if (strcmp(table_text(&columns, row, 3), "1") == 0) continue; /* 1 by definition */
        STATUS_TRY(table_number(&columns, row, 4, &speedup));
        STATUS_TRY(table_number(&columns, row, 5, &low));
        STATUS_TRY(table_number(&columns, row, 6, &high));
        STATUS_TRY(table_number(&columns, row, 7, &efficiency));
        STATUS_TRY(table_number(&columns, row, 8, &serial));
        cell_word(report, out, 1, "layer", table_text(&columns, row, 0));
        for (int i = 1; i < 4; i++) cell_plain(out, 0, table_text(&columns, row, i));
        cell_interval(out, 0, "%.2f", speedup, low, high);
        cell_number(out, 0, "%.0f%%", 100 * efficiency);
        cell_number(out, 0, "%.0f%%", 100 * serial);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status threads_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "threads", threads_body, out);
}

/* --- the same of a GPU --------------------------------------------------------------------------
 */

static Status slopes_cuda_table(Report *report, Text *out) {
    return table_from(report, "q3_parallelism_cuda", "slopes", slopes_body, out);
}

static Status crossover_cuda_table(Report *report, Text *out) {
    return table_from(report, "q3_parallelism_cuda", "crossover", crossover_body, out);
}

const Table tables_q3[] = {
    {"q3_layers", EXPERIMENT, layers_table, 0},
    {"q3_slopes", EXPERIMENT, slopes_table, 0},
    {"q3_crossover", EXPERIMENT, crossover_table, 0},
    {"q3_threads", EXPERIMENT, threads_table, 0},
    {"q3_slopes_cuda", "q3_parallelism_cuda", slopes_cuda_table, 0},
    {"q3_crossover_cuda", "q3_parallelism_cuda", crossover_cuda_table, 0},
};
const int tables_q3_count = sizeof tables_q3 / sizeof *tables_q3;
