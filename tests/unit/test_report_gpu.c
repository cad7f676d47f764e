/* report, a processor and a GPU side by side. All results below are fixtures, in a temporary
 * folder; no number in them was measured, on a GPU or elsewhere. */
#define _GNU_SOURCE
#include "report_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *suite_report_gpu(void);

static void put(const char *folder, const char *table, const char *content) {
    char name[200];
    snprintf(name, sizeof name, "results/recorded/%s/%s.tsv", folder, table);
    report_world_put(name, content);
}

static void put_experiment(const char *folder, const char *machine, const char *facts) {
    char run[200], lines[400];
    snprintf(run, sizeof run, "key\tvalue\ndate\t2024-03-02T10:00:00Z\nmachine\t%s\n", machine);
    snprintf(lines, sizeof lines, "name\tvalue\tlow\thigh\tunit\n%s", facts);
    put(folder, "run", run);
    put(folder, "facts", lines);
}

static void open_world(void) {
    report_world_begin();
    report_world_put_words();
    report_world_put("paper/identity.tex",
                     "\\newcommand{\\StudentName}{A}\n\\newcommand{\\StudentNumber}{1}\n");
    report_world_put("paper/references.bib", "");
    put_experiment("fixture/q4_complexity", "fixture", "q4.heads\t8\t8\t8\t1\n");
    put("fixture/q4_complexity", "summary",
        "variant\tdirection\tlength\tseconds\tlow\thigh\tpeak_share\n"
        "tiled\tforward\t1024\t0.010\t0.009\t0.011\t0.5\n"
        "tiled\tforward\t4096\t0.160\t0.150\t0.170\t0.5\n"
        "elu\tforward\t1024\t0.002\t0.002\t0.002\t0.25\n");
}

static void put_gpu(void) {
    put_experiment("fixture-gpu/q4_complexity_cuda", "fixture-gpu", "q4.cuda.heads\t8\t8\t8\t1\n");
    put("fixture-gpu/q4_complexity_cuda", "summary",
        "variant\tdirection\tlength\tseconds\tlow\thigh\tpeak_share\n"
        "tiled\tforward\t1024\t0.0005\t0.0004\t0.0006\t0.25\n"
        "tiled\tforward\t4096\t0.004\t0.003\t0.005\t0.75\n"
        "tiled\tforward\t8192\t0.016\t0.015\t0.017\t0.75\n"
        "tiled_bf16\tforward\t2048\t0.002\t0.001\t0.003\t2\n"
        "tiled_bf16\tforward\t16384\t0.02\t0.01\t0.03\t2\n"
        "elu\tforward\t1024\t0.0001\t0.0001\t0.0001\t0.5\n");
}

/* What the report makes of `body`; `problems` may be NULL where there must be none. */
static void expand(const char *body, const char *file, Text *out, const char *problem) {
    Text problems = {0};
    report_world_put("paper/en/report.tex", body);
    Status status = report_world_expand(NULL, &problems);
    if (problem) {
        ck_assert_int_eq(status, STATUS_FORMAT);
        ck_assert_msg(strstr(text_bytes(&problems), problem), "no '%s' in:\n%s", problem,
                      text_bytes(&problems));
    } else {
        ck_assert_msg(status == STATUS_OK, "%s: %s", status_message(), text_bytes(&problems));
        report_world_get(file, out);
    }
    text_free(&problems);
}

static void expect(const Text *text, const char *wanted) {
    ck_assert_msg(strstr(text_bytes(text), wanted), "no '%s' in:\n%s", wanted, text_bytes(text));
}

START_TEST(both_devices_stand_at_the_length_that_both_have) {
    const char *body = "\\resulttable{q4_devices}{c}{tab:x}";
    Text out = {0};
    expand(body, "", &out, "needs results of q4_complexity_cuda");
    put_gpu();
    expand(body, "build/paper/en/tables/q4_devices.tex", &out, NULL);
    expect(&out, "Exact, tiled & \\LatinWords{4096} & \\Number{160.0~[150.0,~170.0]} & "
                 "\\Number{4.00~[3.00,~5.00]} & \\Number{40} & \\Number{75\\%}");
    expect(&out, "elu + 1 & \\LatinWords{1024}");
    /* what the processor lacks, alone, at the longest length */
    expect(&out, "Exact, tiled, bf16 & \\LatinWords{16384} & -- & "
                 "\\Number{20.0~[10.0,~30.0]} & -- & \\Number{200\\%}");
    text_free(&out);
    expand(body, "build/paper/en/report.tex", &out, NULL);
    expect(&out,
           "\\BadgeRecorded{\\Code{fixture-\\allowbreak{}gpu}}"); /* the badge says which machine */
    text_free(&out);
}
END_TEST

START_TEST(without_a_gpu_the_report_says_so_there) {
    const char *body = "\\ifexperiment{q4_complexity_cuda}{GPU \\fact{q4.cuda.heads}}{no GPU}";
    Text out = {0};
    expand(body, "build/paper/en/report.tex", &out, NULL);
    expect(&out, "no GPU");
    text_free(&out);
    put_gpu();
    expand(body, "build/paper/en/report.tex", &out, NULL);
    ck_assert_msg(!strstr(text_bytes(&out), "no GPU"), "%s", text_bytes(&out));
    text_free(&out);
}
END_TEST

START_TEST(the_emulation_is_no_gpu) {
    const char *body = "\\ifexperiment{q4_complexity_cuda}{GPU}{no GPU}";
    Text out = {0};
    put_experiment("../local/q4_complexity_cuda", "some-2p-emulated-gpu",
                   "q4.cuda.heads\t8\t8\t8\t1\n");
    expand(body, "build/paper/en/report.tex", &out, NULL);
    expect(&out, "no GPU");
    text_free(&out);
    put_experiment("../local/q4_complexity_cuda", "some-2p-other-gpu",
                   "q4.cuda.heads\t8\t8\t8\t1\n");
    expand(body, "build/paper/en/report.tex", &out, NULL);
    ck_assert_msg(!strstr(text_bytes(&out), "no GPU"), "%s", text_bytes(&out));
    text_free(&out);
}
END_TEST

START_TEST(layers_stand_side_by_side) {
    const char *columns = "stage\trunner\tbatch\tlength\tthreads\tpart\tseconds\tlow\thigh\n";
    char rows[600];
    Text out = {0};
    put_experiment("fixture/q3_parallelism", "fixture", "");
    put_experiment("fixture-gpu/q3_parallelism_cuda", "fixture-gpu", "");
    snprintf(rows, sizeof rows,
             "%slength\tlstm\t1\t64\t2\tforward\t9\t9\t9\nlength\tlstm\t1\t64\t2\tboth\t0.03\t0.02"
             "\t0.04\ngrid\tlstm\t4\t64\t2\tboth\t7\t7\t7\n",
             columns);
    put("fixture/q3_parallelism", "summary", rows);
    snprintf(rows, sizeof rows,
             "%slength\tlstm\t1\t64\t2\tforward\t8\t8\t8\nlength\tlstm\t1\t64\t2\tboth\t0.01\t0.01"
             "\t0.01\nlength\tlstm\t1\t4096\t2\tboth\t1\t1\t1\ngrid\tlstm\t4\t64\t2\tboth\t6\t6\t6"
             "\n",
             columns);
    put("fixture-gpu/q3_parallelism_cuda", "summary", rows);
    expand("\\resulttable{q3_devices}{c}{tab:x}", "build/paper/en/tables/q3_devices.tex", &out,
           NULL);
    expect(&out, "LSTM & \\LatinWords{64} & \\Number{30.0~[20.0,~40.0]} & "
                 "\\Number{10.0~[10.0,~10.0]} & \\Number{3}");
    ck_assert_msg(!strstr(text_bytes(&out), "4096"), "%s", text_bytes(&out));
    text_free(&out);
}
END_TEST

START_TEST(the_race_shows_the_losing_side) {
    Text out = {0};
    put_experiment("fixture-gpu/race_cuda", "fixture-gpu", "");
    put("fixture-gpu/race_cuda", "race",
        "kind\tdirection\tprecision\theads\twidth\tfeatures\tlength\tours_seconds\ttorch_seconds\t"
        "paired\tlow\thigh\ntiled\tforward\tbf16\t16\t64\t0\t4096\t0.002\t0.001\t0.5\t0.4\t0.6\n");
    expand("\\resulttable{race_cuda}{c}{tab:x}", "build/paper/en/tables/race_cuda.tex", &out, NULL);
    expect(&out, "Exact, tiled & Forward & \\LatinWords{bf16} & \\LatinWords{4096} & "
                 "\\Number{2.000} & \\Number{1.000} & \\Number{0.50~[0.40,~0.60]}");
    text_free(&out);
}
END_TEST

Suite *suite_report_gpu(void) {
    Suite *suite = suite_create("report_gpu");
    TCase *devices = tcase_create("devices");
    tcase_add_checked_fixture(devices, open_world, report_world_end);
    tcase_add_test(devices, both_devices_stand_at_the_length_that_both_have);
    tcase_add_test(devices, without_a_gpu_the_report_says_so_there);
    tcase_add_test(devices, the_emulation_is_no_gpu);
    tcase_add_test(devices, layers_stand_side_by_side);
    tcase_add_test(devices, the_race_shows_the_losing_side);
    suite_add_tcase(suite, devices);
    return suite;
}
