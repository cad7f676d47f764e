/* q6_cola: fine-tuning an encoder on CoLA, what its parts share.
 *
 *     q6_cola_plan      the command line
 *     q6_cola_data      files to encoded sentences, splits
 *     q6_cola_train     one seed: training, then every split answered by the chosen weights
 *     q6_cola_store     finished seeds, kept so that a run of many seeds goes on after an
 * interruption q6_cola_report    tables and facts q6_cola_classify  sentences from standard input
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
    const char *name; /* "train", "validation", "in_domain", "out_of_domain" */
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
} Q6Seed;

enum { Q6_SCORE_LOSS, Q6_SCORE_ACCURACY, Q6_SCORE_MCC, Q6_SCORE_F1, Q6_SCORES };

/* -1 to go on, else the exit status. */
int q6_plan_parse(Q6Plan *plan, int argc, char **argv);

/* Everything read, split and encoded. The model's config says which tokenizer. */
Status q6_data_open(Q6Data *data, const Q6Plan *plan, const BertConfig *config);
void q6_data_close(Q6Data *data);

/* The tokenizer of a model folder. */
Status q6_pieces_open(Wordpiece **out, const char *folder, const BertConfig *config);

/* Margins [count] of the sentences of a split. */
Status q6_answer(Bert *bert, Arena *arena, const Q6Sentences *split, float *margin);

/* loss, accuracy, MCC, F1 of margins against labels, [Q6_SCORES]. */
void q6_score(const uint8_t *label, const float *margin, size_t count, double *score);

/* Trains one seed, or continues it from its checkpoint `path`. `fingerprint` of the model's weights
 * is checked by the store. out is the caller's to q6_seed_free. */
Status q6_train_seed(const Q6Plan *plan, const Q6Data *data, int seed, const char *checkpoint,
                     Q6Seed *out);
void q6_seed_free(Q6Seed *seed);

/* --- the store ----------------------------------------------------------------------------------
 */

/* Text that two runs must share to be parts of one experiment; q6_fingerprint hashes the weights.
 */
Status q6_fingerprint(const Q6Plan *plan, const Q6Data *data, char *text, size_t size);

/* 1 and the seed when `path` holds it; 0 when there is nothing; a file of another plan is
 * STATUS_FORMAT and left alone. */
Status q6_store_load(const char *path, const char *fingerprint, const Q6Data *data, int seed,
                     Q6Seed *out, int *found);
Status q6_store_save(const char *path, const char *fingerprint, const Q6Seed *seed);

/* --- the end ------------------------------------------------------------------------------------
 */

Status q6_report_write(const Q6Plan *plan, const Q6Data *data, const BertConfig *config,
                       const Q6Seed *seed, size_t seeds, Results *results);

/* Prints to standard output what a reader wants to see at the beginning and of every epoch. */
void q6_print_data(const Q6Plan *plan, const Q6Data *data);
void q6_print_seed(const Q6Plan *plan, const Q6Seed *seed, const Q6Data *data);

int q6_classify(int argc, char **argv);

#endif
