/* q4_complexity_time: the time of every variant at every length, interleaved at random.
 *
 *     Grid *grid = grid_new(&session);
 *     double seconds = time_expect(&session);          // of the whole stage
 *     STATUS_TRY(time_measure(&session, grid));
 *     grid->cell[variant][DIRECTION_FORWARD][i].seconds[repetition]
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_TIME_H
#define EXPERIMENTS_Q4_COMPLEXITY_TIME_H

#include "q4_complexity_session.h"

typedef enum {
    CELL_NOT_ASKED,
    CELL_MEASURED,
    CELL_TOO_LARGE, /* it does not fit into memory, by the formula */
    CELL_REFUSED,   /* it did not, when it was tried: a GPU's alone */
    CELL_LACKING,   /* the device has no such operation */
    CELL_TOO_LONG   /* the profile stops this variant at a shorter length */
} CellState;

typedef struct {
    CellState state;
    AttentionWork work;
    double need_bytes; /* with inputs and outputs */
    int repetitions;
    double seconds[PLAN_REPETITIONS_MAX]; /* of one call */
    unsigned char disturbed[PLAN_REPETITIONS_MAX];
    double counted_bytes;
    double forward_bytes; /* of forward, also where only backward was asked for */
    double seen_bytes;    /* NAN where it was not taken */
} Cell;

typedef struct {
    Cell cell[VARIANT_COUNT][2][PLAN_LENGTHS_MAX];
} Grid;

/* All cells counted, none measured; NULL without memory. The caller's to free(). */
Grid *grid_new(const Session *session);

/* Asks a GPU for each operation once, at a small length: what it lacks is said on stderr and left
 * out. On the CPU nothing is asked. */
Status time_ask(Session *session, Grid *grid);

/* Expected seconds of the stage. */
double time_expect(const Session *session, const Grid *grid);

/* Fills the grid. What does not fit into memory is said on stderr. */
Status time_measure(Session *session, Grid *grid);

#endif
