#define _GNU_SOURCE
#include "labels.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

static int is_part(const struct dirent *entry) {
    return fnmatch("labels_*.tsv", entry->d_name, 0) == 0;
}

static Status add_file(Labels *labels, const char *folder, const char *name) {
    char *path = NULL;
    Tsv **grown = realloc(labels->files, (labels->count + 1) * sizeof *grown);
    if (grown) labels->files = grown;
    if (!grown || asprintf(&path, "%s/%s", folder, name) < 0)
        return status_fail(STATUS_MEMORY, "%s/%s: no memory", folder, name);
    Tsv *file = NULL;
    Status status = tsv_load(path, &file);
    if (status == STATUS_OK && file->columns != 2) {
        status = status_fail(STATUS_FORMAT, "%s: expected the columns 'key' and 'text'", path);
        tsv_free(file);
    } else if (status == STATUS_OK) {
        labels->files[labels->count++] = file;
    }
    free(path);
    return status;
}

Status labels_open(const char *folder, Labels *out) {
    *out = (Labels){0};
    Status status = add_file(out, folder, "labels.tsv");
    struct dirent **entries = NULL;
    int count = status == STATUS_OK ? scandir(folder, &entries, is_part, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        if (status == STATUS_OK) status = add_file(out, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (status != STATUS_OK) labels_close(out);
    return status;
}

void labels_close(Labels *labels) {
    for (size_t i = 0; i < labels->count; i++) tsv_free(labels->files[i]);
    free(labels->files);
    *labels = (Labels){0};
}

const char *labels_find(const Labels *labels, const char *key) {
    for (size_t i = 0; i < labels->count; i++) {
        int row = tsv_find(labels->files[i], 0, key);
        if (row >= 0) return tsv_text(labels->files[i], row, 1);
    }
    return NULL;
}

int labels_next(const Labels *labels, size_t *file, int *row, const char **key, const char **text) {
    while (*file < labels->count && *row >= labels->files[*file]->rows) {
        ++*file;
        *row = 0;
    }
    if (*file >= labels->count) return 0;
    *key = tsv_text(labels->files[*file], *row, 0);
    *text = tsv_text(labels->files[*file], *row, 1);
    ++*row;
    return 1;
}

int labels_repeated(const Labels *labels, size_t *file, int *row, size_t *first_file,
                    int *first_row) {
    for (++*row; *file < labels->count; ++*file, *row = 0)
        for (; *row < labels->files[*file]->rows; ++*row) {
            const char *key = tsv_text(labels->files[*file], *row, 0);
            for (*first_file = 0; *first_file <= *file; ++*first_file) {
                *first_row = tsv_find(labels->files[*first_file], 0, key);
                if (*first_row >= 0) break;
            }
            if (*first_file < *file || *first_row < *row) return 1;
        }
    return 0;
}
