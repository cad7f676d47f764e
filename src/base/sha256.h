/* sha256: the hash by which inputs are named in results and in experiments/inputs.tsv.
 *
 * FIPS 180-4, "Secure Hash Standard", 2015, section 6.2.
 *
 *     char hash[SHA256_TEXT];
 *     STATUS_TRY(sha256_file("model.safetensors", hash));   // as sha256sum prints it
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define SHA256_TEXT 65 /* 64 digits and a NUL */

typedef struct {
    uint32_t state[8];
    uint64_t bytes; /* so far */
    unsigned char block[64];
} Sha256;

void sha256_begin(Sha256 *hash);
void sha256_add(Sha256 *hash, const void *bytes, size_t size);

/* Lower-case hexadecimal; `hash` is used up. */
void sha256_end(Sha256 *hash, char text[SHA256_TEXT]);

/* Of a whole file; STATUS_IO where it cannot be read. */
Status sha256_file(const char *path, char text[SHA256_TEXT]);

#endif
