/* The Transformer: its decoder never sees the future, without positions it knows no order, its
 * gradients are those of differences, and one token at a time gives what the whole sequence gives.
 */
#include "base/rng.h"
#include "model/transformer.h"
#include "nn/loss.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_transformer(void);

enum { N = 12, CLASSES = 11 };

static const AttentionKind kinds[] = {ATTENTION_MATERIALISED, ATTENTION_TILED,
                                      ATTENTION_KERNEL_LINEAR};
static const int32_t tokens[N] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};

static TransformerConfig decoder(AttentionKind kind, Positions positions) {
    return (TransformerConfig){.decoder_layers = 2,
                               .width = 16,
                               .heads = 2,
                               .feed_forward = 24,
                               .vocabulary = 11,
                               .classes = CLASSES,
                               .positions = positions,
                               .positions_max = 32,
                               .attention = kind};
}

static Transformer *open_model(const TransformerConfig *config) {
    Transformer *model;
    ck_assert_msg(transformer_open(&model, config, 7) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(parameters_changed(&model->parameters), STATUS_OK);
    parameters_clear_gradients(&model->parameters);
    return model;
}

static void decode(Transformer *model, const int32_t *ids, int length, float *logits) {
    const int offsets[] = {0, length};
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 0);
    Value *out = transformer_decode(model, &tape, ids, 1, offsets, NULL);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    memcpy(logits, out->data, (size_t)length * CLASSES * sizeof *logits);
    arena_close(&arena);
}

static double farthest(const float *a, const float *b, int count) {
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

START_TEST(the_future_leaks_exactly_nothing) {
    for (int k = 0; k < 3; k++) {
        TransformerConfig config = decoder(kinds[k], POSITIONS_SINUSOIDAL);
        Transformer *model = open_model(&config);
        float before[N * CLASSES], after[N * CLASSES];
        int32_t changed[N];
        decode(model, tokens, N, before);
        for (int from = 1; from < N; from++) {
            memcpy(changed, tokens, sizeof changed);
            for (int t = from; t < N; t++) changed[t] = (tokens[t] + 3) % 11;
            decode(model, changed, N, after);
            ck_assert_mem_eq(before, after, (size_t)from * CLASSES * sizeof *before);
            ck_assert_double_gt(farthest(before + from * CLASSES, after + from * CLASSES, CLASSES),
                                1e-4);
        }
        transformer_close(model);
    }
}
END_TEST

/* The encoder's states of `ids`. */
static void encode(const TransformerConfig *config, const int32_t *ids, float *states) {
    const int offsets[] = {0, N};
    Transformer *model = open_model(config);
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
    tape_open(&tape, &arena, TAPE_INFER, 1, 0);
    Value *out = transformer_encode(model, &tape, ids, 1, offsets);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    memcpy(states, out->data, (size_t)N * 16 * sizeof *states);
    arena_close(&arena);
    transformer_close(model);
}

START_TEST(without_positions_order_is_unknown) {
    int32_t turned[N];
    float a[N * 16], b[N * 16];
    for (int t = 0; t < N; t++) turned[t] = tokens[N - 1 - t];
    for (Positions positions = POSITIONS_NONE; positions <= POSITIONS_LEARNED; positions++)
        for (int k = 0; k < 3; k++) {
            TransformerConfig config = decoder(kinds[k], positions);
            config.encoder_layers = 2;
            config.decoder_layers = 0;
            double most = 0;
            encode(&config, tokens, a);
            encode(&config, turned, b);
            for (int t = 0; t < N; t++)
                most = fmax(most, farthest(a + t * 16, b + (N - 1 - t) * 16, 16));
            if (positions == POSITIONS_NONE)
                ck_assert_double_lt(most, 1e-5);
            else
                ck_assert_double_gt(most, 1e-2);
        }
}
END_TEST

START_TEST(one_token_at_a_time_gives_the_same) {
    for (int k = 0; k < 3; k++)
        for (Positions positions = POSITIONS_NONE; positions <= POSITIONS_LEARNED; positions++) {
            TransformerConfig config = decoder(kinds[k], positions);
            Transformer *model = open_model(&config);
            TransformerCache *cache;
            float whole[N * CLASSES], row[CLASSES];
            size_t first = 0;
            decode(model, tokens, N, whole);
            ck_assert_msg(transformer_cache_open(&cache, model, 1, N, NULL) == STATUS_OK, "%s",
                          status_message());
            for (int t = 0; t < N; t++) {
                ck_assert_int_eq(transformer_cache_step(cache, &tokens[t], row), STATUS_OK);
                ck_assert_double_lt(farthest(row, whole + t * CLASSES, CLASSES), 2e-5);
                if (t == 0) first = transformer_cache_bytes(cache);
            }
            if (kinds[k] == ATTENTION_KERNEL_LINEAR)
                ck_assert_uint_eq(transformer_cache_bytes(cache), first);
            else
                ck_assert_uint_eq(transformer_cache_bytes(cache), N * first);
            ck_assert_int_eq(transformer_cache_step(cache, tokens, row), STATUS_ARGUMENT);
            transformer_cache_close(cache);
            transformer_close(model);
        }
}
END_TEST

/* Mean loss of two sequences through encoder and decoder, in double of float logits. */
static double loss_of(Transformer *model, Arena *arena, TapeMode mode) {
    static const int source[] = {0, 7, 12}, target[] = {0, 4, 9};
    static const int32_t labels[9] = {1, 2, 0, 4, 3, -1, 6, 7, 8};
    Tape tape;
    size_t mark = arena_mark(arena);
    tape_open(&tape, arena, mode, 1, 0);
    TransformerMemory memory = {transformer_encode(model, &tape, tokens, 2, source), source};
    Value *logits = transformer_decode(model, &tape, tokens + 2, 2, target, &memory);
    Value *loss = nn_cross_entropy_ids(&tape, logits, labels, NULL, NULL);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    double sum = 0;
    for (int r = 0; r < 9; r++) {
        double total = 0;
        if (labels[r] < 0) continue;
        for (int c = 0; c < CLASSES; c++) total += exp((double)logits->data[r * CLASSES + c]);
        sum += log(total) - (double)logits->data[r * CLASSES + labels[r]];
    }
    ck_assert_double_eq_tol(sum / 8, (double)loss->data[0], 1e-5);
    if (mode == TAPE_EXACT)
        ck_assert_msg(tape_backward(&tape, loss, 1) == STATUS_OK, "%s", status_message());
    arena_rewind(arena, mark);
    return sum / 8;
}

/* Along a random direction of each parameter: floats are too coarse for one number at a time. */
static void ck_directions(Transformer *model, Arena *arena) {
    static float direction[4096], old[4096];
    for (size_t i = 0; i < model->parameters.count; i++) {
        Parameter *p = model->parameters.item[i];
        double slope = 0, f[4];
        const double steps[] = {-2, -1, 1, 2}, h = 1e-2 / sqrt((double)p->count);
        ck_assert_uint_le(p->count, 4096);
        rng_fill_normal(direction, p->count, 9, i);
        memcpy(old, p->value, p->count * sizeof *old);
        for (size_t j = 0; j < p->count; j++)
            slope += (double)p->gradient[j] * (double)direction[j];
        for (int s = 0; s < 4; s++) {
            for (size_t j = 0; j < p->count; j++)
                p->value[j] = (float)((double)old[j] + steps[s] * h * (double)direction[j]);
            ck_assert_int_eq(parameters_changed(&model->parameters), STATUS_OK);
            f[s] = loss_of(model, arena, TAPE_INFER);
        }
        memcpy(p->value, old, p->count * sizeof *old);
        double found = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
        ck_assert_msg(fabs(found - slope) <= 4e-3 * (fabs(slope) + .05 * sqrt((double)p->count)),
                      "%s: %g by differences, %g by the tape", p->name, found, slope);
    }
}

START_TEST(gradients_are_those_of_differences) {
    for (int k = 0; k < 3; k++) {
        TransformerConfig config = decoder(kinds[k], POSITIONS_LEARNED);
        config.encoder_layers = 1;
        config.target_vocabulary = 11;
        Transformer *model = open_model(&config);
        ck_assert_uint_eq(parameters_count(&model->parameters), transformer_parameters(&config));
        Arena arena;
        ck_assert_int_eq(arena_open(&arena, 1 << 26), STATUS_OK);
        loss_of(model, &arena, TAPE_EXACT);
        ck_directions(model, &arena);
        arena_close(&arena);
        transformer_close(model);
    }
}
END_TEST

START_TEST(sizes_that_make_no_sense_are_refused) {
    Transformer *model;
    TransformerConfig config = decoder(ATTENTION_MATERIALISED, POSITIONS_NONE);
    config.heads = 3;
    ck_assert_int_eq(transformer_open(&model, &config, 1), STATUS_ARGUMENT);
    ck_assert_ptr_null(model);
    config.heads = 2;
    config.decoder_layers = 0;
    ck_assert_int_eq(transformer_open(&model, &config, 1), STATUS_ARGUMENT);
}
END_TEST

Suite *suite_transformer(void) {
    Suite *suite = suite_create("transformer");
    TCase *tests = tcase_create("transformer");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_future_leaks_exactly_nothing);
    tcase_add_test(tests, without_positions_order_is_unknown);
    tcase_add_test(tests, one_token_at_a_time_gives_the_same);
    tcase_add_test(tests, gradients_are_those_of_differences);
    tcase_add_test(tests, sizes_that_make_no_sense_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
