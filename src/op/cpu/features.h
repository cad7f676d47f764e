/* features: phi of a tile of rows, and the way back.
 *
 * Positive features are kept as base-2 logarithms l = log2(e) (W x - |x|^2 / 2) until the moment
 * they are used, because only then is it known what they can safely be divided by. A feature of
 * any map is used through feature_expand, as
 *
 *     POSITIVE        2^(raw + column + row)
 *     TRIGONOMETRIC   raw * 2^row          raw = [cos(W x), sin(W x)]; its factor exp(|x|^2 / 2)
 *                                          travels separately as a logarithm, feature_row_log
 *     ELU1, RELU      raw                  already positive and tame
 *
 * with `column` (one number a feature) and `row` (one number a row) chosen by the caller so that
 * no power exceeds 1. The common factor 1/sqrt(R) cancels in attention's quotient and is left out.
 */
#ifndef OP_CPU_FEATURES_H
#define OP_CPU_FEATURES_H

#include "op/cpu/attention.h"

typedef struct {
    const Attention *attention;
    const CpuKernels *kernel;
    int e, en;       /* E, and E padded to whole panels */
    size_t ep;       /* row stride of scratch that holds E columns */
    int c, cn, cm;   /* columns C of phi; padded to whole panels; padded to whole register blocks */
    size_t cp;       /* row stride of scratch that holds C columns */
    int r, rn;       /* R projections, and padded to whole panels */
    float factor;    /* of the inputs: sqrt(scale), or 1 for ELU1 */
    int logarithmic; /* POSITIVE: raw values are logarithms, and stabilised feature by feature */
    const float *down; /* W' in panels: x -> W x */
    const float *up;   /* W in panels: gradient of W x -> gradient of x */
} FeatureMapping;

/* Packs the projection once for a whole call; the panels live in the arena. */
Status feature_mapping(const Attention *a, int backward, Arena *arena, FeatureMapping *out);

/* Gathers `rows` rows, scaled, into x [TILE_ROWS, E] (padding rows zero), and computes
 * raw [TILE_ROWS, cp] and row_log [TILE_ROWS] (0 but for TRIGONOMETRIC). */
void feature_raw(const FeatureMapping *f, const float *from, size_t stride, int rows, float *x,
                 float *raw, float *row_log);

/* out [TILE_ROWS, cp] = the used value of raw; rows beyond `rows` become 0. `column` may be NULL.
 */
void feature_expand(const FeatureMapping *f, int rows, const float *raw, const float *column,
                    const float *row, float *out);

/* Largest raw value of each row; POSITIVE only. */
void feature_row_maximum(const FeatureMapping *f, int rows, const float *raw, const float *column,
                         float *maximum);

/* From dphi = the gradient with respect to the used values `value`, in place: to [rows, E] the
 * gradient with respect to the caller's (unscaled) row, written or added. `row` is what
 * feature_expand was given. For queries pass keys = 0: a factor common to a query's features
 * cancels in the quotient, so that |x|^2 has no gradient. Destroys dphi. */
void feature_backward(const FeatureMapping *f, int rows, int keys, const float *x, const float *raw,
                      const float *value, const float *row, float *dphi, float *dx, float *to,
                      size_t stride, int accumulate);

#endif
