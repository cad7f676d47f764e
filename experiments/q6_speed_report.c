#include "q6_speed.h"
#include "stat/summary.h"

#include <stdio.h>
#include <string.h>

static const char *const precisions[] = {"f32", "bf16"};

typedef double (*PassValue)(const SpeedRun *run, int precision, int repetition);

static Summary over_repetitions(const SpeedRun *run, int precision, PassValue value) {
    double values[SPEED_REPETITIONS_MAX];
    for (int r = 0; r < run->plan.repetitions; r++) values[r] = value(run, precision, r);
    return summary_of(values, (size_t)run->plan.repetitions);
}

double speed_bound(const SpeedRun *run, int precision, Phase phase, double work) {
    if (!phase_is_flops(phase)) return work / run->peak[SPEED_PEAK_MEMORY];
    /* Attention is computed in f32 whatever the precision of the products. */
    int is_product = phase <= PHASE_PRODUCT_WEIGHT;
    return work /
           run->peak[is_product && precision == SPEED_BF16 ? SPEED_PEAK_BF16 : SPEED_PEAK_F32];
}

/* --- values of one repetition ---------------------------------------------------------------- */

static double step_seconds(const SpeedRun *run, int p, int r) {
    return run->pass[p][r].seconds / run->plan.batches;
}

static double bf16_speedup(const SpeedRun *run, int p, int r) {
    return run->pass[SPEED_F32][r].seconds / run->pass[p][r].seconds;
}

static double share(const SpeedRun *run, int p, int r, Phase from, Phase to) {
    double seconds = 0;
    for (int i = from; i <= (int)to; i++) seconds += run->pass[p][r].phases.seconds[i];
    return seconds / run->pass[p][r].seconds;
}

static double product_share(const SpeedRun *run, int p, int r) {
    return share(run, p, r, PHASE_PRODUCT_FORWARD, PHASE_PRODUCT_WEIGHT);
}

static double attention_share(const SpeedRun *run, int p, int r) {
    return share(run, p, r, PHASE_ATTENTION, PHASE_ATTENTION_BACKWARD);
}

static double elementwise_share(const SpeedRun *run, int p, int r) {
    return share(run, p, r, PHASE_ACTIVATION, PHASE_DROPOUT);
}

static double optimiser_share(const SpeedRun *run, int p, int r) {
    return share(run, p, r, PHASE_CLIP, PHASE_UPDATE);
}

static double phases_bound(const SpeedRun *run, int p, int r, Phase from, Phase to) {
    double bound = 0;
    for (int i = from; i <= (int)to; i++)
        bound += speed_bound(run, p, (Phase)i, run->pass[p][r].phases.work[i]);
    return bound;
}

/* Of the rate that a large product reaches: in products alone, and in a whole step. */
static double product_of_peak(const SpeedRun *run, int p, int r) {
    return phases_bound(run, p, r, PHASE_PRODUCT_FORWARD, PHASE_PRODUCT_WEIGHT) /
           (product_share(run, p, r) * run->pass[p][r].seconds);
}

static double step_of_peak(const SpeedRun *run, int p, int r) {
    return phases_bound(run, p, r, PHASE_PRODUCT_FORWARD, PHASE_ATTENTION_BACKWARD) /
           run->pass[p][r].seconds;
}

/* --- facts ----------------------------------------------------------------------------------- */

static Status put_fact(Results *results, int p, const char *name, Summary s, double scale,
                       const char *unit) {
    const Interval x = {s.median * scale, s.median_low * scale, s.median_high * scale};
    return results_factf(results, x, unit, "%s.%s", precisions[p], name);
}

static Status put_facts(const SpeedRun *run, Results *results) {
    static const struct {
        const char *name;
        PassValue value;
    } shares[] = {{"product.share", product_share},         {"attention.share", attention_share},
                  {"elementwise.share", elementwise_share}, {"optimiser.share", optimiser_share},
                  {"product.of_peak", product_of_peak},     {"step.of_peak", step_of_peak}};
    static const char *const peaks[] = {"f32", "bf16", "memory"};
    STATUS_TRY(results_prefix(results, "q6.speed.%s.", run->plan.name));
    for (int i = 0; i < SPEED_PEAKS; i++) {
        if (!(run->peak[i] > 0)) continue;
        STATUS_TRY(results_exactf(results, run->peak[i],
                                  i == SPEED_PEAK_MEMORY ? "byte/s" : "flop/s", "peak.%s",
                                  peaks[i]));
    }
    for (int p = 0; p < run->precisions; p++) {
        Summary step = over_repetitions(run, p, step_seconds);
        STATUS_TRY(put_fact(results, p, "step.seconds", step, 1, "s"));
        STATUS_TRY(put_fact(results, p, "epoch.seconds", step, (double)run->batches_of_epoch, "s"));
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            STATUS_TRY(put_fact(results, p, shares[i].name,
                                over_repetitions(run, p, shares[i].value), 1, "1"));
    }
    if (run->precisions > SPEED_BF16)
        STATUS_TRY(put_fact(results, SPEED_BF16, "speedup",
                            over_repetitions(run, SPEED_BF16, bf16_speedup), 1, "1"));
    return STATUS_OK;
}

/* --- tables ---------------------------------------------------------------------------------- */

/* Of the step's own time: what no phase heard is `rest`. */
static Summary phase_summary(const SpeedRun *run, int p, int phase, int as_share) {
    double values[SPEED_REPETITIONS_MAX];
    for (int r = 0; r < run->plan.repetitions; r++) {
        const SpeedPass *pass = &run->pass[p][r];
        double seconds = pass->seconds;
        if (phase < PHASES)
            seconds = pass->phases.seconds[phase];
        else
            for (int i = 0; i < PHASES; i++) seconds -= pass->phases.seconds[i];
        values[r] = seconds / (as_share ? pass->seconds : run->plan.batches);
    }
    return summary_of(values, (size_t)run->plan.repetitions);
}

static Status write_tables(const SpeedRun *run, Results *results) {
    FILE *phases = results_table(results, "phases",
                                 "precision\tphase\tseconds\tseconds_low\tseconds_high\tshare\t"
                                 "share_low\tshare_high\twork\tunit\tbound_seconds\tof_bound");
    FILE *steps = results_table(results, "steps", "precision\trepetition\tstep_seconds");
    if (!phases || !steps) return STATUS_IO;
    for (int p = 0; p < run->precisions; p++) {
        for (int i = 0; i <= PHASES; i++) {
            Summary s = phase_summary(run, p, i, 0), part = phase_summary(run, p, i, 1);
            double work = i < PHASES ? run->pass[p][0].phases.work[i] / run->plan.batches : 0;
            double bound = i < PHASES ? speed_bound(run, p, (Phase)i, work) : 0;
            fprintf(phases, "%s\t%s\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%s\t%.6g\t%.6g\n",
                    precisions[p], i < PHASES ? phase_name((Phase)i) : "rest", s.median,
                    s.median_low, s.median_high, part.median, part.median_low, part.median_high,
                    work,
                    i == PHASES                ? "-"
                    : phase_is_flops((Phase)i) ? "flop"
                                               : "byte",
                    bound, s.median > 0 ? bound / s.median : 0);
        }
        for (int r = 0; r < run->plan.repetitions; r++)
            fprintf(steps, "%s\t%d\t%.6g\n", precisions[p], r, step_seconds(run, p, r));
    }
    return STATUS_OK;
}

Status speed_report(const SpeedRun *run, Results *results) {
    STATUS_TRY(write_tables(run, results));
    return put_facts(run, results);
}

void speed_print(const SpeedRun *run, FILE *stream) {
    for (int p = 0; p < run->precisions; p++) {
        Summary step = over_repetitions(run, p, step_seconds);
        fprintf(stream, "%s %s: %.4g s a step [%.4g, %.4g], an epoch %.0f s\n", run->plan.name,
                precisions[p], step.median, step.median_low, step.median_high,
                step.median * (double)run->batches_of_epoch);
        for (int i = 0; i <= PHASES; i++) {
            Summary part = phase_summary(run, p, i, 1), s = phase_summary(run, p, i, 0);
            double work = i < PHASES ? run->pass[p][0].phases.work[i] / run->plan.batches : 0;
            fprintf(stream, "  %-18s %5.1f %%", i < PHASES ? phase_name((Phase)i) : "rest",
                    100 * part.median);
            if (i < PHASES && s.median > 0)
                fprintf(stream, "  %3.0f %% of its bound",
                        100 * speed_bound(run, p, (Phase)i, work) / s.median);
            fputc('\n', stream);
        }
    }
    fprintf(stream, "peaks: f32 %.3g flop/s, bf16 %.3g flop/s, memory %.3g byte/s\n",
            run->peak[SPEED_PEAK_F32], run->peak[SPEED_PEAK_BF16], run->peak[SPEED_PEAK_MEMORY]);
}
