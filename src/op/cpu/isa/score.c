/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */
#include "op/cpu/score.h"
#include "op/cpu/isa/names.h"
#include "op/cpu/isa/vector.h"

#include <string.h>

/* The last, shorter vector of a row goes through a padded copy: zeros add nothing to any sum. */
static inline Vector load_up_to(const float *p, int n) {
    float copy[LANES] = {0};
    if (n >= LANES) return load(p);
    memcpy(copy, p, (size_t)n * sizeof *p);
    return load(copy);
}

static inline void add_up_to(float *p, Vector v, int n) {
    float copy[LANES];
    if (n >= LANES) {
        store(p, load(p) + v);
        return;
    }
    store(copy, load_up_to(p, n) + v);
    memcpy(p, copy, (size_t)n * sizeof *p);
}

static void additive_row(const float *query, const float *key, size_t stride, const float *vector,
                         int keys, int width, float *scores) {
    for (int j = 0; j < keys; j++) {
        const float *k = key + (size_t)j * stride;
        Vector sum = {0};
        int i = 0;
        for (; i + LANES <= width; i += LANES)
            sum += load(vector + i) * tanh_vector(load(query + i) + load(k + i));
        if (i < width)
            sum += load_up_to(vector + i, width - i) *
                   tanh_vector(load_up_to(query + i, width - i) + load_up_to(k + i, width - i));
        scores[j] = total(sum);
    }
}

/* Columns outside, keys inside: the sums over keys stay in registers. */
static void additive_row_backward(const float *query, const float *key, size_t stride,
                                  const float *vector, const float *d, int keys, int width,
                                  float *dquery, float *dkey, float *dvector) {
    for (int i = 0; i < width; i += LANES) {
        const int n = width - i;
        const Vector q = load_up_to(query + i, n), v = load_up_to(vector + i, n);
        Vector sum = {0}, weighted = {0};
        for (int j = 0; j < keys; j++) {
            const size_t at = (size_t)j * stride + (size_t)i;
            Vector t = tanh_vector(q + load_up_to(key + at, n));
            Vector g = v * d[j] * (1.0f - t * t);
            sum += g;
            weighted += t * d[j];
            add_up_to(dkey + at, g, n);
        }
        add_up_to(dquery + i, sum, n);
        add_up_to(dvector + i, weighted, n);
    }
}

const CpuScoreRows JOIN(cpu_score_rows_, ISA) = {
    .additive_row = additive_row,
    .additive_row_backward = additive_row_backward,
};
