#include "q1_memory_model.h"
#include "base/rng.h"
#include "nn/concat.h"
#include "nn/embedding.h"
#include "nn/linear.h"

#include <math.h>
#include <stdlib.h>

const char *const memory_kind_slug[MEMORY_KINDS] = {
    "rnn", "gru", "lstm0", "lstm1", "chrono", "bilstm", "ends", "middle", "transformer"};

enum { HEADS = 2, LAYERS = 1 };

/* --- sizes ----------------------------------------------------------------------------------- */

static int directions_of(MemoryKind kind) {
    return kind == MEMORY_BILSTM || kind == MEMORY_ENDS || kind == MEMORY_MIDDLE ? 2 : 1;
}

static RecurrentKind cell_of(MemoryKind kind) {
    return kind == MEMORY_RNN   ? RECURRENT_TANH
           : kind == MEMORY_GRU ? RECURRENT_GRU
                                : RECURRENT_LSTM;
}

static TransformerConfig transformer_of(const MemoryConfig *config, int width) {
    return (TransformerConfig){.encoder_layers = LAYERS,
                               .width = width,
                               .heads = HEADS,
                               .feed_forward = 3 * width,
                               .vocabulary = config->vocabulary,
                               .classes = config->classes,
                               .positions = POSITIONS_SINUSOIDAL,
                               .attention = ATTENTION_MATERIALISED};
}

/* Parameters of a reader whose one direction has this width, the words' and the answer's among
 * them. */
static double parameters_at(const MemoryConfig *config, int width) {
    if (config->kind == MEMORY_TRANSFORMER) {
        TransformerConfig t = transformer_of(config, width);
        return (double)transformer_parameters(&t);
    }
    const double h = width, e = config->embedding, d = directions_of(config->kind);
    const RecurrentKind cell = cell_of(config->kind);
    double of_cell = recurrent_gates(cell) * h * (e + h + 1) + (cell == RECURRENT_GRU ? h : 0);
    return d * of_cell + e * config->vocabulary + config->classes * (d * h + 1);
}

int memory_width(const MemoryConfig *config) {
    const int step = 4; /* heads of pairs of sinusoids; and vectors, which odd widths waste */
    int width = step;
    while (fabs(parameters_at(config, width + step) - config->parameters) <
           fabs(parameters_at(config, width) - config->parameters))
        width += step;
    return width;
}

/* --- opening --------------------------------------------------------------------------------- */

static Status add_drawn(MemoryModel *model, Parameter **out, const char *name, int rows,
                        int columns, double deviation, uint64_t seed) {
    size_t shape[] = {(size_t)rows, (size_t)columns};
    Parameter *p = *out = parameters_add(&model->own, name, 2, shape);
    if (!p) return STATUS_MEMORY;
    p->decays = 1;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    for (size_t i = 0; i < p->count; i++) p->value[i] *= (float)deviation;
    return STATUS_OK;
}

/* Forget gates whose time constants are spread evenly up to the lag, input gates that let in as
 * little as they lose: b_f = log u, u uniform on [1, lag], b_i = -b_f (Tallec and Ollivier 2018,
 * equation 16). */
static void spread_time_constants(const MemoryModel *model, uint64_t seed) {
    const int h = model->half;
    float *bias = model->stack.layer[0][0].bias->value; /* gates i, f, g, o */
    const uint64_t stream = rng_stream("chrono");
    for (int i = 0; i < h; i++) {
        double u = 1 + (model->config.lag - 1) * rng_uniform(seed, stream, (uint64_t)i);
        bias[h + i] = (float)log(u);
        bias[i] = -bias[h + i];
    }
}

static Status open_recurrent(MemoryModel *model, uint64_t seed) {
    const MemoryConfig *c = &model->config;
    const int directions = directions_of(c->kind);
    model->inputs = c->embedding;
    model->half = memory_width(c);
    model->width = directions * model->half;
    STATUS_TRY(parameters_open(&model->own));
    model->parameters = &model->own;
    STATUS_TRY(add_drawn(model, &model->words, "words", c->vocabulary, c->embedding, 1, seed));
    STATUS_TRY(parameter_use_rows(&model->own, model->words));
    STATUS_TRY(nn_recurrent_open(&model->own, &model->stack, "reader", cell_of(c->kind),
                                 c->embedding, model->half, 1, directions,
                                 c->kind == MEMORY_LSTM_0 ? 0 : 1, seed));
    if (c->kind == MEMORY_LSTM_CHRONO) spread_time_constants(model, seed);
    STATUS_TRY(add_drawn(model, &model->answer, "answer", c->classes, model->width,
                         1 / sqrt(model->width), seed));
    STATUS_TRY(parameter_use_products(model->answer, PRECISION_F32));
    model->answer_bias =
        parameters_add(&model->own, "answer.bias", 1, (size_t[]){(size_t)c->classes});
    if (!model->answer_bias) return STATUS_MEMORY;
    for (int i = 0; i < c->classes; i++) model->answer_bias->value[i] = 0;
    return parameters_changed(&model->own);
}

static Status open_transformer(MemoryModel *model, uint64_t seed) {
    model->inputs = model->half = model->width = memory_width(&model->config);
    const TransformerConfig config = transformer_of(&model->config, model->width);
    STATUS_TRY(transformer_open(&model->transformer, &config, seed));
    model->parameters = &model->transformer->parameters;
    return STATUS_OK;
}

Status memory_model_open(MemoryModel **out, const MemoryConfig *config, uint64_t seed) {
    *out = NULL;
    if ((unsigned)config->kind >= MEMORY_KINDS || config->vocabulary < 1 || config->classes < 1 ||
        config->embedding < 1 || config->parameters < 1 || config->lag < 1)
        return status_fail(STATUS_ARGUMENT,
                           "memory model: kind %d, %d symbols, %d classes, %d parameters, lag %d; "
                           "expected a kind and numbers above 0",
                           (int)config->kind, config->vocabulary, config->classes,
                           config->parameters, config->lag);
    MemoryModel *model = calloc(1, sizeof *model);
    if (!model) return status_fail(STATUS_MEMORY, "memory model: no memory");
    model->config = *config;
    Status status = config->kind == MEMORY_TRANSFORMER ? open_transformer(model, seed)
                                                       : open_recurrent(model, seed);
    if (status != STATUS_OK) {
        memory_model_close(model);
        return status;
    }
    *out = model;
    return STATUS_OK;
}

void memory_model_close(MemoryModel *model) {
    if (!model) return;
    transformer_close(model->transformer);
    if (model->config.kind != MEMORY_TRANSFORMER) parameters_close(&model->own);
    free(model);
}

/* --- forward --------------------------------------------------------------------------------- */

int memory_row(const MemoryModel *model, int length, int batch, int t, int b) {
    return model->transformer ? b * length + t : t * batch + b;
}

/* What the tape recorded first: of the Transformer, its embeddings. */
static Value *first_value(const Tape *tape) {
    const TapeNode *node = tape->last;
    while (node && node->previous) node = node->previous;
    return node ? node->output : NULL;
}

MemoryPass memory_forward(MemoryModel *model, Tape *tape, const int32_t *ids, int length,
                          int batch) {
    MemoryPass pass = {.length = length, .batch = batch};
    if (!model->transformer) {
        pass.words = nn_embed(tape, 1, &model->words, &ids, length * batch);
        pass.states = nn_recurrent(tape, &model->stack, pass.words, length, batch, NULL, NULL);
        return pass;
    }
    int *offsets = tape_take(tape, (size_t)(batch + 1) * sizeof *offsets);
    if (!offsets) return pass;
    for (int b = 0; b <= batch; b++) offsets[b] = b * length;
    pass.states = transformer_encode(model->transformer, tape, ids, batch, offsets);
    pass.words = first_value(tape);
    return pass;
}

Value *memory_classify(const MemoryModel *model, Tape *tape, const MemoryPass *pass) {
    const int last = (pass->length - 1) * pass->batch;
    if (model->transformer) {
        int *row = tape_take(tape, (size_t)pass->batch * sizeof *row);
        if (!row) return NULL;
        for (int b = 0; b < pass->batch; b++)
            row[b] = memory_row(model, pass->length, pass->batch, pass->length - 1, b);
        return transformer_classify(model->transformer, tape,
                                    nn_take_rows(tape, pass->states, row, pass->batch));
    }
    Value *state = nn_rows(tape, pass->states, last, pass->batch);
    if (model->config.kind == MEMORY_ENDS || model->config.kind == MEMORY_MIDDLE) {
        Value *first = nn_rows(tape, pass->states, 0, pass->batch);
        state = nn_concat(tape, 2,
                          (Value *[]){nn_columns(tape, state, 0, model->half),
                                      nn_columns(tape, first, model->half, model->half)});
    }
    return nn_linear(tape, state, model->answer, model->answer_bias, ACTIVATION_NONE);
}
