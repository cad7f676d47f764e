#include "nn/pointer.h"
#include "base/phase.h"

#include <math.h>
#include <string.h>

typedef struct {
    Value *queries, *keys, *loss;
    int sequences;
    const int *offsets;
    const size_t *at; /* [sequences] where a sequence's matrix begins in `slope` */
    float *slope;     /* of a row's loss by its z, [N, N] a sequence; scale of z left out */
} Pointer;

static float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void add_scaled(float factor, const float *x, float *y, int n) {
#pragma omp simd
    for (int i = 0; i < n; i++) y[i] += factor * x[i];
}

/* --- backward -------------------------------------------------------------------------------- */

/* excerpt: pointer-backward */
/* loss_t = log sum exp(z_tj) - log sum over equal words of exp(z_tj):
 * dz_tj = p_tj - r_tj, the softmax over all words left less that over the equal ones alone. */
static void slopes(const float *z, const uint32_t *word, int t, int n, double all, double equal,
                   float *slope) {
    for (int j = 0; j < t; j++) slope[j] = 0;
    for (int j = t; j < n; j++)
        slope[j] =
            (float)(exp((double)z[j] - all) - (word[j] == word[t] ? exp((double)z[j] - equal) : 0));
}
/* end excerpt */

static Status pointer_backward(Tape *tape, void *record) {
    (void)tape;
    const Pointer *p = record;
    const int d = p->queries->columns, rows = p->queries->rows;
    const float scale = p->loss->gradient[0] / (float)rows / sqrtf((float)d);
    const double begun = phase_begin();
    int add_q, add_k;
    float *dq = tape_gradient(p->queries, &add_q), *dk = tape_gradient(p->keys, &add_k);
    const size_t bytes = (size_t)rows * (size_t)d * sizeof(float);
    if (!add_q) memset(dq, 0, bytes);
    if (!add_k) memset(dk, 0, bytes);
#pragma omp parallel for schedule(dynamic, 8) if (rows > 64)
    for (int b = 0; b < p->sequences; b++) {
        const int n = p->offsets[b + 1] - p->offsets[b];
        const size_t first = (size_t)p->offsets[b] * (size_t)d;
        for (int t = 0; t < n; t++)
            for (int j = t; j < n; j++) { /* z_tj = q_t . k_j / sqrt(D) */
                const float g = scale * p->slope[p->at[b] + (size_t)(t * n + j)];
                const size_t q = first + (size_t)(t * d), k = first + (size_t)(j * d);
                add_scaled(g, p->keys->data + k, dq + q, d);
                add_scaled(g, p->queries->data + q, dk + k, d);
            }
    }
    phase_end(PHASE_LOSS, begun, 16. * rows * d);
    return STATUS_OK;
}

/* --- forward --------------------------------------------------------------------------------- */

static double log_sum(const float *z, const uint32_t *word, int t, int n, int equal_only) {
    double top = z[t], sum = 0;
    for (int j = t; j < n; j++)
        if ((!equal_only || word[j] == word[t]) && (double)z[j] > top) top = (double)z[j];
    for (int j = t; j < n; j++)
        if (!equal_only || word[j] == word[t]) sum += exp((double)z[j] - top);
    return top + log(sum);
}

/* The loss of one sequence, summed over its rows; `z` [n] is scratch. */
static double sequence_loss(const Pointer *p, int b, const uint32_t *words, float *z, int *right) {
    const int d = p->queries->columns, n = p->offsets[b + 1] - p->offsets[b];
    const size_t first = (size_t)p->offsets[b] * (size_t)d;
    const uint32_t *word = words + p->offsets[b];
    const float scale = 1 / sqrtf((float)d);
    double loss = 0;
    for (int t = 0; t < n; t++) {
        int best = t;
        for (int j = t; j < n; j++) {
            z[j] = scale * dot(p->queries->data + first + (size_t)(t * d),
                               p->keys->data + first + (size_t)(j * d), d);
            if (z[j] > z[best]) best = j;
        }
        const double all = log_sum(z, word, t, n, 0), equal = log_sum(z, word, t, n, 1);
        loss += all - equal;
        *right += word[best] == word[t];
        if (p->slope) slopes(z, word, t, n, all, equal, p->slope + p->at[b] + (size_t)(t * n));
    }
    return loss;
}

static Status check(const Value *queries, const Value *keys, int sequences, const int *offsets) {
    if (queries->columns != keys->columns || queries->rows != keys->rows)
        return status_fail(STATUS_ARGUMENT,
                           "pointer: queries %d x %d, keys %d x %d; expected the same shape",
                           queries->rows, queries->columns, keys->rows, keys->columns);
    if (sequences < 1 || queries->rows < 1 || offsets[0] != 0 || offsets[sequences] != keys->rows)
        return status_fail(STATUS_ARGUMENT,
                           "pointer: %d sequences from row %d to %d; there are %d rows", sequences,
                           offsets[0], offsets[sequences], keys->rows);
    for (int b = 0; b < sequences; b++)
        if (offsets[b + 1] < offsets[b])
            return status_fail(STATUS_ARGUMENT, "pointer: offsets fall from %d to %d", offsets[b],
                               offsets[b + 1]);
    return STATUS_OK;
}

Value *nn_pointer_loss(Tape *tape, Value *queries, Value *keys, int sequences, const int *offsets,
                       const uint32_t *words, int *right) {
    if (!queries || !keys) return NULL;
    Status status = check(queries, keys, sequences, offsets);
    if (status != STATUS_OK) return tape_fail(tape, status);
    const double begun = phase_begin();
    Value *loss = tape_value(tape, 1, 1);
    Pointer *p = tape_take(tape, sizeof *p);
    size_t *at = tape_take(tape, ((size_t)sequences + 1) * sizeof *at);
    double *each = tape_take(tape, (size_t)sequences * sizeof *each);
    int *hits = tape_take(tape, (size_t)sequences * sizeof *hits);
    float *scratch = tape_take(tape, (size_t)queries->rows * sizeof *scratch);
    if (!loss || !p || !at || !each || !hits || !scratch) return NULL;
    at[0] = 0;
    for (int b = 0; b < sequences; b++) {
        const size_t n = (size_t)(offsets[b + 1] - offsets[b]);
        at[b + 1] = at[b] + n * n;
    }
    *p = (Pointer){queries, keys, loss, sequences, offsets, at, NULL};
    if (tape_records(tape) && !(p->slope = tape_take(tape, at[sequences] * sizeof(float))))
        return NULL;
#pragma omp parallel for schedule(dynamic, 8) if (queries->rows > 64)
    for (int b = 0; b < sequences; b++) {
        hits[b] = 0;
        each[b] = sequence_loss(p, b, words, scratch + offsets[b], &hits[b]);
    }
    double sum = 0;
    int found = 0;
    for (int b = 0; b < sequences; b++) sum += each[b], found += hits[b];
    loss->data[0] = (float)(sum / queries->rows);
    if (right) *right = found;
    phase_end(PHASE_LOSS, begun, 8. * queries->rows * queries->columns);
    tape_record(tape, loss, pointer_backward, p);
    return loss;
}

/* --- one row later ---------------------------------------------------------------------------- */

typedef struct {
    Value *x, *y;
    int sequences;
    const int *offsets;
} Shift;

static Status shift_backward(Tape *tape, void *record) {
    (void)tape;
    const Shift *s = record;
    const size_t d = (size_t)s->x->columns;
    int accumulate;
    float *dx = tape_gradient(s->x, &accumulate);
#pragma omp parallel for schedule(static) if (s->x->rows > 64)
    for (int b = 0; b < s->sequences; b++) { /* y[t] = x[t - 1]: dx[t - 1] += dy[t] */
        const size_t first = (size_t)s->offsets[b] * d;
        const size_t count = (size_t)s->offsets[b + 1] * d - first;
        const float *from = s->y->gradient + first + d;
        float *to = dx + first;
        if (!accumulate) memset(to, 0, count * sizeof *to);
        for (size_t i = 0; i + d < count; i++) to[i] += from[i];
    }
    return STATUS_OK;
}

Value *nn_shift_rows(Tape *tape, Value *x, int sequences, const int *offsets) {
    if (!x) return NULL;
    Status status = check(x, x, sequences, offsets);
    if (status != STATUS_OK) return tape_fail(tape, status);
    const size_t d = (size_t)x->columns;
    Value *y = tape_value(tape, x->rows, x->columns);
    Shift *s = tape_take(tape, sizeof *s);
    if (!y || !s) return NULL;
    *s = (Shift){x, y, sequences, offsets};
#pragma omp parallel for schedule(static) if (x->rows > 64)
    for (int b = 0; b < sequences; b++) {
        const size_t first = (size_t)offsets[b], rows = (size_t)(offsets[b + 1] - offsets[b]);
        if (!rows) continue;
        memset(y->data + first * d, 0, d * sizeof *y->data);
        memcpy(y->data + (first + 1) * d, x->data + first * d, (rows - 1) * d * sizeof *y->data);
    }
    tape_record(tape, y, shift_backward, s);
    return y;
}
