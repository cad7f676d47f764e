#include "op/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *doubles(size_t count) {
    double *p = calloc(count ? count : 1, sizeof *p);
    if (!p) abort(); /* a test that cannot get a megabyte has nothing left to say */
    return p;
}

static double dot(const double *a, const double *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static int is_kernel(const Attention *a) {
    return a->kind == ATTENTION_KERNEL_QUADRATIC || a->kind == ATTENTION_KERNEL_LINEAR;
}

static int columns_of(const Attention *a) {
    if (a->map == FEATURE_ELU1) return a->width;
    return a->map == FEATURE_TRIGONOMETRIC ? 2 * a->features : a->features;
}

static int visible(const Attention *a, int row, int keys) {
    return a->causal ? row + 1 : keys;
}

/* --- feature maps ---------------------------------------------------------------------------- */

static double map_scale(const Attention *a) {
    return a->map == FEATURE_ELU1 ? 1 : sqrt((double)a->scale);
}

/* W x of one row, for x = sqrt(scale) * input. */
static void project(const Attention *a, const double *x, double *wx) {
    for (int r = 0; r < a->features; r++) {
        wx[r] = 0;
        for (int e = 0; e < a->width; e++)
            wx[r] += (double)a->projection[(size_t)r * a->width + e] * x[e];
    }
}

/* phi[rows,C] and logs[rows], so that the feature map of row i is exp(logs[i]) * phi[i]. */
static void features_forward(const Attention *a, int rows, const double *input, double *phi,
                             double *logs) {
    int columns = columns_of(a), width = a->width, features = a->features;
    double *x = doubles(width), *wx = doubles(features),
           norm = 1 / sqrt(features > 0 ? features : 1);
    for (int i = 0; i < rows; i++) {
        double *f = phi + (size_t)i * columns, square = 0;
        for (int e = 0; e < width; e++) x[e] = map_scale(a) * input[(size_t)i * width + e];
        for (int e = 0; e < width; e++) square += x[e] * x[e];
        logs[i] = 0;
        if (a->map == FEATURE_ELU1) {
            for (int e = 0; e < width; e++) f[e] = x[e] > 0 ? x[e] + 1 : exp(x[e]);
            continue;
        }
        project(a, x, wx);
        if (a->map == FEATURE_POSITIVE) {
            double most = -INFINITY;
            for (int r = 0; r < features; r++) most = fmax(most, wx[r]);
            for (int r = 0; r < features; r++) f[r] = exp(wx[r] - most) * norm;
            logs[i] = most - square / 2;
        } else if (a->map == FEATURE_TRIGONOMETRIC) {
            for (int r = 0; r < features; r++) {
                f[r] = cos(wx[r]) * norm;
                f[features + r] = sin(wx[r]) * norm;
            }
            logs[i] = square / 2;
        } else {
            for (int r = 0; r < features; r++)
                f[r] = (fmax(wx[r], 0) + (double)FEATURE_RELU_FLOOR) * norm;
        }
    }
    free(x), free(wx);
}

/* dinput from dphi, the gradient with respect to phi of features_forward (logs held constant: a
 * factor common to a row of features has been divided out of both). */
static void features_backward(const Attention *a, int rows, const double *input, const double *phi,
                              const double *dphi, double *dinput) {
    int columns = columns_of(a), width = a->width, features = a->features;
    double *x = doubles(width), *wx = doubles(features),
           norm = 1 / sqrt(features > 0 ? features : 1);
    for (int i = 0; i < rows; i++) {
        const double *f = phi + (size_t)i * columns, *g = dphi + (size_t)i * columns;
        double *dx = dinput + (size_t)i * width;
        for (int e = 0; e < width; e++)
            x[e] = map_scale(a) * input[(size_t)i * width + e], dx[e] = 0;
        if (a->map == FEATURE_ELU1) {
            /* f = x + 1 or exp(x) */
            for (int e = 0; e < width; e++) dx[e] = g[e] * (x[e] > 0 ? 1 : f[e]);
            continue;
        }
        project(a, x, wx);
        for (int r = 0; r < features; r++) {
            const float *w = a->projection + (size_t)r * width;
            if (a->map == FEATURE_POSITIVE) {
                /* f = exp(w x - |x|^2 / 2) */
                for (int e = 0; e < width; e++) dx[e] += g[r] * f[r] * ((double)w[e] - x[e]);
            } else if (a->map == FEATURE_TRIGONOMETRIC) {
                /* f = exp(|x|^2 / 2) [cos(w x), sin(w x)] */
                double c = g[r], s = g[features + r];
                for (int e = 0; e < width; e++)
                    dx[e] += (c * f[r] + s * f[features + r]) * x[e] +
                             (s * f[r] - c * f[features + r]) * (double)w[e];
            } else if (wx[r] > 0) {
                /* f = max(w x, 0) + floor */
                for (int e = 0; e < width; e++) dx[e] += g[r] * norm * (double)w[e];
            }
        }
        for (int e = 0; e < width; e++) dx[e] *= map_scale(a);
    }
    free(x), free(wx);
}

/* --- weights --------------------------------------------------------------------------------- */

typedef struct {
    double *weights; /* [queries,keys], not normalised, 0 where masked; row i is divided by some
                        positive factor of its own so that it cannot overflow */
    double *sums;    /* [queries] */
    double *phi_q;   /* [queries,C], kernel kinds */
    double *phi_k;   /* [keys,C] */
    double *factors; /* [queries,keys]: weight = factor * phi_q' phi_k */
} Weights;

static Weights weights_open(const Attention *a, const double *bias, int queries, int keys,
                            const double *q, const double *k) {
    size_t count = (size_t)queries * keys;
    Weights w = {.weights = doubles(count), .sums = doubles(queries)};
    double *logs_k = NULL;
    int columns = 0;
    if (is_kernel(a)) {
        columns = columns_of(a);
        w.phi_q = doubles((size_t)queries * columns);
        w.phi_k = doubles((size_t)keys * columns);
        w.factors = doubles(count);
        double *logs_q = doubles(queries); /* a factor of its own row: cancels in the quotient */
        logs_k = doubles(keys);
        features_forward(a, queries, q, w.phi_q, logs_q);
        features_forward(a, keys, k, w.phi_k, logs_k);
        free(logs_q);
    }
    for (int i = 0; i < queries; i++) {
        double *row = w.weights + (size_t)i * keys, most = -INFINITY;
        int seen = visible(a, i, keys);
        for (int j = 0; j < seen; j++) {
            row[j] = is_kernel(a) ? logs_k[j]
                                  : (double)a->scale * dot(q + (size_t)i * a->width,
                                                           k + (size_t)j * a->width, a->width);
            if (bias) row[j] += bias[(size_t)i * keys + j];
            most = fmax(most, row[j]);
        }
        for (int j = 0; j < seen; j++) {
            row[j] = exp(row[j] - most);
            if (is_kernel(a)) {
                w.factors[(size_t)i * keys + j] = row[j];
                row[j] *=
                    dot(w.phi_q + (size_t)i * columns, w.phi_k + (size_t)j * columns, columns);
            }
            w.sums[i] += row[j];
        }
    }
    free(logs_k);
    return w;
}

static void weights_close(Weights *w) {
    free(w->weights), free(w->sums), free(w->phi_q), free(w->phi_k), free(w->factors);
}

/* --- attention ------------------------------------------------------------------------------- */

static double kept(const ReferenceScores *scores, size_t at) {
    return scores && scores->keep ? scores->keep[at] : 1;
}

static double *bias_gradient(const ReferenceScores *scores, size_t count) {
    if (!scores || !scores->dbias) return NULL;
    memset(scores->dbias, 0, count * sizeof *scores->dbias);
    return scores->dbias;
}

void reference_forward(const Attention *a, const ReferenceScores *scores, int queries, int keys,
                       const double *q, const double *k, const double *v, double *out) {
    size_t width = a->width;
    if (a->kind == ATTENTION_VALUE) {
        memcpy(out, v, (size_t)queries * width * sizeof *out);
        return;
    }
    Weights w = weights_open(a, scores ? scores->bias : NULL, queries, keys, q, k);
    for (int i = 0; i < queries; i++) {
        for (size_t e = 0; e < width; e++) out[i * width + e] = 0;
        for (int j = 0; j < visible(a, i, keys); j++)
            for (size_t e = 0; e < width; e++)
                out[i * width + e] += kept(scores, (size_t)i * keys + j) *
                                      w.weights[(size_t)i * keys + j] / w.sums[i] *
                                      v[j * width + e];
    }
    weights_close(&w);
}

void reference_backward(const Attention *a, const ReferenceScores *scores, int queries, int keys,
                        const double *q, const double *k, const double *v, const double *dout,
                        double *dq, double *dk, double *dv) {
    size_t width = a->width;
    memset(dq, 0, (size_t)queries * width * sizeof *dq);
    memset(dk, 0, (size_t)keys * width * sizeof *dk);
    memset(dv, 0, (size_t)keys * width * sizeof *dv);
    if (a->kind == ATTENTION_VALUE) {
        memcpy(dv, dout, (size_t)queries * width * sizeof *dv);
        return;
    }
    Weights w = weights_open(a, scores ? scores->bias : NULL, queries, keys, q, k);
    size_t columns = is_kernel(a) ? (size_t)columns_of(a) : 0;
    double *dphi_q = doubles(queries * columns), *dphi_k = doubles(keys * columns);
    double *dp = doubles(keys), *dbias = bias_gradient(scores, (size_t)queries * keys);
    for (int i = 0; i < queries; i++) {
        int seen = visible(a, i, keys);
        const double *weight = w.weights + (size_t)i * keys, *g = dout + i * width;
        double mean = 0;
        for (int j = 0; j < seen; j++) {
            /* out_i = sum_j p_ij keep_ij v_j */
            double p = weight[j] / w.sums[i], keep = kept(scores, (size_t)i * keys + j);
            for (size_t e = 0; e < width; e++) dv[j * width + e] += p * keep * g[e];
            dp[j] = keep * dot(g, v + j * width, a->width);
            mean += p * dp[j];
        }
        for (int j = 0; j < seen; j++) {
            /* p_ij = w_ij / sum_j w_ij */
            double dweight = (dp[j] - mean) / w.sums[i];
            if (is_kernel(a)) {
                /* w_ij = factor_ij phi_i' phi_j */
                double d = dweight * w.factors[(size_t)i * keys + j];
                for (size_t c = 0; c < columns; c++) {
                    dphi_q[i * columns + c] += d * w.phi_k[j * columns + c];
                    dphi_k[j * columns + c] += d * w.phi_q[i * columns + c];
                }
            } else {
                /* w_ij = exp(scale q_i' k_j + bias_ij) */
                double d = dweight * weight[j] * (double)a->scale;
                if (dbias) dbias[(size_t)i * keys + j] = dweight * weight[j];
                for (size_t e = 0; e < width; e++) {
                    dq[i * width + e] += d * k[j * width + e];
                    dk[j * width + e] += d * q[i * width + e];
                }
            }
        }
    }
    if (is_kernel(a)) {
        features_backward(a, queries, q, w.phi_q, dphi_q, dq);
        features_backward(a, keys, k, w.phi_k, dphi_k, dk);
    }
    free(dphi_q), free(dphi_k), free(dp);
    weights_close(&w);
}

/* dx += sum of the absolute values of the terms of features_backward, for one row. */
static void feature_terms(const Attention *a, const double *input, const double *phi,
                          const double *dphi, double *dx) {
    int width = a->width, features = a->features;
    double norm = 1 / sqrt(features > 0 ? features : 1), scale = map_scale(a);
    if (a->map == FEATURE_ELU1) {
        for (int e = 0; e < width; e++) dx[e] = dphi[e] * fmin(phi[e], 1);
        return;
    }
    for (int e = 0; e < width; e++) dx[e] = 0;
    for (int r = 0; r < features; r++)
        for (int e = 0; e < width; e++) {
            double w = fabs((double)a->projection[(size_t)r * width + e]);
            double x = fabs(scale * input[e]);
            if (a->map == FEATURE_POSITIVE)
                dx[e] += scale * dphi[r] * phi[r] * (w + x);
            else if (a->map == FEATURE_TRIGONOMETRIC)
                dx[e] += scale * norm * (dphi[r] + dphi[features + r]) * (w + x);
            else
                dx[e] += scale * norm * dphi[r] * w;
        }
}

void reference_terms(const Attention *a, const ReferenceScores *scores, int queries, int keys,
                     const double *q, const double *k, const double *v, const double *dout,
                     double *dq, double *dk, double *dv) {
    size_t width = a->width;
    memset(dq, 0, (size_t)queries * width * sizeof *dq);
    memset(dk, 0, (size_t)keys * width * sizeof *dk);
    memset(dv, 0, (size_t)keys * width * sizeof *dv);
    if (a->kind == ATTENTION_VALUE) return;
    Weights w = weights_open(a, scores ? scores->bias : NULL, queries, keys, q, k);
    size_t columns = is_kernel(a) ? (size_t)columns_of(a) : 0;
    double *dphi_q = doubles(queries * columns), *dphi_k = doubles(keys * columns);
    double *dp = doubles(keys), *p = doubles(keys);
    double *dbias = bias_gradient(scores, (size_t)queries * keys);
    for (size_t c = 0; c < queries * columns; c++) w.phi_q[c] = fabs(w.phi_q[c]);
    for (size_t c = 0; c < keys * columns; c++) w.phi_k[c] = fabs(w.phi_k[c]);
    for (int i = 0; i < queries; i++) {
        int seen = visible(a, i, keys);
        double mean = 0, sum = fabs(w.sums[i]);
        for (int j = 0; j < seen; j++) {
            size_t at = (size_t)i * keys + j;
            p[j] = is_kernel(a)
                       ? w.factors[at] *
                             dot(w.phi_q + i * columns, w.phi_k + j * columns, (int)columns) / sum
                       : w.weights[at] / sum;
            dp[j] = 0;
            for (size_t e = 0; e < width; e++) {
                dv[j * width + e] += p[j] * kept(scores, at) * fabs(dout[i * width + e]);
                dp[j] += kept(scores, at) * fabs(dout[i * width + e] * v[j * width + e]);
            }
            mean += p[j] * dp[j];
        }
        for (int j = 0; j < seen; j++) {
            double d = dp[j] + mean;
            if (dbias) dbias[(size_t)i * keys + j] = d * p[j];
            for (size_t c = 0; c < columns; c++) {
                double factor = w.factors[(size_t)i * keys + j] / sum;
                dphi_q[i * columns + c] += d * factor * w.phi_k[j * columns + c];
                dphi_k[j * columns + c] += d * factor * w.phi_q[i * columns + c];
            }
            for (size_t e = 0; e < width && !columns; e++) {
                dq[i * width + e] += d * p[j] * fabs((double)a->scale * k[j * width + e]);
                dk[j * width + e] += d * p[j] * fabs((double)a->scale * q[i * width + e]);
            }
        }
    }
    for (int i = 0; i < queries && columns; i++)
        feature_terms(a, q + i * width, w.phi_q + i * columns, dphi_q + i * columns,
                      dq + i * width);
    for (int j = 0; j < keys && columns; j++)
        feature_terms(a, k + j * width, w.phi_k + j * columns, dphi_k + j * columns,
                      dk + j * width);
    free(dphi_q), free(dphi_k), free(dp), free(p);
    weights_close(&w);
}

void reference_differences(const Attention *a, const ReferenceScores *scores, int queries, int keys,
                           const double *q, const double *k, const double *v, const double *dout,
                           double *dq, double *dk, double *dv) {
    /* With doubles, h = 1e-4 leaves 1e-16 of truncation and about 1e-12 of rounding. */
    const double h = 1e-4, points[4] = {-2, -1, 1, 2}, weights[4] = {1, -8, 8, -1};
    const size_t entries = (size_t)queries * keys;
    size_t counts[4] = {(size_t)queries * a->width, (size_t)keys * a->width,
                        (size_t)keys * a->width, 0};
    const double *from[4] = {q, k, v, NULL};
    double *to[4] = {dq, dk, dv, NULL}, *copy[4], *out = doubles(counts[0]);
    ReferenceScores moved = scores ? *scores : (ReferenceScores){0};
    if (moved.bias) from[3] = moved.bias, to[3] = moved.dbias, counts[3] = entries;
    if (!to[3]) counts[3] = 0;
    for (int which = 0; which < 4; which++) {
        copy[which] = doubles(which == 3 ? entries : counts[which]);
        if (from[which])
            memcpy(copy[which], from[which],
                   (which == 3 ? entries : counts[which]) * sizeof(double));
    }
    if (moved.bias) moved.bias = copy[3];
    for (int which = 0; which < 4; which++) {
        for (size_t i = 0; i < counts[which]; i++) {
            double slope = 0;
            for (int point = 0; point < 4; point++) {
                copy[which][i] = from[which][i] + points[point] * h;
                reference_forward(a, &moved, queries, keys, copy[0], copy[1], copy[2], out);
                slope += weights[point] * dot(out, dout, (int)counts[0]);
            }
            copy[which][i] = from[which][i];
            to[which][i] = slope / (12 * h);
        }
    }
    for (int which = 0; which < 4; which++) free(copy[which]);
    free(out);
}

double reference_condition(const Attention *a, int queries, int keys, const double *q,
                           const double *k) {
    double worst = 1;
    if (!is_kernel(a) || a->map != FEATURE_TRIGONOMETRIC) return worst;
    Weights w = weights_open(a, NULL, queries, keys, q, k);
    for (int i = 0; i < queries; i++) {
        double total = 0;
        for (int j = 0; j < visible(a, i, keys); j++)
            total += fabs(w.weights[(size_t)i * keys + j]);
        worst = fmin(worst, total > 0 ? fabs(w.sums[i]) / total : 0);
    }
    weights_close(&w);
    return worst;
}

/* --- how far apart --------------------------------------------------------------------------- */

double reference_nmse(const double *a, const double *b, size_t count) {
    double error = 0, power = 0;
    for (size_t i = 0; i < count; i++) {
        error += (a[i] - b[i]) * (a[i] - b[i]);
        power += b[i] * b[i];
    }
    if (isnan(error) || isnan(power)) return INFINITY;
    if (error == 0) return 0;
    return power > 0 ? error / power : INFINITY;
}

double reference_asymmetry(const double *a, const double *b, size_t count, double tiny) {
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(a[i]) || isnan(b[i])) return INFINITY;
        if (fabs(a[i]) <= tiny && fabs(b[i]) <= tiny) continue;
        total += fabs(a[i] - b[i]) / (fabs(a[i]) + fabs(b[i]));
    }
    return count ? total / count : 0;
}
