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
