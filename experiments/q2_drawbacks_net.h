/* q2_drawbacks_net: networks that say at every symbol of a sequence what comes next (or what the
 * state is): an LSTM, and a Transformer decoder of as many parameters.
 *
 *     NetShape shape = {.recurrent = 1, .vocabulary = 4, .classes = 2, .width = 32, .heads = 4,
 *                       .layers = 2, .lstm_layers = 1};
 *     Net net;
 *     STATUS_TRY(net_open(&net, &shape, seed));
 *     NetBatch batch = {.sequences = B, .length = N, .ids = ids, .labels = labels};    // [B, N]
 *     Value *loss = net_loss(&net, &tape, &batch, &right, &counted);
 *     STATUS_TRY(net_score(&net, &arena, &batch, nats, hits));          // += by position, [N]
 *     net_close(&net);
 *
 * All sequences of a batch have the same length; ids and labels are in the order of sequences, and
 * put into the order that the network wants here. A negative label is not scored.
 */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_NET_H
#define EXPERIMENTS_Q2_DRAWBACKS_NET_H

#include "model/transformer.h"
#include "nn/recurrent.h"

typedef struct {
    int recurrent; /* 1: an LSTM, whose width brings its parameters nearest to the Transformer's */
    Positions positions;
    int positions_max; /* of LEARNED */
    AttentionKind attention;
    int vocabulary, classes;
    int width, heads, layers; /* of the Transformer; feed-forward 4 D; D is also the width of the
                                 LSTM's inputs */
    int lstm_layers;
    float dropout; /* of both: embeddings and branches; embeddings and outputs */
} NetShape;

typedef struct {
    NetShape shape;
    Transformer *transformer; /* or: */
    ParameterSet set;
    Parameter *words, *classes, *bias;
    RecurrentStack lstm;
    int lstm_width;
    ParameterSet *parameters; /* of whichever it is */
} Net;

typedef struct {
    int sequences, length;
    const int32_t *ids, *labels; /* [sequences, length]; must live until backward */
} NetBatch;

/* The Transformer's configuration, and the parameters that either of them has. */
TransformerConfig net_transformer(const NetShape *shape);
size_t net_transformer_parameters(const NetShape *shape);
int net_lstm_width(const NetShape *shape);

/* net_close frees what there is, also after a failure. */
Status net_open(Net *net, const NetShape *shape, uint64_t seed);
void net_close(Net *net);

/* Mean loss in nats, [1,1]; how many labels there were and how many were the likeliest (both may be
 * NULL). STATUS_ARGUMENT where the length is beyond learned positions. */
Value *net_loss(Net *net, Tape *tape, const NetBatch *batch, int *right, int *counted);

/* Adds, at each of the N positions, the nats of its scored labels and how many were the likeliest,
 * [N] each. */
Status net_score(Net *net, Arena *arena, const NetBatch *batch, double *nats, double *right);

#endif
