#include "nn/linear.h"

typedef struct {
    Value *x, *y;
    float *sum; /* x W' + b, where the activation's backward needs it; else y->data */
    Parameter *weight, *bias;
    Activation activation;
} Linear;

/* x as products read it, made by the first layer that does. */
static MatmulOperand operand(Tape *tape, Value *x, const MatmulWeight *weight) {
    if (!x->rounded && tape_records(tape) && x->rows > 0) {
        const MatmulRounded shape = matmul_rounded(weight, x->rows, x->columns);
        uint16_t *rounded = shape.bytes ? tape_take(tape, shape.bytes) : NULL;
        if (rounded) matmul_round_operand(shape, x->data, x->rows, x->columns, rounded);
        x->rounded = rounded;
    }
    return (MatmulOperand){x->data, x->rounded};
}

/* Once ds is there: dx = ds W, dW = ds' x. */
static Status products(const Linear *l, MatmulOperand ds) {
    const int rows = l->y->rows;
    int accumulate;
    float *dw = parameter_gradient(l->weight, &accumulate);
    STATUS_TRY(matmul_backward_weight_with(
        l->weight->products, rows, ds, (MatmulOperand){l->x->data, l->x->rounded}, dw, accumulate));
    if (!l->x->gradient) return STATUS_OK;
    float *dx = tape_gradient(l->x, &accumulate);
    return matmul_backward_input_with(l->weight->products, rows, ds, dx, accumulate);
}

static Status backward(Tape *tape, void *record) {
    const Linear *l = record;
    const LayerOps *layers = tape->device->layers;
    const int rows = l->y->rows, columns = l->y->columns;
    int accumulate = 0;
    float *dy = l->y->gradient, *dbias = NULL;
    /* y = f(s), s = x W' + b: ds = dy f'(s), db = sum of ds */
    if (l->bias) dbias = parameter_gradient(l->bias, &accumulate);
    const MatmulRounded shape =
        rows ? matmul_rounded(l->weight->products, rows, columns) : (MatmulRounded){0};
    if (!shape.bytes) {
        if (l->bias || l->activation != ACTIVATION_NONE)
            layers->activate_backward(l->activation, rows, columns, l->sum, l->y->data, dy, dy,
                                      dbias, accumulate);
        return products(l, (MatmulOperand){dy, NULL});
    }
    const size_t mark = arena_mark(tape->arena);
    uint16_t *rounded = arena_take(tape->arena, shape.bytes);
    if (!rounded) return STATUS_MEMORY;
    matmul_round_gradient(shape, l->activation, rows, columns, l->sum, l->y->data, dy, rounded,
                          dbias, accumulate);
    const Status status = products(l, (MatmulOperand){NULL, rounded});
    arena_rewind(tape->arena, mark);
    return status;
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
    const MatmulOperand in = operand(tape, x, weight->products);
    if (tape->status != STATUS_OK) return NULL;
    /* Products in bf16 add the bias while a sum is in a register, those in f32 cannot. */
    const MatmulRounded shape =
        in.rounded ? matmul_rounded(weight->products, y->rows, y->columns) : (MatmulRounded){0};
    const float *before = bias && shape.bytes ? bias->value : NULL;
    const float *after = bias && !before ? bias->value : NULL;
    status = matmul_forward_with(weight->products, x->rows, in, before, l->sum);
    if (status != STATUS_OK) return tape_fail(tape, status);
    if (activation == ACTIVATION_GELU && shape.bytes) {
        /* What follows is another product, as a rule. */
        if (!(y->rounded = tape_take(tape, shape.bytes))) return NULL;
        matmul_round_gelu(shape, y->rows, y->columns, l->sum, y->data, y->rounded);
    } else if (after || activation != ACTIVATION_NONE) {
        tape->device->layers->activate(activation, y->rows, y->columns, after, l->sum, y->data);
    }
    tape_record(tape, y, backward, l);
    return y;
}
