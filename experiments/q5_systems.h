/* q5_systems: three networks on the same batches of word ordering, at one small budget: what the
 * parts share.
 *
 * - q5_systems: the command line, the grid, the results
 * - q5_systems_cell: one training, and its answers
 */
#ifndef EXPERIMENTS_Q5_SYSTEMS_H
#define EXPERIMENTS_Q5_SYSTEMS_H

#include "grid.h"
#include "model/pointer_lstm.h"
#include "q5_batches.h"

typedef enum { COMPARE_POINTER, COMPARE_LSTM, COMPARE_SOFTMAX, COMPARE_SYSTEMS } CompareSystem;
extern const char *const compare_slug[COMPARE_SYSTEMS]; /* "pointer", "lstm", "softmax" */

#define COMPARE_SEEDS_MAX 8

typedef struct {
    int full;
    const char *data, *results;
    const char *experiment, *prefix; /* "q5_systems", "q5." and so on */
    OptionInts seeds;
    int steps, batch, tested, processes;
    double rate;
    int words, affixes; /* of all three; the vocabulary of the softmax */
    ReordererConfig pointer;
    PointerLstmConfig lstm;
    TransformerConfig softmax;
    Q5Sentences sentences;
} ComparePlan;

/* --- cells --------------------------------------------------------------------------------------
 */

static inline CompareSystem compare_system(size_t cell) {
    return (CompareSystem)(cell % COMPARE_SYSTEMS);
}
static inline int compare_seed(const ComparePlan *plan, size_t cell) {
    return plan->seeds.values[cell / COMPARE_SYSTEMS];
}
double compare_cost(void *context, size_t cell);
void compare_name(void *context, size_t cell, char *name, size_t size);

/* Trains and answers PerDT test. Tables: "curve", "card" (grid_log), "cost": parameters and
 * seconds; "answers": one row a sentence: index, 1 where the answer has exactly the words given,
 * and the OrderScore: length, answer_length, matches, grams, exact, tau, position, substring. */
Status compare_run(void *context, size_t cell, GridRecord *record);

#endif
