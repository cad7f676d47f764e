#include "model/reorderer.h"
#include "base/rng.h"
#include "model/reorderer_parts.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pointer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ReordererConfig reorderer_config_default(void) {
    return (ReordererConfig){.encoder_layers = 3,
                             .decoder_layers = 3,
                             .width = 256,
                             .heads = 4,
                             .feed_forward = 1024,
                             .words = 30000,
                             .affixes = 5000,
                             .places = 40,
                             .left_only = 1};
}

/* --- words ------------------------------------------------------------------------------------ */

#define AFFIX_MAX (REORDERER_AFFIXES / 2)

/* FNV-1a of some bytes, told apart by what they are. */
static int32_t hashed(const ReordererConfig *c, uint32_t kind, const char *bytes, size_t count) {
    uint64_t hash = 14695981039346656037ull ^ kind;
    for (size_t i = 0; i < count; i++) hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211ull;
    hash ^= hash >> 32;
    return 1 + (int32_t)(hash % (uint64_t)c->affixes);
}

static int begins_character(char byte) {
    return ((unsigned char)byte & 0xc0) != 0x80;
}

void reorderer_features(const ReordererConfig *c, const char *word, uint32_t id, int32_t *feature) {
    const size_t bytes = strlen(word);
    feature[0] = id < (uint32_t)c->words ? REORDERER_FIRST + (int32_t)id : REORDERER_OTHER;
    size_t head = 0, tail = bytes;
    for (uint32_t n = 0; n < AFFIX_MAX; n++) {
        if (head < bytes) head++;
        while (head < bytes && !begins_character(word[head])) head++;
        if (tail > 0) tail--;
        while (tail > 0 && !begins_character(word[tail])) tail--;
        feature[1 + n] = hashed(c, n, word, head);
        feature[1 + AFFIX_MAX + n] = hashed(c, AFFIX_MAX + n, word + tail, bytes - tail);
    }
}

/* --- opening -----------------------------------------------------------------------------------
 */

static Status check(const ReordererConfig *c) {
    const struct {
        const char *name;
        int size;
    } sizes[] = {{"encoder layers", c->encoder_layers},
                 {"decoder layers", c->decoder_layers},
                 {"words", c->words},
                 {"affixes", c->affixes},
                 {"places", c->places}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].size < 1 || sizes[i].size > 1 << 24)
            return status_fail(STATUS_ARGUMENT, "reorderer: %s is %d; expected 1 to %d",
                               sizes[i].name, sizes[i].size, 1 << 24);
    return STATUS_OK; /* the rest is the Transformer's to check */
}

/* Standard normal, as the Transformer's own (model/transformer.h). With a deviation of 1 / sqrt(D)
 * the loss stayed at that of a random order for 150 steps, with 3 / 8 for 60, with 1 for 40. */
static Parameter *table(Reorderer *model, const char *name, int rows, uint64_t seed) {
    const size_t d = (size_t)model->config.width;
    Parameter *p = parameters_add(&model->body->parameters, name, 2, (size_t[]){(size_t)rows, d});
    if (!p) return NULL;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    if (rows >= 2048 && parameter_use_rows(&model->body->parameters, p) != STATUS_OK) return NULL;
    return p;
}

static Parameter *square(Reorderer *model, const char *name, uint64_t seed) {
    const size_t d = (size_t)model->config.width;
    const double bound = sqrt(3. / (double)d);
    Parameter *p = parameters_add(&model->body->parameters, name, 2, (size_t[]){d, d});
    if (!p) return NULL;
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = (float)(bound * (2 * rng_uniform(seed, rng_stream(name), i) - 1));
    p->decays = 1;
    if (parameter_use_products(p, model->config.precision) != STATUS_OK) return NULL;
    return p;
}

static Status open_parts(Reorderer *model, uint64_t seed) {
    const ReordererConfig *c = &model->config;
    const TransformerConfig body = {.encoder_layers = c->encoder_layers,
                                    .decoder_layers = c->decoder_layers,
                                    .width = c->width,
                                    .heads = c->heads,
                                    .feed_forward = c->feed_forward,
                                    .dropout = c->dropout,
                                    .remaining = c->left_only,
                                    .precision = c->precision};
    STATUS_TRY(transformer_open(&model->body, &body, seed));
    model->words = table(model, "reorderer.words", c->words + REORDERER_FIRST, seed);
    model->affixes = table(model, "reorderer.affixes", c->affixes + 1, seed);
    model->places = table(model, "reorderer.places", c->places, seed);
    model->left = table(model, "reorderer.left", c->places + 1, seed);
    model->state = square(model, "reorderer.state", seed);
    model->query = square(model, "reorderer.query", seed);
    model->key = square(model, "reorderer.key", seed);
    if (!model->words || !model->affixes || !model->places || !model->left || !model->state ||
        !model->query || !model->key)
        return STATUS_MEMORY; /* with the message of what failed */
    return parameters_changed(&model->body->parameters);
}

Status reorderer_open(Reorderer **out, const ReordererConfig *config, uint64_t seed) {
    *out = NULL;
    STATUS_TRY(check(config));
    Reorderer *model = calloc(1, sizeof *model);
    if (!model) return status_fail(STATUS_MEMORY, "reorderer: no memory");
    model->config = *config;
    Status status = open_parts(model, seed);
    if (status != STATUS_OK) {
        reorderer_close(model);
        return status;
    }
    *out = model;
    return STATUS_OK;
}

void reorderer_close(Reorderer *model) {
    if (!model) return;
    transformer_close(model->body);
    free(model);
}

const ReordererConfig *reorderer_config(const Reorderer *model) {
    return &model->config;
}

ParameterSet *reorderer_parameters(Reorderer *model) {
    return &model->body->parameters;
}

/* --- forward -----------------------------------------------------------------------------------
 */

static Status check_batch(const ReorderBatch *batch) {
    if (batch->sequences < 1 || batch->offsets[0] != 0)
        return status_fail(STATUS_ARGUMENT, "reorderer: a batch of %d sentences", batch->sequences);
    for (int b = 0; b < batch->sequences; b++)
        if (batch->offsets[b + 1] <= batch->offsets[b])
            return status_fail(STATUS_ARGUMENT, "reorderer: sentence %d has no words", b);
    return STATUS_OK;
}

/* Row t of a sentence gets the features of row t - shift; before the first, those of the begin. */
static Status columns_of(Tape *tape, const ReorderBatch *batch, int shift, int32_t **column) {
    const size_t rows = (size_t)batch->offsets[batch->sequences];
    for (int f = 0; f < REORDERER_FEATURES; f++)
        if (!(column[f] = tape_take(tape, rows * sizeof **column))) return tape_status(tape);
    for (int b = 0; b < batch->sequences; b++)
        for (int t = batch->offsets[b]; t < batch->offsets[b + 1]; t++)
            for (int f = 0; f < REORDERER_FEATURES; f++)
                column[f][t] =
                    t - shift < batch->offsets[b]
                        ? (f ? 0 : REORDERER_BEGIN)
                        : batch->features[(size_t)(t - shift) * REORDERER_FEATURES + (size_t)f];
    return STATUS_OK;
}

static Value *embed(Reorderer *model, Tape *tape, int32_t *const *column, int extra, int rows) {
    Parameter *tables[REORDERER_FEATURES + 2] = {model->words};
    for (int f = 1; f < REORDERER_FEATURES; f++) tables[f] = model->affixes;
    tables[REORDERER_FEATURES] = model->places, tables[REORDERER_FEATURES + 1] = model->left;
    return nn_embed(tape, REORDERER_FEATURES + extra, tables, (const int32_t *const *)column, rows);
}

Value *reorderer_embed(Reorderer *model, Tape *tape, const ReorderBatch *batch) {
    int32_t *column[REORDERER_FEATURES];
    Status status = check_batch(batch);
    if (status == STATUS_OK) status = columns_of(tape, batch, 0, column);
    if (status != STATUS_OK) return tape_fail(tape, status);
    return embed(model, tape, column, 0, batch->offsets[batch->sequences]);
}

Value *reorderer_encode(Reorderer *model, Tape *tape, const ReorderBatch *batch) {
    Value *x = reorderer_embed(model, tape, batch);
    return transformer_encode_rows(model->body, tape, nn_dropout(tape, x, model->config.dropout),
                                   batch->sequences, batch->offsets);
}

/* What the decoder reads at every place: the word placed last, the place, the number left. */
static Value *placed(Reorderer *model, Tape *tape, const ReorderBatch *batch, Value *states) {
    const int rows = batch->offsets[batch->sequences];
    int32_t *column[REORDERER_FEATURES + 2];
    int32_t **place = &column[REORDERER_FEATURES], **left = &column[REORDERER_FEATURES + 1];
    if (columns_of(tape, batch, 1, column) != STATUS_OK) return NULL;
    *place = tape_take(tape, (size_t)rows * sizeof **place);
    *left = tape_take(tape, (size_t)rows * sizeof **left);
    if (!*place || !*left) return NULL;
    for (int b = 0; b < batch->sequences; b++)
        for (int t = batch->offsets[b]; t < batch->offsets[b + 1]; t++) {
            (*place)[t] = reorderer_place(&model->config, t - batch->offsets[b]);
            (*left)[t] = reorderer_left(&model->config, batch->offsets[b + 1] - t);
        }
    Value *x = embed(model, tape, column, 2, rows);
    Value *last = nn_shift_rows(tape, states, batch->sequences, batch->offsets);
    return nn_add(tape, nn_dropout(tape, x, model->config.dropout),
                  nn_linear(tape, last, model->state, NULL, ACTIVATION_NONE));
}

/* excerpt: reorderer-decode */
Value *reorderer_loss(Reorderer *model, Tape *tape, const ReorderBatch *batch, int *right) {
    Value *states = reorderer_encode(model, tape, batch);
    if (!states) return NULL;
    Value *x = placed(model, tape, batch, states);
    Value *y = transformer_decode_rows(model->body, tape, x, batch->sequences, batch->offsets,
                                       &(TransformerMemory){states, batch->offsets});
    return nn_pointer_loss(tape, nn_linear(tape, y, model->query, NULL, ACTIVATION_NONE),
                           nn_linear(tape, states, model->key, NULL, ACTIVATION_NONE),
                           batch->sequences, batch->offsets, batch->words, right);
}
/* end excerpt */
