#define _POSIX_C_SOURCE 200809L
#include "train/loop.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "op/cpu/adamw.h"
#include "train/loop_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TrainPlan train_plan_default(void) {
    return (TrainPlan){.epochs = 1,
                       .batch = 32,
                       .micro_batches = 1,
                       .pool = 8,
                       .schedule = SCHEDULE_LINEAR,
                       .warmup = .1,
                       .beta1 = .9,
                       .beta2 = .999,
                       .epsilon = 1e-8,
                       .decay = .01,
                       .layer_decay = 1,
                       .clip = 1,
                       .evaluations_per_epoch = 1,
                       .keep_best = 1,
                       .checkpoint_seconds = 300};
}

void train_log_free(TrainLog *log) {
    if (!log) return;
    free(log->batch);
    free(log->evaluation);
    free(log);
}

/* --- what is asked -------------------------------------------------------------------------- */

static Status refuse(const TrainTask *task, const char *what, double found, const char *expected) {
    return status_fail(STATUS_ARGUMENT, "%s: %s %g; expected %s", task->name, what, found,
                       expected);
}

static Status check_plan(const TrainTask *task, const TrainPlan *plan) {
    if (!task->name || !task->parameters || !task->loss)
        return status_fail(STATUS_ARGUMENT, "training: a task needs name, parameters and loss");
    if (task->examples == 0) return refuse(task, "training examples:", 0, "at least 1");
    if (plan->epochs < 1 && plan->steps == 0)
        return refuse(task, "epochs", plan->epochs, "at least 1, or a number of steps");
    if (plan->batch == 0) return refuse(task, "batch", 0, "at least 1");
    if (plan->micro_batches == 0) return refuse(task, "micro-batches", 0, "at least 1");
    if (plan->pool == 0) return refuse(task, "pool", 0, "at least 1");
    if (!(plan->rate > 0 && isfinite(plan->rate)))
        return refuse(task, "learning rate", plan->rate, "a number above 0");
    if ((unsigned)plan->schedule > SCHEDULE_HOLD)
        return refuse(task, "schedule", plan->schedule, "one of ScheduleKind");
    if (!(plan->warmup >= 0 && plan->warmup <= 1))
        return refuse(task, "share of warm-up", plan->warmup, "0 to 1");
    if (!(plan->clip >= 0)) return refuse(task, "clipping norm", plan->clip, "0 (none) or more");
    if (!(plan->average >= 0 && plan->average < 1))
        return refuse(task, "average", plan->average, "0 (none) to below 1");
    if (plan->evaluations_per_epoch < 0)
        return refuse(task, "evaluations an epoch", plan->evaluations_per_epoch, "0 or more");
    if (task->evaluate && (task->scores < 1 || task->scores > TRAIN_SCORES_MAX ||
                           task->select < 0 || task->select >= task->scores))
        return status_fail(STATUS_ARGUMENT,
                           "%s: %d scores of which number %d chooses; expected 1 to %d scores and "
                           "one of them",
                           task->name, task->scores, task->select, TRAIN_SCORES_MAX);
    return STATUS_OK;
}

/* Better now than after the first epoch. */
static Status check_folder(const TrainTask *task, const char *path) {
    if (!path) return STATUS_OK;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) return status_fail(STATUS_MEMORY, "%s: no memory for a path", path);
    int refused = access(folder, W_OK | X_OK), error = errno;
    free(folder);
    if (!refused) return STATUS_OK;
    return status_fail(STATUS_IO,
                       "%s: %s: its folder cannot be written: %s; make it, or name another place "
                       "for the checkpoint",
                       task->name, path, strerror(error));
}

/* --- beginning and end ---------------------------------------------------------------------- */

/* 1 when an evaluation follows the step that makes `done` steps: at equal parts of every epoch, the
 * last part being its end, and at the end of training. */
static int is_evaluation(const TrainRun *run, uint64_t done) {
    if (!run->task->evaluate) return 0;
    if (done == run->log->planned_steps) return 1;
    uint64_t steps = batches_per_epoch(run->batches), of_epoch = (done - 1) % steps + 1;
    uint64_t parts = (uint64_t)run->plan->evaluations_per_epoch;
    return of_epoch * parts / steps > (of_epoch - 1) * parts / steps;
}

static Status open_log(TrainRun *run, size_t *room) {
    const TrainPlan *plan = run->plan;
    TrainLog *log = run->log = calloc(1, sizeof *log);
    if (!log) return status_fail(STATUS_MEMORY, "%s: no memory for its log", run->task->name);
    uint64_t steps = batches_per_epoch(run->batches);
    log->planned_steps = plan->steps ? plan->steps : steps * (uint64_t)plan->epochs;
    *room = 0;
    for (uint64_t done = 1; done <= log->planned_steps; done++)
        *room += (size_t)is_evaluation(run, done);
    if (log->planned_steps < SIZE_MAX / sizeof *log->batch)
        log->batch = calloc((size_t)log->planned_steps, sizeof *log->batch);
    log->evaluation = calloc(*room + 1, sizeof *log->evaluation);
    if (log->batch && log->evaluation) return STATUS_OK;
    return status_fail(STATUS_MEMORY, "%s: no memory for a log of %llu steps", run->task->name,
                       (unsigned long long)log->planned_steps);
}

static Status open_copies(TrainRun *run, float ***out) {
    float **copy = arena_take(&run->kept, (run->set->count + 1) * sizeof *copy);
    if (!copy) return STATUS_MEMORY;
    for (size_t i = 0; i < run->set->count; i++) {
        copy[i] = arena_take(&run->kept, run->set->item[i]->count * sizeof **copy);
        if (!copy[i]) return status_prefix(STATUS_MEMORY, "copies of the weights");
    }
    *out = copy;
    return STATUS_OK;
}

static void copy_values(const TrainRun *run, float *const *copy) {
    for (size_t i = 0; i < run->set->count; i++)
        memcpy(copy[i], run->set->item[i]->value, run->set->item[i]->count * sizeof(float));
}

static void take_values(const TrainRun *run, float *const *copy) {
    for (size_t i = 0; i < run->set->count; i++)
        memcpy(run->set->item[i]->value, copy[i], run->set->item[i]->count * sizeof(float));
}

static void swap_values(const TrainRun *run, float *const *copy) {
    for (size_t i = 0; i < run->set->count; i++) {
        float *value = run->set->item[i]->value, *other = copy[i];
        size_t count = run->set->item[i]->count;
#pragma omp simd
        for (size_t k = 0; k < count; k++) {
            float kept = value[k];
            value[k] = other[k];
            other[k] = kept;
        }
    }
}

static Status open_run(TrainRun *run) {
    const TrainTask *task = run->task;
    const TrainPlan *plan = run->plan;
    size_t room = 0;
    STATUS_TRY(check_folder(task, plan->checkpoint));
    STATUS_TRY(batches_open(&run->batches, task->examples, task->length, plan->batch, plan->pool,
                            plan->seed));
    STATUS_TRY(open_log(run, &room));
    const int holds = plan->schedule == SCHEDULE_HOLD;
    const double warmup = plan->warmup * (double)run->log->planned_steps;
    if (holds && plan->fall > run->log->planned_steps)
        return refuse(task, "steps of falling rate:", (double)plan->fall, "no more than steps");
    run->schedule = (Schedule){plan->schedule, plan->rate, run->log->planned_steps,
                               holds ? plan->rise : (uint64_t)llround(warmup), plan->fall};
    STATUS_TRY(adamw_open(
        &run->adamw, run->set,
        &(AdamwOptions){plan->beta1, plan->beta2, plan->epsilon, plan->decay, plan->layer_decay}));
    STATUS_TRY(arena_open(&run->arena, 0));
    STATUS_TRY(arena_open(&run->kept, 0));
    if (plan->keep_best && task->evaluate) STATUS_TRY(open_copies(run, &run->best));
    if (plan->average > 0) STATUS_TRY(open_copies(run, &run->average));
    STATUS_TRY(train_resume(run, room));
    if (run->average && run->log->steps == 0) copy_values(run, run->average);
    parameters_clear_gradients(run->set);
    run->saved_seconds = clock_seconds();
    return parameters_changed(run->set);
}

/* The log is the caller's. */
static void close_run(TrainRun *run) {
    parameters_clear_gradients(run->set);
    batches_close(run->batches);
    adamw_close(run->adamw);
    arena_close(&run->arena);
    arena_close(&run->kept);
}

/* --- one step ------------------------------------------------------------------------------- */

static Status not_a_number(const TrainRun *run, const char *what, double found) {
    return status_fail(STATUS_ARGUMENT,
                       "%s: step %llu of %llu: %s is %g; the rate %g may be too high, or the data "
                       "or the weights it started from are not numbers",
                       run->task->name, (unsigned long long)run->log->steps + 1,
                       (unsigned long long)run->log->planned_steps, what, found,
                       schedule_rate(&run->schedule, run->log->steps));
}

/* Forward and backward of some examples of the step, whose loss counts `share`. */
static Status run_part(TrainRun *run, uint64_t pass, const uint32_t *example, size_t count,
                       double share, double *loss, TrainCount *counted) {
    Tape tape;
    Value *value = NULL;
    TrainCount part = {0};
    arena_rewind(&run->arena, 0);
    tape_open(&tape, &run->arena, TAPE_TRAIN, run->plan->seed, pass);
    STATUS_TRY(run->task->loss(run->task->context, &tape, example, count, &value, &part));
    STATUS_TRY(tape_status(&tape));
    if (!value || value->rows != 1 || value->columns != 1)
        return status_fail(STATUS_ARGUMENT, "%s: its loss is no value of shape [1, 1]",
                           run->task->name);
    if (!isfinite(value->data[0])) return not_a_number(run, "the loss", value->data[0]);
    *loss += share * value->data[0];
    counted->right += part.right;
    counted->counted += part.counted;
    return tape_backward(&tape, value, (float)share);
}

/* The average starts as a plain one and forgets the more slowly the longer it runs, so that the
 * weights before training do not stay in it: min(decay, (1 + t) / (10 + t)), as in TensorFlow's
 * ExponentialMovingAverage with num_updates. Late rows catch up before every averaging: a pass over
 * the tables, which is little beside the pass over all weights that the average itself is. */
static Status move_average(TrainRun *run) {
    double time = (double)adamw_steps(run->adamw);
    double decay = fmin(run->plan->average, (1 + time) / (10 + time));
    const AdamwKernels *kernels = adamw_kernels();
    const size_t piece = 1 << 14;
    STATUS_TRY(adamw_settle(run->adamw));
    for (size_t i = 0; i < run->set->count; i++) {
        const Parameter *p = run->set->item[i];
        float *average = run->average[i];
#pragma omp parallel for schedule(static) if (p->count >= 16 * piece)
        for (size_t from = 0; from < p->count; from += piece)
            kernels->approach(average + from, p->value + from, (float)(1 - decay),
                              p->count - from < piece ? p->count - from : piece);
    }
    return STATUS_OK;
}

static Status run_step(TrainRun *run) {
    const TrainPlan *plan = run->plan;
    TrainLog *log = run->log;
    uint64_t step = log->steps, epoch = step / batches_per_epoch(run->batches);
    if (run->begun != epoch + 1) {
        batches_begin_epoch(run->batches, epoch);
        run->begun = epoch + 1;
    }
    size_t count;
    const uint32_t *example =
        batches_at(run->batches, (size_t)(step % batches_per_epoch(run->batches)), &count);

    size_t parts = plan->micro_batches < count ? plan->micro_batches : count;
    double loss = 0;
    TrainCount counted = {0};
    for (size_t part = 0; part < parts; part++) {
        size_t from = count * part / parts, to = count * (part + 1) / parts;
        /* Passes are numbered through, so that dropout differs from part to part. */
        STATUS_TRY(run_part(run, step * plan->micro_batches + part, example + from, to - from,
                            (double)(to - from) / (double)count, &loss, &counted));
    }

    /* As torch.nn.utils.clip_grad_norm_, with its 1e-6. */
    double norm = adamw_norm(run->adamw);
    if (!isfinite(norm)) return not_a_number(run, "the norm of the gradients", norm);
    double scale = plan->clip > 0 ? fmin(1, plan->clip / (norm + 1e-6)) : 1;
    double rate = schedule_rate(&run->schedule, step);
    STATUS_TRY(adamw_step(run->adamw, rate, scale));
    if (run->average) STATUS_TRY(move_average(run));
    log->batch[step] = (TrainBatch){(float)loss, (float)norm, (float)rate, (float)counted.right,
                                    (float)counted.counted};
    log->steps++;
    return STATUS_OK;
}

/* --- evaluation ----------------------------------------------------------------------------- */

static void summarise_training(const TrainLog *log, TrainEvaluation *evaluation) {
    uint64_t from = log->evaluations ? log->evaluation[log->evaluations - 1].step : 0;
    double loss = 0, right = 0, counted = 0;
    for (uint64_t i = from; i < log->steps; i++) {
        loss += log->batch[i].loss;
        right += log->batch[i].right;
        counted += log->batch[i].counted;
    }
    evaluation->training_loss = log->steps > from ? loss / (double)(log->steps - from) : 0;
    evaluation->training_accuracy = counted > 0 ? right / counted : 0;
}

/* A score that is not a number is never better, and any number is better than it. */
static int is_better(const TrainTask *task, double score, double best) {
    if (isnan(score) || isnan(best)) return !isnan(score) && isnan(best);
    return task->select_least ? score < best : score > best;
}

static Status evaluate(TrainRun *run) {
    const TrainTask *task = run->task;
    TrainLog *log = run->log;
    TrainEvaluation *evaluation = &log->evaluation[log->evaluations];
    evaluation->step = log->steps;
    summarise_training(log, evaluation);
    STATUS_TRY(adamw_settle(run->adamw));
    if (run->average) {
        swap_values(run, run->average);
        STATUS_TRY(parameters_changed(run->set));
    }
    arena_rewind(&run->arena, 0);
    Status status = task->evaluate(task->context, &run->arena, evaluation->score);
    arena_rewind(&run->arena, 0);
    if (status == STATUS_OK) {
        if (log->evaluations == 0 || is_better(task, evaluation->score[task->select],
                                               log->evaluation[log->best].score[task->select])) {
            log->best = log->evaluations;
            if (run->best) copy_values(run, run->best);
        }
        log->evaluations++;
    }
    if (run->average) {
        swap_values(run, run->average);
        if (status == STATUS_OK) status = parameters_changed(run->set);
    }
    return status;
}

/* --- the loop ------------------------------------------------------------------------------- */

static void show_progress(TrainRun *run) {
    const TrainTask *task = run->task;
    const TrainLog *log = run->log;
    uint64_t per_epoch = batches_per_epoch(run->batches);
    char text[256];
    int used = snprintf(text, sizeof text, "epoch %llu of %llu, step %llu of %llu, loss %.3f",
                        (unsigned long long)((log->steps - 1) / per_epoch + 1),
                        (unsigned long long)((log->planned_steps - 1) / per_epoch + 1),
                        (unsigned long long)log->steps, (unsigned long long)log->planned_steps,
                        (double)log->batch[log->steps - 1].loss);
    for (int s = 0; log->evaluations && s < task->scores && used < (int)sizeof text - 64; s++)
        used +=
            snprintf(text + used, sizeof text - (size_t)used, "%s%.20s %.3f",
                     s ? ", " : "; validation ", task->score_names[s] ? task->score_names[s] : "",
                     log->evaluation[log->evaluations - 1].score[s]);
    progress_step(&run->progress, (double)(log->steps - log->resumed_at), text);
}

static Status stop(TrainRun *run) {
    TrainLog *log = run->log;
    const char *path = run->plan->checkpoint;
    unsigned long long done = log->steps, planned = log->planned_steps;
    if (!path)
        return status_fail(STATUS_INTERRUPTED,
                           "%s: stopped at step %llu of %llu; nothing is kept, since no checkpoint "
                           "was named",
                           run->task->name, done, planned);
    if (run->saved_step != log->steps) STATUS_TRY(train_save(run));
    return status_fail(STATUS_INTERRUPTED,
                       "%s: stopped at step %llu of %llu; start it again with the same arguments "
                       "to continue from %s",
                       run->task->name, done, planned, path);
}

static Status run_steps(TrainRun *run) {
    TrainLog *log = run->log;
    while (log->steps < log->planned_steps) {
        if (interrupt_requested()) return stop(run);
        double began = clock_seconds();
        STATUS_TRY(run_step(run));
        log->seconds += clock_seconds() - began;
        int evaluated = is_evaluation(run, log->steps);
        if (evaluated) STATUS_TRY(evaluate(run));
        if (run->plan->checkpoint &&
            (evaluated || log->steps == log->planned_steps ||
             clock_seconds() - run->saved_seconds >= run->plan->checkpoint_seconds))
            STATUS_TRY(train_save(run));
        show_progress(run);
    }
    return STATUS_OK;
}

/* The weights that the last evaluation, or the best one, has seen. */
static Status finish(TrainRun *run) {
    STATUS_TRY(adamw_settle(run->adamw));
    if (run->best && run->log->evaluations)
        take_values(run, run->best);
    else if (run->average)
        take_values(run, run->average);
    return parameters_changed(run->set);
}

Status train_run(const TrainTask *task, const TrainPlan *plan, TrainLog **log) {
    *log = NULL;
    STATUS_TRY(check_plan(task, plan));
    TrainRun run = {.task = task, .plan = plan, .set = task->parameters};
    Status status = open_run(&run);
    if (status == STATUS_OK) {
        progress_begin(&run.progress, plan->progress, task->name,
                       (double)(run.log->planned_steps - run.log->steps));
        status = run_steps(&run);
        if (status == STATUS_OK) {
            progress_end(&run.progress);
            status = finish(&run);
        } else if (run.progress.terminal) {
            fputc('\n', plan->progress); /* the caller's message begins a line */
        }
        run.log->arena_bytes = run.arena.high_water;
    }
    close_run(&run);
    if (status == STATUS_OK)
        *log = run.log;
    else
        train_log_free(run.log);
    return status;
}
