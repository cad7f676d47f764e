/* labels: the words of tables and figures in one language of the report.
 *
 * paper/<language>/labels.tsv and every labels_<part>.tsv beside it are read as one table of key
 * and text: who adds an experiment brings a file of its own. A key stands once in all of them.
 *
 *     Labels labels;
 *     STATUS_TRY(labels_open("paper/fa", &labels));
 *     const char *text = labels_find(&labels, "table.loss");       // NULL when there is none
 *     labels_close(&labels);
 */
#ifndef PAPER_LABELS_H
#define PAPER_LABELS_H

#include "base/status.h"
#include "base/tsv.h"
#include <stddef.h>

typedef struct {
    Tsv **files; /* [count]: labels.tsv, then the others by name */
    size_t count;
} Labels;

/* `folder` must hold labels.tsv; a file with other columns than key and text is STATUS_FORMAT. */
Status labels_open(const char *folder, Labels *out);
void labels_close(Labels *labels);

/* The text of a key, or NULL. Owned by the labels. */
const char *labels_find(const Labels *labels, const char *key);

/* Walks over all: 0 at the end. `file` and `row` begin at 0 and are moved on. */
int labels_next(const Labels *labels, size_t *file, int *row, const char **key, const char **text);

/* The first key, in the order of the files, that another row has before it: 0 when every key stands
 * once. *file and *row are where it stands again, *first_file and *first_row where it stood; the
 * search begins behind *file, *row, which begin at 0 and -1. */
int labels_repeated(const Labels *labels, size_t *file, int *row, size_t *first_file,
                    int *first_row);

#endif
