/* text_file: a file of text read whole, plain or compressed by gzip.
 *
 *     TextFile file;
 *     STATUS_TRY(text_file_read("fa_perdt-ud-dev.conllu.gz", &file));
 *     ... file.bytes[0 .. file.size), a NUL after them ...
 *     text_file_free(&file);
 */
#ifndef DATA_TEXT_FILE_H
#define DATA_TEXT_FILE_H

#include "base/status.h"
#include <stddef.h>

typedef struct {
    char *bytes; /* [size + 1], the last one a NUL */
    size_t size;
} TextFile;

/* Reads `path`; what gzip made is unpacked on the way, whatever its name. The bytes are what they
 * are: nothing is said about their being text. The caller's to text_file_free; all zero on failure.
 * STATUS_IO where it cannot be read, STATUS_FORMAT for a damaged or cut gzip file, STATUS_MEMORY.
 */
Status text_file_read(const char *path, TextFile *out);

void text_file_free(TextFile *file);

/* Refuses what no text file holds: a NUL byte and bytes that are not UTF-8. STATUS_FORMAT names
 * path:line and the offset. */
Status text_file_check(const char *path, const char *bytes, size_t size);

#endif
