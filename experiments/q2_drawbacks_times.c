/* What generation cost: facts and table. */
#include "q2_drawbacks_report.h"
#include "stat/fit.h"
#include "stat/summary.h"

#include <stdio.h>
#include <stdlib.h>

enum { REPETITIONS_MAX = 32 };

static double seconds_of(const Generation *g, int r, int k, int b) {
    return g->seconds[(size_t)((r * GENERATES + k) * g->blocks + b)];
}

static Interval median_of(const Generation *g, int k, int b, int over) {
    double values[REPETITIONS_MAX];
    for (int r = 0; r < g->repetitions; r++)
        values[r] = seconds_of(g, r, k, b) / (over < 0 ? 1 : seconds_of(g, r, over, b));
    Summary s = summary_of(values, (size_t)g->repetitions);
    return (Interval){s.median, s.median_low, s.median_high};
}

/* Seconds at the last block over those at the block that ends at `from`, repetition by repetition.
 */
static Interval growth(const Generation *g, int k, int from) {
    double values[REPETITIONS_MAX];
    for (int r = 0; r < g->repetitions; r++)
        values[r] = seconds_of(g, r, k, g->blocks - 1) / seconds_of(g, r, k, from);
    Summary s = summary_of(values, (size_t)g->repetitions);
    return (Interval){s.median, s.median_low, s.median_high};
}

/* From which t on the LSTM is cheaper than kind k. */
static Status report_crossing(const Drawbacks *d, const Generation *g, int k, Results *results) {
    const size_t blocks = (size_t)g->blocks, repetitions = (size_t)g->repetitions;
    double x[FIT_SIZES_MAX];
    size_t sizes = 0;
    double *other = calloc(FIT_SIZES_MAX * repetitions, sizeof *other);
    double *lstm = calloc(FIT_SIZES_MAX * repetitions, sizeof *lstm);
    Status status = other && lstm ? STATUS_OK : status_fail(STATUS_MEMORY, "no memory for a fit");
    for (size_t b = 0; b < blocks && sizes < FIT_SIZES_MAX && status == STATUS_OK;
         b = b ? b + (blocks + FIT_SIZES_MAX - 1) / FIT_SIZES_MAX : 1) {
        x[sizes] = (double)((b + 1) * (size_t)g->block);
        for (size_t r = 0; r < repetitions; r++) {
            other[sizes * repetitions + r] = seconds_of(g, (int)r, k, (int)b);
            lstm[sizes * repetitions + r] = seconds_of(g, (int)r, 0, (int)b);
        }
        sizes++;
    }
    FitCrossing c;
    if (status == STATUS_OK)
        status = fit_crossing(x, other, lstm, sizes, repetitions, d->plan.seed, &c);
    if (status == STATUS_OK && c.crossed)
        status = results_factf(results, (Interval){c.x, c.low, c.high}, "token",
                               "generate.%s.crossing", drawbacks_holds_slug[generation_holds[k]]);
    free(other);
    free(lstm);
    return status;
}

static int is_power_of_two(int t) {
    return (t & (t - 1)) == 0;
}

static Status report_block(const Drawbacks *d, const Generation *g, int k, int b,
                           Results *results) {
    const int t = (b + 1) * g->block;
    const char *slug = drawbacks_holds_slug[generation_holds[k]];
    FILE *table = results_table(results, "generate",
                                "kind\tt\tseconds\tlow\thigh\tratio\tratio_low\tratio_high\t"
                                "bytes\tformula_bytes");
    if (!table) return STATUS_IO;
    const Interval seconds = median_of(g, k, b, -1), ratio = median_of(g, k, b, 0);
    const double bytes = (double)g->bytes[k * g->blocks + b];
    fprintf(table, "%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.0f\t%zu\n", slug, t,
            seconds.value, seconds.low, seconds.high, ratio.value, ratio.low, ratio.high, bytes,
            generation_formula_bytes(&d->plan, k, t));
    if (!is_power_of_two(t)) return STATUS_OK;
    STATUS_TRY(results_factf(results, seconds, "s", "generate.%s.time.t%d", slug, t));
    STATUS_TRY(results_exactf(results, bytes, "byte", "generate.%s.bytes.t%d", slug, t));
    if (k == 0) return STATUS_OK;
    return results_factf(results, ratio, "1", "generate.%s.ratio.t%d", slug, t);
}

Status drawbacks_report_generation(const Drawbacks *d, const Generation *g, Results *results) {
    int agree = 1;
    for (int k = 0; k < GENERATES; k++) {
        const char *slug = drawbacks_holds_slug[generation_holds[k]];
        for (int b = 0; b < g->blocks; b++) {
            STATUS_TRY(report_block(d, g, k, b, results));
            agree &= g->bytes[k * g->blocks + b] ==
                     generation_formula_bytes(&d->plan, k, (b + 1) * g->block);
        }
        /* The first block begins in a cold cache: the second is where growth is counted from. */
        STATUS_TRY(results_factf(results, growth(g, k, 1), "1", "generate.%s.growth", slug));
        STATUS_TRY(
            results_exactf(results, (double)g->parameters[k], "1", "generate.%s.parameters", slug));
        if (k > 0) STATUS_TRY(report_crossing(d, g, k, results));
    }
    const double last = (double)g->blocks * g->block;
    STATUS_TRY(results_exactf(results, agree, "1", "generate.formula"));
    STATUS_TRY(results_exactf(results, last, "token", "generate.longest"));
    STATUS_TRY(results_exactf(results, g->repetitions, "1", "generate.repetitions"));
    return results_exactf(results, g->samples ? (double)g->disturbed / (double)g->samples : 0, "1",
                          "generate.disturbed");
}
