/* tables_q6: the tables of question 6, from the results of q6_cola's runs. */
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The run that the chapter shows in full. */
#define MAIN_RUN "q6_mpnet"

/* --- models ---------------------------------------------------------------------------------- */

/* Every model that the driver can name in this report; the label says what it is. */
static const char *const models[] = {"bert", "mpnet", "minilm", "minilm_tokenized",
                                     "minilm_control"};

static const Fact *model_fact(const Report *report, const char *model, const char *name) {
    char whole[160];
    snprintf(whole, sizeof whole, "q6.%s.%s", model, name);
    return sources_fact(&report->sources, whole);
}

static void fact_cell(const Report *report, const char *model, const char *name, int interval,
                      const char *format, Text *out) {
    const Fact *fact = model_fact(report, model, name);
    if (!fact)
        cell_nothing(out, 0);
    else if (interval)
        cell_interval(out, 0, format, fact->value, fact->low, fact->high);
    else
        cell_number(out, 0, format, fact->value);
}

/* The experiments of `models`, in their order. */
#define MODEL_RUNS MAIN_RUN " q6_bert q6_minilm q6_minilm_tokenized q6_minilm_control"

static Status models_table(Report *report, Text *out) {
    table_head(report, out, "@{}Wccccccccc@{}",
               "model millions seeds mcc_mean mcc_median mcc_min mcc_in accuracy f1 epoch_seconds");
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const char *m = models[i];
        cell_word(report, out, 1, "model", m);
        if (!model_fact(report, m, "seeds")) {
            text_printf(out, " & \\multicolumn{9}{c}{%s}",
                        report_label(report, "model.unmeasured"));
            row_end(out);
            continue;
        }
        const Fact *parameters = model_fact(report, m, "parameters");
        if (parameters)
            cell_number(out, 0, "%.1f", parameters->value / 1e6);
        else
            cell_nothing(out, 0);
        fact_cell(report, m, "seeds", 0, "%.0f", out);
        fact_cell(report, m, "out_of_domain.mcc.mean", 1, "%.3f", out);
        fact_cell(report, m, "out_of_domain.mcc.median", 0, "%.3f", out);
        fact_cell(report, m, "out_of_domain.mcc.min", 0, "%.3f", out);
        fact_cell(report, m, "in_domain.mcc.mean", 0, "%.3f", out);
        fact_cell(report, m, "out_of_domain.accuracy.mean", 0, "%.3f", out);
        fact_cell(report, m, "out_of_domain.f1.mean", 0, "%.3f", out);
        fact_cell(report, m, "training.epoch_seconds", 0, "%.0f", out);
        row_end(out);
    }
    text_puts(out, "\\midrule\n");
    cell_word(report, out, 1, "model", "constant");
    cell_nothing(out, 0);
    cell_nothing(out, 0);
    fact_cell(report, "mpnet", "constant.mcc", 0, "%.3f", out);
    for (int i = 0; i < 3; i++) cell_nothing(out, 0);
    fact_cell(report, "mpnet", "constant.accuracy", 0, "%.3f", out);
    fact_cell(report, "mpnet", "constant.f1", 0, "%.3f", out);
    cell_nothing(out, 0);
    row_end(out);
    table_foot(out);
    return STATUS_OK;
}

/* --- data ------------------------------------------------------------------------------------ */

static Status splits_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(
        tsv, "split sentences acceptable unacceptable tokens_mean tokens_longest", &c));
    table_head(report, out, "@{}Wrrrrr@{}",
               "split sentences acceptable unacceptable tokens_mean tokens_longest");
    for (int row = 0; row < tsv->rows; row++) {
        cell_word(report, out, 1, "split", table_text(&c, row, 0));
        for (int k = 1; k < 6; k++) cell_plain(out, 0, table_text(&c, row, k));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status splits_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "splits", splits_body, out);
}

/* Marks in words: two question marks in a row would look like a reference that TeX did not find. */
static const char *mark_word(const char *quirk) {
    static const char *const words[][2] = {{"mark *", "star"},
                                           {"mark ?", "doubt"},
                                           {"mark ??", "two doubts"},
                                           {"mark ?*", "doubt and star"},
                                           {"mark *?", "star and doubt"},
                                           {"mark ' '", "space"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(quirk, words[i][0]) == 0) return words[i][1];
    return quirk;
}

/* One row a quirk, one column a file. */
static Status quirks_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const files[] = {"in_domain_train", "in_domain_dev", "out_of_domain_dev"};
    TableColumns c;
    Names quirks = {0};
    STATUS_TRY(table_columns(tsv, "file quirk count", &c));
    for (int row = 0; row < tsv->rows; row++) names_add(&quirks, table_text(&c, row, 1));
    text_puts(out, "\\begin{tabular}{@{}Wrrr@{}}\n\\toprule\n");
    text_puts(out, report_label(report, "table.quirk"));
    for (int f = 0; f < 3; f++) {
        text_puts(out, " & ");
        text_add_code(out, files[f]);
    }
    row_end(out);
    text_puts(out, "\\midrule\n");
    for (size_t q = 0; q < quirks.count; q++) {
        const char *name = quirks.names[q];
        char key[80];
        snprintf(key, sizeof key, "%s", mark_word(name));
        for (char *k = key; *k; k++) *k = *k == ' ' ? '_' : *k;
        cell_word(report, out, 1, "quirk", key);
        for (int f = 0; f < 3; f++) {
            const char *count = "0";
            for (int row = 0; row < tsv->rows; row++)
                if (strcmp(table_text(&c, row, 0), files[f]) == 0 &&
                    strcmp(table_text(&c, row, 1), name) == 0)
                    count = table_text(&c, row, 2);
            cell_plain(out, 0, count);
        }
        row_end(out);
    }
    names_free(&quirks);
    table_foot(out);
    return STATUS_OK;
}

static Status quirks_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "quirks", quirks_body, out);
}

/* Tokens above, ids below: two lines a sentence. */
static Status example_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "sentence position token id label", &c));
    (void)report;
    text_puts(out, "\\begin{tabular}{@{}l@{}}\n\\toprule\n");
    for (int row = 0; row < tsv->rows;) {
        int begin = row, end = row;
        while (end < tsv->rows && !strcmp(table_text(&c, end, 0), table_text(&c, begin, 0))) end++;
        if (begin) text_puts(out, "\\midrule\n");
        /* Boxes in a row, not a table: a table would run from the right in Persian. */
        text_puts(out, "\\LatinWords{");
        for (row = begin; row < end; row++) {
            text_puts(out, "\\shortstack{\\strut\\texttt{");
            text_add_escaped(out, table_text(&c, row, 2));
            text_puts(out, "}\\\\\\scriptsize ");
            text_add_escaped(out, table_text(&c, row, 3));
            text_puts(out, "}\\enspace ");
        }
        text_puts(out, "}");
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status example_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "example", example_body, out);
}

/* --- training -------------------------------------------------------------------------------- */

static Status card_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "key value", &c));
    text_puts(out, "\\begin{tabular}{@{}WT@{}}\n\\toprule\n");
    for (int row = 0; row < tsv->rows; row++) {
        cell_word(report, out, 1, "card", table_text(&c, row, 0));
        cell_plain(out, 0, table_text(&c, row, 1));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status card_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "card", card_body, out);
}

/* Loss and accuracy of training and validation after every epoch of every seed. */
static Status epochs_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "seed split epoch loss accuracy mcc f1", &c));
    table_head(report, out, "@{}rrcccccc@{}",
               "seed epoch loss_training accuracy_training loss_validation accuracy_validation "
               "mcc_validation f1_validation");
    for (int row = 0; row + 1 < tsv->rows; row += 2) { /* training, then validation */
        if (row && strcmp(table_text(&c, row, 0), table_text(&c, row - 1, 0)))
            text_puts(out, "\\addlinespace\n");
        cell_plain(out, 1, table_text(&c, row, 0));
        cell_plain(out, 0, table_text(&c, row, 2));
        for (int side = 0; side < 2; side++)
            for (int k = 3; k < (side ? 7 : 5); k++) {
                double value;
                STATUS_TRY(table_number(&c, row + side, k, &value));
                cell_number(out, 0, "%.3f", value);
            }
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status epochs_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "curve", epochs_body, out);
}

/* --- what the measures say ------------------------------------------------------------------- */

/* A confusion matrix of two classes; expected counts need not be whole. */
typedef struct {
    double hit, miss, alarm, reject; /* TP, FN, FP, TN; positive: acceptable */
} Counts;

static double or_zero(double numerator, double denominator) {
    return denominator > 0 ? numerator / denominator : 0; /* as metric/classification.h has it */
}

static void measures_row(Report *report, const char *answer, Counts n, Text *out) {
    double total = n.hit + n.miss + n.alarm + n.reject;
    double root = sqrt((n.hit + n.alarm) * (n.hit + n.miss)) *
                  sqrt((n.reject + n.alarm) * (n.reject + n.miss));
    cell_word(report, out, 1, "answer", answer);
    cell_number(out, 0, "%.0f", n.hit);
    cell_number(out, 0, "%.0f", n.miss);
    cell_number(out, 0, "%.0f", n.alarm);
    cell_number(out, 0, "%.0f", n.reject);
    cell_number(out, 0, "%.3f", or_zero(n.hit + n.reject, total));
    cell_number(out, 0, "%.3f", or_zero(2 * n.hit, 2 * n.hit + n.alarm + n.miss));
    cell_number(out, 0, "%.3f", or_zero(n.hit * n.reject - n.alarm * n.miss, root));
    row_end(out);
}

/* The trained model on the test set beside answers that look at no sentence. */
static Status measures_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    double cell[2][2] = {{0}};
    STATUS_TRY(table_columns(tsv, "truth predicted count", &c));
    for (int row = 0; row < tsv->rows; row++) {
        double truth, predicted, count;
        STATUS_TRY(table_number(&c, row, 0, &truth));
        STATUS_TRY(table_number(&c, row, 1, &predicted));
        STATUS_TRY(table_number(&c, row, 2, &count));
        cell[truth > .5][predicted > .5] += count;
    }
    double good = cell[1][0] + cell[1][1], bad = cell[0][0] + cell[0][1];
    double share = or_zero(good, good + bad);
    table_head(report, out, "@{}Wrrrrccc@{}", "answer tp fn fp tn accuracy f1 mcc_bare");
    measures_row(report, "model", (Counts){cell[1][1], cell[1][0], cell[0][1], cell[0][0]}, out);
    measures_row(report, "exchanged", (Counts){cell[0][0], cell[0][1], cell[1][0], cell[1][1]},
                 out);
    text_puts(out, "\\midrule\n");
    measures_row(report, "always_1", (Counts){good, 0, bad, 0}, out);
    measures_row(report, "always_0", (Counts){0, good, 0, bad}, out);
    measures_row(report, "drawn",
                 (Counts){good * share, good * (1 - share), bad * share, bad * (1 - share)}, out);
    table_foot(out);
    return STATUS_OK;
}

static Status measures_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "confusion_test", measures_body, out);
}

/* Widths of the interval of MCC out of domain, by what is drawn again. */
static Status intervals_table(Report *report, Text *out) {
    const Fact *mean = model_fact(report, "mpnet", "out_of_domain.mcc.mean");
    const Fact *sentences = model_fact(report, "mpnet", "interval_sentences.width");
    const Fact *seeds = model_fact(report, "mpnet", "interval_seeds.width");
    if (!mean || !sentences || !seeds)
        return status_fail(STATUS_FORMAT,
                           "%s: no facts q6.mpnet.interval_*.width and "
                           "q6.mpnet.out_of_domain.mcc.mean",
                           MAIN_RUN);
    table_head(report, out, "@{}WcW@{}", "drawn_again interval_width more_seeds");
    cell_word(report, out, 1, "drawn", "sentences");
    cell_number(out, 0, "%.3f", sentences->value);
    cell_word(report, out, 0, "drawn", "stays");
    row_end(out);
    cell_word(report, out, 1, "drawn", "seeds");
    cell_number(out, 0, "%.3f", seeds->value);
    cell_word(report, out, 0, "drawn", "shrinks");
    row_end(out);
    text_puts(out, "\\midrule\n");
    cell_word(report, out, 1, "drawn", "both");
    cell_number(out, 0, "%.3f", mean->high - mean->low);
    cell_word(report, out, 0, "drawn", "bounded");
    row_end(out);
    table_foot(out);
    return STATUS_OK;
}

/* The short run: what it scores on every split. */
static Status quick_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "split sentences accuracy f1 mcc mcc_low mcc_high", &c));
    table_head(report, out, "@{}Wrccc@{}", "split sentences accuracy f1 mcc");
    for (int row = 0; row < tsv->rows; row++) {
        double value[5];
        for (int k = 0; k < 5; k++) STATUS_TRY(table_number(&c, row, k + 2, &value[k]));
        cell_word(report, out, 1, "split", table_text(&c, row, 0));
        cell_plain(out, 0, table_text(&c, row, 1));
        cell_number(out, 0, "%.3f", value[0]);
        cell_number(out, 0, "%.3f", value[1]);
        cell_interval(out, 0, "%.2f", value[2], value[3], value[4]);
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status quick_table(Report *report, Text *out) {
    return table_from(report, "q6_cola", "seeds", quick_body, out);
}

/* --- what is hard ---------------------------------------------------------------------------- */

static Status score_cells(const TableColumns *c, int row, int at, Text *out) {
    double mcc, low, high, accuracy;
    STATUS_TRY(table_number(c, row, at + 3, &accuracy));
    if (strcmp(table_text(c, row, at), "nan") == 0) {
        cell_nothing(out, 0);
    } else {
        STATUS_TRY(table_number(c, row, at, &mcc));
        STATUS_TRY(table_number(c, row, at + 1, &low));
        STATUS_TRY(table_number(c, row, at + 2, &high));
        cell_interval(out, 0, "%.2f", mcc, low, high);
    }
    cell_number(out, 0, "%.2f", accuracy);
    row_end(out);
    return STATUS_OK;
}

static Status sources_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "split title sentences acceptable mcc low high accuracy", &c));
    table_head(report, out, "@{}Wrrcc@{}", "source sentences acceptable mcc accuracy");
    for (int row = 0; row < tsv->rows; row++) {
        if (row == 0 || strcmp(table_text(&c, row, 0), table_text(&c, row - 1, 0))) {
            if (row) text_puts(out, "\\midrule\n");
            text_puts(out, "\\multicolumn{5}{@{}W}{\\BlockHead{");
            cell_word(report, out, 1, "split", table_text(&c, row, 0));
            text_puts(out, "}}");
            row_end(out);
        }
        cell_plain(out, 1, table_text(&c, row, 1));
        cell_plain(out, 0, table_text(&c, row, 2));
        cell_plain(out, 0, table_text(&c, row, 3));
        STATUS_TRY(score_cells(&c, row, 4, out));
    }
    table_foot(out);
    return STATUS_OK;
}

static Status sources_of_sentences(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "sources", sources_body, out);
}

static Status hardest_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns c;
    STATUS_TRY(table_columns(tsv, "split source label probability wrong_seeds sentence", &c));
    table_head(report, out, "@{}llccc@{}", "sentence source label probability wrong_seeds");
    for (int row = 0; row < tsv->rows; row++) {
        double probability;
        if (strcmp(table_text(&c, row, 0), "out_of_domain")) continue;
        STATUS_TRY(table_number(&c, row, 3, &probability));
        text_puts(out, "\\EnglishCell{");
        text_add_escaped(out, table_text(&c, row, 5));
        text_puts(out, "}");
        cell_plain(out, 0, table_text(&c, row, 1));
        cell_plain(out, 0, table_text(&c, row, 2));
        cell_number(out, 0, "%.3f", probability);
        cell_plain(out, 0, table_text(&c, row, 4));
        row_end(out);
    }
    table_foot(out);
    return STATUS_OK;
}

static Status hardest_table(Report *report, Text *out) {
    return table_from(report, MAIN_RUN, "hardest", hardest_body, out);
}

const Table tables_q6[] = {
    {"q6_models", MODEL_RUNS, models_table, 0},
    {"q6_splits", MAIN_RUN, splits_table, 0},
    {"q6_quirks", MAIN_RUN, quirks_table, 0},
    {"q6_example", MAIN_RUN, example_table, 0},
    {"q6_card", MAIN_RUN, card_table, 0},
    {"q6_epochs", MAIN_RUN, epochs_table, 0},
    {"q6_sources", MAIN_RUN, sources_of_sentences, 0},
    {"q6_measures", MAIN_RUN, measures_table, 0},
    {"q6_intervals", MAIN_RUN, intervals_table, 0},
    {"q6_quick", "q6_cola", quick_table, 0},
    {"q6_hardest", MAIN_RUN, hardest_table, 0},
};
const int tables_q6_count = sizeof tables_q6 / sizeof *tables_q6;
