/* Bytes of one training step, forward and backward, on one sequence: what the arena counts, and
 * what the system sees of the process that does nothing else. */
#define _GNU_SOURCE
#include "base/machine.h"
#include "base/rng.h"
#include "q2_drawbacks.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

NetShape drawbacks_big_shape(const DrawbacksPlan *plan, int holds) {
    NetShape shape = plan->big;
    shape.recurrent = holds == HOLDS_LSTM;
    shape.positions = POSITIONS_SINUSOIDAL;
    shape.attention = holds == HOLDS_STORED   ? ATTENTION_MATERIALISED
                      : holds == HOLDS_KERNEL ? ATTENTION_KERNEL_LINEAR
                                              : ATTENTION_TILED;
    return shape;
}

/* Sets the mark of the largest resident size anew; where the system does not allow it, what came
 * before counts too. */
static void forget(void) {
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t wrote = write(file, "5", 1);
    (void)wrote;
    close(file);
}

static Status step(Net *net, Arena *arena, const NetBatch *batch) {
    Tape tape;
    tape_open(&tape, arena, TAPE_TRAIN, 1, 0);
    Value *loss = net_loss(net, &tape, batch, NULL, NULL);
    STATUS_TRY(tape_status(&tape));
    return tape_backward(&tape, loss, 1);
}

static Status measure(Net *net, int length, double *counted, double *seen) {
    Arena arena;
    STATUS_TRY(arena_open(&arena, 0));
    int32_t *ids = arena_take(&arena, 2 * (size_t)length * sizeof *ids);
    if (!ids) return STATUS_MEMORY;
    for (int i = 0; i < 2 * length; i++)
        ids[i] = (int32_t)rng_below(1, rng_stream("drawbacks.memory"), (uint64_t)i,
                                    (uint64_t)net->shape.vocabulary);
    const NetBatch batch = {1, length, ids, ids + length};
    /* Once on a few symbols: gradients and what libraries keep are there before. */
    const NetBatch few = {1, 2, ids, ids + length};
    const size_t mark = arena_mark(&arena);
    Status status = step(net, &arena, &few);
    parameters_clear_gradients(net->parameters);
    arena_rewind(&arena, mark);
    arena_trim(&arena);
    arena_high_water_reset(&arena);
    forget();
    const double before = (double)machine_peak_resident_bytes();
    if (status == STATUS_OK) status = step(net, &arena, &batch);
    *counted = (double)(arena.high_water - mark);
    *seen = (double)machine_peak_resident_bytes() - before;
    if (*seen < 0) *seen = 0;
    arena_close(&arena);
    return status;
}

Status drawbacks_memory_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record) {
    const NetShape shape = drawbacks_big_shape(&d->plan, cell->net);
    Net net;
    STATUS_TRY(net_open(&net, &shape, d->plan.seed));
    double counted = 0, seen = 0;
    Status status = measure(&net, cell->length, &counted, &seen);
    if (status == STATUS_OK)
        grid_row(record, "memory", "%s\t%d\t%zu\t%.0f\t%.0f", drawbacks_holds_slug[cell->net],
                 cell->length, parameters_count(net.parameters), counted, seen);
    net_close(&net);
    return status;
}
