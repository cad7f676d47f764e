/* q4_features_theory: what random features must do on paper, exactly.
 *
 * x and y are already scaled (by d^(-1/4) each), SM(x,y) = exp(x'y), d is the width of a head. All
 * variances are relative: divided by SM(x,y)^2. Then each kind depends on one number alone: v =
 * |x+y|^2 for positive features, v = |x-y|^2 for trigonometric ones.
 *
 *     double v = features_argument(FEATURE_POSITIVE, norm2_x, norm2_y, dot);
 *     double sigma2 = features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID, v, d, R);
 *
 * With independent projections (Choromanski et al., ICLR 2021, lemma 2, divided by SM^2):
 *     positive        exp(v) (1 - exp(-v)) / R                = (exp(v) - 1) / R
 *     trigonometric   exp(v) (1 - exp(-v))^2 / (2 R)          = (cosh(v) - 1) / R
 * With blocks of d exactly orthogonal rows of chi norms, two rows of one block are correlated. The
 * length of w1 +- w2 is chi with 2d degrees and its direction is uniform, so E exp((w1+w2)'z) =
 * 1F1(d; d/2; |z|^2/2) and E cos((w1+-w2)'z) = 1F1(d; d/2; -|z|^2/2). Divided by the squared mean
 * and turned by Kummer's transformation, the correlation is g(-v/2) for positive and g(v/2) for
 * trigonometric features, g(s) = exp(s) 1F1(-d/2; d/2; s) - 1, about -v^2 / (2 (d + 2)) for small
 * v.
 */
#ifndef EXPERIMENTS_Q4_FEATURES_THEORY_H
#define EXPERIMENTS_Q4_FEATURES_THEORY_H

#include "op/op.h"
#include "op/projection.h"

#include <stddef.h>

/* |x+y|^2 or |x-y|^2: what the variance of `map` (POSITIVE or TRIGONOMETRIC) depends on. */
double features_argument(FeatureMap map, double norm2_x, double norm2_y, double dot);

/* Covariance of the values that two rows of one orthogonal block give, divided by SM^2. */
double features_block_covariance(FeatureMap map, double argument, int width);

/* Variance of the estimator with `projections` rows of W, divided by SM^2. */
double features_relative_variance(FeatureMap map, ProjectionKind kind, double argument, int width,
                                  int projections);

/* How much orthogonal rows must at least take off the relative mean squared error of positive
 * features, for projections <= width, as published (Choromanski et al., ICLR 2021, theorem 2):
 * 2 (m - 1) / (m (d + 2)) (1 - exp(-v/2))^2, the theorem's right side divided by SM^2. */
double features_published_gain(double argument, int width, int projections);

/* Second moments of a lognormal are made about 2|z| standard deviations out. Of n draws the
 * farthest lies near sqrt(2 ln n), so that they see about this share of the positive variance. */
double features_seen_share(double argument, double draws);

/* The kernel value below which positive features beat trigonometric ones at equal columns, for
 * |x| = |y| = norm; bisection on the closed forms. NaN where one of the two always wins. */
double features_equal_kernel(double norm);

/* Rows of `projections` for `columns` columns of the feature map: half as many with sin and cos. */
int features_projections(FeatureMap map, int columns);

#endif
