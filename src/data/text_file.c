#include "data/text_file.h"
#include "text/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Room for `more` bytes and a NUL, doubled where it grows. */
static Status grow(const char *path, TextFile *file, size_t *room, size_t more) {
    if (file->size + more + 1 <= *room) return STATUS_OK;
    size_t wanted = *room ? 2 * *room : (size_t)1 << 20;
    char *bytes = realloc(file->bytes, wanted);
    if (!bytes) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, wanted);
    file->bytes = bytes;
    *room = wanted;
    return STATUS_OK;
}

static Status read_all(const char *path, gzFile stream, TextFile *file) {
    enum { PIECE = 1 << 18 };
    size_t room = 0;
    for (;;) {
        STATUS_TRY(grow(path, file, &room, PIECE));
        int got = gzread(stream, file->bytes + file->size, PIECE);
        if (got < 0) {
            int code;
            const char *why = gzerror(stream, &code);
            if (code == Z_ERRNO)
                return status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
            return status_fail(STATUS_FORMAT,
                               "%s: found a damaged gzip file (%s) after %zu bytes of text; bring "
                               "the file again",
                               path, why, file->size);
        }
        file->size += (size_t)got;
        if (got == 0) break;
    }
    file->bytes[file->size] = 0;
    return STATUS_OK;
}

Status text_file_read(const char *path, TextFile *out) {
    *out = (TextFile){0};
    errno = 0;
    gzFile stream = gzopen(path, "rb");
    if (!stream)
        return status_fail(STATUS_IO, "%s: cannot open: %s", path,
                           errno ? strerror(errno) : "no memory");
    Status status = read_all(path, stream, out);
    /* zlib says only here that a gzip file ends in the middle. */
    if (gzclose_r(stream) != Z_OK && status == STATUS_OK)
        status = status_fail(STATUS_FORMAT,
                             "%s: the gzip file ends too early, after %zu bytes of text; bring the "
                             "file again",
                             path, out->size);
    if (status != STATUS_OK) text_file_free(out);
    return status;
}

void text_file_free(TextFile *file) {
    free(file->bytes);
    *file = (TextFile){0};
}

Status text_file_check(const char *path, const char *bytes, size_t size) {
    if (size == 0) return STATUS_OK;
    const char *nul = memchr(bytes, 0, size);
    size_t good = utf8_validate(bytes, size);
    if (!nul && good == size) return STATUS_OK;
    size_t at = nul && (size_t)(nul - bytes) < good ? (size_t)(nul - bytes) : good;
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += bytes[i] == '\n';
    if (bytes[at] == 0)
        return status_fail(STATUS_FORMAT, "%s:%zu: found a NUL byte at offset %zu; expected text",
                           path, line, at);
    return status_fail(
        STATUS_FORMAT,
        "%s:%zu: found byte 0x%02x at offset %zu, which is not UTF-8; expected UTF-8 "
        "text",
        path, line, (unsigned char)bytes[at], at);
}
