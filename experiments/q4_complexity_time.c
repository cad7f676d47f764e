#include "q4_complexity_time.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MOST 10000

static void grid_case(const Session *session, int variant, int index, Case *one) {
    const Plan *plan = &session->plan;
    Shape shape = {plan->heads, plan->width, plan->features, plan->length[index]};
    case_make(one, &case_variants[variant], shape, NULL);
}

Grid *grid_new(const Session *session) {
    const Plan *plan = &session->plan;
    Grid *grid = calloc(1, sizeof *grid);
    if (!grid) {
        status_fail(STATUS_MEMORY, "no memory for a table of %zu bytes", sizeof *grid);
        return NULL;
    }
    for (int v = 0; v < VARIANT_COUNT; v++)
        for (int i = 0; i < plan->lengths; i++) {
            Case one;
            grid_case(session, v, i, &one);
            /* Both directions are run in one workspace. */
            Direction widest = plan->directions[1] ? DIRECTION_BACKWARD : DIRECTION_FORWARD;
            double extra = case_inputs_bytes(one.shape, widest);
            for (int d = 0; d < 2; d++) {
                Cell *cell = &grid->cell[v][d][i];
                cell->work = attention_work(&one.attention, (Direction)d);
                cell->need_bytes = case_need_bytes(&one, (Direction)d) -
                                   case_inputs_bytes(one.shape, (Direction)d) + extra;
                cell->seen_bytes = NAN;
                if (!plan->variants[v] || !plan->directions[d]) continue;
                cell->state = CELL_MEASURED;
                if (plan->length[i] > plan_longest(plan, v, (Direction)d))
                    cell->state = CELL_TOO_LONG;
                else if (cell->need_bytes > plan->memory_limit)
                    cell->state = CELL_TOO_LARGE;
            }
        }
    return grid;
}

#define ASKED_LENGTH 16

static void mark_lacking(const Plan *plan, Grid *grid, int v, int from) {
    for (int d = from; d < 2; d++)
        for (int i = 0; i < plan->lengths; i++)
            if (grid->cell[v][d][i].state != CELL_NOT_ASKED)
                grid->cell[v][d][i].state = CELL_LACKING;
    fprintf(stderr, "q4_complexity: %s left out%s: %s\n", case_variants[v].slug,
            from ? " backward" : "", status_message());
}

/* An operation that fails for another reason than that it is not there would fail the device for
 * all that follow: waiting tells. */
static Status ask(Session *session, Workspace *workspace, Grid *grid, int v) {
    const Plan *plan = &session->plan;
    const DeviceMemory *memory = workspace->room->device->memory;
    Case one;
    case_make(&one, &case_variants[v], (Shape){1, plan->width, plan->features, ASKED_LENGTH},
              workspace);
    for (int backward = plan->directions[DIRECTION_BACKWARD]; backward >= 0; backward--) {
        const int calls[2] = {1, backward};
        Sample sample[2];
        const Status status = case_measure(workspace, &one, calls, sample);
        if (status == STATUS_OK) return STATUS_OK;
        if (status != STATUS_UNSUPPORTED) return status;
        mark_lacking(plan, grid, v, backward ? DIRECTION_BACKWARD : DIRECTION_FORWARD);
        session->lacking[v] = !backward;
        STATUS_TRY(memory->wait());
    }
    return STATUS_OK;
}

Status time_ask(Session *session, Grid *grid) {
    const Plan *plan = &session->plan;
    if (!room_is_gpu(&session->room)) return STATUS_OK;
    Workspace workspace;
    STATUS_TRY(workspace_open(&workspace, &session->room, ASKED_LENGTH * (size_t)plan->width,
                              (size_t)plan->features * (size_t)plan->width, plan->seed,
                              plan->directions[DIRECTION_BACKWARD], 0));
    Status status = workspace_project(&workspace, plan->features, plan->width, plan->seed, 0);
    for (int v = 0; v < VARIANT_COUNT && status == STATUS_OK; v++)
        if (plan->variants[v]) status = ask(session, &workspace, grid, v);
    workspace_close(&workspace);
    return status;
}

/* Of the samples of one cell, warm-up included. */
static double expect_samples(const Session *session, double call) {
    const Plan *plan = &session->plan;
    return plan->repetitions * fmax(call, plan->sample_seconds) + (call < 0.02 ? 2 : 1) * call;
}

double time_expect(const Session *session, const Grid *grid) {
    const Plan *plan = &session->plan;
    double total = 0;
    for (int i = 0; i < plan->lengths; i++) {
        total += 2 * plan->peak_seconds;
        for (int v = 0; v < VARIANT_COUNT; v++)
            for (int d = 0; d < 2; d++) {
                Case one;
                grid_case(session, v, i, &one);
                double call = session_expect(session, &one, (Direction)d);
                if (grid->cell[v][d][i].state == CELL_MEASURED)
                    total += expect_samples(session, call);
            }
    }
    return total;
}

/* --- one length ---------------------------------------------------------------------------- */

typedef struct {
    int forward, backward; /* calls in a row; 0: not run */
} Calls;

static void sample_name(char name[STORE_NAME_MAX], const char *what, int v, int length, int r) {
    snprintf(name, STORE_NAME_MAX, "%s %s %d %d", what, case_variants[v].slug, length, r);
}

static void say_too_large(const Session *session, const Grid *grid, int index) {
    const Plan *plan = &session->plan;
    char list[1024] = "";
    for (int v = 0; v < VARIANT_COUNT; v++)
        for (int d = 0; d < 2; d++) {
            if (grid->cell[v][d][index].state != CELL_TOO_LARGE) continue;
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s %s", used ? ", " : "",
                     case_variants[v].slug, case_direction_name((Direction)d));
        }
    if (*list)
        fprintf(stderr,
                "q4_complexity: length %d does not fit into memory (%.3g GB may be used), left "
                "out: %s\n",
                plan->length[index], plan->memory_limit * 1e-9, list);
}

/* Untimed runs, so that pages, threads and caches are there; from the last one, how many calls
 * make a sample long enough for the clock. */
static Status warm_up(Session *session, Workspace *workspace, int v, const Case *one,
                      Calls *calls) {
    const Plan *plan = &session->plan;
    int once[2] = {calls->forward > 0, calls->backward > 0};
    Sample sample[2] = {{0}};
    STATUS_TRY(session_check(session));
    STATUS_TRY(case_measure(workspace, one, once, sample));
    if (sample[0].seconds + sample[1].seconds < 0.04)
        STATUS_TRY(case_measure(workspace, one, once, sample));
    int number[2];
    for (int d = 0; d < 2; d++) {
        double count = ceil(plan->sample_seconds / fmax(sample[d].seconds, 1e-7));
        number[d] = once[d] ? (int)fmin(fmax(count, 1), CALLS_MOST) : 0;
    }
    /* A continued run must go on with the number it began with. */
    double kept[2] = {number[0], number[1]};
    char name[STORE_NAME_MAX];
    sample_name(name, "calls", v, one->shape.length, 0);
    if (!store_get(session->store, name, kept, 2))
        STATUS_TRY(store_put(session->store, name, kept, 2));
    *calls = (Calls){(int)kept[0], (int)kept[1]};
    return STATUS_OK;
}

/* A GPU's memory ends where its operations say so: they may need more than the formula. What does
 * not fit is left out by name, for good: a continued run must not try again. */
static Status leave_out(Session *session, Grid *grid, int v, int index, int forward_too) {
    const int length = session->plan.length[index];
    const double refused[2] = {forward_too, 1};
    char name[STORE_NAME_MAX];
    if (grid->cell[v][1][index].state == CELL_MEASURED)
        grid->cell[v][1][index].state = CELL_REFUSED;
    if (forward_too && grid->cell[v][0][index].state == CELL_MEASURED)
        grid->cell[v][0][index].state = CELL_REFUSED;
    sample_name(name, "refused", v, length, 0);
    return store_put(session->store, name, refused, 2);
}

static Status warm_up_within(Session *session, Grid *grid, Workspace *workspace, int v, int index,
                             const Case *one, Calls *calls) {
    for (;;) {
        const Status status = warm_up(session, workspace, v, one, calls);
        if (status != STATUS_MEMORY || !room_is_gpu(workspace->room)) return status;
        const int backward = calls->backward > 0;
        fprintf(stderr, "q4_complexity: %s left out: %s\n", backward ? "backward" : "forward",
                status_message());
        STATUS_TRY(leave_out(session, grid, v, index, !backward));
        calls->backward = 0;
        if (!backward || grid->cell[v][0][index].state != CELL_MEASURED) {
            calls->forward = 0;
            return STATUS_OK;
        }
    }
}

enum { STORED = 6 }; /* seconds, disturbed, bytes; forward, then backward */

static Status take_sample(Session *session, Workspace *workspace, int v, const Case *one,
                          const Calls *calls, int repetition, double stored[STORED]) {
    char name[STORE_NAME_MAX];
    sample_name(name, "time", v, one->shape.length, repetition);
    if (store_get(session->store, name, stored, STORED)) return STATUS_OK;
    STATUS_TRY(session_check(session));
    int number[2] = {calls->forward, calls->backward};
    Sample sample[2] = {{0}};
    STATUS_TRY(case_measure(workspace, one, number, sample));
    for (int d = 0; d < 2; d++) {
        stored[3 * d] = sample[d].seconds;
        stored[3 * d + 1] = sample[d].disturbed;
        stored[3 * d + 2] = sample[d].counted_bytes;
    }
    return store_put(session->store, name, stored, STORED);
}

static Status measure_length(Session *session, Grid *grid, Workspace *workspace, int index) {
    const Plan *plan = &session->plan;
    Shape shape = {plan->heads, plan->width, plan->features, plan->length[index]};
    Case cases[VARIANT_COUNT];
    Calls calls[VARIANT_COUNT] = {{0}};
    uint32_t order[VARIANT_COUNT * PLAN_REPETITIONS_MAX];
    size_t count = 0;
    for (int v = 0; v < VARIANT_COUNT; v++) {
        int asked[2];
        double refused[2];
        char limit[STORE_NAME_MAX];
        sample_name(limit, "refused", v, shape.length, 0);
        const int limited = store_get(session->store, limit, refused, 2);
        for (int d = 0; d < 2; d++) {
            CellState *state = &grid->cell[v][d][index].state;
            if (limited && refused[d] != 0 && *state == CELL_MEASURED) *state = CELL_REFUSED;
            asked[d] = *state == CELL_MEASURED;
        }
        if (!asked[0] && !asked[1]) continue;
        case_make(&cases[v], &case_variants[v], shape, workspace);
        calls[v] = (Calls){1, asked[1]}; /* backward needs what forward saves */
        char last[STORE_NAME_MAX];
        double stored[STORED];
        int finished = 1;
        for (int r = 0; r < plan->repetitions && finished; r++) {
            sample_name(last, "time", v, shape.length, r);
            finished = store_get(session->store, last, stored, STORED);
        }
        if (!finished)
            STATUS_TRY(warm_up_within(session, grid, workspace, v, index, &cases[v], &calls[v]));
        if (!calls[v].forward) continue;
        for (int r = 0; r < plan->repetitions; r++) order[count++] = (uint32_t)v;
    }
    rng_shuffle(order, count, plan->seed, rng_stream("q4.order") + (uint64_t)shape.length);
    int taken[VARIANT_COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        int v = (int)order[i], r = taken[v]++;
        double stored[STORED], spent = 0;
        STATUS_TRY(take_sample(session, workspace, v, &cases[v], &calls[v], r, stored));
        grid->cell[v][0][index].forward_bytes = stored[2];
        for (int d = 0; d < 2; d++) {
            Cell *cell = &grid->cell[v][d][index];
            if (cell->state != CELL_MEASURED) continue;
            cell->seconds[r] = stored[3 * d];
            cell->disturbed[r] = stored[3 * d + 1] != 0;
            cell->counted_bytes = fmax(cell->counted_bytes, stored[3 * d + 2]);
            cell->repetitions = r + 1;
            double call = session_expect(session, &cases[v], (Direction)d);
            spent += expect_samples(session, call) / plan->repetitions;
        }
        session_done(session, spent, case_variants[v].slug);
    }
    return STATUS_OK;
}

Status time_measure(Session *session, Grid *grid) {
    const Plan *plan = &session->plan;
    size_t longest = 0;
    for (int v = 0; v < VARIANT_COUNT; v++)
        for (int d = 0; d < 2; d++)
            for (int i = 0; i < plan->lengths; i++)
                if (grid->cell[v][d][i].state == CELL_MEASURED && (size_t)plan->length[i] > longest)
                    longest = (size_t)plan->length[i];
    for (int i = 0; i < plan->lengths; i++) say_too_large(session, grid, i);
    Workspace workspace;
    STATUS_TRY(workspace_open(&workspace, &session->room,
                              (size_t)plan->heads * longest * (size_t)plan->width,
                              (size_t)plan->features * (size_t)plan->width, plan->seed,
                              plan->directions[DIRECTION_BACKWARD], 0));
    Status status = workspace_project(&workspace, plan->features, plan->width, plan->seed, 0);
    for (int i = 0; i < plan->lengths && status == STATUS_OK; i++) {
        status = measure_length(session, grid, &workspace, i);
        if (status == STATUS_OK) status = session_measure_peaks(session);
    }
    workspace_close(&workspace);
    return status;
}
