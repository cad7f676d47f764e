#define _GNU_SOURCE
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_room(Text *text, size_t more) {
    if (text->failed) return 0;
    if (text->used + more + 1 <= text->capacity) return 1;
    size_t capacity = text->capacity ? 2 * text->capacity : 256;
    while (capacity < text->used + more + 1) capacity *= 2;
    char *grown = realloc(text->bytes, capacity);
    if (!grown) {
        text->failed = 1;
        return 0;
    }
    text->bytes = grown;
    text->capacity = capacity;
    return 1;
}

void text_add(Text *text, const char *bytes, size_t count) {
    if (!make_room(text, count)) return;
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    text->bytes[text->used] = 0;
}

void text_puts(Text *text, const char *string) {
    text_add(text, string, strlen(string));
}

void text_printf(Text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && make_room(text, (size_t)length)) {
        vsnprintf(text->bytes + text->used, (size_t)length + 1, format, again);
        text->used += (size_t)length;
    }
    va_end(again);
}

const char *text_bytes(const Text *text) {
    return text->bytes ? text->bytes : "";
}

void text_free(Text *text) {
    free(text->bytes);
    *text = (Text){0};
}

/* --- files --------------------------------------------------------------------------------- */

Status text_load(const char *path, Text *out) {
    *out = (Text){0};
    FILE *file = fopen(path, "rb");
    if (!file) return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    char chunk[16384];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) text_add(out, chunk, got);
    int failed = ferror(file);
    fclose(file);
    if (failed) return status_fail(STATUS_IO, "%s: cannot read", path);
    if (out->failed) return status_fail(STATUS_MEMORY, "%s: too large for memory", path);
    return STATUS_OK;
}

static int holds_already(const char *path, const Text *text) {
    Text old;
    int same = text_load(path, &old) == STATUS_OK && old.used == text->used &&
               memcmp(text_bytes(&old), text_bytes(text), text->used) == 0;
    text_free(&old);
    return same;
}

static void make_folders_of(char *path) {
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        mkdir(path, 0777); /* the fopen that follows reports what matters */
        *at = '/';
    }
}

Status text_save(const char *path, const Text *text) {
    if (text->failed) return status_fail(STATUS_MEMORY, "%s: no memory for its text", path);
    if (text_file_exists(path) && holds_already(path, text)) return STATUS_OK;
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.part", path) < 0)
        return status_fail(STATUS_MEMORY, "%s: no memory for its name", path);
    make_folders_of(temporary);
    errno = 0;
    FILE *file = fopen(temporary, "wb");
    int failed = !file || fwrite(text_bytes(text), 1, text->used, file) != text->used;
    if (file && fclose(file)) failed = 1;
    if (!failed && rename(temporary, path)) failed = 1;
    Status status = STATUS_OK;
    if (failed)
        status = status_fail(STATUS_IO, "%s: cannot be written: %s", path,
                             errno ? strerror(errno) : "the disk is full or failing");
    if (failed && file) unlink(temporary);
    free(temporary);
    return status;
}

int text_file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* --- TeX ----------------------------------------------------------------------------------- */

static const char *escaped(char c) {
    switch (c) {
    case '#':
        return "\\#";
    case '$':
        return "\\$";
    case '%':
        return "\\%";
    case '&':
        return "\\&";
    case '_':
        return "\\_";
    case '{':
        return "\\{";
    case '}':
        return "\\}";
    case '~':
        return "\\textasciitilde{}";
    case '^':
        return "\\textasciicircum{}";
    case '\\':
        return "\\textbackslash{}";
    default:
        return NULL;
    }
}

void text_add_escaped(Text *out, const char *plain) {
    for (; *plain; plain++) {
        const char *special = escaped(*plain);
        if (special)
            text_puts(out, special);
        else
            text_add(out, plain, 1);
    }
}

void text_add_code(Text *out, const char *plain) {
    text_puts(out, "\\Code{");
    for (; *plain; plain++) {
        char one[2] = {*plain, 0};
        text_add_escaped(out, one);
        if (strchr("._/-=,:;+", *plain)) text_puts(out, "\\allowbreak{}");
    }
    text_puts(out, "}");
}

/* --- names --------------------------------------------------------------------------------- */

size_t text_distance(const char *a, const char *b) {
    size_t m = strlen(a), n = strlen(b);
    size_t *row = malloc((n + 1) * sizeof *row);
    if (!row) return m > n ? m : n;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < other ? replace : other;
        }
    }
    size_t distance = row[n];
    free(row);
    return distance;
}

int names_find(const Names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0) return (int)i;
    return -1;
}

int names_add(Names *names, const char *name) {
    int found = names_find(names, name);
    if (found >= 0) return found;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 16;
        char **grown = realloc(names->names, capacity * sizeof *grown);
        if (!grown) return -1;
        names->names = grown;
        names->capacity = capacity;
    }
    names->names[names->count] = strdup(name);
    if (!names->names[names->count]) return -1;
    return (int)names->count++;
}

const char *names_nearest(const Names *names, const char *wanted) {
    const char *nearest = NULL;
    size_t least = 0;
    for (size_t i = 0; i < names->count; i++) {
        size_t distance = text_distance(names->names[i], wanted);
        if (nearest && distance >= least) continue;
        nearest = names->names[i];
        least = distance;
    }
    return nearest;
}

void names_free(Names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->names[i]);
    free(names->names);
    *names = (Names){0};
}
