/* hayai-c: measures how long C functions take, how much they vary, and how that grows.
 *
 * The vocabulary, the flags, the console table, the JSON and the CSV are those of Google
 * Benchmark, so that its users feel at home and its compare.py reads our files.
 *
 *     #include "hayai.h"
 *
 *     static void dot(HayaiState *state) {
 *         int64_t n = hayai_argument(state, 0);
 *         float *x = make_vector(n);                          // not timed
 *         while (hayai_keep_running(state)) {                 // timed
 *             float sum = vector_dot(x, x, n);
 *             HAYAI_DO_NOT_OPTIMIZE(sum);
 *         }
 *         hayai_counter(state, "flops", 2.0 * n, HAYAI_RATE | HAYAI_INVARIANT);
 *         hayai_set_complexity_n(state, n);
 *         free(x);
 *     }
 *
 *     int main(int argc, char **argv) {
 *         HayaiSuite *suite;
 *         if (hayai_suite_create(&suite)) return 1;
 *         HayaiBenchmark *b = hayai_register(suite, "dot", dot, NULL);
 *         hayai_range_multiplier(b, 4);
 *         hayai_range(b, 64, 65536);
 *         hayai_complexity(b);
 *         interrupt_install();                                // Ctrl-C: base/interrupt.h
 *         int status = hayai_run(suite, argc, argv, stdout, stderr);
 *         hayai_suite_free(suite);
 *         return status;
 *     }
 *
 *     ./dot --benchmark_filter=dot/4096 --benchmark_repetitions=9 --benchmark_out=dot.json
 *     BENCHMARK_REPETITIONS=9 ./dot                           // each flag is a variable too
 *     compare.py benchmarks before.json after.json            // from libbenchmark-tools
 *
 * What a measurement is. Every run calls the function with a number of iterations; the loop
 * stops after that many. The number starts at 1 and grows, n min_time 1.4 / elapsed, at most
 * tenfold a step unless the last run took over a tenth of min_time, until a run takes min_time
 * (processor time by default, or the one asked for by hayai_use_real_time or
 * hayai_use_manual_time) or five times that on the wall. Later repetitions keep the number.
 *
 * What it does beyond Google Benchmark:
 *   - One call that is not timed goes first: contexts, caches, page faults, thread pools.
 *   - Complexity is the slope of the least-squares line in logarithms, so that every size counts
 *     the same, with a bootstrap interval over the repetitions and with the local slopes between
 *     neighbouring sizes (a curve that still bends has no exponent). It uses manual time where
 *     that is the time measured.
 *   - Peak bytes of a run, from hayai_set_bytes or from hooks around the untimed first call.
 *   - The aggregate "spread", the median absolute deviation as a share of the median, and a
 *     warning where it exceeds 5 %. The median has a 95 % interval.
 *   - Samples during which the kernel took the processor away are marked as disturbed.
 *   - The machine, its libraries and the flags of this build are part of the context.
 *   - The output file appears whole or not at all; a full disk is an error.
 *   - A benchmark that fails makes the exit status 1.
 *
 * The library prints only to the two streams given to hayai_run, and never exits.
 */
#ifndef BENCH_HAYAI_H
#define BENCH_HAYAI_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HAYAI_VERSION  "1.0.0"
#define HAYAI_ARGS_MAX 8

typedef struct HayaiSuite HayaiSuite;
typedef struct HayaiBenchmark HayaiBenchmark;

/* What a benchmark function gets: one run of one set of arguments. */
typedef struct HayaiState {
    int64_t remaining;      /* iterations not yet handed out; for hayai_keep_running alone */
    struct HayaiCall *call; /* everything else */
} HayaiState;

typedef void (*HayaiFunction)(HayaiState *state);

/* --- the suite ---------------------------------------------------------------------------- */

/* *out is the caller's to hayai_suite_free. STATUS_MEMORY. */
Status hayai_suite_create(HayaiSuite **out);
void hayai_suite_free(HayaiSuite *suite);

/* Runs what the flags ask for. `out` gets the results, `err` the context, the warnings and the
 * errors; both stay open. argv[0] is the program's name. Returns the exit status for main:
 *   0    all is well
 *   1    a benchmark ended with an error (the results are written all the same), the filter
 *        matches nothing, or results cannot be written (then the file is as it was before)
 *   2    a wrong flag, variable or registration; nothing was run
 *   130  interrupted: no file is left
 * May be called again; every call measures anew. */
int hayai_run(HayaiSuite *suite, int argc, char **argv, FILE *out, FILE *err);

/* --- registration ------------------------------------------------------------------------- */
/* A mistake here (no memory, arguments that do not fit together) is remembered, and hayai_run
 * reports the first one; so registration reads without checks. Strings are copied. */

/* `context` is handed to the function by hayai_context. The benchmark belongs to the suite. */
HayaiBenchmark *hayai_register(HayaiSuite *suite, const char *name, HayaiFunction function,
                               void *context);

/* Each call adds one set of arguments, hence one line of the table. All sets of a benchmark have
 * the same number of arguments, at most HAYAI_ARGS_MAX. */
void hayai_arg(HayaiBenchmark *benchmark, int64_t value);
void hayai_args(HayaiBenchmark *benchmark, size_t count, const int64_t *values);

/* low, the powers of the multiplier between, and high. 0 <= low <= high. */
void hayai_range(HayaiBenchmark *benchmark, int64_t low, int64_t high);

/* For the ranges that follow; 8 at first, at least 2. */
void hayai_range_multiplier(HayaiBenchmark *benchmark, int64_t multiplier);

/* low, low + step, ... up to at most high. */
void hayai_dense_range(HayaiBenchmark *benchmark, int64_t low, int64_t high, int64_t step);

/* Every combination of one value from each of `dimensions` lists; the last varies fastest.
 *     hayai_args_product(b, 2, (const size_t[]){2, 3},
 *                        (const int64_t *const[]){heads, lengths}); */
void hayai_args_product(HayaiBenchmark *benchmark, size_t dimensions, const size_t *counts,
                        const int64_t *const *lists);

/* Names come before the values: "dot/n:64". An empty name leaves the value alone. */
void hayai_arg_names(HayaiBenchmark *benchmark, size_t count, const char *const *names);

/* Called before and after every run, timed or not; may use hayai_argument, hayai_context and
 * hayai_skip_with_error (after which the function is not called). */
void hayai_setup(HayaiBenchmark *benchmark, HayaiFunction setup);
void hayai_teardown(HayaiBenchmark *benchmark, HayaiFunction teardown);

typedef enum { HAYAI_NANOSECOND, HAYAI_MICROSECOND, HAYAI_MILLISECOND, HAYAI_SECOND } HayaiUnit;

/* These go before the flag of the same meaning. */
void hayai_unit(HayaiBenchmark *benchmark, HayaiUnit unit);
void hayai_min_time(HayaiBenchmark *benchmark, double seconds);
void hayai_min_warmup_time(HayaiBenchmark *benchmark, double seconds);
void hayai_iterations(HayaiBenchmark *benchmark, int64_t iterations);
void hayai_repetitions(HayaiBenchmark *benchmark, int repetitions);
void hayai_report_aggregates_only(HayaiBenchmark *benchmark);
void hayai_display_aggregates_only(HayaiBenchmark *benchmark);

/* Decide, and compute rates, by wall time; or by the times that the function itself tells with
 * hayai_set_iteration_time, such as those of GPU events. Otherwise by the processor time of the
 * process, all threads together. */
void hayai_use_real_time(HayaiBenchmark *benchmark);
void hayai_use_manual_time(HayaiBenchmark *benchmark);

/* Leaves out the untimed first call, where the cost of starting is what is measured. */
void hayai_skip_first_call(HayaiBenchmark *benchmark);

/* Fits time against the hayai_set_complexity_n of each run (stat/fit.h). N must differ from one
 * set of arguments to the next. */
void hayai_complexity(HayaiBenchmark *benchmark);

/* --- in the benchmark function ------------------------------------------------------------ */

int hayai_keep_running_slowly(HayaiState *state);

/* 1 for each iteration to do, then 0. The clock runs from the first call to the last. */
static inline int hayai_keep_running(HayaiState *state) {
    if (state->remaining > 0) {
        state->remaining--;
        return 1;
    }
    return hayai_keep_running_slowly(state);
}

/* Argument `index` of this run, from 0; 0 where there is none. */
int64_t hayai_argument(const HayaiState *state, size_t index);
void *hayai_context(const HayaiState *state);

/* How many iterations this run has. */
int64_t hayai_iteration_count(const HayaiState *state);

/* Inside the loop: what lies between is not timed. Each costs two readings of the clocks. */
void hayai_pause_timing(HayaiState *state);
void hayai_resume_timing(HayaiState *state);

/* With hayai_use_manual_time, once in every iteration. */
void hayai_set_iteration_time(HayaiState *state, double seconds);

/* Ends the loop. An error makes the exit status 1; a message says why there is nothing to
 * measure here ("no GPU"). printf format. The first of them counts. */
void hayai_skip_with_error(HayaiState *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void hayai_skip_with_message(HayaiState *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text at the end of the line. printf format. */
void hayai_set_label(HayaiState *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* In the whole run, all iterations: shown as items_per_second and bytes_per_second. */
void hayai_set_items_processed(HayaiState *state, int64_t items);
void hayai_set_bytes_processed(HayaiState *state, int64_t bytes);

/* The most bytes that this run had in use, such as an arena's high-water mark. */
void hayai_set_bytes(HayaiState *state, size_t bytes);

/* The size that hayai_complexity fits against; positive. */
void hayai_set_complexity_n(HayaiState *state, int64_t n);

enum {
    HAYAI_PLAIN = 0,
    HAYAI_RATE = 1,      /* divided by the seconds of the run */
    HAYAI_AVERAGE = 2,   /* divided by the iterations */
    HAYAI_INVARIANT = 4, /* multiplied by the iterations: the value is that of one */
    HAYAI_INVERT = 8,    /* 1 / the result */
    HAYAI_1024 = 16      /* shown with 1k = 1024 instead of 1000 */
};

/* A named number of this run; a second call with the same name replaces the first. `flags`: any
 * of the above together. */
void hayai_counter(HayaiState *state, const char *name, double value, unsigned flags);

/* The compiler must believe that `value` is used, hence compute it. */
#define HAYAI_DO_NOT_OPTIMIZE(value) __asm__ volatile("" : : "r,m"(value) : "memory")

/* The compiler must believe that all memory is read and written here. */
static inline void hayai_clobber_memory(void) {
    __asm__ volatile("" : : : "memory");
}

/* --- for experiments and tests ------------------------------------------------------------ */

/* One repetition, as handed to a reporter: seconds for one iteration. */
typedef struct {
    const char *name; /* with arguments: "dot/n:64" */
    size_t args_count;
    const int64_t *args;
    int repetition; /* from 0 */
    int64_t iterations;
    double real_seconds; /* manual time where that is used */
    double cpu_seconds;
    long switches;      /* the kernel took the processor away; more than 0: disturbed */
    double peak_bytes;  /* negative: not known */
    int failed;         /* 1: hayai_skip_with_error, 2: hayai_skip_with_message; no times then */
    const char *reason; /* why it failed, or NULL */
} HayaiSample;

/* Called after each repetition in the order in which they are measured, beside the usual
 * reports. The sample is valid during the call. */
typedef void (*HayaiReporter)(const HayaiSample *sample, void *context);
void hayai_set_reporter(HayaiSuite *suite, HayaiReporter reporter, void *context);

/* Hooks that observe memory, called around the untimed first call of each set of arguments, so
 * that they may be slow. `stop` gives the peak in bytes. */
typedef struct {
    void (*start)(void *context);
    size_t (*stop)(void *context);
    void *context;
} HayaiMemory;
void hayai_set_memory(HayaiSuite *suite, HayaiMemory memory);

/* Where time comes from; base/clock.h at first. */
typedef struct {
    double (*wall_seconds)(void *context);
    double (*cpu_seconds)(void *context);
    long (*switches)(void *context);
    void *context;
} HayaiClock;
void hayai_set_clock(HayaiSuite *suite, HayaiClock clock);

/* What is asked between runs; interrupt_requested at first. */
void hayai_set_interrupt(HayaiSuite *suite, int (*requested)(void));

#endif
