#include "hayai_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* --- the clock of one run ----------------------------------------------------------------- */

static void timing_start(HayaiCall *call) {
    const HayaiClock *clock = call->clock;
    call->phase = HAYAI_TIMING;
    call->switches_start = clock->switches(clock->context);
    call->cpu_start = clock->cpu_seconds(clock->context);
    call->wall_start = clock->wall_seconds(clock->context);
}

/* The wall is read last at the start and first at the end: it is the time most looked at, and
 * the other readings cost system calls. */
static void timing_stop(HayaiCall *call, HayaiPhase next) {
    const HayaiClock *clock = call->clock;
    call->wall += clock->wall_seconds(clock->context) - call->wall_start;
    call->cpu += clock->cpu_seconds(clock->context) - call->cpu_start;
    call->switches += clock->switches(clock->context) - call->switches_start;
    call->phase = next;
}

int hayai_keep_running_slowly(HayaiState *state) {
    HayaiCall *call = state->call;
    if (call->outcome != HAYAI_FINE) return 0;
    switch (call->phase) {
    case HAYAI_BEFORE:
        state->remaining = call->iterations - 1;
        timing_start(call);
        return 1;
    case HAYAI_TIMING:
        timing_stop(call, HAYAI_AFTER);
        return 0;
    case HAYAI_PAUSED:
        hayai_skip_with_error(state, "timing was still paused when the loop ended: "
                                     "hayai_resume_timing is missing");
        return 0;
    case HAYAI_AFTER:
        return 0;
    }
    return 0;
}

void hayai_pause_timing(HayaiState *state) {
    HayaiCall *call = state->call;
    if (call->phase == HAYAI_TIMING)
        timing_stop(call, HAYAI_PAUSED);
    else
        hayai_skip_with_error(state, "hayai_pause_timing belongs inside the loop, once before "
                                     "each hayai_resume_timing");
}

void hayai_resume_timing(HayaiState *state) {
    HayaiCall *call = state->call;
    if (call->phase == HAYAI_PAUSED)
        timing_start(call);
    else
        hayai_skip_with_error(state, "hayai_resume_timing belongs inside the loop, after "
                                     "hayai_pause_timing");
}

/* --- what the function asks --------------------------------------------------------------- */

int64_t hayai_argument(const HayaiState *state, size_t index) {
    const HayaiCall *call = state->call;
    int count = call->benchmark->args_count;
    return count >= 0 && index < (size_t)count ? call->args[index] : 0;
}

void *hayai_context(const HayaiState *state) {
    return state->call->benchmark->context;
}

int64_t hayai_iteration_count(const HayaiState *state) {
    return state->call->iterations;
}

/* --- what the function tells -------------------------------------------------------------- */

static const char *text_of(HayaiCall *call, const char *format, va_list list) {
    char text[1024];
    vsnprintf(text, sizeof text, format, list);
    const char *copy = hayai_text_copy(call->arena, text);
    if (!copy) call->status = STATUS_MEMORY;
    return copy ? copy : "";
}

static void skip(HayaiState *state, HayaiOutcome outcome, const char *format, va_list list) {
    HayaiCall *call = state->call;
    state->remaining = 0;
    if (call->outcome != HAYAI_FINE) return;
    call->outcome = outcome;
    call->reason = text_of(call, format, list);
}

void hayai_skip_with_error(HayaiState *state, const char *format, ...) {
    va_list list;
    va_start(list, format);
    skip(state, HAYAI_ERROR, format, list);
    va_end(list);
}

void hayai_skip_with_message(HayaiState *state, const char *format, ...) {
    va_list list;
    va_start(list, format);
    skip(state, HAYAI_MESSAGE, format, list);
    va_end(list);
}

void hayai_set_label(HayaiState *state, const char *format, ...) {
    va_list list;
    va_start(list, format);
    state->call->label = text_of(state->call, format, list);
    va_end(list);
}

void hayai_set_iteration_time(HayaiState *state, double seconds) {
    if (!(seconds >= 0) || !isfinite(seconds)) {
        hayai_skip_with_error(state, "hayai_set_iteration_time: expected seconds, found %g",
                              seconds);
        return;
    }
    state->call->manual += seconds;
    state->call->manual_count++;
}

void hayai_set_items_processed(HayaiState *state, int64_t items) {
    state->call->items = items;
}

void hayai_set_bytes_processed(HayaiState *state, int64_t bytes) {
    state->call->bytes_processed = bytes;
}

void hayai_set_bytes(HayaiState *state, size_t bytes) {
    state->call->peak_bytes = (double)bytes;
}

void hayai_set_complexity_n(HayaiState *state, int64_t n) {
    state->call->complexity_n = n;
}

void hayai_counter(HayaiState *state, const char *name, double value, unsigned flags) {
    HayaiCall *call = state->call;
    HayaiCounter **at = &call->counters;
    while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
    if (!*at) {
        HayaiCounter *counter = arena_take_zeroed(call->arena, sizeof *counter);
        const char *copy = counter ? hayai_text_copy(call->arena, name) : NULL;
        if (!copy) {
            call->status = STATUS_MEMORY;
            return;
        }
        counter->name = copy;
        *at = counter;
    }
    (*at)->value = value;
    (*at)->flags = flags;
}

/* --- one run ------------------------------------------------------------------------------ */

static void call_check(HayaiState *state) {
    HayaiCall *call = state->call;
    if (call->outcome != HAYAI_FINE) return;
    if (call->phase == HAYAI_BEFORE)
        hayai_skip_with_error(state, "the function returned without hayai_keep_running");
    else if (call->phase != HAYAI_AFTER)
        hayai_skip_with_error(state, "the function left its loop before hayai_keep_running gave "
                                     "0; to stop early, call hayai_skip_with_error");
    else if (call->benchmark->manual_time && call->manual_count == 0)
        hayai_skip_with_error(state, "registered with hayai_use_manual_time, but the function "
                                     "never called hayai_set_iteration_time");
}

Status hayai_call(const HayaiBenchmark *benchmark, const int64_t *args, const HayaiClock *clock,
                  Arena *arena, int64_t iterations, HayaiCall *call) {
    *call = (HayaiCall){.benchmark = benchmark,
                        .args = args,
                        .clock = clock,
                        .arena = arena,
                        .iterations = iterations,
                        .peak_bytes = -1};
    HayaiState state = {0, call};
    if (benchmark->setup) benchmark->setup(&state);
    if (call->outcome == HAYAI_FINE) {
        benchmark->function(&state);
        call_check(&state);
    }
    if (benchmark->teardown) benchmark->teardown(&state);
    return call->status;
}
