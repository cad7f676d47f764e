/* boundaries: counts by hand, the empty cases, intervals that hold the value. */
#include "metric/boundaries.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_boundaries(void);

START_TEST(cuts_are_counted_sentence_by_sentence) {
    static const size_t gold[] = {10, 20, 30}, found[] = {5, 10, 25, 26, 30, 40};
    BoundaryCounts counts;
    BoundaryUnit units[4];
    ck_assert_int_eq(boundaries_count(gold, 3, found, 6, &counts, units), STATUS_OK);
    ck_assert_uint_eq(counts.right, 2);
    ck_assert_uint_eq(counts.wrong, 4);
    ck_assert_uint_eq(counts.missed, 1);
    static const BoundaryUnit expected[] = {{1, 1, 0}, {0, 0, 1}, {1, 2, 0}, {0, 1, 0}};
    ck_assert_mem_eq(units, expected, sizeof expected);
    ck_assert_double_eq_tol(boundaries_precision(&counts), 2.0 / 6, 1e-15);
    ck_assert_double_eq_tol(boundaries_recall(&counts), 2.0 / 3, 1e-15);
    ck_assert_double_eq_tol(boundaries_f1(&counts), 4.0 / 9, 1e-15);
}
END_TEST

START_TEST(nothing_to_find_and_nothing_found) {
    BoundaryCounts counts;
    ck_assert_int_eq(boundaries_count(NULL, 0, NULL, 0, &counts, NULL), STATUS_OK);
    ck_assert_double_eq(boundaries_f1(&counts), 1);
    static const size_t one[] = {7};
    ck_assert_int_eq(boundaries_count(one, 1, NULL, 0, &counts, NULL), STATUS_OK);
    ck_assert_double_eq(boundaries_precision(&counts), 1);
    ck_assert_double_eq(boundaries_recall(&counts), 0);
    ck_assert_double_eq(boundaries_f1(&counts), 0);
    ck_assert_int_eq(boundaries_count(NULL, 0, one, 1, &counts, NULL), STATUS_OK);
    ck_assert_double_eq(boundaries_precision(&counts), 0);
    ck_assert_double_eq(boundaries_recall(&counts), 1);
}
END_TEST

START_TEST(a_list_that_does_not_ascend_is_refused) {
    static const size_t good[] = {1, 2}, bad[] = {2, 2};
    BoundaryCounts counts;
    ck_assert_int_eq(boundaries_count(good, 2, bad, 2, &counts, NULL), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "found cuts must ascend"));
    ck_assert_int_eq(boundaries_count(bad, 2, good, 2, &counts, NULL), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "true cuts must ascend"));
}
END_TEST

START_TEST(intervals_are_those_of_drawn_sentences) {
    /* 900 of 1000 cuts found, no wrong one: recall is a binomial share. */
    static BoundaryUnit units[1000];
    for (int i = 0; i < 1000; i++)
        units[i] = (BoundaryUnit){.right = i % 10 != 0, .missed = i % 10 == 0};
    BoundaryIntervals intervals;
    ck_assert_int_eq(boundaries_bootstrap(units, 1000, 4000, 1, &intervals), STATUS_OK);
    ck_assert_double_eq(intervals.precision.low, 1);
    ck_assert_double_eq_tol(intervals.recall.value, 0.9, 1e-12);
    double deviation = sqrt(0.9 * 0.1 / 1000);
    ck_assert_double_eq_tol(intervals.recall.low, 0.9 - 1.96 * deviation, 0.002);
    ck_assert_double_eq_tol(intervals.recall.high, 0.9 + 1.96 * deviation, 0.002);
    ck_assert_double_eq_tol(intervals.f1.value, 1.8 / 1.9, 1e-12);
}
END_TEST

Suite *suite_boundaries(void) {
    Suite *suite = suite_create("boundaries");
    TCase *tcase = tcase_create("boundaries");
    tcase_add_test(tcase, cuts_are_counted_sentence_by_sentence);
    tcase_add_test(tcase, nothing_to_find_and_nothing_found);
    tcase_add_test(tcase, a_list_that_does_not_ascend_is_refused);
    tcase_add_test(tcase, intervals_are_those_of_drawn_sentences);
    suite_add_tcase(suite, tcase);
    return suite;
}
