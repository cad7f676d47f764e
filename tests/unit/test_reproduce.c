/* reproduce_judge: agreement is of intervals, then of values, and only where no unit is. */
#include "reproduce_judge.h"

#include <check.h>
#include <string.h>

Suite *suite_reproduce(void);

static const struct {
    Fact recorded, local;
    double tolerance;
    ReproduceVerdict verdict;
} cases[] = {
    {{1.98, 1.95, 2.01, "1"}, {1.94, 1.90, 1.97, "1"}, 0, REPRODUCE_AGREES},
    {{1.98, 1.95, 2.01, "1"}, {1.90, 1.88, 1.95, "1"}, 0, REPRODUCE_AGREES},
    {{1.98, 1.97, 2.01, "1"}, {1.90, 1.88, 1.95, "1"}, 0, REPRODUCE_DIFFERS},
    {{1.98, 1.97, 2.01, "1"}, {1.90, 1.88, 1.95, "1"}, 0.05, REPRODUCE_CLOSE},
    {{1.98, 1.97, 2.01, "1"}, {1.80, 1.78, 1.82, "1"}, 0.05, REPRODUCE_DIFFERS},
    {{2, 2, 2, "1"}, {2, 2, 2, "1"}, 0, REPRODUCE_AGREES},
    {{0, 0, 0, "1"}, {1e-9, 1e-9, 1e-9, "1"}, 0.05, REPRODUCE_DIFFERS},
    {{-1, -1, -1, "1"}, {1, 1, 1, "1"}, 0.05, REPRODUCE_DIFFERS},
    {{-1, -1, -1, "1"}, {-1.02, -1.02, -1.02, "1"}, 0.05, REPRODUCE_CLOSE},
    {{1, 0, 2, "s"}, {1, 0, 2, "s"}, 0.05, REPRODUCE_UNJUDGED},
    {{1, 0, 2, "s"}, {9, 8, 10, "s"}, 0.05, REPRODUCE_UNJUDGED},
    {{1, 0, 2, "s"}, {1, 0, 2, "1"}, 0.05, REPRODUCE_UNITS},
};

START_TEST(verdicts_follow_the_rule) {
    ck_assert_int_eq(reproduce_judge(&cases[_i].recorded, &cases[_i].local, cases[_i].tolerance),
                     cases[_i].verdict);
    ck_assert_int_eq(reproduce_judge(&cases[_i].local, &cases[_i].recorded, cases[_i].tolerance),
                     cases[_i].verdict);
}
END_TEST

START_TEST(one_sided_facts_are_named) {
    ck_assert_int_eq(reproduce_judge(NULL, &cases[0].local, 0.05), REPRODUCE_ONLY_HERE);
    ck_assert_int_eq(reproduce_judge(&cases[0].recorded, NULL, 0.05), REPRODUCE_ONLY_RECORDED);
}
END_TEST

START_TEST(every_verdict_has_its_word) {
    for (int a = 0; a < REPRODUCE_VERDICTS; a++)
        for (int b = 0; b < a; b++)
            ck_assert_str_ne(reproduce_verdict((ReproduceVerdict)a),
                             reproduce_verdict((ReproduceVerdict)b));
}
END_TEST

Suite *suite_reproduce(void) {
    Suite *suite = suite_create("reproduce");
    TCase *judge = tcase_create("judge");
    tcase_add_loop_test(judge, verdicts_follow_the_rule, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(judge, one_sided_facts_are_named);
    tcase_add_test(judge, every_verdict_has_its_word);
    suite_add_tcase(suite, judge);
    return suite;
}
