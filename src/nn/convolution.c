#include "nn/convolution.h"

#include <string.h>

typedef struct {
    Value *x, *columns;
    int taps, sequences;
    const int *offsets;
} Unfold;

/* Copies (forward) or adds up (backward) the rows of one sequence. Row t of x is tap j of the row
 * t - j + (taps - 1) / 2 of the columns. */
static void unfold_sequence(const Unfold *u, int from, int to) {
    const size_t width = (size_t)u->x->columns;
    const int before = (u->taps - 1) / 2;
#pragma omp parallel for schedule(static) if ((size_t)(to - from) * width > 1 << 14)
    for (int t = from; t < to; t++)
        for (int j = 0; j < u->taps; j++) {
            int source = t + j - before;
            float *to_row = u->columns->data + ((size_t)t * (size_t)u->taps + (size_t)j) * width;
            if (source >= from && source < to)
                memcpy(to_row, u->x->data + (size_t)source * width, width * sizeof *to_row);
            else
                memset(to_row, 0, width * sizeof *to_row);
        }
}

/* columns[t][j] = x[t + j - before]: dx[s] = sum over j of dcolumns[s - j + before][j]. */
static void fold_sequence(const Unfold *u, int from, int to, float *dx, int accumulate) {
    const size_t width = (size_t)u->x->columns;
    const int before = (u->taps - 1) / 2;
#pragma omp parallel for schedule(static) if ((size_t)(to - from) * width > 1 << 14)
    for (int s = from; s < to; s++) {
        float *row = dx + (size_t)s * width;
        if (!accumulate) memset(row, 0, width * sizeof *row);
        for (int j = 0; j < u->taps; j++) {
            int t = s - j + before;
            if (t < from || t >= to) continue;
            const float *dy =
                u->columns->gradient + ((size_t)t * (size_t)u->taps + (size_t)j) * width;
            for (size_t c = 0; c < width; c++) row[c] += dy[c];
        }
    }
}

static Status unfold_backward(Tape *tape, void *record) {
    (void)tape;
    const Unfold *u = record;
    if (!u->x->gradient) return STATUS_OK;
    int accumulate;
    float *dx = tape_gradient(u->x, &accumulate);
    for (int b = 0; b < u->sequences; b++)
        fold_sequence(u, u->offsets[b], u->offsets[b + 1], dx, accumulate);
    return STATUS_OK;
}

Value *nn_unfold(Tape *tape, Value *x, int taps, int sequences, const int *offsets) {
    if (!x || tape->status != STATUS_OK) return NULL;
    if (taps < 1 || sequences < 1 || !offsets || offsets[sequences] != x->rows)
        return tape_fail(tape,
                         status_fail(STATUS_ARGUMENT,
                                     "convolution: %d taps over %d sequences that end at %d "
                                     "of %d rows; expected at least 1 and 1, and the last row",
                                     taps, sequences,
                                     offsets && sequences > 0 ? offsets[sequences] : 0, x->rows));
    Value *columns = tape_value(tape, x->rows, taps * x->columns);
    Unfold *u = tape_take(tape, sizeof *u);
    if (!columns || !u) return NULL;
    *u = (Unfold){x, columns, taps, sequences, offsets};
    for (int b = 0; b < sequences; b++) unfold_sequence(u, offsets[b], offsets[b + 1]);
    tape_record(tape, columns, unfold_backward, u);
    return columns;
}

Value *nn_convolution(Tape *tape, Value *x, int taps, int sequences, const int *offsets,
                      Parameter *weight, Parameter *bias, Activation activation) {
    return nn_linear(tape, nn_unfold(tape, x, taps, sequences, offsets), weight, bias, activation);
}
