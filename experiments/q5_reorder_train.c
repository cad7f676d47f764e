#include "q5_reorder.h"

#include <stdio.h>
#include <stdlib.h>

/* Sentences that are scored in one pass. */
#define SCORE_SENTENCES 200

typedef struct {
    const Q5Sentences *data;
    Reorderer *model;
} Training;

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    const Training *t = context;
    const Q5Sentences *d = t->data;
    ReorderBatch batch;
    int right = 0;
    STATUS_TRY(q5_pack(tape, d, &d->train, example, 0, count, &batch));
    *out = reorderer_loss(t->model, tape, &batch, &right);
    *counted = (TrainCount){right, batch.offsets[count]};
    return tape_status(tape);
}

Status q5_loss(Reorderer *model, Arena *arena, const Q5Sentences *data, const Q5Part *part,
               double *loss_, double *accuracy) {
    double sum = 0, hits = 0, words = 0;
    for (size_t first = 0; first < part->count; first += SCORE_SENTENCES) {
        const size_t left = part->count - first;
        const size_t count = left < SCORE_SENTENCES ? left : SCORE_SENTENCES;
        const size_t mark = arena_mark(arena);
        Tape tape;
        ReorderBatch batch;
        int right = 0;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        STATUS_TRY(q5_pack(&tape, data, part, NULL, first, count, &batch));
        const Value *mean = reorderer_loss(model, &tape, &batch, &right);
        STATUS_TRY(tape_status(&tape));
        const double rows = batch.offsets[count];
        sum += (double)mean->data[0] * rows, hits += right, words += rows;
        arena_rewind(arena, mark);
    }
    *loss_ = words > 0 ? sum / words : 0;
    *accuracy = words > 0 ? hits / words : 0;
    return STATUS_OK;
}

static Status evaluate(void *context, Arena *arena, double *score) {
    const Training *t = context;
    return q5_loss(t->model, arena, t->data, &t->data->dev, &score[0], &score[1]);
}

Status q5_train(const Q5ReorderPlan *plan, const Q5Sentences *data, Reorderer *model,
                const char *checkpoint, TrainLog **log) {
    Training t = {.data = data, .model = model};
    const size_t examples = data->train.count;
    const TrainTask task = {.name = "q5 reorder",
                            .parameters = reorderer_parameters(model),
                            .examples = examples,
                            .context = &t,
                            .loss = loss,
                            .evaluate = evaluate,
                            .scores = 2,
                            .score_names = {"loss", "accuracy"},
                            .select = 0,
                            .select_least = 1};
    TrainPlan how = train_plan_default();
    how.steps = (uint64_t)plan->steps;
    how.batch = (size_t)plan->batch;
    how.pool = 1;
    how.rate = plan->rate;
    how.schedule = SCHEDULE_HOLD;
    how.rise = (uint64_t)plan->rise;
    how.fall = (uint64_t)plan->fall;
    how.decay = plan->decay;
    how.beta2 = plan->beta2;
    how.seed = (uint64_t)plan->seed;
    how.evaluations_per_epoch = plan->evaluations;
    how.checkpoint = checkpoint;
    how.checkpoint_seconds = 120;
    how.progress = stderr;
    return train_run(&task, &how, log);
}
