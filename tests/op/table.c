#include "op/table.h"

#include <stdio.h>

/* clang-format off */
static const OpVariant variants[] = {
    {"materialised",               ATTENTION_MATERIALISED,     0,                     0, 0, 0},
    {"materialised_causal",        ATTENTION_MATERIALISED,     0,                     1, 0, 0},
    {"materialised_relative",      ATTENTION_MATERIALISED,     0,                     0, 1, 0},
    {"materialised_dropout",       ATTENTION_MATERIALISED,     0,                     0, 0, .1f},
    {"materialised_both",          ATTENTION_MATERIALISED,     0,                     0, 1, .1f},
    {"materialised_both_causal",   ATTENTION_MATERIALISED,     0,                     1, 1, .3f},
    {"tiled",                      ATTENTION_TILED,            0,                     0, 0, 0},
    {"tiled_causal",               ATTENTION_TILED,            0,                     1, 0, 0},
    {"wrong_order",                ATTENTION_KERNEL_QUADRATIC, FEATURE_POSITIVE,      0, 0, 0},
    {"wrong_order_causal",         ATTENTION_KERNEL_QUADRATIC, FEATURE_POSITIVE,      1, 0, 0},
    {"wrong_order_trigonometric",  ATTENTION_KERNEL_QUADRATIC, FEATURE_TRIGONOMETRIC, 0, 0, 0},
    {"wrong_order_trigonometric_causal", ATTENTION_KERNEL_QUADRATIC, FEATURE_TRIGONOMETRIC, 1, 0, 0},
    {"wrong_order_elu",            ATTENTION_KERNEL_QUADRATIC, FEATURE_ELU1,          0, 0, 0},
    {"wrong_order_elu_causal",     ATTENTION_KERNEL_QUADRATIC, FEATURE_ELU1,          1, 0, 0},
    {"wrong_order_relu",           ATTENTION_KERNEL_QUADRATIC, FEATURE_RELU,          0, 0, 0},
    {"wrong_order_relu_causal",    ATTENTION_KERNEL_QUADRATIC, FEATURE_RELU,          1, 0, 0},
    {"favor_positive",             ATTENTION_KERNEL_LINEAR,    FEATURE_POSITIVE,      0, 0, 0},
    {"favor_causal",               ATTENTION_KERNEL_LINEAR,    FEATURE_POSITIVE,      1, 0, 0},
    {"favor_trigonometric",        ATTENTION_KERNEL_LINEAR,    FEATURE_TRIGONOMETRIC, 0, 0, 0},
    {"favor_trigonometric_causal", ATTENTION_KERNEL_LINEAR,    FEATURE_TRIGONOMETRIC, 1, 0, 0},
    {"elu",                        ATTENTION_KERNEL_LINEAR,    FEATURE_ELU1,          0, 0, 0},
    {"elu_causal",                 ATTENTION_KERNEL_LINEAR,    FEATURE_ELU1,          1, 0, 0},
    {"relu",                       ATTENTION_KERNEL_LINEAR,    FEATURE_RELU,          0, 0, 0},
    {"relu_causal",                ATTENTION_KERNEL_LINEAR,    FEATURE_RELU,          1, 0, 0},
    {"value",                      ATTENTION_VALUE,            0,                     0, 0, 0},
};

#define A USE_AGREEMENT
#define B USE_BACKWARD
#define D USE_DIFFERENCES
#define P USE_BENCHMARK
#define S USE_SENTENCES
/* 352 tokens: a batch of CoLA's shorter sentences. */
#define SENTENCES 32, {5, 6, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 11, 12, 12, 12, 12, \
                       13, 13, 13, 14, 15, 16, 17, 17, 15}

/* Lengths lie on both sides of the edges of tiles and vectors, widths and features too. */
static const OpShape shapes[] = {
    /* name          uses   layout         values         spread  H   E   R  B  queries, keys */
    {"tiny",         A|B|D, LAYOUT_ROWS,   VALUES_NORMAL,  1,     1,  5,  8, 1, {7}, {0}, 0},
    {"tiny_odd",     A|B|D, LAYOUT_HEADS,  VALUES_NORMAL,  1,     2,  4,  7, 3, {1, 6, 3}, {0}, 0},
    {"tiny_fused",   A|B|D, LAYOUT_FUSED,  VALUES_NORMAL,  .7,    2,  3,  4, 1, {13}, {0}, 0},
    {"tiny_wide",    A|B|D, LAYOUT_GAPPED, VALUES_NORMAL,  .7,    1, 20, 33, 1, {5}, {0}, 0},
    {"tiny_cross",   A|B|D, LAYOUT_GAPPED, VALUES_NORMAL,  1,     2,  5,  6, 3, {5, 1, 2}, {9, 4, 1}, 1},
    {"tiny_empty",   A|B|D, LAYOUT_ROWS,   VALUES_NORMAL,  1,     1,  8, 16, 4, {0, 4, 0, 2}, {0}, 0},
    {"tiny_large",   A|B|D, LAYOUT_HEADS,  VALUES_NORMAL,  2.5,   1,  8, 12, 1, {8}, {0}, 0},
    {"tiny_spike",   A|B,   LAYOUT_ROWS,   VALUES_SPIKE,   .5,    1,  6, 12, 1, {6}, {0}, 0},
    {"single",       A|B|D, LAYOUT_ROWS,   VALUES_NORMAL,  1,     2,  5,  8, 1, {1}, {0}, 0},
    {"singles",      A|B|D, LAYOUT_HEADS,  VALUES_NORMAL,  1,     1, 16, 16, 5, {1, 1, 1, 1, 1}, {0}, 0},
    {"edge2",        A|B,   LAYOUT_FUSED,  VALUES_NORMAL,  1,     3, 16, 16, 1, {2}, {0}, 0},
    {"edge11",       A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  1,     2, 33, 24, 1, {11}, {0}, 0},
    {"edge12",       A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     2, 64, 64, 1, {12}, {0}, 0},
    {"edge13",       A|B,   LAYOUT_GAPPED, VALUES_NORMAL,  1,     2, 80, 40, 1, {13}, {0}, 0},
    {"edge63",       A|B,   LAYOUT_FUSED,  VALUES_NORMAL,  1,     2, 20, 33, 1, {63}, {0}, 0},
    {"edge64",       A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     2, 64, 64, 1, {64}, {0}, 0},
    {"edge65",       A|B,   LAYOUT_GAPPED, VALUES_NORMAL,  1,     1, 33, 65, 1, {65}, {0}, 0},
    {"edge127",      A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  1,     2,  5, 15, 1, {127}, {0}, 0},
    {"edge95",       A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     1, 20, 31, 1, {95}, {0}, 0},
    {"edge96",       A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  .7,    2, 64, 32, 1, {96}, {0}, 0},
    {"edge97",       A|B,   LAYOUT_GAPPED, VALUES_NORMAL,  1,     1, 31, 17, 1, {97}, {0}, 0},
    {"edge129",      A|B,   LAYOUT_FUSED,  VALUES_NORMAL,  1,     1, 64, 80, 1, {129}, {0}, 0},
    {"edge192",      A|B,   LAYOUT_GAPPED, VALUES_NORMAL,  1,     2, 32, 64, 1, {192}, {0}, 0},
    {"edge193",      A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  1,     1, 80, 33, 1, {193}, {0}, 0},
    {"edge200",      A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     1, 20, 48, 1, {200}, {0}, 0},
    {"edge300",      A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  1,     2, 16, 33, 1, {300}, {0}, 0},
    {"edge577",      A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     1, 16, 24, 1, {577}, {0}, 0},
    {"wide128",      A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  .7,    1, 128, 40, 1, {70}, {0}, 0},
    {"features256",  A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  .7,    1, 64, 256, 1, {140}, {0}, 0},
    {"one_feature",  A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  .3,    1,  4,  1, 1, {20}, {0}, 0},
    {"two_features", A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  .3,    1,  4,  2, 1, {20}, {0}, 0},
    {"width_one",    A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  .7,    2,  1,  5, 1, {33}, {0}, 0},
    {"ragged",       A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     3, 20, 40, 6, {65, 1, 0, 129, 12, 64}, {0}, 0},
    {"ragged_fused", A|B,   LAYOUT_FUSED,  VALUES_NORMAL,  .7,    2, 33, 64, 4, {2, 63, 0, 13}, {0}, 0},
    {"ragged_heads", A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  .7,    2, 64, 33, 3, {127, 11, 66}, {0}, 0},
    {"cross",        A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     2, 64, 48, 3, {64, 1, 13}, {129, 7, 65}, 1},
    {"cross_heads",  A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  .7,    2, 33, 33, 2, {130, 12}, {11, 127}, 1},
    {"cross_one",    A|B,   LAYOUT_GAPPED, VALUES_NORMAL,  1,     1, 20, 24, 2, {1, 300}, {300, 1}, 1},
    {"cross_empty",  A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  1,     1, 16, 16, 3, {0, 5, 0}, {7, 3, 0}, 1},
    {"no_keys",      A|B|D, LAYOUT_ROWS,   VALUES_NORMAL,  1,     1,  8,  8, 3, {2, 3, 1}, {3, 0, 2}, 1},
    {"nothing",      A|B,   LAYOUT_HEADS,  VALUES_NORMAL,  1,     2,  8,  8, 2, {0, 0}, {0}, 0},
    {"large",        A|B,   LAYOUT_ROWS,   VALUES_NORMAL,  3,     1, 64, 64, 1, {129}, {0}, 0},
    {"large_ragged", A|B,   LAYOUT_FUSED,  VALUES_NORMAL,  5,     1, 33, 40, 2, {65, 70}, {0}, 0},
    {"spike",        A|B,   LAYOUT_ROWS,   VALUES_SPIKE,   .5,    2, 64, 64, 2, {130, 65}, {0}, 0},
    {"rising",       A|B,   LAYOUT_ROWS,   VALUES_RISING,  1,     1, 64, 48, 1, {200}, {0}, 0},
    {"falling",      A|B,   LAYOUT_HEADS,  VALUES_FALLING, 1,     1, 20, 48, 1, {140}, {0}, 0},
    {"opposed",      A|B,   LAYOUT_ROWS,   VALUES_OPPOSED, 15,    1,  5, 64, 2, {130, 1}, {0}, 0},
    {"ties",         A|B,   LAYOUT_ROWS,   VALUES_TIES,    1,     2,  5, 16, 1, {129}, {0}, 0},
    {"zero",         A,     LAYOUT_ROWS,   VALUES_ZERO,    0,     1, 16, 16, 1, {77}, {0}, 0},
    {"base",         S,     LAYOUT_FUSED,  VALUES_NORMAL,  .7,   12, 64, 64, SENTENCES, {0}, 0},
    {"minilm",       A|B|S, LAYOUT_FUSED,  VALUES_NORMAL,  .7,   12, 32, 32, SENTENCES, {0}, 0},
    {"N1024",        P,     LAYOUT_ROWS,   VALUES_NORMAL,  1,     8, 64, 256, 1, {1024}, {0}, 0},
    {"N2048",        P,     LAYOUT_ROWS,   VALUES_NORMAL,  1,     8, 64, 256, 1, {2048}, {0}, 0},
    {"N4096",        P,     LAYOUT_ROWS,   VALUES_NORMAL,  1,     8, 64, 256, 1, {4096}, {0}, 0},
    {"N8192",        P,     LAYOUT_ROWS,   VALUES_NORMAL,  1,     8, 64, 256, 1, {8192}, {0}, 0},
};
/* clang-format on */

int table_variants(void) {
    return (int)(sizeof variants / sizeof *variants);
}
const OpVariant *table_variant(int index) {
    return &variants[index];
}
int table_shapes(void) {
    return (int)(sizeof shapes / sizeof *shapes);
}
const OpShape *table_shape(int index) {
    return &shapes[index];
}

int table_is_kernel(const OpVariant *variant) {
    return variant->kind == ATTENTION_KERNEL_QUADRATIC || variant->kind == ATTENTION_KERNEL_LINEAR;
}

int table_is_plain(const OpVariant *variant) {
    return !variant->relative && variant->dropout == 0;
}

int table_holds(const OpVariant *variant, const OpShape *shape, int uses) {
    if (!(shape->uses & uses)) return 0;
    if (uses & USE_BENCHMARK && !table_is_plain(variant)) return 0; /* they are for sentences */
    if (shape->uses & USE_SENTENCES && variant->kind != ATTENTION_MATERIALISED) return 0;
    if (shape->cross && (variant->causal || variant->kind == ATTENTION_VALUE)) return 0;
    return 1;
}

void table_name(const OpVariant *variant, const OpShape *shape, char *name, size_t size) {
    snprintf(name, size, "%s/%s (H=%d E=%d R=%d)", variant->name, shape->name, shape->heads,
             shape->width, shape->features);
}
