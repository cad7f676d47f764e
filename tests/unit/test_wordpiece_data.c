/* wordpiece_data: the ids of every sentence of CoLA, from the folder that make test-data fills; its
 * MiniLM has the vocabulary of bert-base-uncased. Only hashes are kept here. */
#define _POSIX_C_SOURCE 200809L
#include "base/tsv.h"
#include "data/cola.h"
#include "text/wordpiece.h"
#include "unit/data_folder.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_wordpiece_data(void);

#define IDS_MAX 512

static const char *vocabulary(void) {
    return data_folder("wordpiece_data", "models/all-MiniLM-L6-v2/vocab.txt");
}

static const char *cola(void) {
    return data_folder("wordpiece_data", "cola/cola_public");
}

/* FNV-1a over little-endian int32. */
static uint64_t hash_ids(uint64_t hash, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int shift = 0; shift < 32; shift += 8)
            hash = (hash ^ ((uint32_t)ids[i] >> shift & 0xFF)) * UINT64_C(0x100000001b3);
    return hash;
}

START_TEST(every_sentence_has_the_ids_of_the_reference) {
    ColaForm form = _i / COLA_PARTS ? COLA_TOKENIZED : COLA_RAW;
    const char *form_name = form == COLA_RAW ? "raw" : "tokenized";
    ColaPart part = (ColaPart)(_i % COLA_PARTS);
    Tsv *table;
    ck_assert_msg(tsv_load("tests/golden/wordpiece_cola.tsv", &table) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(table->rows, 2 * COLA_PARTS);
    int row = 0;
    while (row < table->rows &&
           (strcmp(tsv_text(table, row, tsv_column(table, "form")), form_name) != 0 ||
            strcmp(tsv_text(table, row, tsv_column(table, "part")), cola_part_name(part)) != 0))
        row++;
    ck_assert_int_lt(row, table->rows);

    Wordpiece *pieces;
    ck_assert_msg(wordpiece_load(vocabulary(), WORDPIECE_BERT, 1, &pieces) == STATUS_OK, "%s",
                  status_message());
    ColaFile *file;
    ck_assert_msg(cola_load_part(cola(), form, part, &file) == STATUS_OK, "%s", status_message());
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t tokens = 0;
    for (size_t i = 0; i < file->rows; i++) {
        int32_t ids[IDS_MAX];
        size_t count, whole;
        const char *sentence = file->sentence[i];
        ck_assert_int_eq(
            wordpiece_encode(pieces, sentence, strlen(sentence), ids, IDS_MAX, &count, &whole),
            STATUS_OK);
        ck_assert_uint_eq(count, whole);
        hash = hash_ids(hash, ids, count);
        tokens += count;
    }
    char found[96], expected[96];
    snprintf(found, sizeof found, "%zu sentences, %zu tokens, %016" PRIx64, file->rows, tokens,
             hash);
    snprintf(expected, sizeof expected, "%s sentences, %s tokens, %s",
             tsv_text(table, row, tsv_column(table, "sentences")),
             tsv_text(table, row, tsv_column(table, "tokens")),
             tsv_text(table, row, tsv_column(table, "hash")));
    ck_assert_msg(strcmp(found, expected) == 0, "%s %s: expected %s, found %s", form_name,
                  cola_part_name(part), expected, found);
    cola_free(file);
    wordpiece_free(pieces);
    tsv_free(table);
}
END_TEST

Suite *suite_wordpiece_data(void) {
    Suite *suite = suite_create("wordpiece_data");
    TCase *files = tcase_create("published files");
    suite_add_tcase(suite, files);
    if (!vocabulary() || !cola()) return suite;
    tcase_add_loop_test(files, every_sentence_has_the_ids_of_the_reference, 0, 2 * COLA_PARTS);
    return suite;
}
