#define _GNU_SOURCE
#include "base/threads.h"
#include "hayai_internal.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* cJSON says that it has no memory by a NULL from any of its functions; adding to a NULL object
 * is harmless, so one flag at the end suffices. */
typedef struct {
    int failed;
} Maker;

static void text(Maker *maker, cJSON *object, const char *name, const char *value) {
    maker->failed |= !cJSON_AddStringToObject(object, name, value);
}

/* JSON has no infinity: null, as cJSON writes it. */
static void number(Maker *maker, cJSON *object, const char *name, double value) {
    maker->failed |= !cJSON_AddNumberToObject(object, name, value);
}

static void truth(Maker *maker, cJSON *object, const char *name, int value) {
    maker->failed |= !cJSON_AddBoolToObject(object, name, value);
}

static cJSON *array(Maker *maker, cJSON *object, const char *name) {
    cJSON *made = cJSON_AddArrayToObject(object, name);
    maker->failed |= !made;
    return made;
}

static cJSON *element(Maker *maker, cJSON *list) {
    cJSON *made = cJSON_CreateObject();
    if (!made || !cJSON_AddItemToArray(list, made)) maker->failed = 1;
    return made;
}

/* --- context ------------------------------------------------------------------------------ */

static void add_context(Maker *maker, const HayaiSession *session, cJSON *context) {
    const Machine *machine = &session->machine;
    char host[256] = "";
    if (gethostname(host, sizeof host - 1)) host[0] = 0;
    text(maker, context, "date", session->date);
    text(maker, context, "host_name", host);
    text(maker, context, "executable", session->program);
    number(maker, context, "num_cpus", machine->processors);
    number(maker, context, "mhz_per_cpu", round(machine->mhz));
    truth(maker, context, "cpu_scaling_enabled", machine->frequency_scaling);
    cJSON *caches = array(maker, context, "caches");
    for (int i = 0; i < machine->caches; i++) {
        cJSON *cache = element(maker, caches);
        text(maker, cache, "type", machine->cache[i].type);
        number(maker, cache, "level", machine->cache[i].level);
        number(maker, cache, "size", (double)machine->cache[i].bytes);
        number(maker, cache, "num_sharing", machine->cache[i].sharing);
    }
    double load[3];
    machine_load(load);
    cJSON *loads = cJSON_CreateDoubleArray(load, 3);
    if (!loads || !cJSON_AddItemToObject(context, "load_avg", loads)) maker->failed = 1;
    text(maker, context, "library_name", "hayai-c");
    text(maker, context, "library_version", HAYAI_VERSION);
#ifdef __OPTIMIZE__
    text(maker, context, "library_build_type", "release");
#else
    text(maker, context, "library_build_type", "debug");
#endif
    number(maker, context, "json_schema_version", 1);
    text(maker, context, "cpu", machine->cpu);
    text(maker, context, "isa", machine->isa);
    text(maker, context, "machine", machine->slug);
    text(maker, context, "os", machine->os);
    text(maker, context, "compiler", machine->compiler);
    text(maker, context, "build", machine->build);
    text(maker, context, "blas", machine->blas);
    number(maker, context, "memory_bytes", (double)machine->memory_bytes);
    number(maker, context, "threads", threads_count());
    number(maker, context, "seed", (double)session->flags.seed);
    truth(maker, context, "random_interleaving", session->flags.interleave);
    for (const HayaiContext *c = session->flags.context; c; c = c->next)
        text(maker, context, c->key, c->value);
}

/* --- benchmarks --------------------------------------------------------------------------- */

static void add_slopes(Maker *maker, cJSON *entry, const char *prefix, const FitPower *fit,
                       const double *sizes) {
    static const char *const ends[] = {"slope", "slope_low", "slope_high", "local_slopes"};
    char names[4][32];
    for (int i = 0; i < 4; i++) snprintf(names[i], sizeof names[i], "%s_%s", prefix, ends[i]);
    number(maker, entry, names[0], fit->slope);
    number(maker, entry, names[1], fit->slope_low);
    number(maker, entry, names[2], fit->slope_high);
    cJSON *list = array(maker, entry, names[3]);
    for (size_t i = 0; i + 1 < fit->sizes; i++) {
        cJSON *local = element(maker, list);
        number(maker, local, "from", sizes[i]);
        number(maker, local, "to", sizes[i + 1]);
        number(maker, local, "slope", fit->local[i]);
        number(maker, local, "low", fit->local_low[i]);
        number(maker, local, "high", fit->local_high[i]);
    }
}

static void add_complexity(Maker *maker, const HayaiRow *row, cJSON *entry) {
    double scale = hayai_unit_per_second(row->instance->unit);
    if (row->kind == HAYAI_RMS) {
        number(maker, entry, "rms", row->real);
        return;
    }
    char order[32];
    snprintf(order, sizeof order, "N^%.2f", row->fit->slope);
    number(maker, entry, "cpu_coefficient", row->cpu_fit ? scale * row->cpu : 0);
    number(maker, entry, "real_coefficient", scale * row->real);
    text(maker, entry, "big_o", order);
    text(maker, entry, "time_unit", hayai_unit_name(row->instance->unit));
    add_slopes(maker, entry, "real", row->fit, row->sizes);
    if (row->cpu_fit) add_slopes(maker, entry, "cpu", row->cpu_fit, row->sizes);
}

static void add_times(Maker *maker, const HayaiRow *row, cJSON *entry) {
    int unit = row->instance->unit;
    /* Shares stay shares: aggregate_unit says so, and compare.py looks at it. */
    double scale = row->percentage ? 1 : hayai_unit_per_second(unit);
    number(maker, entry, "iterations", (double)row->iterations);
    number(maker, entry, "real_time", scale * row->real);
    number(maker, entry, "cpu_time", scale * row->cpu);
    if (!isnan(row->real_low)) {
        number(maker, entry, "real_time_low", scale * row->real_low);
        number(maker, entry, "real_time_high", scale * row->real_high);
    }
    text(maker, entry, "time_unit", hayai_unit_name(unit));
    for (const HayaiCounter *c = row->counters; c; c = c->next)
        number(maker, entry, c->name, c->value);
    if (row->peak_bytes >= 0) number(maker, entry, "max_bytes_used", row->peak_bytes);
    if (row->kind == HAYAI_SAMPLE) {
        number(maker, entry, "involuntary_switches", (double)row->switches);
        truth(maker, entry, "disturbed", row->switches > 0);
    }
    if (row->wide) truth(maker, entry, "spread_warning", 1);
}

static void add_row(Maker *maker, const HayaiRow *row, cJSON *entry) {
    const HayaiInstance *instance = row->instance;
    text(maker, entry, "name", row->name);
    number(maker, entry, "family_index", instance->family);
    number(maker, entry, "per_family_instance_index", instance->member);
    text(maker, entry, "run_name", row->run_name);
    text(maker, entry, "run_type", row->kind == HAYAI_SAMPLE ? "iteration" : "aggregate");
    number(maker, entry, "repetitions", instance->repetitions);
    if (row->kind == HAYAI_SAMPLE) number(maker, entry, "repetition_index", row->repetition);
    number(maker, entry, "threads", 1);
    if (row->aggregate) {
        text(maker, entry, "aggregate_name", row->aggregate);
        text(maker, entry, "aggregate_unit", row->percentage ? "percentage" : "time");
    }
    if (row->outcome == HAYAI_ERROR) {
        truth(maker, entry, "error_occurred", 1);
        text(maker, entry, "error_message", row->reason);
    } else if (row->outcome == HAYAI_MESSAGE) {
        truth(maker, entry, "skipped", 1);
        text(maker, entry, "skip_message", row->reason);
    }
    if (row->kind == HAYAI_BIG_O || row->kind == HAYAI_RMS)
        add_complexity(maker, row, entry);
    else
        add_times(maker, row, entry);
    if (row->label) text(maker, entry, "label", row->label);
}

Status hayai_json_write(const HayaiSession *session, int kept, FILE *stream) {
    Maker maker = {0};
    cJSON *root = cJSON_CreateObject();
    cJSON *context = cJSON_AddObjectToObject(root, "context");
    if (context) add_context(&maker, session, context);
    cJSON *list = array(&maker, root, "benchmarks");
    for (const HayaiRow *row = session->rows; row; row = row->next)
        if (kept ? row->keep : row->display) add_row(&maker, row, element(&maker, list));
    char *printed = maker.failed || !context ? NULL : cJSON_Print(root);
    cJSON_Delete(root);
    if (!printed) return status_fail(STATUS_MEMORY, "hayai: no memory for the JSON");
    fprintf(stream, "%s\n", printed);
    free(printed);
    return STATUS_OK;
}
