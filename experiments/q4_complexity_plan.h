/* q4_complexity_plan: what a run of q4_complexity is to measure, from the command line.
 *
 *     Plan plan;
 *     int status = plan_parse(&plan, argc, argv);      // prints --help or the error itself
 *     if (status >= 0) return status;
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_PLAN_H
#define EXPERIMENTS_Q4_COMPLEXITY_PLAN_H

#include "q4_complexity_case.h"
#include <stdint.h>

enum { PLAN_LENGTHS_MAX = 64, PLAN_REPETITIONS_MAX = 60, PLAN_GRID_MAX = 8 };

typedef struct {
    const char
        *results; /* the folder that will hold q4_complexity/, of a GPU q4_complexity_cuda/ */
    const Device *device;
    char gpu[256]; /* what it is; "" for the CPU */
    int full;      /* profile: 0 quick, 1 full */
    int threads;   /* in force */
    uint64_t seed;
    double memory_limit; /* bytes that one measurement may take: a share of what is free */

    /* time and memory against length */
    int variants[VARIANT_COUNT]; /* 1: asked for */
    int directions[2];           /* 1: asked for, by Direction */
    int heads, width, features;
    int lengths, length[PLAN_LENGTHS_MAX];   /* ascending */
    int seen, seen_length[PLAN_LENGTHS_MAX]; /* those at which memory is seen from outside */
    int repetitions;
    int own_lengths;       /* 1: the user's: no variant stops early */
    double sample_seconds; /* short calls are repeated until a sample lasts this long */

    /* the machine's peaks */
    int gemm_size;       /* of the square product that is called the GEMM peak */
    double peak_seconds; /* how long one measurement of a peak lasts */
    int curve_largest;   /* of the GEMM curve */

    /* crossover and equal error */
    int crossover; /* 1: favor_positive and an exact kind are asked for */
    int cross_heads, cross_longest, cross_repetitions;
    int cross_widths, cross_width[PLAN_GRID_MAX];
    int cross_features, cross_feature[PLAN_GRID_MAX];
    double cross_seconds;                      /* a curve ends where a call would take longer */
    int error_length, error_draws, error_most; /* largest number of features tried */
    int targets;
    double target[PLAN_GRID_MAX]; /* relative errors */
    int deviations;
    double deviation[PLAN_GRID_MAX]; /* of the entries of queries and keys: 1 is standard normal */
} Plan;

/* Fills the plan, opens the device, sets the number of threads, prints --help or the message of a
 * wrong flag. Returns the exit status (0; 2: a wrong flag; 1: the device cannot be had), or -1 when
 * the program should go on. */
int plan_parse(Plan *plan, int argc, char **argv);

/* The longest length that the profile takes for a variant. A profile bounds the time by stopping
 * quadratic kinds early, always at the same length: which numbers a run yields must not depend on
 * how busy the machine is. */
int plan_longest(const Plan *plan, int variant, Direction direction);

/* Everything in the plan, the machine, and the bytes of this program: a checkpoint of one
 * configuration must not be continued by another. */
uint64_t plan_hash(const Plan *plan);

#endif
