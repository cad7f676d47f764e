/* reorderer_search: the likeliest order of a bag of words, by beam search.
 *
 *     int order[T];                                     // of all sentences, end to end
 *     double score[B];
 *     STATUS_TRY(reorderer_search(model, &arena, &bags, &(ReordererSearch){.beam = 8}, order,
 *                                 score));
 *     for (int t = 0; t < n; t++) puts(text_of(bags.words[offsets[b] + order[offsets[b] + t]]));
 *
 * Every hypothesis places each word of its bag once, so that any weights and any bag give a
 * permutation. Equal words are one choice, whose probability is the sum over them. Hypotheses that
 * have placed the same words and end in the same `ends` words are one state, of which the likelier
 * stays (Lowerre 1976, chapter 2, recombines paths of speech so; here the decoder also remembers
 * what came before, so that this is a heuristic: it keeps the beam from filling with reorderings of
 * one beginning).
 *
 * A trigram of the same language may have its say: each word then counts log p(word) of the model
 * plus a weight times that of the trigram, which also knows where sentences end (shallow fusion,
 * Gulcehre et al. 2015, section 4.1).
 *
 * Hypotheses of many sentences are rows of one product; keys and values of what a hypothesis has
 * placed are kept by step and found through its trail, so that nothing is computed or copied twice.
 * Bags are put into an order of their own first: what comes out, to the bit, does not depend on the
 * order in which the words are given.
 */
#ifndef MODEL_REORDERER_SEARCH_H
#define MODEL_REORDERER_SEARCH_H

#include "model/ngram.h"
#include "model/reorderer.h"

#define REORDERER_BEAM_MAX  1024
#define REORDERER_WORDS_MAX 256 /* of a sentence */

typedef struct {
    int beam; /* 1: greedy */
    int ends; /* words that tell states apart besides what has been placed; 0: 3 of them */
    const Ngram *ngram;  /* NULL: none; else it knows the words by the ids of the bags */
    double ngram_weight; /* 0 or more */
} ReordererSearch;

/* order [T]: for each place the index, in its own sentence, of the word that stands there; equal
 * words in ascending order. score [B] (may be NULL): the order's log-probability in nats,
 * with the trigram's weighted one where there is one.
 * STATUS_ARGUMENT for a beam below 1 or above REORDERER_BEAM_MAX, for sentences of more than
 * REORDERER_WORDS_MAX words, and for a trigram of negative weight or with states told apart by
 * fewer words than the two that it looks back. Scratch from the arena is given back. */
Status reorderer_search(Reorderer *model, Arena *arena, const ReorderBatch *bags,
                        const ReordererSearch *options, int *order, double *score);

#endif
