/* tables_q5_reorder: the word orderers of question 5 and what they made of test sentences, from
 * q5_reorder, q5_scaling and q5_systems. */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q5_reorder"

/* --- systems on PerDT test ------------------------------------------------------------------- */

#define OTHERS EXPERIMENT "_lstm " EXPERIMENT "_s2"

/* What of a run's scores stands in the table: all systems; or those of its `network` alone; or,
 * with a `mark` that follows their names and tells the run from the first, its widest beams alone.
 */
typedef struct {
    const char *experiment, *network, *mark;
} Part;

static int belongs(const Part *part, const char *system) {
    if (strcmp(system, "against") == 0) return 0;
    if (part->mark) return strcmp(system, "pointer") == 0 || strcmp(system, "pointer_kn3") == 0;
    return !part->network || strncmp(system, part->network, strlen(part->network)) == 0;
}

static Status system_rows(Report *report, const Tsv *tsv, const Part *part, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "set system bleu bleu_low bleu_high exact exact_low exact_high tau "
                             "tau_low tau_high position position_low position_high substring",
                             &c));
    for (int row = 0; row < tsv->rows; row++) {
        double v[15];
        char name[64];
        const char *system = table_text(&c, row, 1);
        if (strcmp(table_text(&c, row, 0), "perdt_test") != 0 || !belongs(part, system)) continue;
        for (int k = 2; k < 15; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        snprintf(name, sizeof name, "%s%s", system, part->mark ? part->mark : "");
        cell_word(report, out, 1, "q5_system", name);
        cell_interval(out, 0, "%.1f", v[2], v[3], v[4]);
        cell_interval(out, 0, "%.1f%%", 100 * v[5], 100 * v[6], 100 * v[7]);
        cell_interval(out, 0, "%.3f", v[8], v[9], v[10]);
        cell_interval(out, 0, "%.3f", v[11], v[12], v[13]);
        cell_number(out, 0, "%.3f", v[14]);
        row_end(out);
    }
    return STATUS_OK;
}

static Status systems_table(Report *report, Text *out) {
    static const Part parts[] = {{EXPERIMENT, NULL, NULL},
                                 {EXPERIMENT "_s2", NULL, "_s2"},
                                 {EXPERIMENT "_lstm", "lstm", NULL}};
    Status status = STATUS_OK;
    table_head(report, out, "@{}Wccccc@{}", "r_system d_bleu d_exact d_tau d_position d_substring");
    for (size_t k = 0; status == STATUS_OK && k < sizeof parts / sizeof *parts; k++) {
        Tsv *tsv;
        if (!sources_find(&report->sources, parts[k].experiment)) continue;
        STATUS_TRY(table_load(report, parts[k].experiment, "scores", &tsv));
        if (k) text_puts(out, "\\addlinespace\n");
        status = system_rows(report, tsv, &parts[k], out);
        tsv_free(tsv);
    }
    table_foot(out);
    return status;
}

/* --- held-out documents ---------------------------------------------------------------------- */

/* The row of a set and a system; -1: none. */
static int row_of(const TableColumns *c, const char *set, const char *system) {
    for (int row = 0; row < c->tsv->rows; row++)
        if (strcmp(table_text(c, row, 0), set) == 0 && strcmp(table_text(c, row, 1), system) == 0)
            return row;
    return -1;
}

/* BLEU of the recurrent network on a set, where it was measured. */
static Status lstm_cell(const TableColumns *lstm, const char *set, Text *out) {
    const int row = lstm->tsv ? row_of(lstm, set, "lstm") : -1;
    double bleu;
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    STATUS_TRY(table_number(lstm, row, 3, &bleu));
    cell_number(out, 0, "%.1f", bleu);
    return STATUS_OK;
}

#define HELD_OUT "set system sentences bleu exact tau"

static Status held_out_rows(Report *report, const Tsv *tsv, const TableColumns *lstm, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, HELD_OUT, &c));
    table_head(report, out, "@{}Wrccccccc@{}",
               "d_corpus sentences r_kn3_bleu r_lstm_bleu r_pointer_bleu r_kn3_exact "
               "r_pointer_exact r_kn3_tau r_pointer_tau");
    for (int row = 0; row < tsv->rows; row++) {
        const char *set = table_text(&c, row, 0);
        const int other = row_of(&c, set, "kn3");
        double pointer[6], kn3[6];
        if (strncmp(set, "test_", 5) != 0 || strcmp(table_text(&c, row, 1), "pointer") != 0 ||
            other < 0)
            continue;
        for (int k = 2; k < 6; k++) {
            STATUS_TRY(table_number(&c, row, k, &pointer[k]));
            STATUS_TRY(table_number(&c, other, k, &kn3[k]));
        }
        cell_word(report, out, 1, "q5_corpus", set + 5);
        cell_number(out, 0, "%.0f", pointer[2]);
        cell_number(out, 0, "%.1f", kn3[3]);
        STATUS_TRY(lstm_cell(lstm, set, out));
        cell_number(out, 0, "%.1f", pointer[3]);
        cell_number(out, 0, "%.1f%%", 100 * kn3[4]);
        cell_number(out, 0, "%.1f%%", 100 * pointer[4]);
        cell_number(out, 0, "%.2f", kn3[5]);
        cell_number(out, 0, "%.2f", pointer[5]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status held_out_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c = {0};
    Tsv *lstm = NULL;
    Status status = STATUS_OK;
    if (sources_find(&report->sources, EXPERIMENT "_lstm")) {
        STATUS_TRY(table_load(report, EXPERIMENT "_lstm", "scores", &lstm));
        status = table_columns(lstm, HELD_OUT, &c);
    }
    if (status == STATUS_OK) status = held_out_rows(report, tsv, &c, out);
    tsv_free(lstm);
    return status;
}

static Status held_out_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "scores", held_out_body, out);
}

/* --- sentences ---------------------------------------------------------------------------------
 */

static void persian_cell(Text *out, const char *words) {
    text_puts(out, " & \\PersianLine{");
    text_add_escaped(out, words);
    text_puts(out, "}");
}

static Status samples_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "number what words", &c));
    table_head(report, out, "@{}rWW@{}", "r_sample r_what r_words");
    for (int row = 0; row < tsv->rows; row++) {
        const char *number = table_text(&c, row, 0);
        const int is_new = row == 0 || strcmp(number, table_text(&c, row - 1, 0)) != 0;
        if (is_new && row) text_puts(out, "\\midrule\n");
        if (is_new)
            cell_number(out, 1, "%.0f", atof(number));
        else
            cell_text(out, 1, "");
        cell_word(report, out, 0, "q5_sample", table_text(&c, row, 1));
        persian_cell(out, table_text(&c, row, 2));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status samples_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "samples", samples_body, out);
}

/* The first ones: whoever wants to judge more finds a hundred in the results. */
#define MISMATCHES 8

static Status mismatches_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "number truth answer", &c));
    table_head(report, out, "@{}rWW@{}", "r_sample r_what r_words");
    for (int row = 0; row < tsv->rows && row < MISMATCHES; row++) {
        if (row) text_puts(out, "\\midrule\n");
        cell_number(out, 1, "%.0f", atof(table_text(&c, row, 0)));
        cell_word(report, out, 0, "q5_sample", "truth");
        persian_cell(out, table_text(&c, row, 1));
        row_end(out);
        cell_text(out, 1, "");
        cell_word(report, out, 0, "q5_sample", "after");
        persian_cell(out, table_text(&c, row, 2));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status mismatches_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "mismatches", mismatches_body, out);
}

/* --- architectures at one budget ---------------------------------------------------------------
 */

static Status architectures_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "system parameters valid bleu bleu_low bleu_high exact exact_low "
                             "exact_high tau tau_low tau_high seconds",
                             &c));
    table_head(report, out, "@{}Wrrcccr@{}",
               "r_architecture r_parameters r_valid d_bleu d_exact d_tau r_seconds");
    for (int row = 0; row < tsv->rows; row++) {
        double v[13];
        for (int k = 1; k < 13; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        cell_word(report, out, 1, "q5_architecture", table_text(&c, row, 0));
        cell_number(out, 0, "%.0f", v[1]);
        cell_number(out, 0, "%.1f%%", 100 * v[2]);
        cell_interval(out, 0, "%.1f", v[3], v[4], v[5]);
        cell_interval(out, 0, "%.1f%%", 100 * v[6], 100 * v[7], 100 * v[8]);
        cell_interval(out, 0, "%.3f", v[9], v[10], v[11]);
        cell_number(out, 0, "%.0f", v[12]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status architectures_table(Report *report, Text *out) {
    return table_from(report, "q5_systems", "systems", architectures_body, out);
}

/* --- the width of the beam, training data --------------------------------------------------------
 */

/* Sentences a second over the whole set, the widest last, as they stand in the results. */
static Status beams_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "set system beam sentences seconds bleu bleu_low bleu_high exact "
                             "exact_low exact_high tau tau_low tau_high",
                             &c));
    table_head(report, out, "@{}rcccr@{}", "r_beam d_bleu d_exact d_tau r_rate");
    for (int row = 0; row < tsv->rows; row++) {
        double v[14];
        const char *system = table_text(&c, row, 1);
        if (strcmp(table_text(&c, row, 0), "perdt_test") != 0 ||
            (strcmp(system, "pointer") != 0 && strcmp(system, "pointer_greedy") != 0 &&
             strncmp(system, "pointer_beam", 12) != 0))
            continue;
        for (int k = 2; k < 14; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        cell_number(out, 1, "%.0f", v[2]);
        cell_interval(out, 0, "%.1f", v[5], v[6], v[7]);
        cell_interval(out, 0, "%.1f%%", 100 * v[8], 100 * v[9], 100 * v[10]);
        cell_interval(out, 0, "%.3f", v[11], v[12], v[13]);
        cell_number(out, 0, "%.0f", v[3] / v[4]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status beams_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "scores", beams_body, out);
}

/* Of PerDT test, answered once: the subset's size, then each system's scores. */
static Status sizes_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "set system sentences bleu bleu_low bleu_high exact exact_low "
                             "exact_high tau tau_low tau_high",
                             &c));
    table_head(report, out, "@{}rWccc@{}", "sentences r_system d_bleu d_exact d_tau");
    const char *before = "";
    for (int row = 0; row < tsv->rows; row++) {
        double v[12];
        const char *size = table_text(&c, row, 2);
        if (strcmp(table_text(&c, row, 0), "test") != 0) continue;
        for (int k = 2; k < 12; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        const int again = strcmp(size, before) == 0;
        if (again)
            cell_text(out, 1, "");
        else
            cell_number(out, 1, "%.0f", v[2]);
        before = size;
        cell_word(report, out, 0, "q5_scaling_system", table_text(&c, row, 1));
        cell_interval(out, 0, "%.1f", v[3], v[4], v[5]);
        cell_interval(out, 0, "%.1f%%", 100 * v[6], 100 * v[7], 100 * v[8]);
        cell_interval(out, 0, "%.3f", v[9], v[10], v[11]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status sizes_table(Report *report, Text *out) {
    return table_from(report, "q5_scaling", "sizes", sizes_body, out);
}

const Table tables_q5_reorder[] = {
    {"q5_reorder_beams", EXPERIMENT, beams_table, 0},
    {"q5_scaling_sizes", "q5_scaling", sizes_table, 0},
    {"q5_systems", "q5_systems", architectures_table, 0},
    {"q5_reorder_systems", EXPERIMENT " " OTHERS, systems_table, 0},
    {"q5_reorder_held_out", EXPERIMENT " " EXPERIMENT "_lstm", held_out_table, 0},
    {"q5_reorder_samples", EXPERIMENT, samples_table, 0},
    {"q5_reorder_mismatches", EXPERIMENT, mismatches_table, 0},
};
const int tables_q5_reorder_count = sizeof tables_q5_reorder / sizeof *tables_q5_reorder;
