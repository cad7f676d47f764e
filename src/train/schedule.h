/* schedule: how the learning rate rises and falls.
 *
 *     Schedule schedule = {SCHEDULE_LINEAR, .rate = 3e-5, .steps = 723, .warmup = 72};
 *     double rate = schedule_rate(&schedule, step);      // step 0 is the first
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum {
    SCHEDULE_CONSTANT,
    SCHEDULE_LINEAR,
    SCHEDULE_COSINE,
    SCHEDULE_HOLD /* constant, then linearly to 0 over the last `fall` steps (Haegele et al. 2024)
                   */
} ScheduleKind;

typedef struct {
    ScheduleKind kind;
    double rate;            /* at the peak */
    uint64_t steps, warmup; /* in all; of linear rise from 0 at their beginning */
    uint64_t fall;          /* of HOLD alone */
} Schedule;

/* The factor of transformers' get_linear_schedule_with_warmup (and _cosine_, _constant_), times
 * rate: step / warmup below warmup, then (steps - step) / (steps - warmup), or half a cosine, or 1.
 */
double schedule_rate(const Schedule *schedule, uint64_t step);

#endif
