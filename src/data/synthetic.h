/* synthetic: the small tasks of questions 1 and 2, drawn as they are needed.
 *
 * Every sequence is a pure function of (task, split, index, length): training, validation and test
 * draw from different streams, other lengths and other settings too, and nothing is stored.
 *
 *     SyntheticTask task = {.kind = SYNTHETIC_COPY, .alphabet = 32, .seed = 1};
 *     STATUS_TRY(synthetic_check(&task, N));
 *     synthetic_draw(&task, SYNTHETIC_TRAIN, index, N, source, target);      // [N], [N]
 *     int symbols = synthetic_vocabulary(&task);
 *
 *   COPY      target = source                                    A^N sequences, all as likely
 *   REVERSE   target = source backwards                          the same
 *   RECALL    the first symbol is asked after N - 2 others and the query mark: one scored step, the
 *             last, at a lag of N - 1 (after experiment 2 of Hochreiter and Schmidhuber 1997). All
 *             are drawn evenly; the others from the alphabet itself, or from `others` symbols that
 *             are never asked for
 *   PAIRS     key value key value ... query ...: the value of the query's key, `pairs` pairs with
 *             distinct keys (associative recall: Graves et al. 2014, section 4.3; Ba et al. 2016).
 *             Every set and order of keys is as likely; values are drawn evenly with repetition;
 *             queries ask in a random order, each key once before any is asked again. A query is
 *             the key itself, and its own step is scored
 *   PARITY    fair bits; target t is the parity of bits 0..t: every step scored
 *
 * Targets that are not scored are SYNTHETIC_UNSCORED. Short sequences of different splits can be
 * the same by chance: there are but alphabet^N of them.
 */
#ifndef DATA_SYNTHETIC_H
#define DATA_SYNTHETIC_H

#include "base/status.h"
#include <stdint.h>

#define SYNTHETIC_UNSCORED (-1)

typedef enum {
    SYNTHETIC_COPY,
    SYNTHETIC_REVERSE,
    SYNTHETIC_RECALL,
    SYNTHETIC_PAIRS,
    SYNTHETIC_PARITY
} SyntheticKind;

typedef enum { SYNTHETIC_TRAIN, SYNTHETIC_VALIDATION, SYNTHETIC_TEST } SyntheticSplit;

typedef struct {
    SyntheticKind kind;
    int alphabet; /* A: symbols that carry something: ids 0 .. A - 1; keys and values of PAIRS have
                     A each (keys 0 .. A - 1, values A .. 2 A - 1); PARITY has 2 whatever it says */
    int pairs, queries; /* of PAIRS; 0 queries count as 1 */
    uint64_t seed;
    int others; /* of RECALL: symbols A .. A + others - 1 for what stands between; 0: the alphabet's
                   own */
} SyntheticTask;

/* STATUS_ARGUMENT, with what is wrong, for a task or a length that cannot be drawn. */
Status synthetic_check(const SyntheticTask *task, int length);

/* Ids in use, the marks (start, query) after the others included. */
int synthetic_vocabulary(const SyntheticTask *task);
int synthetic_start(const SyntheticTask *task); /* the id of the start symbol of decoders */

/* Length N that `pairs` and `queries` give. */
int synthetic_pairs_length(const SyntheticTask *task);

/* Writes source [length] and target [length]; index below 2^40. The task and the length must be
 * such that synthetic_check accepts them. */
void synthetic_draw(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length,
                    int32_t *source, int32_t *target);

#endif
