#include "model/reorderer_search.h"
#include "model/reorderer_step.h"

static Status begin(PointerSteps *steps, Tape *tape, const ReorderBatch *bags, int longest,
                    int rows_max) {
    ReordererStep *step = steps->state;
    STATUS_TRY(reorderer_step_open(step, steps->model, tape, bags, longest, rows_max));
    steps->keys = step->keys;
    return STATUS_OK;
}

static Status next(PointerSteps *steps, int t, int rows, const PointerRow *row) {
    ReordererStep *step = steps->state;
    STATUS_TRY(reorderer_step(step, t, rows, row));
    steps->query = step->query;
    return STATUS_OK;
}

Status reorderer_search(Reorderer *model, Arena *arena, const ReorderBatch *bags,
                        const ReordererSearch *options, int *order, double *score) {
    ReordererStep step;
    const ReordererConfig *c = reorderer_config(model);
    PointerSteps steps = {.width = c->width,
                          .all_seen = !c->left_only,
                          .sorts = 1,
                          .model = model,
                          .state = &step,
                          .open = begin,
                          .step = next};
    return pointer_search(&steps, arena, bags, options, order, score);
}
