/* q6_cola_report: what the parts of the report share: predictions as bytes.
 *
 *     Q6Answers answers;
 *     STATUS_TRY(q6_answers_open(&answers, data, seed, seeds));
 *     answers.predicted[Q6_OUT_OF_DOMAIN][k * count + i]        // of seed k, sentence i: 0 or 1
 *     q6_answers_close(&answers);
 */
#ifndef EXPERIMENTS_Q6_COLA_REPORT_H
#define EXPERIMENTS_Q6_COLA_REPORT_H

#include "metric/bootstrap_seeds.h"
#include "q6_cola.h"

/* Resamples of every bootstrap. */
#define Q6_DRAWS 2000

typedef struct {
    const Q6Plan *plan;
    const Q6Data *data;
    const Q6Seed *seed; /* [seeds] */
    size_t seeds;
    Results *results;
    uint8_t *predicted[Q6_SPLITS]; /* [seeds, count] row-major */
} Q6Answers;

Status q6_answers_open(Q6Answers *answers, const Q6Plan *plan, const Q6Data *data,
                       const Q6Seed *seed, size_t seeds, Results *results);
void q6_answers_close(Q6Answers *answers);

/* The file and the raw file of a split. */
const ColaFile *q6_raw_file(const Q6Data *data, int split);

/* MCC of the mean over seeds on the chosen sentences [count] of a split, with the hierarchical
 * interval. */
Status q6_group_scores(const Q6Answers *answers, int split, const size_t *index, size_t count,
                       BootstrapSeeds *out, size_t *acceptable);

/* sources.tsv, phenomena.tsv, hardest.tsv, predictions.tsv */
Status q6_report_groups(const Q6Answers *answers);

#endif
