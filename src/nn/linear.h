/* linear: y = f(x W' + b), the layer that most of the time goes into.
 *
 *     Value *h = nn_linear(&tape, x, up_weight, up_bias, ACTIVATION_GELU);      // [T, D] -> [T, F]
 *
 * W is a parameter [outputs, inputs] for which parameter_use_products was called, b [outputs] or
 * NULL.
 */
#ifndef NN_LINEAR_H
#define NN_LINEAR_H

#include "grad/tape.h"

/* x [rows, inputs] gives [rows, outputs]; NULL and a failed tape on failure (as for every layer
 * here).
 */
Value *nn_linear(Tape *tape, Value *x, Parameter *weight, Parameter *bias, Activation activation);

#endif
