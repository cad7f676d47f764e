/* classification: figures worked out by hand, closed forms, and the definition by covariances. */
#include "base/rng.h"
#include "metric/classification.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_classification(void);

static Confusion matrix_of(size_t classes, const uint64_t *count) {
    Confusion matrix;
    ck_assert_int_eq(confusion_open(&matrix, classes), STATUS_OK);
    for (size_t i = 0; i < classes * classes; i++)
        matrix.count[i / classes][i % classes] = count[i];
    return matrix;
}
#define MATRIX(classes, ...) matrix_of(classes, (const uint64_t[]){__VA_ARGS__})

START_TEST(binary_figures_by_hand) {
    /* tn 3, fp 2, fn 1, tp 6: (18 - 2) / sqrt(8 * 7 * 5 * 4). */
    Confusion matrix = MATRIX(2, 3, 2, 1, 6);
    ck_assert_uint_eq(confusion_total(&matrix), 12);
    ck_assert_uint_eq(confusion_truths(&matrix, 1), 7);
    ck_assert_uint_eq(confusion_predictions(&matrix, 1), 8);
    ck_assert_double_eq_tol(classification_accuracy(&matrix), 0.75, 1e-15);
    ck_assert_double_eq_tol(classification_precision(&matrix, 1), 6. / 8, 1e-15);
    ck_assert_double_eq_tol(classification_recall(&matrix, 1), 6. / 7, 1e-15);
    ck_assert_double_eq_tol(classification_f1(&matrix, 1), 0.8, 1e-15);
    ck_assert_double_eq_tol(classification_f1(&matrix, 0), 2. / 3, 1e-15);
    ck_assert_double_eq_tol(classification_mcc(&matrix), 16 / sqrt(1120), 1e-15);
    ck_assert_double_eq_tol(classification_mcc_binary(6, 2, 1, 3), 16 / sqrt(1120), 1e-15);
}
END_TEST

START_TEST(three_classes_by_hand) {
    /* s 10, c 6, truths 3 3 4, predictions 2 6 2: (60 - 32) / sqrt(56 * 66). */
    Confusion matrix = MATRIX(3, 1, 2, 0, 0, 3, 0, 1, 1, 2);
    ck_assert_double_eq_tol(classification_mcc(&matrix), 28 / sqrt(56. * 66), 1e-15);
    ck_assert_double_eq_tol(classification_accuracy(&matrix), 0.6, 1e-15);
    ck_assert_double_eq_tol(classification_precision(&matrix, 1), 0.5, 1e-15);
    ck_assert_double_eq_tol(classification_recall(&matrix, 2), 0.5, 1e-15);
    ck_assert_double_eq_tol(classification_f1(&matrix, 0), 2. / 5, 1e-15);
}
END_TEST

START_TEST(the_constant_answer_on_out_of_domain_dev) {
    Confusion matrix = MATRIX(2, 0, 162, 0, 354);
    ck_assert_double_eq_tol(classification_accuracy(&matrix), 0.686, 5e-4);
    ck_assert_double_eq_tol(classification_f1(&matrix, 1), 0.814, 5e-4);
    ck_assert_double_eq(classification_mcc(&matrix), 0);
    ck_assert_double_eq(classification_mcc_binary(354, 162, 0, 0), 0);
    /* Nothing is called unacceptable: 0 / 0. */
    ck_assert_double_eq(classification_precision(&matrix, 0), 0);
    ck_assert_double_eq(classification_f1(&matrix, 0), 0);
}
END_TEST

START_TEST(conventions_where_nothing_is_defined) {
    Confusion empty = MATRIX(2, 0, 0, 0, 0);
    ck_assert(isnan(classification_accuracy(&empty)));
    ck_assert_double_eq(classification_mcc(&empty), 0);
    ck_assert_double_eq(classification_mcc_binary(0, 0, 0, 0), 0);
    ck_assert_double_eq(classification_f1(&empty, 1), 0);
    ck_assert_double_eq(classification_recall(&empty, 1), 0);
    /* All truths of one class, though every answer is right. */
    Confusion one = MATRIX(2, 0, 0, 0, 9);
    ck_assert_double_eq(classification_mcc(&one), 0);
    ck_assert_double_eq(classification_accuracy(&one), 1);
    ck_assert_double_eq(classification_f1(&one, 1), 1);
}
END_TEST

START_TEST(perfect_and_inverted) {
    Confusion perfect = MATRIX(2, 162, 0, 0, 354), inverted = MATRIX(2, 0, 162, 354, 0);
    ck_assert_double_eq_tol(classification_mcc(&perfect), 1, 1e-15);
    ck_assert_double_eq_tol(classification_mcc(&inverted), -1, 1e-15);
    ck_assert_double_eq_tol(classification_mcc_binary(354, 0, 0, 162), 1, 1e-15);
    ck_assert_double_eq_tol(classification_mcc_binary(0, 162, 354, 0), -1, 1e-15);
    ck_assert_double_eq(classification_f1(&inverted, 1), 0);
    Confusion many;
    ck_assert_int_eq(confusion_open(&many, CONFUSION_CLASSES_MAX), STATUS_OK);
    for (size_t k = 0; k < many.classes; k++) many.count[k][k] = k + 1;
    ck_assert_double_eq_tol(classification_mcc(&many), 1, 1e-15);
    ck_assert_double_eq(classification_accuracy(&many), 1);
}
END_TEST

/* Random matrices: both formulas for two classes agree, and swapping labels changes neither. */
START_TEST(two_classes_are_the_binary_formula) {
    for (uint64_t trial = 0; trial < 500; trial++) {
        uint64_t n[4];
        for (uint64_t i = 0; i < 4; i++) n[i] = rng_below(5, 1, 4 * trial + i, 400);
        Confusion matrix = MATRIX(2, n[0], n[1], n[2], n[3]);
        Confusion swapped = MATRIX(2, n[3], n[2], n[1], n[0]);
        Confusion turned = MATRIX(2, n[0], n[2], n[1], n[3]);
        double mcc = classification_mcc(&matrix);
        ck_assert_double_eq_tol(mcc, classification_mcc_binary(n[3], n[1], n[2], n[0]), 1e-12);
        ck_assert_double_eq_tol(mcc, classification_mcc(&swapped), 1e-12);
        ck_assert_double_eq_tol(mcc, classification_mcc(&turned), 1e-12);
        ck_assert(fabs(mcc) <= 1 + 1e-12);
        ck_assert_double_eq_tol(classification_f1(&matrix, 1), classification_f1(&swapped, 0),
                                1e-15);
    }
}
END_TEST

/* Gorodkin's definition: cov(X, Y) / sqrt(cov(X, X) cov(Y, Y)) over the indicator columns. */
static double mcc_by_covariance(const uint8_t *truth, const uint8_t *predicted, size_t count,
                                size_t classes) {
    double xy = 0, xx = 0, yy = 0;
    for (size_t k = 0; k < classes; k++) {
        double x_mean = 0, y_mean = 0;
        for (size_t i = 0; i < count; i++) {
            x_mean += (predicted[i] == k) / (double)count;
            y_mean += (truth[i] == k) / (double)count;
        }
        for (size_t i = 0; i < count; i++) {
            double x = (predicted[i] == k) - x_mean, y = (truth[i] == k) - y_mean;
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
    }
    return xy / sqrt(xx * yy);
}

START_TEST(many_classes_are_gorodkins_definition) {
    enum { COUNT = 120 };
    for (size_t classes = 2; classes <= 9; classes++) {
        uint8_t truth[COUNT], predicted[COUNT], renamed_truth[COUNT], renamed[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            truth[i] = (uint8_t)rng_below(6, classes, 3 * i, classes);
            int right = rng_below(6, classes, 3 * i + 1, 2) == 0;
            predicted[i] = right ? truth[i] : (uint8_t)rng_below(6, classes, 3 * i + 2, classes);
            renamed_truth[i] = (uint8_t)((truth[i] + 1) % classes);
            renamed[i] = (uint8_t)((predicted[i] + 1) % classes);
        }
        Confusion matrix, other;
        ck_assert_int_eq(confusion_open(&matrix, classes), STATUS_OK);
        ck_assert_int_eq(confusion_add_all(&matrix, truth, predicted, COUNT), STATUS_OK);
        ck_assert_int_eq(confusion_open(&other, classes), STATUS_OK);
        ck_assert_int_eq(confusion_add_all(&other, renamed_truth, renamed, COUNT), STATUS_OK);
        ck_assert_uint_eq(confusion_total(&matrix), COUNT);
        double mcc = classification_mcc(&matrix);
        ck_assert_double_gt(mcc, 0.2);
        ck_assert_double_eq_tol(mcc, mcc_by_covariance(truth, predicted, COUNT, classes), 1e-12);
        ck_assert_double_eq(mcc, classification_mcc(&other));
    }
}
END_TEST

START_TEST(large_counts_stay_exact) {
    /* Products near 2^62 that differ in their last digits: doubles would call them equal.
     * ((n + 1)^2 - n^2) / (2 n + 1)^2 = 1 / (2 n + 1). */
    uint64_t n = 2000000000;
    double expected = 1 / (2 * (double)n + 1);
    Confusion matrix = MATRIX(2, n + 1, n, n, n + 1);
    ck_assert_double_eq_tol(classification_mcc(&matrix) / expected, 1, 1e-12);
    ck_assert_double_eq_tol(classification_mcc_binary(n + 1, n, n, n + 1) / expected, 1, 1e-12);
    ck_assert_double_eq(classification_mcc_binary(n, n, n, n), 0);
}
END_TEST

START_TEST(bad_requests_are_refused) {
    Confusion matrix;
    ck_assert_int_eq(confusion_open(&matrix, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(confusion_open(&matrix, CONFUSION_CLASSES_MAX + 1), STATUS_ARGUMENT);
    ck_assert_int_eq(confusion_open(&matrix, 3), STATUS_OK);
    uint8_t good[] = {0, 1, 2}, bad[] = {0, 1, 3};
    ck_assert_int_eq(confusion_add_all(&matrix, good, bad, 3), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), "prediction 2 of 3 is class 3"), "%s", status_message());
    ck_assert_int_eq(confusion_add_all(&matrix, bad, good, 3), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), "truth 2 of 3 is class 3"), "%s", status_message());
    ck_assert_uint_eq(confusion_total(&matrix), 0);
    ck_assert_int_eq(confusion_add_all(&matrix, good, good, 3), STATUS_OK);
    ck_assert_uint_eq(confusion_total(&matrix), 3);
}
END_TEST

Suite *suite_classification(void) {
    Suite *suite = suite_create("classification");
    TCase *metrics = tcase_create("metrics");
    tcase_add_test(metrics, binary_figures_by_hand);
    tcase_add_test(metrics, three_classes_by_hand);
    tcase_add_test(metrics, the_constant_answer_on_out_of_domain_dev);
    tcase_add_test(metrics, conventions_where_nothing_is_defined);
    tcase_add_test(metrics, perfect_and_inverted);
    tcase_add_test(metrics, two_classes_are_the_binary_formula);
    tcase_add_test(metrics, many_classes_are_gorodkins_definition);
    tcase_add_test(metrics, large_counts_stay_exact);
    tcase_add_test(metrics, bad_requests_are_refused);
    suite_add_tcase(suite, metrics);
    return suite;
}
