/* q1_memory: what the parts of Question 1's memory experiment share: the plan, its trainings, what
 * they leave.
 *
 *     static MemoryPlan plan;
 *     int status = memory_plan_parse(&plan, argc, argv);      // prints --help or the error itself
 *     if (status >= 0) return status;
 *     Grid grid = ...;  grid.work = memory_cell_run;  grid.context = &plan;
 *     STATUS_TRY(grid_run(&grid));
 *     STATUS_TRY(memory_results_read(&data, &plan, &grid));
 *     STATUS_TRY(memory_report_write(&data, results));
 *
 * A cell is one training: a kind of reader, the lag at which it must recall a symbol, a seed (and,
 * in a search, a learning rate). It leaves its accuracy on the test sequences and Jacobian norms.
 */
#ifndef EXPERIMENTS_Q1_MEMORY_H
#define EXPERIMENTS_Q1_MEMORY_H

#include "data/synthetic.h"
#include "grid.h"
#include "options.h"
#include "q1_memory_jacobian.h"
#include "q1_memory_model.h"
#include "results.h"

enum { MEMORY_LIST_MAX = 16, MEMORY_RATES_MAX = 8, MEMORY_LENGTH_MAX = 1024 };

typedef struct {
    const char *results;
    int full, processes, search;
    int kinds, kind[MEMORY_KINDS];
    int lags, lag[MEMORY_LIST_MAX]; /* ascending: words from the first to the last */
    int seeds, seed[MEMORY_LIST_MAX];
    int rates; /* in a search: of each kind; else 1 */
    double rate[MEMORY_KINDS][MEMORY_RATES_MAX];
    int steps, batch;
    int alphabet, others;
    int embedding, parameters;
    int validation, evaluations, test; /* sequences, times, sequences */
    int length, probes;                /* of the sequences of the Jacobians */
    int offsets, offset[32];           /* words back at which they are measured, ascending */
    int pair_lag;                      /* of the training whose two-sided profile is taken */
} MemoryPlan;

/* The profile's plan with the flags over it. Returns the exit status (0 or 2), or -1 when the
 * program should go on. */
int memory_plan_parse(MemoryPlan *plan, int argc, char **argv);

/* Everything that the rows depend on, as one line. */
void memory_plan_describe(const MemoryPlan *plan, char *text, size_t size);

/* "q1" or "q1.quick", and the name of the folder. */
const char *memory_plan_prefix(const MemoryPlan *plan);
const char *memory_plan_experiment(const MemoryPlan *plan);

/* --- cells ----------------------------------------------------------------------------------- */

typedef struct {
    MemoryKind kind;
    int lag, seed;
    double rate;
} MemoryCell;

size_t memory_cells(const MemoryPlan *plan);
MemoryCell memory_cell_at(const MemoryPlan *plan, size_t cell);

/* For Grid: `context` is the plan. */
void memory_cell_name(void *context, size_t cell, char *name, size_t size);
double memory_cell_cost(void *context, size_t cell);
Status memory_cell_run(void *context, size_t cell, GridRecord *record);

/* The words between what is asked and the states that answer: the lag, for MEMORY_MIDDLE half of
 * it, for MEMORY_ENDS 0. */
int memory_distance(MemoryKind kind, int lag);

/* One sequence: the symbol that will be asked stands at `place`. ids [length], at most
 * MEMORY_LENGTH_MAX. */
void memory_draw(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length,
                 int place, int32_t *ids, int32_t *answer);

MemoryConfig memory_config(const MemoryPlan *plan, MemoryKind kind);
SyntheticTask memory_task(const MemoryPlan *plan, int seed);

/* --- afterwards ------------------------------------------------------------------------------ */

typedef enum { MEMORY_BEFORE, MEMORY_AFTER, MEMORY_PHASES } MemoryPhase;
typedef enum { MEMORY_FORWARD, MEMORY_BACKWARD, MEMORY_PARTS } MemoryPart;

extern const char *const memory_phase_name[MEMORY_PHASES];
extern const char *const memory_part_name[MEMORY_PARTS]; /* halves of a state */

typedef struct {
    double accuracy, loss; /* on the test sequences */
    /* Norms at the plan's offsets before the last word, of each half of its state (a reader of one
     * direction has the first alone); NAN where not measured. */
    double norm[MEMORY_PHASES][MEMORY_PARTS][32];
    /* Of the state in the middle, [words before, words after]. */
    double side[MEMORY_PHASES][MEMORY_PARTS][2][32];
    size_t parameters;
    int points; /* of the curve */
    struct {
        int validation; /* 0: of the training sequences since the last */
        long step;
        double loss, accuracy;
    } curve[64];
} MemoryTraining;

typedef struct {
    const MemoryPlan *plan;
    size_t trainings;
    MemoryTraining *training; /* [trainings], as the plan's cells */
} MemoryData;

Status memory_data_read(MemoryData **out, const MemoryPlan *plan, const Grid *grid);
void memory_data_free(MemoryData *data);

/* NULL where the plan has no such training. */
const MemoryTraining *memory_find(const MemoryData *data, MemoryKind kind, int lag, int seed);

/* The norm of the whole state. */
double memory_norm(const MemoryTraining *training, MemoryPhase phase, int offset_index);

/* Norms below this are lost in the number format (the smallest normal one is 1.2e-38). */
#define MEMORY_NORM_LEAST 1e-30

/* The line through log norm against words back, over those norms of one curve that are above
 * MEMORY_NORM_LEAST: norm = start exp(-rate back). */
typedef struct {
    double rate;      /* of decay a word; NAN with fewer than 3 norms */
    double log_start; /* log of the norm that the line has 0 words back */
    double r2;
    int last; /* the farthest word used */
} MemoryDecay;

MemoryDecay memory_decay(const int *offset, const double *norm, int count);

Status memory_report_write(const MemoryData *data, Results *results);
void memory_report_print(const MemoryData *data, FILE *stream);

/* Mean accuracy of every reader at every rate. */
void memory_search_print(const MemoryData *data, FILE *stream);

#endif
