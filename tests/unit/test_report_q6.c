/* report, question 6: what is absent says so and stops nothing; the measures of a confusion matrix,
 * counted by hand. All results below are fixtures; no number in them was measured. */
#define _GNU_SOURCE
#include "report_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN "key\tvalue\ndate\t2024-03-02T10:00:00Z\nmachine\tfixture-machine\n"

/* Rows are 90 of 100 positives found, 10 of 20 negatives. */
static void open_world(void) {
    report_world_begin();
    report_world_put("results/recorded/a/q6_mpnet/run.tsv", RUN);
    report_world_put("results/recorded/a/q6_mpnet/facts.tsv",
                     "name\tvalue\tlow\thigh\tunit\n"
                     "q6.mpnet.seeds\t3\t3\t3\tseed\n"
                     "q6.mpnet.parameters\t109488002\t109488002\t109488002\tparameter\n"
                     "q6.mpnet.out_of_domain.mcc.mean\t0.5\t0.4\t0.6\t1\n"
                     "q6.mpnet.interval_sentences.width\t0.19\t0.19\t0.19\t1\n"
                     "q6.mpnet.interval_seeds.width\t0.03\t0.03\t0.03\t1\n");
    report_world_put("results/recorded/a/q6_mpnet/confusion_test.tsv",
                     "truth\tpredicted\tcount\n0\t0\t10\n0\t1\t10\n1\t0\t10\n1\t1\t90\n");
    report_world_put("results/recorded/a/q6_mpnet/seeds.tsv", "seed\tsplit\n1\ttrain\n");
    report_world_put("paper/identity.tex",
                     "\\newcommand{\\StudentName}{A}\n\\newcommand{\\StudentNumber}{1}\n");
    report_world_put("paper/references.bib", "");
}

static void expand(const char *body, const char *file, Text *out) {
    Text problems = {0};
    report_world_put("paper/en/report.tex", body);
    report_world_put_words();
    Status status = report_world_expand(NULL, &problems);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_message(), text_bytes(&problems));
    text_free(&problems);
    report_world_get(file, out);
}

static void expect(const char *body, const char *file, const char *wanted) {
    Text out;
    expand(body, file, &out);
    ck_assert_msg(strstr(text_bytes(&out), wanted) != NULL, "no '%s' in:\n%s", wanted,
                  text_bytes(&out));
    text_free(&out);
}

START_TEST(what_is_not_taken_is_not_looked_at) {
    const char *body = "\\ifexperiment{q6_bert}{\\fact{q6.bert.nothing} \\resulttable{absent}{c}"
                       "{tab:x}}{none of \\ifexperiment{q6_mpnet}{\\fact{q6.mpnet.seeds}}{}}";
    expect(body, "build/paper/en/report.tex", "none of \\Number{3");
}
END_TEST

START_TEST(an_unmeasured_model_says_so) {
    const char *body = "\\resulttable{q6_models}{c}{tab:x}", *table = "build/paper/en/tables/"
                                                                      "q6_models.tex";
    expect(body, table, "bert-base-uncased & \\multicolumn{9}{c}{not measured");
    expect(body, table, "109.5");
}
END_TEST

START_TEST(measures_are_those_of_the_counts) {
    const char *body = "\\resulttable{q6_measures}{c}{tab:x}";
    const char *table = "build/paper/en/tables/q6_measures.tex";
    Text out;
    expand(body, table, &out);
    const char *row = strstr(text_bytes(&out), "the trained model");
    ck_assert_ptr_nonnull(row);
    /* TP 90, FN 10, FP 10, TN 10: accuracy 100/120, F1 180/200, MCC (900-100)/(100*20) */
    static const char *const cells[] = {"90", "10", "10", "10", "0.833", "0.900", "0.400"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        row = strstr(row, cells[i]);
        ck_assert_msg(row != NULL, "no cell '%s' in its place in:\n%s", cells[i], text_bytes(&out));
        row += strlen(cells[i]);
    }
    /* exchanged: F1 of the other class 20/40, the same MCC; always acceptable: F1 200/220, MCC 0 */
    row = strstr(text_bytes(&out), "exchanged");
    ck_assert_ptr_nonnull(row);
    ck_assert_ptr_nonnull(row = strstr(row, "0.500"));
    ck_assert_ptr_nonnull(strstr(row, "0.400"));
    row = strstr(text_bytes(&out), "always ``acceptable''");
    ck_assert_ptr_nonnull(row);
    ck_assert_ptr_nonnull(row = strstr(row, "0.909"));
    ck_assert_ptr_nonnull(strstr(row, "0.000"));
    text_free(&out);
}
END_TEST

START_TEST(widths_stand_beside_what_is_drawn_again) {
    const char *body = "\\resulttable{q6_intervals}{c}{tab:x}";
    const char *table = "build/paper/en/tables/q6_intervals.tex";
    expect(body, table, "0.190");
    expect(body, table, "0.030");
    expect(body, table, "0.200"); /* of both: 0.6 - 0.4 */
}
END_TEST

START_TEST(an_optional_experiment_may_be_absent) {
    report_world_put("paper/figures/all.gp",
                     "# needs: q6_mpnet seeds\n# optional: q6_bert seeds\nplot x\n");
    const char *body = "\\resultfigure{all}{c}{fig:x}", *input = "build/figures/en/all.in.gp";
    Text out;
    expand(body, "build/paper/en/report.tex", &out); /* one badge */
    ck_assert_ptr_nonnull(strstr(text_bytes(&out), "\\BadgeRecorded{"));
    ck_assert_ptr_null(strstr(text_bytes(&out), "\\BadgeHere{"));
    text_free(&out);
    expect(body, input, "dir_q6_bert = ''");
    report_world_put("results/local/q6_bert/run.tsv", RUN);
    report_world_put("results/local/q6_bert/facts.tsv",
                     "name\tvalue\tlow\thigh\tunit\nq6.bert.x\t1\t1\t1\t1\n");
    report_world_put("results/local/q6_bert/seeds.tsv", "seed\tsplit\n1\ttrain\n");
    expect(body, input, "local/q6_bert'");
    /* Measured elsewhere: both places are named. */
    expect(body, "build/paper/en/report.tex", "\\quad \\BadgeHere{2024-03-02}");
    expect(body, "build/figures/en/figures.mk", "q6_bert/seeds.tsv");
}
END_TEST

Suite *suite_report_q6(void) {
    Suite *suite = suite_create("report_q6");
    TCase *tests = tcase_create("chapter");
    tcase_add_checked_fixture(tests, open_world, report_world_end);
    tcase_add_test(tests, what_is_not_taken_is_not_looked_at);
    tcase_add_test(tests, an_unmeasured_model_says_so);
    tcase_add_test(tests, measures_are_those_of_the_counts);
    tcase_add_test(tests, widths_stand_beside_what_is_drawn_again);
    tcase_add_test(tests, an_optional_experiment_may_be_absent);
    suite_add_tcase(suite, tests);
    return suite;
}
