/* q1_memory_jacobian: how strongly a state depends on each word before (or after) it.
 *
 *     double norm[N];           // norm[t] = |d h_read / d x_t|, Frobenius, t = 0 .. N - 1
 *     MemoryProbe probe = {.read = N - 1, .first = 0, .columns = model->width, .probes = 16,
 *                          .seed = 1};
 *     STATUS_TRY(memory_jacobian(model, &arena, ids, N, &probe, norm));
 *
 * A vector-Jacobian product J'u costs one walk back through the tape and gives all words at once;
 * the whole Jacobian would cost as many as the state has components. For a random unit vector u of
 * n components E |J'u|^2 = |J|_F^2 / n, since E u u' = I / n; so |J|_F^2 is estimated, without
 * bias, by n times the mean over probes (Hutchinson 1990 in the form for norms). The probes of one
 * call are made orthogonal to each other: each alone is still uniform on the sphere, they repeat
 * each other less, and as many probes as components give the norm itself. All walk in one batch.
 */
#ifndef EXPERIMENTS_Q1_MEMORY_JACOBIAN_H
#define EXPERIMENTS_Q1_MEMORY_JACOBIAN_H

#include "q1_memory_model.h"

typedef struct {
    int read;           /* the word whose state is asked */
    int first, columns; /* which of its components: all of them, or one direction's */
    int probes;         /* at most `columns` are made */
    uint64_t seed;
} MemoryProbe;

/* ids [length]. Leaves the model's gradients cleared. STATUS_ARGUMENT for a word or components that
 * are not there. */
Status memory_jacobian(MemoryModel *model, Arena *arena, const int32_t *ids, int length,
                       const MemoryProbe *probe, double *norm);

/* `count` orthonormal random vectors of `size` components, count <= size, each uniform on the unit
 * sphere: [count, size]. */
void memory_probe_vectors(int count, int size, uint64_t seed, double *out);

#endif
