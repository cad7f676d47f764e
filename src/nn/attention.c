#include "nn/attention.h"

#include <math.h>
#include <string.h>

typedef struct {
    Value *qkv, *out;
    Attention attention;
    void *saved;
    Value *bias;
} SelfAttention;

static AttentionIn third_in(const float *data, int part, int width, int head) {
    return (AttentionIn){data + (size_t)part * (size_t)width, 3 * (size_t)width, (size_t)head};
}
static AttentionOut third_out(float *data, int part, int width, int head) {
    return (AttentionOut){data + (size_t)part * (size_t)width, 3 * (size_t)width, (size_t)head};
}

static Status attend_backward(Tape *tape, void *record) {
    SelfAttention *s = record;
    const int width = s->out->columns, head = s->attention.width;
    const AttentionIn out = {s->out->data, (size_t)width, (size_t)head};
    const AttentionIn dout = {s->out->gradient, (size_t)width, (size_t)head};
    const float *x = s->qkv->data;
    size_t mark = arena_mark(tape->arena);
    float *gradient = NULL;
    size_t count = 0;
    if (s->bias) {
        count = (size_t)s->bias->rows * (size_t)s->bias->columns;
        gradient = arena_take(tape->arena, count * sizeof *gradient);
        if (!gradient) return STATUS_MEMORY;
        s->attention.relative_bias_gradient = gradient;
    }
    if (s->qkv->has_gradient)
        return status_fail(STATUS_UNSUPPORTED, "attention: its qkv is used by another layer too");
    int accumulate;
    float *dx = tape_gradient(s->qkv, &accumulate);
    STATUS_TRY(tape->device->attention_backward(
        &s->attention, third_in(x, 0, width, head), third_in(x, 1, width, head),
        third_in(x, 2, width, head), out, dout, s->saved, third_out(dx, 0, width, head),
        third_out(dx, 1, width, head), third_out(dx, 2, width, head), tape->arena));
    if (s->bias) {
        float *dbias = tape_gradient(s->bias, &accumulate);
        if (accumulate)
            tape->device->layers->add(count, gradient, dbias);
        else
            memcpy(dbias, gradient, count * sizeof *dbias);
    }
    arena_rewind(tape->arena, mark);
    return STATUS_OK;
}

Value *nn_self_attention(Tape *tape, Value *qkv, const AttentionShape *shape,
                         const RelativeBias *relative) {
    if (!qkv || tape->status != STATUS_OK) return NULL;
    if (!(shape->dropout >= 0 && shape->dropout < 1)) /* also where nothing is dropped */
        return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                           "attention: dropout is %g; expected 0 <= dropout < 1",
                                           (double)shape->dropout));
    if (shape->sequences < 1 || !shape->offsets)
        return tape_fail(tape, status_fail(STATUS_ARGUMENT, "attention: %d sequences, %s offsets",
                                           shape->sequences, shape->offsets ? "with" : "no"));
    if (shape->heads < 1 || qkv->columns % (3 * shape->heads))
        return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                           "attention: %d columns cannot be shared out among 3 "
                                           "times %d heads",
                                           qkv->columns, shape->heads));
    if (shape->offsets[shape->sequences] != qkv->rows)
        return tape_fail(tape,
                         status_fail(STATUS_ARGUMENT, "attention: offsets end at %d of %d rows",
                                     shape->offsets[shape->sequences], qkv->rows));
    const int width = qkv->columns / 3, head = width / shape->heads;
    Value *out = tape_value(tape, qkv->rows, width);
    SelfAttention *s = tape_take(tape, sizeof *s);
    if (!out || !s) return NULL;
    *s = (SelfAttention){.qkv = qkv, .out = out};
    s->attention = (Attention){.kind = ATTENTION_MATERIALISED,
                               .causal = shape->causal,
                               .sequences = shape->sequences,
                               .heads = shape->heads,
                               .width = head,
                               .query_offsets = shape->offsets,
                               .key_offsets = shape->offsets,
                               .scale = 1 / sqrtf((float)head)};
    if (relative) {
        if (!relative->bias) return NULL;
        if (relative->bias->rows != shape->heads ||
            relative->bias->columns != 2 * relative->span - 1)
            return tape_fail(tape, status_fail(STATUS_ARGUMENT,
                                               "attention: a relative bias of %d x %d for %d heads "
                                               "and span %d",
                                               relative->bias->rows, relative->bias->columns,
                                               shape->heads, relative->span));
        s->bias = relative->bias;
        s->attention.relative_bias = relative->bias->data;
        s->attention.relative_span = relative->span;
    }
    if (tape->mode == TAPE_TRAIN && shape->dropout > 0) {
        s->attention.dropout = shape->dropout;
        s->attention.dropout_seed = tape->seed;
        s->attention.dropout_stream = tape_stream(tape);
    }
    Status status = attention_check(&s->attention);
    if (status != STATUS_OK) return tape_fail(tape, status);
    if (tape_records(tape)) {
        s->saved = tape_take(tape, attention_saved_bytes(&s->attention));
        if (!s->saved) return NULL;
    }
    status = tape->device->attention_forward(
        &s->attention, third_in(qkv->data, 0, width, head), third_in(qkv->data, 1, width, head),
        third_in(qkv->data, 2, width, head), (AttentionOut){out->data, (size_t)width, (size_t)head},
        s->saved, tape->arena);
    if (status != STATUS_OK) return tape_fail(tape, status);
    tape_record(tape, out, attend_backward, s);
    return out;
}

/* --- relative bias --------------------------------------------------------------------------- */

/* Distances beyond this share the last bucket. */
#define FARTHEST 128
/* From 4 FARTHEST buckets on, all of them would be exact and none left to grow. */
#define BUCKETS_MAX (4 * FARTHEST - 1)

int nn_relative_bucket(int distance, int buckets) {
    int half = buckets / 2, bucket = distance > 0 ? half : 0;
    int away = distance < 0 ? -distance : distance, exact = half / 2;
    if (away < exact) return bucket + away;
    int far = exact + (int)(logf((float)away / (float)exact) /
                            (float)log((double)FARTHEST / exact) * (float)(half - exact));
    return bucket + (far < half - 1 ? far : half - 1);
}

typedef struct {
    Parameter *table;
    Value *bias;
    int span;
} Spread;

static Status spread_backward(Tape *tape, void *record) {
    (void)tape;
    const Spread *s = record;
    const int buckets = (int)s->table->shape[0], heads = (int)s->table->shape[1];
    int accumulate;
    float *gradient = parameter_gradient(s->table, &accumulate);
    if (!accumulate) memset(gradient, 0, s->table->count * sizeof *gradient);
    /* bias[h][d] = table[bucket(d)][h] */
    for (int d = 1 - s->span; d < s->span; d++) {
        float *row = gradient + nn_relative_bucket(d, buckets) * heads;
        for (int h = 0; h < heads; h++)
            row[h] += s->bias->gradient[h * (2 * s->span - 1) + d + s->span - 1];
    }
    return STATUS_OK;
}

RelativeBias nn_relative_bias(Tape *tape, Parameter *table, int span) {
    RelativeBias relative = {NULL, span};
    if (tape->status != STATUS_OK) return relative;
    if (table->rank != 2 || table->shape[0] < 4 || table->shape[0] > BUCKETS_MAX || span < 1) {
        Status status = status_fail(STATUS_ARGUMENT,
                                    "relative bias: %s of rank %d and %zu rows over %d distances; "
                                    "expected a table of 4 to %d buckets and at least 1",
                                    table->name, table->rank, table->shape[0], span, BUCKETS_MAX);
        tape_fail(tape, status);
        return relative;
    }
    const int buckets = (int)table->shape[0], heads = (int)table->shape[1];
    Value *bias = tape_value(tape, heads, 2 * span - 1);
    Spread *s = tape_take(tape, sizeof *s);
    if (!bias || !s) return relative;
    *s = (Spread){table, bias, span};
    for (int d = 1 - span; d < span; d++) {
        const float *row = table->value + nn_relative_bucket(d, buckets) * heads;
        for (int h = 0; h < heads; h++) bias->data[h * (2 * span - 1) + d + span - 1] = row[h];
    }
    tape_record(tape, bias, spread_backward, s);
    relative.bias = bias;
    return relative;
}
