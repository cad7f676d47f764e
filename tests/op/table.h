/* table: the one list of attention cases that every check and the micro-benchmark walk.
 *
 * A case is a variant (kind, feature map, causal) at a shape (lengths, heads, widths, layout,
 * values). The agreement with the reference, the gradient check, the comparison of two devices and
 * bench/bench_ops.c all take their cases from here, so that what is timed is what is checked.
 * To add a variant or a shape, add one line to table.c.
 *
 *     for (int v = 0; v < table_variants(); v++)
 *         for (int s = 0; s < table_shapes(); s++) {
 *             const OpVariant *variant = table_variant(v);
 *             const OpShape *shape = table_shape(s);
 *             if (!table_holds(variant, shape, USE_AGREEMENT)) continue;
 *             ...
 *         }
 */
#ifndef TESTS_OP_TABLE_H
#define TESTS_OP_TABLE_H

#include "op/op.h"

enum { TABLE_SEQUENCES = 32 };

typedef struct {
    const char *name; /* the slug that results and benchmarks use: "tiled", "favor_causal" */
    AttentionKind kind;
    FeatureMap map;
    int causal;
    int relative;  /* a relative bias, and its gradient */
    float dropout; /* of the probabilities */
} OpVariant;

/* How the [T,H,E] elements of a view lie in memory. */
typedef enum {
    LAYOUT_ROWS,  /* [T,H,E] */
    LAYOUT_HEADS, /* [H,T,E] */
    LAYOUT_FUSED, /* q, k, v are thirds of one [T,3,H,E]; self-attention only */
    LAYOUT_GAPPED /* [T,H,E] with unused floats after every head and every row, unaligned */
} OpLayout;

/* What the values are. */
typedef enum {
    VALUES_NORMAL,  /* independent normals of standard deviation `spread` */
    VALUES_SPIKE,   /* the same, but one key and one query of every sequence have |x|^2 = 120, so
                       that exp(|x|^2) overflows a float and one score dwarfs all others */
    VALUES_RISING,  /* every key's scores exceed the last one's: the running maximum never rests */
    VALUES_FALLING, /* the first key dominates all later ones by many orders of magnitude */
    VALUES_OPPOSED, /* k_i = -q_i, |x| = `spread`: a query's largest feature is its key's smallest
                     */
    VALUES_TIES,    /* components are 0 or +-1: many scores are exactly equal */
    VALUES_ZERO     /* queries and keys are all zero: every weight is the same */
} OpValues;

enum {
    USE_AGREEMENT = 1,   /* forward against the double reference */
    USE_BACKWARD = 2,    /* backward against the reference's analytic backward */
    USE_DIFFERENCES = 4, /* backward against four-point differences: small shapes */
    USE_BENCHMARK = 8,   /* timed by bench/bench_ops.c */
    USE_SENTENCES = 16   /* timed by bench/bench_layers.c: a batch of sentences */
};

typedef struct {
    const char *name;
    int uses;
    OpLayout layout;
    OpValues values;
    double spread;
    int heads, width, features;
    int sequences;
    int queries[TABLE_SEQUENCES]; /* rows of each sequence */
    int keys[TABLE_SEQUENCES];    /* read only when `cross` */
    int cross;                    /* keys have lengths of their own; no causal variant, no VALUE */
} OpShape;

int table_variants(void);
const OpVariant *table_variant(int index);

int table_shapes(void);
const OpShape *table_shape(int index);

/* Whether the pair is a case for one of the uses. */
int table_holds(const OpVariant *variant, const OpShape *shape, int uses);

int table_is_kernel(const OpVariant *variant);

/* Whether a relative bias or dropout changes what softmax gives. */
int table_is_plain(const OpVariant *variant);

/* "favor_causal/edge64 (H=2 E=33 R=40)": for messages. */
void table_name(const OpVariant *variant, const OpShape *shape, char *name, size_t size);

#endif
