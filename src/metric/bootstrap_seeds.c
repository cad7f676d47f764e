#include "metric/bootstrap_seeds.h"
#include "base/rng.h"
#include "metric/classification.h"
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MCC, ACCURACY, F1, METRICS };

typedef struct {
    double value[METRICS];
} Scores;

typedef struct {
    const uint8_t *truth, *predicted;
    size_t seeds, sentences;
    uint32_t *weight;       /* [sentences]: how often the resample holds each */
    Scores *of_seed;        /* [seeds] */
    double *drawn[METRICS]; /* [draws] each */
} Work;

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static Status check_labels(const uint8_t *label, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        if (label[i] > 1)
            return status_fail(STATUS_ARGUMENT,
                               "bootstrap over seeds: %s %zu is class %d; expected 0 or 1", what, i,
                               label[i]);
    return STATUS_OK;
}

/* One run's scores on the weighted sentences. */
static Scores score_seed(const Work *work, size_t run) {
    const uint8_t *answer = work->predicted + run * work->sentences;
    uint64_t cell[4] = {0};
    for (size_t i = 0; i < work->sentences; i++)
        cell[2 * work->truth[i] + answer[i]] += work->weight[i];
    uint64_t tn = cell[0], fp = cell[1], fn = cell[2], tp = cell[3];
    uint64_t of_f1 = 2 * tp + fp + fn;
    Scores scores;
    scores.value[MCC] = classification_mcc_binary(tp, fp, fn, tn);
    scores.value[ACCURACY] = (double)(tp + tn) / (double)work->sentences;
    scores.value[F1] = of_f1 ? (double)(2 * tp) / (double)of_f1 : 0;
    return scores;
}

static void score_seeds(Work *work) {
    for (size_t run = 0; run < work->seeds; run++) work->of_seed[run] = score_seed(work, run);
}

static void weigh_all_once(Work *work) {
    for (size_t i = 0; i < work->sentences; i++) work->weight[i] = 1;
}

/* The mean over the runs of draw `draw`; where seeds are not resampled, over each run once. */
static Scores mean_over_seeds(const Work *work, int resample, uint64_t seed, uint64_t stream,
                              size_t draw) {
    Scores mean = {{0}};
    for (size_t i = 0; i < work->seeds; i++) {
        size_t run = i;
        if (resample) run = (size_t)rng_below(seed, stream, draw * work->seeds + i, work->seeds);
        for (int m = 0; m < METRICS; m++) mean.value[m] += work->of_seed[run].value[m];
    }
    for (int m = 0; m < METRICS; m++) mean.value[m] /= (double)work->seeds;
    return mean;
}

static void draw_all(Work *work, BootstrapLevels levels, size_t draws, uint64_t seed) {
    uint64_t of_sentences = rng_stream("metric.bootstrap.sentences");
    uint64_t of_seeds = rng_stream("metric.bootstrap.seeds");
    for (size_t draw = 0; draw < draws; draw++) {
        if (levels & BOOTSTRAP_OVER_SENTENCES) {
            memset(work->weight, 0, work->sentences * sizeof *work->weight);
            for (size_t i = 0; i < work->sentences; i++)
                work->weight[rng_below(seed, of_sentences, draw * work->sentences + i,
                                       work->sentences)]++;
            score_seeds(work);
        }
        Scores mean =
            mean_over_seeds(work, (levels & BOOTSTRAP_OVER_SEEDS) != 0, seed, of_seeds, draw);
        for (int m = 0; m < METRICS; m++) work->drawn[m][draw] = mean.value[m];
    }
}

static Interval interval_of(double value, double *drawn, size_t draws) {
    qsort(drawn, draws, sizeof *drawn, compare_doubles);
    Interval interval = {value, fmin(value, summary_quantile(drawn, draws, 0.025)),
                         fmax(value, summary_quantile(drawn, draws, 0.975))};
    return interval;
}

Status bootstrap_seeds(const uint8_t *truth, const uint8_t *predicted, size_t seeds,
                       size_t sentences, BootstrapLevels levels, size_t draws, uint64_t seed,
                       BootstrapSeeds *out) {
    if (seeds == 0 || sentences == 0 || draws < 40)
        return status_fail(STATUS_ARGUMENT,
                           "bootstrap over seeds: expected at least 1 seed, 1 sentence and 40 "
                           "draws, found %zu, %zu and %zu",
                           seeds, sentences, draws);
    if (sentences > INT32_MAX || seeds > INT32_MAX)
        return status_fail(STATUS_ARGUMENT,
                           "bootstrap over seeds: %zu seeds and %zu sentences; expected fewer than "
                           "2^31 of each",
                           seeds, sentences);
    STATUS_TRY(check_labels(truth, sentences, "truth"));
    STATUS_TRY(check_labels(predicted, seeds * sentences, "prediction"));

    Work work = {.truth = truth, .predicted = predicted, .seeds = seeds, .sentences = sentences};
    double *drawn = calloc(draws, METRICS * sizeof *drawn);
    work.weight = malloc(sentences * sizeof *work.weight);
    work.of_seed = malloc(seeds * sizeof *work.of_seed);
    Status status = STATUS_OK;
    if (!drawn || !work.weight || !work.of_seed) {
        status = status_fail(STATUS_MEMORY,
                             "bootstrap over seeds: no memory for %zu sentences and %zu draws",
                             sentences, draws);
    } else {
        for (int m = 0; m < METRICS; m++) work.drawn[m] = drawn + (size_t)m * draws;
        weigh_all_once(&work);
        score_seeds(&work);
        Scores found = mean_over_seeds(&work, 0, 0, 0, 0);
        draw_all(&work, levels, draws, seed);
        out->mcc = interval_of(found.value[MCC], work.drawn[MCC], draws);
        out->accuracy = interval_of(found.value[ACCURACY], work.drawn[ACCURACY], draws);
        out->f1 = interval_of(found.value[F1], work.drawn[F1], draws);
    }
    free(drawn);
    free(work.weight);
    free(work.of_seed);
    return status;
}
