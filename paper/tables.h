/* tables: the generated tables of the report, by name, and the small pieces they are built from.
 *
 * A generator writes one tabular (or longtable body) and nothing around it; caption, label and
 * badge are the caller's. Headings are labels ("table.slope"), so that one generator serves both
 * languages; fields of a result are escaped.
 */
#ifndef PAPER_TABLES_H
#define PAPER_TABLES_H

#include "report.h"

typedef Status (*TableGenerator)(Report *report, Text *out);

typedef struct {
    const char *name;
    const char *experiments; /* whose badges stand beside it, with spaces between them: the first is
                              * needed, the others are shown where present; NULL: none */
    TableGenerator generate;
    int is_long; /* a longtable, which may break across pages */
} Table;

/* Loads <experiment>/<table>.tsv of the folder the report speaks of; the caller's to tsv_free. */
Status table_load(const Report *report, const char *experiment, const char *table, Tsv **out);

/* Loads it, lets `body` write what stands in it, and frees it. */
typedef Status (*TableBody)(Report *report, const Tsv *tsv, Text *out);
Status table_from(Report *report, const char *experiment, const char *table, TableBody body,
                  Text *out);

/* The columns of a row that a generator asks for, looked up once. */
enum { TABLE_COLUMNS_MAX = 16 };
typedef struct {
    const Tsv *tsv;
    int column[TABLE_COLUMNS_MAX];
    int count;
} TableColumns;

/* `names` is one string, "variant direction seconds low high"; STATUS_FORMAT names a missing one.
 */
Status table_columns(const Tsv *tsv, const char *names, TableColumns *out);
const char *table_text(const TableColumns *columns, int row, int index);
Status table_number(const TableColumns *columns, int row, int index, double *out);

/* A cell of the row begun: "& " goes before each but the first. */
void cell_text(Text *out, int first, const char *tex);
void cell_plain(Text *out, int first, const char *plain); /* escaped, left-to-right */
void cell_number(Text *out, int first, const char *format, double value);
/* "1.98 [1.95, 2.01]" */
void cell_interval(Text *out, int first, const char *format, double value, double low, double high);
void cell_nothing(Text *out, int first); /* a dash: not measured */
void row_end(Text *out);

/* Writes \toprule and a heading row from labels "table.<word>" for each word of `words`. */
void table_head(Report *report, Text *out, const char *columns, const char *words);
void table_foot(Text *out);

/* The same for a longtable, which keeps its heading on every page; its caption comes from
 * \LongCaption, which the caller's \ResultLongTable sets. */
void table_long_head(Report *report, Text *out, const char *columns, const char *words);
void table_long_foot(Text *out);

/* The name of a variant or another word of a result in the report's language, or the word itself
 * in typewriter type where there is no label "<kind>.<word>". */
void cell_word(Report *report, Text *out, int first, const char *kind, const char *word);

/* A value with the unit that suits it, as the prose has it. */
void cell_value(Text *out, int first, double value, const char *unit);

/* --- the files of tables ----------------------------------------------------------------------
 * tables_<part>.c defines `const Table tables_<part>[]` and `const int tables_<part>_count`: a line
 * here and one in tables.c register it. */
#define TABLES_OF(part)                                                                            \
    extern const Table tables_##part[];                                                            \
    extern const int tables_##part##_count

TABLES_OF(common);
TABLES_OF(quick);
TABLES_OF(operations);
TABLES_OF(gpu);
TABLES_OF(q1_bottleneck);
TABLES_OF(q1_memory);
TABLES_OF(q2_history);
TABLES_OF(q2_drawbacks);
TABLES_OF(q3);
TABLES_OF(q4);
TABLES_OF(q5_data);
TABLES_OF(q5_judged);
TABLES_OF(q5_reorder);
TABLES_OF(q5_split);
TABLES_OF(q6);
TABLES_OF(q6_speed);

#endif
