/* The two-column tables of reorder_data.h. */
#define _POSIX_C_SOURCE 200809L
#include "data/reorder_data.h"
#include "data/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK   "\xEF\xBB\xBF"
#define HEADER "shuffled\tordered"

static void write_words(const uint32_t *word, int length, const ReorderWords *words, FILE *file) {
    for (int i = 0; i < length; i++) {
        if (i) putc(' ', file);
        fputs(reorder_words_text(words, word[i]), file);
    }
}

Status reorder_set_write(const ReorderSet *set, const ReorderWords *words, const char *path) {
    char part[4096];
    int length = snprintf(part, sizeof part, "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof part)
        return status_fail(STATUS_ARGUMENT, "%.200s...: the path is too long", path);
    FILE *file = fopen(part, "w");
    if (!file) return status_fail(STATUS_IO, "%s: cannot open: %s", part, strerror(errno));
    fputs(MARK HEADER "\n", file);
    for (size_t s = 0; s < set->sentences; s++) {
        write_words(reorder_shuffled_of(set, s), reorder_length(set, s), words, file);
        putc('\t', file);
        write_words(reorder_words_of(set, s), reorder_length(set, s), words, file);
        putc('\n', file);
    }
    int failed = ferror(file);
    if (fclose(file) || failed || rename(part, path)) {
        Status status = status_fail(STATUS_IO, "%s: cannot write: %s", path, strerror(errno));
        remove(part);
        return status;
    }
    return STATUS_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Ids of one column, in a buffer that grows. */
typedef struct {
    uint32_t *id;
    size_t count, room;
} Ids;

static Status take_column(const char *path, size_t line, const char *column, ReorderWords *words,
                          Ids *out) {
    out->count = 0;
    for (const char *at = column;;) {
        size_t size = strcspn(at, " ");
        if (size == 0)
            return status_fail(
                STATUS_FORMAT, "%s:%zu: found %s; expected words with single spaces between", path,
                line, *column ? "two spaces in a row, or one at an end" : "an empty column");
        if (out->count == out->room) {
            size_t room = 2 * out->room + 64;
            uint32_t *id = realloc(out->id, room * sizeof *id);
            if (!id) return status_fail(STATUS_MEMORY, "%s:%zu: %zu words", path, line, room);
            out->id = id;
            out->room = room;
        }
        STATUS_TRY(reorder_words_add(words, at, size, &out->id[out->count++]));
        at += size;
        if (!*at) return STATUS_OK;
        at++;
    }
}

static int compare_ids(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int is_rearrangement(const Ids *a, const Ids *b, Ids *copy) {
    if (a->count != b->count) return 0;
    memcpy(copy[0].id, a->id, a->count * sizeof *a->id);
    memcpy(copy[1].id, b->id, b->count * sizeof *b->id);
    qsort(copy[0].id, a->count, sizeof *copy[0].id, compare_ids);
    qsort(copy[1].id, b->count, sizeof *copy[1].id, compare_ids);
    return memcmp(copy[0].id, copy[1].id, a->count * sizeof *a->id) == 0;
}

static Status take_line(ReorderSet *set, ReorderWords *words, const char *path, size_t line,
                        char *text, Ids column[4]) {
    char *tab = strchr(text, '\t');
    if (!tab || strchr(tab + 1, '\t'))
        return status_fail(STATUS_FORMAT,
                           "%s:%zu: found %s; expected two columns, shuffled and ordered", path,
                           line, tab ? "more than one tab" : "no tab");
    *tab = 0;
    STATUS_TRY(take_column(path, line, text, words, &column[0]));
    STATUS_TRY(take_column(path, line, tab + 1, words, &column[1]));
    for (int i = 2; i < 4; i++)
        if (column[i].room < column[1].room || column[i].room < column[0].room) {
            size_t room = column[0].room > column[1].room ? column[0].room : column[1].room;
            uint32_t *id = realloc(column[i].id, room * sizeof *id);
            if (!id) return status_fail(STATUS_MEMORY, "%s:%zu: %zu words", path, line, room);
            column[i].id = id;
            column[i].room = room;
        }
    if (!is_rearrangement(&column[0], &column[1], column + 2))
        return status_fail(STATUS_FORMAT,
                           "%s:%zu: the column 'shuffled' (%zu words) is no rearrangement of "
                           "'ordered' (%zu words)",
                           path, line, column[0].count, column[1].count);
    if (column[1].count > UINT16_MAX)
        return status_fail(STATUS_FORMAT, "%s:%zu: found %zu words; expected at most %d", path,
                           line, column[1].count, UINT16_MAX);
    size_t before = set->words;
    STATUS_TRY(reorder_set_add(set, words, column[1].id, (int)column[1].count, 0));
    memcpy(set->shuffled + before, column[0].id, column[0].count * sizeof *column[0].id);
    return STATUS_OK;
}

static Status read_lines(ReorderSet *set, ReorderWords *words, const char *path, TextFile *file) {
    Ids column[4] = {{0}};
    Status status = STATUS_OK;
    char *stop = file->bytes + file->size, *next;
    size_t number = 1;
    char *line = file->bytes;
    if (strncmp(line, MARK, 3) == 0) line += 3;
    for (; status == STATUS_OK && line < stop; line = next, number++) {
        char *end = memchr(line, '\n', (size_t)(stop - line));
        if (!end) end = stop;
        next = end + 1;
        if (end > line && end[-1] == '\r') end--;
        *end = 0;
        if (number > 1)
            status = take_line(set, words, path, number, line, column);
        else if (strcmp(line, HEADER) != 0)
            status = status_fail(STATUS_FORMAT,
                                 "%s:1: found '%.60s'; expected the column names shuffled and "
                                 "ordered, separated by a tab",
                                 path, line);
    }
    if (status == STATUS_OK && number == 1)
        status = status_fail(STATUS_FORMAT,
                             "%s: the file is empty; expected the column names "
                             "shuffled and ordered",
                             path);
    for (int i = 0; i < 4; i++) free(column[i].id);
    return status;
}

Status reorder_set_read(ReorderSet *set, ReorderWords *words, const char *path) {
    TextFile file;
    STATUS_TRY(text_file_read(path, &file));
    Status status = text_file_check(path, file.bytes, file.size);
    if (status == STATUS_OK) status = read_lines(set, words, path, &file);
    text_file_free(&file);
    return status;
}
