#include "hayai_internal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum {
    SWITCH,
    TEXT,
    SECONDS,
    MIN_TIME,
    COUNT,
    NUMBER,
    FORMAT,
    COLOR,
    TIME_UNIT,
    CONTEXT
} FlagKind;

typedef struct {
    const char *name; /* after "--benchmark_" */
    FlagKind kind;
    size_t offset; /* of the field in HayaiFlags */
    const char *value, *help;
} Flag;

#define AT(field) offsetof(HayaiFlags, field)

static const Flag known[] = {
    {"list_tests", SWITCH, AT(list_tests), "", "print the names that the filter lets through"},
    {"filter", TEXT, AT(filter), "<regex>",
     "run what matches (POSIX extended); '-<regex>' runs what does not"},
    {"dry_run", SWITCH, AT(dry_run), "", "one iteration, one repetition, no warm-up"},
    {"min_time", MIN_TIME, 0, "<seconds>s|<n>x",
     "how long a run takes at least (0.5s), or how many iterations it has"},
    {"min_warmup_time", SECONDS, AT(min_warmup_time), "<seconds>",
     "how long to run before the first measurement (0)"},
    {"repetitions", COUNT, AT(repetitions), "<n>",
     "how often to measure; 9 or more for compare.py (1)"},
    {"report_aggregates_only", SWITCH, AT(report_aggregates_only), "",
     "mean, median, ... and no single repetitions, anywhere"},
    {"display_aggregates_only", SWITCH, AT(display_aggregates_only), "",
     "the same on the screen only; the file has all"},
    {"enable_random_interleaving", SWITCH, AT(interleave), "",
     "shuffle the repetitions of all benchmarks among each other"},
    {"seed", NUMBER, AT(seed), "<n>", "of that shuffle and of the bootstrap intervals (1)"},
    {"format", FORMAT, AT(format), "console|json|csv", "what is printed (console)"},
    {"out", TEXT, AT(out), "<file>", "write the results there too, whole or not at all"},
    {"out_format", FORMAT, AT(out_format), "console|json|csv", "what is written (json)"},
    {"color", COLOR, AT(color), "auto|true|false", "colours; auto: on a terminal (auto)"},
    {"counters_tabular", SWITCH, AT(counters_tabular), "", "counters as columns"},
    {"time_unit", TIME_UNIT, AT(unit), "ns|us|ms|s", "unit of times (ns)"},
    {"context", CONTEXT, 0, "<key>=<value>,...", "add to the context; may be repeated"},
};

enum { KNOWN = sizeof known / sizeof *known };

const char *hayai_unit_name(int unit) {
    static const char *const names[] = {"ns", "us", "ms", "s"};
    return names[unit];
}

double hayai_unit_per_second(int unit) {
    static const double factors[] = {1e9, 1e6, 1e3, 1};
    return factors[unit];
}

static Status refuse(const char *source, const char *found, const char *expected) {
    return status_fail(STATUS_ARGUMENT, "%s: expected %s, found \"%s\"", source, expected, found);
}

static int parse_switch(const char *text, int *out) {
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no",
                                                                                "off", "0"};
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0) return *out = 1, 1;
        if (strcasecmp(text, no[i]) == 0) return *out = 0, 1;
    }
    return 0;
}

/* A finite number at the start of `text`; what follows it is `*rest`. */
static int parse_number(const char *text, double *out, const char **rest) {
    char *end;
    /* strtod would take "inf", "nan" and hexadecimal too. */
    if (strspn(text, "0123456789.eE+-") == 0) return 0;
    *out = strtod(text, &end);
    *rest = end;
    return end != text && isfinite(*out);
}

static int parse_whole(const char *text, int64_t most, int64_t *out) {
    char *end;
    if (!isdigit((unsigned char)*text)) return 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return !*end && !errno && *out <= most;
}

static Status parse_min_time(const char *source, const char *text, HayaiFlags *flags) {
    const char *expected = "a positive time such as 0.5s or a number of iterations such as 100x";
    const char *rest;
    double number;
    if (!parse_number(text, &number, &rest) || !(number > 0)) return refuse(source, text, expected);
    flags->iterations = 0;
    if (strcmp(rest, "x") == 0) {
        if (number != floor(number) || number > 1e15) return refuse(source, text, expected);
        flags->iterations = (int64_t)number;
        return STATUS_OK;
    }
    /* A bare number is what Google Benchmark took before 1.8. */
    if (*rest && strcmp(rest, "s") != 0) return refuse(source, text, expected);
    flags->min_time = number;
    return STATUS_OK;
}

static Status parse_format(const char *source, const char *text, HayaiFormat *out) {
    static const char *const names[] = {"console", "json", "csv"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i])) continue;
        *out = (HayaiFormat)i;
        return STATUS_OK;
    }
    return refuse(source, text, "console, json or csv");
}

static Status parse_context(const char *source, const char *text, Arena *arena, HayaiFlags *flags) {
    HayaiContext **end = &flags->context;
    while (*end) end = &(*end)->next;
    char *pairs = hayai_text_copy(arena, text);
    if (!pairs) return STATUS_MEMORY;
    while (pairs) {
        char *comma = strchr(pairs, ','), *equals = strchr(pairs, '=');
        if (!equals || equals == pairs || (comma && equals > comma))
            return refuse(source, text, "<key>=<value>, several with commas between");
        if (comma) *comma++ = 0;
        *equals = 0;
        HayaiContext *pair = arena_take_zeroed(arena, sizeof *pair);
        if (!pair) return STATUS_MEMORY;
        pair->key = pairs;
        pair->value = equals + 1;
        *end = pair;
        end = &pair->next;
        pairs = comma;
    }
    return STATUS_OK;
}

/* `source` names the flag or the variable in messages. */
static Status flag_set(const Flag *flag, const char *source, const char *text, Arena *arena,
                       HayaiFlags *flags) {
    void *field = (char *)flags + flag->offset;
    const char *rest;
    int64_t whole;
    switch (flag->kind) {
    case SWITCH:
        if (!parse_switch(text, field)) return refuse(source, text, "true or false");
        return STATUS_OK;
    case TEXT:
        *(const char **)field = hayai_text_copy(arena, text);
        return *(const char **)field ? STATUS_OK : STATUS_MEMORY;
    case SECONDS:
        if (!parse_number(text, field, &rest) || (*rest && strcmp(rest, "s") != 0) ||
            *(double *)field < 0)
            return refuse(source, text, "a number of seconds, not negative");
        return STATUS_OK;
    case MIN_TIME:
        return parse_min_time(source, text, flags);
    case COUNT:
        if (!parse_whole(text, 1000000, &whole) || whole < 1)
            return refuse(source, text, "a whole number from 1 to 1000000");
        *(int *)field = (int)whole;
        return STATUS_OK;
    case NUMBER:
        if (!parse_whole(text, INT64_MAX, &whole))
            return refuse(source, text, "a whole number, not negative");
        *(uint64_t *)field = (uint64_t)whole;
        return STATUS_OK;
    case FORMAT:
        return parse_format(source, text, field);
    case COLOR:
        if (strcmp(text, "auto") == 0)
            *(int *)field = -1;
        else if (!parse_switch(text, field))
            return refuse(source, text, "auto, true or false");
        return STATUS_OK;
    case TIME_UNIT:
        for (int unit = 0; unit < 4; unit++) {
            if (strcmp(text, hayai_unit_name(unit))) continue;
            *(int *)field = unit;
            return STATUS_OK;
        }
        return refuse(source, text, "ns, us, ms or s");
    case CONTEXT:
        return parse_context(source, text, arena, flags);
    }
    return STATUS_OK;
}

static Status read_environment(Arena *arena, HayaiFlags *flags) {
    for (int i = 0; i < KNOWN; i++) {
        char name[64] = "BENCHMARK_";
        size_t used = strlen(name);
        for (const char *p = known[i].name; *p; p++) name[used++] = (char)toupper(*p);
        name[used] = 0;
        const char *text = getenv(name);
        if (!text) continue;
        char source[96];
        snprintf(source, sizeof source, "environment variable %s", name);
        STATUS_TRY(flag_set(&known[i], source, text, arena, flags));
    }
    return STATUS_OK;
}

static Status read_argument(const char *argument, Arena *arena, HayaiFlags *flags) {
    static const char prefix[] = "--benchmark_";
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        flags->help = 1;
        return STATUS_OK;
    }
    const char *name = argument + strlen(prefix);
    if (strncmp(argument, prefix, strlen(prefix)) != 0)
        return status_fail(STATUS_ARGUMENT,
                           "unknown argument \"%s\"; --help lists those that there are", argument);
    size_t length = strcspn(name, "=");
    for (int i = 0; i < KNOWN; i++) {
        if (strlen(known[i].name) != length || strncmp(known[i].name, name, length) != 0) continue;
        char source[64];
        snprintf(source, sizeof source, "%s%s", prefix, known[i].name);
        if (name[length] == '=')
            return flag_set(&known[i], source, name + length + 1, arena, flags);
        if (known[i].kind == SWITCH) return flag_set(&known[i], source, "true", arena, flags);
        return status_fail(STATUS_ARGUMENT, "%s: expected %s=%s, found no value", source, source,
                           known[i].value);
    }
    return status_fail(STATUS_ARGUMENT, "unknown flag \"%s\"; --help lists those that there are",
                       argument);
}

Status hayai_flags_read(int argc, char **argv, Arena *arena, HayaiFlags *flags) {
    *flags = (HayaiFlags){.filter = "",
                          .min_time = 0.5,
                          .repetitions = 1,
                          .seed = 1,
                          .out = "",
                          .out_format = HAYAI_JSON,
                          .color = -1,
                          .unit = HAYAI_NANOSECOND};
    STATUS_TRY(read_environment(arena, flags));
    for (int i = 1; i < argc; i++) STATUS_TRY(read_argument(argv[i], arena, flags));
    return STATUS_OK;
}

void hayai_flags_help(const char *program, FILE *out) {
    fprintf(out,
            "usage: %s [flags]\n\n"
            "Measures the benchmarks of this program. Flags (default in parentheses):\n\n",
            program);
    for (int i = 0; i < KNOWN; i++) {
        fprintf(out, "  --benchmark_%s%s%s\n        %s\n", known[i].name,
                *known[i].value ? "=" : "", known[i].value, known[i].help);
    }
    fprintf(out,
            "  --help\n        this text\n\n"
            "Each is an environment variable too: BENCHMARK_FILTER, BENCHMARK_REPETITIONS,\n"
            "...; a flag goes before its variable. For example:\n\n"
            "  %s --benchmark_filter=-slow --benchmark_repetitions=9 \\\n"
            "      --benchmark_enable_random_interleaving --benchmark_out=after.json\n"
            "  compare.py benchmarks before.json after.json\n",
            program);
}
