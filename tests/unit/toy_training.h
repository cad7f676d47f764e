/* toy_training: a training small enough to be run hundreds of times, that can be told to fail.
 *
 *     ToyTraining toy;
 *     toy_open(&toy, 1);                       // 1: the table is updated by rows
 *     toy.die_at = 7;                            // SIGKILL in the seventh forward pass
 *     Status status = train_run(&toy.task, &plan, &log);
 *     toy_close(&toy);
 *
 * The model: y = bias + weight . mean of the rows of a table that an example names, with dropout on
 * the mean, against a target that depends on the rows. Forward and backward are written by hand.
 */
#ifndef TESTS_TOY_TRAINING_H
#define TESTS_TOY_TRAINING_H

#include "train/loop.h"

#define TOY_EXAMPLES 75
#define TOY_ROWS     60
#define TOY_WIDTH    24

typedef struct {
    ParameterSet set;
    Parameter *table, *weight, *bias;
    Parameter *clock; /* its gradient is 1: falls step by step, so that scores can prefer a time */
    int length[TOY_EXAMPLES];
    TrainTask task;

    int dropout;     /* 1 at first */
    uint64_t die_at; /* the forward pass, from 1, in which the process kills itself; 0: none */
    uint64_t nan_at; /* in which the loss is not a number */
    uint64_t interrupt_at; /* in which the user presses Ctrl-C */
    const double *script;  /* the second score of each evaluation; NULL: best in the middle */

    uint64_t passes, last_pass; /* so far; the tape's step in the last one */
    size_t evaluations;
    float *bias_seen; /* [passes] the bias at each pass, where the caller gives room */
    float bias_evaluated[64];
} ToyTraining;

void toy_open(ToyTraining *toy, int by_rows);
void toy_close(ToyTraining *toy);

/* Three epochs of ten steps, evaluated twice an epoch. */
TrainPlan toy_plan(void);

/* Runs and returns the log; the test fails where the run does. */
TrainLog *toy_run(ToyTraining *toy, const TrainPlan *plan);

/* The same bits of all weights, and the same log but for seconds and bytes. */
void toy_compare(const ToyTraining *one, const TrainLog *log, const ToyTraining *other,
                 const TrainLog *other_log);

#endif
