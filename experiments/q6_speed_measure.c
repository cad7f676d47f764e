#include "q6_speed.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "peaks.h"
#include "train/batches.h"

#include <stdlib.h>
#include <string.h>

#define POOL 8 /* q6_cola's */

_Static_assert(SPEED_PRECISIONS *(2 * PHASES + 1) + SPEED_PEAKS <= STORE_VALUES_MAX,
               "a repetition is one record of the store");

typedef struct {
    Q6Data data;
    Arena arena;
    BertStepBatch *batch; /* [plan.batches] */
    BertStep *step[SPEED_PRECISIONS];
    MatmulWeight *weight[SPEED_PRECISIONS]; /* [peak_size, peak_size] */
    float *x, *y;                           /* the same size */
} Bench;

/* --- real batches ---------------------------------------------------------------------------- */

static Status choose_batches(SpeedRun *run, Bench *bench) {
    const Q6Sentences *train = &bench->data.split[Q6_TRAIN];
    const size_t wanted = (size_t)run->plan.batches;
    Batches *order;
    STATUS_TRY(batches_open(&order, train->count, train->length, (size_t)run->plan.batch, POOL, 1));
    batches_begin_epoch(order, 0);
    run->batches_of_epoch = batches_per_epoch(order);
    Status status = STATUS_OK;
    if (wanted > run->batches_of_epoch)
        status = status_fail(STATUS_ARGUMENT, "--batches=%zu: an epoch has %zu of them", wanted,
                             run->batches_of_epoch);
    for (size_t i = 0; status == STATUS_OK && i < wanted; i++) {
        size_t count;
        const uint32_t *example = batches_at(order, i * run->batches_of_epoch / wanted, &count);
        uint8_t *labels;
        status = q6_pack(&bench->arena, train, example, 0, count, &bench->batch[i].tokens, &labels);
        bench->batch[i].labels = labels;
        if (status != STATUS_OK) break;
        run->sentences += count;
        run->tokens += (size_t)bench->batch[i].tokens.offsets[count];
    }
    batches_close(order);
    return status;
}

static Status bench_open(SpeedRun *run, Bench *bench, Results *results) {
    const Q6Plan plan = {.model = run->plan.model,
                         .data = run->plan.data,
                         .longest = 128,
                         .hold_out = .1,
                         .split_seed = 1};
    const int size = run->plan.peak_size;
    const size_t square = (size_t)size * (size_t)size;
    STATUS_TRY(q6_data_open(&bench->data, &plan, &run->config));
    STATUS_TRY(q6_data_describe(&bench->data, &plan, results));
    STATUS_TRY(arena_open(&bench->arena, 0));
    bench->batch =
        arena_take_zeroed(&bench->arena, (size_t)run->plan.batches * sizeof *bench->batch);
    bench->x = arena_take(&bench->arena, square * sizeof *bench->x);
    bench->y = arena_take_zeroed(&bench->arena, square * sizeof *bench->y);
    if (!bench->batch || !bench->x || !bench->y) return STATUS_MEMORY;
    rng_fill_normal(bench->x, square, 1, rng_stream("q6.speed.peak"));
    STATUS_TRY(choose_batches(run, bench));
    for (int p = 0; p < run->precisions; p++) {
        Precision precision = p == SPEED_BF16 ? PRECISION_BF16 : PRECISION_F32;
        STATUS_TRY(bert_step_open(&bench->step[p], run->plan.model, precision, -1));
        STATUS_TRY(matmul_weight_open(&bench->weight[p], size, size, precision));
        STATUS_TRY(matmul_weight_set(bench->weight[p], bench->x));
    }
    return STATUS_OK;
}

static void bench_close(Bench *bench) {
    for (int p = 0; p < SPEED_PRECISIONS; p++) {
        bert_step_close(bench->step[p]);
        matmul_weight_close(bench->weight[p]);
    }
    arena_close(&bench->arena);
    q6_data_close(&bench->data);
}

/* --- peaks ----------------------------------------------------------------------------------- */

/* flop/s of a large product by the engine's own way, the conversion of x included. */
static Status product_rate(const SpeedPlan *plan, Bench *bench, int precision, double *rate) {
    const double size = plan->peak_size;
    double begun = 0, spent = 0;
    int calls = -1; /* the first one is not counted */
    while (calls < 1 || spent < plan->peak_seconds) {
        if (calls == 0) begun = clock_seconds();
        STATUS_TRY(matmul_forward(bench->weight[precision], plan->peak_size, bench->x, bench->y));
        calls++;
        if (calls > 0) spent = clock_seconds() - begun;
    }
    *rate = 2. * size * size * size * calls / spent;
    return STATUS_OK;
}

/* f32 by whichever of the product libraries is faster at its best. */
static Status measure_peaks(const SpeedRun *run, Bench *bench, double *peak) {
    const SpeedPlan *plan = &run->plan;
    const int size = plan->peak_size;
    double own;
    STATUS_TRY(peaks_gemm_rate(size, size, size, plan->peak_seconds, &peak[SPEED_PEAK_F32]));
    STATUS_TRY(product_rate(plan, bench, SPEED_F32, &own));
    if (own > peak[SPEED_PEAK_F32]) peak[SPEED_PEAK_F32] = own;
    peak[SPEED_PEAK_BF16] = 0;
    if (run->precisions > SPEED_BF16)
        STATUS_TRY(product_rate(plan, bench, SPEED_BF16, &peak[SPEED_PEAK_BF16]));
    return peaks_triad_rate(plan->peak_bytes, plan->peak_seconds, &peak[SPEED_PEAK_MEMORY]);
}

/* --- steps ----------------------------------------------------------------------------------- */

static Status timed_step(Bench *bench, int precision, int k, SpeedPass *pass) {
    phase_listen(&pass->phases);
    double begun = clock_seconds();
    Status status = bert_step_run(bench->step[precision], &bench->batch[k]);
    pass->seconds += clock_seconds() - begun;
    phase_listen(NULL);
    return status;
}

static Status warm_up(SpeedRun *run, Bench *bench) {
    SpeedPass unused = {0};
    for (int p = 0; p < run->precisions; p++)
        for (int k = 0; k < run->plan.batches && k < 3; k++)
            STATUS_TRY(timed_step(bench, p, k, &unused));
    return STATUS_OK;
}

static Status measure_repetition(SpeedRun *run, Bench *bench, Progress *progress, int repetition,
                                 double *peak) {
    STATUS_TRY(measure_peaks(run, bench, peak));
    for (int k = 0; k < run->plan.batches; k++) {
        if (interrupt_requested()) return status_fail(STATUS_INTERRUPTED, "stopped by the user");
        for (int i = 0; i < run->precisions; i++) {
            /* In turns, so that neither always comes first. */
            int p = (i + k + repetition) % run->precisions;
            STATUS_TRY(timed_step(bench, p, k, &run->pass[p][repetition]));
        }
        progress_step(progress, (double)repetition * run->plan.batches + k + 1, run->plan.name);
    }
    return STATUS_OK;
}

static size_t repetition_values(SpeedRun *run, int repetition, double *peak, double *value,
                                int take) {
    size_t n = 0;
#define FIELD(x)                                                                                   \
    do {                                                                                           \
        if (take)                                                                                  \
            (x) = value[n];                                                                        \
        else                                                                                       \
            value[n] = (x);                                                                        \
        n++;                                                                                       \
    } while (0)
    for (int p = 0; p < SPEED_PRECISIONS; p++) {
        SpeedPass *pass = &run->pass[p][repetition];
        FIELD(pass->seconds);
        for (int i = 0; i < PHASES; i++) {
            FIELD(pass->phases.seconds[i]);
            FIELD(pass->phases.work[i]);
        }
    }
    for (int i = 0; i < SPEED_PEAKS; i++) FIELD(peak[i]);
#undef FIELD
    return n;
}

static Status measure_all(SpeedRun *run, Bench *bench, Store *store, Progress *progress) {
    int warm = 0;
    for (int r = 0; r < run->plan.repetitions; r++) {
        double value[STORE_VALUES_MAX], peak[SPEED_PEAKS] = {0};
        char name[48];
        size_t count = repetition_values(run, r, peak, value, 0);
        snprintf(name, sizeof name, "repetition %d", r);
        if (store_get(store, name, value, count)) {
            repetition_values(run, r, peak, value, 1);
            run->inherited++;
        } else {
            if (!warm) STATUS_TRY(warm_up(run, bench));
            warm = 1;
            STATUS_TRY(measure_repetition(run, bench, progress, r, peak));
            repetition_values(run, r, peak, value, 0);
            STATUS_TRY(store_put(store, name, value, count));
        }
        for (int i = 0; i < SPEED_PEAKS; i++)
            if (peak[i] > run->peak[i]) run->peak[i] = peak[i];
    }
    return STATUS_OK;
}

Status speed_measure(SpeedRun *run, Store *store, Progress *progress, Results *results) {
    Bench bench = {0};
    Status status = bench_open(run, &bench, results);
    if (status == STATUS_OK) status = measure_all(run, &bench, store, progress);
    bench_close(&bench);
    return status;
}
