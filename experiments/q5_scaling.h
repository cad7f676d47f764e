/* q5_scaling: word ordering against the number of training sentences and against training time:
 * what the parts share.
 *
 * - q5_scaling_run: the command line, the grid
 * - q5_scaling_cell: one training, or one count of trigrams, and its answers
 * - q5_scaling_report: tables and facts
 *
 * A cell is (system, size, seed). The subset of a size is drawn by seed, and those of one seed are
 * nested: the first sentences of one shuffle of the training part.
 */
#ifndef EXPERIMENTS_Q5_SCALING_H
#define EXPERIMENTS_Q5_SCALING_H

#include "grid.h"
#include "q5_reorder.h"

typedef enum { SCALING_POINTER, SCALING_TRIGRAM, SCALING_SYSTEMS } ScalingSystem;
extern const char *const scaling_slug[SCALING_SYSTEMS]; /* "pointer", "kn3" */

typedef enum { SCALING_DEV, SCALING_TEST, SCALING_SETS } ScalingSet;

#define SCALING_SIZES_MAX   8
#define SCALING_MOMENTS_MAX 8
#define SCALING_SEEDS_MAX   16

typedef struct {
    int full;
    const char *data, *results;
    const char *experiment, *prefix; /* "q5_scaling", "q5." and so on */
    OptionInts seeds, asked;         /* asked: sizes of the command line */
    size_t size[SCALING_SIZES_MAX];  /* sentences, ascending; the last is all of them */
    int sizes;
    int steps, moments, batch, tested, beam, ngram_beam, width, words, processes;
    double rate, fall; /* fall: share of a moment's steps over which its rate falls to 0 */
    ReordererConfig shape;
    Q5Sentences sentences;
} ScalingPlan;

/* The whole experiment; returns the exit status. */
int scaling_main(int argc, char **argv);

/* --- moments ------------------------------------------------------------------------------------
 *
 * A run is looked at after `steps`, half of them, a quarter and so on. A point of a run whose rate
 * still is high says little about what that much training gives; one run for each point would
 * nearly double the cost. So a trunk goes on at the held rate, and at each moment a copy of it
 * falls to rate 0 over the last `fall` of the moment's steps (Haegele et al. 2024): each point is a
 * whole training, and all of them cost less than a fifth more than the longest.
 *
 * Small subsets are learned by heart long before the last step. What a subset is worth is therefore
 * read at its best moment, that of the least loss on dev: a user would have stopped there. It is
 * one more moment, number `moments`, and the only one that answers the test part. */

/* Steps of moment 0 .. moments - 1, the last being plan->steps. */
int scaling_moment(const ScalingPlan *plan, int moment);
/* Of them, those in which the rate falls: at least 1. */
int scaling_fall(const ScalingPlan *plan, int moment);
/* Steps that a cell trains in all. */
int scaling_steps(const ScalingPlan *plan);

/* --- cells --------------------------------------------------------------------------------------
 */

static inline ScalingSystem scaling_system(size_t cell) {
    return (ScalingSystem)(cell % SCALING_SYSTEMS);
}
static inline int scaling_size(const ScalingPlan *plan, size_t cell) {
    return (int)(cell / SCALING_SYSTEMS % (size_t)plan->sizes);
}
static inline size_t scaling_run_of(const ScalingPlan *plan, size_t cell) {
    return cell / SCALING_SYSTEMS / (size_t)plan->sizes; /* index of its seed */
}
static inline size_t scaling_cells(const ScalingPlan *plan) {
    return (size_t)(SCALING_SYSTEMS * plan->sizes * plan->seeds.count);
}

double scaling_cost(void *context, size_t cell);
void scaling_name(void *context, size_t cell, char *name, size_t size);

/* The training part cut to the first `size` sentences of the shuffle of `seed`; words are ranked,
 * and rare ones left to their affixes, by what these sentences show and nothing else. Other parts
 * are those of `all`. The caller's to scaling_subset_close. */
Status scaling_subset_open(Q5Sentences *subset, const Q5Sentences *all,
                           const ReordererConfig *shape, size_t size, uint64_t seed);
void scaling_subset_close(Q5Sentences *subset);

/* One cell. Tables:
 *   "moment"  moment, steps, processor seconds, dev loss, dev accuracy, parameters, words of the
 *             subset (a trigram: only the best, 0 steps, seconds of counting, nan, nan, 0, ...)
 *   "answer"  moment, set, 0 (greedy) or 1 (beam), then the OrderScore
 *   "curve"   split, step, loss, accuracy
 */
Status scaling_run(void *context, size_t cell, GridRecord *record);

/* The rows of a finished grid as tables and facts. */
Status scaling_report(const ScalingPlan *plan, const Grid *grid, Results *results);

#endif
