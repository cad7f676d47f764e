/* recurrent: the CPU's loops for op/recurrent.h: one time step of some units, compiled once for
 * each instruction set.
 *
 * A step multiplies [B,H] by the recurrent weight and feeds the sums to the cell. The weight does
 * not change from step to step, so it is packed once a call: a panel holds what some units need, of
 * all gates, row after row, and the cell takes the sums while they are in the first-level cache.
 * Threads share the units of a step; every sum is made by one of them, in one order, so that their
 * number does not change a bit.
 *
 *     const CpuRecurrent *loops = cpu_recurrent();
 *     loops->pack_forward(&shape, weight, panels, first, last);
 *     step.gates = gates + t * B * G * H; ...
 *     loops->forward(&shape, &step, first, last);          // panels first .. last - 1
 *
 * Not for callers: they use device_cpu()->recurrent.
 */
#ifndef OP_CPU_RECURRENT_H
#define OP_CPU_RECURRENT_H

#include "op/recurrent.h"

/* Where one step of forward reads and writes. Matrices of B rows: [B,G H], or [B,H]. */
typedef struct {
    const float *panels;
    const float *gates;      /* X W' + b */
    const float *bias;       /* bn of GRU, or NULL */
    const float *h_previous; /* NULL: zeros */
    const float *c_previous; /* LSTM; NULL: zeros; may be c */
    float *h, *c;
    float *saved; /* [B, saved columns] or NULL */
    float *sums;  /* scratch of this thread: four vectors for each sequence */
} CpuRecurrentStep;

/* And one step of backward: units `first` .. `last` - 1 of the panels' columns. */
typedef struct {
    const float *panels;
    const float *through_next; /* [B,G H]: gradients of the sums at the step that follows in time;
                                  NULL: none follows */
    const float *saved, *h, *h_previous, *c, *c_previous; /* forward's; NULL previous: zeros */
    const float *dh;                                      /* of the outputs of this step */
    float *carry; /* [B,H]: dc of LSTM, z dh of GRU; read (unless `fresh`) and written */
    int fresh;    /* 1: carry holds nothing yet */
    float *dgates;
    float *through; /* gradients of the sums: GRU's own buffer, else dgates */
    float *dh0;     /* the step before the first: only this is written */
    float *sums;
} CpuRecurrentBack;

typedef struct {
    int lanes; /* of a vector */

    /* Panels first .. last - 1 of U' and of U; `panels` is where panel 0 lies. */
    void (*pack_forward)(const Recurrent *r, const float *weight, float *panels, int first,
                         int last);
    void (*pack_backward)(const Recurrent *r, const float *weight, float *panels, int first,
                          int last);

    void (*forward)(const Recurrent *r, const CpuRecurrentStep *step, int first, int last);
    void (*backward)(const Recurrent *r, const CpuRecurrentBack *step, int first, int last);
} CpuRecurrent;

/* Vectors of units in a panel of forward, where each unit has all its gates; of backward, where a
 * column of the panel is a unit. */
static inline int cpu_recurrent_group(RecurrentKind kind, int backward) {
    return backward || kind == RECURRENT_TANH ? 4 : 1;
}

/* Panels that cover H units, and the floats in one. */
static inline int cpu_recurrent_panels(const Recurrent *r, int backward, int lanes) {
    int units = cpu_recurrent_group(r->kind, backward) * lanes;
    return (r->width + units - 1) / units;
}
static inline size_t cpu_recurrent_panel(const Recurrent *r, int backward, int lanes) {
    return (size_t)recurrent_gates(r->kind) * (size_t)cpu_recurrent_group(r->kind, backward) *
           (size_t)lanes * (size_t)r->width;
}

/* Columns of `saved`: LSTM i, f, g, o after their functions; GRU r, z, n and Un h + bn; TANH
 * nothing. */
int cpu_recurrent_saved_columns(RecurrentKind kind);

/* The variant of this processor (the same rule as cpu_kernels()). */
const CpuRecurrent *cpu_recurrent(void);

extern const CpuRecurrent cpu_recurrent_baseline, cpu_recurrent_avx2, cpu_recurrent_avx512;

extern const RecurrentOps cpu_recurrent_ops;

#endif
