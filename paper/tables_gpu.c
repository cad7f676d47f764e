/* tables_gpu: a processor and a GPU side by side, from the results of an experiment and of the same
 * experiment with --device=cuda (<experiment>_cuda), and the race against PyTorch on that GPU. */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {"forward", "backward"};
enum { CPU, GPU, DEVICES, LENGTH_SHOWN = 4096 };

static void cell_milliseconds(Text *out, double seconds, double low, double high) {
    const char *format = seconds < 1e-3 ? "%.3f" : seconds < .01 ? "%.2f" : "%.1f";
    cell_interval(out, 0, format, 1e3 * seconds, 1e3 * low, 1e3 * high);
}

/* --- two tables at once ----------------------------------------------------------------------- */

typedef struct {
    Tsv *tsv[DEVICES];
    TableColumns columns[DEVICES];
} Pair;

/* Prints by `rows` what both summaries hold, read by the columns' `names`: the processor's under
 * the experiment's name, the GPU's beside it under <experiment>_cuda. */
static Status table_of_devices(Report *report, const char *experiment, const char *names,
                               Status (*rows)(Report *, const Pair *, Text *), Text *out) {
    Pair pair = {0};
    char folder[DEVICES][64];
    Status status = STATUS_OK;
    for (int d = 0; d < DEVICES && status == STATUS_OK; d++) {
        snprintf(folder[d], sizeof folder[d], "%s%s", experiment, d == GPU ? "_cuda" : "");
        status = table_load(report, folder[d], "summary", &pair.tsv[d]);
        if (status == STATUS_OK) status = table_columns(pair.tsv[d], names, &pair.columns[d]);
    }
    if (status == STATUS_OK) status = rows(report, &pair, out);
    for (int d = 0; d < DEVICES; d++) tsv_free(pair.tsv[d]);
    return status;
}

/* The row whose first `keys` columns are those of `row` of `from`; -1: none. */
static int same_row(const TableColumns *in, const TableColumns *from, int row, int keys) {
    for (int other = 0; other < in->tsv->rows; other++) {
        int same = 1;
        for (int k = 0; k < keys && same; k++)
            same = strcmp(table_text(in, other, k), table_text(from, row, k)) == 0;
        if (same) return other;
    }
    return -1;
}

/* --- question 4: time at one length ------------------------------------------------------------
 */

/* The row of a variant at LENGTH_SHOWN, or at the longest length, that the other device has too. */
static int shared_row(const Pair *pair, const char *variant, const char *direction) {
    const TableColumns *gpu = &pair->columns[GPU];
    int best = -1, longest = 0;
    for (int row = 0; row < gpu->tsv->rows; row++) {
        const int length = atoi(table_text(gpu, row, 2));
        if (strcmp(table_text(gpu, row, 0), variant) || strcmp(table_text(gpu, row, 1), direction))
            continue;
        if (same_row(&pair->columns[CPU], gpu, row, 3) < 0) continue;
        if (longest == LENGTH_SHOWN || (length < longest && length != LENGTH_SHOWN)) continue;
        longest = length;
        best = row;
    }
    return best;
}

/* The longest of one device alone: a format that the other one lacks. */
static int longest_row(const TableColumns *gpu, const char *variant, const char *direction) {
    int best = -1;
    for (int row = 0; row < gpu->tsv->rows; row++)
        if (strcmp(table_text(gpu, row, 0), variant) == 0 &&
            strcmp(table_text(gpu, row, 1), direction) == 0 &&
            (best < 0 || atoi(table_text(gpu, best, 2)) != LENGTH_SHOWN))
            best = row;
    return best;
}

static Status time_cell(const TableColumns *columns, int row, double *seconds, Text *out) {
    double low, high;
    STATUS_TRY(table_number(columns, row, 3, seconds));
    STATUS_TRY(table_number(columns, row, 4, &low));
    STATUS_TRY(table_number(columns, row, 5, &high));
    cell_milliseconds(out, *seconds, low, high);
    return STATUS_OK;
}

static Status q4_row(Report *report, const Pair *pair, const char *variant, const char *direction,
                     Text *out) {
    const TableColumns *cpu = &pair->columns[CPU], *gpu = &pair->columns[GPU];
    double share, seconds[DEVICES];
    int row = shared_row(pair, variant, direction);
    const int shared = row >= 0;
    if (!shared) row = longest_row(gpu, variant, direction);
    if (row < 0) return STATUS_OK;
    cell_word(report, out, 1, "variant", variant);
    cell_plain(out, 0, table_text(gpu, row, 2));
    if (shared)
        STATUS_TRY(time_cell(cpu, same_row(cpu, gpu, row, 3), &seconds[CPU], out));
    else
        cell_nothing(out, 0);
    STATUS_TRY(time_cell(gpu, row, &seconds[GPU], out));
    if (shared)
        cell_number(out, 0, "%.3g", seconds[CPU] / seconds[GPU]);
    else
        cell_nothing(out, 0);
    STATUS_TRY(table_number(gpu, row, 6, &share));
    if (share > 0)
        cell_number(out, 0, "%.0f%%", 100 * share);
    else
        cell_nothing(out, 0);
    row_end(out);
    return STATUS_OK;
}

static Status q4_rows(Report *report, const Pair *pair, Text *out) {
    table_head(report, out, "@{}Wrccrr@{}", "variant length cpu_ms gpu_ms cpu_over_gpu gpu_share");
    Status status = STATUS_OK;
    for (int d = 0; d < 2 && status == STATUS_OK; d++) {
        Names variants = {0};
        const TableColumns *gpu = &pair->columns[GPU];
        for (int row = 0; row < gpu->tsv->rows; row++)
            if (strcmp(table_text(gpu, row, 1), directions[d]) == 0)
                names_add(&variants, table_text(gpu, row, 0));
        if (variants.count) {
            text_printf(out, "%s\\multicolumn{6}{@{}W}{\\BlockHead{", d ? "\\midrule\n" : "");
            cell_word(report, out, 1, "direction", directions[d]);
            text_puts(out, "}}");
            row_end(out);
        }
        for (size_t i = 0; i < variants.count && status == STATUS_OK; i++)
            status = q4_row(report, pair, variants.names[i], directions[d], out);
        names_free(&variants);
    }
    table_foot(out);
    return status;
}

static Status q4_devices(Report *report, Text *out) {
    return table_of_devices(report, "q4_complexity",
                            "variant direction length seconds low high peak_share", q4_rows, out);
}

/* --- question 3: layers at the lengths that both measured ---------------------------------------
 */

static Status q3_rows(Report *report, const Pair *pair, Text *out) {
    const TableColumns *cpu = &pair->columns[CPU], *gpu = &pair->columns[GPU];
    const char *last = "";
    table_head(report, out, "@{}Wrccr@{}", "layer length cpu_ms gpu_ms cpu_over_gpu");
    for (int row = 0; row < gpu->tsv->rows; row++) {
        double seconds[DEVICES], low, high;
        if (strcmp(table_text(gpu, row, 0), "length") || strcmp(table_text(gpu, row, 2), "both") ||
            strcmp(table_text(gpu, row, 3), "1"))
            continue;
        const int other = same_row(cpu, gpu, row, 5);
        if (other < 0) continue;
        const char *layer = table_text(gpu, row, 1);
        if (*last && strcmp(layer, last)) text_puts(out, "\\addlinespace\n");
        last = layer;
        cell_word(report, out, 1, "layer", layer);
        cell_plain(out, 0, table_text(gpu, row, 4));
        for (int d = 0; d < DEVICES; d++) {
            const int at = d == CPU ? other : row;
            STATUS_TRY(table_number(&pair->columns[d], at, 5, &seconds[d]));
            STATUS_TRY(table_number(&pair->columns[d], at, 6, &low));
            STATUS_TRY(table_number(&pair->columns[d], at, 7, &high));
            cell_milliseconds(out, seconds[d], low, high);
        }
        cell_number(out, 0, "%.3g", seconds[CPU] / seconds[GPU]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status q3_devices(Report *report, Text *out) {
    return table_of_devices(report, "q3_parallelism",
                            "stage runner part batch length seconds low high", q3_rows, out);
}

/* --- the race against PyTorch --------------------------------------------------------------------
 */

static Status race_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv,
                             "kind direction precision length ours_seconds torch_seconds paired "
                             "low high",
                             &columns));
    table_head(report, out, "@{}Wccrccc@{}",
               "variant direction precision length ours_ms torch_ms torch_over_ours");
    for (int row = 0; row < tsv->rows; row++) {
        double ours, theirs, paired, low, high;
        STATUS_TRY(table_number(&columns, row, 4, &ours));
        STATUS_TRY(table_number(&columns, row, 5, &theirs));
        STATUS_TRY(table_number(&columns, row, 6, &paired));
        STATUS_TRY(table_number(&columns, row, 7, &low));
        STATUS_TRY(table_number(&columns, row, 8, &high));
        cell_word(report, out, 1, "variant", table_text(&columns, row, 0));
        cell_word(report, out, 0, "direction", table_text(&columns, row, 1));
        cell_plain(out, 0, table_text(&columns, row, 2));
        cell_plain(out, 0, table_text(&columns, row, 3));
        cell_number(out, 0, "%.3f", 1e3 * ours);
        cell_number(out, 0, "%.3f", 1e3 * theirs);
        cell_interval(out, 0, "%.2f", paired, low, high);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status race_table(Report *report, Text *out) {
    return table_from(report, "race_cuda", "race", race_body, out);
}

const Table tables_gpu[] = {
    {"q3_devices", "q3_parallelism_cuda q3_parallelism", q3_devices, 0},
    {"q4_devices", "q4_complexity_cuda q4_complexity", q4_devices, 0},
    {"race_cuda", "race_cuda", race_table, 0},
};
const int tables_gpu_count = sizeof tables_gpu / sizeof *tables_gpu;
