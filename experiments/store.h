/* store: finished measurements, kept in a file so that an interrupted run goes on.
 *
 *     Store *store;
 *     STATUS_TRY(store_open(&store, "results/local/.q4_complexity-checkpoint", configuration));
 *     if (*store_notice(store)) fprintf(stderr, "%s\n", store_notice(store));
 *     double pair[2];
 *     if (!store_get(store, "time tiled 4096 0", pair, 2)) {
 *         ... measure ...
 *         STATUS_TRY(store_put(store, "time tiled 4096 0", pair, 2));
 *     }
 *     store_remove(store);                     // the results are committed: start anew next time
 *
 * One line a measurement: name, numbers, check sum. A file of another configuration, or one whose
 * lines do not match their check sums, is put aside whole: a measurement is never half believed.
 * Only an unfinished last line (the process was killed while it wrote) is cut off alone.
 */
#ifndef EXPERIMENTS_STORE_H
#define EXPERIMENTS_STORE_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Store Store;

enum { STORE_VALUES_MAX = 64, STORE_NAME_MAX = 96 };

/* `hash` with what times belong to besides a plan: the machine, its BLAS and the bytes of the
 * running program. The configuration of measurements that another build's must not stand in for. */
uint64_t store_hash_here(uint64_t hash);

/* Reads what is there, then opens it for appending. STATUS_IO when it cannot be written. */
Status store_open(Store **out, const char *path, uint64_t configuration);

/* One sentence on what was found: how much is taken over, or why it was put aside; "" for nothing.
 * Owned by the store. */
const char *store_notice(const Store *store);

/* How many measurements an earlier run left. */
size_t store_inherited(const Store *store);

/* 1 when `name` is there with exactly `count` values. */
int store_get(const Store *store, const char *name, double *values, size_t count);

/* Appends and flushes. STATUS_IO when the disk refuses, naming the file. */
Status store_put(Store *store, const char *name, const double *values, size_t count);

/* Closes; the file stays. NULL is fine. */
void store_close(Store *store);

/* Closes and removes the file. */
void store_remove(Store *store);

#endif
