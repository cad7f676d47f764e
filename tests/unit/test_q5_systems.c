/* q5_systems: batches of exact length hold every sentence once, whatever the seed. */
#include "q5_systems.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_q5_systems(void);

enum { SENTENCES = 97 };

static uint32_t starts[SENTENCES + 1], sentences[SENTENCES];
static ReorderSet set = {.sentences = SENTENCES, .start = starts};
static Q5Part part = {.set = &set, .count = SENTENCES, .sentence = sentences};

static void fill(void) {
    for (uint32_t s = 0; s < SENTENCES; s++) {
        starts[s + 1] = starts[s] + 4 + s * s % 7;
        sentences[s] = s;
    }
}

START_TEST(every_sentence_once_and_lengths_apart) {
    fill();
    for (uint64_t seed = 1; seed < 4; seed++)
        for (int most = 1; most <= 100; most += 33) {
            Q5Batches batches;
            int seen[SENTENCES] = {0};
            ck_assert_int_eq(q5_batches_open(&batches, &part, most, seed), STATUS_OK);
            for (size_t i = 0; i < batches.count; i++) {
                ck_assert(batches.batch[i].count >= 1 && batches.batch[i].count <= most);
                for (int k = 0; k < batches.batch[i].count; k++) {
                    const uint32_t s = batches.batch[i].sentence[k];
                    ck_assert_int_eq(reorder_length(&set, s), batches.batch[i].length);
                    ck_assert_int_eq(seen[s]++, 0);
                }
            }
            for (int s = 0; s < SENTENCES; s++) ck_assert_int_eq(seen[s], 1);
            q5_batches_close(&batches);
        }
}
END_TEST

START_TEST(which_stand_together_is_drawn_by_seed) {
    Q5Batches a, b, c;
    fill();
    ck_assert_int_eq(q5_batches_open(&a, &part, 5, 1), STATUS_OK);
    ck_assert_int_eq(q5_batches_open(&b, &part, 5, 1), STATUS_OK);
    ck_assert_int_eq(q5_batches_open(&c, &part, 5, 2), STATUS_OK);
    ck_assert_mem_eq(a.memory, b.memory, SENTENCES * sizeof *a.memory);
    ck_assert_int_ne(memcmp(a.memory, c.memory, SENTENCES * sizeof *a.memory), 0);
    q5_batches_close(&a), q5_batches_close(&b), q5_batches_close(&c);
}
END_TEST

Suite *suite_q5_systems(void) {
    Suite *suite = suite_create("q5_systems");
    TCase *test = tcase_create("q5_systems");
    tcase_add_test(test, every_sentence_once_and_lengths_apart);
    tcase_add_test(test, which_stand_together_is_drawn_by_seed);
    suite_add_tcase(suite, test);
    return suite;
}
