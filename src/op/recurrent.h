/* recurrent: the cells of recurrent networks, all time steps of a batch in one call.
 *
 * What does not depend on time is one product before (gates = X W' + b, nn/recurrent.h); an
 * operation here goes through the T steps: one product with the recurrent weight a step, fused over
 * gates, and the cell. Rows are time-major: row t * B + b is step t of sequence b. All sequences of
 * a batch have the same length.
 *
 *     Recurrent r = {.kind = RECURRENT_LSTM, .steps = T, .batch = B, .width = H};
 *     void *saved = arena_take(&arena, recurrent_saved_bytes(&r));
 *     STATUS_TRY(ops->forward(&r, gates, weight, NULL, NULL, NULL, h, c, saved, &arena));
 *     STATUS_TRY(ops->backward(&r, weight, NULL, NULL, h, c, saved, dh, NULL, dgates, dweight,
 *                              NULL, NULL, NULL, 0, &arena));
 *
 * Gates stand one after the other, H columns each, in the order of cuDNN and PyTorch:
 *   TANH  h = tanh(g)                                                  (Elman 1990)
 *   GRU   r, z, n: n = tanh(gn + r (Un h + bn)), h = (1-z) n + z h     (Cho et al. 2014, with the
 *         reset after the product, as cuDNN computes it)
 *   LSTM  i, f, g, o: c = s(f) c + s(i) tanh(g), h = s(o) tanh(c)      (Hochreiter and Schmidhuber
 *         1997; forget gate: Gers et al. 2000)
 * with every gate's argument g = (X W' + b) + U h of the step before.
 */
#ifndef OP_RECURRENT_H
#define OP_RECURRENT_H

#include "base/arena.h"
#include "base/status.h"
#include <stddef.h>

typedef enum { RECURRENT_TANH, RECURRENT_GRU, RECURRENT_LSTM } RecurrentKind;

typedef struct {
    RecurrentKind kind;
    int steps, batch, width; /* T, B, H */
    int reverse;             /* 1: from the last step to the first */
} Recurrent;

/* G: 1, 3 or 4. */
int recurrent_gates(RecurrentKind kind);

/* STATUS_ARGUMENT with a sentence for a shape that cannot be computed. */
Status recurrent_check(const Recurrent *recurrent);

/* Bytes that forward leaves for backward. */
size_t recurrent_saved_bytes(const Recurrent *recurrent);

/* Multiplies and adds of the products with the recurrent weight. */
double recurrent_flops(const Recurrent *recurrent, int backward);

typedef struct {
    /* gates [T,B,G H]: X W' + b; weight [G H,H]: U; bias [H]: bn of GRU, or NULL; h0, c0 [B,H]:
     * before the first step, NULL: zeros (c0 of LSTM only). Writes h [T,B,H], and of LSTM c [T,B,H]
     * (NULL where no backward follows and nobody wants it). `saved` may be NULL when no backward
     * follows. */
    Status (*forward)(const Recurrent *recurrent, const float *gates, const float *weight,
                      const float *bias, const float *h0, const float *c0, float *h, float *c,
                      void *saved, Arena *arena);

    /* From dh [T,B,H], the gradient of the outputs, and dc_last [B,H] of the last cell state (NULL:
     * none): writes dgates [T,B,G H]; dweight and dbias (+= where `accumulate`); dh0, dc0. NULL
     * ones of these four are not wanted. The others are forward's. */
    Status (*backward)(const Recurrent *recurrent, const float *weight, const float *h0,
                       const float *c0, const float *h, const float *c, const void *saved,
                       const float *dh, const float *dc_last, float *dgates, float *dweight,
                       float *dbias, float *dh0, float *dc0, int accumulate, Arena *arena);
} RecurrentOps;

#endif
