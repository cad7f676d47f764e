/* pointer: the loss of a decoder that points at the words it is given, each of which it may use
 * once (Vinyals, Fortunato and Jaitly 2015, equation 3, over what is left).
 *
 *     Value *loss = nn_pointer_loss(&tape, queries, keys, B, offsets, words, &right);   // [1,1]
 *
 * The rows of a sequence stand in the right order: query t must point at key t, and the keys from t
 * on are the words left. Equal words are interchangeable: where several of them are left, pointing
 * at any of them is right, so that the loss is minus the logarithm of their summed probability.
 */
#ifndef NN_POINTER_H
#define NN_POINTER_H

#include "grad/tape.h"

/* queries and keys [T, D] packed by offsets [B+1], words [T] (all must live until backward): with
 * z_tj = q_t . k_j / sqrt(D), the mean over rows t of
 *     log sum_{j >= t} exp(z_tj)  -  log sum_{j >= t, word_j = word_t} exp(z_tj).
 * *right (may be NULL): rows whose largest z points at the right word. STATUS_ARGUMENT for shapes
 * that do not fit. */
Value *nn_pointer_loss(Tape *tape, Value *queries, Value *keys, int sequences, const int *offsets,
                       const uint32_t *words, int *right);

/* y[t] = x[t - 1] within each of the packed sequences, 0 for its first row: what a decoder that is
 * taught the right order has placed last. */
Value *nn_shift_rows(Tape *tape, Value *x, int sequences, const int *offsets);

#endif
