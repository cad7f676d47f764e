#include "model/pointer_lstm.h"
#include "base/rng.h"
#include "nn/concat.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/pointer.h"
#include "nn/recurrent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct PointerLstm {
    PointerLstmConfig config;
    ParameterSet set;
    Parameter *words, *affixes; /* [words + 2, D], [affixes + 1, D], as the reorderer's; D = 2 H */
    RecurrentStack encoder, decoder;
    Parameter *query, *key; /* [D, D] */
};

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
    return parameter_use_products(p, PRECISION_F32) == STATUS_OK ? p : NULL;
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
    m->query = square(m, "query", seed);
    m->key = square(m, "key", seed);
    if (!m->query || !m->key) return STATUS_MEMORY;
    return parameters_changed(&m->set);
}

Status pointer_lstm_open(PointerLstm **out, const PointerLstmConfig *config, uint64_t seed) {
    *out = NULL;
    if (config->width < 1 || config->words < 1 || config->affixes < 1)
        return status_fail(STATUS_ARGUMENT,
                           "pointer LSTM: width %d, %d words, %d affixes; each must be at least 1",
                           config->width, config->words, config->affixes);
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

/* Embeds `count` rows: row r is the word at source[r] of the batch, the begin where that is below
 * 0. */
static Value *embed(PointerLstm *m, Tape *tape, const PointerLstmBatch *batch, const int *source,
                    int count) {
    int32_t *column[REORDERER_FEATURES];
    Parameter *tables[REORDERER_FEATURES] = {m->words};
    for (int f = 0; f < REORDERER_FEATURES; f++) {
        if (f) tables[f] = m->affixes;
        if (!(column[f] = tape_take(tape, (size_t)count * sizeof **column))) return NULL;
        for (int r = 0; r < count; r++)
            column[f][r] =
                source[r] < 0 ? (f ? 0 : BEGIN)
                              : batch->features[(size_t)source[r] * REORDERER_FEATURES + (size_t)f];
    }
    return nn_embed(tape, REORDERER_FEATURES, tables, (const int32_t *const *)column, count);
}

/* The states of the words as they are given, time-major, and what the decoder begins with. */
static Value *encode(PointerLstm *m, Tape *tape, const PointerLstmBatch *batch,
                     RecurrentState *begin) {
    const int b = batch->sequences, n = batch->length, top = m->config.layers - 1;
    int *source = tape_take(tape, (size_t)(b * n) * sizeof *source);
    RecurrentState last;
    if (!source) return NULL;
    for (int k = 0; k < n; k++)
        for (int s = 0; s < b; s++) source[k * b + s] = s * n + batch->given[s * n + k];
    Value *states =
        nn_recurrent(tape, &m->encoder, embed(m, tape, batch, source, b * n), n, b, NULL, &last);
    if (!states) return NULL;
    memset(begin, 0, sizeof *begin);
    for (int i = 0; i < m->config.layers; i++) {
        begin->h[i][0] = nn_concat(tape, 2, (Value *[]){last.h[top][0], last.h[top][1]});
        begin->c[i][0] = nn_concat(tape, 2, (Value *[]){last.c[top][0], last.c[top][1]});
    }
    return states;
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
    RecurrentState begin;
    Value *states = encode(m, tape, batch, &begin);
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
    Value *placed =
        nn_recurrent(tape, &m->decoder, embed(m, tape, batch, source, rows), n, b, &begin, NULL);
    Value *query = nn_linear(tape, placed, m->query, NULL, ACTIVATION_NONE);
    Value *key = nn_linear(tape, states, m->key, NULL, ACTIVATION_NONE);
    return nn_pointer_loss(tape, nn_take_rows(tape, query, asks, rows),
                           nn_take_rows(tape, key, answers, rows), b, offsets, batch->words, right);
}

/* --- ordering -----------------------------------------------------------------------------------
 */

/* The word left of sentence s that the query likes best, and its given place. */
static int choose(const PointerLstmBatch *batch, int s, const float *query, const Value *key,
                  const unsigned char *used) {
    const int b = batch->sequences, n = batch->length, d = key->columns;
    int best = -1;
    double top = 0;
    for (int k = 0; k < n; k++) {
        if (used[s * n + k]) continue;
        double z = 0;
        for (int i = 0; i < d; i++)
            z += (double)query[i] * (double)key->data[(size_t)(k * b + s) * (size_t)d + (size_t)i];
        if (best < 0 || z > top) best = k, top = z;
    }
    return best;
}

Status pointer_lstm_order(PointerLstm *m, Arena *arena, const PointerLstmBatch *batch, int *order) {
    const int b = batch->sequences, n = batch->length;
    const size_t mark = arena_mark(arena);
    Tape tape;
    RecurrentState state, next;
    tape_open(&tape, arena, TAPE_INFER, 0, 0);
    STATUS_TRY(check(batch));
    Value *states = encode(m, &tape, batch, &state);
    const Value *key = nn_linear(&tape, states, m->key, NULL, ACTIVATION_NONE);
    int *source = tape_take(&tape, (size_t)b * sizeof *source);
    unsigned char *used = tape_take(&tape, (size_t)(b * n));
    STATUS_TRY(tape_status(&tape));
    memset(used, 0, (size_t)(b * n));
    for (int s = 0; s < b; s++) source[s] = -1;
    for (int t = 0; t < n; t++) {
        Value *placed = nn_recurrent(&tape, &m->decoder, embed(m, &tape, batch, source, b), 1, b,
                                     &state, &next);
        const Value *query = nn_linear(&tape, placed, m->query, NULL, ACTIVATION_NONE);
        STATUS_TRY(tape_status(&tape));
        for (int s = 0; s < b; s++) {
            const float *q = query->data + (size_t)s * (size_t)query->columns;
            const int k = choose(batch, s, q, key, used);
            used[s * n + k] = 1;
            order[s * n + t] = batch->given[s * n + k];
            source[s] = s * n + order[s * n + t];
        }
        state = next;
    }
    arena_rewind(arena, mark);
    return STATUS_OK;
}
