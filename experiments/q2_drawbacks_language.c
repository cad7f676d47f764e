/* The next character of Persian sentences: how many sentences a network needs, and what it does at
 * places of the window that training never had. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "base/sha256.h"
#include "q2_drawbacks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCORED_TOGETHER = 32,
    VALIDATION_WINDOWS = 192, /* of the evaluations during training; the last one takes all */
    RARE = 20                 /* code points seen less often have no symbol of their own */
};

/* --- the text -------------------------------------------------------------------------------- */

/* Which sentences are which: the held-out ones are the last of this order, whatever the seed of a
 * training. */
static uint32_t *shuffled(size_t count, uint64_t seed, const char *stream) {
    uint32_t *order = malloc((count + 1) * sizeof *order);
    for (size_t i = 0; order && i < count; i++) order[i] = (uint32_t)i;
    if (order) rng_shuffle(order, count, seed, rng_stream(stream));
    return order;
}

static Status open_streams(Drawbacks *d) {
    const DrawbacksPlan *plan = &d->plan;
    const size_t held = (size_t)plan->validation;
    STATUS_TRY(persian_lines_load(d->train_path, &d->train));
    STATUS_TRY(persian_lines_load(d->test_path, &d->test));
    const int most = plan->sentences.value[plan->sentences.count - 1];
    if (d->train.count < held + (size_t)most)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu sentences; expected at least %d for training and %zu held out",
                           d->train_path, d->train.count, most, held);
    STATUS_TRY(alphabet_make(&d->alphabet, &d->train, RARE));
    uint32_t *order = shuffled(d->train.count, plan->seed, "drawbacks.held-out");
    if (!order) return status_fail(STATUS_MEMORY, "no memory for an order of sentences");
    Status status = character_stream_make(&d->validation, &d->alphabet, &d->train,
                                          order + d->train.count - held, held);
    free(order);
    if (status != STATUS_OK) return status;
    return character_stream_make(&d->dev, &d->alphabet, &d->test, NULL, d->test.count);
}

Status drawbacks_text_open(Drawbacks *d) {
    const char *folder = d->plan.data;
    d->has_text =
        persian_lines_find(folder, "fa_perdt-ud-train", d->train_path, sizeof d->train_path) &&
        persian_lines_find(folder, "fa_perdt-ud-dev", d->test_path, sizeof d->test_path);
    return d->has_text ? open_streams(d) : STATUS_OK;
}

Status drawbacks_text_describe(const Drawbacks *d, Results *results) {
    char train[SHA256_TEXT], test[SHA256_TEXT];
    STATUS_TRY(sha256_file(d->train_path, train));
    STATUS_TRY(sha256_file(d->test_path, test));
    STATUS_TRY(results_run(results, "sha256.perdt_train", "%s", train));
    return results_run(results, "sha256.perdt_dev", "%s", test);
}

void drawbacks_text_close(Drawbacks *d) {
    persian_lines_free(&d->train);
    persian_lines_free(&d->test);
    alphabet_free(&d->alphabet);
    character_stream_free(&d->validation);
    character_stream_free(&d->dev);
}

NetShape drawbacks_language_shape(const Drawbacks *d, int net) {
    NetShape shape = d->plan.language;
    shape.vocabulary = shape.classes = d->alphabet.symbols;
    shape.recurrent = net == NET_LSTM;
    shape.positions = net == NET_LEARNED ? POSITIONS_LEARNED
                      : net == NET_NONE  ? POSITIONS_NONE
                                         : POSITIONS_SINUSOIDAL;
    shape.positions_max = d->plan.window;
    return shape;
}

/* --- one training ---------------------------------------------------------------------------- */

typedef struct {
    const Drawbacks *d;
    const DrawbacksCell *cell;
    Net net;
    CharacterStream stream;
    size_t windows; /* of a pass over the sentences */
    GridRecord *record;
    uint64_t seed;
} Training;

/* The loop has one epoch, of all windows that are asked for; `windows` of them at a time are one
 * pass over the sentences, whose windows lie end to end and begin where chance has it. */
static void cut(const Training *t, uint32_t example, int32_t *ids, int32_t *labels) {
    const int length = t->d->plan.window;
    const uint64_t pass = example / t->windows;
    const size_t offset =
        (size_t)rng_below(t->seed, rng_stream("drawbacks.offset"), pass, (uint64_t)length);
    character_stream_cut(&t->stream, length, offset, example % t->windows, 1, ids, labels);
}

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Training *t = context;
    const int length = t->d->plan.window;
    const size_t n = (size_t)length;
    grid_progress(t->record, .9 * (double)tape->step / t->cell->steps);
    int32_t *ids = tape_take(tape, count * n * sizeof *ids);
    int32_t *labels = tape_take(tape, count * n * sizeof *labels);
    STATUS_TRY(tape_status(tape));
    for (size_t b = 0; b < count; b++) cut(t, example[b], ids + b * n, labels + b * n);
    const NetBatch batch = {(int)count, length, ids, labels};
    int right = 0, scored = 0;
    *out = net_loss(&t->net, tape, &batch, &right, &scored);
    *counted = (TrainCount){right, scored};
    return tape_status(tape);
}

/* Sums over the first `windows` windows of a stream, by place: nats and hits [length]. */
static Status score(Training *t, Arena *arena, const CharacterStream *stream, int length,
                    size_t windows, double *nats, double *right) {
    const size_t n = (size_t)length;
    memset(nats, 0, n * sizeof *nats);
    memset(right, 0, n * sizeof *right);
    for (size_t first = 0; first < windows; first += SCORED_TOGETHER) {
        const size_t mark = arena_mark(arena);
        size_t count = windows - first < SCORED_TOGETHER ? windows - first : SCORED_TOGETHER;
        int32_t *ids = arena_take(arena, count * n * sizeof *ids);
        int32_t *labels = arena_take(arena, count * n * sizeof *labels);
        if (!ids || !labels) return STATUS_MEMORY;
        character_stream_cut(stream, length, 0, first, count, ids, labels);
        const NetBatch batch = {(int)count, length, ids, labels};
        STATUS_TRY(net_score(&t->net, arena, &batch, nats, right));
        arena_rewind(arena, mark);
    }
    return STATUS_OK;
}

/* Nats a character and accuracy. */
static Status mean(Training *t, Arena *arena, const CharacterStream *stream, size_t windows,
                   double out[2]) {
    const int length = t->d->plan.window;
    const size_t mark = arena_mark(arena);
    double *nats = arena_take(arena, (size_t)length * sizeof *nats);
    double *right = arena_take(arena, (size_t)length * sizeof *right);
    if (!nats || !right) return STATUS_MEMORY;
    STATUS_TRY(score(t, arena, stream, length, windows, nats, right));
    out[0] = out[1] = 0;
    for (int i = 0; i < length; i++) {
        out[0] += nats[i] / ((double)windows * length);
        out[1] += right[i] / ((double)windows * length);
    }
    arena_rewind(arena, mark);
    return STATUS_OK;
}

static size_t at_most(size_t windows, size_t most) {
    return most && most < windows ? most : windows;
}

static Status evaluate(void *context, Arena *arena, double *out) {
    Training *t = context;
    const CharacterStream *stream = &t->d->validation;
    return mean(t, arena, stream,
                at_most(character_stream_windows(stream, t->d->plan.window), VALIDATION_WINDOWS),
                out);
}

/* By place in windows that are longer than those of training, in groups of an eighth of the
 * training window. */
static Status write_places(Training *t, Arena *arena) {
    const DrawbacksPlan *plan = &t->d->plan;
    const int longest = t->cell->net == NET_LEARNED ? plan->window : plan->far;
    const int group = plan->window / 8 > 0 ? plan->window / 8 : 1;
    const size_t symbols = (size_t)plan->test_windows * (size_t)plan->window;
    const size_t windows =
        at_most(character_stream_windows(&t->d->dev, plan->far), symbols / (size_t)plan->far);
    double *nats = arena_take(arena, (size_t)longest * sizeof *nats);
    double *right = arena_take(arena, (size_t)longest * sizeof *right);
    if (!nats || !right) return STATUS_MEMORY;
    STATUS_TRY(score(t, arena, &t->d->dev, longest, windows * (size_t)plan->far / (size_t)longest,
                     nats, right));
    for (int from = 0; from + group <= longest; from += group) {
        double sum = 0;
        for (int i = from; i < from + group; i++) sum += nats[i];
        grid_row(t->record, "place", "%s\t%d\t%d\t%d\t%.6g", drawbacks_net_slug[t->cell->net],
                 t->cell->seed, from + 1, from + group,
                 sum / log(2) / group / (double)(windows * (size_t)plan->far / (size_t)longest));
    }
    return STATUS_OK;
}

static Status test(Training *t, const TrainLog *done) {
    const Drawbacks *d = t->d;
    const DrawbacksPlan *plan = &d->plan;
    const CharacterStream *of[] = {&t->stream, &d->validation, &d->dev};
    double bits[3];
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    Status status = STATUS_OK;
    for (int i = 0; i < 3 && status == STATUS_OK; i++) {
        const size_t most = i == 0 ? VALIDATION_WINDOWS : (size_t)plan->test_windows;
        double of_split[2] = {0, 0};
        status = mean(t, &arena, of[i],
                      at_most(character_stream_windows(of[i], plan->window), most), of_split);
        bits[i] = of_split[0] / log(2);
    }
    if (status == STATUS_OK) {
        grid_row(t->record, "language", "%s\t%d\t%d\t%llu\t%llu\t%zu\t%.6g\t%.6g\t%.6g",
                 drawbacks_net_slug[t->cell->net], t->cell->sentences, t->cell->seed,
                 (unsigned long long)done->steps,
                 (unsigned long long)done->evaluation[done->best].step,
                 parameters_count(t->net.parameters), bits[0], bits[1], bits[2]);
        if (t->cell->sentences == plan->sentences.value[plan->sentences.count - 1])
            status = write_places(t, &arena);
    }
    arena_close(&arena);
    return status;
}

static Status train(Training *t) {
    const DrawbacksPlan *plan = &t->d->plan;
    const TrainTask task = {.name = "next character",
                            .parameters = t->net.parameters,
                            .examples = (size_t)t->cell->steps * (size_t)plan->language_batch,
                            .context = t,
                            .loss = loss,
                            .evaluate = evaluate};
    TrainLog *log;
    STATUS_TRY(drawbacks_train(&task, plan->language_batch,
                               plan->language_rate[t->cell->net == NET_LSTM], t->seed, t->record,
                               &log));
    Status status = test(t, log);
    train_log_free(log);
    return status;
}

Status drawbacks_language_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record) {
    const size_t held = (size_t)d->plan.validation;
    Training t = {
        .d = d, .cell = cell, .record = record, .seed = d->plan.seed * 1000 + (uint64_t)cell->seed};
    uint32_t *order = shuffled(d->train.count, d->plan.seed, "drawbacks.held-out");
    if (!order) return status_fail(STATUS_MEMORY, "no memory for an order of sentences");
    /* Other sentences for another seed; the same ones for every network. */
    rng_shuffle(order, d->train.count - held, t.seed, rng_stream("drawbacks.sentences"));
    Status status =
        character_stream_make(&t.stream, &d->alphabet, &d->train, order, (size_t)cell->sentences);
    free(order);
    const NetShape shape = drawbacks_language_shape(d, cell->net);
    if (status == STATUS_OK) status = net_open(&t.net, &shape, t.seed);
    if (status == STATUS_OK) {
        t.windows =
            character_stream_windows(&t.stream, d->plan.window) - 1; /* room for the offset */
        status = train(&t);
        net_close(&t.net);
    }
    character_stream_free(&t.stream);
    return status;
}
