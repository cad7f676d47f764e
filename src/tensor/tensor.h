/* tensor: a dense row-major block of numbers with a shape, taken from an arena.
 *
 * Shapes are written with fixed letters everywhere: B sequences in a batch, N rows (tokens) of one
 * sequence, T rows of a whole batch, H heads, E width of a head, D model width, R random features,
 * V vocabulary. A tensor owns nothing: its numbers live as long as the arena says.
 *
 *     Tensor q;
 *     STATUS_TRY(tensor_take(&arena, &q, "q", 3, (size_t[]){T, H, E}));
 *     tensor_fill_normal(&q, seed, rng_stream("q"));
 *     device_cpu()->attention_forward(&attention, attention_in(&q), ...);
 */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include "base/arena.h"
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define TENSOR_RANK_MAX 4

typedef struct {
    float *data;      /* [shape[0], ..., shape[rank - 1]], 64-byte aligned */
    const char *name; /* for messages; the caller's, must outlive the tensor */
    int rank;
    size_t shape[TENSOR_RANK_MAX];
} Tensor;

/* Takes room for the product of `shape`, not zeroed. STATUS_ARGUMENT for a rank outside
 * 1..TENSOR_RANK_MAX or a product that overflows; STATUS_MEMORY when the arena is full. Both name
 * the tensor and its shape. */
Status tensor_take(Arena *arena, Tensor *out, const char *name, int rank, const size_t *shape);

/* Numbers in all. */
size_t tensor_count(const Tensor *tensor);

/* STATUS_ARGUMENT with name, expected and found, unless the shape is exactly this one. */
Status tensor_expect(const Tensor *tensor, int rank, const size_t *shape);

/* Every number standard normal: a pure function of (seed, stream). */
void tensor_fill_normal(Tensor *tensor, uint64_t seed, uint64_t stream);

/* "[3, 4, 64]" into `text`. */
void tensor_describe(const Tensor *tensor, char *text, size_t size);

#endif
