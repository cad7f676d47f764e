/* op: the list of operations that a device offers.
 *
 * A device is one struct of function pointers; the CPU fills it here, a plug-in may fill another.
 * Letters used everywhere: B sequences in a batch, N rows (tokens) of one sequence, T rows of the
 * whole batch, H heads, E width of a head, R random features, C columns of a feature map.
 *
 * Attention, forward, of a batch of two sequences of 5 and 3 tokens, packed end to end:
 *
 *     int offsets[] = {0, 5, 8};
 *     Attention attention = {.kind = ATTENTION_TILED, .sequences = 2, .heads = H, .width = E,
 *                            .query_offsets = offsets, .key_offsets = offsets,
 *                            .scale = 1 / sqrtf(E)};
 *     AttentionIn q = attention_in(&query), k = attention_in(&key), v = attention_in(&value);
 *     AttentionOut o = attention_out(&output);             // tensors of shape [T, H, E]
 *     void *saved = arena_take(&arena, attention_saved_bytes(&attention));
 *     STATUS_TRY(device_cpu()->attention_forward(&attention, q, k, v, o, saved, &arena));
 *     STATUS_TRY(device_cpu()->attention_backward(&attention, q, k, v, out, dout, saved,
 *                                                 dq, dk, dv, &arena));
 *
 * Element (row t, head h, column e) of a view (AttentionIn, AttentionOut) is data[t * row + h *
 * head + e]: both [T,H,E] and [H,T,E] are views, and so are the three thirds of a fused [T,3,H,E]
 * projection.
 */
#ifndef OP_OP_H
#define OP_OP_H

#include "base/arena.h"
#include "base/status.h"
#include "op/layers.h"
#include "op/memory.h"
#include "op/precision.h"
#include "op/recurrent.h"
#include "op/step.h"
#include "op/score.h"
#include "tensor/tensor.h"
#include <stddef.h>

/* How attention is computed. All but the kernel kinds give softmax attention exactly. */
typedef enum {
    ATTENTION_MATERIALISED,     /* softmax(QK') stored whole: O(N^2) memory (Vaswani et al. 2017) */
    ATTENTION_TILED,            /* the same values, never stored: running maximum and sum
                                   (Milakov & Gimelshein 2018; Dao et al. 2022) */
    ATTENTION_KERNEL_QUADRATIC, /* (phi(Q) phi(K)') V: the wrong order, O(N^2) still */
    ATTENTION_KERNEL_LINEAR,    /* phi(Q) (phi(K)' V): O(N) (Katharopoulos et al. 2020) */
    ATTENTION_VALUE             /* returns V: no attention can be faster than touching its data
                                   (the line "X (OPT)" of Choromanski et al. 2021, figure 3) */
} AttentionKind;

/* phi of the kernel kinds. x is already multiplied by sqrt(scale), W is the projection [R,E].
 *   POSITIVE       exp(W x - |x|^2 / 2) / sqrt(R)                          C = R    (FAVOR+)
 *   TRIGONOMETRIC  exp(|x|^2 / 2) [cos(W x), sin(W x)] / sqrt(R)           C = 2R   (FAVOR)
 *   ELU1           elu(x) + 1, without projection and without scale        C = E
 *   RELU           (max(W x, 0) + FEATURE_RELU_FLOOR) / sqrt(R)            C = R
 * The stabilisers of the implementation cancel in the quotient; none of the values above holds an
 * added epsilon, and the double-precision reference computes exactly these formulas.
 * Causal POSITIVE attention needs one feature at least in which both a query and one of the keys of
 * its own tile lie within 2^-126 of their largest: it fails, as NaN, only for norms above about 40
 * at E = 64 with the query opposite to all of those keys. */
typedef enum { FEATURE_POSITIVE, FEATURE_TRIGONOMETRIC, FEATURE_ELU1, FEATURE_RELU } FeatureMap;

#define FEATURE_RELU_FLOOR 1e-3f

typedef struct {
    AttentionKind kind;
    FeatureMap map; /* kernel kinds only */
    int causal;     /* row i sees keys 0..i of its own sequence; then both offsets must agree */
    int remaining;  /* row i sees keys i and after it, MATERIALISED only: what is left of a bag when
                       those before i have been taken; not with causal; both offsets must agree */
    int sequences;  /* B */
    int heads;      /* H */
    int width;      /* E, of queries, keys and values */
    int features;   /* R; ELU1 ignores it */
    const int *query_offsets; /* [B+1]: sequence b owns rows offsets[b] .. offsets[b+1]-1 */
    const int *key_offsets;   /* [B+1]: the same for keys and values; may equal query_offsets */
    const float *projection;  /* [R,E] row-major, shared by all heads; NULL for ELU1 */
    float scale;              /* of the scores; 1/sqrt(E) in the Transformer */
    Precision precision; /* of the products; 0: f32. op/precision.h says which kind has which */

    /* MATERIALISED only; all zero where unused. */
    const float *relative_bias; /* [H, 2 S - 1]: [h][j - i + S - 1] is added to the scaled score of
                                   query i and key j (Raffel et al. 2020) */
    int relative_span;          /* S, at least the longest sequence */
    float *relative_bias_gradient; /* [H, 2 S - 1], written by backward; NULL: not wanted */
    float dropout;                 /* share of the probabilities set to 0; the others are divided by
                                      1 - dropout (Vaswani et al. 2017, section 5.4) */
    uint64_t dropout_seed, dropout_stream; /* which ones: op/layers.h; probabilities are counted
                                              head by head, sequence by sequence, query by query */
} Attention;

typedef struct {
    const float *data;
    size_t row;  /* floats from one row to the next */
    size_t head; /* floats from one head to the next */
} AttentionIn;

typedef struct {
    float *data;
    size_t row;
    size_t head;
} AttentionOut;

/* Views of a whole tensor of shape [T,H,E]. */
static inline AttentionIn attention_in(const Tensor *t) {
    return (AttentionIn){t->data, t->shape[1] * t->shape[2], t->shape[2]};
}
static inline AttentionOut attention_out(const Tensor *t) {
    return (AttentionOut){t->data, t->shape[1] * t->shape[2], t->shape[2]};
}

/* One operation's exact work, counted from the shape, not from a clock. A multiply and an add are
 * two operations; masked-out scores of causal attention are not counted as useful work. */
typedef struct {
    double flops;        /* multiplies and adds of the matrix products */
    double exponentials; /* exp, sin and cos evaluations */
    double bytes;        /* what the method must hold at once beyond inputs and outputs, worked off
                            head by head by one thread: the formula beside the arena's high-water
                            mark, which adds tiles of constant size, for every thread */
} AttentionWork;

typedef enum { DIRECTION_FORWARD, DIRECTION_BACKWARD } Direction;

/* STATUS_ARGUMENT with a sentence for a shape that cannot be computed. */
Status attention_check(const Attention *attention);

/* Columns C of the feature map: R, 2R or E. */
int attention_feature_columns(const Attention *attention);

/* Bytes that forward must leave for backward (softmax kinds: probabilities or log-sum-exps). */
size_t attention_saved_bytes(const Attention *attention);

AttentionWork attention_work(const Attention *attention, Direction direction);

typedef struct Device {
    const char *name; /* "cpu" */

    /* C[m,n] = alpha op(A) op(B) + beta C, row-major, leading dimensions in floats. */
    Status (*gemm)(int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                   const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                   size_t ldc);

    /* The same with its operands rounded: scratch comes from `arena` and is given back. The CPU has
     * only f32; its linear layers have bf16 (op/matmul.h). */
    Status (*gemm_at)(Precision precision, int transpose_a, int transpose_b, int m, int n, int k,
                      float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                      float beta, float *c, size_t ldc, Arena *arena);

    /* out = attention(q, k, v); a query that sees no key gives zeros. `saved` holds
     * attention_saved_bytes() for a later backward, or is NULL when none follows. Scratch memory
     * comes from `arena` and is given back. The result of a causal kind at row i does not depend,
     * to the bit, on rows after i. Inputs must be finite: a NaN comes out as NaN, and may do so in
     * any row of its sequence. */
    Status (*attention_forward)(const Attention *attention, AttentionIn q, AttentionIn k,
                                AttentionIn v, AttentionOut out, void *saved, Arena *arena);

    /* Writes (does not add) the gradients of a scalar loss with respect to q, k, v, given `dout`
     * with respect to out. q, k, v, out and saved are forward's. */
    Status (*attention_backward)(const Attention *attention, AttentionIn q, AttentionIn k,
                                 AttentionIn v, AttentionIn out, AttentionIn dout,
                                 const void *saved, AttentionOut dq, AttentionOut dk,
                                 AttentionOut dv, Arena *arena);

    const RecurrentOps *recurrent; /* cells of recurrent networks, over all steps */
    const LayerOps *layers;        /* activations, LayerNorm, dropout, cross-entropy */
    const StepOps *steps;          /* attention one token at a time */
    const ScoreOps *scores;        /* attention between a recurrent decoder and its encoder */
    const DeviceMemory *memory;    /* where its numbers live */
} Device;

/* The CPU: OpenBLAS, OpenMP, and code compiled for several instruction sets, chosen at run time. */
const Device *device_cpu(void);

/* "avx512", "avx2" or "baseline": the variant of the CPU's own loops that was chosen. */
const char *device_cpu_isa(void);

#endif
