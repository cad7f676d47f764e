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
    STATUS_TRY(table_columns(
        tsv, "verdict one one_low one_high two two_low two_high both both_low both_high", &c));
    table_head(report, out, "@{}Wccc@{}", "r_verdict r_one r_two r_both");
    for (int row = 0; row < tsv->rows; row++) {
        double v[10];
        for (int k = 1; k < 10; k++) STATUS_TRY(table_number(&c, row, k, &v[k]));
        cell_word(report, out, 1, "q5_verdict", table_text(&c, row, 0));
        for (int k = 1; k < 10; k += 3)
            cell_interval(out, 0, "%.0f%%", 100 * v[k], 100 * v[k + 1], 100 * v[k + 2]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status verdicts_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "verdicts", verdicts_body, out);
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

#define EXAMPLES 2 /* of each verdict, the first ones on which both readings agree */

static void sentence_row(Report *report, Text *out, const char *verdict, const char *what,
                         const char *words) {
    if (verdict)
        cell_word(report, out, 1, "q5_verdict", verdict);
    else
        cell_text(out, 1, "");
    cell_word(report, out, 0, "q5_sample", what);
    text_puts(out, " & \\PersianLine{");
    text_add_escaped(out, words);
    text_puts(out, "}");
    row_end(out);
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

const Table tables_q5_judged[] = {
    {"q5_judged_verdicts", EXPERIMENT, verdicts_table, 0},
    {"q5_judged_lengths", EXPERIMENT, lengths_table, 0},
    {"q5_judged_examples", EXPERIMENT, examples_table, 0},
};
const int tables_q5_judged_count = sizeof tables_q5_judged / sizeof *tables_q5_judged;
