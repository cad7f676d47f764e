/* layer_problem: one case of op/layer_table.h with its numbers laid out in memory, ready to run.
 *
 *     LayerProblem problem;
 *     layer_open(&problem, variant, shape, &arena);
 *     Status status = layer_forward(&problem);          // outputs are forgotten first
 *     status = layer_backward(&problem);
 *     const char *harm = layer_harm(&problem);          // NULL when only outputs were written
 *     double *out = layer_read(&problem.out);           // the caller's to free
 *     layer_close(&problem);
 *
 * Every array stands between guard zones and starts at an odd float, outputs start as NaN, and the
 * arena's scratch is spoilt before every call.
 */
#ifndef TESTS_OP_LAYER_PROBLEM_H
#define TESTS_OP_LAYER_PROBLEM_H

#include "base/arena.h"
#include "grad/tape.h"
#include "op/layer_reference.h"

typedef struct {
    float *data;   /* [count]; NULL where the layer goes without */
    float *base;   /* with the guards */
    float *was;    /* what base held before the last call */
    double *given; /* [count]: what it was opened with */
    size_t count;
    int written; /* the last call may write it */
} LayerArray;

typedef struct {
    const LayerVariant *variant;
    const LayerShape *shape;
    LayerSetting setting;
    Arena *arena;
    LayerArray in[LAYER_INPUTS], gradient[LAYER_INPUTS], out, dout;
    LayerArray kept[2]; /* LayerNorm's s and statistics */
    int32_t *ids[LAYER_TABLES];
    int *taken, *buckets;
    uint8_t *labels;
    ParameterSet parameters; /* of those that go through the tape */
    Parameter *parameter[LAYER_INPUTS];
    Tape tape;
    size_t mark;
    Value *value[2], *result;
    unsigned calls;
    char harm[160];
} LayerProblem;

/* The operations that problems which do not go through the tape run on; NULL: the CPU's. */
void layer_use(const LayerOps *operations);

/* Aborts when out of memory. */
void layer_open(LayerProblem *problem, const LayerVariant *variant, const LayerShape *shape,
                Arena *arena);
void layer_close(LayerProblem *problem);

Status layer_forward(LayerProblem *problem);

/* After layer_forward. Gradients of LAYER_ADDS start from the numbers that `given` holds. */
Status layer_backward(LayerProblem *problem);

/* The bare calls, for clocks: nothing is forgotten, spoilt or copied. */
Status layer_launch_forward(LayerProblem *problem);
Status layer_launch_backward(LayerProblem *problem);

/* One sentence about a number that the last call should not have touched, or NULL. */
const char *layer_harm(LayerProblem *problem);

/* A copy in double, the caller's to free. */
double *layer_read(const LayerArray *array);

/* The reference's answers: out, and gradients (NULL where the layer goes without), to be added to
 * what LAYER_ADDS found there. The caller's to free. */
double *layer_truth(const LayerProblem *problem);
void layer_true_gradients(const LayerProblem *problem, int by_differences,
                          double *gradients[LAYER_INPUTS]);

/* Bytes that the operation must move at least, and multiplies and adds of its products. */
double layer_bytes(const LayerProblem *problem, Direction direction);
double layer_flops(const LayerProblem *problem, Direction direction);

#endif
