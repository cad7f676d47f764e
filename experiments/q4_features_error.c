/* The error of attention's output under random features: Performer's figure 4, and its growth with
 * the size of the inputs.
 *
 * Q, K and V hold independent normal values, of standard deviation 1 in V and `spread` in Q and K;
 * one head, no mask, scores scaled by 1/sqrt(d), so that x = q / d^(1/4) has |x|^2 = spread^2
 * sqrt(d) on average. The paper only says "appropriately normalized". Two panels are measured: the
 * spread of --spread (by default .5, so that |x|^2 = 1 at d = 16, where the variances of theory
 * promise an approximation), and 1, the unit-normal queries and keys for which 1/sqrt(d) is meant.
 * The truth is exact attention of the same engine.
 *
 *     squared error   mean over the N x d outputs of (approximate - exact)^2
 *     relative error  the same divided by the mean of exact^2
 *
 * Every sample draws Q, K, V and the projections anew; all kinds and columns of one sample share
 * them, so that ratios between kinds are measured in pairs. */
#include "base/rng.h"
#include "base/threads.h"
#include "q4_features.h"
#include "q4_features_theory.h"
#include "stat/fit.h"
#include "stat/summary.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { MAPS = 2, KINDS = 2, PANELS = 2 };

typedef struct {
    int length, width;
    float *query, *key, *value, *exact, *output; /* [length, width] each */
    float *projection;                           /* [largest columns, width] */
    float *projected;                            /* [length, largest columns] */
    float *sums;                                 /* [largest columns]: of the keys' features */
    float *weights;                              /* [length]: one for each key */
} Scene;

static Status scene_take(FeaturesRun *run, int length, int width, int columns, Scene *scene) {
    size_t matrix = (size_t)length * (size_t)width * sizeof(float);
    *scene = (Scene){.length = length, .width = width};
    float **matrices[] = {&scene->query, &scene->key, &scene->value, &scene->exact, &scene->output};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        *matrices[i] = arena_take(&run->arena, matrix);
        if (!*matrices[i]) return STATUS_MEMORY;
    }
    scene->projection = arena_take(&run->arena, (size_t)columns * (size_t)width * sizeof(float));
    scene->projected = arena_take(&run->arena, (size_t)columns * (size_t)length * sizeof(float));
    scene->sums = arena_take(&run->arena, (size_t)columns * sizeof(float));
    scene->weights = arena_take(&run->arena, (size_t)length * sizeof(float));
    return scene->projection && scene->projected && scene->sums && scene->weights ? STATUS_OK
                                                                                  : STATUS_MEMORY;
}

/* Another spread scales the same draws. */
static void scene_draw(const FeaturesRun *run, Scene *scene, double spread, const char *part,
                       int sample) {
    float *matrices[] = {scene->query, scene->key, scene->value};
    size_t count = (size_t)scene->length * (size_t)scene->width;
    for (int i = 0; i < 3; i++)
        rng_fill_normal(matrices[i], count, run->seed,
                        rng_stream(part) + (uint64_t)sample * 3 + (uint64_t)i);
    cblas_sscal((blasint)count, (float)spread, scene->query, 1);
    cblas_sscal((blasint)count, (float)spread, scene->key, 1);
}

static Status attend(FeaturesRun *run, const Scene *scene, Attention attention, float *out) {
    int offsets[] = {0, scene->length};
    size_t width = (size_t)scene->width;
    attention.sequences = 1;
    attention.heads = 1;
    attention.width = scene->width;
    attention.query_offsets = attention.key_offsets = offsets;
    attention.scale = 1 / sqrtf((float)scene->width);
    AttentionIn q = {scene->query, width, width}, k = {scene->key, width, width};
    AttentionIn v = {scene->value, width, width};
    return device_cpu()->attention_forward(&attention, q, k, v, (AttentionOut){out, width, width},
                                           NULL, &run->arena);
}

static Status attend_exactly(FeaturesRun *run, Scene *scene) {
    return attend(run, scene, (Attention){.kind = ATTENTION_TILED}, scene->exact);
}

/* `rows` rows of a projection that is the same for all columns of one sample (a prefix). */
static Status draw_projection(const FeaturesRun *run, Scene *scene, ProjectionKind kind, int rows,
                              const char *part, int sample) {
    return projection_draw(scene->projection, rows, scene->width, kind, run->seed,
                           rng_stream(part) + (uint64_t)sample);
}

static Status attend_by_features(FeaturesRun *run, Scene *scene, FeatureMap map, int rows) {
    Attention attention = {.kind = ATTENTION_KERNEL_LINEAR,
                           .map = map,
                           .features = rows,
                           .projection = scene->projection};
    return attend(run, scene, attention, scene->output);
}

static double squared_error(const Scene *scene) {
    size_t count = (size_t)scene->length * (size_t)scene->width;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)scene->output[i] - scene->exact[i];
        sum += difference * difference;
    }
    return sum / (double)count;
}

static double squared_size(const Scene *scene) {
    size_t count = (size_t)scene->length * (size_t)scene->width;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)scene->exact[i] * scene->exact[i];
    return sum / (double)count;
}

/* The yardstick: every query gets the mean of V, as if all scores were equal. */
static void attend_uniformly(Scene *scene) {
    for (int e = 0; e < scene->width; e++) {
        double sum = 0;
        for (int t = 0; t < scene->length; t++) sum += scene->value[(size_t)t * scene->width + e];
        for (int t = 0; t < scene->length; t++)
            scene->output[(size_t)t * scene->width + e] = (float)(sum / scene->length);
    }
}

/* --- the normaliser ------------------------------------------------------------------------- */

#if defined(__x86_64__) && defined(__GLIBC__)
/* Lets the loops below call libmvec's vector versions, which glibc has on this architecture. */
__attribute__((simd("notinbranch"))) float cosf(float);
__attribute__((simd("notinbranch"))) float sinf(float);
#endif

/* exp(|x|^2 / 2) of every key: the factor of its trigonometric features. */
static void weigh_keys(const Scene *scene) {
    double scale = 1 / sqrt(scene->width);
    for (int t = 0; t < scene->length; t++) {
        const float *key = scene->key + (size_t)t * (size_t)scene->width;
        double norm2 = 0;
        for (int e = 0; e < scene->width; e++) norm2 += (double)key[e] * key[e];
        scene->weights[t] = (float)exp(norm2 * scale / 2);
    }
}

/* The share of queries whose trigonometric normaliser phi(q)' sum_j phi(k_j) is not positive: the
 * quotient then has the wrong sign. A positive factor of each query is left out. */
static double negative_share(Scene *scene, int rows) {
    int length = scene->length, width = scene->width, negative = 0;
    float scale = 1 / sqrtf(sqrtf((float)width)), *angles = scene->projected;
    float *cosines = scene->sums, *sines = scene->sums + rows;
    weigh_keys(scene);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, length, width, scale,
                scene->projection, width, scene->key, width, 0, angles, length);
#pragma omp parallel for schedule(static)
    for (int r = 0; r < rows; r++) {
        const float *angle = angles + (size_t)r * (size_t)length;
        double cosine = 0, sine = 0;
        /* Two loops: of one the compiler would make a call of sincosf, which has no vectors. */
#pragma omp simd reduction(+ : cosine)
        for (int t = 0; t < length; t++) cosine += scene->weights[t] * cosf(angle[t]);
#pragma omp simd reduction(+ : sine)
        for (int t = 0; t < length; t++) sine += scene->weights[t] * sinf(angle[t]);
        cosines[r] = (float)cosine;
        sines[r] = (float)sine;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, length, rows, width, scale, scene->query,
                width, scene->projection, width, 0, angles, rows);
#pragma omp parallel for schedule(static) reduction(+ : negative)
    for (int t = 0; t < length; t++) {
        const float *angle = angles + (size_t)t * (size_t)rows;
        double normaliser = 0;
#pragma omp simd reduction(+ : normaliser)
        for (int r = 0; r < rows; r++) normaliser += cosines[r] * cosf(angle[r]);
#pragma omp simd reduction(+ : normaliser)
        for (int r = 0; r < rows; r++) normaliser += sines[r] * sinf(angle[r]);
        negative += normaliser <= 0;
    }
    return (double)negative / length;
}

/* --- figure 4 ------------------------------------------------------------------------------- */

typedef struct {
    const char *table; /* of its errors */
    const char *fact;  /* q4.<fact>.positive.iid.m256 */
    double spread;     /* of queries and keys */
} Panel;

typedef struct {
    double *error[MAPS][KINDS]; /* [columns, samples] */
    double *negative[KINDS];    /* [columns, samples], trigonometric */
    double *uniform, *size;     /* [samples] */
} Errors;

static Status errors_take(FeaturesRun *run, Errors *errors) {
    size_t count = (size_t)run->columns.count * (size_t)run->samples;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int map = 0; map < MAPS; map++)
            if (!(errors->error[map][kind] = arena_take(&run->arena, count * sizeof(double))))
                return STATUS_MEMORY;
        if (!(errors->negative[kind] = arena_take(&run->arena, count * sizeof(double))))
            return STATUS_MEMORY;
    }
    errors->uniform = arena_take(&run->arena, (size_t)run->samples * sizeof(double));
    errors->size = arena_take(&run->arena, (size_t)run->samples * sizeof(double));
    return errors->uniform && errors->size ? STATUS_OK : STATUS_MEMORY;
}

static int columns_sum(const FeaturesRun *run) {
    int sum = 0;
    for (int i = 0; i < run->columns.count; i++) sum += run->columns.values[i];
    return sum;
}

/* Seconds of one sample on one thread of an ordinary core: exponentials, sines and products. */
static double sample_seconds(const FeaturesRun *run) {
    double length = run->length, width = run->width;
    double exact = length * length * (4 * width / 5e10 + 1.5e-9);
    double features = 2.0 * columns_sum(run) * length * (8 * width / 3e10 + 1e-8);
    double normalisers = columns_sum(run) * length * 1e-8;
    return exact + features + normalisers + 3 * length * width * 2e-8;
}

double features_error_seconds(const FeaturesRun *run) {
    return PANELS * run->samples * sample_seconds(run) / threads_count();
}

static Status measure_sample(FeaturesRun *run, Scene *scene, const Panel *panel, Errors *errors,
                             int sample) {
    scene_draw(run, scene, panel->spread, "q4.features.error.data", sample);
    STATUS_TRY(attend_exactly(run, scene));
    errors->size[sample] = squared_size(scene);
    attend_uniformly(scene);
    errors->uniform[sample] = squared_error(scene);
    for (int kind = 0; kind < KINDS; kind++)
        for (int c = 0; c < run->columns.count; c++)
            for (int map = 0; map < MAPS; map++) {
                int rows = features_projections((FeatureMap)map, run->columns.values[c]);
                size_t at = (size_t)c * (size_t)run->samples + (size_t)sample;
                STATUS_TRY(draw_projection(run, scene, (ProjectionKind)kind, rows,
                                           "q4.features.error.projection", sample));
                STATUS_TRY(attend_by_features(run, scene, (FeatureMap)map, rows));
                errors->error[map][kind][at] = squared_error(scene);
                if (map == FEATURE_TRIGONOMETRIC)
                    errors->negative[kind][at] = negative_share(scene, rows);
            }
    return features_step(run, sample_seconds(run) / threads_count(), "errors of the output");
}

static Status write_errors(FeaturesRun *run, const Panel *panel, const Errors *errors) {
    size_t samples = (size_t)run->samples;
    FILE *mse = results_table(run->results, panel->table,
                              "map\tkind\tcolumns\tmean\tdeviation\tlow\thigh\tmedian");
    FILE *normaliser = results_table(run->results, "normaliser",
                                     "map\tkind\tcolumns\tspread\tnegative_share\tlow\thigh");
    if (!mse || !normaliser) return STATUS_IO;
    for (int c = 0; c < run->columns.count; c++)
        for (int kind = 0; kind < KINDS; kind++) {
            int columns = run->columns.values[c];
            const char *kind_name = features_kind_name((ProjectionKind)kind);
            Interval interval;
            for (int map = 0; map < MAPS; map++) {
                const double *values = errors->error[map][kind] + (size_t)c * samples;
                const char *map_name = features_map_name((FeatureMap)map);
                Summary s = summary_of(values, samples);
                STATUS_TRY(bootstrap_interval(values, samples, bootstrap_mean, NULL, FEATURES_DRAWS,
                                              run->seed, &interval));
                fprintf(mse, "%s\t%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", map_name, kind_name,
                        columns, s.mean, s.deviation, interval.low, interval.high, s.median);
                STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.%s.%s.m%d",
                                           panel->fact, map_name, kind_name, columns));
                STATUS_TRY(bootstrap_interval(values, samples, bootstrap_median, NULL,
                                              FEATURES_DRAWS, run->seed, &interval));
                STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.%s.%s.median.m%d",
                                           panel->fact, map_name, kind_name, columns));
            }
            const double *shares = errors->negative[kind] + (size_t)c * samples;
            STATUS_TRY(bootstrap_interval(shares, samples, bootstrap_mean, NULL, FEATURES_DRAWS,
                                          run->seed, &interval));
            fprintf(normaliser, "trigonometric\t%s\t%d\t%g\t%.6g\t%.6g\t%.6g\n", kind_name, columns,
                    panel->spread, interval.value, interval.low, interval.high);
            STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.negative.%s.m%d",
                                       panel->fact, kind_name, columns));
        }
    return STATUS_OK;
}

/* Exponents, and who wins by how much at equal columns. */
static Status error_facts(FeaturesRun *run, const Panel *panel, const Errors *errors) {
    size_t samples = (size_t)run->samples;
    double columns[OPTIONS_INTS_MAX];
    for (int c = 0; c < run->columns.count; c++) columns[c] = run->columns.values[c];
    Interval interval;
    for (int map = 0; map < MAPS; map++)
        for (int kind = 0; kind < KINDS; kind++) {
            FitPower fit;
            STATUS_TRY(fit_power(columns, errors->error[map][kind], (size_t)run->columns.count,
                                 samples, run->seed, &fit));
            interval = (Interval){fit.slope, fit.slope_low, fit.slope_high};
            STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.slope.%s.%s",
                                       panel->fact, features_map_name((FeatureMap)map),
                                       features_kind_name((ProjectionKind)kind)));
            /* Between the two largest numbers of columns: nearer to the asymptote, which is -1. */
            size_t last = fit.sizes - 2;
            interval = (Interval){fit.local[last], fit.local_low[last], fit.local_high[last]};
            STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.slope.%s.%s.last",
                                       panel->fact, features_map_name((FeatureMap)map),
                                       features_kind_name((ProjectionKind)kind)));
        }
    for (int c = 0; c < run->columns.count; c++) {
        size_t at = (size_t)c * samples;
        int m = run->columns.values[c];
        for (int map = 0; map < MAPS; map++) {
            STATUS_TRY(features_ratio(run, errors->error[map][PROJECTION_ORTHOGONAL] + at,
                                      errors->error[map][PROJECTION_IID] + at, samples, &interval));
            STATUS_TRY(results_aroundf(run->results, interval, "1",
                                       "q4.%s.ratio.orthogonal_iid.%s.m%d", panel->fact,
                                       features_map_name((FeatureMap)map), m));
        }
        STATUS_TRY(features_ratio(
            run, errors->error[FEATURE_TRIGONOMETRIC][PROJECTION_ORTHOGONAL] + at,
            errors->error[FEATURE_POSITIVE][PROJECTION_ORTHOGONAL] + at, samples, &interval));
        STATUS_TRY(results_aroundf(run->results, interval, "1",
                                   "q4.%s.ratio.trigonometric_positive.m%d", panel->fact, m));
        for (int map = 0; map < MAPS; map++)
            for (int kind = 0; kind < KINDS; kind++) {
                STATUS_TRY(features_ratio(run, errors->error[map][kind] + at, errors->size, samples,
                                          &interval));
                STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.relative.%s.%s.m%d",
                                           panel->fact, features_map_name((FeatureMap)map),
                                           features_kind_name((ProjectionKind)kind), m));
            }
    }
    STATUS_TRY(features_ratio(run, errors->uniform, errors->size, samples, &interval));
    STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.relative.uniform", panel->fact));
    STATUS_TRY(bootstrap_interval(errors->uniform, samples, bootstrap_mean, NULL, FEATURES_DRAWS,
                                  run->seed, &interval));
    STATUS_TRY(results_aroundf(run->results, interval, "1", "q4.%s.uniform", panel->fact));
    STATUS_TRY(bootstrap_interval(errors->size, samples, bootstrap_mean, NULL, FEATURES_DRAWS,
                                  run->seed, &interval));
    return results_aroundf(run->results, interval, "1", "q4.%s.exact_size", panel->fact);
}

Status features_measure_error(FeaturesRun *run) {
    const Panel panels[PANELS] = {{"mse", "mse", run->spread}, {"mse_unit", "mse_unit", 1}};
    size_t mark = arena_mark(&run->arena);
    Scene scene;
    Errors errors;
    STATUS_TRY(scene_take(run, run->length, run->width, run->columns.values[run->columns.count - 1],
                          &scene));
    STATUS_TRY(errors_take(run, &errors));
    for (int panel = 0; panel < PANELS; panel++) {
        for (int sample = 0; sample < run->samples; sample++)
            STATUS_TRY(measure_sample(run, &scene, &panels[panel], &errors, sample));
        STATUS_TRY(write_errors(run, &panels[panel], &errors));
        STATUS_TRY(error_facts(run, &panels[panel], &errors));
    }
    arena_rewind(&run->arena, mark);
    return STATUS_OK;
}

/* --- growth with the inputs ----------------------------------------------------------------- */

enum { GROWTH_LENGTH = 1024, GROWTH_COLUMNS = 256, GROWTH_SAMPLES_MAX = 64 };

static const double spreads[] = {0.25, 0.5, 0.75, 1, 1.25, 1.5};
static const char *spread_names[] = {"0.25", "0.5", "0.75", "1", "1.25", "1.5"};
static const int growth_widths[] = {16, 64};
enum { SPREADS = sizeof spreads / sizeof *spreads };
enum { GROWTH_WIDTHS = sizeof growth_widths / sizeof *growth_widths };

static double growth_cell_seconds(int width) {
    double length = GROWTH_LENGTH;
    return (length * length * (4 * width / 5e10 + 1.5e-9) +
            KINDS * MAPS * GROWTH_COLUMNS * length * (8 * width / 3e10 + 1.2e-8)) /
           threads_count();
}

double features_growth_seconds(const FeaturesRun *run) {
    double seconds = 0;
    for (int w = 0; w < GROWTH_WIDTHS; w++) seconds += growth_cell_seconds(growth_widths[w]);
    return seconds * SPREADS * run->growth_samples;
}

typedef struct {
    double error[MAPS][KINDS][GROWTH_SAMPLES_MAX]; /* relative */
    double uniform[GROWTH_SAMPLES_MAX];
    double negative[KINDS][GROWTH_SAMPLES_MAX];
} Growth;

static Status growth_sample(FeaturesRun *run, Scene *scene, double spread, Growth *growth,
                            int sample) {
    scene_draw(run, scene, spread, "q4.features.growth.data", sample);
    STATUS_TRY(attend_exactly(run, scene));
    double size = squared_size(scene);
    attend_uniformly(scene);
    growth->uniform[sample] = squared_error(scene) / size;
    for (int kind = 0; kind < KINDS; kind++)
        for (int map = 0; map < MAPS; map++) {
            int rows = features_projections((FeatureMap)map, GROWTH_COLUMNS);
            STATUS_TRY(draw_projection(run, scene, (ProjectionKind)kind, rows,
                                       "q4.features.growth.projection", sample));
            STATUS_TRY(attend_by_features(run, scene, (FeatureMap)map, rows));
            growth->error[map][kind][sample] = squared_error(scene) / size;
            if (map == FEATURE_TRIGONOMETRIC)
                growth->negative[kind][sample] = negative_share(scene, rows);
        }
    return features_step(run, growth_cell_seconds(scene->width), "growth with the inputs");
}

/* One line and one fact; the median, because one bad normaliser decides any mean. */
static Status growth_row(FeaturesRun *run, const char *map, const char *kind, int width, int spread,
                         const double *values, const double *negative) {
    size_t samples = (size_t)run->growth_samples;
    FILE *table = results_table(run->results, "growth",
                                "map\tkind\twidth\tlength\tcolumns\tspread\tnorm2\tmedian\tlow\t"
                                "high\tmean\tnegative_share");
    if (!table) return STATUS_IO;
    Interval interval;
    STATUS_TRY(bootstrap_interval(values, samples, bootstrap_median, NULL, FEATURES_DRAWS,
                                  run->seed, &interval));
    double norm2 = 2 * spreads[spread] * spreads[spread] * sqrt(width);
    fprintf(table, "%s\t%s\t%d\t%d\t%d\t%g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", map, kind, width,
            GROWTH_LENGTH, GROWTH_COLUMNS, spreads[spread], norm2, interval.value, interval.low,
            interval.high, bootstrap_mean(values, samples, NULL),
            negative ? bootstrap_mean(negative, samples, NULL) : 0);
    return results_aroundf(run->results, interval, "1", "q4.growth.%s.%s.d%d.spread%s", map, kind,
                           width, spread_names[spread]);
}

static Status growth_cell(FeaturesRun *run, Scene *scene, int spread, Growth *growth) {
    for (int sample = 0; sample < run->growth_samples; sample++)
        STATUS_TRY(growth_sample(run, scene, spreads[spread], growth, sample));
    for (int map = 0; map < MAPS; map++)
        for (int kind = 0; kind < KINDS; kind++)
            STATUS_TRY(growth_row(run, features_map_name((FeatureMap)map),
                                  features_kind_name((ProjectionKind)kind), scene->width, spread,
                                  growth->error[map][kind],
                                  map == FEATURE_TRIGONOMETRIC ? growth->negative[kind] : NULL));
    return growth_row(run, "uniform", "none", scene->width, spread, growth->uniform, NULL);
}

Status features_measure_growth(FeaturesRun *run) {
    size_t mark = arena_mark(&run->arena);
    Growth *growth = arena_take(&run->arena, sizeof *growth);
    if (!growth) return STATUS_MEMORY;
    for (int w = 0; w < GROWTH_WIDTHS; w++) {
        size_t scene_mark = arena_mark(&run->arena);
        Scene scene;
        STATUS_TRY(scene_take(run, GROWTH_LENGTH, growth_widths[w], GROWTH_COLUMNS, &scene));
        for (int spread = 0; spread < SPREADS; spread++)
            STATUS_TRY(growth_cell(run, &scene, spread, growth));
        arena_rewind(&run->arena, scene_mark);
    }
    arena_rewind(&run->arena, mark);
    return STATUS_OK;
}
