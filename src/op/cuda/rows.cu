/* Rows of views: copied, zeroed; where a batch's sequences lie. */
#include "attention.h"

namespace {

const int THREADS = 256;

/* [rows, heads, width] elements of views; from NULL: zeros. */
KERNEL(THREADS)
copy_rows(int rows, int heads, int width, AttentionIn from, AttentionOut to) {
    size_t count = (size_t)rows * (size_t)heads * (size_t)width;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        size_t e = i % (size_t)width, h = i / (size_t)width % (size_t)heads;
        size_t t = i / (size_t)width / (size_t)heads;
        to.data[t * to.row + h * to.head + e] =
            from.data ? from.data[t * from.row + h * from.head + e] : 0;
    }
}

Status copy(const Attention *a, int rows, AttentionIn from, AttentionOut to) {
    size_t count = (size_t)rows * (size_t)a->heads * (size_t)a->width;
    if (count)
        LAUNCH(copy_rows, dim3(cuda_blocks(count, 4 * THREADS)), dim3(THREADS), 0, rows, a->heads,
               a->width, from, to);
    return cuda_launched("rows: %d of %d x %d", rows, a->heads, a->width);
}

} // namespace

Status cuda_rows_open(CudaRows *rows, const Attention *a, Arena *arena) {
    const size_t bytes = ((size_t)a->sequences + 1) * sizeof(int);
    int *at = (int *)cuda_host->take(arena, 2 * bytes);
    if (!at) return STATUS_MEMORY;
    *rows = CudaRows();
    rows->query_offsets = at;
    rows->key_offsets = at + a->sequences + 1;
    rows->queries = a->query_offsets[a->sequences];
    rows->keys = a->key_offsets[a->sequences];
    for (int b = 0; b < a->sequences; b++) {
        int queries = a->query_offsets[b + 1] - a->query_offsets[b];
        int keys = a->key_offsets[b + 1] - a->key_offsets[b];
        if (queries > rows->longest_query) rows->longest_query = queries;
        if (keys > rows->longest_key) rows->longest_key = keys;
    }
    Status status = cuda_memory.upload(at, a->query_offsets, bytes);
    if (status != STATUS_OK) return status;
    if (a->key_offsets == a->query_offsets) { /* a copy costs microseconds */
        rows->key_offsets = rows->query_offsets;
        return STATUS_OK;
    }
    return cuda_memory.upload(at + a->sequences + 1, a->key_offsets, bytes);
}

Status cuda_zero_rows(const Attention *a, int rows, AttentionOut to) {
    const AttentionIn zeros = {NULL, 0, 0};
    return copy(a, rows, zeros, to);
}

Status cuda_value(const Attention *a, const CudaRows *rows, AttentionIn v, AttentionOut out) {
    return copy(a, rows->queries, v, out);
}

/* out = v: the gradient passes to v alone. */
Status cuda_value_backward(const Attention *a, const CudaRows *rows, AttentionIn dout,
                           AttentionOut dq, AttentionOut dk, AttentionOut dv) {
    Status status = copy(a, rows->queries, dout, dv);
    if (status == STATUS_OK) status = cuda_zero_rows(a, rows->queries, dq);
    if (status == STATUS_OK) status = cuda_zero_rows(a, rows->keys, dk);
    return status;
}
