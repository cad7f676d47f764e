/* multihead: attention whose queries, keys and values come from anywhere: self-attention of any
 * kind, and attention to other sequences (Vaswani et al. 2017, section 3.2.3).
 *
 *     Value *qkv = nn_linear(&tape, x, qkv_weight, qkv_bias, ACTIVATION_NONE);      // [T, 3 D]
 *     MultiheadShape shape = {.kind = ATTENTION_MATERIALISED, .heads = H, .sequences = B,
 *                             .query_offsets = offsets, .key_offsets = offsets, .causal = 1};
 *     Value *context = nn_attention(&tape, (AttentionPart){qkv, 0}, (AttentionPart){qkv, D},
 *                                   (AttentionPart){qkv, 2 * D}, D, &shape);        // [T, D]
 *
 * The values may be the same or different ones, used elsewhere too, with columns that belong to
 * nobody: gradients are added where something is, and columns without a part get zeros.
 * nn/attention.h has the relative bias that this layer goes without.
 */
#ifndef NN_MULTIHEAD_H
#define NN_MULTIHEAD_H

#include "grad/tape.h"

/* D columns of a value from `column` on: H heads of E columns each. */
typedef struct {
    Value *value;
    int column;
} AttentionPart;

typedef struct {
    AttentionKind kind; /* MATERIALISED, TILED, KERNEL_LINEAR (phi = elu + 1, which knows no scale:
                           Katharopoulos et al. 2020, equation 7) */
    int heads, sequences;
    const int *query_offsets, *key_offsets; /* [sequences + 1]; must live until backward */
    int causal;                             /* row i sees rows 0 .. i; both offsets must agree */
    int remaining;               /* row i sees keys i and after it (op/op.h); MATERIALISED only */
    float dropout;               /* of the probabilities, in TAPE_TRAIN only, MATERIALISED only */
    const float **probabilities; /* where not NULL, gets those of MATERIALISED: matrices
                                    [queries, keys] sequence by sequence for head 0, then head 1;
                                    in the arena; NULL for other kinds */
} MultiheadShape;

/* softmax(Q K' / sqrt(E)) V, or its kernel form: [rows of the queries, width]. `width` is D, a
 * multiple of heads. STATUS_ARGUMENT for columns and offsets that do not fit, STATUS_UNSUPPORTED
 * for dropout of a kind that stores no probabilities. */
Value *nn_attention(Tape *tape, AttentionPart query, AttentionPart key, AttentionPart value,
                    int width, const MultiheadShape *shape);

#endif
