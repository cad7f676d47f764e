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

enum { B = 6, N = 4, LENGTHS = 3 };

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

/* The words of a bag as they are given, for a search. */
typedef struct {
    int offsets[B + 1];
    uint32_t words[B * N];
    int32_t features[B * N * REORDERER_FEATURES];
    ReorderBatch batch;
} Given;

static void give(const Bag *bag, Given *out) {
    for (int b = 0; b <= B; b++) out->offsets[b] = b * N;
    for (int r = 0; r < B * N; r++) {
        const int from = r - r % N + bag->given[r];
        out->words[r] = bag->words[from];
        memcpy(out->features + r * REORDERER_FEATURES, bag->features + from * REORDERER_FEATURES,
               REORDERER_FEATURES * sizeof(int32_t));
    }
    out->batch = (ReorderBatch){B, out->offsets, out->words, out->features};
}

static void search(PointerLstm *model, Arena *arena, const ReorderBatch *bags, int beam, int *order,
                   double *score) {
    ck_assert_msg(pointer_lstm_search(model, arena, bags, &(ReordererSearch){.beam = beam}, order,
                                      score) == STATUS_OK,
                  "%s", status_message());
    ck_assert_uint_eq(arena->used, 0);
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
    Given given;
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
    give(&bag, &given);
    search(model, &arena, &given.batch, 1, order, NULL);
    for (int r = 0; r < B * N; r++)
        sorted +=
            r % N && given.words[r - r % N + order[r - 1]] <= given.words[r - r % N + order[r]];
    ck_assert_int_ge(sorted, B * (N - 1) - 3);
    adamw_close(adamw);
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

/* Answers, taught as if they were right: `found` is the bag with them as its right orders. */
static void teach(const Bag *bag, const Given *given, const int *order, Bag *found) {
    *found = *bag;
    for (int r = 0; r < B * N; r++) {
        const int from = r - r % N + order[r];
        found->words[r] = given->words[from];
        memcpy(found->features + r * REORDERER_FEATURES,
               given->features + from * REORDERER_FEATURES, REORDERER_FEATURES * sizeof(int32_t));
        found->given[from] = r % N; /* the word given at `from` belongs at r */
    }
    found->batch = (PointerLstmBatch){B, N, found->words, found->features, found->given};
}

/* Equal words stand side by side, as all are in ascending order. */
static int has_twins(const Bag *bag) {
    int twins = 0;
    for (int r = 0; r < B * N; r++) twins |= r % N && bag->words[r] == bag->words[r - 1];
    return twins;
}

/* Greedy answers are likeliest at every place, and a hypothesis's score, step by step, is the loss
 * that all its places have at once. */
START_TEST(step_by_step_is_what_is_taught) {
    PointerLstm *model = open_model(3);
    Arena arena;
    Bag bag, found;
    Given given;
    int order[B * N], right;
    double score[B], sum = 0;
    draw(3, &bag);
    for (uint64_t step = 4; has_twins(&bag); step++) draw(step, &bag);
    give(&bag, &given);
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    search(model, &arena, &given.batch, 1, order, NULL);
    for (int b = 0; b < B; b++) {
        int seen[N] = {0};
        for (int t = 0; t < N; t++) ck_assert_int_eq(seen[order[b * N + t]]++, 0);
    }
    teach(&bag, &given, order, &found);
    loss_of(model, &found.batch, 0, &right);
    ck_assert_int_eq(right, B * N);

    search(model, &arena, &given.batch, 5, order, score);
    teach(&bag, &given, order, &found);
    for (int b = 0; b < B; b++) sum += score[b];
    ck_assert_double_eq_tol(loss_of(model, &found.batch, 0, NULL), -sum / (B * N), 1e-5);

    found.given[0] = N;
    Tape tape;
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    ck_assert_ptr_null(pointer_lstm_loss(model, &tape, &found.batch, NULL));
    ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

/* The best log-probability of all orders of one sentence. Of equal words, whose keys differ with
 * where they are given, the search takes the first one first. */
static double best_of_all(PointerLstm *model, const Bag *bag, const Given *given, int b) {
    double best = -INFINITY;
    for (int code = 0; code < N * N * N * N; code++) {
        int order[B * N], seen[N] = {0}, twice = 0;
        for (int r = 0; r < B * N; r++) order[r] = r % N;
        for (int t = 0, left = code; t < N; t++, left /= N) {
            order[b * N + t] = left % N;
            twice |= seen[left % N]++;
            for (int k = 0; k < left % N; k++)
                twice |= !seen[k] && given->words[b * N + k] == given->words[b * N + left % N];
        }
        if (twice) continue;
        Bag found;
        teach(bag, given, order, &found);
        const PointerLstmBatch one = {1, N, found.words + b * N,
                                      found.features + b * N * REORDERER_FEATURES,
                                      found.given + b * N};
        best = fmax(best, -N * loss_of(model, &one, 0, NULL));
    }
    return best;
}

START_TEST(a_wide_beam_finds_the_likeliest_of_all_orders) {
    PointerLstm *model = open_model(4);
    Arena arena;
    Bag bag;
    Given given;
    int order[B * N];
    double score[B];
    draw(4, &bag);
    give(&bag, &given);
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    search(model, &arena, &given.batch, 64, order, score);
    for (int b = 0; b < 2; b++)
        ck_assert_double_eq_tol(score[b], best_of_all(model, &bag, &given, b), 1e-5);
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

/* Sentences of several lengths together are answered as each alone, up to what another batch does
 * to roundings. */
START_TEST(lengths_may_be_mixed) {
    PointerLstm *model = open_model(5);
    Arena arena;
    Bag bag;
    Given given;
    int order[B * N], alone[N], offsets[B + 1] = {0};
    double score[B], one;
    draw(5, &bag);
    give(&bag, &given);
    for (int b = 0; b < B; b++) offsets[b + 1] = offsets[b] + 2 + b % LENGTHS;
    const ReorderBatch mixed = {B, offsets, given.words, given.features};
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    search(model, &arena, &mixed, 3, order, score);
    for (int b = 0; b < B; b++) {
        const int n = offsets[b + 1] - offsets[b], ends[] = {0, n};
        const ReorderBatch single = {1, ends, given.words + offsets[b],
                                     given.features + offsets[b] * REORDERER_FEATURES};
        search(model, &arena, &single, 3, alone, &one);
        ck_assert_double_eq_tol(score[b], one, 1e-5);
        for (int t = 0; t < n; t++) ck_assert_int_eq(order[offsets[b] + t], alone[t]);
    }
    arena_close(&arena);
    pointer_lstm_close(model);
}
END_TEST

START_TEST(a_dropout_is_a_share) {
    PointerLstm *model;
    PointerLstmConfig bad = config;
    bad.dropout = 1;
    ck_assert_int_eq(pointer_lstm_open(&model, &bad, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(model);
}
END_TEST

Suite *suite_pointer_lstm(void) {
    Suite *suite = suite_create("pointer_lstm");
    TCase *test = tcase_create("pointer_lstm");
    tcase_set_timeout(test, 60);
    tcase_add_test(test, gradients_are_those_of_differences);
    tcase_add_test(test, it_learns_to_sort);
    tcase_add_test(test, step_by_step_is_what_is_taught);
    tcase_add_test(test, a_wide_beam_finds_the_likeliest_of_all_orders);
    tcase_add_test(test, lengths_may_be_mixed);
    tcase_add_test(test, a_dropout_is_a_share);
    suite_add_tcase(suite, test);
    return suite;
}
