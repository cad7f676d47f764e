/* order: how well a sentence was put into order, by five measures that disagree on purpose.
 *
 *     OrderScore *scores = ...;                                    // one a sentence
 *     for (size_t s = 0; s < count; s++)
 *         STATUS_TRY(order_score(truth[s], n[s], answer[s], m[s], &scores[s]));
 *     OrderSummary all;
 *     STATUS_TRY(order_summarise(scores, 1, count, BOOTSTRAP_OVER_SENTENCES, 2000, 1, &all));
 *     printf("BLEU %.1f [%.1f, %.1f]\n", all.bleu.value, all.bleu.low, all.bleu.high);
 *
 * A sentence is an array of word ids; words of one id are the same word and may change places at no
 * cost. An answer is usually a rearrangement of the truth, but need not be: a decoder over a
 * vocabulary may forget a word and invent another. Truth has n words, w_1 .. w_n.
 *
 * | measure   | of one sentence                                                | of many        |
 * | ---       | ---                                                            | ---            |
 * | BLEU      | clipped counts of common 1- to 4-grams                         | from sums      |
 * | exact     | 1 where answer and truth are the same sequence                 | mean (PMR)     |
 * | tau       | (C - D) / P, see below                                         | mean           |
 * | position  | share of i with answer_i = w_i                                 | mean           |
 * | substring | longest run of words that stands in both, over n               | mean           |
 *
 * BLEU (Papineni et al., ACL 2002) as sacrebleu computes it (Post, WMT 2018) with tokenize=none and
 * its other defaults: one reference, exponential smoothing of orders without a match, brevity
 * penalty, 0 .. 100. The words are the tokens: there is nothing left to tokenize.
 *
 * Kendall's tau (Biometrika 1938; for word and sentence order Lapata, Computational Linguistics
 * 2006) compares pairs of words: C pairs stand in the answer in the order of the truth, D in the
 * other. Which of two same words is which nobody can see, so occurrences are matched in order, the
 * k-th of a word with its k-th; no other matching has fewer pairs of D (exchanging two that cross
 * never adds one). Pairs of the same word say nothing about order: P counts the pairs of different
 * words in the truth, n(n - 1)/2 where none repeats; where P = 0, tau is 1. A word that the answer
 * lacks makes its pairs neither C nor D, but they stay in P.
 *
 * By these rules a random order has an expected tau of 0 where no word repeats, a little more where
 * one does, and a right answer 1 in all measures (100 in BLEU, given one sentence of 4 words).
 */
#ifndef METRIC_ORDER_H
#define METRIC_ORDER_H

#include "base/status.h"
#include "metric/bootstrap_seeds.h"
#include "stat/bootstrap.h"
#include <stddef.h>
#include <stdint.h>

#define ORDER_GRAMS     4
#define ORDER_WORDS_MAX 4096 /* of a sentence: the counting takes time n squared */

typedef struct {
    uint16_t length, answer_length;
    uint16_t matches[ORDER_GRAMS]; /* clipped: n-grams of the answer found in the truth */
    uint16_t grams[ORDER_GRAMS];   /* n-grams of the answer */
    uint8_t exact;                 /* 0 or 1 */
    float tau, position, substring;
} OrderScore;

/* One sentence; truth [n], answer [m]. STATUS_ARGUMENT unless 1 <= n and both are at most
 * ORDER_WORDS_MAX. */
Status order_score(const uint32_t *truth, int n, const uint32_t *answer, int m, OrderScore *out);

/* place [m]: for each word of the answer the index in truth of the occurrence that it is matched
 * with (the k-th of a word with its k-th), or -1. Lengths as above. */
void order_match(const uint32_t *truth, int n, const uint32_t *answer, int m, int *place);

/* BLEU of `count` sentences, 0 .. 100. */
double order_bleu(const OrderScore *scores, size_t count);

typedef struct {
    size_t sentences;
    Interval bleu;                            /* 0 .. 100 */
    Interval exact, tau, position, substring; /* exact, position, substring: 0 .. 1 */
} OrderSummary;

/* Means over runs with their 95 % percentile intervals; scores [seeds, sentences] row-major, every
 * run on the same sentences. Seeds, sentences or both are resampled (bootstrap_seeds.h); the same
 * arguments give the same intervals everywhere. STATUS_ARGUMENT for no data or fewer than 40
 * draws, STATUS_MEMORY. */
Status order_summarise(const OrderScore *scores, size_t seeds, size_t sentences,
                       BootstrapLevels levels, size_t draws, uint64_t seed, OrderSummary *out);

/* The difference, `a` less `b`, of two systems on the same sentences, which are resampled in pairs
 * (Koehn, EMNLP 2004): an interval without 0 is a difference beyond the choice of sentences. */
Status order_compare(const OrderScore *a, const OrderScore *b, size_t sentences, size_t draws,
                     uint64_t seed, OrderSummary *out);

/* The same for runs [seeds, sentences] of both, of which run i of `a` belongs to run i of `b` (the
 * same seed, the same training sentences): the mean difference, pairs of runs, sentences or both
 * being resampled. */
Status order_compare_seeds(const OrderScore *a, const OrderScore *b, size_t seeds, size_t sentences,
                           BootstrapLevels levels, size_t draws, uint64_t seed, OrderSummary *out);

/* Copies the scores of sentences of low .. high words to the front of `out` [sentences], which may
 * be `scores` itself; the number of them. */
size_t order_of_length(const OrderScore *scores, size_t sentences, int low, int high,
                       OrderScore *out);

/* Where the words of each position went: cell [size, size] row-major, true position by position in
 * the answer, both from 0; what the answer lacks, or has beyond `size`, is counted in `elsewhere`.
 */
typedef struct {
    int size;
    uint64_t *cell;      /* [size * size] */
    uint64_t *elsewhere; /* [size], by true position */
    uint64_t sentences, too_long;
} OrderConfusion;

Status order_confusion_open(OrderConfusion *confusion, int size); /* all zero; STATUS_MEMORY */

/* Adds a sentence of at most `size` words; a longer one is only counted, in `too_long`. */
void order_confusion_add(OrderConfusion *confusion, const uint32_t *truth, int n,
                         const uint32_t *answer, int m);
void order_confusion_close(OrderConfusion *confusion);

#endif
