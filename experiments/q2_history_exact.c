#include "q2_history_exact.h"
#include "base/rng.h"
#include "op/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const exact_kind_slug[EXACT_KINDS] = {"softmax",   "tiled", "elu",
                                                  "quadratic", "favor", "relu"};
const char *const exact_positions_slug[3] = {"none", "sinusoidal", "learned"};

enum { WIDTH = 32, HEADS = 2, LAYERS = 2, FEATURES = 48, CLASSES = 24 };

/* --- what is measured ------------------------------------------------------------------------- */

/* Two answers and two inputs. */
typedef struct {
    int32_t *ids[2];
    float *out[2];
    uint32_t *order;
} Pair;

static void pair_close(Pair *pair) {
    for (int i = 0; i < 2; i++) free(pair->ids[i]), free(pair->out[i]);
    free(pair->order);
}

static Status pair_open(Pair *pair, const ExactShape *shape) {
    const size_t n = (size_t)shape->length, numbers = n * (size_t)shape->columns;
    *pair = (Pair){.order = malloc(((size_t)shape->vocabulary + n) * sizeof *pair->order)};
    for (int i = 0; i < 2; i++) {
        pair->ids[i] = malloc(n * sizeof *pair->ids[i]);
        pair->out[i] = malloc(numbers * sizeof *pair->out[i]);
    }
    if (pair->order && pair->ids[0] && pair->ids[1] && pair->out[0] && pair->out[1])
        return STATUS_OK;
    pair_close(pair);
    return status_fail(STATUS_MEMORY, "no memory for two sequences of %d", shape->length);
}

static int different_bits(float a, float b) {
    uint32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return __builtin_popcount(x ^ y);
}

static void compare(const Pair *pair, const ExactShape *shape, int place, LeakCount *count) {
    const size_t columns = (size_t)shape->columns, past = (size_t)place * columns;
    const size_t all = (size_t)shape->length * columns;
    for (size_t i = 0; i < past; i++) {
        const int bits = different_bits(pair->out[0][i], pair->out[1][i]);
        if (bits == 0) continue;
        count->bits += bits;
        count->changed++;
        count->largest = fmax(count->largest, fabs((double)pair->out[0][i] - pair->out[1][i]));
    }
    for (size_t i = past; i < all; i++)
        count->after_changed += different_bits(pair->out[0][i], pair->out[1][i]) > 0;
    count->compared += (double)past;
    count->after += (double)(all - past);
}

static Status leak_draws(ExactNetwork network, void *context, const ExactShape *shape, int draws,
                         uint64_t seed, Pair *pair, LeakCount *count) {
    const uint64_t stream = rng_stream("q2.leak"), symbols = (uint64_t)shape->vocabulary;
    const int n = shape->length;
    uint64_t index = 0;
    for (int d = 0; d < draws; d++) {
        const int place = 1 + (int)rng_below(seed, stream, index++, (uint64_t)n - 1);
        for (int t = 0; t < n; t++) {
            const uint64_t symbol = rng_below(seed, stream, index++, symbols);
            const uint64_t turn = 1 + rng_below(seed, stream, index++, symbols - 1);
            pair->ids[0][t] = (int32_t)symbol;
            pair->ids[1][t] = (int32_t)(t < place ? symbol : (symbol + turn) % symbols);
        }
        for (int i = 0; i < 2; i++) STATUS_TRY(network(context, pair->ids[i], pair->out[i]));
        compare(pair, shape, place, count);
    }
    return STATUS_OK;
}

Status leak_measure(ExactNetwork network, void *context, const ExactShape *shape, int draws,
                    uint64_t seed, LeakCount *count) {
    Pair pair;
    if (shape->length < 2 || shape->vocabulary < 2)
        return status_fail(STATUS_ARGUMENT, "leak: %d symbols of a vocabulary of %d; expected two",
                           shape->length, shape->vocabulary);
    STATUS_TRY(pair_open(&pair, shape));
    Status status = leak_draws(network, context, shape, draws, seed, &pair, count);
    pair_close(&pair);
    return status;
}

static double residual_of(const Pair *pair, const ExactShape *shape) {
    double difference = 0, size = 0;
    const size_t columns = (size_t)shape->columns;
    for (int t = 0; t < shape->length; t++)
        for (size_t c = 0; c < columns; c++) {
            const double was = (double)pair->out[0][pair->order[t] * columns + c];
            const double is = (double)pair->out[1][(size_t)t * columns + c];
            difference += (is - was) * (is - was);
            size += was * was;
        }
    return sqrt(difference / size);
}

Status order_measure(ExactNetwork network, void *context, const ExactShape *shape, int draws,
                     uint64_t seed, double *residual) {
    Pair pair;
    const uint64_t symbols = rng_stream("q2.order.symbols"), turns = rng_stream("q2.order");
    const size_t n = (size_t)shape->length, v = (size_t)shape->vocabulary;
    if (shape->length < 2 || v < n)
        return status_fail(STATUS_ARGUMENT, "order: %d distinct symbols out of %d", shape->length,
                           shape->vocabulary);
    STATUS_TRY(pair_open(&pair, shape));
    Status status = STATUS_OK;
    for (int d = 0; d < draws && status == STATUS_OK; d++) {
        for (size_t i = 0; i < v; i++) pair.order[i] = (uint32_t)i;
        rng_shuffle(pair.order, v, seed, symbols + (uint64_t)d);
        for (size_t t = 0; t < n; t++) pair.ids[0][t] = (int32_t)pair.order[t];
        for (size_t t = 0; t < n; t++) pair.order[t] = (uint32_t)t;
        rng_shuffle(pair.order, n, seed, turns + (uint64_t)d);
        for (size_t t = 0; t < n; t++) pair.ids[1][t] = pair.ids[0][pair.order[t]];
        for (int i = 0; i < 2 && status == STATUS_OK; i++)
            status = network(context, pair.ids[i], pair.out[i]);
        if (status == STATUS_OK) residual[d] = residual_of(&pair, shape);
    }
    pair_close(&pair);
    return status;
}

/* --- the networks ----------------------------------------------------------------------------- */

struct ExactNet {
    ExactShape shape;
    Transformer *model;  /* or: */
    Attention attention; /* one layer, whose q, k and v come from tables [N, V, H E] */
    float *table[3], *projection;
    int offsets[2], causal;
    Arena arena;
};

static Status open_model(ExactNet *net, ExactKind kind, Positions positions, uint64_t seed) {
    static const AttentionKind kinds[EXACT_MODEL_KINDS] = {ATTENTION_MATERIALISED, ATTENTION_TILED,
                                                           ATTENTION_KERNEL_LINEAR};
    if (kind >= EXACT_MODEL_KINDS)
        return status_fail(STATUS_ARGUMENT, "no Transformer has attention of kind %d", (int)kind);
    const TransformerConfig config = {.encoder_layers = net->causal ? 0 : LAYERS,
                                      .decoder_layers = net->causal ? LAYERS : 0,
                                      .width = WIDTH,
                                      .heads = HEADS,
                                      .feed_forward = 2 * WIDTH,
                                      .vocabulary = net->shape.vocabulary,
                                      .classes = CLASSES,
                                      .positions = positions,
                                      .positions_max = net->shape.length,
                                      .attention = kinds[kind]};
    net->shape.columns = CLASSES;
    return transformer_open(&net->model, &config, seed);
}

static Status open_layer(ExactNet *net, ExactKind kind, uint64_t seed) {
    static const struct {
        AttentionKind kind;
        FeatureMap map;
    } kinds[EXACT_KINDS] = {[EXACT_SOFTMAX] = {ATTENTION_MATERIALISED, FEATURE_ELU1},
                            [EXACT_TILED] = {ATTENTION_TILED, FEATURE_ELU1},
                            [EXACT_ELU] = {ATTENTION_KERNEL_LINEAR, FEATURE_ELU1},
                            [EXACT_QUADRATIC] = {ATTENTION_KERNEL_QUADRATIC, FEATURE_ELU1},
                            [EXACT_FAVOR] = {ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE},
                            [EXACT_RELU] = {ATTENTION_KERNEL_LINEAR, FEATURE_RELU}};
    static const char *const names[3] = {"q2.exact.q", "q2.exact.k", "q2.exact.v"};
    const int e = WIDTH / HEADS;
    const size_t count = (size_t)net->shape.length * (size_t)net->shape.vocabulary * WIDTH;
    net->shape.columns = WIDTH;
    net->projection = malloc((size_t)FEATURES * (size_t)e * sizeof(float));
    if (!net->projection) return status_fail(STATUS_MEMORY, "no memory for a projection");
    STATUS_TRY(projection_draw(net->projection, FEATURES, e, PROJECTION_ORTHOGONAL, seed,
                               rng_stream("q2.exact.projection")));
    for (int i = 0; i < 3; i++) {
        net->table[i] = malloc(count * sizeof(float));
        if (!net->table[i]) return status_fail(STATUS_MEMORY, "no memory for a table");
        rng_fill_normal(net->table[i], count, seed, rng_stream(names[i]));
    }
    net->attention =
        (Attention){.kind = kinds[kind].kind,
                    .map = kinds[kind].map,
                    .causal = net->causal,
                    .sequences = 1,
                    .heads = HEADS,
                    .width = e,
                    .features = FEATURES,
                    .query_offsets = net->offsets,
                    .key_offsets = net->offsets,
                    .projection = kinds[kind].map == FEATURE_ELU1 ? NULL : net->projection,
                    .scale = 1 / sqrtf((float)e)};
    return STATUS_OK;
}

Status exact_open(ExactNet **out, int layer, ExactKind kind, int causal, Positions positions,
                  int length, uint64_t seed) {
    ExactNet *net = calloc(1, sizeof *net);
    *out = NULL;
    if (!net) return status_fail(STATUS_MEMORY, "no memory for a network");
    net->shape = (ExactShape){.length = length, .vocabulary = 2 * length};
    net->offsets[1] = length;
    net->causal = causal;
    Status status = arena_open(&net->arena, 0);
    if (status == STATUS_OK)
        status = layer ? open_layer(net, kind, seed) : open_model(net, kind, positions, seed);
    if (status == STATUS_OK)
        *out = net;
    else
        exact_close(net);
    return status;
}

void exact_close(ExactNet *net) {
    if (!net) return;
    transformer_close(net->model);
    for (int i = 0; i < 3; i++) free(net->table[i]);
    free(net->projection);
    if (net->arena.base) arena_close(&net->arena);
    free(net);
}

ExactShape exact_shape(const ExactNet *net) {
    return net->shape;
}

static Status run_model(ExactNet *net, const int32_t *ids, float *out) {
    Tape tape;
    Value *y;
    tape_open(&tape, &net->arena, TAPE_INFER, 1, 0);
    if (net->causal) {
        y = transformer_decode(net->model, &tape, ids, 1, net->offsets, NULL);
    } else {
        y = transformer_encode(net->model, &tape, ids, 1, net->offsets);
        y = transformer_classify(net->model, &tape, y);
    }
    STATUS_TRY(tape_status(&tape));
    memcpy(out, y->data, (size_t)net->shape.length * CLASSES * sizeof *out);
    return STATUS_OK;
}

static Status run_layer(ExactNet *net, const int32_t *ids, float *out) {
    AttentionIn in[3];
    const int n = net->shape.length, v = net->shape.vocabulary;
    for (int i = 0; i < 3; i++) {
        float *x = arena_take(&net->arena, (size_t)n * WIDTH * sizeof *x);
        if (!x) return STATUS_MEMORY;
        for (int t = 0; t < n; t++)
            memcpy(x + (size_t)t * WIDTH,
                   net->table[i] + ((size_t)t * (size_t)v + (size_t)ids[t]) * WIDTH,
                   WIDTH * sizeof *x);
        in[i] = (AttentionIn){x, WIDTH, WIDTH / HEADS};
    }
    return device_cpu()->attention_forward(&net->attention, in[0], in[1], in[2],
                                           (AttentionOut){out, WIDTH, WIDTH / HEADS}, NULL,
                                           &net->arena);
}

Status exact_run(void *context, const int32_t *ids, float *out) {
    ExactNet *net = context;
    const size_t mark = arena_mark(&net->arena);
    Status status = net->model ? run_model(net, ids, out) : run_layer(net, ids, out);
    arena_rewind(&net->arena, mark);
    return status;
}
