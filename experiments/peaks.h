/* peaks: what this machine can do at most, measured in the same run as what is compared with it.
 *
 *     double flops, bytes;
 *     STATUS_TRY(peaks_gemm_rate(2048, 2048, 2048, 0.5, &flops));       // flop/s
 *     STATUS_TRY(peaks_triad_rate(peaks_memory_bytes(), 0.25, &bytes)); // byte/s from memory
 *     STATUS_TRY(peaks_read_rate(1 << 20, 0.05, &bytes));               // byte/s from a cache
 *
 * Each runs on the threads in force, once untimed, then again and again for `seconds`.
 * STATUS_MEMORY where the arrays do not fit.
 */
#ifndef EXPERIMENTS_PEAKS_H
#define EXPERIMENTS_PEAKS_H

#include "op/op.h"
#include <stddef.h>

/* flop/s of C[m,n] = A[m,k] B[n,k]'. */
Status peaks_gemm_rate(int m, int n, int k, double seconds, double *rate);

/* Four times the last-level cache, at least 64 MiB: arrays of so many bytes come from memory. */
size_t peaks_memory_bytes(void);

/* McCalpin's triad a = b + s c over three arrays of `bytes` in all; bytes counted as STREAM does:
 * two read, one written. */
Status peaks_triad_rate(size_t bytes, double seconds, double *rate);

/* Reads the same `bytes` again and again, every thread a part of its own, as a product does with a
 * weight that does not change: what the cache that holds them gives. */
Status peaks_read_rate(size_t bytes, double seconds, double *rate);

/* The same of a device, in scratch memory from its `arena`, by its own clock: the product in the
 * given format (f32 operands are rounded within the call), and a copy within its memory, whose
 * bytes count twice: read and written. STATUS_UNSUPPORTED where the device lacks the format. */
Status peaks_device_gemm_rate(const Device *device, Precision precision, Arena *arena, int m, int n,
                              int k, double seconds, double *rate);
Status peaks_copy_rate(const Device *device, Arena *arena, size_t bytes, double seconds,
                       double *rate);

#endif
