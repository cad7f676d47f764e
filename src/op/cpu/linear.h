/* linear: the state of kernel attention, shared by its four passes. */
#ifndef OP_CPU_LINEAR_H
#define OP_CPU_LINEAR_H

#include "op/cpu/features.h"

/* S = sum_j phi(k_j) v_j' and z = sum_j phi(k_j), each divided by 2^m so that no term exceeds 1.
 * POSITIVE has one maximum m a feature, so that z >= 1 in every feature that any key has touched
 * and a query's normaliser cannot vanish; the other maps have one for all (m[0]). */
typedef struct {
    float *s;        /* [cm, ep] */
    float *z;        /* [cp] */
    float *m;        /* [cp] or [1] */
    float *negative; /* -m, as feature_expand wants it */
    int empty;
} LinearState;

/* Scratch of one thread. */
typedef struct {
    float *xq, *xk;                   /* [TILE_ROWS, E] scaled rows */
    float *rawq, *rawk;               /* [TILE_ROWS, cp] */
    float *fq, *fk;                   /* [TILE_ROWS, cp] used values */
    float *dphi;                      /* [TILE_ROWS, cp] */
    float *rows;                      /* [TILE_ROWS, ep] results */
    float *dx;                        /* [TILE_ROWS, ep] */
    float *g;                         /* [TILE_ROWS, E] */
    float *panels;                    /* any right operand of a tile */
    float *scores, *dscores;          /* [TILE_ROWS, TILE_ROWS] */
    float *logq, *logk, *shift, *top; /* [TILE_ROWS] */
    float *zero;                      /* [TILE_ROWS] of zeros */
    LinearState state, gradient;
} LinearScratch;

Status linear_scratch(const FeatureMapping *f, int backward, Arena *arena, LinearScratch *out);

void linear_reset(const FeatureMapping *f, LinearState *state);

/* Adds `rows` rows with raw features and values to the state: S += phi' V, z += phi' weight (NULL:
 * ones). The factor of row i is 2^log[i]. Leaves the used values, scaled by the new m, in `used`.
 */
void linear_absorb(const FeatureMapping *f, LinearState *state, int rows, const float *raw,
                   const float *log, const float *v, size_t v_stride, const float *weight,
                   LinearScratch *s, float *used);

/* used = phi of queries against the state: 2^(raw + m - top), top[i] the largest exponent of the
 * row (0 for maps that need none; m for TRIGONOMETRIC). */
void linear_query(const FeatureMapping *f, const LinearState *state, int rows, const float *raw,
                  float *top, float *shift, float *used);

/* The weights of a chunk's own keys, from s->rawq, s->rawk, s->logk. Every key is scaled by its own
 * largest feature and every query by its own, so that a row's result cannot depend on a later key,
 * not even through rounding. weights[i, j] = 2^(l_ij - centre[i]), exactly 0 above the diagonal,
 * where centre[i] is the row's largest exponent over its visible keys and over the state (top;
 * -infinity when the state is empty). Leaves the scaled features in s->fq and s->fk, and the
 * scales' logarithms in s->logq and key_log. */
void linear_chunk_weights(const FeatureMapping *f, int rows, LinearScratch *s, const float *top,
                          float *centre, float *key_log, float *weights);

#endif
