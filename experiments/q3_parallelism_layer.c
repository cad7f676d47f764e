#include "q3_parallelism_layer.h"
#include "base/clock.h"
#include "base/rng.h"
#include "nn/convolution.h"
#include "nn/recurrent.h"
#include "op/projection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Q3Layer {
    Q3LayerKind kind;
    Q3Shape shape;
    ParameterSet set;
    RecurrentStack stack;
    Parameter *in, *in_bias, *out, *out_bias; /* of the others; out: of attention alone */
    float *projection;
};

/* --- making one ------------------------------------------------------------------------------ */

static Status add_linear(Q3Layer *layer, const char *name, int outputs, int inputs, uint64_t seed,
                         Parameter **weight, Parameter **bias) {
    char text[PARAMETER_NAME_MAX];
    size_t shape[] = {(size_t)outputs, (size_t)inputs};
    snprintf(text, sizeof text, "%s.weight", name);
    *weight = parameters_add(&layer->set, text, 2, shape);
    snprintf(text, sizeof text, "%s.bias", name);
    *bias = parameters_add(&layer->set, text, 1, shape);
    if (!*weight || !*bias) return STATUS_MEMORY;
    rng_fill_normal((*weight)->value, (*weight)->count, seed, rng_stream((*weight)->name));
    for (size_t i = 0; i < (*weight)->count; i++) (*weight)->value[i] /= sqrtf((float)inputs);
    memset((*bias)->value, 0, (*bias)->count * sizeof(float));
    return parameter_use_products(*weight, PRECISION_F32);
}

static Status open_parts(Q3Layer *layer, uint64_t seed) {
    const int d = layer->shape.width;
    STATUS_TRY(parameters_open(&layer->set));
    if (layer->kind == Q3_LSTM)
        return nn_recurrent_open(&layer->set, &layer->stack, "lstm", RECURRENT_LSTM, d, d, 1, 1, 1,
                                 seed);
    if (layer->kind == Q3_CONVOLUTION)
        return add_linear(layer, "convolution", d, layer->shape.taps * d, seed, &layer->in,
                          &layer->in_bias);
    STATUS_TRY(add_linear(layer, "parts", 3 * d, d, seed, &layer->in, &layer->in_bias));
    STATUS_TRY(add_linear(layer, "output", d, d, seed, &layer->out, &layer->out_bias));
    if (layer->kind != Q3_FAVOR) return STATUS_OK;
    int head = d / layer->shape.heads;
    layer->projection =
        arena_take(&layer->set.arena, (size_t)layer->shape.features * (size_t)head * sizeof(float));
    if (!layer->projection) return STATUS_MEMORY;
    return projection_draw(layer->projection, layer->shape.features, head, PROJECTION_ORTHOGONAL,
                           seed, rng_stream("q3.projection"));
}

Status q3_layer_open(Q3Layer **out, Q3LayerKind kind, const Q3Shape *shape, uint64_t seed) {
    *out = NULL;
    if (shape->width < 1 || shape->heads < 1 || shape->width % shape->heads)
        return status_fail(STATUS_ARGUMENT, "width %d cannot be shared out among %d heads",
                           shape->width, shape->heads);
    Q3Layer *layer = calloc(1, sizeof *layer);
    if (!layer) return status_fail(STATUS_MEMORY, "no memory for a layer");
    layer->kind = kind;
    layer->shape = *shape;
    Status status = open_parts(layer, seed);
    if (status == STATUS_OK) status = parameters_changed(&layer->set);
    if (status != STATUS_OK) {
        q3_layer_close(layer);
        return status_prefix(status, "layer %s", q3_layer_slug[kind]);
    }
    *out = layer;
    return STATUS_OK;
}

void q3_layer_close(Q3Layer *layer) {
    if (!layer) return;
    parameters_close(&layer->set);
    free(layer);
}

Q3LayerWeights q3_layer_weights(const Q3Layer *layer) {
    Q3LayerWeights w = {.kind = layer->kind,
                        .shape = layer->shape,
                        .in = layer->in,
                        .in_bias = layer->in_bias,
                        .out = layer->out,
                        .out_bias = layer->out_bias,
                        .projection = layer->projection};
    if (layer->kind == Q3_LSTM) {
        const RecurrentLayer *cells = &layer->stack.layer[0][0];
        w.in = cells->input;
        w.in_bias = cells->bias;
        w.recurrent = cells->weight;
    }
    return w;
}

/* --- attention of any kind between two products ---------------------------------------------- */

Attention q3_layer_attention(Q3LayerKind kind, const Q3Shape *shape, int batch, const int *offsets,
                             const float *projection) {
    const int head = shape->width / shape->heads;
    return (Attention){.kind = kind == Q3_SOFTMAX ? ATTENTION_TILED : ATTENTION_KERNEL_LINEAR,
                       .map = kind == Q3_ELU ? FEATURE_ELU1 : FEATURE_POSITIVE,
                       .sequences = batch,
                       .heads = shape->heads,
                       .width = head,
                       .features = shape->features,
                       .query_offsets = offsets,
                       .key_offsets = offsets,
                       .projection = projection,
                       .scale = 1 / sqrtf((float)head)};
}

typedef struct {
    Attention attention;
    Value *parts, *out;
    void *saved;
} Attend;

static AttentionIn third(const Attend *a, int part) {
    const size_t width = (size_t)a->out->columns;
    return (AttentionIn){a->parts->data + (size_t)part * width, 3 * width,
                         (size_t)a->attention.width};
}

static Status attend_backward(Tape *tape, void *record) {
    const Attend *a = record;
    const size_t width = (size_t)a->out->columns, head = (size_t)a->attention.width;
    int accumulate;
    float *d = tape_gradient(a->parts, &accumulate); /* written: the parts have no other use */
    return tape->device->attention_backward(
        &a->attention, third(a, 0), third(a, 1), third(a, 2),
        (AttentionIn){a->out->data, width, head}, (AttentionIn){a->out->gradient, width, head},
        a->saved, (AttentionOut){d, 3 * width, head}, (AttentionOut){d + width, 3 * width, head},
        (AttentionOut){d + 2 * width, 3 * width, head}, tape->arena);
}

static Value *attend(Tape *tape, Value *parts, const Attention *attention) {
    if (!parts) return NULL;
    Value *out = tape_value(tape, parts->rows, parts->columns / 3);
    Attend *a = tape_take(tape, sizeof *a);
    if (!out || !a) return NULL;
    *a = (Attend){.attention = *attention, .parts = parts, .out = out};
    Status status = attention_check(attention);
    if (status != STATUS_OK) return tape_fail(tape, status);
    if (!(a->saved = tape_take(tape, attention_saved_bytes(attention) + 1))) return NULL;
    status = tape->device->attention_forward(
        attention, third(a, 0), third(a, 1), third(a, 2),
        (AttentionOut){out->data, (size_t)out->columns, (size_t)attention->width}, a->saved,
        tape->arena);
    if (status != STATUS_OK) return tape_fail(tape, status);
    tape_record(tape, out, attend_backward, a);
    return out;
}

/* --- one pass -------------------------------------------------------------------------------- */

static int *make_offsets(Arena *arena, int batch, int length) {
    int *offsets = arena_take(arena, ((size_t)batch + 1) * sizeof *offsets);
    for (int b = 0; offsets && b <= batch; b++) offsets[b] = b * length;
    return offsets;
}

/* Rows are sequence after sequence, of the LSTM step after step: only their number counts here. */
static Value *forward(Q3Layer *layer, Tape *tape, Value *x, int batch, int length,
                      const int *offsets) {
    if (layer->kind == Q3_LSTM)
        return nn_recurrent(tape, &layer->stack, x, length, batch, NULL, NULL);
    if (layer->kind == Q3_CONVOLUTION)
        return nn_convolution(tape, x, layer->shape.taps, batch, offsets, layer->in, layer->in_bias,
                              ACTIVATION_NONE);
    Attention attention =
        q3_layer_attention(layer->kind, &layer->shape, batch, offsets, layer->projection);
    Value *parts = nn_linear(tape, x, layer->in, layer->in_bias, ACTIVATION_NONE);
    return nn_linear(tape, attend(tape, parts, &attention), layer->out, layer->out_bias,
                     ACTIVATION_NONE);
}

static Status run(Q3Layer *layer, Arena *arena, int batch, int length, float *x, const float *dout,
                  double seconds[2], Q3LayerResult *result) {
    int *offsets = make_offsets(arena, batch, length);
    if (!offsets) return STATUS_MEMORY;
    double start = clock_seconds();
    Tape tape;
    tape_open(&tape, arena, TAPE_EXACT, 0, 0);
    Value *input = tape_input(&tape, x, batch * length, layer->shape.width);
    Value *output = forward(layer, &tape, input, batch, length, offsets);
    STATUS_TRY(tape_status(&tape));
    double middle = clock_seconds();
    seconds[0] = middle - start;
    seconds[1] = 0;
    if (result) *result = (Q3LayerResult){.y = output->data};
    if (!dout) return STATUS_OK;
    STATUS_TRY(tape_backward_from(&tape, output, dout));
    seconds[1] = clock_seconds() - middle;
    parameters_clear_gradients(&layer->set);
    if (result) result->dx = input->gradient;
    return STATUS_OK;
}

Status q3_layer_run(Q3Layer *layer, Arena *arena, int batch, int length, float *x,
                    const float *dout, double seconds[2], Q3LayerResult *result) {
    size_t mark = arena_mark(arena);
    Status status = run(layer, arena, batch, length, x, dout, seconds, result);
    arena_rewind(arena, mark);
    if (status == STATUS_OK) return status;
    return status_prefix(status, "layer %s, batch %d, length %d", q3_layer_slug[layer->kind], batch,
                         length);
}

Status q3_layer_dependence(Q3Layer *layer, Arena *arena, int length, uint64_t seed,
                           unsigned char *reaches) {
    const size_t width = (size_t)layer->shape.width, count = (size_t)length * width;
    size_t start = arena_mark(arena);
    float *x = arena_take(arena, count * sizeof *x);
    float *dout = arena_take_zeroed(arena, count * sizeof *dout);
    Status status = x && dout ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK) rng_fill_normal(x, count, seed, rng_stream("q3.dependence"));
    for (int i = 0; i < length && status == STATUS_OK; i++) {
        double seconds[2];
        Q3LayerResult result;
        size_t mark = arena_mark(arena);
        for (size_t c = 0; c < width; c++) dout[(size_t)i * width + c] = 1;
        status = run(layer, arena, 1, length, x, dout, seconds, &result);
        for (size_t c = 0; c < width; c++) dout[(size_t)i * width + c] = 0;
        for (int j = 0; j < length && status == STATUS_OK; j++) {
            int any = 0;
            for (size_t c = 0; c < width; c++) any |= result.dx[(size_t)j * width + c] != 0;
            reaches[j * length + i] = (unsigned char)any;
        }
        arena_rewind(arena, mark);
    }
    arena_rewind(arena, start);
    return status;
}

/* --- counts ---------------------------------------------------------------------------------- */

static AttentionWork count_attention(Q3LayerKind kind, const Q3Shape *shape, int batch, int length,
                                     Direction direction) {
    int offsets[2] = {0, length}; /* sequences of a batch are alike */
    Attention one = q3_layer_attention(kind, shape, 1, offsets, NULL);
    AttentionWork work = attention_work(&one, direction);
    work.flops *= batch;
    return work;
}

double q3_layer_operations(Q3LayerKind kind, const Q3Shape *shape, int batch, int length,
                           Direction direction) {
    const double rows = (double)batch * length, d = shape->width;
    /* the gradients of input and weight are two products as large as forward's */
    const double passes = direction == DIRECTION_FORWARD ? 1 : 2;
    Recurrent cells = {
        .kind = RECURRENT_LSTM, .steps = length, .batch = batch, .width = shape->width};
    switch (kind) {
    case Q3_LSTM:
        return passes * 8 * rows * d * d + recurrent_flops(&cells, direction == DIRECTION_BACKWARD);
    case Q3_CONVOLUTION:
        return passes * 2 * rows * shape->taps * d * d;
    default:
        return passes * 8 * rows * d * d +
               count_attention(kind, shape, batch, length, direction).flops;
    }
}

double q3_layer_bytes(Q3LayerKind kind, const Q3Shape *shape, int batch, int length) {
    const double rows = (double)batch * length, d = shape->width, k = shape->taps;
    const double size = sizeof(float);
    switch (kind) {
    case Q3_LSTM: /* W and, at every step, U; x, gates written and read, h and c */
        return size * (4 * d * d + length * 4 * d * d + rows * (d + 2 * 4 * d + 3 * d));
    case Q3_CONVOLUTION:
        return size * (k * d * d + rows * (d + 2 * k * d + d));
    default: /* x, the parts and the context written and read, y */
        return size * (4 * d * d + rows * (d + 2 * 3 * d + 2 * d + d));
    }
}
