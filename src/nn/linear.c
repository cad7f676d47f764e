#include "nn/linear.h"

typedef struct {
    Value *x, *y;
    float *sum; /* x W' + b, where the activation's backward needs it; else y->data */
    Parameter *weight, *bias;
    Activation activation;
} Linear;

static Status backward(Tape *tape, void *record) {
    const Linear *l = record;
    const LayerOps *layers = tape->device->layers;
    int rows = l->y->rows, accumulate = 0;
    float *dy = l->y->gradient, *dbias = NULL;
    /* y = f(s), s = x W' + b: ds = dy f'(s), db = sum of ds */
    if (l->bias) dbias = parameter_gradient(l->bias, &accumulate);
    if (l->bias || l->activation != ACTIVATION_NONE)
        layers->activate_backward(l->activation, rows, l->y->columns, l->sum, l->y->data, dy, dy,
                                  dbias, accumulate);
    /* dx = ds W, dW = ds' x */
    float *dw = parameter_gradient(l->weight, &accumulate);
    STATUS_TRY(matmul_backward_weight(l->weight->products, rows, dy, l->x->data, dw, accumulate));
    if (!l->x->gradient) return STATUS_OK;
    float *dx = tape_gradient(l->x, &accumulate);
    return matmul_backward_input(l->weight->products, rows, dy, dx, accumulate);
}

static Status check(const Value *x, const Parameter *weight, const Parameter *bias) {
    if (weight->rank != 2 || !weight->products)
        return status_fail(STATUS_ARGUMENT, "linear: %s is no weight of products", weight->name);
    if ((size_t)x->columns != weight->shape[1])
        return status_fail(STATUS_ARGUMENT, "linear: %d columns go into %s, which expects %zu",
                           x->columns, weight->name, weight->shape[1]);
    if (bias && bias->count != weight->shape[0])
        return status_fail(STATUS_ARGUMENT, "linear: %s has %zu numbers; %s gives %zu", bias->name,
                           bias->count, weight->name, weight->shape[0]);
    return STATUS_OK;
}

Value *nn_linear(Tape *tape, Value *x, Parameter *weight, Parameter *bias, Activation activation) {
    if (!x) return NULL;
    Status status = check(x, weight, bias);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *y = tape_value(tape, x->rows, (int)weight->shape[0]);
    Linear *l = tape_take(tape, sizeof *l);
    if (!y || !l) return NULL;
    *l = (Linear){
        .x = x, .y = y, .sum = y->data, .weight = weight, .bias = bias, .activation = activation};
    if (activation == ACTIVATION_GELU && tape_records(tape)) {
        l->sum = tape_take(tape, (size_t)y->rows * (size_t)y->columns * sizeof(float));
        if (!l->sum) return NULL;
    }
    status = matmul_forward(weight->products, x->rows, x->data, l->sum);
    if (status != STATUS_OK) return tape_fail(tape, status);
    if (bias || activation != ACTIVATION_NONE)
        tape->device->layers->activate(activation, y->rows, y->columns, bias ? bias->value : NULL,
                                       l->sum, y->data);
    tape_record(tape, y, backward, l);
    return y;
}
