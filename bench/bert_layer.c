#include "bert_layer.h"
#include "base/clock.h"
#include "base/rng.h"
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/norm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EPSILON 1e-12f

struct BertLayerRun {
    BertLayerSize size;
    ParameterSet parameters;
    Parameter *qkv[2], *output[2], *up[2], *down[2]; /* weight, bias */
    Parameter *norm[2][2];                           /* gain, shift */
    Arena data, arena;
    int *offsets;
    float *x, *dy; /* [sequences * length, width] */
};

static Status check(const BertLayerSize *s) {
    const double rows = (double)s->sequences * s->length;
    if (s->width < 1 || s->heads < 1 || s->hidden < 1 || s->sequences < 1 || s->length < 1 ||
        s->width % s->heads || rows > INT_MAX || s->width > INT_MAX / 3)
        return status_fail(STATUS_ARGUMENT,
                           "layer: width %d, %d heads, hidden %d, %d sequences of %d; expected at "
                           "least 1 each, and a width that the heads share",
                           s->width, s->heads, s->hidden, s->sequences, s->length);
    return STATUS_OK;
}

static Status add_linear(BertLayerRun *run, const char *name, int outputs, int inputs,
                         Parameter *both[2]) {
    char bias[PARAMETER_NAME_MAX];
    snprintf(bias, sizeof bias, "%s.bias", name);
    both[0] =
        parameters_add(&run->parameters, name, 2, (size_t[]){(size_t)outputs, (size_t)inputs});
    both[1] = parameters_add(&run->parameters, bias, 1, (size_t[]){(size_t)outputs});
    if (!both[0] || !both[1]) return STATUS_MEMORY;
    rng_fill_normal(both[0]->value, both[0]->count, 1, rng_stream(name));
    for (size_t i = 0; i < both[0]->count; i++) both[0]->value[i] *= .02f;
    for (size_t i = 0; i < both[1]->count; i++) both[1]->value[i] = 0;
    return parameter_use_products(both[0], run->size.precision);
}

static Status add_norm(BertLayerRun *run, const char *gain, const char *shift, Parameter *both[2]) {
    const size_t width = (size_t)run->size.width;
    both[0] = parameters_add(&run->parameters, gain, 1, &width);
    both[1] = parameters_add(&run->parameters, shift, 1, &width);
    if (!both[0] || !both[1]) return STATUS_MEMORY;
    for (size_t i = 0; i < width; i++) both[0]->value[i] = 1, both[1]->value[i] = 0;
    return STATUS_OK;
}

static Status fill(BertLayerRun *run) {
    const int d = run->size.width, f = run->size.hidden, sequences = run->size.sequences;
    const size_t count = (size_t)sequences * (size_t)run->size.length * (size_t)d;
    STATUS_TRY(parameters_open(&run->parameters));
    STATUS_TRY(add_linear(run, "qkv", 3 * d, d, run->qkv));
    STATUS_TRY(add_linear(run, "output", d, d, run->output));
    STATUS_TRY(add_linear(run, "up", f, d, run->up));
    STATUS_TRY(add_linear(run, "down", d, f, run->down));
    STATUS_TRY(add_norm(run, "gain.0", "shift.0", run->norm[0]));
    STATUS_TRY(add_norm(run, "gain.1", "shift.1", run->norm[1]));
    STATUS_TRY(arena_open(&run->data, 0));
    STATUS_TRY(arena_open(&run->arena, 0));
    run->offsets = arena_take(&run->data, ((size_t)sequences + 1) * sizeof *run->offsets);
    run->x = arena_take(&run->data, count * sizeof *run->x);
    run->dy = arena_take(&run->data, count * sizeof *run->dy);
    if (!run->offsets || !run->x || !run->dy) return STATUS_MEMORY;
    for (int b = 0; b <= sequences; b++) run->offsets[b] = b * run->size.length;
    rng_fill_normal(run->x, count, 1, rng_stream("x"));
    rng_fill_normal(run->dy, count, 1, rng_stream("dy"));
    return parameters_changed(&run->parameters);
}

Status bert_layer_open(BertLayerRun **out, const BertLayerSize *size) {
    *out = NULL;
    STATUS_TRY(check(size));
    BertLayerRun *run = calloc(1, sizeof *run);
    if (!run) return status_fail(STATUS_MEMORY, "layer: no memory");
    run->size = *size;
    Status status = fill(run);
    if (status != STATUS_OK) {
        bert_layer_close(run);
        return status;
    }
    *out = run;
    return STATUS_OK;
}

/* The layer of src/model/bert.c without its dropout. */
Status bert_layer_time(BertLayerRun *run, double *seconds) {
    const BertLayerSize *s = &run->size;
    const AttentionShape shape = {
        .heads = s->heads, .sequences = s->sequences, .offsets = run->offsets};
    Tape tape;
    parameters_clear_gradients(&run->parameters);
    double begun = clock_seconds();
    arena_rewind(&run->arena, 0);
    tape_open(&tape, &run->arena, TAPE_EXACT, 1, 0);
    Value *x = tape_input(&tape, run->x, s->sequences * s->length, s->width);
    Value *qkv = nn_linear(&tape, x, run->qkv[0], run->qkv[1], ACTIVATION_NONE);
    Value *context = nn_self_attention(&tape, qkv, &shape, NULL);
    Value *a = nn_linear(&tape, context, run->output[0], run->output[1], ACTIVATION_NONE);
    Value *h = nn_norm(&tape, a, x, 0, run->norm[0][0], run->norm[0][1], EPSILON);
    Value *up = nn_linear(&tape, h, run->up[0], run->up[1], ACTIVATION_GELU);
    Value *down = nn_linear(&tape, up, run->down[0], run->down[1], ACTIVATION_NONE);
    Value *y = nn_norm(&tape, down, h, 0, run->norm[1][0], run->norm[1][1], EPSILON);
    STATUS_TRY(tape_status(&tape));
    STATUS_TRY(tape_backward_from(&tape, y, run->dy));
    *seconds = clock_seconds() - begun;
    return STATUS_OK;
}

void bert_layer_close(BertLayerRun *run) {
    if (!run) return;
    parameters_close(&run->parameters);
    arena_close(&run->data);
    arena_close(&run->arena);
    free(run);
}
