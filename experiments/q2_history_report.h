/* q2_history_report: what the trainings of q2_history gave: the parts that its two files of results
 * share. */
#ifndef EXPERIMENTS_Q2_HISTORY_REPORT_H
#define EXPERIMENTS_Q2_HISTORY_REPORT_H

#include "q2_history.h"
#include "stat/bootstrap.h"

/* A kind of training: the same network, pairs and steps, over its seeds. */
typedef struct {
    const char *slug; /* history_cell_slug */
    RecallModel model;
    int pairs, steps, seeds;
    double parameters, state_bytes;
    double accuracy[32],
        solved[32]; /* [seeds]; first step of a validation accuracy of 95 %, or -1 */
} HistoryGroup;

enum { HISTORY_GROUPS_MAX = 32, HISTORY_SOLVED = 95 /* % */ };

/* From the rows of the grid, in the order of the cells. STATUS_FORMAT for a row that is none. */
Status history_groups(const HistoryPlan *plan, const Grid *grid, HistoryGroup *groups, int *count);

/* The mean of the seeds' accuracies with its 95 % bootstrap interval. */
Status history_accuracy(const HistoryGroup *group, Interval *out);

Status history_write_recall(const HistorySession *session, const Grid *grid, Results *results);
void history_print_recall(const HistorySession *session, const Grid *grid, FILE *stream);

#endif
