#include "q3_parallelism_model.h"
#include "base/clock.h"
#include "base/rng.h"
#include "model/transformer.h"
#include "nn/concat.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/recurrent.h"
#include "nn/score.h"
#include "train/adamw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const q3_model_slug[Q3_MODELS] = {"seq2seq", "transformer"};

#define RATE 1e-4

/* The LSTM encoder-decoder. */
typedef struct {
    int width; /* H */
    ParameterSet set;
    Parameter *source, *target; /* embeddings [V, D] */
    RecurrentStack encoder, decoder;
    ScoreLayer score;
    Parameter *combine, *combine_bias, *logits, *logits_bias;
} Recurrence;

struct Q3Models {
    Q3ModelShape shape;
    Recurrence recurrence;
    Transformer *transformer;
    Adamw *adamw[Q3_MODELS];
    Arena arena;
    size_t most_tokens;
    int32_t *source, *input, *label;
    int *offsets;
    double loss;
};

/* --- the LSTM -------------------------------------------------------------------------------- */

static double recurrence_count(const Q3ModelShape *shape, double h) {
    double d = shape->width, v = shape->vocabulary, l = shape->layers;
    double stack = 4 * h * (d + h) + 4 * h + (l - 1) * (8 * h * h + 4 * h);
    return 2 * v * d + 2 * stack + 2 * h * h + h + v * h + v;
}

static int equal_width(const Q3ModelShape *shape, double parameters) {
    int best = 8;
    for (int h = 16; h <= 16 * shape->width; h += 8)
        if (fabs(recurrence_count(shape, h) - parameters) <
            fabs(recurrence_count(shape, best) - parameters))
            best = h;
    return best;
}

static Parameter *add(ParameterSet *set, const char *name, int rows, int columns, uint64_t seed) {
    size_t shape[] = {(size_t)rows, (size_t)columns};
    Parameter *p = parameters_add(set, name, columns ? 2 : 1, shape);
    if (!p) return NULL;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    for (size_t i = 0; i < p->count; i++) p->value[i] *= columns ? 1 / sqrtf((float)columns) : 0;
    return p;
}

static Status recurrence_open(Recurrence *r, const Q3ModelShape *shape, double parameters,
                              uint64_t seed) {
    const int h = r->width = equal_width(shape, parameters), d = shape->width;
    STATUS_TRY(parameters_open(&r->set));
    r->source = add(&r->set, "source", shape->vocabulary, d, seed);
    r->target = add(&r->set, "target", shape->vocabulary, d, seed);
    if (!r->source || !r->target) return STATUS_MEMORY;
    STATUS_TRY(parameter_use_rows(&r->set, r->source));
    STATUS_TRY(parameter_use_rows(&r->set, r->target));
    STATUS_TRY(nn_recurrent_open(&r->set, &r->encoder, "encoder", RECURRENT_LSTM, d, h,
                                 shape->layers, 1, 1, seed));
    STATUS_TRY(nn_recurrent_open(&r->set, &r->decoder, "decoder", RECURRENT_LSTM, d, h,
                                 shape->layers, 1, 1, seed));
    STATUS_TRY(nn_score_open(&r->set, &r->score, "score", SCORE_DOT, h, h, h, seed));
    r->combine = add(&r->set, "combine", h, 2 * h, seed);
    r->combine_bias = add(&r->set, "combine.bias", h, 0, seed);
    r->logits = add(&r->set, "logits", shape->vocabulary, h, seed);
    r->logits_bias = add(&r->set, "logits.bias", shape->vocabulary, 0, seed);
    if (!r->combine || !r->combine_bias || !r->logits || !r->logits_bias) return STATUS_MEMORY;
    STATUS_TRY(parameter_use_products(r->combine, PRECISION_F32));
    STATUS_TRY(parameter_use_products(r->logits, PRECISION_F32));
    return parameters_changed(&r->set);
}

static Value *recurrence_forward(Recurrence *r, Tape *tape, const Q3Models *m, int batch,
                                 int length) {
    RecurrentState last;
    const int rows = batch * length;
    Value *x = nn_embed(tape, 1, &r->source, (const int32_t *[]){m->source}, rows);
    Value *memory = nn_recurrent(tape, &r->encoder, x, length, batch, NULL, &last);
    Value *y = nn_embed(tape, 1, &r->target, (const int32_t *[]){m->input}, rows);
    Value *state = nn_recurrent(tape, &r->decoder, y, length, batch, &last, NULL);
    Value *context = nn_score_attention(tape, &r->score, state, memory, batch, NULL);
    Value *both = nn_concat(tape, 2, (Value *[]){context, state});
    Value *mixed = nn_linear(tape, both, r->combine, r->combine_bias, ACTIVATION_TANH);
    return nn_linear(tape, mixed, r->logits, r->logits_bias, ACTIVATION_NONE);
}

/* --- both ------------------------------------------------------------------------------------ */

static ParameterSet *parameters(Q3Models *m, Q3ModelKind kind) {
    return kind == Q3_SEQ2SEQ ? &m->recurrence.set : &m->transformer->parameters;
}

static Status draw_symbols(Q3Models *m, uint64_t seed) {
    size_t count = m->most_tokens;
    STATUS_TRY(arena_open(&m->arena, 0));
    m->source = arena_take(&m->arena, count * sizeof *m->source);
    m->input = arena_take(&m->arena, count * sizeof *m->input);
    m->label = arena_take(&m->arena, count * sizeof *m->label);
    m->offsets = arena_take(&m->arena, (count + 1) * sizeof *m->offsets);
    if (!m->source || !m->input || !m->label || !m->offsets) return STATUS_MEMORY;
    uint64_t most = (uint64_t)m->shape.vocabulary, stream = rng_stream("q3.symbols");
    for (size_t i = 0; i < count; i++) {
        m->source[i] = (int32_t)rng_below(seed, stream, 3 * i, most);
        m->input[i] = (int32_t)rng_below(seed, stream, 3 * i + 1, most);
        m->label[i] = (int32_t)rng_below(seed, stream, 3 * i + 2, most);
    }
    return STATUS_OK;
}

static Status open_all(Q3Models *m, uint64_t seed) {
    const Q3ModelShape *shape = &m->shape;
    TransformerConfig config = {.encoder_layers = shape->layers,
                                .decoder_layers = shape->layers,
                                .width = shape->width,
                                .heads = shape->heads,
                                .feed_forward = 4 * shape->width,
                                .vocabulary = shape->vocabulary,
                                .target_vocabulary = shape->vocabulary,
                                .classes = shape->vocabulary,
                                .positions = POSITIONS_SINUSOIDAL,
                                .attention = ATTENTION_MATERIALISED};
    STATUS_TRY(draw_symbols(m, seed));
    STATUS_TRY(transformer_open(&m->transformer, &config, seed));
    double count = (double)parameters_count(&m->transformer->parameters);
    STATUS_TRY(recurrence_open(&m->recurrence, shape, count, seed));
    const AdamwOptions options = {.9, .999, 1e-8, .01, .layer_decay = 1};
    for (int k = 0; k < Q3_MODELS; k++)
        STATUS_TRY(adamw_open(&m->adamw[k], parameters(m, (Q3ModelKind)k), &options));
    return STATUS_OK;
}

Status q3_models_open(Q3Models **out, const Q3ModelShape *shape, size_t most_tokens,
                      uint64_t seed) {
    *out = NULL;
    Q3Models *m = calloc(1, sizeof *m);
    if (!m) return status_fail(STATUS_MEMORY, "no memory for two models");
    m->shape = *shape;
    m->most_tokens = most_tokens;
    Status status = open_all(m, seed);
    if (status == STATUS_OK)
        *out = m;
    else
        q3_models_close(m);
    return status;
}

void q3_models_close(Q3Models *m) {
    if (!m) return;
    for (int k = 0; k < Q3_MODELS; k++)
        if (m->adamw[k]) adamw_close(m->adamw[k]);
    if (m->transformer) transformer_close(m->transformer);
    parameters_close(&m->recurrence.set);
    arena_close(&m->arena);
    free(m);
}

size_t q3_models_parameters(const Q3Models *m, Q3ModelKind kind) {
    return parameters_count(kind == Q3_SEQ2SEQ ? &m->recurrence.set : &m->transformer->parameters);
}

int q3_models_recurrent_width(const Q3Models *m) {
    return m->recurrence.width;
}

double q3_models_loss(const Q3Models *m) {
    return m->loss;
}

static Value *forward(Q3Models *m, Q3ModelKind kind, Tape *tape, int batch, int length) {
    if (kind == Q3_SEQ2SEQ) return recurrence_forward(&m->recurrence, tape, m, batch, length);
    for (int b = 0; b <= batch; b++) m->offsets[b] = b * length;
    TransformerMemory memory = {
        transformer_encode(m->transformer, tape, m->source, batch, m->offsets), m->offsets};
    if (!memory.states) return NULL;
    return transformer_decode(m->transformer, tape, m->input, batch, m->offsets, &memory);
}

static Status step(Q3Models *m, Q3ModelKind kind, int batch, int length, double seconds[2]) {
    double start = clock_seconds();
    Tape tape;
    tape_open(&tape, &m->arena, TAPE_TRAIN, 1, adamw_steps(m->adamw[kind]));
    Value *logits = forward(m, kind, &tape, batch, length);
    Value *loss = nn_cross_entropy_ids(&tape, logits, m->label, NULL, NULL);
    STATUS_TRY(tape_status(&tape));
    m->loss = (double)loss->data[0];
    STATUS_TRY(tape_backward(&tape, loss, 1));
    double middle = clock_seconds();
    STATUS_TRY(adamw_step(m->adamw[kind], RATE, 1));
    seconds[0] = middle - start;
    seconds[1] = clock_seconds() - middle;
    return STATUS_OK;
}

Status q3_models_step(Q3Models *m, Q3ModelKind kind, int batch, int length, double seconds[2]) {
    if ((size_t)batch * (size_t)length > m->most_tokens)
        return status_fail(STATUS_ARGUMENT, "models: %d sequences of %d, room for %zu symbols",
                           batch, length, m->most_tokens);
    size_t mark = arena_mark(&m->arena);
    Status status = step(m, kind, batch, length, seconds);
    arena_rewind(&m->arena, mark);
    if (status == STATUS_OK) return status;
    return status_prefix(status, "%s, batch %d, length %d", q3_model_slug[kind], batch, length);
}
