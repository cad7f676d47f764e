/* train_loop: what the loop does with batches, rates, evaluations and averages. */
#define _POSIX_C_SOURCE 200809L
#include "train/adamw.h"
#include "train/batches.h"
#include "toy_training.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_train_loop(void);

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

START_TEST(a_run_learns_and_says_what_it_did) {
    ToyTraining toy;
    TrainPlan plan = toy_plan();
    plan.epochs = 12;
    toy_open(&toy, 1);
    TrainLog *log = toy_run(&toy, &plan);
    ck_assert_uint_eq(log->planned_steps, 120); /* 75 examples: nine batches of 8, and one of 3 */
    ck_assert_uint_eq(log->steps, 120);
    ck_assert_uint_eq(log->resumed_at, 0);
    ck_assert_double_gt(log->seconds, 0);
    Schedule schedule = {SCHEDULE_LINEAR, plan.rate, 120, 12, 0};
    double seen = 0;
    for (size_t i = 0; i < 120; i++) {
        ck_assert_float_eq(log->batch[i].rate, (float)schedule_rate(&schedule, i));
        ck_assert_float_gt(log->batch[i].norm, 0);
        ck_assert_float_le(log->batch[i].right, log->batch[i].counted);
        seen += log->batch[i].counted;
    }
    ck_assert_double_eq(seen, 12 * TOY_EXAMPLES);
    ck_assert_uint_eq(log->evaluations, 24);
    for (size_t e = 0; e < 24; e++) {
        const TrainEvaluation *evaluation = &log->evaluation[e];
        ck_assert_uint_eq(evaluation->step, 5 * (e + 1));
        double loss = 0, right = 0, counted = 0;
        for (size_t i = 5 * e; i < 5 * e + 5; i++) {
            loss += log->batch[i].loss / 5.;
            right += log->batch[i].right;
            counted += log->batch[i].counted;
        }
        ck_assert_double_eq_tol(evaluation->training_loss, loss, 1e-9);
        ck_assert_double_eq_tol(evaluation->training_accuracy, right / counted, 1e-12);
        ck_assert_double_le(evaluation->score[1], log->evaluation[log->best].score[1]);
    }
    ck_assert_double_lt(log->evaluation[23].score[0], .1 * log->evaluation[0].score[0]);
    for (size_t i = 0; i < toy.set.count; i++) ck_assert_int_eq(toy.set.item[i]->has_gradient, 0);
    ck_assert(toy.table->freshen == NULL);
    train_log_free(log);
    train_log_free(NULL);
    toy_close(&toy);
}
END_TEST

START_TEST(the_same_plan_gives_the_same_bits_and_another_seed_does_not) {
    ToyTraining one, other;
    TrainPlan plan = toy_plan();
    toy_open(&one, 1);
    toy_open(&other, 1);
    TrainLog *log = toy_run(&one, &plan), *other_log = toy_run(&other, &plan);
    toy_compare(&one, log, &other, other_log);
    train_log_free(other_log);
    toy_close(&other);
    toy_open(&other, 1);
    plan.seed++;
    other_log = toy_run(&other, &plan);
    ck_assert_mem_ne(one.weight->value, other.weight->value, TOY_WIDTH * sizeof(float));
    train_log_free(log);
    train_log_free(other_log);
    toy_close(&one);
    toy_close(&other);
}
END_TEST

START_TEST(evaluations_are_spread_over_the_epoch) {
    static const struct {
        int epochs, each;
        uint64_t steps, at[8];
    } cases[] = {
        {2, 1, 0, {10, 20}},         {2, 0, 0, {20}},      {1, 3, 0, {4, 7, 10}},
        {0, 1, 23, {10, 20, 23}},    {0, 4, 6, {3, 5, 6}}, {0, 1, 4, {4}},
        {0, 99, 5, {1, 2, 3, 4, 5}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ToyTraining toy;
        TrainPlan plan = toy_plan();
        plan.epochs = cases[c].epochs;
        plan.steps = cases[c].steps;
        plan.evaluations_per_epoch = cases[c].each;
        toy_open(&toy, 1);
        TrainLog *log = toy_run(&toy, &plan);
        size_t expected = 0;
        while (expected < 8 && cases[c].at[expected]) expected++;
        ck_assert_uint_eq(log->evaluations, expected);
        for (size_t e = 0; e < expected; e++)
            ck_assert_uint_eq(log->evaluation[e].step, cases[c].at[e]);
        train_log_free(log);
        toy_close(&toy);
    }
}
END_TEST

START_TEST(micro_batches_make_the_same_step) {
    ToyTraining one, other;
    TrainPlan plan = toy_plan();
    plan.steps = 10;
    toy_open(&one, 1);
    toy_open(&other, 1);
    one.dropout = other.dropout = 0;
    TrainLog *log = toy_run(&one, &plan);
    plan.micro_batches = 3;
    TrainLog *parts = toy_run(&other, &plan);
    /* Batches of 8 in three parts each, and the one of 3. */
    ck_assert_uint_eq(other.passes, 30);
    ck_assert_uint_eq(one.passes, 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_float_eq_tol(log->batch[i].loss, parts->batch[i].loss,
                               1e-5f * log->batch[i].loss);
        ck_assert_float_eq_tol(log->batch[i].norm, parts->batch[i].norm,
                               1e-4f * log->batch[i].norm);
        ck_assert_float_eq(log->batch[i].counted, parts->batch[i].counted);
    }
    train_log_free(log);
    train_log_free(parts);
    toy_close(&one);
    toy_close(&other);
}
END_TEST

START_TEST(the_best_weights_are_those_at_the_end) {
    static const double script[] = {1, NAN, 3, 3, 2, -1};
    static const double least[] = {NAN, 4, 2, 5, 1, 3};
    for (int c = 0; c < 3; c++) {
        ToyTraining toy;
        TrainPlan plan = toy_plan();
        toy_open(&toy, 1);
        toy.script = c == 1 ? least : script;
        toy.task.select_least = c == 1;
        plan.keep_best = c != 2;
        TrainLog *log = toy_run(&toy, &plan);
        ck_assert_uint_eq(log->evaluations, 6);
        ck_assert_uint_eq(log->best, c == 1 ? 4 : 2); /* the first of equals */
        ck_assert_float_eq(toy.bias->value[0], toy.bias_evaluated[c == 2 ? 5 : log->best]);
        ck_assert_float_ne(toy.bias_evaluated[5], toy.bias_evaluated[log->best]);
        train_log_free(log);
        toy_close(&toy);
    }
}
END_TEST

START_TEST(the_average_is_the_average) {
    ToyTraining dense, rows;
    TrainPlan plan = toy_plan();
    plan.average = .8;
    plan.keep_best = 0;
    plan.clip = 0; /* the norm of a table is summed in another order */
    float seen[64];
    toy_open(&dense, 0);
    toy_open(&rows, 1);
    dense.bias_seen = seen;
    TrainLog *log = toy_run(&dense, &plan), *rows_log = toy_run(&rows, &plan);
    /* The bias after step t is what pass t + 1 sees: so the average before the last step. */
    double average = seen[0];
    for (int t = 1; t <= 29; t++) {
        double decay = fmin(.8, (1. + t) / (10. + t));
        average = decay * average + (1 - decay) * seen[t];
        if (t % 5 == 0) ck_assert_double_eq_tol(dense.bias_evaluated[t / 5 - 1], average, 1e-6);
    }
    ck_assert_double_gt(fabs(average - seen[29]), 1e-4);
    ck_assert_float_eq(dense.bias->value[0], dense.bias_evaluated[5]);
    /* Tables by rows are averaged as if they were dense. */
    for (size_t i = 0; i < dense.set.count; i++)
        ck_assert_mem_eq(dense.set.item[i]->value, rows.set.item[i]->value,
                         dense.set.item[i]->count * sizeof(float));
    train_log_free(log);
    train_log_free(rows_log);
    toy_close(&dense);
    toy_close(&rows);
}
END_TEST

START_TEST(clipping_scales_the_gradient) {
    /* One step of each: AdamW's first step does not depend on the scale of the gradient, but the
     * moments do, hence the second step. Compared with the optimiser alone. */
    ToyTraining toy;
    TrainPlan plan = toy_plan();
    plan.steps = 2;
    plan.warmup = 0;
    plan.keep_best = 0;
    float clipped, free_run, seen[2];
    for (int c = 0; c < 2; c++) {
        plan.clip = c ? 0 : .01;
        toy_open(&toy, 1);
        toy.bias_seen = seen;
        TrainLog *log = toy_run(&toy, &plan);
        ck_assert_float_gt(log->batch[0].norm, .02f); /* before clipping */
        *(c ? &free_run : &clipped) = toy.bias->value[0];
        train_log_free(log);
        toy_close(&toy);
    }
    ck_assert_float_ne(clipped, free_run);
}
END_TEST

START_TEST(memory_of_a_step_does_not_grow) {
    size_t bytes[2];
    for (int c = 0; c < 2; c++) {
        ToyTraining toy;
        TrainPlan plan = toy_plan();
        plan.steps = c ? 1000 : 10;
        toy_open(&toy, 1);
        toy.task.evaluate = NULL;
        TrainLog *log = toy_run(&toy, &plan);
        ck_assert_uint_eq(log->evaluations, 0);
        bytes[c] = log->arena_bytes;
        train_log_free(log);
        toy_close(&toy);
    }
    ck_assert_uint_gt(bytes[0], 8 * TOY_WIDTH * 2 * sizeof(float));
    ck_assert_uint_eq(bytes[0], bytes[1]);
}
END_TEST

START_TEST(a_loss_that_is_no_number_names_its_step) {
    ToyTraining toy;
    TrainPlan plan = toy_plan();
    TrainLog *log;
    toy_open(&toy, 1);
    toy.nan_at = 13;
    ck_assert_int_eq(train_run(&toy.task, &plan, &log), STATUS_ARGUMENT);
    ck_assert_ptr_null(log);
    ck_says("toy: step 13 of 30: the loss is nan");
    for (size_t i = 0; i < toy.set.count; i++)
        for (size_t k = 0; k < toy.set.item[i]->count; k++)
            ck_assert(isfinite(toy.set.item[i]->value[k]));
    toy.weight->value[0] = INFINITY;
    toy.nan_at = toy.passes = 0;
    ck_assert_int_eq(train_run(&toy.task, &plan, &log), STATUS_ARGUMENT);
    ck_says("step 1 of 30");
    toy_close(&toy);
}
END_TEST

START_TEST(plans_without_sense_are_refused) {
    ToyTraining toy;
    TrainLog *log;
    toy_open(&toy, 1);
    TrainPlan plans[14];
    for (int i = 0; i < 14; i++) plans[i] = toy_plan();
    plans[0].epochs = 0;
    plans[1].batch = 0;
    plans[2].micro_batches = 0;
    plans[3].pool = 0;
    plans[4].rate = 0;
    plans[5].rate = NAN;
    plans[6].warmup = 1.5;
    plans[7].clip = -1;
    plans[8].average = 1;
    plans[9].evaluations_per_epoch = -1;
    plans[10].beta1 = 1;
    plans[11].schedule = (ScheduleKind)7;
    plans[12].decay = -1;
    plans[13].layer_decay = 0;
    for (int i = 0; i < 14; i++) {
        ck_assert_msg(train_run(&toy.task, &plans[i], &log) == STATUS_ARGUMENT, "plan %d", i);
        ck_assert_ptr_null(log);
    }
    TrainPlan plan = toy_plan();
    plan.checkpoint = "/nonexistent/folder/run.safetensors";
    ck_assert_int_eq(train_run(&toy.task, &plan, &log), STATUS_IO);
    ck_says("/nonexistent/folder/run.safetensors");
    plan.checkpoint = NULL;
    toy.task.select = 2;
    ck_assert_int_eq(train_run(&toy.task, &plan, &log), STATUS_ARGUMENT);
    ck_assert_uint_eq(toy.passes, 0);
    toy_close(&toy);
}
END_TEST

START_TEST(progress_shows_where_it_is) {
    ToyTraining toy;
    TrainPlan plan = toy_plan();
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    plan.progress = file;
    toy_open(&toy, 1);
    train_log_free(toy_run(&toy, &plan));
    toy_close(&toy);
    char text[256] = {0};
    rewind(file);
    size_t got = fread(text, 1, sizeof text - 1, file);
    ck_assert_uint_gt(got, 0); /* too short a run for a line before its last */
    ck_assert_ptr_nonnull(strstr(text, "toy done in"));
    fclose(file);
}
END_TEST

Suite *suite_train_loop(void) {
    Suite *suite = suite_create("train_loop");
    TCase *tests = tcase_create("train_loop");
    tcase_add_test(tests, a_run_learns_and_says_what_it_did);
    tcase_add_test(tests, the_same_plan_gives_the_same_bits_and_another_seed_does_not);
    tcase_add_test(tests, evaluations_are_spread_over_the_epoch);
    tcase_add_test(tests, micro_batches_make_the_same_step);
    tcase_add_test(tests, the_best_weights_are_those_at_the_end);
    tcase_add_test(tests, the_average_is_the_average);
    tcase_add_test(tests, clipping_scales_the_gradient);
    tcase_add_test(tests, memory_of_a_step_does_not_grow);
    tcase_add_test(tests, a_loss_that_is_no_number_names_its_step);
    tcase_add_test(tests, plans_without_sense_are_refused);
    tcase_add_test(tests, progress_shows_where_it_is);
    suite_add_tcase(suite, tests);
    return suite;
}
