#include "op/cpu/attention.h"

#include <string.h>

void cpu_gather(const float *from, size_t stride, int rows, int padded, int width, float factor,
                float *to) {
    for (int i = 0; i < rows; i++, from += stride, to += width)
        for (int e = 0; e < width; e++) to[e] = factor * from[e];
    if (padded > rows) memset(to, 0, (size_t)(padded - rows) * (size_t)width * sizeof *to);
}

void cpu_copy_rows(const Attention *a, AttentionIn from, AttentionOut to) {
    int rows = a->query_offsets[a->sequences];
#pragma omp parallel for
    for (int t = 0; t < rows; t++)
        for (int h = 0; h < a->heads; h++)
            memcpy(out_row(to, t, h), in_row(from, t, h), (size_t)a->width * sizeof(float));
}

void cpu_zero_rows(const Attention *a, const int *offsets, AttentionOut to) {
    int rows = offsets[a->sequences];
#pragma omp parallel for
    for (int t = 0; t < rows; t++)
        for (int h = 0; h < a->heads; h++)
            memset(out_row(to, t, h), 0, (size_t)a->width * sizeof(float));
}

void cpu_zero_head(AttentionOut to, int first, int rows, int head, int width) {
    for (int i = 0; i < rows; i++)
        memset(out_row(to, first + i, head), 0, (size_t)width * sizeof(float));
}

/* Numbers in the matrices of one head, of sequences before `end`. */
static size_t head_numbers(const Attention *a, int end) {
    size_t numbers = 0;
    for (int b = 0; b < end; b++) {
        const CpuTask t = cpu_task(a, b * a->heads);
        numbers += (size_t)t.queries * (size_t)t.keys;
    }
    return numbers;
}

size_t cpu_block_offset(const Attention *a, int index) {
    return (size_t)(index % a->heads) * head_numbers(a, a->sequences) +
           head_numbers(a, index / a->heads);
}

size_t cpu_block_numbers(const Attention *a) {
    return (size_t)a->heads * head_numbers(a, a->sequences);
}
