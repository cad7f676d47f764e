#include "model/reorderer_step.h"
#include "base/threads.h"
#include "nn/linear.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* --- opening ---------------------------------------------------------------------------------- */

static float *take(Tape *tape, size_t count) {
    return tape_take(tape, count * sizeof(float));
}

static Status take_scratch(ReordererStep *s, Tape *tape) {
    const ReordererConfig *c = &s->model->config;
    const size_t rows = (size_t)s->rows_max, d = (size_t)c->width, longest = (size_t)s->longest;
    const size_t widest = 3 * d > (size_t)c->feed_forward ? 3 * d : (size_t)c->feed_forward;
    const size_t threads = (size_t)threads_count();
    s->x = take(tape, rows * d), s->normal = take(tape, rows * d);
    s->branch = take(tape, rows * d), s->query = take(tape, rows * d);
    s->wide = take(tape, rows * widest), s->statistics = take(tape, 2 * rows);
    s->gathered = take(tape, threads * longest * 2 * d), s->scores = take(tape, threads * longest);
    for (int i = 0; i < c->decoder_layers; i++) s->past[i] = take(tape, longest * rows * 2 * d);
    return tape_status(tape);
}

Status reorderer_step_open(ReordererStep *s, Reorderer *model, Tape *tape, const ReorderBatch *bags,
                           int longest, int rows_max) {
    const ReordererConfig *c = &model->config;
    const TransformerParts *parts = model->body->parts;
    const size_t d = (size_t)c->width;
    *s = (ReordererStep){.model = model, .rows_max = rows_max, .longest = longest};
    if (d > sizeof s->begin / sizeof *s->begin)
        return status_fail(STATUS_UNSUPPORTED, "reorderer: a width of %d; expected at most %zu",
                           c->width, sizeof s->begin / sizeof *s->begin);
    Value *words = reorderer_embed(model, tape, bags);
    Value *states =
        words ? transformer_encode_rows(model->body, tape, words, bags->sequences, bags->offsets)
              : NULL;
    Value *projected = nn_linear(tape, states, model->state, NULL, ACTIVATION_NONE);
    Value *keys = nn_linear(tape, states, model->key, NULL, ACTIVATION_NONE);
    for (int i = 0; i < c->decoder_layers; i++) {
        const LinearParts *l = &parts->decoder[i].key_value;
        const Value *kv = nn_linear(tape, states, l->weight, l->bias, ACTIVATION_NONE);
        s->memory[i] = kv ? kv->data : NULL;
    }
    STATUS_TRY(tape_status(tape));
    s->words = words->data, s->projected = projected->data, s->keys = keys->data;
    for (size_t i = 0; i < d; i++)
        s->begin[i] = model->words->value[REORDERER_BEGIN * d + i] +
                      (float)REORDERER_AFFIXES * model->affixes->value[i];
    return take_scratch(s, tape);
}

/* --- one step --------------------------------------------------------------------------------- */

static Status linear(const LinearParts *l, int rows, const float *x, Activation f, float *y) {
    STATUS_TRY(matmul_forward(l->weight->products, rows, x, y));
    device_cpu()->layers->activate(f, rows, (int)l->weight->shape[0], l->bias->value, y, y);
    return STATUS_OK;
}

static void norm(const ReordererStep *s, const NormParts *n, int rows) {
    device_cpu()->layers->norm(rows, s->model->config.width, s->x, NULL, NULL, n->gain->value,
                               n->shift->value, TRANSFORMER_EPSILON, s->normal, s->normal,
                               s->statistics);
}

static Status join(const ReordererStep *s, const LinearParts *l, int rows, const float *from) {
    STATUS_TRY(linear(l, rows, from, ACTIVATION_NONE, s->branch));
    device_cpu()->layers->add((size_t)rows * (size_t)s->model->config.width, s->branch, s->x);
    return STATUS_OK;
}

static void embed(const ReordererStep *s, int t, int rows, const PointerRow *row) {
    const ReordererConfig *c = &s->model->config;
    const size_t d = (size_t)c->width;
    const float *place = s->model->places->value + (size_t)reorderer_place(c, t) * d;
    for (int r = 0; r < rows; r++) {
        const int last = row[r].last;
        const float *word = last < 0 ? s->begin : s->words + (size_t)last * d;
        const float *state = last < 0 ? NULL : s->projected + (size_t)last * d;
        const float *left = s->model->left->value + (size_t)reorderer_left(c, row[r].words - t) * d;
        float *x = s->x + (size_t)r * d;
        for (size_t i = 0; i < d; i++) {
            x[i] = word[i] + place[i] + left[i];
            if (state) x[i] += state[i];
        }
    }
}

/* Attention of row r to `count` rows [2 D] found through `which`. */
static void attend(const ReordererStep *s, const float *from, const int *which, size_t stride,
                   size_t count, const float *q, float *out) {
    const ReordererConfig *c = &s->model->config;
    const size_t pair = 2 * (size_t)c->width, thread = (size_t)omp_get_thread_num();
    const int head = c->width / c->heads;
    float *gathered = s->gathered + thread * (size_t)s->longest * pair;
    for (size_t j = 0; j < count; j++)
        memcpy(gathered + j * pair, from + (j * stride + (size_t)which[j]) * pair,
               pair * sizeof *gathered);
    device_cpu()->steps->attend(c->heads, head, (int)count, 1 / sqrtf((float)head), q, gathered,
                                pair, gathered + pair / 2, pair,
                                s->scores + thread * (size_t)s->longest, out);
}

static Status self(const ReordererStep *s, int layer, int t, int rows, const PointerRow *row) {
    const TransformerLayer *l = &s->model->body->parts->decoder[layer];
    const size_t d = (size_t)s->model->config.width, stride = (size_t)s->rows_max;
    norm(s, &l->attention_norm, rows);
    STATUS_TRY(linear(&l->qkv, rows, s->normal, ACTIVATION_NONE, s->wide));
    for (int r = 0; r < rows; r++)
        memcpy(s->past[layer] + ((size_t)t * stride + (size_t)r) * 2 * d,
               s->wide + (size_t)r * 3 * d + d, 2 * d * sizeof(float));
#pragma omp parallel for schedule(static) if (rows >= 16)
    for (int r = 0; r < rows; r++)
        attend(s, s->past[layer], row[r].trail, stride, (size_t)t + 1, s->wide + (size_t)r * 3 * d,
               s->normal + (size_t)r * d);
    return join(s, &l->output, rows, s->normal);
}

static Status cross(const ReordererStep *s, int layer, int rows, const PointerRow *row) {
    const TransformerLayer *l = &s->model->body->parts->decoder[layer];
    const size_t d = (size_t)s->model->config.width;
    norm(s, &l->cross_norm, rows);
    STATUS_TRY(linear(&l->query, rows, s->normal, ACTIVATION_NONE, s->wide));
#pragma omp parallel for schedule(static) if (rows >= 16)
    for (int r = 0; r < rows; r++)
        attend(s, s->memory[layer], row[r].left, 0, (size_t)row[r].seen, s->wide + (size_t)r * d,
               s->normal + (size_t)r * d);
    return join(s, &l->cross_output, rows, s->normal);
}

Status reorderer_step(ReordererStep *s, int t, int rows, const PointerRow *row) {
    const TransformerParts *parts = s->model->body->parts;
    embed(s, t, rows, row);
    for (int i = 0; i < s->model->config.decoder_layers; i++) {
        const TransformerLayer *l = &parts->decoder[i];
        STATUS_TRY(self(s, i, t, rows, row));
        STATUS_TRY(cross(s, i, rows, row));
        norm(s, &l->feed_norm, rows);
        STATUS_TRY(linear(&l->up, rows, s->normal, ACTIVATION_GELU, s->wide));
        STATUS_TRY(join(s, &l->down, rows, s->wide));
    }
    norm(s, &parts->decoder_norm, rows);
    return matmul_forward(s->model->query->products, rows, s->normal, s->query);
}
