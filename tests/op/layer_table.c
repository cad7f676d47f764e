#include "op/layer_table.h"

#include <math.h>
#include <stdio.h>

#define NONE ACTIVATION_NONE
#define GELU ACTIVATION_GELU
#define TANH ACTIVATION_TANH
#define RELU ACTIVATION_RELU

/* clang-format off */
static const LayerVariant variants[] = {
    {"none",                  LAYER_ACTIVATE, NONE, 0, 0},
    {"none_bias",             LAYER_ACTIVATE, NONE, LAYER_BIAS | LAYER_IN_PLACE, 0},
    {"gelu",                  LAYER_ACTIVATE, GELU, 0, 0},
    {"gelu_bias",             LAYER_ACTIVATE, GELU, LAYER_BIAS, 0},
    {"gelu_bias_adds",        LAYER_ACTIVATE, GELU, LAYER_BIAS | LAYER_ADDS, 0},
    {"gelu_bias_in_place",    LAYER_ACTIVATE, GELU, LAYER_BIAS | LAYER_IN_PLACE, 0},
    {"tanh",                  LAYER_ACTIVATE, TANH, LAYER_IN_PLACE, 0},
    {"tanh_bias_adds",        LAYER_ACTIVATE, TANH, LAYER_BIAS | LAYER_ADDS, 0},
    {"relu",                  LAYER_ACTIVATE, RELU, 0, 0},
    {"relu_bias_in_place",    LAYER_ACTIVATE, RELU, LAYER_BIAS | LAYER_IN_PLACE, 0},
    {"relu_bias_adds",        LAYER_ACTIVATE, RELU, LAYER_BIAS | LAYER_ADDS, 0},
    {"norm",                  LAYER_NORM,     NONE, 0, 0},
    {"norm_in_place",         LAYER_NORM,     NONE, LAYER_IN_PLACE, 0},
    {"norm_residual",         LAYER_NORM,     NONE, LAYER_RESIDUAL, 0},
    {"norm_dropout",          LAYER_NORM,     NONE, 0, .3f},
    {"norm_residual_dropout", LAYER_NORM,     NONE, LAYER_RESIDUAL, .1f},
    {"norm_residual_adds",    LAYER_NORM,     NONE, LAYER_RESIDUAL | LAYER_ADDS, 0},
    {"norm_all_adds",         LAYER_NORM,     NONE, LAYER_RESIDUAL | LAYER_ADDS, .1f},
    {"dropout",               LAYER_DROPOUT,  NONE, 0, .1f},
    {"dropout_half_adds",     LAYER_DROPOUT,  NONE, LAYER_ADDS, .5f},
    {"dropout_in_place",      LAYER_DROPOUT,  NONE, LAYER_IN_PLACE, .25f},
    {"add",                   LAYER_ADD,      NONE, 0, 0},
    {"add_adds",              LAYER_ADD,      NONE, LAYER_ADDS, 0},
    {"linear",                LAYER_LINEAR,   NONE, 0, 0},
    {"linear_bias_adds",      LAYER_LINEAR,   NONE, LAYER_BIAS | LAYER_ADDS, 0},
    {"linear_gelu",           LAYER_LINEAR,   GELU, LAYER_BIAS, 0},
    {"linear_tanh",           LAYER_LINEAR,   TANH, LAYER_BIAS, 0},
    {"linear_relu",           LAYER_LINEAR,   RELU, 0, 0},
    {"embed",                 LAYER_EMBED,    NONE, 0, 0},
    {"embed_adds",            LAYER_EMBED,    NONE, LAYER_ADDS, 0},
    {"embed_by_rows",         LAYER_EMBED,    NONE, LAYER_BY_ROWS, 0},
    {"take_rows",             LAYER_TAKE_ROWS, NONE, 0, 0},
    {"take_rows_adds",        LAYER_TAKE_ROWS, NONE, LAYER_ADDS, 0},
    {"cross_entropy",         LAYER_CROSS_ENTROPY, NONE, 0, 0},
    {"cross_entropy_adds",    LAYER_CROSS_ENTROPY, NONE, LAYER_ADDS, 0},
    {"relative_bias",         LAYER_RELATIVE_BIAS, NONE, 0, 0},
    {"relative_bias_adds",    LAYER_RELATIVE_BIAS, NONE, LAYER_ADDS, 0},
};

#define A USE_AGREEMENT
#define B USE_BACKWARD
#define D USE_DIFFERENCES
#define P USE_BENCHMARK

/* On both sides of the edges of vectors, of the chunks that share a draw of dropout (512) and of
 * what wakes the other threads (4,096 numbers). */
static const LayerShape shapes[] = {
    {"one",        A|B|D,   1,    1,    1, 1,    0},
    {"two",        A|B|D,   2,    2,    3, 1,    0},
    {"edge3",      A|B|D,   2,    3,    2, 1,    0},
    {"edge7",      A|B|D,   5,    7,    3, 1,    0},
    {"edge8",      A|B|D,   3,    8,    4, 1,    0},
    {"edge15",     A|B|D,   4,   15,    2, 1,    0},
    {"edge16",     A|B|D,   3,   16,    5, 1,    0},
    {"edge17",     A|B|D,   2,   17,    3, 1,    0},
    {"edge33",     A|B|D,   3,   33,    2, 1,    0},
    {"edge64",     A|B,     2,   64,    8, 1,    0},
    {"edge65",     A|B|D,   3,   65,    2, 1,    0},
    {"tall",       A|B,   123,    9,    7, 1,    0},
    {"edge511",    A|B,     3,  511,    7, 1,    0},
    {"edge513",    A|B,     2,  513,    5, 1,    0},
    {"wide384",    A|B,    11,  384,   12, 1,    0},
    {"wide768",    A|B,     7,  768,   33, 1,    0},
    {"wide3072",   A|B,     3, 3072,    9, 1,    0},
    {"threads",    A|B,    37,  129,   40, 1,    0},
    {"nothing",    A|B,     0,    5,    3, 1,    0},
    {"steep",      A|B|D,   4,   19,    3, 6,    0},
    {"off_centre", A|B|D,   6,   24,    3, 1,   10},
    {"far_off",    A|B,     5,  768,    3, 1,  300},
    {"tiny",       A|B,     6,   40,    3, 1e-5, 0},
    {"tiny_off",   A|B,     3,  384,    3, 4e-3, 1},
    {"minilm",     P,     352,  384,   12, 1,    0},
    {"minilm_up",  P,     352, 1536,   12, 1,    0},
    {"base",       P,     352,  768,   12, 1,    0},
    {"base_up",    P,     352, 3072,   12, 1,    0},
};
/* clang-format on */

int layer_variants(void) {
    return (int)(sizeof variants / sizeof *variants);
}
const LayerVariant *layer_variant(int index) {
    return &variants[index];
}
int layer_shapes(void) {
    return (int)(sizeof shapes / sizeof *shapes);
}
const LayerShape *layer_shape(int index) {
    return &shapes[index];
}

int layer_is_taped(const LayerVariant *variant) {
    return variant->kind >= LAYER_ADD;
}

int layer_holds(const LayerVariant *variant, const LayerShape *shape, int uses) {
    if (!(shape->uses & uses)) return 0;
    /* GELU's backward reads x, which its result has replaced */
    if (variant->activation == ACTIVATION_GELU && variant->flags & LAYER_IN_PLACE &&
        !(uses & USE_AGREEMENT))
        return 0;
    /* a mean of no rows, and distances of no rows, have no value */
    if (shape->rows == 0 &&
        (variant->kind == LAYER_CROSS_ENTROPY || variant->kind == LAYER_RELATIVE_BIAS))
        return 0;
    /* one column has no variance: its gradient is rounding and nothing else */
    if (variant->kind == LAYER_NORM && shape->columns < 3) return 0;
    /* 1 - tanh^2 keeps no digits where tanh is nearly 1, whoever computes it in floats */
    if (variant->activation == ACTIVATION_TANH && (shape->spread > 2 || fabs(shape->mean) > 2))
        return 0;
    /* sums of hundreds of equal terms of either sign leave as few digits to any float */
    if (variant->kind == LAYER_LINEAR && fabs(shape->mean) > 50) return 0;
    return 1;
}

void layer_name(const LayerVariant *variant, const LayerShape *shape, char *name, size_t size) {
    snprintf(name, size, "%s/%s (%d x %d)", variant->name, shape->name, shape->rows,
             shape->columns);
}
