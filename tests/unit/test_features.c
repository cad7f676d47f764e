#define _GNU_SOURCE
#include "base/rng.h"
#include "q4_features_spectrum.h"
#include "q4_features_theory.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

Suite *suite_features(void);

static const double arguments[] = {0.01, 0.3, 1, 2.5, 6};
enum { ARGUMENTS = sizeof arguments / sizeof *arguments };

/* One projection's estimate of SM divided by SM, at u standard deviations. */
static double relative_value(FeatureMap map, double argument, double u) {
    if (map == FEATURE_POSITIVE) return exp(u * sqrt(argument) - argument / 2);
    return exp(argument / 2) * cos(u * sqrt(argument));
}

/* Trapezoids over the real line converge faster than any power for these integrands. */
static double normal_mean(FeatureMap map, double argument, int power) {
    double sum = 0, step = 1.0 / 64;
    for (int i = -64 * 24; i <= 64 * 24; i++) {
        double u = i * step, value = relative_value(map, argument, u);
        sum += exp(-u * u / 2) * (power == 2 ? value * value : value);
    }
    return sum * step / sqrt(2 * M_PI);
}

START_TEST(single_projections_agree_with_quadrature) {
    for (int map = FEATURE_POSITIVE; map <= FEATURE_TRIGONOMETRIC; map++) {
        double v = arguments[_i];
        double mean = normal_mean((FeatureMap)map, v, 1);
        double second = normal_mean((FeatureMap)map, v, 2);
        double formula = features_relative_variance((FeatureMap)map, PROJECTION_IID, v, 16, 1);
        ck_assert_double_eq_tol(mean, 1, 1e-12);
        ck_assert_double_lt(fabs(second - 1 - formula), 1e-11 * second);
        double ten = features_relative_variance((FeatureMap)map, PROJECTION_IID, v, 16, 10);
        ck_assert_double_lt(fabs(ten - formula / 10), 1e-15 * formula);
    }
}
END_TEST

/* The formulas of the paper, with their exp(|x+y|^2) SM^-2, against the relative ones. */
START_TEST(relative_forms_are_the_published_ones) {
    double norm2_x = 0.7, norm2_y = 1.1, dot = -0.35, sm = exp(dot);
    double sum2 = norm2_x + norm2_y + 2 * dot, difference2 = norm2_x + norm2_y - 2 * dot;
    int rows = 8;
    double positive = exp(sum2) * sm * sm * (1 - exp(-sum2)) / rows;
    double trigonometric = exp(sum2) / (sm * sm) * pow(1 - exp(-difference2), 2) / (2 * rows);
    double v = features_argument(FEATURE_POSITIVE, norm2_x, norm2_y, dot);
    ck_assert_double_eq_tol(
        features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID, v, 4, rows) * sm * sm,
        positive, 1e-13);
    v = features_argument(FEATURE_TRIGONOMETRIC, norm2_x, norm2_y, dot);
    ck_assert_double_eq_tol(
        features_relative_variance(FEATURE_TRIGONOMETRIC, PROJECTION_IID, v, 4, rows) * sm * sm,
        trigonometric, 1e-13);
}
END_TEST

/* Width 2: two orthogonal directions at a uniform angle, two Rayleigh lengths, all integrated. */
static double plane_product(FeatureMap map, double argument) {
    enum { ANGLES = 64, LENGTHS = 6000 };
    double root = sqrt(argument), step = 15.0 / LENGTHS, sum = 0;
    for (int a = 0; a < ANGLES; a++) {
        double cosine = cos(2 * M_PI * a / ANGLES), sine = sin(2 * M_PI * a / ANGLES);
        double first = 0, second = 0;
        /* The lengths are independent given the angle, so the double integral is a product. */
        for (int i = 0; i < LENGTHS; i++) {
            double r = (i + 0.5) * step, weight = r * exp(-r * r / 2) * step;
            if (map == FEATURE_POSITIVE) {
                first += weight * exp(root * r * cosine - argument / 2);
                second += weight * exp(root * r * sine - argument / 2);
            } else {
                first += weight * exp(argument / 2) * cos(root * r * cosine);
                second += weight * exp(argument / 2) * cos(root * r * sine);
            }
        }
        sum += first * second;
    }
    return sum / ANGLES;
}

START_TEST(block_covariance_agrees_with_quadrature) {
    for (int map = FEATURE_POSITIVE; map <= FEATURE_TRIGONOMETRIC; map++) {
        double v = arguments[_i];
        double product = plane_product((FeatureMap)map, v);
        double formula = features_block_covariance((FeatureMap)map, v, 2);
        ck_assert_msg(fabs(product - 1 - formula) < 1e-3 * fabs(formula) + 1e-6,
                      "map %d, argument %g: integrated %g, formula %g", map, v, product - 1,
                      formula);
        /* -v^2 / (2 (d + 2)) to first order. */
        if (v < 0.1) ck_assert_double_eq_tol(formula, -v * v / 8, 0.02 * v * v / 8);
    }
}
END_TEST

START_TEST(variance_of_drawn_blocks_is_the_formula) {
    enum { WIDTH = 8, ROWS = 12, DRAWS = 20000 };
    float w[ROWS * WIDTH];
    double argument = 0.8, root = sqrt(argument);
    for (int map = FEATURE_POSITIVE; map <= FEATURE_TRIGONOMETRIC; map++) {
        double squares = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            ck_assert_int_eq(
                projection_draw(w, ROWS, WIDTH, PROJECTION_ORTHOGONAL, 11, (uint64_t)draw),
                STATUS_OK);
            double sum = 0;
            for (int row = 0; row < ROWS; row++) {
                double u = (w[row * WIDTH] + w[row * WIDTH + 5]) / sqrt(2);
                if (map == FEATURE_POSITIVE)
                    sum += exp(root * u - argument / 2);
                else
                    sum += exp(argument / 2) * cos(root * u);
            }
            squares += pow(sum / ROWS - 1, 2);
        }
        double formula = features_relative_variance((FeatureMap)map, PROJECTION_ORTHOGONAL,
                                                    argument, WIDTH, ROWS);
        double iid =
            features_relative_variance((FeatureMap)map, PROJECTION_IID, argument, WIDTH, ROWS);
        /* Eight per cent is over four standard errors; iid lies farther away. */
        ck_assert_double_lt(fabs(squares / DRAWS / formula - 1), 0.08);
        ck_assert_double_gt(iid / formula, 1.12);
    }
}
END_TEST

START_TEST(published_bound_holds_and_is_tight_for_small_norms) {
    static const int widths[] = {2, 3, 16, 64};
    for (int i = 0; i < 4; i++) {
        int width = widths[i];
        for (int rows = 2; rows <= width; rows++) {
            for (double v = 1e-3; v < 16; v *= 1.5) {
                double iid =
                    features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID, v, width, rows);
                double blocks = features_relative_variance(FEATURE_POSITIVE, PROJECTION_ORTHOGONAL,
                                                           v, width, rows);
                double bound = features_published_gain(v, width, rows);
                ck_assert_msg(iid - blocks >= bound - 1e-13 * exp(v),
                              "d %d, m %d, v %g: gain %g, published at least %g", width, rows, v,
                              iid - blocks, bound);
                if (v < 0.01) ck_assert_double_lt((iid - blocks) / bound, 1.02);
            }
        }
    }
}
END_TEST

START_TEST(the_better_map_changes_at_the_equal_kernel) {
    double norm = 1, kernel = features_equal_kernel(norm);
    ck_assert_double_gt(kernel, exp(-1));
    ck_assert_double_lt(kernel, exp(1));
    for (int side = -1; side <= 1; side += 2) {
        double dot = log(kernel) + 0.01 * side;
        double positive =
            features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID,
                                       features_argument(FEATURE_POSITIVE, 1, 1, dot), 16, 32);
        double trigonometric =
            features_relative_variance(FEATURE_TRIGONOMETRIC, PROJECTION_IID,
                                       features_argument(FEATURE_TRIGONOMETRIC, 1, 1, dot), 16,
                                       features_projections(FEATURE_TRIGONOMETRIC, 32));
        ck_assert_int_eq(positive > trigonometric, side > 0);
    }
}
END_TEST

START_TEST(tails_go_unseen_beyond_half_the_logarithm) {
    /* 2 |z| = sqrt(2 ln n) is where half of the second moment lies beyond the farthest draw. */
    ck_assert_double_eq_tol(features_seen_share(log(1e5) / 2, 1e5), 0.5, 1e-12);
    ck_assert_double_gt(features_seen_share(1, 1e5), 0.99);
    ck_assert_double_lt(features_seen_share(16, 1e5), 0.01);
}
END_TEST

/* A matrix with chosen singular values, turned by two Haar rotations. */
START_TEST(singular_values_are_found) {
    enum { SIZE = 48, RANK = 20 };
    float w[SIZE * SIZE], u[SIZE * SIZE];
    ck_assert_int_eq(projection_draw(w, SIZE, SIZE, PROJECTION_ORTHOGONAL, 3, 1), STATUS_OK);
    ck_assert_int_eq(projection_draw(u, SIZE, SIZE, PROJECTION_ORTHOGONAL, 3, 2), STATUS_OK);
    double *matrix = calloc(SIZE * SIZE, sizeof *matrix), sigma[SIZE], norm_w, norm_u;
    ck_assert_ptr_nonnull(matrix);
    for (int k = 0; k < RANK; k++) {
        norm_w = norm_u = 0;
        for (int e = 0; e < SIZE; e++) {
            norm_w += (double)w[k * SIZE + e] * w[k * SIZE + e];
            norm_u += (double)u[k * SIZE + e] * u[k * SIZE + e];
        }
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++)
                matrix[i * SIZE + j] +=
                    pow(0.5, k) * w[k * SIZE + i] * u[k * SIZE + j] / sqrt(norm_w * norm_u);
    }
    ck_assert_int_eq(features_singular_values(matrix, SIZE, sigma), STATUS_OK);
    for (int k = 0; k < RANK; k++) ck_assert_double_eq_tol(sigma[k] / pow(0.5, k), 1, 1e-3);
    ck_assert_int_eq(features_rank(sigma, SIZE, features_tolerance(sigma, SIZE)), RANK);
    ck_assert_int_eq(features_rank(sigma, SIZE, 0.1), 4);
    matrix[5] = NAN;
    ck_assert_int_ne(features_singular_values(matrix, SIZE, sigma), STATUS_OK);
    free(matrix);
}
END_TEST

START_TEST(energy_ranks_are_exact_on_known_values) {
    const double sigma[4] = {3, 2, 1, 0}; /* squares 9 4 1 0 of 14 */
    ck_assert_int_eq(features_energy_rank(sigma, 4, 0.99), 3);
    ck_assert_int_eq(features_energy_rank(sigma, 4, 0.92), 2);
    ck_assert_int_eq(features_energy_rank(sigma, 4, 0.60), 1);
    ck_assert_double_eq_tol(features_best_error(sigma, 4, 0), 1, 1e-15);
    ck_assert_double_eq_tol(features_best_error(sigma, 4, 1), sqrt(5.0 / 14), 1e-15);
    ck_assert_double_eq_tol(features_best_error(sigma, 4, 4), 0, 1e-15);
}
END_TEST

Suite *suite_features(void) {
    Suite *suite = suite_create("features");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, single_projections_agree_with_quadrature, 0, ARGUMENTS);
    tcase_add_test(tests, relative_forms_are_the_published_ones);
    tcase_add_loop_test(tests, block_covariance_agrees_with_quadrature, 0, ARGUMENTS);
    tcase_add_test(tests, variance_of_drawn_blocks_is_the_formula);
    tcase_add_test(tests, published_bound_holds_and_is_tight_for_small_norms);
    tcase_add_test(tests, the_better_map_changes_at_the_equal_kernel);
    tcase_add_test(tests, tails_go_unseen_beyond_half_the_logarithm);
    tcase_add_test(tests, singular_values_are_found);
    tcase_add_test(tests, energy_ranks_are_exact_on_known_values);
    suite_add_tcase(suite, tests);
    return suite;
}
