/* hayai_world: a world in which time passes when a benchmark says so, and hayai_run in it.
 *
 *     HayaiSuite *suite = world_suite();
 *     hayai_register(suite, "steady", steady, NULL);
 *     Ran ran = world_run(suite, "--benchmark_format=json");
 *     NEAR(number(entry(&ran, "steady"), "real_time"), 1e6);
 *     ran_free(&ran);
 *     hayai_suite_free(suite);
 *
 * Every iteration, time and statistic is therefore known beforehand.
 */
#ifndef TESTS_HAYAI_WORLD_H
#define TESTS_HAYAI_WORLD_H

#include "hayai.h"

#include <cjson/cJSON.h>
#include <check.h>
#include <string.h>

typedef struct {
    double wall, cpu;
    long switches;
    int64_t seen[256]; /* iterations of every call, in order */
    int calls, setups, teardowns;
    int stop_after;   /* interrupts after so many calls; 0: never */
    char order[4096]; /* names from the reporter, in the order of measuring */
} World;

extern World world;

/* A suite that takes its time from a fresh world. */
HayaiSuite *world_suite(void);

/* That many seconds pass, for the wall and for the processor. */
void pass(double seconds);

/* Notes the iterations of this call in world.seen. */
void count_call(const HayaiState *state);

/* Benchmarks: a millisecond an iteration; always skipped; half a second with every counter. */
void steady(HayaiState *state);
void no_gpu(HayaiState *state);
void counting(HayaiState *state);

/* Fails with an error in its first iteration. */
void breaks_down(HayaiState *state);

typedef struct {
    int status;
    char *out, *err;
    cJSON *json; /* `out`, where that is JSON */
} Ran;

/* Runs with the flags given, separated by spaces. */
Ran world_run(HayaiSuite *suite, const char *flags);
void ran_free(Ran *ran);

/* The first entry of that name; its fields. Missing ones fail the test. */
const cJSON *entry(const Ran *ran, const char *name);
double number(const cJSON *object, const char *key);
const char *text(const cJSON *object, const char *key);

#define NEAR(found, expected)                                                                      \
    ck_assert_double_eq_tol(found, (double)(expected), 1e-9 * (1 + (double)(expected)))
#define HOLDS(text, part) ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text)
#define LACKS(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" is in:\n%s", part, text)

#endif
