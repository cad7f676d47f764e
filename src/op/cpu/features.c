#include "op/cpu/features.h"

#include <math.h>
#include <string.h>

Status feature_mapping(const Attention *a, int backward, Arena *arena, FeatureMapping *out) {
    const CpuKernels *kernel = cpu_kernels();
    const size_t nr = (size_t)kernel->nr;
    FeatureMapping f = {.attention = a, .kernel = kernel, .e = a->width};
    f.en = (int)tile_pad((size_t)f.e, nr);
    f.ep = tile_pad((size_t)f.e, TILE_PAD);
    f.c = attention_feature_columns(a);
    f.cn = (int)tile_pad((size_t)f.c, nr);
    f.cm = (int)tile_pad((size_t)f.c, (size_t)kernel->mr);
    f.cp = tile_pad(tile_pad((size_t)f.c, 12), TILE_PAD);
    f.r = a->map == FEATURE_ELU1 ? 0 : a->features;
    f.rn = (int)tile_pad((size_t)f.r, nr);
    f.factor = a->map == FEATURE_ELU1 ? 1 : sqrtf(a->scale);
    f.logarithmic = a->map == FEATURE_POSITIVE;
    if (f.r > 0) {
        float *down = arena_take(arena, (size_t)f.rn * (size_t)f.e * sizeof(float));
        if (!down) return STATUS_MEMORY;
        kernel->pack_transposed(a->projection, (size_t)f.e, f.r, f.e, f.logarithmic ? LOG2E : 1,
                                down, (size_t)f.e);
        f.down = down;
    }
    if (f.r > 0 && backward) {
        float *up = arena_take(arena, (size_t)f.rn * f.ep * sizeof(float));
        if (!up) return STATUS_MEMORY;
        kernel->pack(a->projection, (size_t)f.e, f.r, f.e, 1, up, (size_t)f.rn);
        f.up = up;
    }
    *out = f;
    return STATUS_OK;
}

/* excerpt: feature-map */
void feature_raw(const FeatureMapping *f, const float *from, size_t stride, int rows, float *x,
                 float *raw, float *row_log) {
    const int e = f->e;
    const FeatureMap map = f->attention->map;
    cpu_gather(from, stride, rows, TILE_ROWS, e, f->factor, x);
    if (f->r > 0) /* W x */
        f->kernel->multiply(TILE_ROWS, f->rn, e, x, (size_t)e, 1, f->down, (size_t)e, raw, f->cp,
                            0);
    for (int i = 0; i < TILE_ROWS; i++) {
        float *row = raw + (size_t)i * f->cp;
        const float *xi = x + i * e;
        const float half = map == FEATURE_ELU1 || map == FEATURE_RELU
                               ? 0
                               : 0.5f * LOG2E * dot(xi, xi, e); /* log2(e) |x|^2 / 2 */
        row_log[i] = map == FEATURE_TRIGONOMETRIC ? half : 0;
        switch (map) {
        case FEATURE_POSITIVE:
            for (int c = 0; c < f->cn; c++) row[c] -= half;
            break;
        case FEATURE_TRIGONOMETRIC:
            f->kernel->cos_sin_row(row, row, row + f->r, f->r);
            break;
        case FEATURE_ELU1:
            f->kernel->elu1_row(row, xi, e);
            break;
        case FEATURE_RELU:
            for (int c = 0; c < f->r; c++) row[c] = (row[c] < 0 ? 0 : row[c]) + FEATURE_RELU_FLOOR;
            break;
        }
        for (size_t c = (size_t)f->c; c < f->cp; c++) row[c] = f->logarithmic ? -INFINITY : 0;
    }
}
/* end excerpt */

void feature_expand(const FeatureMapping *f, int rows, const float *raw, const float *column,
                    const float *row, float *out) {
    for (int i = 0; i < rows; i++) {
        const float *from = raw + (size_t)i * f->cp;
        float *to = out + (size_t)i * f->cp;
        if (f->logarithmic) {
            f->kernel->exp2_row(to, from, column, row[i], (int)f->cp);
        } else {
            const float factor = row[i] == 0 ? 1 : exp2f(row[i]);
            for (size_t c = 0; c < f->cp; c++) to[c] = from[c] * factor;
        }
    }
    if (rows < TILE_ROWS)
        memset(out + (size_t)rows * f->cp, 0, (size_t)(TILE_ROWS - rows) * f->cp * sizeof *out);
}

void feature_row_maximum(const FeatureMapping *f, int rows, const float *raw, const float *column,
                         float *maximum) {
    for (int i = 0; i < rows; i++)
        maximum[i] = f->kernel->maximum_row(raw + (size_t)i * f->cp, column, (int)f->cp);
}

void feature_backward(const FeatureMapping *f, int rows, int keys, const float *x, const float *raw,
                      const float *value, const float *row, float *dphi, float *dx, float *to,
                      size_t stride, int accumulate) {
    const FeatureMap map = f->attention->map;
    const int e = f->e;
    for (int i = 0; i < rows; i++) {
        const float *xi = x + i * e, *ri = raw + (size_t)i * f->cp;
        const float *vi = value + (size_t)i * f->cp;
        float *d = dphi + (size_t)i * f->cp, *g = dx + (size_t)i * f->ep;
        float inner = 0; /* sum over features of phi dphi: the gradient through exp(-+|x|^2 / 2) */
        switch (map) {
        case FEATURE_POSITIVE: /* phi = exp(W x - |x|^2/2): d(W x) = phi dphi */
            inner = f->kernel->scale_row(d, vi, (int)f->cp);
            break;
        case FEATURE_TRIGONOMETRIC: { /* d(W x) = -sin dphi_cos + cos dphi_sin */
            const float factor = row[i] == 0 ? 1 : exp2f(row[i]);
            inner = -dot(d, vi, f->c);
            for (int c = 0; c < f->r; c++)
                d[c] = factor * (ri[c] * d[f->r + c] - ri[f->r + c] * d[c]);
            break;
        }
        case FEATURE_RELU:
            for (int c = 0; c < f->r; c++) d[c] = ri[c] > FEATURE_RELU_FLOOR ? d[c] : 0;
            break;
        case FEATURE_ELU1: /* elu(x) + 1 = x + 1 or e^x: derivative 1 or the value itself */
            for (int c = 0; c < e; c++) g[c] = ri[c] > 1 ? d[c] : d[c] * ri[c];
            break;
        }
        /* What the product below must add to: -x (sum phi dphi); the sign turns for cos and sin. */
        if (f->r > 0)
            for (int c = 0; c < e; c++) g[c] = keys ? -xi[c] * inner : 0;
    }
    if (f->r > 0)
        f->kernel->multiply(TILE_ROWS, f->en, f->r, dphi, f->cp, 1, f->up, (size_t)f->rn, dx, f->ep,
                            1);
    for (int i = 0; i < rows; i++) {
        float *out = to + (size_t)i * stride;
        const float *g = dx + (size_t)i * f->ep;
        if (accumulate)
            for (int c = 0; c < e; c++) out[c] += f->factor * g[c];
        else
            for (int c = 0; c < e; c++) out[c] = f->factor * g[c];
    }
}
