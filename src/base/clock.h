/* clock: seconds, and what the scheduler did meanwhile. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Wall time in seconds from an arbitrary origin (CLOCK_MONOTONIC). */
double clock_seconds(void);

/* Processor time of the whole process in seconds, all threads together. */
double clock_cpu_seconds(void);

/* Involuntary context switches of this process so far: the kernel took the processor away. */
long clock_involuntary_switches(void);

#endif
