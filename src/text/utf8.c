#include "text/utf8.h"

#include <string.h>
#include <utf8proc.h>

size_t utf8_decode(const char *bytes, size_t size, uint32_t *code) {
    if (size == 0) return 0;
    unsigned char first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    /* Two bytes: most of Persian. */
    if (first >= 0xC2 && first < 0xE0 && size >= 2) {
        unsigned char second = (unsigned char)bytes[1];
        if ((second & 0xC0) != 0x80) return 0;
        *code = (first & 0x1Fu) << 6 | (second & 0x3Fu);
        return 2;
    }
    utf8proc_int32_t found;
    utf8proc_ssize_t length =
        utf8proc_iterate((const utf8proc_uint8_t *)bytes,
                         (utf8proc_ssize_t)(size < UTF8_BYTES_MAX ? size : UTF8_BYTES_MAX), &found);
    if (length <= 0) return 0;
    *code = (uint32_t)found;
    return (size_t)length;
}

size_t utf8_validate(const char *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= sizeof eight) {
            memcpy(&eight, bytes + at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        uint32_t code;
        size_t length = utf8_decode(bytes + at, size - at, &code);
        if (length == 0) return at;
        at += length;
    }
    return size;
}

size_t utf8_encode(uint32_t code, char bytes[UTF8_BYTES_MAX]) {
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xC0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
    utf8proc_uint8_t encoded[UTF8_BYTES_MAX];
    size_t length = (size_t)utf8proc_encode_char((utf8proc_int32_t)code, encoded);
    memcpy(bytes, encoded, length);
    return length;
}
