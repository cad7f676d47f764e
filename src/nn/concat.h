/* concat: columns of values side by side, and a share of the columns of a value.
 *
 *     Value *both = nn_concat(&tape, 2, (Value *[]){context, state});      // [rows, Dm + Ds]
 *     Value *first = nn_columns(&tape, both, 0, Dm);                        // [rows, Dm]
 *     Value *one = nn_rows(&tape, state, 0, B);                              // [B, Ds]
 */
#ifndef NN_CONCAT_H
#define NN_CONCAT_H

#include "grad/tape.h"

#define NN_CONCAT_MAX 32

/* [rows, sum of columns], 1 to NN_CONCAT_MAX values of as many rows each. STATUS_ARGUMENT names the
 * one that does not fit. A NULL among them, of a layer that failed, gives NULL. */
Value *nn_concat(Tape *tape, int count, Value *const *values);

/* Columns first .. first + count - 1. STATUS_ARGUMENT where they are not all there. */
Value *nn_columns(Tape *tape, Value *x, int first, int count);

/* Rows first .. first + count - 1, likewise. */
Value *nn_rows(Tape *tape, Value *x, int first, int count);

#endif
