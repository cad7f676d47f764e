/* program: what every program of an experiment does first and last.
 *
 *     int exit_status = plan_parse(&plan, argc, argv);           // options.h
 *     if (exit_status >= 0) return exit_status;
 *     program_begin();
 *     ...                                                        // measure into `results`
 *     status = results_end(results, status);
 *     if (status == STATUS_OK) report_print(&plan, stdout);
 *     return program_end(&(ProgramEnd){.name = "q4_complexity", .results = plan.results,
 *                                      .experiment = "q4_complexity", .kept = "measurements"},
 *                        status);
 */
#ifndef EXPERIMENTS_PROGRAM_H
#define EXPERIMENTS_PROGRAM_H

#include "base/status.h"

/* Of a program that Ctrl-C ended: what a shell says of one that SIGINT killed. */
#define EXIT_INTERRUPTED 130

/* From now on Ctrl-C is a request that long work answers (base/interrupt.h), and a file that may
 * not grow is a failed write with its message, no signal. */
void program_begin(void);

typedef struct {
    const char *name;                 /* begins every message */
    const char *results, *experiment; /* where the results stand, <results>/<experiment>;
                                         NULL: nowhere, no line says so */
    const char *kept; /* what an interrupted run leaves for the next one: "trainings"; NULL: nothing
                         needs to be said */
    int line_open;    /* 1 where a terminal's line of progress has no end yet */
} ProgramEnd;

/* The last words and the exit status of a run that ended with `status`. STATUS_OK: 0, with the line
 * "results: folder" on standard output. Anything else: 1, or EXIT_INTERRUPTED, with
 * status_message() on standard error, so nothing that may fail should stand between. Standard
 * output that could not be written is told too, and is a 1 of a run that was well. */
int program_end(const ProgramEnd *end, Status status);

#endif
