#include "hayai_internal.h"

#include <math.h>
#include <string.h>

/* Google's ten columns, then the counters, then what only we have. Those two rates have columns
 * of their own. */
static const char *const fixed[] = {"bytes_per_second", "items_per_second"};

static int is_fixed(const char *name) {
    return strcmp(name, fixed[0]) == 0 || strcmp(name, fixed[1]) == 0;
}

static const HayaiCounter *find(const HayaiCounter *list, const char *name) {
    while (list && strcmp(list->name, name) != 0) list = list->next;
    return list;
}

/* The names of all counters of all rows, each once, in the order in which they appear. */
static Status names_collect(const HayaiSession *session, int kept, Arena *arena,
                            HayaiCounter **names) {
    HayaiCounter **end = names;
    for (const HayaiRow *row = session->rows; row; row = row->next) {
        if (!(kept ? row->keep : row->display)) continue;
        for (const HayaiCounter *c = row->counters; c; c = c->next) {
            if (is_fixed(c->name) || find(*names, c->name)) continue;
            HayaiCounter *name = arena_take_zeroed(arena, sizeof *name);
            if (!name) return STATUS_MEMORY;
            name->name = c->name;
            *end = name;
            end = &name->next;
        }
    }
    return STATUS_OK;
}

static void put_quoted(FILE *stream, const char *text) {
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"') fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void put_number(FILE *stream, double value) {
    fprintf(stream, "%.9g,", value);
}

static void put_counter(FILE *stream, const HayaiRow *row, const char *name) {
    const HayaiCounter *counter = find(row->counters, name);
    if (counter)
        put_number(stream, counter->value);
    else
        fputc(',', stream);
}

/* iterations, real_time, cpu_time, time_unit. */
static void put_times(FILE *stream, const HayaiRow *row) {
    int unit = row->instance->unit;
    double scale = row->percentage ? 1 : hayai_unit_per_second(unit);
    if (row->outcome != HAYAI_FINE) {
        fputs(",,,,", stream);
        return;
    }
    int complexity = row->kind == HAYAI_BIG_O || row->kind == HAYAI_RMS;
    if (!complexity) fprintf(stream, "%lld", (long long)row->iterations);
    fputc(',', stream);
    put_number(stream, scale * row->real);
    if (isnan(row->cpu))
        fputc(',', stream);
    else
        put_number(stream, scale * row->cpu);
    if (row->kind == HAYAI_BIG_O)
        fprintf(stream, "N^%.4f,", row->fit->slope);
    else
        fprintf(stream, "%s,", row->percentage ? "" : hayai_unit_name(unit));
}

static void put_row(FILE *stream, const HayaiRow *row, const HayaiCounter *names) {
    put_quoted(stream, row->name);
    fputc(',', stream);
    put_times(stream, row);
    for (int i = 0; i < 2; i++) put_counter(stream, row, fixed[i]);
    if (row->label) put_quoted(stream, row->label);
    fputc(',', stream);
    if (row->outcome == HAYAI_ERROR) fputs("true", stream);
    fputc(',', stream);
    if (row->outcome != HAYAI_FINE) put_quoted(stream, row->reason);
    fputc(',', stream);
    for (; names; names = names->next) put_counter(stream, row, names->name);
    if (row->peak_bytes >= 0) fprintf(stream, "%.0f", row->peak_bytes);
    fputc(',', stream);
    if (row->kind == HAYAI_SAMPLE && row->outcome == HAYAI_FINE)
        fprintf(stream, "%ld", row->switches);
    fputc('\n', stream);
}

Status hayai_csv_write(const HayaiSession *session, int kept, FILE *stream) {
    Arena arena;
    HayaiCounter *names = NULL;
    STATUS_TRY(arena_open(&arena, 1 << 20));
    Status status = names_collect(session, kept, &arena, &names);
    if (status == STATUS_OK) {
        fputs("name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,"
              "label,error_occurred,error_message,",
              stream);
        for (const HayaiCounter *n = names; n; n = n->next) {
            put_quoted(stream, n->name);
            fputc(',', stream);
        }
        fputs("max_bytes_used,involuntary_switches\n", stream);
        for (const HayaiRow *row = session->rows; row; row = row->next)
            if (kept ? row->keep : row->display) put_row(stream, row, names);
    }
    arena_close(&arena);
    return status;
}
