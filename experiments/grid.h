/* grid: many small trainings, side by side on every processor, one thread each.
 *
 * A cell is one training (an encoder, a score, a seed ...). Cells are handed to as many processes
 * as there are processors; each leaves a file of rows in the grid's folder when it is done, so that
 * a run that was stopped continues with the cells that are missing. What a cell leaves does not
 * depend on how many run beside it.
 *
 *     static Status train_cell(void *context, size_t cell, GridRecord *record) {
 *         ...
 *         grid_row(record, "accuracy", "%s\t%d\t%d\t%.6g", name, seed, length, accuracy);
 *         grid_progress(record, step / steps);                       // share of this cell
 *         return STATUS_OK;
 *     }
 *     Grid grid = {.name = "q1 bottleneck", .folder = "results/local/.q1_bottleneck-work",
 *                  .fingerprint = plan_text, .cells = n, .cost = seconds_by_guess,
 *                  .cell_name = name_of, .work = train_cell, .context = &plan,
 *                  .processes = 0, .progress = stderr};
 *     STATUS_TRY(grid_run(&grid));                      // STATUS_INTERRUPTED after Ctrl-C
 *     STATUS_TRY(grid_rows(&grid, "accuracy", take_row, &table));   // in the order of the cells
 *     grid_remove(&grid);                               // after results_commit
 *
 * A folder of another fingerprint is refused with a message that says what to do. Every cell runs
 * in a process of its own, forked before any OpenMP or BLAS thread exists: call grid_run before
 * computing anything. Those processes stop at their next checkpoint when SIGINT or SIGTERM reaches
 * this one, and end with it however it ends.
 */
#ifndef EXPERIMENTS_GRID_H
#define EXPERIMENTS_GRID_H

#include "base/status.h"
#include "train/loop.h"
#include <stddef.h>
#include <stdio.h>

typedef struct GridRecord GridRecord;

typedef struct {
    const char *name, *folder;
    const char *fingerprint; /* of everything that the rows depend on */
    size_t cells;
    double (*cost)(void *context, size_t cell); /* in any unit, for order and time left; NULL: all
                                                   the same */
    void (*cell_name)(void *context, size_t cell, char *name, size_t size); /* [a-z0-9_.-] */
    Status (*work)(void *context, size_t cell, GridRecord *record);
    void *context;
    int processes; /* 0: every processor */
    FILE *progress;
    int replace; /* 1: what a run of another fingerprint left unfinished is given up, with a word on
                    `progress` (quick runs); 0: it is refused */
} Grid;

/* Runs what is missing, the costliest cells first. The first failure of a cell is the result,
 * named, and so is a cell that a signal ended; the cells that are done stay. STATUS_INTERRUPTED
 * after SIGINT or SIGTERM (base/interrupt.h); the same call continues. STATUS_FORMAT for a folder
 * of another fingerprint (what differs is named), STATUS_IO for one in which another process works.
 */
Status grid_run(const Grid *grid);

/* In a worker: adds a row (printf's format, without a newline) to a table of this cell, whose name
 * is [a-z0-9_]. A row that cannot be kept fails the cell when its work is done. */
void grid_row(GridRecord *record, const char *table, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* In a worker: the share of this cell that is done, 0 to 1; a file for a checkpoint of its own
 * training, removed when the cell is done. */
void grid_progress(GridRecord *record, double share);
const char *grid_checkpoint(const GridRecord *record);

/* In a worker: from a training's log, rows of the tables
 *   "curve"  cell, split (training or validation), step, loss, accuracy; at most `points` training
 *            points, each over the steps since the last
 *   "card"   cell, parameters, optimiser (a text), steps, batch
 * The scores of an evaluation that are its loss and its accuracy are named by their index, -1 where
 * there is none (its column is then nan). */
void grid_log(GridRecord *record, const TrainTask *task, const TrainPlan *plan, const TrainLog *log,
              int loss_score, int accuracy_score, int points);

/* Afterwards: every row of a table, cell by cell, row by row. STATUS_FORMAT where a cell is missing
 * or damaged; what `take` returns ends the reading. */
typedef Status (*GridTake)(void *context, size_t cell, const char *row);
Status grid_rows(const Grid *grid, const char *table, GridTake take, void *context);

/* Removes the grid's own files, and its folder where nothing else is in it. */
void grid_remove(const Grid *grid);

#endif
