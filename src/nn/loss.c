#include "nn/loss.h"
#include "base/phase.h"

#include <math.h>

typedef struct {
    Value *logits, *loss;
    const uint8_t *labels;
} CrossEntropy;

static double log_sum_exp(const float *logits, int classes) {
    double top = logits[0];
    for (int c = 1; c < classes; c++) top = logits[c] > top ? logits[c] : top;
    double sum = exp(logits[0] - top);
    for (int c = 1; c < classes; c++) sum += exp(logits[c] - top);
    return top + log(sum);
}

void nn_probabilities(const float *logits, int classes, double *probability) {
    double all = log_sum_exp(logits, classes);
    for (int c = 0; c < classes; c++) probability[c] = exp(logits[c] - all);
}

/* excerpt: cross-entropy-backward */
static Status backward(Tape *tape, void *record) {
    (void)tape;
    const CrossEntropy *e = record;
    const int rows = e->logits->rows, classes = e->logits->columns;
    const double begun = phase_begin();
    const double scale = (double)e->loss->gradient[0] / rows;
    int accumulate;
    float *gradient = tape_gradient(e->logits, &accumulate);
    /* loss = mean of log sum exp(z) - z[label]: dz = (softmax(z) - 1[label]) / rows */
    for (int r = 0; r < rows; r++) {
        const float *z = e->logits->data + (size_t)r * (size_t)classes;
        float *dz = gradient + (size_t)r * (size_t)classes;
        double all = log_sum_exp(z, classes);
        for (int c = 0; c < classes; c++) {
            float d = (float)((exp(z[c] - all) - (c == e->labels[r])) * scale);
            dz[c] = accumulate ? dz[c] + d : d;
        }
    }
    phase_end(PHASE_LOSS, begun, 8. * rows * classes);
    return STATUS_OK;
}
/* end excerpt */

Value *nn_cross_entropy(Tape *tape, Value *logits, const uint8_t *labels, int *right) {
    if (!logits) return NULL;
    const int rows = logits->rows, classes = logits->columns;
    if (rows < 1)
        return tape_fail(tape, status_fail(STATUS_ARGUMENT, "cross-entropy: no rows; the mean of "
                                                            "nothing has no value"));
    Value *loss = tape_value(tape, 1, 1);
    CrossEntropy *e = tape_take(tape, sizeof *e);
    if (!loss || !e) return NULL;
    *e = (CrossEntropy){logits, loss, labels};
    const double begun = phase_begin();
    double sum = 0;
    int hits = 0;
    for (int r = 0; r < rows; r++) {
        if (labels[r] >= classes)
            return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                               "cross-entropy: label %d at row %d; there are %d "
                                               "classes",
                                               labels[r], r, classes));
        const float *z = logits->data + (size_t)r * (size_t)classes;
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (z[c] > z[best]) best = c;
        hits += best == labels[r];
        sum += log_sum_exp(z, classes) - z[labels[r]];
    }
    loss->data[0] = (float)(sum / rows);
    if (right) *right = hits;
    phase_end(PHASE_LOSS, begun, 4. * rows * classes);
    tape_record(tape, loss, backward, e);
    return loss;
}

/* --- any number of classes ------------------------------------------------------------------- */

typedef struct {
    Value *logits, *loss;
    const int32_t *labels;
    float *statistics;
    int counted;
} CrossEntropyIds;

static Status backward_ids(Tape *tape, void *record) {
    const CrossEntropyIds *e = record;
    int accumulate;
    float *dz = tape_gradient(e->logits, &accumulate);
    const float scale = e->counted ? e->loss->gradient[0] / (float)e->counted : 0;
    const double begun = phase_begin();
    tape->device->layers->cross_entropy_backward(e->logits->rows, e->logits->columns,
                                                 e->logits->data, e->labels, e->statistics, scale,
                                                 dz, accumulate);
    phase_end(PHASE_LOSS, begun, 8. * e->logits->rows * e->logits->columns);
    return STATUS_OK;
}

Value *nn_cross_entropy_ids(Tape *tape, Value *logits, const int32_t *labels, int *right,
                            int *counted) {
    if (!logits) return NULL;
    const int rows = logits->rows, classes = logits->columns;
    for (int r = 0; r < rows; r++)
        if (labels[r] >= classes)
            return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                               "cross-entropy: label %d at row %d; there are %d "
                                               "classes",
                                               (int)labels[r], r, classes));
    Value *loss = tape_value(tape, 1, 1);
    CrossEntropyIds *e = tape_take(tape, sizeof *e);
    float *statistics = tape_take(tape, 2 * (size_t)rows * sizeof *statistics);
    if (!loss || !e || !statistics) return NULL;
    *e = (CrossEntropyIds){logits, loss, labels, statistics, 0};
    const double begun = phase_begin();
    const size_t mark = arena_mark(tape->arena);
    float *each = tape_take(tape, (size_t)rows * sizeof *each);
    int32_t *best = tape_take(tape, (size_t)rows * sizeof *best);
    if (!each || !best) return NULL;
    tape->device->layers->cross_entropy(rows, classes, logits->data, labels, each, best,
                                        statistics);
    double sum = 0;
    int hits = 0;
    for (int r = 0; r < rows; r++) {
        e->counted += labels[r] >= 0;
        hits += labels[r] >= 0 && best[r] == labels[r];
        sum += (double)each[r];
    }
    arena_rewind(tape->arena, mark);
    loss->data[0] = e->counted ? (float)(sum / e->counted) : 0;
    if (right) *right = hits;
    if (counted) *counted = e->counted;
    phase_end(PHASE_LOSS, begun, 4. * rows * classes);
    tape_record(tape, loss, backward_ids, e);
    return loss;
}
