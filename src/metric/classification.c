#include "metric/classification.h"

#include <math.h>
#include <string.h>

/* Products of counts, exact. */
__extension__ typedef __int128 Wide;

Status confusion_open(Confusion *matrix, size_t classes) {
    if (classes < 2 || classes > CONFUSION_CLASSES_MAX)
        return status_fail(STATUS_ARGUMENT, "confusion matrix: expected 2 to %d classes, found %zu",
                           CONFUSION_CLASSES_MAX, classes);
    memset(matrix, 0, sizeof *matrix);
    matrix->classes = classes;
    return STATUS_OK;
}

Status confusion_add_all(Confusion *matrix, const uint8_t *truth, const uint8_t *predicted,
                         size_t count) {
    for (size_t i = 0; i < count; i++) {
        int of_truth = truth[i] >= matrix->classes;
        if (of_truth || predicted[i] >= matrix->classes)
            return status_fail(STATUS_ARGUMENT,
                               "confusion matrix: %s %zu of %zu is class %d; expected 0 to %zu",
                               of_truth ? "truth" : "prediction", i, count,
                               of_truth ? truth[i] : predicted[i], matrix->classes - 1);
    }
    for (size_t i = 0; i < count; i++) matrix->count[truth[i]][predicted[i]]++;
    return STATUS_OK;
}

uint64_t confusion_truths(const Confusion *matrix, size_t label) {
    uint64_t sum = 0;
    for (size_t k = 0; k < matrix->classes; k++) sum += matrix->count[label][k];
    return sum;
}

uint64_t confusion_predictions(const Confusion *matrix, size_t label) {
    uint64_t sum = 0;
    for (size_t k = 0; k < matrix->classes; k++) sum += matrix->count[k][label];
    return sum;
}

uint64_t confusion_total(const Confusion *matrix) {
    uint64_t sum = 0;
    for (size_t k = 0; k < matrix->classes; k++) sum += confusion_truths(matrix, k);
    return sum;
}

static uint64_t right_answers(const Confusion *matrix) {
    uint64_t sum = 0;
    for (size_t k = 0; k < matrix->classes; k++) sum += matrix->count[k][k];
    return sum;
}

static double share(uint64_t part, uint64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

double classification_accuracy(const Confusion *matrix) {
    uint64_t total = confusion_total(matrix);
    return total ? share(right_answers(matrix), total) : NAN;
}

double classification_precision(const Confusion *matrix, size_t positive) {
    return share(matrix->count[positive][positive], confusion_predictions(matrix, positive));
}

double classification_recall(const Confusion *matrix, size_t positive) {
    return share(matrix->count[positive][positive], confusion_truths(matrix, positive));
}

double classification_f1(const Confusion *matrix, size_t positive) {
    /* tp + fp and tp + fn are the column and the row of the class. */
    return share(2 * matrix->count[positive][positive],
                 confusion_predictions(matrix, positive) + confusion_truths(matrix, positive));
}

double classification_mcc(const Confusion *matrix) {
    Wide answers = (Wide)confusion_total(matrix);
    Wide numerator = (Wide)right_answers(matrix) * answers;
    Wide of_predictions = answers * answers, of_truths = of_predictions;
    for (size_t k = 0; k < matrix->classes; k++) {
        Wide predictions = (Wide)confusion_predictions(matrix, k);
        Wide truths = (Wide)confusion_truths(matrix, k);
        numerator -= predictions * truths;
        of_predictions -= predictions * predictions;
        of_truths -= truths * truths;
    }
    if (of_predictions == 0 || of_truths == 0) return 0;
    return (double)numerator / (sqrt((double)of_predictions) * sqrt((double)of_truths));
}

double classification_mcc_binary(uint64_t tp, uint64_t fp, uint64_t fn, uint64_t tn) {
    uint64_t predicted = (tp + fp) * (tn + fn), true_counts = (tp + fn) * (tn + fp);
    if (predicted == 0 || true_counts == 0) return 0;
    /* Each product is below 2^62, so that their difference is exact. */
    double numerator = (double)((int64_t)(tp * tn) - (int64_t)(fp * fn));
    return numerator / (sqrt((double)predicted) * sqrt((double)true_counts));
}
