/* safetensors_write: saves named tensors as one .safetensors file, whole or not at all.
 *
 *     SafetensorsTensor tensors[] = {
 *         {"classifier.weight", SAFETENSORS_F32, 2, {2, 768}, weight},
 *         {"classifier.bias", SAFETENSORS_F32, 1, {2}, bias},
 *     };
 *     STATUS_TRY(safetensors_write("model.safetensors", tensors, 2, NULL, 0));
 *
 * The file is written beside its place as <path>.partial, flushed to the disk (fsync) and renamed
 * over <path>: a reader, or a run after a crash, finds the earlier file or the new one. A process
 * killed half-way leaves only the .partial, which the next write takes over.
 */
#ifndef STORE_SAFETENSORS_WRITE_H
#define STORE_SAFETENSORS_WRITE_H

#include "store/safetensors.h"

typedef struct {
    const char *name;
    SafetensorsType type; /* how it is stored; not SAFETENSORS_OTHER */
    int rank;             /* 0: one number */
    size_t shape[SAFETENSORS_RANK_MAX];
    const float *data; /* the product of `shape`, row-major; F16 and BF16 are rounded to nearest */
} SafetensorsTensor;

/* Writes `count` tensors and `pairs` of metadata, both in any order. Tensors lie in the file as in
 * the reference library's: 32-bit ones first, then 16-bit ones, each by the bytes of their names;
 * the header is padded with spaces so that every number is aligned. The same tensors give the same
 * bytes. The pair "format": "pt", which transformers asks for, is added unless the caller gives a
 * "format". STATUS_ARGUMENT for a name twice, empty, "__metadata__" or not UTF-8, for a shape
 * that overflows, or a header over 16 MiB; STATUS_IO when the system refuses or another process
 * is writing the same file: the earlier file then stays as it was. */
Status safetensors_write(const char *path, const SafetensorsTensor *tensors, size_t count,
                         const SafetensorsPair *metadata, size_t pairs);

#endif
