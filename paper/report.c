#define _GNU_SOURCE
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- uses ---------------------------------------------------------------------------------- */

const Use *uses_find(const Uses *uses, const char *name) {
    for (size_t i = 0; i < uses->count; i++)
        if (strcmp(uses->all[i].name, name) == 0) return &uses->all[i];
    return NULL;
}

int uses_add(Uses *uses, const char *name, const char *file, int line) {
    if (uses_find(uses, name)) return 0;
    if (uses->count == uses->capacity) {
        size_t capacity = uses->capacity ? 2 * uses->capacity : 16;
        Use *grown = realloc(uses->all, capacity * sizeof *grown);
        if (!grown) return 0;
        uses->all = grown;
        uses->capacity = capacity;
    }
    Use use = {.name = strdup(name), .file = strdup(file), .line = line};
    if (!use.name || !use.file) {
        free(use.name);
        free(use.file);
        return 0;
    }
    uses->all[uses->count++] = use;
    return 1;
}

void uses_free(Uses *uses) {
    for (size_t i = 0; i < uses->count; i++) {
        free(uses->all[i].name);
        free(uses->all[i].file);
    }
    free(uses->all);
    *uses = (Uses){0};
}

/* --- problems, labels, badges ---------------------------------------------------------------- */

void report_problem(Report *report, const char *file, int line, const char *format, ...) {
    char message[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_printf(&report->problems, "%s:%d: %s\n", file, line, message);
    report->problem_count++;
}

const char *report_label(Report *report, const char *key) {
    const char *text = labels_find(&report->labels, key);
    if (text) return text;
    report_problem(report, report->labels.files[0]->path, 1, "no label '%s' in this language", key);
    return key;
}

void report_add_badge(Report *report, const Source *source, Text *out) {
    char day[11];
    snprintf(day, sizeof day, "%s", source_run(source, "date"));
    if (source->local) {
        text_puts(out, "\\BadgeHere{");
    } else {
        text_puts(out, "\\BadgeRecorded{");
        text_add_code(out, source->machine);
        text_puts(out, "}{");
    }
    text_add_escaped(out, day);
    text_puts(out, "}");
    (void)report;
}

void report_add_badges(Report *report, const char *experiments, Text *out) {
    Names seen = {0};
    for (const char *at = experiments; *at;) {
        char name[64];
        int length = (int)strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", length, at);
        at += length + (at[length] == ' ');
        const Source *source = sources_find(&report->sources, name);
        if (!source) continue;
        Text badge = {0};
        report_add_badge(report, source, &badge);
        if (names_find(&seen, text_bytes(&badge)) < 0) {
            if (seen.count) text_puts(out, "\\quad ");
            text_puts(out, text_bytes(&badge));
            names_add(&seen, text_bytes(&badge));
        }
        text_free(&badge);
    }
    names_free(&seen);
}

/* --- the life of a report -------------------------------------------------------------------- */

static void check_labels(Report *report) {
    const Labels *labels = &report->labels;
    size_t file = 0, first_file;
    int row = -1, first_row;
    while (labels_repeated(labels, &file, &row, &first_file, &first_row)) {
        const Tsv *again = labels->files[file], *first = labels->files[first_file];
        report_problem(report, again->path, again->lines[row], "label '%s' is already in %s:%d",
                       tsv_text(again, row, 0), first->path, first->lines[first_row]);
    }
}

Status report_begin(Report *report, const ReportOptions *options) {
    *report = (Report){.options = *options};
    Text path = {0};
    text_printf(&path, "%s/%s", options->paper, options->language);
    Status status = labels_open(text_bytes(&path), &report->labels);
    text_free(&path);
    if (status == STATUS_OK) status = sources_open(options->results, &report->sources);
    if (status != STATUS_OK) {
        report_end(report);
        return status;
    }
    text_puts(&report->quoted, "fact\ttext\twhere\n");
    check_labels(report);
    return STATUS_OK;
}

static Status save_in(const Report *report, const char *name, const Text *text) {
    Text path = {0};
    text_printf(&path, "%s/%s", report->options.out, name);
    Status status = text_save(text_bytes(&path), text);
    text_free(&path);
    return status;
}

static Status expand_one(Report *report, const char *name) {
    Text path = {0}, source, out = {0};
    text_printf(&path, "%s/%s/%s.tex", report->options.paper, report->options.language, name);
    Status status = text_load(text_bytes(&path), &source);
    if (status == STATUS_OK) {
        text_printf(&out, "\\immediate\\write16{==> %s}", text_bytes(&path));
        expand_text(report, text_bytes(&path), text_bytes(&source), source.used, &out);
        text_puts(&out, "\\immediate\\write16{<== }\n");
        /* log.h reads these marks; they stand on the file's own lines, so that none is moved. */
        char *file = NULL;
        if (asprintf(&file, "%s.tex", name) < 0)
            status = status_fail(STATUS_MEMORY, "%s: no memory", name);
        else
            status = save_in(report, file, &out);
        free(file);
    }
    text_free(&path);
    text_free(&source);
    text_free(&out);
    return status;
}

Status report_expand(Report *report, const char *name) {
    uses_add(&report->files, name, name, 0);
    /* Each file may add further ones to the list. */
    for (size_t i = 0; i < report->files.count; i++) {
        const Use use = report->files.all[i];
        if (expand_one(report, use.name) == STATUS_OK) continue;
        if (i == 0) return STATUS_IO;
        report_problem(report, use.file, use.line, "%s", status_message());
    }
    return STATUS_OK;
}

static void check_references(Report *report) {
    Names known = {0};
    for (size_t i = 0; i < report->labels_set.count; i++)
        names_add(&known, report->labels_set.all[i].name);
    for (size_t i = 0; i < report->references.count; i++) {
        const Use *use = &report->references.all[i];
        if (uses_find(&report->labels_set, use->name)) continue;
        const char *nearest = names_nearest(&known, use->name);
        if (nearest)
            report_problem(report, use->file, use->line,
                           "no \\label{%s} in the report; the nearest is '%s'", use->name, nearest);
        else
            report_problem(report, use->file, use->line, "no \\label{%s} in the report", use->name);
    }
    names_free(&known);
}

static Status write_tables(Report *report) {
    for (size_t i = 0; i < report->tables.count; i++) {
        const Use use = report->tables.all[i];
        Text table = {0};
        char *file = NULL;
        Status status = table_write(report, use.name, &table);
        if (status != STATUS_OK)
            report_problem(report, use.file, use.line, "%s", status_message());
        else if (asprintf(&file, "tables/%s.tex", use.name) < 0)
            status = status_fail(STATUS_MEMORY, "%s: no memory", use.name);
        else
            status = save_in(report, file, &table);
        free(file);
        text_free(&table);
        if (status == STATUS_IO || status == STATUS_MEMORY) return status;
    }
    return STATUS_OK;
}

static const char *verdict_word(const ClaimVerdict *verdict) {
    switch (verdict->kind) {
    case CLAIM_HOLDS:
        return "holds";
    case CLAIM_FAILS:
        return "not established";
    case CLAIM_MISSING:
        return "not established: missing fact";
    }
    return "";
}

static Status write_claims(Report *report) {
    Text table = {0};
    text_puts(&table, "number\tfile\tline\tverdict\tmissing\tpredicate\n");
    for (size_t i = 0; i < report->claim_count; i++) {
        const Claim *claim = &report->claims[i];
        text_printf(&table, "%d\t%s\t%d\t%s\t%s\t", claim->number, claim->file, claim->line,
                    verdict_word(&claim->verdict), claim->verdict.missing);
        for (const char *c = claim->predicate; *c; c++) /* a field holds neither tab nor newline */
            text_add(&table, *c == '\n' || *c == '\t' ? " " : c, 1);
        text_puts(&table, "\n");
    }
    Status status = save_in(report, "claims.tsv", &table);
    text_free(&table);
    return status;
}

/* --- the student ----------------------------------------------------------------------------- */

/* The text of \newcommand{\<command>}{...} in identity.tex, which is read by TeX's own rules only
 * so far: one line, no braces inside. */
static int identity_value(const Text *identity, const char *command, char *out, size_t size) {
    Text wanted = {0};
    text_printf(&wanted, "\\newcommand{\\%s}{", command);
    const char *at = strstr(text_bytes(identity), text_bytes(&wanted));
    if (at) {
        at += wanted.used;
        snprintf(out, size, "%.*s", (int)strcspn(at, "}\n"), at);
    }
    text_free(&wanted);
    return at != NULL;
}

/* 1 when the first letter is of the Arabic script (U+0600 to U+06FF in UTF-8). */
static int is_persian(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c >= 0xd8 && *c <= 0xdb) return 1;
        if ((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z')) return 0;
    }
    return 0;
}

static Status write_identity(Report *report) {
    const ReportOptions *options = &report->options;
    Text path = {0}, file, out = {0};
    char name[256], id[128];
    text_printf(&path, "%s/identity.tex", options->paper);
    Status status = text_load(text_bytes(&path), &file);
    const char *command =
        strcmp(options->language, "fa") == 0 ? "StudentNamePersian" : "StudentName";
    if (status == STATUS_OK && (!identity_value(&file, command, name, sizeof name) ||
                                !identity_value(&file, "StudentNumber", id, sizeof id)))
        status = status_fail(STATUS_FORMAT,
                             "%s: expected \\newcommand{\\%s}{...} and "
                             "\\newcommand{\\StudentNumber}{...}",
                             text_bytes(&path), command);
    if (status == STATUS_OK) {
        if (options->name) snprintf(name, sizeof name, "%s", options->name);
        if (options->id) snprintf(id, sizeof id, "%s", options->id);
        text_printf(&out, "\\newcommand{\\StudentName}{\\%s{",
                    is_persian(name) ? "PersianWords" : "LatinWords");
        text_add_escaped(&out, name);
        text_puts(&out, "}}\n\\newcommand{\\StudentPlainName}{");
        text_add_escaped(&out, name);
        text_puts(&out, "}\n\\newcommand{\\StudentNumber}{\\LatinWords{");
        text_add_escaped(&out, id);
        text_puts(&out, "}}\n\\newcommand{\\StudentPlainNumber}{");
        text_add_escaped(&out, id);
        text_puts(&out, "}\n");
        status = save_in(report, "identity.tex", &out);
    }
    if (status == STATUS_OK) {
        text_free(&out);
        text_printf(&out, "name\t%s\nid\t%s\n", name, id);
        status = save_in(report, "identity.tsv", &out);
    }
    text_free(&path);
    text_free(&file);
    text_free(&out);
    return status;
}

Status report_finish(Report *report) {
    check_references(report);
    STATUS_TRY(write_identity(report));
    STATUS_TRY(write_claims(report));
    STATUS_TRY(write_tables(report));
    STATUS_TRY(figures_write(report));
    if (report->has_bibliography) STATUS_TRY(bibliography_write(report));
    STATUS_TRY(save_in(report, "quoted.tsv", &report->quoted));
    if (report->problems.failed)
        return status_fail(STATUS_MEMORY, "no memory for the list of problems");
    if (report->problem_count)
        return status_fail(STATUS_FORMAT, "%d problem%s in the report's sources",
                           report->problem_count, report->problem_count > 1 ? "s" : "");
    return STATUS_OK;
}

void report_end(Report *report) {
    for (size_t i = 0; i < report->claim_count; i++) {
        free(report->claims[i].file);
        free(report->claims[i].predicate);
        free(report->claims[i].sentence);
    }
    free(report->claims);
    Uses *const uses[] = {&report->files,    &report->figures,    &report->tables,
                          &report->cites,    &report->references, &report->labels_set,
                          &report->excerpts, &report->left_out};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) uses_free(uses[i]);
    sources_close(&report->sources);
    labels_close(&report->labels);
    text_free(&report->problems);
    text_free(&report->quoted);
    *report = (Report){0};
}
