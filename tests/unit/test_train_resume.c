/* train_resume: a run that was killed ends with the bits of one that was not. */
#define _GNU_SOURCE
#include "file_bytes.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "store/safetensors_write.h"
#include "toy_training.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

Suite *suite_train_resume(void);

static char folder[64], path[128], partial[144];

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-resume-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.safetensors", folder);
    snprintf(partial, sizeof partial, "%s.partial", path);
}

static void remove_folder(void) {
    unlink(path);
    unlink(partial);
    rmdir(folder);
}

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

/* The plans that are cut: plain, and with everything on. */
static TrainPlan make_plan(int rich) {
    TrainPlan plan = toy_plan();
    plan.checkpoint = path;
    plan.checkpoint_seconds = 0; /* after every step */
    if (rich) {
        plan.average = .9;
        plan.micro_batches = 2;
    }
    return plan;
}

/* The uninterrupted run, without a checkpoint. */
static TrainLog *run_whole(ToyTraining *toy, TrainPlan plan) {
    plan.checkpoint = NULL;
    toy_open(toy, 1);
    TrainLog *log = toy_run(toy, &plan);
    /* The best weights are none that happen to be in memory at the end. */
    ck_assert_uint_lt(log->best, log->evaluations - 1);
    return log;
}

/* Starts a run in a process of its own. It ends with its Status, and with 99 where that is
 * STATUS_INTERRUPTED and the message names the checkpoint. */
static pid_t start(const TrainPlan *plan, uint64_t die_at, uint64_t interrupt_at) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child) return child;
    ToyTraining toy;
    TrainLog *log;
    toy_open(&toy, 1);
    toy.die_at = die_at;
    toy.interrupt_at = interrupt_at;
    if (interrupt_at) interrupt_install();
    Status status = train_run(&toy.task, plan, &log);
    _exit(status == STATUS_INTERRUPTED && strstr(status_message(), path) ? 99 : (int)status);
}

static int wait_for(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0) ck_assert_int_eq(errno, EINTR);
    return status;
}

static void ck_killed(pid_t child) {
    int status = wait_for(child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Ends the run here and compares it with the whole one; returns where it took over. */
static uint64_t finish_and_compare(const TrainPlan *plan, const ToyTraining *whole,
                                   const TrainLog *expected) {
    ToyTraining toy;
    toy_open(&toy, 1);
    TrainLog *log = toy_run(&toy, plan);
    uint64_t resumed_at = log->resumed_at;
    toy_compare(&toy, log, whole, expected);
    train_log_free(log);
    toy_close(&toy);
    return resumed_at;
}

/* Killed in the forward pass of a step, with checkpoints after every step: at the first step there
 * is none yet; after steps 5, 10 and so on an evaluation lies between. */
START_TEST(killed_at_a_step_it_ends_with_the_same_bits) {
    for (int rich = 0; rich < 2; rich++) {
        ToyTraining whole;
        TrainPlan plan = make_plan(rich);
        TrainLog *expected = run_whole(&whole, plan);
        /* One right after the best evaluation, whose weights the checkpoint then holds once. */
        const uint64_t cuts[] = {1, 6, expected->evaluation[expected->best].step + 1, 17, 30};
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            unlink(path);
            uint64_t passes = rich ? 2 : 1;
            ck_killed(start(&plan, (cuts[c] - 1) * passes + 1, 0));
            ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), cuts[c] - 1);
        }
        train_log_free(expected);
        toy_close(&whole);
    }
}
END_TEST

START_TEST(killed_again_and_again_it_ends_with_the_same_bits) {
    ToyTraining whole;
    TrainPlan plan = make_plan(1);
    TrainLog *expected = run_whole(&whole, plan);
    uint64_t done = 0;
    for (uint64_t k = 0; k < 4; k++) { /* each life does some steps, and dies in the next */
        uint64_t life = 1 + rng_below(6, 1, k, 7);
        ck_killed(start(&plan, 2 * life + 1 + rng_below(6, 2, k, 2), 0));
        done += life;
    }
    ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), done);
    train_log_free(expected);
    toy_close(&whole);
}
END_TEST

/* With checkpoints at evaluations only, the steps since the last one are done again. */
START_TEST(steps_since_the_last_checkpoint_are_done_again) {
    ToyTraining whole;
    TrainPlan plan = make_plan(0);
    plan.checkpoint_seconds = 1e9;
    TrainLog *expected = run_whole(&whole, plan);
    ck_killed(start(&plan, 14, 0));
    ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), 10);
    train_log_free(expected);
    toy_close(&whole);
}
END_TEST

/* Killed from outside while a checkpoint is being written, which a file beside it shows. */
START_TEST(killed_while_it_writes_it_ends_with_the_same_bits) {
    ToyTraining whole;
    TrainPlan plan = make_plan(0);
    TrainLog *expected = run_whole(&whole, plan);
    int during = 0;
    for (uint64_t k = 0; k < 6; k++) {
        unlink(path);
        unlink(partial);
        pid_t child = start(&plan, 0, 0);
        /* Let some checkpoints pass, then wait for the next to begin. */
        struct timespec pause = {0, (long)rng_below(6, 3, k, 20000000)};
        nanosleep(&pause, NULL);
        pid_t ended = 0;
        int status;
        while (!ended && access(partial, F_OK)) ended = waitpid(child, &status, WNOHANG);
        if (!ended) {
            kill(child, SIGKILL);
            wait_for(child);
            during += access(partial, F_OK) == 0;
        }
        finish_and_compare(&plan, &whole, expected);
    }
    ck_assert_int_ge(during, 1);
    train_log_free(expected);
    toy_close(&whole);
}
END_TEST

START_TEST(ctrl_c_keeps_what_was_done) {
    ToyTraining whole;
    TrainPlan plan = make_plan(0);
    plan.checkpoint_seconds = 1e9;
    TrainLog *expected = run_whole(&whole, plan);
    int status = wait_for(start(&plan, 0, 13));
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 99);
    ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), 13);

    TrainPlan nowhere = plan;
    nowhere.checkpoint = NULL;
    status = wait_for(start(&nowhere, 0, 13));
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), STATUS_INTERRUPTED);
    train_log_free(expected);
    toy_close(&whole);
}
END_TEST

START_TEST(a_finished_run_returns_at_once) {
    for (int rich = 0; rich < 2; rich++) {
        ToyTraining whole, again;
        TrainPlan plan = make_plan(rich);
        unlink(path);
        TrainLog *expected = run_whole(&whole, plan);
        ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), 0);
        toy_open(&again, 1);
        TrainLog *log = toy_run(&again, &plan);
        ck_assert_uint_eq(again.passes, 0);
        ck_assert_uint_eq(again.evaluations, 0);
        ck_assert_uint_eq(log->resumed_at, 30);
        ck_assert_double_gt(log->seconds, 0);
        toy_compare(&again, log, &whole, expected);
        train_log_free(log);
        train_log_free(expected);
        toy_close(&again);
        toy_close(&whole);
    }
}
END_TEST

/* --- files that do not belong to the run ---------------------------------------------------- */

/* The run refuses, leaves the weights and the file as they were, and says what is wrong. */
static void ck_refused(ToyTraining *toy, const TrainPlan *plan, const char *says) {
    size_t size, after;
    TrainLog *log;
    unsigned char *before = file_bytes_read(path, &size);
    float weight = toy->weight->value[3], bias = toy->bias->value[0];
    ck_assert_int_eq(train_run(&toy->task, plan, &log), STATUS_FORMAT);
    ck_assert_ptr_null(log);
    ck_says("toy: cannot continue");
    ck_says(path);
    ck_says(says);
    ck_assert_uint_eq(toy->passes, 0);
    ck_assert_float_eq(toy->weight->value[3], weight);
    ck_assert_float_eq(toy->bias->value[0], bias);
    unsigned char *left = file_bytes_read(path, &after);
    ck_assert_uint_eq(size, after);
    ck_assert_mem_eq(before, left, size);
    free(before);
    free(left);
}

START_TEST(another_plan_is_named) {
    ToyTraining toy;
    TrainPlan plan = make_plan(0), other;
    ck_killed(start(&plan, 8, 0));
    toy_open(&toy, 1);
    other = plan, other.rate = .06;
    ck_refused(&toy, &other, "the learning rate is 0.05 in the checkpoint, 0.06 asked");
    other = plan, other.seed = 12;
    ck_refused(&toy, &other, "the seed is 11 in the checkpoint, 12 asked");
    other = plan, other.epochs = 4;
    ck_refused(&toy, &other, "the number of steps is 30 in the checkpoint, 40 asked");
    other = plan, other.schedule = SCHEDULE_COSINE;
    ck_refused(&toy, &other, "the schedule is linear in the checkpoint, cosine asked");
    other = plan, other.keep_best = 0;
    ck_refused(&toy, &other, "best weights");
    other = plan, other.average = .5;
    ck_refused(&toy, &other, "moving average");
    toy.length[7]++;
    ck_refused(&toy, &plan, "lengths");
    toy.length[7]--;
    toy.task.name = "toy: cannot continue a friend";
    ck_refused(&toy, &plan, "the task is toy in the checkpoint");
    toy.task.name = "toy";
    toy_close(&toy);

    toy_open(&toy, 1); /* a model of the same size and other shapes */
    toy.weight->shape[0] = TOY_WIDTH;
    toy.weight->shape[1] = 1;
    ck_refused(&toy, &plan, "value.weight");
    toy_close(&toy);
}
END_TEST

START_TEST(damaged_and_foreign_files_are_refused) {
    ToyTraining toy;
    TrainPlan plan = make_plan(0);
    size_t size;
    ck_killed(start(&plan, 8, 0));
    toy_open(&toy, 1);
    unsigned char *bytes = file_bytes_read(path, &size);
    const size_t kept[] = {0, 7, 100, size / 2, size - 1};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        file_bytes_write(path, bytes, kept[i]);
        ck_refused(&toy, &plan, "");
    }
    bytes[size - 100] ^= 4;
    file_bytes_write(path, bytes, size);
    ck_refused(&toy, &plan, "damaged");
    file_bytes_write(path, "a diary, not a checkpoint", 25);
    ck_refused(&toy, &plan, "");
    SafetensorsTensor model = {"w", SAFETENSORS_F32, 1, {1}, toy.bias->value};
    ck_assert_int_eq(safetensors_write(path, &model, 1, NULL, 0), STATUS_OK);
    ck_refused(&toy, &plan, "not a checkpoint");
    free(bytes);
    toy_close(&toy);
}
END_TEST

/* A rate that is held knows no end: what was done under one plan is what another would have done.
 */
START_TEST(a_held_rate_may_end_elsewhere) {
    ToyTraining whole, toy;
    TrainPlan plan = make_plan(0), longer;
    TrainLog *log;
    plan.schedule = SCHEDULE_HOLD, plan.rise = 3, plan.fall = 8, plan.steps = 25;
    TrainLog *expected = run_whole(&whole, plan);
    longer = plan;
    longer.steps = 40, longer.fall = 20;
    unlink(path);
    ck_killed(start(&longer, 15, 0)); /* 14 steps of the longer one, which would fall from 20 on */
    ck_assert_uint_eq(finish_and_compare(&plan, &whole, expected), 14);
    /* Now it has fallen. */
    toy_open(&toy, 1);
    ck_assert_int_eq(train_run(&toy.task, &longer, &log), STATUS_FORMAT);
    ck_says("can no longer be changed");
    toy_close(&toy);
    train_log_free(expected);
    toy_close(&whole);
}
END_TEST

Suite *suite_train_resume(void) {
    Suite *suite = suite_create("train_resume");
    TCase *tests = tcase_create("train_resume");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, killed_at_a_step_it_ends_with_the_same_bits);
    tcase_add_test(tests, killed_again_and_again_it_ends_with_the_same_bits);
    tcase_add_test(tests, steps_since_the_last_checkpoint_are_done_again);
    tcase_add_test(tests, killed_while_it_writes_it_ends_with_the_same_bits);
    tcase_add_test(tests, ctrl_c_keeps_what_was_done);
    tcase_add_test(tests, a_finished_run_returns_at_once);
    tcase_add_test(tests, another_plan_is_named);
    tcase_add_test(tests, damaged_and_foreign_files_are_refused);
    tcase_add_test(tests, a_held_rate_may_end_elsewhere);
    suite_add_tcase(suite, tests);
    return suite;
}
