/* plugin: what the program and the CUDA plug-in agree on.
 *
 * The plug-in is C++ compiled by nvcc and knows nothing of the program but this table: it calls
 * back for messages and for what an operation may be asked. Both sides state the sizes of the
 * structs that they exchange; a plug-in of another build is refused.
 */
#ifndef OP_CUDA_PLUGIN_H
#define OP_CUDA_PLUGIN_H

#include "op/op.h"

#define CUDA_PLUGIN_VERSION 2
#define CUDA_PLUGIN_ENTRY   "tamrin_cuda_open"

typedef struct {
    int version;
    size_t device_bytes, attention_bytes, recurrent_bytes, layers_bytes, memory_bytes;
    Status (*fail)(Status code, const char *format, ...);
    void *(*take)(Arena *arena, size_t bytes);
    size_t (*mark)(const Arena *arena);
    void (*rewind)(Arena *arena, size_t mark);
    Status (*attention_check)(const Attention *attention);
    int (*attention_feature_columns)(const Attention *attention);
    size_t (*attention_saved_bytes)(const Attention *attention);
    Status (*recurrent_check)(const Recurrent *recurrent);
    size_t (*recurrent_saved_bytes)(const Recurrent *recurrent);
} CudaHost;

/* Of the host that is compiled with these headers. */
#define CUDA_HOST_SIZES                                                                            \
    CUDA_PLUGIN_VERSION, sizeof(Device), sizeof(Attention), sizeof(Recurrent), sizeof(LayerOps),   \
        sizeof(DeviceMemory)

/* The plug-in's only symbol: makes the GPU ready. `host` must outlive it. */
typedef Status CudaPluginOpen(const CudaHost *host, const Device **out);

/* Of the program: opens a plug-in that is linked in, as the tests' emulated one. */
Status cuda_open_with(CudaPluginOpen *entry, const Device **out);

#endif
