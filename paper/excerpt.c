/* excerpt: the code that the report prints is the code that ran, pulled out between two comments.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>

static const char *line_end(const char *at) {
    const char *end = strchr(at, '\n');
    return end ? end : at + strlen(at);
}

/* The position of `what` alone in a comment on this line, or NULL. */
static const char *in_line(const char *line, const char *end, const char *what) {
    size_t length = strlen(what);
    for (const char *at = line; at + length <= end; at++)
        if (strncmp(at, what, length) == 0) return at;
    return NULL;
}

static size_t indentation(const char *line, const char *end) {
    size_t spaces = 0;
    while (line + spaces < end && line[spaces] == ' ') spaces++;
    return spaces;
}

static void copy_dedented(const char *start, const char *stop, Text *out) {
    size_t least = 1000;
    for (const char *line = start; line < stop; line = line_end(line) + 1) {
        const char *end = line_end(line);
        size_t spaces = indentation(line, end);
        if (line + spaces < end && spaces < least) least = spaces;
    }
    for (const char *line = start; line < stop; line = line_end(line) + 1) {
        const char *end = line_end(line);
        size_t skip = indentation(line, end);
        if (skip > least) skip = least;
        text_add(out, line + skip, (size_t)(end - line) - skip);
        text_puts(out, "\n");
    }
}

Status excerpt_find(const char *root, const char *path, const char *marker, Text *out, int *line) {
    Text source, wanted = {0}, full = {0};
    Names seen = {0};
    text_printf(&full, "%s/%s", root, path);
    text_printf(&wanted, "/* excerpt: %s */", marker);
    Status status = text_load(text_bytes(&full), &source);
    const char *start = NULL, *stop = NULL;
    int number = 1;
    for (const char *at = text_bytes(&source); status == STATUS_OK && *at && !stop; number++) {
        const char *end = line_end(at);
        const char *mark = in_line(at, end, "/* excerpt: ");
        if (mark && !start) {
            char name[128];
            const char *from = mark + strlen("/* excerpt: ");
            snprintf(name, sizeof name, "%.*s", (int)strcspn(from, " *\n"), from);
            names_add(&seen, name);
            if (in_line(at, end, text_bytes(&wanted))) {
                start = *end ? end + 1 : end;
                *line = number + 1;
            }
        } else if (start && in_line(at, end, "/* end excerpt */")) {
            stop = at;
        }
        at = *end ? end + 1 : end;
    }
    const char *nearest = names_nearest(&seen, marker);
    if (status == STATUS_OK && !start)
        status = nearest ? status_fail(STATUS_FORMAT, "%s: no '%s'; nearest excerpt '%s'", path,
                                       text_bytes(&wanted), nearest)
                         : status_fail(STATUS_FORMAT, "%s: no '%s', nor any other excerpt", path,
                                       text_bytes(&wanted));
    else if (status == STATUS_OK && !stop)
        status = status_fail(STATUS_FORMAT, "%s:%d: excerpt '%s' has no '/* end excerpt */'", path,
                             *line - 1, marker);
    else if (status == STATUS_OK)
        copy_dedented(start, stop, out);
    names_free(&seen);
    text_free(&source);
    text_free(&wanted);
    text_free(&full);
    return status;
}
