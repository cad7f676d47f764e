/* conllu: written words with their parts, what is no CoNLL-U refused with its line, and thousands
 * of damaged files. */
#define _POSIX_C_SOURCE 200809L
#include "data/conllu.h"
#include "data/text_file.h"
#include "unit/cola_damage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Suite *suite_conllu(void);

static Conllu *parse(const char *text, size_t size) {
    Conllu *file;
    ck_assert_msg(conllu_parse("t.conllu", text, size, &file) == STATUS_OK, "%s", status_message());
    return file;
}
#define PARSE(text) parse(text, sizeof(text) - 1)

#define REST(upos, misc) "\t_\t" upos "\t_\t_\t0\troot\t_\t" misc "\n"
/* clang-format off */
static const char two[] =
    "# sent_id = a1\n# text = جهان ماتمش شد.\n# note = x\n"
    "1\tجهان" REST("NOUN", "_")
    "2-3\tماتمش" REST("_", "_")
    "2\tماتم" REST("NOUN", "_")
    "3\tش" REST("PRON", "_")
    "3.1\tx" REST("VERB", "_")
    "4\tشد" REST("VERB", "Root=شد|SpaceAfter=No")
    "5\t." REST("PUNCT", "_")
    "\n"
    "1\tبله" REST("INTJ", "SpaceAfter=Nobody");
/* clang-format on */

START_TEST(words_are_those_written) {
    Conllu *file = parse(two, sizeof two - 1);
    ck_assert_uint_eq(file->sentences, 2);
    ck_assert_uint_eq(file->words, 5);
    ck_assert_uint_eq(file->multiword, 1);
    ck_assert_uint_eq(file->unwritten, 1);
    ck_assert_uint_eq(file->without_text, 1);
    const ConlluSentence *first = &file->sentence[0], *second = &file->sentence[1];
    ck_assert_str_eq(first->id, "a1");
    ck_assert_str_eq(first->text, "جهان ماتمش شد.");
    ck_assert_uint_eq(first->line, 1);
    ck_assert_uint_eq(first->words, 4);
    ck_assert_str_eq(first->word[1].form, "ماتمش");
    ck_assert_str_eq(first->word[1].upos, "NOUN");
    ck_assert_uint_eq(first->word[1].parts, 2);
    ck_assert_uint_eq(first->word[1].punctuation, 0);
    ck_assert_uint_eq(first->word[1].space_after, 1);
    ck_assert_uint_eq(first->word[2].space_after, 0);
    ck_assert_uint_eq(first->word[3].punctuation, 1);
    ck_assert_uint_eq(second->line, 12);
    ck_assert_uint_eq(second->words, 1);
    ck_assert_uint_eq(second->word[0].space_after, 1);
    ck_assert_str_eq(second->text, "");
    conllu_free(file);
    conllu_free(NULL);
}
END_TEST

START_TEST(carriage_returns_and_a_mark_are_accepted) {
    Conllu *file = PARSE("\xEF\xBB\xBF"
                         "1\ta\t_\tX\t_\t_\t0\troot\t_\t_\r\n\r\n\r\n\r\n");
    ck_assert_uint_eq(file->sentences, 1);
    ck_assert_uint_eq(file->carriage_returns, 4);
    ck_assert_str_eq(file->sentence[0].word[0].form, "a");
    conllu_free(file);
}
END_TEST

START_TEST(a_gzip_file_is_read_and_a_cut_one_refused) {
    char path[] = "/tmp/tamrin-conllu-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    gzFile stream = gzdopen(descriptor, "wb");
    ck_assert_int_eq(gzwrite(stream, two, sizeof two - 1), (int)sizeof two - 1);
    ck_assert_int_eq(gzclose(stream), Z_OK);
    Conllu *file;
    ck_assert_msg(conllu_load(path, &file) == STATUS_OK, "%s", status_message());
    ck_assert_uint_eq(file->words, 5);
    conllu_free(file);
    ck_assert_int_eq(truncate(path, 60), 0);
    ck_assert_int_eq(conllu_load(path, &file), STATUS_FORMAT);
    ck_assert_ptr_null(file);
    ck_assert_msg(strstr(status_message(), "gzip"), "%s", status_message());
    unlink(path);
    ck_assert_int_eq(conllu_load(path, &file), STATUS_IO);
    ck_assert_int_eq(conllu_load("/tmp", &file), STATUS_IO);
}
END_TEST

static const struct {
    const char *text, *says;
} refused[] = {
    {"", "t.conllu: found no sentence"},
    {"\n\n", "found no sentence"},
    {"1\ta\n", "t.conllu:1: found 2 columns; expected 10"},
    {"1\ta" REST("X\tX", "_"), "t.conllu:1: found 11 columns"},
    {"# text = a\n\n", "t.conllu:1: found a sentence with no word"},
    {"1\ta" REST("X", "_") "# x\n\n3\ta" REST("X", "_"), "t.conllu:4: found word 3 after word 0"},
    {"1\ta" REST("X", "_") "3\ta" REST("X", "_"),
     "t.conllu:2: found word 3 after word 1; expected 2"},
    {"2-3\ta" REST("_", "_"), "t.conllu:1: found token 2-3 after word 0"},
    {"1-1\ta" REST("_", "_"), "t.conllu:1: found token 1-1"},
    {"1-3\ta" REST("_", "_") "1\ta" REST("X", "_") "2-4\ta" REST("_", "_"),
     "t.conllu:3: found token 2-4"},
    {"1-3\ta" REST("_", "_") "1\ta" REST("X", "_"),
     "t.conllu:1: the sentence has 1 words, and a token covers words up to 3"},
    {"x\ta" REST("X", "_"), "t.conllu:1: found id 'x'"},
    {"1-\ta" REST("X", "_"), "t.conllu:1: found id '1-'"},
    {"99999999999\ta" REST("X", "_"), "t.conllu:1: found id"},
    {"-1\ta" REST("X", "_"), "t.conllu:1: found id '-1'"},
    {"1\t" REST("X", "_"), "t.conllu:1: the form is empty"},
    {"1\ta" REST("", "_"), "t.conllu:1: the UPOS is empty"},
    {"1\ta\xFF" REST("X", "_"), "t.conllu:1: found byte 0xff at offset 3, which is not UTF-8"},
};

START_TEST(what_is_no_treebank_is_refused) {
    Conllu *file;
    ck_assert_int_eq(conllu_parse("t.conllu", refused[_i].text, strlen(refused[_i].text), &file),
                     STATUS_FORMAT);
    ck_assert_ptr_null(file);
    ck_assert_msg(strstr(status_message(), refused[_i].says), "'%s' should say '%s'",
                  status_message(), refused[_i].says);
}
END_TEST

START_TEST(a_nul_byte_is_refused) {
    Conllu *file;
    ck_assert_int_eq(conllu_parse("t.conllu", "1\ta\n\n\0b", 7, &file), STATUS_FORMAT);
    ck_assert_msg(strstr(status_message(), "t.conllu:3: found a NUL byte at offset 5"), "%s",
                  status_message());
}
END_TEST

START_TEST(damaged_files_are_refused_or_sane) {
    size_t accepted = 0;
    for (uint64_t trial = 0; trial < 20000; trial++) {
        size_t size = sizeof two - 1;
        char *text = cola_damage(two, &size, trial);
        Conllu *file;
        Status status = conllu_parse("t.conllu", text, size, &file);
        if (status == STATUS_OK) {
            size_t words = 0;
            for (size_t s = 0; s < file->sentences; s++) {
                ck_assert_uint_gt(file->sentence[s].words, 0);
                for (size_t w = 0; w < file->sentence[s].words; w++) {
                    ck_assert_uint_gt(strlen(file->sentence[s].word[w].form), 0);
                    ck_assert_uint_gt(file->sentence[s].word[w].parts, 0);
                }
                words += file->sentence[s].words;
            }
            ck_assert_uint_eq(words, file->words);
            conllu_free(file);
            accepted++;
        } else {
            ck_assert_int_eq(status, STATUS_FORMAT);
            ck_assert_ptr_null(file);
        }
        free(text);
    }
    ck_assert_uint_gt(accepted, 100);
}
END_TEST

Suite *suite_conllu(void) {
    Suite *suite = suite_create("conllu");
    TCase *tcase = tcase_create("files");
    tcase_add_test(tcase, words_are_those_written);
    tcase_add_test(tcase, carriage_returns_and_a_mark_are_accepted);
    tcase_add_test(tcase, a_gzip_file_is_read_and_a_cut_one_refused);
    tcase_add_loop_test(tcase, what_is_no_treebank_is_refused, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tcase, a_nul_byte_is_refused);
    tcase_add_test(tcase, damaged_files_are_refused_or_sane);
    suite_add_tcase(suite, tcase);
    return suite;
}
