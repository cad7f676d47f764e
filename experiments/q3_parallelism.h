/* q3_parallelism: what the parts of Question 3's parallelism experiment share: the plan, the points
 * that are measured, the race that measures them.
 *
 *     static Q3Session session;
 *     int status = q3_plan_parse(&session.plan, argc, argv);   // prints --help or the error itself
 *     if (status >= 0) return status;
 *     ... open session.store ...
 *     STATUS_TRY(q3_measure(&session));                        // fills session.point[]
 *     STATUS_TRY(q3_report_write(&session, results));
 *
 * A point is one thing timed at one shape. Points that are compared stand in one race: their
 * samples are taken in random order, again and again, so that a machine that becomes slower
 * meanwhile becomes so for all of them. Ratios are taken between samples of the same turn.
 */
#ifndef EXPERIMENTS_Q3_PARALLELISM_H
#define EXPERIMENTS_Q3_PARALLELISM_H

#include "base/progress.h"
#include "options.h"
#include "q3_parallelism_layer.h"
#include "q3_parallelism_model.h"
#include "room.h"
#include "results.h"
#include "store.h"

enum { Q3_REPETITIONS_MAX = 30, Q3_LIST_MAX = 16, Q3_POINTS_MAX = 600, Q3_PEAKS_MAX = 32 };

typedef struct {
    int count, value[Q3_LIST_MAX];
} Q3List;

typedef struct {
    const char *results;
    const Device *device;
    char gpu[256]; /* what it is; "" for the CPU */
    int full, threads, repetitions, grid_repetitions;
    uint64_t seed;
    double sample_seconds; /* short calls are repeated until a sample lasts this long */
    Q3Shape shape;
    int headline;        /* the length at which layers are set side by side */
    Q3List lengths;      /* all layers, one sequence */
    Q3List grid_batches; /* LSTM and softmax alone, at every length up to grid_tokens rows */
    Q3List grid_lengths;
    int grid_tokens;
    Q3ModelShape model;
    int model_length; /* of the batches */
    Q3List model_batches;
    int model_batch; /* of the lengths */
    Q3List model_lengths;
    int thread_batch;     /* of the models */
    Q3List thread_counts; /* 1, 2, 4 ... and every processor */
    Q3List step_batches;
    int gemm_size;
    double peak_seconds;
} Q3Plan;

/* The profile's plan with the flags over it; opens the device, sets the number of threads. Returns
 * the exit status (0; 2: a wrong flag; 1: the device cannot be had), or -1 when the program should
 * go on. */
int q3_plan_parse(Q3Plan *plan, int argc, char **argv);

/* The plan, the machine and this program's bytes: what a checkpoint belongs to. */
uint64_t q3_plan_hash(const Q3Plan *plan);

typedef enum {
    Q3_STAGE_LENGTH,        /* all layers, batch 1 */
    Q3_STAGE_GRID,          /* LSTM and softmax, larger batches */
    Q3_STAGE_MODEL_BATCH,   /* both models against the batch */
    Q3_STAGE_MODEL_LENGTH,  /* both models against the length */
    Q3_STAGE_THREADS,       /* all layers over threads */
    Q3_STAGE_MODEL_THREADS, /* both models over threads */
    Q3_STAGE_STEP,          /* the LSTM's recurrent part alone */
    Q3_STAGE_GEMM,          /* the library's product of the same shape */
    Q3_STAGES
} Q3Stage;

extern const char *const q3_stage_slug[Q3_STAGES];

/* Both models are trained through the tape, and threads are the CPU's: a GPU has no part in them.
 */
int q3_stage_on_gpu(Q3Stage stage);

typedef struct {
    Q3Stage stage;
    int runner; /* Q3LayerKind or Q3ModelKind */
    int batch, length, threads;
    double expected;                   /* seconds of one call, by guess */
    int repetitions;                   /* taken */
    double first[Q3_REPETITIONS_MAX];  /* seconds: forward; of models forward and backward */
    double second[Q3_REPETITIONS_MAX]; /* backward; of models the update */
    unsigned char disturbed[Q3_REPETITIONS_MAX];
} Q3Point;

typedef struct {
    Q3Plan plan;
    Store *store;
    Progress progress;
    double done, expected;
    Room room;       /* of the device that is measured */
    Arena arena;     /* the device's */
    float *x, *dout; /* [the most rows, D], the device's */
    int points;
    Q3Point point[Q3_POINTS_MAX];
    int peaks;
    double gemm[Q3_PEAKS_MAX], memory[Q3_PEAKS_MAX], cache[Q3_PEAKS_MAX]; /* flop/s, byte/s */
    size_t parameters[Q3_MODELS];
    int recurrent_width;
    int agrees[Q3_LAYERS]; /* the layer depends on its inputs as its graph does */
    long pairs[Q3_LAYERS];
} Q3Session;

/* Lists the points and their expected seconds (session->expected). */
Status q3_list_points(Q3Session *session);

/* Everything that is measured. STATUS_INTERRUPTED after Ctrl-C; what is finished stays in the
 * store. */
Status q3_measure(Q3Session *session);

/* One untimed and `repetitions` timed samples of each of the `count` points, in random order. A
 * sample is of `calls` calls in a row; seconds are those of one. */
typedef Status (*Q3Call)(void *context, const Q3Point *point, int calls, double seconds[2]);
Status q3_race(Q3Session *session, Q3Point *points, int count, int repetitions, Q3Call call,
               void *context);

/* NULL where it was not measured. */
const Q3Point *q3_find(const Q3Session *session, Q3Stage stage, int runner, int batch, int length,
                       int threads);

/* The best of the run: what shares of peak refer to. */
double q3_largest(const double *values, int count);

/* Length of the check of dependence, and of the stack of convolutions. */
enum { Q3_DEPENDENCE_LENGTH = 24 };

/* Where B becomes cheaper than A, for curves over ascending x with the samples of both at each x
 * ([count, repetitions]). */
typedef enum { Q3_CROSSED, Q3_NEVER, Q3_ALWAYS } Q3Crossed;
typedef struct {
    Q3Crossed status;
    double x, low, high; /* NEVER: not up to x; ALWAYS: from x, the first, on */
} Q3Crossing;
Status q3_crossing(const double *x, const double *a, const double *b, int count, int repetitions,
                   uint64_t seed, Q3Crossing *out);

Status q3_report_write(const Q3Session *session, Results *results);
void q3_report_print(const Q3Session *session, FILE *stream);

#endif
