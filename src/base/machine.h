/* machine: the machine, described well enough that a reader can judge a timing.
 *
 *     Machine machine;
 *     machine_describe(&machine);
 *     printf("%s, %d processors, %s\n", machine.cpu, machine.processors, machine.isa);
 */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stddef.h>

typedef struct {
    int level;     /* 1, 2, 3 */
    char type[16]; /* "Data", "Instruction", "Unified" */
    size_t bytes;  /* of one instance */
    int sharing;   /* processors that share one instance */
} MachineCache;

typedef struct {
    char cpu[128];     /* the processor's own name and stepping numbers */
    char isa[96];      /* vector extensions that matter here, widest last: "avx2 fma avx512f ..." */
    char slug[64];     /* a folder name: "amd-epyc-f25m17-2p" */
    char os[128];      /* distribution and kernel */
    char compiler[96]; /* that built this binary */
    char build[128];   /* optimisation flags and variant of this binary */
    char blas[128];    /* OpenBLAS: version, core type chosen at run time, threading */
    int processors;    /* that this process may use */
    double mhz;        /* nominal or present clock as the system tells it; 0 unknown */
    int frequency_scaling; /* 1 when the clock may change under load, as far as can be seen */
    size_t memory_bytes;
    int caches;
    MachineCache cache[8];
} Machine;

/* Fills the struct; what cannot be found out is "unknown" or 0. Never fails. */
void machine_describe(Machine *machine);

/* The largest resident size so far of this process in bytes (VmHWM); 0 unknown. */
size_t machine_peak_resident_bytes(void);

/* Load averages over 1, 5, 15 minutes. */
void machine_load(double load[3]);

#endif
