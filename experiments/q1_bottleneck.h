/* q1_bottleneck: what the parts of Question 1's experiment on the bottleneck share: the plan, its
 * cells (one training each), the Persian phrases, and what a training leaves.
 *
 *     static Q1Session session;
 *     int status = q1_plan_parse(&session.plan, argc, argv);   // prints --help or the error itself
 *     if (status >= 0) return status;
 *     STATUS_TRY(q1_text_open(&session.text, session.plan.text));   // text.count 0: not there
 *     q1_list_cells(&session);
 *     ... grid_run with q1_train_cell ...                           // experiments/grid.h
 *     STATUS_TRY(q1_report_write(&session, &grid, results));
 *
 * Parts: COPY and REVERSE, every encoder and score at equal parameters; WIDTH, an LSTM of fixed
 * width whose encoder hands over 16 to 128 numbers; TEXT, Persian phrases typed without spaces.
 */
#ifndef EXPERIMENTS_Q1_BOTTLENECK_H
#define EXPERIMENTS_Q1_BOTTLENECK_H

#include "data/synthetic.h"
#include "grid.h"
#include "model/seq2seq.h"
#include "options.h"
#include "results.h"

enum {
    Q1_LENGTHS_MAX = 32,
    Q1_WIDTHS_MAX = 12,
    Q1_SEEDS_MAX = 20,
    Q1_CELLS_MAX = 1024,
    Q1_LETTERS_MAX = 48, /* of a phrase's source */
    Q1_TARGET_MAX = 128, /* of its target: letters, spaces and the end */
    Q1_SYMBOLS_MAX = 256 /* of the text's alphabet */
};

typedef enum { Q1_RNN, Q1_GRU, Q1_LSTM, Q1_BILSTM, Q1_ENCODERS } Q1Encoder;
typedef enum { Q1_COPY, Q1_REVERSE, Q1_WIDTH, Q1_TEXT, Q1_PARTS } Q1Part;

extern const char *const q1_encoder_slug[Q1_ENCODERS]; /* "rnn" ... */
extern const char *const q1_part_slug[Q1_PARTS];       /* "copy" ... */

typedef struct {
    int count, value[Q1_LENGTHS_MAX];
} Q1List;

typedef struct {
    const char *results, *text; /* text: a folder with PerDT's files */
    int full, processes;
    uint64_t seed;
    int alphabet, shortest, longest; /* of the synthetic tasks, in training */
    int width, embedding;            /* H and D of the LSTM whose size the others have */
    int seeds[Q1_PARTS];             /* 0: the part is left out */
    int copy_seeds[SCORE_DOT + 1];   /* of COPY, for each score */
    int encoders[Q1_ENCODERS];       /* of COPY; 1: taken part */
    int reverse_encoders[Q1_ENCODERS];
    int scores[SCORE_DOT + 1], reverse_scores[SCORE_DOT + 1];
    Q1List contexts;     /* of WIDTH */
    Q1List lengths;      /* tested, of the synthetic tasks */
    Q1List text_longest; /* letters in training, one model each */
    Q1List text_lengths; /* letters tested */
    int text_shortest, text_width;
    int steps, text_steps, batch;
    double rate; /* 0: of each encoder its own (q1_rate) */
    double warmup, decay;
    int evaluations;    /* of the validation loss in a training */
    int test_sequences; /* of each length */
} Q1Plan;

/* Phrases of real sentences: runs of whole words. The source has their letters, the target also the
 * spaces and half-spaces (ZWNJ) between them, and an end. */
typedef enum { Q1_TRAIN, Q1_VALIDATE, Q1_TEST, Q1_SPLITS } Q1Split;

typedef struct {
    int32_t first, count; /* symbols of Q1Text.symbol, spaces included */
} Q1Phrase;

typedef struct {
    int count; /* sentences; 0: the file is not there */
    int sentences[Q1_SPLITS];
    int symbols; /* ids 0 .. symbols - 1: 0 everything rare, 1 the space, 2 ZWNJ, then letters */
    uint32_t code[Q1_SYMBOLS_MAX]; /* of each id; 0 of the rare */
    int32_t *symbol;               /* all sentences end to end */
    size_t length;                 /* of symbol */
    double letter_bits;            /* entropy of a letter by its frequency, in training sentences */
    Q1Phrase *phrase[Q1_SPLITS][Q1_LETTERS_MAX + 1]; /* by letters of the source */
    int phrases[Q1_SPLITS][Q1_LETTERS_MAX + 1];
    char sha256[2][65]; /* of the training file, of the other */
} Q1Text;

enum { Q1_RARE, Q1_SPACE, Q1_HALF_SPACE };

/* Reads PerDT's training and development sentences from a folder. STATUS_OK with count 0 where one
 * of the files is not there; STATUS_FORMAT for what is no text, or hardly any. */
Status q1_text_open(Q1Text *text, const char *folder);
void q1_text_close(Q1Text *text);
int q1_text_start(const Q1Text *text);
int q1_text_end(const Q1Text *text);
int q1_text_vocabulary(const Q1Text *text);

/* Writes the letters to source and returns how many symbols of target it wrote, the end with them
 * (at most Q1_TARGET_MAX). */
int q1_text_pair(const Q1Text *text, const Q1Phrase *phrase, int32_t *source, int32_t *target);

/* One training. */
typedef struct {
    Q1Part part;
    Q1Encoder encoder;
    ScoreKind score;
    int context; /* 0: the states as they are */
    int longest; /* in training */
    int seed;    /* from 1 */
    int model;   /* cells that differ in nothing but the seed have the same */
    double cost; /* by guess, in multiplications */
} Q1Cell;

typedef struct {
    Q1Plan plan;
    Q1Text text;
    int cells, models;
    Q1Cell cell[Q1_CELLS_MAX];
} Q1Session;

/* The profile's plan with the flags over it. Returns the exit status (0 or 2), or -1 when the
 * program should go on. */
int q1_plan_parse(Q1Plan *plan, int argc, char **argv);

/* Everything that a cell's rows depend on; a grid's fingerprint. */
void q1_plan_text(const Q1Session *session, char *text, size_t size);

/* Peak learning rate of an encoder's networks; steps of a part's trainings. */
double q1_rate(const Q1Plan *plan, Q1Encoder encoder);
int q1_steps(const Q1Plan *plan, Q1Part part);

void q1_list_cells(Q1Session *session);
void q1_cell_name(void *session, size_t cell, char *name, size_t size);
double q1_cell_cost(void *session, size_t cell);

/* The network of a cell: its width is the one of equal parameters, or the plan's in WIDTH. */
Seq2seqConfig q1_cell_config(const Q1Session *session, const Q1Cell *cell);

/* Trains a cell and tests it; leaves the rows
 *   test       length, accuracy, exact, forced accuracy, loss (nats a symbol), and of TEXT what
 *              the source would score if it were handed in as it is
 *   alignment  map, i, j, target symbol, source symbol, weight          (of chosen cells)
 * and those of grid_log. */
Status q1_train_cell(void *session, size_t cell, GridRecord *record);

/* Share of `wanted` that `found` has in order, both up to their ends: 1 - edits / the longer one's
 * length, edits being insertions, deletions and replacements (Levenshtein 1966). */
double q1_similarity(const int32_t *found, int found_length, const int32_t *wanted,
                     int wanted_length);

/* The information that a decoder has about a source of `length` symbols drawn evenly from
 * `alphabet`, at least, in bits: what the loss leaves unknown, taken away from what there is
 * (I(x;c) >= H(x) - E[-log q(x|c)]; Barber and Agakov 2003). Not below 0. */
double q1_bits_held(int length, int alphabet, double loss);

/* The accuracy that `bits` about such a source allow at most: Fano's inequality. */
double q1_accuracy_allowed(int length, int alphabet, double bits);

/* What one training gave at each tested length. */
typedef struct {
    int lengths, length[Q1_LENGTHS_MAX];
    double accuracy[Q1_LENGTHS_MAX], exact[Q1_LENGTHS_MAX], forced[Q1_LENGTHS_MAX];
    double loss[Q1_LENGTHS_MAX], untouched[Q1_LENGTHS_MAX];
} Q1Tests;

/* Tables and facts; `tests` [session->cells] is read from the grid. */
Status q1_report_write(const Q1Session *session, const Grid *grid, Results *results);
Status q1_report_facts(const Q1Session *session, const Q1Tests *tests, Results *results);

#endif
