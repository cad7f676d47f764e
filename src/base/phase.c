#include "base/phase.h"

_Thread_local PhaseTable *phase_table_;

static const struct {
    const char *name;
    int flops;
} phases[PHASES] = {
    [PHASE_PRODUCT_FORWARD] = {"product_forward", 1},
    [PHASE_PRODUCT_INPUT] = {"product_input", 1},
    [PHASE_PRODUCT_WEIGHT] = {"product_weight", 1},
    [PHASE_ATTENTION] = {"attention", 1},
    [PHASE_ATTENTION_BACKWARD] = {"attention_backward", 1},
    [PHASE_ACTIVATION] = {"activation", 0},
    [PHASE_NORM] = {"norm", 0},
    [PHASE_DROPOUT] = {"dropout", 0},
    [PHASE_EMBEDDING] = {"embedding", 0},
    [PHASE_LOSS] = {"loss", 0},
    [PHASE_CLIP] = {"clip", 0},
    [PHASE_UPDATE] = {"update", 0},
};

void phase_listen(PhaseTable *table) {
    phase_table_ = table;
}

const char *phase_name(Phase phase) {
    return phases[phase].name;
}

int phase_is_flops(Phase phase) {
    return phases[phase].flops;
}
