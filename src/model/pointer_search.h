/* pointer_search: beam search for any model that points at the words left, step by step. For
 * src/model alone; reorderer_search.h says what is searched and how.
 *
 *     PointerSteps steps = {.width = D, .open = open, .step = step, .model = model};
 *     STATUS_TRY(pointer_search(&steps, &arena, &bags, &options, order, score));
 *
 * The search calls `open` once for some sentences and then `step` once for every place, with all
 * hypotheses of all of them as rows; both leave pointers to what they computed in `keys` and
 * `query`. A word's probability is its softmax share among the words left, of query . key / sqrt D
 * (nn/pointer.h).
 */
#ifndef MODEL_POINTER_SEARCH_H
#define MODEL_POINTER_SEARCH_H

#include "model/reorderer_search.h"

/* One hypothesis. */
typedef struct {
    int sentence;
    int first, words; /* the sentence's rows in the bags */
    int last;         /* row of the word placed last; -1: none yet */
    const int *trail; /* [t + 1]: the row that it had at each step, the present one last */
    const int *left;  /* [seen]: rows of the words left, or of all where all_seen */
    int seen;
} PointerRow;

typedef struct PointerSteps PointerSteps;
struct PointerSteps {
    int width;    /* D of keys and queries */
    int all_seen; /* 1: `left` lists all words of the bag */
    int sorts;    /* 1: words are put into an order of their own first, so that nothing depends on
                     how they are given */
    void *model;
    void *state; /* of `open`, for `step`; memory is the tape's arena's */
    /* Reads sentences of at most `longest` words; at most rows_max hypotheses will follow. The bags
     * live until the last step. */
    Status (*open)(PointerSteps *steps, Tape *tape, const ReorderBatch *bags, int longest,
                   int rows_max);
    /* `rows` hypotheses that have placed t words each. */
    Status (*step)(PointerSteps *steps, int t, int rows, const PointerRow *row);
    const float *keys;  /* [T, D], by open */
    const float *query; /* [rows, D], by step */
};

/* As reorderer_search, of any model. */
Status pointer_search(PointerSteps *steps, Arena *arena, const ReorderBatch *bags,
                      const ReordererSearch *options, int *order, double *score);

#endif
