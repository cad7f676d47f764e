/* Every system on every set of sentences. */
#include "q5_reorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 1000

#define CONFUSION_BEAM 8 /* of training and validation sentences */
#define FUSION_BEAM    8 /* of dev, where the trigram's weight is chosen */

/* --- one system on one set
 * ----------------------------------------------------------------------- */

#define SCORES_HEADER                                                                              \
    "set\tsystem\tbeam\tsentences\tbleu\tbleu_low\tbleu_high\texact\texact_"                       \
    "low\texact_high\ttau\t"                                                                       \
    "tau_low\ttau_high\tposition\tposition_low\tposition_"                                         \
    "high\tsubstring\tsubstring_low\t"                                                             \
    "substring_high\tseconds"

static Status write_scores(const Q5Run *run, const char *set, const char *system, int beam,
                           const OrderSummary *s, double seconds) {
    FILE *f = results_table(run->results, "scores", SCORES_HEADER);
    const Interval *of[] = {&s->bleu, &s->exact, &s->tau, &s->position, &s->substring};
    static const char *const names[] = {"bleu", "exact", "tau", "position", "substring"};
    if (!f) return STATUS_IO;
    fprintf(f, "%s\t%s\t%d\t%zu", set, system, beam, s->sentences);
    for (int k = 0; k < 5; k++)
        fprintf(f, "\t%.6g\t%.6g\t%.6g", of[k]->value, of[k]->low, of[k]->high);
    fprintf(f, "\t%.4g\n", seconds);
    for (int k = 0; k < 5; k++)
        STATUS_TRY(results_aroundf(run->results, *of[k], "1", "%s.%s.%s", set, system, names[k]));
    printf("%-24s %-14s BLEU %5.1f [%.1f, %.1f]  PMR %4.1f %%  tau %.3f  "
           "position %.3f\n",
           set, system, s->bleu.value, s->bleu.low, s->bleu.high, 100 * s->exact.value,
           s->tau.value, s->position.value);
    return STATUS_OK;
}

static Status write_lengths(const Q5Run *run, const char *set, const char *system,
                            const OrderScore *scores, size_t count) {
    FILE *f =
        results_table(run->results, "lengths",
                      "set\tsystem\tlow\thigh\tsentences\tbleu\texact\texact_low\texact_high\t"
                      "tau\ttau_low\ttau_high");
    OrderScore *some = malloc((count + 1) * sizeof *some);
    if (!f || !some) {
        free(some);
        return f ? status_fail(STATUS_MEMORY, "no memory for scores") : STATUS_IO;
    }
    Status status = STATUS_OK;
    for (int low = Q5_SHORTEST; status == STATUS_OK && low <= Q5_LONGEST; low += 2) {
        OrderSummary s;
        const size_t n = order_of_length(scores, count, low, low + 1, some);
        if (n == 0) continue;
        status = order_summarise(some, 1, n, BOOTSTRAP_OVER_SENTENCES, DRAWS, 1, &s);
        if (status == STATUS_OK)
            fprintf(f, "%s\t%s\t%d\t%d\t%zu\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", set,
                    system, low, low + 1, n, s.bleu.value, s.exact.value, s.exact.low, s.exact.high,
                    s.tau.value, s.tau.low, s.tau.high);
    }
    free(some);
    return status;
}

/* Scores answers and writes them down; `kept`, where not NULL, gets the scores
 * [count]. */
Status q5_take(const Q5Run *run, const char *set, const char *system, int beam, const Q5Part *part,
               const Q5Answers *answers, int lengths, OrderScore *kept) {
    OrderSummary summary;
    OrderScore *scores = malloc((part->count + 1) * sizeof *scores);
    if (!scores) return status_fail(STATUS_MEMORY, "no memory for %zu scores", part->count);
    Status status = q5_score(part, answers, scores);
    if (status == STATUS_OK)
        status =
            order_summarise(scores, 1, part->count, BOOTSTRAP_OVER_SENTENCES, DRAWS, 1, &summary);
    if (status == STATUS_OK)
        status = write_scores(run, set, system, beam, &summary, answers->seconds);
    if (status == STATUS_OK && lengths)
        status = write_lengths(run, set, system, scores, part->count);
    if (kept) memcpy(kept, scores, part->count * sizeof *scores);
    free(scores);
    return status;
}

/* --- the sets
 * ---------------------------------------------------------------------------------------
 */

static const char *slug(const Q5Run *run) {
    return q5_network_slug[run->plan->network];
}

static Status measure_network(Q5Run *run, const char *set, const Q5Part *part, Q5Answers *answers,
                              int lengths, OrderScore *kept) {
    const OptionInts *beams = &run->plan->beams;
    for (int b = 0; b < beams->count; b++) {
        char system[32], what[80];
        const int beam = beams->values[b], widest = b + 1 == beams->count;
        snprintf(system, sizeof system, "%s%s", slug(run), beam == 1 && !widest ? "_greedy" : "");
        if (!widest && beam != 1) snprintf(system, sizeof system, "%s_beam%d", slug(run), beam);
        snprintf(what, sizeof what, "q5 %s, beam %d", set, beam);
        STATUS_TRY(q5_answer_network(&run->network, run->data, part,
                                     &(ReordererSearch){.beam = beam}, what, answers));
        const double rate = (double)part->count / answers->seconds;
        STATUS_TRY(q5_take(run, set, system, beam, part, answers, lengths && widest,
                           widest ? kept : NULL));
        if (lengths)
            STATUS_TRY(results_exactf(run->results, rate, "sentence/s",
                                      "decoding.beam%d.sentences_per_second", beam));
    }
    return STATUS_OK;
}

/* How much `better` is than `worse`, on the same sentences. */
Status q5_difference(const Q5Run *run, const char *set, const char *gain, const OrderScore *better,
                     const OrderScore *worse, size_t count) {
    OrderSummary d;
    STATUS_TRY(order_compare(better, worse, count, DRAWS, 1, &d));
    STATUS_TRY(results_aroundf(run->results, d.bleu, "1", "%s.%s.bleu", set, gain));
    STATUS_TRY(results_aroundf(run->results, d.exact, "1", "%s.%s.exact", set, gain));
    return results_aroundf(run->results, d.tau, "1", "%s.%s.tau", set, gain);
}

/* --- the model and the trigram together --------------------------------------------------------
 */

static ReordererSearch fused(const Q5Run *run, int beam, double weight) {
    return (ReordererSearch){.beam = beam, .ngram = run->ngram, .ngram_weight = weight};
}

/* Which weight has the best BLEU on dev: fusion.tsv. */
static Status try_weights(Q5Run *run, Q5Answers *answers, OrderScore *scores) {
    static const double few[] = {0, .1, .4}, many[] = {0, .05, .1, .15, .2, .3, .4};
    const Q5Part *dev = &run->data->dev;
    const double *weights = run->plan->quick ? few : many;
    const size_t tried = run->plan->quick ? 3 : 7;
    double best = -1;
    FILE *f = results_table(run->results, "fusion",
                            "weight\tbleu\tbleu_low\tbleu_high\texact\ttau\ttau_low\ttau_high");
    if (!f) return STATUS_IO;
    for (size_t k = 0; k < tried; k++) {
        char what[80];
        OrderSummary s;
        const ReordererSearch search = fused(run, FUSION_BEAM, weights[k]);
        snprintf(what, sizeof what, "q5 perdt_dev, trigram's weight %g", weights[k]);
        STATUS_TRY(q5_answer_network(&run->network, run->data, dev, &search, what, answers));
        STATUS_TRY(q5_score(dev, answers, scores));
        STATUS_TRY(order_summarise(scores, 1, dev->count, BOOTSTRAP_OVER_SENTENCES, DRAWS, 1, &s));
        fprintf(f, "%g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", weights[k], s.bleu.value,
                s.bleu.low, s.bleu.high, s.exact.value, s.tau.value, s.tau.low, s.tau.high);
        if (s.bleu.value > best) best = s.bleu.value, run->fusion = weights[k];
    }
    return results_exactf(run->results, run->fusion, "1", "fusion.weight");
}

static Status choose_weight(Q5Run *run) {
    Q5Answers answers;
    const Q5Part *dev = &run->data->dev;
    OrderScore *scores = malloc((dev->count + 1) * sizeof *scores);
    if (!scores) return status_fail(STATUS_MEMORY, "no memory for scores");
    Status status = q5_answers_open(dev, &answers);
    if (status == STATUS_OK) status = try_weights(run, &answers, scores);
    q5_answers_close(&answers);
    free(scores);
    return status;
}

/* With the widest beam; `alone`: the model's own scores. */
static Status measure_fused(Q5Run *run, const char *set, const Q5Part *part, int lengths,
                            const OrderScore *alone, OrderScore *scores) {
    char what[80], system[32];
    Q5Answers answers;
    const OptionInts *beams = &run->plan->beams;
    const int beam = beams->values[beams->count - 1];
    const ReordererSearch search = fused(run, beam, run->fusion);
    snprintf(what, sizeof what, "q5 %s, beam %d with the trigram", set, beam);
    snprintf(system, sizeof system, "%s_kn3", slug(run));
    STATUS_TRY(q5_answers_open(part, &answers));
    Status status = q5_answer_network(&run->network, run->data, part, &search, what, &answers);
    if (status == STATUS_OK)
        status = q5_take(run, set, system, beam, part, &answers, lengths, scores);
    q5_answers_close(&answers);
    return status == STATUS_OK ? q5_difference(run, set, "fusion.gain", scores, alone, part->count)
                               : status;
}

static Status measure_with(Q5Run *run, const char *set, const Q5Part *part, Q5Answers *answers,
                           int lengths, OrderScore *scores) {
    char what[80];
    OrderScore *kn3 = scores + part->count;
    q5_answer_chance(part, answers);
    answers->seconds = 0;
    STATUS_TRY(q5_take(run, set, "chance", 0, part, answers, lengths, NULL));
    snprintf(what, sizeof what, "q5 %s, trigram", set);
    STATUS_TRY(q5_answer_ngram(run->ngram, part, &(NgramSearch){run->plan->beam, run->plan->future},
                               what, answers));
    STATUS_TRY(q5_take(run, set, "kn3", run->plan->beam, part, answers, lengths, kn3));
    STATUS_TRY(measure_network(run, set, part, answers, lengths, scores));
    STATUS_TRY(q5_difference(run, set, "gain", scores, kn3, part->count));
    if (run->plan->against && part == &run->data->test) STATUS_TRY(q5_measure_against(run, scores));
    return measure_fused(run, set, part, lengths, scores, kn3);
}

static Status measure_set(Q5Run *run, const char *set, const Q5Part *part, int lengths,
                          Q5Answers *out) {
    if (part->count == 0) return STATUS_OK;
    STATUS_TRY(q5_answers_open(part, out));
    OrderScore *scores = malloc(2 * part->count * sizeof *scores);
    if (!scores) return status_fail(STATUS_MEMORY, "no memory for scores");
    Status status = measure_with(run, set, part, out, lengths, scores);
    free(scores);
    return status;
}

/* --- confusion matrices
 * -----------------------------------------------------------------------------
 */

static Status write_confusion(const Q5Run *run, const char *name, const Q5Part *part,
                              const Q5Answers *answers) {
    OrderConfusion c;
    FILE *f = results_table(run->results, name, "truth\tpredicted\tcount\tshare");
    if (!f) return STATUS_IO;
    STATUS_TRY(order_confusion_open(&c, Q5_LONGEST));
    for (size_t i = 0; i < part->count; i++) {
        const int n = (int)(answers->start[i + 1] - answers->start[i]);
        order_confusion_add(&c, reorder_words_of(part->set, part->sentence[i]), n,
                            answers->word + answers->start[i], n);
    }
    for (int t = 0; t < c.size; t++) {
        uint64_t all = 0;
        for (int p = 0; p < c.size; p++) all += c.cell[t * c.size + p];
        for (int p = 0; p < c.size; p++)
            fprintf(f, "%d\t%d\t%llu\t%.5f\n", t + 1, p + 1,
                    (unsigned long long)c.cell[t * c.size + p],
                    all ? (double)c.cell[t * c.size + p] / (double)all : 0);
    }
    order_confusion_close(&c);
    return STATUS_OK;
}

/* As many training sentences as there are test sentences, answered with the
 * middle beam as dev is. */
static Status confuse(const Q5Run *run, const char *name, const Q5Part *part) {
    Q5Answers answers;
    STATUS_TRY(q5_answers_open(part, &answers));
    Status status = q5_answer_network(&run->network, run->data, part,
                                      &(ReordererSearch){.beam = CONFUSION_BEAM}, NULL, &answers);
    if (status == STATUS_OK) status = write_confusion(run, name, part, &answers);
    if (status == STATUS_OK && strcmp(name, "confusion_train") == 0)
        status = q5_take(run, "training", slug(run), CONFUSION_BEAM, part, &answers, 0, NULL);
    if (status == STATUS_OK && strcmp(name, "confusion_validation") == 0)
        status = q5_take(run, "perdt_dev", slug(run), CONFUSION_BEAM, part, &answers, 0, NULL);
    q5_answers_close(&answers);
    return status;
}

/* How often the first and the last word of a sentence stand where they should, and those between.
 */
static Status write_ends(const Q5Run *run, const Q5Part *part, const Q5Answers *answers) {
    static const char *const names[] = {"first", "inside", "last"};
    double right[3] = {0}, all[3] = {0};
    for (size_t i = 0; i < part->count; i++) {
        const uint32_t *word = reorder_words_of(part->set, part->sentence[i]);
        const size_t n = answers->start[i + 1] - answers->start[i];
        for (size_t t = 0; t < n; t++) {
            const int where = t == 0 ? 0 : t + 1 == n ? 2 : 1;
            right[where] += word[t] == answers->word[answers->start[i] + t];
            all[where]++;
        }
    }
    for (int k = 0; k < 3; k++) {
        const double share = all[k] > 0 ? right[k] / all[k] : 0;
        STATUS_TRY(results_exactf(run->results, share, "1", "perdt_test.%s.place.%s", slug(run),
                                  names[k]));
    }
    return STATUS_OK;
}

Status q5_measure(Q5Run *run) {
    const Q5Sentences *data = run->data;
    Q5Part part;
    STATUS_TRY(choose_weight(run));
    STATUS_TRY(measure_set(run, "perdt_test", &data->test, 1, &run->after));
    STATUS_TRY(write_confusion(run, "confusion_test", &data->test, &run->after));
    STATUS_TRY(write_ends(run, &data->test, &run->after));
    STATUS_TRY(q5_part_open(&part, data->train.set, Q5_SHORTEST, Q5_LONGEST, data->test.count));
    Status status = confuse(run, "confusion_train", &part);
    q5_part_close(&part);
    if (status == STATUS_OK) status = confuse(run, "confusion_validation", &data->dev);
    for (size_t i = 0; status == STATUS_OK && i < data->data.sets; i++) {
        const ReorderSet *set = &data->data.set[i];
        Q5Answers answers = {0};
        if (strncmp(set->name, "test_", 5) != 0) continue;
        status = q5_part_open(&part, set, Q5_SHORTEST, Q5_LONGEST, (size_t)run->plan->held_out);
        if (status == STATUS_OK) status = measure_set(run, set->name, &part, 0, &answers);
        q5_answers_close(&answers);
        q5_part_close(&part);
    }
    return status;
}
