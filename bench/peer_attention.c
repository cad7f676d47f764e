/* peer_attention: our side of a race against another implementation (bench/peers/race.py).
 *
 * Reads one case a line from standard input, runs it once, and prints its time in seconds, so that
 * the referee can let both sides take turns in one run:
 *
 *     tiled forward 8 64 256 4096        kind direction heads width features length
 *     gemm forward 1 0 0 2048            the machine's own product, for scale
 *
 * The first run of a new case is not timed: it touches memory and starts threads.
 */
#include "base/clock.h"
#include "base/rng.h"
#include "base/threads.h"
#include "op/op.h"
#include "op/projection.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char kind[32], direction[16];
    int heads, width, features, length;
} Case;

typedef struct {
    Tensor q, k, v, dout, out, dq, dk, dv; /* [N,H,E] */
    Tensor projection;                     /* [R,E] */
    void *saved;
} Buffers;

static Status describe(const Case *c, const int *offsets, Attention *a) {
    static const struct {
        const char *name;
        AttentionKind kind;
        FeatureMap map;
        int causal;
    } kinds[] = {
        {"materialised", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 0},
        {"tiled", ATTENTION_TILED, FEATURE_POSITIVE, 0},
        {"tiled_causal", ATTENTION_TILED, FEATURE_POSITIVE, 1},
        {"favor_positive", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 0},
        {"favor_causal", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 1},
        {"elu", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(c->kind, kinds[i].name) != 0) continue;
        *a = (Attention){.kind = kinds[i].kind,
                         .map = kinds[i].map,
                         .causal = kinds[i].causal,
                         .sequences = 1,
                         .heads = c->heads,
                         .width = c->width,
                         .features = c->features,
                         .query_offsets = offsets,
                         .key_offsets = offsets,
                         .scale = 1 / sqrtf((float)c->width)};
        return STATUS_OK;
    }
    return status_fail(STATUS_ARGUMENT, "unknown kind '%s'", c->kind);
}

static Status take(const Case *c, Attention *a, Arena *arena, Buffers *b) {
    const size_t shape[] = {(size_t)c->length, (size_t)c->heads, (size_t)c->width};
    Tensor *const parts[] = {&b->q, &b->k, &b->v, &b->dout, &b->out, &b->dq, &b->dk, &b->dv};
    static const char *const names[] = {"q", "k", "v", "dout", "out", "dq", "dk", "dv"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        STATUS_TRY(tensor_take(arena, parts[i], names[i], 3, shape));
        tensor_fill_normal(parts[i], 1, rng_stream(names[i]));
    }
    b->saved = arena_take(arena, attention_saved_bytes(a));
    if (!b->saved) return STATUS_MEMORY;
    if (c->features == 0) return STATUS_OK;
    STATUS_TRY(tensor_take(arena, &b->projection, "projection", 2,
                           (size_t[]){(size_t)c->features, (size_t)c->width}));
    a->projection = b->projection.data;
    return projection_draw(b->projection.data, c->features, c->width, PROJECTION_ORTHOGONAL, 1,
                           rng_stream("projection"));
}

/* forward: without anything saved. both: forward that saves, then backward. */
static Status run(const Case *c, const Attention *a, const Buffers *b, Arena *arena) {
    const AttentionIn q = attention_in(&b->q), k = attention_in(&b->k), v = attention_in(&b->v);
    const int both = strcmp(c->direction, "both") == 0;
    STATUS_TRY(device_cpu()->attention_forward(a, q, k, v, attention_out(&b->out),
                                               both ? b->saved : NULL, arena));
    if (!both) return STATUS_OK;
    return device_cpu()->attention_backward(a, q, k, v, attention_in(&b->out),
                                            attention_in(&b->dout), b->saved, attention_out(&b->dq),
                                            attention_out(&b->dk), attention_out(&b->dv), arena);
}

static Status time_gemm(int n, Arena *arena, double *seconds) {
    const size_t shape[] = {(size_t)n, (size_t)n}, ld = (size_t)n;
    Tensor a, b, c;
    STATUS_TRY(tensor_take(arena, &a, "a", 2, shape));
    STATUS_TRY(tensor_take(arena, &b, "b", 2, shape));
    STATUS_TRY(tensor_take(arena, &c, "c", 2, shape));
    tensor_fill_normal(&a, 1, 1);
    tensor_fill_normal(&b, 1, 2);
    for (int repeat = 0; repeat < 2; repeat++) {
        const double start = clock_seconds();
        STATUS_TRY(device_cpu()->gemm(0, 0, n, n, n, 1, a.data, ld, b.data, ld, 0, c.data, ld));
        *seconds = clock_seconds() - start;
    }
    return STATUS_OK;
}

static Status time_case(const Case *c, Arena *arena, double *seconds) {
    if (strcmp(c->kind, "gemm") == 0) return time_gemm(c->length, arena, seconds);
    const int offsets[] = {0, c->length};
    Attention a;
    Buffers b;
    STATUS_TRY(describe(c, offsets, &a));
    STATUS_TRY(take(c, &a, arena, &b));
    for (int repeat = 0; repeat < 2; repeat++) {
        const double start = clock_seconds();
        STATUS_TRY(run(c, &a, &b, arena));
        *seconds = clock_seconds() - start;
    }
    return STATUS_OK;
}

int main(void) {
    threads_set(0);
    Arena arena;
    if (arena_open(&arena, 0) != STATUS_OK) {
        fprintf(stderr, "peer_attention: %s\n", status_message());
        return 1;
    }
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        Case c;
        double seconds = 0;
        if (sscanf(line, "%31s %15s %d %d %d %d", c.kind, c.direction, &c.heads, &c.width,
                   &c.features, &c.length) != 6 ||
            c.length < 1) {
            fprintf(stderr,
                    "peer_attention: expected 'kind direction heads width features length',"
                    " found: %s",
                    line);
            return 2;
        }
        if (time_case(&c, &arena, &seconds) != STATUS_OK) {
            fprintf(stderr, "peer_attention: %s\n", status_message());
            return 1;
        }
        arena_rewind(&arena, 0);
        printf("%.9f\n", seconds);
        fflush(stdout);
    }
    arena_close(&arena);
    return 0;
}
