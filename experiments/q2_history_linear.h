/* q2_history_linear: causal kernel attention is one function with two forms (Question 2): all pairs
 * in parallel, or a recurrent network whose state is a matrix (Katharopoulos et al. 2020, section
 * 3.4).
 *
 *     LinearError error;
 *     STATUS_TRY(linear_measure(LINEAR_ELU, 1024, seed, &error));
 *     // error.parallel, error.recurrent: NMSE against all pairs in double
 */
#ifndef EXPERIMENTS_Q2_HISTORY_LINEAR_H
#define EXPERIMENTS_Q2_HISTORY_LINEAR_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum { LINEAR_ELU, LINEAR_FAVOR, LINEAR_MAPS } LinearMap;

extern const char *const linear_slug[LINEAR_MAPS];

/* sum |x - y|^2 / sum |y|^2 of outputs [N, H E]. */
typedef struct {
    double parallel, recurrent; /* x, in float, against y, the left form in double */
    double apart;               /* the recurrent against the parallel form */
} LinearError;

/* Queries, keys and values standard normal (q and k of FAVOR+ of half that size, where its features
 * are accurate). The parallel form is the device's attention; the recurrent form is the device's
 * step for elu + 1 (op/step.h), and for FAVOR+ one of this experiment: the device has none. */
Status linear_measure(LinearMap map, int length, uint64_t seed, LinearError *out);

/* A Transformer of two layers with elu + 1: its logits over the whole sequence against those of one
 * token at a time. *apart: NMSE; *bytes: what is kept after the first and after the last token. */
Status linear_measure_model(int length, uint64_t seed, double *apart, size_t bytes[2]);

#endif
