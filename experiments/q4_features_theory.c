#include "q4_features_theory.h"

#include <math.h>

double features_argument(FeatureMap map, double norm2_x, double norm2_y, double dot) {
    double sign = map == FEATURE_POSITIVE ? 1 : -1;
    double argument = norm2_x + norm2_y + sign * 2 * dot;
    return argument > 0 ? argument : 0;
}

/* 1F1(-n; n; s) by its series. Its terms alternate for s > 0 until k passes n, but stay below
 * exp(s), which leaves ten digits for every s that is used here. */
static double kummer_mirrored(double n, double s) {
    double term = 1, sum = 1;
    for (int k = 0; k < 2000; k++) {
        term *= (-n + k) / (n + k) * s / (k + 1);
        sum += term;
        if (term == 0 || (k > fabs(s) && fabs(term) < 1e-18 * fabs(sum))) break;
    }
    return sum;
}

double features_block_covariance(FeatureMap map, double argument, int width) {
    double s = map == FEATURE_POSITIVE ? -argument / 2 : argument / 2;
    return exp(s) * kummer_mirrored(width / 2.0, s) - 1;
}

double features_relative_variance(FeatureMap map, ProjectionKind kind, double argument, int width,
                                  int projections) {
    double half = sinh(argument / 2);
    double single = map == FEATURE_POSITIVE ? expm1(argument) : 2 * half * half;
    if (kind == PROJECTION_IID) return single / projections;
    int blocks = projections / width, rest = projections % width;
    double pairs = (double)blocks * width * (width - 1) + (double)rest * (rest - 1);
    double covariance = features_block_covariance(map, argument, width);
    return (single + pairs / projections * covariance) / projections;
}

double features_published_gain(double argument, int width, int projections) {
    double gap = -expm1(-argument / 2);
    return 2.0 * (projections - 1) / ((double)projections * (width + 2)) * gap * gap;
}

double features_seen_share(double argument, double draws) {
    double margin = sqrt(2 * log(draws)) - 2 * sqrt(argument);
    return 0.5 * erfc(-margin / sqrt(2));
}

/* Positive minus trigonometric relative variance, at one column each, for x'y = dot. */
static double positive_excess(double norm2, double dot) {
    double positive =
        features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID,
                                   features_argument(FEATURE_POSITIVE, norm2, norm2, dot), 1, 1);
    double trigonometric = features_relative_variance(
        FEATURE_TRIGONOMETRIC, PROJECTION_IID,
        features_argument(FEATURE_TRIGONOMETRIC, norm2, norm2, dot), 1, 1);
    return positive - 2 * trigonometric;
}

double features_equal_kernel(double norm) {
    double norm2 = norm * norm, low = -norm2, high = norm2;
    if (positive_excess(norm2, low) >= 0 || positive_excess(norm2, high) <= 0) return NAN;
    for (int step = 0; step < 100; step++) {
        double middle = (low + high) / 2;
        if (positive_excess(norm2, middle) < 0)
            low = middle;
        else
            high = middle;
    }
    return exp((low + high) / 2);
}

int features_projections(FeatureMap map, int columns) {
    return map == FEATURE_TRIGONOMETRIC ? columns / 2 : columns;
}
