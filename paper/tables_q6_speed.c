/* tables_q6_speed: where the time of a training step goes, from the results of q6_speed. */
#include "tables.h"

#include <stdio.h>
#include <string.h>

/* Kinds of work that stand in one row, in the order of phases.tsv: the last name of each row. */
static const struct {
    const char *label, *first, *last;
} groups[] = {
    {"product_forward", "product_forward", "product_forward"},
    {"product_input", "product_input", "product_input"},
    {"product_weight", "product_weight", "product_weight"},
    {"attention", "attention", "attention_backward"},
    {"elementwise", "activation", "dropout"},
    {"embedding", "embedding", "loss"},
    {"clip", "clip", "clip"},
    {"update", "update", "update"},
    {"rest", "rest", "rest"},
};

typedef struct {
    double seconds, share, bound;
    int found;
} Sum;

/* Rows from `first` to `last` of one precision. Medians of parts do not quite add up to the median
 * of the whole; the parts of a group that are more than one are small. */
static Status sum_group(const Tsv *tsv, const char *precision, const char *first, const char *last,
                        Sum *sum) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "precision phase seconds share bound_seconds", &c));
    int inside = 0;
    *sum = (Sum){0};
    for (int row = 0; row < tsv->rows; row++) {
        double seconds, share, bound;
        if (strcmp(table_text(&c, row, 0), precision) != 0) continue;
        inside |= strcmp(table_text(&c, row, 1), first) == 0;
        if (!inside) continue;
        STATUS_TRY(table_number(&c, row, 2, &seconds));
        STATUS_TRY(table_number(&c, row, 3, &share));
        STATUS_TRY(table_number(&c, row, 4, &bound));
        sum->seconds += seconds;
        sum->share += share;
        sum->bound += bound;
        sum->found = 1;
        if (strcmp(table_text(&c, row, 1), last) == 0) break;
    }
    return STATUS_OK;
}

static Status speed_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const precisions[] = {"f32", "bf16"};
    text_puts(out, "\\begin{tabular}{@{}Wrrrrrr@{}}\n\\toprule\n");
    for (int p = 0; p < 2; p++)
        text_printf(out, " & \\multicolumn{3}{c}{\\Number{%s}}", precisions[p]);
    row_end(out);
    text_puts(out, "\\cmidrule(lr){2-4}\\cmidrule(l){5-7}\n");
    text_puts(out, report_label(report, "table.work"));
    for (int p = 0; p < 2; p++)
        text_printf(out, " & %s & %s & %s", report_label(report, "table.milliseconds"),
                    report_label(report, "table.share"), report_label(report, "table.of_bound"));
    row_end(out);
    text_puts(out, "\\midrule\n");
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        cell_word(report, out, 1, "work", groups[g].label);
        for (int p = 0; p < 2; p++) {
            Sum sum;
            STATUS_TRY(sum_group(tsv, precisions[p], groups[g].first, groups[g].last, &sum));
            if (!sum.found) {
                for (int i = 0; i < 3; i++) cell_nothing(out, 0);
                continue;
            }
            cell_number(out, 0, "%.1f", 1e3 * sum.seconds);
            cell_number(out, 0, "%.1f%%", 100 * sum.share);
            if (sum.bound > 0)
                cell_number(out, 0, "%.0f%%", 100 * sum.bound / sum.seconds);
            else
                cell_nothing(out, 0);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status mpnet_table(Report *report, Text *out) {
    return table_from(report, "q6_speed_mpnet", "phases", speed_body, out);
}

static Status minilm_table(Report *report, Text *out) {
    return table_from(report, "q6_speed_minilm", "phases", speed_body, out);
}

const Table tables_q6_speed[] = {
    {"q6_speed_mpnet", "q6_speed_mpnet", mpnet_table, 0},
    {"q6_speed_minilm", "q6_speed_minilm", minilm_table, 0},
};
const int tables_q6_speed_count = sizeof tables_q6_speed / sizeof *tables_q6_speed;
