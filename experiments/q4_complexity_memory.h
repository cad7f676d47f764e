/* q4_complexity_memory: the memory of an operation as the system sees it.
 *
 * The process that measures times has long touched more memory than any one operation needs, so
 * its own resident size says nothing. Each reading comes from a fresh process, this program started
 * again with the hidden command --child: it makes inputs and outputs, touches them, runs the
 * operation once and reports its largest resident size (VmHWM). The same without running the
 * operation is the baseline; what is left is the operation's own, with what libraries allocate for
 * it. Bytes come in steps: of a page, or of 2 MiB where the system gives large pages.
 *
 * On a GPU the fresh process runs the operation at a small length, asks the driver how much is
 * free, takes an arena of just the bytes that were counted, runs the operation in it, and asks
 * again.
 */
#ifndef EXPERIMENTS_Q4_COMPLEXITY_MEMORY_H
#define EXPERIMENTS_Q4_COMPLEXITY_MEMORY_H

#include "q4_complexity_time.h"

/* What --child does: argv[1] is "--child". Returns the exit status. */
int memory_child(int argc, char **argv);

double memory_expect(const Session *session, const Grid *grid);

/* Fills seen_bytes at the plan's seen_length. STATUS_UNSUPPORTED is not an error of the run: where
 * the system tells no VmHWM, the readings stay NAN. */
Status memory_measure(Session *session, Grid *grid);

/* The smallest difference that seen bytes can show. */
double memory_resolution_bytes(const Plan *plan);

#endif
