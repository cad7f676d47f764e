/* recurrent_step: a recurrent stack one symbol at a time, for generation: the counterpart of
 * model/transformer.h's cache, and what it keeps of the past never grows.
 *
 *     RecurrentStep *step;
 *     STATUS_TRY(nn_recurrent_step_open(&step, &stack));
 *     STATUS_TRY(nn_recurrent_step(step, x, h));           // x [inputs], h [H], of the last layer
 *     size_t bytes = nn_recurrent_step_bytes(step);        // the same after any number of symbols
 *     nn_recurrent_step_close(step);
 *
 * The same function as nn_recurrent with one sequence, within rounding. There the recurrent weight
 * is put in order once a call, for all steps; here it is read as it lies, since a call is one step.
 */
#ifndef NN_RECURRENT_STEP_H
#define NN_RECURRENT_STEP_H

#include "nn/recurrent.h"

typedef struct RecurrentStep RecurrentStep;

/* From states of zeros. The stack's weights are read as they are at each step; they must outlive
 * the result. *out is the caller's to close, NULL on failure: STATUS_ARGUMENT for two directions
 * (the backward one begins at the end), STATUS_MEMORY. */
Status nn_recurrent_step_open(RecurrentStep **out, const RecurrentStack *stack);

/* One symbol, x [inputs]; writes h [H], the last layer's. Allocates nothing. */
Status nn_recurrent_step(RecurrentStep *step, const float *x, float *h);

/* What is kept between symbols: h of every layer, and c of LSTMs. */
size_t nn_recurrent_step_bytes(const RecurrentStep *step);

/* States of zeros again. */
void nn_recurrent_step_reset(RecurrentStep *step);

/* NULL is fine. */
void nn_recurrent_step_close(RecurrentStep *step);

#endif
