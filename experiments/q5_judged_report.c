/* What the judgments come to. */
#include "base/rng.h"
#include "base/sha256.h"
#include "q5_judged.h"
#include "stat/share.h"
#include "stat/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 2000

/* Lengths are joined by these many of the two-word steps of q5_reorder's lengths.tsv: a hundred
 * answers are few. */
#define STEPS_JOINED 2

static int verdict(const Q5Judged *j, int who, int i) {
    return j->verdict[who * j->count + i];
}

/* How many readers say so of mismatch i. */
static int readers_for(const Q5Judged *j, int i, int what) {
    int hits = 0;
    for (int who = 0; who < j->readers; who++) hits += verdict(j, who, i) == what;
    return hits;
}

static int all_say(const Q5Judged *j, int i, int what) {
    return readers_for(j, i, what) == j->readers;
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

/* Who judged: a reader, or all of them in one of two ways. */
enum { BY_MEDIAN = Q5_READERS_MAX, BY_ALL };

static const char *name_of(int who) {
    return who == BY_MEDIAN ? "median" : who == BY_ALL ? "all" : q5_judged_reader(who);
}

static size_t count_verdicts(const Q5Judged *j, int who, int what) {
    size_t hits = 0;
    for (int i = 0; i < j->count; i++)
        hits += (size_t)(who == BY_MEDIAN ? q5_judged_verdict(j, i) == what
                         : who == BY_ALL  ? all_say(j, i, what)
                                          : verdict(j, who, i) == what);
    return hits;
}

static Status write_verdicts_of(const Q5Judged *j, int who, FILE *f, Results *results) {
    fputs(name_of(who), f);
    printf("%-10s", name_of(who));
    for (int what = 0; what < Q5_VERDICTS; what++) {
        const size_t hits = count_verdicts(j, who, what);
        const Interval share = share_wilson(hits, (size_t)j->count);
        fprintf(f, "\t%.6g\t%.6g\t%.6g", share.value, share.low, share.high);
        printf(" %s %3zu%s", q5_verdict_name(what), hits, what + 1 < Q5_VERDICTS ? "," : "");
        STATUS_TRY(
            results_factf(results, share, "1", "%s.%s", q5_verdict_name(what), name_of(who)));
    }
    fputc('\n', f);
    printf(" of %d%s%s\n", j->count, who < j->readers ? ": " : "",
           who < j->readers ? j->reader[who] : "");
    return STATUS_OK;
}

static Status write_verdicts(const Q5Judged *j, Results *results) {
    FILE *f = results_table(results, "verdicts",
                            "reader\tsame\tsame_low\tsame_high\tother\tother_low\tother_high\t"
                            "nonsense\tnonsense_low\tnonsense_high\tbroken\tbroken_low\t"
                            "broken_high");
    if (!f) return STATUS_IO;
    for (int who = 0; who < j->readers; who++) STATUS_TRY(write_verdicts_of(j, who, f, results));
    STATUS_TRY(write_verdicts_of(j, BY_MEDIAN, f, results));
    return write_verdicts_of(j, BY_ALL, f, results);
}

/* verdict: the one of all, or each reader's in turn: other/other/same. */
static void write_example(const Q5Judged *j, int i, FILE *f) {
    const int reason = tsv_column(j->judgments, "reason");
    const int agreed = all_say(j, i, verdict(j, 0, i));
    for (int who = 0; who < (agreed ? 1 : j->readers); who++)
        fprintf(f, "%s%s", who ? "/" : "", q5_verdict_name(verdict(j, who, i)));
    fprintf(f, "\t%d\t%s\t%s", j->words[i], tsv_text(j->mismatches, i, j->truth),
            tsv_text(j->mismatches, i, j->answer));
    for (int who = 0; who < j->readers; who++)
        fprintf(f, "\t%s", tsv_text(j->judgments, j->reason[who * j->count + i], reason));
    fputc('\n', f);
}

/* First those on which all agree, verdict by verdict; then the disputed ones, and of these first
 * where one says acceptable and another does not. */
static Status write_examples(const Q5Judged *j, Results *results) {
    char header[128] = "verdict\twords\ttruth\tanswer";
    for (int who = 0; who < j->readers; who++) {
        const size_t used = strlen(header);
        snprintf(header + used, sizeof header - used, "\t%s", q5_judged_reader(who));
    }
    FILE *f = results_table(results, "examples", header);
    if (!f) return STATUS_IO;
    for (int what = 0; what < Q5_VERDICTS; what++)
        for (int i = 0; i < j->count; i++)
            if (all_say(j, i, what)) write_example(j, i, f);
    for (int acceptable = 1; acceptable >= 0; acceptable--)
        for (int i = 0; i < j->count; i++)
            if (!all_say(j, i, verdict(j, 0, i)) && (readers_for(j, i, Q5_SAME) > 0) == acceptable)
                write_example(j, i, f);
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
            same += q5_judged_verdict(j, i) == Q5_SAME;
        }
        const Interval share = share_wilson(same, judged);
        const Interval all = q5_judged_accepted(g->exact, g->sentences, same, judged);
        fprintf(f, "%d\t%d\t%zu\t%.6g\t%zu\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", g->low, g->high,
                g->sentences, (double)g->exact / (double)g->sentences, judged, share.value,
                share.low, share.high, all.value, all.low, all.high);
        STATUS_TRY(results_factf(results, share, "1", "acceptable.words%d", g->low));
        STATUS_TRY(results_factf(results, all, "1", "accepted.words%d", g->low));
    }
    return STATUS_OK;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

/* How much is acceptable if `hits` of the answers are, and what follows for all answers. */
static Status write_rate(const Q5Judged *j, const Group *all, size_t hits, const char *who,
                         const char *suffix, Results *results) {
    const size_t n = (size_t)j->count;
    const Interval accepted = q5_judged_accepted(all->exact, all->sentences, hits, n);
    printf("exact      %.3f; with the %zu that %s %.3f [%.3f, %.3f]\n",
           (double)all->exact / (double)all->sentences, hits, who, accepted.value, accepted.low,
           accepted.high);
    STATUS_TRY(results_factf(results, share_wilson(hits, n), "1", "acceptable%s", suffix));
    return results_factf(results, accepted, "1", "accepted%s", suffix);
}

/* The readers who accept fewest and most. */
static Status write_extremes(const Q5Judged *j, Results *results) {
    size_t fewest = (size_t)j->count, most = 0;
    for (int who = 0; who < j->readers; who++) {
        const size_t hits = count_verdicts(j, who, Q5_SAME);
        if (hits < fewest) fewest = hits;
        if (hits > most) most = hits;
    }
    STATUS_TRY(results_factf(results, share_wilson(fewest, (size_t)j->count), "1",
                             "acceptable.strictest"));
    return results_factf(results, share_wilson(most, (size_t)j->count), "1", "acceptable.mildest");
}

static Status write_rates(const Q5Judged *j, const char *folder, Results *results) {
    Group all;
    int groups;
    size_t any = 0;
    const size_t n = (size_t)j->count;
    STATUS_TRY(load_groups(folder, "scores", &all, &groups));
    for (int i = 0; i < j->count; i++) any += readers_for(j, i, Q5_SAME) > 0;
    if (all.exact + n > all.sentences)
        return status_fail(STATUS_FORMAT,
                           "%s: %zu of %zu sentences are exact; there cannot be %zu mismatches",
                           folder, all.exact, all.sentences, n);
    STATUS_TRY(results_exactf(results, (double)j->readers, "1", "readers"));
    STATUS_TRY(results_exactf(results, (double)j->count, "1", "answers"));
    STATUS_TRY(results_exactf(results, (double)all.sentences, "1", "sentences"));
    STATUS_TRY(results_exactf(results, (double)(all.sentences - all.exact), "1", "mismatches"));
    STATUS_TRY(results_factf(results, share_wilson(all.exact, all.sentences), "1", "exact"));
    STATUS_TRY(write_rate(j, &all, count_verdicts(j, BY_MEDIAN, Q5_SAME), "more than half accept",
                          "", results));
    STATUS_TRY(
        write_rate(j, &all, count_verdicts(j, BY_ALL, Q5_SAME), "all accept", ".all", results));
    STATUS_TRY(write_rate(j, &all, any, "any accepts", ".any", results));
    return write_extremes(j, results);
}

static Status write_run(const Q5Judged *j, Results *results) {
    char hash[SHA256_TEXT];
    STATUS_TRY(results_run(results, "profile", "full"));
    STATUS_TRY(sha256_file(j->mismatches->path, hash));
    STATUS_TRY(results_run(results, "sha256.mismatches.tsv", "%s", hash));
    STATUS_TRY(sha256_file(j->judgments->path, hash));
    STATUS_TRY(results_run(results, "sha256.judgments", "%s", hash));
    for (int who = 0; who < j->readers; who++) {
        char key[32];
        snprintf(key, sizeof key, "reader.%s", q5_judged_reader(who));
        STATUS_TRY(results_run(results, key, "%s", j->reader[who]));
    }
    return STATUS_OK;
}

Status q5_judged_report(const Q5Judged *j, const char *folder, Results *results) {
    STATUS_TRY(write_run(j, results));
    STATUS_TRY(results_prefix(results, "q5.judged."));
    STATUS_TRY(write_verdicts(j, results));
    STATUS_TRY(q5_judged_agreement(j, results));
    STATUS_TRY(write_rates(j, folder, results));
    STATUS_TRY(write_lengths(j, folder, results));
    return write_examples(j, results);
}
