#include "nn/position.h"

#include <math.h>
#include <string.h>

void nn_sinusoid(int position, int width, float *out) {
    for (int c = 0; c < width; c++) {
        double angle = position / pow(10000, (double)(c / 2 * 2) / width);
        out[c] = (float)(c % 2 ? cos(angle) : sin(angle));
    }
}

typedef struct {
    Value *x, *y;
} Shift;

static Status backward(Tape *tape, void *record) {
    const Shift *s = record;
    const size_t count = (size_t)s->y->rows * (size_t)s->y->columns;
    int accumulate;
    float *dx = tape_gradient(s->x, &accumulate);
    /* y = x + constant: dx = dy */
    if (accumulate)
        tape->device->layers->add(count, s->y->gradient, dx);
    else
        memcpy(dx, s->y->gradient, count * sizeof *dx);
    return STATUS_OK;
}

Value *nn_add_sinusoids(Tape *tape, Value *x, int sequences, const int *offsets, const float *table,
                        int rows) {
    if (!x) return NULL;
    if (sequences < 1 || !offsets || offsets[sequences] != x->rows)
        return tape_fail(tape,
                         status_fail(STATUS_ARGUMENT, "sinusoids: offsets end at %d of %d rows",
                                     sequences < 1 || !offsets ? 0 : offsets[sequences], x->rows));
    const size_t width = (size_t)x->columns;
    Value *y = tape_value(tape, x->rows, x->columns);
    Shift *s = tape_take(tape, sizeof *s);
    if (!y || !s) return NULL;
    *s = (Shift){x, y};
    for (int b = 0; b < sequences; b++)
        for (int t = offsets[b]; t < offsets[b + 1]; t++) {
            const int place = t - offsets[b];
            const float *from = x->data + (size_t)t * width;
            float *to = y->data + (size_t)t * width;
            if (place < rows) {
                const float *row = table + (size_t)place * width;
                for (size_t c = 0; c < width; c++) to[c] = from[c] + row[c];
                continue;
            }
            nn_sinusoid(place, x->columns, to);
            for (size_t c = 0; c < width; c++) to[c] += from[c];
        }
    tape_record(tape, y, backward, s);
    return y;
}
