/* mirror: a device whose numbers live elsewhere, behind the host's addresses: what goes in is
 * uploaded, what comes out downloaded, so that the tables of cases run on it as on the CPU.
 *
 *     const Device *device = mirror_cuda();      // NULL: none here; mirror_why() says why
 *     device->attention_forward(&attention, q, k, v, out, saved, &arena);
 *
 * The device is the emulated one (src/op/cuda/emulate.h), or where TAMRIN_TEST_GPU is set, the
 * plug-in's. Gaps between the rows of a view travel both ways, so that a number that an operation
 * should not have touched is found as on the CPU.
 */
#ifndef TESTS_OP_MIRROR_H
#define TESTS_OP_MIRROR_H

#include "op/op.h"

const Device *mirror_cuda(void);
const char *mirror_why(void);

/* The device behind it. */
const Device *mirror_behind(void);

#endif
