/* bench/hayai: from samples to statistics, complexity and files. */
#define _GNU_SOURCE
#include "hayai_world.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

Suite *suite_hayai_results(void);

/* --- statistics --------------------------------------------------------------------------- */

/* Repetitions that take 1 2 3 4 10 seconds; the untimed first call takes another 50. */
static void series(HayaiState *state) {
    static const double seconds[] = {50, 1, 2, 3, 4, 10};
    int call = world.calls % 6;
    count_call(state);
    while (hayai_keep_running(state)) pass(seconds[call]);
    hayai_counter(state, "widgets", call, HAYAI_PLAIN);
}

START_TEST(aggregates) {
    HayaiSuite *suite = world_suite();
    hayai_unit(hayai_register(suite, "series", series, NULL), HAYAI_SECOND);
    const char *flags = "--benchmark_format=json --benchmark_min_time=1x --benchmark_repetitions=5";
    Ran ran = world_run(suite, flags);
    NEAR(number(entry(&ran, "series_mean"), "real_time"), 4);
    NEAR(number(entry(&ran, "series_mean"), "iterations"), 5);
    NEAR(number(entry(&ran, "series_mean"), "widgets"), 3);
    NEAR(number(entry(&ran, "series_median"), "cpu_time"), 3);
    NEAR(number(entry(&ran, "series_median"), "real_time_low"), 1);
    NEAR(number(entry(&ran, "series_median"), "real_time_high"), 10);
    NEAR(number(entry(&ran, "series_stddev"), "real_time"), sqrt(12.5));
    NEAR(number(entry(&ran, "series_cv"), "real_time"), sqrt(12.5) / 4);
    NEAR(number(entry(&ran, "series_cv"), "widgets"), sqrt(2.5) / 3);
    ck_assert_str_eq(text(entry(&ran, "series_cv"), "aggregate_unit"), "percentage");
    NEAR(number(entry(&ran, "series_spread"), "real_time"), 1. / 3);
    /* The spread of a third is a warning, to the reader and in the file. */
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(entry(&ran, "series_spread"), "spread_warning")));
    HOLDS(ran.err, "***WARNING*** series: the times of 5 repetitions spread by 33.3 %");
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(ran.json, "benchmarks")), 10);
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(only_aggregates) {
    char path[] = "/tmp/hayai_test_XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    char flags[256];
    for (int display = 0; display < 2; display++) {
        HayaiSuite *suite = world_suite();
        hayai_register(suite, "steady", steady, NULL);
        snprintf(flags, sizeof flags,
                 "--benchmark_format=json --benchmark_repetitions=3 --benchmark_%s_aggregates_only "
                 "--benchmark_out=%s --benchmark_out_format=csv",
                 display ? "display" : "report", path);
        Ran ran = world_run(suite, flags);
        ck_assert_int_eq(ran.status, 0);
        LACKS(ran.err, "spread by"); /* steady is steady */
        ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(ran.json, "benchmarks")), 5);
        int lines = 0;
        FILE *csv = fopen(path, "r");
        for (int c; (c = fgetc(csv)) != EOF;) lines += c == '\n';
        fclose(csv);
        ck_assert_int_eq(lines, display ? 9 : 6);
        ran_free(&ran);
        hayai_suite_free(suite);
    }
    unlink(path);
}
END_TEST

static void disturbed(HayaiState *state) {
    count_call(state);
    world.switches += 7; /* outside the loop: none of our business */
    while (hayai_keep_running(state)) {
        pass(1);
        world.switches += world.calls == 3 ? 2 : 0;
    }
}

START_TEST(disturbed_samples) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "disturbed", disturbed, NULL);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_repetitions=3");
    const cJSON *e, *list = cJSON_GetObjectItem(ran.json, "benchmarks");
    for (int r = 0; r < 3; r++) { /* calls 2, 3, 4: the second repetition */
        e = cJSON_GetArrayItem(list, r);
        NEAR(number(e, "involuntary_switches"), r == 1 ? 2 : 0);
        ck_assert_int_eq(cJSON_IsTrue(cJSON_GetObjectItem(e, "disturbed")), r == 1);
    }
    ran_free(&ran);
    world.calls = 0;
    ran = world_run(suite, "--benchmark_repetitions=3");
    HOLDS(ran.out, " [disturbed: 2 switches]\n");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static void note_order(const HayaiSample *sample, void *context) {
    ck_assert_ptr_eq(context, &world);
    size_t used = strlen(world.order);
    snprintf(world.order + used, sizeof world.order - used, "%s#%d ", sample->name,
             sample->repetition);
    NEAR(sample->real_seconds, 1e-3);
    ck_assert_int_eq(sample->failed, 0);
}

static void interleave(const char *flags, char *order, size_t size) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "a", steady, NULL);
    hayai_register(suite, "b", steady, NULL);
    hayai_register(suite, "c", steady, NULL);
    hayai_set_reporter(suite, note_order, &world);
    Ran ran = world_run(suite, flags);
    ck_assert_int_eq(ran.status, 0);
    /* Whatever the order of measuring, the report keeps that of registration. */
    const char *a = strstr(ran.out, "a_mean"), *b = strstr(ran.out, "b_mean");
    ck_assert(a && b && a < b && b < strstr(ran.out, "c_mean"));
    snprintf(order, size, "%.*s", (int)size - 1, world.order);
    ran_free(&ran);
    hayai_suite_free(suite);
}

START_TEST(interleaving_is_deterministic) {
    char plain[512], one[512], again[512], two[512];
    interleave("--benchmark_repetitions=4", plain, sizeof plain);
    ck_assert_str_eq(plain, "a#0 a#1 a#2 a#3 b#0 b#1 b#2 b#3 c#0 c#1 c#2 c#3 ");
    const char *flag = "--benchmark_repetitions=4 --benchmark_enable_random_interleaving";
    interleave(flag, one, sizeof one);
    interleave(flag, again, sizeof again);
    ck_assert_str_eq(one, again);
    ck_assert_str_ne(one, plain);
    ck_assert_uint_eq(strlen(one), strlen(plain));
    interleave("--benchmark_repetitions=4 --benchmark_enable_random_interleaving "
               "--benchmark_seed=2",
               two, sizeof two);
    ck_assert_str_ne(one, two);
}
END_TEST

/* --- complexity --------------------------------------------------------------------------- */

/* A device that takes n^2 nanoseconds while the processor spends the same 3 us on every launch,
 * and the wall what it likes: only manual time tells. */
static void device(HayaiState *state) {
    double n = (double)hayai_argument(state, 0);
    while (hayai_keep_running(state)) {
        world.wall += 1e-3;
        world.cpu += hayai_context(state) ? 0 : 3e-6;
        hayai_set_iteration_time(state, 1e-9 * n * n);
    }
    hayai_set_complexity_n(state, hayai_argument(state, 0));
}

START_TEST(complexity_under_manual_time) {
    HayaiSuite *suite = world_suite();
    HayaiBenchmark *b = hayai_register(suite, "device", device, NULL);
    hayai_range_multiplier(b, 2);
    hayai_range(b, 128, 1024);
    hayai_use_manual_time(b);
    hayai_unit(b, HAYAI_MICROSECOND);
    hayai_complexity(b);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_min_time=2x "
                               "--benchmark_repetitions=3 --benchmark_enable_random_interleaving");
    const cJSON *e = entry(&ran, "device/manual_time_BigO");
    NEAR(number(e, "real_slope"), 2);
    NEAR(number(e, "real_slope_low"), 2);
    NEAR(number(e, "real_slope_high"), 2);
    NEAR(number(e, "cpu_slope"), 0);
    NEAR(number(e, "real_coefficient"), 1e-3); /* microseconds */
    ck_assert_str_eq(text(e, "big_o"), "N^2.00");
    ck_assert_str_eq(text(e, "time_unit"), "us");
    const cJSON *local = cJSON_GetObjectItem(e, "real_local_slopes");
    ck_assert_int_eq(cJSON_GetArraySize(local), 3);
    NEAR(number(cJSON_GetArrayItem(local, 2), "from"), 512);
    NEAR(number(cJSON_GetArrayItem(local, 2), "to"), 1024);
    NEAR(number(cJSON_GetArrayItem(local, 2), "slope"), 2);
    NEAR(number(entry(&ran, "device/manual_time_RMS"), "rms"), 0);
    ran_free(&ran);
    ran = world_run(suite, "--benchmark_min_time=2x");
    HOLDS(ran.out, "N^2.00");
    HOLDS(ran.out, "  slope  2.000 [2.000, 2.000]  N = 128 to 1024\n");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(complexity_without_processor_time) {
    HayaiSuite *suite = world_suite();
    HayaiBenchmark *b = hayai_register(suite, "idle", device, &world);
    hayai_arg(b, 200);
    hayai_arg(b, 100); /* sizes may come in any order */
    hayai_use_manual_time(b);
    hayai_complexity(b);
    b = hayai_register(suite, "same", device, NULL);
    hayai_arg(b, 5);
    hayai_arg(b, 5);
    hayai_use_manual_time(b);
    hayai_complexity(b);
    b = hayai_register(suite, "untold", steady, NULL);
    hayai_dense_range(b, 1, 3, 1);
    hayai_complexity(b);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_min_time=2x");
    ck_assert_int_eq(ran.status, 0);
    NEAR(number(entry(&ran, "idle/manual_time_BigO"), "real_slope"), 2);
    ck_assert_ptr_null(cJSON_GetObjectItem(entry(&ran, "idle/manual_time_BigO"), "cpu_slope"));
    HOLDS(ran.err, "same/manual_time: no complexity: two sets of arguments have the same N");
    HOLDS(ran.err, "untold: no complexity: a run did not call hayai_set_complexity_n");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

/* --- files -------------------------------------------------------------------------------- */

START_TEST(json_has_googles_keys) {
    static const char *const context[] = {"date",
                                          "host_name",
                                          "executable",
                                          "num_cpus",
                                          "mhz_per_cpu",
                                          "cpu_scaling_enabled",
                                          "caches",
                                          "load_avg",
                                          "library_version",
                                          "library_build_type",
                                          "json_schema_version",
                                          "cpu",
                                          "compiler",
                                          "build",
                                          "blas",
                                          "memory_bytes"};
    static const char *const run_keys[] = {"name",
                                           "family_index",
                                           "per_family_instance_index",
                                           "run_name",
                                           "run_type",
                                           "repetitions",
                                           "repetition_index",
                                           "threads",
                                           "iterations",
                                           "real_time",
                                           "cpu_time",
                                           "time_unit"};
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "steady", steady, NULL);
    Ran ran = world_run(suite, "--benchmark_format=json --benchmark_repetitions=2 "
                               "--benchmark_context=board=b1,note=a=b --benchmark_time_unit=ms");
    ck_assert_ptr_nonnull(ran.json);
    const cJSON *c = cJSON_GetObjectItem(ran.json, "context"), *e = entry(&ran, "steady");
    for (size_t i = 0; i < sizeof context / sizeof *context; i++)
        ck_assert_msg(cJSON_HasObjectItem(c, context[i]), "context lacks %s", context[i]);
    for (size_t i = 0; i < sizeof run_keys / sizeof *run_keys; i++)
        ck_assert_msg(cJSON_HasObjectItem(e, run_keys[i]), "entry lacks %s", run_keys[i]);
    NEAR(number(c, "json_schema_version"), 1);
    ck_assert_str_eq(text(c, "executable"), "prog");
    ck_assert_str_eq(text(c, "board"), "b1");
    ck_assert_str_eq(text(c, "note"), "a=b");
    ck_assert_str_eq(text(e, "run_type"), "iteration");
    NEAR(number(e, "real_time"), 1);
    e = entry(&ran, "steady_median");
    ck_assert_str_eq(text(e, "run_type"), "aggregate");
    ck_assert_str_eq(text(e, "aggregate_name"), "median");
    ck_assert_str_eq(text(e, "aggregate_unit"), "time");
    ck_assert_str_eq(text(e, "run_name"), "steady");
    ck_assert(!cJSON_HasObjectItem(e, "repetition_index"));
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

START_TEST(csv_columns) {
    HayaiSuite *suite = world_suite();
    hayai_register(suite, "counting", counting, NULL);
    hayai_register(suite, "gpu \"0\", fast", no_gpu, NULL);
    hayai_register(suite, "bad", breaks_down, NULL);
    Ran ran =
        world_run(suite, "--benchmark_format=csv --benchmark_min_time=4x --benchmark_time_unit=s");
    ck_assert_int_eq(ran.status, 1);
    ck_assert_str_eq(
        ran.out,
        "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,"
        "error_occurred,error_message,\"plain\",\"rate\",\"average\",\"invariant_rate\","
        "\"inverted\",max_bytes_used,involuntary_switches\n"
        "\"counting\",4,0.5,0.5,s,16384,12,\"label 7\",,,12,6,3,24,0.166666667,4096,0\n"
        "\"gpu \"\"0\"\", fast\",,,,,,,,,\"no GPU\",,,,,,,\n"
        "\"bad\",,,,,,,,true,\"sum is off\",,,,,,,\n");
    ran_free(&ran);
    hayai_suite_free(suite);
}
END_TEST

static int files_in(const char *folder) {
    int count = 0;
    DIR *directory = opendir(folder);
    for (const struct dirent *d; (d = readdir(directory));) count += d->d_name[0] != '.';
    closedir(directory);
    return count;
}

START_TEST(output_is_whole_or_absent) {
    char folder[] = "/tmp/hayai_test_XXXXXX", path[64], flags[256], line[64] = "";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out.json", folder);
    snprintf(flags, sizeof flags, "--benchmark_repetitions=3 --benchmark_out=%s", path);
    FILE *file = fopen(path, "w");
    fputs("earlier\n", file);
    fclose(file);

    HayaiSuite *suite = world_suite();
    hayai_register(suite, "steady", steady, NULL);
    world.stop_after = 4;
    Ran ran = world_run(suite, flags);
    ck_assert_int_eq(ran.status, 130);
    HOLDS(ran.err, "interrupted");
    ck_assert_int_eq(files_in(folder), 1);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    fclose(file);
    ck_assert_str_eq(line, "earlier\n");
    ran_free(&ran);

    world.stop_after = 0;
    ran = world_run(suite, flags);
    ck_assert_int_eq(ran.status, 0);
    ck_assert_int_eq(files_in(folder), 1);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    fclose(file);
    ck_assert_str_eq(line, "{\n");
    ran_free(&ran);

    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
    world.calls = 0;
    ran = world_run(suite, flags); /* its folder is gone: known before anything is measured */
    ck_assert_int_eq(ran.status, 1);
    HOLDS(ran.err, path);
    ck_assert_int_eq(world.calls, 0);
    ran_free(&ran);
    ran = world_run(suite, "--benchmark_out=/");
    ck_assert_int_eq(ran.status, 1);
    HOLDS(ran.err, "found a folder");
    ran_free(&ran);
    if (access("/dev/full", W_OK) == 0) {
        ran = world_run(suite, "--benchmark_out=/dev/full");
        ck_assert_int_eq(ran.status, 1);
        HOLDS(ran.err, "No space left on device");
        ran_free(&ran);
    }
    hayai_suite_free(suite);
}
END_TEST

Suite *suite_hayai_results(void) {
    Suite *suite = suite_create("hayai_results");
    TCase *tests = tcase_create("results");
    tcase_add_test(tests, aggregates);
    tcase_add_test(tests, only_aggregates);
    tcase_add_test(tests, disturbed_samples);
    tcase_add_test(tests, interleaving_is_deterministic);
    tcase_add_test(tests, complexity_under_manual_time);
    tcase_add_test(tests, complexity_without_processor_time);
    tcase_add_test(tests, json_has_googles_keys);
    tcase_add_test(tests, csv_columns);
    tcase_add_test(tests, output_is_whole_or_absent);
    suite_add_tcase(suite, tests);
    return suite;
}
