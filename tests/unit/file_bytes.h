/* file_bytes: whole files, read and written by tests that damage them.
 *
 *     size_t size;
 *     unsigned char *bytes = file_bytes_read(path, &size);
 *     bytes[7] ^= 1;
 *     file_bytes_write(path, bytes, size);
 *     free(bytes);
 */
#ifndef TESTS_UNIT_FILE_BYTES_H
#define TESTS_UNIT_FILE_BYTES_H

#include <stddef.h>

/* The first 1 MiB of a file, the caller's to free. What cannot be read fails the test. */
unsigned char *file_bytes_read(const char *path, size_t *size);

void file_bytes_write(const char *path, const void *bytes, size_t size);

#endif
