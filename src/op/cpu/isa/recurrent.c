/* Compiled once for each instruction set (-DISA=avx512 and so on; see the Makefile). */
#include "op/cpu/recurrent.h"
#include "op/cpu/isa/names.h"
#include "op/cpu/isa/vector.h"

#define ALWAYS static inline __attribute__((always_inline))

/* Rows of a panel that are multiplied while they stay in the first-level cache: at four vectors a
 * row, 16 KiB (32 of the widest). */
#define BLOCK 128

/* Rows of the left operand that share a load of the panel: with four vectors of sums each, as many
 * as the registers hold. */
#if defined(__AVX512F__)
#define ROWS 6
#else
#define ROWS 3
#endif

/* --- the product of some rows with a panel --------------------------------------------------- */

/* sums[rows, V vectors] = A[rows, depth] panel, or +=. All counts but depth are constants where
 * this is inlined, so that the sums live in registers. */
ALWAYS void multiply_rows(const int rows, const int vectors, int depth, const float *a, size_t lda,
                          const float *panel, float *sums, int adds) {
    Vector sum[ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[r][v] = adds ? load(sums + (r * vectors + v) * LANES) : (Vector){0};
    for (int k = 0; k < depth; k++) {
        Vector left[ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) left[r] = splat(a[(size_t)r * lda + (size_t)k]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            Vector right = load(panel + (k * vectors + v) * LANES);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) sum[r][v] += left[r] * right;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) store(sums + (r * vectors + v) * LANES, sum[r][v]);
}

ALWAYS void multiply_any(const int vectors, int rows, int depth, const float *a, size_t lda,
                         const float *panel, float *sums) {
    for (int k = 0; k < depth; k += BLOCK) {
        int some = depth - k < BLOCK ? depth - k : BLOCK, r = 0;
        const float *part = panel + (size_t)k * (size_t)(vectors * LANES);
        for (; r + ROWS <= rows; r += ROWS)
            multiply_rows(ROWS, vectors, some, a + (size_t)r * lda + k, lda, part,
                          sums + (size_t)r * (size_t)(vectors * LANES), k > 0);
        const float *rest = a + (size_t)r * lda + k;
        float *to = sums + (size_t)r * (size_t)(vectors * LANES);
        switch (rows - r) {
#if ROWS > 3
        case 5:
            multiply_rows(5, vectors, some, rest, lda, part, to, k > 0);
            break;
        case 4:
            multiply_rows(4, vectors, some, rest, lda, part, to, k > 0);
            break;
        case 3:
            multiply_rows(3, vectors, some, rest, lda, part, to, k > 0);
            break;
#endif
        case 2:
            multiply_rows(2, vectors, some, rest, lda, part, to, k > 0);
            break;
        case 1:
            multiply_rows(1, vectors, some, rest, lda, part, to, k > 0);
            break;
        }
    }
}

static void multiply3(int rows, int depth, const float *a, size_t lda, const float *panel,
                      float *sums) {
    multiply_any(3, rows, depth, a, lda, panel, sums);
}
static void multiply4(int rows, int depth, const float *a, size_t lda, const float *panel,
                      float *sums) {
    multiply_any(4, rows, depth, a, lda, panel, sums);
}

/* --- panels ---------------------------------------------------------------------------------- */

/* Sixteen numbers of a row of U at a time, a cache line, become sixteen rows of a panel. */
static void pack_forward(const Recurrent *r, const float *weight, float *panels, int first,
                         int last) {
    const int group = cpu_recurrent_group(r->kind, 0), gates = recurrent_gates(r->kind);
    const int width = r->width, units = group * LANES, row = gates * units;
    for (int p = first; p < last; p++) {
        float *panel = panels + (size_t)p * cpu_recurrent_panel(r, 0, LANES);
        for (int k = 0; k < width; k += 16)
            for (int column = 0; column < row; column++) {
                int gate = column / units, unit = p * units + column % units;
                int some = width - k < 16 ? width - k : 16;
                float *to = panel + (size_t)k * (size_t)row + column;
                const float *from = weight + ((size_t)gate * width + unit) * width + k;
                if (unit < width)
                    for (int i = 0; i < some; i++) to[i * row] = from[i];
                else
                    for (int i = 0; i < some; i++) to[i * row] = 0;
            }
    }
}

static void pack_backward(const Recurrent *r, const float *weight, float *panels, int first,
                          int last) {
    const int depth = recurrent_gates(r->kind) * r->width;
    const int row = cpu_recurrent_group(r->kind, 1) * LANES;
    for (int p = first; p < last; p++) {
        float *panel = panels + (size_t)p * cpu_recurrent_panel(r, 1, LANES);
        size_t some = (size_t)(r->width - p * row < row ? r->width - p * row : row);
        for (int k = 0; k < depth; k++) {
            float *to = panel + (size_t)k * (size_t)row;
            memcpy(to, weight + (size_t)k * (size_t)r->width + p * row, some * sizeof *to);
            memset(to + some, 0, ((size_t)row - some) * sizeof *to);
        }
    }
}

/* --- the cells, n units of one sequence ------------------------------------------------------ */

ALWAYS Vector take(const float *p, int n) {
    return n == LANES ? load(p) : load_part(p, n);
}
ALWAYS Vector take_or_zero(const float *p, size_t at, int n) {
    return p ? take(p + at, n) : (Vector){0};
}
ALWAYS void put(float *p, Vector v, int n) {
    if (n == LANES)
        store(p, v);
    else
        store_part(p, v, n);
}

/* `sums` are U h, the gates `stride` floats apart; `at` is the sequence's place in a [B,H] matrix,
 * `gate_at` in [B,G H], `saved_at` in what is saved. */
typedef struct {
    size_t at, gate_at, saved_at;
    size_t width;
    int n, stride;
} Place;

ALWAYS void tanh_forward(const CpuRecurrentStep *s, Place p, const float *sums) {
    put(s->h + p.at, tanh_vector(take(s->gates + p.gate_at, p.n) + load(sums)), p.n);
}

ALWAYS void gru_forward(const CpuRecurrentStep *s, Place p, const float *sums, const float *bias) {
    const float *g = s->gates + p.gate_at;
    Vector r = sigmoid_vector(take(g, p.n) + load(sums));
    Vector z = sigmoid_vector(take(g + p.width, p.n) + load(sums + p.stride));
    Vector m = load(sums + 2 * p.stride) + take_or_zero(bias, 0, p.n);
    Vector n = tanh_vector(take(g + 2 * p.width, p.n) + r * m);
    Vector previous = take_or_zero(s->h_previous, p.at, p.n);
    put(s->h + p.at, n + z * (previous - n), p.n);
    if (!s->saved) return;
    float *saved = s->saved + p.saved_at;
    put(saved, r, p.n);
    put(saved + p.width, z, p.n);
    put(saved + 2 * p.width, n, p.n);
    put(saved + 3 * p.width, m, p.n);
}

/* excerpt: lstm-cell */
ALWAYS void lstm_forward(const CpuRecurrentStep *s, Place p, const float *sums) {
    const float *gate = s->gates + p.gate_at;
    Vector i = sigmoid_vector(take(gate, p.n) + load(sums));
    Vector f = sigmoid_vector(take(gate + p.width, p.n) + load(sums + p.stride));
    Vector g = tanh_vector(take(gate + 2 * p.width, p.n) + load(sums + 2 * p.stride));
    Vector o = sigmoid_vector(take(gate + 3 * p.width, p.n) + load(sums + 3 * p.stride));
    Vector c = f * take_or_zero(s->c_previous, p.at, p.n) + i * g;
    put(s->c + p.at, c, p.n);
    put(s->h + p.at, o * tanh_vector(c), p.n);
    /* end excerpt */
    if (!s->saved) return;
    float *saved = s->saved + p.saved_at;
    put(saved, i, p.n);
    put(saved + p.width, f, p.n);
    put(saved + 2 * p.width, g, p.n);
    put(saved + 3 * p.width, o, p.n);
}

/* h = tanh(g): dg = dh (1 - h^2) */
ALWAYS void tanh_backward(const CpuRecurrentBack *s, Place p, Vector dh) {
    Vector h = take(s->h + p.at, p.n);
    put(s->dgates + p.gate_at, dh * (1.0f - h * h), p.n);
}

/* n = tanh(gn + r m), m = Un h' + bn; h = n + z (h' - n) */
ALWAYS void gru_backward(const CpuRecurrentBack *s, Place p, Vector dh) {
    const float *saved = s->saved + p.saved_at;
    Vector r = take(saved, p.n), z = take(saved + p.width, p.n);
    Vector n = take(saved + 2 * p.width, p.n), m = take(saved + 3 * p.width, p.n);
    Vector previous = take_or_zero(s->h_previous, p.at, p.n);
    if (!s->fresh) dh += take(s->carry + p.at, p.n);
    Vector dz = dh * (previous - n) * z * (1.0f - z);
    Vector dn = dh * (1.0f - z) * (1.0f - n * n);
    Vector dr = dn * m * r * (1.0f - r);
    put(s->carry + p.at, dh * z, p.n);
    float *dgates = s->dgates + p.gate_at, *through = s->through + p.gate_at;
    put(dgates, dr, p.n);
    put(dgates + p.width, dz, p.n);
    put(dgates + 2 * p.width, dn, p.n);
    put(through, dr, p.n);
    put(through + p.width, dz, p.n);
    put(through + 2 * p.width, dn * r, p.n);
}

/* c = f c' + i g, h = o tanh(c) */
ALWAYS void lstm_backward(const CpuRecurrentBack *s, Place p, Vector dh) {
    const float *saved = s->saved + p.saved_at;
    Vector i = take(saved, p.n), f = take(saved + p.width, p.n);
    Vector g = take(saved + 2 * p.width, p.n), o = take(saved + 3 * p.width, p.n);
    Vector flat = tanh_vector(take(s->c + p.at, p.n));
    Vector previous = take_or_zero(s->c_previous, p.at, p.n);
    Vector dc = dh * o * (1.0f - flat * flat);
    if (!s->fresh) dc += take(s->carry + p.at, p.n);
    put(s->carry + p.at, dc * f, p.n);
    float *dgates = s->dgates + p.gate_at;
    put(dgates, dc * g * i * (1.0f - i), p.n);
    put(dgates + p.width, dc * previous * f * (1.0f - f), p.n);
    put(dgates + 2 * p.width, dc * i * (1.0f - g * g), p.n);
    put(dgates + 3 * p.width, dh * flat * o * (1.0f - o), p.n);
}

/* --- a step ---------------------------------------------------------------------------------- */

static void forward(const Recurrent *r, const CpuRecurrentStep *s, int first, int last) {
    const int group = cpu_recurrent_group(r->kind, 0), gates = recurrent_gates(r->kind);
    const int row = gates * group * LANES, saved_columns = cpu_recurrent_saved_columns(r->kind);
    const size_t width = (size_t)r->width;
    if (!s->h_previous) memset(s->sums, 0, (size_t)r->batch * (size_t)row * sizeof *s->sums);
    for (int panel = first; panel < last; panel++) {
        const float *right = s->panels + (size_t)panel * width * (size_t)row;
        if (s->h_previous)
            (r->kind == RECURRENT_GRU ? multiply3 : multiply4)(r->batch, r->width, s->h_previous,
                                                               width, right, s->sums);
        for (int v = 0; v < group; v++) {
            int unit = (panel * group + v) * LANES;
            if (unit >= r->width) break;
            Place p = {.width = width, .stride = group * LANES};
            p.n = r->width - unit < LANES ? r->width - unit : LANES;
            for (int b = 0; b < r->batch; b++) {
                const float *sums = s->sums + (size_t)b * (size_t)row + v * LANES;
                p.at = (size_t)b * width + (size_t)unit;
                p.gate_at = (size_t)b * (size_t)gates * width + (size_t)unit;
                p.saved_at = (size_t)b * (size_t)saved_columns * width + (size_t)unit;
                if (r->kind == RECURRENT_LSTM)
                    lstm_forward(s, p, sums);
                else if (r->kind == RECURRENT_GRU)
                    gru_forward(s, p, sums, s->bias ? s->bias + unit : NULL);
                else
                    tanh_forward(s, p, sums);
            }
        }
    }
}

static void backward(const Recurrent *r, const CpuRecurrentBack *s, int first, int last) {
    const int group = cpu_recurrent_group(r->kind, 1), gates = recurrent_gates(r->kind);
    const int row = group * LANES, saved_columns = cpu_recurrent_saved_columns(r->kind);
    const size_t width = (size_t)r->width, depth = (size_t)gates * width;
    if (!s->through_next) memset(s->sums, 0, (size_t)r->batch * (size_t)row * sizeof *s->sums);
    for (int panel = first; panel < last; panel++) {
        const float *right = s->panels + (size_t)panel * depth * (size_t)row;
        if (s->through_next)
            multiply4(r->batch, (int)depth, s->through_next, depth, right, s->sums);
        for (int v = 0; v < group; v++) {
            int unit = panel * row + v * LANES;
            if (unit >= r->width) break;
            Place p = {.width = width};
            p.n = r->width - unit < LANES ? r->width - unit : LANES;
            for (int b = 0; b < r->batch; b++) {
                Vector dh = load(s->sums + (size_t)b * (size_t)row + v * LANES);
                p.at = (size_t)b * width + (size_t)unit;
                p.gate_at = (size_t)b * depth + (size_t)unit;
                p.saved_at = (size_t)b * (size_t)saved_columns * width + (size_t)unit;
                if (s->dh0) { /* nothing but the sums, and what GRU's h passes on by itself */
                    if (r->kind == RECURRENT_GRU) dh += take(s->carry + p.at, p.n);
                    put(s->dh0 + p.at, dh, p.n);
                    continue;
                }
                dh += take(s->dh + p.at, p.n);
                if (r->kind == RECURRENT_LSTM)
                    lstm_backward(s, p, dh);
                else if (r->kind == RECURRENT_GRU)
                    gru_backward(s, p, dh);
                else
                    tanh_backward(s, p, dh);
            }
        }
    }
}

const CpuRecurrent JOIN(cpu_recurrent_, ISA) = {.lanes = LANES,
                                                .pack_forward = pack_forward,
                                                .pack_backward = pack_backward,
                                                .forward = forward,
                                                .backward = backward};
