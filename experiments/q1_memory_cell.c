#include "base/rng.h"
#include "nn/loss.h"
#include "q1_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which cells there are ------------------------------------------------------------------- */

size_t memory_cells(const MemoryPlan *plan) {
    return (size_t)plan->kinds * (size_t)plan->lags * (size_t)plan->seeds * (size_t)plan->rates;
}

MemoryCell memory_cell_at(const MemoryPlan *plan, size_t cell) {
    MemoryCell found;
    size_t rate = cell % (size_t)plan->rates;
    cell /= (size_t)plan->rates;
    found.seed = plan->seed[cell % (size_t)plan->seeds];
    cell /= (size_t)plan->seeds;
    found.lag = plan->lag[cell % (size_t)plan->lags];
    found.kind = (MemoryKind)plan->kind[cell / (size_t)plan->lags];
    found.rate = plan->rate[found.kind][rate];
    return found;
}

void memory_cell_name(void *context, size_t cell, char *name, size_t size) {
    MemoryCell c = memory_cell_at(context, cell);
    snprintf(name, size, "%s.lag%d.seed%d.rate%g", memory_kind_slug[c.kind], c.lag, c.seed, c.rate);
}

/* Milliseconds of a step of 8 sequences, one thread of Zen 4: in proportion to the length, and for
 * attention to its square. */
double memory_cell_cost(void *context, size_t cell) {
    static const double per_word[MEMORY_KINDS] = {5.2, 7, 4.8, 4.8, 4.8, 11, 11.5, 11.5, 7};
    const MemoryPlan *plan = context;
    MemoryCell c = memory_cell_at(plan, cell);
    double words = c.lag + 1, cost = .05 + 1e-3 * words * per_word[c.kind];
    if (c.kind == MEMORY_TRANSFORMER) cost += 1e-4 * words * words;
    return cost * plan->steps;
}

int memory_distance(MemoryKind kind, int lag) {
    return kind == MEMORY_ENDS ? 0 : kind == MEMORY_MIDDLE ? lag / 2 : lag;
}

MemoryConfig memory_config(const MemoryPlan *plan, MemoryKind kind) {
    SyntheticTask task = memory_task(plan, 0);
    return (MemoryConfig){.kind = kind,
                          .vocabulary = synthetic_vocabulary(&task),
                          .classes = plan->alphabet,
                          .embedding = plan->embedding,
                          .parameters = plan->parameters,
                          .lag = plan->lag[plan->lags - 1]};
}

SyntheticTask memory_task(const MemoryPlan *plan, int seed) {
    return (SyntheticTask){.kind = SYNTHETIC_RECALL,
                           .alphabet = plan->alphabet,
                           .others = plan->others,
                           .seed = (uint64_t)seed};
}

/* --- sequences ------------------------------------------------------------------------------- */

void memory_draw(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length,
                 int place, int32_t *ids, int32_t *answer) {
    int32_t target[MEMORY_LENGTH_MAX];
    synthetic_draw(task, split, index, length, ids, target);
    *answer = target[length - 1];
    int32_t moved = ids[place];
    ids[place] = ids[0];
    ids[0] = moved;
}

typedef struct {
    const MemoryPlan *plan;
    MemoryCell cell;
    SyntheticTask task;
    MemoryModel *model;
    GridRecord *record;
    int length, place;
} Training;

/* Sequences `index[i]` (NULL: first + i) of a split, through the reader: logits [count, classes].
 * labels [count] */
static Value *answers(Training *t, Tape *tape, SyntheticSplit split, const uint32_t *index,
                      uint64_t first, int count, int32_t **labels) {
    const int n = t->length;
    int32_t *ids = tape_take(tape, (size_t)n * (size_t)count * sizeof *ids);
    int32_t *one = tape_take(tape, (size_t)n * sizeof *one);
    *labels = tape_take(tape, (size_t)count * sizeof **labels);
    if (!ids || !one || !*labels) return NULL;
    for (int b = 0; b < count; b++) {
        memory_draw(&t->task, split, index ? index[b] : first + (uint64_t)b, n, t->place, one,
                    &(*labels)[b]);
        for (int i = 0; i < n; i++) ids[memory_row(t->model, n, count, i, b)] = one[i];
    }
    MemoryPass pass = memory_forward(t->model, tape, ids, n, count);
    return memory_classify(t->model, tape, &pass);
}

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Training *t = context;
    int32_t *labels;
    int right = 0;
    grid_progress(t->record, .9 * (double)tape->step / t->plan->steps);
    Value *logits = answers(t, tape, SYNTHETIC_TRAIN, example, 0, (int)count, &labels);
    *out = nn_cross_entropy_ids(tape, logits, labels, &right, NULL);
    *counted = (TrainCount){right, (double)count};
    return tape_status(tape);
}

/* Mean loss and accuracy over the first `count` sequences of a split. */
static Status score(Training *t, Arena *arena, SyntheticSplit split, int count, double out[2]) {
    enum { AT_ONCE = 32 };
    double total = 0, right = 0;
    for (int first = 0; first < count; first += AT_ONCE) {
        const int batch = count - first < AT_ONCE ? count - first : AT_ONCE;
        const size_t mark = arena_mark(arena);
        Tape tape;
        int32_t *labels;
        int correct = 0;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        Value *logits = answers(t, &tape, split, NULL, (uint64_t)first, batch, &labels);
        const Value *mean = nn_cross_entropy_ids(&tape, logits, labels, &correct, NULL);
        STATUS_TRY(tape_status(&tape));
        total += mean->data[0] * batch;
        right += correct;
        arena_rewind(arena, mark);
    }
    out[0] = total / count;
    out[1] = right / count;
    return STATUS_OK;
}

static Status evaluate(void *context, Arena *arena, double *scores) {
    Training *t = context;
    return score(t, arena, SYNTHETIC_VALIDATION, t->plan->validation, scores);
}

/* --- Jacobians ------------------------------------------------------------------------------- */

const char *const memory_phase_name[MEMORY_PHASES] = {"before", "after"};
const char *const memory_part_name[MEMORY_PARTS] = {"forward", "backward"};

/* The norm for the word `offset` words after (below 0: before) the state at `read`. The word is one
 * that will be asked for: what a trained reader should keep. */
static Status measure(Training *t, Arena *arena, MemoryPhase phase, MemoryPart part, int read,
                      int offset) {
    const int length = t->plan->length, place = read + offset;
    double norm[MEMORY_LENGTH_MAX];
    int32_t ids[MEMORY_LENGTH_MAX], answer;
    memory_draw(&t->task, SYNTHETIC_TEST, (uint64_t)(1000000 + place), length, place, ids, &answer);
    const MemoryProbe probe = {.read = read,
                               .first = part == MEMORY_BACKWARD ? t->model->half : 0,
                               .columns = t->model->half,
                               .probes = t->plan->probes,
                               .seed = (uint64_t)t->cell.seed};
    STATUS_TRY(memory_jacobian(t->model, arena, ids, length, &probe, norm));
    grid_row(t->record, "jacobian", "%s\t%s\t%d\t%d\t%.9g", memory_phase_name[phase],
             memory_part_name[part], read == length - 1, offset, norm[place]);
    return STATUS_OK;
}

/* The state of the last word; of a bidirectional reader each half for itself. */
static Status measure_last(Training *t, Arena *arena, MemoryPhase phase) {
    const MemoryPlan *plan = t->plan;
    const int parts = t->model->width / t->model->half;
    for (int i = 0; i < plan->offsets; i++)
        for (int p = 0; p < parts; p++)
            STATUS_TRY(measure(t, arena, phase, (MemoryPart)p, plan->length - 1, -plan->offset[i]));
    return STATUS_OK;
}

/* The state in the middle, words on both sides. */
static Status measure_both_sides(Training *t, Arena *arena, MemoryPhase phase) {
    const MemoryPlan *plan = t->plan;
    const int read = plan->length / 2;
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < plan->offsets && plan->offset[i] <= read - 1; i++)
            for (int p = 0; p < MEMORY_PARTS; p++)
                STATUS_TRY(measure(t, arena, phase, (MemoryPart)p, read, side * plan->offset[i]));
    return STATUS_OK;
}

static Status measure_phase(Training *t, Arena *arena, MemoryPhase phase) {
    const MemoryPlan *plan = t->plan;
    if (plan->search) return STATUS_OK;
    /* Before training the lag makes no difference. */
    if (phase == MEMORY_BEFORE && t->cell.lag != plan->lag[0] && t->cell.kind != MEMORY_MIDDLE)
        return STATUS_OK;
    if (t->cell.kind == MEMORY_ENDS) return STATUS_OK; /* the reader of MEMORY_MIDDLE */
    if (t->cell.kind != MEMORY_MIDDLE) return measure_last(t, arena, phase);
    return t->cell.lag == plan->pair_lag ? measure_both_sides(t, arena, phase) : STATUS_OK;
}

/* --- a training ------------------------------------------------------------------------------ */

static TrainPlan plan_of(const Training *t) {
    const MemoryPlan *plan = t->plan;
    TrainPlan p = train_plan_default();
    p.steps = (uint64_t)plan->steps;
    p.batch = (size_t)plan->batch;
    p.pool = 1;
    p.rate = t->cell.rate;
    p.warmup = .05;
    p.schedule = SCHEDULE_LINEAR;
    p.decay = 0;
    p.seed = (uint64_t)t->cell.seed;
    p.evaluations_per_epoch = plan->evaluations;
    p.keep_best = 0;
    p.checkpoint = grid_checkpoint(t->record);
    p.checkpoint_seconds = 5;
    return p;
}

static Status train(Training *t, Arena *arena) {
    const MemoryPlan *plan = t->plan;
    const MemoryCell *c = &t->cell;
    char name[96];
    double scores[2];
    snprintf(name, sizeof name, "%s, lag %d, seed %d", memory_kind_slug[c->kind], c->lag, c->seed);
    const TrainTask task = {.name = name,
                            .parameters = t->model->parameters,
                            .examples = (size_t)plan->steps * (size_t)plan->batch,
                            .context = t,
                            .loss = loss,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 1};
    const TrainPlan how = plan_of(t);
    TrainLog *log;
    STATUS_TRY(train_run(&task, &how, &log));
    grid_log(t->record, &task, &how, log, 0, 1, plan->evaluations);
    train_log_free(log);
    STATUS_TRY(
        score(t, arena, plan->search ? SYNTHETIC_VALIDATION : SYNTHETIC_TEST, plan->test, scores));
    grid_row(t->record, "recall", "%zu\t%.9g\t%.9g", parameters_count(t->model->parameters),
             scores[0], scores[1]);
    return STATUS_OK;
}

Status memory_cell_run(void *context, size_t cell, GridRecord *record) {
    const MemoryPlan *plan = context;
    Training t = {.plan = plan, .cell = memory_cell_at(plan, cell), .record = record};
    t.length = t.cell.lag + 1;
    t.place = t.cell.kind == MEMORY_MIDDLE ? t.length / 2 : 0;
    t.task = memory_task(plan, t.cell.seed);
    const MemoryConfig config = memory_config(plan, t.cell.kind);
    Arena arena;
    STATUS_TRY(synthetic_check(&t.task, t.length));
    STATUS_TRY(memory_model_open(&t.model, &config, (uint64_t)t.cell.seed));
    Status status = arena_open(&arena, 0);
    if (status == STATUS_OK) {
        status = measure_phase(&t, &arena, MEMORY_BEFORE);
        if (status == STATUS_OK) status = train(&t, &arena);
        if (status == STATUS_OK) status = measure_phase(&t, &arena, MEMORY_AFTER);
        arena_close(&arena);
    }
    memory_model_close(t.model);
    return status;
}
