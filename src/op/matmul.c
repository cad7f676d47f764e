#include "op/matmul.h"
#include "base/phase.h"
#include "op/cpu/matmul_convert.h"
#include "op/cpu/matmul_gradient.h"
#include "op/cpu/matmul_packed.h"
#include "op/cpu/matmul_scratch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* bf16 has two ways: oneDNN's products of packed operands, or products in f32 of rounded ones. The
 * second also serves where oneDNN refuses a shape. */
struct MatmulWeight {
    int outputs, inputs;
    Precision precision;
    const float *value;   /* the caller's */
    float *rounded;       /* bf16 without oneDNN's bf16: value as it was set, rounded */
    MatmulPacked *packed; /* bf16 with it */
};

static int has_bf16(void) {
    return onednn_bf16_unit() != NULL;
}

static Status open_bf16(MatmulWeight *weight) {
    if (has_bf16() && matmul_packed_open(&weight->packed, weight->outputs, weight->inputs,
                                         ONEDNN_BF16) == STATUS_OK)
        return STATUS_OK;
    size_t count = (size_t)weight->outputs * (size_t)weight->inputs;
    weight->rounded = malloc(count * sizeof *weight->rounded);
    if (!weight->rounded)
        return status_fail(STATUS_MEMORY, "matmul: no memory for a weight of %d x %d",
                           weight->outputs, weight->inputs);
    return STATUS_OK;
}

Status matmul_weight_open(MatmulWeight **out, int outputs, int inputs, Precision precision) {
    *out = NULL;
    if (outputs < 1 || inputs < 1)
        return status_fail(STATUS_ARGUMENT, "matmul: a weight of %d x %d; expected at least 1 x 1",
                           outputs, inputs);
    if (precision != PRECISION_F32 && precision != PRECISION_BF16)
        return status_fail(STATUS_ARGUMENT, "matmul: precision %d; expected f32 or bf16",
                           (int)precision);
    MatmulWeight *weight = calloc(1, sizeof *weight);
    if (!weight) return status_fail(STATUS_MEMORY, "matmul: no memory for a weight");
    *weight = (MatmulWeight){.outputs = outputs, .inputs = inputs, .precision = precision};
    if (precision == PRECISION_BF16) {
        matmul_scratch_hold();
        Status status = open_bf16(weight);
        if (status != STATUS_OK) {
            matmul_weight_close(weight);
            return status;
        }
    }
    *out = weight;
    return STATUS_OK;
}

Status matmul_weight_set(MatmulWeight *weight, const float *value) {
    if (!value) return status_fail(STATUS_ARGUMENT, "matmul: a weight without values");
    weight->value = value;
    if (weight->packed) return matmul_packed_set(weight->packed, value);
    if (weight->rounded)
        matmul_round(value, weight->rounded, (size_t)weight->outputs * (size_t)weight->inputs);
    return STATUS_OK;
}

static float *rounded(MatmulScratch slot, MatmulOperand from, size_t rows, size_t columns) {
    float *to = matmul_scratch(slot, rows * columns * sizeof *to);
    if (to && from.value)
        matmul_round(from.value, to, rows * columns);
    else if (to)
        matmul_widen(from.rounded, (int)rows, (int)columns, to, matmul_whole((int)columns));
    return to;
}

static Status product_bf16(MatmulWeight *weight, MatmulProduct product, int rows,
                           MatmulOperand left, MatmulOperand right, const float *bias, float *out,
                           int accumulate) {
    if (weight->packed) {
        Status status = matmul_packed_product_with(weight->packed, product, rows, left, right, bias,
                                                   out, accumulate);
        if (status != STATUS_UNSUPPORTED) return status;
    }
    size_t outputs = (size_t)weight->outputs, inputs = (size_t)weight->inputs;
    const float *a =
        rounded(SCRATCH_LEFT, left, (size_t)rows, product == MATMUL_FORWARD ? inputs : outputs);
    const float *b = weight->rounded;
    if (product == MATMUL_BACKWARD_WEIGHT)
        b = rounded(SCRATCH_RIGHT, right, (size_t)rows, inputs);
    else if (!b)
        b = rounded(SCRATCH_RIGHT, (MatmulOperand){weight->value, NULL}, outputs, inputs);
    if (!a || !b) return STATUS_MEMORY;
    STATUS_TRY(matmul_f32(product, weight->outputs, weight->inputs, rows, a, b, out, accumulate));
    if (bias) matmul_add_bias(rows, weight->outputs, bias, out);
    return STATUS_OK;
}

static Status product_f32(MatmulWeight *weight, MatmulProduct product, int rows, MatmulOperand left,
                          MatmulOperand right, const float *bias, float *out, int accumulate) {
    STATUS_TRY(matmul_f32(product, weight->outputs, weight->inputs, rows, left.value, right.value,
                          out, accumulate));
    if (bias) matmul_add_bias(rows, weight->outputs, bias, out);
    return STATUS_OK;
}

static Status check_multiply(const MatmulWeight *weight, MatmulProduct product, int rows) {
    if (rows < 0) return status_fail(STATUS_ARGUMENT, "matmul: %d rows; expected 0 or more", rows);
    if (product != MATMUL_BACKWARD_WEIGHT && !weight->value)
        return status_fail(STATUS_ARGUMENT,
                           "matmul: a product with a weight of %d x %d that has no values yet; "
                           "call matmul_weight_set first",
                           weight->outputs, weight->inputs);
    return STATUS_OK;
}

static Status multiply(MatmulWeight *weight, MatmulProduct product, int rows, MatmulOperand left,
                       MatmulOperand right, const float *bias, float *out, int accumulate) {
    static const Phase phases[] = {[MATMUL_FORWARD] = PHASE_PRODUCT_FORWARD,
                                   [MATMUL_BACKWARD_INPUT] = PHASE_PRODUCT_INPUT,
                                   [MATMUL_BACKWARD_WEIGHT] = PHASE_PRODUCT_WEIGHT};
    STATUS_TRY(check_multiply(weight, product, rows));
    if (rows == 0) {
        if (product == MATMUL_BACKWARD_WEIGHT && !accumulate)
            memset(out, 0, (size_t)weight->outputs * (size_t)weight->inputs * sizeof *out);
        return STATUS_OK;
    }
    double begun = phase_begin();
    Status status = (weight->precision == PRECISION_BF16 ? product_bf16 : product_f32)(
        weight, product, rows, left, right, bias, out, accumulate);
    phase_end(phases[product], begun, 2. * weight->outputs * weight->inputs * rows);
    return status;
}

Status matmul_forward_with(MatmulWeight *weight, int rows, MatmulOperand x, const float *bias,
                           float *y) {
    return multiply(weight, MATMUL_FORWARD, rows, x, (MatmulOperand){weight->value, NULL}, bias, y,
                    0);
}

Status matmul_backward_input_with(MatmulWeight *weight, int rows, MatmulOperand dy, float *dx,
                                  int accumulate) {
    return multiply(weight, MATMUL_BACKWARD_INPUT, rows, dy, (MatmulOperand){weight->value, NULL},
                    NULL, dx, accumulate);
}

Status matmul_backward_weight_with(MatmulWeight *weight, int rows, MatmulOperand dy,
                                   MatmulOperand x, float *dw, int accumulate) {
    return multiply(weight, MATMUL_BACKWARD_WEIGHT, rows, dy, x, NULL, dw, accumulate);
}

Status matmul_forward(MatmulWeight *weight, int rows, const float *x, float *y) {
    return matmul_forward_with(weight, rows, (MatmulOperand){x, NULL}, NULL, y);
}

Status matmul_backward_input(MatmulWeight *weight, int rows, const float *dy, float *dx,
                             int accumulate) {
    return matmul_backward_input_with(weight, rows, (MatmulOperand){dy, NULL}, dx, accumulate);
}

Status matmul_backward_weight(MatmulWeight *weight, int rows, const float *dy, const float *x,
                              float *dw, int accumulate) {
    return matmul_backward_weight_with(weight, rows, (MatmulOperand){dy, NULL},
                                       (MatmulOperand){x, NULL}, dw, accumulate);
}

/* --- operands that are kept ------------------------------------------------------------------- */

MatmulRounded matmul_rounded(const MatmulWeight *weight, int rows, int columns) {
    if (!weight->packed || rows > INT_MAX - MATMUL_BLOCK) return (MatmulRounded){0};
    const MatmulRounded shape = {.rows = matmul_whole(rows), .columns = matmul_whole(columns)};
    return (MatmulRounded){shape.rows, shape.columns,
                           (size_t)shape.rows * (size_t)shape.columns * sizeof(uint16_t)};
}

void matmul_round_operand(MatmulRounded shape, const float *from, int rows, int columns,
                          uint16_t *to) {
    matmul_to_bf16(from, rows, columns, to, shape.rows, shape.columns);
}

void matmul_round_gelu(MatmulRounded shape, int rows, int columns, const float *x, float *y,
                       uint16_t *to) {
    const double begun = phase_begin();
    matmul_gelu(rows, columns, x, y, to, shape.rows, shape.columns);
    phase_end(PHASE_ACTIVATION, begun, 10. * rows * columns);
}

void matmul_round_gradient(MatmulRounded shape, Activation f, int rows, int columns, const float *x,
                           const float *y, const float *dy, uint16_t *to, float *dbias,
                           int accumulate) {
    const double begun = phase_begin();
    matmul_gradient(f, rows, columns, x, y, dy, to, shape.rows, shape.columns, dbias, accumulate);
    phase_end(PHASE_ACTIVATION, begun, 6. * rows * columns);
}

void matmul_weight_close(MatmulWeight *weight) {
    if (!weight) return;
    matmul_packed_close(weight->packed);
    free(weight->rounded);
    if (weight->precision == PRECISION_BF16 && matmul_scratch_release()) onednn_forget();
    free(weight);
}

const char *matmul_backend(Precision precision) {
    if (precision == PRECISION_F32)
        return matmul_f32_is_onednn(MATMUL_FORWARD, 1024, 1024, 1024) ? "oneDNN and OpenBLAS f32"
                                                                      : "OpenBLAS f32";
    if (!onednn_version()) return "bf16 operands, f32 arithmetic (built without oneDNN)";
    if (!has_bf16()) return "bf16 operands, f32 arithmetic (no bf16 instructions here)";
    return strcmp(onednn_bf16_unit(), "AMX") == 0 ? "oneDNN bf16 on AMX" : "oneDNN bf16 on AVX-512";
}
