/* q6_cola: fine-tuning an encoder on CoLA, what its parts share.
 *
 * - q6_cola_plan: the command line
 * - q6_cola_run: from the command line to the results, seed after seed
 * - q6_cola_data: files to encoded sentences, splits
 * - q6_cola_train: one seed: training, then every split answered by the chosen weights
 * - q6_cola_work, _store: what is kept until the end, so that an interrupted run goes on
 * - q6_cola_print: what is shown meanwhile
 * - q6_cola_report, _groups: tables and facts
 * - q6_cola_classify: sentences from standard input
 */
#ifndef EXPERIMENTS_Q6_COLA_H
#define EXPERIMENTS_Q6_COLA_H

#include "data/cola.h"
#include "data/cola_annotations.h"
#include "model/bert.h"
#include "options.h"
#include "results.h"
#include "text/wordpiece.h"
#include "train/loop.h"

#define Q6_SEEDS_MAX 32

typedef enum { Q6_TRAIN, Q6_VALIDATION, Q6_IN_DOMAIN, Q6_OUT_OF_DOMAIN, Q6_SPLITS } Q6Split;

typedef enum { Q6_SELECT_MCC, Q6_SELECT_ACCURACY, Q6_SELECT_LOSS } Q6Select;

/* What the command line asks for. */
typedef struct {
    int quick;
    const char *model, *data, *results, *name, *export_folder;
    char label[64];      /* "mpnet", "minilm_control", "quick": q6.<label>.* */
    char experiment[80]; /* "q6_mpnet"; "q6_cola" for the quick profile */
    OptionInts seeds;
    int epochs, batch, evaluations_per_epoch, select, keep_last, form, random_weights, precision;
    int threads, longest, examples, split_seed, pool;
    double rate, warmup, layer_decay, weight_decay, average, dropout, hold_out;
} Q6Plan;

/* Sentences of one split, encoded. */
typedef struct {
    const ColaFile *file;
    size_t count;
    uint32_t *row;  /* [count], of the file */
    uint8_t *label; /* [count] */
    int *length;    /* [count] tokens, special ones included */
    size_t *start;  /* [count], of a sentence's ids in `ids` */
    int32_t *ids;
    size_t tokens; /* in all */
    size_t cut;    /* sentences that were longer than the plan allows */
} Q6Sentences;

typedef struct {
    ColaFile *file[COLA_PARTS];
    ColaFile *raw[COLA_PARTS]; /* the raw files, where the form is tokenized: for annotations */
    Wordpiece *pieces;
    Q6Sentences split[Q6_SPLITS];
    size_t overlap; /* out-of-domain sentences that also occur in in_domain_train */
    size_t shared;  /* validation sentences that also occur among the training ones */
} Q6Data;

/* One finished training. */
typedef struct {
    int seed;
    size_t batches, evaluations;
    TrainBatch *batch;
    TrainEvaluation *evaluation; /* scores: Q6_SCORES */
    size_t chosen;               /* of the evaluations */
    double seconds;              /* of training */
    float *margin[Q6_SPLITS];    /* [count]: logit of 1 less logit of 0 */
    size_t count[Q6_SPLITS];
    char exported[1024]; /* the folder, from the root, that its weights were written to; or "" */
} Q6Seed;

enum { Q6_SCORE_LOSS, Q6_SCORE_ACCURACY, Q6_SCORE_MCC, Q6_SCORE_F1, Q6_SCORES };

/* -1 to go on, else the exit status. */
int q6_plan_parse(Q6Plan *plan, int argc, char **argv);

/* What facts call the model of a folder: "all-mpnet-base-v2" is mpnet; what nobody named is its
 * folder's name, fit for a fact. */
void q6_model_name(const char *folder, char *name, size_t size);

/* The whole experiment; returns the exit status. */
int q6_run(int argc, char **argv);

/* "train", "validation", "in_domain", "out_of_domain" */
const char *q6_split_name(int split);

/* Steps of one pass over the training sentences. */
double q6_steps_per_epoch(const Q6Plan *plan, const Q6Data *data);

/* Everything read, split and encoded. The model's config says which tokenizer. */
Status q6_data_open(Q6Data *data, const Q6Plan *plan, const BertConfig *config);
void q6_data_close(Q6Data *data);

/* Names every input file by its sha256 in run.tsv. */
Status q6_data_describe(const Q6Data *data, const Q6Plan *plan, Results *results);

/* The tokenizer of a model folder. */
Status q6_pieces_open(Wordpiece **out, const char *folder, const BertConfig *config);

/* `count` sentences end to end: those that `example` names, or from `first` on where it is NULL.
 * The batch and its labels [count] are the arena's. */
Status q6_pack(Arena *arena, const Q6Sentences *split, const uint32_t *example, size_t first,
               size_t count, BertBatch *batch, uint8_t **labels);

/* Margins [count] of the sentences of a split. */
Status q6_answer(Bert *bert, Arena *arena, const Q6Sentences *split, float *margin);

/* loss, accuracy, MCC, F1 of margins against labels, [Q6_SCORES]. */
void q6_score(const uint8_t *label, const float *margin, size_t count, double *score);

/* Trains one seed, or continues it from its checkpoint `path`, answers every split, and exports the
 * weights where `export_folder` is not NULL. out is the caller's to q6_seed_free. */
Status q6_train_seed(const Q6Plan *plan, const Q6Data *data, int seed, const char *checkpoint,
                     const char *export_folder, Q6Seed *out);
void q6_seed_free(Q6Seed *seed);

/* Numbers in the model, from its shape. */
double q6_parameters(const BertConfig *config);

/* --- what is kept until the end -------------------------------------------------------------- */

/* <results>/.<experiment>-work: checkpoints and finished seeds of one plan and of one process. */
typedef struct {
    char folder[1200];
    int lock; /* the folder, open and locked; below 0: not open */
} Q6Work;

/* Text that two runs must share to be parts of one experiment: plan, weights, ids, threads. */
Status q6_fingerprint(const Q6Plan *plan, const Q6Data *data, char *text, size_t size);

/* Makes the folder or takes it over. What a run of another plan left there is an error that names
 * the difference, or where `replace`, is removed with a word on stderr. STATUS_IO while another
 * process works in it. */
Status q6_work_open(Q6Work *work, const char *results, const char *experiment,
                    const char *fingerprint, int replace);

/* "seed-3.safetensors" for what=""; "seed-3-training.safetensors" for what="-training". */
void q6_work_path(const Q6Work *work, int seed, const char *what, char *path, size_t size);

/* Removes what this program has put there, if `finished`; else what is left without use. */
void q6_work_close(Q6Work *work, int finished);

/* 1 and the seed when `path` holds it; 0 when there is nothing; a file of another plan is
 * STATUS_FORMAT and left alone. */
Status q6_store_load(const char *path, const char *fingerprint, const Q6Data *data, int seed,
                     Q6Seed *out, int *found);
Status q6_store_save(const char *path, const char *fingerprint, const Q6Seed *seed);

/* --- the end --------------------------------------------------------------------------------- */

Status q6_report_write(const Q6Plan *plan, const Q6Data *data, const BertConfig *config,
                       const Q6Seed *seed, size_t seeds, Results *results);

/* Prints to standard output what a reader wants to see at the beginning and of every epoch. */
void q6_print_data(const Q6Plan *plan, const Q6Data *data);
void q6_print_seed(const Q6Plan *plan, const Q6Seed *seed, const Q6Data *data);

/* One evaluation of the validation part, as soon as it has been made. */
void q6_print_evaluation(const Q6Plan *plan, int seed, double epoch, const double *score);

int q6_classify(int argc, char **argv);

#endif
