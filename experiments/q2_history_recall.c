#include "q2_history_recall.h"
#include "base/rng.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const recall_slug[RECALL_MODELS] = {"transformer", "kernel", "lstm"};

#define CURVE_POINTS 60
#define CHUNK        32 /* sequences that are judged at once */

/* --- the networks ----------------------------------------------------------------------------- */

static TransformerConfig transformer_config(const RecallShape *shape, RecallModel model,
                                            const SyntheticTask *task) {
    return (TransformerConfig){.decoder_layers = shape->layers,
                               .width = shape->width,
                               .heads = shape->heads,
                               .feed_forward = shape->feed_forward,
                               .vocabulary = synthetic_vocabulary(task),
                               .classes = synthetic_vocabulary(task),
                               .positions = POSITIONS_SINUSOIDAL,
                               .attention = model == RECALL_KERNEL ? ATTENTION_KERNEL_LINEAR
                                                                   : ATTENTION_MATERIALISED};
}

static double lstm_parameters(int inputs, int width, int vocabulary) {
    const double h = width, d = inputs, v = vocabulary;
    return 4 * h * (d + h) + 4 * h + v * d + v * (h + 1);
}

static int equal_width(const TransformerConfig *like) {
    const double parameters = (double)transformer_parameters(like);
    int best = 8;
    for (int h = 8; h <= 64 * like->width; h += 4)
        if (fabs(lstm_parameters(like->width, h, like->vocabulary) - parameters) <
            fabs(lstm_parameters(like->width, best, like->vocabulary) - parameters))
            best = h;
    return best;
}

static Parameter *add(ParameterSet *set, const char *name, int rows, int columns, double scale,
                      uint64_t seed) {
    Parameter *p =
        parameters_add(set, name, columns ? 2 : 1, (size_t[]){(size_t)rows, (size_t)columns});
    if (!p) return NULL;
    rng_fill_normal(p->value, p->count, seed, rng_stream(name));
    for (size_t i = 0; i < p->count; i++) p->value[i] *= (float)scale;
    p->decays = columns > 0;
    return p;
}

static Status open_lstm(RecallNet *net, const TransformerConfig *like, uint64_t seed) {
    const int h = equal_width(like), v = like->vocabulary;
    STATUS_TRY(parameters_open(&net->set));
    net->parameters = &net->set;
    net->words = add(&net->set, "words", v, like->width, 1, seed);
    if (!net->words) return STATUS_MEMORY;
    net->words->decays = 0; /* as the Transformer's */
    STATUS_TRY(nn_recurrent_open(&net->set, &net->lstm, "lstm", RECURRENT_LSTM, like->width, h, 1,
                                 1, 1, seed));
    net->classes = add(&net->set, "classes", v, h, 1 / sqrt(h), seed);
    net->bias = add(&net->set, "bias", v, 0, 0, seed);
    if (!net->classes || !net->bias) return STATUS_MEMORY;
    STATUS_TRY(parameter_use_products(net->classes, PRECISION_F32));
    return parameters_changed(&net->set);
}

Status recall_open(RecallNet *net, RecallModel model, const RecallShape *shape, int pairs,
                   uint64_t seed) {
    *net = (RecallNet){.model = model,
                       .task = {.kind = SYNTHETIC_PAIRS,
                                .alphabet = shape->alphabet,
                                .pairs = pairs,
                                .queries = pairs,
                                .seed = 1}};
    net->length = synthetic_pairs_length(&net->task);
    STATUS_TRY(synthetic_check(&net->task, net->length));
    const TransformerConfig config = transformer_config(shape, model, &net->task);
    if (model == RECALL_LSTM) return open_lstm(net, &config, seed);
    STATUS_TRY(transformer_open(&net->transformer, &config, seed));
    net->parameters = &net->transformer->parameters;
    return STATUS_OK;
}

void recall_close(RecallNet *net) {
    if (net->parameters == &net->set) parameters_close(&net->set);
    transformer_close(net->transformer);
    *net = (RecallNet){.model = net->model};
}

Value *recall_logits(RecallNet *net, Tape *tape, const RecallBatch *batch) {
    if (net->transformer)
        return transformer_decode(net->transformer, tape, batch->ids, batch->sequences,
                                  batch->offsets, NULL);
    Value *x = nn_embed(tape, 1, &net->words, (const int32_t *[]){batch->ids},
                        batch->sequences * net->length);
    Value *h = nn_recurrent(tape, &net->lstm, x, net->length, batch->sequences, NULL, NULL);
    return nn_linear(tape, h, net->classes, net->bias, ACTIVATION_NONE);
}

/* --- data ------------------------------------------------------------------------------------- */

int recall_batch(const RecallShape *shape, int pairs) {
    const int fit = shape->tokens / (3 * pairs);
    return fit < 1 ? 1 : fit < shape->batch_most ? fit : shape->batch_most;
}

static Status batch_take(const RecallNet *net, int sequences, Arena *arena, RecallBatch *out) {
    const size_t rows = (size_t)sequences * (size_t)net->length;
    *out = (RecallBatch){.sequences = sequences,
                         .ids = arena_take(arena, rows * sizeof *out->ids),
                         .labels = arena_take(arena, rows * sizeof *out->labels),
                         .offsets = arena_take(arena, ((size_t)sequences + 1) * sizeof(int))};
    if (!out->ids || !out->labels || !out->offsets) return STATUS_MEMORY;
    for (int b = 0; b <= sequences; b++) out->offsets[b] = b * net->length;
    return STATUS_OK;
}

/* Sequence b of the batch: packed end to end for Transformers, time-major for the LSTM. */
static void put(const RecallNet *net, SyntheticSplit split, uint64_t index, int b,
                const RecallBatch *batch, int32_t *scratch) {
    int32_t *ids = scratch, *labels = scratch + net->length;
    synthetic_draw(&net->task, split, index, net->length, ids, labels);
    for (int t = 0; t < net->length; t++) {
        const int row = net->transformer ? b * net->length + t : t * batch->sequences + b;
        batch->ids[row] = ids[t];
        batch->labels[row] = labels[t];
    }
}

Status recall_draw(const RecallNet *net, SyntheticSplit split, uint64_t first, int sequences,
                   Arena *arena, RecallBatch *out) {
    STATUS_TRY(batch_take(net, sequences, arena, out));
    int32_t *scratch = arena_take(arena, 2 * (size_t)net->length * sizeof *scratch);
    if (!scratch) return STATUS_MEMORY;
    for (int b = 0; b < sequences; b++) put(net, split, first + (uint64_t)b, b, out, scratch);
    return STATUS_OK;
}

/* --- scores ----------------------------------------------------------------------------------- */

Status recall_score(RecallNet *net, SyntheticSplit split, int sequences, Arena *arena, double *loss,
                    double *accuracy) {
    double sum = 0, right = 0, counted = 0;
    for (int from = 0; from < sequences; from += CHUNK) {
        const int count = sequences - from < CHUNK ? sequences - from : CHUNK;
        const size_t mark = arena_mark(arena);
        RecallBatch batch;
        Tape tape;
        int hits = 0, rows = 0;
        STATUS_TRY(recall_draw(net, split, (uint64_t)from, count, arena, &batch));
        tape_open(&tape, arena, TAPE_INFER, 1, 0);
        Value *value = nn_cross_entropy_ids(&tape, recall_logits(net, &tape, &batch), batch.labels,
                                            &hits, &rows);
        STATUS_TRY(tape_status(&tape));
        sum += (double)value->data[0] * rows;
        right += hits;
        counted += rows;
        arena_rewind(arena, mark);
    }
    *loss = sum / counted;
    *accuracy = right / counted;
    return STATUS_OK;
}

Status recall_state_bytes(RecallNet *net, size_t *bytes) {
    if (!net->transformer) {
        *bytes = 2 * (size_t)net->lstm.width * sizeof(float); /* h and c */
        return STATUS_OK;
    }
    TransformerCache *cache;
    const int before = 2 * net->task.pairs;
    float logits[4096];
    int32_t *drawn = malloc(2 * (size_t)net->length * sizeof *drawn);
    if (!drawn || net->transformer->config.classes > 4096) {
        free(drawn);
        return status_fail(STATUS_MEMORY, "recall: no memory for a sequence");
    }
    synthetic_draw(&net->task, SYNTHETIC_TEST, 0, net->length, drawn, drawn + net->length);
    Status status = transformer_cache_open(&cache, net->transformer, 1, before, NULL);
    for (int t = 0; t < before && status == STATUS_OK; t++)
        status = transformer_cache_step(cache, &drawn[t], logits);
    if (status == STATUS_OK) *bytes = transformer_cache_bytes(cache);
    transformer_cache_close(cache);
    free(drawn);
    return status;
}

/* --- how a trained Transformer looks back ------------------------------------------------------
 */

/* The position at which `id` stands among the pairs. */
static int position_of(const RecallNet *net, const int32_t *ids, int32_t id) {
    for (int t = 0; t < 2 * net->task.pairs; t += 2)
        if (ids[t] == id) return t;
    return -1;
}

/* Row `query` of head `head` of sequence b, all sequences of one length (nn/multihead.h). */
static const float *weights_of(const RecallNet *net, const float *probabilities, int sequences,
                               int head, int b, int query) {
    const size_t n = (size_t)net->length;
    return probabilities + (((size_t)head * (size_t)sequences + (size_t)b) * n + (size_t)query) * n;
}

static void add_weights(const RecallNet *net, const RecallBatch *batch,
                        const TransformerWeights *weights, double *previous, double *right) {
    const int heads = net->transformer->config.heads, pairs = net->task.pairs;
    const double share = 1.0 / (pairs * batch->sequences);
    for (int h = 0; h < heads; h++)
        for (int b = 0; b < batch->sequences; b++) {
            const int32_t *ids = batch->ids + batch->offsets[b];
            for (int p = 0; p < pairs; p++) {
                const int value = 2 * p + 1, query = 2 * pairs + p;
                const int from = position_of(net, ids, ids[query]) + 1;
                previous[h] += share * (double)weights_of(net, weights->decoder[0],
                                                          batch->sequences, h, b, value)[value - 1];
                right[h] += share * (double)weights_of(net, weights->decoder[1], batch->sequences,
                                                       h, b, query)[from];
            }
        }
}

/* The weights of `sequences` sequences of the test, in the arena. */
static Status look(RecallNet *net, int sequences, Arena *arena, RecallBatch *batch,
                   TransformerWeights *weights) {
    Tape tape;
    if (!net->transformer || net->transformer->config.decoder_layers < 2)
        return status_fail(STATUS_ARGUMENT, "recall: only a Transformer of two layers is watched");
    STATUS_TRY(recall_draw(net, SYNTHETIC_TEST, 0, sequences, arena, batch));
    *weights = (TransformerWeights){0};
    net->transformer->watch = weights;
    tape_open(&tape, arena, TAPE_INFER, 1, 0);
    recall_logits(net, &tape, batch);
    net->transformer->watch = NULL;
    STATUS_TRY(tape_status(&tape));
    if (weights->decoder[0] && weights->decoder[1]) return STATUS_OK;
    return status_fail(STATUS_UNSUPPORTED, "recall: this attention stores no weights");
}

Status recall_watch(RecallNet *net, int sequences, Arena *arena, double *previous, double *right) {
    RecallBatch batch;
    TransformerWeights weights;
    const size_t mark = arena_mark(arena);
    STATUS_TRY(look(net, sequences, arena, &batch, &weights));
    for (int h = 0; h < net->transformer->config.heads; h++) previous[h] = right[h] = 0;
    add_weights(net, &batch, &weights, previous, right);
    arena_rewind(arena, mark);
    return STATUS_OK;
}

static int largest(const double *values, int count) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (values[i] > values[best]) best = i;
    return best;
}

static Status record_attention(RecallNet *net, const RecallCell *cell, Arena *arena,
                               GridRecord *record) {
    enum { HEADS_MAX = 64 };
    double weight[2][HEADS_MAX];
    static const char *const part[] = {"previous", "right"};
    const int heads = net->transformer->config.heads;
    RecallBatch batch;
    TransformerWeights weights;
    if (heads > HEADS_MAX) return status_fail(STATUS_ARGUMENT, "recall: too many heads");
    STATUS_TRY(recall_watch(net, CHUNK, arena, weight[0], weight[1]));
    STATUS_TRY(look(net, 1, arena, &batch, &weights));
    for (int layer = 0; layer < 2; layer++) {
        const int best = largest(weight[layer], heads);
        for (int h = 0; h < heads; h++)
            grid_row(record, "heads", "%s\t%d\t%d\t%d\t%d\t%s\t%.6g", recall_slug[cell->model],
                     cell->pairs, cell->seed, layer + 1, h + 1, part[layer], weight[layer][h]);
        for (int i = 0; i < net->length && cell->watch > 1; i++)
            for (int j = 0; j <= i; j++)
                grid_row(record, "map", "%s\t%d\t%d\t%d\t%d\t%d\t%.5g", recall_slug[cell->model],
                         cell->pairs, layer + 1, best + 1, i + 1, j + 1,
                         (double)weights_of(net, weights.decoder[layer], 1, best, 0, i)[j]);
    }
    for (int t = 0; t < net->length && cell->watch > 1; t++)
        grid_row(record, "tokens", "%s\t%d\t%d\t%d", recall_slug[cell->model], cell->pairs, t + 1,
                 (int)batch.ids[t]);
    return STATUS_OK;
}

/* --- training --------------------------------------------------------------------------------- */

typedef struct {
    RecallNet *net;
    const RecallShape *shape;
    GridRecord *record;
    uint64_t seed, passes, steps;
} Training;

/* Examples are never repeated: example e of seed s is sequence s 2^32 + e. */
static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Training *training = context;
    RecallNet *net = training->net;
    RecallBatch batch;
    int right, rows;
    STATUS_TRY(batch_take(net, (int)count, tape->arena, &batch));
    int32_t *scratch = tape_take(tape, 2 * (size_t)net->length * sizeof *scratch);
    if (!scratch) return tape_status(tape);
    for (size_t b = 0; b < count; b++)
        put(net, SYNTHETIC_TRAIN, (training->seed << 32) + example[b], (int)b, &batch, scratch);
    *out =
        nn_cross_entropy_ids(tape, recall_logits(net, tape, &batch), batch.labels, &right, &rows);
    STATUS_TRY(tape_status(tape));
    counted->right += right;
    counted->counted += rows;
    grid_progress(training->record, (double)++training->passes / (double)training->steps);
    return STATUS_OK;
}

static Status evaluate(void *context, Arena *arena, double *score) {
    Training *training = context;
    return recall_score(training->net, SYNTHETIC_VALIDATION, training->shape->validation, arena,
                        &score[0], &score[1]);
}

static Status record_score(RecallNet *net, const RecallShape *shape, const RecallCell *cell,
                           Arena *arena, GridRecord *record) {
    double test_loss, accuracy;
    size_t bytes;
    STATUS_TRY(recall_score(net, SYNTHETIC_TEST, shape->test, arena, &test_loss, &accuracy));
    STATUS_TRY(recall_state_bytes(net, &bytes));
    grid_row(record, "score", "%s\t%d\t%d\t%d\t%zu\t%zu\t%.6g\t%.6g", recall_slug[cell->model],
             cell->pairs, cell->seed, cell->steps, parameters_count(net->parameters), bytes,
             test_loss, accuracy);
    if (cell->watch) return record_attention(net, cell, arena, record);
    return STATUS_OK;
}

static Status train(RecallNet *net, const RecallShape *shape, const RecallCell *cell,
                    GridRecord *record) {
    Training training = {.net = net,
                         .shape = shape,
                         .record = record,
                         .seed = (uint64_t)cell->seed,
                         .steps = (uint64_t)cell->steps};
    const size_t batch = (size_t)recall_batch(shape, cell->pairs);
    TrainTask task = {.name = "q2 recall",
                      .parameters = net->parameters,
                      .examples = (size_t)cell->steps * batch,
                      .context = &training,
                      .loss = loss,
                      .evaluate = evaluate,
                      .scores = 2,
                      .score_names = {"loss", "accuracy"},
                      .select = 1};
    TrainPlan plan = train_plan_default();
    TrainLog *log;
    plan.batch = batch;
    plan.rate = shape->rate[cell->model];
    plan.seed = (uint64_t)cell->seed;
    plan.evaluations_per_epoch = shape->evaluations;
    plan.keep_best = 0;
    plan.checkpoint = grid_checkpoint(record);
    plan.checkpoint_seconds = 20;
    STATUS_TRY(train_run(&task, &plan, &log));
    grid_log(record, &task, &plan, log, 0, 1, CURVE_POINTS);
    train_log_free(log);
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    Status status = record_score(net, shape, cell, &arena, record);
    arena_close(&arena);
    return status;
}

Status recall_train(const RecallShape *shape, const RecallCell *cell, GridRecord *record) {
    RecallNet net;
    Status status = recall_open(&net, cell->model, shape, cell->pairs, (uint64_t)cell->seed);
    if (status == STATUS_OK) status = train(&net, shape, cell, record);
    recall_close(&net);
    return status;
}
