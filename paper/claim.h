/* claim: does the predicate under a sentence hold for the facts at hand?
 *
 *     ClaimVerdict verdict;
 *     Status status = claim_evaluate(&sources, "q4.tiled.forward.time.slope:low > 1.8", &verdict);
 *     if (status != STATUS_OK) ... the predicate is wrong at byte verdict.offset ...
 *     if (verdict.kind == CLAIM_HOLDS) ... print the sentence ...
 *
 * Grammar (facts may be joined to numbers by + - * /, and compared, also in chains 1 < x < 2):
 *
 *     predicate  = conjunction { "or" conjunction }
 *     conjunction = negation { "and" negation }
 *     negation   = "not" negation | comparison
 *     comparison = sum { ("<" | ">" | "<=" | ">=") sum }
 *     sum        = product { ("+" | "-") product }
 *     product    = factor { ("*" | "/") factor }
 *     factor     = number | name [ ":low" | ":high" ] | "-" factor | "(" predicate ")"
 *
 * A name that no results hold makes the whole claim not established, whatever the rest says: a
 * sentence rests on everything that its predicate mentions.
 */
#ifndef PAPER_CLAIM_H
#define PAPER_CLAIM_H

#include "sources.h"

typedef enum { CLAIM_HOLDS, CLAIM_FAILS, CLAIM_MISSING } ClaimKind;

typedef struct {
    ClaimKind kind;
    char missing[256]; /* the first name without a value, when CLAIM_MISSING */
    size_t offset;     /* where a wrong predicate goes wrong, in bytes */
} ClaimVerdict;

/* STATUS_FORMAT: the predicate is not in the grammar, mixes truth values with numbers, or is no
 * comparison at all; the message says what was expected and found. */
Status claim_evaluate(const Sources *sources, const char *predicate, ClaimVerdict *out);

#endif
