/* options: the command line of an experiment, declared once as a table.
 *
 * The table gives parsing, checking, the messages of wrong flags, and --help. A flag is written
 * --name=value or --name value; a switch is --name alone. Every target gets its default first.
 *
 *     int threads, profile;
 *     double tolerance;
 *     OptionInts lengths = {0};
 *     const Option table[] = {
 *         {"profile", OPTION_CHOICE, &profile, "quick", .choices = "quick|full",
 *          .help = "how much to measure"},
 *         {"threads", OPTION_INT, &threads, "0", .value = "COUNT", .low = 0, .high = 1024,
 *          .help = "threads of all loops; 0: every processor"},
 *         {"tolerance", OPTION_NUMBER, &tolerance, "1e-3", .low = 0, .high = 1, .help = "..."},
 *         {"lengths", OPTION_INTS, &lengths, NULL, .value = "N,N,...", .low = 1, .high = 1 << 20,
 *          .help = "sequence lengths; the profile chooses where this is not given"},
 *     };
 *     const OptionsProgram program = {
 *         .name = "q4_complexity", .about = "What it measures and why, in a few sentences.",
 *         .examples = "  q4_complexity --lengths=512,1024,2048\n", .options = table,
 *         .count = sizeof table / sizeof *table};
 *     int status = options_begin(&program, argc, argv);
 *     if (status >= 0) return status;          // --help: 0; a wrong flag: 2; the text is printed
 *     int quick = profile == 0;                // a choice is its position in "quick|full"
 *     if (lengths.count == 0) ...              // not given
 */
#ifndef EXPERIMENTS_OPTIONS_H
#define EXPERIMENTS_OPTIONS_H

#include "base/status.h"
#include <stddef.h>
#include <stdio.h>

#define OPTIONS_INTS_MAX 64

typedef struct {
    int count; /* 0: none given */
    int values[OPTIONS_INTS_MAX];
} OptionInts;

typedef enum {
    OPTION_INT,    /* target int *; decimal, within low .. high */
    OPTION_NUMBER, /* target double *; finite, within low .. high */
    OPTION_TEXT,   /* target const char **; any text but the empty one; points into argv */
    OPTION_INTS,   /* target OptionInts *; 512,1024,2048; each within low .. high */
    OPTION_CHOICE, /* target int *; position of the word in `choices` */
    OPTION_SWITCH  /* target int *; 1 when present, else 0 */
} OptionType;

typedef struct {
    const char *name; /* without the dashes */
    OptionType type;
    void *target;
    const char
        *fallback; /* the default, as it would be typed; NULL: the target keeps what it holds */
    const char *choices; /* OPTION_CHOICE: "quick|full" */
    const char *value;   /* what --help calls the value; NULL: a word that fits the type */
    double low, high;    /* inclusive; both 0: unlimited (an int's own range) */
    const char *help;    /* wrapped by --help; one or more sentences */
} Option;

typedef struct {
    const char *name;     /* of the program, as in messages */
    const char *about;    /* paragraphs: what it measures, how to read it; wrapped by --help */
    const char *examples; /* printed as it is after the flags; NULL: none */
    const Option *options;
    size_t count;
} OptionsProgram;

/* Sets every target. *help is 1 when --help (or -h) was among the arguments, and then nothing else
 * is checked. STATUS_ARGUMENT names the flag, what was expected and what was found; for an unknown
 * flag it names the nearest one. STATUS_ARGUMENT also for a table whose own default is wrong. */
Status options_parse(const OptionsProgram *program, int argc, char **argv, int *help);

/* The text of --help, 80 columns. */
void options_help(const OptionsProgram *program, FILE *stream);

/* Both, as main() wants them: prints help to stdout or the error to stderr, and returns the exit
 * status (0 or 2), or -1 when the program should go on. */
int options_begin(const OptionsProgram *program, int argc, char **argv);

#endif
