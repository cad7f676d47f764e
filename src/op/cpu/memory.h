/* memory: the host's own, as a device's (op/memory.h). For src/op/cpu only. */
#ifndef OP_CPU_MEMORY_H
#define OP_CPU_MEMORY_H

#include "op/memory.h"

extern const DeviceMemory cpu_memory;

#endif
