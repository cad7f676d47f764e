#include "hayai_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { GREEN = 32, YELLOW = 33, BLUE = 34, CYAN = 36, RED = 31 };

/* --- context ------------------------------------------------------------------------------ */

void hayai_context_print(const HayaiSession *session) {
    const Machine *machine = &session->machine;
    FILE *err = session->err;
    double load[3];
    machine_load(load);
    fprintf(err, "%s\nRunning %s\nRun on (%d X %.2f MHz CPU%s)\n", session->date, session->program,
            machine->processors, machine->mhz, machine->processors == 1 ? "" : "s");
    fprintf(err, "%s; %s\n%s; %s\n%s\n", machine->cpu, machine->isa, machine->os, machine->compiler,
            machine->blas);
    if (machine->caches) fprintf(err, "CPU Caches:\n");
    for (int i = 0; i < machine->caches; i++) {
        const MachineCache *cache = &machine->cache[i];
        int sharing = cache->sharing > 0 ? cache->sharing : 1;
        fprintf(err, "  L%d %s %zu KiB (x%d)\n", cache->level, cache->type, cache->bytes / 1024,
                (machine->processors + sharing - 1) / sharing);
    }
    fprintf(err, "Load Average: %.2f, %.2f, %.2f\n", load[0], load[1], load[2]);
    for (const HayaiContext *c = session->flags.context; c; c = c->next)
        fprintf(err, "%s: %s\n", c->key, c->value);
    if (machine->frequency_scaling)
        fprintf(err, "***WARNING*** CPU scaling is enabled, the benchmark real time measurements "
                     "may be noisy and will incur extra overhead.\n");
    if (load[0] > 0.5 * machine->processors)
        fprintf(err,
                "***WARNING*** The load average is %.2f on %d processors: something else is "
                "running, and times will vary.\n",
                load[0], machine->processors);
    /* A table on the other stream must not overtake this on a terminal. */
    fflush(err);
}

/* --- numbers ------------------------------------------------------------------------------ */

static void time_format(double time, char *text, size_t size) {
    if (isnan(time))
        snprintf(text, size, "%10s", "-");
    else if (time < 1)
        snprintf(text, size, "%10.3f", time);
    else if (time < 10)
        snprintf(text, size, "%10.2f", time);
    else if (time < 100)
        snprintf(text, size, "%10.1f", time);
    else
        snprintf(text, size, time > 9999999999.0 ? "%1.4e" : "%10.0f", time);
}

/* Six digits at most, and a prefix: 45.7135k, 330.668M; below 1: 12.5m. */
static void human_format(double value, double thousand, char *text, size_t size) {
    static const char large[] = "kMGTPEZY", small[] = "munpfazy";
    double magnitude = fabs(value);
    if (magnitude == 0 || !isfinite(value) || (magnitude >= 1 && magnitude < thousand)) {
        snprintf(text, size, "%g", value);
        return;
    }
    size_t step = 0;
    int shrink = magnitude >= 1;
    while (step < 8 && (shrink ? magnitude >= thousand : magnitude < 1)) {
        magnitude = shrink ? magnitude / thousand : magnitude * thousand;
        step++;
    }
    snprintf(text, size, "%g%c", value < 0 ? -magnitude : magnitude,
             shrink ? large[step - 1] : small[step - 1]);
}

static void counter_format(const HayaiRow *row, const HayaiCounter *counter, char *text,
                           size_t size) {
    if (row->percentage) {
        snprintf(text, size, "%.2f%%", 100 * counter->value);
        return;
    }
    human_format(counter->value, counter->flags & HAYAI_1024 ? 1024 : 1000, text, size);
    if (!(counter->flags & HAYAI_RATE)) return;
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", counter->flags & HAYAI_INVERT ? "s" : "/s");
}

/* --- the table ---------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void put(const HayaiConsole *console, int color,
                                                      const char *format, ...) {
    va_list list;
    if (console->color) fprintf(console->stream, "\033[0;%dm", color);
    va_start(list, format);
    vfprintf(console->stream, format, list);
    va_end(list);
    if (console->color) fprintf(console->stream, "\033[m");
}

void hayai_console_open(HayaiConsole *console, const HayaiSession *session, FILE *stream,
                        int color) {
    *console = (HayaiConsole){.stream = stream,
                              .color = color,
                              .tabular = session->flags.counters_tabular,
                              .name_width = (int)strlen("Benchmark")};
    for (const HayaiInstance *i = session->instances; i; i = i->next) {
        int suffix = i->repetitions > 1 ? (int)strlen("_stddev") : 0;
        int width = (int)strlen(i->name) + suffix;
        if (i->benchmark->complexity) {
            int family = (int)strlen(i->family_name) + (int)strlen("_BigO");
            if (family > width) width = family;
        }
        if (width > console->name_width) console->name_width = width;
    }
}

static int column_width(const HayaiCounter *counter) {
    int width = (int)strlen(counter->name);
    return width < 10 ? 10 : width;
}

static int same_columns(const HayaiCounter *a, const HayaiCounter *b) {
    for (; a && b; a = a->next, b = b->next)
        if (strcmp(a->name, b->name) != 0) return 0;
    return !a && !b;
}

/* The heading, again where counters are columns and their names change. */
static void header(HayaiConsole *console, const HayaiRow *row) {
    int changed =
        console->tabular && row->counters && !same_columns(console->columns, row->counters);
    if (console->started && !changed) return;
    console->started = 1;
    console->columns = console->tabular ? row->counters : NULL;
    char line[2048];
    int used = snprintf(line, sizeof line, "%-*s %13s %15s %12s", console->name_width, "Benchmark",
                        "Time", "CPU", "Iterations");
    size_t length = used < (int)sizeof line ? (size_t)used : sizeof line - 1;
    if (!console->tabular) {
        snprintf(line + length, sizeof line - length, " UserCounters...");
    } else {
        for (const HayaiCounter *c = row->counters; c && length < sizeof line - 1; c = c->next) {
            snprintf(line + length, sizeof line - length, " %*s", column_width(c), c->name);
            length = strlen(line);
        }
    }
    char rule[sizeof line];
    length = strlen(line);
    memset(rule, '-', length);
    rule[length] = 0;
    fprintf(console->stream, "%s\n%s\n%s\n", rule, line, rule);
}

static void put_times(const HayaiConsole *console, const HayaiRow *row) {
    int unit = row->instance->unit;
    double scale = row->percentage ? 100 : hayai_unit_per_second(unit);
    const char *name = row->percentage ? "%" : hayai_unit_name(unit);
    char real[64], cpu[64];
    if (row->percentage) {
        snprintf(real, sizeof real, "%10.2f", scale * row->real);
        snprintf(cpu, sizeof cpu, "%10.2f", scale * row->cpu);
    } else {
        time_format(scale * row->real, real, sizeof real);
        time_format(scale * row->cpu, cpu, sizeof cpu);
    }
    put(console, YELLOW, "%s %-4s %s %-4s ", real, name, cpu, name);
    put(console, CYAN, "%10lld", (long long)row->iterations);
}

static void put_counters(const HayaiConsole *console, const HayaiRow *row) {
    char text[64];
    for (const HayaiCounter *c = row->counters; c; c = c->next) {
        counter_format(row, c, text, sizeof text);
        if (console->tabular)
            fprintf(console->stream, " %*s", column_width(c), text);
        else
            fprintf(console->stream, " %s=%s", c->name, text);
    }
}

/* What Google's table does not have, in brackets at the end. */
static void put_remarks(const HayaiConsole *console, const HayaiRow *row) {
    double scale = hayai_unit_per_second(row->instance->unit);
    char low[64], high[64];
    if (!isnan(row->real_low)) {
        time_format(scale * row->real_low, low, sizeof low);
        time_format(scale * row->real_high, high, sizeof high);
        fprintf(console->stream, " [%s, %s]", low + strspn(low, " "), high + strspn(high, " "));
    }
    if (row->peak_bytes >= 0) {
        human_format(row->peak_bytes, 1024, low, sizeof low);
        fprintf(console->stream, " [peak %s bytes]", low);
    }
    if (row->switches > 0) put(console, RED, " [disturbed: %ld switches]", row->switches);
    if (row->wide) put(console, RED, " [wide]");
}

static void put_slope(const HayaiConsole *console, double slope, double low, double high,
                      double from, double to) {
    fprintf(console->stream, "  slope %6.3f [%.3f, %.3f]  N = %g to %g\n", slope, low, high, from,
            to);
}

static void put_complexity(const HayaiConsole *console, const HayaiRow *row) {
    const FitPower *fit = row->fit;
    double scale = hayai_unit_per_second(row->instance->unit);
    char order[32], cpu_order[32] = "";
    put(console, GREEN, "%-*s ", console->name_width, row->name);
    if (row->kind == HAYAI_BIG_O) {
        snprintf(order, sizeof order, "N^%.2f", fit->slope);
        if (row->cpu_fit) snprintf(cpu_order, sizeof cpu_order, "N^%.2f", row->cpu_fit->slope);
        put(console, BLUE, "%10.4g %-6s %8.4g %-6s\n", scale * row->real, order,
            row->cpu_fit ? scale * row->cpu : 0, cpu_order);
        return;
    }
    put(console, BLUE, "%10.0f %-6s %8.0f %-6s\n", 100 * row->real, "%",
        row->cpu_fit ? 100 * row->cpu : 0, "%");
    put_slope(console, fit->slope, fit->slope_low, fit->slope_high, row->sizes[0],
              row->sizes[fit->sizes - 1]);
    for (size_t i = 0; i + 1 < fit->sizes && fit->sizes > 2; i++)
        put_slope(console, fit->local[i], fit->local_low[i], fit->local_high[i], row->sizes[i],
                  row->sizes[i + 1]);
}

void hayai_console_row(HayaiConsole *console, const HayaiRow *row) {
    header(console, row);
    if (row->kind == HAYAI_BIG_O || row->kind == HAYAI_RMS) {
        put_complexity(console, row);
        return;
    }
    put(console, GREEN, "%-*s ", console->name_width, row->name);
    if (row->outcome != HAYAI_FINE) {
        int failed = row->outcome == HAYAI_ERROR;
        put(console, failed ? RED : CYAN, "%s: '%s'\n", failed ? "ERROR OCCURRED" : "SKIPPED",
            row->reason);
        return;
    }
    put_times(console, row);
    put_counters(console, row);
    if (row->label) fprintf(console->stream, " %s", row->label);
    put_remarks(console, row);
    fprintf(console->stream, "\n");
}
