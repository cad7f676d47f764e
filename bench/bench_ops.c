/* The micro-benchmark of operations: every benchmark-size case of the operator table
 * (tests/op/table.c), the same code, values and layouts that the tests hold against the
 * double-precision reference.
 *
 *     build/bin/bench_ops --benchmark_list_tests
 *     build/bin/bench_ops --benchmark_filter=attention/tiled/ --benchmark_repetitions=9
 *     OMP_NUM_THREADS=1 build/bin/bench_ops --benchmark_filter=N4096
 *
 * Names: attention/<variant>/<direction>/H<heads>/E<head width>[/R<features>]/N<length>, where
 * direction is forward, backward, or both. Counters: flops, multiplies and adds a second as
 * attention_work() counts them, masked scores and padding not included; peak_share, that rate as a
 * share of the rate of one large GEMM measured in this run before anything else; exponentials a
 * second. The peak itself is the benchmark gemm/2048.
 */
#define _POSIX_C_SOURCE 200809L
#include "hayai.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/threads.h"
#include "op/op.h"
#include "op/problem.h"
#include "op/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GEMM_SIZE = 2048, GEMM_RUNS = 9 };

typedef enum { WAY_FORWARD, WAY_BACKWARD, WAY_BOTH, WAYS } Way;
static const char *const way_names[WAYS] = {"forward", "backward", "both"};

typedef struct {
    const OpVariant *variant;
    const OpShape *shape;
    Way way;
} Case;

/* Drawing the values of a long case takes longer than computing it, so the last one is kept. */
static struct {
    Problem problem;
    const OpVariant *variant;
    const OpShape *shape;
} kept;

static Arena arena;
static double peak_flops; /* of a second; 0 before it is measured */

/* --- the machine's own peak ------------------------------------------------------------------ */

typedef struct {
    float *a, *b, *c;
} Matrices;

static int matrices_open(Matrices *m) {
    size_t count = (size_t)GEMM_SIZE * GEMM_SIZE;
    *m = (Matrices){malloc(count * sizeof(float)), malloc(count * sizeof(float)),
                    calloc(count, sizeof(float))};
    if (!m->a || !m->b || !m->c) return 0;
    rng_fill_normal(m->a, count, 1, rng_stream("bench gemm a"));
    rng_fill_normal(m->b, count, 1, rng_stream("bench gemm b"));
    return 1;
}

static void matrices_close(Matrices *m) {
    free(m->a), free(m->b), free(m->c);
}

static Status multiply(const Matrices *m) {
    return device_cpu()->gemm(0, 0, GEMM_SIZE, GEMM_SIZE, GEMM_SIZE, 1, m->a, GEMM_SIZE, m->b,
                              GEMM_SIZE, 0, m->c, GEMM_SIZE);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of a few products, after one that is not timed. 0 when there is no memory for them. */
static double measure_peak(void) {
    Matrices m;
    double seconds[GEMM_RUNS], peak = 0;
    if (matrices_open(&m) && multiply(&m) == STATUS_OK) {
        for (int run = 0; run < GEMM_RUNS; run++) {
            double start = clock_seconds();
            multiply(&m);
            seconds[run] = clock_seconds() - start;
        }
        qsort(seconds, GEMM_RUNS, sizeof *seconds, compare);
        peak = 2. * GEMM_SIZE * GEMM_SIZE * GEMM_SIZE / seconds[GEMM_RUNS / 2];
    }
    matrices_close(&m);
    return peak;
}

static void gemm(HayaiState *state) {
    Matrices m;
    if (!matrices_open(&m)) {
        hayai_skip_with_error(state, "no memory for three matrices of %d x %d", GEMM_SIZE,
                              GEMM_SIZE);
        matrices_close(&m);
        return;
    }
    while (hayai_keep_running(state))
        if (multiply(&m)) hayai_skip_with_error(state, "%s", status_message());
    hayai_counter(state, "flops", 2. * GEMM_SIZE * GEMM_SIZE * GEMM_SIZE,
                  HAYAI_RATE | HAYAI_INVARIANT);
    matrices_close(&m);
}

/* --- attention -------------------------------------------------------------------------------- */

/* Bytes that the case holds: eight tensors and their copies, and the scores of both directions. */
static double needed_bytes(const Case *c) {
    double length = c->shape->queries[0], heads = c->shape->heads;
    double scores =
        c->variant->kind == ATTENTION_MATERIALISED || c->variant->kind == ATTENTION_KERNEL_QUADRATIC
            ? 2 * heads * length * length
            : 0;
    return sizeof(float) * (16 * heads * length * c->shape->width + scores);
}

static Status problem_of(const Case *c, Problem **out) {
    if (kept.variant != c->variant || kept.shape != c->shape) {
        if (kept.variant) problem_close(&kept.problem);
        problem_open(&kept.problem, c->variant, c->shape, 0);
        kept.variant = c->variant, kept.shape = c->shape;
        /* Backward alone needs what forward leaves. */
        STATUS_TRY(problem_launch(&kept.problem, device_cpu(), DIRECTION_FORWARD, 1, &arena));
    }
    *out = &kept.problem;
    return STATUS_OK;
}

static Status launch(Problem *problem, Way way) {
    if (way != WAY_BACKWARD)
        STATUS_TRY(
            problem_launch(problem, device_cpu(), DIRECTION_FORWARD, way == WAY_BOTH, &arena));
    if (way != WAY_FORWARD)
        STATUS_TRY(problem_launch(problem, device_cpu(), DIRECTION_BACKWARD, 1, &arena));
    return STATUS_OK;
}

static void attention(HayaiState *state) {
    const Case *c = hayai_context(state);
    Problem *problem;
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (needed_bytes(c) > memory / 2) {
        hayai_skip_with_message(state, "needs %.1f GB, the machine has %.1f", needed_bytes(c) / 1e9,
                                memory / 1e9);
        return;
    }
    if (problem_of(c, &problem)) {
        hayai_skip_with_error(state, "%s", status_message());
        return;
    }
    arena_high_water_reset(&arena);
    double seconds = clock_seconds();
    while (hayai_keep_running(state))
        if (launch(problem, c->way)) hayai_skip_with_error(state, "%s", status_message());
    seconds = (clock_seconds() - seconds) / (double)hayai_iteration_count(state);
    AttentionWork work = {0};
    for (int direction = 0; direction < 2; direction++) {
        if (c->way != WAY_BOTH && c->way != (Way)direction) continue;
        AttentionWork one = attention_work(&problem->attention, direction);
        work.flops += one.flops;
        work.exponentials += one.exponentials;
    }
    unsigned each = HAYAI_RATE | HAYAI_INVARIANT;
    if (work.flops > 0) hayai_counter(state, "flops", work.flops, each);
    if (work.flops > 0 && peak_flops > 0)
        hayai_counter(state, "peak_share", work.flops / peak_flops / seconds, HAYAI_PLAIN);
    if (work.exponentials > 0) hayai_counter(state, "exp", work.exponentials, each);
    hayai_set_items_processed(state, hayai_iteration_count(state) * c->shape->queries[0]);
    hayai_set_bytes(state, arena.high_water + (c->way == WAY_FORWARD ? 0 : problem->saved_bytes));
    hayai_set_label(state, "%s", device_cpu_isa());
}

static void name_of(const Case *c, char *name, size_t size) {
    char features[24] = "";
    if (table_is_kernel(c->variant) && c->variant->map != FEATURE_ELU1)
        snprintf(features, sizeof features, "/R%d", c->shape->features);
    snprintf(name, size, "attention/%s/%s/H%d/E%d%s/N%d", c->variant->name, way_names[c->way],
             c->shape->heads, c->shape->width, features, c->shape->queries[0]);
}

/* Returns how many cases there are; fills `cases` unless it is NULL. */
static int benchmark_cases(Case *cases) {
    int count = 0;
    for (int v = 0; v < table_variants(); v++)
        for (int s = 0; s < table_shapes(); s++) {
            if (!table_holds(table_variant(v), table_shape(s), USE_BENCHMARK)) continue;
            for (int way = 0; way < WAYS; way++) {
                if (cases) cases[count] = (Case){table_variant(v), table_shape(s), (Way)way};
                count++;
            }
        }
    return count;
}

int main(int argc, char **argv) {
    HayaiSuite *suite;
    if (!getenv("OMP_NUM_THREADS")) threads_set(0);
    Case *cases = malloc((size_t)benchmark_cases(NULL) * sizeof *cases);
    if (!cases || arena_open(&arena, 0) || hayai_suite_create(&suite)) {
        fprintf(stderr, "%s: %s\n", argv[0], cases ? status_message() : "no memory");
        free(cases);
        return 1;
    }
    HayaiBenchmark *product = hayai_register(suite, "gemm/2048", gemm, NULL);
    hayai_use_real_time(product);
    hayai_unit(product, HAYAI_MILLISECOND);
    int count = benchmark_cases(cases);
    for (int i = 0; i < count; i++) {
        char name[128];
        name_of(&cases[i], name, sizeof name);
        HayaiBenchmark *benchmark = hayai_register(suite, name, attention, &cases[i]);
        hayai_use_real_time(benchmark);
        hayai_unit(benchmark, HAYAI_MILLISECOND);
    }
    int listing = 0;
    for (int i = 1; i < argc; i++)
        listing |=
            !strncmp(argv[i], "--benchmark_list_tests", 22) || !strncmp(argv[i], "--help", 6);
    if (!listing) peak_flops = measure_peak();
    interrupt_install();
    int status = hayai_run(suite, argc, argv, stdout, stderr);
    hayai_suite_free(suite);
    if (kept.variant) problem_close(&kept.problem);
    arena_close(&arena);
    free(cases);
    return status;
}
