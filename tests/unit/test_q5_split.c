/* q5_split: cases are read as they are marked, baselines do what they say, scores count right, and
 * figures of another text are refused. */
#define _POSIX_C_SOURCE 200809L
#include "q5_split.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q5_split(void);

START_TEST(a_case_is_its_text_and_its_cuts) {
    SplitText text;
    ck_assert_int_eq(split_case_parse("One.| Two\\n|Three.|Four", "kind", &text), STATUS_OK);
    ck_assert_str_eq(text.bytes, "One. Two\nThree.Four");
    ck_assert_uint_eq(text.cuts, 3);
    ck_assert_uint_eq(text.cut[0], 4);
    ck_assert_uint_eq(text.cut[1], 8);
    ck_assert_uint_eq(text.cut[2], 15);
    split_text_free(&text);
}
END_TEST

/* The text with a | at each cut. */
static void show(SplitMethod method, const char *text, char *out) {
    SentenceList list = {0};
    size_t count, at = 0;
    ck_assert_int_eq(split_method_run(method, text, strlen(text), &list, &count), STATUS_OK);
    *out = '\0';
    for (size_t i = 0; i < count; i++) {
        strncat(out, text + at, list.end[i] - at);
        strcat(out, "|");
        at = list.end[i];
    }
    strcat(out, text + at);
    sentence_list_free(&list);
}

START_TEST(baselines_do_what_they_say) {
    static const char text[] = "عدد ۳.۵ است...\nآیا؟ نه!  \n\nم. رفت.";
    char found[256];
    show(SPLIT_EVERY_STOP, text, found);
    ck_assert_str_eq(found, "عدد ۳.|۵ است...|\nآیا؟| نه!|  \n\nم.| رفت.");
    show(SPLIT_STOP_SPACE, text, found);
    ck_assert_str_eq(found, "عدد ۳.۵ است...|\nآیا؟| نه!|  \n\nم.| رفت.");
    show(SPLIT_NEWLINE, text, found);
    ck_assert_str_eq(found, "عدد ۳.۵ است...|\nآیا؟ نه!|  \n\nم. رفت.");
    show(SPLIT_RULES, text, found);
    ck_assert_str_eq(found, "عدد ۳.۵ است...|\nآیا؟| نه!|  \n\nم. رفت.");
    show(SPLIT_NEWLINE, "", found);
    ck_assert_str_eq(found, "");
    SentenceList list = {0};
    size_t count;
    ck_assert_int_eq(split_method_run(SPLIT_PYSBD, "", 0, &list, &count), STATUS_ARGUMENT);
}
END_TEST

static char folder[64];

static void write_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

#define BANK                                                                                               \
    "# text = او "                                                                                       \
    "آمد.\n1\tاو\tاو\tPRON\t_\t_\t2\tnsubj\t_\t_\n2\tآمد\tآمد\tVERB\t_\t_\t0\troot\t_\t_\n\n" \
    "# text = ج. رفت.\n1\tرفت\tرفت\tVERB\t_\t_\t0\troot\t_\t_\n\n"

static void write_world(void) {
    strcpy(folder, "/tmp/tamrin_split_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file("fa_seraji-ud-train.txt", " یک.\nدو.\n\nسه\n");
    write_file("fa_seraji-ud-dev.conllu", BANK);
    write_file("fa_seraji-ud-test.conllu", BANK);
    write_file("sentences_hard.tsv", "kind\ttext\na\tیک.| دو.\nb\tسه\na\tچهار و| پنج.\n");
    write_file("sentences_fresh.tsv", "kind\ttext\na\tشش\n");
}

static void remove_world(void) {
    static const char *const names[] = {"fa_seraji-ud-train.txt",   "fa_seraji-ud-dev.conllu",
                                        "fa_seraji-ud-test.conllu", "sentences_hard.tsv",
                                        "sentences_fresh.tsv",      "peer.tsv"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void write_peer(const SplitTexts *sets, const char *dev_hash, const char *hard_units) {
    char text[2048];
    snprintf(text, sizeof text,
             "set\tversion\ttext_sha256\tunits\ntrain\t9\t%s\t. x2 -1\ndev\t9\t%s\tx -\n"
             "test\t9\t%s\t. -\nhard\t9\t%s\t%s\nfresh\t9\t%s\t-\n",
             sets[SPLIT_TRAIN].sha256, dev_hash ? dev_hash : sets[SPLIT_DEV].sha256,
             sets[SPLIT_TEST].sha256, sets[SPLIT_HARD].sha256, hard_units,
             sets[SPLIT_FRESH].sha256);
    write_file("peer.tsv", text);
}

static Status score(const SplitTexts *sets, SplitScores *scores) {
    char path[128];
    snprintf(path, sizeof path, "%s/peer.tsv", folder);
    return split_score_all(sets, path, 1, scores);
}

START_TEST(scores_are_counted_by_set_and_kind) {
    SplitTexts sets[SPLIT_SETS] = {0};
    static SplitScores scores;
    write_world();
    ck_assert_msg(split_texts_load(sets, folder, folder) == STATUS_OK, "%s", status_message());
    ck_assert_str_eq(sets[SPLIT_TRAIN].name, "train");
    ck_assert_uint_eq(sets[SPLIT_TRAIN].sentences, 3);
    ck_assert(memcmp(sets[SPLIT_TRAIN].text->bytes, "یک. دو. سه", strlen("یک. دو. سه")) == 0);
    ck_assert(memcmp(sets[SPLIT_DEV].text->bytes, "او آمد. ج. رفت.", 20) == 0);
    ck_assert_uint_eq(sets[SPLIT_HARD].texts, 3);
    write_peer(sets, NULL, ". - -1 x -");
    ck_assert_msg(score(sets, &scores) == STATUS_OK, "%s", status_message());
    const SplitScore *s = split_score_find(&scores, SPLIT_RULES, SPLIT_TRAIN, NULL);
    ck_assert_uint_eq(s->counts.right, 2);
    ck_assert_double_eq(s->intervals.f1.value, 1);
    s = split_score_find(&scores, SPLIT_EVERY_STOP, SPLIT_DEV, NULL);
    ck_assert_uint_eq(s->counts.right, 1);
    ck_assert_uint_eq(s->counts.wrong, 1);
    s = split_score_find(&scores, SPLIT_RULES, SPLIT_HARD, "a");
    ck_assert_uint_eq(s->texts, 2);
    ck_assert_uint_eq(s->whole, 1);
    ck_assert_uint_eq(s->counts.right, 1);
    ck_assert_uint_eq(s->counts.missed, 1);
    s = split_score_find(&scores, SPLIT_PYSBD, SPLIT_TRAIN, NULL);
    ck_assert_uint_eq(s->counts.right, 1);
    ck_assert_uint_eq(s->counts.wrong, 3);
    ck_assert_uint_eq(s->counts.missed, 1);
    s = split_score_find(&scores, SPLIT_PYSBD, SPLIT_HARD, "b");
    ck_assert_uint_eq(s->counts.wrong, 1);
    ck_assert_str_eq(scores.pysbd_version, "9");
    ck_assert_ptr_null(split_score_find(&scores, SPLIT_NEWLINE, SPLIT_HARD, "a"));
    split_texts_free(sets);
    remove_world();
}
END_TEST

START_TEST(figures_of_another_text_are_refused) {
    SplitTexts sets[SPLIT_SETS] = {0};
    static SplitScores scores;
    write_world();
    ck_assert_int_eq(split_texts_load(sets, folder, folder), STATUS_OK);
    write_peer(sets, "0000", ". - - x -");
    ck_assert_int_eq(score(sets, &scores), STATUS_FORMAT);
    ck_assert_ptr_nonnull(strstr(status_message(), "peer.tsv:3: the set dev was another text"));
    static const char *const wrong[] = {". - - x", ". . - x -", ". - - x - -", ". - - y -", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_peer(sets, NULL, wrong[i]);
        ck_assert_int_eq(score(sets, &scores), STATUS_FORMAT);
        ck_assert_ptr_nonnull(strstr(status_message(), "peer.tsv:5: units"));
    }
    split_texts_free(sets);
    remove_world();
}
END_TEST

START_TEST(the_speed_of_small_texts_is_a_number) {
    SplitText text;
    ck_assert_int_eq(split_case_parse("سلام به همه. او آمد.", NULL, &text), STATUS_OK);
    SplitTexts set = {.name = "train", .text = &text, .texts = 1, .sentences = 1};
    SplitSpeed speed;
    ck_assert_int_eq(split_speed_measure(&set, 1, 2, &speed), STATUS_OK);
    ck_assert_double_gt(speed.stream.median, 0);
    ck_assert_double_gt(speed.normalise.median, 0);
    ck_assert_uint_eq(speed.bytes, 1000000);
    split_text_free(&text);
}
END_TEST

Suite *suite_q5_split(void) {
    Suite *suite = suite_create("q5_split");
    TCase *tcase = tcase_create("q5_split");
    tcase_add_test(tcase, a_case_is_its_text_and_its_cuts);
    tcase_add_test(tcase, baselines_do_what_they_say);
    tcase_add_test(tcase, scores_are_counted_by_set_and_kind);
    tcase_add_test(tcase, figures_of_another_text_are_refused);
    tcase_add_test(tcase, the_speed_of_small_texts_is_a_number);
    suite_add_tcase(suite, tcase);
    return suite;
}
