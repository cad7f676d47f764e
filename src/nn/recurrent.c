#include "nn/recurrent.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- parameters ------------------------------------------------------------------------------ */

static void draw(Parameter *p, int width, uint64_t seed) {
    const double reach = 1 / sqrt(width);
    const uint64_t stream = rng_stream(p->name);
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = (float)(reach * (2 * rng_uniform(seed, stream, i) - 1));
}

static Parameter *add(ParameterSet *set, const char *name, const char *part, int rows, int columns,
                      int width, uint64_t seed) {
    char full[PARAMETER_NAME_MAX];
    size_t shape[] = {(size_t)rows, (size_t)columns};
    snprintf(full, sizeof full, "%s.%s", name, part);
    Parameter *p = parameters_add(set, full, columns ? 2 : 1, shape);
    if (!p) return NULL;
    p->decays = columns > 0;
    draw(p, width, seed);
    return p;
}

static Status open_layer(ParameterSet *set, RecurrentLayer *out, const char *name,
                         RecurrentKind kind, int inputs, int width, float forget_bias,
                         uint64_t seed) {
    const int outputs = recurrent_gates(kind) * width;
    *out = (RecurrentLayer){.input = add(set, name, "input", outputs, inputs, width, seed),
                            .bias = add(set, name, "bias", outputs, 0, width, seed),
                            .weight = add(set, name, "weight", outputs, width, width, seed)};
    if (kind == RECURRENT_GRU)
        out->hidden_bias = add(set, name, "hidden_bias", width, 0, width, seed);
    if (!out->input || !out->bias || !out->weight || (kind == RECURRENT_GRU && !out->hidden_bias))
        return STATUS_MEMORY;
    if (kind == RECURRENT_LSTM)
        for (int i = width; i < 2 * width; i++) out->bias->value[i] = forget_bias;
    STATUS_TRY(parameter_use_products(out->input, PRECISION_F32));
    return matmul_weight_set(out->input->products, out->input->value);
}

Status nn_recurrent_open(ParameterSet *set, RecurrentStack *out, const char *name,
                         RecurrentKind kind, int inputs, int width, int layers, int directions,
                         float forget_bias, uint64_t seed) {
    static const char *const direction_names[] = {"forward", "backward"};
    Recurrent smallest = {.kind = kind, .steps = 1, .batch = 1, .width = width};
    STATUS_TRY(recurrent_check(&smallest));
    if (inputs < 1 || layers < 1 || layers > NN_RECURRENT_LAYERS_MAX || directions < 1 ||
        directions > 2)
        return status_fail(
            STATUS_ARGUMENT,
            "recurrent '%s': %d inputs, %d layers, %d directions; expected inputs, 1 "
            "to %d layers, 1 or 2 directions",
            name, inputs, layers, directions, NN_RECURRENT_LAYERS_MAX);
    *out = (RecurrentStack){
        .kind = kind, .inputs = inputs, .width = width, .layers = layers, .directions = directions};
    for (int l = 0; l < layers; l++)
        for (int d = 0; d < directions; d++) {
            char full[PARAMETER_NAME_MAX];
            snprintf(full, sizeof full, "%s.%d.%s", name, l, direction_names[d]);
            STATUS_TRY(open_layer(set, &out->layer[l][d], full, kind,
                                  l ? directions * width : inputs, width, forget_bias, seed));
        }
    return STATUS_OK;
}

/* --- one direction of one layer -------------------------------------------------------------- */

typedef struct {
    Recurrent shape;
    const RecurrentLayer *layer;
    Value *x, *h0, *c0, *h;
    float *c, *saved;
    Value *c_last; /* NULL: nobody asked */
} Cell;

static size_t numbers(const Value *v) {
    return (size_t)v->rows * (size_t)v->columns;
}

/* Puts `from` where a contribution to the gradient of `to` belongs. */
static void contribute(const Tape *tape, Value *to, const float *from) {
    int accumulate;
    float *gradient = tape_gradient(to, &accumulate);
    if (accumulate)
        tape->device->layers->add(numbers(to), from, gradient);
    else
        memcpy(gradient, from, numbers(to) * sizeof *gradient);
}

/* dgates = d(X W' + b): dW = dgates' X, db = sum of dgates, dX = dgates W. */
static Status input_backward(Tape *tape, const Cell *cell, float *dgates) {
    const RecurrentLayer *l = cell->layer;
    int rows = cell->x->rows, accumulate;
    float *db = parameter_gradient(l->bias, &accumulate);
    tape->device->layers->activate_backward(ACTIVATION_NONE, rows, (int)l->bias->count, dgates,
                                            dgates, dgates, dgates, db, accumulate);
    float *dw = parameter_gradient(l->input, &accumulate);
    STATUS_TRY(
        matmul_backward_weight(l->input->products, rows, dgates, cell->x->data, dw, accumulate));
    if (!cell->x->gradient) return STATUS_OK;
    float *dx = tape_gradient(cell->x, &accumulate);
    return matmul_backward_input(l->input->products, rows, dgates, dx, accumulate);
}

static Status cell_backward_in(Tape *tape, const Cell *cell) {
    const Recurrent *r = &cell->shape;
    const RecurrentLayer *l = cell->layer;
    size_t states = (size_t)r->batch * (size_t)r->width;
    float *dgates = tape_take(tape, (size_t)cell->x->rows * l->bias->count * sizeof *dgates);
    float *dh0 = cell->h0 ? tape_take(tape, states * sizeof *dh0) : NULL;
    float *dc0 = cell->c0 ? tape_take(tape, states * sizeof *dc0) : NULL;
    STATUS_TRY(tape_status(tape));
    /* Both were written together, so one flag serves. */
    int accumulate;
    float *dbn = l->hidden_bias ? parameter_gradient(l->hidden_bias, &accumulate) : NULL;
    float *du = parameter_gradient(l->weight, &accumulate);
    const Value *dc = cell->c_last && cell->c_last->has_gradient ? cell->c_last : NULL;
    STATUS_TRY(tape->device->recurrent->backward(
        r, l->weight->value, cell->h0 ? cell->h0->data : NULL, cell->c0 ? cell->c0->data : NULL,
        cell->h->data, cell->c, cell->saved, cell->h->gradient, dc ? dc->gradient : NULL, dgates,
        du, dbn, dh0, dc0, accumulate, tape->arena));
    if (dh0) contribute(tape, cell->h0, dh0);
    if (dc0) contribute(tape, cell->c0, dc0);
    return input_backward(tape, cell, dgates);
}

/* Gradients inside the layer are scratch: gone when it is done. */
static Status cell_backward(Tape *tape, void *record) {
    size_t mark = arena_mark(tape->arena);
    Status status = cell_backward_in(tape, record);
    arena_rewind(tape->arena, mark);
    return status;
}

static Status check_state(const char *what, const Value *state, const Recurrent *r) {
    if (!state || (state->rows == r->batch && state->columns == r->width)) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "recurrent: %s of %d x %d; expected %d x %d", what,
                       state->rows, state->columns, r->batch, r->width);
}

/* Outputs [T B, H] of one direction; NULL and a failed tape on failure. */
static Cell *cell_forward(Tape *tape, const RecurrentLayer *layer, Recurrent shape, Value *x,
                          Value *h0, Value *c0) {
    Status status = check_state("h0", h0, &shape);
    if (status == STATUS_OK) status = check_state("c0", c0, &shape);
    if (status != STATUS_OK) return tape_fail(tape, status), NULL;
    const int lstm = shape.kind == RECURRENT_LSTM;
    size_t rows = (size_t)x->rows, outputs = layer->bias->count;
    Cell *cell = tape_take(tape, sizeof *cell);
    if (!cell) return NULL;
    *cell = (Cell){.shape = shape, .layer = layer, .x = x, .h0 = h0, .c0 = lstm ? c0 : NULL};
    cell->h = tape_value(tape, x->rows, shape.width);
    if (lstm) cell->c = tape_take(tape, rows * (size_t)shape.width * sizeof *cell->c);
    if (tape_records(tape) && recurrent_saved_bytes(&shape))
        cell->saved = tape_take(tape, recurrent_saved_bytes(&shape));
    size_t mark = arena_mark(tape->arena);
    float *gates = tape_take(tape, rows * outputs * sizeof *gates);
    if (tape->status != STATUS_OK) return NULL;
    status = matmul_forward(layer->input->products, x->rows, x->data, gates);
    if (status == STATUS_OK) {
        tape->device->layers->activate(ACTIVATION_NONE, x->rows, (int)outputs, layer->bias->value,
                                       gates, gates);
        status = tape->device->recurrent->forward(
            &shape, gates, layer->weight->value,
            layer->hidden_bias ? layer->hidden_bias->value : NULL, h0 ? h0->data : NULL,
            cell->c0 ? cell->c0->data : NULL, cell->h->data, cell->c, cell->saved, tape->arena);
    }
    arena_rewind(tape->arena, mark);
    if (status != STATUS_OK) return tape_fail(tape, status), NULL;
    tape_record(tape, cell->h, cell_backward, cell);
    return cell;
}

/* --- states after the last step -------------------------------------------------------------- */

typedef struct {
    Cell *cell;
    Value *state;
    int is_c;
} Last;

/* h gets a gradient, be it of zeros: without one its node would be passed over. */
static void ensure_gradient(Value *h) {
    int accumulate;
    float *gradient = tape_gradient(h, &accumulate);
    if (!accumulate) memset(gradient, 0, numbers(h) * sizeof *gradient);
}

static size_t last_step(const Recurrent *r) {
    size_t step = r->reverse ? 0 : (size_t)r->steps - 1;
    return step * (size_t)r->batch * (size_t)r->width;
}

static Status last_backward(Tape *tape, void *record) {
    const Last *l = record;
    ensure_gradient(l->cell->h);
    if (!l->is_c) /* c's is read by the cell itself */
        tape->device->layers->add(numbers(l->state), l->state->gradient,
                                  l->cell->h->gradient + last_step(&l->cell->shape));
    return STATUS_OK;
}

/* A copy: a value has a gradient of its own. */
static Value *last_state(Tape *tape, Cell *cell, int is_c) {
    Value *state = tape_value(tape, cell->shape.batch, cell->shape.width);
    Last *l = tape_take(tape, sizeof *l);
    if (!state || !l) return NULL;
    const float *all = is_c ? cell->c : cell->h->data;
    memcpy(state->data, all + last_step(&cell->shape), numbers(state) * sizeof *all);
    *l = (Last){cell, state, is_c};
    if (is_c) cell->c_last = state;
    tape_record(tape, state, last_backward, l);
    return state;
}

/* --- both directions side by side ------------------------------------------------------------ */

typedef struct {
    Value *part[2], *whole;
} Pair;

static Status pair_backward(Tape *tape, void *record) {
    (void)tape;
    const Pair *p = record;
    for (int d = 0; d < 2; d++) {
        int accumulate, columns = p->part[d]->columns;
        float *to = tape_gradient(p->part[d], &accumulate);
        const float *from = p->whole->gradient + d * columns;
        for (int r = 0; r < p->whole->rows; r++) {
            float *row = to + (size_t)r * (size_t)columns;
            const float *source = from + (size_t)r * (size_t)p->whole->columns;
            for (int c = 0; c < columns; c++) row[c] = accumulate ? row[c] + source[c] : source[c];
        }
    }
    return STATUS_OK;
}

static Value *side_by_side(Tape *tape, Value *forward, Value *backward) {
    int columns = forward->columns;
    Value *whole = tape_value(tape, forward->rows, 2 * columns);
    Pair *p = tape_take(tape, sizeof *p);
    if (!whole || !p) return NULL;
    *p = (Pair){{forward, backward}, whole};
    for (int r = 0; r < whole->rows; r++)
        for (int d = 0; d < 2; d++)
            memcpy(whole->data + ((size_t)r * 2 + (size_t)d) * (size_t)columns,
                   p->part[d]->data + (size_t)r * (size_t)columns,
                   (size_t)columns * sizeof *whole->data);
    tape_record(tape, whole, pair_backward, p);
    return whole;
}

Value *nn_recurrent(Tape *tape, const RecurrentStack *stack, Value *x, int steps, int batch,
                    const RecurrentState *initial, RecurrentState *last) {
    if (!x) return NULL;
    if (last) *last = (RecurrentState){0};
    Recurrent shape = {.kind = stack->kind, .steps = steps, .batch = batch, .width = stack->width};
    Status status = recurrent_check(&shape);
    if (status == STATUS_OK && ((double)steps * batch != x->rows || x->columns != stack->inputs))
        status = status_fail(STATUS_ARGUMENT,
                             "recurrent: %d x %d numbers; expected %d steps x %d sequences of %d",
                             x->rows, x->columns, steps, batch, stack->inputs);
    if (status != STATUS_OK) return tape_fail(tape, status);
    for (int l = 0; l < stack->layers; l++) {
        Cell *cell[2] = {NULL, NULL};
        for (int d = 0; d < stack->directions; d++) {
            shape.reverse = d;
            cell[d] =
                cell_forward(tape, &stack->layer[l][d], shape, x, initial ? initial->h[l][d] : NULL,
                             initial ? initial->c[l][d] : NULL);
            if (!cell[d]) return NULL;
        }
        x = cell[1] ? side_by_side(tape, cell[0]->h, cell[1]->h) : cell[0]->h;
        if (!x) return NULL;
        for (int d = 0; last && d < stack->directions; d++) {
            last->h[l][d] = last_state(tape, cell[d], 0);
            if (stack->kind == RECURRENT_LSTM) last->c[l][d] = last_state(tape, cell[d], 1);
            if (!last->h[l][d]) return NULL;
        }
    }
    return x;
}
