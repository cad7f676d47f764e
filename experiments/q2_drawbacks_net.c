#include "q2_drawbacks_net.h"
#include "base/rng.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/norm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- sizes ----------------------------------------------------------------------------------- */

TransformerConfig net_transformer(const NetShape *s) {
    return (TransformerConfig){.decoder_layers = s->layers,
                               .width = s->width,
                               .heads = s->heads,
                               .feed_forward = 4 * s->width,
                               .vocabulary = s->vocabulary,
                               .classes = s->classes,
                               .positions = s->positions,
                               .positions_max = s->positions_max,
                               .attention = s->attention,
                               .dropout = s->dropout};
}

/* Of the sinusoidal Transformer, whatever the positions: learned ones come on top. */
size_t net_transformer_parameters(const NetShape *shape) {
    TransformerConfig config = net_transformer(shape);
    config.positions = POSITIONS_SINUSOIDAL;
    return transformer_parameters(&config);
}

static double lstm_parameters(const NetShape *s, double h) {
    double d = s->width, layers = s->lstm_layers;
    return s->vocabulary * d + 4 * h * (d + h + 1) + (layers - 1) * 4 * h * (2 * h + 1) +
           s->classes * (h + 1);
}

int net_lstm_width(const NetShape *shape) {
    const double wanted = (double)net_transformer_parameters(shape);
    int width = 1;
    while (lstm_parameters(shape, width + 1) <= wanted) width++;
    double below = wanted - lstm_parameters(shape, width);
    double above = lstm_parameters(shape, width + 1) - wanted;
    return above < below ? width + 1 : width;
}

/* --- opening --------------------------------------------------------------------------------- */

static Parameter *add(ParameterSet *set, const char *name, int rows, int columns) {
    return parameters_add(set, name, columns ? 2 : 1, (size_t[]){(size_t)rows, (size_t)columns});
}

/* The embeddings are drawn as the Transformer's, the head as PyTorch draws it. */
static Status open_lstm(Net *net, uint64_t seed) {
    const NetShape *s = &net->shape;
    const int h = net->lstm_width = net_lstm_width(s);
    ParameterSet *set = &net->set;
    STATUS_TRY(parameters_open(set));
    if (!(net->words = add(set, "words", s->vocabulary, s->width))) return STATUS_MEMORY;
    rng_fill_normal(net->words->value, net->words->count, seed, rng_stream("drawbacks.words"));
    STATUS_TRY(parameter_use_rows(set, net->words));
    STATUS_TRY(nn_recurrent_open(set, &net->lstm, "lstm", RECURRENT_LSTM, s->width, h,
                                 s->lstm_layers, 1, 1, seed));
    net->classes = add(set, "classes", s->classes, h);
    net->bias = add(set, "bias", s->classes, 0);
    if (!net->classes || !net->bias) return STATUS_MEMORY;
    const uint64_t stream = rng_stream("drawbacks.classes");
    const double reach = 1 / sqrt(h);
    for (size_t i = 0; i < net->classes->count; i++)
        net->classes->value[i] = (float)(reach * (2 * rng_uniform(seed, stream, i) - 1));
    memset(net->bias->value, 0, net->bias->count * sizeof(float));
    net->classes->decays = 1;
    STATUS_TRY(parameter_use_products(net->classes, PRECISION_F32));
    return parameters_changed(set);
}

Status net_open(Net *net, const NetShape *shape, uint64_t seed) {
    *net = (Net){.shape = *shape};
    Status status;
    if (shape->recurrent) {
        net->parameters = &net->set;
        status = open_lstm(net, seed);
    } else {
        const TransformerConfig config = net_transformer(shape);
        status = transformer_open(&net->transformer, &config, seed);
        if (status == STATUS_OK) net->parameters = &net->transformer->parameters;
    }
    if (status != STATUS_OK) net_close(net);
    return status;
}

void net_close(Net *net) {
    transformer_close(net->transformer);
    if (net->parameters == &net->set) parameters_close(&net->set);
    *net = (Net){0};
}

/* --- one batch ------------------------------------------------------------------------------- */

/* The labels in the order of the logits' rows. */
typedef struct {
    Value *logits;
    const int32_t *labels;
} Answer;

static int32_t *time_major(Tape *tape, const int32_t *from, int sequences, int length) {
    int32_t *to = tape_take(tape, (size_t)sequences * (size_t)length * sizeof *to);
    for (int b = 0; to && b < sequences; b++)
        for (int t = 0; t < length; t++) to[t * sequences + b] = from[b * length + t];
    return to;
}

static Value *lstm_logits(Net *net, Tape *tape, const int32_t *ids, const NetBatch *batch) {
    Value *x = nn_embed(tape, 1, &net->words, &ids, batch->sequences * batch->length);
    x = nn_dropout(tape, x, net->shape.dropout);
    Value *h = nn_recurrent(tape, &net->lstm, x, batch->length, batch->sequences, NULL, NULL);
    h = nn_dropout(tape, h, net->shape.dropout);
    return nn_linear(tape, h, net->classes, net->bias, ACTIVATION_NONE);
}

static Answer answer(Net *net, Tape *tape, const NetBatch *batch) {
    Answer out = {.labels = batch->labels};
    if (net->shape.recurrent) {
        int32_t *ids = time_major(tape, batch->ids, batch->sequences, batch->length);
        out.labels = time_major(tape, batch->labels, batch->sequences, batch->length);
        if (ids && out.labels) out.logits = lstm_logits(net, tape, ids, batch);
        return out;
    }
    int *offsets = tape_take(tape, ((size_t)batch->sequences + 1) * sizeof *offsets);
    for (int b = 0; offsets && b <= batch->sequences; b++) offsets[b] = b * batch->length;
    if (offsets)
        out.logits =
            transformer_decode(net->transformer, tape, batch->ids, batch->sequences, offsets, NULL);
    return out;
}

Value *net_loss(Net *net, Tape *tape, const NetBatch *batch, int *right, int *counted) {
    Answer a = answer(net, tape, batch);
    return a.logits ? nn_cross_entropy_ids(tape, a.logits, a.labels, right, counted) : NULL;
}

static Status score(Net *net, Tape *tape, const NetBatch *batch, double *nats, double *right) {
    Answer a = answer(net, tape, batch);
    STATUS_TRY(tape_status(tape));
    const int rows = a.logits->rows;
    float *loss = tape_take(tape, (size_t)rows * sizeof *loss);
    int32_t *best = tape_take(tape, (size_t)rows * sizeof *best);
    float *statistics = tape_take(tape, 2 * (size_t)rows * sizeof *statistics);
    STATUS_TRY(tape_status(tape));
    tape->device->layers->cross_entropy(rows, a.logits->columns, a.logits->data, a.labels, loss,
                                        best, statistics);
    for (int r = 0; r < rows; r++) {
        if (a.labels[r] < 0) continue;
        int t = net->shape.recurrent ? r / batch->sequences : r % batch->length;
        nats[t] += (double)loss[r];
        right[t] += best[r] == a.labels[r];
    }
    return STATUS_OK;
}

Status net_score(Net *net, Arena *arena, const NetBatch *batch, double *nats, double *right) {
    const size_t mark = arena_mark(arena);
    Tape tape;
    tape_open(&tape, arena, TAPE_INFER, 0, 0);
    Status status = score(net, &tape, batch, nats, right);
    arena_rewind(arena, mark);
    return status;
}
