#include "model/bert.h"
#include "model/bert_weights.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parameters ------------------------------------------------------------------------------- */

/* Parameters are added in the order of the forward pass; `missing` remembers that one could not be.
 */
typedef struct {
    Bert *bert;
    int depth, missing;
} Builder;

static Parameter *add(Builder *b, const char *name, int rank, size_t rows, size_t columns) {
    Parameter *p = parameters_add(&b->bert->parameters, name, rank, (size_t[]){rows, columns});
    if (!p) {
        b->missing = 1;
        return NULL;
    }
    p->depth = b->depth;
    return p;
}

/* A matrix that products use: it decays. */
static Parameter *weight(Builder *b, const char *name, size_t outputs, size_t inputs) {
    Parameter *p = add(b, name, 2, outputs, inputs);
    if (!p) return NULL;
    p->decays = 1;
    if (parameter_use_products(p, b->bert->options.precision) != STATUS_OK) b->missing = 1;
    return p;
}

static Parameter *table(Builder *b, const char *name, size_t rows, size_t columns) {
    Parameter *p = add(b, name, 2, rows, columns);
    if (!p) return NULL;
    p->decays = 1;
    if (parameter_use_rows(&b->bert->parameters, p) != STATUS_OK) b->missing = 1;
    return p;
}

static Parameter *vector(Builder *b, const char *name, size_t count) {
    return add(b, name, 1, count, 0);
}

static Parameter *layer_weight(Builder *b, int layer, const char *part, size_t outputs,
                               size_t inputs) {
    char name[PARAMETER_NAME_MAX];
    snprintf(name, sizeof name, "layer.%d.%s.weight", layer, part);
    return weight(b, name, outputs, inputs);
}

static Parameter *layer_vector(Builder *b, int layer, const char *part, const char *which,
                               size_t count) {
    char name[PARAMETER_NAME_MAX];
    snprintf(name, sizeof name, "layer.%d.%s.%s", layer, part, which);
    return vector(b, name, count);
}

static void add_layer(Builder *b, int i, BertLayer *l) {
    const size_t d = (size_t)b->bert->config.width, f = (size_t)b->bert->config.feed_forward;
    b->depth = i + 1;
    l->qkv_weight = layer_weight(b, i, "qkv", 3 * d, d);
    l->qkv_bias = layer_vector(b, i, "qkv", "bias", 3 * d);
    l->output_weight = layer_weight(b, i, "attention_output", d, d);
    l->output_bias = layer_vector(b, i, "attention_output", "bias", d);
    l->attention_gain = layer_vector(b, i, "attention_norm", "gain", d);
    l->attention_shift = layer_vector(b, i, "attention_norm", "shift", d);
    l->up_weight = layer_weight(b, i, "up", f, d);
    l->up_bias = layer_vector(b, i, "up", "bias", f);
    l->down_weight = layer_weight(b, i, "down", d, f);
    l->down_bias = layer_vector(b, i, "down", "bias", d);
    l->output_gain = layer_vector(b, i, "output_norm", "gain", d);
    l->output_shift = layer_vector(b, i, "output_norm", "shift", d);
}

static Status add_parameters(Bert *bert) {
    const BertConfig *c = &bert->config;
    const size_t d = (size_t)c->width;
    Builder b = {.bert = bert};
    bert->words = table(&b, "words", (size_t)c->vocabulary, d);
    bert->positions = table(&b, "positions", (size_t)c->positions, d);
    if (c->types > 0) bert->types = table(&b, "types", (size_t)c->types, d);
    bert->embedding_gain = vector(&b, "embedding_norm.gain", d);
    bert->embedding_shift = vector(&b, "embedding_norm.shift", d);
    if (c->relative_buckets > 0) {
        bert->relative = add(&b, "relative_bias", 2, (size_t)c->relative_buckets, (size_t)c->heads);
        if (bert->relative) bert->relative->decays = 1;
    }
    for (int i = 0; i < c->layers; i++) add_layer(&b, i, &bert->layer[i]);
    b.depth = c->layers + 1;
    bert->pool_weight = weight(&b, "pool.weight", d, d);
    bert->pool_bias = vector(&b, "pool.bias", d);
    bert->class_weight = weight(&b, "classifier.weight", (size_t)bert->options.labels, d);
    bert->class_bias = vector(&b, "classifier.bias", (size_t)bert->options.labels);
    return b.missing ? STATUS_MEMORY : STATUS_OK; /* with the message of the first that failed */
}

/* --- opening ---------------------------------------------------------------------------------- */

static Status open_folder(Bert *bert, const char *folder) {
    char path[sizeof bert->folder + 16];
    if (strlen(folder) >= sizeof bert->folder)
        return status_fail(STATUS_ARGUMENT, "bert: the folder's path has %zu bytes; expected < %zu",
                           strlen(folder), sizeof bert->folder);
    snprintf(bert->folder, sizeof bert->folder, "%s", folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    STATUS_TRY(bert_config_load(path, &bert->config));
    bert->layer = calloc((size_t)bert->config.layers, sizeof *bert->layer);
    if (!bert->layer) return status_fail(STATUS_MEMORY, "bert: no memory for its layers");
    STATUS_TRY(parameters_open(&bert->parameters));
    STATUS_TRY(add_parameters(bert));
    if (bert->options.random_weights)
        bert_weights_draw(bert);
    else
        STATUS_TRY(bert_weights_load(bert, folder)); /* draws what the folder does not hold */
    return parameters_changed(&bert->parameters);
}

Status bert_open(Bert **out, const char *folder, const BertOptions *options) {
    *out = NULL;
    if (options->labels < 1 || options->labels > 255)
        return status_fail(STATUS_ARGUMENT, "bert: %d labels; expected 1 to 255", options->labels);
    Bert *bert = calloc(1, sizeof *bert);
    if (!bert) return status_fail(STATUS_MEMORY, "bert: no memory");
    bert->options = *options;
    Status status = open_folder(bert, folder);
    if (status != STATUS_OK) {
        bert_close(bert);
        return status;
    }
    *out = bert;
    return STATUS_OK;
}

void bert_close(Bert *bert) {
    if (!bert) return;
    parameters_close(&bert->parameters);
    free(bert->layer);
    free(bert);
}

/* --- forward ---------------------------------------------------------------------------------- */

static Status check_batch(const Bert *bert, const BertBatch *batch, int *longest) {
    *longest = 0;
    if (batch->sequences < 1 || batch->offsets[0] != 0)
        return status_fail(STATUS_ARGUMENT, "bert: a batch of %d sequences that starts at %d",
                           batch->sequences, batch->sequences < 1 ? 0 : batch->offsets[0]);
    for (int b = 0; b < batch->sequences; b++) {
        int length = batch->offsets[b + 1] - batch->offsets[b];
        if (length < 1 || length > bert_config_longest(&bert->config))
            return status_fail(STATUS_ARGUMENT, "bert: sequence %d has %d tokens; expected 1 to %d",
                               b, length, bert_config_longest(&bert->config));
        if (length > *longest) *longest = length;
    }
    return STATUS_OK;
}

/* The sum of word, position and token type, normalised (Devlin et al. 2019, figure 2). */
static Value *embed(Bert *bert, Tape *tape, const BertBatch *batch) {
    const BertConfig *c = &bert->config;
    const int rows = batch->offsets[batch->sequences];
    int32_t *place = tape_take(tape, (size_t)rows * sizeof *place);
    int32_t *type = tape_take(tape, (size_t)rows * sizeof *type);
    if (!place || !type) return NULL;
    for (int b = 0; b < batch->sequences; b++)
        for (int t = batch->offsets[b]; t < batch->offsets[b + 1]; t++)
            place[t] = c->first_position + t - batch->offsets[b];
    for (int t = 0; t < rows; t++) type[t] = batch->types ? batch->types[t] : 0;
    Value *sum = nn_embed(tape, bert->types ? 3 : 2,
                          (Parameter *[]){bert->words, bert->positions, bert->types},
                          (const int32_t *[]){batch->ids, place, type}, rows);
    Value *normal =
        nn_norm(tape, sum, NULL, 0, bert->embedding_gain, bert->embedding_shift, c->epsilon);
    return nn_dropout(tape, normal, c->hidden_dropout);
}

/* excerpt: bert-layer */
static Value *encode_layer(const Bert *bert, const BertLayer *l, Tape *tape, Value *x,
                           const AttentionShape *shape, const RelativeBias *relative) {
    const float rate = bert->config.hidden_dropout, epsilon = bert->config.epsilon;
    Value *qkv = nn_linear(tape, x, l->qkv_weight, l->qkv_bias, ACTIVATION_NONE);
    Value *context = nn_self_attention(tape, qkv, shape, relative);
    Value *a = nn_linear(tape, context, l->output_weight, l->output_bias, ACTIVATION_NONE);
    Value *h = nn_norm(tape, a, x, rate, l->attention_gain, l->attention_shift, epsilon);
    Value *up = nn_linear(tape, h, l->up_weight, l->up_bias, ACTIVATION_GELU);
    Value *down = nn_linear(tape, up, l->down_weight, l->down_bias, ACTIVATION_NONE);
    return nn_norm(tape, down, h, rate, l->output_gain, l->output_shift, epsilon);
}
/* end excerpt */

Value *bert_encode(Bert *bert, Tape *tape, const BertBatch *batch, Value **hidden) {
    int longest;
    Status status = check_batch(bert, batch, &longest);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *x = embed(bert, tape, batch);
    const AttentionShape shape = {.heads = bert->config.heads,
                                  .sequences = batch->sequences,
                                  .offsets = batch->offsets,
                                  .dropout = bert->config.attention_dropout};
    RelativeBias relative;
    if (bert->relative) relative = nn_relative_bias(tape, bert->relative, longest);
    if (hidden) hidden[0] = x;
    for (int i = 0; i < bert->config.layers; i++) {
        x = encode_layer(bert, &bert->layer[i], tape, x, &shape, bert->relative ? &relative : NULL);
        if (hidden) hidden[i + 1] = x;
    }
    return x;
}

/* BERT: classifier(dropout(tanh(pooler(h of [CLS])))).
 * MPNet: out_proj(dropout(tanh(dense(dropout(h of <s>))))). */
Value *bert_classify(Bert *bert, Tape *tape, const BertBatch *batch, Value **hidden) {
    const float rate = bert->config.classifier_dropout;
    Value *x = bert_encode(bert, tape, batch, hidden);
    Value *first = nn_take_rows(tape, x, batch->offsets, batch->sequences);
    if (bert->config.kind == BERT_KIND_MPNET) first = nn_dropout(tape, first, rate);
    Value *pooled = nn_linear(tape, first, bert->pool_weight, bert->pool_bias, ACTIVATION_TANH);
    return nn_linear(tape, nn_dropout(tape, pooled, rate), bert->class_weight, bert->class_bias,
                     ACTIVATION_NONE);
}

double bert_flops(const BertConfig *c, int sequences, const int *offsets) {
    const double d = c->width, rows = offsets[sequences];
    double scores = 0;
    for (int b = 0; b < sequences; b++) {
        double n = offsets[b + 1] - offsets[b];
        scores += n * n;
    }
    double layer = 2 * rows * d * (4 * d + 2 * c->feed_forward) + 4 * scores * d;
    return c->layers * layer + 2 * sequences * d * d;
}
