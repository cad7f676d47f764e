#define _GNU_SOURCE
#include "base/progress.h"
#include "base/clock.h"

#include <unistd.h>

void progress_begin(Progress *progress, FILE *stream, const char *what, double total) {
    *progress = (Progress){.stream = stream, .what = what, .total = total > 0 ? total : 1};
    progress->started = clock_seconds();
    progress->terminal = stream && isatty(fileno(stream));
    /* A log file gets its first line after ten seconds: short runs stay silent there. */
    progress->shown = progress->terminal ? 0 : progress->started;
}

void progress_step(Progress *progress, double done, const char *detail) {
    if (!progress->stream) return;
    double now = clock_seconds();
    if (now - progress->shown < (progress->terminal ? 0.2 : 10.0)) return;
    progress->shown = now;
    double share = done / progress->total;
    if (share > 1) share = 1;
    double elapsed = now - progress->started;
    fprintf(progress->stream, "%s%s %3.0f %%, %.0f s", progress->terminal ? "\r\033[K" : "",
            progress->what, 100 * share, elapsed);
    if (share > 0.01) fprintf(progress->stream, ", %.0f s left", elapsed * (1 - share) / share);
    if (detail && *detail) fprintf(progress->stream, " (%s)", detail);
    if (!progress->terminal) fputc('\n', progress->stream);
    fflush(progress->stream);
}

void progress_end(Progress *progress) {
    if (!progress->stream) return;
    if (progress->terminal) fputs("\r\033[K", progress->stream);
    fprintf(progress->stream, "%s done in %.1f s\n", progress->what,
            clock_seconds() - progress->started);
    fflush(progress->stream);
}
