#include "nn/score.h"
#include "base/rng.h"
#include "nn/linear.h"

#include <math.h>
#include <stdio.h>

/* --- parameters --------------------------------------------------------------------------------
 */

static Parameter *add(ParameterSet *set, const char *name, const char *part, int rows, int columns,
                      uint64_t seed) {
    char full[PARAMETER_NAME_MAX];
    size_t shape[] = {(size_t)rows, (size_t)columns};
    snprintf(full, sizeof full, "%s.%s", name, part);
    Parameter *p = parameters_add(set, full, rows > 0 ? 2 : 1, rows > 0 ? shape : shape + 1);
    if (!p) return NULL;
    const double reach = 1 / sqrt(columns);
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = (float)(reach * (2 * rng_uniform(seed, rng_stream(full), i) - 1));
    p->decays = rows > 0;
    if (rows > 0 && parameter_use_products(p, PRECISION_F32) != STATUS_OK) return NULL;
    return p;
}

Status nn_score_open(ParameterSet *set, ScoreLayer *out, const char *name, ScoreKind kind,
                     int query_width, int key_width, int hidden, uint64_t seed) {
    *out = (ScoreLayer){.kind = kind};
    if (query_width < 1 || key_width < 1 || (kind == SCORE_ADDITIVE && hidden < 1))
        return status_fail(STATUS_ARGUMENT, "%s: widths of %d, %d and %d; expected 1 or more", name,
                           query_width, key_width, hidden);
    if (kind == SCORE_DOT && query_width != key_width)
        return status_fail(STATUS_ARGUMENT,
                           "%s: a dot product of states of width %d and memory of width %d", name,
                           query_width, key_width);
    if (kind == SCORE_GENERAL) {
        out->query = add(set, name, "query", key_width, query_width, seed);
        return out->query ? STATUS_OK : STATUS_MEMORY;
    }
    if (kind != SCORE_ADDITIVE) return STATUS_OK;
    out->query = add(set, name, "query", hidden, query_width, seed);
    out->key = add(set, name, "key", hidden, key_width, seed);
    out->vector = add(set, name, "vector", 0, hidden, seed);
    return out->query && out->key && out->vector ? STATUS_OK : STATUS_MEMORY;
}

const char *nn_score_name(ScoreKind kind) {
    static const char *const names[] = {"none", "additive", "general", "dot"};
    return names[kind];
}

/* --- forward and backward ----------------------------------------------------------------------
 */

typedef struct {
    Score score;
    Value *queries, *keys, *memory, *context;
    Parameter *vector;
    float *weights;
} Attend;

static Status backward(Tape *tape, void *record) {
    const Attend *a = record;
    int add_query, add_key, add_vector = 0, add_memory;
    float *dquery = tape_gradient(a->queries, &add_query);
    float *dkey = tape_gradient(a->keys, &add_key);
    float *dvector = a->vector ? parameter_gradient(a->vector, &add_vector) : NULL;
    /* keys that are the memory itself get both parts, one after the other */
    float *dmemory = tape_gradient(a->memory, &add_memory);
    return tape->device->scores->backward(
        &a->score, a->queries->data, a->keys->data, a->vector ? a->vector->value : NULL,
        a->memory->data, a->weights, a->context->gradient, dquery, add_query, dkey, add_key,
        dvector, add_vector, dmemory, add_memory, tape->arena);
}

static Status check(const ScoreLayer *layer, const Value *states, const Value *keys,
                    const Value *memory, int batch) {
    if (layer->kind == SCORE_NONE)
        return status_fail(STATUS_ARGUMENT, "score: no kind of score was chosen; there is nothing "
                                            "to attend with");
    if (batch < 1 || states->rows < 1 || states->rows % batch || memory->rows < 1 ||
        memory->rows % batch || keys->rows != memory->rows)
        return status_fail(STATUS_ARGUMENT,
                           "score: %d states, %d keys and %d rows of memory for %d sequences of "
                           "equal length",
                           states->rows, keys->rows, memory->rows, batch);
    const int width = layer->query ? (int)layer->query->shape[0] : states->columns;
    if (keys->columns != width)
        return status_fail(STATUS_ARGUMENT, "score: keys of width %d; expected %d", keys->columns,
                           width);
    return STATUS_OK;
}

Value *nn_score_keys(Tape *tape, const ScoreLayer *layer, Value *memory) {
    return layer->key ? nn_linear(tape, memory, layer->key, NULL, ACTIVATION_NONE) : memory;
}

Value *nn_score_attend(Tape *tape, const ScoreLayer *layer, Value *states, Value *keys,
                       Value *memory, int batch, Value **weights) {
    if (!states || !keys || !memory) return NULL;
    Status status = check(layer, states, keys, memory, batch);
    if (status == STATUS_OK && !tape->device->scores)
        status = status_fail(STATUS_UNSUPPORTED,
                             "%s: attention between a decoder and its encoder is not there",
                             tape->device->name);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *queries =
        layer->query ? nn_linear(tape, states, layer->query, NULL, ACTIVATION_NONE) : states;
    Attend *a = tape_take(tape, sizeof *a);
    Value *context = tape_value(tape, states->rows, memory->columns);
    if (!queries || !a || !context) return NULL;
    *a = (Attend){.score = {.batch = batch,
                            .queries = states->rows / batch,
                            .keys = memory->rows / batch,
                            .width = queries->columns,
                            .values = memory->columns},
                  .queries = queries,
                  .keys = keys,
                  .memory = memory,
                  .context = context,
                  .vector = layer->vector};
    a->weights = tape_take(tape, (size_t)states->rows * (size_t)a->score.keys * sizeof(float));
    if (!a->weights) return NULL;
    status = tape->device->scores->forward(&a->score, queries->data, keys->data,
                                           layer->vector ? layer->vector->value : NULL,
                                           memory->data, a->weights, context->data);
    if (status != STATUS_OK) return tape_fail(tape, status);
    if (weights) {
        *weights = tape_take(tape, sizeof **weights);
        if (!*weights) return NULL;
        **weights = (Value){.data = a->weights, .rows = states->rows, .columns = a->score.keys};
    }
    tape_record(tape, context, backward, a);
    return context;
}

Value *nn_score_attention(Tape *tape, const ScoreLayer *layer, Value *states, Value *memory,
                          int batch, Value **weights) {
    return nn_score_attend(tape, layer, states, nn_score_keys(tape, layer, memory), memory, batch,
                           weights);
}
