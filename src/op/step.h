/* step: attention one token at a time, for generation: one query of every head against what is kept
 * of the past.
 *
 *     const StepOps *steps = device_cpu()->steps;
 *     steps->attend(H, E, t, scale, q, k, 2 * D, v, 2 * D, scores, out);   // softmax, t rows kept
 *
 *     steps->absorb(H, E, k, v, state);                                    // phi(k) v' is added
 *     steps->recall(H, E, q, state, features, out);
 *
 * Vectors are of all heads, [H E]. The state of kernel attention holds S = sum phi(k) v' and
 * z = sum phi(k) of every head, phi = elu + 1 (Katharopoulos et al. 2020, equations 16 to 20):
 * [H, E + 1, E], z last; zeros to begin with.
 */
#ifndef OP_STEP_H
#define OP_STEP_H

#include <stddef.h>

typedef struct {
    /* out[h] = sum_j softmax_j(scale q[h] k_j[h]) v_j[h] over `rows` rows of k and v, which are
     * k_row and v_row floats apart. scores: scratch [rows]. No rows: zeros. */
    void (*attend)(int heads, int width, int rows, float scale, const float *q, const float *k,
                   size_t k_row, const float *v, size_t v_row, float *scores, float *out);

    /* S += phi(k) v', z += phi(k). */
    void (*absorb)(int heads, int width, const float *k, const float *v, float *state);

    /* out[h] = phi(q[h]) S / (phi(q[h]) . z); a state that has absorbed nothing gives zeros.
     * features: scratch [E]. */
    void (*recall)(int heads, int width, const float *q, const float *state, float *features,
                   float *out);
} StepOps;

static inline size_t step_state_floats(int heads, int width) {
    return (size_t)heads * (size_t)(width + 1) * (size_t)width;
}

#endif
