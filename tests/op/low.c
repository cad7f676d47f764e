#include "op/low.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What f32 sums, exponentials and a score's scaling may add, of the terms; far below bf16. */
#define ARITHMETIC 4e-6

double low_unit(Precision precision) {
    return precision == PRECISION_BF16   ? ldexp(1, -9)
           : precision == PRECISION_TF32 ? ldexp(1, -10)
                                         : 0;
}

double low_round(Precision precision, double x) {
    uint64_t bits;
    const int dropped = precision == PRECISION_BF16 ? 52 - 7 : 52 - 10;
    if (precision == PRECISION_F32 || !isfinite(x)) return x;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t half = (uint64_t)1 << (dropped - 1);
    bits += precision == PRECISION_BF16 ? half - 1 + (bits >> dropped & 1) : half;
    bits &= ~((half << 1) - 1);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double *doubles(size_t count) {
    double *p = calloc(count ? count : 1, sizeof *p);
    if (!p) abort();
    return p;
}

/* One head of one sequence. */
typedef struct {
    const Attention *a;
    int queries, keys;
    size_t width;
    const double *q, *k, *v, *g;
    double *exact[LOWS], *naive[LOWS], *bound[LOWS];
} Head;

static double *rounded(Precision precision, const double *x, size_t count) {
    double *y = doubles(count);
    for (size_t i = 0; i < count; i++) y[i] = low_round(precision, x[i]);
    return y;
}

/* Softmax of one row's scores: p[seen]. */
static void softmax(int seen, double *p) {
    double most = -INFINITY, sum = 0;
    for (int j = 0; j < seen; j++) most = fmax(most, p[j]);
    for (int j = 0; j < seen; j++) sum += p[j] = exp(p[j] - most);
    for (int j = 0; j < seen; j++) p[j] /= sum;
}

static double dot(const double *x, const double *y, size_t count) {
    double sum = 0;
    for (size_t e = 0; e < count; e++) sum += x[e] * y[e];
    return sum;
}

/* The formulas, with every operand of a product rounded to `precision` (f32: none). */
static void compute(const Head *h, Precision precision, double *const to[LOWS]) {
    const size_t E = h->width, n = (size_t)h->queries, m = (size_t)h->keys;
    double *q = rounded(precision, h->q, n * E), *k = rounded(precision, h->k, m * E);
    double *v = rounded(precision, h->v, m * E), *g = rounded(precision, h->g, n * E);
    double *p = doubles(m), *dp = doubles(m);
    for (size_t i = 0; i < n; i++) {
        const int seen = h->a->causal ? (int)i + 1 : h->keys;
        double mean = 0;
        for (int j = 0; j < seen; j++)
            p[j] = (double)h->a->scale * dot(q + i * E, k + (size_t)j * E, E);
        softmax(seen, p);
        for (int j = 0; j < seen; j++) {
            const double low = low_round(precision, p[j]);
            const size_t at = (size_t)j * E;
            dp[j] = dot(g + i * E, v + at, E);
            mean += p[j] * dp[j];
            for (size_t e = 0; e < E; e++) {
                to[LOW_OUT][i * E + e] += low * v[at + e];
                to[LOW_DV][at + e] += low * g[i * E + e];
            }
        }
        for (int j = 0; j < seen; j++) {
            const double ds = (double)h->a->scale * low_round(precision, p[j] * (dp[j] - mean));
            const size_t at = (size_t)j * E;
            for (size_t e = 0; e < E; e++) {
                to[LOW_DQ][i * E + e] += ds * k[at + e];
                to[LOW_DK][at + e] += ds * q[i * E + e];
            }
        }
    }
    free(q), free(k), free(v), free(g), free(p), free(dp);
}

/* |xy| rounded and summed: of operands wrong by `x_error`, and then by u each. */
static double product_error(double x, double x_error, double y, double u) {
    return (fabs(x) + x_error) * (1 + u) * fabs(y) * (1 + u) - fabs(x * y) +
           ARITHMETIC * fabs(x * y);
}

/* How wrong a row's probabilities may be, each of its own size; INFINITY where a double cannot say.
 */
static void probability_errors(const Head *h, size_t i, int seen, double u, const double *p,
                               double *dp) {
    const size_t E = h->width;
    double most = 0;
    for (int j = 0; j < seen; j++) {
        double terms = 0;
        for (size_t e = 0; e < E; e++) terms += fabs(h->q[i * E + e] * h->k[(size_t)j * E + e]);
        dp[j] = (double)h->a->scale * terms * (2 * u + u * u + ARITHMETIC) + ARITHMETIC;
        most = fmax(most, dp[j]);
    }
    for (int j = 0; j < seen; j++) {
        dp[j] = p[j] * expm1(dp[j] + most);
        if (dp[j] > 1) dp[j] = 1; /* both lie between 0 and 1 */
    }
}

static void bounds(const Head *h, double u) {
    const size_t E = h->width, n = (size_t)h->queries, m = (size_t)h->keys;
    double *p = doubles(m), *error = doubles(m), *grad = doubles(m), *grad_error = doubles(m);
    for (size_t i = 0; i < n; i++) {
        const int seen = h->a->causal ? (int)i + 1 : h->keys;
        const double *g = h->g + i * E;
        double mean = 0, mean_error = 0, through_out = 0;
        for (int j = 0; j < seen; j++)
            p[j] = (double)h->a->scale * dot(h->q + i * E, h->k + (size_t)j * E, E);
        softmax(seen, p);
        probability_errors(h, i, seen, u, p, error);
        for (int j = 0; j < seen; j++) {
            const size_t at = (size_t)j * E;
            grad_error[j] = 0;
            for (size_t e = 0; e < E; e++) {
                const double v = h->v[at + e];
                h->bound[LOW_OUT][i * E + e] += product_error(p[j], error[j], v, u);
                h->bound[LOW_DV][at + e] += product_error(p[j], error[j], g[e], u);
                grad_error[j] += product_error(g[e], 0, v, u);
            }
            grad[j] = dot(g, h->v + at, E);
            mean += p[j] * grad[j];
            mean_error += error[j] * fabs(grad[j]) + (p[j] + error[j]) * grad_error[j];
        }
        /* Some take sum P dP as dO . O, of the O that they gave. */
        for (size_t e = 0; e < E; e++)
            through_out +=
                product_error(h->exact[LOW_OUT][i * E + e], h->bound[LOW_OUT][i * E + e], g[e], u);
        mean_error = fmax(mean_error, through_out);
        for (int j = 0; j < seen; j++) {
            const double ds = p[j] * (grad[j] - mean);
            const double wrong = error[j] * fabs(grad[j] - mean) +
                                 (p[j] + error[j]) * (grad_error[j] + mean_error) +
                                 ARITHMETIC * p[j] * (fabs(grad[j]) + fabs(mean));
            const size_t at = (size_t)j * E;
            for (size_t e = 0; e < E; e++) {
                h->bound[LOW_DQ][i * E + e] +=
                    (double)h->a->scale * product_error(ds, wrong, h->k[at + e], u);
                h->bound[LOW_DK][at + e] +=
                    (double)h->a->scale * product_error(ds, wrong, h->q[i * E + e], u);
            }
        }
    }
    free(p), free(error), free(grad), free(grad_error);
}

static const TensorName tensors[LOWS] = {TENSOR_OUT, TENSOR_DQ, TENSOR_DK, TENSOR_DV};

void low_open(Low *low, const Problem *problem) {
    const Attention *a = &problem->attention;
    double *q = problem_read(problem, TENSOR_Q), *k = problem_read(problem, TENSOR_K);
    double *v = problem_read(problem, TENSOR_V), *g = problem_read(problem, TENSOR_DOUT);
    const size_t E = (size_t)a->width;
    for (int name = 0; name < LOWS; name++) {
        low->count[name] = problem_count(problem, tensors[name]);
        low->exact[name] = doubles(low->count[name]);
        low->naive[name] = doubles(low->count[name]);
        low->bound[name] = doubles(low->count[name]);
    }
    for (int head = 0; head < a->heads; head++)
        for (int b = 0; b < a->sequences; b++) {
            const size_t i =
                (size_t)head * (size_t)problem->views[TENSOR_Q].rows + (size_t)a->query_offsets[b];
            const size_t j =
                (size_t)head * (size_t)problem->views[TENSOR_K].rows + (size_t)a->key_offsets[b];
            Head h = {a,
                      a->query_offsets[b + 1] - a->query_offsets[b],
                      a->key_offsets[b + 1] - a->key_offsets[b],
                      E,
                      q + i * E,
                      k + j * E,
                      v + j * E,
                      g + i * E,
                      {0},
                      {0},
                      {0}};
            for (int name = 0; name < LOWS; name++) {
                const size_t at = (name == LOW_OUT || name == LOW_DQ ? i : j) * E;
                h.exact[name] = low->exact[name] + at;
                h.naive[name] = low->naive[name] + at;
                h.bound[name] = low->bound[name] + at;
            }
            compute(&h, PRECISION_F32, h.exact);
            compute(&h, a->precision, h.naive);
            bounds(&h, low_unit(a->precision));
        }
    free(q), free(k), free(v), free(g);
}

void low_close(Low *low) {
    for (int name = 0; name < LOWS; name++)
        free(low->exact[name]), free(low->naive[name]), free(low->bound[name]);
}
