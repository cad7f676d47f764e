#include "op/cpu/recurrent.h"
#include "base/threads.h"
#include "op/cpu/kernels.h"
#include "op/cpu/matmul_f32.h"

#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* Multiplies and adds of one step below which a barrier a step costs more than a thread saves. */
#define ALONE 3e6

const CpuRecurrent *cpu_recurrent(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &cpu_recurrent_avx512;
    if (strcmp(name, "avx2") == 0) return &cpu_recurrent_avx2;
#endif
    return &cpu_recurrent_baseline;
}

int cpu_recurrent_saved_columns(RecurrentKind kind) {
    return kind == RECURRENT_TANH ? 0 : 4;
}

/* --- what both directions of the pass share -------------------------------------------------- */

/* A barrier of our own: a step takes some ten microseconds, in which OpenMP's, where it was told to
 * wait passively, would go to sleep and be woken again. */
typedef struct {
    atomic_int arrived, round;
} Barrier;

/* Looks so often before it offers the processor to others. */
#define LOOKS 2000

static void barrier_wait(Barrier *barrier, int threads) {
    int round = atomic_load_explicit(&barrier->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) == threads - 1) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&barrier->round, round + 1, memory_order_release);
        return;
    }
    for (int look = 0; atomic_load_explicit(&barrier->round, memory_order_acquire) == round;)
        if (++look > LOOKS)
            sched_yield();
        else
#if defined(__x86_64__)
            __builtin_ia32_pause();
#else
            atomic_signal_fence(memory_order_seq_cst);
#endif
}

typedef struct {
    const CpuRecurrent *loops;
    Barrier *barrier;
    const Recurrent *r;
    size_t states, gates, saved; /* floats of a step */
    int panels, threads;
    float *packed, *sums;
    size_t sums_of_one;
} Plan;

static Status plan_open(Plan *plan, const Recurrent *r, int backward, Arena *arena) {
    STATUS_TRY(recurrent_check(r));
    const CpuRecurrent *loops = cpu_recurrent();
    *plan = (Plan){.loops = loops, .r = r};
    plan->states = (size_t)r->batch * (size_t)r->width;
    plan->gates = plan->states * (size_t)recurrent_gates(r->kind);
    plan->saved = plan->states * (size_t)cpu_recurrent_saved_columns(r->kind);
    plan->panels = cpu_recurrent_panels(r, backward, loops->lanes);
    plan->threads = threads_count();
    if (2. * (double)plan->gates * r->width < ALONE) plan->threads = 1;
    if (plan->threads > plan->panels) plan->threads = plan->panels;
    plan->sums_of_one = tile_pad((size_t)r->batch * 4 * (size_t)loops->lanes, 32);
    size_t panel = cpu_recurrent_panel(r, backward, loops->lanes);
    plan->packed = arena_take(arena, (size_t)plan->panels * panel * sizeof *plan->packed);
    plan->sums = arena_take(arena, (size_t)plan->threads * plan->sums_of_one * sizeof *plan->sums);
    return plan->packed && plan->sums ? STATUS_OK : STATUS_MEMORY;
}

/* Step number `number` in the order of computation, as a time; -1: there is none. */
static int time_of(const Recurrent *r, int number) {
    if (number < 0 || number >= r->steps) return -1;
    return r->reverse ? r->steps - 1 - number : number;
}

/* Runs `walk` on every thread with its share of the panels. */
typedef void Walk(const Plan *plan, const void *job, int thread, int first, int last);

static void share(const Plan *plan, Walk *walk, const void *job) {
    if (plan->threads == 1) {
        walk(plan, job, 0, 0, plan->panels);
        return;
    }
#pragma omp parallel num_threads(plan->threads)
    {
        /* fewer than asked for is allowed, and shares must still cover everything */
        int threads = omp_get_num_threads(), thread = omp_get_thread_num();
        walk(plan, job, thread, plan->panels * thread / threads,
             plan->panels * (thread + 1) / threads);
    }
}

/* Every thread has written its share of this step, which all will read in the next. */
static void step_done(const Plan *plan) {
    if (plan->threads > 1) barrier_wait(plan->barrier, omp_get_num_threads());
}

/* --- forward --------------------------------------------------------------------------------- */

typedef struct {
    const float *gates, *weight, *bias, *h0, *c0;
    float *h, *c, *saved;
    size_t c_step; /* floats from one step's c to the next's; 0: one place for all */
} Forward;

static void walk_forward(const Plan *plan, const void *job, int thread, int first, int last) {
    const Forward *f = job;
    const Recurrent *r = plan->r;
    if (f->h0 || r->steps > 1) plan->loops->pack_forward(r, f->weight, plan->packed, first, last);
    for (int number = 0; number < r->steps; number++) {
        size_t t = (size_t)time_of(r, number);
        int before = time_of(r, number - 1);
        CpuRecurrentStep step = {
            .panels = plan->packed,
            .gates = f->gates + t * plan->gates,
            .bias = f->bias,
            .h_previous = before < 0 ? f->h0 : f->h + (size_t)before * plan->states,
            .c_previous = before < 0 ? f->c0 : f->c + (size_t)before * f->c_step,
            .h = f->h + t * plan->states,
            .c = f->c + t * f->c_step,
            .saved = f->saved ? f->saved + t * plan->saved : NULL,
            .sums = plan->sums + (size_t)thread * plan->sums_of_one};
        plan->loops->forward(r, &step, first, last);
        step_done(plan);
    }
}

static Status forward_in(const Recurrent *r, Forward *f, Arena *arena) {
    Plan plan;
    Barrier barrier = {0};
    STATUS_TRY(plan_open(&plan, r, 0, arena));
    plan.barrier = &barrier;
    f->c_step = plan.states;
    if (!f->c) {
        f->c_step = 0;
        f->c = arena_take(arena, plan.states * sizeof *f->c);
        if (!f->c) return STATUS_MEMORY;
    }
    share(&plan, walk_forward, f);
    return STATUS_OK;
}

static Status forward(const Recurrent *r, const float *gates, const float *weight,
                      const float *bias, const float *h0, const float *c0, float *h, float *c,
                      void *saved, Arena *arena) {
    Forward f = {gates, weight, bias, h0, c0, h, c, saved, 0};
    size_t mark = arena_mark(arena);
    Status status = forward_in(r, &f, arena);
    arena_rewind(arena, mark);
    return status;
}

/* --- backward -------------------------------------------------------------------------------- */

typedef struct {
    const float *weight, *h0, *c0, *h, *c, *saved, *dh, *dc_last;
    float *dgates, *through, *dh0, *carry;
} Backward;

static void walk_backward(const Plan *plan, const void *job, int thread, int first, int last) {
    const Backward *b = job;
    const Recurrent *r = plan->r;
    CpuRecurrentBack step = {.panels = plan->packed,
                             .carry = b->carry,
                             .sums = plan->sums + (size_t)thread * plan->sums_of_one};
    if (b->dh0 || r->steps > 1) plan->loops->pack_backward(r, b->weight, plan->packed, first, last);
    for (int number = r->steps - 1; number >= 0; number--) {
        size_t t = (size_t)time_of(r, number);
        int before = time_of(r, number - 1), after = time_of(r, number + 1);
        step.through_next = after < 0 ? NULL : b->through + (size_t)after * plan->gates;
        step.saved = b->saved ? b->saved + t * plan->saved : NULL;
        step.h = b->h + t * plan->states;
        step.h_previous = before < 0 ? b->h0 : b->h + (size_t)before * plan->states;
        if (r->kind == RECURRENT_LSTM) {
            step.c = b->c + t * plan->states;
            step.c_previous = before < 0 ? b->c0 : b->c + (size_t)before * plan->states;
        }
        step.dh = b->dh + t * plan->states;
        step.fresh = after < 0 && !b->dc_last;
        step.dgates = b->dgates + t * plan->gates;
        step.through = b->through + t * plan->gates;
        plan->loops->backward(r, &step, first, last);
        step_done(plan);
    }
    if (!b->dh0) return;
    step.through_next = b->through + (size_t)time_of(r, 0) * plan->gates;
    step.dh0 = b->dh0;
    plan->loops->backward(r, &step, first, last);
}

/* dU = sum over steps of dsums_t' h_(t-1): one product over all rows whose step has one before. */
static Status weight_gradient(const Recurrent *r, const Backward *b, float *dweight,
                              int accumulate) {
    const int outputs = recurrent_gates(r->kind) * r->width, rows = (r->steps - 1) * r->batch;
    const size_t gates = (size_t)r->batch * (size_t)outputs;
    const size_t states = (size_t)r->batch * (size_t)r->width;
    if (rows > 0)
        STATUS_TRY(matmul_f32(MATMUL_BACKWARD_WEIGHT, outputs, r->width, rows,
                              r->reverse ? b->through : b->through + gates,
                              r->reverse ? b->h + states : b->h, dweight, accumulate));
    if (b->h0)
        return matmul_f32(MATMUL_BACKWARD_WEIGHT, outputs, r->width, r->batch,
                          b->through + (size_t)time_of(r, 0) * gates, b->h0, dweight,
                          accumulate || rows > 0);
    if (rows == 0 && !accumulate)
        memset(dweight, 0, (size_t)outputs * (size_t)r->width * sizeof *dweight);
    return STATUS_OK;
}

/* dbn: the sums over all rows of the last third of `through`. */
static void bias_gradient(const Recurrent *r, const float *through, float *dbias, int accumulate) {
    const size_t width = (size_t)r->width, rows = (size_t)r->steps * (size_t)r->batch;
    if (!accumulate) memset(dbias, 0, width * sizeof *dbias);
    for (size_t row = 0; row < rows; row++) {
        const float *from = through + (3 * row + 2) * width;
        for (size_t unit = 0; unit < width; unit++) dbias[unit] += from[unit];
    }
}

static Status backward_in(const Recurrent *r, Backward *b, float *dweight, float *dbias, float *dc0,
                          int accumulate, Arena *arena) {
    Plan plan;
    Barrier barrier = {0};
    STATUS_TRY(plan_open(&plan, r, 1, arena));
    plan.barrier = &barrier;
    b->carry = dc0 ? dc0 : arena_take(arena, plan.states * sizeof *b->carry);
    b->through = b->dgates;
    if (r->kind == RECURRENT_GRU)
        b->through = arena_take(arena, (size_t)r->steps * plan.gates * sizeof *b->through);
    if (!b->carry || !b->through) return STATUS_MEMORY;
    if (b->dc_last) memcpy(b->carry, b->dc_last, plan.states * sizeof *b->carry);
    share(&plan, walk_backward, b);
    if (dbias) bias_gradient(r, b->through, dbias, accumulate);
    return dweight ? weight_gradient(r, b, dweight, accumulate) : STATUS_OK;
}

static Status backward(const Recurrent *r, const float *weight, const float *h0, const float *c0,
                       const float *h, const float *c, const void *saved, const float *dh,
                       const float *dc_last, float *dgates, float *dweight, float *dbias,
                       float *dh0, float *dc0, int accumulate, Arena *arena) {
    int lstm = r->kind == RECURRENT_LSTM;
    if ((r->kind != RECURRENT_TANH && !saved) || (lstm && !c))
        return status_fail(STATUS_ARGUMENT,
                           "recurrent backward: what forward leaves (saved, and c of LSTM) is "
                           "NULL; expected what it filled");
    Backward b = {.weight = weight,
                  .h0 = h0,
                  .c0 = lstm ? c0 : NULL,
                  .h = h,
                  .c = c,
                  .saved = saved,
                  .dh = dh,
                  .dc_last = lstm ? dc_last : NULL,
                  .dgates = dgates,
                  .dh0 = dh0};
    size_t mark = arena_mark(arena);
    Status status = backward_in(r, &b, dweight, r->kind == RECURRENT_GRU ? dbias : NULL,
                                lstm ? dc0 : NULL, accumulate, arena);
    arena_rewind(arena, mark);
    return status;
}

const RecurrentOps cpu_recurrent_ops = {.forward = forward, .backward = backward};
