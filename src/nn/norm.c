#include "nn/norm.h"
#include "base/phase.h"

#include <string.h>

static size_t numbers(const Value *v) {
    return (size_t)v->rows * (size_t)v->columns;
}

static Dropout dropout_of(Tape *tape, float rate) {
    if (tape->mode != TAPE_TRAIN || !(rate > 0)) return (Dropout){0};
    return (Dropout){rate, tape->seed, tape_stream(tape)};
}

static Status check_rate(const char *what, float rate) {
    if (rate >= 0 && rate < 1) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "%s: dropout is %g; expected 0 <= dropout < 1", what,
                       (double)rate);
}

static Status check_same(const char *what, const Value *x, const Value *y) {
    if (x->rows == y->rows && x->columns == y->columns) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "%s: %d x %d and %d x %d; expected the same shape", what,
                       x->rows, x->columns, y->rows, y->columns);
}

/* --- LayerNorm ------------------------------------------------------------------------------- */

typedef struct {
    Value *x, *residual, *y;
    float *sum, *statistics;
    Parameter *gain, *shift;
    Dropout dropout;
} Norm;

static Status norm_backward(Tape *tape, void *record) {
    const Norm *n = record;
    int add_shift, add_gain, add_residual = 0, add_x;
    float *dshift = parameter_gradient(n->shift, &add_shift);
    float *dgain = parameter_gradient(n->gain, &add_gain), *dresidual = NULL;
    if (n->residual) dresidual = tape_gradient(n->residual, &add_residual);
    float *dx = tape_gradient(n->x, &add_x);
    tape->device->layers->norm_backward(n->y->rows, n->y->columns, n->sum, n->statistics,
                                        &n->dropout, n->gain->value, n->y->gradient, dgain, dshift,
                                        add_gain, dresidual, add_residual, dx, add_x);
    return STATUS_OK;
}

Value *nn_norm(Tape *tape, Value *x, Value *residual, float rate, Parameter *gain, Parameter *shift,
               float epsilon) {
    if (!x) return NULL;
    Status status = check_rate("norm", rate);
    if (status == STATUS_OK && residual) status = check_same("norm", x, residual);
    const Parameter *wrong = gain->count != (size_t)x->columns    ? gain
                             : shift->count != (size_t)x->columns ? shift
                                                                  : NULL;
    if (status == STATUS_OK && wrong)
        status = status_fail(STATUS_ARGUMENT, "norm: %s has %zu numbers for rows of %d",
                             wrong->name, wrong->count, x->columns);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *y = tape_value(tape, x->rows, x->columns);
    Norm *n = tape_take(tape, sizeof *n);
    if (!y || !n) return NULL;
    *n = (Norm){.x = x, .residual = residual, .y = y, .gain = gain, .shift = shift};
    n->dropout = dropout_of(tape, rate);
    n->statistics = tape_take(tape, 2 * (size_t)x->rows * sizeof(float));
    /* The sum of x and nothing is x. Without a backward it may take the place of the result. */
    const int plain = !residual && !(n->dropout.rate > 0);
    n->sum = !tape_records(tape) ? y->data
             : plain             ? x->data
                                 : tape_take(tape, numbers(x) * sizeof(float));
    if (!n->statistics || !n->sum) return NULL;
    tape->device->layers->norm(x->rows, x->columns, x->data, residual ? residual->data : NULL,
                               &n->dropout, gain->value, shift->value, epsilon, n->sum, y->data,
                               n->statistics);
    tape_record(tape, y, norm_backward, n);
    return y;
}

/* --- dropout --------------------------------------------------------------------------------- */

typedef struct {
    Value *x, *y;
    Dropout dropout;
} Drop;

static Status drop_backward(Tape *tape, void *record) {
    const Drop *d = record;
    int accumulate;
    float *dx = tape_gradient(d->x, &accumulate);
    tape->device->layers->dropout(numbers(d->x), &d->dropout, d->y->gradient, dx, accumulate);
    return STATUS_OK;
}

Value *nn_dropout(Tape *tape, Value *x, float rate) {
    if (!x) return NULL;
    Status status = check_rate("dropout", rate);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Dropout dropout = dropout_of(tape, rate);
    if (!(dropout.rate > 0)) return x;
    Value *y = tape_value(tape, x->rows, x->columns);
    Drop *d = tape_take(tape, sizeof *d);
    if (!y || !d) return NULL;
    *d = (Drop){x, y, dropout};
    tape->device->layers->dropout(numbers(x), &dropout, x->data, y->data, 0);
    tape_record(tape, y, drop_backward, d);
    return y;
}

/* --- addition -------------------------------------------------------------------------------- */

typedef struct {
    Value *x[2], *y;
} Sum;

/* Numbers that a thread takes at a time: what the first gradient read, the second finds in cache.
 */
#define PIECE ((size_t)4096)

static size_t piece_from(const Value *v, size_t first) {
    return numbers(v) - first < PIECE ? numbers(v) - first : PIECE;
}

static Status add_backward(Tape *tape, void *record) {
    (void)tape;
    const Sum *s = record;
    const double begun = phase_begin();
    int accumulate[2];
    float *dx[2];
    for (int i = 0; i < 2; i++) dx[i] = tape_gradient(s->x[i], &accumulate[i]);
#pragma omp parallel for schedule(static) if (numbers(s->y) > PIECE)
    for (size_t first = 0; first < numbers(s->y); first += PIECE)
        for (int i = 0; i < 2; i++) { /* y = x0 + x1 */
            const size_t n = piece_from(s->y, first);
            const float *from = s->y->gradient + first;
            float *to = dx[i] + first;
            if (!accumulate[i]) memcpy(to, from, n * sizeof *to);
            for (size_t k = 0; accumulate[i] && k < n; k++) to[k] += from[k];
        }
    phase_end(PHASE_DROPOUT, begun, 12. * (double)numbers(s->y));
    return STATUS_OK;
}

Value *nn_add(Tape *tape, Value *x, Value *y) {
    if (!x || !y) return NULL;
    Status status = check_same("add", x, y);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *sum = tape_value(tape, x->rows, x->columns);
    Sum *s = tape_take(tape, sizeof *s);
    if (!sum || !s) return NULL;
    *s = (Sum){{x, y}, sum};
    const double begun = phase_begin();
#pragma omp parallel for schedule(static) if (numbers(sum) > PIECE)
    for (size_t first = 0; first < numbers(sum); first += PIECE) {
        const size_t n = piece_from(sum, first);
        const float *a = x->data + first, *b = y->data + first;
        float *to = sum->data + first;
        for (size_t k = 0; k < n; k++) to[k] = a[k] + b[k];
    }
    phase_end(PHASE_DROPOUT, begun, 12. * (double)numbers(sum));
    tape_record(tape, sum, add_backward, s);
    return sum;
}
