/* matmul_scratch: buffers that the low-precision products of the whole program share.
 *
 *     matmul_scratch_hold();                               // when a weight is opened
 *     float *x = matmul_scratch(SCRATCH_LEFT, bytes);      // contents undefined
 *     if (!x) return STATUS_MEMORY;                        // message already recorded
 *     matmul_scratch_release();                            // when it is closed; the last one frees
 *
 * A buffer grows by a quarter more than was asked, so that batches of varying size soon ask for
 * nothing new. A slot belongs to one product at a time, hence to one thread of the program.
 */
#ifndef OP_CPU_MATMUL_SCRATCH_H
#define OP_CPU_MATMUL_SCRATCH_H

#include "base/status.h"
#include <stddef.h>

typedef enum { SCRATCH_LEFT, SCRATCH_RIGHT, SCRATCH_RESULT, SCRATCH_SLOTS } MatmulScratch;

void matmul_scratch_hold(void);

/* 1 when nobody holds the buffers any more, and they were freed. */
int matmul_scratch_release(void);

/* At least `bytes` bytes, aligned to 64; NULL with a message when there is no memory. Gives up what
 * the slot held before. */
void *matmul_scratch(MatmulScratch slot, size_t bytes);

#endif
