/* Activations, LayerNorm, dropout and cross-entropy (op/layers.h). Sums go over rows or lanes in a
 * fixed order, never through atomics: the same call gives the same bits. */
#include "device.h"

namespace {

const int THREADS = 256;
const int TILE = 32, TILE_ROWS = 8; /* of sums over columns */

/* --- activations ------------------------------------------------------------------------------ */

const float INVERSE_SQRT_2 = 0.70710678118654752f, INVERSE_SQRT_2PI = 0.39894228040143268f;

__device__ __forceinline__ float activated(Activation f, float x) {
    switch (f) {
    case ACTIVATION_GELU:
        return x * 0.5f * (1 + erff(x * INVERSE_SQRT_2));
    case ACTIVATION_TANH:
        return tanhf(x);
    case ACTIVATION_RELU:
        return x <= 0 ? 0 : x; /* NaN stays */
    default:
        return x;
    }
}

__device__ __forceinline__ float slope(Activation f, float x, float y) {
    switch (f) {
    case ACTIVATION_GELU: /* y = x Phi(x) */
        return 0.5f * (1 + erff(x * INVERSE_SQRT_2)) + x * INVERSE_SQRT_2PI * expf(-0.5f * x * x);
    case ACTIVATION_TANH:
        return 1 - y * y; /* y = tanh(x) */
    default:
        return 1;
    }
}

KERNEL(THREADS)
activate_all(Activation f, size_t count, int columns, const float *bias, float *x, float *y) {
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        float in = x[i];
        if (bias) x[i] = in = in + bias[i % (size_t)columns];
        y[i] = activated(f, in);
    }
}

KERNEL(THREADS)
activate_all_backward(Activation f, size_t count, const float *x, const float *y, const float *dy,
                      float *dx) {
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        float d = dy[i];
        if (f == ACTIVATION_RELU) /* y = max(x, 0) */
            dx[i] = y[i] <= 0 ? 0 : d;
        else
            dx[i] = d * slope(f, f == ACTIVATION_GELU ? x[i] : 0, f == ACTIVATION_TANH ? y[i] : 0);
    }
}

/* out[c] (+)= sum of x over rows; a block has TILE columns. */
KERNEL(TILE *TILE_ROWS) sum_columns(int rows, int columns, const float *x, float *out, int add) {
    SHARED float part[TILE_ROWS][TILE];
    int c = (int)(blockIdx.x * TILE + threadIdx.x);
    float sum = 0;
    if (c < columns)
        for (int r = (int)threadIdx.y; r < rows; r += TILE_ROWS)
            sum += x[(size_t)r * (size_t)columns + (size_t)c];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < columns) {
        for (int i = 1; i < TILE_ROWS; i++) sum += part[i][threadIdx.x];
        out[c] = add ? out[c] + sum : sum;
    }
}

unsigned grid_of(size_t count) {
    unsigned blocks = cuda_blocks(count, THREADS);
    return blocks < 4096 ? blocks : 4096;
}

void activate(Activation f, int rows, int columns, const float *bias, float *x, float *y) {
    size_t count = (size_t)rows * (size_t)columns;
    if (count)
        LAUNCH(activate_all, dim3(grid_of(count)), dim3(THREADS), 0, f, count, columns, bias, x, y);
}

void activate_backward(Activation f, int rows, int columns, const float *x, const float *y,
                       const float *dy, float *dx, float *dbias, int accumulate) {
    size_t count = (size_t)rows * (size_t)columns;
    if (count && (f != ACTIVATION_NONE || dx != dy))
        LAUNCH(activate_all_backward, dim3(grid_of(count)), dim3(THREADS), 0, f, count, x, y, dy,
               dx);
    if (dbias && columns)
        LAUNCH(sum_columns, dim3(cuda_blocks((size_t)columns, TILE)), dim3(TILE, TILE_ROWS), 0,
               rows, columns, dx, dbias, accumulate);
}

/* --- dropout, addition ------------------------------------------------------------------------ */

KERNEL(THREADS) drop(size_t count, CudaDropout d, const float *x, float *y, int add) {
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        float kept = x[i] * cuda_dropout_scale(d, i);
        y[i] = add ? y[i] + kept : kept;
    }
}

KERNEL(THREADS) add_all(size_t count, const float *x, float *y) {
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x)
        y[i] += x[i];
}

void dropout(size_t count, const Dropout *d, const float *x, float *y, int accumulate) {
    CudaDropout drawn = cuda_dropout(d);
    if (count) LAUNCH(drop, dim3(grid_of(count)), dim3(THREADS), 0, count, drawn, x, y, accumulate);
}

void add(size_t count, const float *x, float *y) {
    if (count) LAUNCH(add_all, dim3(grid_of(count)), dim3(THREADS), 0, count, x, y);
}

/* --- LayerNorm: a warp a row -------------------------------------------------------------------
 */

const int ROWS = THREADS / WARP; /* of a block */

KERNEL(THREADS)
norm_rows(int rows, int columns, const float *x, const float *residual, CudaDropout d,
          const float *gain, const float *shift, float epsilon, float *s, float *y,
          float *statistics) {
    int r = (int)(blockIdx.x * ROWS + threadIdx.x / WARP), lane = (int)(threadIdx.x % WARP);
    if (r >= rows) return; /* the whole warp */
    size_t row = (size_t)r * (size_t)columns;
    float sum = 0;
    for (int c = lane; c < columns; c += WARP) {
        size_t at = row + (size_t)c;
        float value = x[at] * cuda_dropout_scale(d, at);
        if (residual) value += residual[at];
        s[at] = value;
        sum += value;
    }
    /* Twice: the mean of what is left takes off what rounding added. */
    float mean = warp_sum(sum) / (float)columns, rest = 0;
    for (int c = lane; c < columns; c += WARP) rest += s[row + (size_t)c] - mean;
    mean += warp_sum(rest) / (float)columns;
    float square = 0;
    for (int c = lane; c < columns; c += WARP) {
        float away = s[row + (size_t)c] - mean;
        square += away * away;
    }
    float inverse = 1 / sqrtf(warp_sum(square) / (float)columns + epsilon);
    for (int c = lane; c < columns; c += WARP) {
        size_t at = row + (size_t)c;
        y[at] = (s[at] - mean) * inverse * gain[c] + shift[c];
    }
    if (lane == 0) statistics[2 * r] = mean, statistics[2 * r + 1] = inverse;
}

/* y = n gain + shift: dgain = sum dy n, dshift = sum dy. */
KERNEL(TILE *TILE_ROWS)
norm_columns(int rows, int columns, const float *s, const float *statistics, const float *dy,
             float *dgain, float *dshift, int add) {
    SHARED float part[2][TILE_ROWS][TILE];
    int c = (int)(blockIdx.x * TILE + threadIdx.x);
    float gain = 0, shift = 0;
    if (c < columns)
        for (int r = (int)threadIdx.y; r < rows; r += TILE_ROWS) {
            size_t at = (size_t)r * (size_t)columns + (size_t)c;
            gain += dy[at] * ((s[at] - statistics[2 * r]) * statistics[2 * r + 1]);
            shift += dy[at];
        }
    part[0][threadIdx.y][threadIdx.x] = gain;
    part[1][threadIdx.y][threadIdx.x] = shift;
    __syncthreads();
    if (threadIdx.y == 0 && c < columns) {
        for (int i = 1; i < TILE_ROWS; i++) {
            gain += part[0][i][threadIdx.x];
            shift += part[1][i][threadIdx.x];
        }
        dgain[c] = add ? dgain[c] + gain : gain;
        dshift[c] = add ? dshift[c] + shift : shift;
    }
}

/* n = (s - mean) / deviation: ds = (g - mean(g) - n mean(g n)) / deviation, with g = dy gain. */
KERNEL(THREADS)
norm_rows_backward(int rows, int columns, const float *s, const float *statistics, CudaDropout d,
                   const float *gain, const float *dy, float *dresidual, int add_residual,
                   float *dx, int add_x) {
    int r = (int)(blockIdx.x * ROWS + threadIdx.x / WARP), lane = (int)(threadIdx.x % WARP);
    if (r >= rows) return;
    size_t row = (size_t)r * (size_t)columns;
    float mean = statistics[2 * r], inverse = statistics[2 * r + 1], sum = 0, product = 0;
    for (int c = lane; c < columns; c += WARP) {
        float g = dy[row + (size_t)c] * gain[c];
        sum += g;
        product += g * ((s[row + (size_t)c] - mean) * inverse);
    }
    sum = warp_sum(sum) / (float)columns;
    product = warp_sum(product) / (float)columns;
    for (int c = lane; c < columns; c += WARP) {
        size_t at = row + (size_t)c;
        float n = (s[at] - mean) * inverse;
        float ds = (dy[at] * gain[c] - sum - n * product) * inverse;
        if (dresidual) dresidual[at] = add_residual ? dresidual[at] + ds : ds;
        ds *= cuda_dropout_scale(d, at);
        dx[at] = add_x ? dx[at] + ds : ds;
    }
}

void norm(int rows, int columns, const float *x, const float *residual, const Dropout *d,
          const float *gain, const float *shift, float epsilon, float *s, float *y,
          float *statistics) {
    CudaDropout drawn = cuda_dropout(d);
    if (rows && columns)
        LAUNCH(norm_rows, dim3(cuda_blocks((size_t)rows, ROWS)), dim3(THREADS), 0, rows, columns, x,
               residual, drawn, gain, shift, epsilon, s, y, statistics);
}

void norm_backward(int rows, int columns, const float *s, const float *statistics, const Dropout *d,
                   const float *gain, const float *dy, float *dgain, float *dshift, int accumulate,
                   float *dresidual, int accumulate_residual, float *dx, int accumulate_x) {
    CudaDropout drawn = cuda_dropout(d);
    if (!columns) return;
    LAUNCH(norm_columns, dim3(cuda_blocks((size_t)columns, TILE)), dim3(TILE, TILE_ROWS), 0, rows,
           columns, s, statistics, dy, dgain, dshift, accumulate);
    if (rows)
        LAUNCH(norm_rows_backward, dim3(cuda_blocks((size_t)rows, ROWS)), dim3(THREADS), 0, rows,
               columns, s, statistics, drawn, gain, dy, dresidual, accumulate_residual, dx,
               accumulate_x);
}

/* --- cross-entropy: a warp a row ----------------------------------------------------------------
 */

KERNEL(THREADS)
cross_entropy_rows(int rows, int columns, const float *z, const int32_t *label, float *loss,
                   int32_t *best, float *statistics) {
    int r = (int)(blockIdx.x * ROWS + threadIdx.x / WARP), lane = (int)(threadIdx.x % WARP);
    if (r >= rows) return;
    const float *row = z + (size_t)r * (size_t)columns;
    float top = -CUDART_INF_F;
    int at = columns;
    for (int c = lane; c < columns; c += WARP)
        if (row[c] > top || at == columns) top = row[c], at = c;
    for (int away = WARP / 2; away > 0; away /= 2) { /* of equal ones the first */
        float other = __shfl_xor_sync(FULL_WARP, top, away);
        int there = __shfl_xor_sync(FULL_WARP, at, away);
        if (there < columns && (at == columns || other > top || (other == top && there < at)))
            top = other, at = there;
    }
    float sum = 0;
    for (int c = lane; c < columns; c += WARP) sum += expf(row[c] - top);
    sum = warp_sum(sum);
    if (lane) return;
    statistics[2 * r] = top, statistics[2 * r + 1] = 1 / sum;
    loss[r] = label[r] < 0 ? 0 : top + logf(sum) - row[label[r]];
    best[r] = label[r] < 0 ? -1 : at;
}

KERNEL(THREADS)
cross_entropy_rows_backward(int rows, int columns, const float *z, const int32_t *label,
                            const float *statistics, float scale, float *dz, int add) {
    size_t count = (size_t)rows * (size_t)columns;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        size_t r = i / (size_t)columns;
        int c = (int)(i % (size_t)columns);
        float d = 0;
        if (label[r] >= 0)
            d = scale * (expf(z[i] - statistics[2 * r]) * statistics[2 * r + 1] -
                         (c == label[r] ? 1.f : 0.f));
        dz[i] = add ? dz[i] + d : d;
    }
}

void cross_entropy(int rows, int columns, const float *z, const int32_t *label, float *loss,
                   int32_t *best, float *statistics) {
    if (rows && columns)
        LAUNCH(cross_entropy_rows, dim3(cuda_blocks((size_t)rows, ROWS)), dim3(THREADS), 0, rows,
               columns, z, label, loss, best, statistics);
}

void cross_entropy_backward(int rows, int columns, const float *z, const int32_t *label,
                            const float *statistics, float scale, float *dz, int accumulate) {
    size_t count = (size_t)rows * (size_t)columns;
    if (count)
        LAUNCH(cross_entropy_rows_backward, dim3(grid_of(count)), dim3(THREADS), 0, rows, columns,
               z, label, statistics, scale, dz, accumulate);
}

} // namespace

const LayerOps cuda_layers = {
    activate,      activate_backward,     norm, norm_backward, dropout, add,
    cross_entropy, cross_entropy_backward};
