/* threads: how many threads our loops, OpenBLAS and oneDNN share (one OpenMP for all). */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

/* Below this many numbers to pass over, a team of threads costs more than it brings. */
#define THREADS_MINIMUM ((size_t)1 << 17)

/* Sets the number of threads for everything; 0: as many as the process may use. */
void threads_set(int count);

/* The number in force. */
int threads_count(void);

/* How many processors this process may run on (its affinity mask). */
int threads_available(void);

#endif
