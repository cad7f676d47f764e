/* hayai_internal: what the parts of hayai-c share. Not for benchmarks.
 *
 *     hayai_register.c   suites, benchmarks, sets of arguments, names
 *     hayai_flags.c      flags and variables into HayaiFlags
 *     hayai_state.c      what a benchmark function calls; one run
 *     hayai_run.c        iterations, repetitions, interleaving: instances get their samples
 *     hayai_rows.c       samples into rows: aggregates and complexity
 *     hayai_console.c    rows as a table
 *     hayai_json.c, hayai_csv.c   rows as files
 *     hayai_main.c       hayai_run, which ties these together; the file that appears whole
 *
 * Memory comes from two arenas: the suite's, for what is registered, and the session's, for one
 * hayai_run. Nothing is freed on its own.
 */
#ifndef BENCH_HAYAI_INTERNAL_H
#define BENCH_HAYAI_INTERNAL_H

#include "base/arena.h"
#include "base/machine.h"
#include "hayai.h"
#include "stat/fit.h"

/* --- registered --------------------------------------------------------------------------- */

typedef struct HayaiArgs {
    struct HayaiArgs *next;
    int64_t value[HAYAI_ARGS_MAX];
} HayaiArgs;

struct HayaiBenchmark {
    HayaiBenchmark *next;
    HayaiSuite *suite;
    char *name;
    HayaiFunction function, setup, teardown;
    void *context;
    int args_count; /* -1 until the first set */
    HayaiArgs *args, **args_end;
    size_t names_count;
    char *names[HAYAI_ARGS_MAX];
    int64_t multiplier;
    int unit; /* HayaiUnit, or -1 */
    double min_time, min_warmup_time;
    int64_t iterations;
    int repetitions;
    int report_aggregates_only, display_aggregates_only;
    int real_time, manual_time, skip_first_call, complexity;
};

struct HayaiSuite {
    Arena arena;
    HayaiBenchmark *benchmarks, **benchmarks_end;
    HayaiBenchmark broken; /* what hayai_register gives when it cannot do better */
    Status status;         /* the first mistake of registration, and its message */
    char message[1024];
    HayaiClock clock;
    int (*interrupted)(void);
    HayaiMemory memory;
    HayaiReporter reporter;
    void *reporter_context;
};

/* Keeps the first mistake, with the message that status_fail just recorded. */
void hayai_suite_blame(HayaiSuite *suite, Status status);

/* Copies of strings, and formatted ones; NULL with a message when the arena is full. */
char *hayai_text_copy(Arena *arena, const char *text);
char *hayai_text_format(Arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- flags -------------------------------------------------------------------------------- */

typedef enum { HAYAI_CONSOLE, HAYAI_JSON, HAYAI_CSV } HayaiFormat;

typedef struct HayaiContext {
    struct HayaiContext *next;
    const char *key, *value;
} HayaiContext;

typedef struct {
    int help, list_tests, dry_run;
    const char *filter; /* "" for all */
    double min_time, min_warmup_time;
    int64_t iterations; /* of --benchmark_min_time=<n>x, or 0 */
    int repetitions;
    int report_aggregates_only, display_aggregates_only;
    int interleave;
    uint64_t seed;
    HayaiFormat format, out_format;
    const char *out; /* "" for none */
    int color;       /* -1: where `out` is a terminal */
    int counters_tabular;
    int unit;
    HayaiContext *context;
} HayaiFlags;

/* Reads the environment, then argv[1..]. STATUS_ARGUMENT names flag or variable, what was
 * expected and what was found. Strings come from `arena` or argv. */
Status hayai_flags_read(int argc, char **argv, Arena *arena, HayaiFlags *flags);
void hayai_flags_help(const char *program, FILE *out);

/* --- one run ------------------------------------------------------------------------------ */

typedef struct HayaiCounter {
    struct HayaiCounter *next;
    const char *name;
    double value;
    unsigned flags;
} HayaiCounter;

typedef enum { HAYAI_FINE, HAYAI_ERROR, HAYAI_MESSAGE } HayaiOutcome;

typedef enum { HAYAI_BEFORE, HAYAI_TIMING, HAYAI_PAUSED, HAYAI_AFTER } HayaiPhase;

/* All that a HayaiState stands for. */
typedef struct HayaiCall {
    const HayaiBenchmark *benchmark;
    const int64_t *args;
    const HayaiClock *clock;
    Arena *arena;
    int64_t iterations;
    HayaiPhase phase;
    double wall_start, cpu_start;
    long switches_start;
    double wall, cpu, manual;
    long switches;
    int64_t manual_count, items, bytes_processed, complexity_n;
    double peak_bytes; /* negative: not told */
    HayaiCounter *counters;
    const char *label;
    HayaiOutcome outcome;
    const char *reason;
    Status status; /* only for lack of memory: it ends everything */
} HayaiCall;

/* Setup, function, teardown. Misuse (a loop not finished, a pause not ended, no manual time)
 * becomes the outcome HAYAI_ERROR; a failure is lack of memory. */
Status hayai_call(const HayaiBenchmark *benchmark, const int64_t *args, const HayaiClock *clock,
                  Arena *arena, int64_t iterations, HayaiCall *call);

/* --- a session ---------------------------------------------------------------------------- */

/* What a repetition left; times in seconds for one iteration, counters computed. */
typedef struct {
    int64_t iterations, complexity_n;
    double real, cpu;
    long switches;
    double peak_bytes;
    HayaiCounter *counters;
    const char *label;
    HayaiOutcome outcome;
    const char *reason;
} HayaiResult;

/* A benchmark with one set of arguments. */
typedef struct HayaiInstance {
    struct HayaiInstance *next; /* in order of registration */
    const HayaiBenchmark *benchmark;
    const int64_t *args;
    int args_count;
    int family, member; /* family_index, per_family_instance_index */
    char *name;
    char *family_name; /* without arguments */
    double min_time, min_warmup_time;
    int64_t fixed_iterations; /* or 0 */
    int64_t iterations;       /* for the next run */
    int repetitions, done;
    int unit;
    double hook_bytes; /* of the memory hooks; negative: none */
    HayaiResult *results;
} HayaiInstance;

typedef enum { HAYAI_SAMPLE, HAYAI_AGGREGATE, HAYAI_BIG_O, HAYAI_RMS } HayaiRowKind;

/* One line of the table, one entry of the JSON. */
typedef struct HayaiRow {
    struct HayaiRow *next;
    HayaiRowKind kind;
    const HayaiInstance *instance; /* of the family's first member, for complexity */
    const char *name, *run_name;
    int repetition;             /* of a sample */
    const char *aggregate;      /* "mean", ... or NULL */
    int percentage;             /* real, cpu and counters are shares */
    int64_t iterations;         /* of an aggregate: how many repetitions */
    double real, cpu;           /* seconds, or shares */
    double real_low, real_high; /* of the median; NaN elsewhere */
    int wide;                   /* spread: beyond what is fine */
    HayaiCounter *counters;
    const char *label;
    long switches;
    double peak_bytes;
    HayaiOutcome outcome;
    const char *reason;
    const FitPower *fit, *cpu_fit; /* of complexity; cpu_fit may be NULL */
    const double *sizes;
    int display, keep; /* goes to the stream, goes to the file */
} HayaiRow;

/* The table on one stream. */
typedef struct {
    FILE *stream;
    int color, tabular, name_width, started;
    const HayaiCounter *columns; /* of the header printed last, where counters are columns */
} HayaiConsole;

typedef struct {
    HayaiSuite *suite;
    HayaiFlags flags;
    Arena arena;
    HayaiInstance *instances;
    size_t instances_count;
    HayaiRow *rows, **rows_end;
    const char *program;
    Machine machine;
    char date[40];
    HayaiConsole console;
    FILE *out, *err;
    int errors; /* runs that ended with an error */
} HayaiSession;

#define HAYAI_SPREAD_LIMIT 0.05

/* Lists the instances that the filter lets through. STATUS_ARGUMENT for a bad expression. */
Status hayai_instances_list(HayaiSession *session);

/* Measures all of them. `done(session, instance)` is called, in order of registration, when an
 * instance and all before it have their repetitions. STATUS_INTERRUPTED when asked to stop. */
typedef Status (*HayaiDone)(HayaiSession *session, HayaiInstance *instance);
Status hayai_instances_measure(HayaiSession *session, HayaiDone done);

/* Appends the rows of a measured instance, and after the last of a family those of its
 * complexity. Warnings go to the error stream. */
Status hayai_rows_add(HayaiSession *session, const HayaiInstance *instance);

/* --- reports ------------------------------------------------------------------------------ */

const char *hayai_unit_name(int unit);
double hayai_unit_per_second(int unit);

/* What Google Benchmark prints before the table. */
void hayai_context_print(const HayaiSession *session);

void hayai_console_open(HayaiConsole *console, const HayaiSession *session, FILE *stream,
                        int color);
void hayai_console_row(HayaiConsole *console, const HayaiRow *row);

/* Everything at once; `kept` 1: the rows for the file, 0: those for display. The
 * caller checks that the stream took it all. */
Status hayai_json_write(const HayaiSession *session, int kept, FILE *stream);
Status hayai_csv_write(const HayaiSession *session, int kept, FILE *stream);

#endif
