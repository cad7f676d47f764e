/* synthetic: every task's target is what its source says, and its symbols are distributed as the
 * header promises. Counts are held within 5 standard deviations of what they should be. */
#include "data/synthetic.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_synthetic(void);

#define LENGTH 64
#define DRAWS  4000

static const SyntheticTask copy_task = {.kind = SYNTHETIC_COPY, .alphabet = 7, .seed = 3};
static const SyntheticTask pairs_task = {
    .kind = SYNTHETIC_PAIRS, .alphabet = 12, .pairs = 5, .queries = 8, .seed = 3};

static void ck_even(const int *count, int bins, int draws) {
    double expected = (double)draws / bins, deviation = sqrt(expected * (1 - 1.0 / bins));
    for (int i = 0; i < bins; i++) {
        ck_assert_double_ge(count[i], expected - 5 * deviation);
        ck_assert_double_le(count[i], expected + 5 * deviation);
    }
}

START_TEST(copies_and_reversals) {
    int32_t source[LENGTH], target[LENGTH], back_source[LENGTH], back[LENGTH];
    SyntheticTask reverse = copy_task;
    reverse.kind = SYNTHETIC_REVERSE;
    int first[7] = {0}, last[7] = {0}, neighbours[49] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        int length = 2 + (int)(i % 40);
        target[length] = 1234;
        synthetic_draw(&copy_task, SYNTHETIC_TRAIN, i, length, source, target);
        ck_assert_mem_eq(source, target, (size_t)length * sizeof *source);
        ck_assert_int_eq(target[length], 1234); /* no more than asked */
        synthetic_draw(&reverse, SYNTHETIC_TRAIN, i, length, back_source, back);
        for (int t = 0; t < length; t++) {
            ck_assert(source[t] >= 0 && source[t] < 7);
            ck_assert_int_eq(back[t], back_source[length - 1 - t]);
        }
        first[source[0]]++;
        last[source[length - 1]]++;
        neighbours[7 * source[0] + source[1]]++;
    }
    ck_even(first, 7, DRAWS);
    ck_even(last, 7, DRAWS);
    ck_even(neighbours, 49, DRAWS);
    ck_assert_int_eq(synthetic_vocabulary(&copy_task), 9);
    ck_assert_int_eq(synthetic_start(&copy_task), 7);
}
END_TEST

START_TEST(recall_asks_for_the_first_symbol) {
    int32_t source[LENGTH], target[LENGTH];
    for (int others = 0; others <= 3; others += 3) {
        SyntheticTask task = {.kind = SYNTHETIC_RECALL, .alphabet = 5, .others = others, .seed = 1};
        int asked[5] = {0}, between[5] = {0}, total = 0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            int length = 2 + (int)(i % 30);
            synthetic_draw(&task, SYNTHETIC_TEST, i, length, source, target);
            for (int t = 0; t + 1 < length; t++) ck_assert_int_eq(target[t], SYNTHETIC_UNSCORED);
            ck_assert_int_eq(target[length - 1], source[0]);
            ck_assert_int_eq(source[length - 1], 5 + others + 1);
            asked[source[0]]++;
            for (int t = 1; t + 1 < length; t++, total++) {
                int low = others ? 5 : 0, high = others ? 8 : 5;
                ck_assert(source[t] >= low && source[t] < high);
                between[source[t] - low]++;
            }
        }
        ck_even(asked, 5, DRAWS);
        ck_even(between, others ? 3 : 5, total);
        ck_assert_int_eq(synthetic_vocabulary(&task), 5 + others + 2);
    }
}
END_TEST

START_TEST(pairs_ask_for_the_value_of_a_key) {
    const int length = synthetic_pairs_length(&pairs_task);
    int32_t source[LENGTH], target[LENGTH];
    int keys[12] = {0}, place[12] = {0}, values[12] = {0}, asked[5] = {0}, first_two[25] = {0};
    ck_assert_int_eq(length, 18);
    for (uint64_t i = 0; i < DRAWS; i++) {
        int value_of[12], place_of[12];
        memset(value_of, -1, sizeof value_of);
        synthetic_draw(&pairs_task, SYNTHETIC_TRAIN, i, length, source, target);
        for (int p = 0; p < 5; p++) {
            int32_t key = source[2 * p], value = source[2 * p + 1];
            ck_assert(key >= 0 && key < 12 && value >= 12 && value < 24);
            /* cppcheck does not know that a failed assertion ends the test */
            /* cppcheck-suppress negativeIndex */
            ck_assert_int_eq(value_of[key], -1); /* distinct */
            value_of[key] = value;
            place_of[key] = p;
            keys[key]++;
            values[value - 12]++;
            ck_assert_int_eq(target[2 * p], SYNTHETIC_UNSCORED);
            ck_assert_int_eq(target[2 * p + 1], SYNTHETIC_UNSCORED);
        }
        place[source[0]]++;
        int times[12] = {0};
        for (int q = 10; q < length; q++) {
            ck_assert_int_eq(target[q], value_of[source[q]]);
            times[source[q]]++;
            if (q == 14) /* five queries so far: each key once */
                for (int p = 0; p < 5; p++) ck_assert_int_eq(times[source[2 * p]], 1);
        }
        asked[place_of[source[10]]]++;
        first_two[5 * place_of[source[10]] + place_of[source[11]]]++;
    }
    ck_even(keys, 12, 5 * DRAWS);
    ck_even(values, 12, 5 * DRAWS);
    ck_even(place, 12, DRAWS); /* every key as often at the first place */
    ck_even(asked, 5, DRAWS);
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < 5; b++) {
            double expected = a == b ? 0 : DRAWS / 20.0;
            ck_assert_double_le(fabs(first_two[5 * a + b] - expected), 5 * sqrt(expected));
        }
    SyntheticTask all = pairs_task; /* every key is used */
    all.pairs = 12, all.queries = 0;
    ck_assert_int_eq(synthetic_pairs_length(&all), 25);
    synthetic_draw(&all, SYNTHETIC_TRAIN, 0, 25, source, target);
    int seen = 0;
    for (int p = 0; p < 12; p++) seen |= 1 << source[2 * p];
    ck_assert_int_eq(seen, (1 << 12) - 1);
}
END_TEST

START_TEST(parity_counts_ones) {
    SyntheticTask task = {.kind = SYNTHETIC_PARITY, .seed = 9};
    int32_t source[LENGTH], target[LENGTH];
    int bits[2] = {0}, parities[2] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        int ones = 0;
        synthetic_draw(&task, SYNTHETIC_VALIDATION, i, LENGTH, source, target);
        for (int t = 0; t < LENGTH; t++) {
            ck_assert(source[t] == 0 || source[t] == 1);
            ones += source[t];
            ck_assert_int_eq(target[t], ones % 2);
        }
        bits[source[i % LENGTH]]++;
        parities[target[LENGTH - 1]]++;
    }
    ck_even(bits, 2, DRAWS);
    ck_even(parities, 2, DRAWS);
    ck_assert_int_eq(synthetic_vocabulary(&task), 4);
}
END_TEST

/* How many of the places of two draws agree; of independent ones about a seventh do. */
static int agreement(const SyntheticTask *a, SyntheticSplit split_a, uint64_t index_a,
                     const SyntheticTask *b, SyntheticSplit split_b, uint64_t index_b, int length) {
    int32_t x[LENGTH], y[LENGTH], target[LENGTH];
    int equal = 0;
    synthetic_draw(a, split_a, index_a, LENGTH, x, target);
    synthetic_draw(b, split_b, index_b, length, y, target);
    for (int t = 0; t < length; t++) equal += x[t] == y[t];
    return equal;
}

START_TEST(sequences_are_functions_of_what_names_them) {
    const SyntheticTask *task = &copy_task;
    SyntheticTask other = copy_task, wider = copy_task;
    other.seed++;
    wider.alphabet++;
    int splits = 0, seeds = 0, lengths = 0, alphabets = 0, indices = 0;
    for (uint64_t i = 0; i < 500; i++) {
        ck_assert_int_eq(agreement(task, SYNTHETIC_TRAIN, i, task, SYNTHETIC_TRAIN, i, LENGTH),
                         LENGTH);
        splits += agreement(task, SYNTHETIC_TRAIN, i, task, SYNTHETIC_VALIDATION, i, LENGTH);
        splits += agreement(task, SYNTHETIC_TEST, i, task, SYNTHETIC_VALIDATION, i, LENGTH);
        seeds += agreement(task, SYNTHETIC_TRAIN, i, &other, SYNTHETIC_TRAIN, i, LENGTH);
        lengths += agreement(task, SYNTHETIC_TRAIN, i, task, SYNTHETIC_TRAIN, i, LENGTH - 1);
        alphabets += agreement(task, SYNTHETIC_TRAIN, i, &wider, SYNTHETIC_TRAIN, i, LENGTH);
        indices += agreement(task, SYNTHETIC_TRAIN, i, task, SYNTHETIC_TRAIN, i + 1, LENGTH);
    }
    /* expected 500 * 64 / 7 = 4571 (twice for splits), deviation 63 */
    ck_assert_int_le(splits, 2 * 4571 + 450);
    ck_assert_int_le(seeds, 4571 + 320);
    ck_assert_int_le(lengths, 4571 + 320);
    ck_assert_int_le(alphabets, 4571 + 320);
    ck_assert_int_le(indices, 4571 + 320);
    ck_assert_int_ge(indices, 4571 - 320);
}
END_TEST

/* Recorded results rest on these sequences: they stay what they are. */
START_TEST(known_sequences) {
    int32_t source[LENGTH], target[LENGTH];
    const int32_t copied[8] = {2, 5, 5, 1, 6, 5, 0, 1};
    const int32_t paired[18] = {5, 17, 2, 22, 3, 20, 10, 21, 0, 16, 0, 10, 3, 2, 5, 0, 10, 3};
    synthetic_draw(&copy_task, SYNTHETIC_TRAIN, 12345, 8, source, target);
    ck_assert_mem_eq(source, copied, sizeof copied);
    synthetic_draw(&pairs_task, SYNTHETIC_TEST, (UINT64_C(1) << 40) - 1, 18, source, target);
    ck_assert_mem_eq(source, paired, sizeof paired);
}
END_TEST

static void ck_refused(SyntheticTask task, int length, const char *says) {
    ck_assert_int_eq(synthetic_check(&task, length), STATUS_ARGUMENT);
    ck_assert_msg(strstr(status_message(), says), "'%s' should say '%s'", status_message(), says);
}

START_TEST(impossible_tasks_are_refused) {
    ck_assert_int_eq(synthetic_check(&copy_task, 1), STATUS_OK);
    ck_assert_int_eq(synthetic_check(&pairs_task, 18), STATUS_OK);
    ck_refused(copy_task, 0, "length 0");
    ck_refused((SyntheticTask){.kind = SYNTHETIC_RECALL, .alphabet = 4}, 1, "length 1");
    ck_refused((SyntheticTask){.kind = SYNTHETIC_COPY}, 4, "alphabet of 0");
    ck_refused((SyntheticTask){.kind = (SyntheticKind)9, .alphabet = 4}, 4, "kind 9");
    ck_refused((SyntheticTask){.kind = SYNTHETIC_PAIRS, .alphabet = 4, .pairs = 5}, 11, "5 pairs");
    ck_refused(pairs_task, 17, "length 17; 5 pairs and 8 queries make 18");
    ck_refused((SyntheticTask){.kind = SYNTHETIC_RECALL, .alphabet = 4, .others = -1}, 4,
               "-1 other");
}
END_TEST

Suite *suite_synthetic(void) {
    Suite *suite = suite_create("synthetic");
    TCase *tests = tcase_create("synthetic");
    tcase_add_test(tests, copies_and_reversals);
    tcase_add_test(tests, recall_asks_for_the_first_symbol);
    tcase_add_test(tests, pairs_ask_for_the_value_of_a_key);
    tcase_add_test(tests, parity_counts_ones);
    tcase_add_test(tests, sequences_are_functions_of_what_names_them);
    tcase_add_test(tests, known_sequences);
    tcase_add_test(tests, impossible_tasks_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
