/* phi of a panel of rows, and the way back (op/cpu/features.h says why logarithms are kept). */
#include "kernel.h"

namespace {

const float LOG2E = 1.44269504088896341f;

/* W x, as cuBLAS left it in `raw`, becomes raw features; rows beyond `rows` become zero. */
KERNEL(CUDA_TEAMED)
raw_rows(CudaKernel f, AttentionIn x, int rows, int padded, float *raw, float *log) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM;
    CUDA_EACH_ROW(r, padded) {
        const bool live = r < rows;
        const float *from = x.data + (size_t)(live ? r : 0) * x.row + (size_t)h * x.head;
        const size_t at = (size_t)h * (size_t)padded + (size_t)(r < padded ? r : 0);
        float *row = raw + at * (size_t)f.c;
        float half = 0, top = -CUDART_INF_F;
        if (f.scaled) {
            for (int e = lane; live && e < f.e; e += CUDA_TEAM) {
                const float scaled = f.factor * from[e];
                half += scaled * scaled;
            }
            half = .5f * LOG2E * team_sum(half);
        }
        if (!live) {
            for (int c = lane; r < padded && c < f.c; c += CUDA_TEAM) row[c] = 0;
        } else if (f.map == FEATURE_POSITIVE) {
            for (int c = lane; c < f.c; c += CUDA_TEAM) {
                const float l = row[c] - half;
                row[c] = l;
                top = l > top ? l : top;
            }
        } else if (f.map == FEATURE_TRIGONOMETRIC) {
            for (int c = lane; c < f.r; c += CUDA_TEAM) {
                float sine, cosine;
                sincosf(row[c], &sine, &cosine);
                row[c] = cosine;
                row[f.r + c] = sine;
            }
        } else if (f.map == FEATURE_ELU1) {
            for (int c = lane; c < f.e; c += CUDA_TEAM)
                row[c] = from[c] > 0 ? from[c] + 1 : expf(from[c]);
        } else {
            for (int c = lane; c < f.r; c += CUDA_TEAM)
                row[c] = (row[c] < 0 ? 0 : row[c]) + FEATURE_RELU_FLOOR;
        }
        if (f.logarithmic) top = team_max(top);
        if (lane == 0 && r < padded) log[at] = !live ? 0 : f.logarithmic ? top : half;
    }
}

__device__ __forceinline__ float column_of(const CudaColumn &column, const float *at, int c) {
    return at ? column.sign * at[c] : 0;
}

/* What CudaColumn holds for a row's chunk. */
__device__ __forceinline__ const float *columns_at(const CudaColumn &column, int h, int chunk) {
    if (!column.at) return NULL;
    return column.at + (size_t)h * column.head + (size_t)chunk * column.chunk;
}

/* own: a row is divided by its largest, besides. */
KERNEL(CUDA_TEAMED)
expand_rows(CudaKernel f, CudaPanel p, const float *raw, CudaColumn column, const float *row,
            float sign, int own, float *out) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, padded) {
        const bool live = r < p.rows;
        const size_t at = (size_t)h * (size_t)padded + (size_t)(r < padded ? r : 0);
        const float *from = raw + at * (size_t)f.c;
        const float *columns = columns_at(column, h, live ? r / p.chunk : 0);
        float *to = out + at * (size_t)f.c, shift = row ? sign * row[at] : 0;
        if (own) {
            float top = -CUDART_INF_F;
            for (int c = lane; live && c < f.c; c += CUDA_TEAM) {
                const float l = from[c] + column_of(column, columns, c);
                top = l > top ? l : top;
            }
            shift = -team_max(top);
        }
        for (int c = lane; r < padded && c < f.c; c += CUDA_TEAM) {
            const float l = column_of(column, columns, c) + shift;
            to[c] = !live ? 0 : f.logarithmic ? exp2f(from[c] + l) : from[c] * exp2f(l);
        }
    }
}

KERNEL(CUDA_TEAMED)
column_maxima(CudaKernel f, CudaPanel p, const float *raw, const float *row, float sign,
              float *top) {
    const int t = (int)blockIdx.x, h = (int)blockIdx.y, padded = p.chunk * p.chunks;
    const int from = t * p.chunk, to = from + p.chunk < p.rows ? from + p.chunk : p.rows;
    const size_t first = (size_t)h * (size_t)padded;
    for (int c = (int)threadIdx.x; c < f.c; c += CUDA_TEAMED) {
        float most = -CUDART_INF_F;
        for (int j = from; j < to; j++) {
            const size_t at = first + (size_t)j;
            float l = row ? sign * row[at] : 0;
            if (f.logarithmic) l += raw[at * (size_t)f.c + (size_t)c];
            most = l > most ? l : most;
        }
        top[((size_t)h * (size_t)p.chunks + (size_t)t) * (size_t)f.c + (size_t)c] = most;
    }
}

/* d(W x) in place of one.dphi, and what |x|^2 adds to dx; for ELU1 dx itself. */
KERNEL(CUDA_TEAMED)
backward_rows(CudaKernel f, CudaPanel p, AttentionIn x, int keys, CudaPart one, CudaPart two,
              AttentionOut dx, int accumulate) {
    const int h = (int)blockIdx.y, lane = (int)threadIdx.x % CUDA_TEAM, padded = p.chunk * p.chunks;
    CUDA_EACH_ROW(r, p.rows) {
        const bool live = r < p.rows;
        const size_t i = (size_t)(live ? r : 0);
        const size_t at = ((size_t)h * (size_t)padded + i) * (size_t)f.c;
        const float *from = x.data + i * x.row + (size_t)h * x.head;
        const float *v1 = one.value + at, *v2 = two.value ? two.value + at : v1;
        const float *d2 = two.value ? two.dphi + at : NULL;
        float *d1 = one.dphi + at, *to = dx.data + i * dx.row + (size_t)h * dx.head, inner = 0;
        const int columns = !live ? 0 : f.map == FEATURE_TRIGONOMETRIC ? f.r : f.c;
        for (int c = lane; c < columns; c += CUDA_TEAM) {
            float a = d1[c], b = d2 ? d2[c] : 0;
            switch (f.map) {
            case FEATURE_POSITIVE: /* phi = exp(W x - |x|^2/2): d(W x) = phi dphi */
                a = v1[c] * a + v2[c] * b;
                inner += a;
                d1[c] = a;
                break;
            case FEATURE_TRIGONOMETRIC: { /* d(W x) = -sin dphi_cos + cos dphi_sin */
                const int s = f.r + c;
                const float as = d1[s], bs = d2 ? d2[s] : 0;
                inner -= v1[c] * a + v1[s] * as + v2[c] * b + v2[s] * bs;
                d1[c] = (v1[c] * as - v1[s] * a) + (v2[c] * bs - v2[s] * b);
                break;
            }
            case FEATURE_RELU:
                d1[c] = v1[c] > FEATURE_RELU_FLOOR ? a + b : 0;
                break;
            case FEATURE_ELU1: /* elu(x) + 1 = x + 1 or e^x: derivative 1 or the value itself */
                a = v1[c] > 1 ? a + b : (a + b) * v1[c];
                to[c] = accumulate ? to[c] + a : a;
                break;
            }
        }
        if (f.map == FEATURE_ELU1) continue;
        inner = f.scaled && keys ? f.factor * f.factor * team_sum(inner) : 0;
        for (int e = lane; live && e < f.e; e += CUDA_TEAM) {
            const float g = -from[e] * inner;
            to[e] = accumulate ? to[e] + g : g;
        }
    }
}

Status expand(const CudaKernel *f, CudaPanel p, const float *raw, CudaColumn column,
              const float *row, float sign, int own, float *room, const float **phi) {
    const int padded = cuda_padded(p);
    *phi = room;
    LAUNCH(expand_rows, cuda_row_grid(padded, f->heads), dim3(CUDA_TEAMED), 0, *f, p, raw, column,
           row, sign, own, room);
    return cuda_launched("features of %d rows, %d heads", p.rows, f->heads);
}

} // namespace

CudaKernel cuda_kernel(const Attention *a) {
    CudaKernel f = CudaKernel();
    f.map = a->map;
    f.heads = a->heads;
    f.e = a->width;
    f.r = a->map == FEATURE_ELU1 ? 0 : a->features;
    f.c = cuda_host->attention_feature_columns(a);
    f.w = (a->width + 4) / 4 * 4;
    f.factor = a->map == FEATURE_ELU1 ? 1 : sqrtf(a->scale);
    f.logarithmic = a->map == FEATURE_POSITIVE;
    f.scaled = a->map == FEATURE_POSITIVE || a->map == FEATURE_TRIGONOMETRIC;
    f.projection = a->projection;
    return f;
}

CudaColumn cuda_column_shared(const CudaKernel *f, const float *at, float sign) {
    CudaColumn column = {at, (size_t)f->c, 0, sign};
    return column;
}

CudaColumn cuda_column_chunks(const CudaKernel *f, CudaPanel p, const float *at, float sign) {
    CudaColumn column = {at, (size_t)p.chunks * (size_t)f->c, (size_t)f->c, sign};
    return column;
}

Status cuda_features_raw(const CudaKernel *f, AttentionIn x, CudaPanel p, float *raw, float *log) {
    const size_t padded = (size_t)cuda_padded(p), c = (size_t)f->c;
    x = cuda_from_row(x, p.first);
    if (f->r > 0) { /* W x, to base 2 where it is a logarithm */
        Status status = cuda_gemm_many(
            f->heads, 0, 1, p.rows, f->r, f->e, f->logarithmic ? f->factor * LOG2E : f->factor,
            x.data, x.row, x.head, f->projection, (size_t)f->e, 0, 0, raw, c, padded * c);
        if (status != STATUS_OK) return status;
    }
    LAUNCH(raw_rows, cuda_row_grid((int)padded, f->heads), dim3(CUDA_TEAMED), 0, *f, x, p.rows,
           (int)padded, raw, log);
    return cuda_launched("raw features of %d rows, %d heads", p.rows, f->heads);
}

Status cuda_features_expand(const CudaKernel *f, CudaPanel p, const float *raw, CudaColumn column,
                            const float *row, float sign, float *room, const float **phi) {
    *phi = raw;
    if (!f->scaled || (!f->logarithmic && !column.at && !row)) return STATUS_OK;
    return expand(f, p, raw, column, row, sign, 0, room, phi);
}

Status cuda_features_queries(const CudaKernel *f, CudaPanel p, const float *raw, CudaColumn column,
                             float *room, const float **phi) {
    *phi = raw;
    if (!f->logarithmic) return STATUS_OK;
    return expand(f, p, raw, column, NULL, 1, 1, room, phi);
}

Status cuda_features_maxima(const CudaKernel *f, CudaPanel p, const float *raw, const float *row,
                            float sign, float *top) {
    LAUNCH(column_maxima, dim3((unsigned)p.chunks, (unsigned)f->heads), dim3(CUDA_TEAMED), 0, *f, p,
           raw, row, sign, top);
    return cuda_launched("largest features of %d rows, %d heads", p.rows, f->heads);
}

Status cuda_features_backward(const CudaKernel *f, CudaPanel p, AttentionIn x, int keys,
                              CudaPart one, CudaPart two, AttentionOut dx, int accumulate) {
    const size_t padded = (size_t)cuda_padded(p), c = (size_t)f->c;
    x = cuda_from_row(x, p.first);
    dx = cuda_from_row(dx, p.first);
    LAUNCH(backward_rows, cuda_row_grid(p.rows, f->heads), dim3(CUDA_TEAMED), 0, *f, p, x, keys,
           one, two, dx, accumulate);
    if (f->r > 0) { /* through W */
        Status status =
            cuda_gemm_many(f->heads, 0, 0, p.rows, f->e, f->r, f->factor, one.dphi, c, padded * c,
                           f->projection, (size_t)f->e, 0, 1, dx.data, dx.row, dx.head);
        if (status != STATUS_OK) return status;
    }
    return cuda_launched("gradient of features of %d rows, %d heads", p.rows, f->heads);
}
