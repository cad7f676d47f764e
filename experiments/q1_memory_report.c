#include "q1_memory.h"
#include "stat/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWS = 2000 };

/* --- means over seeds ------------------------------------------------------------------------ */

/* The mean of one number a seed, with its bootstrap interval; 0 where a seed has none. */
static int over_seeds(const MemoryData *data, const double *values, Interval *out) {
    const size_t count = (size_t)data->plan->seeds;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return 0;
    return bootstrap_interval(values, count, bootstrap_mean, NULL, DRAWS, 1, out) == STATUS_OK;
}

static const MemoryTraining *of_seed(const MemoryData *data, int kind, int lag, int s) {
    return memory_find(data, (MemoryKind)kind, lag, data->plan->seed[s]);
}

/* --- recall ---------------------------------------------------------------------------------- */

#define SOLVED .9

static Status recall_of(const MemoryData *data, Results *results, MemoryKind kind, int lag,
                        int *solved_out) {
    const MemoryPlan *plan = data->plan;
    const char *slug = memory_kind_slug[kind];
    FILE *table = results_table(results, "recall",
                                "reader\tlag\tdistance\taccuracy\tlow\thigh\tsolved\tseeds");
    FILE *each =
        results_table(results, "recall_seeds", "reader\tlag\tdistance\tseed\taccuracy\tloss");
    if (!table || !each) return STATUS_IO;
    double accuracy[MEMORY_LIST_MAX];
    int solved = 0, distance = memory_distance(kind, lag);
    for (int s = 0; s < plan->seeds; s++) {
        const MemoryTraining *t = of_seed(data, kind, lag, s);
        accuracy[s] = t->accuracy;
        solved += t->accuracy >= SOLVED;
        fprintf(each, "%s\t%d\t%d\t%d\t%.6g\t%.6g\n", slug, lag, distance, plan->seed[s],
                t->accuracy, t->loss);
    }
    Interval mean;
    if (!over_seeds(data, accuracy, &mean))
        return status_fail(STATUS_FORMAT, "q1_memory: %s at lag %d has no accuracy", slug, lag);
    fprintf(table, "%s\t%d\t%d\t%.6g\t%.6g\t%.6g\t%d\t%d\n", slug, lag, distance, mean.value,
            mean.low, mean.high, solved, plan->seeds);
    *solved_out = solved;
    STATUS_TRY(results_factf(results, mean, "1", "%s.recall.lag%d", slug, lag));
    return results_exactf(results, solved, "1", "%s.solved.lag%d", slug, lag);
}

/* The reach of a reader is the longest lag up to which every seed of every lag is solved. */
static Status write_recall(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    for (int k = 0; k < plan->kinds; k++) {
        int reach = 0, unbroken = 1, solved = 0;
        for (int l = 0; l < plan->lags; l++) {
            STATUS_TRY(recall_of(data, results, (MemoryKind)plan->kind[k], plan->lag[l], &solved));
            unbroken = unbroken && solved == plan->seeds;
            if (unbroken) reach = plan->lag[l];
        }
        STATUS_TRY(
            results_exactf(results, reach, "1", "%s.reach", memory_kind_slug[plan->kind[k]]));
    }
    return STATUS_OK;
}

/* Validation accuracy while it learns, every reader and lag; and the step of the first evaluation
 * that finds a lag learned. */
static Status write_learning(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    FILE *table =
        results_table(results, "learning", "reader\tlag\tstep\taccuracy\tlow\thigh\tloss");
    if (!table) return STATUS_IO;
    for (int k = 0; k < plan->kinds; k++)
        for (int l = 0; l < plan->lags; l++) {
            const MemoryTraining *first = of_seed(data, plan->kind[k], plan->lag[l], 0);
            int learned = 0;
            for (int p = 0; p < first->points; p++) {
                double accuracy[MEMORY_LIST_MAX], loss = 0;
                Interval mean;
                if (!first->curve[p].validation) continue;
                for (int s = 0; s < plan->seeds; s++) {
                    const MemoryTraining *t = of_seed(data, plan->kind[k], plan->lag[l], s);
                    accuracy[s] = p < t->points ? t->curve[p].accuracy : NAN;
                    loss += t->curve[p].loss / plan->seeds;
                }
                if (!over_seeds(data, accuracy, &mean)) continue;
                fprintf(table, "%s\t%d\t%ld\t%.6g\t%.6g\t%.6g\t%.6g\n",
                        memory_kind_slug[plan->kind[k]], plan->lag[l], first->curve[p].step,
                        mean.value, mean.low, mean.high, loss);
                if (learned || mean.value < SOLVED) continue;
                learned = 1;
                STATUS_TRY(results_exactf(results, (double)first->curve[p].step, "1",
                                          "%s.learned.lag%d", memory_kind_slug[plan->kind[k]],
                                          plan->lag[l]));
            }
        }
    return STATUS_OK;
}

/* --- what flows ------------------------------------------------------------------------------ */

/* Whether trainings at lag number l have norms of that phase: before training the lag makes no
 * difference, and they were taken with the first. */
static int has_phase(MemoryKind kind, MemoryPhase phase, int l) {
    return kind != MEMORY_ENDS && kind != MEMORY_MIDDLE && (phase == MEMORY_AFTER || l == 0);
}

/* Geometric mean over seeds of a norm; 0 where a seed's is too small for the format. */
static int geometric(const MemoryData *data, const double *norm, Interval *out) {
    double logs[MEMORY_LIST_MAX];
    for (int s = 0; s < data->plan->seeds; s++)
        logs[s] = norm[s] > MEMORY_NORM_LEAST ? log(norm[s]) : NAN;
    if (!over_seeds(data, logs, out)) return 0;
    *out = (Interval){exp(out->value), exp(out->low), exp(out->high)};
    return 1;
}

static Status norms_of(const MemoryData *data, Results *results, MemoryKind kind, MemoryPhase phase,
                       int l) {
    const MemoryPlan *plan = data->plan;
    const char *slug = memory_kind_slug[kind], *when = memory_phase_name[phase];
    FILE *table =
        results_table(results, "jacobian", "reader\tphase\tlag\tback\tnorm\tlow\thigh\tshare");
    if (!table) return STATUS_IO;
    for (int i = 0; i < plan->offsets; i++) {
        double norm[MEMORY_LIST_MAX], share[MEMORY_LIST_MAX];
        Interval mean, relative;
        for (int s = 0; s < plan->seeds; s++) {
            const MemoryTraining *t = of_seed(data, kind, plan->lag[l], s);
            norm[s] = memory_norm(t, phase, i);
            share[s] = norm[s] / memory_norm(t, phase, 0);
        }
        if (!geometric(data, norm, &mean) || !geometric(data, share, &relative)) continue;
        fprintf(table, "%s\t%s\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\n", slug, when, plan->lag[l],
                plan->offset[i], mean.value, mean.low, mean.high, relative.value);
        if (phase == MEMORY_BEFORE)
            STATUS_TRY(results_factf(results, relative, "1", "%s.share.before.back%d", slug,
                                     plan->offset[i]));
        else
            STATUS_TRY(results_factf(results, relative, "1", "%s.share.after.lag%d.back%d", slug,
                                     plan->lag[l], plan->offset[i]));
    }
    return STATUS_OK;
}

static Status rates_of(const MemoryData *data, Results *results, MemoryKind kind, MemoryPhase phase,
                       int l) {
    const MemoryPlan *plan = data->plan;
    const char *slug = memory_kind_slug[kind];
    FILE *table =
        results_table(results, "rates", "reader\tphase\tlag\trate\tlow\thigh\tr2\tfarthest\tstart");
    if (!table) return STATUS_IO;
    double rate[MEMORY_LIST_MAX], fit = 0, log_start = 0;
    int farthest = 0;
    for (int s = 0; s < plan->seeds; s++) {
        const MemoryTraining *t = of_seed(data, kind, plan->lag[l], s);
        double norm[32];
        for (int i = 0; i < plan->offsets; i++) norm[i] = memory_norm(t, phase, i);
        MemoryDecay decay = memory_decay(plan->offset, norm, plan->offsets);
        rate[s] = decay.rate;
        fit += decay.r2 / plan->seeds;
        log_start += decay.log_start / plan->seeds;
        farthest = decay.last > farthest ? decay.last : farthest;
    }
    Interval mean;
    if (!over_seeds(data, rate, &mean)) return STATUS_OK; /* too few norms that the format holds */
    fprintf(table, "%s\t%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%d\t%.6g\n", slug, memory_phase_name[phase],
            plan->lag[l], mean.value, mean.low, mean.high, fit, farthest, exp(log_start));
    if (phase == MEMORY_BEFORE) {
        STATUS_TRY(results_exactf(results, fit, "1", "%s.fit.before", slug));
        /* The share of a word's influence that one further word takes. */
        STATUS_TRY(results_factf(
            results, (Interval){-expm1(-mean.value), -expm1(-mean.low), -expm1(-mean.high)}, "1",
            "%s.loss", slug));
        return results_factf(results, mean, "1", "%s.rate.before", slug);
    }
    STATUS_TRY(results_exactf(results, fit, "1", "%s.fit.after.lag%d", slug, plan->lag[l]));
    return results_factf(results, mean, "1", "%s.rate.after.lag%d", slug, plan->lag[l]);
}

static Status write_norms(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    for (int k = 0; k < plan->kinds; k++)
        for (int phase = 0; phase < MEMORY_PHASES; phase++)
            for (int l = 0; l < plan->lags; l++) {
                MemoryKind kind = (MemoryKind)plan->kind[k];
                if (!has_phase(kind, (MemoryPhase)phase, l)) continue;
                STATUS_TRY(norms_of(data, results, kind, (MemoryPhase)phase, l));
                STATUS_TRY(rates_of(data, results, kind, (MemoryPhase)phase, l));
            }
    return STATUS_OK;
}

/* --- both directions ------------------------------------------------------------------------- */

/* What the backward half of the last word's state gets from the words before it: the largest norm
 * of all trainings. */
static Status write_last_backward(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    double largest = 0;
    int counted = 0;
    for (size_t cell = 0; cell < data->trainings; cell++) {
        if (memory_cell_at(plan, cell).kind != MEMORY_BILSTM) continue;
        for (int phase = 0; phase < MEMORY_PHASES; phase++)
            for (int i = 0; i < plan->offsets; i++) {
                double norm = data->training[cell].norm[phase][MEMORY_BACKWARD][i];
                if (isnan(norm)) continue;
                counted++;
                largest = norm > largest ? norm : largest;
            }
    }
    if (!counted) return STATUS_OK;
    STATUS_TRY(results_exactf(results, counted, "1", "bilstm.backward.counted"));
    return results_exactf(results, largest, "1", "bilstm.backward.largest");
}

/* The state in the middle of MEMORY_MIDDLE's sequence: one row for each half, side and distance. */
static Status write_side(const MemoryData *data, Results *results, MemoryPhase phase,
                         MemoryPart part, int after) {
    static const char *const side_name[] = {"past", "future"};
    const MemoryPlan *plan = data->plan;
    FILE *table = results_table(results, "sides", "phase\tpart\toffset\tnorm\tlow\thigh");
    if (!table) return STATUS_IO;
    double rate[MEMORY_LIST_MAX], largest = 0;
    Interval mean;
    for (int i = 0; i < plan->offsets; i++) {
        double norm[MEMORY_LIST_MAX];
        for (int s = 0; s < plan->seeds; s++) {
            norm[s] = of_seed(data, MEMORY_MIDDLE, plan->pair_lag, s)->side[phase][part][after][i];
            if (norm[s] > largest) largest = norm[s];
        }
        if (geometric(data, norm, &mean))
            fprintf(table, "%s\t%s\t%d\t%.6g\t%.6g\t%.6g\n", memory_phase_name[phase],
                    memory_part_name[part], after ? plan->offset[i] : -plan->offset[i], mean.value,
                    mean.low, mean.high);
    }
    for (int s = 0; s < plan->seeds; s++)
        rate[s] =
            memory_decay(plan->offset,
                         of_seed(data, MEMORY_MIDDLE, plan->pair_lag, s)->side[phase][part][after],
                         plan->offsets)
                .rate;
    STATUS_TRY(results_exactf(results, largest, "1", "sides.%s.%s.%s.largest",
                              memory_phase_name[phase], memory_part_name[part], side_name[after]));
    if (!over_seeds(data, rate, &mean)) return STATUS_OK; /* the half that sees nothing there */
    return results_factf(results, mean, "1", "sides.%s.%s.%s.rate", memory_phase_name[phase],
                         memory_part_name[part], side_name[after]);
}

static Status write_sides(const MemoryData *data, Results *results) {
    if (!of_seed(data, MEMORY_MIDDLE, data->plan->pair_lag, 0)) return STATUS_OK;
    for (int phase = 0; phase < MEMORY_PHASES; phase++)
        for (int part = 0; part < MEMORY_PARTS; part++)
            for (int after = 0; after < 2; after++)
                STATUS_TRY(write_side(data, results, (MemoryPhase)phase, (MemoryPart)part, after));
    return STATUS_OK;
}

/* --- how it was trained ---------------------------------------------------------------------- */

static void describe_reader(const MemoryPlan *plan, MemoryKind kind, char *text, size_t size) {
    static const char *const what[MEMORY_KINDS] = {
        [MEMORY_RNN] = "RNN (tanh)",
        [MEMORY_GRU] = "GRU",
        [MEMORY_LSTM_0] = "LSTM, forget bias 0",
        [MEMORY_LSTM_1] = "LSTM, forget bias 1",
        [MEMORY_LSTM_CHRONO] = "LSTM, chrono initialisation",
        [MEMORY_BILSTM] = "bidirectional LSTM, read at the last word",
        [MEMORY_ENDS] = "bidirectional LSTM, read at both ends",
        [MEMORY_MIDDLE] = "bidirectional LSTM, read at both ends, the symbol in the middle",
        [MEMORY_TRANSFORMER] = "Transformer encoder, 2 heads, sinusoids",
    };
    MemoryConfig config = memory_config(plan, kind);
    snprintf(text, size, "%s; 1 layer of width %d, words of %d", what[kind], memory_width(&config),
             kind == MEMORY_TRANSFORMER ? memory_width(&config) : plan->embedding);
}

static Status write_cards(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    FILE *table = results_table(results, "cards",
                                "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\t"
                                "batch\tdata\tseeds");
    if (!table) return STATUS_IO;
    char lags[128] = "";
    for (int l = 0; l < plan->lags; l++)
        snprintf(lags + strlen(lags), sizeof lags - strlen(lags), "%s%d", l ? ", " : "",
                 plan->lag[l]);
    for (int k = 0; k < plan->kinds; k++) {
        MemoryKind kind = (MemoryKind)plan->kind[k];
        const MemoryTraining *t = of_seed(data, kind, plan->lag[0], 0);
        MemoryConfig config = memory_config(plan, kind);
        char architecture[160];
        describe_reader(plan, kind, architecture, sizeof architecture);
        fprintf(table,
                "recall, %s, lags %s\t%s\t%zu\tcross-entropy of the asked symbol\tAdamW, peak rate "
                "%g, linear to 0, warm-up .05, decay 0, clip 1\t%d\t%d\t%d symbols asked, %d "
                "others; every sequence drawn once; %d validation, %d test\t%d\n",
                memory_kind_slug[kind], lags, architecture, t->parameters, plan->rate[kind][0],
                plan->steps, plan->batch, plan->alphabet, plan->others, plan->validation,
                plan->test, plan->seeds);
        STATUS_TRY(results_exactf(results, (double)t->parameters, "1", "%s.parameters",
                                  memory_kind_slug[kind]));
        STATUS_TRY(results_exactf(results, memory_width(&config), "1", "%s.width",
                                  memory_kind_slug[kind]));
        STATUS_TRY(results_exactf(results, plan->rate[kind][0], "1", "%s.peak_rate",
                                  memory_kind_slug[kind]));
    }
    return STATUS_OK;
}

/* Every reader's first seed at the second lag: some learn there, some do not. */
static Status write_curve(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    FILE *table = results_table(results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy");
    if (!table) return STATUS_IO;
    for (int k = 0; k < plan->kinds; k++) {
        const MemoryTraining *t = of_seed(data, plan->kind[k], plan->pair_lag, 0);
        for (int p = 0; p < t->points; p++)
            fprintf(table, "%s, lag %d\t%d\t%s\t%ld\t%.6g\t%.6g\n", memory_kind_slug[plan->kind[k]],
                    plan->pair_lag, plan->seed[0],
                    t->curve[p].validation ? "validation" : "training", t->curve[p].step,
                    t->curve[p].loss, t->curve[p].accuracy);
    }
    return STATUS_OK;
}

static Status write_settings(const MemoryData *data, Results *results) {
    const MemoryPlan *plan = data->plan;
    const struct {
        const char *name;
        double value;
    } all[] = {{"alphabet", plan->alphabet},
               {"others", plan->others},
               {"chance", 1. / plan->alphabet},
               {"steps", plan->steps},
               {"batch", plan->batch},
               {"seeds", plan->seeds},
               {"test", plan->test},
               {"probes", plan->probes},
               {"length", plan->length},
               {"longest_lag", plan->lag[plan->lags - 1]},
               {"sides.lag", plan->pair_lag},
               {"sides.distance", memory_distance(MEMORY_MIDDLE, plan->pair_lag)},
               {"trainings", (double)data->trainings}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        STATUS_TRY(results_exactf(results, all[i].value, "1", "%s", all[i].name));
    return STATUS_OK;
}

Status memory_report_write(const MemoryData *data, Results *results) {
    STATUS_TRY(results_prefix(results, "%s.memory.", memory_plan_prefix(data->plan)));
    STATUS_TRY(write_settings(data, results));
    STATUS_TRY(write_recall(data, results));
    STATUS_TRY(write_norms(data, results));
    STATUS_TRY(write_last_backward(data, results));
    STATUS_TRY(write_sides(data, results));
    STATUS_TRY(write_learning(data, results));
    STATUS_TRY(write_curve(data, results));
    return write_cards(data, results);
}

/* --- on the terminal ------------------------------------------------------------------------- */

void memory_report_print(const MemoryData *data, FILE *stream) {
    const MemoryPlan *plan = data->plan;
    fprintf(stream,
            "accuracy of recalling a symbol (chance %.3f), by lag; decay a word before "
            "training\n%-12s",
            1. / plan->alphabet, "reader");
    for (int l = 0; l < plan->lags; l++) fprintf(stream, " %6d", plan->lag[l]);
    fprintf(stream, "  decay\n");
    for (int k = 0; k < plan->kinds; k++) {
        MemoryKind kind = (MemoryKind)plan->kind[k];
        fprintf(stream, "%-12s", memory_kind_slug[kind]);
        for (int l = 0; l < plan->lags; l++) {
            double mean = 0;
            for (int s = 0; s < plan->seeds; s++)
                mean += of_seed(data, kind, plan->lag[l], s)->accuracy / plan->seeds;
            fprintf(stream, " %6.3f", mean);
        }
        const MemoryTraining *t = of_seed(data, kind, plan->lag[0], 0);
        double norm[32];
        for (int i = 0; i < plan->offsets; i++) norm[i] = memory_norm(t, MEMORY_BEFORE, i);
        double decay = memory_decay(plan->offset, norm, plan->offsets).rate;
        if (isfinite(decay))
            fprintf(stream, "  %.4f\n", decay);
        else
            fprintf(stream, "  -\n");
    }
}
