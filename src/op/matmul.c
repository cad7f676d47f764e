#include "op/matmul.h"

#include <cblas.h>
#include <stdlib.h>

struct MatmulWeight {
    int outputs, inputs;
    Precision precision;
    const float *value;
};

Status matmul_weight_open(MatmulWeight **out, int outputs, int inputs, Precision precision) {
    *out = NULL;
    if (outputs < 1 || inputs < 1)
        return status_fail(STATUS_ARGUMENT, "matmul: a weight of %d x %d; expected at least 1 x 1",
                           outputs, inputs);
    if (precision != PRECISION_F32)
        return status_fail(STATUS_UNSUPPORTED, "matmul: bf16 is not there yet");
    MatmulWeight *weight = calloc(1, sizeof *weight);
    if (!weight) return status_fail(STATUS_MEMORY, "matmul: no memory for a weight");
    *weight = (MatmulWeight){.outputs = outputs, .inputs = inputs, .precision = precision};
    *out = weight;
    return STATUS_OK;
}

Status matmul_weight_set(MatmulWeight *weight, const float *value) {
    weight->value = value;
    return STATUS_OK;
}

Status matmul_forward(MatmulWeight *weight, int rows, const float *x, float *y) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, weight->outputs, weight->inputs, 1,
                x, weight->inputs, weight->value, weight->inputs, 0, y, weight->outputs);
    return STATUS_OK;
}

Status matmul_backward_input(MatmulWeight *weight, int rows, const float *dy, float *dx,
                             int accumulate) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, weight->inputs, weight->outputs, 1,
                dy, weight->outputs, weight->value, weight->inputs, accumulate ? 1 : 0, dx,
                weight->inputs);
    return STATUS_OK;
}

Status matmul_backward_weight(MatmulWeight *weight, int rows, const float *dy, const float *x,
                              float *dw, int accumulate) {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, weight->outputs, weight->inputs, rows, 1,
                dy, weight->outputs, x, weight->inputs, accumulate ? 1 : 0, dw, weight->inputs);
    return STATUS_OK;
}

void matmul_weight_close(MatmulWeight *weight) {
    free(weight);
}

const char *matmul_backend(Precision precision) {
    return precision == PRECISION_F32 ? "OpenBLAS f32" : "none";
}
