/* q5_judged: are the orderer's answers that differ from the sentence wrong? What readers said.
 *
 *     q5_reorder judged                                 // the recorded mismatches, as judged
 *     q5_reorder judged --blank=7 --reader=mine         // what is left to judge, as a table to
 * fill
 *
 * - q5_judged: the command line, and the table to fill
 * - q5_judged_read: mismatches and judgments, matched by their exact text
 * - q5_judged_report: shares, agreement and what follows for the score; tables and facts
 * - q5_judged_agreement: readers against each other
 *
 * Judgments are data, written by readers (experiments/q5_judged.tsv: truth, answer, reader,
 * verdict, reason). One belongs to an answer if sentence and answer are the same, letter by letter,
 * so that none is ever attached to what another model answered. The criteria, to be asked in this
 * order of the answer read with whatever punctuation, pauses and ezafe suit it best:
 *
 * - broken: no such reading is a sentence of written Persian: a preposition or a conjunction
 * without its word, two words of a compound verb torn apart as nobody does, a clause without a verb
 * or with one too many, an object marker after no object.
 * - nonsense: it can be parsed, but nobody would say it: it gives things to do or to be what they
 *   cannot, or joins clauses that have nothing to do with each other.
 * - other: somebody could say it, but it says another thing than the sentence does: somewhere one
 * is true and the other is not, because who does it to whom, what an adjective, a negation, a
 * number or a word such as "only" and "also" belongs to, or the tie between clauses has changed.
 * - same: what is left: true wherever the sentence is. Only emphasis, rhythm or style may differ.
 *
 * Between two verdicts in doubt, the one that comes first in this list stands. Only "same" is
 * acceptable.
 *
 * Two to eight readers judge every answer. Where they differ the median verdict counts, in the
 * order of this list, and of two in the middle the stricter: at each question in turn, broken,
 * nonsense, other, the answer is failed if at least half of the readers have failed it by then. So
 * it is acceptable if more than half of them say "same"; for two readers, if both do.
 */
#ifndef EXPERIMENTS_Q5_JUDGED_H
#define EXPERIMENTS_Q5_JUDGED_H

#include "base/tsv.h"
#include "results.h"
#include "stat/bootstrap.h"

typedef enum { Q5_SAME, Q5_OTHER, Q5_NONSENSE, Q5_BROKEN, Q5_VERDICTS } Q5Verdict;

#define Q5_READERS_MIN 2
#define Q5_READERS_MAX 8
#define Q5_NOT_JUDGED  (-1)
#define Q5_LENGTHS_MAX 16

typedef struct {
    Tsv *mismatches, *judgments;
    int truth, answer;                  /* columns of mismatches */
    int count;                          /* of mismatches */
    int *words;                         /* [count] of the sentence */
    int readers;                        /* who judged any of them */
    const char *reader[Q5_READERS_MAX]; /* in the order in which the judgments name them */
    int *verdict;                       /* [Q5_READERS_MAX, count]: a Q5Verdict or Q5_NOT_JUDGED */
    int *reason; /* [Q5_READERS_MAX, count]: row of judgments, for those that are judged */
} Q5Judged;

/* Reads <folder>/mismatches.tsv, as q5_reorder leaves it, and the judgments. STATUS_FORMAT with
 * file and line for a verdict that is none, for a mismatch that stands there twice, for one that a
 * reader judged twice, and for a ninth reader. *out is the caller's to q5_judged_close. */
Status q5_judged_read(const char *folder, const char *judgments, Q5Judged *out);
void q5_judged_close(Q5Judged *judged);

/* "same", "other", "nonsense", "broken" */
const char *q5_verdict_name(int verdict);

/* "one" to "eight": what facts and tables call a reader, whose own name may be anything. */
const char *q5_judged_reader(int who);

/* The verdict that counts for mismatch i, which all readers have judged: see above. */
int q5_judged_verdict(const Q5Judged *judged, int i);

/* STATUS_FORMAT that says how many are not judged by whom, and names the first. */
Status q5_judged_complete(const Q5Judged *judged, const char *path);

/* The share of all answers that are acceptable: `exact` of `sentences` are the sentence itself, and
 * of `judged` of the others `acceptable` are. Percentile interval of both drawn anew. */
Interval q5_judged_accepted(size_t exact, size_t sentences, size_t acceptable, size_t judged);

/* agreement.tsv and confusion.tsv: Cohen's kappa of every two readers, of the four verdicts and of
 * acceptable or not, and Fleiss' of all; facts <prefix>agreement.*, kappa.*, acceptable.kappa.*,
 * acceptable.agreement.*, and disputed.* of the answers on which they do not all agree. */
Status q5_judged_agreement(const Q5Judged *judged, Results *results);

/* verdicts.tsv, lengths.tsv, examples.tsv, what q5_judged_agreement writes and the facts
 * q5.judged.*; the scores of the same run
 * come from <folder>/scores.tsv and lengths.tsv. Prints a summary. */
Status q5_judged_report(const Q5Judged *judged, const char *folder, Results *results);

/* `q5_reorder judged ...`: argv[1] is that word. */
int q5_judged_run(int argc, char **argv);

#endif
