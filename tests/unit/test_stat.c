/* src/stat: values worked out by hand, exact curves, and the coverage that intervals promise. */
#include "base/rng.h"
#include "stat/bootstrap.h"
#include "stat/fit.h"
#include "stat/summary.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_stat(void);

enum { SIZES = 5, REPETITIONS = 7 };

static const double lengths[SIZES] = {128, 256, 512, 1024, 2048};

/* y = constant x^slope, each repetition off by a factor exp(noise * normal). */
static void power_curve(double *y, double constant, double slope, double noise, uint64_t seed) {
    for (size_t i = 0; i < SIZES; i++)
        for (size_t r = 0; r < REPETITIONS; r++)
            y[i * REPETITIONS + r] = constant * pow(lengths[i], slope) *
                                     exp(noise * rng_normal(seed, 1, i * REPETITIONS + r));
}

/* --- summary ------------------------------------------------------------------------------ */

START_TEST(quantiles_interpolate) {
    const double sorted[] = {1, 2, 4, 8};
    ck_assert_double_eq(summary_quantile(sorted, 4, 0), 1);
    ck_assert_double_eq(summary_quantile(sorted, 4, 1), 8);
    ck_assert_double_eq_tol(summary_quantile(sorted, 4, 0.5), 3, 1e-15);
    ck_assert_double_eq_tol(summary_quantile(sorted, 4, 0.25), 1.75, 1e-15);
    ck_assert_double_eq_tol(summary_quantile(sorted, 4, 0.9), 6.8, 1e-14);
    ck_assert_double_eq(summary_quantile(sorted, 1, 0.7), 1);
    ck_assert(isnan(summary_quantile(sorted, 0, 0.5)));
    ck_assert(isnan(summary_quantile(sorted, 4, 1.5)));
}
END_TEST

START_TEST(summary_by_hand) {
    const double values[] = {5, 1, 4, 2, 100};
    Summary s = summary_of(values, 5);
    ck_assert_uint_eq(s.count, 5);
    ck_assert_double_eq(s.minimum, 1);
    ck_assert_double_eq(s.maximum, 100);
    ck_assert_double_eq(s.median, 4);
    ck_assert_double_eq_tol(s.mean, 22.4, 1e-12);
    ck_assert_double_eq_tol(s.deviation, sqrt(7537.2 / 4), 1e-9);
    ck_assert_double_eq(s.quartile_low, 2);
    ck_assert_double_eq(s.quartile_high, 5);
    /* Deviations from 4 are 0 1 2 3 96: their median is 2, half of 4. */
    ck_assert_double_eq(s.spread, 0.5);
    ck_assert_double_eq(values[0], 5);
}
END_TEST

/* Ranks from tables of the sign test, 5 % two-sided: n = 6: 1, 9: 2, 12: 3, 20: 6, 100: 40. */
START_TEST(median_interval_ranks) {
    const size_t counts[] = {1, 5, 6, 8, 9, 12, 20, 100}, ranks[] = {1, 1, 1, 1, 2, 3, 6, 40};
    double values[100];
    for (size_t i = 0; i < 100; i++) values[i] = (double)(i + 1);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        Summary s = summary_of(values, counts[c]);
        ck_assert_double_eq(s.median_low, (double)ranks[c]);
        ck_assert_double_eq(s.median_high, (double)(counts[c] + 1 - ranks[c]));
    }
}
END_TEST

START_TEST(summary_of_nothing) {
    const double broken[] = {1, NAN, 2};
    ck_assert(isnan(summary_of(NULL, 0).median));
    ck_assert(isnan(summary_of(broken, 3).median));
    const double one[] = {3};
    Summary s = summary_of(one, 1);
    ck_assert_double_eq(s.deviation, 0);
    ck_assert_double_eq(s.spread, 0);
    ck_assert_double_eq(s.median_low, 3);
    ck_assert_double_eq(s.median_high, 3);
}
END_TEST

START_TEST(outliers_are_marked) {
    unsigned char marks[7];
    /* median 10, absolute deviations 0 .1 .1 .2 .2 .3 5: MAD .2, so Z of 15 is .6745 * 25 = 16.9
     * and Z of 10.3 is 1.01. */
    const double values[] = {10, 10.1, 9.9, 10.2, 9.8, 15, 10.3};
    ck_assert_uint_eq(summary_outliers(values, 7, marks), 1);
    for (size_t i = 0; i < 7; i++) ck_assert_int_eq(marks[i], i == 5);
    /* More than half are equal, MAD 0: the mean deviation decides. */
    const double mostly[] = {2, 2, 2, 2, 2, 2, 9};
    ck_assert_uint_eq(summary_outliers(mostly, 7, marks), 1);
    ck_assert_int_eq(marks[6], 1);
    const double same[] = {2, 2, 2};
    ck_assert_uint_eq(summary_outliers(same, 3, marks), 0);
}
END_TEST

/* --- bootstrap ---------------------------------------------------------------------------- */

START_TEST(bootstrap_repeats_and_brackets) {
    double values[40];
    for (size_t i = 0; i < 40; i++) values[i] = rng_normal(3, 4, i);
    Interval one, again, other;
    ck_assert_int_eq(bootstrap_interval(values, 40, bootstrap_mean, NULL, 2000, 1, &one), 0);
    ck_assert_int_eq(bootstrap_interval(values, 40, bootstrap_mean, NULL, 2000, 1, &again), 0);
    ck_assert_int_eq(bootstrap_interval(values, 40, bootstrap_mean, NULL, 2000, 2, &other), 0);
    ck_assert_mem_eq(&one, &again, sizeof one);
    ck_assert_double_ne(one.low, other.low);
    ck_assert_double_lt(one.low, one.value);
    ck_assert_double_gt(one.high, one.value);
    /* Against the normal interval of a mean. */
    Summary s = summary_of(values, 40);
    double half = 1.96 * s.deviation / sqrt(40);
    ck_assert_double_eq_tol(one.low, s.mean - half, 0.15 * half);
    ck_assert_double_eq_tol(one.high, s.mean + half, 0.15 * half);
}
END_TEST

START_TEST(bootstrap_covers) {
    int mean_covered = 0, median_covered = 0, trials = 150;
    for (int t = 0; t < trials; t++) {
        double values[25];
        Interval mean, median;
        for (size_t i = 0; i < 25; i++) values[i] = 7 + rng_normal(11, 12, (uint64_t)t * 25 + i);
        bootstrap_interval(values, 25, bootstrap_mean, NULL, 300, 5, &mean);
        bootstrap_interval(values, 25, bootstrap_median, NULL, 300, 5, &median);
        mean_covered += mean.low <= 7 && 7 <= mean.high;
        median_covered += median.low <= 7 && 7 <= median.high;
    }
    ck_assert_int_ge(mean_covered, trials * 88 / 100);
    ck_assert_int_ge(median_covered, trials * 88 / 100);
    ck_assert_int_lt(mean_covered, trials);
    ck_assert_int_lt(median_covered, trials);
}
END_TEST

static double undefined_for_equal(const double *values, size_t count, void *context) {
    (void)context;
    for (size_t i = 1; i < count; i++)
        if (values[i] != values[0]) return 1;
    return NAN;
}

START_TEST(bootstrap_refuses) {
    const double two[] = {1, 2};
    Interval out;
    ck_assert_int_eq(bootstrap_interval(two, 0, bootstrap_mean, NULL, 2000, 1, &out),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(bootstrap_interval(two, 2, bootstrap_mean, NULL, 3, 1, &out), STATUS_ARGUMENT);
    ck_assert_int_eq(bootstrap_interval(two, 2, undefined_for_equal, NULL, 2000, 1, &out),
                     STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "resample"));
}
END_TEST

/* --- power laws --------------------------------------------------------------------------- */

START_TEST(exact_power_law) {
    double y[SIZES * REPETITIONS];
    FitPower fit;
    power_curve(y, 3e-9, 1.75, 0, 1);
    ck_assert_int_eq(fit_power(lengths, y, SIZES, REPETITIONS, 1, &fit), STATUS_OK);
    ck_assert_uint_eq(fit.sizes, SIZES);
    ck_assert_double_eq_tol(fit.slope, 1.75, 1e-12);
    ck_assert_double_eq_tol(fit.slope_low, 1.75, 1e-12);
    ck_assert_double_eq_tol(fit.slope_high, 1.75, 1e-12);
    ck_assert_double_eq_tol(fit.constant / 3e-9, 1, 1e-10);
    ck_assert_double_lt(fit.residual, 1e-12);
    for (size_t i = 0; i + 1 < SIZES; i++) ck_assert_double_eq_tol(fit.local[i], 1.75, 1e-12);
}
END_TEST

/* y = x^2 + 1000 x is not a power law: the fit alone would hide what the local slopes show. */
START_TEST(local_slopes_show_a_bend) {
    double y[SIZES];
    FitPower fit;
    for (size_t i = 0; i < SIZES; i++) y[i] = lengths[i] * lengths[i] + 1000 * lengths[i];
    ck_assert_int_eq(fit_power(lengths, y, SIZES, 1, 1, &fit), STATUS_OK);
    for (size_t i = 0; i + 1 < SIZES; i++) {
        ck_assert_double_eq_tol(fit.local[i], log2(y[i + 1] / y[i]), 1e-12);
        ck_assert_double_eq(fit.local_low[i], fit.local[i]);
        ck_assert_double_eq(fit.local_high[i], fit.local[i]);
        if (i) ck_assert_double_gt(fit.local[i], fit.local[i - 1]);
    }
    ck_assert_double_lt(fit.local[0], fit.slope);
    ck_assert_double_gt(fit.local[SIZES - 2], fit.slope);
    ck_assert_double_gt(fit.residual, 0.01);
}
END_TEST

/* One wild repetition at the largest size: medians do not move, so neither does the slope. */
START_TEST(one_outlier_changes_nothing) {
    double y[SIZES * REPETITIONS];
    FitPower fit;
    power_curve(y, 1, 2, 0, 1);
    y[(SIZES - 1) * REPETITIONS] *= 1000;
    ck_assert_int_eq(fit_power(lengths, y, SIZES, REPETITIONS, 1, &fit), STATUS_OK);
    ck_assert_double_eq_tol(fit.slope, 2, 1e-12);
}
END_TEST

/* All but the last size are exact, so the local slope is log2 of the median of a resample of
 * 1 2 4 8 16. That median is 16 (or 1) with probability .058, so the interval has these ends. */
START_TEST(interval_is_that_of_the_median) {
    const double x[] = {1, 2}, y[] = {1, 1, 1, 1, 1, 16, 1, 8, 2, 4};
    FitPower fit;
    ck_assert_int_eq(fit_power(x, y, 2, 5, 1, &fit), STATUS_OK);
    ck_assert_double_eq_tol(fit.slope, 2, 1e-12);
    ck_assert_double_eq_tol(fit.local[0], 2, 1e-12);
    ck_assert_double_eq_tol(fit.local_low[0], 0, 1e-12);
    ck_assert_double_eq_tol(fit.local_high[0], 4, 1e-12);
    /* Of two repetitions the median is their mean, in time and not in logarithms. */
    const double pair[] = {1, 1, 1, 3};
    ck_assert_int_eq(fit_power(x, pair, 2, 2, 1, &fit), STATUS_OK);
    ck_assert_double_eq_tol(fit.slope, 1, 1e-12);
    ck_assert_double_eq_tol(fit.slope_low, 0, 1e-12);
    ck_assert_double_eq_tol(fit.slope_high, log2(3), 1e-12);
}
END_TEST

START_TEST(noisy_power_law_covers) {
    int covered = 0, local_covered = 0, trials = 60;
    for (int t = 0; t < trials; t++) {
        double y[SIZES * REPETITIONS];
        FitPower fit;
        power_curve(y, 2, 1.3, 0.05, (uint64_t)t);
        ck_assert_int_eq(fit_power(lengths, y, SIZES, REPETITIONS, 9, &fit), STATUS_OK);
        ck_assert_double_eq_tol(fit.slope, 1.3, 0.06);
        ck_assert_double_le(fit.slope_low, fit.slope);
        ck_assert_double_ge(fit.slope_high, fit.slope);
        covered += fit.slope_low <= 1.3 && 1.3 <= fit.slope_high;
        local_covered += fit.local_low[2] <= 1.3 && 1.3 <= fit.local_high[2];
    }
    ck_assert_int_ge(covered, trials * 85 / 100);
    ck_assert_int_ge(local_covered, trials * 85 / 100);
    ck_assert_int_lt(covered + local_covered, 2 * trials);
}
END_TEST

START_TEST(power_refuses) {
    double y[SIZES] = {1, 2, 3, -4, 5};
    const double descending[] = {2, 1};
    FitPower fit;
    ck_assert_int_eq(fit_power(lengths, y, SIZES, 1, 1, &fit), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "1024"));
    ck_assert_ptr_nonnull(strstr(status_message(), "-4"));
    ck_assert_int_eq(fit_power(descending, y, 2, 1, 1, &fit), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_power(lengths, y, 1, 1, 1, &fit), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_power(lengths, y, 3, 0, 1, &fit), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_power(lengths, y, FIT_SIZES_MAX + 1, 1, 1, &fit), STATUS_ARGUMENT);
}
END_TEST

/* --- crossings ---------------------------------------------------------------------------- */

START_TEST(curves_cross) {
    double a[SIZES * REPETITIONS], b[SIZES * REPETITIONS];
    FitCrossing crossing;
    /* x^2 = 700 x at 700, between two sizes. */
    power_curve(a, 1, 2, 0, 1);
    power_curve(b, 700, 1, 0, 1);
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 1);
    ck_assert_double_eq_tol(crossing.x, 700, 1e-6);
    ck_assert_double_eq_tol(crossing.low, 700, 1e-6);
    ck_assert_double_eq_tol(crossing.high, 700, 1e-6);

    power_curve(a, 1, 2, 0.1, 2);
    power_curve(b, 700, 1, 0.1, 3);
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 1);
    ck_assert_double_lt(crossing.low, 700);
    ck_assert_double_gt(crossing.high, 700);
    ck_assert_double_lt(crossing.low, crossing.x);
    ck_assert_double_gt(crossing.high, crossing.x);
    ck_assert_double_gt(crossing.low, 512);
    ck_assert_double_lt(crossing.high, 1024);
}
END_TEST

START_TEST(curves_never_or_always_apart) {
    double a[SIZES * REPETITIONS], b[SIZES * REPETITIONS];
    FitCrossing crossing;
    power_curve(a, 1, 2, 0, 1);
    power_curve(b, 1e5, 1, 0, 1); /* crosses only at 100,000 */
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 0);
    ck_assert_int_eq(crossing.bound, 1);
    ck_assert_double_eq(crossing.x, 2048);

    power_curve(b, 10, 1, 0, 1); /* crossed already at 10 */
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 0);
    ck_assert_int_eq(crossing.bound, -1);
    ck_assert_double_eq(crossing.x, 128);

    ck_assert_int_eq(fit_crossing(lengths, a, a, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 0);
    ck_assert_int_eq(crossing.bound, 1); /* equal is not below */
}
END_TEST

/* B dips below A, rises above it, and falls below for good: only the last change counts. */
START_TEST(last_crossing_counts) {
    const double a[SIZES] = {1, 1, 1, 1, 1}, b[SIZES] = {2, .5, 2, .5, .25};
    FitCrossing crossing;
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, 1, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 1);
    ck_assert_double_eq_tol(crossing.x, sqrt(512. * 1024), 1e-9);

    /* B below A first and above at the end does not "stay below". */
    const double c[SIZES] = {.5, .5, .5, .5, 2};
    ck_assert_int_eq(fit_crossing(lengths, a, c, SIZES, 1, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 0);
    ck_assert_int_eq(crossing.bound, 1);
}
END_TEST

/* Noise so large that many resamples do not cross in the range: the interval reaches its ends. */
START_TEST(uncertain_crossing_is_open) {
    double a[SIZES * REPETITIONS], b[SIZES * REPETITIONS];
    FitCrossing crossing;
    power_curve(a, 1, 1.05, 0.3, 8);
    power_curve(b, 1.38, 1, 0.3, 108);
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing), STATUS_OK);
    ck_assert_int_eq(crossing.crossed, 1);
    ck_assert_double_eq(crossing.low, 128);
    ck_assert_double_eq(crossing.high, 2048);
    ck_assert_double_gt(crossing.x, 128);
    ck_assert_double_lt(crossing.x, 2048);
    a[0] = 0;
    ck_assert_int_eq(fit_crossing(lengths, a, b, SIZES, REPETITIONS, 1, &crossing),
                     STATUS_ARGUMENT);
}
END_TEST

/* --- lines -------------------------------------------------------------------------------- */

START_TEST(line_by_hand) {
    /* x 1 2 3 4 5, y 2 1 4 3 5: sxx 10, sxy 8, syy 10; residual sum 3.6; t(3) = 3.182446 */
    const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 5};
    FitLine line;
    ck_assert_int_eq(fit_line(x, y, 5, &line), STATUS_OK);
    ck_assert_double_eq_tol(line.slope, 0.8, 1e-12);
    ck_assert_double_eq_tol(line.intercept, 0.6, 1e-12);
    ck_assert_double_eq_tol(line.r2, 0.64, 1e-12);
    double half = 3.182446305 * sqrt(3.6 / 3 / 10);
    ck_assert_double_eq_tol(line.slope_low, 0.8 - half, 1e-8);
    ck_assert_double_eq_tol(line.slope_high, 0.8 + half, 1e-8);
    /* four points: t(2) = 4.302652730 */
    ck_assert_int_eq(fit_line(x, y, 4, &line), STATUS_OK);
    /* mean x 2.5, mean y 2.5, sxx 5, sxy 3, syy 5, residual sum 5 - 9/5 = 3.2 */
    half = 4.302652730 * sqrt(3.2 / 2 / 5);
    ck_assert_double_eq_tol(line.slope, 0.6, 1e-12);
    ck_assert_double_eq_tol(line.slope_high, 0.6 + half, 1e-8);
    /* three points: t(1) = 12.70620474; sxx 2, sxy 2, syy 14/3, residual sum 14/3 - 2 */
    ck_assert_int_eq(fit_line(x, y, 3, &line), STATUS_OK);
    half = 12.70620474 * sqrt((14. / 3 - 2) / 1 / 2);
    ck_assert_double_eq_tol(line.slope, 1, 1e-12);
    ck_assert_double_eq_tol(line.slope_low, 1 - half, 1e-7);
}
END_TEST

START_TEST(line_at_the_edges) {
    const double x[] = {1, 2, 2}, same[] = {4, 4, 4}, y[] = {3, 5, NAN};
    FitLine line;
    ck_assert_int_eq(fit_line(x, y, 2, &line), STATUS_OK);
    ck_assert_double_eq_tol(line.slope, 2, 1e-12);
    ck_assert_double_eq(line.slope_high, INFINITY);
    ck_assert_double_eq(line.r2, 1);
    ck_assert_int_eq(fit_line(x, y, 1, &line), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_line(x, y, 3, &line), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_line(same, x, 3, &line), STATUS_ARGUMENT);
    ck_assert_int_eq(fit_line(x, same, 3, &line), STATUS_OK);
    ck_assert_double_eq(line.slope, 0);
}
END_TEST

Suite *suite_stat(void) {
    Suite *suite = suite_create("stat");
    TCase *tests = tcase_create("summary");
    tcase_add_test(tests, quantiles_interpolate);
    tcase_add_test(tests, summary_by_hand);
    tcase_add_test(tests, median_interval_ranks);
    tcase_add_test(tests, summary_of_nothing);
    tcase_add_test(tests, outliers_are_marked);
    suite_add_tcase(suite, tests);
    tests = tcase_create("bootstrap");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bootstrap_repeats_and_brackets);
    tcase_add_test(tests, bootstrap_covers);
    tcase_add_test(tests, bootstrap_refuses);
    suite_add_tcase(suite, tests);
    tests = tcase_create("fit");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, exact_power_law);
    tcase_add_test(tests, local_slopes_show_a_bend);
    tcase_add_test(tests, one_outlier_changes_nothing);
    tcase_add_test(tests, interval_is_that_of_the_median);
    tcase_add_test(tests, noisy_power_law_covers);
    tcase_add_test(tests, power_refuses);
    tcase_add_test(tests, curves_cross);
    tcase_add_test(tests, curves_never_or_always_apart);
    tcase_add_test(tests, last_crossing_counts);
    tcase_add_test(tests, uncertain_crossing_is_open);
    tcase_add_test(tests, line_by_hand);
    tcase_add_test(tests, line_at_the_edges);
    suite_add_tcase(suite, tests);
    return suite;
}
