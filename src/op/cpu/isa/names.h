/* names: names that carry the instruction set which a file is being compiled for.
 *
 *     const CpuKernels JOIN(cpu_kernels_, ISA) = {.name = TEXT(ISA), ...};     // cpu_kernels_avx2
 */
#ifndef OP_CPU_ISA_NAMES_H
#define OP_CPU_ISA_NAMES_H

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TEXT_(a)    #a
#define TEXT(a)     TEXT_(a)

#endif
