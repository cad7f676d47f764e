#include "q1_memory.h"
#include "stat/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows ------------------------------------------------------------------------------------ */

static int index_of(const char *word, const char *const *words, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) return i;
    return -1;
}

static Status bad_row(const char *table, const char *row) {
    return status_fail(STATUS_FORMAT,
                       "q1_memory: table '%s' has a row '%.60s'; remove the folder "
                       "of the unfinished run and start again",
                       table, row);
}

static Status take_recall(void *context, size_t cell, const char *row) {
    MemoryTraining *t = &((MemoryData *)context)->training[cell];
    return sscanf(row, "%zu %lf %lf", &t->parameters, &t->loss, &t->accuracy) == 3
               ? STATUS_OK
               : bad_row("recall", row);
}

static Status take_jacobian(void *context, size_t cell, const char *row) {
    const MemoryData *data = context;
    const MemoryPlan *plan = data->plan;
    MemoryTraining *t = &data->training[cell];
    char phase_word[16], part_word[16];
    int last, offset;
    double norm;
    if (sscanf(row, "%15s %15s %d %d %lf", phase_word, part_word, &last, &offset, &norm) != 5)
        return bad_row("jacobian", row);
    int phase = index_of(phase_word, memory_phase_name, MEMORY_PHASES);
    int part = index_of(part_word, memory_part_name, MEMORY_PARTS);
    int at = 0;
    while (at < plan->offsets && plan->offset[at] != abs(offset)) at++;
    if (phase < 0 || part < 0 || at == plan->offsets) return bad_row("jacobian", row);
    if (last)
        t->norm[phase][part][at] = norm;
    else
        t->side[phase][part][offset > 0][at] = norm;
    return STATUS_OK;
}

static Status take_curve(void *context, size_t cell, const char *row) {
    MemoryTraining *t = &((MemoryData *)context)->training[cell];
    char split[16];
    long step;
    double loss, accuracy;
    if (t->points == (int)(sizeof t->curve / sizeof *t->curve) ||
        sscanf(row, "%*s %15s %ld %lf %lf", split, &step, &loss, &accuracy) != 4)
        return bad_row("curve", row);
    t->curve[t->points].validation = strcmp(split, "validation") == 0;
    t->curve[t->points].step = step;
    t->curve[t->points].loss = loss;
    t->curve[t->points++].accuracy = accuracy;
    return STATUS_OK;
}

static void forget(MemoryTraining *t) {
    for (int phase = 0; phase < MEMORY_PHASES; phase++)
        for (int part = 0; part < MEMORY_PARTS; part++)
            for (int i = 0; i < 32; i++)
                t->norm[phase][part][i] = t->side[phase][part][0][i] = t->side[phase][part][1][i] =
                    NAN;
}

Status memory_data_read(MemoryData **out, const MemoryPlan *plan, const Grid *grid) {
    MemoryData *data = *out = calloc(1, sizeof *data);
    const size_t count = memory_cells(plan);
    if (data) data->training = calloc(count, sizeof *data->training);
    if (!data || !data->training)
        return status_fail(STATUS_MEMORY, "q1_memory: no memory for %zu trainings", count);
    data->plan = plan;
    data->trainings = count;
    for (size_t i = 0; i < count; i++) forget(&data->training[i]);
    STATUS_TRY(grid_rows(grid, "recall", take_recall, data));
    STATUS_TRY(grid_rows(grid, "jacobian", take_jacobian, data));
    return grid_rows(grid, "curve", take_curve, data);
}

void memory_data_free(MemoryData *data) {
    if (!data) return;
    free(data->training);
    free(data);
}

const MemoryTraining *memory_find(const MemoryData *data, MemoryKind kind, int lag, int seed) {
    for (size_t i = 0; i < data->trainings; i++) {
        MemoryCell c = memory_cell_at(data->plan, i);
        if (c.kind == kind && c.lag == lag && c.seed == seed) return &data->training[i];
    }
    return NULL;
}

/* --- norms ----------------------------------------------------------------------------------- */

double memory_norm(const MemoryTraining *training, MemoryPhase phase, int offset_index) {
    double forward = training->norm[phase][MEMORY_FORWARD][offset_index];
    double backward = training->norm[phase][MEMORY_BACKWARD][offset_index];
    return isnan(backward) ? forward : hypot(forward, backward);
}

MemoryDecay memory_decay(const int *offset, const double *norm, int count) {
    MemoryDecay decay = {.rate = NAN, .log_start = NAN, .r2 = NAN};
    double x[32], y[32];
    size_t used = 0;
    for (int i = 0; i < count && used < 32; i++)
        if (norm[i] > MEMORY_NORM_LEAST && isfinite(norm[i])) {
            x[used] = offset[i];
            y[used++] = log(norm[i]);
        }
    FitLine line;
    if (used < 3 || fit_line(x, y, used, &line) != STATUS_OK) return decay;
    return (MemoryDecay){
        .rate = -line.slope, .log_start = line.intercept, .r2 = line.r2, .last = (int)x[used - 1]};
}

/* --- a search -------------------------------------------------------------------------------- */

void memory_search_print(const MemoryData *data, FILE *stream) {
    const MemoryPlan *plan = data->plan;
    for (size_t cell = 0; cell < data->trainings; cell += (size_t)(plan->seeds * plan->rates)) {
        MemoryCell c = memory_cell_at(plan, cell);
        fprintf(stream, "%-12s lag %3d:", memory_kind_slug[c.kind], c.lag);
        for (int r = 0; r < plan->rates; r++) {
            double accuracy = 0;
            for (int s = 0; s < plan->seeds; s++)
                accuracy += data->training[cell + (size_t)(s * plan->rates + r)].accuracy;
            fprintf(stream, "   rate %g: %.3f", plan->rate[c.kind][r], accuracy / plan->seeds);
        }
        fputc('\n', stream);
    }
}
