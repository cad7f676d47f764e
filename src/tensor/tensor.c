#include "tensor/tensor.h"
#include "base/rng.h"

#include <stdio.h>

static void describe(char *text, size_t size, int rank, const size_t *shape) {
    size_t used = 0;
    if (size) text[0] = 0;
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu%s", i ? ", " : "[", shape[i],
                                 i == rank - 1 ? "]" : "");
}

Status tensor_take(Arena *arena, Tensor *out, const char *name, int rank, const size_t *shape) {
    if (rank < 1 || rank > TENSOR_RANK_MAX)
        return status_fail(STATUS_ARGUMENT, "tensor %s: rank %d; expected 1 to %d", name, rank,
                           TENSOR_RANK_MAX);
    size_t bytes = sizeof(float);
    Tensor tensor = {.name = name, .rank = rank};
    for (int i = 0; i < rank; i++) {
        tensor.shape[i] = shape[i];
        if (__builtin_mul_overflow(bytes, shape[i], &bytes)) {
            char text[128];
            describe(text, sizeof text, rank, shape);
            return status_fail(STATUS_ARGUMENT, "tensor %s: %s is more than memory can address",
                               name, text);
        }
    }
    tensor.data = arena_take(arena, bytes);
    if (!tensor.data) {
        char text[128];
        describe(text, sizeof text, rank, shape);
        return status_prefix(STATUS_MEMORY, "tensor %s %s", name, text);
    }
    *out = tensor;
    return STATUS_OK;
}

size_t tensor_count(const Tensor *tensor) {
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
    return count;
}

Status tensor_expect(const Tensor *tensor, int rank, const size_t *shape) {
    int same = tensor->rank == rank;
    for (int i = 0; same && i < rank; i++) same = tensor->shape[i] == shape[i];
    if (same) return STATUS_OK;
    char found[128], expected[128];
    describe(found, sizeof found, tensor->rank, tensor->shape);
    describe(expected, sizeof expected, rank, shape);
    return status_fail(STATUS_ARGUMENT, "tensor %s: shape %s; expected %s", tensor->name, found,
                       expected);
}

void tensor_fill_normal(Tensor *tensor, uint64_t seed, uint64_t stream) {
    rng_fill_normal(tensor->data, tensor_count(tensor), seed, stream);
}

void tensor_describe(const Tensor *tensor, char *text, size_t size) {
    describe(text, size, tensor->rank, tensor->shape);
}
