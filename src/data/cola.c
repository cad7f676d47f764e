#define _POSIX_C_SOURCE 200809L
#include "data/cola.h"
#include "data/cola_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_SOURCE, FIELD_LABEL, FIELD_MARK, FIELD_SENTENCE, FIELDS };

static const char *const marks[COLA_MARKS] = {
    [COLA_MARK_NONE] = "",         [COLA_MARK_SPACE] = " ",  [COLA_MARK_STAR] = "*",
    [COLA_MARK_DOUBTFUL] = "?",    [COLA_MARK_TWICE] = "??", [COLA_MARK_DOUBT_STAR] = "?*",
    [COLA_MARK_STAR_DOUBT] = "*?",
};

static const char *const part_names[COLA_PARTS] = {"in_domain_train", "in_domain_dev",
                                                   "out_of_domain_dev"};

static const struct {
    const char *code, *title;
    int in_domain;
} titles[] = {
    {"ad03", "Adger (2003)", 1},
    {"b_82", "Baltin (1982)", 1},
    {"bc01", "Baltin and Collins (2001)", 1},
    {"b_73", "Bresnan (1973)", 1},
    {"c_13", "Carnie (2013)", 1},
    {"cj99", "Culicover and Jackendoff (1999)", 1},
    {"d_98", "Dayal (1998)", 1},
    {"g_81", "Gazdar (1981)", 1},
    {"gj04", "Goldberg and Jackendoff (2004)", 1},
    {"kl93", "Kadmon and Landman (1993)", 1},
    {"ks08", "Kim and Sells (2008)", 1},
    {"l-93", "Levin (1993)", 1},
    {"m_02", "Miller (2002)", 1},
    {"rhl07", "Rappaport Hovav and Levin (2008)", 1},
    {"r-67", "Ross (1967)", 1},
    {"sgww85", "Sag et al. (1985)", 1},
    {"sks13", "Sportiche et al. (2013)", 1},
    {"clc95", "Chung et al. (1995)", 0},
    {"c-05", "Collins (2005)", 0},
    {"j_71", "Jackendoff (1971)", 0},
    {"s_97", "Sag (1997)", 0},
    {"swb04", "Sag et al. (1999)", 0},
    {"w_80", "Williams (1980)", 0},
};

const char *cola_part_name(ColaPart part) {
    return part_names[part];
}

const char *cola_source_title(const char *code, int *in_domain) {
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (strcmp(titles[i].code, code) == 0) {
            if (in_domain) *in_domain = titles[i].in_domain;
            return titles[i].title;
        }
    return NULL;
}

/* --- one line ------------------------------------------------------------------------------- */

static ColaMark kind_of_mark(const char *mark) {
    for (int kind = 0; kind < COLA_MARK_OTHER; kind++)
        if (strcmp(mark, marks[kind]) == 0) return (ColaMark)kind;
    return COLA_MARK_OTHER;
}

static size_t remove_backspaces(char *sentence) {
    char *kept = sentence;
    size_t removed = 0;
    for (const char *c = sentence; *c; c++) {
        if (*c == '\b')
            removed++;
        else
            *kept++ = *c;
    }
    *kept = 0;
    return removed;
}

/* Cuts a line at its tabs into four fields; says how many there are. */
static int cut_fields(char *line, char *field[FIELDS]) {
    int fields = 0;
    for (;;) {
        if (fields < FIELDS) field[fields] = line;
        fields++;
        char *tab = strchr(line, '\t');
        if (!tab) return fields;
        if (fields < FIELDS) *tab = 0;
        line = tab + 1;
    }
}

/* The index of a source by its code, new ones appended. A release has 23. */
static Status find_source(ColaFile *file, const char *code, uint32_t *out) {
    for (size_t i = 0; i < file->sources; i++)
        if (strcmp(file->source[i].code, code) == 0) {
            *out = (uint32_t)i;
            return STATUS_OK;
        }
    if ((file->sources & (file->sources - 1)) == 0) {
        size_t capacity = file->sources ? 2 * file->sources : 1;
        ColaSource *larger = realloc(file->source, capacity * sizeof *larger);
        if (!larger) return status_fail(STATUS_MEMORY, "%s: %zu sources", file->path, capacity);
        file->source = larger;
    }
    file->source[file->sources] = (ColaSource){.code = code};
    *out = (uint32_t)file->sources++;
    return STATUS_OK;
}

static Status take_line(ColaFile *file, char *line, uint32_t number) {
    char *field[FIELDS];
    int fields = cut_fields(line, field);
    if (fields != FIELDS)
        return status_fail(STATUS_FORMAT,
                           "%s:%u: found %d fields; expected 4 separated by tabs: source, label, "
                           "author's mark, sentence",
                           file->path, number, fields);
    if (!*field[FIELD_SOURCE])
        return status_fail(STATUS_FORMAT, "%s:%u: the source is empty; expected a code like gj04",
                           file->path, number);
    const char *label = field[FIELD_LABEL];
    if ((label[0] != '0' && label[0] != '1') || label[1])
        return status_fail(STATUS_FORMAT,
                           "%s:%u: found label '%.40s'; expected 0 or 1 (the file has no header)",
                           file->path, number, label);
    size_t removed = remove_backspaces(field[FIELD_SENTENCE]);
    if (!*field[FIELD_SENTENCE])
        return status_fail(STATUS_FORMAT, "%s:%u: the sentence is empty; expected text in field 4",
                           file->path, number);

    size_t row = file->rows;
    STATUS_TRY(find_source(file, field[FIELD_SOURCE], &file->source_of[row]));
    file->sentence[row] = field[FIELD_SENTENCE];
    file->mark[row] = field[FIELD_MARK];
    file->label[row] = (uint8_t)(label[0] - '0');
    file->line[row] = number;
    file->rows++;
    file->labels[file->label[row]]++;
    ColaSource *source = &file->source[file->source_of[row]];
    source->rows++;
    source->labels[file->label[row]]++;
    ColaMark kind = kind_of_mark(field[FIELD_MARK]);
    file->quirks.backspaces += removed;
    file->quirks.marks[kind]++;
    file->quirks.unmarked += file->label[row] == 0 && kind == COLA_MARK_NONE;
    return STATUS_OK;
}

/* --- one file ------------------------------------------------------------------------------- */

static size_t count_lines(const char *text, size_t size) {
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    return lines + (size > 0 && text[size - 1] != '\n');
}

/* Both kinds of byte that no text holds, refused before anything is cut at one of them. */
static Status check_bytes(const char *path, const char *text, size_t size) {
    const char *nul = memchr(text, 0, size);
    size_t good = cola_utf8_length(text, size);
    if (!nul && good == size) return STATUS_OK;
    size_t at = nul && (size_t)(nul - text) < good ? (size_t)(nul - text) : good;
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n';
    if (text[at] == 0)
        return status_fail(STATUS_FORMAT, "%s:%zu: found a NUL byte at offset %zu; expected text",
                           path, line, at);
    return status_fail(STATUS_FORMAT,
                       "%s:%zu: found byte 0x%02x at offset %zu, which is not UTF-8; expected "
                       "UTF-8 text as published",
                       path, line, (unsigned char)text[at], at);
}

static Status count_repeats(ColaFile *file) {
    ColaIndex index;
    STATUS_TRY(cola_index_open(&index, file->sentence, file->rows));
    for (size_t row = 0; row < file->rows; row++) {
        uint32_t first = cola_index_first(&index, file->sentence[row]);
        if (first == row) continue;
        file->quirks.repeats++;
        file->quirks.contradictions += file->label[first] != file->label[row];
    }
    cola_index_close(&index);
    return STATUS_OK;
}

static Status parse_lines(ColaFile *file, char *text, size_t size) {
    size_t lines = count_lines(text, size);
    if (lines == 0)
        return status_fail(STATUS_FORMAT,
                           "%s: the file is empty; expected lines of source, label, author's mark "
                           "and sentence",
                           file->path);
    if (lines > INT32_MAX)
        return status_fail(STATUS_FORMAT, "%s: %zu lines; expected fewer than 2^31", file->path,
                           lines);
    file->sentence = calloc(lines, sizeof *file->sentence);
    file->mark = calloc(lines, sizeof *file->mark);
    file->label = calloc(lines, sizeof *file->label);
    file->source_of = calloc(lines, sizeof *file->source_of);
    file->line = calloc(lines, sizeof *file->line);
    if (!file->sentence || !file->mark || !file->label || !file->source_of || !file->line)
        return status_fail(STATUS_MEMORY, "%s: %zu lines", file->path, lines);

    uint32_t number = 0;
    char *stop = text + size;
    for (char *line = text; line < stop;) {
        char *end = memchr(line, '\n', (size_t)(stop - line));
        if (!end) {
            end = stop; /* the buffer has one byte to spare */
            file->quirks.missing_newline = 1;
        }
        char *next = end + 1;
        if (end > line && end[-1] == '\r') {
            end--;
            file->quirks.carriage_returns++;
        }
        *end = 0;
        STATUS_TRY(take_line(file, line, ++number));
        line = next;
    }
    return count_repeats(file);
}

/* `text`: size + 1 writable bytes, which now belong to the file. */
static Status adopt(const char *path, char *text, size_t size, ColaFile **out) {
    ColaFile *file = calloc(1, sizeof *file);
    if (file) file->path = strdup(path);
    if (!file || !file->path) {
        free(file);
        free(text);
        return status_fail(STATUS_MEMORY, "%s: no memory for its table", path);
    }
    file->text = text;
    Status status = check_bytes(path, text, size);
    if (status == STATUS_OK) {
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
            file->quirks.byte_order_mark = 1;
            text += 3;
            size -= 3;
        }
        status = parse_lines(file, text, size);
    }
    if (status != STATUS_OK) {
        cola_free(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

static Status read_whole(const char *path, char **text, size_t *size) {
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return status_fail(STATUS_IO,
                           "%s: cannot open: %s; expected a file of the CoLA release 1.1 "
                           "(`make data` fetches it)",
                           path, strerror(errno));
    Status status = STATUS_OK;
    size_t capacity = 1 << 16, used = 0;
    char *bytes = malloc(capacity);
    while (bytes) {
        used += fread(bytes + used, 1, capacity - used - 1, stream);
        if (used < capacity - 1) break;
        char *larger = realloc(bytes, 2 * capacity);
        if (!larger) free(bytes);
        bytes = larger;
        capacity *= 2;
    }
    if (!bytes)
        status = status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, capacity);
    else if (ferror(stream))
        status = status_fail(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    fclose(stream);
    if (status != STATUS_OK) {
        free(bytes);
        return status;
    }
    *text = bytes;
    *size = used;
    return STATUS_OK;
}

Status cola_load(const char *path, ColaFile **out) {
    *out = NULL;
    char *text = NULL;
    size_t size = 0;
    STATUS_TRY(read_whole(path, &text, &size));
    return adopt(path, text, size, out);
}

Status cola_parse(const char *path, const char *bytes, size_t size, ColaFile **out) {
    *out = NULL;
    char *text = malloc(size + 1);
    if (!text) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, size);
    memcpy(text, bytes, size);
    return adopt(path, text, size, out);
}

Status cola_load_part(const char *folder, ColaForm form, ColaPart part, ColaFile **out) {
    *out = NULL;
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s/%s.tsv", folder,
                          form == COLA_RAW ? "raw" : "tokenized", part_names[part]);
    if (length < 0 || (size_t)length >= sizeof path)
        return status_fail(STATUS_ARGUMENT, "%.200s...: a folder's name of %d bytes is too long",
                           folder, length);
    return cola_load(path, out);
}

void cola_free(ColaFile *file) {
    if (!file) return;
    free(file->path);
    free(file->sentence);
    free(file->mark);
    free(file->label);
    free(file->source_of);
    free(file->line);
    free(file->source);
    free(file->text);
    free(file);
}
