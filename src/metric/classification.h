/* classification: what a classifier got right, counted and summed up in one number.
 *
 *     Confusion matrix;
 *     STATUS_TRY(confusion_open(&matrix, 2));
 *     STATUS_TRY(confusion_add_all(&matrix, truth, predicted, 516));
 *     printf("MCC %.3f, accuracy %.3f, F1 %.3f\n", classification_mcc(&matrix),
 *            classification_accuracy(&matrix), classification_f1(&matrix, 1));
 *
 * Accuracy and F1 reward a classifier that always names the frequent class: on 354 acceptable and
 * 162 unacceptable sentences the constant answer "acceptable" has accuracy .686 and F1 .814, but
 * Matthews correlation 0.
 *
 * Conventions where a formula divides zero by zero: precision, recall, F1 and MCC are 0 (the
 * default of scikit-learn, so that figures compare); accuracy of an empty matrix is NaN.
 */
#ifndef METRIC_CLASSIFICATION_H
#define METRIC_CLASSIFICATION_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define CONFUSION_CLASSES_MAX 64

typedef struct {
    size_t classes;
    uint64_t count[CONFUSION_CLASSES_MAX][CONFUSION_CLASSES_MAX]; /* [truth][predicted] */
} Confusion;

/* An empty matrix of `classes` classes, 2 to CONFUSION_CLASSES_MAX; else STATUS_ARGUMENT. Owns
 * nothing. */
Status confusion_open(Confusion *matrix, size_t classes);

/* Counts `count` answers. Labels are 0 .. classes - 1; for any other STATUS_ARGUMENT names its
 * place, and the matrix stays as it was. */
Status confusion_add_all(Confusion *matrix, const uint8_t *truth, const uint8_t *predicted,
                         size_t count);

/* Answers counted in all; those whose truth, or whose prediction, is `label`. */
uint64_t confusion_total(const Confusion *matrix);
uint64_t confusion_truths(const Confusion *matrix, size_t label);
uint64_t confusion_predictions(const Confusion *matrix, size_t label);

/* The share of right answers. NaN for an empty matrix. */
double classification_accuracy(const Confusion *matrix);

/* One class against the rest: tp / (tp + fp), tp / (tp + fn), 2 tp / (2 tp + fp + fn). 0 where the
 * denominator is 0. `positive` must be below `classes`. */
double classification_precision(const Confusion *matrix, size_t positive);
double classification_recall(const Confusion *matrix, size_t positive);
double classification_f1(const Confusion *matrix, size_t positive);

/* Matthews correlation of K classes (Gorodkin, "Comparing two K-category assignments by a
 * K-category correlation coefficient", Computational Biology and Chemistry 28, 2004):
 *     (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))
 * with s answers, c of them right, t_k truths and p_k predictions of class k. For two classes it is
 * the formula of Matthews (1975), below. 0 where truths or predictions are all of one class. The
 * numerator and both factors are exact integers for up to 2^62 answers. */
double classification_mcc(const Confusion *matrix);

/* The same for two classes from their four counts, each below 2^31:
 *     (tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)) */
double classification_mcc_binary(uint64_t tp, uint64_t fp, uint64_t fn, uint64_t tn);

#endif
