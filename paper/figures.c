/* figures: what each gnuplot script needs, and the small files that hand it over.
 *
 * A script paper/figures/<name>.gp says on a line of its own which tables it reads:
 *
 *     # needs: q4_complexity time slopes
 *
 * (several such lines for several experiments; their badges stand below the figure), and in lines
 * "# optional: q6_bert seeds" what it shows where that experiment has results. For it
 * <figures>/<name>.in.gp is written, which sets
 *
 *     language, output_file, dir_<experiment> ('' where an optional one has no results), run_<key>
 *     (every number in run.tsv of the first experiment) and L_<key> (the labels, '.' as '_'),
 *
 * then loads paper/figures/style.gp and the script. figures.mk tells make how to draw each.
 */
#define _GNU_SOURCE
#include "report.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEEDS_MAX = 8, NEED_TABLES_MAX = 16 };

typedef struct {
    char experiment[64];
    char tables[NEED_TABLES_MAX][64];
    int count;
    int optional;
} Need;

typedef struct {
    Need all[NEEDS_MAX];
    int count;
} Needs;

static void script_path(const Report *report, const char *name, Text *out) {
    text_printf(out, "%s/figures/%s.gp", report->options.paper, name);
}

static void list_scripts(const Report *report, Names *names) {
    Text path = {0};
    text_printf(&path, "%s/figures", report->options.paper);
    DIR *folder = opendir(text_bytes(&path));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[256];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".gp") || strcmp(name, "style.gp") == 0) continue;
        *dot = 0;
        names_add(names, name);
    }
    if (folder) closedir(folder);
    text_free(&path);
}

static Status unknown_figure(const Report *report, const char *name) {
    Names names = {0};
    list_scripts(report, &names);
    const char *nearest = names_nearest(&names, name);
    Status status =
        status_fail(STATUS_ARGUMENT, "there is no figure '%s'; the nearest name is '%s'", name,
                    nearest ? nearest : "");
    names_free(&names);
    return status;
}

static void read_needs(const Text *script, Needs *needs) {
    *needs = (Needs){0};
    for (const char *at = text_bytes(script); at && *at && needs->count < NEEDS_MAX;) {
        int optional = strncmp(at, "# optional:", 11) == 0;
        if (optional || strncmp(at, "# needs:", 8) == 0) {
            Need *need = &needs->all[needs->count++];
            need->optional = optional;
            const char *c = at + (optional ? 11 : 8);
            for (int word = 0; *c && *c != '\n'; word++) {
                c += strspn(c, " ");
                int length = (int)strcspn(c, " \n");
                if (length == 0) break;
                if (word == 0)
                    snprintf(need->experiment, sizeof need->experiment, "%.*s", length, c);
                else if (need->count < NEED_TABLES_MAX)
                    snprintf(need->tables[need->count++], 64, "%.*s", length, c);
                c += length;
            }
        }
        at = strchr(at, '\n');
        if (at) at++;
    }
}

static Status check_need(const Report *report, const char *name, const Need *need) {
    const Source *source = sources_find(&report->sources, need->experiment);
    if (!source && need->optional) return STATUS_OK;
    if (!source)
        return status_fail(STATUS_ARGUMENT, "figure '%s' needs results of %s, and there are none",
                           name, need->experiment);
    for (int i = 0; i < need->count; i++) {
        Text path = {0};
        text_printf(&path, "%s/%s.tsv", source->folder, need->tables[i]);
        Status status = STATUS_OK;
        if (!text_file_exists(text_bytes(&path)))
            status = status_fail(STATUS_ARGUMENT, "figure '%s' needs %s, which is missing", name,
                                 text_bytes(&path));
        text_free(&path);
        STATUS_TRY(status);
    }
    return STATUS_OK;
}

static Status load_needs(const Report *report, const char *name, Needs *needs) {
    Text path = {0}, script;
    script_path(report, name, &path);
    Status status = STATUS_OK;
    if (!text_file_exists(text_bytes(&path)) || strcmp(name, "style") == 0)
        status = unknown_figure(report, name);
    else
        status = text_load(text_bytes(&path), &script);
    if (status == STATUS_OK) {
        read_needs(&script, needs);
        text_free(&script);
        if (needs->count == 0)
            status = status_fail(STATUS_FORMAT, "%s: no line '# needs: experiment table ...'",
                                 text_bytes(&path));
    }
    text_free(&path);
    return status;
}

Status figure_check(Report *report, const char *name, Text *experiments) {
    Needs needs;
    STATUS_TRY(load_needs(report, name, &needs));
    for (int i = 0; i < needs.count; i++) {
        STATUS_TRY(check_need(report, name, &needs.all[i]));
        text_printf(experiments, "%s%s", i ? " " : "", needs.all[i].experiment);
    }
    return STATUS_OK;
}

/* --- what gnuplot is told -------------------------------------------------------------------- */

/* A single-quoted gnuplot string. */
static void add_quoted(Text *out, const char *text) {
    text_puts(out, "'");
    for (; *text; text++) text_add(out, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    text_puts(out, "'");
}

static void add_identifier(Text *out, const char *name) {
    for (; *name; name++) text_add(out, isalnum((unsigned char)*name) ? name : "_", 1);
}

static void add_run(const Source *source, Text *out) {
    const Tsv *run = source->run;
    for (int row = 0; row < run->rows; row++) {
        const char *value = tsv_text(run, row, 1);
        char *end;
        double number = strtod(value, &end);
        if (end == value || *end || !isfinite(number)) continue;
        text_puts(out, "run_");
        add_identifier(out, tsv_text(run, row, 0));
        text_printf(out, " = %.17g\n", number);
    }
}

static Status write_input(const Report *report, const char *name, const Needs *needs) {
    const ReportOptions *options = &report->options;
    Text text = {0}, path = {0};
    text_printf(&text, "language = '%s'\n", options->language);
    for (int i = 0; i < needs->count; i++) {
        const Source *source = sources_find(&report->sources, needs->all[i].experiment);
        text_printf(&text, "dir_%s = ", needs->all[i].experiment);
        add_quoted(&text, source ? source->folder : "");
        text_puts(&text, "\n");
        if (i == 0 && source) add_run(source, &text);
    }
    text_printf(&text, "output_file = '%s/%s.pdf.part'\n", options->figures, name);
    text_printf(&text, "load '%s/labels.gp'\n", options->figures);
    text_printf(&text, "load '%s/figures/style.gp'\n", options->paper);
    text_printf(&text, "load '%s/figures/%s.gp'\n", options->paper, name);
    text_printf(&path, "%s/%s.in.gp", options->figures, name);
    Status status = text_save(text_bytes(&path), &text);
    text_free(&text);
    text_free(&path);
    return status;
}

static Status write_labels(const Report *report) {
    Text text = {0}, path = {0};
    const char *key, *words;
    size_t file = 0;
    for (int row = 0; labels_next(&report->labels, &file, &row, &key, &words);) {
        if (strncmp(key, "figure.", 7)) continue;
        text_puts(&text, "L_");
        add_identifier(&text, key + 7);
        text_puts(&text, " = ");
        add_quoted(&text, words);
        text_puts(&text, "\n");
    }
    text_printf(&path, "%s/labels.gp", report->options.figures);
    Status status = text_save(text_bytes(&path), &text);
    text_free(&text);
    text_free(&path);
    return status;
}

static void add_rule(const Report *report, const char *name, const Needs *needs, Text *out) {
    const ReportOptions *options = &report->options;
    const char *folder = options->figures;
    text_printf(out, "all: %s/%s.pdf\n%s/%s.pdf: %s/%s.in.gp %s/figures/%s.gp", folder, name,
                folder, name, folder, name, options->paper, name);
    text_printf(out, " %s/figures/style.gp %s/labels.gp", options->paper, folder);
    for (int i = 0; i < needs->count; i++) {
        const Source *source = sources_find(&report->sources, needs->all[i].experiment);
        for (int j = 0; source && j < needs->all[i].count; j++)
            text_printf(out, " %s/%s.tsv", source->folder, needs->all[i].tables[j]);
    }
    /* gnuplot warns of an empty or wrong table and exits with 0 all the same. */
    text_printf(out,
                "\n\t@gnuplot $< >%s/%s.log 2>&1 && ! test -s %s/%s.log || "
                "{ sed 's|^|figure %s: |' %s/%s.log >&2; rm -f $@ $@.part; exit 1; }\n"
                "\t@mv $@.part $@\n",
                folder, name, folder, name, name, folder, name);
}

Status figures_write(Report *report) {
    Text rules = {0}, path = {0};
    text_puts(&rules, ".PHONY: all\nall:\n\t@:\n");
    Status status = write_labels(report);
    for (size_t i = 0; i < report->figures.count && status == STATUS_OK; i++) {
        Needs needs;
        const char *name = report->figures.all[i].name;
        status = load_needs(report, name, &needs);
        if (status == STATUS_OK) status = write_input(report, name, &needs);
        if (status == STATUS_OK) add_rule(report, name, &needs, &rules);
    }
    text_printf(&path, "%s/figures.mk", report->options.figures);
    if (status == STATUS_OK) status = text_save(text_bytes(&path), &rules);
    text_free(&path);
    text_free(&rules);
    return status;
}
