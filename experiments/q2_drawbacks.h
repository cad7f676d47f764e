/* q2_drawbacks: what Transformers are worse at than recurrent networks (Question 2), what its parts
 * share.
 *
 * - q2_drawbacks_plan: the command line, and the cells of the grid
 * - q2_drawbacks_net: an LSTM and a Transformer decoder of as many parameters
 * - q2_drawbacks_parity: running parity, trained on short sequences, asked at long ones
 * - q2_drawbacks_text, _language: the next character of Persian sentences, against the number of
 *   sentences and against the place in the window
 * - q2_drawbacks_memory: bytes of a training step against its length
 * - q2_drawbacks_generate: seconds and bytes of the t-th generated symbol
 * - q2_drawbacks_report, _tables: facts and tables
 *
 * Trainings and readings of memory are cells of experiments/grid.h: processes of one thread each.
 * Times are taken afterwards, in this process, on one thread, interleaved.
 */
#ifndef EXPERIMENTS_Q2_DRAWBACKS_H
#define EXPERIMENTS_Q2_DRAWBACKS_H

#include "grid.h"
#include "options.h"
#include "q2_drawbacks_net.h"
#include "q2_drawbacks_text.h"
#include "results.h"

enum { DRAWBACKS_LIST_MAX = 24, DRAWBACKS_CELLS_MAX = 256 };

typedef struct {
    int count, value[DRAWBACKS_LIST_MAX];
} DrawbacksList;

/* Trained networks. */
typedef enum { NET_LSTM, NET_SINUSOIDAL, NET_LEARNED, NET_NONE, NET_KINDS } NetKind;
extern const char *const drawbacks_net_slug[NET_KINDS];

/* What memory and generation are measured of. */
typedef enum {
    HOLDS_LSTM,
    HOLDS_STORED, /* softmax, its weights kept for backward */
    HOLDS_TILED,  /* softmax in tiles; generation: keys and values kept */
    HOLDS_KERNEL, /* elu + 1 */
    HOLDS_KINDS
} HoldsKind;
extern const char *const drawbacks_holds_slug[HOLDS_KINDS];

typedef struct {
    int full;
    const char *results, *data;
    uint64_t seed;
    int processes;
    int seeds; /* trainings of each kind */

    /* running parity */
    NetShape parity;
    int parity_length;  /* longest in training; sequences of 1 to this */
    int parity_longest; /* asked afterwards */
    int parity_steps, parity_batch;
    int parity_test;       /* sequences */
    double parity_rate[2]; /* of the Transformers, of the LSTM */
    int parity_seeds;

    /* next character */
    NetShape language;
    int window; /* symbols of a training window */
    int far;    /* of the windows in which places beyond it are asked */
    int language_batch;
    DrawbacksList sentences, steps; /* of training, and updates with so many */
    int validation;                 /* sentences held out of the training file */
    int far_seeds;                  /* of positions learned and none, at the most sentences */
    double language_rate[2];
    int test_windows; /* at most; 0: all of the test file */

    /* memory and generation */
    NetShape big;          /* sizes of what is measured; attention and recurrent are set for each */
    DrawbacksList lengths; /* of training steps */
    int generated;         /* symbols */
    int block;             /* symbols that are timed together */
    int repetitions;       /* of the whole generation */
} DrawbacksPlan;

typedef enum { CELL_PARITY, CELL_LANGUAGE, CELL_MEMORY } DrawbacksCellKind;

typedef struct {
    DrawbacksCellKind kind;
    int net; /* NetKind; of memory HoldsKind */
    int sentences, steps;
    int seed;
    int length; /* of memory */
} DrawbacksCell;

typedef struct {
    DrawbacksPlan plan;
    char experiment[32]; /* "q2_drawbacks" or "q2_drawbacks_quick" */
    char facts[16];      /* "q2" or "q2.quick" */
    char train_path[1200], test_path[1200];
    int has_text; /* the Persian sentences are there */
    PersianLines train, test;
    Alphabet alphabet;
    CharacterStream validation, dev;
    size_t cells;
    DrawbacksCell cell[DRAWBACKS_CELLS_MAX];
} Drawbacks;

/* -1 to go on, else the exit status. */
int drawbacks_plan_parse(Drawbacks *d, int argc, char **argv);
void drawbacks_list_cells(Drawbacks *d);

/* Text that two runs must share to continue each other. */
void drawbacks_fingerprint(const Drawbacks *d, char *text, size_t size);
double drawbacks_cost(void *context, size_t cell); /* seconds of one thread, by guess */
void drawbacks_cell_name(void *context, size_t cell, char *name, size_t size);

/* The sentences, where they are: has_text. A file that is there and cannot be read is an error. */
Status drawbacks_text_open(Drawbacks *d);
void drawbacks_text_close(Drawbacks *d);

/* Names the files by their sha256 in run.tsv. */
Status drawbacks_text_describe(const Drawbacks *d, Results *results);

/* The shape of a trained network, and of what is measured. */
NetShape drawbacks_parity_shape(const DrawbacksPlan *plan, int net);
NetShape drawbacks_language_shape(const Drawbacks *d, int net);
NetShape drawbacks_big_shape(const DrawbacksPlan *plan, int holds);

/* Works of cells. They leave rows of the tables
 *   curve, card (grid.h)
 *   parity    net, seed, length, accuracy of the last step, of all steps, bits a step
 *   language  net, sentences, seed, updates, best update, parameters, bits a character in training,
 *             validation and test
 *   place     net, seed, first, last place of the window, bits a character
 *   memory    kind, length, parameters, bytes counted, bytes seen
 */
/* A training of a cell: what `task` names, scored by loss and accuracy, its curve and card kept in
 * the record. *log is the caller's to train_log_free. */
Status drawbacks_train(const TrainTask *task, int batch, double rate, uint64_t seed,
                       GridRecord *record, TrainLog **log);

Status drawbacks_parity_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record);
Status drawbacks_language_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record);
Status drawbacks_memory_cell(const Drawbacks *d, const DrawbacksCell *cell, GridRecord *record);
Status drawbacks_work(void *context, size_t cell, GridRecord *record);

#endif
