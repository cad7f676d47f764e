/* What the judgments come to. */
#include "base/rng.h"
#include "base/sha256.h"
#include "metric/agreement.h"
#include "q5_judged.h"
#include "stat/share.h"
#include "stat/summary.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 2000

/* Lengths are joined by these many of the two-word steps of q5_reorder's lengths.tsv: a hundred
 * answers are few. */
#define STEPS_JOINED 2

static Status fact(Results *results, Interval v, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
static Status fact(Results *results, Interval v, const char *name, ...) {
    char text[128] = "q5.judged.";
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, name);
    vsnprintf(text + used, sizeof text - used, name, arguments);
    va_end(arguments);
    return results_fact(results, text, v.value, v.low, v.high, "1");
}

static Interval exactly(double value) {
    return (Interval){value, value, value};
}

static int verdict(const Q5Judged *j, int who, int i) {
    return j->verdict[who * j->count + i];
}

static int both(const Q5Judged *j, int i, int what) {
    return verdict(j, 0, i) == what && verdict(j, 1, i) == what;
}

static int either(const Q5Judged *j, int i, int what) {
    return verdict(j, 0, i) == what || verdict(j, 1, i) == what;
}

/* --- the score that follows ---------------------------------------------------------------------
 */

/* How many of `count` have it when each has with probability p. */
static size_t draw_some(double p, size_t count, uint64_t stream, uint64_t draw) {
    size_t hits = 0;
    for (size_t i = 0; i < count; i++) hits += rng_uniform(1, stream, draw * count + i) < p;
    return hits;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Interval q5_judged_accepted(size_t exact, size_t sentences, size_t acceptable, size_t judged) {
    static double drawn[DRAWS];
    const double p = sentences ? (double)exact / (double)sentences : 0;
    const double q = judged ? (double)acceptable / (double)judged : 0;
    const double value = p + (1 - p) * q;
    if (!sentences || !judged) return (Interval){value, 0, 1};
    for (size_t draw = 0; draw < DRAWS; draw++) {
        const double all = (double)draw_some(p, sentences, rng_stream("q5.judged.exact"), draw) /
                           (double)sentences;
        const double some =
            (double)draw_some(q, judged, rng_stream("q5.judged.same"), draw) / (double)judged;
        drawn[draw] = all + (1 - all) * some;
    }
    qsort(drawn, DRAWS, sizeof *drawn, ascending);
    return (Interval){value, fmin(value, summary_quantile(drawn, DRAWS, .025)),
                      fmax(value, summary_quantile(drawn, DRAWS, .975))};
}

typedef struct {
    int low, high; /* words */
    size_t sentences, exact;
} Group;

typedef struct {
    Tsv *tsv;
    char path[1200];
    int set, system, low, high, sentences, exact;
} Scores;

static Status open_scores(Scores *s, const char *folder, const char *table) {
    snprintf(s->path, sizeof s->path, "%s/%s.tsv", folder, table);
    STATUS_TRY(tsv_load(s->path, &s->tsv));
    s->set = tsv_column(s->tsv, "set"), s->system = tsv_column(s->tsv, "system");
    s->low = tsv_column(s->tsv, "low"), s->high = tsv_column(s->tsv, "high");
    s->sentences = tsv_column(s->tsv, "sentences"), s->exact = tsv_column(s->tsv, "exact");
    if (s->set >= 0 && s->system >= 0 && s->sentences >= 0 && s->exact >= 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: expected columns set, system, sentences, exact",
                       s->path);
}

/* The rows of the answers that mismatches.tsv has: the widest beam's on PerDT test. */
static Status read_groups(const Scores *s, int by_length, Group *group, int *groups) {
    *groups = 0;
    for (int row = 0, step = 0; row < s->tsv->rows; row++) {
        double sentences, exact, low = 0, high = 0;
        if (strcmp(tsv_text(s->tsv, row, s->set), "perdt_test") != 0 ||
            strcmp(tsv_text(s->tsv, row, s->system), "pointer") != 0)
            continue;
        STATUS_TRY(tsv_number(s->tsv, row, s->sentences, &sentences));
        STATUS_TRY(tsv_number(s->tsv, row, s->exact, &exact));
        if (by_length) {
            STATUS_TRY(tsv_number(s->tsv, row, s->low, &low));
            STATUS_TRY(tsv_number(s->tsv, row, s->high, &high));
        }
        if (step++ % STEPS_JOINED == 0) {
            if (*groups == Q5_LENGTHS_MAX) break;
            group[(*groups)++] = (Group){.low = (int)low};
        }
        Group *g = &group[*groups - 1];
        g->high = (int)high;
        g->sentences += (size_t)llround(sentences);
        g->exact += (size_t)llround(sentences * exact);
    }
    if (*groups) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: no row of perdt_test and pointer", s->path);
}

static Status load_groups(const char *folder, const char *table, Group *group, int *groups) {
    Scores s = {0};
    const int by_length = strcmp(table, "lengths") == 0;
    Status status = open_scores(&s, folder, table);
    if (status == STATUS_OK && by_length && (s.low < 0 || s.high < 0))
        status = status_fail(STATUS_FORMAT, "%s: expected columns low and high", s.path);
    if (status == STATUS_OK) status = read_groups(&s, by_length, group, groups);
    tsv_free(s.tsv);
    return status;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static Status write_verdicts(const Q5Judged *j, Results *results) {
    static const char *const reading[Q5_READERS] = {"one", "two"};
    const size_t n = (size_t)j->count;
    FILE *f =
        results_table(results, "verdicts",
                      "verdict\tone\tone_low\tone_high\ttwo\ttwo_low\ttwo_high\tboth\tboth_low"
                      "\tboth_high");
    if (!f) return STATUS_IO;
    for (int what = 0; what < Q5_VERDICTS; what++) {
        size_t hits[Q5_READERS] = {0}, together = 0;
        for (int i = 0; i < j->count; i++) {
            for (int who = 0; who < Q5_READERS; who++) hits[who] += verdict(j, who, i) == what;
            together += (size_t)both(j, i, what);
        }
        fputs(q5_verdict_name(what), f);
        for (int who = 0; who < Q5_READERS; who++) {
            const Interval share = share_wilson(hits[who], n);
            fprintf(f, "\t%.6g\t%.6g\t%.6g", share.value, share.low, share.high);
            STATUS_TRY(fact(results, share, "%s.%s", q5_verdict_name(what), reading[who]));
        }
        const Interval share = share_wilson(together, n);
        fprintf(f, "\t%.6g\t%.6g\t%.6g\n", share.value, share.low, share.high);
        STATUS_TRY(fact(results, share, "%s.both", q5_verdict_name(what)));
        printf("%-10s %s %3zu, %s %3zu, both %3zu of %d\n", q5_verdict_name(what), j->reader[0],
               hits[0], j->reader[1], hits[1], together, j->count);
    }
    return STATUS_OK;
}

static Status write_examples(const Q5Judged *j, Results *results) {
    const int reason = tsv_column(j->judgments, "reason");
    FILE *f = results_table(results, "examples", "verdict\twords\ttruth\tanswer\tone\ttwo");
    if (!f) return STATUS_IO;
    for (int what = 0; what < Q5_VERDICTS; what++)
        for (int i = 0; i < j->count; i++)
            if (both(j, i, what))
                fprintf(f, "%s\t%d\t%s\t%s\t%s\t%s\n", q5_verdict_name(what), j->words[i],
                        tsv_text(j->mismatches, i, j->truth), tsv_text(j->mismatches, i, j->answer),
                        tsv_text(j->judgments, j->reason[i], reason),
                        tsv_text(j->judgments, j->reason[j->count + i], reason));
    for (int i = 0; i < j->count; i++)
        if (verdict(j, 0, i) != verdict(j, 1, i))
            fprintf(f, "%s/%s\t%d\t%s\t%s\t%s\t%s\n", q5_verdict_name(verdict(j, 0, i)),
                    q5_verdict_name(verdict(j, 1, i)), j->words[i],
                    tsv_text(j->mismatches, i, j->truth), tsv_text(j->mismatches, i, j->answer),
                    tsv_text(j->judgments, j->reason[i], reason),
                    tsv_text(j->judgments, j->reason[j->count + i], reason));
    return STATUS_OK;
}

static Status write_lengths(const Q5Judged *j, const char *folder, Results *results) {
    Group group[Q5_LENGTHS_MAX];
    int groups;
    STATUS_TRY(load_groups(folder, "lengths", group, &groups));
    FILE *f = results_table(results, "lengths",
                            "low\thigh\tsentences\texact\tjudged\tacceptable\tacceptable_low\t"
                            "acceptable_high\taccepted\taccepted_low\taccepted_high");
    if (!f) return STATUS_IO;
    for (int k = 0; k < groups; k++) {
        const Group *g = &group[k];
        size_t judged = 0, same = 0;
        for (int i = 0; i < j->count; i++) {
            if (j->words[i] < g->low || j->words[i] > g->high) continue;
            judged++;
            same += (size_t)both(j, i, Q5_SAME);
        }
        const Interval share = share_wilson(same, judged);
        const Interval all = q5_judged_accepted(g->exact, g->sentences, same, judged);
        fprintf(f, "%d\t%d\t%zu\t%.6g\t%zu\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", g->low, g->high,
                g->sentences, (double)g->exact / (double)g->sentences, judged, share.value,
                share.low, share.high, all.value, all.low, all.high);
        STATUS_TRY(fact(results, share, "acceptable.words%d", g->low));
        STATUS_TRY(fact(results, all, "accepted.words%d", g->low));
    }
    return STATUS_OK;
}

static Status write_agreement(const Q5Judged *j, Results *results) {
    AgreementResult all, two;
    int *same = malloc(Q5_READERS * (size_t)j->count * sizeof *same);
    if (!same) return status_fail(STATUS_MEMORY, "no memory for %d verdicts", j->count);
    for (int i = 0; i < Q5_READERS * j->count; i++) same[i] = j->verdict[i] == Q5_SAME;
    Status status = agreement_of(j->verdict, j->verdict + j->count, (size_t)j->count, Q5_VERDICTS,
                                 DRAWS, 1, &all);
    if (status == STATUS_OK)
        status = agreement_of(same, same + j->count, (size_t)j->count, 2, DRAWS, 1, &two);
    free(same);
    if (status != STATUS_OK) return status;
    printf("agreement  of four verdicts %.2f, kappa %.2f [%.2f, %.2f]; acceptable or not %.2f, "
           "kappa %.2f [%.2f, %.2f]\n",
           all.share.value, all.kappa.value, all.kappa.low, all.kappa.high, two.share.value,
           two.kappa.value, two.kappa.low, two.kappa.high);
    STATUS_TRY(fact(results, all.share, "agreement"));
    STATUS_TRY(fact(results, all.kappa, "kappa"));
    STATUS_TRY(fact(results, two.share, "acceptable.agreement"));
    return fact(results, two.kappa, "acceptable.kappa");
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static Status write_rates(const Q5Judged *j, const char *folder, Results *results) {
    Group all;
    int groups;
    size_t strict = 0, generous = 0;
    const size_t n = (size_t)j->count;
    STATUS_TRY(load_groups(folder, "scores", &all, &groups));
    for (int i = 0; i < j->count; i++)
        strict += (size_t)both(j, i, Q5_SAME), generous += (size_t)either(j, i, Q5_SAME);
    if (all.exact + n > all.sentences)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu of %zu sentences are exact; there cannot be %zu mismatches",
                           folder, all.exact, all.sentences, n);
    const Interval accepted = q5_judged_accepted(all.exact, all.sentences, strict, n);
    const Interval most = q5_judged_accepted(all.exact, all.sentences, generous, n);
    printf("exact      %.3f; with what both accept %.3f [%.3f, %.3f], with what either does %.3f\n",
           (double)all.exact / (double)all.sentences, accepted.value, accepted.low, accepted.high,
           most.value);
    STATUS_TRY(fact(results, exactly((double)j->count), "answers"));
    STATUS_TRY(fact(results, exactly((double)all.sentences), "sentences"));
    STATUS_TRY(fact(results, exactly((double)(all.sentences - all.exact)), "mismatches"));
    STATUS_TRY(fact(results, share_wilson(all.exact, all.sentences), "exact"));
    STATUS_TRY(fact(results, share_wilson(strict, n), "acceptable"));
    STATUS_TRY(fact(results, share_wilson(generous, n), "acceptable.either"));
    STATUS_TRY(fact(results, accepted, "accepted"));
    return fact(results, most, "accepted.either");
}

static Status write_run(const Q5Judged *j, Results *results) {
    char hash[SHA256_TEXT];
    STATUS_TRY(results_run(results, "profile", "full"));
    STATUS_TRY(sha256_file(j->mismatches->path, hash));
    STATUS_TRY(results_run(results, "sha256.mismatches.tsv", "%s", hash));
    STATUS_TRY(sha256_file(j->judgments->path, hash));
    STATUS_TRY(results_run(results, "sha256.judgments", "%s", hash));
    return results_run(results, "readers", "%s, %s", j->reader[0], j->reader[1]);
}

Status q5_judged_report(const Q5Judged *j, const char *folder, Results *results) {
    STATUS_TRY(write_run(j, results));
    STATUS_TRY(write_verdicts(j, results));
    STATUS_TRY(write_agreement(j, results));
    STATUS_TRY(write_rates(j, folder, results));
    STATUS_TRY(write_lengths(j, folder, results));
    return write_examples(j, results);
}
