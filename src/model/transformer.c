#include "model/transformer.h"
#include "model/transformer_parts.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/multihead.h"
#include "nn/norm.h"
#include "nn/position.h"

#include <stdlib.h>

void transformer_sinusoid(int position, int width, float *out) {
    nn_sinusoid(position, width, out);
}

/* --- opening --------------------------------------------------------------------------------- */

static Status check(const TransformerConfig *c) {
    const struct {
        const char *name;
        int size, least, most;
    } sizes[] = {
        {"encoder layers", c->encoder_layers, 0, TRANSFORMER_LAYERS_MAX},
        {"decoder layers", c->decoder_layers, 0, TRANSFORMER_LAYERS_MAX},
        {"layers", c->encoder_layers + c->decoder_layers, 1, 2 * TRANSFORMER_LAYERS_MAX},
        {"width", c->width, 1, 1 << 16},
        {"heads", c->heads, 1, c->width},
        {"feed-forward width", c->feed_forward, 1, 1 << 20},
        {"vocabulary", c->vocabulary, 0, 1 << 30},
        {"target vocabulary",
         c->vocabulary && c->encoder_layers && c->decoder_layers ? c->target_vocabulary : 1, 1,
         1 << 30},
        {"classes", c->classes, c->vocabulary ? 1 : 0, 1 << 30},
        {"positions", c->positions == POSITIONS_LEARNED ? c->positions_max : 1, 1, 1 << 30},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].size < sizes[i].least || sizes[i].size > sizes[i].most)
            return status_fail(STATUS_ARGUMENT, "transformer: %s is %d; expected %d to %d",
                               sizes[i].name, sizes[i].size, sizes[i].least, sizes[i].most);
    if (c->width % c->heads)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: a width of %d cannot be shared out among %d heads",
                           c->width, c->heads);
    if (c->attention != ATTENTION_MATERIALISED && c->attention != ATTENTION_TILED &&
        c->attention != ATTENTION_KERNEL_LINEAR)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: attention of kind %d; expected materialised, tiled or "
                           "kernel linear",
                           (int)c->attention);
    if (!(c->dropout >= 0 && c->dropout < 1))
        return status_fail(STATUS_ARGUMENT, "transformer: dropout is %g; expected 0 <= dropout < 1",
                           (double)c->dropout);
    return STATUS_OK;
}

Status transformer_open(Transformer **out, const TransformerConfig *config, uint64_t seed) {
    *out = NULL;
    STATUS_TRY(check(config));
    Transformer *model = calloc(1, sizeof *model);
    if (!model) return status_fail(STATUS_MEMORY, "transformer: no memory");
    model->config = *config;
    Status status = parameters_open(&model->parameters);
    if (status == STATUS_OK) status = transformer_parts_open(model, seed);
    if (status != STATUS_OK) {
        transformer_close(model);
        return status;
    }
    *out = model;
    return STATUS_OK;
}

void transformer_close(Transformer *model) {
    if (!model) return;
    parameters_close(&model->parameters);
    transformer_parts_close(model->parts);
    free(model);
}

/* --- forward --------------------------------------------------------------------------------- */

/* Which sequences the rows of x belong to. */
typedef struct {
    const TransformerConfig *config;
    int sequences;
    const int *offsets;
} Batch;

static Status check_batch(const Transformer *model, int sequences, const int *offsets) {
    const TransformerConfig *c = &model->config;
    if (sequences < 1 || !offsets || offsets[0] != 0)
        return status_fail(STATUS_ARGUMENT,
                           "transformer: a batch of %d sequences that starts at "
                           "%d",
                           sequences, sequences < 1 || !offsets ? 0 : offsets[0]);
    for (int b = 0; b < sequences && c->positions == POSITIONS_LEARNED; b++)
        if (offsets[b + 1] - offsets[b] > c->positions_max)
            return status_fail(STATUS_ARGUMENT,
                               "transformer: sequence %d has %d tokens; positions are learned up "
                               "to %d",
                               b, offsets[b + 1] - offsets[b], c->positions_max);
    return STATUS_OK;
}

static Value *embed(const Transformer *model, Tape *tape, Parameter *words, Parameter *positions,
                    const int32_t *ids, const Batch *batch) {
    const int rows = batch->offsets[batch->sequences];
    int32_t *place = NULL;
    if (positions) {
        if (!(place = tape_take(tape, (size_t)rows * sizeof *place))) return NULL;
        for (int b = 0; b < batch->sequences; b++)
            for (int t = batch->offsets[b]; t < batch->offsets[b + 1]; t++)
                place[t] = t - batch->offsets[b];
    }
    Value *x = nn_embed(tape, positions ? 2 : 1, (Parameter *[]){words, positions},
                        (const int32_t *[]){ids, place}, rows);
    if (model->config.positions == POSITIONS_SINUSOIDAL)
        x = nn_add_sinusoids(tape, x, batch->sequences, batch->offsets, model->parts->sinusoids,
                             model->parts->sinusoid_rows);
    return nn_dropout(tape, x, model->config.dropout);
}

static Value *normal(Tape *tape, Value *x, const NormParts *n) {
    return nn_norm(tape, x, NULL, 0, n->gain, n->shift, TRANSFORMER_EPSILON);
}
static Value *product(Tape *tape, Value *x, const LinearParts *l, Activation activation) {
    return nn_linear(tape, x, l->weight, l->bias, activation);
}

/* x + dropout(branch) */
static Value *join(Tape *tape, Value *x, Value *branch, const TransformerConfig *c) {
    return nn_add(tape, x, nn_dropout(tape, branch, c->dropout));
}

static MultiheadShape shape_of(const Batch *batch, const int *key_offsets, int causal,
                               const float **probabilities) {
    const TransformerConfig *c = batch->config;
    return (MultiheadShape){.kind = c->attention,
                            .heads = c->heads,
                            .sequences = batch->sequences,
                            .query_offsets = batch->offsets,
                            .key_offsets = key_offsets,
                            .causal = causal,
                            .dropout = c->attention == ATTENTION_MATERIALISED ? c->dropout : 0,
                            .probabilities = probabilities};
}

/* excerpt: transformer-layer */
static Value *attend_self(Tape *tape, Value *x, const TransformerLayer *l, const Batch *batch,
                          int causal, const float **weights) {
    const int d = batch->config->width;
    const MultiheadShape shape = shape_of(batch, batch->offsets, causal, weights);
    Value *qkv = product(tape, normal(tape, x, &l->attention_norm), &l->qkv, ACTIVATION_NONE);
    Value *context = nn_attention(tape, (AttentionPart){qkv, 0}, (AttentionPart){qkv, d},
                                  (AttentionPart){qkv, 2 * d}, d, &shape);
    return join(tape, x, product(tape, context, &l->output, ACTIVATION_NONE), batch->config);
}

static Value *attend_memory(Tape *tape, Value *x, const TransformerLayer *l, const Batch *batch,
                            const TransformerMemory *memory, const float **weights) {
    const int d = batch->config->width;
    MultiheadShape shape = shape_of(batch, memory->offsets, 0, weights);
    shape.remaining = batch->config->remaining;
    Value *q = product(tape, normal(tape, x, &l->cross_norm), &l->query, ACTIVATION_NONE);
    Value *kv = product(tape, memory->states, &l->key_value, ACTIVATION_NONE);
    Value *context = nn_attention(tape, (AttentionPart){q, 0}, (AttentionPart){kv, 0},
                                  (AttentionPart){kv, d}, d, &shape);
    return join(tape, x, product(tape, context, &l->cross_output, ACTIVATION_NONE), batch->config);
}

static Value *feed_forward(Tape *tape, Value *x, const TransformerLayer *l,
                           const TransformerConfig *c) {
    Value *up = product(tape, normal(tape, x, &l->feed_norm), &l->up, ACTIVATION_GELU);
    return join(tape, x, product(tape, up, &l->down, ACTIVATION_NONE), c);
}
/* end excerpt */

static Status check_rows(const TransformerConfig *c, const Value *rows, const Batch *batch) {
    if (rows->columns == c->width && rows->rows == batch->offsets[batch->sequences])
        return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "transformer: rows of %d x %d; expected %d x %d",
                       rows->rows, rows->columns, batch->offsets[batch->sequences], c->width);
}

static Status check_encoder(const Transformer *model, int sequences, const int *offsets) {
    STATUS_TRY(check_batch(model, sequences, offsets));
    if (model->config.encoder_layers < 1)
        return status_fail(STATUS_ARGUMENT, "transformer: it has no encoder");
    return STATUS_OK;
}

static Status no_classes(void) {
    return status_fail(STATUS_ARGUMENT, "transformer: logits of a model without classes");
}

static Status no_vocabulary(void) {
    return status_fail(STATUS_ARGUMENT, "transformer: ids for a model whose rows come embedded");
}

Value *transformer_encode(Transformer *model, Tape *tape, const int32_t *ids, int sequences,
                          const int *offsets) {
    const TransformerParts *parts = model->parts;
    const Batch batch = {&model->config, sequences, offsets};
    Status status = check_encoder(model, sequences, offsets);
    if (status == STATUS_OK && !parts->encoder_words) status = no_vocabulary();
    if (status != STATUS_OK) return tape_fail(tape, status);
    return transformer_encode_rows(
        model, tape,
        embed(model, tape, parts->encoder_words, parts->encoder_positions, ids, &batch), sequences,
        offsets);
}

Value *transformer_encode_rows(Transformer *model, Tape *tape, Value *x, int sequences,
                               const int *offsets) {
    const TransformerConfig *c = &model->config;
    const TransformerParts *parts = model->parts;
    const Batch batch = {c, sequences, offsets};
    if (!x) return NULL;
    Status status = check_encoder(model, sequences, offsets);
    if (status == STATUS_OK) status = check_rows(c, x, &batch);
    if (status != STATUS_OK) return tape_fail(tape, status);
    for (int i = 0; i < c->encoder_layers; i++) {
        x = attend_self(tape, x, &parts->encoder[i], &batch, 0,
                        model->watch ? &model->watch->encoder[i] : NULL);
        x = feed_forward(tape, x, &parts->encoder[i], c);
    }
    return normal(tape, x, &parts->encoder_norm);
}

Value *transformer_classify(Transformer *model, Tape *tape, Value *states) {
    if (!model->parts->classes.weight) return tape_fail(tape, no_classes());
    return product(tape, states, &model->parts->classes, ACTIVATION_NONE);
}

static Status check_memory(const TransformerConfig *c, const TransformerMemory *memory) {
    if (c->decoder_layers < 1)
        return status_fail(STATUS_ARGUMENT, "transformer: it has no decoder");
    if (!memory == (c->encoder_layers > 0))
        return status_fail(STATUS_ARGUMENT, "transformer: %s memory for a decoder %s an encoder",
                           memory ? "a" : "no", memory ? "without" : "with");
    return STATUS_OK;
}

Value *transformer_decode(Transformer *model, Tape *tape, const int32_t *ids, int sequences,
                          const int *offsets, const TransformerMemory *memory) {
    const TransformerParts *parts = model->parts;
    const Batch batch = {&model->config, sequences, offsets};
    if (memory && !memory->states) return NULL; /* the encoder has failed */
    Status status = check_batch(model, sequences, offsets);
    if (status == STATUS_OK) status = check_memory(&model->config, memory);
    if (status == STATUS_OK && !parts->decoder_words) status = no_vocabulary();
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *x = embed(model, tape, parts->decoder_words, parts->decoder_positions, ids, &batch);
    return transformer_classify(
        model, tape, transformer_decode_rows(model, tape, x, sequences, offsets, memory));
}

Value *transformer_decode_rows(Transformer *model, Tape *tape, Value *x, int sequences,
                               const int *offsets, const TransformerMemory *memory) {
    const TransformerConfig *c = &model->config;
    const TransformerParts *parts = model->parts;
    const Batch batch = {c, sequences, offsets};
    if (!x || (memory && !memory->states)) return NULL;
    Status status = check_batch(model, sequences, offsets);
    if (status == STATUS_OK) status = check_memory(c, memory);
    if (status == STATUS_OK) status = check_rows(c, x, &batch);
    if (status != STATUS_OK) return tape_fail(tape, status);
    for (int i = 0; i < c->decoder_layers; i++) {
        const TransformerLayer *l = &parts->decoder[i];
        x = attend_self(tape, x, l, &batch, 1, model->watch ? &model->watch->decoder[i] : NULL);
        if (memory)
            x = attend_memory(tape, x, l, &batch, memory,
                              model->watch ? &model->watch->cross[i] : NULL);
        x = feed_forward(tape, x, l, c);
    }
    return normal(tape, x, &parts->decoder_norm);
}
