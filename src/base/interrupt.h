/* interrupt: Ctrl-C as a request that long work answers at its next safe point.
 *
 *     interrupt_install();
 *     while (work_left()) {
 *         if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
 *         do_some_work();
 *     }
 *
 * A second Ctrl-C ends the process at once, as without this module.
 */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

/* Catches SIGINT and SIGTERM from now on, on a stack that it gives to the calling thread: the
 * program's first, to which Linux hands what is sent to a process. */
void interrupt_install(void);

/* 1 once either has arrived. */
int interrupt_requested(void);

#endif
