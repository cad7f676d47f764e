/* q5_reorder judged: a judgment belongs to one text and no other, every answer needs those of all
 * readers and of two at least, what they come to is counted rightly, and agreement of readers
 * against values worked by hand. */
#define _GNU_SOURCE
#include "metric/agreement.h"
#include "q5_judged.h"
#include "stat/share.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_q5_judged(void);

static char folder[64];

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

/* Eight sentences are exact of twenty; four of the others are judged. */
static void open_world(void) {
    snprintf(folder, sizeof folder, "/tmp/tamrin-judged-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put("mismatches.tsv", "number\ttruth\tanswer\n"
                          "1\ta b c d\tb a c d\n"
                          "2\ta b c e\tb a c e\n"
                          "3\ta b c d e f g h\tb a c d e f g h\n"
                          "4\ta b c d\tc a b d\n");
    put("scores.tsv", "set\tsystem\tsentences\texact\n"
                      "perdt_test\tchance\t20\t0\n"
                      "perdt_test\tpointer\t20\t0.4\n"
                      "other\tpointer\t99\t0.9\n");
    put("lengths.tsv", "set\tsystem\tlow\thigh\tsentences\texact\n"
                       "perdt_test\tkn3\t4\t5\t12\t0\n"
                       "perdt_test\tpointer\t4\t5\t6\t0.5\n"
                       "perdt_test\tpointer\t6\t7\t4\t0.25\n"
                       "perdt_test\tpointer\t8\t9\t10\t0.4\n");
}

static void close_world(void) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

#define HEAD "truth\tanswer\treader\tverdict\treason\n"
#define JUDGED                                                                                     \
    HEAD "a b c d\tb a c d\tone\tsame\tx\n"                                                        \
         "a b c e\tb a c e\tone\tsame\tx\n"                                                        \
         "a b c d e f g h\tb a c d e f g h\tone\tother\tx\n"                                       \
         "a b c d\tc a b d\tone\tbroken\tx\n"                                                      \
         "a b c d\tb a c d\ttwo\tsame\ty\n"                                                        \
         "a b c e\tb a c e\ttwo\tnonsense\ty\n"                                                    \
         "a b c d e f g h\tb a c d e f g h\ttwo\tother\ty\n"

#define JUDGED_BY_TWO JUDGED "a b c d\tc a b d\ttwo\tsame\ty\n"
#define JUDGED_BY_THREE                                                                            \
    JUDGED_BY_TWO "a b c d\tb a c d\tlast\tsame\tz\n"                                              \
                  "a b c e\tb a c e\tlast\tother\tz\n"                                             \
                  "a b c d e f g h\tb a c d e f g h\tlast\tother\tz\n"                             \
                  "a b c d\tc a b d\tlast\tbroken\tz\n"

static int run(const char *flag) {
    char answers[100], judgments[100], results[100];
    snprintf(answers, sizeof answers, "--answers=%s", folder);
    snprintf(judgments, sizeof judgments, "--judgments=%s/judged.tsv", folder);
    snprintf(results, sizeof results, "--results=%s/results", folder);
    char *argv[] = {(char *)(uintptr_t) "q5_reorder",
                    (char *)(uintptr_t) "judged",
                    answers,
                    judgments,
                    results,
                    (char *)(uintptr_t)flag,
                    NULL};
    return q5_judged_run(flag ? 6 : 5, argv);
}

static Interval fact(const char *name) {
    char path[160];
    Tsv *tsv;
    Interval v = {NAN, NAN, NAN};
    snprintf(path, sizeof path, "%s/results/q5_judged/facts.tsv", folder);
    ck_assert_msg(tsv_load(path, &tsv) == STATUS_OK, "%s", status_message());
    const int row = tsv_find(tsv, 0, name);
    ck_assert_msg(row >= 0, "no fact %s", name);
    ck_assert_int_eq(tsv_number(tsv, row, 1, &v.value), STATUS_OK);
    ck_assert_int_eq(tsv_number(tsv, row, 2, &v.low), STATUS_OK);
    ck_assert_int_eq(tsv_number(tsv, row, 3, &v.high), STATUS_OK);
    tsv_free(tsv);
    return v;
}

START_TEST(what_readers_said_is_counted) {
    put("judged.tsv", JUDGED_BY_TWO "another\tmodel's answer\tthree\tsame\tz\n");
    ck_assert_int_eq(run(NULL), 0);
    ck_assert_double_eq(fact("q5.judged.same.one").value, .5);
    ck_assert_double_eq(fact("q5.judged.same.two").value, .5);
    ck_assert_double_eq(fact("q5.judged.same.all").value, .25);
    ck_assert_double_eq(fact("q5.judged.other.all").value, .25);
    ck_assert_double_eq(fact("q5.judged.broken.all").value, 0);
    /* of two readers the stricter counts */
    ck_assert_double_eq(fact("q5.judged.same.median").value, .25);
    ck_assert_double_eq(fact("q5.judged.nonsense.median").value, .25);
    ck_assert_double_eq(fact("q5.judged.broken.median").value, .25);
    ck_assert_double_eq(fact("q5.judged.readers").value, 2);
    ck_assert_double_eq(fact("q5.judged.acceptable").value, .25);
    ck_assert_double_eq(fact("q5.judged.acceptable.any").value, .75);
    ck_assert_double_eq(fact("q5.judged.mismatches").value, 12);
    ck_assert_double_eq(fact("q5.judged.exact").value, .4);
    ck_assert_double_eq_tol(fact("q5.judged.accepted").value, .4 + .6 * .25, 1e-9);
    ck_assert_double_eq_tol(fact("q5.judged.accepted.any").value, .4 + .6 * .75, 1e-9);
    /* 4 to 7 words: 4 of 10 exact, one of three acceptable; 8: 4 of 10, none of one */
    ck_assert_double_eq_tol(fact("q5.judged.accepted.words4").value, .4 + .6 / 3, 1e-9);
    ck_assert_double_eq_tol(fact("q5.judged.accepted.words8").value, .4, 1e-9);
    ck_assert_double_eq(fact("q5.judged.agreement.one.two").value, .5);
    /* chance: same .5 * .5 + other .25 * .25 */
    ck_assert_double_eq_tol(fact("q5.judged.kappa.one.two").value, (.5 - .3125) / (1 - .3125),
                            1e-9);
    ck_assert_double_eq_tol(fact("q5.judged.acceptable.kappa.one.two").value, 0, 1e-9);
    ck_assert_double_lt(fact("q5.judged.accepted").low, .5);
    ck_assert_double_gt(fact("q5.judged.accepted").high, .6);
}
END_TEST

static void has_line(const char *table, const char *line) {
    char path[160], text[4096];
    snprintf(path, sizeof path, "%s/results/q5_judged/%s.tsv", folder, table);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    ck_assert_msg(strstr(text, line), "no '%s' in %s.tsv: %s", line, table, text);
}

/* same same other broken; same nonsense other same; same other other broken */
START_TEST(three_readers_are_compared_in_pairs_and_together) {
    put("judged.tsv", JUDGED_BY_THREE);
    ck_assert_int_eq(run(NULL), 0);
    ck_assert_double_eq(fact("q5.judged.readers").value, 3);
    ck_assert_double_eq(fact("q5.judged.same.three").value, .25);
    /* medians: same, other (of same, nonsense, other), other, broken */
    ck_assert_double_eq(fact("q5.judged.same.median").value, .25);
    ck_assert_double_eq(fact("q5.judged.other.median").value, .5);
    ck_assert_double_eq(fact("q5.judged.nonsense.median").value, 0);
    ck_assert_double_eq(fact("q5.judged.broken.median").value, .25);
    ck_assert_double_eq(fact("q5.judged.acceptable").value, .25);
    ck_assert_double_eq(fact("q5.judged.acceptable.any").value, .75);
    ck_assert_double_eq(fact("q5.judged.acceptable.strictest").value, .25);
    ck_assert_double_eq(fact("q5.judged.acceptable.mildest").value, .5);
    /* chance of one and three: .5 .25 + .25 .5 + .25 .25; of two and three: .5 .25 + .25 .5 */
    ck_assert_double_eq_tol(fact("q5.judged.kappa.one.two").value, 3. / 11, 1e-9);
    ck_assert_double_eq_tol(fact("q5.judged.kappa.one.three").value, 7. / 11, 1e-9);
    ck_assert_double_eq_tol(fact("q5.judged.kappa.two.three").value, 1. / 3, 1e-9);
    /* Fleiss: equal pairs 3, 0, 3 and 1 of 3; of all 12 verdicts 5 same, 4 other, 1, 2:
     * (84 - 46) / (144 - 46) */
    ck_assert_double_eq_tol(fact("q5.judged.kappa.all").value, 19. / 49, 1e-9);
    ck_assert_double_eq(fact("q5.judged.agreement.all").value, .5);
    /* acceptable: 3, 1, 0 and 1 of 3 say so; equal pairs 3, 1, 3, 1: (96 - 74) / (144 - 74) */
    ck_assert_double_eq_tol(fact("q5.judged.acceptable.kappa.all").value, 11. / 35, 1e-9);
    ck_assert_double_eq(fact("q5.judged.disputed").value, 2);
    ck_assert_double_eq(fact("q5.judged.disputed.acceptable").value, 2);
    ck_assert_double_eq(fact("q5.judged.disputed.broken_or_nonsense").value, 0);
    has_line("confusion", "\none\tthree\tsame\t1\t1\t0\t0\n");
    has_line("confusion", "\ntwo\tthree\tsame\t1\t0\t0\t1\n");
    has_line("examples", "\nsame\t4\ta b c d\tb a c d\tx\ty\tz\n");
    has_line("examples", "\nsame/nonsense/other\t4\ta b c e\tb a c e\tx\ty\tz\n");
    has_line("run", "\nreader.three\tlast\n");
}
END_TEST

START_TEST(broken_against_nonsense_is_no_dispute_of_acceptance) {
    put("judged.tsv", JUDGED "a b c d\tc a b d\ttwo\tnonsense\ty\n");
    ck_assert_int_eq(run(NULL), 0);
    ck_assert_double_eq(fact("q5.judged.disputed").value, 2);
    ck_assert_double_eq(fact("q5.judged.disputed.acceptable").value, 1);
    ck_assert_double_eq(fact("q5.judged.disputed.broken_or_nonsense").value, 1);
}
END_TEST

START_TEST(the_median_verdict_counts_and_the_stricter_of_two) {
    static const struct {
        int readers, verdict[4], counts;
    } known[] = {
        {2, {Q5_SAME, Q5_SAME}, Q5_SAME},
        {2, {Q5_SAME, Q5_BROKEN}, Q5_BROKEN},
        {3, {Q5_SAME, Q5_BROKEN, Q5_SAME}, Q5_SAME},
        {3, {Q5_BROKEN, Q5_OTHER, Q5_SAME}, Q5_OTHER},
        {3, {Q5_BROKEN, Q5_NONSENSE, Q5_SAME}, Q5_NONSENSE},
        {4, {Q5_SAME, Q5_OTHER, Q5_SAME, Q5_SAME}, Q5_SAME},
        {4, {Q5_SAME, Q5_OTHER, Q5_SAME, Q5_BROKEN}, Q5_OTHER},
        {4, {Q5_SAME, Q5_OTHER, Q5_NONSENSE, Q5_BROKEN}, Q5_NONSENSE},
        {4, {Q5_SAME, Q5_BROKEN, Q5_BROKEN, Q5_SAME}, Q5_BROKEN},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        int verdict[4];
        memcpy(verdict, known[k].verdict, sizeof verdict);
        const Q5Judged judged = {.count = 1, .readers = known[k].readers, .verdict = verdict};
        ck_assert_int_eq(q5_judged_verdict(&judged, 0), known[k].counts);
    }
}
END_TEST

static void refuse(const char *judgments, const char *words) {
    char path[160];
    put("judged.tsv", judgments);
    ck_assert_int_eq(run(NULL), 1);
    ck_assert_msg(strstr(status_message(), words), "no '%s' in: %s", words, status_message());
    snprintf(path, sizeof path, "%s/results/q5_judged", folder);
    ck_assert_int_ne(access(path, F_OK), 0);
}

START_TEST(what_is_not_judged_is_named_and_nothing_is_written) {
    refuse(JUDGED, "'two' has not judged 1 of 4 answers, the first on line 5");
    refuse(HEAD, "readers who judged any of these answers: 0");
    /* a letter more is another answer */
    refuse(JUDGED "a b c d\tc a b  d\ttwo\tsame\ty\n", "'two' has not judged 1");
    refuse(JUDGED "a b c d\tc a b d\ttwo\tfine\ty\n", "judged.tsv:9: verdict 'fine'");
    refuse(JUDGED "a b c e\tb a c e\ttwo\tsame\ty\n", "'two' judged this answer before, on line 7");
    refuse(HEAD "a b c d\tb a c d\tone\tsame\tx\n", "readers who judged any of these answers: 1");
    refuse(JUDGED_BY_TWO "a b c d\tc a b d\tlast\tsame\ty\n",
           "'last' has not judged 3 of 4 answers, the first on line 2");
    refuse(JUDGED_BY_THREE "a b c e\tb a c e\tlast\tsame\ty\n",
           "'last' judged this answer before, on line 11");
    refuse(JUDGED_BY_TWO "a b c d\tc a b d\t\tsame\ty\n", "judged.tsv:10: reader ''");
#define BY(name) "a b c d\tb a c d\t" name "\tsame\tx\n"
    refuse(HEAD BY("1") BY("2") BY("3") BY("4") BY("5") BY("6") BY("7") BY("8") BY("9"),
           "judged.tsv:10: reader '9'; expected at most 8 readers");
    refuse("truth\tanswer\treader\tverdict\n", "'reason'");
    put("mismatches.tsv", "number\ttruth\tanswer\n1\ta b\tb a\n2\ta b\tb a\n");
    refuse(JUDGED, "mismatches.tsv:3: this pair stands there twice");
    put("mismatches.tsv", "number\ttruth\tanswer\n");
    refuse(JUDGED, "holds no mismatch");
}
END_TEST

START_TEST(scores_must_be_those_of_the_answers) {
    const char *whole = JUDGED_BY_TWO;
    put("scores.tsv", "set\tsystem\tsentences\texact\nperdt_test\tpointer\t20\t0.9\n");
    refuse(whole, "18 of 20 sentences are exact; there cannot be 4 mismatches");
    put("scores.tsv", "set\tsystem\tsentences\texact\nperdt_test\tkn3\t20\t0.9\n");
    refuse(whole, "no row of perdt_test and pointer");
}
END_TEST

START_TEST(blank_rows_are_what_is_left) {
    put("judged.tsv", JUDGED);
    char path[128], text[512];
    snprintf(path, sizeof path, "%s/out", folder);
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    ck_assert_ptr_nonnull(freopen(path, "w", stdout));
    char flag[] = "--blank=7";
    const int status = run(flag);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    ck_assert_int_eq(status, 0);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    int lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    ck_assert_int_eq(lines, 4); /* --reader=me has judged nothing yet */
    ck_assert_ptr_nonnull(strstr(text, "a b c d\tc a b d\tme\t\t\n"));
}
END_TEST

START_TEST(shares_have_wilsons_interval) {
    /* Newcombe, Statistics in Medicine 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29. */
    static const struct {
        size_t hits, count;
        double low, high;
    } known[] = {
        {81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {0, 20, 0, .1611}, {1, 29, .0061, .1718}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const Interval v = share_wilson(known[i].hits, known[i].count);
        ck_assert_double_eq_tol(v.low, known[i].low, 5e-5);
        ck_assert_double_eq_tol(v.high, known[i].high, 5e-5);
    }
    ck_assert_double_eq(share_wilson(20, 20).high, 1);
    ck_assert_double_eq(share_wilson(0, 0).high, 1);
}
END_TEST

START_TEST(kappa_is_cohens) {
    /* 20 twice yes, 15 twice no, 5 yes and no, 10 no and yes: .7 agree, .5 by chance. */
    int a[50], b[50], n = 0;
    const int cell[2][2] = {{15, 10}, {5, 20}};
    AgreementResult r;
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 2; y++)
            for (int k = 0; k < cell[x][y]; k++) a[n] = x, b[n++] = y;
    ck_assert_int_eq(agreement_of(a, b, 50, 2, 2000, 1, &r), STATUS_OK);
    ck_assert_double_eq_tol(r.share.value, .7, 1e-12);
    ck_assert_double_eq_tol(r.kappa.value, .4, 1e-12);
    ck_assert_double_lt(r.kappa.low, .25);
    ck_assert_double_gt(r.kappa.high, .55);
    ck_assert_int_eq(agreement_of(a, a, 50, 2, 100, 1, &r), STATUS_OK);
    ck_assert_double_eq(r.kappa.value, 1);
    ck_assert_int_eq(agreement_of(a, b, 10, 1, 100, 1, &r), STATUS_OK); /* all in one category */
    ck_assert_double_eq(r.kappa.value, 1);
    ck_assert_int_eq(agreement_of(a, b, 50, 1, 100, 1, &r), STATUS_ARGUMENT);
    ck_assert_int_eq(agreement_of(a, b, 0, 2, 100, 1, &r), STATUS_ARGUMENT);
}
END_TEST

START_TEST(kappa_of_many_is_fleisss) {
    /* Three readers, five things, three categories; equal pairs of 3: 3, 1, 0, 1, 3. Categories
     * have 6, 4 and 5 of the 15 verdicts: o = 8 / 15, e = 77 / 225. */
    const int verdicts[3][5] = {{0, 0, 0, 1, 2}, {0, 0, 1, 1, 2}, {0, 1, 2, 2, 2}};
    const int damaged[3][5] = {{0, 0, 0, 1, 2}, {0, 0, 1, 1, 3}, {0, 1, 2, 2, 2}};
    AgreementResult r;
    ck_assert_int_eq(agreement_fleiss(verdicts[0], 3, 5, 3, 2000, 1, &r), STATUS_OK);
    ck_assert_double_eq_tol(r.kappa.value, (120. - 77) / (225 - 77), 1e-12);
    ck_assert_double_eq_tol(r.share.value, .4, 1e-12);
    ck_assert_double_lt(r.kappa.low, r.kappa.value);
    ck_assert_double_gt(r.kappa.high, r.kappa.value);
    /* Of two readers it is Scott's pi: 2 of 5 agree; 3, 3 and 4 of 10 verdicts. */
    ck_assert_int_eq(agreement_fleiss(verdicts[1], 2, 5, 3, 2000, 1, &r), STATUS_OK);
    ck_assert_double_eq_tol(r.kappa.value, (.4 - .34) / (1 - .34), 1e-12);
    ck_assert_int_eq(agreement_fleiss(verdicts[0], 3, 1, 3, 100, 1, &r), STATUS_OK);
    ck_assert_double_eq(r.kappa.value, 1); /* all in one category */
    ck_assert_int_eq(agreement_fleiss(damaged[0], 3, 5, 3, 100, 1, &r), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "reader 1 put thing 4 into category 3"));
    ck_assert_int_eq(agreement_fleiss(verdicts[0], 1, 5, 3, 100, 1, &r), STATUS_ARGUMENT);
    ck_assert_int_eq(agreement_fleiss(verdicts[0], 3, 0, 3, 100, 1, &r), STATUS_ARGUMENT);
    ck_assert_int_eq(agreement_fleiss(verdicts[0], 3, 5, 17, 100, 1, &r), STATUS_ARGUMENT);
}
END_TEST

Suite *suite_q5_judged(void) {
    Suite *suite = suite_create("q5_judged");
    TCase *test = tcase_create("q5_judged");
    tcase_add_checked_fixture(test, open_world, close_world);
    tcase_add_test(test, what_readers_said_is_counted);
    tcase_add_test(test, three_readers_are_compared_in_pairs_and_together);
    tcase_add_test(test, broken_against_nonsense_is_no_dispute_of_acceptance);
    tcase_add_test(test, the_median_verdict_counts_and_the_stricter_of_two);
    tcase_add_test(test, what_is_not_judged_is_named_and_nothing_is_written);
    tcase_add_test(test, scores_must_be_those_of_the_answers);
    tcase_add_test(test, blank_rows_are_what_is_left);
    tcase_add_test(test, shares_have_wilsons_interval);
    tcase_add_test(test, kappa_is_cohens);
    tcase_add_test(test, kappa_of_many_is_fleisss);
    suite_add_tcase(suite, test);
    return suite;
}
