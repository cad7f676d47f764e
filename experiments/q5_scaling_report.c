/* Tables and facts of the finished grid. Sizes are compared at their best moment on dev. Every
 * score is a mean over seeds; its interval comes from resampling seeds and sentences. */
#include "q5_scaling.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 1000

/* One row of "moment", of one cell. */
typedef struct {
    double steps, seconds, loss, accuracy;
} Moment;

/* The answers that are summarised together. */
typedef struct {
    OrderScore *score; /* [seeds, sentences] */
    size_t taken;
} Answers;

typedef struct {
    const ScalingPlan *plan;
    Results *results;
    Answers answers[SCALING_SYSTEMS][SCALING_SIZES_MAX][SCALING_MOMENTS_MAX + 1][SCALING_SETS][2];
    Moment moment[SCALING_SYSTEMS][SCALING_SIZES_MAX][SCALING_MOMENTS_MAX + 1][SCALING_SEEDS_MAX];
    double parameters, words[SCALING_SIZES_MAX];
    FILE *curve;
} Report;

static size_t sentences_of(const Report *r, int set) {
    return set == SCALING_DEV ? r->plan->sentences.dev.count : r->plan->sentences.test.count;
}

/* --- reading the cells --------------------------------------------------------------------------
 */

static Status damaged(const Report *r, size_t cell, const char *table) {
    char name[96];
    scaling_name((void *)r->plan, cell, name, sizeof name);
    return status_fail(STATUS_FORMAT, "a row of '%s' of %s is damaged", table, name);
}

static Status take_answer(void *context, size_t cell, const char *row) {
    Report *r = context;
    OrderScore o;
    int moment, set, wide;
    if (sscanf(row,
               "%d\t%d\t%d\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hu\t%hhu\t%f\t%f\t%f",
               &moment, &set, &wide, &o.length, &o.answer_length, &o.matches[0], &o.matches[1],
               &o.matches[2], &o.matches[3], &o.grams[0], &o.grams[1], &o.grams[2], &o.grams[3],
               &o.exact, &o.tau, &o.position, &o.substring) != 17 ||
        moment < 0 || moment > r->plan->moments || set < 0 || set >= SCALING_SETS || wide < 0 ||
        wide > 1)
        return damaged(r, cell, "answer");
    Answers *a = &r->answers[scaling_system(cell)][scaling_size(r->plan, cell)][moment][set][wide];
    const size_t room = sentences_of(r, set) * (size_t)r->plan->seeds.count;
    if (!a->score) a->score = malloc(room * sizeof *a->score);
    if (!a->score) return status_fail(STATUS_MEMORY, "no memory for %zu answers", room);
    if (a->taken == room) return damaged(r, cell, "answer");
    a->score[a->taken++] = o;
    return STATUS_OK;
}

static Status take_moment(void *context, size_t cell, const char *row) {
    Report *r = context;
    Moment m;
    int moment;
    double parameters, words;
    if (sscanf(row, "%d\t%lf\t%lf\t%lf\t%lf\t%lf\t%lf", &moment, &m.steps, &m.seconds, &m.loss,
               &m.accuracy, &parameters, &words) != 7 ||
        moment < 0 || moment > r->plan->moments)
        return damaged(r, cell, "moment");
    const int size = scaling_size(r->plan, cell);
    r->moment[scaling_system(cell)][size][moment][scaling_run_of(r->plan, cell)] = m;
    if (scaling_system(cell) == SCALING_POINTER) {
        r->parameters = parameters;
        r->words[size] += words / (r->plan->seeds.count * (r->plan->moments + 1));
    }
    return STATUS_OK;
}

static Status take_curve(void *context, size_t cell, const char *row) {
    const Report *r = context;
    fprintf(r->curve, "%s\t%zu\t%d\t%s\n", scaling_slug[scaling_system(cell)],
            r->plan->size[scaling_size(r->plan, cell)],
            r->plan->seeds.values[scaling_run_of(r->plan, cell)], row);
    return STATUS_OK;
}

/* --- facts --------------------------------------------------------------------------------------
 */

/* Mean, least and most over the seeds. */
static Interval over_seeds(const Report *r, const Moment *of_seed, size_t offset) {
    Interval v = {0, INFINITY, -INFINITY};
    for (int s = 0; s < r->plan->seeds.count; s++) {
        double one;
        memcpy(&one, (const char *)&of_seed[s] + offset, sizeof one);
        v.value += one / r->plan->seeds.count;
        v.low = fmin(v.low, one), v.high = fmax(v.high, one);
    }
    return v;
}

static BootstrapLevels levels(const Report *r) {
    return r->plan->seeds.count > 1 ? BOOTSTRAP_OVER_BOTH : BOOTSTRAP_OVER_SENTENCES;
}

static Status summarise(const Report *r, const Answers *a, int set, OrderSummary *out) {
    const size_t count = sentences_of(r, set), seeds = (size_t)r->plan->seeds.count;
    if (a->taken != count * seeds)
        return status_fail(STATUS_FORMAT, "%zu answers; expected %zu", a->taken, count * seeds);
    return order_summarise(a->score, seeds, count, levels(r), DRAWS, 1, out);
}

static Status three_facts(const Report *r, const OrderSummary *s, const char *name) {
    STATUS_TRY(results_aroundf(r->results, s->bleu, "1", "%s.bleu", name));
    STATUS_TRY(results_aroundf(r->results, s->exact, "1", "%s.exact", name));
    return results_aroundf(r->results, s->tau, "1", "%s.tau", name);
}

/* --- against the number of sentences ------------------------------------------------------------
 */

static const char *const set_slug[SCALING_SETS] = {"dev", "test"};

static Status write_sizes(Report *r, int k, int size, int set, int wide) {
    const ScalingPlan *plan = r->plan;
    const char *system = k == SCALING_POINTER && !wide ? "pointer_greedy" : scaling_slug[k];
    OrderSummary s;
    char name[64];
    FILE *f = results_table(r->results, "sizes",
                            "set\tsystem\tsentences\twords\tbleu\tbleu_low\tbleu_high\texact\t"
                            "exact_low\texact_high\ttau\ttau_low\ttau_high");
    if (!f) return STATUS_IO;
    STATUS_TRY(summarise(r, &r->answers[k][size][plan->moments][set][wide], set, &s));
    fprintf(f, "%s\t%s\t%zu\t%.0f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
            set_slug[set], system, plan->size[size], r->words[size], s.bleu.value, s.bleu.low,
            s.bleu.high, s.exact.value, s.exact.low, s.exact.high, s.tau.value, s.tau.low,
            s.tau.high);
    printf("%-4s %6zu sentences, %-14s BLEU %5.1f [%.1f, %.1f], exact %4.1f %%, tau %.3f\n",
           set_slug[set], plan->size[size], system, s.bleu.value, s.bleu.low, s.bleu.high,
           100 * s.exact.value, s.tau.value);
    snprintf(name, sizeof name, "size%d.%s.%s", size + 1, set_slug[set], system);
    return three_facts(r, &s, name);
}

/* What the pointer has more than the trigram of the same sentences. */
static Status write_gain(Report *r, int size, int set) {
    const int best = r->plan->moments;
    OrderSummary d;
    char name[64];
    STATUS_TRY(order_compare_seeds(r->answers[SCALING_POINTER][size][best][set][1].score,
                                   r->answers[SCALING_TRIGRAM][size][best][set][1].score,
                                   (size_t)r->plan->seeds.count, sentences_of(r, set), levels(r),
                                   DRAWS, 1, &d));
    snprintf(name, sizeof name, "size%d.%s.gain", size + 1, set_slug[set]);
    return three_facts(r, &d, name);
}

/* What four times the data give, as a mean over the whole range: a straight line on the axis of
 * figure q5_scaling would have this slope. */
static Status write_slope(Report *r, int k) {
    const ScalingPlan *plan = r->plan;
    const int best = plan->moments, largest = plan->sizes - 1;
    const double fours = log((double)plan->size[largest] / (double)plan->size[0]) / log(4);
    OrderSummary d;
    if (largest == 0) return STATUS_OK;
    STATUS_TRY(order_compare_seeds(r->answers[k][largest][best][SCALING_DEV][1].score,
                                   r->answers[k][0][best][SCALING_DEV][1].score,
                                   (size_t)plan->seeds.count, sentences_of(r, SCALING_DEV),
                                   levels(r), DRAWS, 1, &d));
    const Interval v = {d.bleu.value / fours, d.bleu.low / fours, d.bleu.high / fours};
    return results_aroundf(r->results, v, "1", "%s.fourfold.bleu", scaling_slug[k]);
}

static Status write_data(Report *r) {
    const ScalingPlan *plan = r->plan;
    for (int size = 0; size < plan->sizes; size++) {
        STATUS_TRY(results_exactf(r->results, (double)plan->size[size], "1", "size%d.sentences",
                                  size + 1));
        STATUS_TRY(results_exactf(r->results,
                                  (double)plan->steps * plan->batch / (double)plan->size[size], "1",
                                  "size%d.epochs", size + 1));
        STATUS_TRY(results_aroundf(
            r->results,
            over_seeds(r, r->moment[SCALING_POINTER][size][plan->moments], offsetof(Moment, loss)),
            "nat", "size%d.dev.loss", size + 1));
        STATUS_TRY(results_aroundf(
            r->results,
            over_seeds(r, r->moment[SCALING_POINTER][size][plan->moments], offsetof(Moment, steps)),
            "1", "size%d.best.steps", size + 1));
        for (int set = 0; set < SCALING_SETS; set++) {
            STATUS_TRY(write_sizes(r, SCALING_TRIGRAM, size, set, 1));
            STATUS_TRY(write_sizes(r, SCALING_POINTER, size, set, 0));
            STATUS_TRY(write_sizes(r, SCALING_POINTER, size, set, 1));
            STATUS_TRY(write_gain(r, size, set));
        }
    }
    STATUS_TRY(write_slope(r, SCALING_POINTER));
    return write_slope(r, SCALING_TRIGRAM);
}

/* --- against time -------------------------------------------------------------------------------
 */

static Status write_moment(Report *r, int size, int m) {
    const ScalingPlan *plan = r->plan;
    const Moment *of_seed = r->moment[SCALING_POINTER][size][m];
    OrderSummary greedy, beam;
    FILE *f = results_table(r->results, "moments",
                            "sentences\tsteps\tseconds\tbleu\tbleu_low\tbleu_high\tgreedy\t"
                            "greedy_low\tgreedy_high\tloss\tloss_low\tloss_high");
    if (!f) return STATUS_IO;
    STATUS_TRY(
        summarise(r, &r->answers[SCALING_POINTER][size][m][SCALING_DEV][0], SCALING_DEV, &greedy));
    STATUS_TRY(
        summarise(r, &r->answers[SCALING_POINTER][size][m][SCALING_DEV][1], SCALING_DEV, &beam));
    const Interval seconds = over_seeds(r, of_seed, offsetof(Moment, seconds));
    const Interval loss = over_seeds(r, of_seed, offsetof(Moment, loss));
    fprintf(f, "%zu\t%.0f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
            plan->size[size], of_seed[0].steps, seconds.value, beam.bleu.value, beam.bleu.low,
            beam.bleu.high, greedy.bleu.value, greedy.bleu.low, greedy.bleu.high, loss.value,
            loss.low, loss.high);
    STATUS_TRY(
        results_aroundf(r->results, seconds, "s", "size%d.moment%d.seconds", size + 1, m + 1));
    STATUS_TRY(results_aroundf(r->results, loss, "nat", "size%d.moment%d.loss", size + 1, m + 1));
    return results_aroundf(r->results, beam.bleu, "1", "size%d.moment%d.bleu", size + 1, m + 1);
}

static Status write_time(Report *r) {
    const ScalingPlan *plan = r->plan;
    const int last = plan->moments - 1;
    double steps = 0, seconds = 0;
    for (int size = 0; size < plan->sizes; size++)
        for (int m = 0; m < plan->moments; m++) STATUS_TRY(write_moment(r, size, m));
    for (int m = 0; m < plan->moments; m++)
        STATUS_TRY(
            results_exactf(r->results, scaling_moment(plan, m), "1", "moment%d.steps", m + 1));
    for (int size = 0; size < plan->sizes; size++)
        for (int s = 0; s < plan->seeds.count; s++) {
            steps += r->moment[SCALING_POINTER][size][last][s].steps;
            seconds += r->moment[SCALING_POINTER][size][last][s].seconds;
        }
    const double words = r->words[plan->sizes - 1] / (double)plan->size[plan->sizes - 1];
    return results_exactf(r->results, steps * plan->batch * words / seconds, "word/s",
                          "pointer.words_per_second");
}

/* --- what describes it --------------------------------------------------------------------------
 */

static Status write_cards(const Report *r) {
    const ScalingPlan *p = r->plan;
    FILE *f = results_table(r->results, "cards",
                            "training\tarchitecture\tparameters\tloss\toptimiser\tsteps\tbatch\t"
                            "data\tseeds");
    if (!f) return STATUS_IO;
    for (int size = 0; size < p->sizes; size++)
        fprintf(f,
                "pointer_%zu\tTransformer %d+%d, D=%d, F=%d, H=%d, bag, pointer, dropout %g\t%.0f\t"
                "cross-entropy\tAdamW, rate %g, held, linear fall over the last %g, beta2 .99, "
                "decay .01\t%d\t%d\t%zu sentences of 4-15 words\t%d\n",
                p->size[size], p->shape.encoder_layers, p->shape.decoder_layers, p->shape.width,
                p->shape.feed_forward, p->shape.heads, (double)p->shape.dropout, r->parameters,
                p->rate, p->fall, p->steps, p->batch, p->size[size], p->seeds.count);
    return STATUS_OK;
}

static Status write_plan(const Report *r) {
    const ScalingPlan *p = r->plan;
    STATUS_TRY(results_exactf(r->results, r->parameters / 1e6, "1", "parameters.millions"));
    STATUS_TRY(results_exactf(r->results, p->steps, "1", "steps"));
    STATUS_TRY(results_exactf(r->results, p->batch, "1", "batch"));
    STATUS_TRY(results_exactf(r->results, p->seeds.count, "1", "seeds"));
    STATUS_TRY(results_exactf(r->results, p->beam, "1", "beam"));
    STATUS_TRY(results_exactf(r->results, p->ngram_beam, "1", "kn3.beam"));
    return results_exactf(r->results, (double)p->sentences.dev.count, "1", "dev.sentences");
}

static Status report(Report *r, const Grid *grid) {
    r->curve =
        results_table(r->results, "curve", "system\tsentences\tseed\tsplit\tstep\tloss\taccuracy");
    if (!r->curve) return STATUS_IO;
    STATUS_TRY(grid_rows(grid, "answer", take_answer, r));
    STATUS_TRY(grid_rows(grid, "moment", take_moment, r));
    STATUS_TRY(grid_rows(grid, "curve", take_curve, r));
    STATUS_TRY(results_prefix(r->results, "%sscaling.", r->plan->prefix));
    STATUS_TRY(write_plan(r));
    STATUS_TRY(write_data(r));
    STATUS_TRY(write_time(r));
    return write_cards(r);
}

static void close_answers(Report *r) {
    const size_t count = sizeof r->answers / sizeof r->answers[0][0][0][0][0];
    Answers *a = &r->answers[0][0][0][0][0];
    for (size_t i = 0; i < count; i++) free(a[i].score);
}

Status scaling_report(const ScalingPlan *plan, const Grid *grid, Results *results) {
    Report *r = calloc(1, sizeof *r);
    if (!r) return status_fail(STATUS_MEMORY, "no memory for the report");
    r->plan = plan, r->results = results;
    Status status = report(r, grid);
    close_answers(r);
    free(r);
    return status;
}
