#include "op/cpu/layers.h"
#include "base/phase.h"
#include "op/cpu/kernels.h"

#include <math.h>
#include <string.h>

/* Elements that share one draw of dropout scales on the stack. */
#define CHUNK 512
/* Columns that one thread sums down all rows: the order of a sum is the order of the rows, whatever
 * the number of threads. */
#define COLUMN_BLOCK 128
/* Below so many numbers waking the other threads costs more than they save. */
#define ALONE 4096

const CpuLayerRows *cpu_layer_rows(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &cpu_layer_rows_avx512;
    if (strcmp(name, "avx2") == 0) return &cpu_layer_rows_avx2;
#endif
    return &cpu_layer_rows_baseline;
}

static int is_small(int rows, int columns) {
    return (size_t)rows * (size_t)columns < ALONE;
}

/* --- activations ----------------------------------------------------------------------------- */

static void activate(Activation f, int rows, int columns, const float *bias, float *x, float *y) {
    const double begun = phase_begin();
    const CpuLayerRows *loops = cpu_layer_rows();
#pragma omp parallel for if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        float *xr = x + (size_t)r * (size_t)columns, *yr = y + (size_t)r * (size_t)columns;
        if (f == ACTIVATION_GELU) {
            loops->gelu_row(xr, bias, yr, columns);
            continue;
        }
        if (bias)
            for (int c = 0; c < columns; c++) xr[c] += bias[c];
        if (f == ACTIVATION_TANH)
            for (int c = 0; c < columns; c++) yr[c] = tanhf(xr[c]);
        else if (f == ACTIVATION_RELU)
            for (int c = 0; c < columns; c++) yr[c] = xr[c] < 0 ? 0 : xr[c]; /* NaN stays */
        else if (yr != xr)
            memcpy(yr, xr, (size_t)columns * sizeof *yr);
    }
    phase_end(PHASE_ACTIVATION, begun, 8. * rows * columns);
}

static void add_columns(int rows, int columns, const float *dx, float *dbias, int accumulate) {
#pragma omp parallel for if (!is_small(rows, columns))
    for (int first = 0; first < columns; first += COLUMN_BLOCK) {
        int width = columns - first < COLUMN_BLOCK ? columns - first : COLUMN_BLOCK;
        float sum[COLUMN_BLOCK] = {0};
        for (int r = 0; r < rows; r++) {
            const float *row = dx + (size_t)r * (size_t)columns + first;
            cpu_kernels()->add_row(sum, row, 1, width); /* 1 x is x */
        }
        for (int c = 0; c < width; c++)
            dbias[first + c] = accumulate ? dbias[first + c] + sum[c] : sum[c];
    }
}

static void activate_backward(Activation f, int rows, int columns, const float *x, const float *y,
                              const float *dy, float *dx, float *dbias, int accumulate) {
    const double begun = phase_begin();
    const CpuLayerRows *loops = cpu_layer_rows();
    if (f != ACTIVATION_NONE || dx != dy) {
#pragma omp parallel for if (!is_small(rows, columns))
        for (int r = 0; r < rows; r++) {
            size_t at = (size_t)r * (size_t)columns;
            const float *d = dy + at;
            float *to = dx + at;
            switch (f) {
            case ACTIVATION_GELU:
                loops->gelu_backward_row(x + at, d, to, columns);
                break;
            case ACTIVATION_TANH: /* y = tanh(x) */
                for (int c = 0; c < columns; c++) to[c] = d[c] * (1 - y[at + c] * y[at + c]);
                break;
            case ACTIVATION_RELU: /* y = max(x, 0) */
                for (int c = 0; c < columns; c++) to[c] = y[at + c] <= 0 ? 0 : d[c];
                break;
            case ACTIVATION_NONE:
                memcpy(to, d, (size_t)columns * sizeof *to);
                break;
            }
        }
    }
    if (dbias) add_columns(rows, columns, dx, dbias, accumulate);
    phase_end(PHASE_ACTIVATION, begun, 12. * rows * columns);
}

/* --- dropout --------------------------------------------------------------------------------- */

void cpu_dropout_scales(const Dropout *d, uint64_t first, int n, float *scales) {
    const uint32_t threshold = (uint32_t)((double)d->rate * 4294967296.0);
    cpu_layer_rows()->dropout_scales(scales, n, d->seed, d->stream, first, threshold,
                                     1 / (1 - d->rate));
}

static void dropout(size_t count, const Dropout *d, const float *x, float *y, int accumulate) {
    const double begun = phase_begin();
#pragma omp parallel for if (count >= ALONE)
    for (size_t first = 0; first < count; first += CHUNK) {
        float scales[CHUNK];
        int n = count - first < CHUNK ? (int)(count - first) : CHUNK;
        cpu_dropout_scales(d, first, n, scales);
        const float *from = x + first;
        float *to = y + first;
        if (accumulate)
            for (int i = 0; i < n; i++) to[i] += from[i] * scales[i];
        else
            for (int i = 0; i < n; i++) to[i] = from[i] * scales[i];
    }
    phase_end(PHASE_DROPOUT, begun, (accumulate ? 12. : 8.) * (double)count);
}

static int drops(const Dropout *d) {
    return d && d->rate > 0;
}

/* --- LayerNorm ------------------------------------------------------------------------------- */

static void norm(int rows, int columns, const float *x, const float *residual, const Dropout *d,
                 const float *gain, const float *shift, float epsilon, float *s, float *y,
                 float *statistics) {
    const double begun = phase_begin();
    const CpuLayerRows *loops = cpu_layer_rows();
#pragma omp parallel for if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        size_t at = (size_t)r * (size_t)columns;
        if (drops(d)) {
            float scales[CHUNK];
            for (int c = 0; c < columns; c += CHUNK) {
                int n = columns - c < CHUNK ? columns - c : CHUNK;
                cpu_dropout_scales(d, at + (size_t)c, n, scales);
                const float *from = x + at + c, *old = residual ? residual + at + c : NULL;
                float *to = s + at + c;
                if (old)
                    for (int i = 0; i < n; i++) to[i] = old[i] + from[i] * scales[i];
                else
                    for (int i = 0; i < n; i++) to[i] = from[i] * scales[i];
            }
        } else if (residual) {
            for (int c = 0; c < columns; c++) s[at + c] = residual[at + c] + x[at + c];
        } else if (s != x) {
            memcpy(s + at, x + at, (size_t)columns * sizeof *s);
        }
        loops->norm_row(s + at, gain, shift, epsilon, y + at, statistics + 2 * (size_t)r, columns);
    }
    phase_end(PHASE_NORM, begun, (residual ? 16. : 12.) * rows * columns);
}

/* y = n gain + shift: dgain = sum dy n, dshift = sum dy. */
static void norm_columns(int rows, int columns, const float *s, const float *statistics,
                         const float *dy, float *dgain, float *dshift, int accumulate) {
#pragma omp parallel for if (!is_small(rows, columns))
    for (int first = 0; first < columns; first += COLUMN_BLOCK) {
        int width = columns - first < COLUMN_BLOCK ? columns - first : COLUMN_BLOCK;
        float gain[COLUMN_BLOCK] = {0}, shift[COLUMN_BLOCK] = {0};
        cpu_layer_rows()->norm_sums(rows, (size_t)columns, s + first, statistics, dy + first, gain,
                                    shift, width);
        for (int c = 0; c < width; c++) {
            dgain[first + c] = accumulate ? dgain[first + c] + gain[c] : gain[c];
            dshift[first + c] = accumulate ? dshift[first + c] + shift[c] : shift[c];
        }
    }
}

static void norm_backward(int rows, int columns, const float *s, const float *statistics,
                          const Dropout *d, const float *gain, const float *dy, float *dgain,
                          float *dshift, int accumulate, float *dresidual, int accumulate_residual,
                          float *dx, int accumulate_x) {
    const double begun = phase_begin();
    const CpuLayerRows *loops = cpu_layer_rows();
    norm_columns(rows, columns, s, statistics, dy, dgain, dshift, accumulate);
#pragma omp parallel for if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        float sums[2], ds[CHUNK], scales[CHUNK];
        size_t row = (size_t)r * (size_t)columns;
        const float *statistic = statistics + 2 * (size_t)r;
        loops->norm_backward_sums(s + row, statistic, gain, dy + row, columns, sums);
        for (int c = 0; c < columns; c += CHUNK) {
            int n = columns - c < CHUNK ? columns - c : CHUNK;
            size_t at = row + (size_t)c;
            loops->norm_backward_part(s + at, statistic, gain + c, dy + at, sums, ds, n);
            if (dresidual) /* s = residual + dropout(x) */
                for (int i = 0; i < n; i++)
                    dresidual[at + (size_t)i] =
                        accumulate_residual ? dresidual[at + (size_t)i] + ds[i] : ds[i];
            if (drops(d)) {
                cpu_dropout_scales(d, at, n, scales);
                for (int i = 0; i < n; i++) ds[i] *= scales[i];
            }
            for (int i = 0; i < n; i++)
                dx[at + (size_t)i] = accumulate_x ? dx[at + (size_t)i] + ds[i] : ds[i];
        }
    }
    phase_end(PHASE_NORM, begun, (dresidual ? 16. : 12.) * rows * columns);
}

static void add(size_t count, const float *x, float *y) {
    const double begun = phase_begin();
#pragma omp parallel for if (count >= ALONE)
    for (size_t i = 0; i < count; i++) y[i] += x[i];
    phase_end(PHASE_DROPOUT, begun, 12. * (double)count);
}

/* --- cross-entropy --------------------------------------------------------------------------- */

static void cross_entropy(int rows, int columns, const float *z, const int32_t *label, float *loss,
                          int32_t *best, float *statistics) {
    const CpuLayerRows *loops = cpu_layer_rows();
#pragma omp parallel for if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        const float *row = z + (size_t)r * (size_t)columns;
        loss[r] = 0;
        best[r] = -1;
        if (label[r] < 0) continue;
        float top, sum = loops->exp_sum_row(row, columns, &top);
        int first = 0;
        while (first < columns - 1 && row[first] < top) first++;
        best[r] = first;
        statistics[2 * (size_t)r] = top;
        statistics[2 * (size_t)r + 1] = 1 / sum;
        loss[r] = (top - row[label[r]]) + logf(sum);
    }
}

static void cross_entropy_backward(int rows, int columns, const float *z, const int32_t *label,
                                   const float *statistics, float scale, float *dz,
                                   int accumulate) {
    const CpuLayerRows *loops = cpu_layer_rows();
#pragma omp parallel for if (!is_small(rows, columns))
    for (int r = 0; r < rows; r++) {
        const size_t at = (size_t)r * (size_t)columns;
        float *to = dz + at;
        if (label[r] < 0) {
            if (!accumulate) memset(to, 0, (size_t)columns * sizeof *to);
            continue;
        }
        /* loss = log sum exp(z) - z[label]: dz = softmax(z) - 1[label] */
        loops->exp_row(z + at, columns, statistics[2 * (size_t)r],
                       scale * statistics[2 * (size_t)r + 1], to, accumulate);
        to[label[r]] -= scale;
    }
}

const LayerOps cpu_layers = {.activate = activate,
                             .activate_backward = activate_backward,
                             .norm = norm,
                             .norm_backward = norm_backward,
                             .dropout = dropout,
                             .add = add,
                             .cross_entropy = cross_entropy,
                             .cross_entropy_backward = cross_entropy_backward};
