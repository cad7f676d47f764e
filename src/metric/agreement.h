/* agreement: how far readers who put the same things into categories agree.
 *
 *     AgreementResult result;                               // a, b [count]: 0 .. categories - 1
 *     STATUS_TRY(agreement_of(a, b, count, 4, 2000, 1, &result));
 *     printf("%.0f %%, kappa %.2f\n", 100 * result.share.value, result.kappa.value);
 *     STATUS_TRY(agreement_fleiss(all, readers, count, 4, 2000, 1, &result)); // of more than two
 *
 * Cohen's kappa (Educational and Psychological Measurement 1960) is (o - e) / (1 - e): o is the
 * share of things that both put into one category, e the share that two readers would who draw
 * blindly, each with the categories' shares of their own. 1: always together; 0: no more often than
 * by chance. Where both use one category alone e = 1 and kappa is no number; it is then taken as 1.
 *
 * Fleiss' kappa (Psychological Bulletin 1971) is the same of any number of readers: o is the share
 * of pairs of verdicts on one thing that are equal, e the sum of the squared shares that the
 * categories have of all verdicts. Of two readers it is not Cohen's: it gives both the same shares.
 */
#ifndef METRIC_AGREEMENT_H
#define METRIC_AGREEMENT_H

#include "stat/bootstrap.h"

#define AGREEMENT_CATEGORIES_MAX 16

typedef struct {
    Interval share; /* Wilson's interval */
    Interval kappa; /* a bootstrap's over the things */
} AgreementResult;

/* a, b [count], each below `categories`. STATUS_ARGUMENT for no things, for a category outside and
 * for fewer than 40 draws. */
Status agreement_of(const int *a, const int *b, size_t count, int categories, size_t draws,
                    uint64_t seed, AgreementResult *out);

/* verdicts [readers, count], one reader after another. share: of the things on which all readers
 * agree. STATUS_ARGUMENT as above, and for fewer than two readers. */
Status agreement_fleiss(const int *verdicts, int readers, size_t count, int categories,
                        size_t draws, uint64_t seed, AgreementResult *out);

#endif
