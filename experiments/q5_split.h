/* q5_split: how well src/text/sentences.h cuts Persian text into sentences, and how fast.
 *
 * The texts (q5_split_texts.c), what others find in them (q5_split_baselines.c), the scores
 * (q5_split_score.c), the speed and the rules of normalisation at work (q5_split_speed.c), the
 * results (q5_split_report.c).
 */
#ifndef EXPERIMENTS_Q5_SPLIT_H
#define EXPERIMENTS_Q5_SPLIT_H

#include "base/sha256.h"
#include "base/status.h"
#include "metric/boundaries.h"
#include "results.h"
#include "stat/summary.h"
#include "text/sentences.h"

#include <stdio.h>

/* A text and where its sentences end; the end of the text itself is not among the cuts. */
typedef struct {
    char *bytes;
    size_t size;
    size_t *cut; /* [cuts], ascending: offset behind a sentence's last byte */
    size_t cuts;
    const char *kind; /* of a hard case; NULL for a treebank */
} SplitText;

/* Seraji's parts are one text each; the hard cases are many short ones. */
typedef enum { SPLIT_TRAIN, SPLIT_DEV, SPLIT_TEST, SPLIT_HARD, SPLIT_FRESH, SPLIT_SETS } SplitSet;

typedef struct {
    const char *name;
    SplitText *text; /* [texts] */
    size_t texts, sentences;
    char sha256[SHA256_TEXT]; /* of all texts, one behind another */
    char *storage;            /* the kinds' names */
} SplitTexts;

/* STATUS_IO, STATUS_FORMAT with file:line, STATUS_MEMORY. `treebanks` is the folder of Seraji,
 * `golden` that of the hard cases. To be freed also after a failure; starts at {0}. */
Status split_texts_load(SplitTexts sets[SPLIT_SETS], const char *treebanks, const char *golden);
void split_texts_free(SplitTexts sets[SPLIT_SETS]);

/* Text of a case: "One.| Two." without the |, \n as line ends. */
Status split_case_parse(const char *marked, const char *kind, SplitText *out);
void split_text_free(SplitText *text);

typedef enum {
    SPLIT_RULES,      /* src/text/sentences.h */
    SPLIT_EVERY_STOP, /* every run of . ! ? and the like, wherever it stands, and line ends */
    SPLIT_STOP_SPACE, /* the same, where white space or the text's end follows */
    SPLIT_NEWLINE,    /* line ends alone */
    SPLIT_PYSBD,      /* pySBD's Persian rules: bench/peers/pysbd_split.py */
    SPLIT_METHODS
} SplitMethod;

const char *split_method_name(SplitMethod method);

/* The cuts that a method (not pySBD, which is no program of ours) makes in a text; `out` starts at
 * {0}; out->end[0 .. *count) are the cuts. */
Status split_method_run(SplitMethod method, const char *text, size_t size, SentenceList *out,
                        size_t *count);

/* Scores of one method on one set, or on one kind of its cases. */
typedef struct {
    SplitMethod method;
    SplitSet set;
    const char *kind;    /* NULL: all of the set */
    size_t texts, whole; /* whole: texts cut exactly right */
    BoundaryCounts counts;
    BoundaryIntervals intervals;
} SplitScore;

#define SPLIT_SCORES_MAX 256
#define SPLIT_DRAWS      2000

typedef struct {
    SplitScore score[SPLIT_SCORES_MAX];
    size_t scores;
    char pysbd_version[32]; /* "" where there are no figures of it */
} SplitScores;

/* Every method on every set, and SPLIT_RULES and pySBD on every kind. `peer`: the TSV that
 * pysbd_split.py wrote. STATUS_FORMAT with file:line where it does not belong to these texts. */
Status split_score_all(const SplitTexts sets[SPLIT_SETS], const char *peer, uint64_t seed,
                       SplitScores *out);
const SplitScore *split_score_find(const SplitScores *scores, SplitMethod method, SplitSet set,
                                   const char *kind);

/* Bytes a second of processor time, one thread, over repetitions. */
typedef struct {
    size_t bytes, repetitions;
    Summary stream, whole, normalise; /* byte/s */
} SplitSpeed;

Status split_speed_measure(const SplitTexts *train, size_t megabytes, size_t repetitions,
                           SplitSpeed *out);

/* Examples of the rules of normalisation, and their work on the corpora that `folder` holds. */
Status split_normal_write(const char *folder, Results *results);

/* Writes tables and facts. */
Status split_report_write(const SplitTexts sets[SPLIT_SETS], const SplitScores *scores,
                          const SplitSpeed *speed, const char *corpora, Results *results);
void split_report_print(const SplitTexts sets[SPLIT_SETS], const SplitScores *scores,
                        const SplitSpeed *speed, FILE *out);

#endif
