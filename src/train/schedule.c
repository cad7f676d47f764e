#include "train/schedule.h"

#include <math.h>

double schedule_rate(const Schedule *schedule, uint64_t step) {
    const double pi = 3.14159265358979323846;
    if (step < schedule->warmup) return schedule->rate * ((double)step / (double)schedule->warmup);
    if (schedule->kind == SCHEDULE_CONSTANT) return schedule->rate;
    if (step >= schedule->steps) return 0;
    if (schedule->kind == SCHEDULE_HOLD)
        return schedule->steps - step >= schedule->fall
                   ? schedule->rate
                   : schedule->rate * ((double)(schedule->steps - step) / (double)schedule->fall);
    double falling = (double)(schedule->steps - schedule->warmup);
    if (schedule->kind == SCHEDULE_COSINE)
        return schedule->rate *
               (0.5 * (1 + cos(pi * ((double)(step - schedule->warmup) / falling))));
    return schedule->rate * ((double)(schedule->steps - step) / falling);
}
