/* Step by step: the decoder's states of every hypothesis, gathered from those it continues. */
#include "model/pointer_lstm_parts.h"
#include "model/pointer_search.h"

#include <string.h>

typedef struct {
    Arena *arena;
    const ReorderBatch *bags;
    float *key;                                  /* [T, D] */
    float *hidden, *cell;                        /* [B, D]: what each sentence begins with */
    float *past_hidden[NN_RECURRENT_LAYERS_MAX]; /* [rows_max, D]: after the last step */
    float *past_cell[NN_RECURRENT_LAYERS_MAX];
    float *query; /* [rows_max, D] */
} Steps;

/* --- reading ---------------------------------------------------------------------------------- */

static int length_of(const ReorderBatch *bags, int b) {
    return bags->offsets[b + 1] - bags->offsets[b];
}

/* The sentences of one length, as a batch of their own; which [B] says which they are. */
static Status take_length(Tape *tape, const ReorderBatch *bags, int n, int *which,
                          PointerLstmBatch *out) {
    const size_t most = (size_t)bags->sequences * (size_t)n;
    int32_t *features = tape_take(tape, most * REORDERER_FEATURES * sizeof *features);
    int *given = tape_take(tape, most * sizeof *given);
    int count = 0;
    if (!features || !given) return tape_status(tape);
    for (int b = 0; b < bags->sequences; b++) {
        if (length_of(bags, b) != n) continue;
        const size_t row = (size_t)bags->offsets[b], to = (size_t)count * (size_t)n;
        memcpy(features + to * REORDERER_FEATURES, bags->features + row * REORDERER_FEATURES,
               (size_t)n * REORDERER_FEATURES * sizeof *features);
        for (int i = 0; i < n; i++) given[to + (size_t)i] = i;
        which[count++] = b;
    }
    *out =
        (PointerLstmBatch){.sequences = count, .length = n, .features = features, .given = given};
    return STATUS_OK;
}

static Status read_length(PointerLstm *m, Steps *s, Tape *tape, int n, int *which) {
    const size_t d = (size_t)(2 * m->config.width);
    PointerLstmBatch batch;
    Value *hidden = NULL, *cell = NULL;
    STATUS_TRY(take_length(tape, s->bags, n, which, &batch));
    if (batch.sequences == 0) return STATUS_OK;
    Value *states = pointer_lstm_encode(m, tape, &batch, &hidden, &cell);
    const Value *key = pointer_lstm_key(m, tape, states);
    STATUS_TRY(tape_status(tape));
    for (int i = 0; i < batch.sequences; i++) {
        const size_t b = (size_t)which[i], row = (size_t)s->bags->offsets[b];
        memcpy(s->hidden + b * d, hidden->data + (size_t)i * d, d * sizeof(float));
        memcpy(s->cell + b * d, cell->data + (size_t)i * d, d * sizeof(float));
        for (int k = 0; k < n; k++)
            memcpy(s->key + (row + (size_t)k) * d,
                   key->data + (size_t)(k * batch.sequences + i) * d, d * sizeof(float));
    }
    return STATUS_OK;
}

static Status begin(PointerSteps *steps, Tape *tape, const ReorderBatch *bags, int longest,
                    int rows_max) {
    PointerLstm *m = steps->model;
    Steps *s = steps->state;
    const size_t row = (size_t)steps->width * sizeof(float), rows = (size_t)rows_max;
    const size_t sentences = (size_t)bags->sequences;
    s->bags = bags, s->arena = tape->arena;
    s->key = tape_take(tape, (size_t)bags->offsets[sentences] * row);
    s->hidden = tape_take(tape, sentences * row), s->cell = tape_take(tape, sentences * row);
    s->query = tape_take(tape, rows * row);
    for (int i = 0; i < m->config.layers; i++) {
        s->past_hidden[i] = tape_take(tape, rows * row);
        s->past_cell[i] = tape_take(tape, rows * row);
    }
    int *which = tape_take(tape, sentences * sizeof *which);
    STATUS_TRY(tape_status(tape));
    const size_t mark = arena_mark(tape->arena);
    for (int n = 1; n <= longest; n++) {
        STATUS_TRY(read_length(m, s, tape, n, which));
        arena_rewind(tape->arena, mark);
    }
    steps->keys = s->key, steps->query = s->query;
    return STATUS_OK;
}

/* --- one step --------------------------------------------------------------------------------- */

/* Rows [rows, D] of what the hypotheses continue: `first` by sentence, later `past` by row. */
static Value *gather(Tape *tape, int t, int rows, const PointerRow *row, const float *first,
                     const float *past, int d) {
    Value *out = tape_value(tape, rows, d);
    for (int r = 0; out && r < rows; r++) {
        const float *from = t == 0 ? first + (size_t)row[r].sentence * (size_t)d
                                   : past + (size_t)row[r].trail[t - 1] * (size_t)d;
        memcpy(out->data + (size_t)r * (size_t)d, from, (size_t)d * sizeof(float));
    }
    return out;
}

static Status next_with(PointerLstm *m, Steps *s, Tape *tape, int t, int rows,
                        const PointerRow *row) {
    const int d = 2 * m->config.width;
    const size_t bytes = (size_t)rows * (size_t)d * sizeof(float);
    RecurrentState state = {{{NULL}}, {{NULL}}}, after;
    int *source = tape_take(tape, (size_t)rows * sizeof *source);
    if (!source) return tape_status(tape);
    for (int r = 0; r < rows; r++) source[r] = row[r].last;
    for (int i = 0; i < m->config.layers; i++) {
        state.h[i][0] = gather(tape, t, rows, row, s->hidden, s->past_hidden[i], d);
        state.c[i][0] = gather(tape, t, rows, row, s->cell, s->past_cell[i], d);
    }
    Value *words = pointer_lstm_embed(m, tape, s->bags->features, source, rows);
    Value *placed = nn_recurrent(tape, &m->decoder, words, 1, rows, &state, &after);
    const Value *query = pointer_lstm_query(m, tape, placed);
    STATUS_TRY(tape_status(tape));
    for (int i = 0; i < m->config.layers; i++) {
        memcpy(s->past_hidden[i], after.h[i][0]->data, bytes);
        memcpy(s->past_cell[i], after.c[i][0]->data, bytes);
    }
    memcpy(s->query, query->data, bytes);
    return STATUS_OK;
}

static Status next(PointerSteps *steps, int t, int rows, const PointerRow *row) {
    Steps *s = steps->state;
    Tape tape;
    if (rows == 0) return STATUS_OK;
    const size_t mark = arena_mark(s->arena);
    tape_open(&tape, s->arena, TAPE_INFER, 0, 0);
    const Status status = next_with(steps->model, s, &tape, t, rows, row);
    arena_rewind(s->arena, mark);
    return status;
}

Status pointer_lstm_search(PointerLstm *model, Arena *arena, const ReorderBatch *bags,
                           const ReordererSearch *options, int *order, double *score) {
    Steps state = {0};
    PointerSteps steps = {.width = 2 * model->config.width,
                          .model = model,
                          .state = &state,
                          .open = begin,
                          .step = next};
    return pointer_search(&steps, arena, bags, options, order, score);
}
