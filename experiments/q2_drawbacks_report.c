#include "q2_drawbacks_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- parity ---------------------------------------------------------------------------------- */

/* Lengths that get a fact: those of training, and how far beyond. */
static int is_told(const DrawbacksPlan *plan, int n) {
    return n == plan->parity_length / 2 || n == plan->parity_length ||
           n == plan->parity_length + plan->parity_length / 2 ||
           (n % plan->parity_length == 0 &&
            (n / plan->parity_length == 2 || n / plan->parity_length == 4 ||
             n / plan->parity_length == 8)) ||
           n == plan->parity_longest;
}

static Status report_parity(const Drawbacks *d, const Gathered *g, Results *results) {
    const DrawbacksPlan *plan = &d->plan;
    FILE *table = results_table(results, "parity",
                                "net\tlength\tseeds\tlast\tlast_low\tlast_high\tall\tall_low\t"
                                "all_high\tbits");
    if (!table) return STATUS_IO;
    for (int k = 0; k < NET_KINDS; k++)
        for (int n = 1; n <= plan->parity_longest && n <= GATHER_LENGTHS; n++) {
            const GatheredParity *p = &g->parity[k][n];
            if (!p->count) continue;
            Interval last, all, bits;
            STATUS_TRY(gather_mean(p->last, p->count, &last));
            STATUS_TRY(gather_mean(p->all, p->count, &all));
            STATUS_TRY(gather_mean(p->bits, p->count, &bits));
            fprintf(table, "%s\t%d\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
                    drawbacks_net_slug[k], n, p->count, last.value, last.low, last.high, all.value,
                    all.low, all.high, bits.value);
            if (!is_told(plan, n)) continue;
            STATUS_TRY(
                results_factf(results, last, "1", "parity.%s.last.n%d", drawbacks_net_slug[k], n));
            STATUS_TRY(
                results_factf(results, all, "1", "parity.%s.all.n%d", drawbacks_net_slug[k], n));
        }
    /* The accuracy that chance has beside it: the last step's share of ones is a half. */
    STATUS_TRY(results_exactf(results, plan->parity_length, "token", "parity.length"));
    STATUS_TRY(results_exactf(results, plan->parity_longest, "token", "parity.longest"));
    STATUS_TRY(results_exactf(results, plan->parity_steps, "1", "parity.updates"));
    STATUS_TRY(results_exactf(results, plan->parity_seeds, "1", "parity.seeds"));
    STATUS_TRY(results_exactf(results, plan->parity_test, "1", "parity.sequences"));
    const NetShape shape = drawbacks_parity_shape(plan, NET_SINUSOIDAL);
    return results_exactf(results, (double)net_transformer_parameters(&shape), "1",
                          "parity.parameters");
}

/* --- the next character ---------------------------------------------------------------------- */

static Status report_size(const Drawbacks *d, const Gathered *g, int i, Results *results) {
    const int sentences = d->plan.sentences.value[i];
    FILE *table = results_table(results, "language",
                                "net\tsentences\tseeds\tupdates\tbest_update\tparameters\t"
                                "bits\tlow\thigh\ttraining\tvalidation");
    FILE *gaps = results_table(results, "language_gap", "sentences\tgap\tlow\thigh");
    if (!table || !gaps) return STATUS_IO;
    for (int k = 0; k < NET_KINDS; k++) {
        const GatheredLanguage *l = &g->language[k][i];
        if (!l->count) continue;
        Interval bits, best, training, validation;
        STATUS_TRY(gather_mean(l->test, l->count, &bits));
        STATUS_TRY(gather_mean(l->best_update, l->count, &best));
        STATUS_TRY(gather_mean(l->training, l->count, &training));
        STATUS_TRY(gather_mean(l->validation, l->count, &validation));
        fprintf(table, "%s\t%d\t%d\t%d\t%.0f\t%zu\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
                drawbacks_net_slug[k], sentences, l->count, l->updates, best.value, l->parameters,
                bits.value, bits.low, bits.high, training.value, validation.value);
        STATUS_TRY(
            results_factf(results, bits, "1", "language.%s.s%d", drawbacks_net_slug[k], sentences));
        STATUS_TRY(results_factf(results, training, "1", "language.%s.training.s%d",
                                 drawbacks_net_slug[k], sentences));
    }
    const GatheredLanguage *lstm = &g->language[NET_LSTM][i];
    const GatheredLanguage *transformer = &g->language[NET_SINUSOIDAL][i];
    if (!lstm->count || lstm->count != transformer->count) return STATUS_OK;
    Interval gap;
    STATUS_TRY(gather_gap(transformer->test, lstm->test, lstm->count, &gap));
    fprintf(gaps, "%d\t%.6g\t%.6g\t%.6g\n", sentences, gap.value, gap.low, gap.high);
    return results_factf(results, gap, "1", "language.gap.s%d", sentences);
}

static Status report_text(const Drawbacks *d, Results *results) {
    const DrawbacksPlan *plan = &d->plan;
    const int most = plan->sentences.value[plan->sentences.count - 1];
    CharacterStream all;
    STATUS_TRY(character_stream_make(&all, &d->alphabet, &d->train, NULL, d->train.count));
    const double unigram = gather_unigram_bits(&all, &d->dev, d->alphabet.symbols);
    const double symbols = (double)all.count, other = (double)d->dev.other / (double)d->dev.count;
    character_stream_free(&all);
    STATUS_TRY(results_exactf(results, unigram, "1", "language.unigram"));
    STATUS_TRY(
        results_exactf(results, symbols / (double)d->train.count, "1", "language.characters"));
    STATUS_TRY(results_exactf(results, d->alphabet.symbols, "1", "language.symbols"));
    STATUS_TRY(results_exactf(results, other, "1", "language.other"));
    STATUS_TRY(results_exactf(results, most, "1", "language.sentences.most"));
    STATUS_TRY(results_exactf(results, plan->sentences.value[0], "1", "language.sentences.least"));
    STATUS_TRY(results_exactf(results, (double)d->test.count, "1", "language.test.sentences"));
    STATUS_TRY(results_exactf(results, plan->validation, "1", "language.validation.sentences"));
    STATUS_TRY(results_exactf(results, plan->window, "token", "language.window"));
    STATUS_TRY(results_exactf(results, plan->seeds, "1", "language.seeds"));
    const NetShape shape = drawbacks_language_shape(d, NET_SINUSOIDAL);
    return results_exactf(results, (double)net_transformer_parameters(&shape), "1",
                          "language.parameters");
}

static Status report_language(const Drawbacks *d, const Gathered *g, Results *results) {
    const DrawbacksList *sizes = &d->plan.sentences;
    double x[DRAWBACKS_LIST_MAX];
    for (int i = 0; i < sizes->count; i++) x[i] = sizes->value[i];
    for (int i = 0; i < sizes->count; i++) STATUS_TRY(report_size(d, g, i, results));
    for (int i = 0; i < sizes->count; i++) {
        Interval ratio;
        if (gather_hunger(x, sizes->count, i, g->language[NET_SINUSOIDAL], g->language[NET_LSTM],
                          &ratio))
            STATUS_TRY(results_factf(results, ratio, "1", "language.hunger.transformer.s%d",
                                     sizes->value[i]));
        if (gather_hunger(x, sizes->count, i, g->language[NET_LSTM], g->language[NET_SINUSOIDAL],
                          &ratio))
            STATUS_TRY(
                results_factf(results, ratio, "1", "language.hunger.lstm.s%d", sizes->value[i]));
    }
    return report_text(d, results);
}

/* Means over the places first .. last of the windows, seed by seed; 0: not all were measured. */
static int mean_places(const Gathered *g, int net, int first, int last, double *out) {
    int seeds = 0, groups = 0;
    for (int i = 0; i < g->places; i++) {
        const GatheredPlace *p = &g->place[net][i];
        if (!p->count || p->first < first || p->last > last) continue;
        if (!groups++)
            for (int s = 0; s < p->count; s++) out[s] = 0;
        seeds = p->count;
        for (int s = 0; s < seeds; s++) out[s] += p->bits[s];
    }
    for (int s = 0; s < seeds; s++) out[s] /= groups;
    return seeds;
}

static Status report_places(const Drawbacks *d, const Gathered *g, Results *results) {
    FILE *table = results_table(results, "place", "net\tfirst\tlast\tseeds\tbits\tlow\thigh");
    if (!table) return STATUS_IO;
    const int w = d->plan.window;
    for (int k = 0; k < NET_KINDS; k++) {
        for (int i = 0; i < g->places; i++) {
            const GatheredPlace *p = &g->place[k][i];
            Interval bits;
            if (!p->count) continue;
            STATUS_TRY(gather_mean(p->bits, p->count, &bits));
            fprintf(table, "%s\t%d\t%d\t%d\t%.6g\t%.6g\t%.6g\n", drawbacks_net_slug[k], p->first,
                    p->last, p->count, bits.value, bits.low, bits.high);
        }
        double inside[GATHER_SEEDS], beyond[GATHER_SEEDS];
        Interval value;
        const int seeds = mean_places(g, k, w / 2 + 1, w, inside);
        if (!seeds) continue;
        STATUS_TRY(gather_mean(inside, seeds, &value));
        STATUS_TRY(results_factf(results, value, "1", "place.%s.inside", drawbacks_net_slug[k]));
        if (mean_places(g, k, d->plan.far / 2 + 1, d->plan.far, beyond) != seeds) continue;
        STATUS_TRY(gather_mean(beyond, seeds, &value));
        STATUS_TRY(results_factf(results, value, "1", "place.%s.beyond", drawbacks_net_slug[k]));
        STATUS_TRY(gather_gap(beyond, inside, seeds, &value));
        STATUS_TRY(results_factf(results, value, "1", "place.%s.rise", drawbacks_net_slug[k]));
    }
    return results_exactf(results, d->plan.far, "token", "place.far");
}

/* --- memory ---------------------------------------------------------------------------------- */

static Status report_memory(const Drawbacks *d, const Gathered *g, Results *results) {
    const DrawbacksList *lengths = &d->plan.lengths;
    const int most = lengths->count - 1;
    FILE *table = results_table(results, "memory", "kind\tlength\tparameters\tcounted\tseen");
    if (!table) return STATUS_IO;
    for (int k = 0; k < HOLDS_KINDS; k++) {
        const GatheredMemory *m = g->memory[k];
        for (int i = 0; i <= most; i++) {
            if (!(m[i].counted > 0)) continue;
            const int n = lengths->value[i];
            fprintf(table, "%s\t%d\t%zu\t%.0f\t%.0f\n", drawbacks_holds_slug[k], n, m[i].parameters,
                    m[i].counted, m[i].seen);
            STATUS_TRY(results_exactf(results, m[i].counted, "byte", "memory.%s.counted.n%d",
                                      drawbacks_holds_slug[k], n));
            STATUS_TRY(results_exactf(results, m[i].seen, "byte", "memory.%s.seen.n%d",
                                      drawbacks_holds_slug[k], n));
            STATUS_TRY(results_exactf(results, m[i].counted / g->memory[HOLDS_LSTM][i].counted, "1",
                                      "memory.%s.ratio.n%d", drawbacks_holds_slug[k], n));
        }
        const double n[2] = {lengths->value[most - 1], lengths->value[most]};
        const double slope = log(m[most].counted / m[most - 1].counted) / log(n[1] / n[0]);
        STATUS_TRY(results_exactf(results, slope, "1", "memory.%s.slope", drawbacks_holds_slug[k]));
    }
    STATUS_TRY(results_exactf(results, lengths->value[most], "token", "memory.longest"));
    return results_exactf(results, (double)g->memory[HOLDS_TILED][0].parameters, "1",
                          "memory.parameters");
}

Status drawbacks_report_grid(const Drawbacks *d, const Gathered *g, const Grid *grid,
                             Results *results) {
    STATUS_TRY(report_parity(d, g, results));
    if (d->has_text) {
        STATUS_TRY(report_language(d, g, results));
        STATUS_TRY(report_places(d, g, results));
    }
    STATUS_TRY(report_memory(d, g, results));
    return drawbacks_report_cards(d, g, grid, results);
}
