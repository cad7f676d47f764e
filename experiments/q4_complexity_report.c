#include "q4_complexity_report.h"
#include "q4_complexity_memory.h"
#include "stat/fit.h"
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- facts and curves ---------------------------------------------------------------------- */

/* Values against length: [lengths, repetitions]. */
typedef struct {
    int lengths, repetitions;
    double x[PLAN_LENGTHS_MAX];
    double y[PLAN_LENGTHS_MAX * PLAN_REPETITIONS_MAX];
} Curve;

typedef struct {
    int from, to; /* lengths fitted over; 0: no exponent can be given */
    double slope, low, high;
} Slope;

typedef enum {
    QUANTITY_TIME,
    QUANTITY_COUNTED,
    QUANTITY_SEEN,
    QUANTITY_OPERATIONS,
    QUANTITY_TOTAL,
    QUANTITIES
} Quantity;

static const struct {
    const char *table, *fact;
} quantity_names[QUANTITIES] = {{"time", "time"},
                                {"counted_bytes", "bytes"},
                                {"seen_bytes", "seen"},
                                {"operations", "operations"},
                                {"total_bytes", "total"}};

static double inputs_bytes(const Plan *plan, Direction direction, int index) {
    return case_inputs_bytes((Shape){plan->heads, plan->width, plan->features, plan->length[index]},
                             direction);
}

static void curve_collect(const Plan *plan, const Grid *grid, int v, int d, Quantity quantity,
                          Curve *curve) {
    double resolution = quantity == QUANTITY_SEEN ? memory_resolution_bytes(plan) : 0;
    curve->lengths = 0;
    curve->repetitions = quantity == QUANTITY_TIME ? plan->repetitions : 1;
    for (int i = 0; i < plan->lengths; i++) {
        const Cell *cell = &grid->cell[v][d][i];
        if (cell->state != CELL_MEASURED) continue;
        double value = 0;
        switch (quantity) {
        case QUANTITY_COUNTED:
            value = cell->counted_bytes;
            break;
        case QUANTITY_SEEN:
            value = fmax(cell->seen_bytes, resolution);
            break;
        case QUANTITY_OPERATIONS:
            value = cell->work.flops;
            break;
        case QUANTITY_TOTAL:
            value = cell->counted_bytes + inputs_bytes(plan, (Direction)d, i);
            break;
        default:
            break;
        }
        if (quantity == QUANTITY_SEEN && isnan(cell->seen_bytes)) continue;
        int at = curve->lengths++;
        curve->x[at] = plan->length[i];
        if (quantity == QUANTITY_TIME)
            memcpy(curve->y + at * curve->repetitions, cell->seconds,
                   (size_t)curve->repetitions * sizeof *curve->y);
        else
            curve->y[at] = value;
    }
}

static int curve_is_constant(const Curve *curve) {
    for (int i = 1; i < curve->lengths * curve->repetitions; i++)
        if (curve->y[i] != curve->y[0]) return 0;
    return 1;
}

/* Fits lengths from first on. 0: too few, or values without a logarithm. */
static int curve_fit(const Curve *curve, int first, uint64_t seed, FitPower *fit) {
    int lengths = curve->lengths - first;
    if (lengths < 2) return 0;
    if (curve_is_constant(curve)) {
        *fit = (FitPower){.sizes = (size_t)lengths};
        return 1;
    }
    return fit_power(curve->x + first, curve->y + first * curve->repetitions, (size_t)lengths,
                     (size_t)curve->repetitions, seed, fit) == STATUS_OK;
}

static Slope curve_slope(const Curve *curve, uint64_t seed) {
    Slope slope = {0};
    int first = 0, last = curve->lengths - 1;
    while (first < last && curve->x[first] * REPORT_SPAN < curve->x[last]) first++;
    FitPower fit;
    if (!curve_fit(curve, first, seed, &fit)) return slope;
    return (Slope){(int)curve->x[first], (int)curve->x[last], fit.slope, fit.slope_low,
                   fit.slope_high};
}

static Status write_slopes(const Plan *plan, const Grid *grid, int v, int d, Results *results) {
    static const char header[] =
        "variant\tdirection\tquantity\tfrom_length\tto_length\tslope\tlow\thigh";
    FILE *slopes = results_table(results, "slopes", header);
    FILE *local = results_table(results, "local", header);
    Curve *curve = malloc(sizeof *curve);
    if (!slopes || !local || !curve) {
        free(curve);
        return slopes && local ? status_fail(STATUS_MEMORY, "no memory for a curve") : STATUS_IO;
    }
    const char *slug = case_variants[v].slug, *direction = case_direction_name((Direction)d);
    Status status = STATUS_OK;
    for (int q = 0; q < QUANTITIES && status == STATUS_OK; q++) {
        curve_collect(plan, grid, v, d, (Quantity)q, curve);
        Slope slope = curve_slope(curve, plan->seed);
        FitPower whole;
        if (!slope.from || !curve_fit(curve, 0, plan->seed, &whole)) continue;
        const char *name = quantity_names[q].fact;
        fprintf(slopes, "%s\t%s\t%s\t%d\t%d\t%.6g\t%.6g\t%.6g\n", slug, direction,
                quantity_names[q].table, slope.from, slope.to, slope.slope, slope.low, slope.high);
        status = results_factf(results, (Interval){slope.slope, slope.low, slope.high}, "1",
                               "q4.%s.%s.%s.slope", slug, direction, name);
        for (size_t i = 0; i + 1 < whole.sizes; i++)
            fprintf(local, "%s\t%s\t%s\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\n", slug, direction,
                    quantity_names[q].table, curve->x[i], curve->x[i + 1], whole.local[i],
                    whole.local_low[i], whole.local_high[i]);
        if (q != QUANTITY_TIME || status != STATUS_OK) continue;
        size_t top = whole.sizes - 2;
        status = results_factf(
            results, (Interval){whole.local[top], whole.local_low[top], whole.local_high[top]}, "1",
            "q4.%s.%s.time.slope.top", slug, direction);
        if (status == STATUS_OK)
            status = results_exactf(results, slope.from, "token", "q4.%s.%s.time.slope.from", slug,
                                    direction);
        if (status == STATUS_OK)
            status = results_exactf(results, slope.to, "token", "q4.%s.%s.time.slope.to", slug,
                                    direction);
    }
    free(curve);
    return status;
}

/* --- times --------------------------------------------------------------------------------- */

/* How much of the shortest length's time is not explained by the operations a second that the
 * longest one reaches. */
static Status write_fixed_share(const Plan *plan, const Grid *grid, int v, int d,
                                Results *results) {
    int first = -1, last = -1;
    for (int i = 0; i < plan->lengths; i++) {
        if (grid->cell[v][d][i].state != CELL_MEASURED) continue;
        if (first < 0) first = i;
        last = i;
    }
    if (first == last) return STATUS_OK;
    const Cell *shortest = &grid->cell[v][d][first], *longest = &grid->cell[v][d][last];
    double work = longest->work.flops > 0 ? shortest->work.flops / longest->work.flops
                                          : (double)plan->length[first] / plan->length[last];
    Summary at = summary_of(shortest->seconds, (size_t)shortest->repetitions);
    Summary top = summary_of(longest->seconds, (size_t)longest->repetitions);
    return results_factf(
        results,
        (Interval){1 - top.median * work / at.median, 1 - top.median_high * work / at.median_low,
                   1 - top.median_low * work / at.median_high},
        "1", "q4.%s.%s.time.fixed.share", case_variants[v].slug, case_direction_name((Direction)d));
}

static Status write_cell(const Session *session, const Cell *cell, int v, const char *direction,
                         int length, FILE *summary, Results *results) {
    const Plan *plan = &session->plan;
    const char *slug = case_variants[v].slug;
    Summary s = summary_of(cell->seconds, (size_t)cell->repetitions);
    double peak = session_gemm_peak(session, case_variants[v].precision), flops = cell->work.flops;
    double share = flops / s.median / peak;
    if (summary)
        fprintf(summary, "%s\t%s\t%d\t%d\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.0f\t%.6g\n", slug, direction,
                plan->heads, plan->width, plan->features, length, s.median, s.median_low,
                s.median_high, flops, share);
    STATUS_TRY(results_factf(results, (Interval){s.median, s.median_low, s.median_high}, "s",
                             "q4.%s.%s.time.n%d", slug, direction, length));
    if (flops <= 0) return STATUS_OK;
    return results_factf(
        results, (Interval){share, flops / s.median_high / peak, flops / s.median_low / peak}, "1",
        "q4.%s.%s.peak_share.n%d", slug, direction, length);
}

static Status write_times(const Session *session, const Grid *grid, int v, int d,
                          Results *results) {
    const Plan *plan = &session->plan;
    FILE *time = results_table(results, "time",
                               "variant\tdirection\theads\twidth\tfeatures\tlength\trepetition\t"
                               "seconds\tdisturbed");
    FILE *summary = results_table(results, "summary",
                                  "variant\tdirection\theads\twidth\tfeatures\tlength\tseconds\t"
                                  "low\thigh\tflops\tpeak_share");
    FILE *skipped = results_table(results, "skipped", "variant\tdirection\tlength\treason");
    if (!time || !summary || !skipped) return STATUS_IO;
    const char *slug = case_variants[v].slug, *direction = case_direction_name((Direction)d);
    for (int i = 0; i < plan->lengths; i++) {
        const Cell *cell = &grid->cell[v][d][i];
        int length = plan->length[i];
        if (cell->state == CELL_TOO_LARGE)
            fprintf(skipped, "%s\t%s\t%d\tneeds %.3g GB, %.3g GB may be used\n", slug, direction,
                    length, cell->need_bytes * 1e-9, plan->memory_limit * 1e-9);
        if (cell->state == CELL_REFUSED)
            fprintf(skipped,
                    "%s\t%s\t%d\ttried, and more was asked than was free; needs at least "
                    "%.3g GB\n",
                    slug, direction, length, cell->need_bytes * 1e-9);
        if (cell->state == CELL_LACKING)
            fprintf(skipped, "%s\t%s\t%d\tthis device has no such operation\n", slug, direction,
                    length);
        if (cell->state == CELL_TOO_LONG)
            fprintf(skipped, "%s\t%s\t%d\tthis profile stops at %d\n", slug, direction, length,
                    plan_longest(plan, v, (Direction)d));
        if (cell->state != CELL_MEASURED) continue;
        for (int r = 0; r < cell->repetitions; r++)
            fprintf(time, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.6g\t%d\n", slug, direction, plan->heads,
                    plan->width, plan->features, length, r, cell->seconds[r], cell->disturbed[r]);
        STATUS_TRY(write_cell(session, cell, v, direction, length, summary, results));
    }
    return STATUS_OK;
}

/* Forward and backward together, repetition by repetition. */
static Status write_both(const Session *session, const Grid *grid, int v, Results *results) {
    const Plan *plan = &session->plan;
    for (int i = 0; i < plan->lengths; i++) {
        const Cell *forward = &grid->cell[v][0][i], *backward = &grid->cell[v][1][i];
        if (forward->state != CELL_MEASURED || backward->state != CELL_MEASURED) continue;
        Cell both = *forward;
        both.work.flops += backward->work.flops;
        for (int r = 0; r < both.repetitions; r++) both.seconds[r] += backward->seconds[r];
        STATUS_TRY(write_cell(session, &both, v, "both", plan->length[i], NULL, results));
    }
    return STATUS_OK;
}

/* How many times as fast favor_positive is as exact attention, at each length. */
static Status write_speedups(const Plan *plan, const Grid *grid, Results *results) {
    int kernel = case_variant_find("favor_positive", 14);
    for (int e = 0; e < CROSS_EXACT; e++) {
        int exact = case_variant_find(cross_exact[e], strlen(cross_exact[e]));
        for (int i = 0; i < plan->lengths; i++) {
            const Cell *a = &grid->cell[exact][0][i], *b = &grid->cell[kernel][0][i];
            if (a->state != CELL_MEASURED || b->state != CELL_MEASURED) continue;
            Summary slow = summary_of(a->seconds, (size_t)a->repetitions);
            Summary fast = summary_of(b->seconds, (size_t)b->repetitions);
            STATUS_TRY(results_factf(
                results,
                (Interval){slow.median / fast.median, slow.median_low / fast.median_high,
                           slow.median_high / fast.median_low},
                "1", "q4.speedup.favor_positive.%s.n%d", cross_exact[e], plan->length[i]));
        }
    }
    return STATUS_OK;
}

/* The share of samples during which the kernel took a processor away. */
static double disturbed_share(const Plan *plan, const Grid *grid) {
    double samples = 0, disturbed = 0;
    for (int v = 0; v < VARIANT_COUNT; v++)
        for (int d = 0; d < 2; d++)
            for (int i = 0; i < plan->lengths; i++)
                for (int r = 0; r < grid->cell[v][d][i].repetitions; r++) {
                    samples++;
                    disturbed += grid->cell[v][d][i].disturbed[r];
                }
    return samples > 0 ? disturbed / samples : 0;
}

/* --- memory -------------------------------------------------------------------------------- */

static Status write_memory(const Plan *plan, const Grid *grid, int v, int d, Results *results) {
    FILE *memory = results_table(results, "memory",
                                 "variant\tdirection\theads\twidth\tfeatures\tlength\t"
                                 "counted_bytes\tformula_bytes\tseen_bytes");
    FILE *counted = results_table(results, "counted",
                                  "variant\tdirection\theads\twidth\tfeatures\tlength\t"
                                  "counted_bytes\tformula_bytes\tinput_output_bytes");
    if (!memory || !counted) return STATUS_IO;
    const char *slug = case_variants[v].slug, *direction = case_direction_name((Direction)d);
    for (int i = 0; i < plan->lengths; i++) {
        const Cell *cell = &grid->cell[v][d][i];
        if (cell->state != CELL_MEASURED) continue;
        int length = plan->length[i];
        double bytes = cell->counted_bytes, seen = cell->seen_bytes;
        fprintf(counted, "%s\t%s\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\n", slug, direction, plan->heads,
                plan->width, plan->features, length, bytes, cell->work.bytes,
                inputs_bytes(plan, (Direction)d, i));
        STATUS_TRY(
            results_exactf(results, bytes, "byte", "q4.%s.%s.bytes.n%d", slug, direction, length));
        if (isnan(seen)) continue;
        fprintf(memory, "%s\t%s\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\n", slug, direction, plan->heads,
                plan->width, plan->features, length, bytes, cell->work.bytes, seen);
        STATUS_TRY(
            results_exactf(results, seen, "byte", "q4.%s.%s.seen.n%d", slug, direction, length));
    }
    return STATUS_OK;
}

/* --- peaks --------------------------------------------------------------------------------- */

/* What the products reach whose operands are rounded: name and facts as those of f32 with the
 * format behind. */
static Status write_low_peaks(const Session *session, FILE *peak, Results *results) {
    for (int p = PRECISION_F32 + 1; p < PRECISIONS; p++) {
        const char *name = precision_name((Precision)p);
        const double best = session_gemm_peak(session, (Precision)p);
        double least = best;
        if (best <= 0) continue;
        for (int i = 0; i < session->peaks; i++) least = fmin(least, session->gemm[p][i]);
        fprintf(peak, "gemm_flops_%s\t%.6g\tflop/s\n", name, best);
        STATUS_TRY(results_factf(results, (Interval){best, least, best}, "flop/s",
                                 "q4.peak.gemm.%s", name));
    }
    return STATUS_OK;
}

static Status write_peaks(const Session *session, Results *results) {
    FILE *peak = results_table(results, "peak", "quantity\tvalue\tunit");
    FILE *samples = results_table(results, "peak_samples", "sample\tgemm_flops\tbandwidth");
    FILE *curve = results_table(results, "gemm_curve", "shape\tsize\tm\tn\tk\tflops_per_second");
    if (!peak || !samples || !curve) return STATUS_IO;
    double gemm = session_gemm_peak(session, PRECISION_F32);
    double bandwidth = session_bandwidth_peak(session);
    double lowest_gemm = gemm, lowest_bandwidth = bandwidth;
    fprintf(peak, "gemm_flops\t%.6g\tflop/s\nbandwidth\t%.6g\tbyte/s\n", gemm, bandwidth);
    for (int i = 0; i < session->peaks; i++) {
        fprintf(samples, "%d\t%.6g\t%.6g\n", i, session->gemm[PRECISION_F32][i],
                session->bandwidth[i]);
        lowest_gemm = fmin(lowest_gemm, session->gemm[PRECISION_F32][i]);
        lowest_bandwidth = fmin(lowest_bandwidth, session->bandwidth[i]);
    }
    for (int i = 0; i < session->points; i++) {
        const CurvePoint *point = &session->curve[i];
        fprintf(curve, "%s\t%d\t%d\t%d\t%d\t%.6g\n", point->shape, point->m, point->m, point->n,
                point->k, point->rate);
        double share = point->rate / gemm;
        STATUS_TRY(
            results_exactf(results, share, "1", "q4.gemm.%s.share.n%d", point->shape, point->m));
    }
    STATUS_TRY(write_low_peaks(session, peak, results));
    /* The value is the best sustained; the interval goes down to the worst of the run. */
    STATUS_TRY(
        results_factf(results, (Interval){gemm, lowest_gemm, gemm}, "flop/s", "q4.peak.gemm"));
    return results_factf(results, (Interval){bandwidth, lowest_bandwidth, bandwidth}, "byte/s",
                         "q4.peak.bandwidth");
}

/* --- crossover ----------------------------------------------------------------------------- */

static double rule(int width) {
    return 18 * width * log(width);
}

static Status write_points(const Plan *plan, const CrossWidth *width, Results *results) {
    FILE *table = results_table(results, "crossover",
                                "width\tfeatures\tagainst\tlength\tlow\thigh\tstatus\trule");
    if (!table) return STATUS_IO;
    STATUS_TRY(results_exactf(results, rule(width->width), "token", "q4.crossover.d%d.rule",
                              width->width));
    for (int f = 0; f < width->columns; f++)
        for (int e = 0; e < CROSS_EXACT; e++) {
            const CrossPoint *point = &width->point[f][e];
            int asked = 0; /* R of equal error has a table of its own */
            for (int i = 0; i < plan->cross_features; i++)
                asked |= plan->cross_feature[i] == width->features[f];
            if (!asked || point->status == CROSS_UNMEASURED) continue;
            fprintf(table, "%d\t%d\t%s\t%.6g\t%.6g\t%.6g\t%s\t%.6g\n", width->width,
                    width->features[f], cross_exact[e], point->length, point->low, point->high,
                    cross_status_name(point->status), rule(width->width));
            if (point->status != CROSS_CROSSED) continue;
            STATUS_TRY(results_factf(results, (Interval){point->length, point->low, point->high},
                                     "token", "q4.crossover.d%d.r%d.%s", width->width,
                                     width->features[f], cross_exact[e]));
            STATUS_TRY(results_factf(results,
                                     (Interval){point->length / rule(width->width),
                                                point->low / rule(width->width),
                                                point->high / rule(width->width)},
                                     "1", "q4.crossover.d%d.r%d.%s.over_rule", width->width,
                                     width->features[f], cross_exact[e]));
        }
    return STATUS_OK;
}

/* "q4.equal_error.d64" for standard normal queries and keys, "q4.equal_error.s50.d64" for half of
 * that deviation. */
static void error_prefix(char *out, size_t size, const char *what, double deviation, int width) {
    if (deviation == 1)
        snprintf(out, size, "q4.%s.d%d", what, width);
    else
        snprintf(out, size, "q4.%s.s%ld.d%d", what, lround(100 * deviation), width);
}

static Status write_error_curve(const Plan *plan, const CrossWidth *width, int s,
                                Results *results) {
    FILE *table =
        results_table(results, "error", "width\tdeviation\tlength\tfeatures\terror\tlow\thigh");
    if (!table) return STATUS_IO;
    char prefix[64];
    error_prefix(prefix, sizeof prefix, "error", plan->deviation[s], width->width);
    for (int i = 0; i < width->by[s].errors; i++) {
        const CrossError *error = &width->by[s].error[i];
        fprintf(table, "%d\t%g\t%d\t%d\t%.6g\t%.6g\t%.6g\n", width->width, plan->deviation[s],
                plan->error_length, error->features, error->error, error->low, error->high);
        STATUS_TRY(results_factf(results, (Interval){error->error, error->low, error->high}, "1",
                                 "%s.r%d", prefix, error->features));
    }
    return STATUS_OK;
}

static Status write_target(const Plan *plan, const CrossWidth *width, int s, int t,
                           Results *results) {
    FILE *table = results_table(
        results, "equal_error",
        "width\tdeviation\ttarget_error\tfeatures\tagainst\tlength\tlow\thigh\tstatus");
    if (!table) return STATUS_IO;
    int needed = width->by[s].needed[t], f = 0;
    while (f < width->columns && width->features[f] != needed) f++;
    char prefix[64];
    error_prefix(prefix, sizeof prefix, "equal_error", plan->deviation[s], width->width);
    int percent = (int)lround(100 * plan->target[t]);
    if (needed)
        STATUS_TRY(results_exactf(results, needed, "1", "%s.e%d.features", prefix, percent));
    for (int e = 0; e < CROSS_EXACT; e++) {
        if (!plan->variants[case_variant_find(cross_exact[e], strlen(cross_exact[e]))]) continue;
        CrossPoint point = {.status = CROSS_UNMEASURED};
        if (needed && f < width->columns) point = width->point[f][e];
        fprintf(table, "%d\t%g\t%g\t", width->width, plan->deviation[s], plan->target[t]);
        if (!needed) /* the error stays above the target for every R tried */
            fprintf(table, "inf\t%s\tinf\tinf\tinf\tnever\n", cross_exact[e]);
        else if (point.status == CROSS_UNMEASURED) /* calls too long from the first length on */
            fprintf(table, "%d\t%s\tinf\t0\tinf\tunmeasured\n", needed, cross_exact[e]);
        else
            fprintf(table, "%d\t%s\t%.6g\t%.6g\t%.6g\t%s\n", needed, cross_exact[e], point.length,
                    point.low, point.high, cross_status_name(point.status));
        if (point.status == CROSS_CROSSED)
            STATUS_TRY(results_factf(results, (Interval){point.length, point.low, point.high},
                                     "token", "%s.e%d.%s", prefix, percent, cross_exact[e]));
    }
    return STATUS_OK;
}

static Status write_cross(const Session *session, const Cross *cross, Results *results) {
    const Plan *plan = &session->plan;
    double most = plan->error_most, length = plan->error_length;
    STATUS_TRY(results_exactf(results, most, "1", "q4.equal_error.features.most"));
    STATUS_TRY(results_exactf(results, length, "token", "q4.equal_error.length"));
    double heads = plan->cross_heads, longest = plan->cross_longest;
    STATUS_TRY(results_exactf(results, heads, "1", "q4.crossover.heads"));
    STATUS_TRY(results_exactf(results, longest, "token", "q4.crossover.longest"));
    for (int w = 0; w < plan->cross_widths; w++) {
        STATUS_TRY(write_points(plan, &cross->width[w], results));
        for (int s = 0; s < plan->deviations; s++) {
            STATUS_TRY(write_error_curve(plan, &cross->width[w], s, results));
            for (int t = 0; t < plan->targets; t++)
                STATUS_TRY(write_target(plan, &cross->width[w], s, t, results));
        }
    }
    return STATUS_OK;
}

/* --- everything ---------------------------------------------------------------------------- */

Status report_write(const Session *session, const Grid *grid, const Cross *cross,
                    Results *results) {
    const Plan *plan = &session->plan;
    double resolution = memory_resolution_bytes(plan);
    STATUS_TRY(write_peaks(session, results));
    if (*plan->gpu)
        STATUS_TRY(results_exactf(results, plan->memory_limit, "byte", "q4.memory.limit"));
    STATUS_TRY(results_exactf(results, resolution, "byte", "q4.seen.resolution"));
    STATUS_TRY(results_exactf(results, plan->heads, "1", "q4.heads"));
    STATUS_TRY(results_exactf(results, plan->width, "1", "q4.width"));
    STATUS_TRY(results_exactf(results, plan->features, "1", "q4.features"));
    STATUS_TRY(results_exactf(results, plan->repetitions, "1", "q4.repetitions"));
    STATUS_TRY(results_exactf(results, REPORT_SPAN, "1", "q4.fit.span"));
    for (int v = 0; v < VARIANT_COUNT; v++) {
        if (!plan->variants[v]) continue;
        for (int d = 0; d < 2; d++) {
            if (!plan->directions[d]) continue;
            STATUS_TRY(write_times(session, grid, v, d, results));
            STATUS_TRY(write_fixed_share(plan, grid, v, d, results));
            STATUS_TRY(write_memory(plan, grid, v, d, results));
            STATUS_TRY(write_slopes(plan, grid, v, d, results));
        }
        STATUS_TRY(write_both(session, grid, v, results));
    }
    STATUS_TRY(write_speedups(plan, grid, results));
    double disturbed = disturbed_share(plan, grid);
    STATUS_TRY(results_exactf(results, disturbed, "1", "q4.disturbed.share"));
    return cross ? write_cross(session, cross, results) : STATUS_OK;
}

static void print_slope(const Plan *plan, const Grid *grid, int v, int d, Quantity quantity,
                        FILE *stream) {
    Curve *curve = malloc(sizeof *curve);
    Slope slope = {0};
    if (curve) {
        curve_collect(plan, grid, v, d, quantity, curve);
        slope = curve_slope(curve, plan->seed);
    }
    free(curve);
    if (!slope.from)
        fprintf(stream, "  %-19s", "-");
    else if (quantity == QUANTITY_TIME)
        fprintf(stream, "  %.2f [%.2f, %.2f]  ", slope.slope, slope.low, slope.high);
    else
        fprintf(stream, "  %6.2f", slope.slope);
}

void report_print(const Session *session, const Grid *grid, const Cross *cross, FILE *stream) {
    const Plan *plan = &session->plan;
    fprintf(stream, "peak: %.4g GFLOP/s (GEMM), %.3g GB/s (%s)\n",
            session_gemm_peak(session, PRECISION_F32) * 1e-9,
            session_bandwidth_peak(session) * 1e-9, *plan->gpu ? "copy" : "triad");
    fprintf(stream, "%-24s %-9s %7s %11s %6s  %-19s %8s %7s %7s\n", "variant", "direction",
            "length", "seconds", "peak %", "time exponent", "counted", "seen", "total");
    for (int v = 0; v < VARIANT_COUNT; v++)
        for (int d = 0; d < 2; d++) {
            int last = -1;
            for (int i = 0; i < plan->lengths; i++)
                if (grid->cell[v][d][i].state == CELL_MEASURED) last = i;
            if (last < 0) continue;
            const Cell *cell = &grid->cell[v][d][last];
            Summary s = summary_of(cell->seconds, (size_t)cell->repetitions);
            fprintf(stream, "%-24s %-9s %7d %11.4g %6.1f", case_variants[v].slug,
                    case_direction_name((Direction)d), plan->length[last], s.median,
                    100 * cell->work.flops / s.median /
                        session_gemm_peak(session, case_variants[v].precision));
            print_slope(plan, grid, v, d, QUANTITY_TIME, stream);
            print_slope(plan, grid, v, d, QUANTITY_COUNTED, stream);
            print_slope(plan, grid, v, d, QUANTITY_SEEN, stream);
            print_slope(plan, grid, v, d, QUANTITY_TOTAL, stream);
            fputc('\n', stream);
        }
    fprintf(stream, "%.0f %% of the samples were disturbed by the scheduler%s\n",
            100 * disturbed_share(plan, grid),
            disturbed_share(plan, grid) > 0.3
                ? ": other programs were running; measure again on a quiet machine"
                : "");
    if (!cross) return;
    for (int w = 0; w < plan->cross_widths; w++) {
        const CrossWidth *width = &cross->width[w];
        for (int f = 0; f < width->columns; f++)
            for (int e = 0; e < CROSS_EXACT; e++) {
                const CrossPoint *point = &width->point[f][e];
                if (point->status == CROSS_UNMEASURED) continue;
                fprintf(stream, "d=%d R=%d against %s: %s at %.0f [%.0f, %.0f]; 18 d ln d = %.0f\n",
                        width->width, width->features[f], cross_exact[e],
                        cross_status_name(point->status), point->length, point->low, point->high,
                        rule(width->width));
            }
        for (int s = 0; s < plan->deviations; s++)
            for (int t = 0; t < plan->targets; t++) {
                fprintf(stream, "d=%d, entries of deviation %g, relative error %g: ", width->width,
                        plan->deviation[s], plan->target[t]);
                if (width->by[s].needed[t])
                    fprintf(stream, "R=%d\n", width->by[s].needed[t]);
                else
                    fprintf(stream, "not reached with R up to %d\n", plan->error_most);
            }
    }
}
