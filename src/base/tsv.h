/* tsv: tab-separated tables with named columns, the one format of every result.
 *
 * The first line names the columns; a unit stands in the name ("time_seconds"). Fields hold no
 * tab and no newline. Lines that start with '#' are comments. Reading keeps the line number of
 * every row, so that an error can say file:line.
 *
 *     Tsv *table;
 *     STATUS_TRY(tsv_load("facts.tsv", &table));
 *     int value = tsv_column(table, "value");          // -1 when there is none
 *     for (int row = 0; row < table->rows; row++) {
 *         double x;
 *         STATUS_TRY(tsv_number(table, row, value, &x)); // message says facts.tsv:17
 *     }
 *     tsv_free(table);
 */
#ifndef BASE_TSV_H
#define BASE_TSV_H

#include "base/status.h"
#include <stddef.h>

typedef struct {
    char *path;
    int columns;
    int rows;
    char **names;  /* [columns] */
    char **fields; /* [rows * columns], row-major */
    int *lines;    /* [rows]: line number in the file, from 1 */
    char *text;    /* the file's bytes, cut up in place */
} Tsv;

/* Reads a whole table; *out is the caller's to tsv_free. A row with another number of fields
 * than the header is STATUS_FORMAT with file:line, found and expected. */
Status tsv_load(const char *path, Tsv **out);

/* The same from `size` bytes in memory; `path` is used in messages only. */
Status tsv_parse(const char *path, const char *bytes, size_t size, Tsv **out);

int tsv_column(const Tsv *table, const char *name);

/* The field as text; row and column must be in range. Owned by the table. */
const char *tsv_text(const Tsv *table, int row, int column);

/* The field as a finite or infinite number; anything else is STATUS_FORMAT with file:line. */
Status tsv_number(const Tsv *table, int row, int column, double *out);

/* The first row whose `column` holds `text`, or -1. */
int tsv_find(const Tsv *table, int column, const char *text);

void tsv_free(Tsv *table);

#endif
