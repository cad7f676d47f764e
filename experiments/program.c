#include "program.h"
#include "base/interrupt.h"

#include <signal.h>
#include <stdio.h>

void program_begin(void) {
    interrupt_install();
    signal(SIGXFSZ, SIG_IGN);
}

int program_end(const ProgramEnd *end, Status status) {
    if (status != STATUS_OK) {
        fprintf(stderr, "%s%s: %s\n", end->line_open ? "\n" : "", end->name, status_message());
        if (status == STATUS_INTERRUPTED && end->kept)
            fprintf(stderr,
                    "%s: no results were written; finished %s are kept, and the same command "
                    "continues\n",
                    end->name, end->kept);
    } else if (end->results) {
        printf("results: %s/%s\n", end->results, end->experiment);
    }
    const int unwritten = fflush(stdout) != 0;
    if (unwritten)
        fprintf(stderr, "%s: %snot all of this could be written to standard output\n", end->name,
                status == STATUS_OK && end->results ? "the results are kept, but " : "");
    return status == STATUS_INTERRUPTED ? EXIT_INTERRUPTED : status != STATUS_OK || unwritten;
}
