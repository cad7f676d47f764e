#define _GNU_SOURCE
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 16, NAME_MAX_LENGTH = 256 };

typedef struct {
    char file[FILES_MAX][NAME_MAX_LENGTH];
    int depth;
    Text *problems;
    int count;
} Reader;

static const char *current_file(const Reader *reader) {
    return reader->depth ? reader->file[reader->depth - 1] : "paper";
}

static void problem(Reader *reader, int line, const char *what) {
    text_printf(reader->problems, "%s:%d: %s\n", current_file(reader), line, what);
    reader->count++;
}

/* The number that follows `word` on this line, or 0. */
static int number_after(const char *line, const char *word) {
    const char *at = strstr(line, word);
    return at ? atoi(at + strlen(word)) : 0;
}

/* Inside a float or a caption TeX counts no lines of ours: better the file than a wrong line. */
static void check_overfull(Reader *reader, const char *line) {
    const char *open = strchr(line, '(');
    double points = open ? strtod(open + 1, NULL) : 0;
    if (points <= (strstr(line, "\\vbox") ? LOG_OVERFULL_PAGE_POINTS : LOG_OVERFULL_POINTS)) return;
    int at = number_after(line, "at lines ");
    if (!at) at = number_after(line, "at line ");
    problem(reader, at, line);
}

static void check_line(Reader *reader, const char *line) {
    const char *marker;
    if ((marker = strstr(line, "==> ")) && marker == line) {
        if (reader->depth < FILES_MAX)
            snprintf(reader->file[reader->depth++], NAME_MAX_LENGTH, "%s", line + 4);
    } else if (strncmp(line, "<== ", 4) == 0) {
        if (reader->depth) reader->depth--;
    } else if (strncmp(line, "Overfull ", 9) == 0) {
        check_overfull(reader, line);
    } else if (strncmp(line, "Missing character:", 18) == 0) {
        problem(reader, 0, line);
    } else if (strstr(line, "Warning:") &&
               (strstr(line, "' on page ") || strstr(line, "multiply")) &&
               (strstr(line, "undefined") || strstr(line, "multiply"))) {
        problem(reader, number_after(line, "on input line "), line);
    } else if (strstr(line, "Font Warning: Font shape") && strstr(line, "undefined")) {
        problem(reader, number_after(line, "on input line "), line);
    }
}

static Status each_line(const char *path, Reader *reader) {
    Text log;
    STATUS_TRY(text_load(path, &log));
    for (char *at = log.bytes; at && *at;) {
        char *end = strchr(at, '\n');
        if (end) *end = 0;
        check_line(reader, at);
        at = end ? end + 1 : NULL;
    }
    text_free(&log);
    return STATUS_OK;
}

Status log_check(const char *path, Text *problems, int *count) {
    Reader *reader = calloc(1, sizeof *reader);
    if (!reader) return status_fail(STATUS_MEMORY, "%s: no memory", path);
    reader->problems = problems;
    Status status = each_line(path, reader);
    *count = reader->count;
    free(reader);
    return status;
}
