#define _GNU_SOURCE
#include "base/threads.h"

#include <cblas.h>
#include <omp.h>
#include <sched.h>

int threads_available(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

void threads_set(int count) {
    if (count <= 0) count = threads_available();
    omp_set_num_threads(count);
    openblas_set_num_threads(count);
}

int threads_count(void) {
    return omp_get_max_threads();
}
