/* ngram: a trigram language model with modified Kneser-Ney smoothing (Chen and Goodman 1998,
 * section 3; Kneser and Ney 1995): what put words into order before neural networks did.
 *
 *     Ngram *model;
 *     STATUS_TRY(ngram_open(&model, words));                    // ids 0 .. words - 1
 *     for (...) STATUS_TRY(ngram_add(model, sentence, length)); // counts
 *     STATUS_TRY(ngram_finish(model));                          // discounts
 *     double p = ngram_probability(model, u, v, w);             // of w after u, v
 *     ngram_close(model);
 *
 * Sentences begin with two marks NGRAM_BEGIN and end with NGRAM_END. Words that were never counted
 * have what the unigrams leave to them, the same for each.
 */
#ifndef MODEL_NGRAM_H
#define MODEL_NGRAM_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

#define NGRAM_WORDS_MAX ((UINT32_C(1) << 21) - 2)
#define NGRAM_BEGIN     NGRAM_WORDS_MAX
#define NGRAM_END       (NGRAM_WORDS_MAX + 1)

typedef struct Ngram Ngram;

/* *out is the caller's to ngram_close. `words`: ids, counted or not, among which the unigrams share
 * out what they leave. STATUS_ARGUMENT for none or more than NGRAM_WORDS_MAX; STATUS_MEMORY. */
Status ngram_open(Ngram **out, size_t words);

/* Counts the trigrams of a sentence. STATUS_ARGUMENT for an id that is none. */
Status ngram_add(Ngram *model, const uint32_t *word, int length);

/* Discounts from counts of counts (Chen and Goodman, equation 26); where a corpus is so small that
 * one of them cannot be had, it is 1/2, 1 and 3/2. No more adding afterwards. */
Status ngram_finish(Ngram *model);

/* p(w | u, v), 0 < p < 1: summed over every word and NGRAM_END it is 1. */
double ngram_probability(const Ngram *model, uint32_t u, uint32_t v, uint32_t w);

/* p(w | v), the lower order, by numbers of contexts. */
double ngram_bigram(const Ngram *model, uint32_t v, uint32_t w);

/* Discounts D1, D2, D3+ of order 1 to 3. */
const double *ngram_discounts(const Ngram *model, int order);

void ngram_close(Ngram *model);

/* --- ordering --------------------------------------------------------------------------------- */

typedef struct {
    int beam;
    double future; /* weight of what the words left are expected to cost */
} NgramSearch;

/* order [n]: for each place the index of the word that stands there, the likeliest sentence that a
 * beam finds; *score (may be NULL) its log-probability. Hypotheses that have used the same words
 * and end in the same two are one, exactly. They are compared, among those of equal length, by
 * their log-probability plus `future` times the sum over the words left of their best
 * log-probability after any word of the bag (the future cost of Koehn 2010, section 6.2.3). n from
 * 1 to NGRAM_BAG_MAX, beam from 1 on. */
#define NGRAM_BAG_MAX 64
Status ngram_search(const Ngram *model, const uint32_t *word, int n, const NgramSearch *options,
                    int *order, double *score);

#endif
