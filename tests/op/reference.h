/* reference: every kind of attention in double precision, straight from the formulas of op/op.h.
 *
 * Plain loops over one head of one sequence: scores, weights, a quotient. Nothing is tiled, no
 * product is reordered and no epsilon is added, so that this code shares no idea (and no error)
 * with the implementations that it judges. Kernel kinds compute every weight phi(q)'phi(k)
 * explicitly; both orders of multiplication are the same value. Factors of phi that overflow a
 * double are kept as logarithms and cancel in the quotient.
 *
 *     double out[queries * E];
 *     reference_forward(&attention, NULL, queries, keys, q, k, v, out);
 *     reference_backward(&attention, NULL, queries, keys, q, k, v, dout, dq, dk, dv);
 *
 * Arrays are dense [rows, E]. Of the Attention, only kind, map, causal, width, features, projection
 * and scale are read; what is said of single scores comes as a ReferenceScores, or NULL for plain
 * attention. ATTENTION_VALUE needs queries == keys, and so does causal attention.
 */
#ifndef TESTS_OP_REFERENCE_H
#define TESTS_OP_REFERENCE_H

#include "op/op.h"

/* For softmax kinds, one head of one sequence; [queries, keys] each, or NULL. */
typedef struct {
    const double *bias; /* added to the scaled scores */
    const double *keep; /* what the probabilities are multiplied by after softmax: dropout */
    double *dbias;      /* written by the functions below that give gradients */
} ReferenceScores;

/* out[queries,E] = attention(q[queries,E], k[keys,E], v[keys,E]). A query that sees no key
 * gives zeros: the empty sum. */
void reference_forward(const Attention *attention, const ReferenceScores *scores, int queries,
                       int keys, const double *q, const double *k, const double *v, double *out);

/* The gradients of sum(out * dout), by the chain rule on the same formulas. */
void reference_backward(const Attention *attention, const ReferenceScores *scores, int queries,
                        int keys, const double *q, const double *k, const double *v,
                        const double *dout, double *dq, double *dk, double *dv);

/* The same gradients by four-point central differences of reference_forward:
 * f'(x) = (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h + O(h^4). */
void reference_differences(const Attention *attention, const ReferenceScores *scores, int queries,
                           int keys, const double *q, const double *k, const double *v,
                           const double *dout, double *dq, double *dk, double *dv);

/* The sums of the absolute values of the terms that reference_backward adds up. Where they are far
 * larger than the gradient (one key: its weight is 1, and every dq is 0 = x - x), no float
 * computation can hold the gradient to more digits than cancellation leaves. */
void reference_terms(const Attention *attention, const ReferenceScores *scores, int queries,
                     int keys, const double *q, const double *k, const double *v,
                     const double *dout, double *dq, double *dk, double *dv);

/* The smallest |sum_j w_ij| / sum_j |w_ij| over rows i: 1 where all weights are positive. Towards
 * 0 the quotient of trigonometric features loses that many digits, whoever computes it. */
double reference_condition(const Attention *attention, int queries, int keys, const double *q,
                           const double *k);

/* sum (a-b)^2 / sum b^2, b the reference; 0 when both are zero throughout. NaN counts as wrong. */
double reference_nmse(const double *a, const double *b, size_t count);

/* Mean of |a-b| / (|a|+|b|); entries where both are at most `tiny` count as equal. */
double reference_asymmetry(const double *a, const double *b, size_t count, double tiny);

#endif
