/* Many sentences: BLEU from sums, means, and how far both depend on the choice of sentences and
 * seeds. */
#include "base/rng.h"
#include "metric/order.h"
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLEU, EXACT, TAU, POSITION, SUBSTRING, MEASURES };

typedef struct {
    double of[MEASURES];
} Measures;

/* What BLEU is computed from. */
typedef struct {
    uint64_t length, answer_length, matches[ORDER_GRAMS], grams[ORDER_GRAMS];
} Sums;

static void add_score(Sums *sums, const OrderScore *score, uint64_t times) {
    sums->length += times * score->length;
    sums->answer_length += times * score->answer_length;
    for (int g = 0; g < ORDER_GRAMS; g++) {
        sums->matches[g] += times * score->matches[g];
        sums->grams[g] += times * score->grams[g];
    }
}

/* sacrebleu's compute_bleu with smooth_method "exp". An order of which the answers have no n-gram
 * at all makes the score 0. */
static double bleu_of(const Sums *sums) {
    double logarithms = 0, smooth = 1;
    if (sums->matches[0] == 0) return 0;
    for (int g = 0; g < ORDER_GRAMS; g++) {
        if (sums->grams[g] == 0) return 0;
        double precision = (double)sums->matches[g];
        if (sums->matches[g] == 0) precision = 1 / (smooth *= 2);
        logarithms += log(100 * precision / (double)sums->grams[g]);
    }
    double penalty = 1;
    if (sums->answer_length < sums->length)
        penalty = exp(1 - (double)sums->length / (double)sums->answer_length);
    return penalty * exp(logarithms / ORDER_GRAMS);
}

double order_bleu(const OrderScore *scores, size_t count) {
    Sums sums = {0};
    for (size_t s = 0; s < count; s++) add_score(&sums, &scores[s], 1);
    return bleu_of(&sums);
}

/* The measures of one run on sentences that count weight[s] times. */
static Measures measure(const OrderScore *scores, const uint32_t *weight, size_t sentences) {
    Sums sums = {0};
    Measures all = {{0}};
    for (size_t s = 0; s < sentences; s++) {
        const OrderScore *score = &scores[s];
        if (weight[s] == 0) continue;
        add_score(&sums, score, weight[s]);
        all.of[EXACT] += weight[s] * (double)score->exact;
        all.of[TAU] += weight[s] * (double)score->tau;
        all.of[POSITION] += weight[s] * (double)score->position;
        all.of[SUBSTRING] += weight[s] * (double)score->substring;
    }
    for (int k = EXACT; k < MEASURES; k++) all.of[k] /= (double)sentences;
    all.of[BLEU] = bleu_of(&sums);
    return all;
}

/* --- resampling ------------------------------------------------------------------------------- */

/* Runs of one system, or, where `against` is not NULL, what they have more than the runs of
 * another, seed by seed. Row-major [seeds, sentences]. */
typedef struct {
    const OrderScore *of, *against;
    size_t seeds, sentences;
    uint32_t *weight;  /* [sentences] */
    Measures *of_seed; /* [seeds] */
    Measures *drawn;   /* [draws] */
} Work;

static void measure_seeds(Work *work) {
    for (size_t i = 0; i < work->seeds; i++) {
        work->of_seed[i] = measure(work->of + i * work->sentences, work->weight, work->sentences);
        if (!work->against) continue;
        const Measures other =
            measure(work->against + i * work->sentences, work->weight, work->sentences);
        for (int k = 0; k < MEASURES; k++) work->of_seed[i].of[k] -= other.of[k];
    }
}

static Measures combine(const Work *work, int resample, uint64_t seed, uint64_t stream,
                        size_t draw) {
    Measures all = {{0}};
    for (size_t i = 0; i < work->seeds; i++) {
        size_t run = i;
        if (resample) run = (size_t)rng_below(seed, stream, draw * work->seeds + i, work->seeds);
        for (int k = 0; k < MEASURES; k++)
            all.of[k] += work->of_seed[run].of[k] / (double)work->seeds;
    }
    return all;
}

static void draw_all(Work *work, BootstrapLevels levels, size_t draws, uint64_t seed) {
    uint64_t of_sentences = rng_stream("metric.order.sentences");
    uint64_t of_seeds = rng_stream("metric.order.seeds");
    for (size_t draw = 0; draw < draws; draw++) {
        if (levels & BOOTSTRAP_OVER_SENTENCES) {
            memset(work->weight, 0, work->sentences * sizeof *work->weight);
            for (size_t i = 0; i < work->sentences; i++)
                work->weight[rng_below(seed, of_sentences, draw * work->sentences + i,
                                       work->sentences)]++;
            measure_seeds(work);
        }
        work->drawn[draw] =
            combine(work, (levels & BOOTSTRAP_OVER_SEEDS) != 0, seed, of_seeds, draw);
    }
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static Interval interval_of(double value, const Measures *drawn, size_t draws, int k,
                            double *sorted) {
    for (size_t d = 0; d < draws; d++) sorted[d] = drawn[d].of[k];
    qsort(sorted, draws, sizeof *sorted, compare_doubles);
    return (Interval){value, fmin(value, summary_quantile(sorted, draws, 0.025)),
                      fmax(value, summary_quantile(sorted, draws, 0.975))};
}

static Status summarise(const OrderScore *of, const OrderScore *against, size_t seeds,
                        size_t sentences, BootstrapLevels levels, size_t draws, uint64_t seed,
                        OrderSummary *out) {
    Work work = {.of = of, .against = against, .seeds = seeds, .sentences = sentences};
    work.weight = malloc(sentences * sizeof *work.weight);
    work.of_seed = malloc(seeds * sizeof *work.of_seed);
    work.drawn = malloc(draws * sizeof *work.drawn);
    double *sorted = malloc(draws * sizeof *sorted);
    Status status = STATUS_OK;
    if (!work.weight || !work.of_seed || !work.drawn || !sorted) {
        status = status_fail(STATUS_MEMORY, "order: no memory for %zu sentences and %zu draws",
                             sentences, draws);
    } else {
        for (size_t s = 0; s < sentences; s++) work.weight[s] = 1;
        measure_seeds(&work);
        Measures found = combine(&work, 0, 0, 0, 0);
        draw_all(&work, levels, draws, seed);
        Interval *const into[MEASURES] = {&out->bleu, &out->exact, &out->tau, &out->position,
                                          &out->substring};
        out->sentences = sentences;
        for (int k = 0; k < MEASURES; k++)
            *into[k] = interval_of(found.of[k], work.drawn, draws, k, sorted);
    }
    free(work.weight);
    free(work.of_seed);
    free(work.drawn);
    free(sorted);
    return status;
}

static Status check(size_t seeds, size_t sentences, size_t draws) {
    if (seeds > 0 && seeds <= INT32_MAX && sentences > 0 && sentences <= INT32_MAX && draws >= 40)
        return STATUS_OK;
    return status_fail(
        STATUS_ARGUMENT,
        "order: expected at least 1 run, 1 sentence and 40 draws, found %zu, %zu and "
        "%zu",
        seeds, sentences, draws);
}

Status order_summarise(const OrderScore *scores, size_t seeds, size_t sentences,
                       BootstrapLevels levels, size_t draws, uint64_t seed, OrderSummary *out) {
    STATUS_TRY(check(seeds, sentences, draws));
    return summarise(scores, NULL, seeds, sentences, levels, draws, seed, out);
}

Status order_compare_seeds(const OrderScore *a, const OrderScore *b, size_t seeds, size_t sentences,
                           BootstrapLevels levels, size_t draws, uint64_t seed, OrderSummary *out) {
    STATUS_TRY(check(seeds, sentences, draws));
    return summarise(a, b, seeds, sentences, levels, draws, seed, out);
}

Status order_compare(const OrderScore *a, const OrderScore *b, size_t sentences, size_t draws,
                     uint64_t seed, OrderSummary *out) {
    return order_compare_seeds(a, b, 1, sentences, BOOTSTRAP_OVER_SENTENCES, draws, seed, out);
}
