#include "op/cpu/step.h"
#include "op/cpu/kernels.h"

#include <string.h>

static const StepOps *variant(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &cpu_steps_avx512;
    if (strcmp(name, "avx2") == 0) return &cpu_steps_avx2;
#endif
    return &cpu_steps_baseline;
}

static void attend(int heads, int width, int rows, float scale, const float *q, const float *k,
                   size_t k_row, const float *v, size_t v_row, float *scores, float *out) {
    variant()->attend(heads, width, rows, scale, q, k, k_row, v, v_row, scores, out);
}

static void absorb(int heads, int width, const float *k, const float *v, float *state) {
    variant()->absorb(heads, width, k, v, state);
}

static void recall(int heads, int width, const float *q, const float *state, float *features,
                   float *out) {
    variant()->recall(heads, width, q, state, features, out);
}

const StepOps cpu_steps = {.attend = attend, .absorb = absorb, .recall = recall};
