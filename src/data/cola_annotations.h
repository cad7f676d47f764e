/* cola_annotations: which grammatical phenomena the sentences of CoLA's two dev files show.
 *
 * Warstadt and Bowman, "Linguistic Analysis of Pretrained Sentence Encoders with Acceptability
 * Judgments", 2019 (CoLA_grammatical_annotations.zip): two TSV tables with a header, of 15 major
 * and of 63 minor features, each 0 or 1, after the columns Source, Domain (In, Out), Acceptability
 * and Sentence. The sentences are those of the raw files; row i of a tokenized file is row i of
 * the raw one, so join the raw file for either.
 *
 *     ColaAnnotations *major;
 *     STATUS_TRY(cola_annotations_load("CoLA_grammatical_annotations_major_features.tsv", &major));
 *     ColaJoin join;
 *     STATUS_TRY(cola_join(dev, major, &join));
 *     for (size_t row = 0; row < dev->rows; row++)
 *         if (cola_shows(major, &join, row, feature)) ... count this row for the feature
 *     cola_join_free(&join);
 *     cola_annotations_free(major);
 */
#ifndef DATA_COLA_ANNOTATIONS_H
#define DATA_COLA_ANNOTATIONS_H

#include "base/tsv.h"
#include "data/cola.h"

typedef struct {
    size_t rows, features;
    const char **feature;   /* [features], names from the header: "Simple", "Predicate" ... */
    const char **sentence;  /* [rows] */
    const char **source;    /* [rows], codes as in ColaSource */
    uint8_t *label;         /* [rows], 0 or 1 */
    uint8_t *out_of_domain; /* [rows], 0 or 1 */
    uint8_t *shows;         /* [rows, features] row-major, 0 or 1 */
    Tsv *table;             /* holds the strings */
} ColaAnnotations;

/* Reads one table; *out is the caller's to cola_annotations_free, NULL on failure. STATUS_FORMAT
 * with file:line, expected and found for: other first columns than the four above or no feature
 * after them, a row of another length, a Domain, Acceptability or feature of another value, bytes
 * that are not UTF-8. STATUS_IO, STATUS_MEMORY. */
Status cola_annotations_load(const char *path, ColaAnnotations **out);

/* The same from `size` bytes in memory, which stay the caller's; `path` is for messages. */
Status cola_annotations_parse(const char *path, const char *bytes, size_t size,
                              ColaAnnotations **out);

void cola_annotations_free(ColaAnnotations *annotations);

#define COLA_UNMATCHED UINT32_MAX

typedef struct {
    uint32_t *row; /* [file->rows]: the row of the annotations, or COLA_UNMATCHED */
    size_t matched, unmatched;
    size_t relabelled; /* matched rows to which the annotations give the other label */
} ColaJoin;

/* Finds for every row of a raw dev file its annotations: same source and sentence byte for byte,
 * each row of the annotations taken once. Rows that agree in the label as well go first; what is
 * left over may then match with the other label, because the two tables were labelled at different
 * times ("Will he can do it?" is acceptable in release 1.1 and not in the annotations). One
 * out-of-domain sentence stands in the release with both labels where the annotations have a longer
 * sentence for the second: its row is taken by the first, and the second stays unmatched instead of
 * getting phenomena that it does not show. STATUS_MEMORY. */
Status cola_join(const ColaFile *file, const ColaAnnotations *annotations, ColaJoin *out);

/* 1 where row `row` of the joined file shows `feature`; 0 where it does not or is unmatched. */
int cola_shows(const ColaAnnotations *annotations, const ColaJoin *join, size_t row,
               size_t feature);

void cola_join_free(ColaJoin *join);

#endif
