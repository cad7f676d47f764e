/* cuda: the operations on an NVIDIA GPU, in a plug-in that is opened at run time.
 *
 *     const Device *device;
 *     STATUS_TRY(device_choose("auto", &device));        // "cpu", "cuda" or "auto"
 *     if (*device_notice()) fprintf(stderr, "%s\n", device_notice());
 *
 * The plug-in (build/bin/tamrin_cuda.so, src/op/cuda/) is built where nvcc is found. It is looked
 * for beside the running program, or where TAMRIN_CUDA names it. Nothing else in the project needs
 * CUDA: the same binary runs with and without a GPU.
 *
 * The GPU fills the struct Device as the CPU does. Pointers to numbers are then addresses of the
 * GPU (op/memory.h), structs and offsets are the host's. An operation that it lacks is
 * STATUS_UNSUPPORTED with the operation's name, never computed elsewhere.
 */
#ifndef OP_CUDA_H
#define OP_CUDA_H

#include "op/op.h"

/* The GPU, opened once. STATUS_UNSUPPORTED says what is missing: the plug-in, a driver, a GPU. */
Status device_cuda(const Device **out);

/* "cpu"; "cuda": it, or why not; "auto": cuda where it can be opened, else the CPU.
 * STATUS_ARGUMENT for another word. */
Status device_choose(const char *word, const Device **out);

/* One line on what "auto" chose and why, "" after the others. Owned by the library. */
const char *device_notice(void);

#endif
