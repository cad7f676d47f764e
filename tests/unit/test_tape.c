/* The tape: gradients add up where values meet, what nobody used is passed over, the first failure
 * stays, a forward pass without a backward keeps nothing, and the layers refuse what cannot be. */
#include "base/rng.h"
#include "base/tsv.h"
#include "base/threads.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/norm.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 11, WIDTH = 12, HEADS = 3, IDS = 9 };

static Arena arena;
static Tape tape;
static ParameterSet set;
static Parameter *words, *qkv, *qkv_bias, *gain, *shift, *up, *up_bias, *distances;
static const int offsets[] = {0, 4, 4, 11};
static const int32_t ids[ROWS] = {1, 2, 1, 0, 8, 2, 2, 7, 3, 1, 4};
static const uint8_t labels[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static Parameter *add(const char *name, size_t rows, size_t columns, double mean) {
    Parameter *p = parameters_add(&set, name, rows ? 2 : 1,
                                  rows ? (size_t[]){rows, columns} : (size_t[]){columns});
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = (float)(mean + .4 * rng_normal(1, rng_stream(name), i));
    return p;
}

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)8 << 20), STATUS_OK);
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    words = add("words", IDS, WIDTH, 0);
    qkv = add("qkv", 3 * WIDTH, WIDTH, 0), qkv_bias = add("qkv bias", 0, 3 * WIDTH, 0);
    gain = add("gain", 0, WIDTH, 1), shift = add("shift", 0, WIDTH, 0);
    up = add("up", WIDTH, WIDTH, 0), up_bias = add("up bias", 0, WIDTH, 0);
    distances = add("distances", 32, HEADS, 0);
    ck_assert_int_eq(parameter_use_rows(&set, words), STATUS_OK);
    ck_assert_int_eq(parameter_use_products(qkv, PRECISION_F32), STATUS_OK);
    ck_assert_int_eq(parameter_use_products(up, PRECISION_F32), STATUS_OK);
    ck_assert_int_eq(parameters_changed(&set), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
}

static void teardown(void) {
    parameters_close(&set);
    arena_close(&arena);
}

/* A small encoder: everything once. */
static Value *network(float dropout) {
    const AttentionShape shape = {
        .heads = HEADS, .sequences = 3, .offsets = offsets, .dropout = dropout};
    Value *x = nn_embed(&tape, 1, &words, (const int32_t *[]){ids}, ROWS);
    x = nn_dropout(&tape, x, dropout);
    RelativeBias relative = nn_relative_bias(&tape, distances, 7);
    Value *projected = nn_linear(&tape, x, qkv, qkv_bias, ACTIVATION_NONE);
    Value *attended = nn_self_attention(&tape, projected, &shape, &relative);
    Value *y = nn_norm(&tape, attended, x, dropout, gain, shift, 1e-5f);
    Value *z = nn_linear(&tape, y, up, up_bias, ACTIVATION_GELU);
    return nn_cross_entropy(&tape, nn_norm(&tape, z, y, dropout, gain, shift, 1e-5f), labels, NULL);
}

/* All gradients, end to end; the caller's to free. */
static float *gradients(size_t *count) {
    float *all = malloc(parameters_count(&set) * sizeof *all);
    *count = 0;
    for (size_t i = 0; i < set.count; i++) {
        memcpy(all + *count, set.item[i]->gradient, set.item[i]->count * sizeof *all);
        *count += set.item[i]->count;
    }
    return all;
}

static float *one_pass(TapeMode mode, float dropout, uint64_t step, size_t *count, float *loss) {
    arena_rewind(&arena, 0);
    memset(arena.base, 0xff, (size_t)1 << 20);
    parameters_clear_gradients(&set);
    tape_open(&tape, &arena, mode, 5, step);
    Value *value = network(dropout);
    ck_assert_msg(value != NULL, "%s", tape_status(&tape) ? status_message() : "");
    *loss = value->data[0];
    if (mode == TAPE_INFER) return NULL;
    ck_assert_msg(tape_backward(&tape, value, 1) == STATUS_OK, "%s", status_message());
    return gradients(count);
}

/* --- sums ------------------------------------------------------------------------------------ */

START_TEST(a_value_used_twice_gets_both_gradients) {
    float data[2 * 3] = {1, 2, 3, 4, 5, 6}, other[6] = {0}, dy[6] = {1, -2, 3, -4, 5, -6};
    Value *x = tape_input(&tape, data, 2, 3), *o = tape_input(&tape, other, 2, 3);
    Value *sum = nn_add(&tape, x, x);                      /* 2 x */
    Value *more = nn_add(&tape, sum, x);                   /* 3 x */
    Value *y = nn_add(&tape, nn_add(&tape, more, sum), o); /* 5 x + o */
    ck_assert_int_eq(tape_backward_from(&tape, y, dy), STATUS_OK);
    for (int i = 0; i < 6; i++) {
        ck_assert_float_eq(y->data[i], 5 * data[i]);
        ck_assert_float_eq(x->gradient[i], 5 * dy[i]);
        ck_assert_float_eq(o->gradient[i], dy[i]);
    }
}
END_TEST

START_TEST(what_nobody_used_is_passed_over) {
    float data[ROWS * WIDTH] = {0}, dy[ROWS * WIDTH];
    for (int i = 0; i < ROWS * WIDTH; i++) dy[i] = 1;
    Value *x = tape_input(&tape, data, ROWS, WIDTH);
    Value *used = nn_linear(&tape, x, up, NULL, ACTIVATION_NONE);
    Value *unused = nn_linear(&tape, used, qkv, qkv_bias, ACTIVATION_NONE);
    Value *beside = nn_norm(&tape, x, NULL, 0, gain, shift, 1e-5f);
    ck_assert(unused && beside);
    ck_assert_int_eq(tape_backward_from(&tape, used, dy), STATUS_OK);
    ck_assert(up->has_gradient && x->has_gradient);
    ck_assert(!qkv->has_gradient && !qkv_bias->has_gradient && !gain->has_gradient);
    ck_assert(!unused->has_gradient && !beside->has_gradient);
}
END_TEST

/* From the middle of a network: as if what follows were not there. */
START_TEST(backward_from_any_value) {
    float data[ROWS * WIDTH], dy[ROWS * WIDTH], first[ROWS * WIDTH];
    for (int i = 0; i < ROWS * WIDTH; i++) {
        data[i] = (float)rng_normal(1, 1, (uint64_t)i);
        dy[i] = (float)rng_normal(1, 2, (uint64_t)i);
    }
    for (int longer = 0; longer < 2; longer++) {
        arena_rewind(&arena, 0);
        tape_open(&tape, &arena, TAPE_EXACT, 1, 1);
        parameters_clear_gradients(&set);
        Value *x = tape_input(&tape, data, ROWS, WIDTH);
        Value *y = nn_norm(&tape, x, NULL, 0, gain, shift, 1e-5f);
        if (longer) nn_linear(&tape, y, up, up_bias, ACTIVATION_TANH);
        ck_assert_int_eq(tape_backward_from(&tape, y, dy), STATUS_OK);
        if (!longer) memcpy(first, x->gradient, sizeof first);
        ck_assert_mem_eq(first, x->gradient, sizeof first);
    }
}
END_TEST

/* Two passes without clearing: each parameter has the sum of both gradients. */
START_TEST(parameters_add_up_over_passes) {
    size_t count;
    float loss, *once = one_pass(TAPE_EXACT, 0, 1, &count, &loss);
    for (int scale = 2; scale <= 3; scale++) { /* 1 + 1, and then + 1 more */
        tape_open(&tape, &arena, TAPE_EXACT, 5, 1);
        Value *value = network(0);
        ck_assert_int_eq(tape_backward(&tape, value, 1), STATUS_OK);
        float *sum = gradients(&count);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(fabs(sum[i] - (double)scale * once[i]) <=
                              1e-5 * (1 + fabs((double)once[i])),
                          "number %zu: %g after %d passes, %g after one", i, (double)sum[i], scale,
                          (double)once[i]);
        free(sum);
    }
    parameters_clear_gradients(&set);
    float *again = one_pass(TAPE_EXACT, 0, 1, &count, &loss);
    ck_assert_mem_eq(again, once, count * sizeof *once);
    free(once), free(again);
}
END_TEST

START_TEST(backward_scales_the_loss) {
    size_t count;
    float loss, *once = one_pass(TAPE_EXACT, 0, 1, &count, &loss);
    arena_rewind(&arena, 0);
    parameters_clear_gradients(&set);
    tape_open(&tape, &arena, TAPE_EXACT, 5, 1);
    Value *value = network(0);
    ck_assert_int_eq(tape_backward(&tape, value, .25f), STATUS_OK);
    float *quarter = gradients(&count);
    for (size_t i = 0; i < count; i++)
        ck_assert(fabs(quarter[i] - .25 * once[i]) <= 1e-6 * (1e-2 + fabs((double)once[i])));
    /* once only: values would add to what the first walk left */
    ck_assert_int_eq(tape_backward(&tape, value, 1), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "second"));
    free(once), free(quarter);
}
END_TEST

/* --- modes and dropout ----------------------------------------------------------------------- */

START_TEST(nothing_is_dropped_but_in_training) {
    size_t count;
    float exact, with, infer, train, other;
    free(one_pass(TAPE_EXACT, 0, 1, &count, &exact));
    free(one_pass(TAPE_EXACT, .4f, 1, &count, &with));
    one_pass(TAPE_INFER, .4f, 1, &count, &infer);
    ck_assert(exact == with && exact == infer);
    free(one_pass(TAPE_TRAIN, .4f, 1, &count, &train));
    ck_assert(train != exact);
    free(one_pass(TAPE_TRAIN, 0, 1, &count, &other));
    ck_assert(other == exact);
    free(one_pass(TAPE_TRAIN, .4f, 2, &count, &other));
    ck_assert(train != other); /* another step, another mask */
    free(one_pass(TAPE_TRAIN, .4f, 1, &count, &other));
    ck_assert(train == other);
}
END_TEST

/* Every dropout site has a stream of its own, in every step. */
START_TEST(streams_differ_by_step_and_site) {
    uint64_t seen[24];
    int count = 0;
    for (uint64_t step = 0; step < 4; step++) {
        tape_open(&tape, &arena, TAPE_TRAIN, 1, step);
        for (int site = 0; site < 6; site++) seen[count++] = tape_stream(&tape);
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) ck_assert(seen[i] != seen[j]);
}
END_TEST

START_TEST(nothing_is_kept_where_no_backward_follows) {
    size_t count, used[3];
    float loss;
    const TapeMode modes[3] = {TAPE_INFER, TAPE_EXACT, TAPE_TRAIN};
    for (int m = 0; m < 3; m++) {
        arena_rewind(&arena, 0);
        free(one_pass(modes[m], .1f, 1, &count, &loss));
        used[m] = arena.used; /* scratch that was given back does not count */
        ck_assert(m > 0 || tape.last == NULL);
    }
    ck_assert_msg(2 * used[0] < used[1], "%zu bytes to infer, %zu to train", used[0], used[1]);
    tape_open(&tape, &arena, TAPE_INFER, 1, 1);
    Value *value = network(0);
    ck_assert_int_eq(tape_backward(&tape, value, 1), STATUS_ARGUMENT);
}
END_TEST

START_TEST(the_same_bits_again) {
    size_t count;
    for (int threads = 1; threads <= 2; threads++) {
        float loss, again;
        threads_set(threads);
        float *first = one_pass(TAPE_TRAIN, .1f, 3, &count, &loss);
        for (int run = 0; run < 3; run++) {
            float *now = one_pass(TAPE_TRAIN, .1f, 3, &count, &again);
            ck_assert_mem_eq(first, now, count * sizeof *now);
            ck_assert(loss == again);
            free(now);
        }
        free(first);
    }
}
END_TEST

/* --- failures -------------------------------------------------------------------------------- */

START_TEST(the_first_failure_stays) {
    float data[6] = {0};
    Value *x = tape_input(&tape, data, 2, 3), *y = tape_input(&tape, data, 3, 2);
    ck_assert_ptr_null(nn_add(&tape, x, y));
    ck_assert_ptr_null(nn_dropout(&tape, x, 2));                        /* another failure */
    ck_assert_ptr_null(nn_linear(&tape, x, up, NULL, ACTIVATION_NONE)); /* and another */
    ck_assert_ptr_null(nn_norm(&tape, NULL, NULL, 0, gain, shift, 1e-5f));
    status_fail(STATUS_IO, "something else");
    ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
    ck_assert_str_eq(status_message(), "add: 2 x 3 and 3 x 2; expected the same shape");
    ck_assert_int_eq(tape_backward_from(&tape, x, data), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "add: 2 x 3"));
}
END_TEST

/* Too little memory, anywhere in a pass: STATUS_MEMORY, never a crash. */
START_TEST(a_full_arena_is_said) {
    size_t count, most;
    float loss;
    free(one_pass(TAPE_TRAIN, .1f, 1, &count, &loss));
    most = arena.high_water;
    int refused = 0;
    for (size_t bytes = 64; bytes < most; bytes += 64 + most / 60) {
        Arena small = {arena.base, bytes, 0, 0};
        parameters_clear_gradients(&set);
        tape_open(&tape, &small, TAPE_TRAIN, 1, 1);
        Value *value = network(.1f);
        Status status = value ? tape_backward(&tape, value, 1) : tape_status(&tape);
        if (status != STATUS_OK) ck_assert_int_eq(status, STATUS_MEMORY);
        refused += status != STATUS_OK;
    }
    ck_assert_int_ge(refused, 40);
}
END_TEST

START_TEST(a_loss_is_one_number) {
    float data[6] = {0};
    Value *x = tape_input(&tape, data, 2, 3);
    ck_assert_int_eq(tape_backward(&tape, x, 1), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "2 x 3"));
}
END_TEST

static float numbers[ROWS * 3 * WIDTH];

static Value *input(int rows, int columns) {
    return tape_input(&tape, numbers, rows, columns);
}
static Value *attend(const int *ends, int sequences, int heads, float dropout, int columns) {
    AttentionShape shape = {
        .heads = heads, .sequences = sequences, .offsets = ends, .dropout = dropout};
    return nn_self_attention(&tape, input(ROWS, columns), &shape, NULL);
}

static Value *bad_linear(void) {
    return nn_linear(&tape, input(2, WIDTH + 1), up, NULL, ACTIVATION_NONE);
}
static Value *bad_weight(void) {
    return nn_linear(&tape, input(2, HEADS), distances, NULL, ACTIVATION_NONE);
}
static Value *bad_bias(void) {
    return nn_linear(&tape, input(2, WIDTH), up, qkv_bias, ACTIVATION_NONE);
}
static Value *bad_gain(void) {
    return nn_norm(&tape, input(2, WIDTH), NULL, 0, qkv_bias, shift, 1e-5f);
}
static Value *bad_shift(void) {
    return nn_norm(&tape, input(2, WIDTH), NULL, 0, gain, qkv_bias, 1e-5f);
}
static Value *bad_residual(void) {
    return nn_norm(&tape, input(2, WIDTH), input(3, WIDTH), 0, gain, shift, 1e-5f);
}
static Value *bad_norm_rate(void) {
    return nn_norm(&tape, input(2, WIDTH), NULL, 1, gain, shift, 1e-5f);
}
static Value *bad_rate(void) {
    return nn_dropout(&tape, input(2, WIDTH), 1);
}
static Value *negative_rate(void) {
    return nn_dropout(&tape, input(2, WIDTH), -.5f);
}
static Value *nan_rate(void) {
    return nn_dropout(&tape, input(2, WIDTH), NAN);
}
static Value *bad_id(void) {
    static const int32_t wrong[] = {0, IDS};
    return nn_embed(&tape, 1, &words, (const int32_t *[]){wrong}, 2);
}
static Value *negative_id(void) {
    static const int32_t wrong[] = {0, 1, -1};
    return nn_embed(&tape, 1, &words, (const int32_t *[]){wrong}, 3);
}
static Value *bad_tables(void) {
    return nn_embed(&tape, 0, &words, (const int32_t *[]){ids}, 3);
}
static Value *bad_widths(void) {
    return nn_embed(&tape, 2, (Parameter *[]){words, distances}, (const int32_t *[]){ids, ids}, 3);
}
static Value *bad_rows(void) {
    return nn_embed(&tape, 1, &words, (const int32_t *[]){ids}, -1);
}
static Value *bad_row(void) {
    static const int wrong[] = {1, 2};
    return nn_take_rows(&tape, input(2, WIDTH), wrong, 2);
}
static Value *bad_label(void) {
    return nn_cross_entropy(&tape, input(ROWS, 10), labels, NULL);
}
static Value *no_rows(void) {
    return nn_cross_entropy(&tape, input(0, 10), labels, NULL);
}
static Value *bad_heads(void) {
    return attend(offsets, 3, 5, 0, 3 * WIDTH);
}
static Value *no_heads(void) {
    return attend(offsets, 3, 0, 0, 3 * WIDTH);
}
static Value *bad_offsets(void) {
    return attend(offsets, 1, HEADS, 0, 3 * WIDTH);
}
static Value *no_sequences(void) {
    return attend(offsets, 0, HEADS, 0, 3 * WIDTH);
}
static Value *bad_attention_rate(void) {
    return attend(offsets, 3, HEADS, 1, 3 * WIDTH);
}
static Value *short_span(void) {
    AttentionShape shape = {.heads = HEADS, .sequences = 3, .offsets = offsets};
    RelativeBias relative = nn_relative_bias(&tape, distances, 6);
    return nn_self_attention(&tape, input(ROWS, 3 * WIDTH), &shape, &relative);
}
static Value *other_heads(void) {
    AttentionShape shape = {.heads = 2 * HEADS, .sequences = 3, .offsets = offsets};
    RelativeBias relative = nn_relative_bias(&tape, distances, 7);
    return nn_self_attention(&tape, input(ROWS, 3 * WIDTH), &shape, &relative);
}
static Value *no_span(void) {
    return nn_relative_bias(&tape, distances, 0).bias;
}
static Value *bad_buckets(void) {
    return nn_relative_bias(&tape, add("three", 3, HEADS, 0), 5).bias;
}

static const struct {
    Value *(*make)(void);
    const char *says;
} refusals[] = {
    {bad_linear, "13 columns go into up"},
    {bad_weight, "distances is no weight"},
    {bad_bias, "qkv bias has 36 numbers"},
    {bad_gain, "qkv bias has 36 numbers"},
    {bad_shift, "qkv bias has 36 numbers"},
    {bad_residual, "2 x 12 and 3 x 12"},
    {bad_norm_rate, "dropout is 1"},
    {bad_rate, "dropout is 1"},
    {negative_rate, "dropout is -0.5"},
    {nan_rate, "dropout is"},
    {bad_id, "id 9 at place 1; words has 9 rows"},
    {negative_id, "id -1 at place 2"},
    {bad_tables, "0 tables"},
    {bad_widths, "distances is not as wide as words"},
    {bad_rows, "-1 rows"},
    {bad_row, "row 2 of 2"},
    {bad_label, "label 10 at row 10; there are 10 classes"},
    {no_rows, "no rows"},
    {bad_heads, "36 columns"},
    {no_heads, "0 heads"},
    {bad_offsets, "end at 4 of 11 rows"},
    {no_sequences, "0 sequences"},
    {bad_attention_rate, "dropout is 1"},
    {short_span, "sequence 2 has 7 queries and 7 keys; the relative bias spans 6"},
    {other_heads, "3 x 13 for 6 heads"},
    {no_span, "over 0 distances"},
    {bad_buckets, "3 rows"},
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(layers_refuse_what_cannot_be) {
    for (int mode = 0; mode < 3; mode++) {
        tape_open(&tape, &arena, (TapeMode)mode, 1, 1);
        if (refusals[_i].make == bad_buckets && mode > 0) continue; /* adds a parameter */
        ck_assert_ptr_null(refusals[_i].make());
        ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
        ck_assert_msg(strstr(status_message(), refusals[_i].says) != NULL, "'%s' should say '%s'",
                      status_message(), refusals[_i].says);
    }
}
END_TEST

START_TEST(attention_that_cannot_have_bias_or_dropout) {
    float bias[HEADS * 13] = {0};
    Attention a = {.kind = ATTENTION_TILED,
                   .sequences = 3,
                   .heads = HEADS,
                   .width = 4,
                   .query_offsets = offsets,
                   .key_offsets = offsets,
                   .scale = 1};
    for (int kind = 0; kind <= (int)ATTENTION_VALUE; kind++) {
        Status expected = kind == ATTENTION_MATERIALISED ? STATUS_OK : STATUS_UNSUPPORTED;
        a.kind = (AttentionKind)kind;
        a.relative_bias = bias, a.relative_span = 7, a.dropout = 0;
        a.map = FEATURE_ELU1;
        ck_assert_int_eq(attention_check(&a), expected);
        a.relative_bias = NULL, a.dropout = .1f;
        ck_assert_int_eq(attention_check(&a), expected);
    }
    a.kind = ATTENTION_MATERIALISED;
    const float wrong[] = {1, 2, -.1f, NAN};
    for (int i = 0; i < 4; i++) {
        a.dropout = wrong[i];
        ck_assert_int_eq(attention_check(&a), STATUS_ARGUMENT);
    }
    a.dropout = 0, a.relative_bias = bias, a.relative_span = 6;
    ck_assert_int_eq(attention_check(&a), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "spans 6"));
}
END_TEST

/* qkv feeds attention alone: its gradient is written, not added to. */
START_TEST(attention_shares_its_qkv_with_nobody) {
    AttentionShape shape = {.heads = HEADS, .sequences = 3, .offsets = offsets};
    Value *x = input(ROWS, 3 * WIDTH);
    Value *a = nn_self_attention(&tape, x, &shape, NULL);
    Value *b = nn_self_attention(&tape, x, &shape, NULL);
    Value *loss = nn_cross_entropy(&tape, nn_add(&tape, a, b), labels, NULL);
    ck_assert_int_eq(tape_backward(&tape, loss, 1), STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(status_message(), "another layer"));
}
END_TEST

/* --- losses and buckets ---------------------------------------------------------------------- */

START_TEST(cross_entropy_counts_and_survives_large_logits) {
    float z[3 * 2] = {1e30f, -1e30f, -5, 5, 3, 3};
    const uint8_t of[3] = {0, 1, 1};
    int right = -1;
    double probability[2];
    Value *loss = nn_cross_entropy(&tape, tape_input(&tape, z, 3, 2), of, &right);
    ck_assert_ptr_nonnull(loss);
    ck_assert_int_eq(right, 2); /* of two equal logits the first counts */
    ck_assert_double_eq_tol(loss->data[0], (0 + log1p(exp(-10)) + log(2)) / 3, 1e-7);
    nn_probabilities(z, 2, probability);
    ck_assert(probability[0] == 1 && probability[1] == 0);
    nn_probabilities(z + 2, 2, probability);
    ck_assert_double_eq_tol(probability[0] + probability[1], 1, 1e-15);
    ck_assert_double_eq_tol(probability[1], 1 / (1 + exp(-10)), 1e-15);
}
END_TEST

/* Every distance, as transformers' MPNet spreads them, for several numbers of buckets. */
START_TEST(buckets_are_those_of_the_reference) {
    Tsv *table;
    ck_assert_msg(tsv_load("tests/golden/relative_buckets.tsv", &table) == STATUS_OK, "%s",
                  status_message());
    ck_assert_int_eq(table->rows, 401);
    ck_assert_int_ge(table->columns, 10);
    for (int row = 0; row < table->rows; row++)
        for (int column = 1; column < table->columns; column++) {
            double distance, expected;
            int buckets = 0;
            ck_assert_int_eq(sscanf(table->names[column], "buckets_%d", &buckets), 1);
            ck_assert_int_eq(tsv_number(table, row, 0, &distance), STATUS_OK);
            ck_assert_int_eq(tsv_number(table, row, column, &expected), STATUS_OK);
            int ours = nn_relative_bucket((int)distance, buckets);
            ck_assert_msg(ours == (int)expected, "distance %g of %d buckets: %d, expected %g",
                          distance, buckets, ours, expected);
        }
    tsv_free(table);
}
END_TEST

START_TEST(far_distances_share_the_last_bucket) {
    for (int buckets = 4; buckets < 512; buckets += 2)
        for (int distance = 1; distance < (1 << 30); distance *= 3) {
            int past = nn_relative_bucket(-distance, buckets);
            int future = nn_relative_bucket(distance, buckets);
            ck_assert(past >= 0 && past < buckets / 2);
            ck_assert_int_eq(future, past + buckets / 2);
            if (distance >= 128) ck_assert_int_eq(past, buckets / 2 - 1);
        }
}
END_TEST

Suite *suite_tape(void);
Suite *suite_tape(void) {
    Suite *suite = suite_create("tape");
    TCase *tcase = tcase_create("tape");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    const TTest *tests[] = {a_value_used_twice_gets_both_gradients,
                            what_nobody_used_is_passed_over,
                            backward_from_any_value,
                            parameters_add_up_over_passes,
                            backward_scales_the_loss,
                            nothing_is_dropped_but_in_training,
                            streams_differ_by_step_and_site,
                            nothing_is_kept_where_no_backward_follows,
                            the_same_bits_again,
                            the_first_failure_stays,
                            a_full_arena_is_said,
                            a_loss_is_one_number,
                            attention_that_cannot_have_bias_or_dropout,
                            attention_shares_its_qkv_with_nobody,
                            cross_entropy_counts_and_survives_large_logits,
                            buckets_are_those_of_the_reference,
                            far_distances_share_the_last_bucket};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tcase, tests[i]);
    tcase_add_loop_test(tcase, layers_refuse_what_cannot_be, 0, REFUSALS);
    suite_add_tcase(suite, tcase);
    return suite;
}
