/* cola: every quirk of the release on a fixture of its own, bad files refused with their line,
 * thousands of damaged ones, and the hold-out split. */
#define _POSIX_C_SOURCE 200809L
#include "data/cola.h"
#include "data/cola_text.h"
#include "unit/cola_damage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_cola(void);

static ColaFile *parse(const char *text, size_t size) {
    ColaFile *file;
    ck_assert_msg(cola_parse("c.tsv", text, size, &file) == STATUS_OK, "%s", status_message());
    return file;
}
#define PARSE(text) parse(text, sizeof(text) - 1)

#define FIVE                                                                                       \
    "gj04\t1\t\tThe sailors rode the breeze.\n"                                                    \
    "gj04\t0\t*\tThey drank the pub.\n"                                                            \
    "c-05\t1\t \tBooks were sent.\n"                                                               \
    "gj04\t0\t??\tWho left?\n"                                                                     \
    "ks08\t1\t\tWho left?\n"

START_TEST(a_file_is_read_as_written) {
    ColaFile *file = PARSE(FIVE);
    ck_assert_uint_eq(file->rows, 5);
    ck_assert_uint_eq(file->labels[0], 2);
    ck_assert_uint_eq(file->labels[1], 3);
    ck_assert_str_eq(file->sentence[0], "The sailors rode the breeze.");
    ck_assert_str_eq(file->mark[2], " ");
    ck_assert_str_eq(file->mark[3], "??");
    ck_assert_uint_eq(file->label[1], 0);
    ck_assert_uint_eq(file->line[4], 5);
    ck_assert_uint_eq(file->sources, 3);
    ck_assert_str_eq(file->source[0].code, "gj04");
    ck_assert_uint_eq(file->source[0].rows, 3);
    ck_assert_uint_eq(file->source[0].labels[0], 2);
    ck_assert_str_eq(file->source[file->source_of[4]].code, "ks08");
    ck_assert_uint_eq(file->quirks.backspaces, 0);
    ck_assert_uint_eq(file->quirks.carriage_returns, 0);
    ck_assert_int_eq(file->quirks.missing_newline, 0);
    ck_assert_int_eq(file->quirks.byte_order_mark, 0);
    cola_free(file);
    cola_free(NULL);
}
END_TEST

START_TEST(many_sources_are_kept_apart) {
    char text[4096];
    size_t size = 0;
    for (int i = 0; i < 200; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "s%d\t%d\t\tx %d\n", i % 37,
                                 i % 2, i);
    ColaFile *file = parse(text, size);
    ck_assert_uint_eq(file->sources, 37);
    for (int i = 0; i < 200; i++) {
        char code[8];
        snprintf(code, sizeof code, "s%d", i % 37);
        ck_assert_str_eq(file->source[file->source_of[i]].code, code);
    }
    ck_assert_uint_eq(file->source[0].rows, 6);
    ck_assert_uint_eq(file->source[36].rows, 5);
    cola_free(file);
}
END_TEST

START_TEST(backspaces_are_removed_and_counted) {
    ColaFile *file = PARSE("a\t1\t\tput \ba picture\b\n"
                           "a\t0\t*\t\bThis\n");
    ck_assert_uint_eq(file->quirks.backspaces, 3);
    ck_assert_str_eq(file->sentence[0], "put a picture");
    ck_assert_str_eq(file->sentence[1], "This");
    cola_free(file);
}
END_TEST

START_TEST(marks_are_counted_by_kind) {
    ColaFile *file = PARSE("a\t1\t\t1\n"
                           "a\t0\t\t2\n"
                           "a\t1\t \t3\n"
                           "a\t0\t*\t4\n"
                           "a\t0\t?\t5\n"
                           "a\t0\t??\t6\n"
                           "a\t0\t?*\t7\n"
                           "a\t0\t*?\t8\n"
                           "a\t0\t#\t9\n"
                           "a\t0\t*\t10\n");
    const size_t expected[COLA_MARKS] = {2, 1, 2, 1, 1, 1, 1, 1};
    ck_assert_mem_eq(file->quirks.marks, expected, sizeof expected);
    ck_assert_uint_eq(file->quirks.unmarked, 1);
    ck_assert_str_eq(file->mark[8], "#");
    cola_free(file);
}
END_TEST

START_TEST(ends_of_lines_and_files) {
    static const struct {
        const char *text;
        size_t returns;
        int missing, byte_order_mark;
    } writings[] = {
        {"a\t1\t\tx y\nb\t0\t*\tz\n", 0, 0, 0},
        {"a\t1\t\tx y\nb\t0\t*\tz", 0, 1, 0},
        {"a\t1\t\tx y\r\nb\t0\t*\tz\r\n", 2, 0, 0},
        {"a\t1\t\tx y\nb\t0\t*\tz\r", 1, 1, 0},
        {"\xef\xbb\xbf"
         "a\t1\t\tx y\nb\t0\t*\tz\n",
         0, 0, 1},
    };
    for (size_t i = 0; i < sizeof writings / sizeof *writings; i++) {
        ColaFile *file = parse(writings[i].text, strlen(writings[i].text));
        ck_assert_uint_eq(file->rows, 2);
        ck_assert_str_eq(file->source[0].code, "a");
        ck_assert_str_eq(file->sentence[0], "x y");
        ck_assert_str_eq(file->sentence[1], "z");
        ck_assert_uint_eq(file->quirks.carriage_returns, writings[i].returns);
        ck_assert_int_eq(file->quirks.missing_newline, writings[i].missing);
        ck_assert_int_eq(file->quirks.byte_order_mark, writings[i].byte_order_mark);
        cola_free(file);
    }
}
END_TEST

START_TEST(repeats_and_contradictions_are_counted) {
    ColaFile *file = PARSE("a\t1\t\tx\n"
                           "a\t1\t\ty\n"
                           "b\t1\t\tx\n"
                           "a\t0\t*\tx\n"
                           "a\t0\t*\tX\n");
    ck_assert_uint_eq(file->quirks.repeats, 2);
    ck_assert_uint_eq(file->quirks.contradictions, 1);
    cola_free(file);
}
END_TEST

START_TEST(overlap_counts_rows_and_marks_them) {
    ColaFile *a = PARSE("a\t1\t\tx\na\t1\t\ty\na\t1\t\tx\n");
    ColaFile *b = PARSE("b\t0\t*\tx\nb\t1\t\tz\n");
    size_t count;
    unsigned char marks[3];
    ck_assert_int_eq(cola_overlap(a, b, &count, marks), STATUS_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(marks, "\1\0\1", 3);
    ck_assert_int_eq(cola_overlap(b, a, &count, NULL), STATUS_OK);
    ck_assert_uint_eq(count, 1);
    cola_free(a);
    cola_free(b);
}
END_TEST

/* --- bad files --- */

#define BAD(text, message)                                                                         \
    { text, sizeof(text) - 1, message }
static const struct {
    const char *text;
    size_t size;
    const char *message;
} bad[] = {
    BAD("", "c.tsv: the file is empty"),
    BAD("\xef\xbb\xbf", "c.tsv: the file is empty"),
    BAD("a\t1\t\tx\na\t1\tx\n", "c.tsv:2: found 3 fields; expected 4"),
    BAD("a\t1\t\tx\ty\n", "c.tsv:1: found 5 fields; expected 4"),
    BAD("a\t1\t\tx\n\n", "c.tsv:2: found 1 fields; expected 4"),
    BAD("a\t1\t\tx\na\t2\t\ty\n", "c.tsv:2: found label '2'; expected 0 or 1"),
    BAD("a\t\t\tx\n", "c.tsv:1: found label ''; expected 0 or 1"),
    BAD("a\t10\t\tx\n", "c.tsv:1: found label '10'; expected 0 or 1"),
    BAD("source\tlabel\tmark\tsentence\n", "c.tsv:1: found label 'label'; expected 0 or 1"),
    BAD("\t1\t\tx\n", "c.tsv:1: the source is empty"),
    BAD("a\t1\t\t\n", "c.tsv:1: the sentence is empty"),
    BAD("a\t1\t\t\b\b\n", "c.tsv:1: the sentence is empty"),
    BAD("a\t1\t\tx\na\t1\t\tx\0y\n", "c.tsv:2: found a NUL byte at offset 13"),
    BAD("a\t1\t\tx\na\t1\t\t\xff\n", "c.tsv:2: found byte 0xff at offset 12"),
    BAD("a\t1\t\tcaf\xe9\n", "c.tsv:1: found byte 0xe9 at offset 8"),
    BAD("a\t1\t\tx\xc3", "c.tsv:1: found byte 0xc3 at offset 6"),
    BAD("a\t1\t\t\xff\0\n", "c.tsv:1: found byte 0xff at offset 5"),
    BAD("a\t1\t\t\0\xff\n", "c.tsv:1: found a NUL byte at offset 5"),
};

START_TEST(bad_files_are_refused_with_their_line) {
    ColaFile *file;
    ck_assert_int_eq(cola_parse("c.tsv", bad[_i].text, bad[_i].size, &file), STATUS_FORMAT);
    ck_assert_ptr_null(file);
    ck_assert_msg(strncmp(status_message(), bad[_i].message, strlen(bad[_i].message)) == 0,
                  "expected '%s...', found '%s'", bad[_i].message, status_message());
}
END_TEST

START_TEST(utf8_by_its_definition) {
    static const struct {
        const char *text;
        size_t size, good;
    } cases[] = {
        {"", 0, 0},
        {"plain", 5, 5},
        {"\xc2\x80\xdf\xbf", 4, 4},
        {"\xe0\xa0\x80\xef\xbf\xbf", 6, 6},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, 8},
        {"a\x80", 2, 1},            /* a continuation with no lead */
        {"a\xc0\xaf", 3, 1},        /* overlong, two bytes */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong, three */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong, four */
        {"\xed\xa0\x80", 3, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 4, 0}, /* no lead byte */
        {"ab\xe2\x82", 4, 2},       /* cut short */
        {"\xe2\x82z", 3, 0},        /* its third byte missing */
        {"\xf0\x90\x80z", 4, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(cola_utf8_length(cases[i].text, cases[i].size) == cases[i].good,
                      "case %zu: %zu", i, cola_utf8_length(cases[i].text, cases[i].size));
}
END_TEST

START_TEST(files_on_disk) {
    char folder[] = "/tmp/tamrin-cola-XXXXXX", path[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/large.tsv", folder);
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    for (int i = 0; i < 20000; i++) fprintf(stream, "a\t%d\t\tsentence %d\n", i % 2, i);
    fclose(stream);
    ColaFile *file;
    Status status = cola_load(path, &file);
    unlink(path);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(file->rows, 20000);
    ck_assert_str_eq(file->sentence[19999], "sentence 19999");
    cola_free(file);
    ck_assert_int_eq(cola_load(path, &file), STATUS_IO);
    ck_assert_ptr_null(file);
    ck_assert_msg(strstr(status_message(), path), "%s", status_message());
    ck_assert_int_eq(cola_load(folder, &file), STATUS_IO);
    ck_assert_int_eq(cola_load_part(folder, COLA_TOKENIZED, COLA_OUT_OF_DOMAIN_DEV, &file),
                     STATUS_IO);
    ck_assert_msg(strstr(status_message(), "/tokenized/out_of_domain_dev.tsv"), "%s",
                  status_message());
    rmdir(folder);
}
END_TEST

START_TEST(sources_have_titles) {
    int in_domain = -1;
    ck_assert_str_eq(cola_source_title("gj04", &in_domain), "Goldberg and Jackendoff (2004)");
    ck_assert_int_eq(in_domain, 1);
    ck_assert_str_eq(cola_source_title("w_80", &in_domain), "Williams (1980)");
    ck_assert_int_eq(in_domain, 0);
    ck_assert_ptr_null(cola_source_title("nobody", NULL));
}
END_TEST

/* --- hold-out --- */

static ColaFile *rows_of(int rows) {
    char *text = malloc((size_t)rows * 32);
    ck_assert_ptr_nonnull(text);
    size_t size = 0;
    for (int i = 0; i < rows; i++)
        size += (size_t)snprintf(text + size, 32, "a\t%d\t\tx%d\n", i % 3 > 0, i);
    ColaFile *file = parse(text, size);
    free(text);
    return file;
}

START_TEST(the_split_is_a_partition_drawn_by_seed) {
    ColaFile *file = rows_of(8551);
    ColaSplit split, again, other;
    ck_assert_int_eq(cola_split(file, 0.1, 1, &split), STATUS_OK);
    ck_assert_int_eq(cola_split(file, 0.1, 1, &again), STATUS_OK);
    ck_assert_int_eq(cola_split(file, 0.1, 2, &other), STATUS_OK);
    ck_assert_uint_eq(split.validation, 855);
    ck_assert_uint_eq(split.training, 7696);
    ck_assert_uint_eq(split.shared, 0);
    /* Recorded results name their seed: the rows that it draws may not change unnoticed. */
    ck_assert_uint_eq(split.validation_row[0], 27);
    ck_assert_uint_eq(split.validation_row[1], 32);
    ck_assert_uint_eq(split.validation_row[2], 40);
    unsigned char seen[8551] = {0};
    for (size_t i = 0; i < split.validation; i++) {
        seen[split.validation_row[i]]++;
        ck_assert(i == 0 || split.validation_row[i - 1] < split.validation_row[i]);
    }
    for (size_t i = 0; i < split.training; i++) {
        seen[split.training_row[i]]++;
        ck_assert(i == 0 || split.training_row[i - 1] < split.training_row[i]);
    }
    for (size_t i = 0; i < 8551; i++) ck_assert_uint_eq(seen[i], 1);
    size_t bytes = split.validation * sizeof *split.validation_row;
    ck_assert_mem_eq(split.validation_row, again.validation_row, bytes);
    ck_assert_int_ne(memcmp(split.validation_row, other.validation_row, bytes), 0);
    /* Two draws of a tenth share a hundredth of the rows: 85.5, deviation 8.8. */
    memset(seen, 0, sizeof seen);
    size_t common = 0;
    for (size_t i = 0; i < split.validation; i++) seen[split.validation_row[i]] = 1;
    for (size_t i = 0; i < other.validation; i++) common += seen[other.validation_row[i]];
    ck_assert_uint_gt(common, 50);
    ck_assert_uint_lt(common, 121);
    cola_split_free(&split);
    cola_split_free(&again);
    cola_split_free(&other);
    cola_free(file);
}
END_TEST

START_TEST(a_split_counts_sentences_on_both_sides) {
    ColaFile *same = PARSE("a\t1\t\tx\na\t1\t\tx\na\t1\t\tx\na\t1\t\tx\n");
    ColaSplit split;
    ck_assert_int_eq(cola_split(same, 0.5, 1, &split), STATUS_OK);
    ck_assert_uint_eq(split.validation, 2);
    ck_assert_uint_eq(split.shared, 2);
    cola_split_free(&split);
    cola_free(same);
}
END_TEST

START_TEST(a_split_needs_two_parts) {
    ColaFile *file = rows_of(4);
    ColaSplit split;
    static const double shares[] = {0, 1, -0.1, 1.5, 0.1, 0.9};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        ck_assert_int_eq(cola_split(file, shares[i], 1, &split), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), "of 4 rows"), "%s", status_message());
    ck_assert_int_eq(cola_split(file, strtod("nan", NULL), 1, &split), STATUS_ARGUMENT);
    cola_free(file);
}
END_TEST

/* --- damaged files --- */

static void check_sane(const ColaFile *file) {
    ck_assert_uint_gt(file->rows, 0);
    ck_assert_uint_eq(file->labels[0] + file->labels[1], file->rows);
    size_t by_source = 0, by_mark = 0;
    for (size_t i = 0; i < file->sources; i++) by_source += file->source[i].rows;
    for (int i = 0; i < COLA_MARKS; i++) by_mark += file->quirks.marks[i];
    ck_assert_uint_eq(by_source, file->rows);
    ck_assert_uint_eq(by_mark, file->rows);
    for (size_t row = 0; row < file->rows; row++) {
        size_t length = strlen(file->sentence[row]);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_eq(cola_utf8_length(file->sentence[row], length), length);
        ck_assert_ptr_null(strpbrk(file->sentence[row], "\t\n\b"));
        ck_assert_uint_le(file->label[row], 1);
        ck_assert_uint_lt(file->source_of[row], file->sources);
        ck_assert_uint_eq(file->line[row], row + 1);
    }
}

enum { TRIALS = 10000 };

START_TEST(damaged_files_are_refused_or_sane) {
    static const char whole[] =
        FIVE "m_02\t0\t*?\tCaf\xc3\xa9 \be\xcc\x81 \xe2\x80\x9cx\xe2\x80\x9d"
             " \xf0\x9f\x98\x80.\r\nsks13\t0\t\tLast";
    int refused = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        size_t size = sizeof whole - 1;
        char *text = cola_damage(whole, &size, trial);
        ColaFile *file;
        Status status = cola_parse("c.tsv", text, size, &file);
        free(text);
        if (status != STATUS_OK) {
            ck_assert_int_eq(status, STATUS_FORMAT);
            ck_assert_ptr_null(file);
            ck_assert_msg(strncmp(status_message(), "c.tsv:", 6) == 0, "%s", status_message());
            refused++;
            continue;
        }
        check_sane(file);
        ColaSplit split;
        if (cola_split(file, 0.3, trial, &split) == STATUS_OK) {
            ck_assert_uint_eq(split.training + split.validation, file->rows);
            cola_split_free(&split);
        }
        cola_free(file);
    }
    ck_assert_int_gt(refused, TRIALS / 10);
    ck_assert_int_lt(refused, TRIALS * 9 / 10);
}
END_TEST

Suite *suite_cola(void) {
    Suite *suite = suite_create("cola");
    TCase *good = tcase_create("good");
    tcase_add_test(good, a_file_is_read_as_written);
    tcase_add_test(good, many_sources_are_kept_apart);
    tcase_add_test(good, backspaces_are_removed_and_counted);
    tcase_add_test(good, marks_are_counted_by_kind);
    tcase_add_test(good, ends_of_lines_and_files);
    tcase_add_test(good, repeats_and_contradictions_are_counted);
    tcase_add_test(good, overlap_counts_rows_and_marks_them);
    tcase_add_test(good, files_on_disk);
    tcase_add_test(good, sources_have_titles);
    suite_add_tcase(suite, good);
    TCase *refused = tcase_create("refused");
    tcase_add_loop_test(refused, bad_files_are_refused_with_their_line, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(refused, utf8_by_its_definition);
    tcase_add_test(refused, damaged_files_are_refused_or_sane);
    suite_add_tcase(suite, refused);
    TCase *drawn = tcase_create("drawn");
    tcase_add_test(drawn, the_split_is_a_partition_drawn_by_seed);
    tcase_add_test(drawn, a_split_counts_sentences_on_both_sides);
    tcase_add_test(drawn, a_split_needs_two_parts);
    suite_add_tcase(suite, drawn);
    return suite;
}
