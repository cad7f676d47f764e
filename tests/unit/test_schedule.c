/* schedule: the factors of transformers' schedulers. */
#include "train/schedule.h"

#include <check.h>
#include <math.h>

Suite *suite_schedule(void);

START_TEST(linear_rises_and_falls) {
    Schedule s = {SCHEDULE_LINEAR, 2.0, 10, 4, 0};
    const double expected[] = {0, .5, 1, 1.5, 2, 2 * 5. / 6, 2 * 4. / 6, 1, 2 * 2. / 6, 2 * 1. / 6};
    for (uint64_t i = 0; i < 10; i++)
        ck_assert_double_eq_tol(schedule_rate(&s, i), expected[i], 1e-15);
    ck_assert_double_eq(schedule_rate(&s, 10), 0);
    ck_assert_double_eq(schedule_rate(&s, 1000), 0);
    s.warmup = 0;
    ck_assert_double_eq(schedule_rate(&s, 0), 2);
    ck_assert_double_eq_tol(schedule_rate(&s, 9), .2, 1e-15);
    s.warmup = 10;
    ck_assert_double_eq_tol(schedule_rate(&s, 9), 1.8, 1e-15);
    ck_assert_double_eq(schedule_rate(&s, 10), 0);
}
END_TEST

START_TEST(cosine_is_half_a_wave) {
    Schedule s = {SCHEDULE_COSINE, 1.0, 12, 4, 0};
    ck_assert_double_eq_tol(schedule_rate(&s, 2), .5, 1e-15);
    ck_assert_double_eq_tol(schedule_rate(&s, 4), 1, 1e-15);
    ck_assert_double_eq_tol(schedule_rate(&s, 6), .5 * (1 + sqrt(.5)), 1e-15);
    ck_assert_double_eq_tol(schedule_rate(&s, 8), .5, 1e-15);
    ck_assert_double_eq(schedule_rate(&s, 12), 0);
}
END_TEST

START_TEST(constant_stays) {
    Schedule s = {SCHEDULE_CONSTANT, 3.0, 12, 2, 0};
    ck_assert_double_eq(schedule_rate(&s, 1), 1.5);
    ck_assert_double_eq(schedule_rate(&s, 2), 3);
    ck_assert_double_eq(schedule_rate(&s, 500), 3);
}
END_TEST

START_TEST(held_it_falls_at_the_end) {
    Schedule s = {SCHEDULE_HOLD, 2.0, 12, 4, .fall = 5};
    const double expected[] = {0, .5, 1, 1.5, 2, 2, 2, 2, 1.6, 1.2, .8, .4, 0, 0};
    for (uint64_t i = 0; i < 14; i++)
        ck_assert_double_eq_tol(schedule_rate(&s, i), expected[i], 1e-15);
    s.fall = 0;
    ck_assert_double_eq(schedule_rate(&s, 11), 2);
    ck_assert_double_eq(schedule_rate(&s, 12), 0);
}
END_TEST

Suite *suite_schedule(void) {
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_test(tests, linear_rises_and_falls);
    tcase_add_test(tests, cosine_is_half_a_wave);
    tcase_add_test(tests, constant_stays);
    tcase_add_test(tests, held_it_falls_at_the_end);
    suite_add_tcase(suite, tests);
    return suite;
}
