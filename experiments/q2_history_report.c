/* What the experiment leaves: tables and facts of what was computed. Those of the trainings are in
 * q2_history_table.c. */
#include "q2_history_report.h"
#include "stat/summary.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double share_of(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

/* --- the future ------------------------------------------------------------------------------- */

static void leak_row(FILE *table, const char *level, ExactKind kind, const LeakCount *c) {
    fprintf(table, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.6g\t%.6g\n", level, exact_kind_slug[kind],
            c->compared, c->changed, c->bits, c->largest, share_of(c->after_changed, c->after));
}

static void add_count(LeakCount *sum, const LeakCount *c) {
    sum->compared += c->compared;
    sum->changed += c->changed;
    sum->bits += c->bits;
    sum->largest = fmax(sum->largest, c->largest);
    sum->after += c->after;
    sum->after_changed += c->after_changed;
}

static Status write_leaks(const HistorySession *session, Results *results) {
    const HistoryPlan *plan = &session->plan;
    LeakCount causal = {0}, control = {0};
    double least = 1;
    FILE *table = results_table(
        results, "leak", "level\tattention\tcompared\tchanged\tbits\tlargest\tfuture_changed");
    if (!table) return STATUS_IO;
    for (int k = 0; k < EXACT_KINDS; k++) {
        const HistoryLeak *leak = &session->leak[k];
        leak_row(table, "layer", leak->kind, &leak->layer);
        if (leak->network.compared > 0) leak_row(table, "network", leak->kind, &leak->network);
        leak_row(table, "unmasked", leak->kind, &leak->unmasked);
        add_count(&causal, &leak->layer);
        add_count(&causal, &leak->network);
        add_count(&control, &leak->unmasked);
        least = fmin(least, share_of(leak->unmasked.changed, leak->unmasked.compared));
    }
    STATUS_TRY(results_exactf(results, plan->leak_draws, "1", "leak.draws"));
    STATUS_TRY(results_exactf(results, plan->length, "1", "leak.length"));
    STATUS_TRY(results_exactf(results, causal.compared, "1", "leak.compared"));
    STATUS_TRY(results_exactf(results, causal.changed, "1", "leak.changed"));
    STATUS_TRY(results_exactf(results, causal.bits, "1", "leak.bits"));
    STATUS_TRY(results_exactf(results, causal.largest, "1", "leak.largest"));
    STATUS_TRY(results_exactf(results, share_of(causal.after_changed, causal.after), "1",
                              "leak.future_changed"));
    const double all = share_of(control.changed, control.compared);
    return results_factf(results, (Interval){all, fmin(least, all), all}, "1",
                         "leak.unmasked.changed");
}

/* --- order ------------------------------------------------------------------------------------ */

static Status write_order(const HistorySession *session, Results *results) {
    const HistoryPlan *plan = &session->plan;
    const size_t draws = (size_t)plan->order_draws;
    FILE *table =
        results_table(results, "order", "half\tattention\tpositions\tresidual\tlow\thigh");
    if (!table) return STATUS_IO;
    for (int i = 0; i < session->orders; i++) {
        const HistoryOrder *o = &session->order[i];
        Summary s = summary_of(o->residual, draws);
        fprintf(table, "%s\t%s\t%s\t%.6g\t%.6g\t%.6g\n", o->causal ? "decoder" : "encoder",
                exact_kind_slug[o->kind], exact_positions_slug[o->positions], s.median, s.minimum,
                s.maximum);
    }
    /* Over all kinds of attention: median and range. */
    for (int g = 0; g < 4; g++) {
        double *all = malloc(draws * EXACT_MODEL_KINDS * sizeof *all);
        size_t count = 0;
        if (!all) return status_fail(STATUS_MEMORY, "no memory for residuals");
        for (int i = 0; i < session->orders; i++) {
            const HistoryOrder *o = &session->order[i];
            if (o->causal != (g == 3) || (g < 3 && o->positions != (Positions)g)) continue;
            memcpy(all + count, o->residual, draws * sizeof *all);
            count += draws;
        }
        Summary s = summary_of(all, count);
        free(all);
        STATUS_TRY(results_factf(results, (Interval){s.median, s.minimum, s.maximum}, "1",
                                 "order.%s.%s", g == 3 ? "decoder" : "encoder",
                                 exact_positions_slug[g == 3 ? 0 : g]));
    }
    STATUS_TRY(results_exactf(results, plan->order_draws, "1", "order.draws"));
    return STATUS_OK;
}

/* --- the head built by hand ------------------------------------------------------------------- */

static Status write_head(const HistorySession *session, Results *results) {
    const HistoryPlan *plan = &session->plan;
    double margin = INFINITY;
    FILE *table = results_table(results, "head",
                                "offset\tbeta\tlength\tmean\tleast\tbound\taccuracy\tcopied");
    FILE *map = results_table(results, "head_map", "beta\tquery\tkey\tweight");
    if (!table || !map) return STATUS_IO;
    for (int i = 0; i < session->heads; i++) {
        const HistoryHead *h = &session->head[i];
        fprintf(table, "%d\t%d\t%d\t%.8g\t%.8g\t%.8g\t%.6g\t%.6g\n", h->offset, h->beta, h->length,
                h->score.mean, h->score.least, h->score.bound, h->score.accuracy, h->score.copied);
        if (h->offset == 1) margin = fmin(margin, h->score.least - h->score.bound);
        char where[64];
        snprintf(where, sizeof where, "head.o%d.b%d.n%d", h->offset, h->beta, h->length);
        STATUS_TRY(results_exactf(results, h->score.least, "1", "%s.least", where));
        STATUS_TRY(results_exactf(results, h->score.mean, "1", "%s.mean", where));
        STATUS_TRY(results_exactf(results, h->score.accuracy, "1", "%s.accuracy", where));
        STATUS_TRY(results_exactf(results, h->score.copied, "1", "%s.copied", where));
    }
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < HISTORY_MAP; i++)
            for (int j = 0; j < HISTORY_MAP; j++)
                fprintf(map, "%d\t%d\t%d\t%.6g\n", plan->head_map_betas[m], i + 1, j + 1,
                        j > i ? 0. : (double)session->map[m][i * HISTORY_MAP + j]);
    const int longest = plan->head_lengths.value[plan->head_lengths.count - 1];
    STATUS_TRY(results_exactf(results, plan->head_width, "1", "head.width"));
    STATUS_TRY(results_exactf(results, head_gap(plan->head_width, longest), "1", "head.gap"));
    return results_exactf(results, margin, "1", "head.margin");
}

/* --- the two forms ---------------------------------------------------------------------------- */

static Interval over_draws(const HistorySession *session, LinearMap map, int length, size_t field) {
    double values[HISTORY_LIST_MAX];
    size_t count = 0;
    for (int i = 0; i < session->linears && count < HISTORY_LIST_MAX; i++)
        if (session->linear[i].map == map && session->linear[i].length == length)
            memcpy(&values[count++], (const char *)&session->linear[i].error + field,
                   sizeof *values);
    Summary s = summary_of(values, count);
    return (Interval){s.median, s.minimum, s.maximum};
}

static Status write_linear(const HistorySession *session, Results *results) {
    const HistoryPlan *plan = &session->plan;
    static const struct {
        const char *name;
        size_t field;
    } forms[] = {{"parallel", offsetof(LinearError, parallel)},
                 {"recurrent", offsetof(LinearError, recurrent)},
                 {"apart", offsetof(LinearError, apart)}};
    FILE *table = results_table(results, "linear", "map\tlength\tform\tnmse\tlow\thigh");
    if (!table) return STATUS_IO;
    for (int m = 0; m < LINEAR_MAPS; m++)
        for (int n = 0; n < plan->linear_lengths.count; n++)
            for (int f = 0; f < 3; f++) {
                const int length = plan->linear_lengths.value[n];
                const Interval v = over_draws(session, (LinearMap)m, length, forms[f].field);
                fprintf(table, "%s\t%d\t%s\t%.6g\t%.6g\t%.6g\n", linear_slug[m], length,
                        forms[f].name, v.value, v.low, v.high);
                STATUS_TRY(results_factf(results, v, "1", "linear.%s.%s.n%d", linear_slug[m],
                                         forms[f].name, length));
            }
    for (int m = 0; m < LINEAR_MAPS; m++) {
        double worst = 0;
        for (int i = 0; i < session->linears; i++)
            if ((int)session->linear[i].map == m)
                worst = fmax(worst, session->linear[i].error.apart);
        STATUS_TRY(results_exactf(results, worst, "1", "linear.%s.worst", linear_slug[m]));
    }
    STATUS_TRY(results_exactf(results, session->model_apart, "1", "linear.network.apart"));
    STATUS_TRY(results_exactf(results, plan->linear_model_length, "1", "linear.network.length"));
    STATUS_TRY(results_exactf(results, (double)session->model_bytes[0], "byte",
                              "linear.network.state_first"));
    return results_exactf(results, (double)session->model_bytes[1], "byte",
                          "linear.network.state_last");
}

Status history_report(const HistorySession *session, const Grid *grid, Results *results) {
    STATUS_TRY(results_prefix(results, "%s", session->plan.prefix));
    STATUS_TRY(write_leaks(session, results));
    STATUS_TRY(write_order(session, results));
    STATUS_TRY(write_head(session, results));
    STATUS_TRY(write_linear(session, results));
    return history_write_recall(session, grid, results);
}

void history_print(const HistorySession *session, const Grid *grid, FILE *stream) {
    double compared = 0, bits = 0;
    for (int k = 0; k < EXACT_KINDS; k++) {
        compared += session->leak[k].layer.compared + session->leak[k].network.compared;
        bits += session->leak[k].layer.bits + session->leak[k].network.bits;
    }
    fprintf(stream, "the future changed: %.0f of %.0f bits of the past did\n", bits, 32 * compared);
    for (int i = 0; i < session->orders; i++) {
        const HistoryOrder *o = &session->order[i];
        Summary s = summary_of(o->residual, (size_t)session->plan.order_draws);
        fprintf(stream, "order: %s, %-7s, positions %-10s residual %.2e (%.1e to %.1e)\n",
                o->causal ? "decoder" : "encoder", exact_kind_slug[o->kind],
                exact_positions_slug[o->positions], s.median, s.minimum, s.maximum);
    }
    for (int i = 0; i < session->heads; i++) {
        const HistoryHead *h = &session->head[i];
        if (h->beta != session->plan.head_beta) continue;
        fprintf(stream, "head: %2d back of %4d, beta %d: weight %.4f, least %.4f, copied %.4f\n",
                h->offset, h->length, h->beta, h->score.mean, h->score.least, h->score.copied);
    }
    for (int i = 0; i < session->linears; i++) {
        const HistoryLinear *l = &session->linear[i];
        if (l->draw == 1)
            fprintf(stream, "%-5s N %4d: parallel %.1e, recurrent %.1e, apart %.1e\n",
                    linear_slug[l->map], l->length, l->error.parallel, l->error.recurrent,
                    l->error.apart);
    }
    history_print_recall(session, grid, stream);
}
