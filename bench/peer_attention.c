/* peer_attention: our side of a race against another implementation (bench/peers/race.py).
 *
 *     peer_attention [--device=cpu|cuda]
 *
 * Reads one case a line from standard input, runs it, and prints its time in seconds, so that the
 * referee can let both sides take turns in one run:
 *
 *     tiled forward 8 64 256 4096        kind direction heads width features length
 *     tiled forward 8 64 0 4096 bf16     and the precision of the products; f32 where it is missing
 *     gemm forward 1 0 0 2048            the machine's own product, for scale
 *     describe                           the machine's name, a tab, the device's
 *
 * On the CPU the second run is timed: the first touches memory and starts threads. On a GPU calls
 * follow each other for a fiftieth of a second between two of its events, after three that are not
 * timed, and the answer is the time of one. What a device lacks is answered by "lacks" and the
 * reason.
 */
#include "base/machine.h"
#include "base/rng.h"
#include "base/threads.h"
#include "op/cuda.h"
#include "op/projection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPU_SECONDS 0.02

typedef struct {
    char kind[32], direction[16], precision[16];
    int heads, width, features, length;
} Case;

typedef struct {
    float *q, *k, *v, *dout, *out, *dq, *dk, *dv; /* [N,H,E], the device's */
    void *saved;
} Buffers;

typedef struct {
    const Device *device;
    Arena host, there; /* drawn here, used there; on the CPU both are the host's */
} Side;

typedef Status Work(Side *side, void *what);

/* --- the clock -------------------------------------------------------------------------------- */

static Status time_calls(Side *side, Work *work, void *what, int calls, double *seconds) {
    STATUS_TRY(side->device->memory->time_begin());
    for (int i = 0; i < calls; i++) STATUS_TRY(work(side, what));
    STATUS_TRY(side->device->memory->time_end(seconds));
    *seconds /= calls;
    return STATUS_OK;
}

static Status time_work(Side *side, Work *work, void *what, double *seconds) {
    STATUS_TRY(time_calls(side, work, what, 1, seconds));
    if (!side->device->memory->is_host) {
        STATUS_TRY(time_calls(side, work, what, 2, seconds));
        const double calls = GPU_SECONDS / (*seconds > 1e-6 ? *seconds : 1e-6);
        return time_calls(side, work, what, calls < 1 ? 1 : (int)calls, seconds);
    }
    return time_calls(side, work, what, 1, seconds);
}

/* --- attention -------------------------------------------------------------------------------- */

static Status describe_case(const Case *c, const int *offsets, Attention *a) {
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

static Status find_precision(const Case *c, Precision *out) {
    for (int p = PRECISION_F32; p <= PRECISION_TF32; p++)
        if (strcmp(c->precision, precision_name((Precision)p)) == 0) {
            *out = (Precision)p;
            return STATUS_OK;
        }
    return status_fail(STATUS_ARGUMENT, "unknown precision '%s'", c->precision);
}

/* `count` normals on the device; NULL and a message where there is no room. */
static Status draw(Side *side, size_t count, const char *stream, float **out) {
    const DeviceMemory *memory = side->device->memory;
    const size_t bytes = count * sizeof(float), mark = arena_mark(&side->host);
    *out = arena_take(&side->there, bytes);
    float *drawn = memory->is_host ? *out : arena_take(&side->host, bytes);
    if (!*out || !drawn) return STATUS_MEMORY;
    rng_fill_normal(drawn, count, 1, rng_stream(stream));
    if (memory->is_host) return STATUS_OK;
    STATUS_TRY(memory->upload(*out, drawn, bytes));
    STATUS_TRY(memory->wait()); /* what was drawn is written over next */
    arena_rewind(&side->host, mark);
    return STATUS_OK;
}

static Status draw_projection(Side *side, const Case *c, const float **out) {
    const DeviceMemory *memory = side->device->memory;
    const size_t bytes = (size_t)c->features * (size_t)c->width * sizeof(float);
    float *there = arena_take(&side->there, bytes);
    float *drawn = memory->is_host ? there : arena_take(&side->host, bytes);
    if (!there || !drawn) return STATUS_MEMORY;
    STATUS_TRY(projection_draw(drawn, c->features, c->width, PROJECTION_ORTHOGONAL, 1,
                               rng_stream("projection")));
    *out = there;
    if (memory->is_host) return STATUS_OK;
    STATUS_TRY(memory->upload(there, drawn, bytes));
    return memory->wait();
}

static Status take(Side *side, const Case *c, Attention *a, Buffers *b) {
    const size_t all = (size_t)c->length * (size_t)c->heads * (size_t)c->width;
    float **parts[] = {&b->q, &b->k, &b->v, &b->dout, &b->out, &b->dq, &b->dk, &b->dv};
    static const char *const names[] = {"q", "k", "v", "dout", "out", "dq", "dk", "dv"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        STATUS_TRY(draw(side, all, names[i], parts[i]));
    b->saved = arena_take(&side->there, attention_saved_bytes(a));
    if (!b->saved) return STATUS_MEMORY;
    return c->features ? draw_projection(side, c, &a->projection) : STATUS_OK;
}

typedef struct {
    const Case *c;
    const Attention *a;
    const Buffers *b;
} Call;

/* forward: without anything saved. both: forward that saves, then backward. */
static Status attend(Side *side, void *what) {
    const Call *call = what;
    const Buffers *b = call->b;
    const size_t head = (size_t)call->c->width, row = head * (size_t)call->c->heads;
    const int both = strcmp(call->c->direction, "both") == 0;
    const AttentionIn q = {b->q, row, head}, k = {b->k, row, head}, v = {b->v, row, head};
    const AttentionIn out = {b->out, row, head}, dout = {b->dout, row, head};
    STATUS_TRY(side->device->attention_forward(call->a, q, k, v, (AttentionOut){b->out, row, head},
                                               both ? b->saved : NULL, &side->there));
    if (!both) return STATUS_OK;
    return side->device->attention_backward(
        call->a, q, k, v, out, dout, b->saved, (AttentionOut){b->dq, row, head},
        (AttentionOut){b->dk, row, head}, (AttentionOut){b->dv, row, head}, &side->there);
}

/* --- a square product --------------------------------------------------------------------------
 */

typedef struct {
    const Case *c;
    Precision precision;
    float *a, *b, *out;
} Product;

static Status multiply(Side *side, void *what) {
    const Product *p = what;
    const int n = p->c->length;
    const size_t ld = (size_t)n;
    if (p->precision == PRECISION_F32)
        return side->device->gemm(0, 0, n, n, n, 1, p->a, ld, p->b, ld, 0, p->out, ld);
    return side->device->gemm_at(p->precision, 0, 0, n, n, n, 1, p->a, ld, p->b, ld, 0, p->out, ld,
                                 &side->there);
}

static Status time_gemm(Side *side, const Case *c, double *seconds) {
    Product product = {.c = c};
    const size_t all = (size_t)c->length * (size_t)c->length;
    STATUS_TRY(find_precision(c, &product.precision));
    STATUS_TRY(draw(side, all, "a", &product.a));
    STATUS_TRY(draw(side, all, "b", &product.b));
    STATUS_TRY(draw(side, all, "c", &product.out));
    return time_work(side, multiply, &product, seconds);
}

static Status time_case(Side *side, const Case *c, double *seconds) {
    if (strcmp(c->kind, "gemm") == 0) return time_gemm(side, c, seconds);
    const int offsets[] = {0, c->length};
    Attention a;
    Buffers b;
    STATUS_TRY(describe_case(c, offsets, &a));
    STATUS_TRY(find_precision(c, &a.precision));
    STATUS_TRY(take(side, c, &a, &b));
    Call call = {c, &a, &b};
    return time_work(side, attend, &call, seconds);
}

/* --- the protocol ------------------------------------------------------------------------------
 */

static void answer_describe(const Side *side) {
    Machine machine;
    machine_describe(&machine);
    const char *gpu = side->device->memory->slug();
    printf("%s%s%s\t%s\n", machine.slug, *gpu ? "-" : "", gpu, side->device->memory->describe());
    fflush(stdout);
}

/* 0, or the exit status of a line that is wrong or of work that failed. */
static int answer(Side *side, const char *line) {
    Case c = {.precision = "f32"};
    double seconds = 0;
    if (strcmp(line, "describe\n") == 0) {
        answer_describe(side);
        return 0;
    }
    if (sscanf(line, "%31s %15s %d %d %d %d %15s", c.kind, c.direction, &c.heads, &c.width,
               &c.features, &c.length, c.precision) < 6 ||
        c.length < 1) {
        fprintf(stderr,
                "peer_attention: expected 'kind direction heads width features length "
                "[precision]', found: %s",
                line);
        return 2;
    }
    const size_t mark = arena_mark(&side->there);
    const Status status = time_case(side, &c, &seconds);
    arena_rewind(&side->there, mark);
    arena_rewind(&side->host, 0);
    if (status == STATUS_OK) {
        printf("%.9f\n", seconds);
    } else if (status == STATUS_UNSUPPORTED || status == STATUS_MEMORY) {
        printf("lacks %s\n", status_message());
    } else {
        fprintf(stderr, "peer_attention: %s\n", status_message());
        return 1;
    }
    fflush(stdout);
    return 0;
}

static Status open_side(Side *side, const char *word) {
    STATUS_TRY(device_choose(word, &side->device));
    STATUS_TRY(arena_open(&side->host, 0));
    const DeviceMemory *memory = side->device->memory;
    if (memory->is_host) return memory->arena_open(&side->there, 0);
    size_t now, total;
    STATUS_TRY(memory->free_bytes(&now, &total));
    return memory->arena_open(&side->there, now / 2); /* the other side needs room too */
}

int main(int argc, char **argv) {
    const char *word = "cpu";
    if (argc == 2 && strncmp(argv[1], "--device=", 9) == 0)
        word = argv[1] + 9;
    else if (argc > 1) {
        fprintf(stderr, "usage: peer_attention [--device=cpu|cuda] < cases\n");
        return 2;
    }
    threads_set(0);
    Side side = {0};
    if (open_side(&side, word) != STATUS_OK) {
        fprintf(stderr, "peer_attention: %s\n", status_message());
        return 1;
    }
    char line[256];
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, stdin)) status = answer(&side, line);
    side.device->memory->arena_close(&side.there);
    arena_close(&side.host);
    return status;
}
