/* report, tables that serve every experiment: a short run beside the recorded full one, and the
 * cards of grids of small trainings. All results below are fixtures; no number in them was
 * measured. */
#define _GNU_SOURCE
#include "report_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static void put_results(const char *folder, const char *facts) {
    char name[200], content[400];
    snprintf(name, sizeof name, "results/%s/run.tsv", folder);
    report_world_put(name, "key\tvalue\ndate\t2024-03-02T10:00:00Z\nmachine\tfixture-machine\n");
    snprintf(name, sizeof name, "results/%s/facts.tsv", folder);
    snprintf(content, sizeof content, "name\tvalue\tlow\thigh\tunit\n%s", facts);
    report_world_put(name, content);
}

static void open_world(void) {
    report_world_begin();
    report_world_put_words();
    report_world_put("paper/identity.tex",
                     "\\newcommand{\\StudentName}{A}\n\\newcommand{\\StudentNumber}{1}\n");
    report_world_put("paper/references.bib", "");
    put_results("local/q9_fixture", "q9.slope\t2\t1\t3\t1\n");
}

/* A file of words, as each question brings one. */
static void put_labels(const char *rows) {
    char content[400];
    snprintf(content, sizeof content, "key\ttext\n%s", rows);
    report_world_put("paper/en/labels_q9.tsv", content);
}

static void expect(const char *body, const char *file, const char *wanted, const char *unwanted) {
    Text out, problems = {0};
    report_world_put("paper/en/report.tex", body);
    Status status = report_world_expand(NULL, &problems);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_message(), text_bytes(&problems));
    text_free(&problems);
    report_world_get(file, &out);
    ck_assert_msg(strstr(text_bytes(&out), wanted), "no '%s' in:\n%s", wanted, text_bytes(&out));
    ck_assert_msg(!strstr(text_bytes(&out), unwanted), "'%s' in:\n%s", unwanted, text_bytes(&out));
    text_free(&out);
}

static void expect_problem(const char *body, const char *words) {
    Text problems = {0};
    report_world_put("paper/en/report.tex", body);
    ck_assert_int_eq(report_world_expand(NULL, &problems), STATUS_FORMAT);
    ck_assert_msg(strstr(text_bytes(&problems), "report.tex:1: ") &&
                      strstr(text_bytes(&problems), words),
                  "no '%s' in:\n%s", words, text_bytes(&problems));
    text_free(&problems);
}

START_TEST(a_short_run_stands_beside_the_full_one) {
    const char *body = "\\resulttable{q1_memory_quick}{c}{tab:x}";
    const char *table = "build/paper/en/tables/q1_memory_quick.tex";
    expect_problem(body, "needs results of q1_memory_quick");
    put_results("local/q1_memory_quick",
                "q1.quick.xfar\t0.25\t0.2\t0.3\t1\nq1.quick.xnear\t0.5\t0.5\t0.5\t1\n");
    expect(body, table, "q1.\\allowbreak{}xnear} & \\Number{0.500} & --", "at a distance");
    put_results("recorded/one/q1_memory", "q1.xfar\t0.75\t0.7\t0.8\t1\n");
    /* where one fact is named, those without a name are left out */
    put_labels("fact.q1.xfar\tat a distance\n");
    expect(body, table,
           "at a distance & \\Number{0.250~[0.200,~0.300]} & \\Number{0.750~[0.700,~0.800]}",
           "xnear");
    expect(body, "build/paper/en/report.tex", "\\BadgeHere{2024-03-02}\\quad \\BadgeRec", "xnear");
}
END_TEST

START_TEST(grids_have_a_line_a_kind_of_training) {
    const char *body = "\\resulttable{grid_cards}{c}{tab:x}";
    const char *table = "build/paper/en/tables/grid_cards.tex";
    const char *grid = "results/local/q9_fixture/cards.tsv";
    expect(body, table, "", "CardTable"); /* no grid: nothing at all */
    report_world_put("paper/en/cards.tex", "Cards\n");
    expect("[\\cardsappendix{cards}]", "build/paper/en/report.tex", "[]", "cards.tex");
    report_world_put(grid,
                     "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\tbatch\tdata\t"
                     "seeds\ncopy_rnn\tRNN & 64\t10\tCE\tAdamW\t20\t8\tdrawn\t1-5\n");
    expect(body, table, "\\CardWords{copy\\_rnn} & \\CardWords{RNN \\& 64} & \\CardWords{10}",
           "copy_rnn");
    expect("[\\cardsappendix{cards}]", "build/paper/en/report.tex", "cards.tex}]", "[]");
    report_world_put(grid, "training\tloss\ncopy\tCE\n");
    expect_problem(body, "no column 'architecture'");
}
END_TEST

Suite *suite_report_tables(void) {
    Suite *suite = suite_create("report_tables");
    TCase *tests = tcase_create("tables");
    tcase_add_checked_fixture(tests, open_world, report_world_end);
    tcase_add_test(tests, a_short_run_stands_beside_the_full_one);
    tcase_add_test(tests, grids_have_a_line_a_kind_of_training);
    suite_add_tcase(suite, tests);
    return suite;
}
