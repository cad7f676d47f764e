#include "op/cpu/adamw.h"
#include "op/cpu/kernels.h"

#include <string.h>

const AdamwKernels *adamw_kernels(void) {
#if defined(__x86_64__)
    const char *name = cpu_kernels()->name;
    if (strcmp(name, "avx512") == 0) return &adamw_kernels_avx512;
    if (strcmp(name, "avx2") == 0) return &adamw_kernels_avx2;
#endif
    return &adamw_kernels_baseline;
}
