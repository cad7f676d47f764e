/* loop_run: what the files of the training loop share. For src/train/loop*.c only. */
#ifndef TRAIN_LOOP_RUN_H
#define TRAIN_LOOP_RUN_H

#include "base/progress.h"
#include "train/adamw.h"
#include "train/batches.h"
#include "train/loop.h"

typedef struct {
    const TrainTask *task;
    const TrainPlan *plan;
    ParameterSet *set;
    Adamw *adamw;
    Batches *batches;
    uint64_t begun; /* epoch whose order is in `batches`, counted from 1; 0: none */
    Schedule schedule;
    Arena arena;             /* of one step, then rewound */
    Arena kept;              /* of the copies of the weights */
    float **best, **average; /* [set->count]; NULL: not kept */
    TrainLog *log;
    uint64_t saved_step; /* of the last checkpoint that this process wrote or read */
    double saved_seconds;
    Progress progress;
} TrainRun;

/* --- loop_save.c ---------------------------------------------------------------------------- */

/* Writes everything that a later process needs. Settles. */
Status train_save(TrainRun *run);

/* Continues from the file of the plan where there is one. `room`: evaluations that the log holds.
 */
Status train_resume(TrainRun *run, size_t room);

#endif
