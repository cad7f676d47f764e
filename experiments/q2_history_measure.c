/* What is computed, not trained. */
#include "base/interrupt.h"
#include "q2_history.h"

#include <stdlib.h>
#include <string.h>

/* --- trainings -------------------------------------------------------------------------------- */

static Status train_cell(void *context, size_t cell, GridRecord *record) {
    const HistoryPlan *plan = context;
    return recall_train(&plan->recall, &plan->cell[cell], record);
}

Status history_train(HistorySession *session, Grid *grid) {
    HistoryPlan *plan = &session->plan;
    static char folder[4096];
    if ((size_t)snprintf(folder, sizeof folder, "%s/.%s-work", plan->results, plan->experiment) >=
        sizeof folder)
        return status_fail(STATUS_ARGUMENT, "--results: '%.80s...' is too long", plan->results);
    *grid = (Grid){.name = "q2_history",
                   .folder = folder,
                   .fingerprint = plan->fingerprint,
                   .cells = plan->cells,
                   .cost = history_cell_cost,
                   .cell_name = history_cell_name,
                   .work = train_cell,
                   .context = plan,
                   .processes = plan->processes,
                   .progress = stderr,
                   .replace = !plan->full};
    return grid_run(grid);
}

/* --- the others ------------------------------------------------------------------------------- */

static Status advance(HistorySession *session, double share, const char *what) {
    if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
    progress_step(&session->progress, share, what);
    return STATUS_OK;
}

static Status leak_one(const HistoryPlan *plan, int layer, ExactKind kind, int causal,
                       Positions positions, LeakCount *count) {
    ExactNet *net;
    STATUS_TRY(exact_open(&net, layer, kind, causal, positions, plan->length, plan->seed));
    const ExactShape shape = exact_shape(net);
    Status status = leak_measure(exact_run, net, &shape, plan->leak_draws, plan->seed, count);
    exact_close(net);
    return status;
}

static Status measure_leaks(HistorySession *session) {
    const HistoryPlan *plan = &session->plan;
    for (int k = 0; k < EXACT_KINDS; k++) {
        HistoryLeak *leak = &session->leak[k];
        *leak = (HistoryLeak){.kind = (ExactKind)k};
        STATUS_TRY(advance(session, .2 * k / EXACT_KINDS, "leaks"));
        STATUS_TRY(leak_one(plan, 1, leak->kind, 1, POSITIONS_NONE, &leak->layer));
        STATUS_TRY(leak_one(plan, 1, leak->kind, 0, POSITIONS_NONE, &leak->unmasked));
        for (int p = 0; p < 3 && k < EXACT_MODEL_KINDS; p++) {
            STATUS_TRY(leak_one(plan, 0, leak->kind, 1, (Positions)p, &leak->network));
            STATUS_TRY(leak_one(plan, 0, leak->kind, 0, (Positions)p, &leak->unmasked));
        }
    }
    return STATUS_OK;
}

static Status order_one(HistorySession *session, int causal, ExactKind kind, Positions positions) {
    const HistoryPlan *plan = &session->plan;
    HistoryOrder *order = &session->order[session->orders++];
    ExactNet *net;
    *order = (HistoryOrder){.causal = causal, .kind = kind, .positions = positions};
    STATUS_TRY(exact_open(&net, 0, kind, causal, positions, plan->length, plan->seed));
    const ExactShape shape = exact_shape(net);
    Status status =
        order_measure(exact_run, net, &shape, plan->order_draws, plan->seed, order->residual);
    exact_close(net);
    return status;
}

static Status measure_order(HistorySession *session) {
    STATUS_TRY(advance(session, .2, "order"));
    for (int p = 0; p < 3; p++)
        for (int k = 0; k < EXACT_MODEL_KINDS; k++)
            STATUS_TRY(order_one(session, 0, (ExactKind)k, (Positions)p));
    for (int k = 0; k < EXACT_MODEL_KINDS; k++)
        STATUS_TRY(order_one(session, 1, (ExactKind)k, POSITIONS_NONE));
    return STATUS_OK;
}

static Status head_one(HistorySession *session, int offset, int beta, int length) {
    if (session->heads >= HISTORY_HEADS_MAX)
        return status_fail(STATUS_ARGUMENT, "more than %d heads to measure", HISTORY_HEADS_MAX);
    HistoryHead *head = &session->head[session->heads++];
    const HeadShape shape = {session->plan.head_width, offset, beta};
    *head = (HistoryHead){.offset = offset, .beta = beta, .length = length};
    STATUS_TRY(advance(session, .3, "head"));
    return head_measure(&shape, length, session->plan.seed, &head->score, NULL);
}

static Status measure_head(HistorySession *session) {
    const HistoryPlan *plan = &session->plan;
    for (int n = 0; n < plan->head_lengths.count; n++)
        for (int b = 0; b < plan->head_betas.count; b++)
            STATUS_TRY(
                head_one(session, 1, plan->head_betas.value[b], plan->head_lengths.value[n]));
    for (int o = 0; o < plan->head_offsets.count; o++)
        STATUS_TRY(head_one(session, plan->head_offsets.value[o], plan->head_beta,
                            plan->head_offset_length));
    for (int m = 0; m < 2; m++) {
        const HeadShape shape = {plan->head_width, 1, plan->head_map_betas[m]};
        HeadScore score;
        STATUS_TRY(head_measure(&shape, HISTORY_MAP, plan->seed, &score, session->map[m]));
    }
    return STATUS_OK;
}

static Status measure_linear(HistorySession *session) {
    const HistoryPlan *plan = &session->plan;
    for (int m = 0; m < LINEAR_MAPS; m++)
        for (int n = 0; n < plan->linear_lengths.count; n++)
            for (int d = 0; d < plan->linear_draws; d++) {
                HistoryLinear *linear = &session->linear[session->linears++];
                *linear = (HistoryLinear){
                    .map = (LinearMap)m, .length = plan->linear_lengths.value[n], .draw = d + 1};
                STATUS_TRY(advance(session, .5, linear_slug[m]));
                STATUS_TRY(linear_measure(linear->map, linear->length, plan->seed + (uint64_t)d,
                                          &linear->error));
            }
    return linear_measure_model(plan->linear_model_length, plan->seed, &session->model_apart,
                                session->model_bytes);
}

Status history_measure(HistorySession *session) {
    progress_begin(&session->progress, stderr, "q2_history: exact parts", 1);
    session->orders = session->heads = session->linears = 0;
    STATUS_TRY(measure_leaks(session));
    STATUS_TRY(measure_order(session));
    STATUS_TRY(measure_head(session));
    STATUS_TRY(measure_linear(session));
    progress_end(&session->progress);
    return STATUS_OK;
}
