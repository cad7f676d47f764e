/* The experiment on the bottleneck: its plan makes networks equal, its measures are what they say,
 * its phrases are real and whole, and a small run leaves every table and fact. */
#define _GNU_SOURCE
#include "q1_bottleneck.h"
#include "base/tsv.h"
#include "q1_bottleneck_seeds.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q1_bottleneck(void);

static Q1Session session;
static char folder[64];

static void plan_of(int argc, char **argv) {
    memset(&session, 0, sizeof session);
    ck_assert_int_eq(q1_plan_parse(&session.plan, argc, argv), -1);
}

static void write_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void setup(void) {
    snprintf(folder, sizeof folder, "/tmp/tamrin-q1-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
    char command[128];
    q1_text_close(&session.text);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- measures -----------------------------------------------------------------------------------
 */

START_TEST(similarity_counts_edits) {
    const int32_t a[] = {1, 2, 3, 4}, b[] = {1, 3, 4}, c[] = {5, 6};
    ck_assert_double_eq(q1_similarity(a, 4, a, 4), 1);
    ck_assert_double_eq(q1_similarity(b, 3, a, 4), .75); /* one is missing */
    ck_assert_double_eq(q1_similarity(a, 4, b, 3), .75); /* one is too many */
    ck_assert_double_eq(q1_similarity(c, 2, a, 4), 0);   /* two replaced, two missing */
    ck_assert_double_eq(q1_similarity(a, 0, a, 4), 0);
    ck_assert_double_eq(q1_similarity(a, 0, a, 0), 1);
}
END_TEST

START_TEST(bits_and_accuracies_bound_each_other) {
    ck_assert_double_eq_tol(q1_bits_held(16, 32, 0), 80, 1e-12);
    ck_assert_double_eq_tol(q1_bits_held(16, 32, log(32)), 0, 1e-9);
    ck_assert_double_eq(q1_bits_held(16, 32, 9), 0); /* worse than guessing tells nothing */
    ck_assert_double_eq(q1_accuracy_allowed(16, 32, 80), 1);
    ck_assert_double_eq_tol(q1_accuracy_allowed(16, 32, 0), 1. / 32, 1e-6);
    double before = 0;
    for (int bits = 1; bits < 80; bits++) {
        const double allowed = q1_accuracy_allowed(16, 32, bits), e = 1 - allowed;
        ck_assert_double_gt(allowed, before);
        before = allowed;
        /* Fano's inequality holds with equality there. */
        const double left = -e * log2(e) - (1 - e) * log2(1 - e) + e * log2(31);
        ck_assert_double_eq_tol(16 * (5 - left), bits, 1e-6);
    }
}
END_TEST

/* --- plan ---------------------------------------------------------------------------------------
 */

START_TEST(networks_of_a_part_are_of_equal_size) {
    char *full[] = {"q1_bottleneck", "--profile=full"};
    plan_of(2, full);
    session.text.count = 1, session.text.symbols = 40;
    q1_list_cells(&session);
    ck_assert_int_gt(session.cells, 60);
    size_t least[Q1_PARTS] = {0}, most[Q1_PARTS] = {0};
    for (int i = 0; i < session.cells; i++) {
        const Q1Cell *cell = &session.cell[i];
        const Seq2seqConfig config = q1_cell_config(&session, cell);
        const size_t count = seq2seq_parameters(&config);
        if (!least[cell->part] || count < least[cell->part]) least[cell->part] = count;
        if (count > most[cell->part]) most[cell->part] = count;
        char name[64];
        q1_cell_name(&session, (size_t)i, name, sizeof name);
        ck_assert_ptr_nonnull(strstr(name, q1_encoder_slug[cell->encoder]));
        ck_assert_double_gt(q1_cell_cost(&session, (size_t)i), 0);
    }
    for (int p = 0; p < Q1_PARTS; p++) ck_assert_double_lt((double)most[p], 1.06 * least[p]);
    const int whole = q1_find(&session, Q1_COPY, Q1_LSTM, SCORE_NONE, 0, 0);
    ck_assert_int_ge(whole, 0);
    ck_assert_int_eq(q1_cell_config(&session, &session.cell[whole]).width, session.plan.width);
    ck_assert_int_eq(q1_seeds_of(&session, whole), session.plan.seeds[Q1_COPY]);
    ck_assert_int_eq(q1_find(&session, Q1_WIDTH, Q1_LSTM, SCORE_NONE, 17, 0), -1);
    session.text.count = 0; /* nothing of it is trained without the files */
    q1_list_cells(&session);
    ck_assert_int_eq(q1_find(&session, Q1_TEXT, Q1_BILSTM, SCORE_NONE, 0, 0), -1);
}
END_TEST

/* --- text ---------------------------------------------------------------------------------------
 */

static void write_text(void) {
    char training[8192] = "", held[16384] = "";
    for (int i = 0; i < 120; i++) strcat(training, "ما می\u200cرویم به خانه\n");
    for (int i = 0; i < 20; i++)
        snprintf(held + strlen(held), sizeof held - strlen(held),
                 "# sent_id = %d\n# text = آن‌ها به خانه "
                 "رفتند\n1\tآن‌ها\t_\tPRON\t_\t_\t2\tnsubj\t_\t_\n"
                 "2\tرفتند\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n",
                 i);
    write_file("fa_perdt-ud-train.txt", training);
    write_file("fa_perdt-ud-dev.conllu", held);
}

START_TEST(phrases_are_runs_of_whole_words) {
    ck_assert_int_eq(q1_text_open(&session.text, folder), STATUS_OK);
    ck_assert_int_eq(session.text.count, 0); /* no files: no part, no error */
    write_text();
    ck_assert_msg(q1_text_open(&session.text, folder) == STATUS_OK, "%s", status_message());
    const Q1Text *text = &session.text;
    ck_assert_int_eq(text->sentences[Q1_TRAIN], 120);
    ck_assert_int_eq(text->sentences[Q1_VALIDATE], 10);
    ck_assert_int_eq(text->sentences[Q1_TEST], 10);
    /* ما 2, می‌رویم 6, به 2, خانه 4 letters: runs of 2 are ما and به, of 8 the
     * first two and those around به. */
    ck_assert_int_eq(text->phrases[Q1_TRAIN][2], 240);
    ck_assert_int_eq(text->phrases[Q1_TRAIN][8], 240);
    ck_assert_int_eq(text->phrases[Q1_TRAIN][14], 120);
    ck_assert_int_eq(text->phrases[Q1_TRAIN][5], 0);
    int32_t source[Q1_TARGET_MAX], target[Q1_TARGET_MAX];
    const int written = q1_text_pair(text, &text->phrase[Q1_TRAIN][14][0], source, target);
    ck_assert_int_eq(written, 14 + 3 + 1 + 1); /* letters, spaces, half-space, end */
    ck_assert_int_eq(target[written - 1], q1_text_end(text));
    int gaps = 0, letters = 0;
    for (int i = 0; i < written - 1; i++) {
        if (target[i] == Q1_SPACE || target[i] == Q1_HALF_SPACE)
            gaps++;
        else
            ck_assert_int_eq(source[letters++], target[i]);
    }
    ck_assert_int_eq(gaps, 4);
    ck_assert_int_eq(letters, 14);
}
END_TEST

START_TEST(text_that_is_none_is_refused) {
    write_text();
    write_file("fa_perdt-ud-train.txt", "تنها یک جمله\n");
    ck_assert_int_eq(q1_text_open(&session.text, folder), STATUS_FORMAT);
    write_text();
    write_file("fa_perdt-ud-train.txt", "\xff\xfe\n");
    ck_assert_int_eq(q1_text_open(&session.text, folder), STATUS_FORMAT);
    ck_assert_int_eq(session.text.count, 0);
}
END_TEST

/* --- a small run --------------------------------------------------------------------------------
 */

START_TEST(a_small_run_leaves_tables_and_facts) {
    char *quick[] = {"q1_bottleneck", "--steps=30", "--width=12", "--processes=2"};
    char work[128], fingerprint[2048], path[160];
    plan_of(4, quick);
    write_text();
    ck_assert_int_eq(q1_text_open(&session.text, folder), STATUS_OK);
    session.plan.test_sequences = 4;
    session.plan.lengths = (Q1List){2, {2, 16}};
    session.plan.text_lengths = (Q1List){2, {2, 4}};
    session.plan.text_longest = (Q1List){1, {2}};
    q1_list_cells(&session);
    q1_plan_text(&session, fingerprint, sizeof fingerprint);
    snprintf(work, sizeof work, "%s/work", folder);
    const Grid grid = {.name = "q1",
                       .folder = work,
                       .fingerprint = fingerprint,
                       .cells = (size_t)session.cells,
                       .cost = q1_cell_cost,
                       .cell_name = q1_cell_name,
                       .work = q1_train_cell,
                       .context = &session,
                       .processes = 2};
    Results *results;
    ck_assert_msg(grid_run(&grid) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(results_open(&results, folder, "q1_bottleneck_quick", 4, quick), STATUS_OK);
    ck_assert_msg(q1_report_write(&session, &grid, results) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(results_commit(results), STATUS_OK);
    Tsv *facts, *accuracy;
    snprintf(path, sizeof path, "%s/q1_bottleneck_quick/facts.tsv", folder);
    ck_assert_int_eq(tsv_load(path, &facts), STATUS_OK);
    const char *const wanted[] = {"q1.quick.copy.lstm.none.n16",
                                  "q1.quick.copy.gain.lstm.additive.n16",
                                  "q1.quick.width.bits_per_number", "q1.quick.text.sentences"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(tsv_find(facts, 0, wanted[i]) >= 0, "no fact %s", wanted[i]);
    snprintf(path, sizeof path, "%s/q1_bottleneck_quick/accuracy.tsv", folder);
    ck_assert_int_eq(tsv_load(path, &accuracy), STATUS_OK);
    const int column = tsv_column(accuracy, "accuracy"), forced = tsv_column(accuracy, "forced");
    ck_assert_int_gt(accuracy->rows, 8);
    for (int r = 0; r < accuracy->rows; r++) {
        double x, y;
        ck_assert_int_eq(tsv_number(accuracy, r, column, &x), STATUS_OK);
        ck_assert_int_eq(tsv_number(accuracy, r, forced, &y), STATUS_OK);
        ck_assert(x >= 0 && x <= 1 && y >= 0 && y <= 1);
    }
    tsv_free(facts);
    tsv_free(accuracy);
    grid_remove(&grid);
}
END_TEST

Suite *suite_q1_bottleneck(void) {
    Suite *suite = suite_create("q1_bottleneck");
    TCase *tests = tcase_create("q1_bottleneck");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, similarity_counts_edits);
    tcase_add_test(tests, bits_and_accuracies_bound_each_other);
    tcase_add_test(tests, networks_of_a_part_are_of_equal_size);
    tcase_add_test(tests, phrases_are_runs_of_whole_words);
    tcase_add_test(tests, text_that_is_none_is_refused);
    tcase_add_test(tests, a_small_run_leaves_tables_and_facts);
    suite_add_tcase(suite, tests);
    return suite;
}
