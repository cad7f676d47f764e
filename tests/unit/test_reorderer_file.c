/* A word orderer comes back from its file, rounded to bfloat16; damaged ones are refused. */
#define _POSIX_C_SOURCE 200809L
#include "model/reorderer_file.h"
#include "model/reorderer_search.h"
#include "store/safetensors_write.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_reorderer_file(void);

static char path[64];

static void make_path(void) {
    snprintf(path, sizeof path, "/tmp/tamrin-reorderer-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}
static void remove_path(void) {
    unlink(path);
}

static const char *const texts[] = {"من", "کتاب", "را", "خواندم", "دیروز"};

static void fill_words(ReorderWords *words) {
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t id;
        ck_assert_int_eq(reorder_words_add(words, texts[i], strlen(texts[i]), &id), STATUS_OK);
        ck_assert_uint_eq(id, i);
    }
}

static double loss_of(Reorderer *model, size_t known) {
    const int offsets[] = {0, 5};
    const uint32_t ids[] = {0, 4, 1, 2, 3};
    int32_t features[5 * REORDERER_FEATURES];
    Arena arena;
    Tape tape;
    for (int t = 0; t < 5; t++)
        reorderer_features(reorderer_config(model), texts[ids[t]],
                           ids[t] < known ? ids[t] : REORDER_NONE,
                           features + t * REORDERER_FEATURES);
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 0);
    const Value *loss =
        reorderer_loss(model, &tape, &(ReorderBatch){1, offsets, ids, features}, NULL);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    const double value = (double)loss->data[0];
    arena_close(&arena);
    return value;
}

static Reorderer *drawn(void) {
    ReordererConfig config = reorderer_config_default();
    config.width = 16, config.feed_forward = 32, config.words = 9, config.affixes = 20;
    config.encoder_layers = config.decoder_layers = 2;
    Reorderer *model;
    ck_assert_int_eq(reorderer_open(&model, &config, 3), STATUS_OK);
    return model;
}

START_TEST(comes_back_as_it_went) {
    ReorderWords words = {0}, again = {0};
    Reorderer *model = drawn(), *loaded;
    fill_words(&words);
    ck_assert_msg(reorderer_save(model, &words, 3, path) == STATUS_OK, "%s", status_message());
    ck_assert_msg(reorderer_load(&loaded, PRECISION_F32, path, &again) == STATUS_OK, "%s",
                  status_message());
    ck_assert_uint_eq(again.count, 3);
    for (uint32_t i = 0; i < 3; i++) ck_assert_str_eq(reorder_words_text(&again, i), texts[i]);
    ck_assert_int_eq(reorderer_config(loaded)->words, 3);
    /* The others were known by their affixes alone, and still are. */
    const double before = loss_of(model, 3), after = loss_of(loaded, 3);
    ck_assert_double_eq_tol(before, after, .02 * before);
    /* What is rounded once is rounded for good. */
    Reorderer *third;
    ReorderWords more = {0};
    ck_assert_int_eq(reorderer_save(loaded, &again, 3, path), STATUS_OK);
    ck_assert_int_eq(reorderer_load(&third, PRECISION_F32, path, &more), STATUS_OK);
    ck_assert(loss_of(third, 3) == after);
    reorder_words_free(&words), reorder_words_free(&again), reorder_words_free(&more);
    reorderer_close(model), reorderer_close(loaded), reorderer_close(third);
}
END_TEST

START_TEST(other_files_are_refused) {
    static const char *const lists[] = {"a\nb\n", "a\nb\na\n", "a\n\nb\n", "a\nb\nc"};
    const float number = 1;
    const SafetensorsTensor tensor = {"x", SAFETENSORS_F32, 1, {1}, &number};
    Reorderer *model;
    for (int k = -1; k < 4; k++) {
        ReorderWords words = {0};
        const SafetensorsPair pairs[] = {
            {"reorderer.shape", "encoder 1 decoder 1 width 8 heads 1 feed 8 words 3 affixes 4 "
                                "places 5 left 1"},
            {"reorderer.words", k < 0 ? "" : lists[k]}};
        ck_assert_int_eq(safetensors_write(path, &tensor, 1, pairs, k < 0 ? 0 : 2), STATUS_OK);
        ck_assert_int_eq(reorderer_load(&model, PRECISION_F32, path, &words), STATUS_FORMAT);
        ck_assert_ptr_null(model);
        ck_assert_ptr_nonnull(strstr(status_message(), path));
        reorder_words_free(&words);
    }
}
END_TEST

Suite *suite_reorderer_file(void) {
    Suite *suite = suite_create("reorderer_file");
    TCase *test = tcase_create("reorderer_file");
    tcase_add_checked_fixture(test, make_path, remove_path);
    tcase_add_test(test, comes_back_as_it_went);
    tcase_add_test(test, other_files_are_refused);
    suite_add_tcase(suite, test);
    return suite;
}
