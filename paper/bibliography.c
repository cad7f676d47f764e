/* bibliography: the cited works of references.bib, in the order in which the text cites them.
 *
 * BibTeX would cost a program and a run of TeX, and its styles know no Persian; fifteen kinds of
 * field are all that is needed here. Values may be braced, quoted or bare, with TeX inside.
 */
#define _GNU_SOURCE
#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 24 };

typedef struct {
    char type[32], key[128];
    char field[FIELDS_MAX][32];
    char *value[FIELDS_MAX];
    int fields, line;
} Entry;

typedef struct {
    Entry *all;
    size_t count;
    const char *path;
} Library;

typedef struct {
    const char *text, *at;
    const char *path;
} Reader;

static int line_of(const Reader *reader) {
    int line = 1;
    for (const char *c = reader->text; c < reader->at; c++) line += *c == '\n';
    return line;
}

static Status wrong(const Reader *reader, const char *expected) {
    size_t length = strcspn(reader->at, "\n");
    return status_fail(STATUS_FORMAT, "%s:%d: expected %s, found '%.*s'", reader->path,
                       line_of(reader), expected, (int)(length > 40 ? 40 : length), reader->at);
}

static void skip_space(Reader *reader) {
    for (;;) {
        while (isspace((unsigned char)*reader->at)) reader->at++;
        if (*reader->at != '%') return;
        reader->at += strcspn(reader->at, "\n");
    }
}

static Status read_word(Reader *reader, char *out, size_t size) {
    skip_space(reader);
    size_t length = 0;
    while (isalnum((unsigned char)reader->at[length]) ||
           (reader->at[length] && strchr("_-:./+", reader->at[length])))
        length++;
    if (length == 0 || length >= size) return wrong(reader, "a name");
    memcpy(out, reader->at, length);
    out[length] = 0;
    reader->at += length;
    return STATUS_OK;
}

static Status read_sign(Reader *reader, char sign) {
    char expected[4] = {'\'', sign, '\'', 0};
    skip_space(reader);
    if (*reader->at != sign) return wrong(reader, expected);
    reader->at++;
    return STATUS_OK;
}

/* A value in braces, in quotes, or a bare word; runs of white space become one space. */
static Status read_value(Reader *reader, char **out) {
    skip_space(reader);
    const char *start = reader->at, *end;
    if (*start == '{' || *start == '"') {
        int quoted = *start == '"', depth = 0;
        end = ++start;
        for (; *end; end++) {
            if (*end == '\\' && end[1])
                end++;
            else if (quoted && *end == '"' && depth == 0)
                break;
            else if (*end == '{')
                depth++;
            else if (*end == '}' && depth-- == 0)
                break;
        }
        if (!*end) return wrong(reader, "a value that ends");
        reader->at = end + 1;
    } else {
        end = start;
        while (isalnum((unsigned char)*end)) end++;
        if (end == start) return wrong(reader, "a value");
        reader->at = end;
    }
    Text value = {0};
    for (const char *c = start; c < end; c++) {
        int space = isspace((unsigned char)*c);
        if (space && (value.used == 0 || value.bytes[value.used - 1] == ' ')) continue;
        text_add(&value, space ? " " : c, 1);
    }
    if (value.failed) return status_fail(STATUS_MEMORY, "%s: no memory", reader->path);
    *out = value.bytes ? value.bytes : strdup("");
    return STATUS_OK;
}

static Status read_entry(Reader *reader, Entry *entry) {
    *entry = (Entry){.line = line_of(reader)};
    STATUS_TRY(read_sign(reader, '@'));
    STATUS_TRY(read_word(reader, entry->type, sizeof entry->type));
    STATUS_TRY(read_sign(reader, '{'));
    STATUS_TRY(read_word(reader, entry->key, sizeof entry->key));
    for (skip_space(reader); *reader->at == ','; skip_space(reader)) {
        reader->at++;
        skip_space(reader);
        if (*reader->at == '}') break;
        if (entry->fields == FIELDS_MAX) return wrong(reader, "fewer fields");
        STATUS_TRY(read_word(reader, entry->field[entry->fields], 32));
        STATUS_TRY(read_sign(reader, '='));
        STATUS_TRY(read_value(reader, &entry->value[entry->fields]));
        entry->fields++;
    }
    return read_sign(reader, '}');
}

static void entry_free(Entry *entry) {
    for (int i = 0; i < entry->fields; i++) free(entry->value[i]);
}

static Status library_read(const char *path, const Text *text, Library *out) {
    Reader reader = {.text = text_bytes(text), .at = text_bytes(text), .path = path};
    for (skip_space(&reader); *reader.at; skip_space(&reader)) {
        Entry entry;
        Status status = read_entry(&reader, &entry);
        Entry *grown =
            status == STATUS_OK ? realloc(out->all, (out->count + 1) * sizeof *grown) : NULL;
        if (status == STATUS_OK && !grown)
            status = status_fail(STATUS_MEMORY, "%s: no memory", path);
        if (status != STATUS_OK) {
            entry_free(&entry);
            return status;
        }
        out->all = grown;
        out->all[out->count++] = entry;
    }
    return STATUS_OK;
}

static const char *value_of(const Entry *entry, const char *field) {
    for (int i = 0; i < entry->fields; i++)
        if (strcmp(entry->field[i], field) == 0) return entry->value[i];
    return NULL;
}

/* "Vaswani, Ashish and Shazeer, Noam and ..." as "Ashish Vaswani, Noam Shazeer, ... and X". */
static void add_authors(const char *authors, Text *out) {
    enum { SHOWN = 6 };
    int count = 1, number = 0;
    for (const char *at = authors; (at = strstr(at, " and ")); at += 5) count++;
    for (const char *at = authors; at;) {
        const char *end = strstr(at, " and ");
        const char *stop = end ? end : at + strlen(at);
        const char *comma = memchr(at, ',', (size_t)(stop - at));
        number++;
        if (count > SHOWN && number == SHOWN) {
            text_puts(out, " et~al.");
            return;
        }
        if (number > 1) text_puts(out, number == count ? (count > 2 ? ", and " : " and ") : ", ");
        if (comma) {
            const char *first = comma + 1 + strspn(comma + 1, " ");
            text_add(out, first, (size_t)(stop - first));
            text_puts(out, " ");
            text_add(out, at, (size_t)(comma - at));
        } else {
            text_add(out, at, (size_t)(stop - at));
        }
        at = end ? end + 5 : NULL;
    }
}

static void add_field(const Entry *entry, const char *field, const char *before, const char *after,
                      Text *out) {
    const char *value = value_of(entry, field);
    if (value) text_printf(out, "%s%s%s", before, value, after);
}

static void add_entry(const Entry *entry, Text *out) {
    text_printf(out, "\\bibitem{%s}\n", entry->key);
    const char *author = value_of(entry, "author");
    if (author) {
        add_authors(author, out);
        int stop = out->used && out->bytes[out->used - 1] == '.';
        text_puts(out, stop ? " " : ". ");
    }
    add_field(entry, "title", "", "", out);
    text_puts(out, strchr("?!.", out->bytes[out->used - 1]) ? " " : ". ");
    const char *place = value_of(entry, "booktitle");
    if (place) text_printf(out, "In \\emph{%s}", place);
    if (!place && (place = value_of(entry, "journal"))) text_printf(out, "\\emph{%s}", place);
    if (!place && (place = value_of(entry, "publisher"))) text_puts(out, place);
    if (!place && (place = value_of(entry, "howpublished"))) text_puts(out, place);
    const char *journal = value_of(entry, "journal");
    add_field(entry, "volume", journal ? " " : ", vol.~", "", out);
    if (journal) add_field(entry, "number", "(", ")", out);
    add_field(entry, "pages", place ? ", pp.~" : "pp.~", "", out);
    add_field(entry, "year", out->bytes[out->used - 1] == ' ' ? "" : ", ", "", out);
    text_puts(out, ".");
    add_field(entry, "note", " ", ".", out);
    add_field(entry, "eprint", " arXiv:", ".", out);
    add_field(entry, "doi", " \\url{https://doi.org/", "}.", out);
    add_field(entry, "url", " \\url{", "}.", out);
    text_puts(out, "\n");
}

static const Entry *library_find(const Library *library, const char *key) {
    for (size_t i = 0; i < library->count; i++)
        if (strcmp(library->all[i].key, key) == 0) return &library->all[i];
    return NULL;
}

static void add_cited(Report *report, const Library *library, Text *out) {
    Names keys = {0};
    for (size_t i = 0; i < library->count; i++) names_add(&keys, library->all[i].key);
    text_printf(out, "\\begin{thebibliography}{%d}\n", report->cites.count < 10 ? 9 : 99);
    for (size_t i = 0; i < report->cites.count; i++) {
        const Use *use = &report->cites.all[i];
        const Entry *entry = library_find(library, use->name);
        const char *nearest = names_nearest(&keys, use->name);
        if (entry)
            add_entry(entry, out);
        else
            report_problem(report, use->file, use->line, "no entry '%s' in %s; nearest '%s'",
                           use->name, library->path, nearest ? nearest : "");
    }
    text_puts(out, "\\end{thebibliography}\n");
    names_free(&keys);
}

Status bibliography_write(Report *report) {
    Text path = {0}, out = {0}, text;
    text_printf(&path, "%s/references.bib", report->options.paper);
    Library library = {.path = text_bytes(&path)};
    Status status = text_load(text_bytes(&path), &text);
    if (status == STATUS_OK) status = library_read(text_bytes(&path), &text, &library);
    if (status == STATUS_OK) {
        if (report->cites.count) add_cited(report, &library, &out);
        char *file = NULL;
        if (asprintf(&file, "%s/bibliography.tex", report->options.out) < 0)
            status = status_fail(STATUS_MEMORY, "bibliography: no memory");
        else
            status = text_save(file, &out);
        free(file);
    }
    for (size_t i = 0; i < library.count; i++) entry_free(&library.all[i]);
    free(library.all);
    text_free(&path);
    text_free(&text);
    text_free(&out);
    return status;
}
