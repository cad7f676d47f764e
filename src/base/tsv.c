#define _POSIX_C_SOURCE 200809L
#include "base/tsv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status read_file(const char *path, char **bytes, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    size_t used = 0, capacity = 0;
    char *text = NULL;
    for (;;) {
        if (capacity - used < 65536) {
            capacity = capacity ? 2 * capacity : 131072;
            char *larger = realloc(text, capacity);
            if (!larger) {
                free(text);
                fclose(file);
                return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, capacity);
            }
            text = larger;
        }
        size_t got = fread(text + used, 1, capacity - used - 1, file);
        if (got == 0) break;
        used += got;
    }
    int failed = ferror(file);
    fclose(file);
    if (failed) {
        free(text);
        return status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    }
    *bytes = text;
    *size = used;
    return STATUS_OK;
}

static int count_fields(const char *line, const char *end) {
    int fields = 1;
    for (; line < end; line++) fields += *line == '\t';
    return fields;
}

/* Cuts [line, end) at its tabs into out[0..fields). `end` must be writable. */
static void cut(char *line, char *end, char **out) {
    *end = 0;
    for (;;) {
        *out++ = line;
        char *tab = strchr(line, '\t');
        if (!tab) return;
        *tab = 0;
        line = tab + 1;
    }
}

static Status parse(Tsv *table, size_t size) {
    char *text = table->text, *stop = text + size;
    char *nul = memchr(text, 0, size);
    if (nul)
        return status_fail(STATUS_FORMAT, "%s: a NUL byte at offset %zu; expected text",
                           table->path, (size_t)(nul - text));
    int capacity = 0, line_number = 0;
    for (char *line = text; line < stop;) {
        char *end = memchr(line, '\n', (size_t)(stop - line));
        if (!end) end = stop; /* no final newline: the buffer has one byte to spare */
        char *next = end + 1;
        if (end > line && end[-1] == '\r') end--;
        line_number++;
        if (end == line || *line == '#') {
            line = next;
            continue;
        }
        int fields = count_fields(line, end);
        if (!table->names) {
            table->columns = fields;
            table->names = calloc((size_t)fields, sizeof *table->names);
            if (!table->names) return status_fail(STATUS_MEMORY, "%s: header", table->path);
            cut(line, end, table->names);
            line = next;
            continue;
        }
        if (fields != table->columns)
            return status_fail(STATUS_FORMAT, "%s:%d: %d fields; the header names %d", table->path,
                               line_number, fields, table->columns);
        if (table->rows == capacity) {
            int larger = capacity ? 2 * capacity : 64;
            size_t columns = (size_t)table->columns;
            char **grown = realloc(table->fields, (size_t)larger * columns * sizeof *grown);
            if (grown) table->fields = grown;
            int *lines = realloc(table->lines, (size_t)larger * sizeof *lines);
            if (lines) table->lines = lines;
            if (!grown || !lines)
                return status_fail(STATUS_MEMORY, "%s: %d rows", table->path, larger);
            capacity = larger;
        }
        cut(line, end, table->fields + (size_t)table->rows * (size_t)table->columns);
        table->lines[table->rows++] = line_number;
        line = next;
    }
    if (!table->names)
        return status_fail(STATUS_FORMAT, "%s: no header line; expected column names", table->path);
    return STATUS_OK;
}

static Status adopt(const char *path, char *text, size_t size, Tsv **out) {
    Tsv *table = calloc(1, sizeof *table);
    if (table) table->path = strdup(path);
    if (!table || !table->path) {
        free(table);
        free(text);
        return status_fail(STATUS_MEMORY, "%s: table", path);
    }
    table->text = text;
    Status status = parse(table, size);
    if (status != STATUS_OK) {
        tsv_free(table);
        return status;
    }
    *out = table;
    return STATUS_OK;
}

Status tsv_load(const char *path, Tsv **out) {
    *out = NULL;
    char *text = NULL;
    size_t size = 0;
    STATUS_TRY(read_file(path, &text, &size));
    return adopt(path, text, size, out);
}

Status tsv_parse(const char *path, const char *bytes, size_t size, Tsv **out) {
    *out = NULL;
    char *text = malloc(size + 1);
    if (!text) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, size);
    memcpy(text, bytes, size);
    return adopt(path, text, size, out);
}

int tsv_column(const Tsv *table, const char *name) {
    for (int column = 0; column < table->columns; column++)
        if (strcmp(table->names[column], name) == 0) return column;
    return -1;
}

const char *tsv_text(const Tsv *table, int row, int column) {
    return table->fields[(size_t)row * (size_t)table->columns + (size_t)column];
}

Status tsv_number(const Tsv *table, int row, int column, double *out) {
    const char *text = tsv_text(table, row, column);
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || isnan(number))
        return status_fail(STATUS_FORMAT, "%s:%d: column %s holds '%s'; expected a number",
                           table->path, table->lines[row], table->names[column], text);
    *out = number;
    return STATUS_OK;
}

int tsv_find(const Tsv *table, int column, const char *text) {
    for (int row = 0; row < table->rows; row++)
        if (strcmp(tsv_text(table, row, column), text) == 0) return row;
    return -1;
}

void tsv_free(Tsv *table) {
    if (!table) return;
    free(table->path);
    free(table->names);
    free(table->fields);
    free(table->lines);
    free(table->text);
    free(table);
}
