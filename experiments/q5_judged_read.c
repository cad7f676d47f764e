/* Mismatches and what readers said of them. */
#include "q5_judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[Q5_VERDICTS] = {"same", "other", "nonsense", "broken"};

const char *q5_verdict_name(int verdict) {
    return names[verdict];
}

const char *q5_judged_reader(int who) {
    static const char *const words[Q5_READERS_MAX] = {"one",  "two", "three", "four",
                                                      "five", "six", "seven", "eight"};
    return words[who];
}

int q5_judged_verdict(const Q5Judged *j, int i) {
    int failed = 0; /* readers who have found fault so far, the strictest question first */
    for (int what = Q5_VERDICTS - 1; what > Q5_SAME; what--) {
        for (int who = 0; who < j->readers; who++) failed += j->verdict[who * j->count + i] == what;
        if (2 * failed >= j->readers) return what;
    }
    return Q5_SAME;
}

static Status need(const Tsv *tsv, const char *name, int *column) {
    *column = tsv_column(tsv, name);
    if (*column >= 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s: there is no column '%s'", tsv->path, name);
}

static int count_words(const char *text) {
    int count = 1;
    while ((text = strchr(text, ' '))) text++, count++;
    return count;
}

/* The mismatch of this text; -1: none. A hundred are looked through one by one. */
static int find(const Q5Judged *j, const char *truth, const char *answer) {
    for (int i = 0; i < j->count; i++)
        if (strcmp(tsv_text(j->mismatches, i, j->truth), truth) == 0 &&
            strcmp(tsv_text(j->mismatches, i, j->answer), answer) == 0)
            return i;
    return -1;
}

static Status read_mismatches(const char *folder, Q5Judged *j) {
    char path[1200];
    snprintf(path, sizeof path, "%s/mismatches.tsv", folder);
    STATUS_TRY(tsv_load(path, &j->mismatches));
    STATUS_TRY(need(j->mismatches, "truth", &j->truth));
    STATUS_TRY(need(j->mismatches, "answer", &j->answer));
    j->count = j->mismatches->rows;
    if (j->count == 0) return status_fail(STATUS_FORMAT, "%s: holds no mismatch", path);
    const size_t count = (size_t)j->count;
    j->words = malloc(count * sizeof *j->words);
    j->verdict = malloc(Q5_READERS_MAX * count * sizeof *j->verdict);
    j->reason = malloc(Q5_READERS_MAX * count * sizeof *j->reason);
    if (!j->words || !j->verdict || !j->reason)
        return status_fail(STATUS_MEMORY, "%s: no memory for %zu mismatches", path, count);
    for (int i = 0; i < j->count; i++) {
        const char *truth = tsv_text(j->mismatches, i, j->truth);
        if (find(j, truth, tsv_text(j->mismatches, i, j->answer)) < i)
            return status_fail(STATUS_FORMAT, "%s:%d: this pair stands there twice", path,
                               j->mismatches->lines[i]);
        j->words[i] = count_words(truth);
    }
    for (size_t i = 0; i < Q5_READERS_MAX * count; i++) j->verdict[i] = Q5_NOT_JUDGED;
    return STATUS_OK;
}

/* --- judgments ----------------------------------------------------------------------------------
 */

static Status verdict_of(const Tsv *tsv, int row, int column, int *out) {
    const char *word = tsv_text(tsv, row, column);
    for (*out = 0; *out < Q5_VERDICTS; ++*out)
        if (strcmp(word, names[*out]) == 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT,
                       "%s:%d: verdict '%s'; expected same, other, nonsense or broken", tsv->path,
                       tsv->lines[row], word);
}

static Status reader_of(Q5Judged *j, int row, int column, int *out) {
    const char *name = tsv_text(j->judgments, row, column);
    for (*out = 0; *out < j->readers; ++*out)
        if (strcmp(name, j->reader[*out]) == 0) return STATUS_OK;
    if (!*name || j->readers == Q5_READERS_MAX)
        return status_fail(STATUS_FORMAT,
                           "%s:%d: reader '%s'; expected at most %d readers, each with a name",
                           j->judgments->path, j->judgments->lines[row], name, Q5_READERS_MAX);
    j->reader[j->readers++] = name;
    return STATUS_OK;
}

static Status read_judgments(const char *path, Q5Judged *j) {
    int truth, answer, reader, verdict, reason;
    STATUS_TRY(tsv_load(path, &j->judgments));
    const Tsv *tsv = j->judgments;
    STATUS_TRY(need(tsv, "truth", &truth));
    STATUS_TRY(need(tsv, "answer", &answer));
    STATUS_TRY(need(tsv, "reader", &reader));
    STATUS_TRY(need(tsv, "verdict", &verdict));
    STATUS_TRY(need(tsv, "reason", &reason));
    for (int row = 0; row < tsv->rows; row++) {
        int what, who;
        STATUS_TRY(verdict_of(tsv, row, verdict, &what));
        const int i = find(j, tsv_text(tsv, row, truth), tsv_text(tsv, row, answer));
        if (i < 0) continue; /* of another model's answer */
        STATUS_TRY(reader_of(j, row, reader, &who));
        const int at = who * j->count + i;
        if (j->verdict[at] != Q5_NOT_JUDGED)
            return status_fail(STATUS_FORMAT, "%s:%d: '%s' judged this answer before, on line %d",
                               path, tsv->lines[row], j->reader[who], tsv->lines[j->reason[at]]);
        j->verdict[at] = what;
        j->reason[at] = row;
    }
    return STATUS_OK;
}

Status q5_judged_read(const char *folder, const char *judgments, Q5Judged *out) {
    *out = (Q5Judged){0};
    Status status = read_mismatches(folder, out);
    if (status == STATUS_OK) status = read_judgments(judgments, out);
    if (status != STATUS_OK) q5_judged_close(out);
    return status;
}

void q5_judged_close(Q5Judged *j) {
    tsv_free(j->mismatches), tsv_free(j->judgments);
    free(j->words), free(j->verdict), free(j->reason);
    *j = (Q5Judged){0};
}

Status q5_judged_complete(const Q5Judged *j, const char *path) {
    if (j->readers < Q5_READERS_MIN)
        return status_fail(
            STATUS_FORMAT,
            "%s: readers who judged any of these answers: %d; expected at least %d. --blank "
            "prints what is left to judge",
            path, j->readers, Q5_READERS_MIN);
    for (int who = 0; who < j->readers; who++) {
        int left = 0, first = -1;
        for (int i = 0; i < j->count; i++)
            if (j->verdict[who * j->count + i] == Q5_NOT_JUDGED && left++ == 0) first = i;
        if (left)
            return status_fail(STATUS_FORMAT,
                               "%s: '%s' has not judged %d of %d answers, the first on line %d of "
                               "%s. --blank prints them",
                               path, j->reader[who], left, j->count, j->mismatches->lines[first],
                               j->mismatches->path);
    }
    return STATUS_OK;
}
