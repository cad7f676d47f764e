/* convolution: along the positions of packed sequences, as a product over unfolded columns.
 *
 *     Parameter *weight = parameters_add(&set, "conv.weight", 2, (size_t[]){D, k * D});
 *     Value *y = nn_convolution(&tape, x, k, B, offsets, weight, bias, ACTIVATION_RELU);  // [T, D]
 *
 * y[t] = f(b + sum over j < k of W_j x[t + j - (k - 1) / 2]), zeros outside the sequence, so that
 * it is as long as it was ("same" padding; Gehring et al. 2017 use it in encoders). The columns of
 * the weight are k blocks W_0, W_1, ... as wide as x. Unfolding copies each row k times and leaves
 * one large product (Chellapilla et al. 2006), which suits matrix libraries.
 */
#ifndef NN_CONVOLUTION_H
#define NN_CONVOLUTION_H

#include "grad/tape.h"
#include "nn/linear.h"

/* x [T, D] gives [T, taps D]: row t is x[t - (taps - 1) / 2] ... x[t - (taps - 1) / 2 + taps - 1],
 * side by side, within the sequence that holds t: sequence b owns rows offsets[b] .. offsets[b + 1]
 * - 1 (offsets must live until backward). STATUS_ARGUMENT for taps below 1 and offsets that do not
 * end at T. */
Value *nn_unfold(Tape *tape, Value *x, int taps, int sequences, const int *offsets);

/* weight [outputs, taps D] with products, bias [outputs] or NULL: [T, outputs]. */
Value *nn_convolution(Tape *tape, Value *x, int taps, int sequences, const int *offsets,
                      Parameter *weight, Parameter *bias, Activation activation);

#endif
