/* tables_q4: the tables of question 4, from the results of q4_complexity and q4_features. */
#include "tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {"forward", "backward"};
enum { DIRECTIONS = 2, HEADLINE_LENGTH = 4096 };

/* A heading row over a block of rows. */
static void block_row(Report *report, Text *out, int columns, const char *direction, int first) {
    if (!first) text_puts(out, "\\midrule\n");
    text_printf(out, "\\multicolumn{%d}{@{}W}{\\BlockHead{", columns);
    cell_word(report, out, 1, "direction", direction);
    text_puts(out, "}}");
    row_end(out);
}

/* --- slopes ---------------------------------------------------------------------------------- */

/* slopes.tsv has a row for each quantity; here they stand side by side. */
typedef struct {
    double slope, low, high;
    int from, to, found;
} Slope;

static Status slope_find(const TableColumns *columns, const char *variant, const char *direction,
                         const char *quantity, Slope *out) {
    *out = (Slope){0};
    for (int row = 0; row < columns->tsv->rows; row++) {
        double from, to;
        if (strcmp(table_text(columns, row, 0), variant) ||
            strcmp(table_text(columns, row, 1), direction) ||
            strcmp(table_text(columns, row, 2), quantity))
            continue;
        STATUS_TRY(table_number(columns, row, 3, &from));
        STATUS_TRY(table_number(columns, row, 4, &to));
        STATUS_TRY(table_number(columns, row, 5, &out->slope));
        STATUS_TRY(table_number(columns, row, 6, &out->low));
        STATUS_TRY(table_number(columns, row, 7, &out->high));
        out->from = (int)from;
        out->to = (int)to;
        out->found = 1;
        return STATUS_OK;
    }
    return STATUS_OK;
}

static Status slope_row(Report *report, const TableColumns *columns, const char *variant,
                        const char *direction, Text *out) {
    static const char *const plain[] = {"operations", "counted_bytes", "seen_bytes"};
    Slope slope;
    cell_word(report, out, 1, "variant", variant);
    STATUS_TRY(slope_find(columns, variant, direction, "time", &slope));
    if (slope.found) {
        text_printf(out, " & \\Number{%d--%d}", slope.from, slope.to);
        cell_interval(out, 0, "%.2f", slope.slope, slope.low, slope.high);
    } else {
        cell_nothing(out, 0);
        cell_nothing(out, 0);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        STATUS_TRY(slope_find(columns, variant, direction, plain[i], &slope));
        if (slope.found)
            cell_number(out, 0, "%.2f", slope.slope);
        else
            cell_nothing(out, 0);
    }
    row_end(out);
    return STATUS_OK;
}

/* The variants of a table in the order of their first appearance. */
static void list_variants(const TableColumns *columns, const char *direction, Names *out) {
    for (int row = 0; row < columns->tsv->rows; row++)
        if (strcmp(table_text(columns, row, 1), direction) == 0)
            names_add(out, table_text(columns, row, 0));
}

static Status slopes_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "variant direction quantity from_length to_length slope low high",
                             &columns));
    table_head(report, out, "@{}Wccccc@{}", "variant range time operations counted seen");
    for (int d = 0, blocks = 0; d < DIRECTIONS; d++) {
        Names variants = {0};
        Status status = STATUS_OK;
        list_variants(&columns, directions[d], &variants);
        if (variants.count) block_row(report, out, 6, directions[d], blocks++ == 0);
        for (size_t i = 0; i < variants.count && status == STATUS_OK; i++)
            status = slope_row(report, &columns, variants.names[i], directions[d], out);
        names_free(&variants);
        STATUS_TRY(status);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status slopes_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity", "slopes", slopes_body, out);
}

/* --- crossovers ------------------------------------------------------------------------------ */

/* "5,012 [4,800, 5,200]", "not up to 16384", "everywhere from 256": columns length low high status.
 */
static Status crossing_cell(Report *report, const TableColumns *columns, int row, int at,
                            Text *out) {
    double length, low, high;
    STATUS_TRY(table_number(columns, row, at, &length));
    STATUS_TRY(table_number(columns, row, at + 1, &low));
    STATUS_TRY(table_number(columns, row, at + 2, &high));
    const char *status = table_text(columns, row, at + 3);
    if (strcmp(status, "crossed") == 0) {
        cell_interval(out, 0, "%.0f", length, low, high);
        return STATUS_OK;
    }
    if (strcmp(status, "unmeasured") == 0) {
        cell_text(out, 0, report_label(report, "crossing.unmeasured"));
        return STATUS_OK;
    }
    int never = strcmp(status, "never") == 0;
    double bound = never ? low : high;
    if (isfinite(bound) && bound > 0) {
        text_printf(out, " & %s~\\Number{%.0f}",
                    report_label(report, never ? "crossing.never" : "crossing.always"), bound);
    } else {
        cell_text(out, 0, report_label(report, never ? "crossing.not" : "crossing.all"));
    }
    return STATUS_OK;
}

static int same_cell(const TableColumns *columns, int a, int b, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(table_text(columns, a, i), table_text(columns, b, i))) return 0;
    return 1;
}

/* The row with the same first `keys` columns as `row` and this word in the next one; -1: none. */
static int row_against(const TableColumns *columns, int row, int keys, const char *against) {
    for (int other = 0; other < columns->tsv->rows; other++)
        if (same_cell(columns, row, other, keys) &&
            strcmp(table_text(columns, other, keys), against) == 0)
            return other;
    return -1;
}

static int is_first_of_its_kind(const TableColumns *columns, int row, int keys) {
    for (int other = 0; other < row; other++)
        if (same_cell(columns, row, other, keys)) return 0;
    return 1;
}

/* A GPU has exact attention on tensor cores too. */
static int exact_count(const TableColumns *columns, int keys) {
    for (int row = 0; row < columns->tsv->rows; row++)
        if (strcmp(table_text(columns, row, keys), "tiled_bf16") == 0) return 3;
    return 2;
}

static Status against_cells(Report *report, const TableColumns *columns, int row, int keys,
                            Text *out) {
    static const char *const exact[] = {"tiled", "materialised", "tiled_bf16"};
    for (int e = 0; e < exact_count(columns, keys); e++) {
        int other = row_against(columns, row, keys, exact[e]);
        if (other < 0)
            cell_nothing(out, 0);
        else
            STATUS_TRY(crossing_cell(report, columns, other, keys + 1, out));
    }
    return STATUS_OK;
}

static Status crossover_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "width features against length low high status rule", &columns));
    if (exact_count(&columns, 2) > 2)
        table_head(report, out, "@{}rrcccr@{}",
                   "width features against_tiled against_materialised against_bf16 rule");
    else
        table_head(report, out, "@{}rrccr@{}",
                   "width features against_tiled against_materialised rule");
    for (int row = 0; row < tsv->rows; row++) {
        double rule;
        if (!is_first_of_its_kind(&columns, row, 2)) continue;
        int next_width =
            row > 0 && strcmp(table_text(&columns, row, 0), table_text(&columns, row - 1, 0)) != 0;
        if (next_width) text_puts(out, "\\addlinespace\n");
        STATUS_TRY(table_number(&columns, row, 7, &rule));
        cell_plain(out, 1, table_text(&columns, row, 0));
        cell_plain(out, 0, table_text(&columns, row, 1));
        STATUS_TRY(against_cells(report, &columns, row, 2, out));
        cell_number(out, 0, "%.0f", rule);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status crossover_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity", "crossover", crossover_body, out);
}

static Status equal_error_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(
        tsv, "width deviation target_error features against length low high status", &columns));
    table_head(report, out, "@{}rrrrcc@{}",
               "width deviation target_error features_needed against_tiled against_materialised");
    for (int row = 0; row < tsv->rows; row++) {
        double target, needed;
        if (!is_first_of_its_kind(&columns, row, 4)) continue;
        if (row > 0 && !same_cell(&columns, row, row - 1, 2)) text_puts(out, "\\addlinespace\n");
        STATUS_TRY(table_number(&columns, row, 2, &target));
        STATUS_TRY(table_number(&columns, row, 3, &needed));
        cell_plain(out, 1, table_text(&columns, row, 0));
        cell_plain(out, 0, table_text(&columns, row, 1));
        cell_number(out, 0, "%.0f%%", 100 * target);
        if (isfinite(needed)) {
            cell_number(out, 0, "%.0f", needed);
            STATUS_TRY(against_cells(report, &columns, row, 4, out));
        } else {
            cell_text(out, 0, report_label(report, "crossing.not_reached"));
            cell_nothing(out, 0);
            cell_nothing(out, 0);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status equal_error_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity", "equal_error", equal_error_body, out);
}

/* --- time, share of peak and memory at one length -------------------------------------------- */

/* The length at which variants are set side by side: 4096 where it was measured, else the longest
 * at which most variants were. `length` is column 2. */
static Status headline_length(const TableColumns *columns, int *out) {
    int most = 0;
    *out = 0;
    for (int row = 0; row < columns->tsv->rows; row++) {
        double length, other;
        int times = 0;
        STATUS_TRY(table_number(columns, row, 2, &length));
        for (int r = 0; r < columns->tsv->rows; r++) {
            STATUS_TRY(table_number(columns, r, 2, &other));
            times += other == length;
        }
        int better = times > most || (times == most && (int)length > *out);
        if ((int)length == HEADLINE_LENGTH || (*out != HEADLINE_LENGTH && better)) {
            most = times;
            *out = (int)length;
        }
    }
    return STATUS_OK;
}

typedef Status (*CellsOfRow)(const TableColumns *columns, int row, Text *out);

/* One row a variant, `cells` forward and then backward; `count` cells each. */
static Status side_by_side(Report *report, const TableColumns *columns, int length,
                           CellsOfRow cells, int count, Text *out) {
    Names variants = {0};
    Status status = STATUS_OK;
    for (int d = 0; d < DIRECTIONS; d++) list_variants(columns, directions[d], &variants);
    for (size_t i = 0; i < variants.count && status == STATUS_OK; i++) {
        cell_word(report, out, 1, "variant", variants.names[i]);
        for (int d = 0; d < DIRECTIONS && status == STATUS_OK; d++) {
            int found = -1;
            for (int row = 0; row < columns->tsv->rows; row++)
                if (strcmp(table_text(columns, row, 0), variants.names[i]) == 0 &&
                    strcmp(table_text(columns, row, 1), directions[d]) == 0 &&
                    atoi(table_text(columns, row, 2)) == length)
                    found = row;
            if (found >= 0)
                status = cells(columns, found, out);
            else
                for (int c = 0; c < count; c++) cell_nothing(out, 0);
        }
        row_end(out);
    }
    names_free(&variants);
    return status;
}

static void two_directions(Report *report, Text *out, int columns, int length) {
    text_printf(out, "$N=%d$ & \\multicolumn{%d}{c}{%s} & \\multicolumn{%d}{c}{%s} \\\\\n", length,
                columns, report_label(report, "direction.forward"), columns,
                report_label(report, "direction.backward"));
    text_printf(out, "\\cmidrule(lr){2-%d}\\cmidrule(lr){%d-%d}\n", columns + 1, columns + 2,
                2 * columns + 1);
}

static Status peak_cells(const TableColumns *columns, int row, Text *out) {
    double seconds, low, high, flops, share;
    STATUS_TRY(table_number(columns, row, 3, &seconds));
    STATUS_TRY(table_number(columns, row, 4, &low));
    STATUS_TRY(table_number(columns, row, 5, &high));
    STATUS_TRY(table_number(columns, row, 6, &flops));
    STATUS_TRY(table_number(columns, row, 7, &share));
    const char *format = seconds < .01 ? "%.2f" : seconds < .1 ? "%.1f" : "%.0f";
    cell_interval(out, 0, format, 1e3 * seconds, 1e3 * low, 1e3 * high);
    if (flops > 0)
        cell_number(out, 0, "%.0f%%", 100 * share);
    else
        cell_nothing(out, 0);
    return STATUS_OK;
}

static Status peak_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    int length;
    STATUS_TRY(
        table_columns(tsv, "variant direction length seconds low high flops peak_share", &columns));
    STATUS_TRY(headline_length(&columns, &length));
    text_puts(out, "\\begin{tabular}{@{}Wcrcr@{}}\n\\toprule\n");
    two_directions(report, out, 2, length);
    text_printf(
        out, "%s & %s & %s & %s & %s \\\\\n\\midrule\n", report_label(report, "table.variant"),
        report_label(report, "table.milliseconds"), report_label(report, "table.peak_share"),
        report_label(report, "table.milliseconds"), report_label(report, "table.peak_share"));
    STATUS_TRY(side_by_side(report, &columns, length, peak_cells, 2, out));
    table_foot(out);
    return STATUS_OK;
}

static Status peak_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity", "summary", peak_body, out);
}

static Status memory_cells(const TableColumns *columns, int row, Text *out) {
    for (int i = 3; i < 6; i++) {
        double bytes;
        STATUS_TRY(table_number(columns, row, i, &bytes));
        if (isfinite(bytes))
            cell_number(out, 0, bytes < 10 * 1048576. ? "%.2f" : "%.0f", bytes / 1048576);
        else
            cell_nothing(out, 0);
    }
    return STATUS_OK;
}

static Status memory_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    int length;
    STATUS_TRY(table_columns(tsv, "variant direction length counted_bytes formula_bytes seen_bytes",
                             &columns));
    STATUS_TRY(headline_length(&columns, &length));
    text_puts(out, "\\begin{tabular}{@{}Wrrrrrr@{}}\n\\toprule\n");
    two_directions(report, out, 3, length);
    text_puts(out, report_label(report, "table.variant"));
    for (int d = 0; d < DIRECTIONS; d++) {
        cell_text(out, 0, report_label(report, "table.counted_mib"));
        cell_text(out, 0, report_label(report, "table.formula_mib"));
        cell_text(out, 0, report_label(report, "table.seen_mib"));
    }
    row_end(out);
    text_puts(out, "\\midrule\n");
    STATUS_TRY(side_by_side(report, &columns, length, memory_cells, 3, out));
    table_foot(out);
    return STATUS_OK;
}

static Status memory_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity", "memory", memory_body, out);
}

/* --- features -------------------------------------------------------------------------------- */

/* rank.tsv has a row for each matrix; here the matrices stand side by side. */
static Status rank_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const matrices[] = {"scores", "softmax", "favor_positive"};
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "width length matrix rank tolerance", &columns));
    table_head(report, out, "@{}rrrrrr@{}",
               "width length rank_scores rank_softmax rank_favor tolerance");
    for (int row = 0; row < tsv->rows; row++) {
        double rank, tolerance;
        if (!is_first_of_its_kind(&columns, row, 2)) continue;
        cell_plain(out, 1, table_text(&columns, row, 0));
        cell_plain(out, 0, table_text(&columns, row, 1));
        for (int m = 0; m < 3; m++) {
            int other = row_against(&columns, row, 2, matrices[m]);
            if (other >= 0) STATUS_TRY(table_number(&columns, other, 3, &rank));
            if (other >= 0)
                cell_number(out, 0, "%.0f", rank);
            else
                cell_nothing(out, 0);
        }
        STATUS_TRY(table_number(&columns, row, 4, &tolerance));
        cell_number(out, 0, "%.1e", tolerance);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status rank_table(Report *report, Text *out) {
    return table_from(report, "q4_features", "rank", rank_body, out);
}

static const char *const maps[] = {"positive", "positive", "trigonometric", "trigonometric"};
static const char *const kinds[] = {"orthogonal", "iid", "orthogonal", "iid"};
enum { COMBINATIONS = 4 };

/* Two heading rows: the four kinds of features, after `before` columns of headings of their own. */
static void kinds_head(Report *report, Text *out) {
    for (int k = 0; k < COMBINATIONS; k++) {
        text_puts(out, " & ");
        cell_word(report, out, 1, "map", maps[k]);
        text_puts(out, report_label(report, "table.comma"));
        cell_word(report, out, 1, "kind", kinds[k]);
    }
    row_end(out);
    text_puts(out, "\\midrule\n");
}

static Status mse_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "map kind columns mean low high", &columns));
    text_puts(out, "\\begin{tabular}{@{}rcccc@{}}\n\\toprule\n");
    text_puts(out, report_label(report, "table.columns"));
    kinds_head(report, out);
    Names lines = {0};
    for (int row = 0; row < tsv->rows; row++) names_add(&lines, table_text(&columns, row, 2));
    Status status = STATUS_OK;
    for (size_t i = 0; i < lines.count && status == STATUS_OK; i++) {
        cell_plain(out, 1, lines.names[i]);
        for (int k = 0; k < COMBINATIONS && status == STATUS_OK; k++) {
            int found = -1;
            for (int row = 0; row < tsv->rows; row++)
                if (strcmp(table_text(&columns, row, 0), maps[k]) == 0 &&
                    strcmp(table_text(&columns, row, 1), kinds[k]) == 0 &&
                    strcmp(table_text(&columns, row, 2), lines.names[i]) == 0)
                    found = row;
            double mean = 0;
            if (found >= 0) status = table_number(&columns, found, 3, &mean);
            if (found >= 0)
                cell_number(out, 0, "%.1e", mean);
            else
                cell_nothing(out, 0);
        }
        row_end(out);
    }
    names_free(&lines);
    table_foot(out);
    return status;
}

static Status mse_table(Report *report, Text *out) {
    return table_from(report, "q4_features", "mse", mse_body, out);
}

static Status variance_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "map kind norm2 formula measured low high family", &columns));
    table_head(report, out, "@{}WWrrc@{}", "map kind norm2 formula measured_over_formula");
    for (int row = 0; row < tsv->rows; row++) {
        double norm2, formula, measured, low, high;
        /* x and y at a right angle, so that the kernel is 1; the other family varies it too */
        if (strcmp(table_text(&columns, row, 7), "norm")) continue;
        if (row > 0 && !same_cell(&columns, row, row - 1, 2)) text_puts(out, "\\addlinespace\n");
        STATUS_TRY(table_number(&columns, row, 2, &norm2));
        STATUS_TRY(table_number(&columns, row, 3, &formula));
        STATUS_TRY(table_number(&columns, row, 4, &measured));
        STATUS_TRY(table_number(&columns, row, 5, &low));
        STATUS_TRY(table_number(&columns, row, 6, &high));
        cell_word(report, out, 1, "map", table_text(&columns, row, 0));
        cell_word(report, out, 0, "kind", table_text(&columns, row, 1));
        cell_number(out, 0, "%.3g", norm2);
        cell_number(out, 0, "%.2e", formula);
        if (formula > 0)
            cell_interval(out, 0, "%.3f", measured / formula, low / formula, high / formula);
        else
            cell_nothing(out, 0);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status variance_table(Report *report, Text *out) {
    return table_from(report, "q4_features", "variance", variance_body, out);
}

/* --- the same of a GPU --------------------------------------------------------------------------
 */

static Status slopes_cuda_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity_cuda", "slopes", slopes_body, out);
}

static Status crossover_cuda_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity_cuda", "crossover", crossover_body, out);
}

static Status memory_cuda_table(Report *report, Text *out) {
    return table_from(report, "q4_complexity_cuda", "memory", memory_body, out);
}

const Table tables_q4[] = {
    {"q4_slopes", "q4_complexity", slopes_table, 0},
    {"q4_crossover", "q4_complexity", crossover_table, 0},
    {"q4_equal_error", "q4_complexity", equal_error_table, 0},
    {"q4_peak", "q4_complexity", peak_table, 0},
    {"q4_memory", "q4_complexity", memory_table, 0},
    {"q4_rank", "q4_features", rank_table, 0},
    {"q4_mse", "q4_features", mse_table, 0},
    {"q4_variance", "q4_features", variance_table, 0},
    {"q4_slopes_cuda", "q4_complexity_cuda", slopes_cuda_table, 0},
    {"q4_crossover_cuda", "q4_complexity_cuda", crossover_cuda_table, 0},
    {"q4_memory_cuda", "q4_complexity_cuda", memory_cuda_table, 0},
};
const int tables_q4_count = sizeof tables_q4 / sizeof *tables_q4;
