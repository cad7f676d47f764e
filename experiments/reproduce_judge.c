#include "reproduce_judge.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

ReproduceVerdict reproduce_judge(const Fact *recorded, const Fact *local, double tolerance) {
    if (!local) return REPRODUCE_ONLY_RECORDED;
    if (!recorded) return REPRODUCE_ONLY_HERE;
    if (strcmp(recorded->unit, local->unit)) return REPRODUCE_UNITS;
    if (strcmp(recorded->unit, "1")) return REPRODUCE_UNJUDGED;
    if (recorded->low <= local->high && local->low <= recorded->high) return REPRODUCE_AGREES;
    double larger = fmax(fabs(recorded->value), fabs(local->value));
    if (fabs(recorded->value - local->value) <= tolerance * larger) return REPRODUCE_CLOSE;
    return REPRODUCE_DIFFERS;
}

const char *reproduce_verdict(ReproduceVerdict verdict) {
    static const char *const words[REPRODUCE_VERDICTS] = {
        "agrees", "close", "DIFFERS", "-", "other unit", "recorded only", "here only"};
    return words[verdict];
}
