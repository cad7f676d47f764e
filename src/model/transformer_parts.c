#include "model/transformer_parts.h"
#include "base/rng.h"
#include "nn/position.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables of so many rows are updated by rows: a step uses few of them. Below, nearly all. */
#define ROWS_APART 2048
/* Sinusoids made beforehand. */
#define SINUSOIDS 1024

int transformer_decoder_vocabulary(const TransformerConfig *c) {
    return c->encoder_layers > 0 ? c->target_vocabulary : c->vocabulary;
}

/* --- adding and drawing ---------------------------------------------------------------------- */

/* `missing` remembers that a parameter could not be added. */
typedef struct {
    Transformer *model;
    uint64_t seed;
    int depth, missing;
} Builder;

static Parameter *add(Builder *b, const char *name, int rank, size_t rows, size_t columns) {
    Parameter *p = parameters_add(&b->model->parameters, name, rank, (size_t[]){rows, columns});
    if (!p) {
        b->missing = 1;
        return NULL;
    }
    p->depth = b->depth;
    return p;
}

static void fill(Parameter *p, float value) {
    for (size_t i = 0; p && i < p->count; i++) p->value[i] = value;
}

/* One matrix, or several of equal size one below the other, each drawn for itself. */
static LinearParts linear(Builder *b, const char *prefix, const char *part, int blocks,
                          size_t outputs, size_t inputs) {
    char name[PARAMETER_NAME_MAX];
    LinearParts l;
    snprintf(name, sizeof name, "%s%s.weight", prefix, part);
    l.weight = add(b, name, 2, (size_t)blocks * outputs, inputs);
    if (l.weight) {
        const double bound = sqrt(6.0 / (double)(inputs + outputs));
        const uint64_t stream = rng_stream(name);
        for (size_t i = 0; i < l.weight->count; i++)
            l.weight->value[i] = (float)(bound * (2 * rng_uniform(b->seed, stream, i) - 1));
        l.weight->decays = 1;
        if (parameter_use_products(l.weight, b->model->config.precision) != STATUS_OK)
            b->missing = 1;
    }
    snprintf(name, sizeof name, "%s%s.bias", prefix, part);
    l.bias = add(b, name, 1, (size_t)blocks * outputs, 0);
    fill(l.bias, 0);
    return l;
}

static NormParts norm(Builder *b, const char *prefix, const char *part) {
    char name[PARAMETER_NAME_MAX];
    const size_t d = (size_t)b->model->config.width;
    NormParts n;
    snprintf(name, sizeof name, "%s%s.gain", prefix, part);
    n.gain = add(b, name, 1, d, 0);
    fill(n.gain, 1);
    snprintf(name, sizeof name, "%s%s.shift", prefix, part);
    n.shift = add(b, name, 1, d, 0);
    fill(n.shift, 0);
    return n;
}

static Parameter *table(Builder *b, const char *name, int rows) {
    Parameter *p = add(b, name, 2, (size_t)rows, (size_t)b->model->config.width);
    if (!p) return NULL;
    rng_fill_normal(p->value, p->count, b->seed, rng_stream(name));
    if (rows >= ROWS_APART && parameter_use_rows(&b->model->parameters, p) != STATUS_OK)
        b->missing = 1;
    return p;
}

static void add_layer(Builder *b, const char *stack, int index, int cross, TransformerLayer *l) {
    char prefix[40];
    const size_t d = (size_t)b->model->config.width, f = (size_t)b->model->config.feed_forward;
    snprintf(prefix, sizeof prefix, "%s.%d.", stack, index);
    l->attention_norm = norm(b, prefix, "attention_norm");
    l->qkv = linear(b, prefix, "qkv", 3, d, d);
    l->output = linear(b, prefix, "attention_output", 1, d, d);
    if (cross) {
        l->cross_norm = norm(b, prefix, "cross_norm");
        l->query = linear(b, prefix, "cross_query", 1, d, d);
        l->key_value = linear(b, prefix, "cross_key_value", 2, d, d);
        l->cross_output = linear(b, prefix, "cross_output", 1, d, d);
    }
    l->feed_norm = norm(b, prefix, "feed_norm");
    l->up = linear(b, prefix, "up", 1, f, d);
    l->down = linear(b, prefix, "down", 1, d, f);
}

static void add_half(Builder *b, const char *name, int vocabulary, int layers, int cross,
                     Parameter **words, Parameter **positions, TransformerLayer *layer,
                     NormParts *last) {
    char full[PARAMETER_NAME_MAX];
    const TransformerConfig *c = &b->model->config;
    b->depth = 0;
    if (c->vocabulary) {
        snprintf(full, sizeof full, "%s.words", name);
        *words = table(b, full, vocabulary);
    }
    if (c->vocabulary && c->positions == POSITIONS_LEARNED) {
        snprintf(full, sizeof full, "%s.positions", name);
        *positions = table(b, full, c->positions_max);
    }
    for (int i = 0; i < layers; i++) {
        b->depth = i + 1;
        add_layer(b, name, i, cross, &layer[i]);
    }
    snprintf(full, sizeof full, "%s.", name);
    *last = norm(b, full, "norm");
}

static Status make_sinusoids(TransformerParts *parts, int width) {
    parts->sinusoids = malloc((size_t)SINUSOIDS * (size_t)width * sizeof(float));
    if (!parts->sinusoids) return status_fail(STATUS_MEMORY, "transformer: no memory");
    parts->sinusoid_rows = SINUSOIDS;
    for (int p = 0; p < SINUSOIDS; p++)
        nn_sinusoid(p, width, parts->sinusoids + (size_t)p * (size_t)width);
    return STATUS_OK;
}

Status transformer_parts_open(Transformer *model, uint64_t seed) {
    const TransformerConfig *c = &model->config;
    const int deepest =
        c->encoder_layers > c->decoder_layers ? c->encoder_layers : c->decoder_layers;
    Builder b = {.model = model, .seed = seed};
    TransformerParts *parts = model->parts = calloc(1, sizeof *parts);
    if (!parts) return status_fail(STATUS_MEMORY, "transformer: no memory");
    parts->encoder = calloc((size_t)c->encoder_layers + 1, sizeof *parts->encoder);
    parts->decoder = calloc((size_t)c->decoder_layers + 1, sizeof *parts->decoder);
    if (!parts->encoder || !parts->decoder)
        return status_fail(STATUS_MEMORY, "transformer: no memory for its layers");
    if (c->encoder_layers > 0)
        add_half(&b, "encoder", c->vocabulary, c->encoder_layers, 0, &parts->encoder_words,
                 &parts->encoder_positions, parts->encoder, &parts->encoder_norm);
    if (c->decoder_layers > 0)
        add_half(&b, "decoder", transformer_decoder_vocabulary(c), c->decoder_layers,
                 c->encoder_layers > 0, &parts->decoder_words, &parts->decoder_positions,
                 parts->decoder, &parts->decoder_norm);
    b.depth = deepest + 1;
    if (c->classes)
        parts->classes = linear(&b, "", "classes", 1, (size_t)c->classes, (size_t)c->width);
    if (b.missing) return STATUS_MEMORY; /* with the message of the first that failed */
    if (c->positions == POSITIONS_SINUSOIDAL) STATUS_TRY(make_sinusoids(parts, c->width));
    return parameters_changed(&model->parameters);
}

void transformer_parts_close(TransformerParts *parts) {
    if (!parts) return;
    free(parts->encoder);
    free(parts->decoder);
    free(parts->sinusoids);
    free(parts);
}

/* --- counting -------------------------------------------------------------------------------- */

size_t transformer_parameters(const TransformerConfig *c) {
    const size_t d = (size_t)c->width, f = (size_t)c->feed_forward;
    const size_t attention = 4 * d * d + 4 * d + 2 * d; /* products, biases, norm */
    const size_t feed = 2 * d * f + f + d + 2 * d;
    const size_t places =
        c->vocabulary && c->positions == POSITIONS_LEARNED ? (size_t)c->positions_max : 0;
    size_t count = (size_t)c->classes * (d + 1);
    if (c->encoder_layers > 0)
        count += (size_t)c->encoder_layers * (attention + feed) +
                 ((size_t)c->vocabulary + places + 2) * d;
    if (c->decoder_layers > 0)
        count += (size_t)c->decoder_layers * (attention * (c->encoder_layers > 0 ? 2 : 1) + feed) +
                 ((size_t)(c->vocabulary ? transformer_decoder_vocabulary(c) : 0) + places + 2) * d;
    return count;
}
