/* safetensors: named tensors in a file, the way models are passed around.
 *
 * A file is 8 bytes of header length (little-endian), a JSON header that gives every tensor its
 * dtype, shape and place, and then the numbers; large models are cut into several such files
 * beside a model.safetensors.index.json whose weight_map says which tensor lies in which file.
 * Format and rules: https://github.com/huggingface/safetensors, README, "Format".
 *
 *     Safetensors *model;
 *     STATUS_TRY(safetensors_open(&model, "bert-base-uncased"));   // a folder, or a file
 *     STATUS_TRY(safetensors_load(model, "pooler.dense.bias", 1, (size_t[]){768}, bias));
 *     for (size_t i = 0; i < safetensors_count(model); i++)
 *         puts(safetensors_at(model, i)->name);
 *     safetensors_close(model);
 *
 * Files are mapped, not read: opening a model costs its header, and only what is loaded is touched.
 * Nothing in a file is believed before it is checked, so a truncated, damaged or hostile one is
 * refused when it is opened, with a message that names file, tensor, expected and found:
 *
 * - the header has at most 16 MiB (the format allows 100 MB; hundreds of thousands of tensors stay
 *   far below), is UTF-8 JSON, and has no key twice;
 * - a shape has at most SAFETENSORS_RANK_MAX sizes, all below 2^53, whose product does not
 * overflow;
 * - the bytes of a tensor are what dtype and shape need;
 * - tensors follow each other without overlap and without holes, and the last one ends where the
 *   file ends: the format demands it, so that a file can hide nothing.
 *
 * A dtype of the format other than F32, F16 and BF16 (an I64 position_ids, say) is listed and
 * checked like the rest, and refused only when it is loaded; a dtype that the format does not know
 * is refused at once. Out of scope: a file that another process makes shorter while it is open,
 * for which the system ends this one (SIGBUS). safetensors_write never does that to a reader.
 */
#ifndef STORE_SAFETENSORS_H
#define STORE_SAFETENSORS_H

#include "base/status.h"
#include <stddef.h>

#define SAFETENSORS_RANK_MAX 8

typedef enum {
    SAFETENSORS_F32,
    SAFETENSORS_F16,  /* IEEE 754 binary16 */
    SAFETENSORS_BF16, /* the upper half of an F32 */
    SAFETENSORS_OTHER /* integers, F64, F8 and so on: listed, never loaded */
} SafetensorsType;

typedef struct {
    const char *name;      /* UTF-8 */
    const char *file;      /* the path of the file that holds it */
    const char *type_name; /* as the file writes it: "F32", "I64" */
    SafetensorsType type;
    int rank; /* 0: one number without a shape */
    size_t shape[SAFETENSORS_RANK_MAX];
    size_t count;              /* of numbers: the product of `shape`; may be 0 */
    size_t bytes;              /* of `data` */
    const unsigned char *data; /* little-endian, of any alignment */
} SafetensorsEntry;

typedef struct {
    const char *key, *value;
} SafetensorsPair;

typedef struct Safetensors Safetensors;

/* Opens a .safetensors file, an index (a path that ends in .json), or a folder: its
 * model.safetensors, or else the shards of its model.safetensors.index.json, which must lie in the
 * same folder; tensors of a shard that weight_map does not name there are left out. *out is the
 * caller's to safetensors_close and owns every entry and string below. NULL on failure: STATUS_IO
 * when the system refuses, STATUS_FORMAT when a file is not what it should be, STATUS_MEMORY. */
Status safetensors_open(Safetensors **out, const char *path);

/* The same for one file's `size` bytes in memory, which stay the caller's and must outlive the
 * result; `path` is used in messages only. */
Status safetensors_parse(Safetensors **out, const char *path, const void *bytes, size_t size);

void safetensors_close(Safetensors *model);

size_t safetensors_count(const Safetensors *model);

/* Entry 0 .. safetensors_count - 1, ordered by the bytes of the names. */
const SafetensorsEntry *safetensors_at(const Safetensors *model, size_t index);

/* NULL when there is no tensor of that name. */
const SafetensorsEntry *safetensors_find(const Safetensors *model, const char *name);

/* The pairs of __metadata__ in the file's order (of all shards, one after the other). */
const SafetensorsPair *safetensors_metadata(const Safetensors *model, size_t *count);

/* The value of the first pair with that key, or NULL. */
const char *safetensors_metadata_find(const Safetensors *model, const char *key);

/* The tensor `name`, provided that it is of `type` (SAFETENSORS_OTHER: any type that can be
 * loaded) and of exactly this shape; else STATUS_FORMAT with file, tensor, expected and found. */
Status safetensors_expect(const Safetensors *model, const char *name, SafetensorsType type,
                          int rank, const size_t *shape, const SafetensorsEntry **out);

/* Writes entry->count numbers to `out`, exactly (every F16 and BF16 value is an F32 value; a NaN
 * stays a NaN). STATUS_UNSUPPORTED for SAFETENSORS_OTHER. */
Status safetensors_read(const SafetensorsEntry *entry, float *out);

/* Expect, of any type that can be loaded, and read. */
Status safetensors_load(const Safetensors *model, const char *name, int rank, const size_t *shape,
                        float *out);

#endif
