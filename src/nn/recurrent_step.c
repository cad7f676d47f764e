#include "nn/recurrent_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct RecurrentStep {
    const RecurrentStack *stack;
    MatmulWeight *recurrent[NN_RECURRENT_LAYERS_MAX]; /* U, as a product */
    float *h, *c;                                     /* [layers, H] */
    float *gates, *sums;                              /* [G H]: W x + b, U h */
};

static float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

Status nn_recurrent_step_open(RecurrentStep **out, const RecurrentStack *stack) {
    *out = NULL;
    if (stack->directions != 1)
        return status_fail(
            STATUS_ARGUMENT,
            "recurrent: %d directions one symbol at a time; expected 1: the backward "
            "direction begins at a sequence's end",
            stack->directions);
    RecurrentStep *step = calloc(1, sizeof *step);
    if (!step) return status_fail(STATUS_MEMORY, "recurrent: no memory for a step");
    const size_t states = (size_t)stack->layers * (size_t)stack->width;
    const int outputs = recurrent_gates(stack->kind) * stack->width;
    step->stack = stack;
    step->h = calloc(states, sizeof *step->h);
    step->c = calloc(states, sizeof *step->c);
    step->gates = calloc((size_t)outputs, sizeof *step->gates);
    step->sums = calloc((size_t)outputs, sizeof *step->sums);
    Status status = STATUS_OK;
    if (!step->h || !step->c || !step->gates || !step->sums)
        status =
            status_fail(STATUS_MEMORY, "recurrent: no memory for a step of width %d", stack->width);
    for (int l = 0; l < stack->layers && status == STATUS_OK; l++) {
        status = matmul_weight_open(&step->recurrent[l], outputs, stack->width, PRECISION_F32);
        if (status == STATUS_OK)
            status = matmul_weight_set(step->recurrent[l], stack->layer[l][0].weight->value);
    }
    if (status != STATUS_OK)
        nn_recurrent_step_close(step);
    else
        *out = step;
    return status;
}

void nn_recurrent_step_close(RecurrentStep *step) {
    if (!step) return;
    for (int l = 0; l < NN_RECURRENT_LAYERS_MAX; l++) matmul_weight_close(step->recurrent[l]);
    free(step->h), free(step->c), free(step->gates), free(step->sums);
    free(step);
}

void nn_recurrent_step_reset(RecurrentStep *step) {
    const size_t states = (size_t)step->stack->layers * (size_t)step->stack->width;
    memset(step->h, 0, states * sizeof *step->h);
    memset(step->c, 0, states * sizeof *step->c);
}

size_t nn_recurrent_step_bytes(const RecurrentStep *step) {
    const RecurrentStack *s = step->stack;
    const size_t kept = s->kind == RECURRENT_LSTM ? 2 : 1;
    return kept * (size_t)s->layers * (size_t)s->width * sizeof(float);
}

/* The cells of op/recurrent.h, gate after gate in its order. g: W x + b, u: U h of before. */
static void cell(const RecurrentStack *s, const RecurrentLayer *l, const float *g, const float *u,
                 float *h, float *c) {
    const int n = s->width;
    for (int i = 0; i < n; i++) {
        if (s->kind == RECURRENT_TANH) {
            h[i] = tanhf(g[i] + u[i]);
        } else if (s->kind == RECURRENT_GRU) {
            float r = sigmoid(g[i] + u[i]), z = sigmoid(g[n + i] + u[n + i]);
            float fresh = tanhf(g[2 * n + i] + r * (u[2 * n + i] + l->hidden_bias->value[i]));
            h[i] = (1 - z) * fresh + z * h[i];
        } else {
            float in = sigmoid(g[i] + u[i]), forget = sigmoid(g[n + i] + u[n + i]);
            float fresh = tanhf(g[2 * n + i] + u[2 * n + i]);
            c[i] = forget * c[i] + in * fresh;
            h[i] = sigmoid(g[3 * n + i] + u[3 * n + i]) * tanhf(c[i]);
        }
    }
}

Status nn_recurrent_step(RecurrentStep *step, const float *x, float *out) {
    const RecurrentStack *s = step->stack;
    for (int l = 0; l < s->layers; l++) {
        const RecurrentLayer *layer = &s->layer[l][0];
        float *h = step->h + (size_t)l * (size_t)s->width;
        STATUS_TRY(matmul_forward(layer->input->products, 1, x, step->gates));
        STATUS_TRY(matmul_forward(step->recurrent[l], 1, h, step->sums));
        for (size_t i = 0; i < layer->bias->count; i++) step->gates[i] += layer->bias->value[i];
        cell(s, layer, step->gates, step->sums, h, step->c + (size_t)l * (size_t)s->width);
        x = h;
    }
    memcpy(out, x, (size_t)s->width * sizeof *out);
    return STATUS_OK;
}
