/* utf8: whether bytes are UTF-8, and the way between bytes and code points.
 *
 * Strict as RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. The work is
 * utf8proc's; this module adds the short way for ASCII and the offset that messages need.
 *
 *     size_t bad = utf8_validate(text, size);
 *     if (bad < size) return status_fail(STATUS_FORMAT, "byte %zu is not UTF-8", bad);
 *     for (size_t at = 0; at < size;) {
 *         uint32_t code;
 *         at += utf8_decode(text + at, size - at, &code);   // never 0 in valid text
 *     }
 */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4

/* The offset of the first byte at which no character starts or ends well; `size` where all of the
 * bytes are valid. NUL is a character like any other. */
size_t utf8_validate(const char *bytes, size_t size);

/* The code point that starts at `bytes` and the number of its bytes, 1..4; 0 where `size` is 0 or
 * the bytes are not UTF-8, and then *code is left alone. */
size_t utf8_decode(const char *bytes, size_t size, uint32_t *code);

/* The number of bytes written, 1..4; 0 and nothing written for a surrogate or beyond U+10FFFF. */
size_t utf8_encode(uint32_t code, char bytes[UTF8_BYTES_MAX]);

#endif
