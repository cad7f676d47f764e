#include "number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A unit by the name that facts or formats use: how much of the base unit it is. */
typedef struct {
    const char *name, *base;
    double size;
    int automatic; /* may be chosen when the prose gives no format */
} Unit;

static const Unit units[] = {
    {"ns", "s", 1e-9, 1},
    {"µs", "s", 1e-6, 1},
    {"ms", "s", 1e-3, 1},
    {"s", "s", 1, 1},
    {"B", "byte", 1, 1},
    {"KiB", "byte", 1024, 1},
    {"MiB", "byte", 1048576, 1},
    {"GiB", "byte", 1073741824, 1},
    {"MB", "byte", 1e6, 0},
    {"GB", "byte", 1e9, 0},
    {"MFLOP", "flop", 1e6, 1},
    {"GFLOP", "flop", 1e9, 1},
    {"TFLOP", "flop", 1e12, 1},
    {"MFLOP/s", "flop/s", 1e6, 1},
    {"GFLOP/s", "flop/s", 1e9, 1},
    {"TFLOP/s", "flop/s", 1e12, 1},
    {"MB/s", "byte/s", 1e6, 1},
    {"GB/s", "byte/s", 1e9, 1},
    {"GiB/s", "byte/s", 1073741824, 0},
    {"%", "1", .01, 0},
};
enum { UNITS = sizeof units / sizeof *units };

static const Unit *unit_named(const char *name, const char *base) {
    for (int i = 0; i < UNITS; i++)
        if (strcmp(units[i].name, name) == 0 && strcmp(units[i].base, base) == 0) return &units[i];
    return NULL;
}

/* The largest unit in which the value is at least 1, else the smallest there is. */
static const Unit *unit_suited(double value, const char *base) {
    const Unit *suited = NULL;
    for (int i = 0; i < UNITS; i++) {
        if (!units[i].automatic || strcmp(units[i].base, base)) continue;
        if (!suited || fabs(value) >= units[i].size) suited = &units[i];
    }
    return suited;
}

/* How the numbers of one fact are written: a checked printf format, a divisor, a unit. */
typedef struct {
    char conversion[32]; /* for a double */
    double size;
    const char *unit; /* "" for none */
    int group;        /* thousands by commas */
} Style;

static Status style_of_format(const Fact *fact, const char *format, Style *style) {
    const char *at = format;
    size_t used = 0;
    if (*at != '%') goto wrong;
    for (at++; *at && strchr("+-0 #.123456789", *at); at++) used++;
    char letter = *at;
    if (!letter || !strchr("fegdFEG", letter) || used > 12) goto wrong;
    snprintf(style->conversion, sizeof style->conversion, "%%%.*s%s%c", (int)used, format + 1,
             letter == 'd' ? ".0" : "", letter == 'd' ? 'f' : letter);
    const char *name = at + 1;
    if (strcmp(name, "%%") == 0) name = "%";
    name += strspn(name, " ");
    style->size = 1;
    style->unit = "";
    style->group = 1;
    if (!*name) return STATUS_OK;
    const Unit *unit = unit_named(name, fact->unit);
    if (!unit)
        return status_fail(STATUS_ARGUMENT,
                           "format '%s': '%s' is not a unit for fact '%s', which is in '%s'",
                           format, name, fact->name, fact->unit);
    style->size = unit->size;
    style->unit = unit->name;
    return STATUS_OK;
wrong:
    return status_fail(STATUS_ARGUMENT,
                       "format '%s': expected one conversion such as %%.2f, %%.0f%%%%, or "
                       "%%.1f ms",
                       format);
}

/* Decimals that give three significant digits. */
static int decimals_of(double value) {
    if (value == 0) return 0;
    int decimals = 2 - (int)floor(log10(fabs(value)) + 1e-12);
    return decimals < 0 ? 0 : decimals;
}

static Style style_of_unit(const Fact *fact) {
    Style style = {.size = 1, .unit = ""};
    int exact = fact->low == fact->high && fact->value == nearbyint(fact->value);
    if (strcmp(fact->unit, "token") == 0 || (strcmp(fact->unit, "1") == 0 && exact)) {
        snprintf(style.conversion, sizeof style.conversion, "%%.0f");
        style.group = 1;
        return style;
    }
    const Unit *unit = unit_suited(fact->value, fact->unit);
    if (unit) {
        style.size = unit->size;
        style.unit = unit->name;
    } else if (strcmp(fact->unit, "1")) {
        style.unit = fact->unit;
    }
    double shown = fabs(fact->value / style.size);
    if (shown != 0 && (shown < 1e-3 || shown >= 1e6))
        snprintf(style.conversion, sizeof style.conversion, "%%.2e");
    else
        snprintf(style.conversion, sizeof style.conversion, "%%.%df", decimals_of(shown));
    style.group = 1;
    return style;
}

void number_print(const char *conversion, double value, int group, Text *out) {
    char digits[400];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(digits, sizeof digits, conversion, value);
#pragma GCC diagnostic pop
    const char *start = digits + strspn(digits, " +-");
    size_t whole = strspn(start, "0123456789");
    /* What rounds to zero has no sign: "-0.00" says nothing that "0.00" does not. */
    if (start[strspn(start, "0.")]) text_add(out, digits, (size_t)(start - digits));
    for (size_t i = 0; i < whole; i++) {
        if (group && whole > 4 && i && (whole - i) % 3 == 0) text_puts(out, ",");
        text_add(out, start + i, 1);
    }
    text_puts(out, start + whole);
}

static void add_value(Text *out, const Style *style, double value) {
    number_print(style->conversion, value / style->size, style->group, out);
}

Status number_text(const Fact *fact, NumberPart part, const char *format, Text *out) {
    Style style;
    if (format)
        STATUS_TRY(style_of_format(fact, format, &style));
    else
        style = style_of_unit(fact);
    switch (part) {
    case NUMBER_VALUE:
        add_value(out, &style, fact->value);
        break;
    case NUMBER_LOW:
        add_value(out, &style, fact->low);
        break;
    case NUMBER_HIGH:
        add_value(out, &style, fact->high);
        break;
    case NUMBER_RANGE:
        add_value(out, &style, fact->value);
        text_puts(out, " [");
        add_value(out, &style, fact->low);
        text_puts(out, ", ");
        add_value(out, &style, fact->high);
        text_puts(out, "]");
        break;
    }
    if (strcmp(style.unit, "%") == 0)
        text_puts(out, "%");
    else if (*style.unit)
        text_printf(out, " %s", style.unit);
    return STATUS_OK;
}

/* Digits, then 'e' and a signed exponent: returns where the exponent begins, else NULL. */
static const char *exponent(const char *start, const char *at) {
    if ((*at != 'e' && *at != 'E') || at == start || !isdigit((unsigned char)at[-1])) return NULL;
    if (at[1] != '+' && at[1] != '-') return NULL;
    return isdigit((unsigned char)at[2]) ? at + 1 : NULL;
}

void number_typeset(const char *plain, Text *out) {
    text_puts(out, "\\Number{");
    for (const char *at = plain; *at; at++) {
        const char *power = exponent(plain, at);
        if (power) {
            int value = 0, used = 0;
            sscanf(power, "%d%n", &value, &used);
            text_printf(out, "\\Power{%d}", value);
            at = power + used - 1;
        } else if (*at == ' ') {
            text_puts(out, "~");
        } else if (*at == '-') {
            text_puts(out, "\\Minus{}");
        } else {
            char one[2] = {*at, 0};
            text_add_escaped(out, one);
        }
    }
    text_puts(out, "}");
}

Status number_tex(const Fact *fact, NumberPart part, const char *format, Text *out) {
    Text plain = {0};
    Status status = number_text(fact, part, format, &plain);
    if (status == STATUS_OK) number_typeset(text_bytes(&plain), out);
    text_free(&plain);
    return status;
}
