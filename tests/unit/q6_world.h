/* q6_world: a small release of CoLA and a small BERT, for tests of q6_cola as a whole.
 *
 *     Q6World world;
 *     q6_world_open(&world);                          // in a fresh folder
 *     int status = q6_world_run(&world, "--epochs=2 --seed=1", NULL);
 *     ... world.out, world.err hold what it printed; world.results its results ...
 *     q6_world_close(&world);
 *
 * The model is tests/golden/bert_tiny with a vocabulary of its own. Sentences are rows of words;
 * one is unacceptable where "not" stands in it, which even this model can learn.
 */
#ifndef TESTS_UNIT_Q6_WORLD_H
#define TESTS_UNIT_Q6_WORLD_H

#include <sys/types.h>

#define Q6_WORLD_TRAIN         200
#define Q6_WORLD_IN_DOMAIN     40
#define Q6_WORLD_OUT_OF_DOMAIN 30

typedef struct {
    char folder[128], model[1024], data[1024], results[160];
    char out[1 << 16], err[1 << 16]; /* of the last q6_world_run */
} Q6World;

void q6_world_open(Q6World *world);
void q6_world_close(Q6World *world);

/* Runs q6_cola in a process of its own, one thread, with --model, --data, --results and `flags`;
 * "classify ..." runs that mode with --model only and `input` at its standard input. Returns the
 * exit status, or -1 when a signal ended it. */
int q6_world_run(Q6World *world, const char *flags, const char *input);

/* The same, not waited for. */
pid_t q6_world_start(const Q6World *world, const char *flags, const char *input);
int q6_world_wait(Q6World *world, pid_t child);

/* The bytes of a file of the results, allocated; NULL where it is not there. */
char *q6_world_read(const Q6World *world, const char *path);

/* Every table of an experiment but run.tsv, one after the other, without the facts about time: what
 * two runs of one plan must share to the byte. Allocated; fails the test where one is missing. */
char *q6_world_tables(const Q6World *world, const char *experiment);

/* The value of a fact of an experiment; fails the test where there is none. */
double q6_world_fact(const Q6World *world, const char *experiment, const char *name);

#endif
