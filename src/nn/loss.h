/* loss: cross-entropy of a classifier.
 *
 *     Value *loss = nn_cross_entropy(&tape, logits, labels, &right);       // [1,1], the mean
 */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "grad/tape.h"

/* Mean over rows of -log softmax(logits)[label], logits [rows, classes], labels [rows] (they must
 * live until backward). *right, where not NULL, gets the number of rows whose largest logit is the
 * label's. STATUS_ARGUMENT names row and label where one is no class. */
Value *nn_cross_entropy(Tape *tape, Value *logits, const uint8_t *labels, int *right);

/* The same with any number of classes, through the device's vectors; rows whose label is negative
 * are not scored, and the mean is over the others (0 where there are none; *right and *counted,
 * each of which may be NULL, count scored rows alone). Of equal logits the first counts as the
 * largest.
 */
Value *nn_cross_entropy_ids(Tape *tape, Value *logits, const int32_t *labels, int *right,
                            int *counted);

/* softmax of `classes` logits in double. */
void nn_probabilities(const float *logits, int classes, double *probability);

#endif
