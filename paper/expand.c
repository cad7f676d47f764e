/* expand: the macros of the report, replaced in the text of one source file. */
#define _GNU_SOURCE
#include "number.h"
#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Report *report;
    const char *path;
    const char *text; /* the whole file, for line numbers */
} Scan;

typedef struct {
    const char *start, *stop;
} Slice;

static int line_of(const Scan *scan, const char *at) {
    int line = 1;
    for (const char *c = scan->text; c < at; c++) line += *c == '\n';
    return line;
}

static int column_of(const Scan *scan, const char *at) {
    const char *start = at;
    while (start > scan->text && start[-1] != '\n') start--;
    return (int)(at - start) + 1;
}

static char *copy_of(Slice slice) {
    while (slice.start < slice.stop && isspace((unsigned char)*slice.start)) slice.start++;
    while (slice.stop > slice.start && isspace((unsigned char)slice.stop[-1])) slice.stop--;
    size_t length = (size_t)(slice.stop - slice.start);
    char *copy = malloc(length + 1);
    if (!copy) return NULL;
    memcpy(copy, slice.start, length);
    copy[length] = 0;
    return copy;
}

/* The end of a comment that begins at `at` (its newline), or `stop`. */
static const char *comment_end(const char *at, const char *stop) {
    while (at < stop && *at != '\n') at++;
    return at;
}

/* Reads one argument in braces, after white space; moves *at behind it. */
static int read_group(const char **at, const char *stop, Slice *out) {
    const char *c = *at;
    while (c < stop && isspace((unsigned char)*c)) c++;
    if (c >= stop || *c != '{') return 0;
    out->start = ++c;
    for (int depth = 1; c < stop; c++) {
        if (*c == '\\' && c + 1 < stop) {
            c++;
        } else if (*c == '[' && c + 1 < stop && c[1] == '%') {
            while (c + 1 < stop && *c != ']' && *c != '\n') c++; /* a format, not a comment */
        } else if (*c == '%') {
            c = comment_end(c, stop) - 1;
        } else if (*c == '{') {
            depth++;
        } else if (*c == '}' && --depth == 0) {
            out->stop = c;
            *at = c + 1;
            return 1;
        }
    }
    return 0;
}

/* The same for [...]; a % is no comment here, since formats hold it. */
static int read_option(const char **at, const char *stop, Slice *out) {
    const char *c = *at;
    if (c >= stop || *c != '[') return 0;
    out->start = ++c;
    while (c < stop && *c != ']' && *c != '\n') c++;
    if (c >= stop || *c != ']') return 0;
    out->stop = c;
    *at = c + 1;
    return 1;
}

static void expand_slice(Scan *scan, Slice slice, Text *out);

/* A line of the output stays the same line of the source: line breaks that a replacement swallows
 * come back as comments, which TeX does not see. */
static void keep_lines(Text *out, const char *from, const char *to) {
    for (; from < to; from++)
        if (*from == '\n') text_puts(out, "%\n");
}

static void keep_lines_after(Text *out, const char *from, const char *to) {
    size_t before = out->used;
    keep_lines(out, from, to);
    if (out->used > before) text_puts(out, "{}"); /* so that a following space is not skipped */
}

static void unknown_fact(Scan *scan, const char *at, const char *name) {
    const char *nearest = names_nearest(&scan->report->sources.fact_names, name);
    if (nearest)
        report_problem(scan->report, scan->path, line_of(scan, at),
                       "no results hold a fact '%s'; the nearest name is '%s'", name, nearest);
    else
        report_problem(scan->report, scan->path, line_of(scan, at),
                       "no results hold a fact '%s'; there are none in %s/local or %s/recorded",
                       name, scan->report->options.results, scan->report->options.results);
}

/* Digits alone, in groups: how many there are of something, and no measure with a fraction or a
 * unit. Persian prose writes it in Persian digits. */
static int is_count(const char *number) {
    return *number && number[strspn(number, "0123456789,")] == 0;
}

static void count_typeset(const char *plain, Text *out) {
    text_puts(out, "\\Count{");
    for (; *plain; plain++)
        if (*plain == ',')
            text_puts(out, "\\Thousands{}");
        else
            text_add(out, plain, 1);
    text_puts(out, "}");
}

static void expand_fact(Scan *scan, const char *at, NumberPart part, const char *format,
                        const char *name, Text *out) {
    Report *report = scan->report;
    const Fact *fact = sources_fact(&report->sources, name);
    if (!fact) {
        unknown_fact(scan, at, name);
        return;
    }
    Text plain = {0};
    if (number_text(fact, part, format, &plain) == STATUS_OK) {
        if (is_count(text_bytes(&plain)))
            count_typeset(text_bytes(&plain), out);
        else
            number_typeset(text_bytes(&plain), out);
        text_printf(&report->quoted, "%s\t%s\t%s:%d\n", name, text_bytes(&plain), scan->path,
                    line_of(scan, at));
    } else {
        report_problem(report, scan->path, line_of(scan, at), "%s", status_message());
    }
    text_free(&plain);
}

static void predicate_problem(Scan *scan, Slice predicate, size_t offset) {
    const char *at = predicate.start;
    while (at < predicate.stop && isspace((unsigned char)*at)) at++;
    at += offset;
    report_problem(scan->report, scan->path, line_of(scan, at), "column %d: claim: %s",
                   column_of(scan, at), status_message());
}

static void expand_claim(Scan *scan, const char *at, Slice predicate, Slice sentence, Text *out) {
    Report *report = scan->report;
    char *copy = copy_of(predicate), *words = copy_of(sentence), *file = strdup(scan->path);
    Claim *grown = realloc(report->claims, (report->claim_count + 1) * sizeof *grown);
    if (grown) report->claims = grown;
    if (!copy || !words || !file || !grown) {
        out->failed = 1;
        free(copy);
        free(words);
        free(file);
        return;
    }
    Claim *claim = &report->claims[report->claim_count++];
    *claim = (Claim){.number = (int)report->claim_count,
                     .file = file,
                     .line = line_of(scan, at),
                     .predicate = copy,
                     .sentence = words};
    int number = claim->number;
    if (claim_evaluate(&report->sources, copy, &claim->verdict) != STATUS_OK) {
        predicate_problem(scan, predicate, claim->verdict.offset);
        return;
    }
    ClaimKind kind = claim->verdict.kind;
    keep_lines(out, at, sentence.start);
    text_printf(out, "\\ClaimMark{%d}", number);
    if (kind == CLAIM_HOLDS) {
        expand_slice(scan, sentence, out);
    } else {
        text_puts(out, "\\NotEstablished{}");
        keep_lines_after(out, sentence.start, sentence.stop);
    }
}

static void expand_excerpt(Scan *scan, const char *at, const char *path, const char *marker,
                           Text *out) {
    Report *report = scan->report;
    Text code = {0}, file = {0};
    int line = 0;
    if (strncmp(path, "src/", 4) && strncmp(path, "bench/", 6) &&
        strncmp(path, "experiments/", 12)) {
        report_problem(report, scan->path, line_of(scan, at),
                       "excerpt of '%s'; expected a file in src/, bench/ or experiments/", path);
    } else if (excerpt_find(report->options.root, path, marker, &code, &line) != STATUS_OK) {
        report_problem(report, scan->path, line_of(scan, at), "%s", status_message());
    } else {
        text_printf(&file, "%s/excerpts/%s.c", report->options.out, marker);
        uses_add(&report->excerpts, path, scan->path, line_of(scan, at));
        if (text_save(text_bytes(&file), &code) != STATUS_OK)
            report_problem(report, scan->path, line_of(scan, at), "%s", status_message());
        text_puts(out, "\\Excerpt{");
        text_add_code(out, path);
        text_printf(out, "}{%d}{%s}", line, text_bytes(&file));
    }
    text_free(&code);
    text_free(&file);
}

static void expand_result(Scan *scan, const char *at, int is_figure, const char *name,
                          Slice caption, const char *label, Text *out) {
    Report *report = scan->report;
    int line = line_of(scan, at), is_long = 0;
    Text measured_by = {0}; /* the experiments whose badges stand beside it */
    if (!uses_add(&report->labels_set, label, scan->path, line))
        report_problem(report, scan->path, line, "label '%s' is already set in %s:%d", label,
                       uses_find(&report->labels_set, label)->file,
                       uses_find(&report->labels_set, label)->line);
    if (is_figure) {
        if (figure_check(report, name, &measured_by) != STATUS_OK) {
            report_problem(report, scan->path, line, "%s", status_message());
            text_free(&measured_by);
            return;
        }
        uses_add(&report->figures, name, scan->path, line);
        text_printf(out, "\\ResultFigure{%s/%s.pdf}", report->options.figures, name);
    } else {
        const char *experiments;
        if (!table_exists(name, &experiments, &is_long)) {
            report_problem(report, scan->path, line,
                           "there is no table '%s'; the nearest name is '%s'", name,
                           table_nearest(name));
            return;
        }
        if (experiments) {
            char first[64];
            snprintf(first, sizeof first, "%.*s", (int)strcspn(experiments, " "), experiments);
            if (!sources_find(&report->sources, first)) {
                report_problem(report, scan->path, line,
                               "table '%s' needs results of %s, and there are none", name, first);
                return;
            }
            text_puts(&measured_by, experiments);
        }
        uses_add(&report->tables, name, scan->path, line);
        text_printf(out, "\\%s{%s/tables/%s.tex}", is_long ? "ResultLongTable" : "ResultTable",
                    report->options.out, name);
    }
    text_puts(out, "{");
    expand_slice(scan, caption, out);
    text_puts(out, "}{");
    text_puts(out, label);
    text_puts(out, "}{");
    report_add_badges(report, text_bytes(&measured_by), out);
    text_puts(out, "}");
    text_free(&measured_by);
}

static void expand_chapter(Scan *scan, const char *at, const char *question, Text *out) {
    Report *report = scan->report;
    if (!sources_cover(&report->sources, question)) {
        uses_add(&report->left_out, question, scan->path, line_of(scan, at));
        return;
    }
    uses_add(&report->files, question, scan->path, line_of(scan, at));
    text_printf(out, "\\BeginQuestion{%d}\\input{%s/%s.tex}", atoi(question + 1),
                report->options.out, question);
}

static void expand_input(Scan *scan, const char *at, const char *name, Text *out) {
    Report *report = scan->report;
    Text path = {0};
    text_printf(&path, "%s/%s/%s.tex", report->options.paper, report->options.language, name);
    if (text_file_exists(text_bytes(&path))) {
        uses_add(&report->files, name, scan->path, line_of(scan, at));
        text_printf(out, "\\input{%s/%s.tex}", report->options.out, name);
    } else if (strcmp(name, "identity") == 0) { /* written by report_finish */
        text_printf(out, "\\input{%s/%s.tex}", report->options.out, name);
    } else {
        report_problem(report, scan->path, line_of(scan, at), "\\input{%s}: there is no %s", name,
                       text_bytes(&path));
    }
    text_free(&path);
}

static int any_cards(const Report *report) {
    int any = 0;
    static const char *const files[] = {"card", "cards"}; /* of one training, of a grid of them */
    for (size_t i = 0; i < 2 * report->sources.count && !any; i++) {
        Text path = {0};
        text_printf(&path, "%s/%s.tsv", report->sources.all[i / 2].folder, files[i % 2]);
        any = text_file_exists(text_bytes(&path));
        text_free(&path);
    }
    return any;
}

/* \cite{a,b}, \ref{c}, \label{d}: remembered and left as they are. */
static void note_names(Scan *scan, const char *at, Uses *uses, Slice names) {
    for (const char *start = names.start; start < names.stop;) {
        const char *comma = start;
        while (comma < names.stop && *comma != ',') comma++;
        char *name = copy_of((Slice){start, comma});
        if (name && *name && !uses_add(uses, name, scan->path, line_of(scan, at)) &&
            uses == &scan->report->labels_set)
            report_problem(scan->report, scan->path, line_of(scan, at),
                           "label '%s' is already set in %s:%d", name, uses_find(uses, name)->file,
                           uses_find(uses, name)->line);
        free(name);
        start = comma + 1;
    }
}

typedef enum {
    MACRO_FACT,
    MACRO_RANGE,
    MACRO_LOW,
    MACRO_HIGH,
    MACRO_CLAIM,
    MACRO_EXCERPT,
    MACRO_FIGURE,
    MACRO_TABLE,
    MACRO_CHAPTER,
    MACRO_INPUT,
    MACRO_CARDS,
    MACRO_IF,
    MACRO_BIBLIOGRAPHY,
    MACRO_CITE,
    MACRO_REF,
    MACRO_LABEL
} MacroKind;

typedef struct {
    const char *name;
    MacroKind kind;
    int groups;
} Macro;

static const Macro macros[] = {
    {"fact", MACRO_FACT, 1},
    {"factrange", MACRO_RANGE, 1},
    {"factlow", MACRO_LOW, 1},
    {"facthigh", MACRO_HIGH, 1},
    {"claim", MACRO_CLAIM, 2},
    {"excerpt", MACRO_EXCERPT, 2},
    {"resultfigure", MACRO_FIGURE, 3},
    {"resulttable", MACRO_TABLE, 3},
    {"questionchapter", MACRO_CHAPTER, 1},
    {"input", MACRO_INPUT, 1},
    {"cardsappendix", MACRO_CARDS, 1},
    {"ifexperiment", MACRO_IF, 3},
    {"bibliography", MACRO_BIBLIOGRAPHY, 1},
    {"cite", MACRO_CITE, 1},
    {"ref", MACRO_REF, 1},
    {"pageref", MACRO_REF, 1},
    {"eqref", MACRO_REF, 1},
    {"autoref", MACRO_REF, 1},
    {"label", MACRO_LABEL, 1},
};

static const Macro *macro_at(const char *at, const char *stop, const char **after) {
    const char *end = at + 1;
    while (end < stop && isalpha((unsigned char)*end)) end++;
    size_t length = (size_t)(end - at) - 1;
    *after = end;
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        if (strlen(macros[i].name) == length && strncmp(macros[i].name, at + 1, length) == 0)
            return &macros[i];
    return NULL;
}

/* Replaces the macro whose arguments are given. What it needs as plain names is copied. */
static void expand_macro(Scan *scan, const Macro *macro, const char *at, const char *after,
                         const char *format, const Slice *groups, Text *out) {
    Report *report = scan->report;
    char *first = copy_of(groups[0]);
    char *last = macro->groups > 1 ? copy_of(groups[macro->groups - 1]) : strdup("");
    size_t begin = out->used;
    if (!first || !last) {
        out->failed = 1;
    } else {
        switch (macro->kind) {
        case MACRO_FACT:
            expand_fact(scan, at, NUMBER_VALUE, format, first, out);
            break;
        case MACRO_RANGE:
            expand_fact(scan, at, NUMBER_RANGE, format, first, out);
            break;
        case MACRO_LOW:
            expand_fact(scan, at, NUMBER_LOW, format, first, out);
            break;
        case MACRO_HIGH:
            expand_fact(scan, at, NUMBER_HIGH, format, first, out);
            break;
        case MACRO_CLAIM:
            expand_claim(scan, at, groups[0], groups[1], out);
            break;
        case MACRO_EXCERPT:
            expand_excerpt(scan, at, first, last, out);
            break;
        case MACRO_FIGURE:
            expand_result(scan, at, 1, first, groups[1], last, out);
            break;
        case MACRO_TABLE:
            expand_result(scan, at, 0, first, groups[1], last, out);
            break;
        case MACRO_CHAPTER:
            expand_chapter(scan, at, first, out);
            break;
        case MACRO_INPUT:
            expand_input(scan, at, first, out);
            break;
        case MACRO_CARDS:
            if (any_cards(report)) expand_input(scan, at, first, out);
            break;
        case MACRO_IF:
            /* What is not taken is not looked at: its facts need not exist. */
            keep_lines(out, at,
                       sources_find(&report->sources, first) ? groups[1].start : groups[2].start);
            expand_slice(scan, sources_find(&report->sources, first) ? groups[1] : groups[2], out);
            break;
        case MACRO_BIBLIOGRAPHY:
            report->has_bibliography = 1;
            text_printf(out, "\\input{%s/bibliography.tex}", report->options.out);
            break;
        case MACRO_CITE:
            note_names(scan, at, &report->cites, groups[0]);
            break;
        case MACRO_REF:
            note_names(scan, at, &report->references, groups[0]);
            break;
        case MACRO_LABEL:
            note_names(scan, at, &report->labels_set, groups[0]);
            break;
        }
    }
    free(first);
    free(last);
    if (macro->kind >= MACRO_CITE) {
        text_add(out, at, (size_t)(after - at));
        return;
    }
    /* Line breaks that went in and did not come out. */
    int consumed = 0, produced = 0;
    for (const char *c = at; c < after; c++) consumed += *c == '\n';
    for (size_t i = begin; i < out->used; i++) produced += out->bytes[i] == '\n';
    if (produced < consumed) {
        for (; produced < consumed; produced++) text_puts(out, "%\n");
        text_puts(out, "{}");
    }
}

static void expand_slice(Scan *scan, Slice slice, Text *out) {
    const char *at = slice.start, *plain = at;
    while (at < slice.stop) {
        if (*at == '%') {
            at = comment_end(at, slice.stop);
            continue;
        }
        if (*at != '\\' || at + 1 >= slice.stop) {
            at++;
            continue;
        }
        const char *after;
        const Macro *macro = macro_at(at, slice.stop, &after);
        if (!macro) {
            at = after > at + 1 ? after : at + 2;
            continue;
        }
        const char *macro_start = at;
        Slice groups[3] = {{0}}, option = {0};
        char *format = NULL;
        int complete = 1;
        text_add(out, plain, (size_t)(at - plain));
        if (read_option(&after, slice.stop, &option)) format = copy_of(option);
        for (int i = 0; i < macro->groups && complete; i++)
            complete = read_group(&after, slice.stop, &groups[i]);
        if (complete)
            expand_macro(scan, macro, macro_start, after, format, groups, out);
        else
            report_problem(scan->report, scan->path, line_of(scan, macro_start),
                           "\\%s: expected %d argument%s in braces; is a brace left open?",
                           macro->name, macro->groups, macro->groups > 1 ? "s" : "");
        free(format);
        plain = at = after;
    }
    text_add(out, plain, (size_t)(slice.stop - plain));
}

void expand_text(Report *report, const char *path, const char *bytes, size_t size, Text *out) {
    Scan scan = {.report = report, .path = path, .text = bytes};
    expand_slice(&scan, (Slice){bytes, bytes + size}, out);
}
