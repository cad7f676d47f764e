/* synthetic: the small tasks of questions 1 and 2, drawn as they are needed.
 *
 * Every sequence is a pure function of (task, seed, split, index): training, validation and test
 * draw from different streams, and nothing is stored.
 *
 *     SyntheticTask task = {.kind = SYNTHETIC_COPY, .alphabet = 32, .seed = 1};
 *     synthetic_draw(&task, SYNTHETIC_TRAIN, index, N, source, target);      // [N], [M]
 *     int symbols = synthetic_vocabulary(&task);
 *
 *   COPY      target = source                                       N symbols, M = N
 *   REVERSE   target = source backwards                             N symbols, M = N
 *   RECALL    the first symbol is asked after N - 2 others and the query mark: one scored step
 *             (Hochreiter and Schmidhuber 1997, section 5.2)         N symbols, M = N
 *   PAIRS     key value key value ... query: the value of the query's key, `pairs` pairs with
 *             distinct keys (associative recall: Graves et al. 2014, section 4.3; Ba et al. 2016)
 *             one scored step or, with `queries` above 1, as many      M = N
 *   PARITY    bits; target t is the parity of bits 0..t: every step scored                M = N
 *
 * Targets that are not scored are SYNTHETIC_UNSCORED.
 */
#ifndef DATA_SYNTHETIC_H
#define DATA_SYNTHETIC_H

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
    int alphabet; /* symbols that carry something: ids 0 .. alphabet - 1; keys and values of PAIRS
                     have `alphabet` each */
    int pairs, queries; /* of PAIRS */
    uint64_t seed;
} SyntheticTask;

/* Ids in use, the marks (start, query) after the alphabet included. */
int synthetic_vocabulary(const SyntheticTask *task);
int synthetic_start(const SyntheticTask *task); /* the id of the start symbol of decoders */

/* Length N that `pairs` and `queries` give. */
int synthetic_pairs_length(const SyntheticTask *task);

/* Writes source [length] and target [length]. */
void synthetic_draw(const SyntheticTask *task, SyntheticSplit split, uint64_t index, int length,
                    int32_t *source, int32_t *target);

#endif
