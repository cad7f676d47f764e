/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */
#include "op/cpu/layers.h"
#include "op/cpu/isa/names.h"
#include "op/cpu/isa/vector.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* --- GELU ------------------------------------------------------------------------------------ */

/* For z = |x| / sqrt(2): *e = exp(-z^2), and the result is erfc(z) = e P(1 / (1 + 0.4 z)), P a
 * polynomial of degree 6 without a constant, fitted to the smallest largest error: 2.8e-8 in erfc.
 * As a multiple of e it keeps its relative precision in the tail, where 1 - erf would cancel. */
static inline Vector erfc_scaled(Vector x, Vector *e) {
    Vector magnitude = (Vector)((Bits)x & ((Bits){0} + 0x7fffffffu));
    /* beyond 13 everything is 0; the bound keeps 2^x in its range */
    *e = exp2_vector(x * x * -0.721347520444481704f);
    Vector t = 1.0f / (1.0f + magnitude * (0.4f * 0.70710678118654752f));
    Vector p = splat(-0.2002610434f);
    p = p * t + 0.7091547323f;
    p = p * t - 0.3709200429f;
    p = p * t + 0.4682839925f;
    p = p * t + 0.1618196069f;
    p = p * t + 0.2319227268f;
    return p * t * *e;
}

/* Phi(x), and *e = exp(-x^2 / 2). */
static inline Vector normal_share(Vector x, Vector *e) {
    Vector tail = erfc_scaled(x, e) * 0.5f; /* Phi(-|x|) */
    Integers negative = x < splat(0);
    return (Vector)(((Integers)tail & negative) | ((Integers)(1.0f - tail) & ~negative));
}

static inline Vector gelu(Vector x) {
    Vector e;
    return x * normal_share(x, &e);
}

static inline Vector gelu_slope(Vector x) {
    Vector e, share = normal_share(x, &e);
    return share + x * e * 0.398942280401432678f;
}

static void gelu_row(float *x, const float *bias, float *y, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        Vector v = load(x + i);
        if (bias) {
            v += load(bias + i);
            store(x + i, v);
        }
        store(y + i, gelu(v));
    }
    if (i < n) {
        Vector v = load_part(x + i, n - i);
        if (bias) {
            v += load_part(bias + i, n - i);
            store_part(x + i, v, n - i);
        }
        store_part(y + i, gelu(v), n - i);
    }
}

static void gelu_backward_row(const float *x, const float *dy, float *dx, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) store(dx + i, load(dy + i) * gelu_slope(load(x + i)));
    if (i < n)
        store_part(dx + i, load_part(dy + i, n - i) * gelu_slope(load_part(x + i, n - i)), n - i);
}

/* --- LayerNorm ------------------------------------------------------------------------------- */

/* The mean of large numbers close to each other is off by its own rounding; what the differences
 * from it add up to corrects it, and the variance with it. */
static void norm_row(const float *s, const float *gain, const float *shift, float epsilon, float *y,
                     float *statistics, int n) {
    int whole = n / LANES * LANES;
    Vector part = {0}, rest = {0};
    for (int i = 0; i < whole; i += LANES) part += load(s + i);
    float sum = total(part);
    for (int i = whole; i < n; i++) sum += s[i];
    const float mean = sum / (float)n;
    part = (Vector){0};
    for (int i = 0; i < whole; i += LANES) {
        Vector d = load(s + i) - mean;
        rest += d;
        part += d * d;
    }
    float squares = total(part), off = total(rest);
    for (int i = whole; i < n; i++) {
        off += s[i] - mean;
        squares += (s[i] - mean) * (s[i] - mean);
    }
    off /= (float)n;
    float variance = squares / (float)n - off * off;
    if (variance < 0) variance = 0; /* rounding; a NaN stays one */
    float inverse = 1 / sqrtf(variance + epsilon);
    for (int i = 0; i < whole; i += LANES)
        store(y + i, (load(s + i) - mean - off) * inverse * load(gain + i) + load(shift + i));
    for (int i = whole; i < n; i++) y[i] = (s[i] - mean - off) * inverse * gain[i] + shift[i];
    statistics[0] = mean + off;
    statistics[1] = inverse;
}

/* y = n gain + shift, n = (s - mean) inverse: with g = dy gain,
 * ds = inverse (g - mean(g) - n mean(g n)). */
/* Down the rows with the roundings of a loop that has no fused multiply-add, which is what the sums
 * were first computed by: trainings keep their bits on every instruction set. */
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("-ffp-contract=off")
#endif
static void norm_sums(int rows, size_t stride, const float *s, const float *statistics,
                      const float *dy, float *restrict gain, float *restrict shift, int n) {
#if defined(__clang__)
#pragma clang fp contract(off)
#endif
    for (int r = 0; r < rows; r++, s += stride, dy += stride) {
        const float mean = statistics[2 * r], inverse = statistics[2 * r + 1];
#pragma omp simd
        for (int c = 0; c < n; c++) {
            gain[c] += dy[c] * ((s[c] - mean) * inverse);
            shift[c] += dy[c];
        }
    }
}
#if !defined(__clang__)
#pragma GCC pop_options
#endif

static void norm_backward_sums(const float *s, const float *statistics, const float *gain,
                               const float *dy, int n, float *sums) {
    float mean = statistics[0], inverse = statistics[1];
    int whole = n / LANES * LANES;
    Vector part = {0}, inner = {0};
    for (int i = 0; i < whole; i += LANES) {
        Vector g = load(dy + i) * load(gain + i);
        part += g;
        inner += g * ((load(s + i) - mean) * inverse);
    }
    float sum = total(part), dot = total(inner);
    for (int i = whole; i < n; i++) {
        float g = dy[i] * gain[i];
        sum += g;
        dot += g * ((s[i] - mean) * inverse);
    }
    sums[0] = sum / (float)n;
    sums[1] = dot / (float)n;
}

static void norm_backward_part(const float *s, const float *statistics, const float *gain,
                               const float *dy, const float *sums, float *ds, int n) {
    float mean = statistics[0], inverse = statistics[1];
    int whole = n / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) {
        Vector normal = (load(s + i) - mean) * inverse;
        store(ds + i, (load(dy + i) * load(gain + i) - sums[0] - normal * sums[1]) * inverse);
    }
    for (int i = whole; i < n; i++) {
        float normal = (s[i] - mean) * inverse;
        ds[i] = (dy[i] * gain[i] - sums[0] - normal * sums[1]) * inverse;
    }
}

/* --- dropout --------------------------------------------------------------------------------- */

/* Philox4x32-10: the words of base/rng.h, which calls Random123 one counter at a time. A word lies
 * in the lower half of a 64-bit lane; what the upper half holds is never read, because the product
 * of lower halves is all that a round multiplies. */
typedef uint64_t Wide __attribute__((vector_size(4 * LANES)));
#define WIDE     (LANES / 2)
#define GROUPS   2 /* vectors in flight, so that a product need not wait for the last one */
#define COUNTERS (GROUPS * WIDE)

static inline Wide product(Wide a, Wide b) {
#if defined(__AVX512F__)
    return (Wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/* Lanes of two vectors in turns: those of the lower halves, or of the upper. */
static inline Wide in_turns(Wide a, Wide b, int upper) {
    Wide order = {0};
    for (int i = 0; i < WIDE; i++)
        order[i] = (uint64_t)(i / 2 + (i % 2 ? WIDE : 0) + (upper ? WIDE / 2 : 0));
    return __builtin_shuffle(a, b, order);
}

/* to[4 c + w] = 0 where word w of counter index + c is below the threshold, else `keep`. */
static inline void philox_scales(Wide keys[10][2], uint64_t stream, uint64_t index,
                                 uint32_t threshold, float keep, float *to) {
    const Wide zero = {0};
    Wide c0[GROUPS], c1[GROUPS], c2[GROUPS], c3[GROUPS], lane = {0};
    for (int i = 0; i < WIDE; i++) lane[i] = (uint64_t)i;
    for (int g = 0; g < GROUPS; g++) {
        c0[g] = lane + (index + (uint64_t)(g * WIDE));
        c1[g] = c0[g] >> 32;
        c2[g] = zero + stream;
        c3[g] = zero + (stream >> 32);
    }
    for (int round = 0; round < 10; round++)
        for (int g = 0; g < GROUPS; g++) {
            Wide p0 = product(c0[g], zero + 0xD2511F53u), p1 = product(c2[g], zero + 0xCD9E8D57u);
            c0[g] = (p1 >> 32) ^ c1[g] ^ keys[round][0];
            c2[g] = (p0 >> 32) ^ c3[g] ^ keys[round][1];
            c1[g] = p1;
            c3[g] = p0;
        }
    /* vectors compare signed numbers: both sides move by half the range */
    const Integers limit = (Integers)((Bits){0} + (threshold ^ 0x80000000u));
    const Bits kept = (Bits)splat(keep);
    for (int g = 0; g < GROUPS; g++) {
        Wide low = (c0[g] & 0xffffffffu) | (c1[g] << 32);
        Wide high = (c2[g] & 0xffffffffu) | (c3[g] << 32);
        for (int half = 0; half < 2; half++) {
            Bits words = (Bits)in_turns(low, high, half) ^ 0x80000000u;
            Bits dropped = (Bits)((Integers)words < limit);
            store(to + (2 * g + half) * LANES, (Vector)(kept & ~dropped));
        }
    }
}

static void dropout_scales(float *out, int n, uint64_t seed, uint64_t stream, uint64_t first,
                           uint32_t threshold, float keep) {
    Wide keys[10][2];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        keys[round][0] = (Wide){0} + k0;
        keys[round][1] = (Wide){0} + k1;
    }
    int skip = (int)(first % 4);
    uint64_t index = first / 4;
    for (int done = 0; done < n; index += COUNTERS) {
        if (skip == 0 && n - done >= 4 * COUNTERS) {
            philox_scales(keys, stream, index, threshold, keep, out + done);
            done += 4 * COUNTERS;
            continue;
        }
        float scales[4 * COUNTERS];
        philox_scales(keys, stream, index, threshold, keep, scales);
        int take = 4 * COUNTERS - skip < n - done ? 4 * COUNTERS - skip : n - done;
        memcpy(out + done, scales + skip, (size_t)take * sizeof *out);
        done += take;
        skip = 0;
    }
}

/* --- cross-entropy --------------------------------------------------------------------------- */

#define LOG2E 1.44269504088896341f

static inline Vector larger(Vector a, Vector b) {
    Integers greater = a > b;
    return (Vector)(((Integers)a & greater) | ((Integers)b & ~greater));
}

/* A NaN is never larger, so that it reaches the sum as one. The lanes' sums are short and are added
 * up in double: a vocabulary of thousands costs no digits. */
static float exp_sum_row(const float *z, int n, float *top) {
    const int whole = n / LANES * LANES;
    float most = z[0];
    Vector tops = splat(z[0]);
    for (int c = 0; c < whole; c += LANES) tops = larger(load(z + c), tops);
    for (int i = 0; i < LANES; i++) most = tops[i] > most ? tops[i] : most;
    for (int c = whole; c < n; c++) most = z[c] > most ? z[c] : most;
    *top = most;
    Vector sums = {0};
    for (int c = 0; c < whole; c += LANES) sums += exp2_vector((load(z + c) - most) * LOG2E);
    double sum = 0;
    for (int i = 0; i < LANES; i++) sum += (double)sums[i];
    if (whole < n) {
        Vector rest = exp2_vector((load_part(z + whole, n - whole) - most) * LOG2E);
        for (int c = whole; c < n; c++) sum += (double)rest[c - whole];
    }
    return (float)sum;
}

static void exp_row(const float *z, int n, float top, float factor, float *dz, int accumulate) {
    const int whole = n / LANES * LANES;
    for (int c = 0; c < whole; c += LANES) {
        Vector e = exp2_vector((load(z + c) - top) * LOG2E) * factor;
        store(dz + c, accumulate ? load(dz + c) + e : e);
    }
    if (whole == n) return;
    Vector e = exp2_vector((load_part(z + whole, n - whole) - top) * LOG2E) * factor;
    store_part(dz + whole, accumulate ? load_part(dz + whole, n - whole) + e : e, n - whole);
}

const CpuLayerRows JOIN(cpu_layer_rows_, ISA) = {
    .dropout_scales = dropout_scales,
    .gelu_row = gelu_row,
    .gelu_backward_row = gelu_backward_row,
    .norm_row = norm_row,
    .norm_sums = norm_sums,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward_part = norm_backward_part,
    .exp_sum_row = exp_sum_row,
    .exp_row = exp_row,
};
