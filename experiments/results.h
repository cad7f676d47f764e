/* results: the folder that an experiment leaves, whole or not at all.
 *
 *     Results *results;
 *     STATUS_TRY(results_open(&results, "results/local", "q4_complexity", argc, argv));
 *     STATUS_TRY(results_run(results, "profile", "%s", profile));        // a line of run.tsv
 *     FILE *time = results_table(results, "time", "variant\tlength\tseconds\tlow\thigh");
 *     fprintf(time, "tiled\t%d\t%.6g\t%.6g\t%.6g\n", ...);               // a row of time.tsv
 *     STATUS_TRY(results_fact(results, "q4.tiled.forward.time.slope", 1.98, 1.95, 2.01, "1"));
 *     STATUS_TRY(results_prefix(results, "q4.%s", quick ? "quick." : ""));
 *     STATUS_TRY(results_exactf(results, heads, "1", "%s.heads", variant)); // q4.quick.tiled.heads
 *     STATUS_TRY(results_commit(results));                               // it appears now
 *
 * Everything is written into a hidden folder beside the final one. results_commit flushes each
 * file, checks every write, and only then renames. On a failure (a full disk, Ctrl-C, an error)
 * results_discard removes the hidden folder and an earlier result stays as it was.
 *
 * run.tsv is begun by results_open: command, date, commit, build, compiler, libraries, processor,
 * caches, memory, threads. Facts go to facts.tsv: name, value, low, high, unit.
 *
 * Measured on a GPU, an experiment is another experiment, beside the CPU's and never in its place:
 *
 *     STATUS_TRY(results_open_device(&results, parent, "q4_complexity", device->memory, argc,
 * argv)); STATUS_TRY(results_fact(results, "q4.heads", 8, 8, 8, "1"));
 *
 *   folder   q4_complexity_cuda; its tables have the CPU's names and columns, so that whoever reads
 *            one reads the other. A numeric format is part of the variant's name (tiled_bf16).
 *   facts    q4.cuda.heads: "cuda" stands after the question, and the rest is as on the CPU
 *   run.tsv  machine "amd-epyc-f25m17-2p-nvidia-h200" (results/recorded/<machine>); device "cuda";
 *            gpu "NVIDIA H200, 139.8 GiB, sm_90, CUDA 13.0 (driver 13.0)"; gpu_name,
 * gpu_memory_bytes, gpu_free_bytes (of others' use before the run); cpu, threads ... are the host's
 *
 * One host may so have both kinds in results/local, and a report may show them side by side.
 */
#ifndef EXPERIMENTS_RESULTS_H
#define EXPERIMENTS_RESULTS_H

#include "base/status.h"
#include "op/memory.h"
#include "stat/bootstrap.h"
#include <stdio.h>

typedef struct Results Results;

/* `parent` (made if missing) will hold `experiment`. Fails at once, before any measurement, when
 * the parent cannot be written. */
Status results_open(Results **out, const char *parent, const char *experiment, int argc,
                    char **argv);

/* The same of numbers that the device of this `memory` makes. The host's (or NULL): results_open.
 * Also adds the key "device" to run.tsv where it is a GPU's. */
Status results_open_device(Results **out, const char *parent, const char *experiment,
                           const DeviceMemory *memory, int argc, char **argv);

/* Adds a key and a value to run.tsv. */
Status results_run(Results *results, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Opens <name>.tsv with a header line; NULL with a message on failure. Owned by results. Calling
 * it again with the same name gives the same stream. */
FILE *results_table(Results *results, const char *name, const char *header);

/* Adds a fact. A quantity without an interval passes its value as low and high. `unit`: "1" for
 * a pure number, else s, byte, flop/s, token, ... A name may be given once; value must be finite
 * and low <= value <= high, else STATUS_ARGUMENT; so has a name (with its prefix) of more than 200
 * bytes. Of a GPU's results "q4.x" becomes "q4.cuda.x". */
Status results_fact(Results *results, const char *name, double value, double low, double high,
                    const char *unit);

/* From now on every fact's name begins with this, put together as printf does: "q1.quick.", with
 * its point; "" (as at first) for nothing. At most 127 bytes. */
Status results_prefix(Results *results, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* results_fact with a name put together as printf does. */
Status results_factf(Results *results, Interval x, const char *unit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same of a percentile interval of a skewed statistic, which may miss its value by a hair: it
 * is widened to hold it. */
Status results_aroundf(Results *results, Interval x, const char *unit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same of a number without an interval: a count, a setting, what was computed exactly. */
Status results_exactf(Results *results, double value, const char *unit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Makes the folder appear under its final name, replacing an earlier one. Frees `results` also
 * when it fails. */
Status results_commit(Results *results);

/* Removes everything written so far and frees `results`. NULL is fine. */
void results_discard(Results *results);

/* How a run ends: commits where its status is STATUS_OK, else discards; the status of both
 * together. NULL, for a run that writes none or could not open them, is fine. */
Status results_end(Results *results, Status status);

#endif
