/* Closed-form variances against sampled ones (theory: q4_features_theory.h).
 *
 * Every estimate is divided by its kernel value, so that it must average 1; its mean squared
 * distance from that known mean is the measured relative variance. Draws are gathered in batches,
 * and a batch is the unit that the bootstrap resamples. */
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/threads.h"
#include "q4_features.h"
#include "q4_features_theory.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = 16,    /* figure 4's */
    COLUMNS = 16,  /* one orthogonal block of positive features */
    BATCHES = 200, /* of draws */
    GROUP = 20,    /* batches between two safe points */
    MAPS = 2,
    KINDS = 2
};

/* |x|^2 = |y|^2 = norm2, and the cosine of the angle between x and y. */
typedef struct {
    const char *family; /* norm: x and y orthogonal, longer and longer; angle: the kernel changes */
    double norm2, cosine;
} Case;

static const Case cases[] = {
    {"norm", 0.0625, 0}, {"norm", 0.125, 0},  {"norm", 0.25, 0},  {"norm", 0.5, 0},
    {"norm", 1, 0},      {"norm", 2, 0},      {"norm", 4, 0},     {"norm", 8, 0},
    {"angle", 1, -1},    {"angle", 1, -0.75}, {"angle", 1, -0.5}, {"angle", 1, -0.25},
    {"angle", 1, 0},     {"angle", 1, 0.25},  {"angle", 1, 0.5},  {"angle", 1, 0.75},
    {"angle", 1, 1},     {"angle", 4, -1},
};
enum { CASES = sizeof cases / sizeof *cases };
/* Cases that facts quote: by |x+y|^2 = |x-y|^2 in the norm family, and x = -y. */
enum { NORM_QUARTER = 1, NORM_1 = 3, NORM_4 = 5, NORM_8 = 6, NORM_16 = 7 };
enum { OPPOSITE_1 = 8, OPPOSITE_4 = CASES - 1 };

typedef struct {
    double squares[BATCHES];  /* mean of (estimate - 1)^2 */
    double negative[BATCHES]; /* share of estimates below 0 */
} Sampled;

typedef Sampled Samples[MAPS][KINDS][CASES];

static double case_argument(FeatureMap map, const Case *c) {
    return features_argument(map, c->norm2, c->norm2, c->norm2 * c->cosine);
}

static double case_formula(FeatureMap map, ProjectionKind kind, const Case *c) {
    return features_relative_variance(map, kind, case_argument(map, c), WIDTH,
                                      features_projections(map, COLUMNS));
}

/* Projections on two fixed orthonormal directions, oblique so that every entry of W counts. The
 * pair (x, y) of every case lies in their plane. */
static void project(const float *w, double along[COLUMNS], double across[COLUMNS]) {
    for (int row = 0; row < COLUMNS; row++) {
        double even = 0, odd = 0;
        for (int e = 0; e < WIDTH; e += 2) {
            even += w[row * WIDTH + e];
            odd += w[row * WIDTH + e + 1];
        }
        along[row] = (even + odd) / sqrt(WIDTH);
        across[row] = (even - odd) / sqrt(WIDTH);
    }
}

/* phi(x)'phi(y) / SM(x,y). */
static double estimate(FeatureMap map, const Case *c, const double *along, const double *across) {
    int rows = features_projections(map, COLUMNS);
    double sign = map == FEATURE_POSITIVE ? 1 : -1, length = sqrt(c->norm2);
    double first = length * (1 + sign * c->cosine);
    double second = sign * length * sqrt(1 - c->cosine * c->cosine);
    double half = case_argument(map, c) / 2, sum = 0;
    for (int row = 0; row < rows; row++) {
        double product = first * along[row] + second * across[row];
        sum += map == FEATURE_POSITIVE ? exp(product - half) : cos(product);
    }
    return map == FEATURE_POSITIVE ? sum / rows : exp(half) * sum / rows;
}

static Status sample_batch(const FeaturesRun *run, Samples samples, int batch) {
    static const char *streams[KINDS] = {"q4.features.variance.iid",
                                         "q4.features.variance.orthogonal"};
    size_t draws = run->variance_draws / BATCHES;
    for (int kind = 0; kind < KINDS; kind++) {
        double squares[MAPS][CASES] = {{0}}, negative[MAPS][CASES] = {{0}};
        uint64_t stream = rng_stream(streams[kind]);
        for (size_t draw = 0; draw < draws; draw++) {
            float w[COLUMNS * WIDTH];
            double along[COLUMNS], across[COLUMNS];
            STATUS_TRY(projection_draw(w, COLUMNS, WIDTH, (ProjectionKind)kind, run->seed,
                                       stream + (uint64_t)batch * draws + draw));
            project(w, along, across);
            for (int map = 0; map < MAPS; map++)
                for (int c = 0; c < CASES; c++) {
                    double value = estimate((FeatureMap)map, &cases[c], along, across);
                    squares[map][c] += (value - 1) * (value - 1);
                    negative[map][c] += value < 0;
                }
        }
        for (int map = 0; map < MAPS; map++)
            for (int c = 0; c < CASES; c++) {
                samples[map][kind][c].squares[batch] = squares[map][c] / (double)draws;
                samples[map][kind][c].negative[batch] = negative[map][c] / (double)draws;
            }
    }
    return STATUS_OK;
}

double features_variance_seconds(const FeaturesRun *run) {
    return (double)run->variance_draws * 8e-5 / threads_count();
}

static Status sample_all(FeaturesRun *run, Samples samples) {
    double seconds = features_variance_seconds(run) * GROUP / BATCHES;
    for (int first = 0; first < BATCHES; first += GROUP) {
        Status failed = STATUS_OK;
#pragma omp parallel for schedule(dynamic, 1)
        for (int batch = first; batch < first + GROUP; batch++) {
            if (interrupt_requested()) continue;
            if (sample_batch(run, samples, batch)) {
#pragma omp atomic write
                failed = STATUS_MEMORY;
            }
        }
        if (failed) return status_fail(failed, "q4_features: no memory for a block of projections");
        STATUS_TRY(features_step(run, seconds, "variances"));
    }
    return STATUS_OK;
}

static Status measured_variance(FeaturesRun *run, const Sampled *s, Interval *out) {
    return bootstrap_interval(s->squares, BATCHES, bootstrap_mean, NULL, FEATURES_DRAWS, run->seed,
                              out);
}

static Status write_table(FeaturesRun *run, Samples samples) {
    FILE *table = results_table(run->results, "variance",
                                "map\tkind\tnorm2\tkernel\tformula\tmeasured\tlow\thigh\t"
                                "difference2\tcolumns\tfamily\tseen_share\tnegative_share");
    if (!table) return STATUS_IO;
    for (int map = 0; map < MAPS; map++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int i = 0; i < CASES; i++) {
                const Case *c = &cases[i];
                Interval measured;
                STATUS_TRY(measured_variance(run, &samples[map][kind][i], &measured));
                double projections = (double)(run->variance_draws / BATCHES * BATCHES) *
                                     features_projections((FeatureMap)map, COLUMNS);
                /* A bounded cosine has no tail to miss. */
                double seen =
                    map == FEATURE_POSITIVE
                        ? features_seen_share(case_argument(FEATURE_POSITIVE, c), projections)
                        : 1;
                fprintf(
                    table,
                    "%s\t%s\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%d\t%s\t%.4g\t"
                    "%.4g\n",
                    features_map_name((FeatureMap)map), features_kind_name((ProjectionKind)kind),
                    case_argument(FEATURE_POSITIVE, c), exp(c->norm2 * c->cosine),
                    case_formula((FeatureMap)map, (ProjectionKind)kind, c), measured.value,
                    measured.low, measured.high, case_argument(FEATURE_TRIGONOMETRIC, c), COLUMNS,
                    c->family, seen, bootstrap_mean(samples[map][kind][i].negative, BATCHES, NULL));
            }
    return STATUS_OK;
}

/* Measured over formula: 1 where sampling can tell. */
static Status agreement_facts(FeaturesRun *run, Samples samples) {
    static const struct {
        int position;
        const char *name;
    } quoted[] = {
        {NORM_QUARTER, "0.25"}, {NORM_1, "1"}, {NORM_4, "4"}, {NORM_8, "8"}, {NORM_16, "16"}};
    for (int map = 0; map < MAPS; map++)
        for (int kind = 0; kind < KINDS; kind++)
            for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
                int c = quoted[i].position;
                Interval ratio;
                STATUS_TRY(measured_variance(run, &samples[map][kind][c], &ratio));
                double formula = case_formula((FeatureMap)map, (ProjectionKind)kind, &cases[c]);
                ratio.value /= formula, ratio.low /= formula, ratio.high /= formula;
                STATUS_TRY(
                    results_aroundf(run->results, ratio, "1", "q4.variance.%s.%s.ratio.norm%s",
                                    features_map_name((FeatureMap)map),
                                    features_kind_name((ProjectionKind)kind), quoted[i].name));
                if (kind == PROJECTION_IID && c == NORM_1)
                    STATUS_TRY(results_aroundf(run->results, ratio, "1", "q4.variance.%s.ratio",
                                               features_map_name((FeatureMap)map)));
            }
    return STATUS_OK;
}

/* How many of the cases that sampling can judge agree: the formula lies in the 95 % interval. */
static Status coverage_facts(FeaturesRun *run, Samples samples) {
    for (int map = 0; map < MAPS; map++) {
        int checked = 0, covered = 0;
        for (int kind = 0; kind < KINDS; kind++)
            for (int c = 0; c < CASES; c++) {
                double argument = case_argument((FeatureMap)map, &cases[c]);
                /* At 0 both are 0 exactly; beyond 1 the tails of positive features go unseen. */
                if (argument < 1e-9 || (map == FEATURE_POSITIVE && argument > 1)) continue;
                double formula = case_formula((FeatureMap)map, (ProjectionKind)kind, &cases[c]);
                Interval measured;
                STATUS_TRY(measured_variance(run, &samples[map][kind][c], &measured));
                checked++;
                covered += measured.low <= formula && formula <= measured.high;
            }
        const char *name = features_map_name((FeatureMap)map);
        STATUS_TRY(results_exactf(run->results, checked, "1", "q4.variance.%s.checked", name));
        STATUS_TRY(results_exactf(run->results, covered, "1", "q4.variance.%s.covered", name));
    }
    return STATUS_OK;
}

/* Orthogonal over iid, by samples, by the closed form, and by the published bound. */
static Status orthogonal_facts(FeaturesRun *run, Samples samples) {
    static const int positions[] = {NORM_1, NORM_4, NORM_8};
    static const char *names[] = {"1", "4", "8"};
    for (int map = 0; map < MAPS; map++)
        for (int i = 0; i < 3; i++) {
            int c = positions[i];
            const char *name = features_map_name((FeatureMap)map);
            Interval ratio;
            STATUS_TRY(features_ratio(run, samples[map][PROJECTION_ORTHOGONAL][c].squares,
                                      samples[map][PROJECTION_IID][c].squares, BATCHES, &ratio));
            STATUS_TRY(results_aroundf(run->results, ratio, "1",
                                       "q4.variance.%s.orthogonal_iid.norm%s", name, names[i]));
            double iid = case_formula((FeatureMap)map, PROJECTION_IID, &cases[c]);
            double blocks = case_formula((FeatureMap)map, PROJECTION_ORTHOGONAL, &cases[c]);
            STATUS_TRY(results_exactf(run->results, blocks / iid, "1",
                                      "q4.variance.%s.orthogonal_iid.formula.norm%s", name,
                                      names[i]));
            if (map != FEATURE_POSITIVE) continue;
            double gain =
                features_published_gain(case_argument(FEATURE_POSITIVE, &cases[c]), WIDTH, COLUMNS);
            STATUS_TRY(results_exactf(run->results, 1 - gain / iid, "1",
                                      "q4.variance.positive.orthogonal_iid.bound.norm%s",
                                      names[i]));
        }
    return STATUS_OK;
}

/* x = -y: the smallest kernel for given norms; positive features are exact there. */
static Status small_kernel_facts(FeaturesRun *run, Samples samples) {
    static const int positions[] = {OPPOSITE_1, OPPOSITE_4};
    static const char *names[] = {"norm1", "norm4"};
    for (int i = 0; i < 2; i++) {
        const Sampled *s = &samples[FEATURE_TRIGONOMETRIC][PROJECTION_IID][positions[i]];
        const Case *c = &cases[positions[i]];
        Interval variance, negative;
        STATUS_TRY(measured_variance(run, s, &variance));
        Interval deviation = {sqrt(variance.value), sqrt(variance.low), sqrt(variance.high)};
        STATUS_TRY(results_aroundf(run->results, deviation, "1",
                                   "q4.variance.trigonometric.opposite.deviation.%s", names[i]));
        double formula = case_formula(FEATURE_TRIGONOMETRIC, PROJECTION_IID, c);
        STATUS_TRY(results_exactf(run->results, sqrt(formula), "1",
                                  "q4.variance.trigonometric.opposite.formula.%s", names[i]));
        STATUS_TRY(results_exactf(run->results, exp(c->norm2 * c->cosine), "1",
                                  "q4.variance.trigonometric.opposite.kernel.%s", names[i]));
        STATUS_TRY(bootstrap_interval(s->negative, BATCHES, bootstrap_mean, NULL, FEATURES_DRAWS,
                                      run->seed, &negative));
        STATUS_TRY(results_aroundf(run->results, negative, "1",
                                   "q4.variance.trigonometric.opposite.negative.%s", names[i]));
    }
    return STATUS_OK;
}

static Status theory_facts(FeaturesRun *run) {
    double draws = (double)(run->variance_draws / BATCHES * BATCHES);
    double projections = draws * COLUMNS;
    STATUS_TRY(results_exactf(run->results, draws, "1", "q4.variance.draws"));
    STATUS_TRY(results_exactf(run->results, projections, "1", "q4.variance.projections"));
    /* Beyond the first, over half of the variance is made where no draw lies; beyond the second
     * the same holds for the fourth moment, which decides how sure the measured variance is. */
    STATUS_TRY(results_exactf(run->results, log(projections) / 2, "1", "q4.variance.reach.half"));
    STATUS_TRY(results_exactf(run->results, log(projections) / 8, "1", "q4.variance.reach.sure"));
    STATUS_TRY(results_exactf(run->results, features_equal_kernel(1), "1",
                              "q4.variance.equal_kernel.norm1"));
    /* Unit-normal queries and keys of width d have |x+y|^2 = 2 sqrt(d) on average: the columns
     * that a relative standard deviation of 1 then takes, for one such pair. */
    for (int width = 16; width <= 64; width *= 4) {
        double typical = 2 * sqrt(width);
        STATUS_TRY(
            results_exactf(run->results, typical, "1", "q4.variance.typical_norm.d%d", width));
        STATUS_TRY(results_exactf(
            run->results,
            features_relative_variance(FEATURE_POSITIVE, PROJECTION_IID, typical, width, 1), "1",
            "q4.variance.columns_for_unit_error.d%d", width));
    }
    return STATUS_OK;
}

Status features_measure_variance(FeaturesRun *run) {
    size_t mark = arena_mark(&run->arena);
    Sampled(*samples)[KINDS][CASES] = arena_take(&run->arena, sizeof(Samples));
    if (!samples) return STATUS_MEMORY;
    STATUS_TRY(sample_all(run, samples));
    STATUS_TRY(write_table(run, samples));
    STATUS_TRY(agreement_facts(run, samples));
    STATUS_TRY(coverage_facts(run, samples));
    STATUS_TRY(orthogonal_facts(run, samples));
    STATUS_TRY(small_kernel_facts(run, samples));
    STATUS_TRY(theory_facts(run));
    arena_rewind(&run->arena, mark);
    return STATUS_OK;
}
