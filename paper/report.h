/* report: everything that is known while one language of the report is being expanded.
 *
 * paper/<lang>/report.tex and all that it \input's are copied into the output folder line for
 * line, with the macros below replaced, so that a line number from TeX is a line of the source.
 *
 *     \fact{name} \fact[%.2f]{name}     a measured value (number.h says how it is written)
 *     \factrange \factlow \facthigh     the same with its interval, or one end of it
 *     \claim{predicate}{sentence}       the sentence where the predicate holds (claim.h)
 *     \excerpt{src/op/x.c}{marker}      the code between the comments "excerpt: marker" and
 *                                       "end excerpt" of that file
 *     \resultfigure{name}{caption}{label}, \resulttable{name}{caption}{label}
 *     \questionchapter{q4}              \input{q4} when any q4_* experiment has results
 *     \cardsappendix{cards}             \input{cards} when any experiment trained a model
 *     \ifexperiment{q6_bert}{a}{b}      a where that experiment has results, else b
 *     \bibliography{references}         the works that were cited
 *
 * A problem (an unknown name, a wrong predicate) is recorded with file:line and the work goes on,
 * so that one run shows them all; report_finish fails when there was any.
 *
 *     Report report;
 *     STATUS_TRY(report_begin(&report, &options));
 *     STATUS_TRY(report_expand(&report, "report"));    // paper/<lang>/report.tex
 *     Status status = report_finish(&report);          // tables, bibliography, claims, figures.mk
 *     fputs(text_bytes(&report.problems), stderr);
 *     report_end(&report);
 */
#ifndef PAPER_REPORT_H
#define PAPER_REPORT_H

#include "claim.h"
#include "labels.h"
#include "sources.h"
#include "text.h"

typedef struct {
    const char *language;  /* "fa", "en" */
    const char *results;   /* "results" */
    const char *paper;     /* "paper" */
    const char *root;      /* where \excerpt's paths begin, "." */
    const char *out;       /* "build/paper/fa" */
    const char *figures;   /* "build/figures/fa" */
    const char *name, *id; /* NULL: as identity.tex has them */
} ReportOptions;

typedef struct {
    int number;
    char *file;
    int line;
    char *predicate;
    char *sentence; /* as in the source */
    ClaimVerdict verdict;
} Claim;

/* A name that the text uses, and where it first does. */
typedef struct {
    char *name, *file;
    int line;
} Use;

typedef struct {
    Use *all;
    size_t count, capacity;
} Uses;

typedef struct {
    ReportOptions options;
    Sources sources;
    Labels labels;
    Text problems;
    int problem_count;
    Claim *claims;
    size_t claim_count;
    Uses files, figures, tables, cites, references, labels_set, excerpts, left_out;
    Text quoted; /* quoted.tsv: what the facts in the text look like */
    int has_bibliography;
} Report;

Status report_begin(Report *report, const ReportOptions *options);
Status report_expand(Report *report, const char *name);
Status report_finish(Report *report);
void report_end(Report *report);

/* Records "file:line: message". */
void report_problem(Report *report, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The text of a label in the report's language; a missing one is a problem, and its key is shown.
 */
const char *report_label(Report *report, const char *key);

/* Remembers the use; 1 when it is the first of that name. */
int uses_add(Uses *uses, const char *name, const char *file, int line);
const Use *uses_find(const Uses *uses, const char *name);
void uses_free(Uses *uses);

/* "badge": measured here, or recorded where, and when. TeX. */
void report_add_badge(Report *report, const Source *source, Text *out);

/* The badges of those of `experiments` (with spaces between them) that have results, each once. */
void report_add_badges(Report *report, const char *experiments, Text *out);

/* --- the parts, each in a file of its own --- */

/* expand.c: `path` is used in messages; `bytes` is the whole file. */
void expand_text(Report *report, const char *path, const char *bytes, size_t size, Text *out);

/* excerpt.c: the marked code of root/path, indentation removed; line is that of its first line. */
Status excerpt_find(const char *root, const char *path, const char *marker, Text *out, int *line);

/* figures.c: what a figure's script names in its "# needs:" and "# optional:" lines; appends the
 * experiments, with spaces between them. An error where a needed one has no results. */
Status figure_check(Report *report, const char *name, Text *experiments);
Status figures_write(Report *report); /* figures.mk, labels.gp, one <name>.in.gp each */

/* tables.c: 0 when there is no table of that name. The experiments stand with spaces between them,
 * the first one must have results; NULL: none is needed (the machine). */
int table_exists(const char *name, const char **experiments, int *is_long);
const char *table_nearest(const char *name);
Status table_write(Report *report, const char *name, Text *out);

/* bibliography.c: reads references.bib, checks the cites, writes bibliography.tex. */
Status bibliography_write(Report *report);

#endif
