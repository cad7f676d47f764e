/* bootstrap_seeds: exact cases, closed forms, and how often the interval holds the truth. */
#include "base/rng.h"
#include "metric/bootstrap_seeds.h"
#include "metric/classification.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_bootstrap_seeds(void);

static BootstrapSeeds scores_of(const uint8_t *truth, const uint8_t *predicted, size_t seeds,
                                size_t sentences, BootstrapLevels levels, size_t draws,
                                uint64_t seed) {
    BootstrapSeeds scores;
    Status status =
        bootstrap_seeds(truth, predicted, seeds, sentences, levels, draws, seed, &scores);
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
    return scores;
}

enum { SENTENCES = 516, SEEDS = 6 };

/* A dev set of 354 and 162, and runs whose answers are right with probability .8. */
static void fill_runs(uint8_t truth[SENTENCES], uint8_t predicted[SEEDS][SENTENCES]) {
    for (size_t i = 0; i < SENTENCES; i++) {
        truth[i] = i < 354;
        for (size_t s = 0; s < SEEDS; s++)
            predicted[s][i] = truth[i] ^ (rng_uniform(11, s, i) > 0.8);
    }
}

START_TEST(values_are_the_means_over_seeds) {
    uint8_t truth[SENTENCES], predicted[SEEDS][SENTENCES];
    fill_runs(truth, predicted);
    BootstrapSeeds scores =
        scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_BOTH, 200, 1);
    double mcc = 0, accuracy = 0, f1 = 0;
    for (size_t s = 0; s < SEEDS; s++) {
        Confusion matrix;
        ck_assert_int_eq(confusion_open(&matrix, 2), STATUS_OK);
        ck_assert_int_eq(confusion_add_all(&matrix, truth, predicted[s], SENTENCES), STATUS_OK);
        mcc += classification_mcc(&matrix) / SEEDS;
        accuracy += classification_accuracy(&matrix) / SEEDS;
        f1 += classification_f1(&matrix, 1) / SEEDS;
    }
    ck_assert_double_eq_tol(scores.mcc.value, mcc, 1e-12);
    ck_assert_double_eq_tol(scores.accuracy.value, accuracy, 1e-12);
    ck_assert_double_eq_tol(scores.f1.value, f1, 1e-12);
    const Interval *all[] = {&scores.mcc, &scores.accuracy, &scores.f1};
    for (int m = 0; m < 3; m++) {
        ck_assert_double_lt(all[m]->low, all[m]->value);
        ck_assert_double_gt(all[m]->high, all[m]->value);
    }
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bits) {
    uint8_t truth[SENTENCES], predicted[SEEDS][SENTENCES];
    fill_runs(truth, predicted);
    BootstrapSeeds a = scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_BOTH, 99, 3);
    BootstrapSeeds b = scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_BOTH, 99, 3);
    BootstrapSeeds c = scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_BOTH, 99, 4);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_double_ne(a.mcc.low, c.mcc.low);
    ck_assert_double_eq(a.mcc.value, c.mcc.value);
}
END_TEST

/* Copies of one run add nothing: only if every seed sees the same sentences is the interval that of
 * the one run, bit for bit but for the rounding of the mean. */
START_TEST(sentences_are_shared_by_all_seeds) {
    uint8_t truth[SENTENCES], predicted[SEEDS][SENTENCES];
    fill_runs(truth, predicted);
    for (size_t s = 1; s < SEEDS; s++) memcpy(predicted[s], predicted[0], SENTENCES);
    BootstrapSeeds one = scores_of(truth, predicted[0], 1, SENTENCES, BOOTSTRAP_OVER_BOTH, 400, 1);
    BootstrapSeeds copies =
        scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_BOTH, 400, 1);
    ck_assert_double_eq_tol(one.mcc.low, copies.mcc.low, 1e-12);
    ck_assert_double_eq_tol(one.mcc.high, copies.mcc.high, 1e-12);
    ck_assert_double_eq_tol(one.f1.low, copies.f1.low, 1e-12);
    ck_assert_double_gt(one.mcc.high - one.mcc.low, 0.1);
    BootstrapSeeds seeds_alone =
        scores_of(truth, predicted[0], SEEDS, SENTENCES, BOOTSTRAP_OVER_SEEDS, 400, 1);
    ck_assert_double_eq_tol(seeds_alone.mcc.high - seeds_alone.mcc.low, 0, 1e-12);
}
END_TEST

/* One run, accuracy p: the resampled accuracy is binomial, deviation sqrt(p (1 - p) / n). */
START_TEST(one_run_has_the_binomial_interval) {
    uint8_t truth[SENTENCES], predicted[SENTENCES];
    for (size_t i = 0; i < SENTENCES; i++) {
        truth[i] = i < 354;
        predicted[i] = 1;
    }
    BootstrapSeeds scores = scores_of(truth, predicted, 1, SENTENCES, BOOTSTRAP_OVER_BOTH, 4000, 2);
    double p = 354. / 516, half = 1.96 * sqrt(p * (1 - p) / 516);
    ck_assert_double_eq_tol(scores.accuracy.value, p, 1e-12);
    ck_assert_double_eq_tol(scores.accuracy.low, p - half, 0.1 * half);
    ck_assert_double_eq_tol(scores.accuracy.high, p + half, 0.1 * half);
    /* The constant answer has no correlation on any resample. */
    ck_assert_double_eq(scores.mcc.low, 0);
    ck_assert_double_eq(scores.mcc.value, 0);
    ck_assert_double_eq(scores.mcc.high, 0);
    /* F1 of the constant answer is 2 a / (1 + a), which rises with the accuracy a. */
    ck_assert_double_eq_tol(scores.f1.low, 2 * scores.accuracy.low / (1 + scores.accuracy.low),
                            1e-3);
}
END_TEST

/* A perfect and an inverted run: means of two drawn from {1, -1} are -1, 0, 1 (1/4, 1/2, 1/4). */
START_TEST(two_opposite_runs) {
    uint8_t truth[40], predicted[2][40];
    for (size_t i = 0; i < 40; i++) {
        truth[i] = i % 2;
        predicted[0][i] = truth[i];
        predicted[1][i] = !truth[i];
    }
    BootstrapSeeds seeds = scores_of(truth, predicted[0], 2, 40, BOOTSTRAP_OVER_SEEDS, 400, 1);
    ck_assert_double_eq_tol(seeds.mcc.value, 0, 1e-12);
    ck_assert_double_eq_tol(seeds.mcc.low, -1, 1e-12);
    ck_assert_double_eq_tol(seeds.mcc.high, 1, 1e-12);
    ck_assert_double_eq_tol(seeds.accuracy.low, 0, 1e-12);
    ck_assert_double_eq_tol(seeds.accuracy.high, 1, 1e-12);
    BootstrapSeeds fixed = scores_of(truth, predicted[0], 2, 40, BOOTSTRAP_OVER_SENTENCES, 400, 1);
    ck_assert_double_eq_tol(fixed.mcc.low, 0, 1e-12);
    ck_assert_double_eq_tol(fixed.mcc.high, 0, 1e-12);
}
END_TEST

/* A world whose scores are known: 70 % of sentences are acceptable; half of them mislead; runs are
 * good or bad. An answer is right with probability .5 + quality * ease. */
enum { WORLDS = 150, WORLD_SENTENCES = 150, WORLD_SEEDS = 8 };
static const double quality[2] = {0.7, 0.9}, ease[2] = {-0.2, 0.5};

static void fill_world(uint64_t world, uint8_t *truth, uint8_t *predicted) {
    for (size_t i = 0; i < WORLD_SENTENCES; i++) truth[i] = rng_uniform(world, 100, i) < 0.7;
    for (size_t s = 0; s < WORLD_SEEDS; s++) {
        double q = quality[rng_below(world, 101, s, 2)];
        for (size_t i = 0; i < WORLD_SENTENCES; i++) {
            double right = 0.5 + q * ease[rng_below(world, 102, i, 2)];
            predicted[s * WORLD_SENTENCES + i] = truth[i] ^ (rng_uniform(world, s, i) > right);
        }
    }
}

/* What the scores would be with no end of seeds and sentences. */
static void known_scores(double *mcc, double *accuracy, double *f1) {
    *mcc = *accuracy = *f1 = 0;
    for (int good = 0; good < 2; good++) {
        double a = 0.5 + quality[good] * (ease[0] + ease[1]) / 2;
        double tp = 0.7 * a, fn = 0.7 * (1 - a), fp = 0.3 * (1 - a), tn = 0.3 * a;
        *mcc += 0.5 * (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
        *accuracy += 0.5 * a;
        *f1 += 0.5 * 2 * tp / (2 * tp + fp + fn);
    }
}

static int holds(const Interval *interval, double truth) {
    return interval->low <= truth && truth <= interval->high;
}

START_TEST(intervals_hold_the_truth_as_often_as_they_say) {
    double mcc, accuracy, f1;
    known_scores(&mcc, &accuracy, &f1);
    int both[3] = {0}, seeds_alone = 0;
    for (uint64_t world = 0; world < WORLDS; world++) {
        uint8_t truth[WORLD_SENTENCES], predicted[WORLD_SEEDS * WORLD_SENTENCES];
        fill_world(world, truth, predicted);
        BootstrapSeeds scores = scores_of(truth, predicted, WORLD_SEEDS, WORLD_SENTENCES,
                                          BOOTSTRAP_OVER_BOTH, 300, world);
        both[0] += holds(&scores.mcc, mcc);
        both[1] += holds(&scores.accuracy, accuracy);
        both[2] += holds(&scores.f1, f1);
        BootstrapSeeds narrow = scores_of(truth, predicted, WORLD_SEEDS, WORLD_SENTENCES,
                                          BOOTSTRAP_OVER_SEEDS, 300, world);
        seeds_alone += holds(&narrow.mcc, mcc);
    }
    /* 95 % is 142 of 150, its deviation 2.7. Resampling both levels errs on the wide side (the
     * noise of an answer is counted in both); resampling seeds alone misses the sentences' part. */
    for (int m = 0; m < 3; m++)
        ck_assert_msg(both[m] >= 135, "metric %d: %d of %d intervals hold the truth", m, both[m],
                      WORLDS);
    ck_assert_msg(seeds_alone < 127, "over seeds alone %d of %d hold the truth", seeds_alone,
                  WORLDS);
}
END_TEST

START_TEST(bad_requests_are_refused) {
    uint8_t truth[3] = {0, 1, 1}, predicted[6] = {0, 1, 1, 0, 2, 0};
    BootstrapSeeds scores;
    ck_assert_int_eq(bootstrap_seeds(truth, predicted, 0, 3, BOOTSTRAP_OVER_BOTH, 40, 1, &scores),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(bootstrap_seeds(truth, predicted, 1, 0, BOOTSTRAP_OVER_BOTH, 40, 1, &scores),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(bootstrap_seeds(truth, predicted, 1, 3, BOOTSTRAP_OVER_BOTH, 39, 1, &scores),
                     STATUS_ARGUMENT);
    ck_assert_int_eq(bootstrap_seeds(truth, predicted, 1, 3, BOOTSTRAP_OVER_BOTH, 40, 1, &scores),
                     STATUS_OK);
    ck_assert_int_eq(bootstrap_seeds(truth, predicted, 2, 3, BOOTSTRAP_OVER_BOTH, 40, 1, &scores),
                     STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), "prediction 4 is class 2"), "%s", status_message());
}
END_TEST

Suite *suite_bootstrap_seeds(void) {
    Suite *suite = suite_create("bootstrap_seeds");
    TCase *intervals = tcase_create("intervals");
    tcase_add_test(intervals, values_are_the_means_over_seeds);
    tcase_add_test(intervals, the_same_seed_gives_the_same_bits);
    tcase_add_test(intervals, sentences_are_shared_by_all_seeds);
    tcase_add_test(intervals, one_run_has_the_binomial_interval);
    tcase_add_test(intervals, two_opposite_runs);
    tcase_add_test(intervals, intervals_hold_the_truth_as_often_as_they_say);
    tcase_add_test(intervals, bad_requests_are_refused);
    suite_add_tcase(suite, intervals);
    return suite;
}
