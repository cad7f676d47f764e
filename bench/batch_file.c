#define _POSIX_C_SOURCE 200809L
#include "batch_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *path;
    size_t line;
} Place;

static Status no_memory(const Place *at) {
    return status_fail(STATUS_MEMORY, "%s:%zu: no memory for a batch", at->path, at->line);
}

/* Whole numbers of `column`, separated by single spaces. *numbers is the caller's to free. */
static Status read_numbers(const Place *at, const char *what, const char *column, int32_t **numbers,
                           size_t *count) {
    size_t most = 1;
    for (const char *c = column; *c; c++) most += *c == ' ';
    *numbers = malloc(most * sizeof **numbers);
    if (!*numbers) return no_memory(at);
    for (*count = 0; *count < most; (*count)++) {
        char *end;
        errno = 0;
        long number = strtol(column, &end, 10);
        if (end == column || errno || number < 0 || number > INT32_MAX ||
            (*end != ' ' && *end != 0))
            return status_fail(STATUS_FORMAT,
                               "%s:%zu: number %zu of the %s: found '%.20s'; expected 0 to %d and "
                               "one space before the next",
                               at->path, at->line, *count + 1, what, column, INT32_MAX);
        (*numbers)[*count] = (int32_t)number;
        column = *end ? end + 1 : end;
    }
    return STATUS_OK;
}

/* Lengths become offsets, labels bytes; *tokens is what the lengths add up to. */
static Status make_batch(const Place *at, const int32_t *label, const int32_t *length, size_t count,
                         BertStepBatch *batch, size_t *tokens) {
    int *offsets = malloc((count + 1) * sizeof *offsets);
    uint8_t *labels = malloc(count);
    batch->tokens.offsets = offsets;
    batch->labels = labels;
    batch->tokens.sequences = (int)count;
    if (!offsets || !labels) return no_memory(at);
    *tokens = 0;
    offsets[0] = 0;
    for (size_t i = 0; i < count; i++) {
        *tokens += (size_t)length[i];
        if (label[i] > 1 || length[i] < 1 || *tokens > INT_MAX)
            return status_fail(STATUS_FORMAT,
                               "%s:%zu: sequence %zu: label %d, length %d; expected 0 or 1, and "
                               "at least 1",
                               at->path, at->line, i + 1, (int)label[i], (int)length[i]);
        offsets[i + 1] = (int)*tokens;
        labels[i] = (uint8_t)label[i];
    }
    return STATUS_OK;
}

static void close_batch(BertStepBatch *batch) {
    free((void *)batch->tokens.offsets);
    free((void *)batch->tokens.ids);
    free((void *)batch->labels);
}

static Status read_columns(const Place *at, char *const column[3], int32_t *number[3],
                           BertStepBatch *batch) {
    static const char *const names[3] = {"labels", "lengths", "ids"};
    size_t count[3], tokens = 0;
    for (int i = 0; i < 3; i++)
        STATUS_TRY(read_numbers(at, names[i], column[i], &number[i], &count[i]));
    if (count[0] != count[1] || count[0] > INT_MAX)
        return status_fail(STATUS_FORMAT, "%s:%zu: %zu labels and %zu lengths; expected as many",
                           at->path, at->line, count[0], count[1]);
    STATUS_TRY(make_batch(at, number[0], number[1], count[0], batch, &tokens));
    if (tokens != count[2])
        return status_fail(STATUS_FORMAT,
                           "%s:%zu: lengths that add up to %zu and %zu ids; expected as many",
                           at->path, at->line, tokens, count[2]);
    batch->tokens.ids = number[2];
    number[2] = NULL; /* the batch's now */
    return STATUS_OK;
}

static Status read_line(const Place *at, char *line, BertStepBatch *batch) {
    char *column[3];
    int32_t *number[3] = {NULL, NULL, NULL};
    line[strcspn(line, "\r\n")] = 0;
    for (int i = 0; i < 3; i++) {
        char *tab = line ? strchr(line, '\t') : NULL;
        if (!line || (i == 2 && tab) || (i < 2 && !tab))
            return status_fail(STATUS_FORMAT,
                               "%s:%zu: expected three columns between tabs: labels, lengths, ids",
                               at->path, at->line);
        if (tab) *tab = 0;
        column[i] = line;
        line = tab ? tab + 1 : NULL;
    }
    *batch = (BertStepBatch){0};
    Status status = read_columns(at, column, number, batch);
    for (int i = 0; i < 3; i++) free(number[i]);
    if (status != STATUS_OK) close_batch(batch);
    return status;
}

static Status make_room(BatchFile *file, const Place *at) {
    if (file->count < file->capacity) return STATUS_OK;
    size_t capacity = file->capacity ? 2 * file->capacity : 256;
    BertStepBatch *batch = realloc(file->batch, capacity * sizeof *batch);
    if (!batch) return no_memory(at);
    file->batch = batch;
    file->capacity = capacity;
    return STATUS_OK;
}

Status batch_file_read(BatchFile *file, const char *path) {
    *file = (BatchFile){0};
    FILE *in = fopen(path, "r");
    if (!in) return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    Place at = {path, 0};
    char *line = NULL;
    size_t room = 0;
    Status status = STATUS_OK;
    while (status == STATUS_OK && getline(&line, &room, in) >= 0) {
        at.line++;
        status = make_room(file, &at);
        if (status == STATUS_OK) status = read_line(&at, line, &file->batch[file->count]);
        file->count += status == STATUS_OK;
    }
    if (status == STATUS_OK && ferror(in))
        status = status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    if (status == STATUS_OK && file->count == 0)
        status = status_fail(STATUS_FORMAT, "%s: no batches; expected one a line", path);
    free(line);
    fclose(in);
    if (status != STATUS_OK) batch_file_close(file);
    return status;
}

void batch_file_close(BatchFile *file) {
    for (size_t i = 0; i < file->count; i++) close_batch(&file->batch[i]);
    free(file->batch);
    *file = (BatchFile){0};
}
