#include "op/mirror.h"
#include "op/cuda.h"
#include "op/cuda/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)32 << 20)

#ifdef TAMRIN_CUDA_EMULATED
CudaPluginOpen tamrin_cuda_open;
#endif

static const Device *behind;
static Arena room;
static char why[1100] = "not opened";

const char *mirror_why(void) {
    return why;
}

const Device *mirror_behind(void) {
    return behind;
}

/* --- moving ---------------------------------------------------------------------------------- */

/* Failures of moving are no results: they end the test. */
static void must(Status status) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "mirror: %s\n", status_message());
    abort();
}

static void *place(size_t bytes) {
    void *at = arena_take(&room, bytes ? bytes : 1);
    if (!at) must(STATUS_MEMORY);
    return at;
}

static void *up(const void *host, size_t bytes) {
    if (!host) return NULL;
    void *at = place(bytes);
    if (bytes) must(behind->memory->upload(at, host, bytes));
    return at;
}

static void down(void *host, const void *device, size_t bytes) {
    if (host && bytes) must(behind->memory->download(host, device, bytes));
}

static float *up_floats(const float *host, size_t count) {
    return up(host, count * sizeof *host);
}

static void down_floats(float *host, const float *device, size_t count) {
    down(host, device, count * sizeof *host);
}

/* --- attention ------------------------------------------------------------------------------- */

static size_t extent(const Attention *a, const int *offsets, size_t row, size_t head) {
    const int rows = offsets[a->sequences];
    if (rows < 1) return 0;
    return (size_t)(rows - 1) * row + (size_t)(a->heads - 1) * head + (size_t)a->width;
}

static AttentionIn up_in(const Attention *a, const int *offsets, AttentionIn in) {
    in.data = up_floats(in.data, extent(a, offsets, in.row, in.head));
    return in;
}

static AttentionOut up_out(const Attention *a, const int *offsets, AttentionOut out) {
    out.data = up_floats(out.data, extent(a, offsets, out.row, out.head));
    return out;
}

static void down_out(const Attention *a, const int *offsets, AttentionOut host, AttentionOut out) {
    down_floats(host.data, out.data, extent(a, offsets, out.row, out.head));
}

/* Two views of one buffer are one buffer there too: dq, dk and dv may be thirds of it, and what is
 * written last must not bring back the gaps of the others as they were. */
static int share_buffer(const Attention *a, AttentionOut x, AttentionOut y) {
    size_t ends = extent(a, a->query_offsets, x.row, x.head);
    return y.data >= x.data && y.data < x.data + ends;
}

static Attention up_attention(const Attention *a) {
    Attention there = *a;
    there.projection = up_floats(a->projection, (size_t)a->features * (size_t)a->width);
    const size_t bias = (size_t)a->heads * (size_t)(2 * a->relative_span - 1);
    there.relative_bias = up_floats(a->relative_bias, bias);
    there.relative_bias_gradient = up_floats(a->relative_bias_gradient, bias);
    return there;
}

static Status forward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                      AttentionOut out, void *saved, Arena *arena) {
    (void)arena;
    STATUS_TRY(attention_check(a));
    const size_t mark = arena_mark(&room), bytes = attention_saved_bytes(a);
    Attention there = up_attention(a);
    AttentionOut o = up_out(a, a->query_offsets, out);
    void *kept = saved ? up(saved, bytes) : NULL;
    Status status = behind->attention_forward(&there, up_in(a, a->query_offsets, q),
                                              up_in(a, a->key_offsets, k),
                                              up_in(a, a->key_offsets, v), o, kept, &room);
    if (status == STATUS_OK) {
        down_out(a, a->query_offsets, out, o);
        down(saved, kept, bytes);
    }
    arena_rewind(&room, mark);
    return status;
}

static Status backward(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                       AttentionIn out, AttentionIn dout, const void *saved, AttentionOut dq,
                       AttentionOut dk, AttentionOut dv, Arena *arena) {
    (void)arena;
    STATUS_TRY(attention_check(a));
    const size_t mark = arena_mark(&room), bytes = attention_saved_bytes(a);
    Attention there = up_attention(a);
    AttentionOut q_there = up_out(a, a->query_offsets, dq), k_there, v_there;
    if (share_buffer(a, dq, dk) && share_buffer(a, dq, dv)) {
        /* One upload holds all three but what of dk and dv lies beyond dq's end. */
        arena_rewind(&room, mark);
        there = up_attention(a);
        size_t last = (size_t)(dv.data - dq.data) + extent(a, a->key_offsets, dv.row, dv.head);
        q_there = dq;
        q_there.data = up_floats(dq.data, last);
        k_there = dk, v_there = dv;
        k_there.data = q_there.data + (dk.data - dq.data);
        v_there.data = q_there.data + (dv.data - dq.data);
    } else {
        k_there = up_out(a, a->key_offsets, dk);
        v_there = up_out(a, a->key_offsets, dv);
    }
    Status status = behind->attention_backward(
        &there, up_in(a, a->query_offsets, q), up_in(a, a->key_offsets, k),
        up_in(a, a->key_offsets, v), up_in(a, a->query_offsets, out),
        up_in(a, a->query_offsets, dout), up(saved, bytes), q_there, k_there, v_there, &room);
    if (status == STATUS_OK) {
        down_out(a, a->query_offsets, dq, q_there);
        down_out(a, a->key_offsets, dk, k_there);
        down_out(a, a->key_offsets, dv, v_there);
        down_floats(a->relative_bias_gradient, there.relative_bias_gradient,
                    (size_t)a->heads * (size_t)(2 * a->relative_span - 1));
    }
    arena_rewind(&room, mark);
    return status;
}

static Status gemm_at(Precision precision, int transpose_a, int transpose_b, int m, int n, int k,
                      float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                      float beta, float *c, size_t ldc, Arena *arena) {
    (void)arena;
    const size_t mark = arena_mark(&room);
    const size_t rows_a = (size_t)(transpose_a ? k : m), rows_b = (size_t)(transpose_b ? n : k);
    float *there = up_floats(c, (size_t)m * ldc);
    Status status = behind->gemm_at(precision, transpose_a, transpose_b, m, n, k, alpha,
                                    up_floats(a, rows_a * lda), lda, up_floats(b, rows_b * ldb),
                                    ldb, beta, there, ldc, &room);
    if (status == STATUS_OK) down_floats(c, there, (size_t)m * ldc);
    arena_rewind(&room, mark);
    return status;
}

static Status gemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                   const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                   size_t ldc) {
    return gemm_at(PRECISION_F32, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c,
                   ldc, NULL);
}

/* --- layers: an array that two arguments name is one array there too ---------------------------
 */

typedef struct {
    const float *host[12];
    float *there[12];
    int count;
} Arrays;

static float *known(Arrays *arrays, const float *host, size_t count) {
    if (!host) return NULL;
    for (int i = 0; i < arrays->count; i++)
        if (arrays->host[i] == host) return arrays->there[i];
    arrays->host[arrays->count] = host;
    return arrays->there[arrays->count++] = up_floats(host, count);
}

static void activate(Activation f, int rows, int columns, const float *bias, float *x, float *y) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    Arrays at = {.count = 0};
    float *b = known(&at, bias, (size_t)columns), *u = known(&at, x, all), *w = known(&at, y, all);
    behind->layers->activate(f, rows, columns, b, u, w);
    down_floats(x, u, all);
    down_floats(y, w, all);
    arena_rewind(&room, mark);
}

static void activate_backward(Activation f, int rows, int columns, const float *x, const float *y,
                              const float *dy, float *dx, float *dbias, int accumulate) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    Arrays at = {.count = 0};
    float *u = known(&at, x, all), *w = known(&at, y, all), *dw = known(&at, dy, all);
    float *du = known(&at, dx, all), *db = known(&at, dbias, (size_t)columns);
    behind->layers->activate_backward(f, rows, columns, u, w, dw, du, db, accumulate);
    down_floats(dx, du, all);
    down_floats(dbias, db, (size_t)columns);
    arena_rewind(&room, mark);
}

static void norm(int rows, int columns, const float *x, const float *residual, const Dropout *d,
                 const float *gain, const float *shift, float epsilon, float *s, float *y,
                 float *statistics) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    const size_t c = (size_t)columns, r = 2 * (size_t)rows;
    Arrays at = {.count = 0};
    float *u = known(&at, x, all), *v = known(&at, residual, all), *g = known(&at, gain, c);
    float *b = known(&at, shift, c), *k = known(&at, s, all), *w = known(&at, y, all);
    float *t = known(&at, statistics, r);
    behind->layers->norm(rows, columns, u, v, d, g, b, epsilon, k, w, t);
    down_floats(s, k, all);
    down_floats(y, w, all);
    down_floats(statistics, t, r);
    arena_rewind(&room, mark);
}

static void norm_backward(int rows, int columns, const float *s, const float *statistics,
                          const Dropout *d, const float *gain, const float *dy, float *dgain,
                          float *dshift, int accumulate, float *dresidual, int accumulate_residual,
                          float *dx, int accumulate_x) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    const size_t c = (size_t)columns;
    Arrays at = {.count = 0};
    float *k = known(&at, s, all), *t = known(&at, statistics, 2 * (size_t)rows);
    float *g = known(&at, gain, c), *dw = known(&at, dy, all), *dg = known(&at, dgain, c);
    float *db = known(&at, dshift, c), *dv = known(&at, dresidual, all), *du = known(&at, dx, all);
    behind->layers->norm_backward(rows, columns, k, t, d, g, dw, dg, db, accumulate, dv,
                                  accumulate_residual, du, accumulate_x);
    down_floats(dgain, dg, c);
    down_floats(dshift, db, c);
    down_floats(dresidual, dv, all);
    down_floats(dx, du, all);
    arena_rewind(&room, mark);
}

static void dropout(size_t count, const Dropout *d, const float *x, float *y, int accumulate) {
    const size_t mark = arena_mark(&room);
    Arrays at = {.count = 0};
    float *u = known(&at, x, count), *w = known(&at, y, count);
    behind->layers->dropout(count, d, u, w, accumulate);
    down_floats(y, w, count);
    arena_rewind(&room, mark);
}

static void add(size_t count, const float *x, float *y) {
    const size_t mark = arena_mark(&room);
    Arrays at = {.count = 0};
    float *u = known(&at, x, count), *w = known(&at, y, count);
    behind->layers->add(count, u, w);
    down_floats(y, w, count);
    arena_rewind(&room, mark);
}

static void cross_entropy(int rows, int columns, const float *z, const int32_t *label, float *loss,
                          int32_t *best, float *statistics) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    const size_t r = (size_t)rows;
    float *u = up_floats(z, all), *l = up_floats(loss, r), *t = up_floats(statistics, 2 * r);
    int32_t *b = up(best, r * sizeof *best);
    behind->layers->cross_entropy(rows, columns, u, up(label, r * sizeof *label), l, b, t);
    down_floats(loss, l, r);
    down(best, b, r * sizeof *best);
    down_floats(statistics, t, 2 * r);
    arena_rewind(&room, mark);
}

static void cross_entropy_backward(int rows, int columns, const float *z, const int32_t *label,
                                   const float *statistics, float scale, float *dz,
                                   int accumulate) {
    const size_t mark = arena_mark(&room), all = (size_t)rows * (size_t)columns;
    Arrays at = {.count = 0};
    float *u = known(&at, z, all), *t = known(&at, statistics, 2 * (size_t)rows);
    float *du = known(&at, dz, all);
    behind->layers->cross_entropy_backward(
        rows, columns, u, up(label, (size_t)rows * sizeof *label), t, scale, du, accumulate);
    down_floats(dz, du, all);
    arena_rewind(&room, mark);
}

/* --- recurrent cells ------------------------------------------------------------------------- */

static Status cells_forward(const Recurrent *r, const float *gates, const float *weight,
                            const float *bias, const float *h0, const float *c0, float *h, float *c,
                            void *saved, Arena *arena) {
    (void)arena;
    STATUS_TRY(recurrent_check(r));
    const size_t mark = arena_mark(&room), bytes = recurrent_saved_bytes(r);
    const size_t G = (size_t)recurrent_gates(r->kind), H = (size_t)r->width;
    const size_t state = (size_t)r->batch * H, all = (size_t)r->steps * state;
    float *h_there = up_floats(h, all), *c_there = up_floats(c, all);
    void *kept = up(saved, bytes);
    Status status = behind->recurrent->forward(
        r, up_floats(gates, all * G), up_floats(weight, G * H * H), up_floats(bias, H),
        up_floats(h0, state), up_floats(c0, state), h_there, c_there, kept, &room);
    if (status == STATUS_OK) {
        down_floats(h, h_there, all);
        down_floats(c, c_there, all);
        down(saved, kept, bytes);
    }
    arena_rewind(&room, mark);
    return status;
}

static Status cells_backward(const Recurrent *r, const float *weight, const float *h0,
                             const float *c0, const float *h, const float *c, const void *saved,
                             const float *dh, const float *dc_last, float *dgates, float *dweight,
                             float *dbias, float *dh0, float *dc0, int accumulate, Arena *arena) {
    (void)arena;
    STATUS_TRY(recurrent_check(r));
    const size_t mark = arena_mark(&room);
    const size_t G = (size_t)recurrent_gates(r->kind), H = (size_t)r->width;
    const size_t state = (size_t)r->batch * H, all = (size_t)r->steps * state;
    float *dg = up_floats(dgates, all * G), *dw = up_floats(dweight, G * H * H);
    float *db = up_floats(dbias, H), *dh_there = up_floats(dh0, state);
    float *dc_there = up_floats(dc0, state);
    Status status = behind->recurrent->backward(
        r, up_floats(weight, G * H * H), up_floats(h0, state), up_floats(c0, state),
        up_floats(h, all), up_floats(c, all), up(saved, recurrent_saved_bytes(r)),
        up_floats(dh, all), up_floats(dc_last, state), dg, dw, db, dh_there, dc_there, accumulate,
        &room);
    if (status == STATUS_OK) {
        down_floats(dgates, dg, all * G);
        down_floats(dweight, dw, G * H * H);
        down_floats(dbias, db, H);
        down_floats(dh0, dh_there, state);
        down_floats(dc0, dc_there, state);
    }
    arena_rewind(&room, mark);
    return status;
}

/* --- opening --------------------------------------------------------------------------------- */

static Status open_behind(void) {
    if (getenv("TAMRIN_TEST_GPU")) return device_cuda(&behind);
#ifdef TAMRIN_CUDA_EMULATED
    return cuda_open_with(tamrin_cuda_open, &behind);
#else
    return status_fail(STATUS_UNSUPPORTED, "CUDA's operations are not compiled here: they need "
                                           "g++; with nvcc the plug-in is built too");
#endif
}

const Device *mirror_cuda(void) {
    static const LayerOps layers = {
        activate,      activate_backward,     norm, norm_backward, dropout, add,
        cross_entropy, cross_entropy_backward};
    static const RecurrentOps recurrent = {cells_forward, cells_backward};
    static const Device mirror = {.name = "cuda",
                                  .gemm = gemm,
                                  .gemm_at = gemm_at,
                                  .attention_forward = forward,
                                  .attention_backward = backward,
                                  .recurrent = &recurrent,
                                  .layers = &layers};
    static int tried;
    if (!tried) {
        tried = 1;
        Status status = open_behind();
        if (status == STATUS_OK) status = behind->memory->arena_open(&room, ARENA_BYTES);
        if (status != STATUS_OK) {
            behind = NULL;
            snprintf(why, sizeof why, "%s", status_message());
        }
    }
    return behind ? &mirror : NULL;
}
