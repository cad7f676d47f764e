/* hash: FNV-1a, 64 bits: tells configurations and files apart; no defence against malice.
 *
 *     uint64_t hash = hash_bytes(HASH_BEGIN, name, strlen(name));
 *     hash = hash_bytes(hash, &count, sizeof count);
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(14695981039346656037)

/* The hash of what came before and of `size` bytes more. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

#endif
