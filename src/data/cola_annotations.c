#include "data/cola_annotations.h"
#include "data/cola_text.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_SOURCE, COLUMN_DOMAIN, COLUMN_LABEL, COLUMN_SENTENCE, COLUMNS };

static const char *const columns[COLUMNS] = {"Source", "Domain", "Acceptability", "Sentence"};

/* 0 or 1 as the text is `zero` or `one`; anything else is refused. */
static Status read_choice(const Tsv *table, int row, int column, const char *zero, const char *one,
                          uint8_t *out) {
    const char *text = tsv_text(table, row, column);
    *out = strcmp(text, one) == 0;
    if (*out || strcmp(text, zero) == 0) return STATUS_OK;
    return status_fail(STATUS_FORMAT, "%s:%d: column %.80s holds '%.40s'; expected %s or %s",
                       table->path, table->lines[row], table->names[column], text, zero, one);
}

static Status check_header(const Tsv *table) {
    for (int column = 0; column < COLUMNS; column++) {
        if (column < table->columns && strcmp(table->names[column], columns[column]) == 0) continue;
        return status_fail(
            STATUS_FORMAT,
            "%s: found column %d '%.80s' in the header; expected Source, Domain, Acceptability, "
            "Sentence, then features",
            table->path, column + 1, column < table->columns ? table->names[column] : "");
    }
    if (table->columns == COLUMNS)
        return status_fail(STATUS_FORMAT,
                           "%s: the header ends after Sentence; expected names of features there",
                           table->path);
    return STATUS_OK;
}

static Status check_utf8(const Tsv *table, int line, const char *text) {
    size_t size = strlen(text), good = cola_utf8_length(text, size);
    if (good == size) return STATUS_OK;
    return status_fail(STATUS_FORMAT,
                       "%s:%d: found byte 0x%02x at offset %zu of its field, which is not UTF-8; "
                       "expected UTF-8 text",
                       table->path, line, (unsigned char)text[good], good);
}

static Status read_row(ColaAnnotations *annotations, int row) {
    const Tsv *table = annotations->table;
    size_t at = (size_t)row;
    annotations->source[at] = tsv_text(table, row, COLUMN_SOURCE);
    annotations->sentence[at] = tsv_text(table, row, COLUMN_SENTENCE);
    STATUS_TRY(check_utf8(table, table->lines[row], annotations->source[at]));
    STATUS_TRY(check_utf8(table, table->lines[row], annotations->sentence[at]));
    STATUS_TRY(
        read_choice(table, row, COLUMN_DOMAIN, "In", "Out", &annotations->out_of_domain[at]));
    STATUS_TRY(read_choice(table, row, COLUMN_LABEL, "0", "1", &annotations->label[at]));
    for (size_t feature = 0; feature < annotations->features; feature++)
        STATUS_TRY(read_choice(table, row, COLUMNS + (int)feature, "0", "1",
                               &annotations->shows[at * annotations->features + feature]));
    return STATUS_OK;
}

static Status read_table(ColaAnnotations *annotations) {
    const Tsv *table = annotations->table;
    STATUS_TRY(check_header(table));
    size_t rows = (size_t)table->rows, features = (size_t)(table->columns - COLUMNS);
    annotations->rows = rows;
    annotations->features = features;
    annotations->feature = calloc(features, sizeof *annotations->feature);
    annotations->source = calloc(rows + 1, sizeof *annotations->source);
    annotations->sentence = calloc(rows + 1, sizeof *annotations->sentence);
    annotations->label = calloc(rows + 1, 1);
    annotations->out_of_domain = calloc(rows + 1, 1);
    annotations->shows = calloc(rows + 1, features);
    if (!annotations->feature || !annotations->source || !annotations->sentence ||
        !annotations->label || !annotations->out_of_domain || !annotations->shows)
        return status_fail(STATUS_MEMORY, "%s: %zu rows of %zu features", table->path, rows,
                           features);
    for (size_t i = 0; i < features; i++) {
        annotations->feature[i] = table->names[COLUMNS + i];
        STATUS_TRY(check_utf8(table, 1, annotations->feature[i]));
    }
    for (int row = 0; row < table->rows; row++) STATUS_TRY(read_row(annotations, row));
    return STATUS_OK;
}

static Status adopt(Tsv *table, ColaAnnotations **out) {
    ColaAnnotations *annotations = calloc(1, sizeof *annotations);
    if (!annotations) {
        Status status = status_fail(STATUS_MEMORY, "%s: no memory for its table", table->path);
        tsv_free(table);
        return status;
    }
    annotations->table = table;
    Status status = read_table(annotations);
    if (status != STATUS_OK) {
        cola_annotations_free(annotations);
        return status;
    }
    *out = annotations;
    return STATUS_OK;
}

Status cola_annotations_load(const char *path, ColaAnnotations **out) {
    *out = NULL;
    Tsv *table;
    STATUS_TRY(tsv_load(path, &table));
    return adopt(table, out);
}

Status cola_annotations_parse(const char *path, const char *bytes, size_t size,
                              ColaAnnotations **out) {
    *out = NULL;
    Tsv *table;
    STATUS_TRY(tsv_parse(path, bytes, size, &table));
    return adopt(table, out);
}

void cola_annotations_free(ColaAnnotations *annotations) {
    if (!annotations) return;
    free(annotations->feature);
    free(annotations->source);
    free(annotations->sentence);
    free(annotations->label);
    free(annotations->out_of_domain);
    free(annotations->shows);
    tsv_free(annotations->table);
    free(annotations);
}

/* Matches the rows that are still without annotations, to those of their own label or of any. */
static void match_rows(const ColaFile *file, const ColaAnnotations *annotations,
                       const ColaIndex *index, int own_label, unsigned char *taken, ColaJoin *out) {
    for (size_t row = 0; row < file->rows; row++) {
        if (out->row[row] != COLA_UNMATCHED) continue;
        const char *code = file->source[file->source_of[row]].code;
        uint32_t at = cola_index_first(index, file->sentence[row]);
        while (at != COLA_NOWHERE &&
               (taken[at] || (own_label && annotations->label[at] != file->label[row]) ||
                strcmp(annotations->source[at], code) != 0))
            at = index->next[at];
        if (at == COLA_NOWHERE) continue;
        taken[at] = 1;
        out->row[row] = at;
        out->matched++;
        out->relabelled += annotations->label[at] != file->label[row];
    }
}

Status cola_join(const ColaFile *file, const ColaAnnotations *annotations, ColaJoin *out) {
    memset(out, 0, sizeof *out);
    ColaIndex index;
    STATUS_TRY(cola_index_open(&index, annotations->sentence, annotations->rows));
    unsigned char *taken = calloc(annotations->rows + 1, 1);
    out->row = malloc(file->rows * sizeof *out->row);
    Status status = STATUS_OK;
    if (!taken || !out->row) {
        status = status_fail(STATUS_MEMORY, "%s: joining %zu rows", file->path, file->rows);
        cola_join_free(out);
    } else {
        for (size_t row = 0; row < file->rows; row++) out->row[row] = COLA_UNMATCHED;
        match_rows(file, annotations, &index, 1, taken, out);
        match_rows(file, annotations, &index, 0, taken, out);
        out->unmatched = file->rows - out->matched;
    }
    free(taken);
    cola_index_close(&index);
    return status;
}

int cola_shows(const ColaAnnotations *annotations, const ColaJoin *join, size_t row,
               size_t feature) {
    uint32_t at = join->row[row];
    return at != COLA_UNMATCHED && annotations->shows[at * annotations->features + feature];
}

void cola_join_free(ColaJoin *join) {
    free(join->row);
    memset(join, 0, sizeof *join);
}
