#include "grad/tape.h"
#include "base/rng.h"

#include <stdio.h>
#include <string.h>

void tape_open(Tape *tape, Arena *arena, TapeMode mode, uint64_t seed, uint64_t step) {
    *tape = (Tape){.arena = arena,
                   .device = device_cpu(),
                   .mode = mode,
                   .seed = seed,
                   .step = step,
                   .status = STATUS_OK};
}

/* The message is kept here, because the layers that follow may record failures of their own. */
Value *tape_fail(Tape *tape, Status status) {
    if (tape->status == STATUS_OK) {
        tape->status = status;
        snprintf(tape->message, sizeof tape->message, "%s", status_message());
    }
    return NULL;
}

Status tape_status(Tape *tape) {
    if (tape->status == STATUS_OK) return STATUS_OK;
    return status_fail(tape->status, "%s", tape->message);
}

int tape_records(const Tape *tape) {
    return tape->mode != TAPE_INFER;
}

void *tape_take(Tape *tape, size_t bytes) {
    void *taken = arena_take(tape->arena, bytes);
    if (!taken) tape_fail(tape, STATUS_MEMORY);
    return taken;
}

Value *tape_value(Tape *tape, int rows, int columns) {
    if (rows < 0 || columns < 0) {
        Status status = status_fail(STATUS_ARGUMENT, "tape: a value of %d x %d", rows, columns);
        return tape_fail(tape, status);
    }
    Value *value = tape_take(tape, sizeof *value);
    if (!value) return NULL;
    size_t bytes = (size_t)rows * (size_t)columns * sizeof(float);
    *value = (Value){.rows = rows, .columns = columns};
    value->data = tape_take(tape, bytes);
    if (value->data && tape_records(tape)) value->gradient = tape_take(tape, bytes);
    return tape->status == STATUS_OK ? value : NULL;
}

Value *tape_input(Tape *tape, float *data, int rows, int columns) {
    Value *value = tape_take(tape, sizeof *value);
    if (!value) return NULL;
    *value = (Value){.data = data, .rows = rows, .columns = columns};
    if (tape_records(tape))
        value->gradient = tape_take(tape, (size_t)rows * (size_t)columns * sizeof(float));
    return tape->status == STATUS_OK ? value : NULL;
}

void tape_record(Tape *tape, Value *output, TapeBackward backward, void *record) {
    if (!tape_records(tape) || !output) return;
    TapeNode *node = tape_take(tape, sizeof *node);
    if (!node) return;
    *node = (TapeNode){
        .previous = tape->last, .backward = backward, .output = output, .record = record};
    tape->last = node;
}

uint64_t tape_stream(Tape *tape) {
    /* 2^20 sites a step; the constant keeps these streams apart from those made from names. */
    return rng_stream("dropout") + (tape->step << 20) + tape->sites++;
}

float *tape_gradient(Value *value, int *accumulate) {
    *accumulate = value->has_gradient;
    value->has_gradient = 1;
    return value->gradient;
}

float *parameter_gradient(Parameter *parameter, int *accumulate) {
    *accumulate = parameter->has_gradient;
    parameter->has_gradient = 1;
    return parameter->gradient;
}

static Status walk_back(Tape *tape) {
    for (TapeNode *node = tape->last; node; node = node->previous)
        if (node->output->has_gradient) STATUS_TRY(node->backward(tape, node->record));
    return STATUS_OK;
}

Status tape_backward(Tape *tape, Value *loss, float scale) {
    STATUS_TRY(tape_status(tape));
    if (loss->rows != 1 || loss->columns != 1)
        return status_fail(STATUS_ARGUMENT,
                           "tape: backward from a value of %d x %d; expected a loss of 1 x 1",
                           loss->rows, loss->columns);
    return tape_backward_from(tape, loss, &scale);
}

Status tape_backward_from(Tape *tape, Value *output, const float *gradient) {
    STATUS_TRY(tape_status(tape));
    if (!tape_records(tape))
        return status_fail(STATUS_ARGUMENT, "tape: backward on a tape that infers only");
    if (tape->walked)
        return status_fail(STATUS_ARGUMENT, "tape: a second backward of one forward pass; record "
                                            "the pass again");
    tape->walked = 1;
    memcpy(output->gradient, gradient,
           (size_t)output->rows * (size_t)output->columns * sizeof *gradient);
    output->has_gradient = 1;
    return walk_back(tape);
}
