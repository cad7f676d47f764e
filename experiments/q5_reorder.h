/* q5_reorder: Persian word ordering, what its parts share.
 *
 * - q5_reorder_plan: the command line
 * - q5_reorder_run: from the command line to the results
 * - q5_reorder_data: sets of sentences, words as the model reads them
 * - q5_network: the Transformer or the LSTM, as one thing
 * - q5_reorder_train: the training
 * - q5_reorder_answer: what the systems make of shuffled words
 * - q5_reorder_measure: every system on every set
 * - q5_reorder_against: another model on the same sentences
 * - q5_reorder_report, _samples: tables and facts
 * - q5_reorder_order: shuffled words from standard input
 */
#ifndef EXPERIMENTS_Q5_REORDER_H
#define EXPERIMENTS_Q5_REORDER_H

#include "data/reorder_data.h"
#include "metric/order.h"
#include "model/ngram.h"
#include "model/pointer_lstm.h"
#include "model/reorderer_search.h"
#include "options.h"
#include "results.h"
#include "train/loop.h"

#define Q5_SHORTEST 4 /* words of the sentences that are tested */
#define Q5_LONGEST  15
#define Q5_SAMPLES  5

typedef enum { Q5_TRANSFORMER, Q5_LSTM, Q5_NETWORKS } Q5NetworkKind;
extern const char *const q5_network_slug[Q5_NETWORKS]; /* "pointer", "lstm" */

/* What the command line asks for. */
typedef struct {
    int quick;
    const char *data, *favour, *results, *model, *against;
    char experiment[64]; /* "q5_reorder"; "_lstm", "_s<seed>" but for 1, and "_quick" behind it */
    char prefix[32];     /* of facts: "q5", "q5.lstm", "q5.s2", "q5.quick", "q5.quick.lstm" */
    Q5NetworkKind network;
    int seed, steps, rise, fall, batch, shortest, longest, repeat, rare, evaluations, threads;
    OptionInts beams; /* of the pointer, ascending; the widest is "pointer" */
    int tested;       /* sentences of PerDT dev and test at most */
    int beam;         /* of the trigram */
    int held_out;     /* sentences of each corpus's documents that are tested */
    double rate, decay, beta2, future, seconds;
    ReordererConfig shape;
    PointerLstmConfig lstm;
} Q5ReorderPlan;

/* One of the two. */
typedef struct {
    Reorderer *pointer;
    PointerLstm *lstm;
} Q5Network;

/* Some sentences of a set: those of the lengths that are asked for. */
typedef struct {
    const ReorderSet *set;
    size_t count, words;
    uint32_t *sentence; /* [count], of the set */
} Q5Part;

typedef struct {
    ReorderData data;
    int32_t *feature;          /* [words, REORDERER_FEATURES] */
    size_t known;              /* words with a vector of their own: the first so many ids */
    Q5Part train;              /* favoured sentences stand in it several times, after all
                                  others */
    Q5Part dev, test;          /* of PerDT, Q5_SHORTEST to Q5_LONGEST words */
    size_t distinct, favoured; /* of the training sentences */
} Q5Sentences;

/* -1 to go on, else the exit status. */
int q5_reorder_parse(Q5ReorderPlan *plan, int argc, char **argv);

/* The whole experiment; returns the exit status. */
int q5_reorder_run(int argc, char **argv);

/* `q5_reorder order`. */
int q5_reorder_order(int argc, char **argv);

Status q5_sentences_open(Q5Sentences *data, const Q5ReorderPlan *plan);
void q5_sentences_close(Q5Sentences *data);

/* At most `most` sentences of shortest .. longest words, the first of the set;
 * the caller's to q5_part_close. */
Status q5_part_open(Q5Part *part, const ReorderSet *set, int shortest, int longest, size_t most);
void q5_part_close(Q5Part *part);

/* Copies sentences of a part end to end into tape memory, words in the right
 * order; `example` NULL: those from `first` on. */
Status q5_pack(Tape *tape, const Q5Sentences *data, const Q5Part *part, const uint32_t *example,
               size_t first, size_t count, ReorderBatch *batch);

/* Trains, or continues from `checkpoint`. *log is the caller's. */
Status q5_train(const Q5ReorderPlan *plan, const Q5Sentences *data, const Q5Network *network,
                const char *checkpoint, TrainLog **log);

/* --- a network ------------------------------------------------------------------------------- */

/* The caller's to q5_network_close, also after a failure. */
Status q5_network_open(Q5Network *out, const Q5ReorderPlan *plan);
void q5_network_close(Q5Network *network);
ParameterSet *q5_network_parameters(const Q5Network *network);

/* As reorderer_search. */
Status q5_network_search(const Q5Network *network, Arena *arena, const ReorderBatch *bags,
                         const ReordererSearch *search, int *order);

/* Mean loss of some sentences of a part, as q5_pack takes them; q5_batches.h has the LSTM's. */
Status q5_pointer_loss(const Q5Network *network, Tape *tape, const Q5Sentences *data,
                       const Q5Part *part, const uint32_t *example, size_t first, size_t count,
                       Value **out, TrainCount *counted);

/* Mean loss a word and share of places where the likeliest word is right, given
 * those before. */
Status q5_loss(const Q5Network *network, Arena *arena, const Q5Sentences *data, const Q5Part *part,
               double *loss, double *accuracy);

/* --- answers and scores
 * ------------------------------------------------------------------------ */

/* Word ids of every sentence of a part, in the order that a system gives them.
 */
typedef struct {
    size_t *start; /* [count + 1], into word */
    uint32_t *word;
    double seconds; /* that the system took */
} Q5Answers;

Status q5_answers_open(const Q5Part *part, Q5Answers *out);
void q5_answers_close(Q5Answers *answers);

/* `what` names the progress; NULL: silent. */
Status q5_answer_network(const Q5Network *network, const Q5Sentences *data, const Q5Part *part,
                         const ReordererSearch *search, const char *what, Q5Answers *out);
Status q5_answer_ngram(const Ngram *model, const Q5Part *part, const NgramSearch *search,
                       const char *what, Q5Answers *out);
/* The words as they are given. */
void q5_answer_chance(const Q5Part *part, Q5Answers *out);

/* Counts every distinct training sentence once. *out is the caller's to
 * ngram_close. */
Status q5_train_ngram(const Q5Sentences *data, Ngram **out);

/* scores [part->count] */
Status q5_score(const Q5Part *part, const Q5Answers *answers, OrderScore *scores);

/* --- results
 * -----------------------------------------------------------------------------------
 */

typedef struct {
    const Q5ReorderPlan *plan;
    const Q5Sentences *data;
    Results *results;
    Q5Network network;
    Ngram *ngram;
    const TrainLog *log;
    double before_loss, before_accuracy; /* of the untrained model on dev */
    double fusion;                       /* weight of the trigram beside the model */
    uint32_t sample[Q5_SAMPLES];         /* sentences of the test part, drawn by seed */
    Q5Answers before;                    /* of the untrained model, on the test part */
    Q5Answers after;                     /* of the trained one, at the widest beam */
} Q5Run;

/* That what --against names can be read, before hours are spent. */
Status q5_check_against(const Q5ReorderPlan *plan);

/* What --against names, on PerDT test at the widest beam, and how much it is better than the
 * network's own answers, with their scores [test.count]: <prefix>.perdt_test.against.* and
 * .behind.*. */
Status q5_measure_against(Q5Run *run, const OrderScore *own);

/* Scores answers and writes them to scores.tsv and facts; with `lengths` to lengths.tsv too.
 * `kept`, where not NULL, gets the scores [count]. */
Status q5_take(const Q5Run *run, const char *set, const char *system, int beam, const Q5Part *part,
               const Q5Answers *answers, int lengths, OrderScore *kept);

/* How much `better` [count] is than `worse` on the same sentences, as facts
 * <prefix>.<set>.<gain>.{bleu,exact,tau}. */
Status q5_difference(const Q5Run *run, const char *set, const char *gain, const OrderScore *better,
                     const OrderScore *worse, size_t count);

/* Every system on every set: scores.tsv, lengths.tsv, fusion.tsv, confusion_*.tsv and their
 * facts. */
Status q5_measure(Q5Run *run);

/* card.tsv, curve.tsv, samples.tsv, mismatches.tsv and what run.tsv says. */
Status q5_report(const Q5Run *run);

#endif
