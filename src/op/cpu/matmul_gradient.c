#include "op/cpu/matmul_gradient.h"
#include "base/threads.h"
#include "op/cpu/layers.h"
#include "op/cpu/matmul_convert.h"
#include "op/cpu/matmul_packed.h"

#include <string.h>

/* Most columns that one thread takes down all rows: the order of a sum is the order of the rows,
 * whatever the number of threads. */
#define COLUMN_BLOCK 512
/* Rows ahead that are fetched: pieces of rows are nothing that a processor foresees. */
#define AHEAD 4
/* Below so many numbers waking the other threads costs more than they save. */
#define ALONE 4096

/* n numbers of dy f'(x); dy itself where f is the identity. */
static const float *slopes(Activation f, const float *x, const float *y, const float *dy,
                           float *part, int n) {
    switch (f) {
    case ACTIVATION_GELU:
        cpu_layer_rows()->gelu_backward_row(x, dy, part, n);
        return part;
    case ACTIVATION_TANH: /* y = tanh(x) */
        for (int c = 0; c < n; c++) part[c] = dy[c] * (1 - y[c] * y[c]);
        return part;
    case ACTIVATION_RELU: /* y = max(x, 0) */
        for (int c = 0; c < n; c++) part[c] = y[c] <= 0 ? 0 : dy[c];
        return part;
    case ACTIVATION_NONE:
        break;
    }
    return dy;
}

/* As wide as threads allow, whole blocks of operands. */
static int column_block(int columns) {
    const int threads = threads_count(), even = matmul_whole((columns + threads - 1) / threads);
    return even < COLUMN_BLOCK ? even : COLUMN_BLOCK;
}

static void fetch(const float *from, int n) {
    for (int c = 0; c < n; c += 16) __builtin_prefetch(from + c);
}

void matmul_gradient(Activation f, int rows, int columns, const float *x, const float *y,
                     const float *dy, uint16_t *to, int padded_rows, int padded_columns,
                     float *dbias, int accumulate) {
    const MatmulConvert *convert = matmul_convert();
    const size_t padded = (size_t)padded_columns, ahead = AHEAD * (size_t)columns;
    const int block = column_block(padded_columns);
#pragma omp parallel for schedule(static) if ((size_t)rows * (size_t)columns >= ALONE)
    for (int first = 0; first < padded_columns; first += block) {
        const int wide = padded_columns - first < block ? padded_columns - first : block;
        const int rest = columns - first, n = rest < 0 ? 0 : rest < wide ? rest : wide;
        float sum[COLUMN_BLOCK] = {0}, part[COLUMN_BLOCK];
        for (int r = 0; r < padded_rows; r++) {
            const size_t at = (size_t)r * (size_t)columns + (size_t)first;
            uint16_t *row = to + (size_t)r * padded + first;
            const int here = r < rows ? n : 0;
            if (here && r + AHEAD < rows) {
                fetch(dy + at + ahead, here);
                if (f == ACTIVATION_GELU) fetch(x + at + ahead, here);
            }
            if (here) {
                const float *d = slopes(f, x + at, y + at, dy + at, part, here);
                convert->narrow_add(d, row, sum, (size_t)here);
            }
            if (here < wide) memset(row + here, 0, (size_t)(wide - here) * sizeof *row);
        }
        for (int c = 0; c < n && dbias; c++)
            dbias[first + c] = accumulate ? dbias[first + c] + sum[c] : sum[c];
    }
}

void matmul_gelu(int rows, int columns, const float *x, float *y, uint16_t *to, int padded_rows,
                 int padded_columns) {
    const MatmulConvert *convert = matmul_convert();
    const CpuLayerRows *loops = cpu_layer_rows();
    const size_t width = (size_t)columns, padded = (size_t)padded_columns;
#pragma omp parallel for schedule(static) if ((size_t)rows * width >= ALONE)
    for (int r = 0; r < padded_rows; r++) {
        const size_t at = (size_t)r * width, kept = r < rows ? width : 0;
        uint16_t *row = to + (size_t)r * padded;
        if (kept) {
            /* reads x alone: it has no bias to add */
            loops->gelu_row((float *)x + at, NULL, y + at, columns);
            convert->narrow(y + at, row, width);
        }
        memset(row + kept, 0, (padded - kept) * sizeof *row);
    }
}
