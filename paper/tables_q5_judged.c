/* tables_q5_judged: what readers said of the orderer's answers that differ from the sentence, from
 * q5_judged (q5_reorder judged). */
#include "tables.h"

#include <stdio.h>
#include <string.h>

#define EXPERIMENT "q5_judged"

static const char *const verdicts[] = {"same", "other", "nonsense", "broken"};
enum { VERDICTS = sizeof verdicts / sizeof *verdicts };

static Status verdicts_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "reader same same_low same_high other other_low other_high nonsense "
                             "nonsense_low nonsense_high broken broken_low broken_high",
                             &c));
    table_head(report, out, "@{}Wcccc@{}", "r_reading r_same r_other r_nonsense r_broken");
    for (int row = 0; row < tsv->rows; row++) {
        double v[1 + 3 * VERDICTS];
        for (int k = 1; k < 1 + 3 * VERDICTS; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        if (strcmp(table_text(&c, row, 0), "median") == 0) text_puts(out, "\\midrule\n");
        cell_word(report, out, 1, "q5_reading", table_text(&c, row, 0));
        for (int k = 1; k < 1 + 3 * VERDICTS; k += 3)
            cell_interval(out, 0, "%.0f%%", 100 * v[k], 100 * v[k + 1], 100 * v[k + 2]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status verdicts_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "verdicts", verdicts_body, out);
}

/* Readings in pairs, and all of them in the last row, "all" and "all". */
static Status agreement_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "one two agreement agreement_low agreement_high kappa kappa_low "
                             "kappa_high acceptable_agreement acceptable_agreement_low "
                             "acceptable_agreement_high acceptable_kappa acceptable_kappa_low "
                             "acceptable_kappa_high",
                             &c));
    table_head(report, out, "@{}WWcccc@{}",
               "r_reading r_and_reading r_agreement r_kappa r_acceptable_agreement r_kappa");
    for (int row = 0; row < tsv->rows; row++) {
        const int all = strcmp(table_text(&c, row, 0), "all") == 0;
        double v[14];
        for (int k = 2; k < 14; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        if (all) text_puts(out, "\\midrule\n");
        cell_word(report, out, 1, "q5_reading", all ? "together" : table_text(&c, row, 0));
        if (all)
            cell_text(out, 0, "");
        else
            cell_word(report, out, 0, "q5_reading", table_text(&c, row, 1));
        for (int k = 2; k < 14; k += 6) {
            cell_interval(out, 0, "%.0f%%", 100 * v[k], 100 * v[k + 1], 100 * v[k + 2]);
            cell_interval(out, 0, "%.2f", v[k + 3], v[k + 4], v[k + 5]);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status agreement_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "agreement", agreement_body, out);
}

static Status lengths_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "low high sentences exact judged acceptable acceptable_low "
                             "acceptable_high accepted accepted_low accepted_high",
                             &c));
    table_head(report, out, "@{}crcrcc@{}",
               "r_judged_words sentences d_exact r_judged r_acceptable r_accepted");
    for (int row = 0; row < tsv->rows; row++) {
        char words[32];
        double v[11];
        for (int k = 0; k < 11; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        snprintf(words, sizeof words, "%.0f\u2013%.0f", v[0], v[1]);
        cell_plain(out, 1, words);
        cell_number(out, 0, "%.0f", v[2]);
        cell_number(out, 0, "%.0f%%", 100 * v[3]);
        cell_number(out, 0, "%.0f", v[4]);
        cell_interval(out, 0, "%.0f%%", 100 * v[5], 100 * v[6], 100 * v[7]);
        cell_interval(out, 0, "%.0f%%", 100 * v[8], 100 * v[9], 100 * v[10]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status lengths_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "lengths", lengths_body, out);
}

/* --- examples ----------------------------------------------------------------------------------
 */

#define EXAMPLES 2 /* of each verdict, the first ones on which all readings agree */
#define DISPUTED 5 /* the first ones on which they do not */

static void sentence_cell(Text *out, const char *words) {
    text_puts(out, " & \\PersianLine{");
    text_add_escaped(out, words);
    text_puts(out, "}");
    row_end(out);
}

static void sentence_row(Report *report, Text *out, const char *verdict, const char *what,
                         const char *words) {
    if (verdict)
        cell_word(report, out, 1, "q5_verdict", verdict);
    else
        cell_text(out, 1, "");
    cell_word(report, out, 0, "q5_sample", what);
    sentence_cell(out, words);
}

static Status examples_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "verdict truth answer", &c));
    table_head(report, out, "@{}WWW@{}", "r_verdict r_what r_words");
    for (int v = 0, blocks = 0; v < VERDICTS; v++) {
        int shown = 0;
        for (int row = 0; row < tsv->rows && shown < EXAMPLES; row++) {
            if (strcmp(table_text(&c, row, 0), verdicts[v]) != 0) continue;
            if (shown == 0 && blocks++) text_puts(out, "\\midrule\n");
            sentence_row(report, out, shown++ ? NULL : verdicts[v], "truth",
                         table_text(&c, row, 1));
            sentence_row(report, out, NULL, "after", table_text(&c, row, 2));
        }
    }
    table_foot(out);
    return STATUS_OK;
}

static Status examples_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "examples", examples_body, out);
}

/* "other/other/same", each in the report's words, over the block of its two sentences. */
static void disputed_head(Report *report, Text *out, const char *verdict) {
    text_puts(out, "\\multicolumn{2}{@{}W@{}}{\\BlockHead{");
    for (int first = 1; *verdict; first = 0) {
        char one[32];
        const int length = (int)strcspn(verdict, "/");
        snprintf(one, sizeof one, "%.*s", length, verdict);
        if (!first) text_puts(out, " / ");
        cell_word(report, out, 1, "q5_verdict", one);
        verdict += length + (verdict[length] == '/');
    }
    text_puts(out, "}}");
    row_end(out);
}

static Status disputed_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    int shown = 0;
    STATUS_TRY(table_columns(tsv, "verdict truth answer", &c));
    table_head(report, out, "@{}WW@{}", "r_what r_words");
    for (int row = 0; row < tsv->rows && shown < DISPUTED; row++) {
        if (!strchr(table_text(&c, row, 0), '/')) continue;
        if (shown++) text_puts(out, "\\midrule\n");
        disputed_head(report, out, table_text(&c, row, 0));
        cell_word(report, out, 1, "q5_sample", "truth");
        sentence_cell(out, table_text(&c, row, 1));
        cell_word(report, out, 1, "q5_sample", "after");
        sentence_cell(out, table_text(&c, row, 2));
    }
    table_foot(out);
    return STATUS_OK;
}

static Status disputed_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "examples", disputed_body, out);
}

const Table tables_q5_judged[] = {
    {"q5_judged_verdicts", EXPERIMENT, verdicts_table, 0},
    {"q5_judged_agreement", EXPERIMENT, agreement_table, 0},
    {"q5_judged_lengths", EXPERIMENT, lengths_table, 0},
    {"q5_judged_examples", EXPERIMENT, examples_table, 0},
    {"q5_judged_disputed", EXPERIMENT, disputed_table, 0},
};
const int tables_q5_judged_count = sizeof tables_q5_judged / sizeof *tables_q5_judged;
