/* adamw: Adam with decoupled weight decay, and tables whose unused rows are brought up to date
 * late.
 *
 * Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, in the
 * order of operations of PyTorch: w -= rate decay w; m, v; w -= rate / (1 - beta1^t) m / (sqrt(v /
 * (1 - beta2^t)) + epsilon).
 *
 *     Adamw *adamw;
 *     STATUS_TRY(adamw_open(&adamw, &set, &(AdamwOptions){.9, .999, 1e-8, .01, .layer_decay = 1}));
 *     double norm = adamw_norm(adamw);                          // of all gradients
 *     STATUS_TRY(adamw_step(adamw, rate, norm > 1 ? 1 / norm : 1));
 *     STATUS_TRY(adamw_settle(adamw));      // before somebody reads whole tables: late rows catch
 * up adamw_close(adamw);
 *
 * A row of a table (Parameter.by_rows) without a gradient still decays and moves by its moments in
 * the dense update. Here that is done when a forward pass is about to read the row, or on
 * adamw_settle: the missed steps one after the other in registers, with the same operations in the
 * same order, so that the bits are those of the dense update.
 */
#ifndef TRAIN_ADAMW_H
#define TRAIN_ADAMW_H

#include "grad/parameter.h"

typedef struct {
    double beta1, beta2, epsilon, decay;
    double
        layer_decay; /* rate of depth d: rate * layer_decay^(deepest depth - d); 1: all the same */
} AdamwOptions;

typedef struct Adamw Adamw;

/* Moments are zero, step is 0. Sets `freshen` of the set's tables. */
Status adamw_open(Adamw **out, ParameterSet *set, const AdamwOptions *options);

/* Square root of the sum of squares of all gradients, summed in a fixed order in double. */
double adamw_norm(const Adamw *adamw);

/* One update with gradients multiplied by `scale`; then parameters_changed and
 * parameters_clear_gradients. A parameter without a gradient is updated as if it were zero. */
Status adamw_step(Adamw *adamw, double rate, double scale);

/* Every row of every table as the dense update would have it now. */
Status adamw_settle(Adamw *adamw);

uint64_t adamw_steps(const Adamw *adamw);

/* For checkpoints: the moments of parameter `index`, [count] each. Settle first. */
float *adamw_first_moment(Adamw *adamw, size_t index);
float *adamw_second_moment(Adamw *adamw, size_t index);
Status adamw_restore_steps(Adamw *adamw, uint64_t steps);

void adamw_close(Adamw *adamw);

#endif
