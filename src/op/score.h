/* score: attention between two sequences of a batch whose rows are time-major, the score a sum of
 * tanhs or a product (Bahdanau et al. 2015, appendix A.1.2; Luong et al. 2015, equation 8).
 *
 * The projections of queries and keys are products of whole matrices and come before
 * (nn/score.h); what is left is done for each sequence of the batch:
 *
 *     Score score = {.batch = B, .queries = M, .keys = N, .width = A, .values = D};
 *     STATUS_TRY(ops->forward(&score, query, key, vector, memory, weights, context));
 *     STATUS_TRY(ops->backward(&score, query, key, vector, memory, weights, dcontext, dquery, 0,
 *                              dkey, 0, dvector, 0, dmemory, 0, &arena));
 *
 * Row t * B + b of a matrix is step t of sequence b. For each sequence, with q_i, k_j and m_j the
 * rows of query, key and memory:
 *     e_ij = v' tanh(q_i + k_j), or q_i' k_j where `vector` is NULL
 *     a_ij = softmax over j of e_ij,  context_i = sum_j a_ij m_j
 */
#ifndef OP_SCORE_H
#define OP_SCORE_H

#include "base/arena.h"
#include "base/status.h"

typedef struct {
    int batch, queries, keys; /* B, M, N */
    int width;                /* A: of query, key and vector */
    int values;               /* D: of memory and context */
} Score;

typedef struct {
    /* query [M B, A], key [N B, A], vector [A] or NULL, memory [N B, D]: writes weights [M B, N]
     * and context [M B, D]. key may be memory. STATUS_ARGUMENT for a size below 1. */
    Status (*forward)(const Score *score, const float *query, const float *key, const float *vector,
                      const float *memory, float *weights, float *context);

    /* From dcontext [M B, D]: dquery, dkey, dvector, dmemory, each written, or added to where its
     * flag says so. dkey may be dmemory where that is added to afterwards (add_memory must be 1):
     * dkey is written first. dvector is not touched where `vector` is NULL. The others are
     * forward's. Tanhs are computed again: at these widths that takes no longer than reading
     * M N B A of them from memory. */
    Status (*backward)(const Score *score, const float *query, const float *key,
                       const float *vector, const float *memory, const float *weights,
                       const float *dcontext, float *dquery, int add_query, float *dkey,
                       int add_key, float *dvector, int add_vector, float *dmemory, int add_memory,
                       Arena *arena);
} ScoreOps;

#endif
