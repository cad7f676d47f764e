#include "hayai_internal.h"
#include "stat/summary.h"

#include <math.h>
#include <string.h>

static HayaiRow *row_append(HayaiSession *session, HayaiRowKind kind,
                            const HayaiInstance *instance) {
    HayaiRow *row = arena_take_zeroed(&session->arena, sizeof *row);
    if (!row) return NULL;
    row->kind = kind;
    row->instance = instance;
    row->name = row->run_name = instance->name;
    row->real_low = row->real_high = NAN;
    row->peak_bytes = -1;
    row->display = row->keep = 1;
    *session->rows_end = row;
    session->rows_end = &row->next;
    return row;
}

/* --- samples and their aggregates --------------------------------------------------------- */

typedef struct {
    const char *name;
    int percentage;
} Statistic;

enum { MEAN, MEDIAN, STDDEV, CV, SPREAD, STATISTICS };

static const Statistic statistics[STATISTICS] = {
    {"mean", 0}, {"median", 0}, {"stddev", 0}, {"cv", 1}, {"spread", 1}};

static double statistic_of(const Summary *s, int which) {
    switch (which) {
    case MEAN:
        return s->mean;
    case MEDIAN:
        return s->median;
    case STDDEV:
        return s->deviation;
    case CV:
        return s->deviation == 0 ? 0 : s->deviation / fabs(s->mean);
    default:
        return s->spread;
    }
}

static int fine_results(const HayaiInstance *instance) {
    int fine = 0;
    for (int r = 0; r < instance->repetitions; r++)
        fine += instance->results[r].outcome == HAYAI_FINE;
    return fine;
}

static double real_of(const HayaiResult *result) {
    return result->real;
}

static double cpu_of(const HayaiResult *result) {
    return result->cpu;
}

static Summary summary_over(const HayaiInstance *instance, double (*value)(const HayaiResult *),
                            double *scratch) {
    size_t count = 0;
    for (int r = 0; r < instance->repetitions; r++)
        if (instance->results[r].outcome == HAYAI_FINE)
            scratch[count++] = value(&instance->results[r]);
    return summary_of(scratch, count);
}

static const HayaiCounter *counter_find(const HayaiCounter *list, const char *name) {
    while (list && strcmp(list->name, name) != 0) list = list->next;
    return list;
}

/* The counters of `first`, each replaced by its statistic over the repetitions that have it. */
static Status counters_summarise(HayaiSession *session, const HayaiInstance *instance,
                                 const HayaiResult *first, int which, double *scratch,
                                 HayaiCounter **out) {
    HayaiCounter **end = out;
    for (const HayaiCounter *c = first->counters; c; c = c->next) {
        size_t count = 0;
        for (int r = 0; r < instance->repetitions; r++) {
            const HayaiResult *result = &instance->results[r];
            const HayaiCounter *found = counter_find(result->counters, c->name);
            if (result->outcome == HAYAI_FINE && found) scratch[count++] = found->value;
        }
        Summary s = summary_of(scratch, count);
        HayaiCounter *counter = arena_take(&session->arena, sizeof *counter);
        if (!counter) return STATUS_MEMORY;
        *counter = (HayaiCounter){NULL, c->name, statistic_of(&s, which), c->flags};
        *end = counter;
        end = &counter->next;
    }
    return STATUS_OK;
}

static void warn_of_spread(const HayaiSession *session, const HayaiInstance *instance,
                           const Summary *real) {
    int disturbed = 0;
    for (int r = 0; r < instance->repetitions; r++) disturbed += instance->results[r].switches > 0;
    fprintf(session->err,
            "***WARNING*** %s: the times of %zu repetitions spread by %.1f %% (median absolute "
            "deviation over median; up to %.0f %% is fine), %d of them disturbed by the "
            "scheduler. Stop other programs, or raise --benchmark_min_time.\n",
            instance->name, real->count, 100 * real->spread, 100 * HAYAI_SPREAD_LIMIT, disturbed);
}

static Status aggregates_add(HayaiSession *session, const HayaiInstance *instance) {
    const HayaiResult *first = instance->results;
    while (first->outcome != HAYAI_FINE) first++;
    double *scratch = arena_take(&session->arena, (size_t)instance->repetitions * sizeof *scratch);
    if (!scratch) return STATUS_MEMORY;
    Summary real = summary_over(instance, real_of, scratch);
    Summary cpu = summary_over(instance, cpu_of, scratch);
    int wide = real.count >= 3 && real.spread > HAYAI_SPREAD_LIMIT;
    for (int which = 0; which < STATISTICS; which++) {
        HayaiRow *row = row_append(session, HAYAI_AGGREGATE, instance);
        if (!row) return STATUS_MEMORY;
        row->aggregate = statistics[which].name;
        row->percentage = statistics[which].percentage;
        row->name = hayai_text_format(&session->arena, "%s_%s", instance->name, row->aggregate);
        if (!row->name) return STATUS_MEMORY;
        row->iterations = (int64_t)real.count;
        row->real = statistic_of(&real, which);
        row->cpu = statistic_of(&cpu, which);
        row->label = first->label;
        if (which == MEDIAN) {
            row->real_low = real.median_low;
            row->real_high = real.median_high;
            /* With --benchmark_report_aggregates_only there is no other row to tell it. */
            for (int r = 0; r < instance->repetitions; r++)
                row->peak_bytes = fmax(row->peak_bytes, instance->results[r].peak_bytes);
        }
        row->wide = which == SPREAD && wide;
        STATUS_TRY(counters_summarise(session, instance, first, which, scratch, &row->counters));
    }
    if (wide) warn_of_spread(session, instance, &real);
    return STATUS_OK;
}

static Status samples_add(HayaiSession *session, const HayaiInstance *instance, int aggregated) {
    const HayaiBenchmark *benchmark = instance->benchmark;
    int nowhere = session->flags.report_aggregates_only || benchmark->report_aggregates_only;
    int file_only = session->flags.display_aggregates_only || benchmark->display_aggregates_only;
    for (int r = 0; r < instance->repetitions; r++) {
        const HayaiResult *result = &instance->results[r];
        HayaiRow *row = row_append(session, HAYAI_SAMPLE, instance);
        if (!row) return STATUS_MEMORY;
        row->repetition = r;
        row->iterations = result->iterations;
        row->real = result->real;
        row->cpu = result->cpu;
        row->counters = result->counters;
        row->label = result->label;
        row->switches = result->switches;
        row->peak_bytes = result->peak_bytes;
        row->outcome = result->outcome;
        row->reason = result->reason;
        if (!aggregated || result->outcome != HAYAI_FINE) continue;
        row->keep = !nowhere;
        row->display = !nowhere && !file_only;
    }
    return STATUS_OK;
}

/* --- complexity --------------------------------------------------------------------------- */

typedef struct {
    double n;
    const HayaiInstance *instance;
} Size;

static void sizes_sort(Size *sizes, size_t count) {
    for (size_t i = 1; i < count; i++) {
        Size moved = sizes[i];
        size_t at = i;
        for (; at > 0 && sizes[at - 1].n > moved.n; at--) sizes[at] = sizes[at - 1];
        sizes[at] = moved;
    }
}

/* The members of the family that begins at `first` of which every repetition succeeded. */
static size_t sizes_collect(const HayaiInstance *first, Size *sizes) {
    size_t count = 0;
    for (const HayaiInstance *i = first; i && i->family == first->family; i = i->next)
        if (fine_results(i) == first->repetitions && i->repetitions == first->repetitions)
            sizes[count++] = (Size){(double)i->results[0].complexity_n, i};
    sizes_sort(sizes, count);
    return count;
}

static Status power_fit(HayaiSession *session, const Size *sizes, const double *x, size_t count,
                        size_t repetitions, double (*value)(const HayaiResult *),
                        const FitPower **out) {
    double *y = arena_take(&session->arena, count * repetitions * sizeof *y);
    FitPower *fit = arena_take(&session->arena, sizeof *fit);
    if (!y || !fit) return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < repetitions; r++)
            y[i * repetitions + r] = value(&sizes[i].instance->results[r]);
    STATUS_TRY(fit_power(x, y, count, repetitions, session->flags.seed, fit));
    *out = fit;
    return STATUS_OK;
}

static Status complexity_rows(HayaiSession *session, const HayaiInstance *first,
                              const FitPower *real, const FitPower *cpu, const double *x) {
    static const char *const names[] = {"BigO", "RMS"};
    for (int i = 0; i < 2; i++) {
        HayaiRow *row = row_append(session, i ? HAYAI_RMS : HAYAI_BIG_O, first);
        if (!row) return STATUS_MEMORY;
        row->aggregate = names[i];
        row->percentage = i;
        row->run_name = first->family_name;
        row->name = hayai_text_format(&session->arena, "%s_%s", row->run_name, names[i]);
        if (!row->name) return STATUS_MEMORY;
        row->real = i ? real->residual : real->constant;
        row->cpu = !cpu ? NAN : i ? cpu->residual : cpu->constant;
        row->fit = real;
        row->cpu_fit = cpu;
        row->sizes = x;
    }
    return STATUS_OK;
}

/* A family that cannot be fitted is a warning: its times are good all the same. */
static Status complexity_add(HayaiSession *session, const HayaiInstance *first) {
    Size *sizes = arena_take(&session->arena, session->instances_count * sizeof *sizes);
    double *x = arena_take(&session->arena, session->instances_count * sizeof *x);
    if (!sizes || !x) return STATUS_MEMORY;
    size_t count = sizes_collect(first, sizes);
    const char *trouble = count < 2 ? "fewer than two sizes were measured completely" : NULL;
    for (size_t i = 0; i < count; i++) {
        x[i] = sizes[i].n;
        if (!(x[i] > 0)) trouble = "a run did not call hayai_set_complexity_n with a positive N";
        if (i && x[i] == x[i - 1] && !trouble)
            trouble = "two sets of arguments have the same N; register one benchmark for each "
                      "curve";
    }
    const FitPower *real = NULL, *cpu = NULL;
    size_t repetitions = (size_t)first->repetitions;
    if (!trouble) {
        Status status = power_fit(session, sizes, x, count, repetitions, real_of, &real);
        if (status == STATUS_MEMORY) return status;
        if (status) trouble = status_message();
    }
    if (trouble) {
        fprintf(session->err, "***WARNING*** %s: no complexity: %s\n", first->family_name, trouble);
        return STATUS_OK;
    }
    /* Work on another device may cost no processor time that the clock can see: no fit then. */
    if (power_fit(session, sizes, x, count, repetitions, cpu_of, &cpu) == STATUS_MEMORY)
        return STATUS_MEMORY;
    return complexity_rows(session, first, real, cpu, x);
}

Status hayai_rows_add(HayaiSession *session, const HayaiInstance *instance) {
    int aggregated = fine_results(instance) >= 2;
    STATUS_TRY(samples_add(session, instance, aggregated));
    if (aggregated) STATUS_TRY(aggregates_add(session, instance));
    int last = !instance->next || instance->next->family != instance->family;
    if (!last || !instance->benchmark->complexity || session->flags.dry_run) return STATUS_OK;
    const HayaiInstance *first = session->instances;
    while (first->family != instance->family) first = first->next;
    return complexity_add(session, first);
}
