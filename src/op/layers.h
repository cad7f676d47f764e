/* layers: the operations of a network that are not matrix products: activations, LayerNorm,
 * dropout.
 *
 * A device fills LayerOps as it fills the rest (op.h); each forward has its backward. Matrices are
 * dense and row-major, [rows, columns].
 *
 *     const LayerOps *layers = device_cpu()->layers;
 *     layers->activate(ACTIVATION_GELU, rows, F, bias, x, y);            // x += bias; y = gelu(x)
 *     layers->activate_backward(ACTIVATION_GELU, rows, F, x, y, dy, dx, dbias, 0);
 *
 * Dropout. Element i of a call is dropped where word i % 4 of rng_words(seed, stream, i / 4) is
 * below rate * 2^32: a pure function of three numbers, so that backward draws the same mask again
 * instead of keeping it, and another device can draw it too.
 */
#ifndef OP_LAYERS_H
#define OP_LAYERS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    ACTIVATION_NONE,
    ACTIVATION_GELU, /* x Phi(x), exactly (Hendrycks and Gimpel 2016), not its tanh approximation */
    ACTIVATION_TANH,
    ACTIVATION_RELU
} Activation;

typedef struct {
    float rate; /* share that is dropped, 0 <= rate < 1; the rest is divided by 1 - rate */
    uint64_t seed, stream;
} Dropout;

typedef struct {
    /* x += bias (NULL: none), then y = f(x). y may be x: of GELU only where no backward follows. */
    void (*activate)(Activation f, int rows, int columns, const float *bias, float *x, float *y);

    /* dx = dy f'(x) and dbias[c] = sum over rows (+= where `accumulate`; NULL: not wanted). x and y
     * are forward's; GELU reads x, the others y. dx may be dy. */
    void (*activate_backward)(Activation f, int rows, int columns, const float *x, const float *y,
                              const float *dy, float *dx, float *dbias, int accumulate);

    /* s = residual + dropout(x); y = (s - mean) / sqrt(variance + epsilon) * gain + shift (Ba,
     * Kiros and Hinton 2016). residual may be NULL, s may be x. statistics [rows, 2]: mean and 1 /
     * deviation, for backward. */
    void (*norm)(int rows, int columns, const float *x, const float *residual,
                 const Dropout *dropout, const float *gain, const float *shift, float epsilon,
                 float *s, float *y, float *statistics);

    /* From dy: dgain, dshift (+= where `accumulate`), dresidual (NULL: none; += where
     * `accumulate_residual`) and dx (+= where `accumulate_x`). dy may be dx. */
    void (*norm_backward)(int rows, int columns, const float *s, const float *statistics,
                          const Dropout *dropout, const float *gain, const float *dy, float *dgain,
                          float *dshift, int accumulate, float *dresidual, int accumulate_residual,
                          float *dx, int accumulate_x);

    /* y = dropout(x), or += where `accumulate`: also its own backward, of dy. y may be x where not.
     */
    void (*dropout)(size_t count, const Dropout *dropout, const float *x, float *y, int accumulate);

    /* y += x. */
    void (*add)(size_t count, const float *x, float *y);

    /* Cross-entropy of rows of logits z: loss[r] = log sum_c exp(z[c]) - z[label[r]], in nats, and
     * best[r] the first of the largest logits. Rows with a negative label are not scored: 0 and -1.
     * statistics [rows, 2]: largest logit and 1 / sum_c exp(z[c] - largest), for backward. Labels
     * lie below `columns`. */
    void (*cross_entropy)(int rows, int columns, const float *z, const int32_t *label, float *loss,
                          int32_t *best, float *statistics);

    /* dz = scale (softmax(z) - 1[c = label]), 0 for rows that are not scored; += where
     * `accumulate`. */
    void (*cross_entropy_backward)(int rows, int columns, const float *z, const int32_t *label,
                                   const float *statistics, float scale, float *dz, int accumulate);
} LayerOps;

#endif
