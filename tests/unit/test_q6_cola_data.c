/* q6_cola on the real corpus with real weights, where TAMRIN_DATA names what make data brought. */
#define _POSIX_C_SOURCE 200809L
#include "unit/data_folder.h"
#include "unit/q6_world.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

Suite *suite_q6_cola_data(void);

/* Sixty sentences and a hundredth held out; three checkpoints on the way. */
#define SHORT                                                                                      \
    "--epochs=1 --seed=1 --examples=60 --batch=10 --hold-out=.01 --evaluations-per-epoch=3 "       \
    "--rate=1e-4"

static const char *cola, *minilm;
static Q6World world;

static void open_world(void) {
    q6_world_open(&world);
    snprintf(world.model, sizeof world.model, "%s", minilm);
    snprintf(world.data, sizeof world.data, "%s", cola);
}

static void close_world(void) {
    q6_world_close(&world);
}

START_TEST(a_killed_run_ends_with_the_facts_of_a_whole_one) {
    char path[512];
    ck_assert_msg(q6_world_run(&world, SHORT, NULL) == 0, "%s", world.err);
    char *whole = q6_world_tables(&world, "q6_minilm");
    snprintf(path, sizeof path, "rm -rf '%s/q6_minilm'", world.results);
    ck_assert_int_eq(system(path), 0);

    /* Killed when the first checkpoint stands, then when the seed is finished or nearly so. */
    static const char *const files[] = {"-training", ""};
    for (int i = 0; i < 2; i++) {
        pid_t child = q6_world_start(&world, SHORT, NULL);
        snprintf(path, sizeof path, "%s/.q6_minilm-work/seed-1%s.safetensors", world.results,
                 files[i]);
        for (int wait = 0; wait < 24000 && access(path, F_OK); wait++)
            nanosleep(&(struct timespec){0, 5000000}, NULL);
        kill(child, SIGKILL);
        q6_world_wait(&world, child);
    }
    ck_assert_msg(q6_world_run(&world, SHORT, NULL) == 0, "%s", world.err);
    char *pieces = q6_world_tables(&world, "q6_minilm");
    ck_assert_str_eq(pieces, whole);
    free(whole);
    free(pieces);
}
END_TEST

/* What the published files are known to hold, through the driver's own tables. */
START_TEST(the_published_corpus_has_its_known_counts) {
    static const struct {
        const char *name;
        double value;
    } known[] = {{"data.train.sentences", 60},
                 {"data.validation.sentences", 86},
                 {"data.in_domain.sentences", 527},
                 {"data.out_of_domain.sentences", 516},
                 {"data.backspaces", 3},
                 {"data.repeats", 19},
                 {"data.contradictions", 11},
                 {"data.overlap", 12},
                 {"data.in_domain.unannotated", 1},
                 {"data.out_of_domain.unannotated", 3},
                 {"constant.accuracy", 354. / 516},
                 {"constant.f1", 2 * 354. / (354 + 516)},
                 {"constant.mcc", 0},
                 {"parameters", 22713216 + 770}};
    ck_assert_msg(q6_world_run(&world, SHORT, NULL) == 0, "%s", world.err);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char name[96];
        snprintf(name, sizeof name, "q6.minilm.%s", known[i].name);
        double found = q6_world_fact(&world, "q6_minilm", name);
        ck_assert_msg(found > known[i].value - 1e-6 && found < known[i].value + 1e-6,
                      "%s: %.10g, expected %.10g", name, found, known[i].value);
    }
    char *phenomena = q6_world_read(&world, "q6_minilm/phenomena.tsv");
    ck_assert_ptr_nonnull(phenomena);
    ck_assert_ptr_nonnull(strstr(phenomena, "out_of_domain\tmajor\tQuestion\t"));
    free(phenomena);
}
END_TEST

Suite *suite_q6_cola_data(void) {
    Suite *suite = suite_create("q6_cola_data");
    TCase *tcase = tcase_create("real");
    cola = data_folder("q6_cola_data", "cola");
    minilm = data_folder("q6_cola_data", "models/all-MiniLM-L6-v2");
    tcase_add_checked_fixture(tcase, open_world, close_world);
    if (cola && minilm) {
        tcase_add_test(tcase, a_killed_run_ends_with_the_facts_of_a_whole_one);
        tcase_add_test(tcase, the_published_corpus_has_its_known_counts);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}
