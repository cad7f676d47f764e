/* tables_q5_data: what became of the corpora of question 5, and examples, from q5_data. */
#include "number.h"
#include "tables.h"

#include <stdio.h>
#include <string.h>

#define EXPERIMENT "q5_data"

/* "none stated" has a label in each language, names of licences are what they are. */
static void licence_cell(const Report *report, Text *out, const char *licence) {
    char key[64];
    snprintf(key, sizeof key, "licence.%s", licence);
    const char *label = labels_find(&report->labels, key);
    if (label)
        cell_text(out, 0, label);
    else
        cell_plain(out, 0, licence);
}

static Status corpora_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(
        tsv, "corpus licence documents sentences good repeated near train validation test", &c));
    table_head(
        report, out, "@{}WWrrrrrrrr@{}",
        "d_corpus d_licence d_documents d_found d_good d_repeated d_near d_train d_validation "
        "d_test");
    for (int row = 0; row < tsv->rows; row++) {
        cell_word(report, out, 1, "q5_corpus", table_text(&c, row, 0));
        licence_cell(report, out, table_text(&c, row, 1));
        for (int k = 2; k < 10; k++) {
            double value;
            STATUS_TRY(table_number(&c, row, k, &value));
            cell_number(out, 0, "%.0f", value);
        }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status corpora_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "corpora", corpora_body, out);
}

static Status filters_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "filter sentences share", &c));
    table_head(report, out, "@{}Wrr@{}", "d_filter sentences d_share");
    for (int row = 0; row < tsv->rows; row++) {
        double count, share;
        STATUS_TRY(table_number(&c, row, 1, &count));
        STATUS_TRY(table_number(&c, row, 2, &share));
        if (row + 1 == tsv->rows) text_puts(out, "\\midrule\n");
        cell_word(report, out, 1, "q5_filter", table_text(&c, row, 0));
        cell_number(out, 0, "%.0f", count);
        cell_number(out, 0, "%.3f%%", 100 * share);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status filters_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "filters_all", filters_body, out);
}

/* The sets that everything is judged on; those of each corpus are in the results. */
static Status sets_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(
        tsv, "set sentences words length_mean vocabulary unseen_words unseen_sentences repeating",
        &c));
    table_head(report, out, "@{}Wrrrrrrr@{}",
               "d_set sentences d_words d_length d_vocabulary d_unseen_words d_unseen_sentences "
               "d_repeating");
    for (int row = 0; row < tsv->rows; row++) {
        double value[8];
        if (strncmp(table_text(&c, row, 0), "test_", 5) == 0) continue;
        for (int k = 1; k < 8; k++) STATUS_TRY(table_number(&c, row, k, &value[k]));
        cell_word(report, out, 1, "q5_set", table_text(&c, row, 0));
        cell_number(out, 0, "%.0f", value[1]);
        cell_number(out, 0, "%.0f", value[2]);
        cell_number(out, 0, "%.1f", value[3]);
        cell_number(out, 0, "%.0f", value[4]);
        for (int k = 5; k < 8; k++) cell_number(out, 0, "%.1f%%", 100 * value[k]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status sets_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "sets", sets_body, out);
}

/* The measures on answers that no model gave. */
static Status probes_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv,
                             "change set words_high bleu exact tau position substring bleu_low "
                             "bleu_high tau_low tau_high",
                             &c));
    table_head(report, out, "@{}Wccccc@{}", "d_change d_bleu d_exact d_tau d_position d_substring");
    for (int row = 0; row < tsv->rows; row++) {
        double value[12];
        if (strcmp(table_text(&c, row, 1), "perdt_test") || strcmp(table_text(&c, row, 2), "15"))
            continue;
        for (int k = 3; k < 12; k++) STATUS_TRY(table_number(&c, row, k, &value[k]));
        cell_word(report, out, 1, "q5_change", table_text(&c, row, 0));
        cell_interval(out, 0, "%.1f", value[3], value[8], value[9]);
        cell_number(out, 0, "%.1f%%", 100 * value[4]);
        cell_interval(out, 0, "%.2f", value[5], value[10], value[11]);
        cell_number(out, 0, "%.2f", value[6]);
        cell_number(out, 0, "%.2f", value[7]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status probes_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "probes", probes_body, out);
}

static void persian_cell(Text *out, int first, const char *words) {
    text_puts(out, first ? "\\PersianCell{" : " & \\PersianCell{");
    text_add_escaped(out, words);
    text_puts(out, "}");
}

static Status examples_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "shuffled ordered", &c));
    table_head(report, out, "@{}WW@{}", "d_shuffled d_ordered");
    for (int row = 0; row < tsv->rows; row++) {
        persian_cell(out, 1, table_text(&c, row, 0));
        persian_cell(out, 0, table_text(&c, row, 1));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status examples_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "examples", examples_body, out);
}

/* --- the short run beside the full one ----------------------------------------------------------
 */

static void short_cell(Report *report, const char *prefix, const char *name, Text *out) {
    char whole[96];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    const Fact *fact = sources_fact(&report->sources, whole);
    if (!fact) {
        cell_nothing(out, 0);
        return;
    }
    cell_text(out, 0, "");
    number_tex(fact, fact->low < fact->high ? NUMBER_RANGE : NUMBER_VALUE, NULL, out);
}

/* Few rows, so an ordinary table: one that may break across pages disturbs the figures around it.
 */
static Status short_table(Report *report, Text *out) {
    static const char *const names[] = {
        "train.sentences",   "test.sentences",   "perdt_test.sentences",
        "vocabulary",        "near.perdt_test",  "perdt_test.unseen_words",
        "probe.random.bleu", "probe.random.tau", "processor_seconds"};
    table_head(report, out, "@{}Wcc@{}", "quantity short_run full_run");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[96];
        snprintf(key, sizeof key, "fact.q5.data.%s", names[i]);
        cell_text(out, 1, report_label(report, key));
        short_cell(report, "q5.quick.data.", names[i], out);
        short_cell(report, "q5.data.", names[i], out);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

const Table tables_q5_data[] = {
    {"q5_data_corpora", EXPERIMENT, corpora_table, 0},
    {"q5_data_filters", EXPERIMENT, filters_table, 0},
    {"q5_data_sets", EXPERIMENT, sets_table, 0},
    {"q5_data_probes", EXPERIMENT, probes_table, 0},
    {"q5_data_examples", EXPERIMENT, examples_table, 0},
    {"q5_data_short", "q5_data_quick q5_data", short_table, 0},
};
const int tables_q5_data_count = sizeof tables_q5_data / sizeof *tables_q5_data;
