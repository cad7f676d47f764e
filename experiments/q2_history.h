/* q2_history: how a Transformer sees the past without recurrence, and better than a recurrent
 * network (Question 2, first part): what its parts share.
 *
 *     static HistorySession session;
 *     int status = history_plan_parse(&session.plan, argc, argv);  // prints --help or the error
 *     if (status >= 0) return status;
 *     STATUS_TRY(history_train(&session, grid));                   // before anything computes
 *     STATUS_TRY(history_measure(&session));
 *     STATUS_TRY(history_report(&session, grid, results));
 *
 * The trainings are cells of a grid (grid.h); everything else is computed afterwards, in seconds.
 */
#ifndef EXPERIMENTS_Q2_HISTORY_H
#define EXPERIMENTS_Q2_HISTORY_H

#include "base/progress.h"
#include "grid.h"
#include "options.h"
#include "q2_history_exact.h"
#include "q2_history_head.h"
#include "q2_history_linear.h"
#include "q2_history_recall.h"
#include "results.h"

enum {
    HISTORY_CELLS_MAX = 128,
    HISTORY_LIST_MAX = 16,
    HISTORY_DRAWS_MAX = 500,
    HISTORY_HEADS_MAX = 128,
    HISTORY_MAP = 24 /* positions of the heat maps of the head built by hand */
};

typedef struct {
    int count, value[HISTORY_LIST_MAX];
} HistoryList;

typedef struct {
    const char *results;
    const char *experiment, *prefix; /* q2_history and q2., or q2_history_quick and q2.quick. */
    int full, threads, processes;
    uint64_t seed;
    int leak_draws, order_draws, length; /* sequences, and their symbols */
    int head_width;
    HistoryList head_betas, head_lengths, head_offsets;
    int head_beta, head_offset_length; /* of the offsets */
    int head_map_betas[2];
    HistoryList linear_lengths;
    int linear_draws, linear_model_length;
    RecallShape recall;
    int headline; /* pairs of the learning curves and heat maps */
    size_t cells;
    RecallCell cell[HISTORY_CELLS_MAX];
    char fingerprint[1024]; /* of the trainings */
} HistoryPlan;

/* The profile's plan with the flags over it; sets the number of threads. Returns the exit status (0
 * or 2), or -1 when the program should go on. */
int history_plan_parse(HistoryPlan *plan, int argc, char **argv);

/* What a cell is called in facts and tables, without its seed: "lstm", and "lstm_long" where it was
 * trained for longer than the others. */
const char *history_cell_slug(const HistoryPlan *plan, size_t cell);
void history_cell_name(void *plan, size_t cell, char *name, size_t size);
double history_cell_cost(void *plan, size_t cell); /* in seconds, by guess */

typedef struct {
    ExactKind kind;
    LeakCount layer, network; /* causal; network: nothing where no model has this kind */
    LeakCount unmasked;       /* the control: the same test without a mask */
} HistoryLeak;

typedef struct {
    int causal;
    ExactKind kind;
    Positions positions;
    double residual[HISTORY_DRAWS_MAX];
} HistoryOrder;

typedef struct {
    int offset, beta, length;
    HeadScore score;
} HistoryHead;

typedef struct {
    LinearMap map;
    int length, draw;
    LinearError error;
} HistoryLinear;

typedef struct {
    HistoryPlan plan;
    Progress progress;
    HistoryLeak leak[EXACT_KINDS];
    int orders, heads, linears;
    HistoryOrder order[16];
    HistoryHead head[HISTORY_HEADS_MAX];
    float map[2][HISTORY_MAP * HISTORY_MAP];
    HistoryLinear linear[HISTORY_LIST_MAX * LINEAR_MAPS * 4];
    double model_apart;
    size_t model_bytes[2];
} HistorySession;

/* The trainings. Must come before anything that computes (grid.h). */
Status history_train(HistorySession *session, Grid *grid);

/* Everything else. STATUS_INTERRUPTED after Ctrl-C. */
Status history_measure(HistorySession *session);

Status history_report(const HistorySession *session, const Grid *grid, Results *results);
void history_print(const HistorySession *session, const Grid *grid, FILE *stream);

#endif
