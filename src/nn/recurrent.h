/* recurrent: layers of recurrent cells over batches of exact length (op/recurrent.h).
 *
 *     RecurrentStack stack;
 *     STATUS_TRY(nn_recurrent_open(&set, &stack, "encoder", RECURRENT_LSTM, inputs, H, layers,
 *                                  directions, 1, seed));
 *     RecurrentState last;
 *     Value *h = nn_recurrent(&tape, &stack, x, T, B, NULL, &last);      // [T B, directions H]
 *
 * Rows are time-major: row t * B + b is step t of sequence b. Both directions of a layer stand side
 * by side in the columns, forward first.
 */
#ifndef NN_RECURRENT_H
#define NN_RECURRENT_H

#include "grad/tape.h"
#include "op/recurrent.h"

#define NN_RECURRENT_LAYERS_MAX 8

typedef struct {
    Parameter *input;       /* W [G H, inputs] */
    Parameter *bias;        /* b [G H] */
    Parameter *weight;      /* U [G H, H] */
    Parameter *hidden_bias; /* bn [H], GRU only, else NULL */
} RecurrentLayer;

typedef struct {
    RecurrentKind kind;
    int inputs, width, layers, directions; /* directions: 1, or 2 for both */
    RecurrentLayer layer[NN_RECURRENT_LAYERS_MAX][2];
} RecurrentStack;

/* States of every layer and direction, [B,H] each; c of LSTM only. NULL entries are zeros. */
typedef struct {
    Value *h[NN_RECURRENT_LAYERS_MAX][2], *c[NN_RECURRENT_LAYERS_MAX][2];
} RecurrentState;

/* Adds the parameters "<name>.<layer>.<forward|backward>.{input,bias,weight,hidden_bias}", drawn
 * uniformly in +-1/sqrt(H) as PyTorch does, pure functions of seed and name; the bias of LSTM's
 * forget gate is `forget_bias` exactly (Jozefowicz et al. 2015 take 1). */
Status nn_recurrent_open(ParameterSet *set, RecurrentStack *out, const char *name,
                         RecurrentKind kind, int inputs, int width, int layers, int directions,
                         float forget_bias, uint64_t seed);

/* x [T B, inputs] gives the outputs of the last layer, [T B, directions H]. `initial` NULL: zeros.
 * `last` (may be NULL) gets the states after each direction's own last step: of the backward one
 * that is step 0. */
Value *nn_recurrent(Tape *tape, const RecurrentStack *stack, Value *x, int steps, int batch,
                    const RecurrentState *initial, RecurrentState *last);

#endif
