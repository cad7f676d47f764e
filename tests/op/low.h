/* low: what softmax attention may lose when the operands of its products are rounded.
 *
 * Three answers for every number of a case: the exact one; a naive low-precision computation's
 * (every operand of every product rounded, everything else in double: what the textbook does with
 * stored scores); and a bound on the error of any order of the same roundings, worked off from
 * |rounded - x| <= u |x| alone:
 *
 *     scores   |ds_ij| <= D_ij = scale sum_e |q k| (2 u + u^2) + arithmetic
 *     P        |dp_ij| <= p_ij (exp(D_ij + max_j D_ij) - 1), as both sums of the quotient move
 *     O        sum_j (dp (1 + u) + p u) |v| (1 + u) + p u |v|
 *
 * and so on through dV = P' dO, dP = dO V', dS = P (dP - sum P dP), dQ and dK. The bound holds for
 * every single number, also where few of them average nothing out; how much is lost on average is
 * judged against the naive computation, as in the tests of FlashAttention.
 *
 *     Low low;
 *     low_open(&low, &problem);             // of problem.attention.precision
 *     low.bound[LOW_DQ][i] ...
 *     low_close(&low);
 */
#ifndef TESTS_OP_LOW_H
#define TESTS_OP_LOW_H

#include "op/problem.h"

typedef enum { LOW_OUT, LOW_DQ, LOW_DK, LOW_DV, LOWS } LowName;

typedef struct {
    double *exact[LOWS], *naive[LOWS], *bound[LOWS]; /* dense [H, rows, E] */
    size_t count[LOWS];
} Low;

/* u: half a step of bf16; a whole one of tf32, whose low bits the tensor core may drop. */
double low_unit(Precision precision);

/* To the nearest number of the precision (tf32: ties away). */
double low_round(Precision precision, double x);

void low_open(Low *low, const Problem *problem);
void low_close(Low *low);

#endif
