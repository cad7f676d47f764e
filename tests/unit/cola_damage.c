#include "unit/cola_damage.h"
#include "base/rng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

char *cola_damage(const char *text, size_t *size, uint64_t trial) {
    static const char tempting[] = {'\t', '\n',   '\r',   '\b',   '\0',   '0',    '1',    '*', '?',
                                    ' ',  '\xff', '\xc3', '\xe2', '\xed', '\xf0', '\xef', '#', 'I'};
    char scratch[1024 + 4];
    size_t length = *size;
    ck_assert_uint_le(length, 1024);
    memcpy(scratch, text, length);
    uint64_t draw = 0, changes = 1 + rng_below(9, trial, draw++, 4);
    for (uint64_t i = 0; i < changes && length > 0; i++) {
        size_t at = (size_t)rng_below(9, trial, draw++, length);
        char byte = tempting[rng_below(9, trial, draw++, sizeof tempting)];
        if (rng_below(9, trial, draw++, 3) == 0) byte = (char)rng_below(9, trial, draw++, 256);
        switch (rng_below(9, trial, draw++, 8)) {
        case 0:
            length = at;
            break;
        case 1:
        case 2:
            memmove(scratch + at, scratch + at + 1, length - at - 1);
            length--;
            break;
        case 3:
        case 4:
            memmove(scratch + at + 1, scratch + at, length - at);
            scratch[at] = byte;
            length++;
            break;
        default:
            scratch[at] = byte;
        }
    }
    char *copy = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, scratch, length);
    *size = length;
    return copy;
}
