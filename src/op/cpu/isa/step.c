/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */
#include "op/cpu/step.h"
#include "op/cpu/isa/names.h"
#include "op/cpu/isa/vector.h"

#include <math.h>
#include <string.h>

static inline float inner(const float *a, const float *b, int n) {
    Vector sum = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) sum += load(a + i) * load(b + i);
    float rest = total(sum);
    for (; i < n; i++) rest += a[i] * b[i];
    return rest;
}

/* to += factor * from */
static inline void add_scaled(const float *from, float factor, float *to, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) store(to + i, load(to + i) + load(from + i) * factor);
    for (; i < n; i++) to[i] += factor * from[i];
}

static inline void scale(float *x, float factor, int n) {
    for (int i = 0; i < n; i++) x[i] *= factor;
}

/* x[i] = 2^(x[i] - top), for x <= top; returns their sum. */
static float powers(float *x, float top, int n) {
    Vector sum = {0};
    float last[LANES], rest = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        Vector e = exp2_vector(load(x + i) - top);
        store(x + i, e);
        sum += e;
    }
    if (i < n) {
        memset(last, 0, sizeof last);
        memcpy(last, x + i, (size_t)(n - i) * sizeof *last);
        store(last, exp2_vector(load(last) - top));
        memcpy(x + i, last, (size_t)(n - i) * sizeof *last);
        for (int j = 0; j < n - i; j++) rest += last[j];
    }
    return total(sum) + rest;
}

static void attend(int heads, int width, int rows, float factor, const float *q, const float *k,
                   size_t k_row, const float *v, size_t v_row, float *scores, float *out) {
    const float log2e = 1.44269504088896341f;
    memset(out, 0, (size_t)heads * (size_t)width * sizeof *out);
    for (int h = 0; h < heads && rows > 0; h++) {
        const size_t at = (size_t)h * (size_t)width;
        float top = -INFINITY;
        for (int j = 0; j < rows; j++) {
            scores[j] = inner(q + at, k + (size_t)j * k_row + at, width) * factor * log2e;
            top = scores[j] > top ? scores[j] : top;
        }
        const float sum = powers(scores, top, rows);
        for (int j = 0; j < rows; j++)
            add_scaled(v + (size_t)j * v_row + at, scores[j], out + at, width);
        scale(out + at, 1 / sum, width);
    }
}

/* elu(x) + 1 */
static inline float feature(float x) {
    return x > 0 ? x + 1 : expf(x);
}

static void absorb(int heads, int width, const float *k, const float *v, float *state) {
    for (int h = 0; h < heads; h++) {
        const size_t at = (size_t)h * (size_t)width;
        float *s = state + at * (size_t)(width + 1), *z = s + (size_t)width * (size_t)width;
        for (int c = 0; c < width; c++) {
            const float phi = feature(k[at + (size_t)c]);
            add_scaled(v + at, phi, s + (size_t)c * (size_t)width, width);
            z[c] += phi;
        }
    }
}

static void recall(int heads, int width, const float *q, const float *state, float *features,
                   float *out) {
    memset(out, 0, (size_t)heads * (size_t)width * sizeof *out);
    for (int h = 0; h < heads; h++) {
        const size_t at = (size_t)h * (size_t)width;
        const float *s = state + at * (size_t)(width + 1), *z = s + (size_t)width * (size_t)width;
        for (int c = 0; c < width; c++) {
            features[c] = feature(q[at + (size_t)c]);
            add_scaled(s + (size_t)c * (size_t)width, features[c], out + at, width);
        }
        const float sum = inner(features, z, width);
        if (sum > 0) scale(out + at, 1 / sum, width);
    }
}

const StepOps JOIN(cpu_steps_, ISA) = {.attend = attend, .absorb = absorb, .recall = recall};
