/* step: the CPU's loops for op/step.h, compiled once for each instruction set. Not for callers:
 * they use device_cpu()->steps. */
#ifndef OP_CPU_STEP_H
#define OP_CPU_STEP_H

#include "op/step.h"

extern const StepOps cpu_steps_baseline, cpu_steps_avx2, cpu_steps_avx512;

/* That of this processor (the same rule as cpu_kernels()). */
extern const StepOps cpu_steps;

#endif
