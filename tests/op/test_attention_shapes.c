/* What is said about attention without computing it: operation counts, bytes, refusals. */
#include "base/arena.h"
#include "op/op.h"
#include "op/table.h"

#include <check.h>
#include <math.h>
#include <string.h>

static Arena arena;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)1 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

/* --- work counts ------------------------------------------------------------------------------ */

static AttentionWork work_of(const OpVariant *variant, int length, Direction direction) {
    int offsets[2] = {0, length};
    Attention a = {.kind = variant->kind,
                   .map = variant->map,
                   .causal = variant->causal,
                   .sequences = 1,
                   .heads = 8,
                   .width = 64,
                   .features = 256,
                   .query_offsets = offsets,
                   .key_offsets = offsets,
                   .scale = .125f};
    return attention_work(&a, direction);
}

/* Operations have the exponent that the theory says: 2 of every kind that forms scores, 1 of the
 * others. Lower-order terms (features of N rows, the causal diagonal) fade as 1/N. */
START_TEST(operations_have_their_exponent) {
    const OpVariant *variant = table_variant(_i);
    const int length = 1 << 22;
    double expected = variant->kind == ATTENTION_KERNEL_LINEAR ? 1 : 2;
    for (int direction = 0; direction < 2; direction++) {
        double once = work_of(variant, length, direction).flops;
        double twice = work_of(variant, 2 * length, direction).flops;
        if (variant->kind == ATTENTION_VALUE) {
            ck_assert_double_eq(once, 0);
            continue;
        }
        double exponent = log2(twice / once);
        ck_assert_msg(fabs(exponent - expected) < 1e-3, "%s: exponent %.6f, expected %g",
                      variant->name, exponent, expected);
    }
}
END_TEST

/* Memory as the theory says: N^2 of what stores scores, N of tiles (a number a row), and of the
 * right order nothing that grows with N. */
START_TEST(memory_has_its_exponent) {
    const OpVariant *variant = table_variant(_i);
    const int length = 1 << 18;
    double expected = variant->kind == ATTENTION_TILED           ? 1
                      : variant->kind == ATTENTION_KERNEL_LINEAR ? 0
                                                                 : 2;
    for (int direction = 0; direction < 2; direction++) {
        double once = work_of(variant, length, direction).bytes;
        double twice = work_of(variant, 2 * length, direction).bytes;
        if (variant->kind == ATTENTION_VALUE) {
            ck_assert_double_eq(once, 0);
            continue;
        }
        ck_assert_msg(fabs(log2(twice / once) - expected) < 1e-2, "%s: exponent %.6f, expected %g",
                      variant->name, log2(twice / once), expected);
    }
}
END_TEST

/* A batch of sequences does the sum of their work. */
START_TEST(work_adds_up_over_a_batch) {
    int offsets[4] = {0, 100, 100, 137}, first[2] = {0, 100}, second[2] = {0, 37};
    const OpVariant *variant = table_variant(_i);
    Attention a = {.kind = variant->kind,
                   .map = variant->map,
                   .causal = variant->causal,
                   .heads = 3,
                   .width = 20,
                   .features = 24,
                   .scale = 1};
    for (int direction = 0; direction < 2; direction++) {
        AttentionWork parts[3];
        const int *of[3] = {offsets, first, second}, sequences[3] = {3, 1, 1};
        for (int i = 0; i < 3; i++) {
            a.sequences = sequences[i], a.query_offsets = a.key_offsets = of[i];
            parts[i] = attention_work(&a, direction);
        }
        ck_assert_double_eq(parts[0].flops, parts[1].flops + parts[2].flops);
        ck_assert_double_eq(parts[0].exponentials, parts[1].exponentials + parts[2].exponentials);
    }
}
END_TEST

/* --- refusals --------------------------------------------------------------------------------- */

static void break_kind(Attention *a) {
    a->kind = (AttentionKind)17;
}
static void break_map(Attention *a) {
    a->map = (FeatureMap)9;
}
static void break_sequences(Attention *a) {
    a->sequences = 0;
}
static void break_heads(Attention *a) {
    a->heads = 0;
}
static void break_width(Attention *a) {
    a->width = -4;
}
static void break_features(Attention *a) {
    a->features = 0;
}
static void break_projection(Attention *a) {
    a->projection = NULL;
}
static void break_queries(Attention *a) {
    a->query_offsets = NULL;
}
static void break_keys(Attention *a) {
    a->key_offsets = NULL;
}
static void break_zero_scale(Attention *a) {
    a->scale = 0;
}
static void break_nan_scale(Attention *a) {
    a->scale = NAN;
}
static void break_causal(Attention *a) {
    static const int other[3] = {0, 4, 8};
    a->causal = 1, a->key_offsets = other;
}
static void break_order(Attention *a) {
    static const int falling[3] = {0, 6, 5};
    a->query_offsets = a->key_offsets = falling;
}
static void break_start(Attention *a) {
    static const int late[3] = {1, 4, 8};
    a->query_offsets = late;
}
static void break_value(Attention *a) {
    static const int other[3] = {0, 4, 8};
    a->kind = ATTENTION_VALUE, a->key_offsets = other;
}

static const struct {
    void (*harm)(Attention *);
    const char *says; /* what the message must name */
} refusals[] = {
    {break_kind, "kind"},
    {break_map, "map"},
    {break_sequences, "sequences"},
    {break_heads, "heads"},
    {break_width, "width"},
    {break_features, "features"},
    {break_projection, "projection"},
    {break_queries, "query_offsets"},
    {break_keys, "key_offsets"},
    {break_zero_scale, "scale"},
    {break_nan_scale, "scale"},
    {break_causal, "causal"},
    {break_order, "offsets"},
    {break_start, "query_offsets[0]"},
    {break_value, "value"},
};

START_TEST(bad_shapes_are_refused_with_a_message) {
    int offsets[3] = {0, 3, 8};
    float projection[4 * 5] = {0}, numbers[8 * 2 * 5] = {0};
    Attention a = {.kind = ATTENTION_KERNEL_LINEAR,
                   .map = FEATURE_POSITIVE,
                   .sequences = 2,
                   .heads = 2,
                   .width = 5,
                   .features = 4,
                   .query_offsets = offsets,
                   .key_offsets = offsets,
                   .projection = projection,
                   .scale = 1};
    ck_assert_int_eq(attention_check(&a), STATUS_OK);
    refusals[_i].harm(&a);
    ck_assert_int_eq(attention_check(&a), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), refusals[_i].says), "'%s' should name '%s'",
                  status_message(), refusals[_i].says);
    /* The device refuses as well, and touches nothing. */
    AttentionIn in = {numbers, 10, 5};
    AttentionOut out = {numbers, 10, 5};
    ck_assert_int_eq(device_cpu()->attention_forward(&a, in, in, in, out, NULL, &arena),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(
        device_cpu()->attention_backward(&a, in, in, in, in, in, numbers, out, out, out, &arena),
        STATUS_ARGUMENT);
    ck_assert_uint_eq(arena.used, 0);
}
END_TEST

Suite *suite_attention_shapes(void) {
    Suite *suite = suite_create("attention shapes");
    TCase *shapes = tcase_create("counts and refusals");
    tcase_add_checked_fixture(shapes, setup, teardown);
    tcase_add_loop_test(shapes, operations_have_their_exponent, 0, table_variants());
    tcase_add_loop_test(shapes, memory_has_its_exponent, 0, table_variants());
    tcase_add_loop_test(shapes, work_adds_up_over_a_batch, 0, table_variants());
    tcase_add_loop_test(shapes, bad_shapes_are_refused_with_a_message, 0,
                        (int)(sizeof refusals / sizeof *refusals));
    suite_add_tcase(suite, shapes);
    return suite;
}
