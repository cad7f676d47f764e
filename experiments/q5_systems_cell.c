/* One training of one system, and what it then makes of the test sentences. */
#include "base/clock.h"
#include "base/rng.h"
#include "nn/loss.h"
#include "q5_systems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const compare_slug[COMPARE_SYSTEMS] = {"pointer", "lstm", "softmax"};

/* Ids of the softmax model beyond its words. */
enum { OTHER, BEGIN, FIRST };

typedef struct {
    const ComparePlan *plan;
    CompareSystem system;
    uint64_t seed;
    Reorderer *pointer;
    PointerLstm *lstm;
    Transformer *softmax;
    Q5Batches train, dev;
    GridRecord *record;
} Trainee;

double compare_cost(void *context, size_t cell) {
    const ComparePlan *plan = context;
    const double cost[COMPARE_SYSTEMS] = {.17, .3, .45}; /* seconds of a step of 200 sentences */
    return cost[compare_system(cell)] * plan->steps * plan->batch / 200;
}

void compare_name(void *context, size_t cell, char *name, size_t size) {
    snprintf(name, size, "%s_s%d", compare_slug[compare_system(cell)], compare_seed(context, cell));
}

static ParameterSet *parameters(const Trainee *t) {
    return t->pointer ? reorderer_parameters(t->pointer)
           : t->lstm  ? pointer_lstm_parameters(t->lstm)
                      : &t->softmax->parameters;
}

static Status open_model(Trainee *t) {
    switch (t->system) {
    case COMPARE_POINTER:
        return reorderer_open(&t->pointer, &t->plan->pointer, t->seed);
    case COMPARE_LSTM:
        return pointer_lstm_open(&t->lstm, &t->plan->lstm, t->seed);
    default:
        return transformer_open(&t->softmax, &t->plan->softmax, t->seed);
    }
}

/* --- losses -------------------------------------------------------------------------------------
 */

/* The order in which the words are given is drawn for each pass (stream), or is the same always
 * (0). */
static Status pack(const Trainee *t, Arena *arena, const ReorderSet *set, const Q5Batch *batch,
                   uint64_t stream, Q5Packed *out) {
    return q5_batch_pack(arena, &t->plan->sentences, set, batch, t->seed, stream, out);
}

/* The id of a word in the softmax model: features[0] counts as the reorderer does. */
static int32_t id_of(const Q5Packed *p, size_t row) {
    return p->features[row * REORDERER_FEATURES];
}

static Value *softmax_loss(const Trainee *t, Tape *tape, const Q5Batch *batch, const Q5Packed *p,
                           int *right) {
    const int b = batch->count, n = batch->length;
    const size_t rows = (size_t)(b * n);
    int32_t *source = tape_take(tape, rows * sizeof *source);
    int32_t *target = tape_take(tape, rows * sizeof *target);
    int32_t *label = tape_take(tape, rows * sizeof *label);
    if (!source || !target || !label) return NULL;
    for (size_t r = 0; r < rows; r++) {
        const size_t first = r - r % (size_t)n;
        source[r] = id_of(p, first + (size_t)p->given[r]);
        label[r] = id_of(p, r);
        target[r] = r == first ? BEGIN : label[r - 1];
    }
    Value *states = transformer_encode(t->softmax, tape, source, b, p->offsets);
    Value *logits = transformer_decode(t->softmax, tape, target, b, p->offsets,
                                       &(TransformerMemory){states, p->offsets});
    return nn_cross_entropy_ids(tape, logits, label, right, NULL);
}

static Value *loss_of(const Trainee *t, Tape *tape, const Q5Batch *batch, const Q5Packed *p,
                      int *right) {
    if (t->pointer)
        return reorderer_loss(t->pointer, tape,
                              &(ReorderBatch){batch->count, p->offsets, p->words, p->features},
                              right);
    if (t->lstm)
        return pointer_lstm_loss(
            t->lstm, tape,
            &(PointerLstmBatch){batch->count, batch->length, p->words, p->features, p->given},
            right);
    return softmax_loss(t, tape, batch, p, right);
}

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    const Trainee *t = context;
    const Q5Batch *batch = &t->train.batch[example[0]];
    Q5Packed packed;
    int right = 0;
    (void)count; /* one: a batch is an example */
    STATUS_TRY(
        pack(t, tape->arena, t->plan->sentences.train.set, batch, tape->step << 32, &packed));
    *out = loss_of(t, tape, batch, &packed, &right);
    *counted = (TrainCount){right, (double)batch->count * batch->length};
    grid_progress(t->record, .9 * (double)tape->step / t->plan->steps);
    return tape_status(tape);
}

static Status evaluate(void *context, Arena *arena, double *score) {
    const Trainee *t = context;
    double sum = 0, hits = 0, words = 0;
    for (size_t i = 0; i < t->dev.count; i++) {
        const Q5Batch *batch = &t->dev.batch[i];
        const size_t mark = arena_mark(arena);
        const double rows = (double)batch->count * batch->length;
        Tape tape;
        Q5Packed packed;
        int right = 0;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        STATUS_TRY(pack(t, arena, t->plan->sentences.dev.set, batch, 0, &packed));
        const Value *mean = loss_of(t, &tape, batch, &packed, &right);
        STATUS_TRY(tape_status(&tape));
        sum += (double)mean->data[0] * rows, hits += right, words += rows;
        arena_rewind(arena, mark);
    }
    score[0] = sum / words, score[1] = hits / words;
    return STATUS_OK;
}

/* --- answers -------------------------------------------------------------------------------------
 */

/* Greedily, as many words as there are given; a word that the vocabulary lacks cannot be written.
 */
static Status answer_softmax(const Trainee *t, Arena *arena, const Q5Batch *batch,
                             const Q5Packed *p, uint32_t *answer) {
    const int b = batch->count, n = batch->length, v = t->plan->softmax.classes;
    int32_t *source = arena_take(arena, (size_t)(b * n) * sizeof *source);
    int32_t *last = arena_take(arena, (size_t)b * sizeof *last);
    float *logits = arena_take(arena, (size_t)b * (size_t)v * sizeof *logits);
    Tape tape;
    TransformerCache *cache;
    if (!source || !last || !logits) return STATUS_MEMORY;
    for (int r = 0; r < b * n; r++) source[r] = id_of(p, (size_t)(r - r % n + p->given[r]));
    for (int s = 0; s < b; s++) last[s] = BEGIN;
    tape_open(&tape, arena, TAPE_INFER, 0, 0);
    Value *states = transformer_encode(t->softmax, &tape, source, b, p->offsets);
    STATUS_TRY(tape_status(&tape));
    STATUS_TRY(
        transformer_cache_open(&cache, t->softmax, b, n, &(TransformerMemory){states, p->offsets}));
    Status status = STATUS_OK;
    for (int step = 0; status == STATUS_OK && step < n; step++) {
        status = transformer_cache_step(cache, last, logits);
        for (int s = 0; status == STATUS_OK && s < b; s++) {
            const float *z = logits + (size_t)s * (size_t)v;
            int best = 0;
            for (int c = 1; c < v; c++)
                if (z[c] > z[best]) best = c;
            last[s] = best;
            answer[s * n + step] = best >= FIRST ? (uint32_t)(best - FIRST) : REORDER_NONE;
        }
    }
    transformer_cache_close(cache);
    return status;
}

/* The words as they are given: a bag, of which the LSTM's answer depends on its order. */
static Status take_bag(Arena *arena, const Q5Batch *batch, const Q5Packed *p, ReorderBatch *out) {
    const size_t rows = (size_t)(batch->count * batch->length);
    uint32_t *words = arena_take(arena, rows * sizeof *words);
    int32_t *features = arena_take(arena, rows * REORDERER_FEATURES * sizeof *features);
    if (!words || !features) return STATUS_MEMORY;
    for (size_t r = 0; r < rows; r++) {
        const size_t from = r - r % (size_t)batch->length + (size_t)p->given[r];
        words[r] = p->words[from];
        memcpy(features + r * REORDERER_FEATURES, p->features + from * REORDERER_FEATURES,
               REORDERER_FEATURES * sizeof *features);
    }
    *out = (ReorderBatch){batch->count, p->offsets, words, features};
    return STATUS_OK;
}

static Status answer_batch(const Trainee *t, Arena *arena, const Q5Batch *batch, const Q5Packed *p,
                           uint32_t *answer) {
    const int rows = batch->count * batch->length;
    const ReordererSearch greedy = {.beam = 1};
    int *order = arena_take(arena, (size_t)rows * sizeof *order);
    ReorderBatch bag;
    if (!order) return STATUS_MEMORY;
    if (t->softmax) return answer_softmax(t, arena, batch, p, answer);
    STATUS_TRY(take_bag(arena, batch, p, &bag));
    STATUS_TRY(t->pointer ? reorderer_search(t->pointer, arena, &bag, &greedy, order, NULL)
                          : pointer_lstm_search(t->lstm, arena, &bag, &greedy, order, NULL));
    for (int r = 0; r < rows; r++) answer[r] = bag.words[r - r % batch->length + order[r]];
    return STATUS_OK;
}

static int compare_ids(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int same_words(const uint32_t *truth, const uint32_t *answer, int n) {
    uint32_t a[REORDERER_WORDS_MAX], b[REORDERER_WORDS_MAX];
    memcpy(a, truth, (size_t)n * sizeof *a), memcpy(b, answer, (size_t)n * sizeof *b);
    qsort(a, (size_t)n, sizeof *a, compare_ids), qsort(b, (size_t)n, sizeof *b, compare_ids);
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static Status write_answers(const Trainee *t, const Q5Batch *batch, const uint32_t *truth,
                            const uint32_t *answer) {
    const int n = batch->length;
    for (int s = 0; s < batch->count; s++) {
        OrderScore o;
        STATUS_TRY(order_score(truth + s * n, n, answer + s * n, n, &o));
        grid_row(t->record, "answers",
                 "%u\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.9g\t%.9g\t%.9g",
                 (unsigned)batch->sentence[s], same_words(truth + s * n, answer + s * n, n),
                 o.length, o.answer_length, o.matches[0], o.matches[1], o.matches[2], o.matches[3],
                 o.grams[0], o.grams[1], o.grams[2], o.grams[3], o.exact, (double)o.tau,
                 (double)o.position, (double)o.substring);
    }
    return STATUS_OK;
}

static Status answer_all(const Trainee *t, Arena *arena) {
    const Q5Part *part = &t->plan->sentences.test;
    Q5Batches batches;
    STATUS_TRY(q5_batches_open(&batches, part, 64, 1));
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < batches.count; i++) {
        const Q5Batch *batch = &batches.batch[i];
        Q5Packed packed;
        arena_rewind(arena, 0);
        uint32_t *answer =
            arena_take(arena, (size_t)(batch->count * batch->length) * sizeof *answer);
        status = answer ? pack(t, arena, part->set, batch, 0, &packed) : STATUS_MEMORY;
        if (status == STATUS_OK) status = answer_batch(t, arena, batch, &packed, answer);
        if (status == STATUS_OK) status = write_answers(t, batch, packed.words, answer);
    }
    q5_batches_close(&batches);
    return status;
}

/* --- the cell
 * ------------------------------------------------------------------------------------- */

static Status train(Trainee *t) {
    const ComparePlan *plan = t->plan;
    TrainLog *log;
    const TrainTask task = {.name = compare_slug[t->system],
                            .parameters = parameters(t),
                            .examples = t->train.count,
                            .context = t,
                            .loss = loss,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 0,
                            .select_least = 1};
    TrainPlan how = train_plan_default();
    how.steps = (uint64_t)plan->steps;
    how.batch = 1, how.pool = 1;
    how.rate = plan->rate;
    how.beta2 = .99;
    how.seed = t->seed;
    how.evaluations_per_epoch = 8;
    how.checkpoint = grid_checkpoint(t->record);
    how.checkpoint_seconds = 60;
    STATUS_TRY(train_run(&task, &how, &log));
    grid_log(t->record, &task, &how, log, 0, 1, 60);
    grid_row(t->record, "cost", "%zu\t%.6g\t%.9g\t%.9g", parameters_count(parameters(t)),
             log->seconds, log->evaluation[log->best].score[0],
             log->evaluation[log->best].score[1]);
    train_log_free(log);
    return STATUS_OK;
}

Status compare_run(void *context, size_t cell, GridRecord *record) {
    const ComparePlan *plan = context;
    Arena arena = {0};
    Trainee t = {.plan = plan,
                 .system = compare_system(cell),
                 .seed = (uint64_t)compare_seed(plan, cell),
                 .record = record};
    Status status = q5_batches_open(&t.train, &plan->sentences.train, plan->batch, t.seed);
    if (status == STATUS_OK) status = q5_batches_open(&t.dev, &plan->sentences.dev, 200, 1);
    if (status == STATUS_OK) status = open_model(&t);
    if (status == STATUS_OK) status = train(&t);
    if (status == STATUS_OK) status = arena_open(&arena, 0);
    if (status == STATUS_OK) status = answer_all(&t, &arena);
    if (arena.base) arena_close(&arena);
    reorderer_close(t.pointer), pointer_lstm_close(t.lstm), transformer_close(t.softmax);
    q5_batches_close(&t.train), q5_batches_close(&t.dev);
    return status;
}
