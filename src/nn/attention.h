/* attention: multi-head self-attention over packed sequences (Vaswani et al. 2017, section 3.2.2).
 *
 *     AttentionShape shape = {.heads = H, .sequences = B, .offsets = offsets, .dropout = .1f};
 *     Value *qkv = nn_linear(&tape, x, qkv_weight, qkv_bias, ACTIVATION_NONE);      // [T, 3 D]
 *     Value *context = nn_self_attention(&tape, qkv, &shape, NULL);                 // [T, D]
 *
 * The columns of qkv are the queries, keys and values of all heads: three thirds of D = H E
 * columns.
 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "grad/tape.h"

typedef struct {
    int heads, sequences;
    const int *offsets; /* [sequences + 1]; must live until backward */
    int causal;
    float dropout; /* of the probabilities, in TAPE_TRAIN only */
} AttentionShape;

/* A bias for every head and distance j - i between key and query, shared by many layers: made once
 * a pass by nn_relative_bias, [H, 2 S - 1] as a value, so that its gradients of all layers add up.
 */
typedef struct {
    Value *bias;
    int span; /* S: the longest sequence */
} RelativeBias;

/* Softmax attention, probabilities stored (sequences of a batch of sentences are short). `relative`
 * may be NULL. qkv may go into no other layer. STATUS_ARGUMENT for shapes that do not fit, a span
 * below the longest sequence and a dropout outside [0, 1). */
Value *nn_self_attention(Tape *tape, Value *qkv, const AttentionShape *shape,
                         const RelativeBias *relative);

/* Spreads a table [buckets, H] over distances as T5 and MPNet do, in both directions: half of the
 * buckets for each sign, of these half for exact distances and the rest growing with the logarithm
 * up to distance 128 (Raffel et al. 2020, section 2.1, as in its published implementation). Tables
 * of other sizes are refused; then .bias is NULL. */
RelativeBias nn_relative_bias(Tape *tape, Parameter *table, int span);

/* The bucket of key - query, for 4 to 511 buckets. */
int nn_relative_bucket(int distance, int buckets);

#endif
