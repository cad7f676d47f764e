#include "op/recurrent.h"

int recurrent_gates(RecurrentKind kind) {
    return kind == RECURRENT_LSTM ? 4 : kind == RECURRENT_GRU ? 3 : 1;
}

Status recurrent_check(const Recurrent *r) {
    if (r->kind != RECURRENT_TANH && r->kind != RECURRENT_GRU && r->kind != RECURRENT_LSTM)
        return status_fail(STATUS_ARGUMENT, "recurrent: kind %d; expected tanh, GRU or LSTM",
                           (int)r->kind);
    if (r->steps < 1 || r->batch < 1 || r->width < 1)
        return status_fail(STATUS_ARGUMENT,
                           "recurrent: %d steps of %d sequences, width %d; expected at least 1 of "
                           "each",
                           r->steps, r->batch, r->width);
    return STATUS_OK;
}

size_t recurrent_saved_bytes(const Recurrent *r) {
    size_t columns = r->kind == RECURRENT_TANH ? 0 : 4;
    return (size_t)r->steps * (size_t)r->batch * columns * (size_t)r->width * sizeof(float);
}

/* Backward multiplies twice: dgates U, and dgates' h. */
double recurrent_flops(const Recurrent *r, int backward) {
    double once = 2. * r->batch * recurrent_gates(r->kind) * r->width * r->width;
    return (backward ? 2 : 1) * once * r->steps;
}
