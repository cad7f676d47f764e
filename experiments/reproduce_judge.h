/* reproduce_judge: whether a fact measured here agrees with the recorded one.
 *
 *     Fact recorded = {1.98, 1.95, 2.01, "1"}, local = {1.94, 1.90, 1.97, "1"};
 *     puts(reproduce_verdict(reproduce_judge(&recorded, &local, 0.05)));      // "agrees"
 *
 * Only dimensionless facts (unit "1": slopes, ratios, accuracies) are judged. Seconds, bytes per
 * second and lengths at which curves cross belong to the machine that measured them.
 */
#ifndef EXPERIMENTS_REPRODUCE_JUDGE_H
#define EXPERIMENTS_REPRODUCE_JUDGE_H

typedef struct {
    double value, low, high;
    const char *unit;
} Fact;

typedef enum {
    REPRODUCE_AGREES,   /* the intervals overlap */
    REPRODUCE_CLOSE,    /* they do not, but the values differ by no more than the tolerance */
    REPRODUCE_DIFFERS,  /* neither */
    REPRODUCE_UNJUDGED, /* has a unit: the machine's own */
    REPRODUCE_UNITS,    /* the two have different units: not the same quantity */
    REPRODUCE_ONLY_RECORDED,
    REPRODUCE_ONLY_HERE,
    REPRODUCE_VERDICTS
} ReproduceVerdict;

/* Either may be NULL, not both. `tolerance`: the allowed difference of the values as a share of
 * the larger magnitude. */
ReproduceVerdict reproduce_judge(const Fact *recorded, const Fact *local, double tolerance);

/* The verdict in a word or two. */
const char *reproduce_verdict(ReproduceVerdict verdict);

#endif
