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

Status agreement_of(const int *a, const int *b, size_t count, int categories, size_t draws,
                    uint64_t seed, AgreementResult *out) {
    size_t same = 0;
    if (categories < 1 || categories > AGREEMENT_CATEGORIES_MAX)
        return status_fail(STATUS_ARGUMENT, "agreement: %d categories; expected 1 to %d",
                           categories, AGREEMENT_CATEGORIES_MAX);
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
