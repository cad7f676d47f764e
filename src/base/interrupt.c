#define _GNU_SOURCE
#include "base/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t requested;

/* oneDNN's f32 products before 3.11.2 lend the stack pointer to data on the heap for a while
 * (oneDNN issue 4845, mended by its pull request 4855). A signal that arrives then would have its
 * frame written over that heap. So the handler has a stack of its own: enough for what the kernel
 * saves of AMX's tiles, 8 KiB, and for the handler. */
static _Alignas(64) unsigned char handler_stack[1 << 16];

static void note(int signal_number) {
    (void)signal_number;
    requested = 1;
}

void interrupt_install(void) {
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction action;
    sigaltstack(&stack, NULL); /* fails only while the handler runs on it already */
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)(SA_RESETHAND | SA_ONSTACK); /* the second finds the default action */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_requested(void) {
    return requested;
}
