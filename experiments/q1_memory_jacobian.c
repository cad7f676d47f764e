#include "q1_memory_jacobian.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

/* Gram-Schmidt on Gaussian vectors; twice, which is enough for full precision (Giraud et al. 2005).
 */
void memory_probe_vectors(int count, int size, uint64_t seed, double *out) {
    const uint64_t stream = rng_stream("q1.memory.probes");
    for (int k = 0; k < count; k++) {
        double *u = out + (size_t)k * (size_t)size;
        for (int i = 0; i < size; i++)
            u[i] = rng_normal(seed, stream, (uint64_t)k * (uint64_t)size + (uint64_t)i);
        for (int j = 0; j < 2 * k; j++) {
            const double *v = out + (size_t)(j % k) * (size_t)size;
            double dot = 0;
            for (int i = 0; i < size; i++) dot += u[i] * v[i];
            for (int i = 0; i < size; i++) u[i] -= dot * v[i];
        }
        double squares = 0;
        for (int i = 0; i < size; i++) squares += u[i] * u[i];
        for (int i = 0; i < size; i++) u[i] /= sqrt(squares);
    }
}

static Status check(const MemoryModel *model, int length, const MemoryProbe *p) {
    if (length < 1 || p->read < 0 || p->read >= length || p->first < 0 || p->columns < 1 ||
        p->first + p->columns > model->width || p->probes < 1)
        return status_fail(STATUS_ARGUMENT,
                           "Jacobian: state %d of %d words, components %d to %d of %d, %d probes; "
                           "expected a word, components and probes that there are",
                           p->read, length, p->first, p->first + p->columns - 1, model->width,
                           p->probes);
    return STATUS_OK;
}

/* The same sequence for every probe; the gradient at the state that is read is the probe. */
static Status walk(MemoryModel *model, Tape *tape, const int32_t *ids, int length,
                   const MemoryProbe *p, int probes, double *norm) {
    const size_t rows = (size_t)length * (size_t)probes, width = (size_t)model->width;
    int32_t *copies = tape_take(tape, rows * sizeof *copies);
    float *gradient = tape_take(tape, rows * width * sizeof *gradient);
    double *vectors = tape_take(tape, (size_t)probes * (size_t)p->columns * sizeof *vectors);
    STATUS_TRY(tape_status(tape));
    memory_probe_vectors(probes, p->columns, p->seed, vectors);
    memset(gradient, 0, rows * width * sizeof *gradient);
    for (int b = 0; b < probes; b++) {
        for (int t = 0; t < length; t++) copies[memory_row(model, length, probes, t, b)] = ids[t];
        float *u = gradient + (size_t)memory_row(model, length, probes, p->read, b) * width;
        for (int i = 0; i < p->columns; i++)
            u[p->first + i] = (float)vectors[(size_t)b * (size_t)p->columns + (size_t)i];
    }
    MemoryPass pass = memory_forward(model, tape, copies, length, probes);
    STATUS_TRY(tape_status(tape));
    STATUS_TRY(tape_backward_from(tape, pass.states, gradient));
    for (int t = 0; t < length; t++) {
        double squares = 0;
        for (int b = 0; b < probes; b++) {
            const float *product =
                pass.words->gradient +
                (size_t)pass.words->columns * (size_t)memory_row(model, length, probes, t, b);
            for (int i = 0; i < pass.words->columns; i++)
                squares += (double)product[i] * product[i];
        }
        norm[t] = sqrt(squares * p->columns / probes);
    }
    return STATUS_OK;
}

Status memory_jacobian(MemoryModel *model, Arena *arena, const int32_t *ids, int length,
                       const MemoryProbe *probe, double *norm) {
    STATUS_TRY(check(model, length, probe));
    const int probes = probe->probes < probe->columns ? probe->probes : probe->columns;
    const size_t mark = arena_mark(arena);
    Tape tape;
    tape_open(&tape, arena, TAPE_EXACT, 0, 0);
    Status status = walk(model, &tape, ids, length, probe, probes, norm);
    parameters_clear_gradients(model->parameters);
    arena_rewind(arena, mark);
    return status;
}
