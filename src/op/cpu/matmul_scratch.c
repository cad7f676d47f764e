#include "op/cpu/matmul_scratch.h"

#include <stdlib.h>

static struct {
    void *data;
    size_t bytes;
} slots[SCRATCH_SLOTS];

static int holders;

static void forget(MatmulScratch slot) {
    free(slots[slot].data);
    slots[slot].data = NULL;
    slots[slot].bytes = 0;
}

void matmul_scratch_hold(void) {
    holders++;
}

int matmul_scratch_release(void) {
    if (--holders > 0) return 0;
    for (int slot = 0; slot < SCRATCH_SLOTS; slot++) forget((MatmulScratch)slot);
    return 1;
}

void *matmul_scratch(MatmulScratch slot, size_t bytes) {
    if (bytes <= slots[slot].bytes && slots[slot].data) return slots[slot].data;
    size_t more = (bytes + bytes / 4 + 64) / 64 * 64;
    forget(slot);
    slots[slot].data = aligned_alloc(64, more);
    if (!slots[slot].data) {
        status_fail(STATUS_MEMORY, "matmul: no memory for %zu bytes of scratch", more);
        return NULL;
    }
    slots[slot].bytes = more;
    return slots[slot].data;
}
