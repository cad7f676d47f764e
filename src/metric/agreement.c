#include "metric/agreement.h"
#include "stat/share.h"

#include <stdlib.h>

/* values [count]: categories * a + b; *context: the number of categories. */
static double kappa_of(const double *values, size_t count, void *context) {
    const int categories = *(const int *)context;
    double one[AGREEMENT_CATEGORIES_MAX] = {0}, two[AGREEMENT_CATEGORIES_MAX] = {0};
    double same = 0, chance = 0;
    for (size_t i = 0; i < count; i++) {
        const int a = (int)values[i] / categories, b = (int)values[i] % categories;
        one[a]++, two[b]++;
        same += a == b;
    }
    const double n = (double)count;
    for (int c = 0; c < categories; c++) chance += one[c] / n * (two[c] / n);
    return chance < 1 ? (same / n - chance) / (1 - chance) : 1;
}

static Status check_categories(int categories) {
    if (categories >= 1 && categories <= AGREEMENT_CATEGORIES_MAX) return STATUS_OK;
    return status_fail(STATUS_ARGUMENT, "agreement: %d categories; expected 1 to %d", categories,
                       AGREEMENT_CATEGORIES_MAX);
}

Status agreement_of(const int *a, const int *b, size_t count, int categories, size_t draws,
                    uint64_t seed, AgreementResult *out) {
    size_t same = 0;
    STATUS_TRY(check_categories(categories));
    double *values = malloc((count + 1) * sizeof *values);
    if (!values) return status_fail(STATUS_MEMORY, "agreement: no memory for %zu things", count);
    for (size_t i = 0; i < count; i++) {
        if (a[i] < 0 || a[i] >= categories || b[i] < 0 || b[i] >= categories) {
            free(values);
            return status_fail(STATUS_ARGUMENT,
                               "agreement: thing %zu has categories %d and %d; expected 0 to %d", i,
                               a[i], b[i], categories - 1);
        }
        values[i] = categories * a[i] + b[i];
        same += a[i] == b[i];
    }
    out->share = share_wilson(same, count);
    const Status status =
        bootstrap_interval(values, count, kappa_of, &categories, draws, seed, &out->kappa);
    free(values);
    return status;
}

/* --- any number of readers ----------------------------------------------------------------------
 */

typedef struct {
    const int *verdicts; /* [readers, count] */
    size_t count;
    int readers, categories;
} Ratings;

/* How many readers put thing i into each category. */
static void tally(const Ratings *r, size_t i, double hits[AGREEMENT_CATEGORIES_MAX]) {
    for (int c = 0; c < r->categories; c++) hits[c] = 0;
    for (int who = 0; who < r->readers; who++) hits[r->verdicts[(size_t)who * r->count + i]]++;
}

/* values [count]: which things, so that a resample repeats whole things. *context: the ratings. */
static double fleiss_of(const double *values, size_t count, void *context) {
    const Ratings *r = context;
    const double readers = r->readers, n = (double)count;
    double of_all[AGREEMENT_CATEGORIES_MAX] = {0}, pairs = 0, chance = 0;
    for (size_t k = 0; k < count; k++) {
        double hits[AGREEMENT_CATEGORIES_MAX];
        tally(r, (size_t)values[k], hits);
        for (int c = 0; c < r->categories; c++) {
            of_all[c] += hits[c];
            pairs += hits[c] * (hits[c] - 1);
        }
    }
    const double same = pairs / (n * readers * (readers - 1));
    for (int c = 0; c < r->categories; c++) {
        const double share = of_all[c] / (n * readers);
        chance += share * share;
    }
    return chance < 1 ? (same - chance) / (1 - chance) : 1;
}

static int unanimous(const Ratings *r, size_t i) {
    for (int who = 1; who < r->readers; who++)
        if (r->verdicts[(size_t)who * r->count + i] != r->verdicts[i]) return 0;
    return 1;
}

Status agreement_fleiss(const int *verdicts, int readers, size_t count, int categories,
                        size_t draws, uint64_t seed, AgreementResult *out) {
    Ratings ratings = {verdicts, count, readers, categories};
    size_t same = 0;
    STATUS_TRY(check_categories(categories));
    if (readers < 2)
        return status_fail(STATUS_ARGUMENT, "agreement: %d readers; expected at least 2", readers);
    for (size_t k = 0; k < (size_t)readers * count; k++)
        if (verdicts[k] < 0 || verdicts[k] >= categories)
            return status_fail(STATUS_ARGUMENT,
                               "agreement: reader %zu put thing %zu into category %d; expected 0 "
                               "to %d",
                               k / count, k % count, verdicts[k], categories - 1);
    double *values = malloc((count + 1) * sizeof *values);
    if (!values) return status_fail(STATUS_MEMORY, "agreement: no memory for %zu things", count);
    for (size_t i = 0; i < count; i++) {
        values[i] = (double)i;
        same += (size_t)unanimous(&ratings, i);
    }
    out->share = share_wilson(same, count);
    const Status status =
        bootstrap_interval(values, count, fleiss_of, &ratings, draws, seed, &out->kappa);
    free(values);
    return status;
}
