/* The micro-benchmark of the optimiser, which is bound by memory and by nothing else.
 *
 *     build/bin/bench_train --benchmark_repetitions=9
 *
 *   memory/<millions>          y += 0.5 x: what the machine's memory gives, 12 bytes a number
 *   adamw/dense/<millions>     one step: w, m, v read and written, g read, 28 bytes a number
 *   adamw/norm/<millions>      the norm of all gradients, 4 bytes a number
 *   adamw/rows/<rows>          one step of a table of 30,522 x 768 of which so many rows have a
 *                              gradient and are brought up to date for the forward pass before
 *   adamw/settle/<steps>       that table brought up to date after so many steps of 350 rows each
 *
 * Counter bytes: those above a second. 86 millions are the dense parameters of a base-size model.
 */
#include "hayai.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "op/cpu/adamw.h"
#include "train/adamw.h"

#include <stdio.h>
#include <stdlib.h>

enum { TABLE_ROWS = 30522, TABLE_WIDTH = 768, ROWS_OF_A_STEP = 350 };

static const AdamwOptions options = {.9, .999, 1e-8, .01, .layer_decay = 1};

static int failed(HayaiState *state, Status status) {
    if (status != STATUS_OK) hayai_skip_with_error(state, "%s", status_message());
    return status != STATUS_OK;
}

/* A parameter of `rows` x `columns` with an optimiser, and numbers that are no special case. */
static int open_optimiser(HayaiState *state, ParameterSet *set, Adamw **adamw, size_t rows,
                          size_t columns, int by_rows) {
    if (failed(state, parameters_open(set))) return 0;
    Parameter *p = parameters_add(set, "w", 2, (size_t[]){rows, columns});
    Status status = p ? STATUS_OK : STATUS_MEMORY;
    if (p && by_rows) status = parameter_use_rows(set, p);
    if (status == STATUS_OK) status = adamw_open(adamw, set, &options);
    if (failed(state, status)) {
        parameters_close(set);
        return 0;
    }
    p->decays = 1;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p->count; i++) {
        p->value[i] = (float)(i % 1013) / 1013 - .5f;
        if (!by_rows) p->gradient[i] = (float)(i % 509) / 509 - .5f;
    }
    return 1;
}

static void count_bytes(HayaiState *state, size_t numbers, double bytes_each) {
    hayai_counter(state, "bytes", bytes_each * (double)numbers, HAYAI_RATE | HAYAI_INVARIANT);
    hayai_set_label(state, "%s", adamw_kernels()->name);
}

static void memory(HayaiState *state) {
    size_t count = (size_t)hayai_argument(state, 0) * 1000000;
    float *x = malloc(count * sizeof *x), *y = malloc(count * sizeof *y);
    if (!x || !y) hayai_skip_with_error(state, "no memory for two times %zu numbers", count);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < (x && y ? count : 0); i++) x[i] = y[i] = (float)(i % 1013);
    while (hayai_keep_running(state)) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++) y[i] += .5f * x[i];
        HAYAI_DO_NOT_OPTIMIZE(y[0]);
    }
    count_bytes(state, count, 12);
    free(x);
    free(y);
}

static void dense(HayaiState *state) {
    ParameterSet set;
    Adamw *adamw;
    size_t count = (size_t)hayai_argument(state, 0) * 1000000;
    if (!open_optimiser(state, &set, &adamw, count / 1000, 1000, 0)) return;
    while (hayai_keep_running(state)) {
        set.item[0]->has_gradient = 1;
        failed(state, adamw_step(adamw, 1e-5, 1));
    }
    count_bytes(state, count, 28);
    adamw_close(adamw);
    parameters_close(&set);
}

static void norm(HayaiState *state) {
    ParameterSet set;
    Adamw *adamw;
    size_t count = (size_t)hayai_argument(state, 0) * 1000000;
    if (!open_optimiser(state, &set, &adamw, count / 1000, 1000, 0)) return;
    set.item[0]->has_gradient = 1;
    while (hayai_keep_running(state)) {
        double found = adamw_norm(adamw);
        HAYAI_DO_NOT_OPTIMIZE(found);
    }
    count_bytes(state, count, 4);
    adamw_close(adamw);
    parameters_close(&set);
}

/* What a forward and a backward pass do to the table, then the step. Words are used as in a text:
 * few often, most seldom. */
static Status step_of_table(Adamw *adamw, Parameter *table, uint64_t step, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double u = rng_uniform(1, step, i);
        int32_t row = (int32_t)(u * u * u * TABLE_ROWS);
        STATUS_TRY(table->freshen(table->freshen_context, table, &row, 1));
        parameter_touch_rows(table, &row, 1);
        float *gradient = table->gradient + (size_t)row * TABLE_WIDTH;
        for (size_t k = 0; k < TABLE_WIDTH; k++) gradient[k] = (float)(k % 101) / 101 - .4f;
    }
    return adamw_step(adamw, 1e-5, 1);
}

static void rows(HayaiState *state) {
    ParameterSet set;
    Adamw *adamw;
    if (!open_optimiser(state, &set, &adamw, TABLE_ROWS, TABLE_WIDTH, 1)) return;
    uint64_t step = 0;
    while (hayai_keep_running(state))
        failed(state, step_of_table(adamw, set.item[0], step++, (size_t)hayai_argument(state, 0)));
    hayai_set_label(state, "%s", adamw_kernels()->name);
    adamw_close(adamw);
    parameters_close(&set);
}

static void settle(HayaiState *state) {
    ParameterSet set;
    Adamw *adamw;
    if (!open_optimiser(state, &set, &adamw, TABLE_ROWS, TABLE_WIDTH, 1)) return;
    uint64_t step = 0;
    while (hayai_keep_running(state)) {
        hayai_pause_timing(state);
        for (int64_t i = 0; i < hayai_argument(state, 0); i++)
            failed(state, step_of_table(adamw, set.item[0], step++, ROWS_OF_A_STEP));
        hayai_resume_timing(state);
        failed(state, adamw_settle(adamw));
    }
    hayai_set_label(state, "%s", adamw_kernels()->name);
    adamw_close(adamw);
    parameters_close(&set);
}

static void add(HayaiSuite *suite, const char *name, HayaiFunction function, int64_t argument) {
    HayaiBenchmark *benchmark = hayai_register(suite, name, function, NULL);
    hayai_arg(benchmark, argument);
    hayai_use_real_time(benchmark);
    hayai_unit(benchmark, HAYAI_MILLISECOND);
}

int main(int argc, char **argv) {
    HayaiSuite *suite;
    if (hayai_suite_create(&suite)) {
        fprintf(stderr, "%s: %s\n", argv[0], status_message());
        return 1;
    }
    add(suite, "memory", memory, 86);
    add(suite, "adamw/dense", dense, 86);
    add(suite, "adamw/norm", norm, 86);
    add(suite, "adamw/rows", rows, ROWS_OF_A_STEP);
    add(suite, "adamw/settle", settle, 240);
    interrupt_install();
    int status = hayai_run(suite, argc, argv, stdout, stderr);
    hayai_suite_free(suite);
    return status;
}
