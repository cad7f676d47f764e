/* cola_published: the published files themselves, from the folder that make test-data fills. */
#define _POSIX_C_SOURCE 200809L
#include "data/cola.h"
#include "data/cola_annotations.h"
#include "unit/data_folder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_cola_published(void);

static const char *cola_folder(void) {
    return data_folder("cola_published", "cola/cola_public");
}

static ColaFile *published(ColaForm form, ColaPart part) {
    ColaFile *file;
    Status status = cola_load_part(cola_folder(), form, part, &file);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    return file;
}

/* Counted with a separate program. Marks are in the order of ColaMark. */
static const struct {
    ColaForm form;
    ColaPart part;
    size_t rows, acceptable, sources, backspaces, repeats, contradictions, unmarked;
    size_t marks[COLA_MARKS];
} counts[] = {
    /* clang-format off */
    {COLA_RAW, COLA_IN_DOMAIN_TRAIN, 8551, 6023, 17, 3, 19, 11, 1, {6024, 0, 2461, 0, 29, 31, 6}},
    {COLA_RAW, COLA_IN_DOMAIN_DEV, 527, 365, 17, 0, 0, 0, 0, {365, 0, 158, 0, 0, 4}},
    {COLA_RAW, COLA_OUT_OF_DOMAIN_DEV, 516, 354, 6, 0, 3, 3, 0, {353, 1, 162}},
    {COLA_TOKENIZED, COLA_IN_DOMAIN_TRAIN, 8551, 6023, 17, 3, 23, 11, 1,
     {6024, 0, 2461, 0, 29, 31, 6}},
    {COLA_TOKENIZED, COLA_IN_DOMAIN_DEV, 527, 365, 17, 0, 0, 0, 0, {365, 0, 158, 0, 0, 4}},
    {COLA_TOKENIZED, COLA_OUT_OF_DOMAIN_DEV, 516, 354, 6, 0, 3, 3, 0, {353, 1, 162}},
    /* clang-format on */
};

START_TEST(published_counts) {
    ColaFile *file = published(counts[_i].form, counts[_i].part);
    ck_assert_uint_eq(file->rows, counts[_i].rows);
    ck_assert_uint_eq(file->labels[1], counts[_i].acceptable);
    ck_assert_uint_eq(file->labels[0], counts[_i].rows - counts[_i].acceptable);
    ck_assert_uint_eq(file->sources, counts[_i].sources);
    ck_assert_uint_eq(file->quirks.backspaces, counts[_i].backspaces);
    ck_assert_uint_eq(file->quirks.repeats, counts[_i].repeats);
    ck_assert_uint_eq(file->quirks.contradictions, counts[_i].contradictions);
    ck_assert_uint_eq(file->quirks.unmarked, counts[_i].unmarked);
    ck_assert_int_eq(file->quirks.missing_newline,
                     counts[_i].form == COLA_RAW && counts[_i].part == COLA_OUT_OF_DOMAIN_DEV);
    ck_assert_mem_eq(file->quirks.marks, counts[_i].marks, sizeof counts[_i].marks);
    for (size_t i = 0; i < file->sources; i++) {
        int in_domain = -1;
        ck_assert_msg(cola_source_title(file->source[i].code, &in_domain), "no title for '%s'",
                      file->source[i].code);
        ck_assert_int_eq(in_domain, counts[_i].part != COLA_OUT_OF_DOMAIN_DEV);
    }
    cola_free(file);
}
END_TEST

START_TEST(published_overlap) {
    static const size_t expected[2][2] = {{6, 12}, {7, 12}};
    for (int form = COLA_RAW; form <= COLA_TOKENIZED; form++) {
        ColaFile *train = published((ColaForm)form, COLA_IN_DOMAIN_TRAIN);
        for (int part = COLA_IN_DOMAIN_DEV; part <= COLA_OUT_OF_DOMAIN_DEV; part++) {
            ColaFile *dev = published((ColaForm)form, (ColaPart)part);
            size_t count;
            ck_assert_int_eq(cola_overlap(dev, train, &count, NULL), STATUS_OK);
            ck_assert_uint_eq(count, expected[form][part - COLA_IN_DOMAIN_DEV]);
            cola_free(dev);
        }
        cola_free(train);
    }
}
END_TEST

START_TEST(published_split) {
    ColaFile *train = published(COLA_RAW, COLA_IN_DOMAIN_TRAIN);
    ColaSplit split;
    ck_assert_int_eq(cola_split(train, 0.1, 1, &split), STATUS_OK);
    ck_assert_uint_eq(split.validation, 855);
    size_t acceptable = 0;
    for (size_t i = 0; i < split.validation; i++)
        acceptable += train->label[split.validation_row[i]];
    /* Of 855 drawn, 602.2 are expected to be acceptable, deviation 12.6. */
    ck_assert_uint_gt(acceptable, 602 - 50);
    ck_assert_uint_lt(acceptable, 602 + 50);
    ck_assert_uint_le(split.shared, 2 * 19);
    cola_split_free(&split);
    cola_free(train);
}
END_TEST

static ColaAnnotations *published_annotations(const char *kind) {
    char command[2048], name[128];
    snprintf(name, sizeof name, "CoLA_grammatical_annotations_%s_features.tsv", kind);
    snprintf(command, sizeof command, "unzip -p '%s/../CoLA_grammatical_annotations.zip' %s",
             cola_folder(), name);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    static char text[1 << 20];
    size_t size = fread(text, 1, sizeof text, pipe);
    ck_assert_msg(pclose(pipe) == 0, "'%s' failed", command);
    ColaAnnotations *table;
    Status status = cola_annotations_parse(name, text, size, &table);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    return table;
}

START_TEST(published_annotations_join_the_dev_files) {
    static const struct {
        const char *kind;
        size_t features;
    } tables[] = {{"major", 15}, {"minor", 63}};
    for (size_t i = 0; i < 2; i++) {
        ColaAnnotations *table = published_annotations(tables[i].kind);
        ck_assert_uint_eq(table->rows, 1043);
        ck_assert_uint_eq(table->features, tables[i].features);
        ColaFile *in = published(COLA_RAW, COLA_IN_DOMAIN_DEV);
        ColaFile *out = published(COLA_RAW, COLA_OUT_OF_DOMAIN_DEV);
        ColaJoin join;
        ck_assert_int_eq(cola_join(in, table, &join), STATUS_OK);
        ck_assert_uint_eq(join.unmatched, 1);
        ck_assert_uint_eq(join.relabelled, 2);
        cola_join_free(&join);
        ck_assert_int_eq(cola_join(out, table, &join), STATUS_OK);
        ck_assert_uint_eq(join.unmatched, 3);
        ck_assert_uint_eq(join.relabelled, 0);
        cola_join_free(&join);
        cola_free(in);
        cola_free(out);
        cola_annotations_free(table);
    }
}
END_TEST

Suite *suite_cola_published(void) {
    Suite *suite = suite_create("cola_published");
    TCase *files = tcase_create("files");
    suite_add_tcase(suite, files);
    if (!cola_folder()) return suite;
    tcase_add_loop_test(files, published_counts, 0, (int)(sizeof counts / sizeof *counts));
    tcase_add_test(files, published_overlap);
    tcase_add_test(files, published_split);
    tcase_add_test(files, published_annotations_join_the_dev_files);
    return suite;
}
