#include "base/rng.h"
#include "model/pointer_lstm_parts.h"
#include "nn/concat.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pointer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEGIN = 1 };

static int width_of(const PointerLstm *m) {
    return 2 * m->config.width;
}

/* --- opening ---------------------------------------------------------------------------------- */

static Parameter *table(PointerLstm *m, const char *name, int rows, uint64_t seed) {
    Parameter *p = parameters_add(&m->set, name, 2, (size_t[]){(size_t)rows, (size_t)width_of(m)});
    if (!p) return NULL;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    return rows < 2048 || parameter_use_rows(&m->set, p) == STATUS_OK ? p : NULL;
}

static Parameter *square(PointerLstm *m, const char *name, uint64_t seed) {
    const size_t d = (size_t)width_of(m);
    Parameter *p = parameters_add(&m->set, name, 2, (size_t[]){d, d});
    if (!p) return NULL;
    for (size_t i = 0; i < p->count; i++)
        p->value[i] =
            (float)(sqrt(3. / (double)d) * (2 * rng_uniform(seed, rng_stream(name), i) - 1));
    p->decays = 1;
    return parameter_use_products(p, m->config.precision) == STATUS_OK ? p : NULL;
}

static Status set_precision(const RecurrentStack *stack, Precision precision) {
    for (int i = 0; i < stack->layers; i++)
        for (int d = 0; d < stack->directions; d++)
            STATUS_TRY(parameter_use_products(stack->layer[i][d].input, precision));
    return STATUS_OK;
}

static Status open_parts(PointerLstm *m, uint64_t seed) {
    const PointerLstmConfig *c = &m->config;
    const int d = width_of(m);
    STATUS_TRY(parameters_open(&m->set));
    m->words = table(m, "words", c->words + 2, seed);
    m->affixes = table(m, "affixes", c->affixes + 1, seed);
    if (!m->words || !m->affixes) return STATUS_MEMORY;
    STATUS_TRY(nn_recurrent_open(&m->set, &m->encoder, "encoder", RECURRENT_LSTM, d, c->width,
                                 c->layers, 2, 1, seed));
    STATUS_TRY(nn_recurrent_open(&m->set, &m->decoder, "decoder", RECURRENT_LSTM, d, d, c->layers,
                                 1, 1, seed));
    STATUS_TRY(set_precision(&m->encoder, c->precision));
    STATUS_TRY(set_precision(&m->decoder, c->precision));
    m->query = square(m, "query", seed);
    m->key = square(m, "key", seed);
    if (!m->query || !m->key) return STATUS_MEMORY;
    return parameters_changed(&m->set);
}

Status pointer_lstm_open(PointerLstm **out, const PointerLstmConfig *config, uint64_t seed) {
    *out = NULL;
    if (config->width < 1 || config->words < 1 || config->affixes < 1 ||
        !(config->dropout >= 0 && config->dropout < 1))
        return status_fail(STATUS_ARGUMENT,
                           "pointer LSTM: width %d, %d words, %d affixes, dropout %g; expected at "
                           "least 1 of each, and a dropout in [0, 1)",
                           config->width, config->words, config->affixes, (double)config->dropout);
    PointerLstm *m = calloc(1, sizeof *m);
    if (!m) return status_fail(STATUS_MEMORY, "pointer LSTM: no memory");
    m->config = *config;
    Status status = open_parts(m, seed);
    if (status != STATUS_OK) {
        pointer_lstm_close(m);
        return status;
    }
    *out = m;
    return STATUS_OK;
}

void pointer_lstm_close(PointerLstm *m) {
    if (!m) return;
    parameters_close(&m->set);
    free(m);
}

ParameterSet *pointer_lstm_parameters(PointerLstm *m) {
    return &m->set;
}

/* --- forward -----------------------------------------------------------------------------------
 */

Value *pointer_lstm_embed(PointerLstm *m, Tape *tape, const int32_t *features, const int *source,
                          int count) {
    int32_t *column[REORDERER_FEATURES];
    Parameter *tables[REORDERER_FEATURES] = {m->words};
    for (int f = 0; f < REORDERER_FEATURES; f++) {
        if (f) tables[f] = m->affixes;
        if (!(column[f] = tape_take(tape, (size_t)count * sizeof **column))) return NULL;
        for (int r = 0; r < count; r++)
            column[f][r] = source[r] < 0
                               ? (f ? 0 : BEGIN)
                               : features[(size_t)source[r] * REORDERER_FEATURES + (size_t)f];
    }
    Value *sum = nn_embed(tape, REORDERER_FEATURES, tables, (const int32_t *const *)column, count);
    return nn_dropout(tape, sum, m->config.dropout);
}

Value *pointer_lstm_encode(PointerLstm *m, Tape *tape, const PointerLstmBatch *batch,
                           Value **hidden, Value **cell) {
    const int b = batch->sequences, n = batch->length, top = m->config.layers - 1;
    int *source = tape_take(tape, (size_t)(b * n) * sizeof *source);
    RecurrentState last;
    if (!source) return NULL;
    for (int k = 0; k < n; k++)
        for (int s = 0; s < b; s++) source[k * b + s] = s * n + batch->given[s * n + k];
    Value *words = pointer_lstm_embed(m, tape, batch->features, source, b * n);
    Value *states = nn_recurrent(tape, &m->encoder, words, n, b, NULL, &last);
    if (!states) return NULL;
    *hidden = nn_concat(tape, 2, (Value *[]){last.h[top][0], last.h[top][1]});
    *cell = nn_concat(tape, 2, (Value *[]){last.c[top][0], last.c[top][1]});
    return states;
}

Value *pointer_lstm_key(PointerLstm *m, Tape *tape, Value *states) {
    return nn_linear(tape, nn_dropout(tape, states, m->config.dropout), m->key, NULL,
                     ACTIVATION_NONE);
}

Value *pointer_lstm_query(PointerLstm *m, Tape *tape, Value *placed) {
    return nn_linear(tape, nn_dropout(tape, placed, m->config.dropout), m->query, NULL,
                     ACTIVATION_NONE);
}

static Status check(const PointerLstmBatch *batch) {
    if (batch->sequences < 1 || batch->length < 1)
        return status_fail(STATUS_ARGUMENT, "pointer LSTM: %d sentences of %d words",
                           batch->sequences, batch->length);
    for (int i = 0; i < batch->sequences * batch->length; i++)
        if (batch->given[i] < 0 || batch->given[i] >= batch->length)
            return status_fail(STATUS_ARGUMENT, "pointer LSTM: word %d of %d is given",
                               batch->given[i], batch->length);
    return STATUS_OK;
}

Value *pointer_lstm_loss(PointerLstm *m, Tape *tape, const PointerLstmBatch *batch, int *right) {
    const int b = batch->sequences, n = batch->length, rows = b * n;
    Status status = check(batch);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *hidden = NULL, *cell = NULL;
    Value *states = pointer_lstm_encode(m, tape, batch, &hidden, &cell);
    int *source = tape_take(tape, (size_t)rows * sizeof *source);
    int *asks = tape_take(tape, (size_t)rows * sizeof *asks);
    int *answers = tape_take(tape, (size_t)rows * sizeof *answers);
    int *offsets = tape_take(tape, ((size_t)b + 1) * sizeof *offsets);
    if (!states || !source || !asks || !answers || !offsets) return NULL;
    for (int s = 0; s < b; s++)
        for (int t = 0; t < n; t++) {
            source[t * b + s] = t ? s * n + t - 1 : -1;
            asks[s * n + t] = t * b + s; /* from time-major to end to end */
            answers[s * n + batch->given[s * n + t]] = t * b + s;
        }
    for (int s = 0; s <= b; s++) offsets[s] = s * n;
    const RecurrentState begin = pointer_lstm_begin(m, hidden, cell);
    Value *words = pointer_lstm_embed(m, tape, batch->features, source, rows);
    Value *placed = nn_recurrent(tape, &m->decoder, words, n, b, &begin, NULL);
    Value *query = pointer_lstm_query(m, tape, placed);
    Value *key = pointer_lstm_key(m, tape, states);
    return nn_pointer_loss(tape, nn_take_rows(tape, query, asks, rows),
                           nn_take_rows(tape, key, answers, rows), b, offsets, batch->words, right);
}
