#include "nn/concat.h"

#include <string.h>

/* One copies, the other adds: a block [rows, columns] between matrices of any width. */
static void copy_block(int rows, int columns, const float *from, int from_width, float *to,
                       int to_width) {
    for (int r = 0; r < rows; r++)
        memcpy(to + (size_t)r * (size_t)to_width, from + (size_t)r * (size_t)from_width,
               (size_t)columns * sizeof *to);
}

static void add_block(int rows, int columns, const float *from, int from_width, float *to,
                      int to_width) {
    for (int r = 0; r < rows; r++) {
        const float *x = from + (size_t)r * (size_t)from_width;
        float *y = to + (size_t)r * (size_t)to_width;
        for (int c = 0; c < columns; c++) y[c] += x[c];
    }
}

/* --- side by side ----------------------------------------------------------------------------- */

typedef struct {
    int count;
    Value *value[NN_CONCAT_MAX], *y;
} Concat;

static Status concat_backward(Tape *tape, void *record) {
    (void)tape;
    const Concat *c = record;
    int first = 0;
    for (int i = 0; i < c->count; i++) {
        Value *x = c->value[i];
        int accumulate;
        float *dx = tape_gradient(x, &accumulate);
        /* y[:, first + k] = x[:, k]: dx[:, k] = dy[:, first + k] */
        (accumulate ? add_block : copy_block)(x->rows, x->columns, c->y->gradient + first,
                                              c->y->columns, dx, x->columns);
        first += x->columns;
    }
    return STATUS_OK;
}

Value *nn_concat(Tape *tape, int count, Value *const *values) {
    int columns = 0;
    if (count < 1 || count > NN_CONCAT_MAX)
        return tape_fail(tape, status_fail(STATUS_ARGUMENT, "concat: %d values; expected 1 to %d",
                                           count, NN_CONCAT_MAX));
    for (int i = 0; i < count; i++) {
        if (!values[i]) return NULL;
        if (values[i]->rows != values[0]->rows)
            return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                               "concat: value %d has %d rows, value 0 has %d", i,
                                               values[i]->rows, values[0]->rows));
        columns += values[i]->columns;
    }
    Value *y = tape_value(tape, values[0]->rows, columns);
    Concat *c = tape_take(tape, sizeof *c);
    if (!y || !c) return NULL;
    c->count = count, c->y = y;
    for (int i = 0, first = 0; i < count; first += values[i++]->columns) {
        c->value[i] = values[i];
        copy_block(y->rows, values[i]->columns, values[i]->data, values[i]->columns,
                   y->data + first, columns);
    }
    tape_record(tape, y, concat_backward, c);
    return y;
}

/* --- a block of a value ------------------------------------------------------------------------
 */

typedef struct {
    Value *x, *y;
    size_t offset; /* of the block's first number in x */
} Block;

static Status block_backward(Tape *tape, void *record) {
    (void)tape;
    const Block *b = record;
    int accumulate;
    float *dx = tape_gradient(b->x, &accumulate);
    /* y is a block of x: dx is dy there and 0 elsewhere */
    if (!accumulate) memset(dx, 0, (size_t)b->x->rows * (size_t)b->x->columns * sizeof *dx);
    add_block(b->y->rows, b->y->columns, b->y->gradient, b->y->columns, dx + b->offset,
              b->x->columns);
    return STATUS_OK;
}

static Value *block(Tape *tape, Value *x, int row, int rows, int column, int columns) {
    Value *y = tape_value(tape, rows, columns);
    Block *b = tape_take(tape, sizeof *b);
    if (!y || !b) return NULL;
    *b = (Block){x, y, (size_t)row * (size_t)x->columns + (size_t)column};
    copy_block(rows, columns, x->data + b->offset, x->columns, y->data, columns);
    tape_record(tape, y, block_backward, b);
    return y;
}

Value *nn_columns(Tape *tape, Value *x, int first, int count) {
    if (!x) return NULL;
    if (first < 0 || count < 1 || first > x->columns - count)
        return tape_fail(tape, status_fail(STATUS_ARGUMENT, "columns: %d from %d on; there are %d",
                                           count, first, x->columns));
    return block(tape, x, 0, x->rows, first, count);
}

Value *nn_rows(Tape *tape, Value *x, int first, int count) {
    if (!x) return NULL;
    if (first < 0 || count < 1 || first > x->rows - count)
        return tape_fail(tape, status_fail(STATUS_ARGUMENT, "rows: %d from %d on; there are %d",
                                           count, first, x->rows));
    return block(tape, x, first, count, 0, x->columns);
}
