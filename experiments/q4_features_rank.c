/* Why softmax blocks the reduction: QK' has rank d at most, so (QK')V = Q(K'V) costs O(N d^2);
 * softmax(QK') has full rank, so no exact factorisation of it is narrower than N.
 *
 * Q and K are standard normal, scores are divided by sqrt(d), everything is in double precision.
 * Beside the numerical rank stand two that forgive more: singular values above 1/1000 of the
 * largest, and the fewest terms for 99 % of the energy (relative Frobenius error 10 %). */
#include "base/rng.h"
#include "base/threads.h"
#include "q4_features.h"
#include "q4_features_spectrum.h"
#include "q4_features_theory.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS_MAX = 16, FAVOR_LENGTH = 1024, FAVOR_WIDTH = 64, FAVOR_COLUMNS = 256 };

typedef enum { MATRIX_SCORES, MATRIX_SOFTMAX, MATRIX_FAVOR } MatrixKind;
static const char *matrix_names[] = {"scores", "softmax", "favor_positive"};

static const int quick_lengths[] = {256, 512, 1024}, full_lengths[] = {256, 512, 1024, 2048};
static const int quick_widths[] = {16, 64}, full_widths[] = {16, 32, 64, 128};

static int length_count(const FeaturesRun *run) {
    return run->quick ? 3 : 4;
}
static int width_count(const FeaturesRun *run) {
    return run->quick ? 2 : 4;
}
static const int *lengths_of(const FeaturesRun *run) {
    return run->quick ? quick_lengths : full_lengths;
}
static const int *widths_of(const FeaturesRun *run) {
    return run->quick ? quick_widths : full_widths;
}

/* The longest matrices are drawn once: they cost more than all the others together. */
static int draws_of(const FeaturesRun *run, int length) {
    return length > 1024 ? 1 : run->rank_draws;
}

/* Reduction to two diagonals: 8/3 n^3 operations, half of them bound by memory. */
static double svd_seconds(int length) {
    return 8.0 / 3 * pow(length, 3) / (1e10 * threads_count());
}

static int is_favor_cell(int length, int width) {
    return length == FAVOR_LENGTH && width == FAVOR_WIDTH;
}

double features_rank_seconds(const FeaturesRun *run) {
    double seconds = 0;
    for (int l = 0; l < length_count(run); l++) {
        int length = lengths_of(run)[l];
        for (int w = 0; w < width_count(run); w++)
            seconds += svd_seconds(length) * draws_of(run, length) *
                       (is_favor_cell(length, widths_of(run)[w]) ? 3 : 2);
    }
    return seconds;
}

typedef struct {
    int length, width;
    double *query, *key; /* [length, width] */
    double *matrix;      /* [length, length]; the decomposition destroys it */
    double *softmax;     /* [length, length] */
    double *singular;    /* [length] */
} Bench;

static Status bench_take(FeaturesRun *run, int length, int width, Bench *bench) {
    size_t thin = (size_t)length * (size_t)width, square = (size_t)length * (size_t)length;
    *bench = (Bench){.length = length, .width = width};
    bench->query = arena_take(&run->arena, thin * sizeof(double));
    bench->key = arena_take(&run->arena, thin * sizeof(double));
    bench->matrix = arena_take(&run->arena, square * sizeof(double));
    bench->softmax = arena_take(&run->arena, square * sizeof(double));
    bench->singular = arena_take(&run->arena, (size_t)length * sizeof(double));
    return bench->query && bench->key && bench->matrix && bench->softmax && bench->singular
               ? STATUS_OK
               : STATUS_MEMORY;
}

static void draw_inputs(const FeaturesRun *run, Bench *bench, int draw) {
    uint64_t stream = rng_stream("q4.features.rank.data") + (uint64_t)draw * 2;
    size_t count = (size_t)bench->length * (size_t)bench->width;
    for (size_t i = 0; i < count; i++) {
        bench->query[i] = rng_normal(run->seed, stream, i);
        bench->key[i] = rng_normal(run->seed, stream + 1, i);
    }
}

static void form_scores(Bench *bench) {
    int n = bench->length, d = bench->width;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1 / sqrt(d), bench->query, d,
                bench->key, d, 0, bench->matrix, n);
}

static void normalise_rows(double *matrix, int length, int exponentiate) {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < length; i++) {
        double *row = matrix + (size_t)i * (size_t)length, sum = 0, maximum = row[0];
        for (int j = 1; j < length; j++) maximum = fmax(maximum, row[j]);
        for (int j = 0; j < length; j++) {
            if (exponentiate) row[j] = exp(row[j] - maximum);
            sum += row[j];
        }
        for (int j = 0; j < length; j++) row[j] /= sum;
    }
}

/* phi [length, columns] of positive features, from x [length, width] before its scaling. */
static void positive_features(const double *x, int length, int width, const float *w, int columns,
                              double *phi) {
    double scale = 1 / sqrt(sqrt(width));
#pragma omp parallel for schedule(static)
    for (int t = 0; t < length; t++) {
        const double *row = x + (size_t)t * (size_t)width;
        double norm2 = 0;
        for (int e = 0; e < width; e++) norm2 += row[e] * row[e];
        for (int c = 0; c < columns; c++) {
            double product = 0;
            for (int e = 0; e < width; e++) product += row[e] * w[(size_t)c * (size_t)width + e];
            phi[(size_t)t * (size_t)columns + c] = exp(scale * product - scale * scale * norm2 / 2);
        }
    }
}

/* The attention matrix that positive orthogonal features stand for, rows normalised. */
static Status form_favor(FeaturesRun *run, Bench *bench, int draw) {
    int n = bench->length, d = bench->width, columns = FAVOR_COLUMNS;
    size_t mark = arena_mark(&run->arena), thin = (size_t)n * (size_t)columns * sizeof(double);
    double *phi_query = arena_take(&run->arena, thin), *phi_key = arena_take(&run->arena, thin);
    float *w = arena_take(&run->arena, (size_t)columns * (size_t)d * sizeof(float));
    if (!phi_query || !phi_key || !w) return STATUS_MEMORY;
    STATUS_TRY(projection_draw(w, columns, d, PROJECTION_ORTHOGONAL, run->seed,
                               rng_stream("q4.features.rank.projection") + (uint64_t)draw));
    positive_features(bench->query, n, d, w, columns, phi_query);
    positive_features(bench->key, n, d, w, columns, phi_key);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, columns, 1, phi_query, columns,
                phi_key, columns, 0, bench->matrix, n);
    normalise_rows(bench->matrix, n, 0);
    arena_rewind(&run->arena, mark);
    return STATUS_OK;
}

/* || matrix - softmax || / || softmax ||, Frobenius. */
static double frobenius_error(const Bench *bench) {
    size_t count = (size_t)bench->length * (size_t)bench->length;
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double gap = bench->matrix[i] - bench->softmax[i];
        difference += gap * gap;
        size += bench->softmax[i] * bench->softmax[i];
    }
    return sqrt(difference / size);
}

typedef struct {
    double rank[DRAWS_MAX], thousandth[DRAWS_MAX], energy[DRAWS_MAX];
    double best[DRAWS_MAX], favor[DRAWS_MAX]; /* errors at FAVOR_COLUMNS */
} Ranks;

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle draw with the whole range: five draws are too few for more. */
static Interval whole_range(const double *values, int draws) {
    double sorted[DRAWS_MAX];
    memcpy(sorted, values, (size_t)draws * sizeof *sorted);
    qsort(sorted, (size_t)draws, sizeof *sorted, compare_doubles);
    return (Interval){sorted[draws / 2], sorted[0], sorted[draws - 1]};
}

static Status decompose(FeaturesRun *run, Bench *bench, int draw, Ranks *ranks) {
    int n = bench->length;
    STATUS_TRY(features_singular_values(bench->matrix, n, bench->singular));
    const double *sigma = bench->singular;
    ranks->rank[draw] = features_rank(sigma, n, features_tolerance(sigma, n));
    ranks->thousandth[draw] = features_rank(sigma, n, 1e-3 * sigma[0]);
    ranks->energy[draw] = features_energy_rank(sigma, n, 0.99);
    ranks->best[draw] = n > FAVOR_COLUMNS ? features_best_error(sigma, n, FAVOR_COLUMNS) : 0;
    return features_step(run, svd_seconds(n), "ranks");
}

/* The whole spectrum would be more points than a figure shows: all of the head, then thinner. */
static Status write_spectrum(FeaturesRun *run, MatrixKind kind, const Bench *bench) {
    FILE *table = results_table(run->results, "spectrum", "matrix\twidth\tlength\tindex\tvalue");
    if (!table) return STATUS_IO;
    int n = bench->length;
    for (int i = 0; i < n; i++) {
        int shown = i < bench->width + 8 || i == n - 1 || (i + 1) % (n / 64) == 0;
        if (!shown) continue;
        fprintf(table, "%s\t%d\t%d\t%d\t%.4g\n", matrix_names[kind], bench->width, n, i + 1,
                bench->singular[i] / bench->singular[0]);
    }
    return STATUS_OK;
}

static Status write_ranks(FeaturesRun *run, MatrixKind kind, const Bench *bench, const Ranks *ranks,
                          int draws) {
    FILE *table = results_table(run->results, "rank",
                                "matrix\twidth\tlength\trank\ttolerance\tlow\thigh\t"
                                "rank_thousandth\trank_energy99\tdraws");
    if (!table) return STATUS_IO;
    Interval rank = whole_range(ranks->rank, draws);
    Interval thousandth = whole_range(ranks->thousandth, draws);
    Interval energy = whole_range(ranks->energy, draws);
    /* The tolerance is relative to the largest singular value. */
    fprintf(table, "%s\t%d\t%d\t%.0f\t%.3g\t%.0f\t%.0f\t%.0f\t%.0f\t%d\n", matrix_names[kind],
            bench->width, bench->length, rank.value, bench->length * DBL_EPSILON, rank.low,
            rank.high, thousandth.value, energy.value, draws);
    if (bench->length > 1024) return STATUS_OK;
    char cell[64];
    snprintf(cell, sizeof cell, "%s.d%d.n%d", matrix_names[kind], bench->width, bench->length);
    STATUS_TRY(results_aroundf(run->results, rank, "1", "q4.rank.%s", cell));
    STATUS_TRY(results_aroundf(run->results, thousandth, "1", "q4.rank.%s.thousandth", cell));
    return results_aroundf(run->results, energy, "1", "q4.rank.%s.energy99", cell);
}

/* No feature map of so many columns, however made, comes nearer to this matrix than `best`. */
static Status write_favor(FeaturesRun *run, const Ranks *softmax, const Ranks *favor, int draws) {
    STATUS_TRY(results_aroundf(run->results, whole_range(softmax->best, draws), "1",
                               "q4.rank.best_error.d%d.n%d.r%d", FAVOR_WIDTH, FAVOR_LENGTH,
                               FAVOR_COLUMNS));
    return results_aroundf(run->results, whole_range(favor->favor, draws), "1",
                           "q4.rank.favor_error.d%d.n%d.r%d", FAVOR_WIDTH, FAVOR_LENGTH,
                           FAVOR_COLUMNS);
}

static Status measure_cell(FeaturesRun *run, int length, int width) {
    size_t mark = arena_mark(&run->arena);
    Bench bench;
    Ranks ranks[3];
    int draws = draws_of(run, length), kinds = is_favor_cell(length, width) ? 3 : 2;
    STATUS_TRY(bench_take(run, length, width, &bench));
    for (int draw = 0; draw < draws; draw++) {
        draw_inputs(run, &bench, draw);
        for (int kind = 0; kind < kinds; kind++) {
            size_t bytes = (size_t)length * (size_t)length * sizeof(double);
            if (kind == MATRIX_FAVOR) {
                STATUS_TRY(form_favor(run, &bench, draw));
                ranks[kind].favor[draw] = frobenius_error(&bench);
            } else {
                form_scores(&bench);
                if (kind == MATRIX_SOFTMAX) {
                    normalise_rows(bench.matrix, length, 1);
                    memcpy(bench.softmax, bench.matrix, bytes);
                }
            }
            STATUS_TRY(decompose(run, &bench, draw, &ranks[kind]));
            if (draw == 0) STATUS_TRY(write_spectrum(run, (MatrixKind)kind, &bench));
        }
    }
    for (int kind = 0; kind < kinds; kind++)
        STATUS_TRY(write_ranks(run, (MatrixKind)kind, &bench, &ranks[kind], draws));
    if (kinds == 3)
        STATUS_TRY(write_favor(run, &ranks[MATRIX_SOFTMAX], &ranks[MATRIX_FAVOR], draws));
    arena_rewind(&run->arena, mark);
    return STATUS_OK;
}

Status features_measure_rank(FeaturesRun *run) {
    for (int l = 0; l < length_count(run); l++)
        for (int w = 0; w < width_count(run); w++)
            STATUS_TRY(measure_cell(run, lengths_of(run)[l], widths_of(run)[w]));
    return STATUS_OK;
}
