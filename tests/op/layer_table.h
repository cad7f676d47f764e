/* layer_table: the one list of cases of every layer but attention (which has op/table.h).
 *
 * A case is a variant (which layer, with what) at a shape. Agreement with the double-precision
 * reference, forward and backward, the gradient check against four-point differences and
 * bench/bench_layers.c all take their cases from here. One line in layer_table.c is a new one.
 *
 *     for (int v = 0; v < layer_variants(); v++)
 *         for (int s = 0; s < layer_shapes(); s++)
 *             if (layer_holds(layer_variant(v), layer_shape(s), USE_AGREEMENT)) ...
 */
#ifndef TESTS_OP_LAYER_TABLE_H
#define TESTS_OP_LAYER_TABLE_H

#include "op/layers.h"
#include "op/table.h"

typedef enum {
    LAYER_ACTIVATE, /* LayerOps.activate: x, bias */
    LAYER_NORM,     /* LayerOps.norm: x, residual, gain, shift */
    LAYER_DROPOUT,  /* LayerOps.dropout: x */
    /* through the tape: */
    LAYER_ADD,           /* nn_add: x, y */
    LAYER_LINEAR,        /* nn_linear: x, weight, bias */
    LAYER_EMBED,         /* nn_embed: three tables, of `other`, `other` + 3 and 2 rows */
    LAYER_TAKE_ROWS,     /* nn_take_rows: every second row, the last one first */
    LAYER_CROSS_ENTROPY, /* nn_cross_entropy: logits */
    LAYER_RELATIVE_BIAS /* nn_relative_bias: a table of 32 buckets for `other` heads, span `rows` */
} LayerKind;

enum {
    LAYER_BIAS = 1,     /* with a bias */
    LAYER_RESIDUAL = 2, /* with a residual connection */
    LAYER_ADDS = 4,     /* gradients are added to what is there */
    LAYER_IN_PLACE = 8, /* the result takes the place of an operand, where that is allowed */
    LAYER_BY_ROWS = 16  /* tables are updated by rows */
};

typedef struct {
    const char *name; /* "norm_residual_dropout" */
    LayerKind kind;
    Activation activation;
    int flags;
    float rate; /* of dropout */
} LayerVariant;

/* What the values of the first operand are: normals times `spread` plus `mean`. */
typedef struct {
    const char *name;
    int uses; /* USE_AGREEMENT ... of op/table.h */
    int rows, columns;
    int other; /* outputs, rows of a table, heads */
    double spread, mean;
} LayerShape;

int layer_variants(void);
const LayerVariant *layer_variant(int index);
int layer_shapes(void);
const LayerShape *layer_shape(int index);

/* Whether the pair is a case for one of the uses. */
int layer_holds(const LayerVariant *variant, const LayerShape *shape, int uses);

/* Whether the variant goes through the tape. */
int layer_is_taped(const LayerVariant *variant);

/* "norm_residual/edge17 (2 x 17)": for messages. */
void layer_name(const LayerVariant *variant, const LayerShape *shape, char *name, size_t size);

#endif
