/* progress: one line that says how far a long run is and how long it will take.
 *
 *     Progress progress;
 *     progress_begin(&progress, stderr, "q4: measuring", total_seconds_estimated);
 *     progress_step(&progress, done_so_far, "tiled N=4096");
 *     progress_end(&progress);
 *
 * On a terminal the line is redrawn at most five times a second; elsewhere (a file, CI) a new
 * line is written at most every ten seconds. The stream is the program's: the library prints
 * nothing of its own accord, and a NULL stream makes every call silent.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdio.h>

typedef struct {
    FILE *stream;
    const char *what;
    double total;
    double started;
    double shown;
    int terminal;
} Progress;

/* `total`: the amount of work in any unit; progress_step's `done` counts in the same. */
void progress_begin(Progress *progress, FILE *stream, const char *what, double total);
void progress_step(Progress *progress, double done, const char *detail);
void progress_end(Progress *progress);

#endif
