#include "q3_parallelism.h"
#include "stat/fit.h"
#include "stat/summary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const part_name[] = {"forward", "backward", "both"};
enum { PART_BOTH = 2, FIT_SPAN = 8, GRID_BATCH = 4 /* both profiles have it */ };

static Summary exactly(double value) {
    return (Summary){.count = 1, .median = value, .median_low = value, .median_high = value};
}

/* --- samples --------------------------------------------------------------------------------- */

static double seconds_of(const Q3Point *p, int part, int r) {
    return part == 0 ? p->first[r] : part == 1 ? p->second[r] : p->first[r] + p->second[r];
}

static Summary summary(const Q3Point *p, int part) {
    double seconds[Q3_REPETITIONS_MAX];
    for (int r = 0; r < p->repetitions; r++) seconds[r] = seconds_of(p, part, r);
    return summary_of(seconds, (size_t)p->repetitions);
}

/* a over b, turn by turn. */
static Summary ratio(const Q3Point *a, const Q3Point *b, int part) {
    double ratios[Q3_REPETITIONS_MAX];
    int count = a->repetitions < b->repetitions ? a->repetitions : b->repetitions;
    for (int r = 0; r < count; r++) ratios[r] = seconds_of(a, part, r) / seconds_of(b, part, r);
    return summary_of(ratios, (size_t)count);
}

static int is_model(Q3Stage stage) {
    return stage == Q3_STAGE_MODEL_BATCH || stage == Q3_STAGE_MODEL_LENGTH ||
           stage == Q3_STAGE_MODEL_THREADS;
}

static const char *slug(const Q3Point *p) {
    return is_model(p->stage) ? q3_model_slug[p->runner] : q3_layer_slug[p->runner];
}

/* The share of samples during which the kernel took a processor away. */
static double disturbed_share(const Q3Session *session) {
    double disturbed = 0, samples = 0;
    for (int i = 0; i < session->points; i++)
        for (int r = 0; r < session->point[i].repetitions; r++) {
            disturbed += session->point[i].disturbed[r];
            samples++;
        }
    return samples > 0 ? disturbed / samples : 0;
}

static Status write_samples(const Q3Session *session, Results *results) {
    FILE *time = results_table(results, "time",
                               "stage\trunner\tbatch\tlength\tthreads\trepetition\tfirst\tsecond\t"
                               "disturbed");
    FILE *table = results_table(results, "summary",
                                "stage\trunner\tbatch\tlength\tthreads\tpart\tseconds\tlow\thigh");
    if (!time || !table) return STATUS_IO;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        for (int r = 0; r < p->repetitions; r++)
            fprintf(time, "%s\t%s\t%d\t%d\t%d\t%d\t%.6g\t%.6g\t%d\n", q3_stage_slug[p->stage],
                    slug(p), p->batch, p->length, p->threads, r, p->first[r], p->second[r],
                    p->disturbed[r]);
        for (int part = 0; part <= PART_BOTH; part += PART_BOTH) {
            Summary s = summary(p, part);
            fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%.6g\t%.6g\t%.6g\n", q3_stage_slug[p->stage],
                    slug(p), p->batch, p->length, p->threads, part_name[part], s.median,
                    s.median_low, s.median_high);
        }
    }
    return results_exactf(results, disturbed_share(session), "1", "q3.disturbed.share");
}

/* --- theory beside what was counted ---------------------------------------------------------- */

static Status write_layers(const Q3Session *session, Results *results) {
    const Q3Plan *plan = &session->plan;
    const int n = plan->headline;
    FILE *table = results_table(results, "layers",
                                "layer\tlength\toperations\tsteps\ttree_steps\tpath\tpairs\t"
                                "forward\tforward_low\tforward_high\tboth\tboth_low\tboth_high");
    if (!table) return STATUS_IO;
    int agree = 1;
    for (int k = 0; k < Q3_LAYERS; k++) {
        Q3Graph *graph;
        STATUS_TRY(q3_graph_open(&graph, (Q3LayerKind)k, n, plan->shape.taps, 1, 0));
        int steps = q3_graph_depth(graph), trees = q3_graph_tree_depth(graph, plan->shape.width);
        Q3Path path = q3_graph_path(graph);
        q3_graph_close(graph);
        const Q3Point *p = q3_find(session, Q3_STAGE_LENGTH, k, 1, n, plan->threads);
        if (!p) continue;
        Summary forward = summary(p, 0), both = summary(p, PART_BOTH);
        double work = q3_layer_operations((Q3LayerKind)k, &plan->shape, 1, n, DIRECTION_FORWARD);
        fprintf(table, "%s\t%d\t%.0f\t%d\t%d\t%d\t%ld\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
                q3_layer_slug[k], n, work, steps, trees, path.longest, path.pairs, forward.median,
                forward.median_low, forward.median_high, both.median, both.median_low,
                both.median_high);
        const char *name = q3_layer_slug[k];
        STATUS_TRY(results_exactf(results, work, "1", "q3.%s.operations.n%d", name, n));
        STATUS_TRY(results_exactf(results, steps, "1", "q3.%s.steps.n%d", name, n));
        STATUS_TRY(results_exactf(results, trees, "1", "q3.%s.tree_steps.n%d", name, n));
        STATUS_TRY(results_exactf(results, path.longest, "1", "q3.%s.path.n%d", name, n));
        STATUS_TRY(results_exactf(results, (double)session->pairs[k], "1", "q3.%s.pairs", name));
        agree &= session->agrees[k];
    }
    int plain, dilated;
    STATUS_TRY(q3_graph_convolution_layers(n, plan->shape.taps, 0, &plain));
    STATUS_TRY(q3_graph_convolution_layers(n, plan->shape.taps, 1, &dilated));
    STATUS_TRY(results_exactf(results, plain, "1", "q3.convolution.layers.n%d", n));
    STATUS_TRY(results_exactf(results, dilated, "1", "q3.convolution.dilated_layers.n%d", n));
    STATUS_TRY(results_exactf(results, Q3_DEPENDENCE_LENGTH, "token", "q3.dependence.length"));
    return results_exactf(results, agree, "1", "q3.dependence.agrees");
}

/* --- time against length --------------------------------------------------------------------- */

static Status write_slope(const Q3Session *session, int k, int part, Results *results) {
    const Q3Plan *plan = &session->plan;
    FILE *slopes =
        results_table(results, "slopes", "layer\tpart\tfrom_length\tto_length\tslope\tlow\thigh");
    FILE *local =
        results_table(results, "local", "layer\tpart\tfrom_length\tto_length\tslope\tlow\thigh");
    if (!slopes || !local) return STATUS_IO;
    double x[Q3_LIST_MAX] = {0}, y[Q3_LIST_MAX * Q3_REPETITIONS_MAX];
    const int count = plan->lengths.count, repetitions = plan->repetitions;
    int first = 0;
    for (int i = 0; i < count; i++) {
        const Q3Point *p =
            q3_find(session, Q3_STAGE_LENGTH, k, 1, plan->lengths.value[i], plan->threads);
        if (!p) return STATUS_OK;
        x[i] = p->length;
        for (int r = 0; r < repetitions; r++) y[i * repetitions + r] = seconds_of(p, part, r);
    }
    while (x[first] * FIT_SPAN < x[count - 1]) first++;
    FitPower fit, whole;
    STATUS_TRY(fit_power(x + first, y + first * repetitions, (size_t)(count - first),
                         (size_t)repetitions, plan->seed, &fit));
    STATUS_TRY(fit_power(x, y, (size_t)count, (size_t)repetitions, plan->seed, &whole));
    fprintf(slopes, "%s\t%s\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\n", q3_layer_slug[k], part_name[part],
            x[first], x[count - 1], fit.slope, fit.slope_low, fit.slope_high);
    for (int i = 0; i + 1 < count; i++)
        fprintf(local, "%s\t%s\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\n", q3_layer_slug[k], part_name[part],
                x[i], x[i + 1], whole.local[i], whole.local_low[i], whole.local_high[i]);
    STATUS_TRY(results_factf(results, (Interval){fit.slope, fit.slope_low, fit.slope_high}, "1",
                             "q3.%s.%s.time.slope", q3_layer_slug[k], part_name[part]));
    return results_factf(
        results,
        (Interval){whole.local[count - 2], whole.local_low[count - 2], whole.local_high[count - 2]},
        "1", "q3.%s.%s.time.slope.top", q3_layer_slug[k], part_name[part]);
}

static Status write_lengths(const Q3Session *session, Results *results) {
    const Q3Plan *plan = &session->plan;
    for (int k = 0; k < Q3_LAYERS; k++)
        for (int part = 0; part <= PART_BOTH; part += PART_BOTH) {
            STATUS_TRY(write_slope(session, k, part, results));
            for (int i = 0; i < plan->lengths.count; i++) {
                int n = plan->lengths.value[i];
                const Q3Point *p = q3_find(session, Q3_STAGE_LENGTH, k, 1, n, plan->threads);
                const Q3Point *lstm =
                    q3_find(session, Q3_STAGE_LENGTH, Q3_LSTM, 1, n, plan->threads);
                if (!p || !lstm) continue;
                STATUS_TRY(results_factf(results, summary_median(summary(p, part)), "s",
                                         "q3.%s.%s.time.n%d", q3_layer_slug[k], part_name[part],
                                         n));
                if (k != Q3_LSTM)
                    STATUS_TRY(results_factf(results, summary_median(ratio(lstm, p, part)), "1",
                                             "q3.speedup.%s.%s.n%d", q3_layer_slug[k],
                                             part_name[part], n));
            }
        }
    return STATUS_OK;
}

/* --- where the recurrent layer wins ---------------------------------------------------------- */

static const Q3Point *layer_point(const Q3Session *session, int k, int batch, int n) {
    return q3_find(session, batch == 1 ? Q3_STAGE_LENGTH : Q3_STAGE_GRID, k, batch, n,
                   session->plan.threads);
}

/* One row: over x (lengths at one batch, or batches at one length), from where b is cheaper. */
static Status write_crossing(const Q3Session *session, const char *what, const char *over,
                             int fixed, const Q3Point *const *a, const Q3Point *const *b, int count,
                             int over_length, Results *results) {
    FILE *table = results_table(results, "crossover",
                                "what\tover\tfixed\tfirst\tlast\tvalue\tlow\thigh\tstatus");
    static const char *const word[] = {"crossed", "never", "always"};
    double x[Q3_LIST_MAX], ya[Q3_LIST_MAX * Q3_REPETITIONS_MAX];
    double yb[Q3_LIST_MAX * Q3_REPETITIONS_MAX];
    if (!table) return STATUS_IO;
    if (count < 2) return STATUS_OK;
    int repetitions = a[0]->repetitions;
    for (int i = 0; i < count; i++)
        if (a[i]->repetitions < repetitions) repetitions = a[i]->repetitions;
    for (int i = 0; i < count; i++) {
        x[i] = over_length ? a[i]->length : a[i]->batch;
        for (int r = 0; r < repetitions; r++) {
            ya[i * repetitions + r] = seconds_of(a[i], PART_BOTH, r);
            yb[i * repetitions + r] = seconds_of(b[i], PART_BOTH, r);
        }
    }
    Q3Crossing c;
    STATUS_TRY(q3_crossing(x, ya, yb, count, repetitions, session->plan.seed, &c));
    fprintf(table, "%s\t%s\t%d\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\t%s\n", what, over, fixed, x[0],
            x[count - 1], c.x, c.low, c.high, word[c.status]);
    if (c.status != Q3_CROSSED) return STATUS_OK;
    return results_factf(results, (Interval){c.x, c.low, c.high}, over_length ? "token" : "1",
                         "q3.crossover.%s.%s.%s%d", what, over, over_length ? "b" : "n", fixed);
}

static Status cross_lengths(const Q3Session *session, int batch, Results *results) {
    const Q3List *lengths = batch == 1 ? &session->plan.lengths : &session->plan.grid_lengths;
    const Q3Point *softmax[Q3_LIST_MAX], *lstm[Q3_LIST_MAX];
    int count = 0;
    for (int i = 0; i < lengths->count; i++) {
        softmax[count] = layer_point(session, Q3_SOFTMAX, batch, lengths->value[i]);
        lstm[count] = layer_point(session, Q3_LSTM, batch, lengths->value[i]);
        if (softmax[count] && lstm[count]) count++;
    }
    return write_crossing(session, "layer", "length", batch, softmax, lstm, count, 1, results);
}

static Status cross_batches(const Q3Session *session, int length, Results *results) {
    const Q3List *batches = &session->plan.grid_batches;
    const Q3Point *softmax[Q3_LIST_MAX + 1], *lstm[Q3_LIST_MAX + 1];
    int count = 0;
    for (int i = -1; i < batches->count; i++) {
        int batch = i < 0 ? 1 : batches->value[i];
        softmax[count] = layer_point(session, Q3_SOFTMAX, batch, length);
        lstm[count] = layer_point(session, Q3_LSTM, batch, length);
        if (softmax[count] && lstm[count] && count < Q3_LIST_MAX - 1) count++;
    }
    return write_crossing(session, "layer", "batch", length, softmax, lstm, count, 0, results);
}

static Status cross_models(const Q3Session *session, Q3Stage stage, Results *results) {
    const Q3Plan *plan = &session->plan;
    const int over_length = stage == Q3_STAGE_MODEL_LENGTH;
    const Q3List *list = over_length ? &plan->model_lengths : &plan->model_batches;
    const Q3Point *transformer[Q3_LIST_MAX], *seq2seq[Q3_LIST_MAX];
    int count = 0;
    for (int i = 0; i < list->count; i++) {
        int batch = over_length ? plan->model_batch : list->value[i];
        int length = over_length ? list->value[i] : plan->model_length;
        transformer[count] = q3_find(session, stage, Q3_TRANSFORMER, batch, length, plan->threads);
        seq2seq[count] = q3_find(session, stage, Q3_SEQ2SEQ, batch, length, plan->threads);
        if (transformer[count] && seq2seq[count]) count++;
    }
    return write_crossing(session, "model", over_length ? "length" : "batch",
                          over_length ? plan->model_batch : plan->model_length, transformer,
                          seq2seq, count, over_length, results);
}

/* The LSTM's seconds over softmax's at every shape of both: above 1 attention is the faster one. */
static Status write_grid(const Q3Session *session, Results *results) {
    FILE *table = results_table(results, "grid", "batch\tlength\tratio\tlow\thigh");
    if (!table) return STATUS_IO;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        if ((p->stage != Q3_STAGE_LENGTH && p->stage != Q3_STAGE_GRID) || p->runner != Q3_LSTM)
            continue;
        const Q3Point *softmax = layer_point(session, Q3_SOFTMAX, p->batch, p->length);
        if (!softmax) continue;
        Summary s = ratio(p, softmax, PART_BOTH);
        fprintf(table, "%d\t%d\t%.6g\t%.6g\t%.6g\n", p->batch, p->length, s.median, s.median_low,
                s.median_high);
        if (p->batch == GRID_BATCH && p->stage == Q3_STAGE_GRID)
            STATUS_TRY(results_factf(results, summary_median(s), "1", "q3.grid.ratio.b%d.n%d",
                                     p->batch, p->length));
    }
    STATUS_TRY(cross_lengths(session, 1, results));
    for (int b = 0; b < session->plan.grid_batches.count; b++)
        STATUS_TRY(cross_lengths(session, session->plan.grid_batches.value[b], results));
    for (int i = 0; i < session->plan.grid_lengths.count; i++)
        STATUS_TRY(cross_batches(session, session->plan.grid_lengths.value[i], results));
    STATUS_TRY(cross_models(session, Q3_STAGE_MODEL_BATCH, results));
    return cross_models(session, Q3_STAGE_MODEL_LENGTH, results);
}

/* --- the two networks ------------------------------------------------------------------------ */

/* Symbols of source and target that pass a second. */
static Summary symbols_a_second(const Q3Point *p) {
    Summary s = summary(p, PART_BOTH);
    double symbols = 2.0 * p->batch * p->length;
    return (Summary){.median = symbols / s.median,
                     .median_low = symbols / s.median_high,
                     .median_high = symbols / s.median_low};
}

static Status write_models(const Q3Session *session, Results *results) {
    FILE *table = results_table(results, "models",
                                "over\tbatch\tlength\tmodel\tsymbols\tlow\thigh\tupdate_share");
    FILE *ratios = results_table(results, "model_ratio", "over\tbatch\tlength\tratio\tlow\thigh");
    if (!table || !ratios) return STATUS_IO;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        if (p->stage != Q3_STAGE_MODEL_BATCH && p->stage != Q3_STAGE_MODEL_LENGTH) continue;
        const char *over = p->stage == Q3_STAGE_MODEL_BATCH ? "batch" : "length";
        Summary s = symbols_a_second(p);
        fprintf(table, "%s\t%d\t%d\t%s\t%.6g\t%.6g\t%.6g\t%.4f\n", over, p->batch, p->length,
                slug(p), s.median, s.median_low, s.median_high,
                summary(p, 1).median / summary(p, PART_BOTH).median);
        int at = p->stage == Q3_STAGE_MODEL_BATCH ? p->batch : p->length;
        const char *letter = p->stage == Q3_STAGE_MODEL_BATCH ? "b" : "n";
        STATUS_TRY(results_factf(results, summary_median(s), "1", "q3.model.%s.%s.symbols.%s%d",
                                 over, slug(p), letter, at));
        if (p->runner != Q3_SEQ2SEQ) continue;
        const Q3Point *other =
            q3_find(session, p->stage, Q3_TRANSFORMER, p->batch, p->length, p->threads);
        if (!other) continue;
        Summary times = ratio(p, other, PART_BOTH);
        fprintf(ratios, "%s\t%d\t%d\t%.6g\t%.6g\t%.6g\n", over, p->batch, p->length, times.median,
                times.median_low, times.median_high);
        STATUS_TRY(results_factf(results, summary_median(times), "1", "q3.model.%s.speedup.%s%d",
                                 over, letter, at));
    }
    for (int k = 0; k < Q3_MODELS; k++)
        STATUS_TRY(results_exactf(results, (double)session->parameters[k], "1",
                                  "q3.model.%s.parameters", q3_model_slug[k]));
    return results_exactf(results, session->recurrent_width, "1", "q3.model.seq2seq.width");
}

/* --- threads --------------------------------------------------------------------------------- */

static Status write_threads(const Q3Session *session, Results *results) {
    const Q3Plan *plan = &session->plan;
    FILE *table = results_table(
        results, "threads",
        "runner\tbatch\tlength\tthreads\tspeedup\tlow\thigh\tefficiency\tserial_share");
    if (!table) return STATUS_IO;
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        if (p->stage != Q3_STAGE_THREADS && p->stage != Q3_STAGE_MODEL_THREADS) continue;
        const Q3Point *one = q3_find(session, p->stage, p->runner, p->batch, p->length, 1);
        if (!one) continue;
        Summary s = p == one ? exactly(1) : ratio(one, p, PART_BOTH);
        const double t = p->threads;
        /* Karp and Flatt 1990: the serial share that Amdahl's law needs for this speed-up. */
        double serial = t > 1 ? (t / s.median - 1) / (t - 1) : 0;
        fprintf(table, "%s\t%d\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", slug(p), p->batch,
                p->length, p->threads, s.median, s.median_low, s.median_high, s.median / t, serial);
        if (p->threads != plan->threads) continue;
        STATUS_TRY(
            results_factf(results, summary_median(s), "1", "q3.threads.%s.speedup", slug(p)));
        STATUS_TRY(results_factf(results,
                                 (Interval){s.median / t, s.median_low / t, s.median_high / t}, "1",
                                 "q3.threads.%s.efficiency", slug(p)));
    }
    return results_exactf(results, plan->threads, "1", "q3.threads.most");
}

/* --- roofline -------------------------------------------------------------------------------- */

static void roofline_row(FILE *table, const char *what, const Q3Point *p, double work,
                         double bytes) {
    Summary s = summary(p, 0);
    fprintf(table, "%s\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\n", what, p->batch, p->length, work / bytes,
            work / s.median, work / s.median_high, work / s.median_low);
}

static Status write_roofline(const Q3Session *session, Results *results) {
    const Q3Plan *plan = &session->plan;
    FILE *table =
        results_table(results, "roofline", "what\tbatch\tlength\tintensity\trate\tlow\thigh");
    FILE *peak = results_table(results, "peak", "quantity\tvalue\tlow\tunit");
    if (!table || !peak) return STATUS_IO;
    const struct {
        const char *name, *unit;
        const double *values;
    } roofs[] = {{"gemm", "flop/s", session->gemm},
                 {"memory", "byte/s", session->memory},
                 {"cache", "byte/s", session->cache}};
    for (int i = 0; i < (*plan->gpu ? 2 : 3); i++) {
        double best = q3_largest(roofs[i].values, session->peaks), least = best;
        for (int k = 0; k < session->peaks; k++) least = fmin(least, roofs[i].values[k]);
        fprintf(peak, "%s\t%.6g\t%.6g\t%s\n", roofs[i].name, best, least, roofs[i].unit);
        STATUS_TRY(results_factf(results, (Interval){best, least, best}, roofs[i].unit,
                                 "q3.peak.%s", roofs[i].name));
    }
    const double d = plan->shape.width, gemm = q3_largest(session->gemm, session->peaks);
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        const double b = p->batch, steps = p->length, size = sizeof(float);
        /* A step reads U once, the states and gates, and writes states. */
        double work = 8 * steps * b * d * d;
        double bytes = size * steps * (4 * d * d + b * (d + 4 * d + 3 * d));
        if (p->stage == Q3_STAGE_GEMM) bytes = size * steps * (4 * d * d + b * 5 * d);
        if (p->stage == Q3_STAGE_STEP || p->stage == Q3_STAGE_GEMM) {
            Summary s = summary(p, 0);
            roofline_row(table, q3_stage_slug[p->stage], p, work, bytes);
            STATUS_TRY(results_factf(results,
                                     (Interval){work / s.median / gemm, work / s.median_high / gemm,
                                                work / s.median_low / gemm},
                                     "1", "q3.roofline.%s.share.b%d", q3_stage_slug[p->stage],
                                     p->batch));
            STATUS_TRY(results_exactf(results, work / bytes, "1", "q3.roofline.%s.intensity.b%d",
                                      q3_stage_slug[p->stage], p->batch));
        }
        if (p->stage == Q3_STAGE_LENGTH && p->runner == Q3_SOFTMAX) {
            double all =
                q3_layer_operations(Q3_SOFTMAX, &plan->shape, 1, p->length, DIRECTION_FORWARD);
            double moved = q3_layer_bytes(Q3_SOFTMAX, &plan->shape, 1, p->length);
            Summary s = summary(p, 0);
            roofline_row(table, "softmax", p, all, moved);
            STATUS_TRY(results_factf(results,
                                     (Interval){all / s.median / gemm, all / s.median_high / gemm,
                                                all / s.median_low / gemm},
                                     "1", "q3.roofline.softmax.share.n%d", p->length));
            STATUS_TRY(results_exactf(results, all / moved, "1",
                                      "q3.roofline.softmax.intensity.n%d", p->length));
        }
    }
    return STATUS_OK;
}

/* --- everything ------------------------------------------------------------------------------ */

static Status write_plan(const Q3Plan *plan, Results *results) {
    const struct {
        const char *name, *unit;
        int value;
    } plain[] = {{"q3.width", "1", plan->shape.width},
                 {"q3.heads", "1", plan->shape.heads},
                 {"q3.features", "1", plan->shape.features},
                 {"q3.taps", "1", plan->shape.taps},
                 {"q3.repetitions", "1", plan->repetitions},
                 {"q3.headline", "token", plan->headline},
                 {"q3.model.width", "1", plan->model.width},
                 {"q3.model.layers", "1", plan->model.layers},
                 {"q3.model.vocabulary", "1", plan->model.vocabulary},
                 {"q3.model.length", "token", plan->model_length},
                 {"q3.model.batch", "1", plan->model_batch},
                 {"q3.threads.batch", "1", plan->thread_batch}};
    const size_t count = sizeof plain / sizeof *plain, layers = 6; /* what is of a GPU too */
    for (size_t i = 0; i < (*plan->gpu ? layers : count); i++)
        STATUS_TRY(results_exactf(results, plain[i].value, plain[i].unit, "%s", plain[i].name));
    return STATUS_OK;
}

Status q3_report_write(const Q3Session *session, Results *results) {
    STATUS_TRY(write_plan(&session->plan, results));
    STATUS_TRY(write_samples(session, results));
    STATUS_TRY(write_layers(session, results));
    STATUS_TRY(write_lengths(session, results));
    STATUS_TRY(write_grid(session, results));
    if (!*session->plan.gpu) {
        STATUS_TRY(write_models(session, results));
        STATUS_TRY(write_threads(session, results));
    }
    return write_roofline(session, results);
}

void q3_report_print(const Q3Session *session, FILE *stream) {
    const Q3Plan *plan = &session->plan;
    fprintf(stream, "peaks: %.4g GFLOP/s (GEMM), %.3g GB/s (memory)",
            q3_largest(session->gemm, session->peaks) * 1e-9,
            q3_largest(session->memory, session->peaks) * 1e-9);
    if (!*plan->gpu)
        fprintf(stream, ", %.3g GB/s (cache)", q3_largest(session->cache, session->peaks) * 1e-9);
    fputc('\n', stream);
    fprintf(stream, "%-12s", "ms, N =");
    for (int i = 0; i < plan->lengths.count; i++) fprintf(stream, "%10d", plan->lengths.value[i]);
    fputc('\n', stream);
    for (int k = 0; k < Q3_LAYERS; k++) {
        fprintf(stream, "%-12s", q3_layer_slug[k]);
        for (int i = 0; i < plan->lengths.count; i++) {
            const Q3Point *p =
                q3_find(session, Q3_STAGE_LENGTH, k, 1, plan->lengths.value[i], plan->threads);
            if (p) fprintf(stream, "%10.3f", 1e3 * summary(p, PART_BOTH).median);
        }
        fputc('\n', stream);
    }
    for (int i = 0; i < session->points; i++) {
        const Q3Point *p = &session->point[i];
        if (!is_model(p->stage)) continue;
        fprintf(stream, "%-14s %-12s batch %3d length %4d threads %d: %.0f symbols/s\n",
                q3_stage_slug[p->stage], slug(p), p->batch, p->length, p->threads,
                symbols_a_second(p).median);
    }
    double share = disturbed_share(session);
    fprintf(stream, "%.0f %% of the samples were disturbed by the scheduler%s\n", 100 * share,
            share > 0.3 ? ": other programs were running; measure again on a quiet machine" : "");
}
