/* tables_q5_split: normalisation and sentence splitting of question 5, from the results of
 * q5_split.
 */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPERIMENT "q5_split"

/* --- Persian with Latin inside it --------------------------------------------------------------
 * TeX does not find out by itself which words run from the left: each run of ASCII letters and
 * digits, with the signs that hold it together, is marked, and so are numbers with signs. */

static int is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static size_t latin_run(const char *text, size_t size) {
    size_t end = 0;
    for (size_t at = 0; at < size && text[at] >= ' ' && text[at] <= '~'; at++)
        if (is_alnum(text[at]) || strchr("#+/", text[at])) end = at + 1;
    return end;
}

/* ۱۲:۳۰: Persian digits with signs between them; 0 where there are only digits. */
static size_t persian_number(const char *text, size_t size) {
    size_t at = 0, end = 0;
    int signs = 0;
    while (at + 1 < size) {
        const unsigned char *b = (const unsigned char *)text + at;
        if (b[0] == 0xDB && b[1] >= 0xB0 && b[1] <= 0xB9) {
            signs += end > 0 && end < at;
            end = at += 2;
        } else if (end > 0 && end == at && strchr(".:/-", text[at])) {
            at++;
        } else {
            break;
        }
    }
    return signs ? end : 0;
}

static void add_bytes(Text *out, const char *bytes, size_t size) {
    char *copy = malloc(size + 1);
    if (!copy) return;
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    text_add_escaped(out, copy);
    free(copy);
}

static void add_persian(Text *out, const char *text, size_t size) {
    size_t number;
    for (size_t at = 0; at < size;) {
        if (text[at] == '\\' && at + 1 < size && text[at + 1] == 'n') {
            text_puts(out, "\\SplitLine{}");
            at += 2;
        } else if (is_alnum(text[at]) || text[at] == '@') {
            size_t run = latin_run(text + at, size - at);
            if (run == 0) run = 1;
            text_puts(out, "\\LatinInPersian{");
            add_bytes(out, text + at, run);
            text_puts(out, "}");
            at += run;
        } else if ((number = persian_number(text + at, size - at)) > 0) {
            text_puts(out, "\\NumberInPersian{");
            add_bytes(out, text + at, number);
            text_puts(out, "}");
            at += number;
        } else {
            size_t end = at + 1;
            while (end < size && !is_alnum(text[end]) && text[end] != '@' && text[end] != '\\' &&
                   persian_number(text + end, size - end) == 0)
                end++;
            add_bytes(out, text + at, end - at);
            at = end;
        }
    }
}

/* --- normalisation -----------------------------------------------------------------------------
 */

static const char *const corpora[] = {"wiki_pquad", "news_fars", "assembly1979_1989"};
enum { CORPORA = 3 };

static Status rate_of(const Tsv *rates, const char *corpus, const char *rule, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(rates, "corpus rule per_thousand_words", &columns));
    for (int row = 0; row < rates->rows; row++) {
        if (strcmp(table_text(&columns, row, 0), corpus) ||
            strcmp(table_text(&columns, row, 1), rule))
            continue;
        double rate;
        STATUS_TRY(table_number(&columns, row, 2, &rate));
        cell_number(out, 0, rate > 0 && rate < .095 ? "%.2f" : "%.1f", rate);
        return STATUS_OK;
    }
    cell_nothing(out, 0);
    return STATUS_OK;
}

static Status rules_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "rule before_codes after", &columns));
    Tsv *rates;
    STATUS_TRY(table_load(report, EXPERIMENT, "normalise_corpora", &rates));
    table_head(report, out, "@{}WWlcrrr@{}",
               "split_rule split_change split_example split_becomes split_wiki split_news "
               "split_assembly");
    Status status = STATUS_OK;
    for (int row = 0; row < tsv->rows && status == STATUS_OK; row++) {
        const char *rule = table_text(&columns, row, 0), *after = table_text(&columns, row, 2);
        cell_word(report, out, 1, "split_rule", rule);
        cell_word(report, out, 0, "split_change", rule);
        text_puts(out, " & {\\scriptsize ");
        text_add_code(out, table_text(&columns, row, 1));
        text_puts(out, "} & \\PersianWords{");
        add_persian(out, after, strlen(after));
        text_puts(out, "}");
        for (int i = 0; i < CORPORA && status == STATUS_OK; i++)
            status = rate_of(rates, corpora[i], rule, out);
        row_end(out);
    }
    table_foot(out);
    tsv_free(rates);
    return status;
}

static Status rules_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "normalise", rules_body, out);
}

/* --- scores ------------------------------------------------------------------------------------
 */

#define SCORE_COLUMNS                                                                              \
    "method set kind texts whole right wrong precision recall f1 f1_low f1_high precision_low "    \
    "precision_high recall_low recall_high"

static int find_score(const TableColumns *columns, const char *method, const char *set,
                      const char *kind) {
    for (int row = 0; row < columns->tsv->rows; row++)
        if (strcmp(table_text(columns, row, 0), method) == 0 &&
            strcmp(table_text(columns, row, 1), set) == 0 &&
            strcmp(table_text(columns, row, 2), kind) == 0)
            return row;
    return -1;
}

static Status score_cell(const TableColumns *columns, int row, int value, int low, Text *out) {
    double v, l, h, right, wrong;
    STATUS_TRY(table_number(columns, row, 5, &right));
    STATUS_TRY(table_number(columns, row, 6, &wrong));
    STATUS_TRY(table_number(columns, row, value, &v));
    STATUS_TRY(table_number(columns, row, low, &l));
    STATUS_TRY(table_number(columns, row, low + 1, &h));
    if (value == 7 && right + wrong == 0)
        cell_nothing(out, 0); /* no cut: no precision */
    else
        cell_interval(out, 0, "%.4f", v, l, h);
    return STATUS_OK;
}

static Status scores_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const sets[] = {"dev", "test"};
    static const char *const methods[] = {"rules", "every_stop", "stop_space", "newline", "pysbd"};
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, SCORE_COLUMNS, &columns));
    table_head(report, out, "@{}WWccc@{}",
               "split_text split_method split_precision split_recall split_f1");
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        if (s) text_puts(out, "\\addlinespace\n");
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
            int row = find_score(&columns, methods[m], sets[s], "all");
            if (row < 0) continue;
            if (m == 0) cell_word(report, out, 1, "split_set", sets[s]);
            cell_word(report, out, 0, "split_method", methods[m]);
            STATUS_TRY(score_cell(&columns, row, 7, 12, out));
            STATUS_TRY(score_cell(&columns, row, 8, 14, out));
            STATUS_TRY(score_cell(&columns, row, 9, 10, out));
            row_end(out);
        }
    }
    table_foot(out);
    return STATUS_OK;
}

static Status scores_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "scores", scores_body, out);
}

/* "12 / 13" */
static Status whole_cell(const TableColumns *columns, const char *method, const char *set,
                         const char *kind, Text *out) {
    int row = find_score(columns, method, set, kind);
    if (row < 0) {
        cell_nothing(out, 0);
        return STATUS_OK;
    }
    double texts, whole;
    STATUS_TRY(table_number(columns, row, 3, &texts));
    STATUS_TRY(table_number(columns, row, 4, &whole));
    text_printf(out, " & \\Number{%.0f / %.0f}", whole, texts);
    return STATUS_OK;
}

static Status kinds_body(Report *report, const Tsv *tsv, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, SCORE_COLUMNS, &columns));
    table_head(report, out, "@{}Wcccc@{}",
               "split_kind split_hard split_hard_pysbd split_fresh split_fresh_pysbd");
    for (int pass = 0; pass < 2; pass++)
        for (int row = 0; row < tsv->rows; row++) {
            const char *kind = table_text(&columns, row, 2);
            int all = strcmp(kind, "all") == 0;
            if (strcmp(table_text(&columns, row, 0), "rules") ||
                strcmp(table_text(&columns, row, 1), "hard") || all != pass)
                continue;
            if (all) text_puts(out, "\\midrule\n");
            cell_word(report, out, 1, "split_kind", kind);
            for (int i = 0; i < 4; i++)
                STATUS_TRY(whole_cell(&columns, i % 2 ? "pysbd" : "rules", i < 2 ? "hard" : "fresh",
                                      kind, out));
            row_end(out);
        }
    table_foot(out);
    return STATUS_OK;
}

static Status kinds_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "scores", kinds_body, out);
}

/* --- cases -------------------------------------------------------------------------------------
 */

/* The text once, with the cuts of both: right, missed, wrong. */
static void add_case(Text *out, const char *expected, const char *found) {
    const char *e = expected, *f = found, *begin;
    while (*e || *f) {
        if (*e == '|' || *f == '|') {
            text_puts(out, *e == *f    ? "\\SplitCut{}"
                           : *e == '|' ? "\\SplitMissed{}"
                                       : "\\SplitWrong{}");
            e += *e == '|' && *e ? 1 : 0;
            if (*f == '|') f++;
            continue;
        }
        begin = e;
        while (*e && *f && *e != '|' && *f != '|') e++, f++;
        if (e == begin) break; /* not the same text */
        add_persian(out, begin, (size_t)(e - begin));
    }
}

static Status case_rows(Report *report, const Tsv *tsv, const char *set, int right, Text *out) {
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "set kind right expected found", &columns));
    char last[64] = "";
    for (int row = 0; row < tsv->rows; row++) {
        const char *kind = table_text(&columns, row, 1);
        int is_right = *table_text(&columns, row, 2) == '1';
        if (strcmp(table_text(&columns, row, 0), set) || is_right != right) continue;
        /* Of those that are right the third of each kind: the first are the plainest. */
        if (right) {
            int seen = 0;
            for (int before = 0; before < row; before++)
                seen += strcmp(table_text(&columns, before, 0), set) == 0 &&
                        strcmp(table_text(&columns, before, 1), kind) == 0 &&
                        *table_text(&columns, before, 2) == '1';
            if (seen != 2) continue;
        }
        if (strcmp(kind, last)) cell_word(report, out, 1, "split_kind", kind);
        snprintf(last, sizeof last, "%s", kind);
        text_puts(out, " & \\SplitCell{");
        add_case(out, table_text(&columns, row, 3), table_text(&columns, row, 4));
        text_puts(out, "}");
        row_end(out);
    }
    return STATUS_OK;
}

static Status right_body(Report *report, const Tsv *tsv, Text *out) {
    table_head(report, out, "@{}Wr@{}", "split_kind split_cut_text");
    STATUS_TRY(case_rows(report, tsv, "hard", 1, out));
    table_foot(out);
    return STATUS_OK;
}

static Status right_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "cases", right_body, out);
}

static Status wrong_body(Report *report, const Tsv *tsv, Text *out) {
    table_head(report, out, "@{}Wr@{}", "split_kind split_cut_text");
    STATUS_TRY(case_rows(report, tsv, "hard", 0, out));
    text_puts(out, "\\midrule\n");
    STATUS_TRY(case_rows(report, tsv, "fresh", 0, out));
    table_foot(out);
    return STATUS_OK;
}

static Status wrong_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "cases", wrong_body, out);
}

/* --- errors in running text --------------------------------------------------------------------
 */

enum { ERRORS_SHOWN = 6 };

static Status errors_body(Report *report, const Tsv *tsv, Text *out) {
    static const char *const kinds[] = {"missed", "wrong"};
    TableColumns columns;
    STATUS_TRY(table_columns(tsv, "set error before after", &columns));
    table_head(report, out, "@{}Wr@{}", "split_error split_cut_text");
    for (int k = 0; k < 2; k++) {
        int count = 0, seen = 0;
        for (int row = 0; row < tsv->rows; row++)
            count += strcmp(table_text(&columns, row, 1), kinds[k]) == 0;
        /* Evenly from first to last: nobody chose them. */
        int step = count > ERRORS_SHOWN ? count / ERRORS_SHOWN : 1;
        for (int row = 0; row < tsv->rows; row++) {
            if (strcmp(table_text(&columns, row, 1), kinds[k])) continue;
            if (seen++ % step || seen / step >= ERRORS_SHOWN) continue;
            const char *before = table_text(&columns, row, 2),
                       *after = table_text(&columns, row, 3);
            if (seen == 1) cell_word(report, out, 1, "split_error", kinds[k]);
            text_puts(out, " & \\SplitCell{\\dots{} ");
            add_persian(out, before, strlen(before));
            text_puts(out, k == 0 ? "\\SplitMissed{} " : "\\SplitWrong{} ");
            add_persian(out, after, strlen(after));
            text_puts(out, " \\dots}");
            row_end(out);
        }
        if (k == 0) text_puts(out, "\\midrule\n");
    }
    table_foot(out);
    return STATUS_OK;
}

static Status errors_table(Report *report, Text *out) {
    return table_from(report, EXPERIMENT, "errors", errors_body, out);
}

const Table tables_q5_split[] = {
    {"q5_split_rules", EXPERIMENT, rules_table, 0},
    {"q5_split_scores", EXPERIMENT, scores_table, 0},
    {"q5_split_kinds", EXPERIMENT, kinds_table, 0},
    {"q5_split_right", EXPERIMENT, right_table, 0},
    {"q5_split_wrong", EXPERIMENT, wrong_table, 0},
    {"q5_split_errors", EXPERIMENT, errors_table, 0},
};
const int tables_q5_split_count = sizeof tables_q5_split / sizeof *tables_q5_split;
