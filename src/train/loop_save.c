/* Checkpoints of the training loop: which numbers make up a run, and which plan they belong to. */
#include "base/clock.h"
#include "base/threads.h"
#include "store/checkpoint.h"
#include "train/loop_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND "training"

_Static_assert(sizeof(TrainBatch) == 5 * sizeof(float), "a batch of the log is a row of a tensor");

/* --- the plan, as lines that can be compared ------------------------------------------------ */

typedef struct {
    const char *key, *what;
    char text[192];
} PlanLine;

#define PLAN_LINES 24

static uint64_t hash_lengths(const TrainTask *task) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; task->length && i < task->examples; i++)
        hash = (hash ^ (unsigned)task->length[i]) * 1099511628211u;
    return hash;
}

static void add_text(PlanLine *line, size_t *count, const char *key, const char *what,
                     const char *text) {
    PlanLine *next = &line[(*count)++];
    next->key = key;
    next->what = what;
    snprintf(next->text, sizeof next->text, "%s", text);
}

static void add_whole(PlanLine *line, size_t *count, const char *key, const char *what,
                      uint64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    add_text(line, count, key, what, text);
}

static void add_number(PlanLine *line, size_t *count, const char *key, const char *what,
                       double number) {
    char text[CHECKPOINT_NUMBER];
    add_text(line, count, key, what, checkpoint_number_text(text, number));
}

/* Everything that the bits of a run depend on, but for code, data and threads. */
static size_t describe(const TrainRun *run, PlanLine line[PLAN_LINES]) {
    static const char *const schedules[] = {"constant", "linear", "cosine", "hold"};
    const TrainTask *task = run->task;
    const TrainPlan *plan = run->plan;
    size_t n = 0;
    add_text(line, &n, "task", "the task", task->name);
    add_whole(line, &n, "parameters", "the number of parameters", parameters_count(run->set));
    add_whole(line, &n, "examples", "the number of training examples", task->examples);
    add_whole(line, &n, "lengths", "the hash of the examples' lengths", hash_lengths(task));
    add_whole(line, &n, "seed", "the seed", plan->seed);
    if (plan->schedule == SCHEDULE_HOLD) /* its end: check_end */
        add_whole(line, &n, "rise", "the steps of rising rate", plan->rise);
    else
        add_whole(line, &n, "steps", "the number of steps", run->log->planned_steps);
    add_whole(line, &n, "batch", "the batch size", plan->batch);
    add_whole(line, &n, "micro_batches", "the number of micro-batches", plan->micro_batches);
    add_whole(line, &n, "pool", "the pool of batches grouped by length", plan->pool);
    add_number(line, &n, "rate", "the learning rate", plan->rate);
    add_text(line, &n, "schedule", "the schedule", schedules[plan->schedule]);
    add_number(line, &n, "warmup", "the share of warm-up", plan->warmup);
    add_number(line, &n, "beta1", "beta1", plan->beta1);
    add_number(line, &n, "beta2", "beta2", plan->beta2);
    add_number(line, &n, "epsilon", "epsilon", plan->epsilon);
    add_number(line, &n, "decay", "the weight decay", plan->decay);
    add_number(line, &n, "layer_decay", "the layer decay", plan->layer_decay);
    add_number(line, &n, "clip", "the clipping norm", plan->clip);
    add_number(line, &n, "average", "the decay of the moving average", plan->average);
    add_whole(line, &n, "evaluations_per_epoch", "the number of evaluations an epoch",
              (uint64_t)plan->evaluations_per_epoch);
    add_whole(line, &n, "keep_best", "whether the best weights are kept", run->best != NULL);
    add_whole(line, &n, "scores", "the number of scores", (uint64_t)task->scores);
    add_whole(line, &n, "select", "the score that chooses", (uint64_t)task->select);
    add_whole(line, &n, "select_least", "whether the least score is best",
              (uint64_t)(task->select_least != 0));
    return n;
}

/* --- tensors -------------------------------------------------------------------------------- */

typedef enum { VALUE, FIRST, SECOND, BEST, AVERAGE, GROUPS } Group;

static const char *const group_names[GROUPS] = {"value", "first", "second", "best", "average"};

/* The numbers of parameter `index` in a group; NULL when the run does not keep that group. */
static float *group_data(const TrainRun *run, Group group, size_t index) {
    switch (group) {
    case VALUE:
        return run->set->item[index]->value;
    case FIRST:
        return adamw_first_moment(run->adamw, index);
    case SECOND:
        return adamw_second_moment(run->adamw, index);
    case BEST:
        return run->best ? run->best[index] : NULL;
    case AVERAGE:
        return run->average ? run->average[index] : NULL;
    case GROUPS:
        break;
    }
    return NULL;
}

#define NAME_MAX_BYTES (PARAMETER_NAME_MAX + 16)

static void group_name(char name[NAME_MAX_BYTES], Group group, const Parameter *parameter) {
    snprintf(name, NAME_MAX_BYTES, "%s.%s", group_names[group], parameter->name);
}

/* The best weights, right after the evaluation that found them, are the present ones: an eighth to
 * a quarter of the file that need not be written. */
static int best_is_present(const TrainRun *run) {
    const TrainLog *log = run->log;
    return log->evaluations > 0 && log->evaluation[log->best].step == log->steps;
}

/* --- writing -------------------------------------------------------------------------------- */

static void note_evaluation(Checkpoint *checkpoint, const TrainRun *run, size_t index) {
    const TrainEvaluation *e = &run->log->evaluation[index];
    char key[48], text[(TRAIN_SCORES_MAX + 3) * CHECKPOINT_NUMBER], number[CHECKPOINT_NUMBER];
    int used = snprintf(text, sizeof text, "%llu %.17g %.17g", (unsigned long long)e->step,
                        e->training_loss, e->training_accuracy);
    for (int s = 0; s < run->task->scores; s++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %s",
                         checkpoint_number_text(number, e->score[s]));
    snprintf(key, sizeof key, "evaluation.%zu", index);
    checkpoint_note(checkpoint, key, "%s", text);
}

static void note_position(Checkpoint *checkpoint, const TrainRun *run) {
    const TrainLog *log = run->log;
    PlanLine line[PLAN_LINES];
    char key[64];
    for (size_t i = 0, lines = describe(run, line); i < lines; i++) {
        snprintf(key, sizeof key, "plan.%s", line[i].key);
        checkpoint_note(checkpoint, key, "%s", line[i].text);
    }
    if (run->plan->schedule == SCHEDULE_HOLD) {
        checkpoint_note(checkpoint, "end.steps", "%llu", (unsigned long long)log->planned_steps);
        checkpoint_note(checkpoint, "end.fall", "%llu", (unsigned long long)run->plan->fall);
    }
    size_t per_epoch = batches_per_epoch(run->batches);
    checkpoint_note(checkpoint, "step", "%llu", (unsigned long long)log->steps);
    checkpoint_note(checkpoint, "epoch", "%llu", (unsigned long long)(log->steps / per_epoch));
    checkpoint_note(checkpoint, "batch_of_epoch", "%llu",
                    (unsigned long long)(log->steps % per_epoch));
    checkpoint_note(checkpoint, "threads", "%d", threads_count());
    checkpoint_note_number(checkpoint, "seconds", log->seconds);
    checkpoint_note(checkpoint, "best", "%zu", log->best);
    checkpoint_note(checkpoint, "best_is_present", "%d", best_is_present(run));
    checkpoint_note(checkpoint, "evaluations", "%zu", log->evaluations);
    for (size_t i = 0; i < log->evaluations; i++) note_evaluation(checkpoint, run, i);
}

Status train_save(TrainRun *run) {
    if (!run->plan->checkpoint) return STATUS_OK;
    Checkpoint *checkpoint;
    STATUS_TRY(adamw_settle(run->adamw));
    STATUS_TRY(checkpoint_create(&checkpoint, KIND));
    note_position(checkpoint, run);
    for (Group group = VALUE; group < GROUPS; group++) {
        if (group == BEST && (run->log->evaluations == 0 || best_is_present(run))) continue;
        for (size_t i = 0; i < run->set->count; i++) {
            const Parameter *p = run->set->item[i];
            const float *data = group_data(run, group, i);
            char name[NAME_MAX_BYTES];
            group_name(name, group, p);
            if (data) checkpoint_add(checkpoint, name, p->rank, p->shape, data);
        }
    }
    checkpoint_add(checkpoint, "log.batch", 2, (size_t[]){(size_t)run->log->steps, 5},
                   &run->log->batch[0].loss);
    Status status = checkpoint_write(checkpoint, run->plan->checkpoint);
    checkpoint_close(checkpoint);
    run->saved_step = run->log->steps;
    run->saved_seconds = clock_seconds();
    return status == STATUS_OK ? status : status_prefix(status, "%s", run->task->name);
}

/* --- reading -------------------------------------------------------------------------------- */

static Status check_plan(const TrainRun *run, const Checkpoint *checkpoint) {
    PlanLine line[PLAN_LINES];
    char key[64];
    for (size_t i = 0, lines = describe(run, line); i < lines; i++) {
        snprintf(key, sizeof key, "plan.%s", line[i].key);
        STATUS_TRY(checkpoint_expect(checkpoint, key, line[i].what, line[i].text));
    }
    return STATUS_OK;
}

static Status out_of_range(const TrainRun *run, const char *what, uint64_t found, uint64_t most) {
    return status_fail(STATUS_FORMAT, "%s: %s %llu; expected at most %llu", run->plan->checkpoint,
                       what, (unsigned long long)found, (unsigned long long)most);
}

/* A rate that has begun to fall, in the run that was kept or in the one that goes on, belongs to
 * one end. */
static Status check_end(const TrainRun *run, const Checkpoint *checkpoint) {
    uint64_t steps, fall;
    const uint64_t planned = run->log->planned_steps, done = run->log->steps;
    if (run->plan->schedule != SCHEDULE_HOLD) return STATUS_OK;
    STATUS_TRY(checkpoint_whole(checkpoint, "end.steps", &steps));
    STATUS_TRY(checkpoint_whole(checkpoint, "end.fall", &fall));
    if (steps == planned && fall == run->plan->fall) return STATUS_OK;
    if (fall <= steps && done <= steps - fall && done + run->plan->fall <= planned)
        return STATUS_OK;
    return status_fail(STATUS_FORMAT,
                       "%s: the rate falls over the last %llu of %llu steps there, over %llu of "
                       "%llu here; at step %llu that can no longer be changed",
                       run->plan->checkpoint, (unsigned long long)fall, (unsigned long long)steps,
                       (unsigned long long)run->plan->fall, (unsigned long long)planned,
                       (unsigned long long)done);
}

static Status read_evaluation(TrainRun *run, const Checkpoint *checkpoint, size_t index) {
    TrainEvaluation *e = &run->log->evaluation[index];
    char key[48];
    snprintf(key, sizeof key, "evaluation.%zu", index);
    const char *at = checkpoint_text(checkpoint, key);
    char *end = NULL;
    int fields = 0;
    if (at) {
        e->step = strtoull(at, &end, 10);
        fields = end != at;
        double *into[2 + TRAIN_SCORES_MAX] = {&e->training_loss, &e->training_accuracy};
        for (int s = 0; s < run->task->scores; s++) into[2 + s] = &e->score[s];
        for (int k = 0; fields == k + 1 && k < 2 + run->task->scores; k++) {
            at = end;
            *into[k] = strtod(at, &end);
            fields += end != at;
        }
    }
    if (fields == 3 + run->task->scores && *end == 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: '%s' has %d numbers; expected %d", run->plan->checkpoint,
                       key, fields, 3 + run->task->scores);
}

static Status read_position(TrainRun *run, const Checkpoint *checkpoint, size_t room) {
    TrainLog *log = run->log;
    uint64_t evaluations, best;
    STATUS_TRY(checkpoint_whole(checkpoint, "step", &log->steps));
    STATUS_TRY(checkpoint_number(checkpoint, "seconds", &log->seconds));
    STATUS_TRY(checkpoint_whole(checkpoint, "evaluations", &evaluations));
    STATUS_TRY(checkpoint_whole(checkpoint, "best", &best));
    if (log->steps > log->planned_steps)
        return out_of_range(run, "step", log->steps, log->planned_steps);
    STATUS_TRY(check_end(run, checkpoint));
    if (evaluations > room) return out_of_range(run, "evaluations", evaluations, room);
    if (best > evaluations) return out_of_range(run, "best evaluation", best, evaluations);
    log->evaluations = (size_t)evaluations;
    log->best = (size_t)best;
    for (size_t i = 0; i < log->evaluations; i++) STATUS_TRY(read_evaluation(run, checkpoint, i));
    return checkpoint_load(checkpoint, "log.batch", 2, (size_t[]){(size_t)log->steps, 5},
                           &log->batch[0].loss);
}

/* Calls `use` for every tensor that the run needs. Right after its evaluation the best weights are
 * those that were evaluated: the values, or their average. */
static Status each_tensor(TrainRun *run, const Checkpoint *checkpoint, int load) {
    for (Group group = VALUE; group < GROUPS; group++) {
        Group source = group;
        if (group == BEST && run->log->evaluations == 0) continue;
        if (group == BEST && best_is_present(run)) source = run->average ? AVERAGE : VALUE;
        for (size_t i = 0; i < run->set->count; i++) {
            const Parameter *p = run->set->item[i];
            float *data = group_data(run, group, i);
            char name[NAME_MAX_BYTES];
            if (!data) continue;
            group_name(name, source, p);
            STATUS_TRY(load ? checkpoint_load(checkpoint, name, p->rank, p->shape, data)
                            : checkpoint_check(checkpoint, name, p->rank, p->shape));
        }
    }
    return STATUS_OK;
}

static Status read_all(TrainRun *run, const Checkpoint *checkpoint, size_t room) {
    STATUS_TRY(check_plan(run, checkpoint));
    STATUS_TRY(read_position(run, checkpoint, room));
    STATUS_TRY(each_tensor(run, checkpoint, 0)); /* nothing of the model changes before all fits */
    STATUS_TRY(each_tensor(run, checkpoint, 1));
    return adamw_restore_steps(run->adamw, run->log->steps);
}

Status train_resume(TrainRun *run, size_t room) {
    const char *path = run->plan->checkpoint;
    if (!path || !checkpoint_exists(path)) return STATUS_OK;
    Checkpoint *checkpoint;
    Status status = checkpoint_open(&checkpoint, path, KIND);
    if (status == STATUS_OK) status = read_all(run, checkpoint, room);
    if (status != STATUS_OK) status_prefix(status, "%s: cannot continue", run->task->name);
    checkpoint_close(checkpoint);
    run->saved_step = run->log->resumed_at = run->log->steps;
    return status;
}
