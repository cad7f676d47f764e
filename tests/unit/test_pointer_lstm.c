/* The recurrent pointer network: gradients by differences, what it answers step by step is what it
 * was taught with, permutations whatever it is given, and it learns to sort. */
#include "base/rng.h"
#include "model/pointer_lstm.h"
#include "train/adamw.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

Suite *suite_pointer_lstm(void);

enum { B = 6, N = 4 };

static const PointerLstmConfig config = {.width = 8, .layers = 2, .words = 20, .affixes = 30};

typedef struct {
    uint32_t words[B * N];
    int32_t features[B * N * REORDERER_FEATURES];
    int given[B * N];
    PointerLstmBatch batch;
} Bag;

/* Numbers in ascending order, given in an order drawn anew. */
static void draw(uint64_t step, Bag *bag) {
    const ReordererConfig features = {.words = config.words, .affixes = config.affixes};
    for (int b = 0; b < B; b++) {
        uint32_t order[N], *words = bag->words + b * N;
        for (uint32_t i = 0; i < N; i++) {
            const uint32_t word = (uint32_t)rng_below(7, step, (uint64_t)b * N + i, 24);
            uint32_t at = i;
            for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
            words[at] = word;
            order[i] = i;
        }
        rng_shuffle(order, N, 8, step * B + (uint64_t)b);
        for (int i = 0; i < N; i++) bag->given[b * N + i] = (int)order[i];
    }
    for (int t = 0; t < B * N; t++) {
        char text[16];
        snprintf(text, sizeof text, "w%u", (unsigned)bag->words[t]);
        reorderer_features(&features, text, bag->words[t], bag->features + t * REORDERER_FEATURES);
    }
    bag->batch = (PointerLstmBatch){B, N, bag->words, bag->features, bag->given};
}

static PointerLstm *open_model(uint64_t seed) {
    PointerLstm *model;
    ck_assert_msg(pointer_lstm_open(&model, &config, seed) == STATUS_OK, "%s", status_message());
    return model;
}

static double loss_of(PointerLstm *model, const PointerLstmBatch *batch, int differentiate,
                      int *right) {
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *loss = pointer_lstm_loss(model, &tape, batch, right);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    const double value = (double)loss->data[0];
    if (differentiate) ck_assert_int_eq(tape_backward(&tape, loss, 1), STATUS_OK);
    arena_close(&arena);
    return value;
}

START_TEST(gradients_are_those_of_differences) {
    PointerLstm *model = open_model(1);
    ParameterSet *set = pointer_lstm_parameters(model);
    Bag bag;
    draw(1, &bag);
    parameters_clear_gradients(set);
    loss_of(model, &bag.batch, 1, NULL);
    for (size_t i = 0; i < set->count; i++) {
        Parameter *p = set->item[i];
        size_t where = 0; /* the largest derivative of each, where differences are surest */
        for (size_t k = 0; k < p->count; k++)
            if (fabsf(p->gradient[k]) > fabsf(p->gradient[where])) where = k;
        const float kept = p->value[where], step = 5e-3f;
        p->value[where] = kept + step;
        const double above = loss_of(model, &bag.batch, 0, NULL);
        p->value[where] = kept - step;
        const double below = loss_of(model, &bag.batch, 0, NULL);
        p->value[where] = kept;
        const double slope = (above - below) / (2 * (double)step);
        ck_assert_msg(fabs(slope - (double)p->gradient[where]) < 2e-4 + .03 * fabs(slope),
                      "%s[%zu]: %g by differences, %g", p->name, where, slope,
                      (double)p->gradient[where]);
    }
    pointer_lstm_close(model);
}
END_TEST

START_TEST(it_learns_to_sort) {
    PointerLstm *model = open_model(2);
    Adamw *adamw;
    Arena arena;
    Bag bag;
    int right, order[B * N], sorted = 0;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    ck_assert_int_eq(adamw_open(&adamw, pointer_lstm_parameters(model),
                                &(AdamwOptions){.9, .99, 1e-8, .01, .layer_decay = 1}),
                     STATUS_OK);
    for (uint64_t step = 0; step < 600; step++) {
        draw(step, &bag);
        loss_of(model, &bag.batch, 1, NULL);
        ck_assert_int_eq(adamw_step(adamw, 1e-2, 1), STATUS_OK);
    }
    draw(5000, &bag);
    loss_of(model, &bag.batch, 0, &right);
    ck_assert_int_ge(right, B * N - 4);
    ck_assert_int_eq(pointer_lstm_order(model, &arena, &bag.batch, order), STATUS_OK);
    ck_assert_uint_eq(arena.used, 0);
    for (int b = 0; b < B; b++)
        for (int t = 1; t < N; t++)
            sorted +=
                bag.words[b * N + order[b * N + t - 1]] <= bag.words[b * N + order[b * N + t]];
    ck_assert_int_ge(sorted, B * (N - 1) - 3);
    adamw_close(adamw);
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

/* Greedy answers, taught as if they were right, have the likeliest word everywhere. */
START_TEST(step_by_step_is_what_is_taught) {
    PointerLstm *model = open_model(3);
    Arena arena;
    Bag bag, found;
    int order[B * N], right;
    draw(3, &bag);
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    ck_assert_int_eq(pointer_lstm_order(model, &arena, &bag.batch, order), STATUS_OK);
    found = bag;
    for (int b = 0; b < B; b++) {
        int seen[N] = {0};
        for (int t = 0; t < N; t++) {
            const int from = b * N + order[b * N + t];
            ck_assert_int_eq(seen[order[b * N + t]]++, 0);
            found.words[b * N + t] = bag.words[from];
            memcpy(found.features + (b * N + t) * REORDERER_FEATURES,
                   bag.features + from * REORDERER_FEATURES, REORDERER_FEATURES * sizeof(int32_t));
            for (int k = 0; k < N; k++)
                if (bag.given[b * N + k] == order[b * N + t]) found.given[b * N + k] = t;
        }
    }
    found.batch = (PointerLstmBatch){B, N, found.words, found.features, found.given};
    loss_of(model, &found.batch, 0, &right);
    ck_assert_int_eq(right, B * N);
    found.given[0] = N;
    ck_assert_int_eq(pointer_lstm_order(model, &arena, &found.batch, order), STATUS_ARGUMENT);
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

Suite *suite_pointer_lstm(void) {
    Suite *suite = suite_create("pointer_lstm");
    TCase *test = tcase_create("pointer_lstm");
    tcase_set_timeout(test, 60);
    tcase_add_test(test, gradients_are_those_of_differences);
    tcase_add_test(test, it_learns_to_sort);
    tcase_add_test(test, step_by_step_is_what_is_taught);
    suite_add_tcase(suite, test);
    return suite;
}
