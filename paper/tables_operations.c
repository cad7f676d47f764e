/* tables_operations: which operation runs on which device, from the results of operations. */
#include "tables.h"

#include <string.h>

#define EXPERIMENT "operations"

/* "f32 bf16" as "f32, bf16"; a dash where nothing answered; empty where there is nothing to ask. */
static void precisions_cell(Text *out, const char *words, int is_asked) {
    if (!is_asked) {
        cell_text(out, 0, "");
        return;
    }
    if (!*words) {
        cell_nothing(out, 0);
        return;
    }
    text_puts(out, " & \\LatinWords{");
    for (; *words; words++) {
        if (*words == ' ')
            text_puts(out, ", ");
        else
            text_printf(out, "%c", *words);
    }
    text_puts(out, "}");
}

static void group_row(Report *report, Text *out, const char *group, int first) {
    if (!first) text_puts(out, "\\addlinespace\n");
    text_puts(out, "\\multicolumn{5}{@{}W@{}}{\\itshape ");
    cell_word(report, out, 1, "operations", group);
    text_puts(out, "}");
    row_end(out);
}

static Status operations_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "group operation directions cpu_forward cpu_backward gpu_forward "
                             "gpu_backward reason",
                             &columns));
    table_long_head(report, out, "@{}Wcccc@{}",
                    "operation cpu_forward cpu_backward gpu_forward gpu_backward");
    const char *last = "";
    for (int row = 0; row < tsv->rows; row++) {
        const char *group = table_text(&columns, row, 0), *reason = table_text(&columns, row, 7);
        const int both = strcmp(table_text(&columns, row, 2), "2") == 0;
        if (strcmp(group, last)) group_row(report, out, group, !*last);
        last = group;
        Text kind = {0};
        text_printf(&kind, "operation.%s", group);
        cell_word(report, out, 1, text_bytes(&kind), table_text(&columns, row, 1));
        text_free(&kind);
        for (int i = 0; i < 2; i++)
            precisions_cell(out, table_text(&columns, row, 3 + i), both || i == 0);
        if (*reason && !*table_text(&columns, row, 5) && !*table_text(&columns, row, 6)) {
            text_puts(out, " & \\multicolumn{2}{c}{-- (");
            cell_word(report, out, 1, "reason", reason);
            text_puts(out, ")}");
        } else {
            for (int i = 0; i < 2; i++)
                precisions_cell(out, table_text(&columns, row, 5 + i), both || i == 0);
        }
        row_end(out);
    }
    table_long_foot(out);
    return STATUS_OK;
}

static Status operations_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "operations", operations_body, out);
}

const Table tables_operations[] = {
    {"operations", EXPERIMENT, operations_table, 1},
};
const int tables_operations_count = sizeof tables_operations / sizeof *tables_operations;
