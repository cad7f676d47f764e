/* results_describe: what is known about a run before it starts, the first lines of its run.tsv:
 * command, date, commit, build, compiler, libraries, machine, load, threads. results_open calls it.
 */
#ifndef EXPERIMENTS_RESULTS_DESCRIBE_H
#define EXPERIMENTS_RESULTS_DESCRIBE_H

#include "results.h"

/* `gpu`: of the device that is measured; NULL: the CPU. A commit that cannot be had is "unknown";
 * fails where run.tsv cannot be written or the GPU does not answer. */
Status results_describe(Results *results, const DeviceMemory *gpu, int argc, char **argv);

#endif
