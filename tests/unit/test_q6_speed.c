/* q6_speed: the clock of kinds of work counts what it should, steps on the small world add up, and
 * what was measured before an interruption is measured once. */
#define _POSIX_C_SOURCE 200809L
#include "q6_speed.h"
#include "unit/q6_world.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q6_speed(void);

static Q6World world;
static SpeedRun run;
static char path[256];

static void open_world(void) {
    char config[1100];
    q6_world_open(&world);
    memset(&run, 0, sizeof run);
    run.plan = (SpeedPlan){.batches = 3,
                           .batch = 8,
                           .repetitions = 3,
                           .threads = 1,
                           .peak_size = 64,
                           .peak_bytes = 1 << 20,
                           .peak_seconds = 1e-3,
                           .model = world.model,
                           .data = world.data,
                           .results = world.results,
                           .name = "tiny",
                           .experiment = "q6_speed_tiny"};
    run.precisions = SPEED_PRECISIONS;
    snprintf(config, sizeof config, "%s/config.json", world.model);
    ck_assert_msg(bert_config_load(config, &run.config) == STATUS_OK, "%s", status_message());
    snprintf(path, sizeof path, "%s/store", world.folder);
}

static void close_world(void) {
    q6_world_close(&world);
}

static Status measure(void) {
    Store *store;
    Results *results;
    Progress silent = {0};
    char *argv[] = {(char *)"q6_speed"};
    progress_begin(&silent, NULL, "", 1);
    ck_assert_int_eq(results_open(&results, world.results, run.plan.experiment, 1, argv),
                     STATUS_OK);
    ck_assert_int_eq(store_open(&store, path, 1), STATUS_OK);
    Status status = speed_measure(&run, store, &silent, results);
    store_close(store);
    if (status == STATUS_OK) status = speed_report(&run, results);
    if (status == STATUS_OK) return results_commit(results);
    results_discard(results);
    return status;
}

START_TEST(a_product_counts_its_operations_for_who_listens) {
    enum { ROWS = 5, OUT = 7, IN = 3 };
    float w[OUT * IN] = {1}, x[ROWS * IN] = {2}, y[ROWS * OUT];
    PhaseTable table = {0};
    MatmulWeight *weight;
    ck_assert_int_eq(matmul_weight_open(&weight, OUT, IN, PRECISION_F32), STATUS_OK);
    ck_assert_int_eq(matmul_weight_set(weight, w), STATUS_OK);
    ck_assert_int_eq(matmul_forward(weight, ROWS, x, y), STATUS_OK);
    phase_listen(&table);
    ck_assert_int_eq(matmul_forward(weight, ROWS, x, y), STATUS_OK);
    ck_assert_int_eq(matmul_backward_input(weight, ROWS, y, x, 0), STATUS_OK);
    phase_listen(NULL);
    ck_assert_int_eq(matmul_forward(weight, ROWS, x, y), STATUS_OK);
    matmul_weight_close(weight);
    ck_assert_int_eq((int)table.calls[PHASE_PRODUCT_FORWARD], 1);
    ck_assert_int_eq((int)table.calls[PHASE_PRODUCT_INPUT], 1);
    ck_assert_int_eq((int)table.calls[PHASE_PRODUCT_WEIGHT], 0);
    ck_assert_double_eq(table.work[PHASE_PRODUCT_FORWARD], 2. * ROWS * OUT * IN);
    ck_assert_double_ge(table.seconds[PHASE_PRODUCT_FORWARD], 0);
}
END_TEST

START_TEST(a_step_is_the_sum_of_its_kinds_of_work) {
    ck_assert_msg(measure() == STATUS_OK, "%s", status_message());
    for (int p = 0; p < SPEED_PRECISIONS; p++) {
        const SpeedPass *pass = &run.pass[p][1];
        double heard = 0;
        for (int i = 0; i < PHASES; i++) {
            ck_assert_int_gt((int)pass->phases.calls[i], 0); /* each kind of work is in a step */
            heard += pass->phases.seconds[i];
        }
        ck_assert_double_le(heard, pass->seconds); /* none is heard inside of another */
        ck_assert_double_gt(run.peak[p], 0);
    }
    /* Products: 2 operations for a weight and a row, and twice that for both gradients. The first
     * layer's input is no parameter's, but embeddings want their gradient. */
    const PhaseTable *phases = &run.pass[SPEED_F32][0].phases;
    ck_assert_double_eq(phases->work[PHASE_PRODUCT_WEIGHT], phases->work[PHASE_PRODUCT_FORWARD]);
    ck_assert_double_eq(phases->work[PHASE_PRODUCT_INPUT], phases->work[PHASE_PRODUCT_FORWARD]);
    ck_assert_double_eq(run.pass[SPEED_BF16][0].phases.work[PHASE_PRODUCT_FORWARD],
                        phases->work[PHASE_PRODUCT_FORWARD]);
    const double d = run.config.width, f = run.config.feed_forward;
    double body = 2. * (double)run.tokens * run.config.layers * (4 * d * d + 2 * d * f);
    double head = 2. * (double)run.sentences * (d * d + 2 * d);
    ck_assert_double_eq_tol(phases->work[PHASE_PRODUCT_FORWARD], body + head, 1e-6 * body);
}
END_TEST

START_TEST(what_was_measured_is_measured_once) {
    run.plan.repetitions = 2;
    ck_assert_msg(measure() == STATUS_OK, "%s", status_message());
    double first = run.pass[SPEED_F32][0].seconds;
    run.plan.repetitions = 3;
    run.tokens = run.sentences = 0;
    memset(run.pass, 0, sizeof run.pass);
    ck_assert_msg(measure() == STATUS_OK, "%s", status_message());
    ck_assert_int_eq((int)run.inherited, 2);
    ck_assert_double_eq_tol(run.pass[SPEED_F32][0].seconds, first, 1e-9 * first);
    ck_assert_double_gt(run.pass[SPEED_F32][2].seconds, 0);
}
END_TEST

START_TEST(facts_are_shares_of_what_was_measured) {
    ck_assert_msg(measure() == STATUS_OK, "%s", status_message());
    const char *const experiment = run.plan.experiment;
    double product = q6_world_fact(&world, experiment, "q6.speed.tiny.f32.product.share");
    double attention = q6_world_fact(&world, experiment, "q6.speed.tiny.f32.attention.share");
    ck_assert_double_gt(product, 0);
    ck_assert_double_lt(product + attention, 1);
    double speedup = q6_world_fact(&world, experiment, "q6.speed.tiny.bf16.speedup");
    double f32 = run.pass[SPEED_F32][0].seconds / run.pass[SPEED_BF16][0].seconds;
    double least = f32, most = f32;
    for (int r = 1; r < 3; r++) {
        f32 = run.pass[SPEED_F32][r].seconds / run.pass[SPEED_BF16][r].seconds;
        least = fmin(least, f32);
        most = fmax(most, f32);
    }
    ck_assert(speedup >= least * (1 - 1e-9) && speedup <= most * (1 + 1e-9));
}
END_TEST

START_TEST(more_batches_than_an_epoch_has_are_refused) {
    run.plan.batches = 1000;
    ck_assert_int_eq(measure(), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "--batches=1000: an epoch has"));
}
END_TEST

Suite *suite_q6_speed(void) {
    Suite *suite = suite_create("q6_speed");
    TCase *phase = tcase_create("phase");
    tcase_add_test(phase, a_product_counts_its_operations_for_who_listens);
    suite_add_tcase(suite, phase);
    TCase *steps = tcase_create("steps");
    tcase_add_checked_fixture(steps, open_world, close_world);
    tcase_set_timeout(steps, 60);
    tcase_add_test(steps, a_step_is_the_sum_of_its_kinds_of_work);
    tcase_add_test(steps, what_was_measured_is_measured_once);
    tcase_add_test(steps, facts_are_shares_of_what_was_measured);
    tcase_add_test(steps, more_batches_than_an_epoch_has_are_refused);
    suite_add_tcase(suite, steps);
    return suite;
}
