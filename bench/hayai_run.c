#include "base/rng.h"
#include "hayai_internal.h"

#include <math.h>

enum { MOST_ITERATIONS = 1000000000 };

/* --- counters ----------------------------------------------------------------------------- */

static double counter_value(const HayaiCounter *counter, double seconds, int64_t iterations) {
    double value = counter->value;
    if (counter->flags & HAYAI_RATE) value /= seconds;
    if (counter->flags & HAYAI_INVARIANT) value *= (double)iterations;
    if (counter->flags & HAYAI_AVERAGE) value /= (double)iterations;
    return counter->flags & HAYAI_INVERT ? 1 / value : value;
}

static Status counter_prepend(Arena *arena, const char *name, double value, unsigned flags,
                              HayaiCounter **list) {
    HayaiCounter *counter = arena_take(arena, sizeof *counter);
    if (!counter) return STATUS_MEMORY;
    *counter = (HayaiCounter){*list, name, value, flags};
    *list = counter;
    return STATUS_OK;
}

/* --- runs --------------------------------------------------------------------------------- */

/* The seconds that decide whether a run was long enough, and that rates are computed with. */
static double deciding_seconds(const HayaiCall *call) {
    if (call->benchmark->manual_time) return call->manual;
    return call->benchmark->real_time ? call->wall : call->cpu;
}

static int long_enough(const HayaiCall *call, double min_time) {
    return call->outcome != HAYAI_FINE || call->iterations >= MOST_ITERATIONS ||
           deciding_seconds(call) >= min_time || call->wall >= 5 * min_time;
}

static int64_t iterations_next(const HayaiCall *call, double min_time) {
    double seconds = deciding_seconds(call), n = (double)call->iterations;
    double multiplier = min_time * 1.4 / fmax(seconds, 1e-9);
    /* A run that was much too short says little about how much longer it should be. */
    if (seconds <= 0.1 * min_time) multiplier = fmin(multiplier, 10);
    double next = fmin(round(fmax(multiplier * n, n + 1)), MOST_ITERATIONS);
    return (int64_t)next;
}

static Status run(HayaiSession *session, const HayaiInstance *instance, int64_t iterations,
                  HayaiCall *call) {
    const HayaiSuite *suite = session->suite;
    if (suite->interrupted && suite->interrupted())
        return status_fail(STATUS_INTERRUPTED, "interrupted before %s", instance->name);
    return hayai_call(instance->benchmark, instance->args, &suite->clock, &session->arena,
                      iterations, call);
}

/* What comes before the first repetition: the untimed first call, with memory observed, and the
 * warm-up. `call` is the last of these; its outcome tells whether to go on. */
static Status prepare(HayaiSession *session, HayaiInstance *instance, HayaiCall *call) {
    const HayaiMemory *memory = &session->suite->memory;
    call->outcome = HAYAI_FINE;
    if (session->flags.dry_run) return STATUS_OK;
    if (!instance->benchmark->skip_first_call) {
        if (memory->start) memory->start(memory->context);
        Status status = run(session, instance, 1, call);
        if (memory->start && memory->stop)
            instance->hook_bytes = (double)memory->stop(memory->context);
        if (status || call->outcome != HAYAI_FINE) return status;
    }
    if (!(instance->min_warmup_time > 0)) return STATUS_OK;
    for (;;) {
        STATUS_TRY(run(session, instance, instance->iterations, call));
        if (instance->fixed_iterations || long_enough(call, instance->min_warmup_time))
            return STATUS_OK;
        instance->iterations = iterations_next(call, instance->min_warmup_time);
    }
}

static Status result_fill(HayaiSession *session, const HayaiInstance *instance,
                          const HayaiCall *call, HayaiResult *result) {
    *result = (HayaiResult){
        .label = call->label, .outcome = call->outcome, .reason = call->reason, .peak_bytes = -1};
    if (call->outcome != HAYAI_FINE) return STATUS_OK;
    double n = (double)call->iterations, seconds = deciding_seconds(call);
    result->iterations = call->iterations;
    result->complexity_n = call->complexity_n;
    result->real = (instance->benchmark->manual_time ? call->manual : call->wall) / n;
    result->cpu = call->cpu / n;
    result->switches = call->switches;
    result->peak_bytes = call->peak_bytes;
    result->counters = call->counters;
    if (result->peak_bytes < 0) result->peak_bytes = instance->hook_bytes;
    for (HayaiCounter *c = result->counters; c; c = c->next)
        c->value = counter_value(c, seconds, call->iterations);
    if (call->items)
        STATUS_TRY(counter_prepend(&session->arena, "items_per_second",
                                   (double)call->items / seconds, HAYAI_RATE, &result->counters));
    if (call->bytes_processed)
        STATUS_TRY(counter_prepend(&session->arena, "bytes_per_second",
                                   (double)call->bytes_processed / seconds, HAYAI_RATE | HAYAI_1024,
                                   &result->counters));
    return STATUS_OK;
}

static Status measure_once(HayaiSession *session, HayaiInstance *instance) {
    HayaiCall call;
    int first = instance->done == 0;
    if (first) STATUS_TRY(prepare(session, instance, &call));
    if (!first || call.outcome == HAYAI_FINE) {
        for (;;) {
            STATUS_TRY(run(session, instance, instance->iterations, &call));
            if (!first || instance->fixed_iterations || long_enough(&call, instance->min_time))
                break;
            instance->iterations = iterations_next(&call, instance->min_time);
        }
    }
    HayaiResult *result = &instance->results[instance->done];
    STATUS_TRY(result_fill(session, instance, &call, result));
    session->errors += result->outcome == HAYAI_ERROR;
    if (session->suite->reporter) {
        HayaiSample sample = {instance->name,     (size_t)instance->args_count,
                              instance->args,     instance->done,
                              result->iterations, result->real,
                              result->cpu,        result->switches,
                              result->peak_bytes, (int)result->outcome,
                              result->reason};
        session->suite->reporter(&sample, session->suite->reporter_context);
    }
    instance->done++;
    /* What failed once would fail again: a missing GPU, an input that does not fit. */
    if (first && result->outcome != HAYAI_FINE) instance->repetitions = 1;
    return STATUS_OK;
}

/* --- all of them -------------------------------------------------------------------------- */

/* Reports, in order of registration, those that are complete. */
static Status report_complete(HayaiSession *session, HayaiInstance **next, HayaiDone done) {
    while (*next && (*next)->done >= (*next)->repetitions) {
        STATUS_TRY(done(session, *next));
        *next = (*next)->next;
    }
    return STATUS_OK;
}

/* The instance of each repetition, in the order to measure: all of one after all of another, or
 * shuffled. */
static Status order_make(HayaiSession *session, HayaiInstance ***out, size_t *count) {
    size_t total = 0, at = 0;
    for (const HayaiInstance *i = session->instances; i; i = i->next)
        total += (size_t)i->repetitions;
    HayaiInstance **order = arena_take(&session->arena, total * sizeof *order);
    HayaiInstance **plain = arena_take(&session->arena, total * sizeof *plain);
    uint32_t *ranks = arena_take(&session->arena, total * sizeof *ranks);
    if (!order || !plain || !ranks) return STATUS_MEMORY;
    for (HayaiInstance *i = session->instances; i; i = i->next)
        for (int r = 0; r < i->repetitions; r++) plain[at++] = i;
    for (size_t i = 0; i < total; i++) ranks[i] = (uint32_t)i;
    if (session->flags.interleave)
        rng_shuffle(ranks, total, session->flags.seed, rng_stream("hayai.interleave"));
    for (size_t i = 0; i < total; i++) order[i] = plain[ranks[i]];
    *out = order;
    *count = total;
    return STATUS_OK;
}

Status hayai_instances_measure(HayaiSession *session, HayaiDone done) {
    HayaiInstance **order, *next = session->instances;
    size_t count;
    STATUS_TRY(order_make(session, &order, &count));
    for (size_t i = 0; i < count; i++) {
        if (order[i]->done >= order[i]->repetitions) continue;
        STATUS_TRY(measure_once(session, order[i]));
        STATUS_TRY(report_complete(session, &next, done));
    }
    if (session->suite->interrupted && session->suite->interrupted())
        return status_fail(STATUS_INTERRUPTED, "interrupted after the last measurement");
    return STATUS_OK;
}
