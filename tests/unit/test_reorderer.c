/* The word orderer: its encoder sees a bag, its answers are permutations whatever it is given, the
 * step-by-step decoder is the one that was trained, the beam finds the best, and it learns. */
#include "base/rng.h"
#include "model/reorderer.h"
#include "model/reorderer_search.h"
#include "train/adamw.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_reorderer(void);

enum { WIDTH = 16, LONGEST = 60 };

static ReordererConfig tiny(void) {
    return (ReordererConfig){.encoder_layers = 2,
                             .decoder_layers = 2,
                             .width = WIDTH,
                             .heads = 2,
                             .feed_forward = 32,
                             .words = 20,
                             .affixes = 30,
                             .places = 12,
                             .left_only = 1};
}

/* A bag of words that are numbers; from `unknown` on they have no vector of their own. */
typedef struct {
    int offsets[9];
    uint32_t words[LONGEST];
    int32_t features[LONGEST * REORDERER_FEATURES];
    ReorderBatch batch;
} Bag;

static void fill_bag(Bag *bag, const ReordererConfig *config, int sequences, const int *lengths,
                     const uint32_t *words) {
    bag->offsets[0] = 0;
    for (int b = 0; b < sequences; b++) bag->offsets[b + 1] = bag->offsets[b] + lengths[b];
    for (int t = 0; t < bag->offsets[sequences]; t++) {
        char text[24];
        snprintf(text, sizeof text, "ک%uتا", (unsigned)words[t]);
        bag->words[t] = words[t];
        reorderer_features(config, text, words[t], bag->features + t * REORDERER_FEATURES);
    }
    bag->batch = (ReorderBatch){sequences, bag->offsets, bag->words, bag->features};
}

static Reorderer *open_model(const ReordererConfig *config, uint64_t seed) {
    Reorderer *model;
    ck_assert_msg(reorderer_open(&model, config, seed) == STATUS_OK, "%s", status_message());
    return model;
}

/* Weights larger than training begins with, so that the model has opinions. */
static void shake(Reorderer *model) {
    ParameterSet *set = reorderer_parameters(model);
    for (size_t i = 0; i < set->count; i++)
        if (set->item[i]->rank == 2)
            for (size_t k = 0; k < set->item[i]->count; k++) set->item[i]->value[k] *= 3;
    ck_assert_int_eq(parameters_changed(set), STATUS_OK);
}

static double loss_of(Reorderer *model, const ReorderBatch *batch, int *right) {
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 0);
    const Value *loss = reorderer_loss(model, &tape, batch, right);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    const double value = (double)loss->data[0];
    arena_close(&arena);
    return value;
}

static void search(Reorderer *model, const ReorderBatch *batch, ReordererSearch options, int *order,
                   double *score) {
    Arena arena;
    ck_assert_int_eq(arena_open(&arena, 1 << 28), STATUS_OK);
    ck_assert_msg(reorderer_search(model, &arena, batch, &options, order, score) == STATUS_OK, "%s",
                  status_message());
    ck_assert_uint_eq(arena.used, 0);
    arena_close(&arena);
}

static void check_permutation(const int *order, int n) {
    int seen[LONGEST] = {0};
    for (int t = 0; t < n; t++) {
        ck_assert(order[t] >= 0 && order[t] < n);
        ck_assert_int_eq(seen[order[t]]++, 0);
    }
}

/* --- the bag ---------------------------------------------------------------------------------- */

START_TEST(permuting_the_bag_permutes_its_states) {
    const ReordererConfig config = tiny();
    const uint32_t words[] = {3, 1, 4, 1, 25, 9, 2}, turned[] = {2, 9, 25, 1, 4, 1, 3};
    const int length = 7;
    Bag a, b;
    Arena arena;
    Tape tape;
    Reorderer *model = open_model(&config, 1);
    shake(model);
    fill_bag(&a, &config, 1, &length, words);
    fill_bag(&b, &config, 1, &length, turned);
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 0);
    const Value *x = reorderer_encode(model, &tape, &a.batch);
    const Value *y = reorderer_encode(model, &tape, &b.batch);
    ck_assert_int_eq(tape_status(&tape), STATUS_OK);
    for (int t = 0; t < length; t++)
        for (int i = 0; i < WIDTH; i++)
            ck_assert_float_eq_tol(x->data[t * WIDTH + i], y->data[(length - 1 - t) * WIDTH + i],
                                   1e-5f);
    /* Equal words have equal states. */
    ck_assert_float_eq_tol(x->data[1 * WIDTH], x->data[3 * WIDTH], 1e-6f);
    arena_close(&arena);
    reorderer_close(model);
}
END_TEST

START_TEST(the_order_of_the_input_changes_nothing) {
    const ReordererConfig config = tiny();
    uint32_t words[] = {3, 1, 4, 1, 25, 9, 2, 6, 26, 3};
    const int length = 10;
    Reorderer *model = open_model(&config, 2);
    shake(model);
    uint32_t first[10] = {0};
    double score, best = 0;
    for (int trial = 0; trial < 12; trial++) {
        Bag bag;
        int order[10];
        fill_bag(&bag, &config, 1, &length, words);
        search(model, &bag.batch, (ReordererSearch){.beam = 1 + trial % 2 * 7}, order, &score);
        check_permutation(order, length);
        for (int t = 0; t < length; t++) {
            if (trial < 2) continue;
            if (trial % 2) ck_assert_uint_eq(words[order[t]], first[t]);
        }
        if (trial == 1) {
            for (int t = 0; t < length; t++) first[t] = words[order[t]];
            best = score;
        }
        if (trial % 2) ck_assert(score == best); /* to the bit */
        for (int i = length - 1; i > 0; i--) {
            const int j = (int)rng_below(5, (uint64_t)trial, (uint64_t)i, (uint64_t)i + 1);
            const uint32_t kept = words[i];
            words[i] = words[j], words[j] = kept;
        }
    }
    reorderer_close(model);
}
END_TEST

START_TEST(anything_comes_out_as_a_permutation) {
    ReordererConfig config = tiny();
    for (int kind = 0; kind < 6; kind++) {
        config.left_only = kind % 2;
        Reorderer *model = open_model(&config, 3);
        if (kind >= 2) shake(model);
        ParameterSet *set = reorderer_parameters(model);
        if (kind == 4) parameters_find(set, "reorderer.query")->value[3] = NAN;
        if (kind == 5) parameters_find(set, "reorderer.key")->value[3] = 1e30f;
        const int lengths[] = {1, 2, 40, 3, 5};
        uint32_t words[51];
        Bag bag;
        int order[51];
        for (int i = 0; i < 51; i++) /* many repeated ones, many unknown ones */
            words[i] = (uint32_t)rng_below(6, (uint64_t)kind, (uint64_t)i, kind ? 40 : 2);
        fill_bag(&bag, &config, 5, lengths, words);
        for (int beam = 1; beam <= 16; beam *= 4) {
            search(model, &bag.batch, (ReordererSearch){.beam = beam, .ends = 2}, order, NULL);
            for (int b = 0; b < 5; b++) check_permutation(order + bag.offsets[b], lengths[b]);
        }
        reorderer_close(model);
    }
}
END_TEST

/* --- the search ------------------------------------------------------------------------------- */

/* The bag in the order found, as one that is taught. */
static void reorder_bag(const Bag *bag, const ReordererConfig *config, const int *order, Bag *out) {
    uint32_t words[LONGEST];
    int lengths[8];
    for (int b = 0; b < bag->batch.sequences; b++) {
        lengths[b] = bag->offsets[b + 1] - bag->offsets[b];
        for (int t = 0; t < lengths[b]; t++)
            words[bag->offsets[b] + t] = bag->words[bag->offsets[b] + order[bag->offsets[b] + t]];
    }
    fill_bag(out, config, bag->batch.sequences, lengths, words);
}

START_TEST(a_score_is_the_loss_of_its_order) {
    ReordererConfig config = tiny();
    for (config.left_only = 0; config.left_only <= 1; config.left_only++) {
        Reorderer *model = open_model(&config, 4);
        shake(model);
        const int lengths[] = {7, 14, 1};
        const uint32_t words[] = {3,  1,  4,  1,  25, 9, 2, 8, 8, 8, 2,
                                  17, 30, 31, 11, 5,  6, 7, 0, 0, 2, 12};
        Bag bag, found;
        int order[22];
        double score[3];
        fill_bag(&bag, &config, 3, lengths, words);
        for (int beam = 1; beam <= 8; beam *= 8) {
            search(model, &bag.batch, (ReordererSearch){.beam = beam}, order, score);
            reorder_bag(&bag, &config, order, &found);
            ck_assert_double_eq_tol(loss_of(model, &found.batch, NULL) * 22,
                                    -(score[0] + score[1] + score[2]), 1e-3);
        }
        reorderer_close(model);
    }
}
END_TEST

static void next_permutation(int *p, int n) {
    int i = n - 2, j = n - 1;
    while (i >= 0 && p[i] >= p[i + 1]) i--;
    if (i < 0) return;
    while (p[j] <= p[i]) j--;
    int kept = p[i];
    p[i] = p[j], p[j] = kept;
    for (i++, j = n - 1; i < j; i++, j--) kept = p[i], p[i] = p[j], p[j] = kept;
}

START_TEST(a_wide_beam_finds_the_best_of_all_orders) {
    const ReordererConfig config = tiny();
    Reorderer *model = open_model(&config, 5);
    shake(model);
    const uint32_t words[] = {3, 1, 4, 1, 25};
    const int length = 5;
    Bag bag, trial;
    int order[5], p[5] = {0, 1, 2, 3, 4};
    double score, best = INFINITY;
    fill_bag(&bag, &config, 1, &length, words);
    search(model, &bag.batch, (ReordererSearch){.beam = 200, .ends = 5}, order, &score);
    for (int i = 0; i < 120; i++, next_permutation(p, 5)) {
        reorder_bag(&bag, &config, p, &trial);
        best = fmin(best, 5 * loss_of(model, &trial.batch, NULL));
    }
    ck_assert_double_eq_tol(-score, best, 1e-4);
    reorderer_close(model);
}
END_TEST

/* A trigram of random sentences of words 0 .. 29. */
static Ngram *open_trigram(void) {
    Ngram *ngram;
    ck_assert_int_eq(ngram_open(&ngram, 32), STATUS_OK);
    for (uint64_t i = 0; i < 400; i++) {
        uint32_t sentence[6];
        for (uint64_t t = 0; t < 6; t++) sentence[t] = (uint32_t)rng_below(8, i, t, 6 + 6 * t / 2);
        ck_assert_int_eq(ngram_add(ngram, sentence, 6), STATUS_OK);
    }
    ck_assert_int_eq(ngram_finish(ngram), STATUS_OK);
    return ngram;
}

static double trigram_nats(const Ngram *ngram, const uint32_t *word, int n) {
    double nats = 0;
    uint32_t u = NGRAM_BEGIN, v = NGRAM_BEGIN;
    for (int t = 0; t <= n; t++) {
        const uint32_t next = t < n ? word[t] : NGRAM_END;
        nats += log(ngram_probability(ngram, u, v, next));
        u = v, v = next;
    }
    return nats;
}

START_TEST(with_a_trigram_it_finds_the_best_of_both) {
    const ReordererConfig config = tiny();
    static const double weights[] = {0, .5, 100};
    Reorderer *model = open_model(&config, 5);
    Ngram *ngram = open_trigram();
    shake(model);
    const uint32_t words[] = {3, 1, 4, 1, 25};
    const int length = 5;
    double alone[5] = {0};
    Bag bag, trial;
    int order[5], p[5] = {0, 1, 2, 3, 4};
    fill_bag(&bag, &config, 1, &length, words);
    for (int k = 0; k < 3; k++) {
        double score, best = -INFINITY;
        search(
            model, &bag.batch,
            (ReordererSearch){.beam = 200, .ends = 5, .ngram = ngram, .ngram_weight = weights[k]},
            order, &score);
        check_permutation(order, 5);
        for (int i = 0; i < 5; i++) p[i] = i;
        for (int i = 0; i < 120; i++, next_permutation(p, 5)) {
            reorder_bag(&bag, &config, p, &trial);
            best = fmax(best, -5 * loss_of(model, &trial.batch, NULL) +
                                  weights[k] * trigram_nats(ngram, trial.words, 5));
        }
        ck_assert_double_eq_tol(score, best, 1e-4 * fmax(1, fabs(best)));
        if (k == 0) search(model, &bag.batch, (ReordererSearch){.beam = 200, .ends = 5}, p, alone);
        if (k == 0) ck_assert(score == alone[0]); /* to the bit */
    }
    ngram_close(ngram);
    reorderer_close(model);
}
END_TEST

START_TEST(what_cannot_be_searched_is_refused) {
    const ReordererConfig config = tiny();
    Reorderer *model = open_model(&config, 5);
    const uint32_t words[] = {1, 2};
    const int length = 2;
    const int too_long[] = {0, REORDERER_WORDS_MAX + 1}, empty[] = {0, 0};
    Bag bag;
    Arena arena;
    int order[2];
    fill_bag(&bag, &config, 1, &length, words);
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    ck_assert_int_eq(
        reorderer_search(model, &arena, &bag.batch, &(ReordererSearch){.beam = 0}, order, NULL),
        STATUS_ARGUMENT);
    for (int i = 0; i < 2; i++) {
        const ReorderBatch bad = {1, i ? empty : too_long, bag.words, bag.features};
        ck_assert_int_eq(
            reorderer_search(model, &arena, &bad, &(ReordererSearch){.beam = 1}, order, NULL),
            STATUS_ARGUMENT);
    }
    arena_close(&arena);
    reorderer_close(model);
}
END_TEST

/* --- training --------------------------------------------------------------------------------- */

static void backward(Reorderer *model, const ReorderBatch *batch) {
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *loss = reorderer_loss(model, &tape, batch, NULL);
    ck_assert_int_eq(tape_backward(&tape, loss, 1), STATUS_OK);
    arena_close(&arena);
}

START_TEST(gradients_are_those_of_differences) {
    const ReordererConfig config = tiny();
    Reorderer *model = open_model(&config, 6);
    ParameterSet *set = reorderer_parameters(model);
    const int lengths[] = {6, 3};
    const uint32_t words[] = {3, 1, 4, 1, 25, 9, 2, 6, 26};
    Bag bag;
    fill_bag(&bag, &config, 2, lengths, words);
    parameters_clear_gradients(set);
    backward(model, &bag.batch);
    for (size_t i = 0; i < set->count; i++) {
        Parameter *p = set->item[i];
        double most = 0;
        size_t where = 0; /* the largest derivative of each, where differences are surest */
        ck_assert_msg(p->has_gradient, "%s", p->name);
        for (size_t k = 0; k < p->count; k++)
            if (fabs((double)p->gradient[k]) > most) most = fabs((double)p->gradient[k]), where = k;
        const float kept = p->value[where], step = 3e-3f;
        p->value[where] = kept + step;
        ck_assert_int_eq(parameters_changed(set), STATUS_OK);
        const double above = loss_of(model, &bag.batch, NULL);
        p->value[where] = kept - step;
        ck_assert_int_eq(parameters_changed(set), STATUS_OK);
        const double below = loss_of(model, &bag.batch, NULL);
        p->value[where] = kept;
        const double slope = (above - below) / (2 * (double)step);
        ck_assert_msg(fabs(slope - (double)p->gradient[where]) < 2e-4 + .02 * fabs(slope),
                      "%s[%zu]: %g by differences, %g", p->name, where, slope,
                      (double)p->gradient[where]);
    }
    reorderer_close(model);
}
END_TEST

/* Numbers in ascending order, from bags that are drawn anew every step. */
static void draw_sorted(const ReordererConfig *config, uint64_t step, Bag *bag) {
    uint32_t words[32] = {0};
    int lengths[8];
    for (int b = 0; b < 8; b++) {
        lengths[b] = 4;
        for (int i = 0; i < 4; i++) {
            uint32_t word = (uint32_t)rng_below(7, step, (uint64_t)(b * 4 + i), 20);
            int at = b * 4 + i;
            while (at > b * 4 && words[at - 1] > word) words[at] = words[at - 1], at--;
            words[at] = word;
        }
    }
    fill_bag(bag, config, 8, lengths, words);
}

START_TEST(it_learns_to_sort) {
    const ReordererConfig config = tiny();
    Reorderer *model = open_model(&config, 8);
    Adamw *adamw;
    Bag bag;
    int right, order[32];
    ck_assert_int_eq(adamw_open(&adamw, reorderer_parameters(model),
                                &(AdamwOptions){.9, .99, 1e-8, .01, .layer_decay = 1}),
                     STATUS_OK);
    for (uint64_t step = 0; step < 250; step++) {
        draw_sorted(&config, step, &bag);
        backward(model, &bag.batch);
        ck_assert_int_eq(adamw_step(adamw, 5e-3, 1), STATUS_OK);
    }
    draw_sorted(&config, 1000, &bag);
    loss_of(model, &bag.batch, &right);
    ck_assert_int_ge(right, 29);
    search(model, &bag.batch, (ReordererSearch){.beam = 4}, order, NULL);
    int sorted = 0;
    for (int b = 0; b < 8; b++)
        for (int t = 1; t < 4; t++)
            sorted +=
                bag.words[4 * b + order[4 * b + t - 1]] <= bag.words[4 * b + order[4 * b + t]];
    ck_assert_int_ge(sorted, 22); /* of 24 */
    adamw_close(adamw);
    reorderer_close(model);
}
END_TEST

START_TEST(features_are_those_of_characters) {
    const ReordererConfig config = tiny();
    int32_t a[REORDERER_FEATURES], b[REORDERER_FEATURES], c[REORDERER_FEATURES];
    reorderer_features(&config, "کتاب", 4, a);
    reorderer_features(&config, "کتابخانه", 25, b);
    reorderer_features(&config, "", 25, c); /* nothing is read beyond its end */
    ck_assert_int_eq(a[0], 4 + 2);
    ck_assert_int_eq(b[0], 0); /* beyond the 20 words that have vectors */
    for (int i = 1; i <= 4; i++) ck_assert_int_eq(a[i], b[i]); /* the same beginnings */
    for (int i = 1; i < REORDERER_FEATURES; i++) {
        ck_assert(a[i] >= 1 && a[i] <= config.affixes);
        ck_assert(c[i] >= 1 && c[i] <= config.affixes);
    }
}
END_TEST

Suite *suite_reorderer(void) {
    Suite *suite = suite_create("reorderer");
    TCase *test = tcase_create("reorderer");
    tcase_set_timeout(test, 60);
    tcase_add_test(test, permuting_the_bag_permutes_its_states);
    tcase_add_test(test, the_order_of_the_input_changes_nothing);
    tcase_add_test(test, anything_comes_out_as_a_permutation);
    tcase_add_test(test, a_score_is_the_loss_of_its_order);
    tcase_add_test(test, a_wide_beam_finds_the_best_of_all_orders);
    tcase_add_test(test, with_a_trigram_it_finds_the_best_of_both);
    tcase_add_test(test, what_cannot_be_searched_is_refused);
    tcase_add_test(test, gradients_are_those_of_differences);
    tcase_add_test(test, it_learns_to_sort);
    tcase_add_test(test, features_are_those_of_characters);
    suite_add_tcase(suite, test);
    return suite;
}
