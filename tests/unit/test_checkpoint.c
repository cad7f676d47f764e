/* checkpoint: what was written comes back, and nothing else is believed. */
#define _GNU_SOURCE
#include "file_bytes.h"
#include "base/rng.h"
#include "store/checkpoint.h"
#include "store/safetensors_write.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_checkpoint(void);

static char folder[64], path[128];

static void make_folder(void) {
    strcpy(folder, "/tmp/tamrin-checkpoint-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state.safetensors", folder);
}

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

static void ck_says(const char *text) {
    ck_assert_msg(strstr(status_message(), text), "'%s' should say '%s'", status_message(), text);
}

#define ROWS    3
#define COLUMNS 700
static const size_t shape[] = {ROWS, COLUMNS};

static void write_state(const char *kind) {
    static float weights[ROWS * COLUMNS];
    rng_fill_normal(weights, ROWS * COLUMNS, 1, 2);
    Checkpoint *c;
    ck_assert_int_eq(checkpoint_create(&c, kind), STATUS_OK);
    checkpoint_add(c, "value.w", 2, shape, weights);
    checkpoint_add(c, "empty", 2, (size_t[]){0, 5}, weights);
    checkpoint_note(c, "step", "%d", 42);
    checkpoint_note(c, "name", "a \"quoted\" name, تمرین");
    checkpoint_note_number(c, "rate", 3e-5);
    ck_assert_int_eq(checkpoint_write(c, path), STATUS_OK);
    checkpoint_close(c);
}

START_TEST(what_was_written_comes_back) {
    Checkpoint *c;
    float expected[ROWS * COLUMNS], found[ROWS * COLUMNS] = {0};
    uint64_t step;
    double rate;
    ck_assert_int_eq(checkpoint_exists(path), 0);
    write_state("test");
    ck_assert_int_eq(checkpoint_exists(path), 1);
    rng_fill_normal(expected, ROWS * COLUMNS, 1, 2);
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_OK);
    ck_assert_int_eq(checkpoint_load(c, "value.w", 2, shape, found), STATUS_OK);
    ck_assert_mem_eq(found, expected, sizeof expected);
    ck_assert_int_eq(checkpoint_load(c, "empty", 2, (size_t[]){0, 5}, found), STATUS_OK);
    ck_assert_int_eq(checkpoint_has(c, "value.w"), 1);
    ck_assert_int_eq(checkpoint_has(c, "value.v"), 0);
    ck_assert_int_eq(checkpoint_whole(c, "step", &step), STATUS_OK);
    ck_assert_uint_eq(step, 42);
    ck_assert_int_eq(checkpoint_number(c, "rate", &rate), STATUS_OK);
    ck_assert_double_eq(rate, 3e-5);
    ck_assert_str_eq(checkpoint_text(c, "name"), "a \"quoted\" name, تمرین");
    ck_assert_ptr_null(checkpoint_text(c, "nothing"));

    ck_assert_int_eq(checkpoint_expect(c, "rate", "the learning rate", "3e-05"), STATUS_OK);
    ck_assert_int_eq(checkpoint_expect(c, "rate", "the learning rate", "2e-05"), STATUS_FORMAT);
    ck_says("the learning rate is 3e-05 in the checkpoint, 2e-05 asked");
    ck_assert_int_eq(checkpoint_expect(c, "pool", "the pool", "8"), STATUS_FORMAT);
    ck_says("the pool is missing in the checkpoint, 8 asked");
    ck_assert_int_eq(checkpoint_whole(c, "rate", &step), STATUS_FORMAT);
    ck_assert_int_eq(checkpoint_whole(c, "nothing", &step), STATUS_FORMAT);
    ck_assert_int_eq(checkpoint_number(c, "name", &rate), STATUS_FORMAT);
    ck_assert_int_eq(checkpoint_check(c, "value.w", 2, (size_t[]){3, 701}), STATUS_FORMAT);
    ck_assert_int_eq(checkpoint_check(c, "value.v", 2, shape), STATUS_FORMAT);
    checkpoint_close(c);
    checkpoint_close(NULL);
}
END_TEST

START_TEST(numbers_are_short_and_exact) {
    char text[CHECKPOINT_NUMBER];
    ck_assert_str_eq(checkpoint_number_text(text, .1), "0.1");
    ck_assert_str_eq(checkpoint_number_text(text, 3e-5), "3e-05");
    ck_assert_str_eq(checkpoint_number_text(text, 1. / 3), "0.3333333333333333");
    ck_assert_str_eq(checkpoint_number_text(text, -0.), "-0");
    for (uint64_t i = 0; i < 1000; i++) {
        double x = rng_normal(1, 2, i) * exp(30 * rng_normal(1, 3, i));
        ck_assert_double_eq(strtod(checkpoint_number_text(text, x), NULL), x);
    }
    ck_assert_int_eq(isnan(strtod(checkpoint_number_text(text, NAN), NULL)), 1);
    ck_assert_double_eq(strtod(checkpoint_number_text(text, -INFINITY), NULL), -INFINITY);
}
END_TEST

START_TEST(a_changed_byte_or_a_missing_end_is_noticed) {
    Checkpoint *c;
    size_t size, changed = 0;
    write_state("test");
    unsigned char *bytes = file_bytes_read(path, &size);
    for (size_t at = 0; at < size; at += at < 1200 ? 1 : 97) {
        bytes[at] ^= (unsigned char)(1 << at % 8);
        file_bytes_write(path, bytes, size);
        ck_assert_msg(checkpoint_open(&c, path, "test") == STATUS_FORMAT, "byte %zu of %zu", at,
                      size);
        ck_assert_ptr_null(c);
        bytes[at] ^= (unsigned char)(1 << at % 8);
        changed++;
    }
    ck_assert_uint_gt(changed, 1000);
    for (size_t kept = 0; kept < size; kept += kept < 64 ? 1 : 501) {
        file_bytes_write(path, bytes, kept);
        ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_FORMAT);
    }
    file_bytes_write(path, bytes, size);
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_OK);
    checkpoint_close(c);
    free(bytes);
}
END_TEST

START_TEST(a_stranger_is_refused) {
    Checkpoint *c;
    write_state("something else");
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_FORMAT);
    ck_says("of kind 'something else'; expected 'test'");
    float one = 1;
    SafetensorsTensor tensor = {"w", SAFETENSORS_F32, 1, {1}, &one};
    ck_assert_int_eq(safetensors_write(path, &tensor, 1, NULL, 0), STATUS_OK);
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_FORMAT);
    ck_says("not a checkpoint");
    file_bytes_write(path, "notes to myself\n", 16);
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_FORMAT);
    unlink(path);
    ck_assert_int_eq(checkpoint_open(&c, path, "test"), STATUS_IO);
}
END_TEST

START_TEST(a_failed_addition_is_told_by_write) {
    Checkpoint *c;
    float one = 1;
    write_state("test");
    size_t size, after;
    unsigned char *bytes = file_bytes_read(path, &size);
    ck_assert_int_eq(checkpoint_create(&c, "test"), STATUS_OK);
    checkpoint_add(c, "w", 99, NULL, &one);
    ck_assert_int_eq(checkpoint_write(c, path), STATUS_ARGUMENT);
    checkpoint_close(c);
    ck_assert_int_eq(checkpoint_create(&c, "test"), STATUS_OK);
    checkpoint_add(c, "w", 1, (size_t[]){1}, &one);
    checkpoint_add(c, "w", 1, (size_t[]){1}, &one);
    ck_assert_int_eq(checkpoint_write(c, path), STATUS_ARGUMENT);
    checkpoint_close(c);
    unsigned char *still = file_bytes_read(path, &after); /* the earlier file is as it was */
    ck_assert_uint_eq(size, after);
    ck_assert_mem_eq(bytes, still, size);
    free(bytes);
    free(still);
}
END_TEST

Suite *suite_checkpoint(void) {
    Suite *suite = suite_create("checkpoint");
    TCase *tests = tcase_create("checkpoint");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, what_was_written_comes_back);
    tcase_add_test(tests, numbers_are_short_and_exact);
    tcase_add_test(tests, a_changed_byte_or_a_missing_end_is_noticed);
    tcase_add_test(tests, a_stranger_is_refused);
    tcase_add_test(tests, a_failed_addition_is_told_by_write);
    suite_add_tcase(suite, tests);
    return suite;
}
