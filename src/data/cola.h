/* cola: the Corpus of Linguistic Acceptability, release 1.1, as published.
 *
 * Warstadt, Singh and Bowman, "Neural Network Acceptability Judgments", TACL 7, 2019. The release
 * holds three files, each raw and tokenized (lower-cased and spaced). A line has four fields and
 * no header: code of the source, label (1 acceptable, 0 not), the author's mark, sentence.
 *
 *     ColaFile *train;
 *     STATUS_TRY(cola_load_part("data/cola", COLA_RAW, COLA_IN_DOMAIN_TRAIN, &train));
 *     ColaSplit split;
 *     STATUS_TRY(cola_split(train, 0.1, seed, &split));     // 10 % held out
 *     for (size_t i = 0; i < split.training; i++)
 *         learn(train->sentence[split.training_row[i]], train->label[split.training_row[i]]);
 *     cola_split_free(&split);
 *     cola_free(train);
 *
 * Quirks of the published files, and what becomes of them:
 * - three stray backspaces (0x08) in the training sentences: removed, counted;
 * - marks `*`, `?`, `??`, `?*`, `*?`, none, and one single space: kept as found, counted by kind.
 *   The label decides, not the mark: one unacceptable sentence has none;
 * - repeated sentences, some with both labels: kept, counted;
 * - no newline after the last line (raw out_of_domain_dev), lines that end in CR LF, a byte order
 * mark: accepted, counted.
 */
#ifndef DATA_COLA_H
#define DATA_COLA_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum { COLA_RAW, COLA_TOKENIZED } ColaForm;
typedef enum { COLA_IN_DOMAIN_TRAIN, COLA_IN_DOMAIN_DEV, COLA_OUT_OF_DOMAIN_DEV } ColaPart;
#define COLA_PARTS 3

typedef enum {
    COLA_MARK_NONE,
    COLA_MARK_SPACE,      /* " " */
    COLA_MARK_STAR,       /* "*" */
    COLA_MARK_DOUBTFUL,   /* "?" */
    COLA_MARK_TWICE,      /* "??" */
    COLA_MARK_DOUBT_STAR, /* "?*" */
    COLA_MARK_STAR_DOUBT, /* "*?" */
    COLA_MARK_OTHER,      /* anything else: not in release 1.1 */
    COLA_MARKS
} ColaMark;

/* How often each quirk was met. */
typedef struct {
    size_t backspaces;        /* bytes removed from sentences */
    size_t marks[COLA_MARKS]; /* rows by kind of mark */
    size_t unmarked;          /* rows with label 0 and no mark */
    size_t repeats;           /* rows whose sentence has occurred before in the file */
    size_t contradictions;    /* those of them whose label differs from the first occurrence's */
    size_t carriage_returns;  /* lines that end in CR LF */
    int missing_newline;      /* 1 where the last line has none */
    int byte_order_mark;      /* 1 where the file starts with one */
} ColaQuirks;

typedef struct {
    const char *code;
    size_t rows;
    size_t labels[2]; /* rows with label 0, with label 1 */
} ColaSource;

typedef struct {
    char *path;
    size_t rows;
    const char **sentence; /* [rows], UTF-8 */
    const char **mark;     /* [rows], as found */
    uint8_t *label;        /* [rows], 0 or 1 */
    uint32_t *source_of;   /* [rows], an index into `source` */
    uint32_t *line;        /* [rows], line number in the file, from 1 */
    size_t labels[2];      /* rows with label 0, with label 1 */
    size_t sources;
    ColaSource *source; /* [sources], in order of first occurrence */
    ColaQuirks quirks;
    char *text; /* the bytes that all strings point into */
} ColaFile;

/* Reads one file; *out is the caller's to cola_free, NULL on failure. STATUS_IO where it cannot be
 * read. STATUS_FORMAT with file:line, expected and found for: an empty file, a NUL byte, bytes that
 * are not UTF-8 (with their offset), another number of fields than four, an empty source or
 * sentence, a label other than 0 and 1. STATUS_MEMORY. */
Status cola_load(const char *path, ColaFile **out);

/* The same from `size` bytes in memory, which stay the caller's; `path` is for messages. */
Status cola_parse(const char *path, const char *bytes, size_t size, ColaFile **out);

/* The same for a part of a release unpacked at `folder` (folder/raw/in_domain_train.tsv ...). */
Status cola_load_part(const char *folder, ColaForm form, ColaPart part, ColaFile **out);

void cola_free(ColaFile *file);

/* "in_domain_train", "in_domain_dev", "out_of_domain_dev". */
const char *cola_part_name(ColaPart part);

/* The publication behind a code ("gj04": "Goldberg and Jackendoff (2004)") and whether it is one of
 * the 17 in-domain sources; NULL for a code that release 1.1 does not use. `in_domain` may be NULL.
 * From the release's README, section 6, with the codes as the files spell them. */
const char *cola_source_title(const char *code, int *in_domain);

/* How many rows of `file` hold a sentence that also occurs in `other`, compared byte by byte.
 * marks [file->rows], where not NULL, gets 1 at those rows and 0 elsewhere. */
Status cola_overlap(const ColaFile *file, const ColaFile *other, size_t *count,
                    unsigned char *marks);

/* Rows held out for validation, drawn by seed without regard to label. Both lists ascend. */
typedef struct {
    size_t training, validation;
    uint32_t *training_row, *validation_row;
    size_t shared; /* validation rows whose sentence is also among the training rows */
} ColaSplit;

/* Holds out round(share * rows) rows: the head of rng_shuffle over all rows. The same file length
 * and seed give the same rows on every machine. STATUS_ARGUMENT where either part would be empty.
 */
Status cola_split(const ColaFile *file, double share, uint64_t seed, ColaSplit *out);

void cola_split_free(ColaSplit *split);

#endif
