#define _GNU_SOURCE
#include "base/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t requested;

static void note(int signal_number) {
    (void)signal_number;
    requested = 1;
}

void interrupt_install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)SA_RESETHAND; /* the second signal finds the default action */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_requested(void) {
    return requested;
}
