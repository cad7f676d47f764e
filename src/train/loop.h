/* loop: the one training loop that every experiment shares: batches, evaluation, log, checkpoint,
 * resume, progress with the time left.
 *
 *     TrainTask task = {.name = "q6 mpnet seed 1", .parameters = &bert->parameters,
 *                       .examples = n, .length = lengths, .context = &cola,
 *                       .loss = cola_loss, .evaluate = cola_evaluate,
 *                       .scores = 3, .score_names = {"loss", "accuracy", "mcc"}, .select = 2};
 *     TrainPlan plan = train_plan_default();
 *     plan.epochs = 3; plan.rate = 3e-5; plan.seed = 1;
 *     plan.checkpoint = "results/local/.q6-mpnet-1.safetensors"; plan.progress = stderr;
 *     TrainLog *log;
 *     STATUS_TRY(train_run(&task, &plan, &log)); // continues where a checkpoint is
 *     ... log->batch[i].loss, log->evaluation[e].score[2] ...
 *     train_log_free(log);
 *
 * A run is a pure function of task, plan and number of threads: killed at any moment and started
 * again, it ends with the bits of an uninterrupted one. STATUS_INTERRUPTED (base/interrupt.h) after
 * a checkpoint was written.
 */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "grad/tape.h"
#include "train/schedule.h"
#include <stdio.h>

#define TRAIN_SCORES_MAX 16

/* What one call of `loss` saw: for the curve of the training accuracy. */
typedef struct {
    double right, counted;
} TrainCount;

typedef struct {
    const char *name;
    ParameterSet *parameters;
    size_t examples;
    const int *length; /* [examples] of each, by which batches are grouped; NULL: they are not */
    void *context;

    /* Builds the forward pass of a batch on the tape: *loss becomes its mean loss, a [1,1] value.
     */
    Status (*loss)(void *context, Tape *tape, const uint32_t *example, size_t count, Value **loss,
                   TrainCount *counted);

    /* Scores of the present weights on validation data, [scores]; scratch from the arena. */
    Status (*evaluate)(void *context, Arena *arena, double *score);
    int scores;
    const char *score_names[TRAIN_SCORES_MAX];
    int select;       /* the score by which the best weights are chosen */
    int select_least; /* 1: the smallest is best (a loss), 0: the largest */
} TrainTask;

typedef struct {
    int epochs;
    uint64_t steps;       /* 0: epochs decide; else training ends after this many steps */
    size_t batch;         /* examples of one step */
    size_t micro_batches; /* a step's batch is cut into so many forward and backward passes */
    size_t pool;          /* batches that are grouped by length together; 1: no grouping */
    double rate;          /* peak learning rate */
    ScheduleKind schedule;
    double warmup;       /* share of all steps */
    uint64_t rise, fall; /* SCHEDULE_HOLD alone: steps at the beginning, instead of `warmup`, and at
                            the end. Until the rate begins to fall nothing depends on where the end
                            is: a checkpoint from before may go on with other steps and fall */
    double beta1, beta2, epsilon, decay;
    double layer_decay; /* rate of depth d is rate * layer_decay^(deepest - d); 1: all the same */
    double clip;        /* global norm; 0: none */
    double average;     /* decay of a moving average of the weights, which evaluations use and
                           which is what remains at the end; 0: none */
    uint64_t seed;      /* of data order and dropout */
    int evaluations_per_epoch; /* at equal parts, the last at its end; one at the end of training */
    int keep_best;             /* 1: the weights at the end are those of the best evaluation */
    const char *checkpoint;    /* a file, the caller's to remove after the run; NULL: none */
    double checkpoint_seconds; /* at least this long between two; also at every evaluation */
    FILE *progress;            /* NULL: silent */
} TrainPlan;

typedef struct {
    float loss, norm, rate; /* of the batch; before clipping; peak rate times schedule */
    float right, counted;
} TrainBatch;

typedef struct {
    uint64_t step; /* steps done */
    double score[TRAIN_SCORES_MAX];
    double training_loss, training_accuracy; /* over the batches since the last evaluation */
} TrainEvaluation;

typedef struct {
    uint64_t steps, planned_steps;
    TrainBatch *batch; /* [steps] */
    size_t evaluations;
    TrainEvaluation *evaluation; /* [evaluations] */
    size_t best;                 /* index of the best evaluation */
    double seconds;              /* of training, evaluation left out, summed over resumed runs */
    uint64_t resumed_at;         /* step at which this process took over; 0: from the start */
    size_t arena_bytes;          /* high-water mark of the arena of steps and evaluations */
} TrainLog;

/* AdamW's usual numbers (.9, .999, 1e-8, .01), batch 32, 10 % warm-up, linear, clip 1, pool 8, one
 * epoch with one evaluation whose best weights are kept, 300 s between checkpoints. The rate is
 * left to the caller. */
TrainPlan train_plan_default(void);

/* Trains. *log is the caller's to train_log_free, NULL on failure. STATUS_ARGUMENT for a plan that
 * makes no sense, STATUS_FORMAT for a checkpoint of another plan or model (named: what differs; the
 * file is left alone), STATUS_INTERRUPTED, and whatever the task returns. A loss that is not a
 * number ends the run with the step named. */
Status train_run(const TrainTask *task, const TrainPlan *plan, TrainLog **log);

void train_log_free(TrainLog *log);

#endif
