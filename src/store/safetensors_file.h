/* safetensors_file: one .safetensors file, mapped and checked; safetensors.h joins several.
 *
 *     SafetensorsFile file;
 *     STATUS_TRY(safetensors_file_open(&file, "model-00001-of-00002.safetensors"));
 *     const SafetensorsEntry *entry = safetensors_entry_find(file.entries, file.count, "w");
 *     safetensors_file_close(&file);
 *
 * For src/store only.
 */
#ifndef STORE_SAFETENSORS_FILE_H
#define STORE_SAFETENSORS_FILE_H

#include "store/safetensors.h"
#include <cjson/cJSON.h>

/* "[3, 4]" of any shape that a message can hold. */
#define SAFETENSORS_SHAPE_TEXT 192

typedef struct {
    char *path;
    const unsigned char *bytes;
    size_t size;
    int mapped;                /* 1: ours to unmap */
    cJSON *header;             /* owns the names and the metadata */
    SafetensorsEntry *entries; /* ordered by name */
    size_t count;
    SafetensorsPair *pairs;
    size_t pair_count;
} SafetensorsFile;

/* Both leave nothing to close on failure. */
Status safetensors_file_open(SafetensorsFile *file, const char *path);
Status safetensors_file_parse(SafetensorsFile *file, const char *path, const void *bytes,
                              size_t size);
void safetensors_file_close(SafetensorsFile *file);

/* Maps a whole regular file for reading; munmap is the caller's. An empty file is STATUS_FORMAT. */
Status safetensors_map(const char *path, const unsigned char **bytes, size_t *size);

/* Binary search in entries ordered by name; NULL when there is none. */
const SafetensorsEntry *safetensors_entry_find(const SafetensorsEntry *entries, size_t count,
                                               const char *name);
int safetensors_entry_compare(const void *a, const void *b);

/* Returns `text`. */
const char *safetensors_shape_text(char text[SAFETENSORS_SHAPE_TEXT], int rank,
                                   const size_t *shape);

#endif
