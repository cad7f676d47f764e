#include "base/clock.h"
#include "base/interrupt.h"
#include "hayai_internal.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Address space only; pages become real as benchmarks are registered. */
enum { SUITE_BYTES = 64 << 20 };

char *hayai_text_copy(Arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = arena_take(arena, size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

char *hayai_text_format(Arena *arena, const char *format, ...) {
    va_list list;
    va_start(list, format);
    char text[2048];
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return hayai_text_copy(arena, text);
}

/* --- the suite ---------------------------------------------------------------------------- */

static double wall_now(void *context) {
    (void)context;
    return clock_seconds();
}

static double cpu_now(void *context) {
    (void)context;
    return clock_cpu_seconds();
}

static long switches_now(void *context) {
    (void)context;
    return clock_involuntary_switches();
}

static void benchmark_defaults(HayaiBenchmark *benchmark, HayaiSuite *suite) {
    *benchmark = (HayaiBenchmark){.suite = suite, .args_count = -1, .multiplier = 8, .unit = -1};
    benchmark->args_end = &benchmark->args;
}

Status hayai_suite_create(HayaiSuite **out) {
    HayaiSuite *suite = calloc(1, sizeof *suite);
    if (!suite) return status_fail(STATUS_MEMORY, "hayai: no memory for a suite");
    Status status = arena_open(&suite->arena, SUITE_BYTES);
    if (status) {
        free(suite);
        return status;
    }
    suite->benchmarks_end = &suite->benchmarks;
    suite->clock = (HayaiClock){wall_now, cpu_now, switches_now, NULL};
    suite->interrupted = interrupt_requested;
    benchmark_defaults(&suite->broken, suite);
    *out = suite;
    return STATUS_OK;
}

void hayai_suite_free(HayaiSuite *suite) {
    if (!suite) return;
    arena_close(&suite->arena);
    free(suite);
}

void hayai_suite_blame(HayaiSuite *suite, Status status) {
    if (suite->status || !status) return;
    suite->status = status;
    snprintf(suite->message, sizeof suite->message, "%s", status_message());
}

void hayai_set_reporter(HayaiSuite *suite, HayaiReporter reporter, void *context) {
    suite->reporter = reporter;
    suite->reporter_context = context;
}

void hayai_set_memory(HayaiSuite *suite, HayaiMemory memory) {
    suite->memory = memory;
}

void hayai_set_clock(HayaiSuite *suite, HayaiClock clock) {
    suite->clock = clock;
}

void hayai_set_interrupt(HayaiSuite *suite, int (*requested)(void)) {
    suite->interrupted = requested;
}

/* --- benchmarks --------------------------------------------------------------------------- */

static void blame(HayaiBenchmark *benchmark, const char *what) {
    hayai_suite_blame(benchmark->suite, status_fail(STATUS_ARGUMENT, "benchmark \"%s\": %s",
                                                    benchmark->name ? benchmark->name : "", what));
}

HayaiBenchmark *hayai_register(HayaiSuite *suite, const char *name, HayaiFunction function,
                               void *context) {
    HayaiBenchmark *benchmark = arena_take(&suite->arena, sizeof *benchmark);
    char *copy = benchmark ? hayai_text_copy(&suite->arena, name) : NULL;
    if (!copy) {
        hayai_suite_blame(suite, STATUS_MEMORY);
        return &suite->broken;
    }
    benchmark_defaults(benchmark, suite);
    benchmark->name = copy;
    benchmark->function = function;
    benchmark->context = context;
    *suite->benchmarks_end = benchmark;
    suite->benchmarks_end = &benchmark->next;
    if (!*name || !function) blame(benchmark, "needs a name and a function");
    return benchmark;
}

void hayai_args(HayaiBenchmark *benchmark, size_t count, const int64_t *values) {
    if (count > HAYAI_ARGS_MAX) {
        blame(benchmark, "too many arguments: hayai.h allows HAYAI_ARGS_MAX");
        return;
    }
    if (benchmark->args_count >= 0 && (size_t)benchmark->args_count != count) {
        blame(benchmark, "every set of arguments must have the same number of them");
        return;
    }
    HayaiArgs *args = arena_take_zeroed(&benchmark->suite->arena, sizeof *args);
    if (!args) {
        hayai_suite_blame(benchmark->suite, STATUS_MEMORY);
        return;
    }
    for (size_t i = 0; i < count; i++) args->value[i] = values[i];
    benchmark->args_count = (int)count;
    *benchmark->args_end = args;
    benchmark->args_end = &args->next;
}

void hayai_arg(HayaiBenchmark *benchmark, int64_t value) {
    hayai_args(benchmark, 1, &value);
}

void hayai_range_multiplier(HayaiBenchmark *benchmark, int64_t multiplier) {
    if (multiplier < 2)
        blame(benchmark, "the multiplier of a range must be at least 2");
    else
        benchmark->multiplier = multiplier;
}

void hayai_range(HayaiBenchmark *benchmark, int64_t low, int64_t high) {
    if (low < 0 || high < low) {
        blame(benchmark, "a range needs 0 <= low <= high");
        return;
    }
    hayai_arg(benchmark, low);
    for (int64_t power = 1; power < high; power *= benchmark->multiplier) {
        if (power > low) hayai_arg(benchmark, power);
        if (power > INT64_MAX / benchmark->multiplier) break;
    }
    if (high > low) hayai_arg(benchmark, high);
}

void hayai_dense_range(HayaiBenchmark *benchmark, int64_t low, int64_t high, int64_t step) {
    if (step < 1 || high < low) {
        blame(benchmark, "a dense range needs low <= high and a positive step");
        return;
    }
    for (int64_t value = low;; value += step) {
        hayai_arg(benchmark, value);
        if (value > high - step) break;
    }
}

void hayai_args_product(HayaiBenchmark *benchmark, size_t dimensions, const size_t *counts,
                        const int64_t *const *lists) {
    if (dimensions == 0 || dimensions > HAYAI_ARGS_MAX) {
        blame(benchmark, "a product needs 1 to HAYAI_ARGS_MAX lists");
        return;
    }
    for (size_t d = 0; d < dimensions; d++) {
        if (counts[d] > 0) continue;
        blame(benchmark, "a list of a product is empty");
        return;
    }
    size_t at[HAYAI_ARGS_MAX] = {0}, turned = 0;
    while (turned < dimensions) {
        int64_t values[HAYAI_ARGS_MAX];
        for (size_t d = 0; d < dimensions; d++) values[d] = lists[d][at[d]];
        hayai_args(benchmark, dimensions, values);
        for (turned = 0; turned < dimensions; turned++) {
            size_t d = dimensions - 1 - turned;
            if (++at[d] < counts[d]) break;
            at[d] = 0;
        }
    }
}

void hayai_arg_names(HayaiBenchmark *benchmark, size_t count, const char *const *names) {
    if (count > HAYAI_ARGS_MAX) {
        blame(benchmark, "too many names of arguments: hayai.h allows HAYAI_ARGS_MAX");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        benchmark->names[i] = hayai_text_copy(&benchmark->suite->arena, names[i]);
        if (!benchmark->names[i]) {
            hayai_suite_blame(benchmark->suite, STATUS_MEMORY);
            return;
        }
    }
    benchmark->names_count = count;
}

void hayai_setup(HayaiBenchmark *benchmark, HayaiFunction setup) {
    benchmark->setup = setup;
}

void hayai_teardown(HayaiBenchmark *benchmark, HayaiFunction teardown) {
    benchmark->teardown = teardown;
}

void hayai_unit(HayaiBenchmark *benchmark, HayaiUnit unit) {
    benchmark->unit = (int)unit;
}

void hayai_min_time(HayaiBenchmark *benchmark, double seconds) {
    if (!(seconds > 0) || !isfinite(seconds))
        blame(benchmark, "the shortest time must be positive");
    else
        benchmark->min_time = seconds;
}

void hayai_min_warmup_time(HayaiBenchmark *benchmark, double seconds) {
    if (!(seconds > 0) || !isfinite(seconds))
        blame(benchmark, "the shortest time of a warm-up must be positive");
    else
        benchmark->min_warmup_time = seconds;
}

void hayai_iterations(HayaiBenchmark *benchmark, int64_t iterations) {
    if (iterations < 1)
        blame(benchmark, "the number of iterations must be positive");
    else
        benchmark->iterations = iterations;
}

void hayai_repetitions(HayaiBenchmark *benchmark, int repetitions) {
    if (repetitions < 1)
        blame(benchmark, "the number of repetitions must be positive");
    else
        benchmark->repetitions = repetitions;
}

void hayai_report_aggregates_only(HayaiBenchmark *benchmark) {
    benchmark->report_aggregates_only = 1;
}

void hayai_display_aggregates_only(HayaiBenchmark *benchmark) {
    benchmark->display_aggregates_only = 1;
}

void hayai_use_real_time(HayaiBenchmark *benchmark) {
    benchmark->real_time = 1;
}

void hayai_use_manual_time(HayaiBenchmark *benchmark) {
    benchmark->manual_time = 1;
}

void hayai_skip_first_call(HayaiBenchmark *benchmark) {
    benchmark->skip_first_call = 1;
}

void hayai_complexity(HayaiBenchmark *benchmark) {
    benchmark->complexity = 1;
}

/* --- instances ---------------------------------------------------------------------------- */

/* Appends printf text; the end is cut where the name is absurdly long. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...) {
    size_t used = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + used, size - used, format, list);
    va_end(list);
}

/* The order and the wording are Google's, so that names match in its files. */
static void name_write(const HayaiBenchmark *benchmark, const int64_t *args, int args_count,
                       char *text, size_t size) {
    snprintf(text, size, "%s", benchmark->name);
    for (int i = 0; i < args_count; i++) {
        append(text, size, "/");
        if ((size_t)i < benchmark->names_count && *benchmark->names[i])
            append(text, size, "%s:", benchmark->names[i]);
        append(text, size, "%lld", (long long)args[i]);
    }
    if (benchmark->min_time > 0) append(text, size, "/min_time:%.3f", benchmark->min_time);
    if (benchmark->min_warmup_time > 0)
        append(text, size, "/min_warmup_time:%.3f", benchmark->min_warmup_time);
    if (benchmark->iterations)
        append(text, size, "/iterations:%lld", (long long)benchmark->iterations);
    if (benchmark->repetitions) append(text, size, "/repeats:%d", benchmark->repetitions);
    if (benchmark->manual_time)
        append(text, size, "/manual_time");
    else if (benchmark->real_time)
        append(text, size, "/real_time");
}

static Status instance_fill(HayaiSession *session, const HayaiBenchmark *benchmark,
                            const HayaiArgs *args, const char *name, HayaiInstance *instance) {
    const HayaiFlags *flags = &session->flags;
    char family[1024];
    name_write(benchmark, NULL, 0, family, sizeof family);
    instance->benchmark = benchmark;
    instance->args = args->value;
    instance->args_count = benchmark->args_count < 0 ? 0 : benchmark->args_count;
    instance->name = hayai_text_copy(&session->arena, name);
    instance->family_name = hayai_text_copy(&session->arena, family);
    instance->min_time = benchmark->min_time > 0 ? benchmark->min_time : flags->min_time;
    instance->min_warmup_time =
        benchmark->min_warmup_time > 0 ? benchmark->min_warmup_time : flags->min_warmup_time;
    instance->fixed_iterations = benchmark->iterations     ? benchmark->iterations
                                 : benchmark->min_time > 0 ? 0
                                                           : flags->iterations;
    instance->repetitions = benchmark->repetitions ? benchmark->repetitions : flags->repetitions;
    if (flags->dry_run) instance->fixed_iterations = instance->repetitions = 1;
    instance->iterations = instance->fixed_iterations ? instance->fixed_iterations : 1;
    instance->unit = benchmark->unit >= 0 ? benchmark->unit : flags->unit;
    instance->hook_bytes = -1;
    instance->results = arena_take_zeroed(&session->arena, (size_t)instance->repetitions *
                                                               sizeof *instance->results);
    if (!instance->name || !instance->family_name || !instance->results) return STATUS_MEMORY;
    return STATUS_OK;
}

static Status instances_of(HayaiSession *session, const HayaiBenchmark *benchmark,
                           const regex_t *filter, int negate, int *family, HayaiInstance ***end) {
    static const HayaiArgs none;
    int member = 0;
    for (const HayaiArgs *args = benchmark->args ? benchmark->args : &none; args;
         args = args->next) {
        char name[1024];
        name_write(benchmark, args->value, benchmark->args_count, name, sizeof name);
        if (filter && (regexec(filter, name, 0, NULL, 0) == 0) == negate) continue;
        HayaiInstance *instance = arena_take_zeroed(&session->arena, sizeof *instance);
        if (!instance) return STATUS_MEMORY;
        STATUS_TRY(instance_fill(session, benchmark, args, name, instance));
        instance->family = *family;
        instance->member = member++;
        **end = instance;
        *end = &instance->next;
        session->instances_count++;
    }
    if (member) ++*family;
    return STATUS_OK;
}

Status hayai_instances_list(HayaiSession *session) {
    const char *expression = session->flags.filter;
    int negate = *expression == '-', family = 0;
    expression += negate;
    int all = !*expression || strcmp(expression, "all") == 0;
    regex_t filter;
    if (!all) {
        int code = regcomp(&filter, expression, REG_EXTENDED | REG_NOSUB);
        if (code) {
            char why[128];
            regerror(code, &filter, why, sizeof why);
            return status_fail(STATUS_ARGUMENT,
                               "--benchmark_filter=%s: expected a POSIX extended regular "
                               "expression, optionally after '-': %s",
                               session->flags.filter, why);
        }
    }
    HayaiInstance **end = &session->instances;
    Status status = STATUS_OK;
    for (const HayaiBenchmark *b = session->suite->benchmarks; b && !status; b = b->next)
        status = instances_of(session, b, all ? NULL : &filter, negate, &family, &end);
    if (!all) regfree(&filter);
    return status;
}
