#include "op/cpu/matmul_packed.h"
#include "op/cpu/matmul_convert.h"
#include "op/cpu/matmul_scratch.h"

#include <limits.h>
#include <stdlib.h>

struct MatmulPacked {
    OnednnType type;
    int outputs, inputs;
    int wide_outputs, wide_inputs; /* whole blocks */
    OnednnPacked *forward;         /* W' [inputs, outputs] */
    OnednnPacked *backward;        /* W [outputs, inputs] */
};

Status matmul_packed_open(MatmulPacked **out, int outputs, int inputs, OnednnType type) {
    *out = NULL;
    if (outputs > INT_MAX - MATMUL_BLOCK || inputs > INT_MAX - MATMUL_BLOCK)
        return status_fail(STATUS_UNSUPPORTED, "matmul: a weight of %d x %d is too large to pack",
                           outputs, inputs);
    MatmulPacked *weight = calloc(1, sizeof *weight);
    if (!weight) return status_fail(STATUS_MEMORY, "matmul: no memory for a weight");
    weight->type = type;
    weight->outputs = outputs, weight->wide_outputs = matmul_whole(outputs);
    weight->inputs = inputs, weight->wide_inputs = matmul_whole(inputs);
    matmul_scratch_hold();
    Status status =
        onednn_packed_open(&weight->forward, type, weight->wide_inputs, weight->wide_outputs);
    if (status == STATUS_OK)
        status =
            onednn_packed_open(&weight->backward, type, weight->wide_outputs, weight->wide_inputs);
    if (status != STATUS_OK) {
        matmul_packed_close(weight);
        return status;
    }
    *out = weight;
    return STATUS_OK;
}

/* from [rows, columns] as the weight's type, [wide_rows, wide_columns], in scratch; NULL with a
 * message when there is no memory. */
static const void *convert(const MatmulPacked *weight, MatmulScratch slot, MatmulOperand from,
                           int rows, int columns, int wide_columns) {
    if (weight->type == ONEDNN_BF16 && from.rounded) return from.rounded;
    size_t size = weight->type == ONEDNN_BF16 ? sizeof(uint16_t) : sizeof(float);
    void *to = matmul_scratch(slot, (size_t)matmul_whole(rows) * (size_t)wide_columns * size);
    if (!to) return NULL;
    if (weight->type == ONEDNN_BF16)
        matmul_to_bf16(from.value, rows, columns, to, matmul_whole(rows), wide_columns);
    else
        matmul_to_f32(from.value, rows, columns, to, matmul_whole(rows), wide_columns);
    return to;
}

Status matmul_packed_set(MatmulPacked *weight, const float *value) {
    const void *values = convert(weight, SCRATCH_LEFT, (MatmulOperand){value, NULL},
                                 weight->outputs, weight->inputs, weight->wide_inputs);
    if (!values) return STATUS_MEMORY;
    STATUS_TRY(onednn_packed_set(weight->forward, values, 1));
    return onednn_packed_set(weight->backward, values, 0);
}

static float *result_scratch(int rows, int columns) {
    return matmul_scratch(SCRATCH_RESULT, (size_t)rows * (size_t)columns * sizeof(float));
}

/* out [rows, n] = left [rows, k] B, B with wide_k x wide_n, and a bias in every row. */
static Status by_rows(MatmulPacked *weight, OnednnPacked *b, int rows, int k, int wide_k, int n,
                      int wide_n, MatmulOperand left, const float *bias, float *out,
                      int accumulate) {
    const char *a = convert(weight, SCRATCH_LEFT, left, rows, k, wide_k);
    if (!a) return STATUS_MEMORY;
    size_t row_bytes =
        (size_t)wide_k * (weight->type == ONEDNN_BF16 ? sizeof(uint16_t) : sizeof(float));
    int straight = n == wide_n ? rows / MATMUL_BLOCK * MATMUL_BLOCK : 0, rest = rows - straight;
    const float *wide_bias = n == wide_n ? bias : NULL;
    float *part = NULL;
    if (rest) {
        part = result_scratch(matmul_whole(rest), wide_n);
        if (!part) return STATUS_MEMORY;
        STATUS_TRY(onednn_packed_product_bias(
            b, matmul_whole(rest), a + (size_t)straight * row_bytes, wide_bias, part, 0));
    }
    /* Only now is anything written to `out`, which a failure must leave alone. */
    if (straight)
        STATUS_TRY(onednn_packed_product_bias(b, straight, a, wide_bias, out, accumulate));
    if (rest) matmul_cut(part, wide_n, rest, n, out + (size_t)straight * (size_t)n, accumulate);
    if (bias && !wide_bias) matmul_add_bias(rows, n, bias, out);
    return STATUS_OK;
}

static Status backward_weight(MatmulPacked *weight, int rows, MatmulOperand dy, MatmulOperand x,
                              float *dw, int accumulate) {
    int m = weight->wide_outputs, n = weight->wide_inputs;
    const void *left = convert(weight, SCRATCH_LEFT, dy, rows, weight->outputs, m);
    const void *right = convert(weight, SCRATCH_RIGHT, x, rows, weight->inputs, n);
    if (!left || !right) return STATUS_MEMORY;
    if (m == weight->outputs && n == weight->inputs)
        return onednn_transposed_product(weight->type, m, n, matmul_whole(rows), left, right, dw,
                                         accumulate);
    float *whole_dw = result_scratch(m, n);
    if (!whole_dw) return STATUS_MEMORY;
    STATUS_TRY(onednn_transposed_product(weight->type, m, n, matmul_whole(rows), left, right,
                                         whole_dw, 0));
    matmul_cut(whole_dw, n, weight->outputs, weight->inputs, dw, accumulate);
    return STATUS_OK;
}

Status matmul_packed_product_with(MatmulPacked *weight, MatmulProduct product, int rows,
                                  MatmulOperand left, MatmulOperand right, const float *bias,
                                  float *out, int accumulate) {
    if (rows > INT_MAX - MATMUL_BLOCK)
        return status_fail(STATUS_UNSUPPORTED, "matmul: %d rows are too many to pack", rows);
    switch (product) {
    case MATMUL_FORWARD:
        return by_rows(weight, weight->forward, rows, weight->inputs, weight->wide_inputs,
                       weight->outputs, weight->wide_outputs, left, bias, out, accumulate);
    case MATMUL_BACKWARD_INPUT:
        return by_rows(weight, weight->backward, rows, weight->outputs, weight->wide_outputs,
                       weight->inputs, weight->wide_inputs, left, NULL, out, accumulate);
    case MATMUL_BACKWARD_WEIGHT:
        break;
    }
    return backward_weight(weight, rows, left, right, out, accumulate);
}

Status matmul_packed_product(MatmulPacked *weight, MatmulProduct product, int rows,
                             const float *left, const float *right, float *out, int accumulate) {
    return matmul_packed_product_with(weight, product, rows, (MatmulOperand){left, NULL},
                                      (MatmulOperand){right, NULL}, NULL, out, accumulate);
}

void matmul_packed_close(MatmulPacked *weight) {
    if (!weight) return;
    onednn_packed_close(weight->forward);
    onednn_packed_close(weight->backward);
    if (matmul_scratch_release()) onednn_forget();
    free(weight);
}
