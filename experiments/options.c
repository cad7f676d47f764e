#include "options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_LINE   80   /* columns of --help */
#define OPTIONS_INDENT 6    /* of a flag's explanation */
#define OPTIONS_WORD   4096 /* longest list that can be typed */

/* --- one value ------------------------------------------------------------------------------ */

static int limited(const Option *option) {
    return option->low != 0 || option->high != 0;
}

static const char *value_word(const Option *option) {
    if (option->value) return option->value;
    switch (option->type) {
    case OPTION_INT:
        return "COUNT";
    case OPTION_NUMBER:
        return "NUMBER";
    case OPTION_TEXT:
        return "TEXT";
    case OPTION_INTS:
        return "N,N,...";
    case OPTION_CHOICE:
        return option->choices;
    case OPTION_SWITCH:
        break;
    }
    return "";
}

/* "an integer from 1 to 4096": what the message says was expected. */
static void describe_expected(const Option *option, char *out, size_t size) {
    switch (option->type) {
    case OPTION_INT:
        if (limited(option))
            snprintf(out, size, "an integer from %.0f to %.0f", option->low, option->high);
        else
            snprintf(out, size, "an integer");
        return;
    case OPTION_INTS:
        if (limited(option))
            snprintf(out, size, "at most %d integers from %.0f to %.0f, such as 512,1024",
                     OPTIONS_INTS_MAX, option->low, option->high);
        else
            snprintf(out, size, "at most %d integers, such as 512,1024", OPTIONS_INTS_MAX);
        return;
    case OPTION_NUMBER:
        if (limited(option))
            snprintf(out, size, "a number from %g to %g", option->low, option->high);
        else
            snprintf(out, size, "a number");
        return;
    case OPTION_TEXT:
        snprintf(out, size, "a text that is not empty");
        return;
    case OPTION_CHOICE:
        snprintf(out, size, "one of %s", option->choices);
        return;
    case OPTION_SWITCH:
        snprintf(out, size, "no value");
        return;
    }
}

static Status refuse(const Option *option, const char *found) {
    char expected[256];
    describe_expected(option, expected, sizeof expected);
    return status_fail(STATUS_ARGUMENT, "--%s: expected %s, found '%s'; see --help", option->name,
                       expected, found);
}

/* The whole of `text` as an integer in range. 1 when it is one. */
static int read_int(const Option *option, const char *text, int *out) {
    char *end;
    errno = 0;
    /* strtol would skip leading blanks, which are a typing error here. */
    if (*text == '\0' || strchr(" \t\n\v\f\r", *text)) return 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < INT_MIN || value > INT_MAX) return 0;
    if (limited(option) && ((double)value < option->low || (double)value > option->high)) return 0;
    *out = (int)value;
    return 1;
}

static int read_number(const Option *option, const char *text, double *out) {
    char *end;
    if (*text == '\0' || strchr(" \t\n\v\f\r", *text)) return 0;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value)) return 0;
    if (limited(option) && (value < option->low || value > option->high)) return 0;
    *out = value;
    return 1;
}

static int read_ints(const Option *option, const char *text, OptionInts *out) {
    char word[OPTIONS_WORD];
    OptionInts list = {0};
    while (1) {
        size_t length = strcspn(text, ",");
        if (length >= sizeof word || list.count == OPTIONS_INTS_MAX) return 0;
        memcpy(word, text, length);
        word[length] = '\0';
        if (!read_int(option, word, &list.values[list.count++])) return 0;
        if (!text[length]) break;
        text += length + 1;
    }
    *out = list;
    return 1;
}

static int read_choice(const Option *option, const char *text, int *out) {
    size_t length = strlen(text);
    const char *choice = option->choices;
    for (int position = 0;; position++) {
        size_t size = strcspn(choice, "|");
        if (size == length && memcmp(choice, text, size) == 0) {
            *out = position;
            return 1;
        }
        if (!choice[size]) return 0;
        choice += size + 1;
    }
}

static Status set_value(const Option *option, const char *text) {
    int good = 0;
    switch (option->type) {
    case OPTION_INT:
        good = read_int(option, text, option->target);
        break;
    case OPTION_NUMBER:
        good = read_number(option, text, option->target);
        break;
    case OPTION_INTS:
        good = read_ints(option, text, option->target);
        break;
    case OPTION_CHOICE:
        good = read_choice(option, text, option->target);
        break;
    case OPTION_TEXT:
        good = *text != '\0';
        if (good) *(const char **)option->target = text;
        break;
    case OPTION_SWITCH:
        break;
    }
    return good ? STATUS_OK : refuse(option, text);
}

static Status set_defaults(const OptionsProgram *program) {
    for (size_t i = 0; i < program->count; i++) {
        const Option *option = &program->options[i];
        if (option->type == OPTION_SWITCH)
            *(int *)option->target = 0;
        else if (option->fallback && set_value(option, option->fallback))
            return status_prefix(STATUS_ARGUMENT, "the default of a flag of %s", program->name);
    }
    return STATUS_OK;
}

/* --- the command line ----------------------------------------------------------------------- */

/* Levenshtein distance, for "did you mean". Names are short; longer ones count as far. */
static int edit_distance(const char *a, size_t a_length, const char *b) {
    int row[64];
    size_t b_length = strlen(b);
    if (b_length >= sizeof row / sizeof *row || a_length >= sizeof row / sizeof *row) return 64;
    for (size_t j = 0; j <= b_length; j++) row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            int removed = row[j] + 1, added = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replaced < removed ? replaced : removed;
            if (added < row[j]) row[j] = added;
        }
    }
    return row[b_length];
}

static Status refuse_unknown(const OptionsProgram *program, const char *name, size_t length) {
    const char *nearest = NULL;
    int best = 4;
    for (size_t i = 0; i < program->count; i++) {
        int distance = edit_distance(name, length, program->options[i].name);
        if (distance < best) {
            best = distance;
            nearest = program->options[i].name;
        }
    }
    if (nearest)
        return status_fail(STATUS_ARGUMENT, "unknown flag --%.*s; did you mean --%s? See --help",
                           (int)length, name, nearest);
    return status_fail(STATUS_ARGUMENT, "unknown flag --%.*s; --help lists the flags", (int)length,
                       name);
}

static const Option *find_option(const OptionsProgram *program, const char *name, size_t length) {
    for (size_t i = 0; i < program->count; i++) {
        const Option *option = &program->options[i];
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
            return option;
    }
    return NULL;
}

Status options_parse(const OptionsProgram *program, int argc, char **argv, int *help) {
    *help = 0;
    STATUS_TRY(set_defaults(program));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = 1;
            return STATUS_OK;
        }
    }
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0')
            return status_fail(STATUS_ARGUMENT,
                               "'%s': expected a flag such as --%s; see --help for all of them",
                               argument, program->count ? program->options[0].name : "help");
        const char *name = argument + 2;
        size_t length = strcspn(name, "=");
        const Option *option = find_option(program, name, length);
        if (!option) return refuse_unknown(program, name, length);
        const char *value = name[length] ? name + length + 1 : NULL;
        if (option->type == OPTION_SWITCH) {
            if (value) return refuse(option, value);
            *(int *)option->target = 1;
            continue;
        }
        if (!value) {
            if (i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0) {
                char expected[256];
                describe_expected(option, expected, sizeof expected);
                return status_fail(STATUS_ARGUMENT,
                                   "--%s: expected %s, found nothing; write "
                                   "--%s=%s",
                                   option->name, expected, option->name, value_word(option));
            }
            value = argv[++i];
        }
        STATUS_TRY(set_value(option, value));
    }
    return STATUS_OK;
}

/* --- help ----------------------------------------------------------------------------------- */

/* Writes `text` broken at blanks; a newline in it is a paragraph's end. */
static void write_wrapped(FILE *stream, const char *text, int indent) {
    int column = 0;
    while (*text) {
        if (*text == '\n') {
            fputc('\n', stream);
            column = 0;
            text++;
            continue;
        }
        if (*text == ' ') {
            text++;
            continue;
        }
        int length = (int)strcspn(text, " \n");
        if (column && column + 1 + length > OPTIONS_LINE) {
            fputc('\n', stream);
            column = 0;
        }
        column += fprintf(stream, "%*s%.*s", column ? 1 : indent, "", length, text);
        text += length;
    }
    fputc('\n', stream);
}

void options_help(const OptionsProgram *program, FILE *stream) {
    fprintf(stream, "usage: %s [--flag=value ...]\n\n", program->name);
    write_wrapped(stream, program->about, 0);
    fputs("\nflags:\n", stream);
    for (size_t i = 0; i < program->count; i++) {
        const Option *option = &program->options[i];
        fprintf(stream, "  --%s", option->name);
        if (option->type != OPTION_SWITCH) fprintf(stream, "=%s", value_word(option));
        if (option->fallback && option->type != OPTION_SWITCH)
            fprintf(stream, "  (default %s)", option->fallback);
        fputc('\n', stream);
        write_wrapped(stream, option->help, OPTIONS_INDENT);
    }
    fputs("  --help\n", stream);
    write_wrapped(stream, "this text", OPTIONS_INDENT);
    if (program->examples) fprintf(stream, "\nexamples:\n%s", program->examples);
}

int options_begin(const OptionsProgram *program, int argc, char **argv) {
    int help;
    if (options_parse(program, argc, argv, &help)) {
        fprintf(stderr, "%s: %s\n", program->name, status_message());
        return 2;
    }
    if (!help) return -1;
    options_help(program, stdout);
    if (fflush(stdout)) {
        fprintf(stderr, "%s: cannot write the help text: %s\n", program->name, strerror(errno));
        return 1;
    }
    return 0;
}
