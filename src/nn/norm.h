/* norm: LayerNorm, alone or after a residual connection (Ba, Kiros and Hinton 2016).
 *
 *     Value *h = nn_norm(&tape, branch, x, 0.1f, gain, shift, 1e-12f);  // norm(x +
 * dropout(branch))
 */
#ifndef NN_NORM_H
#define NN_NORM_H

#include "grad/tape.h"

/* STATUS_ARGUMENT, here and below, for shapes that do not fit and for rates outside [0, 1). */

/* norm(residual + dropout(x)), rows of [rows, columns]; residual may be NULL. The rate counts in
 * TAPE_TRAIN only. gain and shift [columns]. */
Value *nn_norm(Tape *tape, Value *x, Value *residual, float rate, Parameter *gain, Parameter *shift,
               float epsilon);

/* dropout(x) alone. Returns x itself where nothing is dropped. */
Value *nn_dropout(Tape *tape, Value *x, float rate);

/* x + y, both [rows, columns]. */
Value *nn_add(Tape *tape, Value *x, Value *y);

#endif
