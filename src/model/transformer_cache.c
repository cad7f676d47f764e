/* Generation, one token at a time: what of the past is kept, and one step. */
#include "model/transformer.h"
#include "model/transformer_parts.h"
#include "nn/position.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys and values of one attention, or its running sums. */
typedef struct {
    float *rows;  /* softmax: [sequences][length][2 D], keys beside values */
    float *state; /* kernel: [sequences] states of op/step.h */

} Past;

struct TransformerCache {
    Transformer *model;
    int sequences, length, used;
    Past *own, *cross; /* [layers] */
    int *memory_offsets;
    /* scratch of a step: [sequences, ...] */
    float *x, *normal, *branch, *qkv, *feed, *statistics;
    float *scores, *features; /* of one head */
};

static int is_kernel(const TransformerCache *c) {
    return c->model->config.attention == ATTENTION_KERNEL_LINEAR;
}

static int head_width(const TransformerConfig *c) {
    return c->width / c->heads;
}

static size_t state_floats(const TransformerCache *cache) {
    const TransformerConfig *c = &cache->model->config;
    return step_state_floats(c->heads, head_width(c));
}

/* --- the step's arithmetic ------------------------------------------------------------------- */

static Status linear(const LinearParts *l, int rows, const float *x, Activation f, float *y) {
    STATUS_TRY(matmul_forward(l->weight->products, rows, x, y));
    device_cpu()->layers->activate(f, rows, (int)l->weight->shape[0], l->bias->value, y, y);
    return STATUS_OK;
}

static void norm(const TransformerCache *c, const NormParts *n, int rows, const float *x,
                 float *y) {
    device_cpu()->layers->norm(rows, c->model->config.width, x, NULL, NULL, n->gain->value,
                               n->shift->value, TRANSFORMER_EPSILON, y, y, c->statistics);
}

static void join(const TransformerCache *c, const float *branch, float *x) {
    device_cpu()->layers->add((size_t)c->sequences * (size_t)c->model->config.width, branch, x);
}

static void attend(const TransformerCache *cache, const Past *past, int sequence, int first,
                   int rows, const float *q, float *out) {
    const TransformerConfig *c = &cache->model->config;
    const StepOps *steps = device_cpu()->steps;
    const int e = head_width(c);
    const size_t d = (size_t)c->width;
    if (is_kernel(cache)) {
        steps->recall(c->heads, e, q, past->state + (size_t)sequence * state_floats(cache),
                      cache->features, out);
        return;
    }
    const float *kv = past->rows + (size_t)first * 2 * d;
    steps->attend(c->heads, e, rows, 1 / sqrtf((float)e), q, kv, 2 * d, kv + d, 2 * d,
                  cache->scores, out);
}

static Status self_step(TransformerCache *cache, int layer) {
    const TransformerLayer *l = &cache->model->parts->decoder[layer];
    const TransformerConfig *c = &cache->model->config;
    Past *past = &cache->own[layer];
    const size_t d = (size_t)c->width;
    norm(cache, &l->attention_norm, cache->sequences, cache->x, cache->normal);
    STATUS_TRY(linear(&l->qkv, cache->sequences, cache->normal, ACTIVATION_NONE, cache->qkv));
    for (int b = 0; b < cache->sequences; b++) {
        const float *q = cache->qkv + (size_t)b * 3 * d;
        const int first = b * cache->length;
        if (is_kernel(cache))
            device_cpu()->steps->absorb(c->heads, head_width(c), q + d, q + 2 * d,
                                        past->state + (size_t)b * state_floats(cache));
        else
            memcpy(past->rows + (size_t)(first + cache->used) * 2 * d, q + d,
                   2 * d * sizeof(float));
        attend(cache, past, b, first, cache->used + 1, q, cache->normal + (size_t)b * d);
    }
    STATUS_TRY(linear(&l->output, cache->sequences, cache->normal, ACTIVATION_NONE, cache->branch));
    join(cache, cache->branch, cache->x);
    return STATUS_OK;
}

static Status cross_step(TransformerCache *cache, int layer) {
    const TransformerLayer *l = &cache->model->parts->decoder[layer];
    const size_t d = (size_t)cache->model->config.width;
    const int *offsets = cache->memory_offsets;
    norm(cache, &l->cross_norm, cache->sequences, cache->x, cache->normal);
    STATUS_TRY(linear(&l->query, cache->sequences, cache->normal, ACTIVATION_NONE, cache->qkv));
    for (int b = 0; b < cache->sequences; b++)
        attend(cache, &cache->cross[layer], b, offsets[b], offsets[b + 1] - offsets[b],
               cache->qkv + (size_t)b * d, cache->normal + (size_t)b * d);
    STATUS_TRY(
        linear(&l->cross_output, cache->sequences, cache->normal, ACTIVATION_NONE, cache->branch));
    join(cache, cache->branch, cache->x);
    return STATUS_OK;
}

static Status feed_step(TransformerCache *cache, int layer) {
    const TransformerLayer *l = &cache->model->parts->decoder[layer];
    norm(cache, &l->feed_norm, cache->sequences, cache->x, cache->normal);
    STATUS_TRY(linear(&l->up, cache->sequences, cache->normal, ACTIVATION_GELU, cache->feed));
    STATUS_TRY(linear(&l->down, cache->sequences, cache->feed, ACTIVATION_NONE, cache->branch));
    join(cache, cache->branch, cache->x);
    return STATUS_OK;
}

static Status embed(TransformerCache *cache, const int32_t *ids) {
    const TransformerConfig *c = &cache->model->config;
    const TransformerParts *parts = cache->model->parts;
    Parameter *words = parts->decoder_words;
    const size_t d = (size_t)c->width;
    const float *place = NULL;
    for (int b = 0; b < cache->sequences; b++)
        if (ids[b] < 0 || (size_t)ids[b] >= words->shape[0])
            return status_fail(STATUS_ARGUMENT,
                               "transformer: id %d of sequence %d; there are %zu words",
                               (int)ids[b], b, words->shape[0]);
    if (words->freshen)
        STATUS_TRY(words->freshen(words->freshen_context, words, ids, (size_t)cache->sequences));
    if (parts->decoder_positions) {
        Parameter *table = parts->decoder_positions;
        const int32_t row = cache->used;
        if (table->freshen) STATUS_TRY(table->freshen(table->freshen_context, table, &row, 1));
        place = table->value + (size_t)cache->used * d;
    } else if (c->positions == POSITIONS_SINUSOIDAL) {
        if (cache->used < parts->sinusoid_rows) {
            place = parts->sinusoids + (size_t)cache->used * d;
        } else {
            nn_sinusoid(cache->used, c->width, cache->branch);
            place = cache->branch;
        }
    }
    for (int b = 0; b < cache->sequences; b++) {
        const float *word = words->value + (size_t)ids[b] * d;
        float *x = cache->x + (size_t)b * d;
        for (size_t i = 0; i < d; i++) x[i] = place ? word[i] + place[i] : word[i];
    }
    return STATUS_OK;
}

Status transformer_cache_step(TransformerCache *cache, const int32_t *ids, float *logits) {
    const TransformerParts *parts = cache->model->parts;
    if (cache->used >= cache->length)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: the cache is full: it has room for %d "
                           "tokens of each sequence",
                           cache->length);
    STATUS_TRY(embed(cache, ids));
    for (int i = 0; i < cache->model->config.decoder_layers; i++) {
        STATUS_TRY(self_step(cache, i));
        if (cache->memory_offsets) STATUS_TRY(cross_step(cache, i));
        STATUS_TRY(feed_step(cache, i));
    }
    norm(cache, &parts->decoder_norm, cache->sequences, cache->x, cache->normal);
    STATUS_TRY(linear(&parts->classes, cache->sequences, cache->normal, ACTIVATION_NONE, logits));
    cache->used++;
    return STATUS_OK;
}

/* --- opening and closing --------------------------------------------------------------------- */

static float *zeros(size_t count) {
    return calloc(count ? count : 1, sizeof(float));
}

/* Keys and values of the memory, or what kernel attention sums them up to. */
static Status keep_memory(TransformerCache *cache, int layer, const Value *states) {
    const TransformerConfig *c = &cache->model->config;
    const LinearParts *l = &cache->model->parts->decoder[layer].key_value;
    const size_t d = (size_t)c->width;
    Past *past = &cache->cross[layer];
    float *kv = zeros((size_t)states->rows * 2 * d);
    if (!kv) return status_fail(STATUS_MEMORY, "transformer: no memory for a cache");
    Status status = linear(l, states->rows, states->data, ACTIVATION_NONE, kv);
    past->rows = kv;
    if (status != STATUS_OK || !is_kernel(cache)) return status;
    for (int b = 0; b < cache->sequences; b++)
        for (int t = cache->memory_offsets[b]; t < cache->memory_offsets[b + 1]; t++)
            device_cpu()->steps->absorb(c->heads, head_width(c), kv + (size_t)t * 2 * d,
                                        kv + (size_t)t * 2 * d + d,
                                        past->state + (size_t)b * state_floats(cache));
    free(kv);
    past->rows = NULL;
    return STATUS_OK;
}

static int take_memory(TransformerCache *cache) {
    const TransformerConfig *c = &cache->model->config;
    const size_t b = (size_t)cache->sequences, d = (size_t)c->width;
    const size_t layers = (size_t)c->decoder_layers;
    int longest = cache->length;
    for (int s = 0; cache->memory_offsets && s < cache->sequences; s++) {
        const int rows = cache->memory_offsets[s + 1] - cache->memory_offsets[s];
        longest = rows > longest ? rows : longest;
    }
    cache->own = calloc(layers, sizeof *cache->own);
    cache->cross = calloc(layers, sizeof *cache->cross);
    cache->x = zeros(b * d), cache->normal = zeros(b * d), cache->branch = zeros(b * d);
    cache->qkv = zeros(b * 3 * d), cache->feed = zeros(b * (size_t)c->feed_forward);
    cache->statistics = zeros(2 * b);
    cache->scores = zeros((size_t)longest), cache->features = zeros((size_t)head_width(c));
    if (!cache->own || !cache->cross || !cache->x || !cache->normal || !cache->branch ||
        !cache->qkv || !cache->feed || !cache->statistics || !cache->scores || !cache->features)
        return 0;
    for (size_t i = 0; i < layers; i++) {
        if (is_kernel(cache)) {
            cache->own[i].state = zeros(b * state_floats(cache));
            if (cache->memory_offsets) cache->cross[i].state = zeros(b * state_floats(cache));
            if (!cache->own[i].state || (cache->memory_offsets && !cache->cross[i].state)) return 0;
        } else if (!(cache->own[i].rows = zeros(b * (size_t)cache->length * 2 * d))) {
            return 0;
        }
    }
    return 1;
}

static Status open_cache(TransformerCache *cache, const TransformerMemory *memory) {
    const TransformerConfig *c = &cache->model->config;
    if (memory) {
        const size_t bytes = ((size_t)cache->sequences + 1) * sizeof *cache->memory_offsets;
        if (!(cache->memory_offsets = malloc(bytes)))
            return status_fail(STATUS_MEMORY, "transformer: no memory for a cache");
        memcpy(cache->memory_offsets, memory->offsets, bytes);
    }
    if (!take_memory(cache))
        return status_fail(STATUS_MEMORY,
                           "transformer: no memory for a cache of %d tokens of %d sequences",
                           cache->length, cache->sequences);
    for (int i = 0; memory && i < c->decoder_layers; i++)
        STATUS_TRY(keep_memory(cache, i, memory->states));
    return STATUS_OK;
}

Status transformer_cache_open(TransformerCache **out, Transformer *model, int sequences, int length,
                              const TransformerMemory *memory) {
    const TransformerConfig *c = &model->config;
    *out = NULL;
    if (sequences < 1 || length < 1)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: a cache of %d tokens of %d sequences; each must be at "
                           "least 1",
                           length, sequences);
    if (c->decoder_layers < 1 || !memory == (c->encoder_layers > 0))
        return status_fail(STATUS_ARGUMENT,
                           "transformer: a cache %s memory for %d encoder and %d decoder layers",
                           memory ? "with" : "without", c->encoder_layers, c->decoder_layers);
    if (c->vocabulary < 1 || c->classes < 1 || c->remaining)
        return status_fail(STATUS_ARGUMENT, "transformer: a cache for a model without vocabulary, "
                                            "without classes or whose memory is used up");
    if (memory && (!memory->states || memory->offsets[sequences] != memory->states->rows))
        return status_fail(STATUS_ARGUMENT,
                           "transformer: offsets of the memory end at %d of %d "
                           "rows",
                           memory->offsets[sequences], memory->states ? memory->states->rows : 0);
    if (c->positions == POSITIONS_LEARNED && length > c->positions_max)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: a cache of %d tokens; positions are learned up to %d",
                           length, c->positions_max);
    TransformerCache *cache = calloc(1, sizeof *cache);
    if (!cache) return status_fail(STATUS_MEMORY, "transformer: no memory for a cache");
    cache->model = model;
    cache->sequences = sequences;
    cache->length = length;
    Status status = open_cache(cache, memory);
    if (status != STATUS_OK) {
        transformer_cache_close(cache);
        return status;
    }
    *out = cache;
    return STATUS_OK;
}

void transformer_cache_reset(TransformerCache *cache) {
    const int layers = cache->model->config.decoder_layers;
    cache->used = 0;
    for (int i = 0; i < layers && is_kernel(cache); i++)
        memset(cache->own[i].state, 0,
               (size_t)cache->sequences * state_floats(cache) * sizeof(float));
}

size_t transformer_cache_bytes(const TransformerCache *cache) {
    const TransformerConfig *c = &cache->model->config;
    const size_t b = (size_t)cache->sequences, pair = 2 * (size_t)c->width;
    const size_t memory = cache->memory_offsets ? (size_t)cache->memory_offsets[b] : 0;
    size_t floats = b * (size_t)cache->used * pair + memory * pair;
    if (is_kernel(cache)) floats = (cache->memory_offsets ? 2 : 1) * b * state_floats(cache);
    return (size_t)c->decoder_layers * floats * sizeof(float);
}

void transformer_cache_close(TransformerCache *cache) {
    if (!cache) return;
    for (int i = 0; i < cache->model->config.decoder_layers; i++) {
        if (cache->own) free(cache->own[i].rows), free(cache->own[i].state);
        if (cache->cross) free(cache->cross[i].rows), free(cache->cross[i].state);
    }
    free(cache->own), free(cache->cross), free(cache->memory_offsets);
    free(cache->x), free(cache->normal), free(cache->branch), free(cache->qkv), free(cache->feed);
    free(cache->statistics), free(cache->scores), free(cache->features);
    free(cache);
}
