#include "op/cpu/matmul_convert.h"
#include "op/cpu/kernels.h"

#include <string.h>

/* Below so many numbers waking the other threads costs more than they save. */
#define ALONE 16384
/* Numbers that one thread takes at a time from a long row of them. */
#define PIECE 8192

const MatmulConvert *matmul_convert(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &matmul_convert_avx512;
    if (strcmp(name, "avx2") == 0) return &matmul_convert_avx2;
#endif
    return &matmul_convert_baseline;
}

static int is_small(int rows, int columns) {
    return (size_t)rows * (size_t)columns < ALONE;
}

void matmul_to_bf16(const float *from, int rows, int columns, uint16_t *to, int padded_rows,
                    int padded_columns) {
    const MatmulConvert *convert = matmul_convert();
    size_t width = (size_t)columns, padded = (size_t)padded_columns;
#pragma omp parallel for schedule(static) if (!is_small(padded_rows, padded_columns))
    for (int r = 0; r < padded_rows; r++) {
        uint16_t *row = to + (size_t)r * padded;
        size_t kept = r < rows ? width : 0;
        if (kept) convert->narrow(from + (size_t)r * width, row, kept);
        memset(row + kept, 0, (padded - kept) * sizeof *row);
    }
}

void matmul_to_f32(const float *from, int rows, int columns, float *to, int padded_rows,
                   int padded_columns) {
    size_t width = (size_t)columns, padded = (size_t)padded_columns;
#pragma omp parallel for schedule(static) if (!is_small(padded_rows, padded_columns))
    for (int r = 0; r < padded_rows; r++) {
        float *row = to + (size_t)r * padded;
        size_t kept = r < rows ? width : 0;
        if (kept) memcpy(row, from + (size_t)r * width, kept * sizeof *row);
        memset(row + kept, 0, (padded - kept) * sizeof *row);
    }
}

void matmul_round(const float *from, float *to, size_t count) {
    const MatmulConvert *convert = matmul_convert();
#pragma omp parallel for schedule(static) if (count >= ALONE)
    for (size_t first = 0; first < count; first += PIECE)
        convert->round(from + first, to + first, count - first < PIECE ? count - first : PIECE);
}

void matmul_widen(const uint16_t *from, int rows, int columns, float *to, int padded_columns) {
#pragma omp parallel for schedule(static) if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            const uint32_t bits = (uint32_t)from[(size_t)r * (size_t)padded_columns + (size_t)c]
                                  << 16;
            memcpy(to + (size_t)r * (size_t)columns + c, &bits, sizeof bits);
        }
}

void matmul_add_bias(int rows, int columns, const float *bias, float *y) {
#pragma omp parallel for schedule(static) if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        float *row = y + (size_t)r * (size_t)columns;
        for (int c = 0; c < columns; c++) row[c] += bias[c];
    }
}

void matmul_cut(const float *from, int stride, int rows, int columns, float *to, int accumulate) {
    size_t width = (size_t)columns;
#pragma omp parallel for schedule(static) if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        const float *source = from + (size_t)r * (size_t)stride;
        float *row = to + (size_t)r * width;
        if (!accumulate)
            memcpy(row, source, width * sizeof *row);
        else
            for (size_t c = 0; c < width; c++) row[c] += source[c];
    }
}
