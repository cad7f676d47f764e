/* Readers against each other. */
#include "metric/agreement.h"
#include "q5_judged.h"
#include "stat/share.h"

#include <stdio.h>
#include <stdlib.h>

#define DRAWS 2000

typedef struct {
    AgreementResult verdicts, acceptable; /* of four verdicts; of acceptable or not */
} Agreement;

static void write_row(FILE *f, const char *one, const char *two, const Agreement *a) {
    const Interval shown[] = {a->verdicts.share, a->verdicts.kappa, a->acceptable.share,
                              a->acceptable.kappa};
    fprintf(f, "%s\t%s", one, two);
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
        fprintf(f, "\t%.6g\t%.6g\t%.6g", shown[k].value, shown[k].low, shown[k].high);
    fputc('\n', f);
}

static void print_row(const char *one, const char *two, const Agreement *a) {
    printf("agreement  %s, %s: of four verdicts %.2f, kappa %.2f [%.2f, %.2f]; acceptable or not "
           "%.2f, kappa %.2f [%.2f, %.2f]\n",
           one, two, a->verdicts.share.value, a->verdicts.kappa.value, a->verdicts.kappa.low,
           a->verdicts.kappa.high, a->acceptable.share.value, a->acceptable.kappa.value,
           a->acceptable.kappa.low, a->acceptable.kappa.high);
}

static Status add_facts(Results *results, const Agreement *a, const char *name) {
    STATUS_TRY(results_factf(results, a->verdicts.share, "1", "agreement.%s", name));
    STATUS_TRY(results_factf(results, a->verdicts.kappa, "1", "kappa.%s", name));
    STATUS_TRY(results_factf(results, a->acceptable.share, "1", "acceptable.agreement.%s", name));
    return results_factf(results, a->acceptable.kappa, "1", "acceptable.kappa.%s", name);
}

static Status write_pair(const Q5Judged *j, const int *same, int one, int two, FILE *f,
                         Results *results) {
    Agreement a;
    char name[32];
    const size_t n = (size_t)j->count, x = (size_t)one * n, y = (size_t)two * n;
    STATUS_TRY(agreement_of(j->verdict + x, j->verdict + y, n, Q5_VERDICTS, DRAWS, 1, &a.verdicts));
    STATUS_TRY(agreement_of(same + x, same + y, n, 2, DRAWS, 1, &a.acceptable));
    print_row(j->reader[one], j->reader[two], &a);
    snprintf(name, sizeof name, "%s.%s", q5_judged_reader(one), q5_judged_reader(two));
    STATUS_TRY(add_facts(results, &a, name));
    write_row(f, q5_judged_reader(one), q5_judged_reader(two), &a);
    return STATUS_OK;
}

static Status write_all(const Q5Judged *j, const int *same, FILE *f, Results *results) {
    Agreement a;
    const size_t n = (size_t)j->count;
    STATUS_TRY(agreement_fleiss(j->verdict, j->readers, n, Q5_VERDICTS, DRAWS, 1, &a.verdicts));
    STATUS_TRY(agreement_fleiss(same, j->readers, n, 2, DRAWS, 1, &a.acceptable));
    print_row("all", "Fleiss", &a);
    STATUS_TRY(add_facts(results, &a, "all"));
    write_row(f, "all", "all", &a);
    return STATUS_OK;
}

static void write_confusion(const Q5Judged *j, int one, int two, FILE *f) {
    for (int row = 0; row < Q5_VERDICTS; row++) {
        int hits[Q5_VERDICTS] = {0};
        for (int i = 0; i < j->count; i++)
            if (j->verdict[one * j->count + i] == row) hits[j->verdict[two * j->count + i]]++;
        fprintf(f, "%s\t%s\t%s", q5_judged_reader(one), q5_judged_reader(two),
                q5_verdict_name(row));
        for (int column = 0; column < Q5_VERDICTS; column++) fprintf(f, "\t%d", hits[column]);
        fputc('\n', f);
    }
}

/* Of the answers on which not all agree: those of which some readers accept the answer and some do
 * not, and those which all readers call broken or nonsense. */
static Status write_disputed(const Q5Judged *j, Results *results) {
    int disputed = 0, acceptable = 0, wording = 0;
    for (int i = 0; i < j->count; i++) {
        int low = Q5_VERDICTS, high = -1;
        for (int who = 0; who < j->readers; who++) {
            const int what = j->verdict[who * j->count + i];
            if (what < low) low = what;
            if (what > high) high = what;
        }
        disputed += low < high;
        acceptable += low < high && low == Q5_SAME;
        wording += low < high && low >= Q5_NONSENSE;
    }
    printf("disputed   %d of %d: %d on whether it is acceptable, %d on broken or nonsense alone\n",
           disputed, j->count, acceptable, wording);
    STATUS_TRY(results_exactf(results, disputed, "1", "disputed"));
    STATUS_TRY(results_exactf(results, acceptable, "1", "disputed.acceptable"));
    return results_exactf(results, wording, "1", "disputed.broken_or_nonsense");
}

static Status write_tables(const Q5Judged *j, const int *same, Results *results) {
    FILE *pairs = results_table(results, "agreement",
                                "one\ttwo\tagreement\tagreement_low\tagreement_high\tkappa\t"
                                "kappa_low\tkappa_high\tacceptable_agreement\t"
                                "acceptable_agreement_low\tacceptable_agreement_high\t"
                                "acceptable_kappa\tacceptable_kappa_low\tacceptable_kappa_high");
    FILE *confusion =
        results_table(results, "confusion", "one\ttwo\tverdict\tsame\tother\tnonsense\tbroken");
    if (!pairs || !confusion) return STATUS_IO;
    for (int one = 0; one < j->readers; one++)
        for (int two = one + 1; two < j->readers; two++) {
            STATUS_TRY(write_pair(j, same, one, two, pairs, results));
            write_confusion(j, one, two, confusion);
        }
    return write_all(j, same, pairs, results);
}

Status q5_judged_agreement(const Q5Judged *j, Results *results) {
    const size_t verdicts = (size_t)j->readers * (size_t)j->count;
    int *same = malloc(verdicts * sizeof *same);
    if (!same) return status_fail(STATUS_MEMORY, "no memory for %zu verdicts", verdicts);
    for (size_t k = 0; k < verdicts; k++) same[k] = j->verdict[k] == Q5_SAME;
    const Status status = write_tables(j, same, results);
    free(same);
    STATUS_TRY(status);
    return write_disputed(j, results);
}
