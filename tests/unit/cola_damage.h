/* cola_damage: a small table with a few of its bytes changed, for tests of what readers refuse. */
#ifndef UNIT_COLA_DAMAGE_H
#define UNIT_COLA_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

/* A copy of `*size` bytes, at most 1024, with 1 to 4 changes drawn by `trial`: a byte replaced,
 * removed, inserted, or the rest cut off. *size becomes the copy's exact size, so that a sanitizer
 * sees a step beyond its end. The caller frees it. */
char *cola_damage(const char *text, size_t *size, uint64_t trial);

#endif
