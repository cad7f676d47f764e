#include "model/seq2seq.h"
#include "base/rng.h"
#include "nn/concat.h"
#include "nn/embedding.h"
#include "nn/linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MOST 4096

/* A linear layer by its two parameters. */
typedef struct {
    Parameter *weight, *bias;
} Linear;

struct Seq2seqParts {
    Parameter *source, *target; /* embeddings [V, D] */
    RecurrentStack encoder, decoder;
    ScoreLayer score;
    Linear combine, logits;
};

/* --- sizes ----------------------------------------------------------------------------------- */

static Seq2seqConfig complete(const Seq2seqConfig *config) {
    Seq2seqConfig c = *config;
    if (c.directions == 0) c.directions = 1;
    if (c.layers == 0) c.layers = 1;
    return c;
}

/* Numbers of all states after the last step. */
static int states_of(const Seq2seqConfig *c) {
    return c->layers * c->width * (c->encoder == RECURRENT_LSTM ? 2 : 1);
}

int seq2seq_handed_over(const Seq2seqConfig *config) {
    const Seq2seqConfig c = complete(config);
    return c.context ? c.context : states_of(&c);
}

/* Of one layer and direction: W, b, U, and bn of GRU. */
static double cell_parameters(RecurrentKind kind, double inputs, double width) {
    double gates = recurrent_gates(kind);
    return gates * width * (inputs + width + 1) + (kind == RECURRENT_GRU ? width : 0);
}

size_t seq2seq_parameters(const Seq2seqConfig *config) {
    const Seq2seqConfig c = complete(config);
    const double h = c.width, d = c.embedding, v = c.target_vocabulary;
    double count = d * (c.source_vocabulary + v) + v * (h + 1);
    for (int l = 0; l < c.layers; l++)
        count += c.directions * cell_parameters(c.encoder, l ? h : d, h / c.directions) +
                 cell_parameters(c.encoder, l ? h : d, h);
    if (c.score == SCORE_ADDITIVE) count += 2 * h * h + h;
    if (c.score == SCORE_GENERAL) count += h * h;
    count += h * (h * (c.score == SCORE_NONE ? 1 : 2) + 1);
    return (size_t)count;
}

int seq2seq_equal_width(const Seq2seqConfig *config, size_t parameters) {
    Seq2seqConfig c = *config;
    int best = 2;
    double nearest = INFINITY;
    for (c.width = 2; c.width <= WIDTH_MOST; c.width += 2) {
        double count = (double)seq2seq_parameters(&c), away = fabs(count - (double)parameters);
        if (away >= nearest) break; /* it grows with the width */
        nearest = away;
        best = c.width;
    }
    return best;
}

static Status check(const Seq2seqConfig *c) {
    if (c->directions < 1 || c->directions > 2 || c->layers < 1 ||
        c->layers > NN_RECURRENT_LAYERS_MAX || c->width < 1 || c->width > WIDTH_MOST ||
        c->embedding < 1 || c->source_vocabulary < 1 || c->target_vocabulary < 1 || c->context < 0)
        return status_fail(STATUS_ARGUMENT,
                           "seq2seq: %d directions, %d layers, width %d, context %d, embeddings of "
                           "%d, vocabularies of %d and %d; expected 1 or 2 directions, up to %d "
                           "layers, a width up to %d, and sizes of 1 or more",
                           c->directions, c->layers, c->width, c->context, c->embedding,
                           c->source_vocabulary, c->target_vocabulary, NN_RECURRENT_LAYERS_MAX,
                           WIDTH_MOST);
    if (c->width % c->directions)
        return status_fail(STATUS_ARGUMENT,
                           "seq2seq: width %d does not split into two directions; expected an even "
                           "one",
                           c->width);
    if (c->context && (c->layers > 1 || c->context > states_of(c)))
        return status_fail(STATUS_ARGUMENT,
                           "seq2seq: a context of %d of the %d numbers that %d layers have; "
                           "expected one layer, and no more than it has",
                           c->context, states_of(c), c->layers);
    return STATUS_OK;
}

/* --- parameters ------------------------------------------------------------------------------ */

/* Uniform in +-1/sqrt(columns), as PyTorch draws linear layers. */
static void draw(Parameter *p, int columns, uint64_t seed) {
    const double reach = 1 / sqrt(columns);
    const uint64_t stream = rng_stream(p->name);
    for (size_t i = 0; i < p->count; i++)
        p->value[i] = (float)(reach * (2 * rng_uniform(seed, stream, i) - 1));
}

static Status open_linear(ParameterSet *set, Linear *out, const char *name, int outputs, int inputs,
                          uint64_t seed) {
    char full[PARAMETER_NAME_MAX];
    snprintf(full, sizeof full, "%s.weight", name);
    out->weight = parameters_add(set, full, 2, (size_t[]){(size_t)outputs, (size_t)inputs});
    snprintf(full, sizeof full, "%s.bias", name);
    out->bias = parameters_add(set, full, 1, (size_t[]){(size_t)outputs});
    if (!out->weight || !out->bias) return STATUS_MEMORY;
    draw(out->weight, inputs, seed);
    draw(out->bias, inputs, seed);
    out->weight->decays = 1;
    return parameter_use_products(out->weight, PRECISION_F32);
}

/* Standard normal, as PyTorch draws embeddings. */
static Status open_embedding(ParameterSet *set, Parameter **out, const char *name, int symbols,
                             int width, uint64_t seed) {
    Parameter *p = parameters_add(set, name, 2, (size_t[]){(size_t)symbols, (size_t)width});
    if (!p) return STATUS_MEMORY;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    *out = p;
    return parameter_use_rows(set, p);
}

static Status open_parts(Seq2seq *m, uint64_t seed) {
    const Seq2seqConfig *c = &m->config;
    Seq2seqParts *p = m->parts;
    ParameterSet *set = &m->parameters;
    const int h = c->width, d = c->embedding;
    STATUS_TRY(open_embedding(set, &p->source, "source", c->source_vocabulary, d, seed));
    STATUS_TRY(open_embedding(set, &p->target, "target", c->target_vocabulary, d, seed));
    STATUS_TRY(nn_recurrent_open(set, &p->encoder, "encoder", c->encoder, d, h / c->directions,
                                 c->layers, c->directions, c->forget_bias, seed));
    STATUS_TRY(nn_recurrent_open(set, &p->decoder, "decoder", c->encoder, d, h, c->layers, 1,
                                 c->forget_bias, seed));
    STATUS_TRY(nn_score_open(set, &p->score, "score", c->score, h, h, h, seed));
    STATUS_TRY(
        open_linear(set, &p->combine, "combine", h, c->score == SCORE_NONE ? h : 2 * h, seed));
    STATUS_TRY(open_linear(set, &p->logits, "logits", c->target_vocabulary, h, seed));
    return parameters_changed(set);
}

Status seq2seq_open(Seq2seq **out, const Seq2seqConfig *config, uint64_t seed) {
    *out = NULL;
    const Seq2seqConfig c = complete(config);
    STATUS_TRY(check(&c));
    Seq2seq *m = calloc(1, sizeof *m);
    if (m) m->parts = calloc(1, sizeof *m->parts);
    if (!m || !m->parts) {
        free(m);
        return status_fail(STATUS_MEMORY, "seq2seq: no memory for a model");
    }
    m->config = c;
    Status status = parameters_open(&m->parameters);
    if (status == STATUS_OK) status = open_parts(m, seed);
    if (status == STATUS_OK)
        *out = m;
    else
        seq2seq_close(m);
    return status;
}

void seq2seq_close(Seq2seq *m) {
    if (!m) return;
    parameters_close(&m->parameters);
    free(m->parts);
    free(m);
}

/* --- forward --------------------------------------------------------------------------------- */

static Value *apply(Tape *tape, Value *x, const Linear *layer, Activation activation) {
    return nn_linear(tape, x, layer->weight, layer->bias, activation);
}

static Value *zeros(Tape *tape, int rows, int columns) {
    const size_t bytes = (size_t)rows * (size_t)columns * sizeof(float);
    float *data = tape_take(tape, bytes);
    if (!data) return NULL;
    memset(data, 0, bytes);
    return tape_input(tape, data, rows, columns);
}

/* The first `kept` of a state's H numbers, half of them of either direction; zeros for the others.
 */
static Value *hand_over(Tape *tape, const Seq2seqConfig *c, Value *const state[2], int kept) {
    Value *part[4];
    const int columns = c->width / c->directions;
    int count = 0;
    if (!state[0]) return NULL;
    for (int d = 0; d < c->directions; d++) {
        const int here = c->directions == 1 ? kept : d == 0 ? kept - kept / 2 : kept / 2;
        if (here == columns)
            part[count++] = state[d];
        else if (here > 0)
            part[count++] = nn_columns(tape, state[d], 0, here);
        if (here < columns) part[count++] = zeros(tape, state[d]->rows, columns - here);
    }
    return count == 1 ? part[0] : nn_concat(tape, count, part);
}

/* The encoder's last states are the decoder's first: all of them, or `context` numbers, cells
 * before outputs. */
static void hand_over_all(Tape *tape, const Seq2seqConfig *c, const RecurrentState *last,
                          RecurrentState *first) {
    const int h = c->width, lstm = c->encoder == RECURRENT_LSTM;
    const int cells = c->context && c->context < h ? c->context : h;
    const int outputs = !c->context ? h : lstm ? (c->context > h ? c->context - h : 0) : cells;
    *first = (RecurrentState){0};
    for (int l = 0; l < c->layers; l++) {
        first->h[l][0] = hand_over(tape, c, last->h[l], outputs);
        if (lstm) first->c[l][0] = hand_over(tape, c, last->c[l], cells);
    }
}

/* The encoder's outputs [N B, H], and the decoder's first states. */
static Value *encode(const Seq2seq *m, Tape *tape, const Seq2seqBatch *batch,
                     RecurrentState *first) {
    Seq2seqParts *p = m->parts;
    RecurrentState last;
    Value *x =
        nn_embed(tape, 1, &p->source, &batch->source, batch->source_steps * batch->sequences);
    Value *memory =
        nn_recurrent(tape, &p->encoder, x, batch->source_steps, batch->sequences, NULL, &last);
    if (!memory) return NULL;
    hand_over_all(tape, &m->config, &last, first);
    return tape_status(tape) == STATUS_OK ? memory : NULL;
}

/* `steps` steps of the decoder: logits [steps B, V]. */
static Value *decode(const Seq2seq *m, Tape *tape, const int32_t *input, int steps, int sequences,
                     const RecurrentState *first, RecurrentState *last, Value *keys, Value *memory,
                     Value **weights) {
    Seq2seqParts *p = m->parts;
    Value *y = nn_embed(tape, 1, &p->target, &input, steps * sequences);
    Value *s = nn_recurrent(tape, &p->decoder, y, steps, sequences, first, last);
    if (m->config.score != SCORE_NONE) { /* s~ = tanh(W [c; s] + b) */
        Value *c = nn_score_attend(tape, &p->score, s, keys, memory, sequences, weights);
        s = nn_concat(tape, 2, (Value *[]){c, s});
    }
    return apply(tape, apply(tape, s, &p->combine, ACTIVATION_TANH), &p->logits, ACTIVATION_NONE);
}

static Status check_batch(const Seq2seqBatch *batch) {
    if (batch->sequences < 1 || batch->source_steps < 1 || batch->target_steps < 1)
        return status_fail(STATUS_ARGUMENT,
                           "seq2seq: %d sequences from %d steps to %d; expected 1 or more of each",
                           batch->sequences, batch->source_steps, batch->target_steps);
    return STATUS_OK;
}

Value *seq2seq_forward(Seq2seq *m, Tape *tape, const Seq2seqBatch *batch, Value **weights) {
    RecurrentState first;
    if (weights) *weights = NULL;
    Status status = check_batch(batch);
    if (status != STATUS_OK) return tape_fail(tape, status);
    Value *memory = encode(m, tape, batch, &first);
    if (!memory) return NULL;
    Value *keys =
        m->config.score == SCORE_NONE ? NULL : nn_score_keys(tape, &m->parts->score, memory);
    return decode(m, tape, batch->input, batch->target_steps, batch->sequences, &first, NULL, keys,
                  memory, weights);
}

/* --- generation ------------------------------------------------------------------------------ */

static int32_t largest(const float *logits, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (logits[c] > logits[best]) best = c;
    return best;
}

/* What a step leaves moves out of the step's memory, which is used again. */
static void keep_states(const Seq2seqConfig *c, const RecurrentState *from, RecurrentState *to) {
    for (int l = 0; l < c->layers; l++) {
        const Value *h = from->h[l][0], *cell = from->c[l][0];
        const size_t bytes = (size_t)h->rows * (size_t)h->columns * sizeof *h->data;
        memcpy(to->h[l][0]->data, h->data, bytes);
        if (cell) memcpy(to->c[l][0]->data, cell->data, bytes);
    }
}

static Status generate(const Seq2seq *m, Tape *tape, const Seq2seqBatch *batch, int32_t start,
                       int32_t *answer, float *weights) {
    const int B = batch->sequences, N = batch->source_steps;
    const size_t rows = (size_t)B;
    RecurrentState state, next;
    Value *memory = encode(m, tape, batch, &state), *keys = NULL, *attended = NULL;
    if (memory && m->config.score != SCORE_NONE)
        keys = nn_score_keys(tape, &m->parts->score, memory);
    int32_t *input = tape_take(tape, rows * sizeof *input);
    STATUS_TRY(tape_status(tape));
    for (int b = 0; b < B; b++) input[b] = start;
    const size_t mark = arena_mark(tape->arena);
    for (int i = 0; i < batch->target_steps; i++) {
        Value *logits =
            decode(m, tape, input, 1, B, &state, &next, keys, memory, weights ? &attended : NULL);
        STATUS_TRY(tape_status(tape));
        for (int b = 0; b < B; b++)
            input[b] = largest(logits->data + (size_t)b * (size_t)logits->columns, logits->columns);
        memcpy(answer + (size_t)i * rows, input, rows * sizeof *input);
        if (attended)
            memcpy(weights + (size_t)i * rows * (size_t)N, attended->data,
                   rows * (size_t)N * sizeof *weights);
        keep_states(&m->config, &next, &state);
        arena_rewind(tape->arena, mark);
    }
    return STATUS_OK;
}

Status seq2seq_generate(Seq2seq *m, Arena *arena, const Seq2seqBatch *batch, int32_t start,
                        int32_t *answer, float *weights) {
    STATUS_TRY(check_batch(batch));
    const size_t mark = arena_mark(arena);
    Tape tape;
    tape_open(&tape, arena, TAPE_INFER, 0, 0);
    Status status = generate(m, &tape, batch, start, answer, weights);
    arena_rewind(arena, mark);
    return status;
}
