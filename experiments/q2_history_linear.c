#include "q2_history_linear.h"
#include "base/rng.h"
#include "model/transformer.h"
#include "op/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const linear_slug[LINEAR_MAPS] = {"elu", "favor"};

enum { HEADS = 2, E = 32, WIDTH = HEADS * E, FEATURES = 64, MODEL_SYMBOLS = 32 };

typedef struct {
    LinearMap map;
    int length, columns; /* columns of the feature map */
    float *q, *k, *v, *projection;
    float *parallel, *recurrent; /* [N, H E] */
    double *exact;
    double *features[2]; /* of queries, keys: [N, H, C] */
} Problem;

/* --- features ----------------------------------------------------------------------------------
 */

/* phi of one head's vector in double, from its definition in op/op.h. */
static void features_of(const Problem *p, const float *x, double *phi) {
    if (p->map == LINEAR_ELU) {
        for (int e = 0; e < E; e++) phi[e] = x[e] > 0 ? (double)x[e] + 1 : exp((double)x[e]);
        return;
    }
    const double scale = sqrt(1 / sqrt((double)E));
    double square = 0;
    for (int e = 0; e < E; e++) square += scale * (double)x[e] * scale * (double)x[e];
    for (int r = 0; r < FEATURES; r++) {
        double product = 0;
        for (int e = 0; e < E; e++)
            product += (double)p->projection[r * E + e] * scale * (double)x[e];
        phi[r] = exp(product - square / 2) / sqrt((double)FEATURES);
    }
}

/* --- the three computations --------------------------------------------------------------------
 */

/* The left form of the equation, all pairs, in double. */
static void compute_exactly(const Problem *p) {
    const int n = p->length, c = p->columns;
    for (int t = 0; t < n; t++)
        for (int h = 0; h < HEADS; h++) {
            const size_t at = (size_t)t * HEADS + (size_t)h;
            features_of(p, p->q + at * E, p->features[0] + at * (size_t)c);
            features_of(p, p->k + at * E, p->features[1] + at * (size_t)c);
        }
#pragma omp parallel for schedule(dynamic, 16)
    for (int i = 0; i < n; i++)
        for (int h = 0; h < HEADS; h++) {
            const size_t at = (size_t)i * HEADS + (size_t)h;
            const double *query = p->features[0] + at * (size_t)c;
            double sum = 0, out[E] = {0};
            for (int j = 0; j <= i; j++) {
                const size_t other = (size_t)j * HEADS + (size_t)h;
                const double *key = p->features[1] + other * (size_t)c;
                double weight = 0;
                for (int f = 0; f < c; f++) weight += query[f] * key[f];
                sum += weight;
                for (int e = 0; e < E; e++) out[e] += weight * (double)p->v[other * E + (size_t)e];
            }
            for (int e = 0; e < E; e++) p->exact[at * E + (size_t)e] = out[e] / sum;
        }
}

static Status compute_parallel(const Problem *p) {
    const int offsets[] = {0, p->length};
    const Attention attention = {.kind = ATTENTION_KERNEL_LINEAR,
                                 .map = p->map == LINEAR_ELU ? FEATURE_ELU1 : FEATURE_POSITIVE,
                                 .causal = 1,
                                 .sequences = 1,
                                 .heads = HEADS,
                                 .width = E,
                                 .features = FEATURES,
                                 .query_offsets = offsets,
                                 .key_offsets = offsets,
                                 .projection = p->map == LINEAR_ELU ? NULL : p->projection,
                                 .scale = 1 / sqrtf(E)};
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    Status status = device_cpu()->attention_forward(
        &attention, (AttentionIn){p->q, WIDTH, E}, (AttentionIn){p->k, WIDTH, E},
        (AttentionIn){p->v, WIDTH, E}, (AttentionOut){p->parallel, WIDTH, E}, NULL, &arena);
    arena_close(&arena);
    return status;
}

/* phi of FAVOR+ in float, of an already scaled x. */
static void favor_features(const float *projection, const float *x, float *phi) {
    float square = 0;
    for (int e = 0; e < E; e++) square += x[e] * x[e];
    for (int r = 0; r < FEATURES; r++) {
        float product = 0;
        for (int e = 0; e < E; e++) product += projection[r * E + e] * x[e];
        phi[r] = expf(product - square / 2) / sqrtf(FEATURES);
    }
}

/* excerpt: favor-recurrence */
/* One head of FAVOR+ as a recurrent network: S [C, E] and z [C] are all that it keeps. */
static void favor_step(const float *projection, const float *q, const float *k, const float *v,
                       float *sums, float *z, float *out) {
    float query[FEATURES], key[FEATURES], total = 0;
    favor_features(projection, q, query);
    favor_features(projection, k, key);
    for (int e = 0; e < E; e++) out[e] = 0;
    for (int r = 0; r < FEATURES; r++) {
        z[r] += key[r]; /* z_i = z_{i-1} + phi(k_i) */
        total += query[r] * z[r];
        for (int e = 0; e < E; e++) {
            sums[r * E + e] += key[r] * v[e]; /* S_i = S_{i-1} + phi(k_i) v_i' */
            out[e] += query[r] * sums[r * E + e];
        }
    }
    for (int e = 0; e < E; e++) out[e] /= total; /* o_i = S_i' phi(q_i) / z_i' phi(q_i) */
}
/* end excerpt */

static void favor_recurrent(const Problem *p) {
    const float scale = sqrtf(1 / sqrtf(E));
    float sums[HEADS][FEATURES * E] = {{0}}, z[HEADS][FEATURES] = {{0}}, q[E], k[E];
    for (int t = 0; t < p->length; t++)
        for (int h = 0; h < HEADS; h++) {
            const size_t at = (size_t)t * WIDTH + (size_t)h * E;
            for (size_t e = 0; e < E; e++) {
                q[e] = scale * p->q[at + e];
                k[e] = scale * p->k[at + e];
            }
            favor_step(p->projection, q, k, p->v + at, sums[h], z[h], p->recurrent + at);
        }
}

static Status compute_recurrent(const Problem *p) {
    const StepOps *steps = device_cpu()->steps;
    float features[E];
    if (p->map == LINEAR_FAVOR) {
        favor_recurrent(p);
        return STATUS_OK;
    }
    float *state = calloc(step_state_floats(HEADS, E), sizeof *state);
    if (!state) return status_fail(STATUS_MEMORY, "no memory for a state");
    for (int t = 0; t < p->length; t++) {
        const size_t at = (size_t)t * WIDTH;
        steps->absorb(HEADS, E, p->k + at, p->v + at, state);
        steps->recall(HEADS, E, p->q + at, state, features, p->recurrent + at);
    }
    free(state);
    return STATUS_OK;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

static double nmse_of(const float *x, const double *exact, size_t count) {
    double error = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        error += ((double)x[i] - exact[i]) * ((double)x[i] - exact[i]);
        size += exact[i] * exact[i];
    }
    return error / size;
}

static double nmse_between(const float *x, const float *y, size_t count) {
    double error = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        error += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        size += (double)y[i] * (double)y[i];
    }
    return error / size;
}

static void problem_close(Problem *p) {
    free(p->q), free(p->k), free(p->v), free(p->projection);
    free(p->parallel), free(p->recurrent), free(p->exact);
    free(p->features[0]), free(p->features[1]);
}

static Status problem_open(Problem *p, LinearMap map, int length, uint64_t seed) {
    const size_t n = (size_t)length, count = n * WIDTH;
    *p = (Problem){.map = map, .length = length, .columns = map == LINEAR_ELU ? E : FEATURES};
    float **floats[] = {&p->q, &p->k, &p->v, &p->parallel, &p->recurrent};
    static const char *const names[] = {"q2.linear.q", "q2.linear.k", "q2.linear.v"};
    int missing = 0;
    for (int i = 0; i < 5; i++) missing |= !(*floats[i] = malloc(count * sizeof(float)));
    for (int i = 0; i < 2; i++)
        missing |=
            !(p->features[i] = malloc(n * HEADS * (size_t)p->columns * sizeof *p->features[i]));
    missing |= !(p->exact = malloc(count * sizeof *p->exact));
    missing |= !(p->projection = malloc(FEATURES * E * sizeof *p->projection));
    if (missing)
        return status_fail(STATUS_MEMORY, "no memory for attention over %d positions", length);
    for (int i = 0; i < 3; i++) rng_fill_normal(*floats[i], count, seed, rng_stream(names[i]));
    for (size_t i = 0; i < count && map == LINEAR_FAVOR; i++) p->q[i] *= .5f, p->k[i] *= .5f;
    return projection_draw(p->projection, FEATURES, E, PROJECTION_ORTHOGONAL, seed,
                           rng_stream("q2.linear.projection"));
}

Status linear_measure(LinearMap map, int length, uint64_t seed, LinearError *out) {
    Problem p;
    const size_t count = (size_t)length * WIDTH;
    Status status = problem_open(&p, map, length, seed);
    if (status == STATUS_OK) status = compute_parallel(&p);
    if (status == STATUS_OK) status = compute_recurrent(&p);
    if (status == STATUS_OK) {
        compute_exactly(&p);
        *out = (LinearError){.parallel = nmse_of(p.parallel, p.exact, count),
                             .recurrent = nmse_of(p.recurrent, p.exact, count),
                             .apart = nmse_between(p.recurrent, p.parallel, count)};
    }
    problem_close(&p);
    return status;
}

/* --- a whole model ------------------------------------------------------------------------------
 */

static Status step_through(Transformer *model, const int32_t *ids, int length, float *logits,
                           size_t bytes[2]) {
    TransformerCache *cache;
    Status status = transformer_cache_open(&cache, model, 1, length, NULL);
    for (int t = 0; t < length && status == STATUS_OK; t++) {
        status = transformer_cache_step(cache, &ids[t], logits + (size_t)t * MODEL_SYMBOLS);
        if (t == 0) bytes[0] = transformer_cache_bytes(cache);
    }
    if (status == STATUS_OK) bytes[1] = transformer_cache_bytes(cache);
    transformer_cache_close(cache);
    return status;
}

static Status compare_model(Transformer *model, int length, uint64_t seed, Arena *arena,
                            double *apart, size_t bytes[2]) {
    const size_t n = (size_t)length;
    const int offsets[] = {0, length};
    int32_t *ids = arena_take(arena, n * sizeof *ids);
    float *stepped = arena_take(arena, n * MODEL_SYMBOLS * sizeof *stepped);
    Tape tape;
    if (!ids || !stepped) return STATUS_MEMORY;
    for (size_t t = 0; t < n; t++)
        ids[t] = (int32_t)rng_below(seed, rng_stream("q2.linear.ids"), t, MODEL_SYMBOLS);
    tape_open(&tape, arena, TAPE_INFER, 1, 0);
    const Value *whole = transformer_decode(model, &tape, ids, 1, offsets, NULL);
    STATUS_TRY(tape_status(&tape));
    STATUS_TRY(step_through(model, ids, length, stepped, bytes));
    *apart = nmse_between(stepped, whole->data, n * MODEL_SYMBOLS);
    return STATUS_OK;
}

Status linear_measure_model(int length, uint64_t seed, double *apart, size_t bytes[2]) {
    const TransformerConfig config = {.decoder_layers = 2,
                                      .width = WIDTH,
                                      .heads = HEADS,
                                      .feed_forward = 2 * WIDTH,
                                      .vocabulary = MODEL_SYMBOLS,
                                      .classes = MODEL_SYMBOLS,
                                      .positions = POSITIONS_SINUSOIDAL,
                                      .attention = ATTENTION_KERNEL_LINEAR};
    Transformer *model;
    Arena arena;
    STATUS_TRY(transformer_open(&model, &config, seed));
    Status status = arena_open(&arena, 0);
    if (status == STATUS_OK) {
        status = compare_model(model, length, seed, &arena, apart, bytes);
        arena_close(&arena);
    }
    transformer_close(model);
    return status;
}
