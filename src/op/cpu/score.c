#include "op/cpu/score.h"
#include "op/cpu/kernels.h"
#include "op/op.h"

#include <string.h>

/* Below so many multiply-adds waking the other threads costs more than they save. */
#define ALONE (1 << 18)

static const CpuScoreRows *rows_of(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &cpu_score_rows_avx512;
    if (strcmp(name, "avx2") == 0) return &cpu_score_rows_avx2;
#endif
    return &cpu_score_rows_baseline;
}

static Status check(const Score *s) {
    if (s->batch < 1 || s->queries < 1 || s->keys < 1 || s->width < 1 || s->values < 1)
        return status_fail(STATUS_ARGUMENT,
                           "score: %d queries and %d keys of width %d and values of width %d for "
                           "%d sequences; each must be 1 or more",
                           s->queries, s->keys, s->width, s->values, s->batch);
    return STATUS_OK;
}

static int is_small(const Score *s) {
    return (double)s->batch * s->queries * s->keys * (s->width + s->values) < ALONE;
}

/* A product of one sequence's rows, which lie B rows apart. */
typedef struct {
    const float *data;
    size_t row;
} Rows;

static Rows of(const float *matrix, int b, int batch, int columns) {
    return (Rows){matrix + (size_t)b * (size_t)columns, (size_t)batch * (size_t)columns};
}

static Status multiply(int transpose_a, int transpose_b, int m, int n, int k, Rows a, Rows b,
                       int add, float *c, size_t ldc) {
    return device_cpu()->gemm(transpose_a, transpose_b, m, n, k, 1, a.data, a.row, b.data, b.row,
                              add ? 1 : 0, c, ldc);
}

static Status forward_sequence(const Score *s, int b, const float *query, const float *key,
                               const float *vector, const float *memory, float *weights,
                               float *context) {
    const int B = s->batch, M = s->queries, N = s->keys, A = s->width, D = s->values;
    const Rows q = of(query, b, B, A), k = of(key, b, B, A), m = of(memory, b, B, D);
    const Rows w = of(weights, b, B, N);
    float *a = weights + (size_t)b * (size_t)N;
    if (vector)
        for (int i = 0; i < M; i++)
            rows_of()->additive_row(q.data + (size_t)i * q.row, k.data, k.row, vector, N, A,
                                    a + (size_t)i * w.row);
    else
        STATUS_TRY(multiply(0, 1, M, N, A, q, k, 0, a, w.row));
    for (int i = 0; i < M; i++) cpu_kernels()->softmax_row(a + (size_t)i * w.row, N, N, 1);
    return multiply(0, 0, M, D, N, w, m, 0, context + (size_t)b * (size_t)D, (size_t)B * (size_t)D);
}

static Status forward(const Score *s, const float *query, const float *key, const float *vector,
                      const float *memory, float *weights, float *context) {
    STATUS_TRY(check(s));
    Status status = STATUS_OK;
#pragma omp parallel for if (!is_small(s))
    for (int b = 0; b < s->batch; b++) {
        Status one = forward_sequence(s, b, query, key, vector, memory, weights, context);
        if (one != STATUS_OK) {
#pragma omp critical
            status = one;
        }
    }
    return status;
}

typedef struct {
    const Score *s;
    const float *query, *key, *vector, *memory, *weights, *dcontext;
    float *dquery, *dkey, *dmemory;
    float *dscores;  /* [B, M, N] */
    float *dvectors; /* [B, A]: of each sequence, summed in their order afterwards */
    int add_query, add_key, add_memory;
} Backward;

static void clear_rows(float *to, size_t stride, int rows, int columns) {
    for (int i = 0; i < rows; i++) memset(to + (size_t)i * stride, 0, (size_t)columns * sizeof *to);
}

static Status backward_sequence(const Backward *g, int b) {
    const Score *s = g->s;
    const int B = s->batch, M = s->queries, N = s->keys, A = s->width, D = s->values;
    const Rows q = of(g->query, b, B, A), k = of(g->key, b, B, A), m = of(g->memory, b, B, D);
    const Rows w = of(g->weights, b, B, N), dc = of(g->dcontext, b, B, D);
    float *de = g->dscores + (size_t)b * (size_t)M * (size_t)N;
    float *dq = g->dquery + (size_t)b * (size_t)A, *dk = g->dkey + (size_t)b * (size_t)A;
    /* context = a m: da = dcontext m' */
    STATUS_TRY(multiply(0, 1, M, N, D, dc, m, 0, de, (size_t)N));
    for (int i = 0; i < M; i++)
        cpu_kernels()->softmax_row_backward(w.data + (size_t)i * w.row, de + (size_t)i * (size_t)N,
                                            N, 1);
    const Rows d = {de, (size_t)N};
    if (g->vector) {
        float *dv = g->dvectors + (size_t)b * (size_t)A;
        memset(dv, 0, (size_t)A * sizeof *dv);
        if (!g->add_query) clear_rows(dq, q.row, M, A);
        if (!g->add_key) clear_rows(dk, k.row, N, A);
        for (int i = 0; i < M; i++)
            rows_of()->additive_row_backward(q.data + (size_t)i * q.row, k.data, k.row, g->vector,
                                             de + (size_t)i * (size_t)N, N, A,
                                             dq + (size_t)i * q.row, dk, dv);
    } else { /* e = q k': dq = de k, dk = de' q */
        STATUS_TRY(multiply(0, 0, M, A, N, d, k, g->add_query, dq, q.row));
        STATUS_TRY(multiply(1, 0, N, A, M, d, q, g->add_key, dk, k.row));
    }
    /* context = a m: dm = a' dcontext */
    return multiply(1, 0, N, D, M, w, dc, g->add_memory, g->dmemory + (size_t)b * (size_t)D,
                    (size_t)B * (size_t)D);
}

static Status backward_sequences(const Backward *g) {
    Status status = STATUS_OK;
#pragma omp parallel for if (!is_small(g->s))
    for (int b = 0; b < g->s->batch; b++) {
        Status one = backward_sequence(g, b);
        if (one != STATUS_OK) {
#pragma omp critical
            status = one;
        }
    }
    return status;
}

static Status backward(const Score *s, const float *query, const float *key, const float *vector,
                       const float *memory, const float *weights, const float *dcontext,
                       float *dquery, int add_query, float *dkey, int add_key, float *dvector,
                       int add_vector, float *dmemory, int add_memory, Arena *arena) {
    STATUS_TRY(check(s));
    const size_t A = (size_t)s->width, B = (size_t)s->batch, mark = arena_mark(arena);
    Backward g = {.s = s,
                  .query = query,
                  .key = key,
                  .vector = vector,
                  .memory = memory,
                  .weights = weights,
                  .dcontext = dcontext,
                  .dquery = dquery,
                  .dkey = dkey,
                  .dmemory = dmemory,
                  .add_query = add_query,
                  .add_key = add_key,
                  .add_memory = add_memory};
    g.dscores = arena_take(arena, B * (size_t)s->queries * (size_t)s->keys * sizeof(float));
    g.dvectors = arena_take(arena, B * A * sizeof(float));
    if (!g.dscores || !g.dvectors) {
        arena_rewind(arena, mark);
        return STATUS_MEMORY;
    }
    Status status = backward_sequences(&g);
    if (status == STATUS_OK && vector) {
        if (!add_vector) memset(dvector, 0, A * sizeof *dvector);
        for (size_t b = 0; b < B; b++)
            for (size_t i = 0; i < A; i++) dvector[i] += g.dvectors[b * A + i];
    }
    arena_rewind(arena, mark);
    return status;
}

const ScoreOps cpu_scores = {.forward = forward, .backward = backward};
