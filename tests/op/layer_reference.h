/* layer_reference: the layers of op/layer_table.h in double precision, straight from their
 * formulas.
 *
 *     const double *in[LAYER_INPUTS] = {x, bias};
 *     layer_reference_forward(&setting, in, out);
 *     layer_reference_backward(&setting, in, dout, gradients);
 *     layer_reference_differences(&setting, counts, in, out_count, dout, gradients);
 */
#ifndef TESTS_OP_LAYER_REFERENCE_H
#define TESTS_OP_LAYER_REFERENCE_H

#include "op/layer_table.h"
#include <stdint.h>

enum { LAYER_INPUTS = 4, LAYER_TABLES = 3, LAYER_BUCKETS = 32 };

/* What a layer is given beside its numbers. */
typedef struct {
    LayerKind kind;
    Activation activation;
    int rows, columns, other;
    double epsilon; /* of LayerNorm */
    Dropout dropout;
    const int32_t *ids[LAYER_TABLES];
    const int *taken;
    int takes;
    const uint8_t *labels;
    const int *buckets; /* [2 rows - 1] of the relative bias, from golden values */
} LayerSetting;

/* Inputs that a layer goes without are NULL. */
void layer_reference_forward(const LayerSetting *setting, const double *const in[LAYER_INPUTS],
                             double *out);

/* Gradients of sum(out * dout); NULL ones are not wanted. */
void layer_reference_backward(const LayerSetting *setting, const double *const in[LAYER_INPUTS],
                              const double *dout, double *const gradient[LAYER_INPUTS]);

/* The same by four-point central differences of layer_reference_forward. */
void layer_reference_differences(const LayerSetting *setting, const size_t counts[LAYER_INPUTS],
                                 const double *const in[LAYER_INPUTS], size_t out_count,
                                 const double *dout, double *const gradient[LAYER_INPUTS]);

#endif
