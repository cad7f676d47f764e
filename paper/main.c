/* report: expands one language of the report into a folder that XeLaTeX can read, or checks the
 * log that XeLaTeX left. See --help and paper/report.md. */
#include "log.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static int check_log(const char *path) {
    Text problems = {0};
    int count = 0;
    if (log_check(path, &problems, &count) != STATUS_OK) {
        fprintf(stderr, "report: %s\n", status_message());
        return 1;
    }
    fputs(text_bytes(&problems), stderr);
    if (count)
        fprintf(stderr, "report: %s: %d complaint%s of TeX\n", path, count, count > 1 ? "s" : "");
    text_free(&problems);
    return count ? 1 : 0;
}

/* What the reader of the terminal wants to know: where the numbers come from, what does not hold.
 */
static void print_summary(const Report *report) {
    const char *language = report->options.language;
    for (size_t i = 0; i < report->sources.count; i++)
        printf("report-%s: %s from %s\n", language, report->sources.all[i].experiment,
               report->sources.all[i].folder);
    for (size_t i = 0; i < report->left_out.count; i++)
        printf("report-%s: chapter %s left out: no results of %s_*\n", language,
               report->left_out.all[i].name, report->left_out.all[i].name);
    size_t holds = 0;
    for (size_t i = 0; i < report->claim_count; i++) {
        const Claim *claim = &report->claims[i];
        if (claim->verdict.kind == CLAIM_HOLDS) holds++;
        if (claim->verdict.kind == CLAIM_FAILS)
            printf("%s:%d: not established: %s\n", claim->file, claim->line, claim->predicate);
        if (claim->verdict.kind == CLAIM_MISSING)
            printf("%s:%d: not established, no fact '%s': %s\n", claim->file, claim->line,
                   claim->verdict.missing, claim->predicate);
    }
    printf("report-%s: %zu of %zu claims hold\n", language, holds, report->claim_count);
}

static int expand(const ReportOptions *options) {
    Report report;
    Status status = report_begin(&report, options);
    if (status != STATUS_OK) {
        fprintf(stderr, "report: %s\n", status_message());
        return 1;
    }
    status = report_expand(&report, "report");
    if (status == STATUS_OK) status = report_finish(&report);
    fputs(text_bytes(&report.problems), stderr);
    if (status == STATUS_OK)
        print_summary(&report);
    else
        fprintf(stderr, "report: %s\n", status_message());
    report_end(&report);
    return status == STATUS_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    static const char *const languages[] = {"fa", "en"};
    ReportOptions report = {0};
    const char *log = NULL;
    int language;
    const Option table[] = {
        {"language", OPTION_CHOICE, &language, "en", .choices = "fa|en", .help = "of the report"},
        {"results", OPTION_TEXT, &report.results, "results", .value = "FOLDER",
         .help = "holds local/<experiment> and recorded/<machine>/<experiment>"},
        {"paper", OPTION_TEXT, &report.paper, "paper", .value = "FOLDER",
         .help = "the sources: <language>/*.tex, figures/*.gp, references.bib, identity.tex"},
        {"root", OPTION_TEXT, &report.root, ".", .value = "FOLDER",
         .help = "where the paths of code excerpts begin"},
        {"out", OPTION_TEXT, &report.out, "build/paper/en", .value = "FOLDER",
         .help = "receives the expanded sources, tables, claims.tsv and quoted.tsv"},
        {"figures", OPTION_TEXT, &report.figures, "build/figures/en", .value = "FOLDER",
         .help = "receives figures.mk and what each figure's script is given"},
        {"name", OPTION_TEXT, &report.name, NULL, .value = "NAME",
         .help = "of the student; without it, what identity.tex says"},
        {"id", OPTION_TEXT, &report.id, NULL, .value = "NUMBER", .help = "of the student"},
        {"check-log", OPTION_TEXT, &log, NULL, .value = "FILE",
         .help = "does nothing but list what XeLaTeX complained about in this log, with file and "
                 "line: undefined references and citations, missing glyphs, overfull boxes"},
    };
    const OptionsProgram program = {
        .name = "report",
        .about = "Replaces \\fact, \\claim, \\excerpt, \\resultfigure and \\resulttable in "
                 "paper/<language>/*.tex by what the results hold. An unknown name or a wrong "
                 "predicate is an error with file and line; claims that the results do not "
                 "establish are listed.",
        .examples = "  report --language=fa --out=build/paper/fa --figures=build/figures/fa\n"
                    "  report --check-log=build/paper/fa/report.log\n",
        .options = table,
        .count = sizeof table / sizeof *table};
    int status = options_begin(&program, argc, argv);
    if (status >= 0) return status;
    if (log) return check_log(log);
    report.language = languages[language];
    return expand(&report);
}
