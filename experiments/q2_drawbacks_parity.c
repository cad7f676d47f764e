/* Running parity: every bit asks whether the ones so far are odd. One state bit does it, in a
 * network that has a state. */
#include "base/rng.h"
#include "data/synthetic.h"
#include "q2_drawbacks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCORED_TOGETHER = 32, VALIDATION_SEQUENCES = 128 };

typedef struct {
    const DrawbacksPlan *plan;
    Net net;
    SyntheticTask task;
    GridRecord *record;
    uint64_t seed;
} Training;

NetShape drawbacks_parity_shape(const DrawbacksPlan *plan, int net) {
    NetShape shape = plan->parity;
    SyntheticTask task = {.kind = SYNTHETIC_PARITY};
    shape.vocabulary = synthetic_vocabulary(&task);
    shape.classes = 2;
    shape.recurrent = net == NET_LSTM;
    shape.positions = net == NET_LEARNED ? POSITIONS_LEARNED
                      : net == NET_NONE  ? POSITIONS_NONE
                                         : POSITIONS_SINUSOIDAL;
    shape.positions_max = plan->parity_length;
    return shape;
}

/* Sequences of one step have one length, which is drawn for the step: the examples of the loop are
 * numbers of sequences. */
static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Training *t = context;
    const DrawbacksPlan *plan = t->plan;
    grid_progress(t->record, .9 * (double)tape->step / plan->parity_steps);
    const int length = 1 + (int)rng_below(t->seed, rng_stream("drawbacks.lengths"), tape->step,
                                          (uint64_t)plan->parity_length);
    const size_t n = (size_t)length;
    int32_t *ids = tape_take(tape, count * n * sizeof *ids);
    int32_t *labels = tape_take(tape, count * n * sizeof *labels);
    STATUS_TRY(tape_status(tape));
    for (size_t b = 0; b < count; b++)
        synthetic_draw(&t->task, SYNTHETIC_TRAIN, example[b], length, ids + b * n, labels + b * n);
    const NetBatch batch = {(int)count, length, ids, labels};
    int right = 0, scored = 0;
    *out = net_loss(&t->net, tape, &batch, &right, &scored);
    *counted = (TrainCount){right, scored};
    return tape_status(tape);
}

/* Sums over `sequences` of a split, by position. */
static Status score(Training *t, Arena *arena, SyntheticSplit split, int sequences, int length,
                    double *nats, double *right) {
    const size_t n = (size_t)length;
    memset(nats, 0, n * sizeof *nats);
    memset(right, 0, n * sizeof *right);
    for (int first = 0; first < sequences; first += SCORED_TOGETHER) {
        const size_t mark = arena_mark(arena);
        int count = sequences - first < SCORED_TOGETHER ? sequences - first : SCORED_TOGETHER;
        int32_t *ids = arena_take(arena, (size_t)count * n * sizeof *ids);
        int32_t *labels = arena_take(arena, (size_t)count * n * sizeof *labels);
        if (!ids || !labels) return STATUS_MEMORY;
        for (int b = 0; b < count; b++)
            synthetic_draw(&t->task, split, (uint64_t)(first + b), length, ids + (size_t)b * n,
                           labels + (size_t)b * n);
        const NetBatch batch = {count, length, ids, labels};
        STATUS_TRY(net_score(&t->net, arena, &batch, nats, right));
        arena_rewind(arena, mark);
    }
    return STATUS_OK;
}

/* At the longest length of training: nats a step, accuracy of the last step, of all. */
static Status evaluate(void *context, Arena *arena, double *out) {
    Training *t = context;
    const int length = t->plan->parity_length;
    const size_t mark = arena_mark(arena);
    double *nats = arena_take(arena, (size_t)length * sizeof *nats);
    double *right = arena_take(arena, (size_t)length * sizeof *right);
    if (!nats || !right) return STATUS_MEMORY;
    STATUS_TRY(score(t, arena, SYNTHETIC_VALIDATION, VALIDATION_SEQUENCES, length, nats, right));
    out[0] = out[1] = 0;
    for (int i = 0; i < length; i++) {
        out[0] += nats[i] / (VALIDATION_SEQUENCES * (double)length);
        out[1] += right[i] / (VALIDATION_SEQUENCES * (double)length);
    }
    arena_rewind(arena, mark);
    return STATUS_OK;
}

/* A causal network answers step n of a longer sequence as it answers the last step of its first n
 * symbols: one pass over the longest sequences gives the accuracy at every length. */
static Status test(Training *t, const DrawbacksCell *cell) {
    const DrawbacksPlan *plan = t->plan;
    const int longest = cell->net == NET_LEARNED ? plan->parity_length : plan->parity_longest;
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    double *nats = arena_take(&arena, (size_t)longest * sizeof *nats);
    double *right = arena_take(&arena, (size_t)longest * sizeof *right);
    Status status = nats && right ? STATUS_OK : STATUS_MEMORY;
    if (status == STATUS_OK)
        status = score(t, &arena, SYNTHETIC_TEST, plan->parity_test, longest, nats, right);
    double all = 0, bits = 0;
    for (int n = 1; status == STATUS_OK && n <= longest; n++) {
        const double last = right[n - 1] / plan->parity_test;
        all += last;
        bits += nats[n - 1] / plan->parity_test / log(2);
        grid_row(t->record, "parity", "%s\t%d\t%d\t%.6g\t%.6g\t%.6g", drawbacks_net_slug[cell->net],
                 cell->seed, n, last, all / n, bits / n);
    }
    arena_close(&arena);
    return status;
}

static Status train(Training *t, const DrawbacksCell *cell) {
    const DrawbacksPlan *plan = t->plan;
    const TrainTask task = {.name = "parity",
                            .parameters = t->net.parameters,
                            .examples = (size_t)plan->parity_steps * (size_t)plan->parity_batch,
                            .context = t,
                            .loss = loss,
                            .evaluate = evaluate};
    TrainLog *log;
    STATUS_TRY(drawbacks_train(&task, plan->parity_batch, plan->parity_rate[cell->net == NET_LSTM],
                               t->seed, t->record, &log));
    train_log_free(log);
    return test(t, cell);
}

Status drawbacks_parity_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record) {
    Training t = {.plan = &d->plan,
                  .task = {.kind = SYNTHETIC_PARITY, .seed = d->plan.seed},
                  .record = record,
                  .seed = d->plan.seed * 1000 + (uint64_t)cell->seed};
    const NetShape shape = drawbacks_parity_shape(&d->plan, cell->net);
    t.task.seed = t.seed;
    STATUS_TRY(net_open(&t.net, &shape, t.seed));
    Status status = train(&t, cell);
    net_close(&t.net);
    return status;
}
