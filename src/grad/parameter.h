/* parameter: what training changes: named numbers, their gradient, and who looks after them.
 *
 *     ParameterSet set;
 *     STATUS_TRY(parameters_open(&set));
 *     Parameter *w = parameters_add(&set, "encoder.0.attention.weight", 2, (size_t[]){3 * D, D});
 *     if (!w) return STATUS_MEMORY;                     // message already recorded
 *     w->decays = 1;
 *     ... forward, tape_backward ...                    // gradients are there
 *     ... an optimiser changes w->value ...
 *     STATUS_TRY(parameters_changed(&set));             // packed copies are made again
 *     parameters_clear_gradients(&set);
 *     parameters_close(&set);
 *
 * The first backward of a step writes a gradient, later ones add to it (has_gradient tells), so
 * that nobody spends a pass over memory to make zeros. Memory is reserved, not touched: a table of
 * which few rows are used costs those rows.
 */
#ifndef GRAD_PARAMETER_H
#define GRAD_PARAMETER_H

#include "base/arena.h"
#include "base/status.h"
#include "op/matmul.h"
#include "tensor/tensor.h"
#include <stddef.h>
#include <stdint.h>

#define PARAMETER_NAME_MAX 96

typedef struct Parameter Parameter;

/* Called with the rows (unordered, may repeat) that a forward pass is about to read. */
typedef Status (*ParameterFreshen)(void *context, Parameter *table, const int32_t *rows,
                                   size_t count);

struct Parameter {
    char name[PARAMETER_NAME_MAX];
    int rank;
    size_t shape[TENSOR_RANK_MAX];
    size_t count;     /* of numbers */
    float *value;     /* [shape], row-major */
    float *gradient;  /* [shape]; meaningful where has_gradient, and for by_rows in `rows` alone */
    int has_gradient; /* 0: the next backward writes, 1: it adds */
    int decays;       /* 1: weight decay applies (matrices, not biases nor gains) */
    int depth;        /* 0 embeddings, 1 .. L layers, L + 1 head: for rates that differ by layer */

    /* Tables (rank 2) of which a step uses some rows: */
    int by_rows;
    uint32_t *rows; /* [row_count] rows with a gradient in this step, each once, ascending
                       only after parameter_sort_rows */
    size_t row_count;
    unsigned char *touched;   /* [shape[0]]: 1 for those rows */
    ParameterFreshen freshen; /* an optimiser that updates rows late sets it; NULL: nothing to do */
    void *freshen_context;

    MatmulWeight *products; /* for matrices that linear layers multiply with, else NULL */
};

typedef struct {
    Arena arena;
    Parameter **item; /* [count], in the order of addition, which is the order of everything else */
    size_t count, capacity;
} ParameterSet;

Status parameters_open(ParameterSet *set);

/* A dense parameter of the given shape, values and gradient undefined until written. NULL with a
 * message on failure. Lives until parameters_close. */
Parameter *parameters_add(ParameterSet *set, const char *name, int rank, const size_t *shape);

/* Makes a rank 2 parameter a table updated by rows: its gradient starts as zeros everywhere. */
Status parameter_use_rows(ParameterSet *set, Parameter *table);

/* Makes a rank 2 parameter [outputs, inputs] the weight of linear layers at `precision`. */
Status parameter_use_products(Parameter *weight, Precision precision);

/* Tells that rows of a table will get a gradient: adds those that are new to `rows`. Rows outside
 * the table are passed over (the layer that looks them up refuses them). */
void parameter_touch_rows(Parameter *table, const int32_t *rows, size_t count);

/* Orders `rows`, so that sums over them do not depend on the order of the batch. */
void parameter_sort_rows(Parameter *table);

/* NULL when there is none of that name. */
Parameter *parameters_find(const ParameterSet *set, const char *name);

/* Numbers in all. */
size_t parameters_count(const ParameterSet *set);

/* Values have changed: copies that products keep are made again. */
Status parameters_changed(ParameterSet *set);

/* The next backward writes afresh; touched rows of tables become zeros again. */
void parameters_clear_gradients(ParameterSet *set);

/* For arrays of which few rows are written, fresh from an arena: pages become real one by one
 * instead of 2 MiB at a time, which would make whole tables real. */
void parameter_small_pages(void *data, size_t bytes);

void parameters_close(ParameterSet *set);

#endif
