/* score: attention between a recurrent decoder and its encoder; the score is the only difference.
 *
 *     Value *context = nn_score_attention(&tape, &scores, s, m, B, &weights);    // [M B, Dm]
 *
 *   ADDITIVE  v' tanh(Wq s + Wk m)     Bahdanau et al. 2015, appendix A.1.2
 *   GENERAL   s' W m                   Luong et al. 2015, equation 8
 *   DOT       s' m                     (equal widths)
 *
 * A decoder that generates step by step asks for the same memory again and again; what depends on
 * the memory alone is computed once:
 *
 *     Value *keys = nn_score_keys(&tape, &scores, m);
 *     Value *context = nn_score_attend(&tape, &scores, s1, keys, m, B, &weights);  // each step
 */
#ifndef NN_SCORE_H
#define NN_SCORE_H

#include "grad/tape.h"

typedef enum { SCORE_NONE, SCORE_ADDITIVE, SCORE_GENERAL, SCORE_DOT } ScoreKind;

typedef struct {
    ScoreKind kind;
    Parameter *query;  /* Wq [A, Ds] of ADDITIVE; W [Dm, Ds] of GENERAL; else NULL */
    Parameter *key;    /* Wk [A, Dm] of ADDITIVE */
    Parameter *vector; /* v [A] of ADDITIVE */
} ScoreLayer;

/* Adds "<name>.{query,key,vector}", drawn uniformly in +-1/sqrt(columns), pure functions of seed
 * and name. `hidden`: A. STATUS_ARGUMENT for a width below 1, and for DOT of unequal widths. NONE
 * adds nothing and cannot attend. */
Status nn_score_open(ParameterSet *set, ScoreLayer *out, const char *name, ScoreKind kind,
                     int query_width, int key_width, int hidden, uint64_t seed);

/* "none", "additive", "general", "dot". */
const char *nn_score_name(ScoreKind kind);

/* states [M B, Ds] and memory [N B, Dm], time-major, of B sequences of exact length: [M B, Dm].
 * *weights (may be NULL) gets a [M B, N] value without a gradient, each row of which sums to 1. */
Value *nn_score_attention(Tape *tape, const ScoreLayer *layer, Value *states, Value *memory,
                          int batch, Value **weights);

/* Wk m of ADDITIVE, the memory itself of the others. */
Value *nn_score_keys(Tape *tape, const ScoreLayer *layer, Value *memory);

Value *nn_score_attend(Tape *tape, const ScoreLayer *layer, Value *states, Value *keys,
                       Value *memory, int batch, Value **weights);

#endif
