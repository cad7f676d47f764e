#include "op/layer_reference.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SQRT_HALF   0.70710678118654752440
#define SQRT_TWO_PI 2.50662827463100050242

static double *doubles(size_t count) {
    double *p = calloc(count ? count : 1, sizeof *p);
    if (!p) abort();
    return p;
}

/* --- single numbers -------------------------------------------------------------------------- */

static double activated(Activation f, double x) {
    switch (f) {
    case ACTIVATION_GELU: /* x Phi(x); erfc keeps the digits that 1 + erf loses below 0 */
        return x * .5 * erfc(-x * SQRT_HALF);
    case ACTIVATION_TANH:
        return tanh(x);
    case ACTIVATION_RELU:
        return fmax(x, 0);
    default:
        return x;
    }
}

static double slope(Activation f, double x) {
    switch (f) {
    case ACTIVATION_GELU: /* Phi(x) + x phi(x) */
        return .5 * erfc(-x * SQRT_HALF) + x * exp(-x * x / 2) / SQRT_TWO_PI;
    case ACTIVATION_TANH:
        return 1 / (cosh(x) * cosh(x));
    case ACTIVATION_RELU:
        return x > 0;
    default:
        return 1;
    }
}

/* What element i is multiplied by, one word at a time as op/layers.h says. */
static double kept(const Dropout *dropout, size_t i) {
    uint32_t words[4];
    if (!(dropout->rate > 0)) return 1;
    rng_words(dropout->seed, dropout->stream, i / 4, words);
    return words[i % 4] < dropout->rate * 4294967296. ? 0 : 1 / (1 - (double)dropout->rate);
}

/* --- rows ------------------------------------------------------------------------------------ */

typedef struct {
    double mean, inverse; /* of s = residual + dropout(x) */
    double *s;            /* [columns] */
} NormRow;

static NormRow norm_row(const LayerSetting *l, const double *const in[], int row) {
    NormRow n = {.s = doubles((size_t)l->columns)};
    double square = 0;
    for (int c = 0; c < l->columns; c++) {
        size_t at = (size_t)row * l->columns + c;
        n.s[c] = kept(&l->dropout, at) * in[0][at] + (in[1] ? in[1][at] : 0);
        n.mean += n.s[c] / l->columns;
    }
    for (int c = 0; c < l->columns; c++) square += (n.s[c] - n.mean) * (n.s[c] - n.mean);
    n.inverse = 1 / sqrt(square / l->columns + l->epsilon);
    return n;
}

static void norm_forward(const LayerSetting *l, const double *const in[], double *out) {
    for (int row = 0; row < l->rows; row++) {
        NormRow n = norm_row(l, in, row);
        for (int c = 0; c < l->columns; c++)
            out[(size_t)row * l->columns + c] = (n.s[c] - n.mean) * n.inverse * in[2][c] + in[3][c];
        free(n.s);
    }
}

/* The chain rule through mean and deviation, each by itself. */
static void norm_backward(const LayerSetting *l, const double *const in[], const double *dout,
                          double *const gradient[]) {
    for (int row = 0; row < l->rows; row++) {
        NormRow n = norm_row(l, in, row);
        const double *dy = dout + (size_t)row * l->columns;
        double dmean = 0, dinverse = 0;
        for (int c = 0; c < l->columns; c++) {
            gradient[2][c] += dy[c] * (n.s[c] - n.mean) * n.inverse;
            gradient[3][c] += dy[c];
            dmean -= dy[c] * in[2][c] * n.inverse;
            dinverse += dy[c] * in[2][c] * (n.s[c] - n.mean);
        }
        /* inverse = (variance + epsilon)^(-1/2) */
        double dvariance = -.5 * dinverse * n.inverse * n.inverse * n.inverse;
        for (int c = 0; c < l->columns; c++) {
            size_t at = (size_t)row * l->columns + c;
            double ds = dy[c] * in[2][c] * n.inverse + dmean / l->columns +
                        dvariance * 2 * (n.s[c] - n.mean) / l->columns;
            if (gradient[1]) gradient[1][at] += ds;
            gradient[0][at] += ds * kept(&l->dropout, at);
        }
        free(n.s);
    }
}

static double *linear_sums(const LayerSetting *l, const double *const in[]) {
    double *sums = doubles((size_t)l->rows * l->other);
    for (int r = 0; r < l->rows; r++)
        for (int o = 0; o < l->other; o++) {
            double *sum = &sums[(size_t)r * l->other + o];
            *sum = in[2] ? in[2][o] : 0;
            for (int c = 0; c < l->columns; c++)
                *sum += in[0][(size_t)r * l->columns + c] * in[1][(size_t)o * l->columns + c];
        }
    return sums;
}

static void linear_backward(const LayerSetting *l, const double *const in[], const double *dout,
                            double *const gradient[]) {
    double *sums = linear_sums(l, in);
    for (int r = 0; r < l->rows; r++)
        for (int o = 0; o < l->other; o++) {
            size_t at = (size_t)r * l->other + o;
            double ds = dout[at] * slope(l->activation, sums[at]);
            if (gradient[2]) gradient[2][o] += ds;
            for (int c = 0; c < l->columns; c++) {
                size_t x = (size_t)r * l->columns + c, w = (size_t)o * l->columns + c;
                gradient[0][x] += ds * in[1][w];
                gradient[1][w] += ds * in[0][x];
            }
        }
    free(sums);
}

static double log_sum(const double *z, int classes) {
    double most = z[0], sum;
    for (int c = 1; c < classes; c++) most = fmax(most, z[c]);
    sum = exp(z[0] - most);
    for (int c = 1; c < classes; c++) sum += exp(z[c] - most);
    return most + log(sum);
}

/* --- all of them ----------------------------------------------------------------------------- */

void layer_reference_forward(const LayerSetting *l, const double *const in[LAYER_INPUTS],
                             double *out) {
    const size_t count = (size_t)l->rows * l->columns, width = l->columns;
    double *sums;
    switch (l->kind) {
    case LAYER_ACTIVATE:
        for (size_t i = 0; i < count; i++)
            out[i] = activated(l->activation, in[0][i] + (in[1] ? in[1][i % width] : 0));
        break;
    case LAYER_NORM:
        norm_forward(l, in, out);
        break;
    case LAYER_DROPOUT:
        for (size_t i = 0; i < count; i++) out[i] = in[0][i] * kept(&l->dropout, i);
        break;
    case LAYER_ADD:
        for (size_t i = 0; i < count; i++) out[i] = in[0][i] + in[1][i];
        break;
    case LAYER_LINEAR:
        sums = linear_sums(l, in);
        for (size_t i = 0; i < (size_t)l->rows * l->other; i++)
            out[i] = activated(l->activation, sums[i]);
        free(sums);
        break;
    case LAYER_EMBED:
        for (size_t i = 0; i < count; i++) {
            out[i] = 0;
            for (int k = 0; k < LAYER_TABLES; k++)
                out[i] += in[k][(size_t)l->ids[k][i / width] * width + i % width];
        }
        break;
    case LAYER_TAKE_ROWS:
        for (int i = 0; i < l->takes; i++)
            for (size_t c = 0; c < width; c++)
                out[(size_t)i * width + c] = in[0][(size_t)l->taken[i] * width + c];
        break;
    case LAYER_CROSS_ENTROPY:
        out[0] = 0;
        for (int r = 0; r < l->rows; r++) {
            const double *z = in[0] + (size_t)r * width;
            out[0] += (log_sum(z, l->columns) - z[l->labels[r]]) / l->rows;
        }
        break;
    case LAYER_RELATIVE_BIAS:
        for (int h = 0; h < l->other; h++)
            for (int d = 0; d < 2 * l->rows - 1; d++)
                out[(size_t)h * (2 * (size_t)l->rows - 1) + d] =
                    in[0][(size_t)l->buckets[d] * l->other + h];
        break;
    }
}

void layer_reference_backward(const LayerSetting *l, const double *const in[LAYER_INPUTS],
                              const double *dout, double *const gradient[LAYER_INPUTS]) {
    const size_t count = (size_t)l->rows * l->columns, width = l->columns;
    switch (l->kind) {
    case LAYER_ACTIVATE:
        for (size_t i = 0; i < count; i++) {
            double d = dout[i] * slope(l->activation, in[0][i] + (in[1] ? in[1][i % width] : 0));
            gradient[0][i] += d;
            if (gradient[1]) gradient[1][i % width] += d;
        }
        break;
    case LAYER_NORM:
        norm_backward(l, in, dout, gradient);
        break;
    case LAYER_DROPOUT:
        for (size_t i = 0; i < count; i++) gradient[0][i] += dout[i] * kept(&l->dropout, i);
        break;
    case LAYER_ADD:
        for (size_t i = 0; i < count; i++) gradient[0][i] += dout[i], gradient[1][i] += dout[i];
        break;
    case LAYER_LINEAR:
        linear_backward(l, in, dout, gradient);
        break;
    case LAYER_EMBED:
        for (size_t i = 0; i < count; i++)
            for (int k = 0; k < LAYER_TABLES; k++)
                gradient[k][(size_t)l->ids[k][i / width] * width + i % width] += dout[i];
        break;
    case LAYER_TAKE_ROWS:
        for (int i = 0; i < l->takes; i++)
            for (size_t c = 0; c < width; c++)
                gradient[0][(size_t)l->taken[i] * width + c] += dout[(size_t)i * width + c];
        break;
    case LAYER_CROSS_ENTROPY:
        for (int r = 0; r < l->rows; r++) {
            const double *z = in[0] + (size_t)r * width;
            double all = log_sum(z, l->columns);
            for (size_t c = 0; c < width; c++)
                gradient[0][(size_t)r * width + c] +=
                    dout[0] * (exp(z[c] - all) - (c == l->labels[r])) / l->rows;
        }
        break;
    case LAYER_RELATIVE_BIAS:
        for (int h = 0; h < l->other; h++)
            for (int d = 0; d < 2 * l->rows - 1; d++)
                gradient[0][(size_t)l->buckets[d] * l->other + h] +=
                    dout[(size_t)h * (2 * (size_t)l->rows - 1) + d];
        break;
    }
}

void layer_reference_differences(const LayerSetting *l, const size_t counts[LAYER_INPUTS],
                                 const double *const in[LAYER_INPUTS], size_t out_count,
                                 const double *dout, double *const gradient[LAYER_INPUTS]) {
    const double h = 1e-4, points[4] = {-2, -1, 1, 2}, weights[4] = {1, -8, 8, -1};
    double *out = doubles(out_count);
    for (int which = 0; which < LAYER_INPUTS; which++) {
        if (!gradient[which]) continue;
        const double *moved[LAYER_INPUTS];
        double *copy = doubles(counts[which]);
        memcpy(copy, in[which], counts[which] * sizeof *copy);
        for (int i = 0; i < LAYER_INPUTS; i++) moved[i] = i == which ? copy : in[i];
        for (size_t i = 0; i < counts[which]; i++) {
            double sum = 0;
            for (int point = 0; point < 4; point++) {
                copy[i] = in[which][i] + points[point] * h;
                layer_reference_forward(l, moved, out);
                for (size_t o = 0; o < out_count; o++) sum += weights[point] * out[o] * dout[o];
            }
            copy[i] = in[which][i];
            gradient[which][i] = sum / (12 * h);
        }
        free(copy);
    }
    free(out);
}
