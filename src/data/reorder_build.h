/* reorder_build: from the sentences of many corpora to sets that share nothing they should not.
 *
 *     ReorderPlan plan = {.seed = 1, .test = .04, .validation = .03};
 *     plan.role[0] = REORDER_SPLIT;                          // corpus number 0 of the pool
 *     plan.role[1] = REORDER_TEST_ONLY;
 *     plan.name[0] = "wiki"; ...
 *     ReorderData data;
 *     ReorderFlow flow[2];                                   // what became of each corpus's
 * sentences STATUS_TRY(reorder_build(&pool, 2, &plan, &data, flow));
 *
 * 1. Documents, not sentences, are split: those of a corpus are put in the order of a hash of their
 *    text and the seed; the first `test` of them are test, the next `validation` validation.
 * 2. A corpus of REORDER_TEST_ONLY is a set of its own, as it is; nothing of it is left out.
 * 3. Sentences that occurred before are left out: of test within test, of validation within test
 *    and validation, of train within all three.
 * 4. What nearly repeats (near_duplicates.h) a sentence of test is left out of validation, and what
 *    nearly repeats one of test, of validation or of a set of its own is left out of train.
 * 5. Each set is put into an order drawn by seed, every sentence gets its shuffle, ids are ranked.
 */
#ifndef DATA_REORDER_BUILD_H
#define DATA_REORDER_BUILD_H

#include "data/persian_corpus.h"
#include "data/reorder_data.h"

#define REORDER_CORPORA_MAX 20

typedef enum {
    REORDER_SPLIT,      /* by document: train, validation, test and test_<name> */
    REORDER_TRAIN_ONLY, /* a published training part */
    REORDER_TEST_ONLY   /* a published part to test on, a set of its own name */
} ReorderRole;

typedef struct {
    uint64_t seed;
    double test, validation; /* shares of the documents of a corpus */
    ReorderRole role[REORDER_CORPORA_MAX];
    const char *name[REORDER_CORPORA_MAX];
} ReorderPlan;

enum { REORDER_TRAIN, REORDER_VALIDATION, REORDER_TEST, REORDER_SPLITS };

/* What became of the sentences of one corpus: their number in the pool is the sum of the rest. */
typedef struct {
    size_t sentences;
    size_t documents[REORDER_SPLITS];     /* with at least one sentence in the pool */
    size_t kept[REORDER_SPLITS];          /* of a REORDER_TEST_ONLY corpus: all of it under TEST */
    size_t words[REORDER_SPLITS];         /* of those kept */
    size_t repeated[REORDER_SPLITS];      /* the same word for word as one before */
    size_t near_test, near_validation;    /* left out of validation or train for nearly repeating */
    size_t near_own[REORDER_CORPORA_MAX]; /* left out of train for nearly repeating a sentence of
                                             that TEST_ONLY corpus */
} ReorderFlow;

/* `corpora` numbers 0 .. corpora - 1 occur in the pool; flow [corpora]. `out` is the caller's to
 * reorder_data_free, also its words; the pool is not changed. STATUS_ARGUMENT for shares out of
 * range, no training sentence left, or too many sets; STATUS_MEMORY. */
Status reorder_build(const PersianPool *pool, int corpora, const ReorderPlan *plan,
                     ReorderData *out, ReorderFlow *flow);

#endif
