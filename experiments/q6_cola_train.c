#include "q6_cola.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "metric/classification.h"
#include "model/bert_weights.h"
#include "nn/loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sentences that are answered in one forward pass, and their tokens at most. */
#define ANSWER_SENTENCES 128
#define ANSWER_TOKENS    2048

Status q6_pack(Arena *arena, const Q6Sentences *split, const uint32_t *example, size_t first,
               size_t count, BertBatch *batch, uint8_t **labels) {
    size_t tokens = 0;
    for (size_t i = 0; i < count; i++)
        tokens += (size_t)split->length[example ? example[i] : first + i];
    int *offsets = arena_take(arena, (count + 1) * sizeof *offsets);
    int32_t *ids = arena_take(arena, tokens * sizeof *ids);
    *labels = arena_take(arena, count);
    if (!offsets || !ids || !*labels) return STATUS_MEMORY;
    offsets[0] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = example ? example[i] : first + i;
        memcpy(ids + offsets[i], split->ids + split->start[k],
               (size_t)split->length[k] * sizeof *ids);
        offsets[i + 1] = offsets[i] + split->length[k];
        (*labels)[i] = split->label[k];
    }
    *batch = (BertBatch){.sequences = (int)count, .offsets = offsets, .ids = ids};
    return STATUS_OK;
}

/* `progress`, where not NULL, is told of tokens beyond `before` under the split's `name`, and
 * Ctrl-C is then answered. */
static Status answer(Bert *bert, Arena *arena, const Q6Sentences *split, float *margin,
                     Progress *progress, const char *name, size_t before) {
    for (size_t first = 0; first < split->count;) {
        if (progress) {
            if (interrupt_requested())
                return status_fail(STATUS_INTERRUPTED,
                                   "stopped after training, while sentences were answered; start "
                                   "it again with the same arguments to continue");
            progress_step(progress, (double)(before + split->start[first]), name);
        }
        size_t count = 0;
        int tokens = 0;
        while (first + count < split->count && count < ANSWER_SENTENCES &&
               (count == 0 || tokens + split->length[first + count] <= ANSWER_TOKENS))
            tokens += split->length[first + count++];
        size_t mark = arena_mark(arena);
        Tape tape;
        BertBatch batch;
        uint8_t *labels;
        tape_open(&tape, arena, TAPE_INFER, 0, 0);
        STATUS_TRY(q6_pack(arena, split, NULL, first, count, &batch, &labels));
        const Value *logits = bert_classify(bert, &tape, &batch, NULL);
        STATUS_TRY(tape_status(&tape));
        for (size_t i = 0; i < count; i++)
            margin[first + i] = logits->data[2 * i + 1] - logits->data[2 * i];
        arena_rewind(arena, mark);
        first += count;
    }
    return STATUS_OK;
}

Status q6_answer(Bert *bert, Arena *arena, const Q6Sentences *split, float *margin) {
    return answer(bert, arena, split, margin, NULL, NULL, 0);
}

void q6_score(const uint8_t *label, const float *margin, size_t count, double *score) {
    Confusion matrix = {.classes = 2};
    double loss = 0;
    for (size_t i = 0; i < count; i++) {
        double against = label[i] ? -margin[i] : margin[i]; /* -log of the label's probability */
        loss += against > 0 ? against + log1p(exp(-against)) : log1p(exp(against));
        matrix.count[label[i]][margin[i] > 0]++;
    }
    score[Q6_SCORE_LOSS] = loss / (double)count;
    score[Q6_SCORE_ACCURACY] = classification_accuracy(&matrix);
    score[Q6_SCORE_MCC] = classification_mcc_binary(matrix.count[1][1], matrix.count[0][1],
                                                    matrix.count[1][0], matrix.count[0][0]);
    score[Q6_SCORE_F1] = classification_f1(&matrix, 1);
}

/* --- one seed -------------------------------------------------------------------------------- */

typedef struct {
    const Q6Plan *plan;
    const Q6Data *data;
    Bert *bert;
    float *margin; /* [validation] */
    int seed;
    uint64_t step; /* of the batch before the present evaluation, from 1 */
} Training;

static Status loss(void *context, Tape *tape, const uint32_t *example, size_t count, Value **out,
                   TrainCount *counted) {
    Training *t = context;
    BertBatch batch;
    uint8_t *labels;
    int right = 0;
    t->step = tape->step + 1;
    STATUS_TRY(q6_pack(tape->arena, &t->data->split[Q6_TRAIN], example, 0, count, &batch, &labels));
    Value *logits = bert_classify(t->bert, tape, &batch, NULL);
    *out = nn_cross_entropy(tape, logits, labels, &right);
    *counted = (TrainCount){right, (double)count};
    return tape_status(tape);
}

static Status evaluate(void *context, Arena *arena, double *score) {
    Training *t = context;
    const Q6Sentences *split = &t->data->split[Q6_VALIDATION];
    STATUS_TRY(q6_answer(t->bert, arena, split, t->margin));
    q6_score(split->label, t->margin, split->count, score);
    q6_print_evaluation(t->plan, t->seed, (double)t->step / q6_steps_per_epoch(t->plan, t->data),
                        score);
    return STATUS_OK;
}

static Status keep_log(const TrainLog *log, Q6Seed *out) {
    out->batches = (size_t)log->steps;
    out->evaluations = log->evaluations;
    out->seconds = log->seconds;
    out->batch = malloc((out->batches + 1) * sizeof *out->batch);
    out->evaluation = malloc((out->evaluations + 1) * sizeof *out->evaluation);
    if (!out->batch || !out->evaluation) return status_fail(STATUS_MEMORY, "no memory for a log");
    memcpy(out->batch, log->batch, out->batches * sizeof *out->batch);
    memcpy(out->evaluation, log->evaluation, out->evaluations * sizeof *out->evaluation);
    return STATUS_OK;
}

static Status answer_all(Training *t, Q6Seed *out) {
    Arena arena;
    Progress progress;
    char name[128];
    size_t tokens = 0, before = 0;
    for (int s = 0; s < Q6_SPLITS; s++) tokens += t->data->split[s].tokens;
    snprintf(name, sizeof name, "q6 %s seed %d: answering every split", t->plan->label, t->seed);
    STATUS_TRY(arena_open(&arena, 0));
    progress_begin(&progress, stderr, name, (double)tokens);
    Status status = STATUS_OK;
    for (int s = 0; status == STATUS_OK && s < Q6_SPLITS; s++) {
        const Q6Sentences *split = &t->data->split[s];
        out->count[s] = split->count;
        out->margin[s] = malloc((split->count + 1) * sizeof *out->margin[s]);
        if (!out->margin[s])
            status = status_fail(STATUS_MEMORY, "no memory for %zu answers", split->count);
        else
            status =
                answer(t->bert, &arena, split, out->margin[s], &progress, q6_split_name(s), before);
        before += split->tokens;
    }
    if (status == STATUS_OK)
        progress_end(&progress);
    else if (progress.terminal)
        fputc('\n', stderr);
    arena_close(&arena);
    return status;
}

static TrainPlan training_plan(const Q6Plan *plan, int seed, const char *checkpoint) {
    TrainPlan p = train_plan_default();
    p.epochs = plan->epochs;
    p.batch = (size_t)plan->batch;
    p.pool = (size_t)plan->pool;
    p.rate = plan->rate;
    p.warmup = plan->warmup;
    p.decay = plan->weight_decay;
    p.layer_decay = plan->layer_decay;
    p.average = plan->average;
    p.seed = (uint64_t)seed;
    p.evaluations_per_epoch = plan->evaluations_per_epoch;
    p.keep_best = !plan->keep_last;
    p.checkpoint = checkpoint;
    p.progress = stderr;
    return p;
}

static Status train(Training *t, const char *checkpoint, const char *export_folder, Q6Seed *out) {
    static const int scores[] = {[Q6_SELECT_MCC] = Q6_SCORE_MCC,
                                 [Q6_SELECT_ACCURACY] = Q6_SCORE_ACCURACY,
                                 [Q6_SELECT_LOSS] = Q6_SCORE_LOSS};
    char name[128];
    snprintf(name, sizeof name, "q6 %s seed %d", t->plan->label, t->seed);
    const TrainTask task = {.name = name,
                            .parameters = &t->bert->parameters,
                            .examples = t->data->split[Q6_TRAIN].count,
                            .length = t->data->split[Q6_TRAIN].length,
                            .context = t,
                            .loss = loss,
                            .evaluate = evaluate,
                            .scores = Q6_SCORES,
                            .score_names = {"loss", "accuracy", "MCC", "F1"},
                            .select = scores[t->plan->select],
                            .select_least = t->plan->select == Q6_SELECT_LOSS};
    const TrainPlan plan = training_plan(t->plan, t->seed, checkpoint);
    TrainLog *log;
    STATUS_TRY(train_run(&task, &plan, &log));
    Status status = keep_log(log, out);
    out->chosen = t->plan->keep_last ? log->evaluations - 1 : log->best;
    train_log_free(log);
    if (status == STATUS_OK && export_folder) {
        snprintf(out->exported, sizeof out->exported, "%s", export_folder);
        status = bert_weights_export(t->bert, export_folder);
    }
    return status == STATUS_OK ? answer_all(t, out) : status;
}

Status q6_train_seed(const Q6Plan *plan, const Q6Data *data, int seed, const char *checkpoint,
                     const char *export_folder, Q6Seed *out) {
    *out = (Q6Seed){.seed = seed};
    Training t = {.plan = plan, .data = data, .seed = seed};
    const BertOptions options = {.labels = 2,
                                 .seed = (uint64_t)seed,
                                 .random_weights = plan->random_weights,
                                 .precision = (Precision)plan->precision};
    STATUS_TRY(bert_open(&t.bert, plan->model, &options));
    if (plan->dropout >= 0)
        t.bert->config.hidden_dropout = t.bert->config.attention_dropout =
            t.bert->config.classifier_dropout = (float)plan->dropout;
    t.margin = malloc((data->split[Q6_VALIDATION].count + 1) * sizeof *t.margin);
    Status status = t.margin ? train(&t, checkpoint, export_folder, out)
                             : status_fail(STATUS_MEMORY, "no memory for validation");
    free(t.margin);
    bert_close(t.bert);
    if (status != STATUS_OK) q6_seed_free(out);
    return status;
}

double q6_parameters(const BertConfig *c) {
    double d = c->width, f = c->feed_forward;
    double layer = 4 * d * d + 2 * d * f + 9 * d + f;
    double tables = d * (c->vocabulary + c->positions + c->types) + 2 * d;
    double relative = (double)c->relative_buckets * c->heads;
    double classifier = d * d + d + 2 * d + 2;
    return tables + relative + c->layers * layer + classifier;
}

void q6_seed_free(Q6Seed *seed) {
    free(seed->batch);
    free(seed->evaluation);
    for (int s = 0; s < Q6_SPLITS; s++) free(seed->margin[s]);
    *seed = (Q6Seed){0};
}
