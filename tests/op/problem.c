#include "op/problem.h"
#include "base/rng.h"
#include "op/projection.h"
#include "op/reference.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY    0x48a1b2c3u /* 331158.1 between the elements of a view: no one else's bits */
#define UNWRITTEN 0x7fc0beefu /* a quiet NaN in an output before it is written */

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void *bytes_or_abort(size_t bytes) {
    void *p = malloc(bytes ? bytes : 1);
    if (!p) abort();
    return p;
}

float *problem_element(const Problem *problem, TensorName name, int row, int head, int e) {
    const View *view = &problem->views[name];
    return view->data + (size_t)row * view->row + (size_t)head * view->head + e;
}

size_t problem_count(const Problem *problem, TensorName name) {
    const View *view = &problem->views[name];
    return (size_t)view->rows * view->heads * view->width;
}

/* --- layout ---------------------------------------------------------------------------------- */

static void block_open(Block *block, size_t floats) {
    block->floats = floats;
    block->base = bytes_or_abort(floats * sizeof(float));
    block->before = bytes_or_abort(floats * sizeof(float));
    for (size_t i = 0; i < floats; i++) block->base[i] = from_bits(CANARY);
}

/* `thirds`: 0 for a tensor of its own, else the view is third number `third` of a fused block. */
static void view_open(Problem *problem, TensorName name, int rows, size_t guard, int thirds,
                      int third) {
    size_t heads = problem->attention.heads, width = problem->attention.width;
    View *view = &problem->views[name];
    size_t offset = 0, floats = (size_t)rows * heads * width;
    *view = (View){.row = heads * width, .head = width, .rows = rows, .block = name};
    view->heads = (int)heads, view->width = (int)width;
    switch (problem->shape->layout) {
    case LAYOUT_ROWS:
        break;
    case LAYOUT_HEADS:
        view->row = width;
        view->head = (size_t)rows * width;
        break;
    case LAYOUT_GAPPED:
        view->head = width + 3;
        view->row = heads * view->head + 2;
        offset = 1;
        floats = rows ? offset + (rows - 1) * view->row + (heads - 1) * view->head + width : 0;
        break;
    case LAYOUT_FUSED:
        if (!thirds) break;
        view->row = 3 * heads * width;
        offset = third * heads * width;
        floats *= 3;
        view->block = name - third;
        break;
    }
    if (view->block == (int)name) block_open(&problem->blocks[name], floats + 2 * guard);
    view->data = problem->blocks[view->block].base + guard + offset;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Rescales a row so that |sqrt(scale) x|^2 = square. */
static void set_norm(Problem *problem, TensorName name, int row, int head, double square) {
    double sum = 0;
    for (int e = 0; e < problem->attention.width; e++) {
        double x = *problem_element(problem, name, row, head, e);
        sum += x * x;
    }
    double factor = sqrt(square / (problem->attention.scale * sum));
    for (int e = 0; e < problem->attention.width; e++)
        *problem_element(problem, name, row, head, e) *= (float)factor;
}

static double normal_value(const Problem *problem, TensorName name, int row, int head, int e) {
    uint64_t index =
        ((uint64_t)row * problem->attention.heads + head) * problem->attention.width + e;
    return rng_normal(20240229 + name, rng_stream(problem->shape->name), index);
}

/* exp(|x|^2 / 2) cos(w x) summed over random signs cancels where |x|^2 is large, whoever computes
 * it: trigonometric features are checked where their quotient means something. */
static double spread_of(const Problem *problem) {
    double spread = problem->shape->spread;
    int waves = table_is_kernel(problem->variant) && problem->variant->map == FEATURE_TRIGONOMETRIC;
    return waves ? fmin(spread, .35) : spread;
}

static float value_of(const Problem *problem, TensorName name, int row, int first, int rows,
                      int head, int e) {
    const OpShape *shape = problem->shape;
    double x = normal_value(problem, name, row, head, e);
    if (name != TENSOR_Q && name != TENSOR_K) return (float)x;
    double spread = spread_of(problem);
    double along = (e % 2 ? -1 : 1) / sqrt(problem->attention.width); /* one common unit vector */
    double place = rows > 1 ? (double)(row - first) / (rows - 1) : 0;
    double most = spread < shape->spread ? 2 : 60; /* by how much scores differ, about */
    double steep = sqrt(most / problem->attention.scale);
    switch (shape->values) {
    case VALUES_NORMAL:
    case VALUES_SPIKE:
        return (float)(spread * x);
    case VALUES_RISING:
    case VALUES_FALLING:
        if (shape->values == VALUES_FALLING) place = 1 - place;
        return (float)(.1 * spread * x + along * steep * (name == TENSOR_Q ? 1 : place));
    case VALUES_OPPOSED:
        return (float)(name == TENSOR_K ? -normal_value(problem, TENSOR_Q, row, head, e) : x);
    case VALUES_TIES:
        return x > .7 ? 1.f : x < -.7 ? -1.f : 0.f;
    case VALUES_ZERO:
        return 0;
    }
    return 0;
}

static void fill(Problem *problem, TensorName name, const int *offsets) {
    const Attention *a = &problem->attention;
    for (int b = 0; b < a->sequences; b++) {
        int first = offsets[b], rows = offsets[b + 1] - first;
        for (int row = first; row < first + rows; row++)
            for (int head = 0; head < a->heads; head++)
                for (int e = 0; e < a->width; e++)
                    *problem_element(problem, name, row, head, e) =
                        value_of(problem, name, row, first, rows, head, e);
        if (problem->shape->values == VALUES_OPPOSED && name <= TENSOR_K)
            for (int row = first; row < first + rows; row++)
                for (int head = 0; head < a->heads; head++)
                    set_norm(problem, name, row, head, spread_of(problem) * spread_of(problem));
        if (problem->shape->values == VALUES_SPIKE && rows && name <= TENSOR_K)
            for (int head = 0; head < a->heads; head++)
                set_norm(problem, name, first + (name == TENSOR_K ? 2 * rows / 3 : rows / 2), head,
                         120);
    }
}

/* The relative bias of a variant that has one: [H, 2 S - 1], for sequences somewhat longer than the
 * longest, so that the middle is not where a mistake would look for it by chance. */
static void bias_open(Problem *problem, size_t guard) {
    Attention *a = &problem->attention;
    int longest = 0;
    for (int b = 0; b < a->sequences; b++)
        for (int keys = 0; keys < 2; keys++) {
            const int *offsets = keys ? problem->key_offsets : problem->query_offsets;
            int length = offsets[b + 1] - offsets[b];
            longest = length > longest ? length : longest;
        }
    a->relative_span = longest + 2;
    const size_t width = 2 * (size_t)a->relative_span - 1, count = (size_t)a->heads * width;
    for (int name = TENSOR_BIAS; name <= (int)TENSOR_DBIAS; name++) {
        block_open(&problem->blocks[name], count + 2 * guard);
        problem->views[name] = (View){.data = problem->blocks[name].base + guard,
                                      .row = width,
                                      .head = 0,
                                      .rows = a->heads,
                                      .heads = 1,
                                      .width = (int)width,
                                      .block = name};
    }
    for (size_t i = 0; i < count; i++)
        problem->views[TENSOR_BIAS].data[i] =
            (float)rng_normal(20240229, rng_stream("relative bias"), i);
    a->relative_bias = problem->views[TENSOR_BIAS].data;
    a->relative_bias_gradient = problem->views[TENSOR_DBIAS].data;
}

void problem_open(Problem *problem, const OpVariant *variant, const OpShape *shape, size_t guard) {
    memset(problem, 0, sizeof *problem);
    problem->variant = variant;
    problem->shape = shape;
    for (int b = 0; b < shape->sequences; b++) {
        int keys = shape->cross ? shape->keys[b] : shape->queries[b];
        problem->query_offsets[b + 1] = problem->query_offsets[b] + shape->queries[b];
        problem->key_offsets[b + 1] = problem->key_offsets[b] + keys;
    }
    int rows = problem->query_offsets[shape->sequences];
    int keys = problem->key_offsets[shape->sequences];
    problem->attention = (Attention){.kind = variant->kind,
                                     .map = variant->map,
                                     .causal = variant->causal,
                                     .sequences = shape->sequences,
                                     .heads = shape->heads,
                                     .width = shape->width,
                                     .features = shape->features,
                                     .query_offsets = problem->query_offsets,
                                     .key_offsets = problem->key_offsets,
                                     .scale = (float)(1 / sqrt(shape->width))};
    if (table_is_kernel(variant) && variant->map != FEATURE_ELU1) {
        problem->projection_floats = (size_t)shape->features * shape->width;
        problem->projection = bytes_or_abort(problem->projection_floats * sizeof(float));
        if (projection_draw(problem->projection, shape->features, shape->width,
                            PROJECTION_ORTHOGONAL, 7, rng_stream("op table")))
            abort();
        problem->attention.projection = problem->projection;
    }
    view_open(problem, TENSOR_Q, rows, guard, 3, 0);
    view_open(problem, TENSOR_K, keys, guard, 3, 1);
    view_open(problem, TENSOR_V, keys, guard, 3, 2);
    view_open(problem, TENSOR_DOUT, rows, guard, 0, 0);
    view_open(problem, TENSOR_OUT, rows, guard, 0, 0);
    view_open(problem, TENSOR_DQ, rows, guard, 3, 0);
    view_open(problem, TENSOR_DK, keys, guard, 3, 1);
    view_open(problem, TENSOR_DV, keys, guard, 3, 2);
    fill(problem, TENSOR_Q, problem->query_offsets);
    fill(problem, TENSOR_K, problem->key_offsets);
    fill(problem, TENSOR_V, problem->key_offsets);
    fill(problem, TENSOR_DOUT, problem->query_offsets);
    if (variant->relative) bias_open(problem, guard);
    problem->attention.dropout = variant->dropout;
    problem->attention.dropout_seed = 0x123456789abcdef0;
    problem->attention.dropout_stream = rng_stream("op table dropout");
    problem->saved_bytes = attention_saved_bytes(&problem->attention);
    problem->saved = bytes_or_abort(problem->saved_bytes);
    memset(problem->saved, 0xff, problem->saved_bytes);
    problem_forget(problem, TENSOR_OUT, TENSOR_DV);
    problem_forget(problem, TENSOR_DBIAS, TENSOR_DBIAS);
}

void problem_close(Problem *problem) {
    for (int name = 0; name < TENSORS; name++)
        free(problem->blocks[name].base), free(problem->blocks[name].before);
    free(problem->projection);
    free(problem->saved);
    memset(problem, 0, sizeof *problem);
}

/* --- running --------------------------------------------------------------------------------- */

static void each_element(Problem *problem, TensorName name, float value) {
    const View *view = &problem->views[name];
    for (int row = 0; row < view->rows; row++)
        for (int head = 0; head < view->heads; head++)
            for (int e = 0; e < view->width; e++)
                *problem_element(problem, name, row, head, e) = value;
}

/* A block is remembered with the elements of its outputs replaced by UNWRITTEN. */
void problem_forget(Problem *problem, TensorName first, TensorName last) {
    for (int name = first; name <= (int)last; name++)
        each_element(problem, name, from_bits(UNWRITTEN));
    for (int name = 0; name < TENSORS; name++) {
        Block *block = &problem->blocks[name];
        if (block->base) memcpy(block->before, block->base, block->floats * sizeof(float));
    }
}

static AttentionIn in(const Problem *problem, TensorName name) {
    const View *view = &problem->views[name];
    return (AttentionIn){view->data, view->row, view->head};
}

static AttentionOut out(const Problem *problem, TensorName name) {
    const View *view = &problem->views[name];
    return (AttentionOut){view->data, view->row, view->head};
}

/* Scratch begins as NaN and as large numbers in turn: some code turns a NaN into a zero, other code
 * a large number, and a result that depends on either differs from one call to the next. */
static void poison(Problem *problem, Arena *arena) {
    size_t bytes = arena->capacity - arena->used, most = (size_t)4 << 20;
    memset(arena->base + arena->used, problem->calls++ / 2 % 2 ? 0x48 : 0xff,
           bytes < most ? bytes : most);
}

Status problem_forward(Problem *problem, const Device *device, int save, Arena *arena) {
    problem_forget(problem, TENSOR_OUT, TENSOR_OUT);
    poison(problem, arena);
    return problem_launch(problem, device, DIRECTION_FORWARD, save, arena);
}

Status problem_backward(Problem *problem, const Device *device, Arena *arena) {
    problem_forget(problem, TENSOR_DQ, TENSOR_DV);
    problem_forget(problem, TENSOR_DBIAS, TENSOR_DBIAS);
    poison(problem, arena);
    return problem_launch(problem, device, DIRECTION_BACKWARD, 1, arena);
}

Status problem_launch(Problem *problem, const Device *device, Direction direction, int save,
                      Arena *arena) {
    if (direction == DIRECTION_FORWARD)
        return device->attention_forward(
            &problem->attention, in(problem, TENSOR_Q), in(problem, TENSOR_K),
            in(problem, TENSOR_V), out(problem, TENSOR_OUT), save ? problem->saved : NULL, arena);
    return device->attention_backward(
        &problem->attention, in(problem, TENSOR_Q), in(problem, TENSOR_K), in(problem, TENSOR_V),
        in(problem, TENSOR_OUT), in(problem, TENSOR_DOUT), problem->saved, out(problem, TENSOR_DQ),
        out(problem, TENSOR_DK), out(problem, TENSOR_DV), arena);
}

/* An element of an output that was written may hold anything but UNWRITTEN; every other float must
 * still hold what it held. */
const char *problem_harm(Problem *problem) {
    static const char *const names[TENSORS] = {"q",  "k",  "v",  "dout", "out",
                                               "dq", "dk", "dv", "bias", "dbias"};
    for (int name = 0; name < TENSORS; name++) {
        View *view = &problem->views[name];
        Block *block = &problem->blocks[view->block];
        /* What a call may write is put into the copy, so that the rest can be compared whole. */
        for (int row = 0; row < view->rows; row++)
            for (int head = 0; head < view->heads; head++)
                for (int e = 0; e < view->width; e++) {
                    float *now = problem_element(problem, name, row, head, e);
                    float *was = block->before + (now - block->base);
                    if (name >= TENSOR_OUT && name != TENSOR_BIAS && to_bits(*was) == UNWRITTEN)
                        *was = *now;
                }
    }
    for (int name = 0; name < TENSORS; name++) {
        Block *block = &problem->blocks[name];
        for (size_t i = 0; block->base && i < block->floats; i++)
            if (to_bits(block->base[i]) != to_bits(block->before[i])) {
                snprintf(problem->harm, sizeof problem->harm,
                         "float %zu of the block of %s was %s (%g before, %g now)", i, names[name],
                         to_bits(block->before[i]) == CANARY ? "no element, yet written"
                                                             : "changed",
                         (double)block->before[i], (double)block->base[i]);
                return problem->harm;
            }
    }
    return NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

float *problem_read_bits(const Problem *problem, TensorName name) {
    const View *view = &problem->views[name];
    float *dense = bytes_or_abort(problem_count(problem, name) * sizeof *dense);
    for (int head = 0; head < view->heads; head++)
        for (int row = 0; row < view->rows; row++)
            for (int e = 0; e < view->width; e++)
                dense[((size_t)head * view->rows + row) * view->width + e] =
                    *problem_element(problem, name, row, head, e);
    return dense;
}

double *problem_read(const Problem *problem, TensorName name) {
    size_t count = problem_count(problem, name);
    float *bits = problem_read_bits(problem, name);
    double *dense = bytes_or_abort(count * sizeof *dense);
    for (size_t i = 0; i < count; i++) dense[i] = bits[i];
    free(bits);
    return dense;
}

const TensorName problem_gradient_names[GRADIENTS] = {TENSOR_DQ, TENSOR_DK, TENSOR_DV,
                                                      TENSOR_DBIAS};

/* Number of the first probability of one head of one sequence, as dropout counts them: head by
 * head, sequence by sequence, row by row. */
static size_t first_probability(const Attention *a, int head, int sequence) {
    size_t all = 0, before = 0;
    for (int b = 0; b < a->sequences; b++) {
        size_t count = (size_t)(a->query_offsets[b + 1] - a->query_offsets[b]) *
                       (size_t)(a->key_offsets[b + 1] - a->key_offsets[b]);
        if (b < sequence) before += count;
        all += count;
    }
    return (size_t)head * all + before;
}

/* What the definitions of op/op.h and op/layers.h say of every score, one word at a time. */
static ReferenceScores scores_open(const Attention *a, int head, int b) {
    int queries = a->query_offsets[b + 1] - a->query_offsets[b];
    int keys = a->key_offsets[b + 1] - a->key_offsets[b];
    size_t count = (size_t)queries * keys, first = first_probability(a, head, b);
    double *bias = NULL, *keep = NULL, *dbias = NULL;
    if (a->relative_bias) {
        bias = bytes_or_abort(count * sizeof *bias);
        dbias = bytes_or_abort(count * sizeof *dbias);
        for (int i = 0; i < queries; i++)
            for (int j = 0; j < keys; j++)
                bias[(size_t)i * keys + j] =
                    a->relative_bias[(size_t)head * (2 * (size_t)a->relative_span - 1) + j - i +
                                     a->relative_span - 1];
    }
    if (a->dropout > 0) {
        keep = bytes_or_abort(count * sizeof *keep);
        for (size_t i = 0; i < count; i++) {
            uint32_t words[4];
            rng_words(a->dropout_seed, a->dropout_stream, (first + i) / 4, words);
            keep[i] = words[(first + i) % 4] < a->dropout * 4294967296.
                          ? 0
                          : 1 / (1 - (double)a->dropout);
        }
    }
    return (ReferenceScores){bias, keep, dbias};
}

static void scores_close(ReferenceScores *scores) {
    free((void *)scores->bias), free((void *)scores->keep), free(scores->dbias);
}

double *problem_reference_out(const Problem *problem) {
    const Attention *a = &problem->attention;
    double *q = problem_read(problem, TENSOR_Q), *k = problem_read(problem, TENSOR_K);
    double *v = problem_read(problem, TENSOR_V);
    double *dense = bytes_or_abort(problem_count(problem, TENSOR_OUT) * sizeof *dense);
    size_t width = a->width, rows = problem->views[TENSOR_Q].rows;
    size_t keys = problem->views[TENSOR_K].rows;
    for (int head = 0; head < a->heads; head++)
        for (int b = 0; b < a->sequences; b++) {
            size_t i = (head * rows + a->query_offsets[b]) * width;
            size_t j = (head * keys + a->key_offsets[b]) * width;
            ReferenceScores scores = scores_open(a, head, b);
            reference_forward(a, &scores, a->query_offsets[b + 1] - a->query_offsets[b],
                              a->key_offsets[b + 1] - a->key_offsets[b], q + i, k + j, v + j,
                              dense + i);
            scores_close(&scores);
        }
    free(q), free(k), free(v);
    return dense;
}

void problem_reference_gradients(const Problem *problem, ReferenceGradient *method,
                                 double *gradients[GRADIENTS]) {
    const Attention *a = &problem->attention;
    double *q = problem_read(problem, TENSOR_Q), *k = problem_read(problem, TENSOR_K);
    double *v = problem_read(problem, TENSOR_V), *dout = problem_read(problem, TENSOR_DOUT);
    for (int which = 0; which < GRADIENTS; which++) {
        size_t count = problem_count(problem, problem_gradient_names[which]);
        gradients[which] = bytes_or_abort(count * sizeof(double));
        memset(gradients[which], 0, count * sizeof(double));
    }
    size_t width = a->width, rows = problem->views[TENSOR_Q].rows;
    size_t keys = problem->views[TENSOR_K].rows;
    for (int head = 0; head < a->heads; head++)
        for (int b = 0; b < a->sequences; b++) {
            size_t i = (head * rows + a->query_offsets[b]) * width;
            size_t j = (head * keys + a->key_offsets[b]) * width;
            int n = a->query_offsets[b + 1] - a->query_offsets[b];
            int m = a->key_offsets[b + 1] - a->key_offsets[b];
            ReferenceScores scores = scores_open(a, head, b);
            method(a, &scores, n, m, q + i, k + j, v + j, dout + i, gradients[0] + i,
                   gradients[1] + j, gradients[2] + j);
            /* score_ij holds bias[j - i]: its gradient is the sum along a diagonal */
            double *bias = gradients[3] + (size_t)head * (2 * (size_t)a->relative_span - 1);
            for (int row = 0; scores.dbias && row < n; row++)
                for (int column = 0; column < m; column++)
                    bias[column - row + a->relative_span - 1] +=
                        scores.dbias[(size_t)row * m + column];
            scores_close(&scores);
        }
    free(q), free(k), free(v), free(dout);
}
