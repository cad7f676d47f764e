/* What the trainings of q2_history gave: from the rows of the grid to tables and facts. */
#define _GNU_SOURCE
#include "q2_history_report.h"
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- kinds of training ------------------------------------------------------------------------ */

typedef struct {
    const HistoryPlan *plan;
    HistoryGroup *groups;
    int count;
} Collect;

static HistoryGroup *group_of(Collect *c, size_t cell, int make) {
    const RecallCell *r = &c->plan->cell[cell];
    for (int i = 0; i < c->count; i++) {
        HistoryGroup *g = &c->groups[i];
        if (g->model == r->model && g->pairs == r->pairs && g->steps == r->steps) return g;
    }
    if (!make || c->count == HISTORY_GROUPS_MAX) return NULL;
    HistoryGroup *g = &c->groups[c->count++];
    *g = (HistoryGroup){.slug = history_cell_slug(c->plan, cell),
                        .model = r->model,
                        .pairs = r->pairs,
                        .steps = r->steps};
    return g;
}

static Status bad_row(const char *table, const char *row) {
    return status_fail(STATUS_FORMAT, "q2_history: no row of '%s': '%.80s'", table, row);
}

static Status take_score(void *context, size_t cell, const char *row) {
    Collect *c = context;
    HistoryGroup *g = group_of(c, cell, 1);
    double accuracy;
    if (!g || g->seeds == 32 ||
        sscanf(row, "%*s %*s %*s %*s %lf %lf %*s %lf", &g->parameters, &g->state_bytes,
               &accuracy) != 3)
        return bad_row("score", row);
    g->solved[g->seeds] = -1;
    g->accuracy[g->seeds++] = accuracy;
    return STATUS_OK;
}

static Status take_solved(void *context, size_t cell, const char *row) {
    Collect *c = context;
    HistoryGroup *g = group_of(c, cell, 0);
    char split[32];
    double step, accuracy;
    if (!g || sscanf(row, "%*s %31s %lf %*s %lf", split, &step, &accuracy) != 3)
        return bad_row("curve", row);
    int seed = c->plan->cell[cell].seed - 1;
    if (strcmp(split, "validation") == 0 && accuracy >= HISTORY_SOLVED / 100. && seed < g->seeds &&
        g->solved[seed] < 0)
        g->solved[seed] = step;
    return STATUS_OK;
}

Status history_groups(const HistoryPlan *plan, const Grid *grid, HistoryGroup *groups, int *count) {
    Collect collect = {plan, groups, 0};
    STATUS_TRY(grid_rows(grid, "score", take_score, &collect));
    STATUS_TRY(grid_rows(grid, "curve", take_solved, &collect));
    *count = collect.count;
    return STATUS_OK;
}

Status history_accuracy(const HistoryGroup *group, Interval *out) {
    return bootstrap_interval(group->accuracy, (size_t)group->seeds, bootstrap_mean, NULL, 2000, 1,
                              out);
}

/* --- tables ----------------------------------------------------------------------------------- */

typedef struct {
    const HistoryPlan *plan;
    FILE *all, *one; /* of the curves: every seed at the headline, and seed 1 of each family */
    FILE *table;
} Copy;

static Status copy_curve(void *context, size_t cell, const char *row) {
    const Copy *copy = context;
    const RecallCell *c = &copy->plan->cell[cell];
    const char *rest = strchr(row, '\t'); /* after the cell's name */
    if (!rest) return bad_row("curve", row);
    const char *slug = history_cell_slug(copy->plan, cell);
    if (c->pairs != copy->plan->headline && strcmp(slug, "lstm_long")) return STATUS_OK;
    fprintf(copy->all, "%s\t%d\t%d%s\n", slug, c->pairs, c->seed, rest);
    if (c->seed == 1) fprintf(copy->one, "%s, %d pairs\t%d%s\n", slug, c->pairs, c->seed, rest);
    return STATUS_OK;
}

static Status copy_row(void *context, size_t cell, const char *row) {
    const Copy *copy = context;
    (void)cell;
    fprintf(copy->table, "%s\n", row);
    return STATUS_OK;
}

static Status write_curves(const HistoryPlan *plan, const Grid *grid, Results *results) {
    Copy copy = {
        .plan = plan,
        .all = results_table(results, "recall_curve",
                             "model\tpairs\tseed\tsplit\tstep\tloss\taccuracy"),
        .one = results_table(results, "curve", "training\tseed\tsplit\tstep\tloss\taccuracy")};
    if (!copy.all || !copy.one) return STATUS_IO;
    STATUS_TRY(grid_rows(grid, "curve", copy_curve, &copy));
    copy.table =
        results_table(results, "recall_map", "model\tpairs\tlayer\thead\tquery\tkey\tweight");
    if (!copy.table) return STATUS_IO;
    STATUS_TRY(grid_rows(grid, "map", copy_row, &copy));
    copy.table = results_table(results, "recall_tokens", "model\tpairs\tposition\tid");
    if (!copy.table) return STATUS_IO;
    STATUS_TRY(grid_rows(grid, "tokens", copy_row, &copy));
    copy.table =
        results_table(results, "recall_heads", "model\tpairs\tseed\tlayer\thead\tpart\tweight");
    if (!copy.table) return STATUS_IO;
    return grid_rows(grid, "heads", copy_row, &copy);
}

/* --- what the trained heads do ---------------------------------------------------------------- */

typedef struct {
    double best[2][32]; /* of the layer's heads, by seed */
    int seeds[2];
} Best;

static Status take_heads(void *context, size_t cell, const char *row) {
    Best *best = context;
    int seed, layer;
    double weight;
    (void)cell;
    if (sscanf(row, "%*s %*s %d %d %*s %*s %lf", &seed, &layer, &weight) != 3 || seed < 1 ||
        seed > 32 || layer < 1 || layer > 2)
        return bad_row("heads", row);
    if (seed > best->seeds[layer - 1]) best->seeds[layer - 1] = seed;
    best->best[layer - 1][seed - 1] = fmax(best->best[layer - 1][seed - 1], weight);
    return STATUS_OK;
}

static Status write_heads(const Grid *grid, Results *results) {
    Best best = {0};
    STATUS_TRY(grid_rows(grid, "heads", take_heads, &best));
    for (int layer = 0; layer < 2 && best.seeds[layer] > 0; layer++) {
        Interval mean;
        STATUS_TRY(bootstrap_interval(best.best[layer], (size_t)best.seeds[layer], bootstrap_mean,
                                      NULL, 2000, 1, &mean));
        STATUS_TRY(
            results_factf(results, mean, "1", "recall.attention.%s", layer ? "right" : "previous"));
    }
    return STATUS_OK;
}

/* --- accuracies --------------------------------------------------------------------------------
 */

/* log2(A^P): the values of all pairs, before it is known which is asked for. */
static double bits_needed(const HistoryPlan *plan, int pairs) {
    return pairs * log2(plan->recall.alphabet);
}

/* Of a network that knows which values there were and picks one of them. */
static double chance(const HistoryPlan *plan, int pairs) {
    return 1. / pairs + (1 - 1. / pairs) / plan->recall.alphabet;
}

static Status write_solved(const HistoryGroup *g, Results *results) {
    double steps[32];
    size_t count = 0;
    for (int s = 0; s < g->seeds; s++)
        if (g->solved[s] >= 0) steps[count++] = g->solved[s];
    STATUS_TRY(
        results_exactf(results, (double)count, "1", "recall.%s.p%d.solved", g->slug, g->pairs));
    if (count == 0) return STATUS_OK;
    Summary s = summary_of(steps, count);
    return results_factf(results, (Interval){s.median, s.minimum, s.maximum}, "1",
                         "recall.%s.p%d.solved_step", g->slug, g->pairs);
}

static Status write_group(const HistoryPlan *plan, const HistoryGroup *g, FILE *table,
                          Results *results) {
    Interval accuracy;
    STATUS_TRY(history_accuracy(g, &accuracy));
    Summary s = summary_of(g->accuracy, (size_t)g->seeds);
    fprintf(table, "%s\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
            g->slug, g->pairs, g->steps, g->seeds, g->parameters, 8 * g->state_bytes,
            bits_needed(plan, g->pairs), accuracy.value, accuracy.low, accuracy.high, s.minimum,
            s.maximum, chance(plan, g->pairs));
    STATUS_TRY(results_factf(results, accuracy, "1", "recall.%s.p%d.accuracy", g->slug, g->pairs));
    STATUS_TRY(results_exactf(results, g->steps, "1", "recall.%s.p%d.steps", g->slug, g->pairs));
    STATUS_TRY(results_exactf(results, g->seeds, "1", "recall.%s.p%d.seeds", g->slug, g->pairs));
    STATUS_TRY(results_exactf(results, 8 * g->state_bytes, "1", "recall.%s.p%d.state_bits", g->slug,
                              g->pairs));
    STATUS_TRY(
        results_exactf(results, g->parameters, "1", "recall.%s.p%d.parameters", g->slug, g->pairs));
    return write_solved(g, results);
}

/* --- cards ------------------------------------------------------------------------------------ */

typedef struct {
    const HistoryPlan *plan;
    size_t cell;
    char optimiser[256], batch[32];
} Card;

static Status take_card(void *context, size_t cell, const char *row) {
    Card *card = context;
    if (cell == card->cell && sscanf(row, "%*[^\t]\t%*[^\t]\t%255[^\t]\t%*[^\t]\t%31[^\t]",
                                     card->optimiser, card->batch) != 2)
        return bad_row("card", row);
    return STATUS_OK;
}

static Status write_card(const HistoryPlan *plan, const Grid *grid, const HistoryGroup *g,
                         FILE *cards) {
    Card card = {.plan = plan};
    const RecallShape *r = &plan->recall;
    char architecture[200];
    while (card.cell < plan->cells &&
           (plan->cell[card.cell].model != g->model || plan->cell[card.cell].pairs != g->pairs ||
            plan->cell[card.cell].steps != g->steps))
        card.cell++;
    STATUS_TRY(grid_rows(grid, "card", take_card, &card));
    if (g->model == RECALL_LSTM)
        snprintf(architecture, sizeof architecture, "LSTM, one layer of width %.0f, inputs %d",
                 g->state_bytes / 8, r->width);
    else
        snprintf(architecture, sizeof architecture,
                 "decoder, %d layers, width %d, %d head%s, feed-forward %d, sinusoids, %s",
                 r->layers, r->width, r->heads, r->heads > 1 ? "s" : "", r->feed_forward,
                 g->model == RECALL_KERNEL ? "kernel elu + 1" : "softmax");
    fprintf(cards,
            "recall, %s, %d pairs\t%s\t%.0f\tcross-entropy of the queried values\t%s\t%d\t%s\t"
            "drawn afresh: %d pairs of %d keys and %d values, then every key; validation %d, test "
            "%d sequences of their own streams\t1-%d\n",
            g->slug, g->pairs, architecture, g->parameters, card.optimiser, g->steps, card.batch,
            g->pairs, r->alphabet, r->alphabet, r->validation, r->test, g->seeds);
    return STATUS_OK;
}

Status history_write_recall(const HistorySession *session, const Grid *grid, Results *results) {
    const HistoryPlan *plan = &session->plan;
    static HistoryGroup groups[HISTORY_GROUPS_MAX];
    int count;
    STATUS_TRY(history_groups(plan, grid, groups, &count));
    FILE *table = results_table(results, "recall",
                                "model\tpairs\tsteps\tseeds\tparameters\tstate_bits\tneeded_bits\t"
                                "accuracy\tlow\thigh\tleast\tmost\tchance");
    FILE *cards = results_table(results, "cards",
                                "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\tbatch"
                                "\tdata\tseeds");
    FILE *seeds =
        results_table(results, "recall_seeds", "model\tpairs\tseed\taccuracy\tsolved_step");
    if (!table || !cards || !seeds) return STATUS_IO;
    for (int i = 0; i < count; i++) {
        STATUS_TRY(write_group(plan, &groups[i], table, results));
        STATUS_TRY(write_card(plan, grid, &groups[i], cards));
        for (int s = 0; s < groups[i].seeds; s++)
            fprintf(seeds, "%s\t%d\t%d\t%.6g\t%.0f\n", groups[i].slug, groups[i].pairs, s + 1,
                    groups[i].accuracy[s], groups[i].solved[s]);
    }
    STATUS_TRY(results_exactf(results, plan->headline, "1", "recall.headline"));
    STATUS_TRY(results_exactf(results, plan->recall.alphabet, "1", "recall.alphabet"));
    STATUS_TRY(
        results_exactf(results, bits_needed(plan, plan->headline), "1", "recall.needed_bits"));
    STATUS_TRY(results_exactf(results, chance(plan, plan->headline), "1", "recall.chance"));
    STATUS_TRY(write_curves(plan, grid, results));
    return write_heads(grid, results);
}

void history_print_recall(const HistorySession *session, const Grid *grid, FILE *stream) {
    static HistoryGroup groups[HISTORY_GROUPS_MAX];
    int count;
    if (history_groups(&session->plan, grid, groups, &count) != STATUS_OK) return;
    for (int i = 0; i < count; i++) {
        Interval a;
        const HistoryGroup *g = &groups[i];
        if (history_accuracy(g, &a) != STATUS_OK) continue;
        fprintf(stream,
                "recall: %-11s %2d pairs, %5d steps, %d seeds: accuracy %.3f [%.3f, %.3f]; state "
                "%.0f bits\n",
                g->slug, g->pairs, g->steps, g->seeds, a.value, a.low, a.high, 8 * g->state_bytes);
    }
}
