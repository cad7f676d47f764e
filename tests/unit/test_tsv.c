/* tsv: good tables are read as written, bad ones are refused with their line. */
#define _POSIX_C_SOURCE 200809L
#include "base/tsv.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_tsv(void);

static Tsv *parse(const char *text, size_t size) {
    Tsv *table;
    ck_assert_msg(tsv_parse("t.tsv", text, size, &table) == STATUS_OK, "%s", status_message());
    return table;
}
#define PARSE(text) parse(text, sizeof(text) - 1)

/* The same two rows, written in every way that is allowed. */
static const struct {
    const char *text;
    int lines[2];
} writings[] = {
    {"name\tvalue\nx\t1\ny\t2\n", {2, 3}},
    {"name\tvalue\nx\t1\ny\t2", {2, 3}},
    {"name\tvalue\r\nx\t1\r\ny\t2\r\n", {2, 3}},
    {"name\tvalue\r\nx\t1\r\ny\t2\r", {2, 3}},
    {"# said first\nname\tvalue\n\nx\t1\n# between\ny\t2\n\n", {4, 6}},
};

START_TEST(every_writing_gives_the_same_table) {
    Tsv *table = parse(writings[_i].text, strlen(writings[_i].text));
    ck_assert_int_eq(table->columns, 2);
    ck_assert_int_eq(table->rows, 2);
    int name = tsv_column(table, "name"), value = tsv_column(table, "value");
    ck_assert_int_eq(tsv_column(table, "Value"), -1);
    ck_assert_int_eq(tsv_find(table, name, "y"), 1);
    ck_assert_int_eq(tsv_find(table, name, "z"), -1);
    for (int row = 0; row < 2; row++) {
        double number;
        ck_assert_int_eq(tsv_number(table, row, value, &number), STATUS_OK);
        ck_assert_double_eq(number, row + 1);
        ck_assert_int_eq(table->lines[row], writings[_i].lines[row]);
    }
    tsv_free(table);
}
END_TEST

START_TEST(empty_fields_are_kept) {
    Tsv *table = PARSE("a\tb\tc\n\t\t\n1\t\t3\n");
    ck_assert_int_eq(table->rows, 2);
    for (int column = 0; column < 3; column++) ck_assert_str_eq(tsv_text(table, 0, column), "");
    ck_assert_str_eq(tsv_text(table, 1, 1), "");
    ck_assert_str_eq(tsv_text(table, 1, 2), "3");
    tsv_free(table);
}
END_TEST

START_TEST(a_header_alone_is_a_table) {
    Tsv *table = PARSE("a\tb\n");
    ck_assert_int_eq(table->rows, 0);
    ck_assert_int_eq(table->columns, 2);
    ck_assert_int_eq(tsv_find(table, 0, "a"), -1);
    tsv_free(table);
    tsv_free(NULL);
}
END_TEST

START_TEST(utf8_passes_through) {
    Tsv *table = PARSE("نام\tvalue\nتوجه\t1\n");
    ck_assert_int_eq(tsv_column(table, "نام"), 0);
    ck_assert_str_eq(tsv_text(table, 0, 0), "توجه");
    tsv_free(table);
}
END_TEST

static const struct {
    const char *text;
    size_t size;
    const char *says;
} hostile[] = {
#define HOSTILE(text, says)                                                                        \
    { text, sizeof(text) - 1, says }
    HOSTILE("", "no header"),
    HOSTILE("\n\r\n\n", "no header"),
    HOSTILE("# only a comment", "no header"),
    HOSTILE("a\tb\n1\n", "t.tsv:2: 1 fields; the header names 2"),
    HOSTILE("a\tb\n1\t2\n\n1\t2\t3\n", "t.tsv:4: 3 fields; the header names 2"),
    HOSTILE("a\tb\n1\t2\t", "t.tsv:2: 3 fields"),
    HOSTILE("a\tb\n1\0\t2\n", "NUL byte at offset 5"),
    HOSTILE("\0", "NUL byte at offset 0"),
};

START_TEST(hostile_text_is_refused) {
    Tsv *table = (Tsv *)&table;
    ck_assert_int_eq(tsv_parse("t.tsv", hostile[_i].text, hostile[_i].size, &table), STATUS_FORMAT);
    ck_assert_ptr_null(table);
    ck_assert_msg(strstr(status_message(), hostile[_i].says), "'%s' should say '%s'",
                  status_message(), hostile[_i].says);
}
END_TEST

START_TEST(text_that_is_no_number_names_its_line) {
    static const struct {
        const char *field;
        double value; /* NaN: refused */
    } fields[] = {{"1.5", 1.5}, {"-2e-3", -2e-3},  {"inf", INFINITY}, {"-inf", -INFINITY},
                  {"abc", NAN}, {"1.5s", NAN},     {"1,5", NAN},      {"nan", NAN},
                  {"1 2", NAN}, {"\xd9\xa1", NAN}, {"--1", NAN}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char text[64];
        snprintf(text, sizeof text, "k\tx\n\nk\t%s\n", fields[i].field);
        Tsv *table = parse(text, strlen(text));
        double number = 99;
        Status status = tsv_number(table, 0, 1, &number);
        if (isnan(fields[i].value)) {
            ck_assert_msg(status == STATUS_FORMAT, "'%s' passed for a number", fields[i].field);
            ck_assert_msg(strstr(status_message(), "t.tsv:3") &&
                              strstr(status_message(), fields[i].field),
                          "'%s'", status_message());
        } else {
            ck_assert_int_eq(status, STATUS_OK);
            ck_assert(number == fields[i].value);
        }
        tsv_free(table);
    }
}
END_TEST

START_TEST(long_lines_and_many_rows) {
    enum { LONG = 1 << 20, ROWS = 3000 };
    char *text = malloc(2 * LONG + ROWS * 16), *end = text;
    ck_assert_ptr_nonnull(text);
    end += sprintf(end, "a\tb\n");
    memset(end, 'x', LONG);
    end += LONG;
    *end++ = '\t';
    memset(end, 'y', LONG - 1);
    end += LONG - 1;
    *end++ = '\n';
    for (int i = 0; i < ROWS; i++) end += sprintf(end, "%d\t%d\n", i, -i);
    Tsv *table = parse(text, (size_t)(end - text));
    free(text);
    ck_assert_int_eq(table->rows, ROWS + 1);
    ck_assert_uint_eq(strlen(tsv_text(table, 0, 0)), LONG);
    ck_assert_uint_eq(strlen(tsv_text(table, 0, 1)), LONG - 1);
    double number;
    ck_assert_int_eq(tsv_number(table, ROWS, 1, &number), STATUS_OK);
    ck_assert_double_eq(number, 1 - ROWS);
    ck_assert_int_eq(table->lines[ROWS], ROWS + 2);
    tsv_free(table);
}
END_TEST

START_TEST(files_are_read_whole) {
    char path[] = "/tmp/tamrin-tsv-XXXXXX";
    int file = mkstemp(path);
    FILE *stream = fdopen(file, "w");
    fprintf(stream, "a\tb\n");
    for (int i = 0; i < 40000; i++) fprintf(stream, "%d\tvalue of %d\n", i, i);
    fclose(stream);
    Tsv *table;
    Status status = tsv_load(path, &table);
    unlink(path);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(table->rows, 40000);
    ck_assert_str_eq(tsv_text(table, 39999, 1), "value of 39999");
    tsv_free(table);
    ck_assert_int_eq(tsv_load(path, &table), STATUS_IO);
    ck_assert_msg(strstr(status_message(), path), "'%s'", status_message());
    ck_assert_ptr_null(table);
    ck_assert_int_eq(tsv_load("/tmp", &table), STATUS_IO);
}
END_TEST

Suite *suite_tsv(void) {
    Suite *suite = suite_create("tsv");
    TCase *good = tcase_create("good");
    tcase_add_loop_test(good, every_writing_gives_the_same_table, 0,
                        (int)(sizeof writings / sizeof *writings));
    tcase_add_test(good, empty_fields_are_kept);
    tcase_add_test(good, a_header_alone_is_a_table);
    tcase_add_test(good, utf8_passes_through);
    tcase_add_test(good, long_lines_and_many_rows);
    tcase_add_test(good, files_are_read_whole);
    suite_add_tcase(suite, good);
    TCase *bad = tcase_create("bad");
    tcase_add_loop_test(bad, hostile_text_is_refused, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(bad, text_that_is_no_number_names_its_line);
    suite_add_tcase(suite, bad);
    return suite;
}
