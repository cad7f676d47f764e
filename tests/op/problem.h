/* problem: one case of the table, with its tensors laid out in memory, ready to run on a device.
 *
 *     Problem problem;
 *     problem_open(&problem, variant, shape, 0);
 *     Status status = problem_forward(&problem, device, 1, &arena);
 *     status = problem_backward(&problem, device, &arena);
 *     double *out = problem_read(&problem, TENSOR_OUT);   // [H,T,E], the caller's to free
 *     const char *harm = problem_harm(&problem);          // NULL when only outputs were written
 *     problem_close(&problem);
 *
 * Everything that is not an element of a view (gaps between rows and heads, guard zones) holds one
 * large number: using it spoils the result, writing it is found by problem_harm(). Outputs start as
 * NaN, so an element that is never written is found too.
 */
#ifndef TESTS_OP_PROBLEM_H
#define TESTS_OP_PROBLEM_H

#include "op/reference.h"
#include "op/table.h"

typedef enum {
    TENSOR_Q,
    TENSOR_K,
    TENSOR_V,
    TENSOR_DOUT,
    TENSOR_OUT,
    TENSOR_DQ,
    TENSOR_DK,
    TENSOR_DV,
    TENSOR_BIAS,  /* the relative bias, a view of `heads` rows of 2 span - 1 numbers */
    TENSOR_DBIAS, /* and its gradient */
    TENSORS
} TensorName;

typedef struct {
    float *data; /* element (0, 0, 0) */
    size_t row, head;
    int rows, heads, width;
    int block; /* the allocation that it lies in */
} View;

typedef struct {
    float *base;
    float *before; /* a copy of everything, taken by problem_snapshot */
    size_t floats;
} Block;

typedef struct {
    const OpVariant *variant;
    const OpShape *shape;
    Attention attention;
    int query_offsets[TABLE_SEQUENCES + 1];
    int key_offsets[TABLE_SEQUENCES + 1];
    float *projection;
    size_t projection_floats;
    View views[TENSORS];
    Block blocks[TENSORS];
    void *saved;
    size_t saved_bytes;
    unsigned calls;
    char harm[160];
} Problem;

/* `guard` floats of canary stand before and after every allocation (0 lets a sanitizer see the true
 * end). Values are a pure function of the shape and the variant's map. Aborts when out of memory.
 */
void problem_open(Problem *problem, const OpVariant *variant, const OpShape *shape, size_t guard);
void problem_close(Problem *problem);

float *problem_element(const Problem *problem, TensorName name, int row, int head, int e);

/* Outputs become NaN again, and the state that problem_harm() compares with is taken. Called by
 * problem_forward and problem_backward themselves. */
void problem_forget(Problem *problem, TensorName first, TensorName last);

/* `save` != 0 keeps what backward needs. Scratch memory beyond the arena's mark is spoilt first, so
 * that a result shows when it is read before it is written. */
Status problem_forward(Problem *problem, const Device *device, int save, Arena *arena);
Status problem_backward(Problem *problem, const Device *device, Arena *arena);

/* The bare call, for clocks: nothing is forgotten and nothing spoilt. */
Status problem_launch(Problem *problem, const Device *device, Direction direction, int save,
                      Arena *arena);

/* One sentence about the first float that the last call should not have touched, or NULL. */
const char *problem_harm(Problem *problem);

/* A dense copy [H, rows, E] of a view, the caller's to free: in double, or the bits themselves. */
double *problem_read(const Problem *problem, TensorName name);
float *problem_read_bits(const Problem *problem, TensorName name);
size_t problem_count(const Problem *problem, TensorName name);

/* The reference's answers, dense [H, rows, E], the caller's to free; of the bias [H, 2 S - 1]. */
double *problem_reference_out(const Problem *problem);
typedef void ReferenceGradient(const Attention *, const ReferenceScores *, int, int, const double *,
                               const double *, const double *, const double *, double *, double *,
                               double *);
enum { GRADIENTS = 4 };                                    /* of q, k, v and the bias */
extern const TensorName problem_gradient_names[GRADIENTS]; /* TENSOR_DQ ... TENSOR_DBIAS */
void problem_reference_gradients(const Problem *problem, ReferenceGradient *method,
                                 double *gradients[GRADIENTS]);

#endif
