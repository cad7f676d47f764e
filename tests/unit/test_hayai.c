/* bench/hayai: what is run and timed, what may be asked, what can go wrong. */
#define _GNU_SOURCE
#include "hayai_world.h"

#include <stdlib.h>

Suite *suite_hayai(void);

/* --- how many iterations ------------------------------------------------------------------ */

START_TEST(iterations_grow) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "steady", steady, NULL);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_repetitions=2");
    ck_assert_int_eq(ran.status, 0);
    /* The untimed call; 1 and 10, too short to trust; 100, over a tenth of .5 s, so .5 * 1.4 / .1
     * times as many; the second repetition keeps them. */
    static const int64_t expected[] = {1, 1, 10, 100, 700, 700};
    ck_assert_int_eq(world.calls, 6);
    for (int i = 0; i < 6; i++) ck_assert_int_eq(world.seen[i], expected[i]);
    const cJSON *e = entry(&ran, "steady");
    NEAR(number(e, "iterations"), 700);
    NEAR(number(e, "real_time"), 1e6);
    NEAR(number(e, "cpu_time"), 1e6);
    ck_assert_str_eq(text(e, "time_unit"), "ns");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static void sleepy(HayaiState *state) {
    count_call(state);
    while (hayai_keep_running(state)) {
        world.wall += 0.01;
        world.cpu += 1e-9;
    }
}

START_TEST(wall_time_bounds_a_run) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "sleepy", sleepy, NULL);
    hayai_use_real_time(hayai_register(suite, "real", sleepy, NULL));
    Ran ran = world_run(suite, "--benchmark_format=json");
    /* Processor time never gets to .5 s: 10 s on the wall are more than five times that. */
    NEAR(number(entry(&ran, "sleepy"), "iterations"), 1000);
    NEAR(number(entry(&ran, "real/real_time"), "iterations"), 70);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(iterations_asked_for) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "flag", steady, NULL);
    hayai_iterations(hayai_register(suite, "own", steady, NULL), 5);
    HayaiBenchmark *timed = hayai_register(suite, "timed", steady, NULL);
    hayai_min_time(timed, 0.002);
    hayai_skip_first_call(timed);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_min_time=3x");
    NEAR(number(entry(&ran, "flag"), "iterations"), 3);
    NEAR(number(entry(&ran, "own/iterations:5"), "iterations"), 5);
    NEAR(number(entry(&ran, "timed/min_time:0.002"), "iterations"), 3);
    ck_assert_int_eq(world.calls, 2 + 2 + 2); /* timed: 1, then 1 * .002 * 1.4 / .001 */
    ran_free(&ran);

    world.calls = 0;
    ran = world_run(suite, "--benchmark_dry_run --benchmark_repetitions=4");
    ck_assert_int_eq(ran.status, 0);
    ck_assert_int_eq(world.calls, 3);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(world.seen[i], 1);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(warm_up_comes_first) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "steady", steady, NULL);
    Ran ran = world_run(suite, "--benchmark_min_warmup_time=0.09 --benchmark_min_time=0.05s "
                               "--benchmark_repetitions=2");
    static const int64_t expected[] = {1, 1, 10, 126, 126, 126};
    /* First call; warm-up to .09 s; both repetitions begin with what the warm-up found. */
    ck_assert_int_eq(world.calls, 6);
    for (int i = 0; i < 6; i++) ck_assert_int_eq(world.seen[i], expected[i]);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

/* --- what is timed ------------------------------------------------------------------------ */

static void pausing(HayaiState *state) {
    while (hayai_keep_running(state)) {
        pass(0.25);
        world.switches++;
        hayai_pause_timing(state);
        pass(10);
        world.switches += 3;
        hayai_resume_timing(state);
        pass(0.5);
    }
}

static void manual(HayaiState *state) {
    while (hayai_keep_running(state)) {
        pass(0.125);
        hayai_set_iteration_time(state, 2);
    }
    hayai_counter(state, "rate", 8, HAYAI_RATE | HAYAI_INVARIANT);
}

START_TEST(pauses_and_manual_time) {
    HayaiSuite *suite = world_suite();
    hayai_unit(hayai_register(suite, "pausing", pausing, NULL), HAYAI_SECOND);
    HayaiBenchmark *b = hayai_register(suite, "manual", manual, NULL);
    hayai_use_manual_time(b);
    hayai_unit(b, HAYAI_MILLISECOND);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_min_time=4x");
    const cJSON *e = entry(&ran, "pausing");
    NEAR(number(e, "real_time"), 0.75);
    NEAR(number(e, "cpu_time"), 0.75);
    NEAR(number(e, "involuntary_switches"), 4); /* one in each iteration, outside the pause */
    e = entry(&ran, "manual/manual_time");
    NEAR(number(e, "real_time"), 2000);
    NEAR(number(e, "cpu_time"), 125);
    NEAR(number(e, "rate"), 4);
    ran_free(&ran);
    ran = world_run(suite,
                    "--benchmark_format=json --benchmark_min_time=10s --benchmark_filter=manual");
    NEAR(number(entry(&ran, "manual/manual_time"), "iterations"), 7); /* 10 * 1.4 / 2 */
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(counters_and_rates) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "counting", counting, NULL);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_min_time=4x");
    const cJSON *e = entry(&ran, "counting"); /* 4 iterations, 2 seconds */
    NEAR(number(e, "plain"), 12);
    NEAR(number(e, "rate"), 6);
    NEAR(number(e, "average"), 3);
    NEAR(number(e, "invariant_rate"), 24);
    NEAR(number(e, "inverted"), 1. / 6);
    NEAR(number(e, "items_per_second"), 12);
    NEAR(number(e, "bytes_per_second"), 16384);
    NEAR(number(e, "max_bytes_used"), 4096);
    ck_assert_str_eq(text(e, "label"), "label 7");
    ran_free(&ran);
    ran = world_run(suite, "--benchmark_min_time=4x");
    HOLDS(ran.out, "bytes_per_second=16k/s items_per_second=12/s plain=12 rate=6/s average=3 "
                   "invariant_rate=24/s inverted=166.667ms label 7 [peak 4k bytes]\n");
    ran_free(&ran);
    ran = world_run(suite,
                    "--benchmark_min_time=4x --benchmark_counters_tabular --benchmark_color=true");
    HOLDS(ran.out, "      plain       rate    average invariant_rate   inverted\n");
    HOLDS(ran.out, "\033[");
    LACKS(ran.out, "plain=");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static void hook(HayaiState *state) {
    ck_assert_int_eq(hayai_argument(state, 0), 3);
    ck_assert_int_eq(hayai_argument(state, 1), 0);
    ck_assert_ptr_eq(hayai_context(state), &world);
    world.setups++;
}

static void unhook(HayaiState *state) {
    (void)state;
    world.teardowns++;
}

static void memory_start(void *context) {
    *(int *)context = world.calls;
}

static size_t memory_stop(void *context) {
    return (size_t)(1000 + world.calls - *(int *)context);
}

START_TEST(hooks_surround_runs) {
    HayaiSuite *suite = world_suite();
    int calls_before = -1;
    HayaiBenchmark *b = hayai_register(suite, "steady", steady, &world);
    hayai_arg(b, 3);
    hayai_setup(b, hook);
    hayai_teardown(b, unhook);
    hayai_set_memory(suite, (HayaiMemory){memory_start, memory_stop, &calls_before});
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_repetitions=2");
    ck_assert_int_eq(world.calls, 6);
    ck_assert_int_eq(world.setups, 6);
    ck_assert_int_eq(world.teardowns, 6);
    ck_assert_int_eq(calls_before, 0); /* around the first call, and only that */
    NEAR(number(entry(&ran, "steady/3"), "max_bytes_used"), 1001);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

/* --- names and filters -------------------------------------------------------------------- */

START_TEST(arguments_and_names) {
    static const int64_t heads[] = {1, 8}, lengths[] = {64, 128, 256};
    HayaiSuite *suite = world_suite();
    HayaiBenchmark *b = hayai_register(suite, "range", steady, NULL);
    hayai_range(b, 3, 200);
    b = hayai_register(suite, "two", steady, NULL);
    hayai_range_multiplier(b, 2);
    hayai_range(b, 0, 8);
    b = hayai_register(suite, "dense", steady, NULL);
    hayai_dense_range(b, -1, 5, 3);
    b = hayai_register(suite, "product", steady, NULL);
    hayai_args_product(b, 2, (const size_t[]){2, 3}, (const int64_t *const[]){heads, lengths});
    hayai_arg_names(b, 2, (const char *const[]){"", "n"});
    hayai_use_real_time(b);
    hayai_repetitions(b, 3);
    hayai_args(hayai_register(suite, "args", steady, NULL), 3, (const int64_t[]){4, 5, 6});
    Ran ran = world_run(suite, "--benchmark_list_tests");
    ck_assert_int_eq(ran.status, 0);
    ck_assert_int_eq(world.calls, 0);
    ck_assert_str_eq(ran.out, "range/3\nrange/8\nrange/64\nrange/200\n"
                              "two/0\ntwo/1\ntwo/2\ntwo/4\ntwo/8\n"
                              "dense/-1\ndense/2\ndense/5\n"
                              "product/1/n:64/repeats:3/real_time\n"
                              "product/1/n:128/repeats:3/real_time\n"
                              "product/1/n:256/repeats:3/real_time\n"
                              "product/8/n:64/repeats:3/real_time\n"
                              "product/8/n:128/repeats:3/real_time\n"
                              "product/8/n:256/repeats:3/real_time\n"
                              "args/4/5/6\n");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static void filter_case(HayaiSuite *suite, const char *filter, int status, const char *expected) {
    char flags[128];
    snprintf(flags, sizeof flags, "--benchmark_list_tests --benchmark_filter=%s", filter);
    Ran ran = world_run(suite, flags);
    ck_assert_int_eq(ran.status, status);
    if (status)
        HOLDS(ran.err, expected);
    else
        ck_assert_str_eq(ran.out, expected);
    ran_free(&ran);
}

START_TEST(filters) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "tiled", steady, NULL);
    hayai_dense_range(hayai_register(suite, "favor", steady, NULL), 1, 2, 1);
    filter_case(suite, "", 0, "tiled\nfavor/1\nfavor/2\n");
    filter_case(suite, "all", 0, "tiled\nfavor/1\nfavor/2\n");
    filter_case(suite, "^fav", 0, "favor/1\nfavor/2\n");
    filter_case(suite, "(tiled|/2)$", 0, "tiled\nfavor/2\n");
    filter_case(suite, "-favor", 0, "tiled\n");
    filter_case(suite, "-/1$", 0, "tiled\nfavor/2\n");
    filter_case(suite, "nothing", 1, "nothing: no benchmark matches");
    filter_case(suite, "(", 2, "--benchmark_filter=(: expected a POSIX");
    /* Families are counted as they run, as Google does. */
    Ran ran = world_run(suite, "--benchmark_filter=favor/2 --benchmark_format=json");
    NEAR(number(entry(&ran, "favor/2"), "family_index"), 0);
    NEAR(number(entry(&ran, "favor/2"), "per_family_instance_index"), 0);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

/* --- what can go wrong -------------------------------------------------------------------- */

START_TEST(skips) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "gpu", no_gpu, NULL);
    hayai_register(suite, "steady", steady, NULL);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_repetitions=5");
    ck_assert_int_eq(ran.status, 0);
    const cJSON *e = entry(&ran, "gpu");
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(e, "skipped")));
    ck_assert_str_eq(text(e, "skip_message"), "no GPU");
    ck_assert_int_eq(world.seen[0], 1);
    ck_assert_int_eq(world.calls, 1 + 1 + 3 + 5); /* skipped once, not five times */
    ran_free(&ran);

    hayai_register(suite, "bad", breaks_down, NULL);
    ran = world_run(suite, "--benchmark_format=json");
    ck_assert_int_eq(ran.status, 1);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(entry(&ran, "bad"), "error_occurred")));
    ck_assert_str_eq(text(entry(&ran, "bad"), "error_message"), "sum is off");
    NEAR(number(entry(&ran, "steady"), "iterations"), 700);
    ran_free(&ran);
    ran = world_run(suite, "");
    HOLDS(ran.out, "SKIPPED: 'no GPU'");
    HOLDS(ran.out, "ERROR OCCURRED: 'sum is off'");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static void no_loop(HayaiState *state) {
    (void)state;
}

static void leaves(HayaiState *state) {
    while (hayai_keep_running(state)) break;
}

static void stays_paused(HayaiState *state) {
    while (hayai_keep_running(state)) hayai_pause_timing(state);
}

static void resumes(HayaiState *state) {
    while (hayai_keep_running(state)) hayai_resume_timing(state);
}

START_TEST(misuse_is_an_error) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "no_loop", no_loop, NULL);
    hayai_register(suite, "leaves", leaves, NULL);
    hayai_register(suite, "stays_paused", stays_paused, NULL);
    hayai_register(suite, "resumes", resumes, NULL);
    hayai_use_manual_time(hayai_register(suite, "untold", steady, NULL));
    Ran ran = world_run(suite, "--benchmark_format=json");
    ck_assert_int_eq(ran.status, 1);
    HOLDS(text(entry(&ran, "no_loop"), "error_message"), "without hayai_keep_running");
    HOLDS(text(entry(&ran, "leaves"), "error_message"), "left its loop");
    HOLDS(text(entry(&ran, "stays_paused"), "error_message"), "still paused");
    HOLDS(text(entry(&ran, "resumes"), "error_message"), "after hayai_pause_timing");
    HOLDS(text(entry(&ran, "untold/manual_time"), "error_message"), "hayai_set_iteration_time");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(wrong_registrations) {
    for (int mistake = 0; mistake < 6; mistake++) {
        HayaiSuite *suite = world_suite();
        HayaiBenchmark *b = hayai_register(suite, "odd", steady, NULL);
        hayai_arg(b, 1);
        if (mistake == 0) hayai_args(b, 2, (const int64_t[]){1, 2});
        if (mistake == 1) hayai_range(b, 5, 4);
        if (mistake == 2) hayai_range_multiplier(b, 1);
        if (mistake == 3) hayai_dense_range(b, 1, 2, 0);
        if (mistake == 4) hayai_repetitions(b, 0);
        if (mistake == 5) hayai_min_time(b, -1);
        Ran ran = world_run(suite, "");
        ck_assert_int_eq(ran.status, 2);
        HOLDS(ran.err, "prog: benchmark \"odd\": ");
        ck_assert_int_eq(world.calls, 0);
        ran_free(&ran);
        hayai_suite_free(suite);
    }
    HayaiSuite *empty = world_suite();
    Ran ran = world_run(empty, "");
    ck_assert_int_eq(ran.status, 1);
    HOLDS(ran.err, "no benchmark is registered");
    ran_free(&ran);
    hayai_suite_free(empty);
}
END_TEST

START_TEST(wrong_flags) {
    static const char *const cases[][2] = {
        {"--benchmark_repetitions=0", "whole number"},
        {"--benchmark_repetitions=two", "found \"two\""},
        {"--benchmark_repetitions", "found no value"},
        {"--benchmark_min_time=-1s", "0.5s"},
        {"--benchmark_min_time=1.5x", "100x"},
        {"--benchmark_min_time=1m", "100x"},
        {"--benchmark_min_time=nan", "100x"},
        {"--benchmark_min_warmup_time=soon", "seconds"},
        {"--benchmark_format=xml", "console, json or csv"},
        {"--benchmark_out_format=", "console, json or csv"},
        {"--benchmark_color=blue", "auto, true or false"},
        {"--benchmark_dry_run=maybe", "true or false"},
        {"--benchmark_time_unit=h", "ns, us, ms or s"},
        {"--benchmark_context=lonely", "<key>=<value>"},
        {"--benchmark_seed=-1", "whole number"},
        {"--benchmark_filtre=x", "unknown flag"},
        {"--lengths=3", "unknown argument"},
        {"stray", "unknown argument"},
    };
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "steady", steady, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ran ran = world_run(suite, cases[i][0]);
        ck_assert_int_eq(ran.status, 2);
        HOLDS(ran.err, cases[i][1]);
        ck_assert_str_eq(ran.out, "");
        ran_free(&ran);
    }
    ck_assert_int_eq(world.calls, 0);
    Ran ran = world_run(suite, "--help");
    ck_assert_int_eq(ran.status, 0);
    HOLDS(ran.out, "--benchmark_enable_random_interleaving");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(environment_variables) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "one", steady, NULL);
    hayai_register(suite, "two", steady, NULL);
    setenv("BENCHMARK_FILTER", "two", 1);
    setenv("BENCHMARK_LIST_TESTS", "true", 1);
    Ran ran = world_run(suite, "");
    ck_assert_str_eq(ran.out, "two\n");
    ran_free(&ran);
    ran = world_run(suite, "--benchmark_filter=one");
    ck_assert_str_eq(ran.out, "one\n");
    ran_free(&ran);
    setenv("BENCHMARK_REPETITIONS", "many", 1);
    ran = world_run(suite, "");
    ck_assert_int_eq(ran.status, 2);
    HOLDS(ran.err, "environment variable BENCHMARK_REPETITIONS: expected");
    ran_free(&ran);
    unsetenv("BENCHMARK_FILTER");
    unsetenv("BENCHMARK_LIST_TESTS");
    unsetenv("BENCHMARK_REPETITIONS");
    hayai_suite_free(suite);
}
END_TEST

Suite *suite_hayai(void) {
    Suite *suite = suite_create("hayai");
    TCase *tests = tcase_create("runs");
    tcase_add_test(tests, iterations_grow);
    tcase_add_test(tests, wall_time_bounds_a_run);
    tcase_add_test(tests, iterations_asked_for);
    tcase_add_test(tests, warm_up_comes_first);
    tcase_add_test(tests, pauses_and_manual_time);
    tcase_add_test(tests, counters_and_rates);
    tcase_add_test(tests, hooks_surround_runs);
    suite_add_tcase(suite, tests);
    tests = tcase_create("requests");
    tcase_add_test(tests, arguments_and_names);
    tcase_add_test(tests, filters);
    tcase_add_test(tests, skips);
    tcase_add_test(tests, misuse_is_an_error);
    tcase_add_test(tests, wrong_registrations);
    tcase_add_test(tests, wrong_flags);
    tcase_add_test(tests, environment_variables);
    suite_add_tcase(suite, tests);
    return suite;
}
