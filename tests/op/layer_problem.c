#include "op/layer_problem.h"
#include "base/rng.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/norm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 33 };
#define CANARY    0x48a1b2c3u
#define UNWRITTEN 0x7fc0beefu

static const LayerOps *chosen;

static const LayerOps *ops(void) {
    return chosen ? chosen : device_cpu()->layers;
}

void layer_use(const LayerOps *operations) {
    chosen = operations;
}

static void *bytes_or_abort(size_t bytes) {
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p) abort();
    return p;
}

static void must(Status status) {
    if (status != STATUS_OK) {
        fprintf(stderr, "layer_problem: %s\n", status_message());
        abort();
    }
}

static int has(const LayerProblem *p, int flag) {
    return (p->variant->flags & flag) != 0;
}

/* --- arrays ---------------------------------------------------------------------------------- */

static void set_bits(float *to, uint32_t bits, size_t count) {
    for (size_t i = 0; i < count; i++) memcpy(to + i, &bits, sizeof bits);
}

static void array_open(LayerArray *a, size_t count) {
    a->count = count;
    a->base = bytes_or_abort((count + 2 * GUARD) * sizeof(float));
    a->was = bytes_or_abort((count + 2 * GUARD) * sizeof(float));
    a->given = bytes_or_abort(count * sizeof(double));
    a->data = a->base + GUARD;
    set_bits(a->base, CANARY, count + 2 * GUARD);
}

static void array_close(LayerArray *a) {
    free(a->base), free(a->was), free(a->given);
}

static void array_fill(LayerArray *a, const char *stream, double spread, double mean) {
    for (size_t i = 0; i < a->count; i++) {
        a->data[i] = (float)(mean + spread * rng_normal(2026, rng_stream(stream), i));
        a->given[i] = a->data[i];
    }
}

/* A NaN, or what it was given to start from; and everything is remembered for layer_harm. */
static void forget(LayerArray *a, int written, int keep) {
    if (!a->data) return;
    a->written = written;
    if (written && !keep) set_bits(a->data, UNWRITTEN, a->count);
    if (written && keep)
        for (size_t i = 0; i < a->count; i++) a->data[i] = (float)a->given[i];
    memcpy(a->was, a->base, (a->count + 2 * GUARD) * sizeof(float));
}

double *layer_read(const LayerArray *a) {
    double *copy = bytes_or_abort(a->count * sizeof *copy);
    for (size_t i = 0; i < a->count; i++) copy[i] = a->data[i];
    return copy;
}

/* --- opening --------------------------------------------------------------------------------- */

static const char *const input_streams[LAYER_INPUTS] = {"layer 0", "layer 1", "layer 2", "layer 3"};
static const char *const prior_streams[LAYER_INPUTS] = {"prior 0", "prior 1", "prior 2", "prior 3"};

/* Numbers in each input; 0: the layer goes without. Returns those of the result. */
static size_t counts_of(const LayerProblem *p, size_t counts[LAYER_INPUTS]) {
    const size_t rows = p->shape->rows, columns = p->shape->columns, other = p->shape->other;
    memset(counts, 0, LAYER_INPUTS * sizeof *counts);
    counts[0] = rows * columns;
    switch (p->variant->kind) {
    case LAYER_ACTIVATE:
        counts[1] = has(p, LAYER_BIAS) ? columns : 0;
        break;
    case LAYER_NORM:
        counts[1] = has(p, LAYER_RESIDUAL) ? rows * columns : 0;
        counts[2] = counts[3] = columns;
        break;
    case LAYER_ADD:
        counts[1] = rows * columns;
        break;
    case LAYER_LINEAR:
        counts[1] = other * columns;
        counts[2] = has(p, LAYER_BIAS) ? other : 0;
        return rows * other;
    case LAYER_EMBED:
        counts[0] = other * columns;
        counts[1] = (other + 3) * columns;
        counts[2] = 2 * columns;
        return rows * columns;
    case LAYER_TAKE_ROWS:
        return (rows + 1) / 2 * columns;
    case LAYER_CROSS_ENTROPY:
        return 1;
    case LAYER_RELATIVE_BIAS:
        counts[0] = LAYER_BUCKETS * other;
        return other * (2 * rows - 1);
    default:
        break;
    }
    return rows * columns;
}

/* The bucket of a distance in whole numbers: 8 + the largest k for which n >= 8 * 2^(k / 2). */
static int bucket(int distance) {
    int away = abs(distance), far = 8;
    if (away < 8) return away + (distance > 0 ? 16 : 0);
    while (far < 15 && away * away >= 64 << (far - 7)) far++;
    return far + (distance > 0 ? 16 : 0);
}

static void open_choices(LayerProblem *p) {
    const int rows = p->shape->rows,
              sizes[LAYER_TABLES] = {p->shape->other, p->shape->other + 3, 2};
    for (int k = 0; k < LAYER_TABLES; k++) {
        p->ids[k] = bytes_or_abort((size_t)rows * sizeof(int32_t));
        for (int t = 0; t < rows; t++) /* few rows for many places: ids repeat */
            p->ids[k][t] = (int32_t)rng_below(5, rng_stream("layer ids") + (uint64_t)k, (uint64_t)t,
                                              (uint64_t)sizes[k]);
        p->setting.ids[k] = p->ids[k];
    }
    p->setting.takes = (rows + 1) / 2;
    p->taken = bytes_or_abort((size_t)p->setting.takes * sizeof(int));
    for (int i = 0; i < p->setting.takes; i++) p->taken[i] = rows - 1 - 2 * i;
    p->setting.taken = p->taken;
    p->labels = bytes_or_abort((size_t)rows);
    for (int r = 0; r < rows; r++)
        p->labels[r] = (uint8_t)(r * 7 % (p->shape->columns < 255 ? p->shape->columns : 255));
    p->setting.labels = p->labels;
    p->buckets = bytes_or_abort((2 * (size_t)rows + 1) * sizeof(int));
    for (int d = 0; d < 2 * rows - 1; d++) p->buckets[d] = bucket(d - rows + 1);
    p->setting.buckets = p->buckets;
}

static void parameter_open(LayerProblem *p, int which, const char *name, size_t rows,
                           size_t columns, int products) {
    size_t shape[2] = {rows, columns};
    Parameter *parameter =
        parameters_add(&p->parameters, name, rows ? 2 : 1, rows ? shape : shape + 1);
    if (!parameter) abort();
    p->parameter[which] = parameter;
    for (size_t i = 0; i < parameter->count; i++) parameter->value[i] = p->in[which].data[i];
    if (products) must(parameter_use_products(parameter, PRECISION_F32));
    if (has(p, LAYER_BY_ROWS)) must(parameter_use_rows(&p->parameters, parameter));
}

static void open_parameters(LayerProblem *p) {
    const size_t columns = (size_t)p->shape->columns, other = (size_t)p->shape->other;
    must(parameters_open(&p->parameters));
    if (p->variant->kind == LAYER_LINEAR) {
        parameter_open(p, 1, "weight", other, columns, 1);
        if (has(p, LAYER_BIAS)) parameter_open(p, 2, "bias", 0, other, 0);
    } else if (p->variant->kind == LAYER_EMBED) {
        parameter_open(p, 0, "words", other, columns, 0);
        parameter_open(p, 1, "places", other + 3, columns, 0);
        parameter_open(p, 2, "kinds", 2, columns, 0);
    } else if (p->variant->kind == LAYER_RELATIVE_BIAS) {
        parameter_open(p, 0, "distances", LAYER_BUCKETS, other, 0);
    }
    must(parameters_changed(&p->parameters));
}

void layer_open(LayerProblem *p, const LayerVariant *variant, const LayerShape *shape,
                Arena *arena) {
    size_t counts[LAYER_INPUTS];
    memset(p, 0, sizeof *p);
    p->variant = variant, p->shape = shape, p->arena = arena;
    p->mark = arena_mark(arena);
    p->setting = (LayerSetting){.kind = variant->kind,
                                .activation = variant->activation,
                                .rows = shape->rows,
                                .columns = shape->columns,
                                .other = shape->other,
                                .epsilon = 1e-12f,
                                .dropout = {variant->rate, 77, rng_stream("layer dropout")}};
    size_t results = counts_of(p, counts);
    const int timed = shape->uses & USE_BENCHMARK;
    for (int i = 0; i < LAYER_INPUTS; i++) {
        if (!counts[i] && !(i == 0 || p->variant->kind == LAYER_ADD)) continue;
        if (!counts[i] && i > 1) continue;
        array_open(&p->in[i], counts[i]);
        array_open(&p->gradient[i], counts[i]);
        /* a clock calls again and again, and the bias is added to x every time */
        int still = timed && variant->kind == LAYER_ACTIVATE && i == 1;
        /* sums of products stay where tanh is not yet flat */
        double spread = variant->kind != LAYER_LINEAR ? 1 : i == 1 ? .4 / sqrt(shape->columns) : .3;
        if (i == 0) spread = shape->spread;
        array_fill(&p->in[i], input_streams[i], still ? 0 : spread, i ? 0 : shape->mean);
        array_fill(&p->gradient[i], prior_streams[i], 1, 0);
    }
    array_open(&p->out, results);
    array_open(&p->dout, results);
    array_fill(&p->dout, "layer dout", 1, 0);
    if (variant->kind == LAYER_NORM) {
        array_open(&p->kept[0], counts[0]);
        array_open(&p->kept[1], 2 * (size_t)shape->rows);
    }
    open_choices(p);
    if (layer_is_taped(variant)) open_parameters(p);
}

void layer_close(LayerProblem *p) {
    for (int i = 0; i < LAYER_INPUTS; i++) array_close(&p->in[i]), array_close(&p->gradient[i]);
    array_close(&p->out), array_close(&p->dout);
    array_close(&p->kept[0]), array_close(&p->kept[1]);
    for (int k = 0; k < LAYER_TABLES; k++) free(p->ids[k]);
    free(p->taken), free(p->buckets), free(p->labels);
    if (layer_is_taped(p->variant)) parameters_close(&p->parameters);
    arena_rewind(p->arena, p->mark);
    memset(p, 0, sizeof *p);
}

/* --- the device's own operations ------------------------------------------------------------- */

/* Where forward puts its result: over x in place, else out. */
static float *result_of(LayerProblem *p) {
    return has(p, LAYER_IN_PLACE) && p->variant->kind != LAYER_NORM ? p->in[0].data : p->out.data;
}

static float *norm_sum(LayerProblem *p) {
    return has(p, LAYER_IN_PLACE) ? p->in[0].data : p->kept[0].data;
}

static void device_forward(LayerProblem *p) {
    const LayerSetting *l = &p->setting;
    float *x = p->in[0].data;
    if (l->kind == LAYER_ACTIVATE)
        ops()->activate(l->activation, l->rows, l->columns, p->in[1].data, x, result_of(p));
    else if (l->kind == LAYER_NORM)
        ops()->norm(l->rows, l->columns, x, p->in[1].data, &l->dropout, p->in[2].data,
                    p->in[3].data, (float)l->epsilon, norm_sum(p), p->out.data, p->kept[1].data);
    else
        ops()->dropout(p->in[0].count, &l->dropout, x, result_of(p), 0);
}

static void device_backward(LayerProblem *p) {
    const LayerSetting *l = &p->setting;
    const int adds = has(p, LAYER_ADDS), in_place = has(p, LAYER_IN_PLACE);
    float *dx = in_place ? p->dout.data : p->gradient[0].data;
    if (l->kind == LAYER_ACTIVATE)
        ops()->activate_backward(l->activation, l->rows, l->columns, p->in[0].data, result_of(p),
                                 p->dout.data, dx, p->gradient[1].data, adds);
    else if (l->kind == LAYER_NORM)
        ops()->norm_backward(l->rows, l->columns, norm_sum(p), p->kept[1].data, &l->dropout,
                             p->in[2].data, p->dout.data, p->gradient[2].data, p->gradient[3].data,
                             adds, p->gradient[1].data, adds, dx, adds);
    else
        ops()->dropout(p->in[0].count, &l->dropout, p->dout.data, dx, adds);
}

/* --- through the tape ------------------------------------------------------------------------ */

static Status tape_forward(LayerProblem *p) {
    const LayerSetting *l = &p->setting;
    Tape *tape = &p->tape;
    RelativeBias relative;
    arena_rewind(p->arena, p->mark);
    tape_open(tape, p->arena, TAPE_EXACT, 1, 1);
    p->value[0] = p->value[1] = p->result = NULL;
    if (l->kind != LAYER_EMBED && l->kind != LAYER_RELATIVE_BIAS)
        p->value[0] = tape_input(tape, p->in[0].data, l->rows, l->columns);
    switch (l->kind) {
    case LAYER_ADD:
        p->value[1] = tape_input(tape, p->in[1].data, l->rows, l->columns);
        p->result = nn_add(tape, p->value[0], p->value[1]);
        break;
    case LAYER_LINEAR:
        p->result = nn_linear(tape, p->value[0], p->parameter[1], p->parameter[2], l->activation);
        break;
    case LAYER_EMBED:
        p->result = nn_embed(tape, LAYER_TABLES, p->parameter, l->ids, l->rows);
        break;
    case LAYER_TAKE_ROWS:
        p->result = nn_take_rows(tape, p->value[0], l->taken, l->takes);
        break;
    case LAYER_CROSS_ENTROPY:
        p->result = nn_cross_entropy(tape, p->value[0], l->labels, NULL);
        break;
    default:
        relative = nn_relative_bias(tape, p->parameter[0], l->rows);
        p->result = relative.bias;
    }
    return tape_status(tape);
}

/* Gradients that are there before: a layer that is used twice finds them so. */
static void tape_prior(LayerProblem *p) {
    for (int i = 0; i < LAYER_INPUTS; i++) {
        const int adds = has(p, LAYER_ADDS);
        float *to = NULL;
        if (p->parameter[i]) {
            p->parameter[i]->has_gradient = adds;
            to = p->parameter[i]->gradient;
        } else if (i < 2 && p->value[i]) {
            p->value[i]->has_gradient = adds;
            to = p->value[i]->gradient;
        }
        if (!to || has(p, LAYER_BY_ROWS)) continue;
        for (size_t k = 0; k < p->in[i].count; k++) to[k] = p->gradient[i].data[k];
    }
}

static void tape_results(LayerProblem *p) {
    for (int i = 0; i < LAYER_INPUTS; i++) {
        const float *from = p->parameter[i]        ? p->parameter[i]->gradient
                            : i < 2 && p->value[i] ? p->value[i]->gradient
                                                   : NULL;
        for (size_t k = 0; from && k < p->in[i].count; k++) p->gradient[i].data[k] = from[k];
    }
}

Status layer_launch_forward(LayerProblem *p) {
    if (layer_is_taped(p->variant)) return tape_forward(p);
    device_forward(p);
    return STATUS_OK;
}

Status layer_launch_backward(LayerProblem *p) {
    p->tape.walked = 0; /* a clock walks one pass again and again */
    if (layer_is_taped(p->variant)) return tape_backward_from(&p->tape, p->result, p->dout.data);
    device_backward(p);
    return STATUS_OK;
}

/* --- with everything forgotten first --------------------------------------------------------- */

static void poison(LayerProblem *p) {
    size_t left = p->arena->capacity - p->arena->used, most = (size_t)1 << 20;
    memset(p->arena->base + p->arena->used, p->calls++ % 2 ? 0x48 : 0xff,
           left < most ? left : most);
}

Status layer_forward(LayerProblem *p) {
    const int in_place = has(p, LAYER_IN_PLACE);
    const int changes = p->variant->kind == LAYER_ACTIVATE && has(p, LAYER_BIAS); /* x += bias */
    for (int i = 0; i < LAYER_INPUTS; i++) {
        forget(&p->in[i], i == 0 && (in_place || changes), 1);
        forget(&p->gradient[i], 0, 0);
    }
    forget(&p->out, 1, 0), forget(&p->dout, 0, 0);
    forget(&p->kept[0], 1, 0), forget(&p->kept[1], 1, 0);
    arena_rewind(p->arena, p->mark);
    poison(p);
    Status status = layer_launch_forward(p);
    if (status != STATUS_OK) return status;
    const float *from = layer_is_taped(p->variant) ? p->result->data : result_of(p);
    if (from != p->out.data) memcpy(p->out.data, from, p->out.count * sizeof *from);
    return status;
}

Status layer_backward(LayerProblem *p) {
    const int in_place = has(p, LAYER_IN_PLACE);
    for (int i = 0; i < LAYER_INPUTS; i++) {
        /* dx of an activation is never added to */
        int adds = has(p, LAYER_ADDS) && !(i == 0 && p->variant->kind == LAYER_ACTIVATE);
        forget(&p->in[i], 0, 0);
        forget(&p->gradient[i], 1, adds);
    }
    forget(&p->out, 0, 0), forget(&p->dout, in_place, 1);
    forget(&p->kept[0], 0, 0), forget(&p->kept[1], 0, 0);
    poison(p);
    if (layer_is_taped(p->variant)) tape_prior(p);
    Status status = layer_launch_backward(p);
    if (status != STATUS_OK) return status;
    if (layer_is_taped(p->variant)) tape_results(p);
    if (in_place) memcpy(p->gradient[0].data, p->dout.data, p->dout.count * sizeof(float));
    if (has(p, LAYER_BY_ROWS)) parameters_clear_gradients(&p->parameters);
    return status;
}

static int touched(LayerProblem *p, const LayerArray *a, const char *name) {
    if (!a->data) return 0;
    for (size_t i = 0; i < a->count + 2 * GUARD; i++) {
        if (a->written && i >= GUARD && i < GUARD + a->count) continue;
        if (memcmp(a->base + i, a->was + i, sizeof(float)) == 0) continue;
        snprintf(p->harm, sizeof p->harm, "%s: number %ld of %zu was %g and is %g", name,
                 (long)i - GUARD, a->count, (double)a->was[i], (double)a->base[i]);
        return 1;
    }
    return 0;
}

const char *layer_harm(LayerProblem *p) {
    for (int i = 0; i < LAYER_INPUTS; i++)
        if (touched(p, &p->in[i], input_streams[i]) ||
            touched(p, &p->gradient[i], prior_streams[i]))
            return p->harm;
    if (touched(p, &p->out, "out") || touched(p, &p->dout, "dout") ||
        touched(p, &p->kept[0], "s") || touched(p, &p->kept[1], "statistics"))
        return p->harm;
    return NULL;
}

/* --- the reference --------------------------------------------------------------------------- */

double *layer_truth(const LayerProblem *p) {
    const double *in[LAYER_INPUTS];
    double *out = bytes_or_abort(p->out.count * sizeof *out);
    for (int i = 0; i < LAYER_INPUTS; i++) in[i] = p->in[i].data ? p->in[i].given : NULL;
    layer_reference_forward(&p->setting, in, out);
    return out;
}

void layer_true_gradients(const LayerProblem *p, int by_differences,
                          double *gradients[LAYER_INPUTS]) {
    const double *in[LAYER_INPUTS];
    size_t counts[LAYER_INPUTS];
    for (int i = 0; i < LAYER_INPUTS; i++) {
        in[i] = p->in[i].data ? p->in[i].given : NULL;
        counts[i] = p->in[i].count;
        gradients[i] = in[i] ? bytes_or_abort(counts[i] * sizeof(double)) : NULL;
    }
    if (by_differences)
        layer_reference_differences(&p->setting, counts, in, p->out.count, p->dout.given,
                                    gradients);
    else
        layer_reference_backward(&p->setting, in, p->dout.given, gradients);
    for (int i = 0; i < LAYER_INPUTS; i++) {
        if (!gradients[i] || !has(p, LAYER_ADDS)) continue;
        if (i == 0 && p->variant->kind == LAYER_ACTIVATE) continue;
        for (size_t k = 0; k < counts[i]; k++) gradients[i][k] += p->gradient[i].given[k];
    }
}

/* --- work ------------------------------------------------------------------------------------ */

double layer_bytes(const LayerProblem *p, Direction direction) {
    double numbers = (double)p->out.count, forward = direction == DIRECTION_FORWARD;
    const int bias = has(p, LAYER_BIAS);
    for (int i = 0; i < LAYER_INPUTS; i++) numbers += (double)p->in[i].count;
    if (p->variant->kind == LAYER_ACTIVATE && forward && bias && p->out.data)
        numbers += (double)p->in[0].count; /* x += bias */
    if (p->variant->kind == LAYER_NORM) numbers += (double)p->kept[0].count;
    if (!forward && p->variant->kind == LAYER_ACTIVATE) numbers += (double)p->out.count;
    return numbers * sizeof(float);
}

double layer_flops(const LayerProblem *p, Direction direction) {
    if (p->variant->kind != LAYER_LINEAR) return 0;
    return (direction == DIRECTION_FORWARD ? 2. : 4.) * p->shape->rows * p->shape->columns *
           p->shape->other;
}
