/* cola_annotations: joined to the sentences they belong to; bad and damaged tables are refused. */
#include "data/cola_annotations.h"
#include "unit/cola_damage.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_cola_annotations(void);

static ColaFile *parse(const char *text, size_t size) {
    ColaFile *file;
    ck_assert_msg(cola_parse("c.tsv", text, size, &file) == STATUS_OK, "%s", status_message());
    return file;
}
#define PARSE(text) parse(text, sizeof(text) - 1)

#define HEADER "Source\tDomain\tAcceptability\tSentence\tSimple\tBinding:Refl\n"
#define TABLE                                                                                      \
    HEADER "gj04\tIn\t1\tWho left?\t1\t0\n"                                                        \
           "c-05\tOut\t1\tBooks were sent.\t0\t1\n"                                                \
           "c-05\tOut\t0\tBooks were sent which one.\t0\t1\n"                                      \
           "w_80\tOut\t1\tBooks were sent.\t1\t1\n"

START_TEST(annotations_are_joined_by_source_and_sentence) {
    ColaAnnotations *table;
    ck_assert_msg(cola_annotations_parse("t.tsv", TABLE, sizeof TABLE - 1, &table) == STATUS_OK,
                  "%s", status_message());
    ck_assert_uint_eq(table->rows, 4);
    ck_assert_uint_eq(table->features, 2);
    ck_assert_str_eq(table->feature[1], "Binding:Refl");
    ck_assert_uint_eq(table->out_of_domain[0], 0);
    ck_assert_uint_eq(table->out_of_domain[1], 1);
    ck_assert_uint_eq(table->label[2], 0);
    ColaFile *file = PARSE("w_80\t1\t\tBooks were sent.\n"
                           "c-05\t1\t\tBooks were sent.\n"
                           "c-05\t0\t*\tBooks were sent.\n"
                           "c-05\t1\t\tBooks were sent.\n"
                           "gj04\t1\t\tWho left?\n");
    ColaJoin join;
    ck_assert_int_eq(cola_join(file, table, &join), STATUS_OK);
    const uint32_t expected[] = {3, 1, COLA_UNMATCHED, COLA_UNMATCHED, 0};
    ck_assert_mem_eq(join.row, expected, sizeof expected);
    ck_assert_uint_eq(join.matched, 3);
    ck_assert_uint_eq(join.unmatched, 2);
    ck_assert_int_eq(cola_shows(table, &join, 0, 0), 1);
    ck_assert_int_eq(cola_shows(table, &join, 1, 0), 0);
    ck_assert_int_eq(cola_shows(table, &join, 1, 1), 1);
    ck_assert_int_eq(cola_shows(table, &join, 2, 1), 0);
    ck_assert_uint_eq(join.relabelled, 0);
    cola_join_free(&join);
    cola_free(file);
    cola_annotations_free(table);
    cola_annotations_free(NULL);
}
END_TEST

/* A row that agrees in the label goes first wherever it stands; the rest may differ in it. */
START_TEST(labels_that_differ_match_last_and_are_counted) {
    ColaAnnotations *table;
    ck_assert_int_eq(cola_annotations_parse("t.tsv", TABLE, sizeof TABLE - 1, &table), STATUS_OK);
    ColaFile *file = PARSE("c-05\t0\t*\tBooks were sent.\n"
                           "c-05\t1\t\tBooks were sent.\n"
                           "gj04\t0\t*\tWho left?\n");
    ColaJoin join;
    ck_assert_int_eq(cola_join(file, table, &join), STATUS_OK);
    const uint32_t expected[] = {COLA_UNMATCHED, 1, 0};
    ck_assert_mem_eq(join.row, expected, sizeof expected);
    ck_assert_uint_eq(join.matched, 2);
    ck_assert_uint_eq(join.unmatched, 1);
    ck_assert_uint_eq(join.relabelled, 1);
    cola_join_free(&join);
    cola_free(file);
    cola_annotations_free(table);
}
END_TEST

static const struct {
    const char *text, *message;
} bad_tables[] = {
    {"", "t.tsv: no header line"},
    {"Source\tDomain\tLabel\tSentence\tA\n", "t.tsv: found column 3 'Label'"},
    {"Source\tDomain\n", "t.tsv: found column 3 ''"},
    {"Source\tDomain\tAcceptability\tSentence\n", "t.tsv: the header ends after Sentence"},
    {HEADER "a\tIn\t1\tx\t1\n", "t.tsv:2: 5 fields"},
    {HEADER "a\tIn\t1\tx\t1\t2\n", "t.tsv:2: column Binding:Refl holds '2'; expected 0 or 1"},
    {HEADER "a\tInside\t1\tx\t1\t0\n", "t.tsv:2: column Domain holds 'Inside'"},
    {HEADER "a\tIn\t?\tx\t1\t0\n", "t.tsv:2: column Acceptability holds '?'"},
    {HEADER "a\tIn\t1\tx\xff\t1\t0\n", "t.tsv:2: found byte 0xff at offset 1"},
    {"Source\tDomain\tAcceptability\tSentence\t\xff\n", "t.tsv:1: found byte 0xff"},
};

START_TEST(bad_annotations_are_refused) {
    ColaAnnotations *table;
    const char *text = bad_tables[_i].text, *message = bad_tables[_i].message;
    ck_assert_int_eq(cola_annotations_parse("t.tsv", text, strlen(text), &table), STATUS_FORMAT);
    ck_assert_ptr_null(table);
    ck_assert_msg(strncmp(status_message(), message, strlen(message)) == 0,
                  "expected '%s...', found '%s'", message, status_message());
}
END_TEST

enum { TRIALS = 10000 };

START_TEST(damaged_annotations_are_refused_or_sane) {
    ColaFile *file = PARSE("gj04\t1\t\tWho left?\n"
                           "c-05\t0\t*\tBooks were sent.\n"
                           "c-05\t1\t\tBooks were sent.\n");
    int refused = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        size_t size = sizeof TABLE - 1;
        char *text = cola_damage(TABLE, &size, trial);
        ColaAnnotations *table;
        Status status = cola_annotations_parse("t.tsv", text, size, &table);
        free(text);
        if (status != STATUS_OK) {
            ck_assert_int_eq(status, STATUS_FORMAT);
            ck_assert_ptr_null(table);
            ck_assert_msg(strncmp(status_message(), "t.tsv:", 6) == 0, "%s", status_message());
            refused++;
            continue;
        }
        for (size_t i = 0; i < table->rows * table->features; i++)
            ck_assert_uint_le(table->shows[i], 1);
        ColaJoin join;
        ck_assert_int_eq(cola_join(file, table, &join), STATUS_OK);
        ck_assert_uint_eq(join.matched + join.unmatched, file->rows);
        for (size_t row = 0; row < file->rows; row++)
            ck_assert(join.row[row] == COLA_UNMATCHED || join.row[row] < table->rows);
        cola_join_free(&join);
        cola_annotations_free(table);
    }
    cola_free(file);
    ck_assert_int_gt(refused, TRIALS / 10);
    ck_assert_int_lt(refused, TRIALS * 9 / 10);
}
END_TEST

Suite *suite_cola_annotations(void) {
    Suite *suite = suite_create("cola_annotations");
    TCase *join = tcase_create("join");
    tcase_add_test(join, annotations_are_joined_by_source_and_sentence);
    tcase_add_test(join, labels_that_differ_match_last_and_are_counted);
    suite_add_tcase(suite, join);
    TCase *refused = tcase_create("refused");
    tcase_add_loop_test(refused, bad_annotations_are_refused, 0,
                        (int)(sizeof bad_tables / sizeof *bad_tables));
    tcase_add_test(refused, damaged_annotations_are_refused_or_sane);
    suite_add_tcase(suite, refused);
    return suite;
}
