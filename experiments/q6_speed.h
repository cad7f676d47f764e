/* q6_speed: where the time of a training step on CoLA goes, what its parts share.
 *
 * - q6_speed: the command line, from there to the results
 * - q6_speed_measure: steps on real batches, kind of work by kind of work
 * - q6_speed_report: tables and facts
 */
#ifndef EXPERIMENTS_Q6_SPEED_H
#define EXPERIMENTS_Q6_SPEED_H

#include "base/phase.h"
#include "base/progress.h"
#include "bert_step.h"
#include "q6_cola.h"
#include "store.h"

#define SPEED_REPETITIONS_MAX 32

enum { SPEED_F32, SPEED_BF16, SPEED_PRECISIONS };
enum { SPEED_PEAK_F32, SPEED_PEAK_BF16, SPEED_PEAK_MEMORY, SPEED_PEAKS };

typedef struct {
    int full, batches, batch, repetitions, threads;
    int peak_size;       /* rows and columns of the products that show the peak */
    size_t peak_bytes;   /* arrays that show the bandwidth of memory */
    double peak_seconds; /* of each, in every repetition */
    const char *model, *data, *results;
    char name[48];       /* "minilm" */
    char experiment[64]; /* "q6_speed_minilm" */
} SpeedPlan;

/* One pass over the batches with one precision. */
typedef struct {
    PhaseTable phases;
    double seconds; /* of the steps whole */
} SpeedPass;

typedef struct {
    SpeedPlan plan;
    int precisions; /* 1 where the processor has no bf16 instructions: they would be imitated */
    BertConfig config;
    size_t batches_of_epoch, tokens, sentences; /* tokens and sentences of one pass */
    SpeedPass pass[SPEED_PRECISIONS][SPEED_REPETITIONS_MAX];
    double peak[SPEED_PEAKS]; /* flop/s, flop/s, byte/s: the most that any repetition saw */
    size_t inherited;         /* repetitions that an earlier process measured */
} SpeedRun;

/* Measures every repetition that `store` does not hold. STATUS_INTERRUPTED after Ctrl-C. */
Status speed_measure(SpeedRun *run, Store *store, Progress *progress, Results *results);

/* Seconds that `work` of a kind takes at this machine's peak for it. */
double speed_bound(const SpeedRun *run, int precision, Phase phase, double work);

/* phases.tsv, steps.tsv, facts q6.speed.<name>.<precision>.* */
Status speed_report(const SpeedRun *run, Results *results);
void speed_print(const SpeedRun *run, FILE *stream);

#endif
