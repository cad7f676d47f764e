#include "train/adamw.h"
#include "base/phase.h"
#include "base/threads.h"
#include "op/cpu/adamw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of one piece of work: 16 KiB of each array, so that threads end together. The same pieces
 * whatever the number of threads, so that sums over them are too. */
#define CHUNK ((size_t)4096)

typedef struct {
    uint32_t item; /* index of the parameter */
    size_t from, count;
} Chunk;

/* What is kept of a table whose rows are brought up to date late. */
typedef struct {
    uint64_t *done;       /* [rows] steps that the row has seen */
    unsigned char *moves; /* [rows] 1: its moments are not all zero */
    uint32_t *late;       /* [rows] scratch: rows to bring up to date */
    uint64_t *since;      /* [rows] scratch: from which step */
    double *squares;      /* [rows] scratch: of the gradients of p->rows */
    AdamwStep *history;   /* steps from `forgotten` on */
    size_t capacity;
    int decayed; /* 1: a step of the history shrinks numbers, even those without moments */
} Table;

typedef struct {
    float *first, *second; /* moments */
    double share;          /* of the rate: layer_decay^(deepest - depth) */
    Table *table;          /* NULL: dense */
    AdamwStep now;
} Item;

struct Adamw {
    ParameterSet *set;
    AdamwOptions options;
    AdamwNumbers numbers;
    const AdamwKernels *kernels;
    Arena arena;
    Item *item; /* [set->count] */
    Chunk *chunk;
    double *partial; /* [chunks] */
    size_t chunks, dense;
    uint64_t steps;
    uint64_t forgotten; /* every row of every table has seen at least this many steps */
};

static Status check_options(const AdamwOptions *o) {
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return status_fail(STATUS_ARGUMENT, "adamw: betas %g and %g; expected 0 to below 1",
                           o->beta1, o->beta2);
    /* In f32 and after a root: a smaller one could not keep a quotient of zeros away. */
    if (!(o->epsilon >= 1e-30 && o->epsilon <= 1e30))
        return status_fail(STATUS_ARGUMENT, "adamw: epsilon %g; expected a number above 0, as 1e-8",
                           o->epsilon);
    if (!(o->decay >= 0 && o->decay <= 1e6))
        return status_fail(STATUS_ARGUMENT, "adamw: weight decay %g; expected 0 or more", o->decay);
    if (!(o->layer_decay > 0 && o->layer_decay <= 1))
        return status_fail(STATUS_ARGUMENT, "adamw: layer decay %g; expected above 0, at most 1",
                           o->layer_decay);
    return STATUS_OK;
}

/* --- tables --------------------------------------------------------------------------------- */

/* Replays what `count` rows of table->late, each from table->since, have missed. */
static void replay_rows(Adamw *adamw, size_t index, size_t count) {
    Item *item = &adamw->item[index];
    Table *table = item->table;
    Parameter *p = adamw->set->item[index];
    size_t width = p->shape[1];
    /* Work differs by row (how many steps, with moments or without): handed out as it is taken. */
#pragma omp parallel for schedule(dynamic, 16) if (count * width >= THREADS_MINIMUM / 16)
    for (size_t i = 0; i < count; i++) {
        size_t row = table->late[i], at = row * width;
        int moves = table->moves[row];
        if (!moves && !table->decayed) continue;
        adamw->kernels->replay(
            &adamw->numbers, table->history + (table->since[i] - adamw->forgotten),
            (size_t)(adamw->steps - table->since[i]), p->value + at,
            moves ? item->first + at : NULL, moves ? item->second + at : NULL, width);
    }
}

/* Notes that a row is to see all steps; 1 when it had missed some. */
static size_t note_late(const Adamw *adamw, Table *table, uint32_t row, size_t count) {
    if (table->done[row] == adamw->steps) return count;
    table->late[count] = row;
    table->since[count] = table->done[row];
    table->done[row] = adamw->steps; /* at once, so that a row that repeats is replayed once */
    return count + 1;
}

static Status freshen(void *context, Parameter *p, const int32_t *rows, size_t count) {
    Adamw *adamw = context;
    size_t index = 0;
    while (index < adamw->set->count && adamw->set->item[index] != p) index++;
    if (index == adamw->set->count)
        return status_fail(STATUS_ARGUMENT, "adamw: table '%s' is not one of its parameters",
                           p->name);
    for (size_t i = 0; i < count; i++)
        if (rows[i] < 0 || (size_t)rows[i] >= p->shape[0])
            return status_fail(STATUS_ARGUMENT, "table '%s': row %d asked; it has %zu", p->name,
                               (int)rows[i], p->shape[0]);
    Table *table = adamw->item[index].table;
    size_t late = 0;
    for (size_t i = 0; i < count; i++) late = note_late(adamw, table, (uint32_t)rows[i], late);
    replay_rows(adamw, index, late);
    return STATUS_OK;
}

/* Room for the step that comes; grows by doubling, and adamw_settle empties it. */
static Status remember_step(Adamw *adamw, const Parameter *p, Table *table, AdamwStep step) {
    size_t at = (size_t)(adamw->steps - adamw->forgotten);
    if (at == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 1024;
        AdamwStep *history = realloc(table->history, capacity * sizeof *history);
        if (!history)
            return status_fail(STATUS_MEMORY,
                               "adamw: table '%s': no memory for the history of %zu steps; settle "
                               "more often",
                               p->name, capacity);
        table->history = history;
        table->capacity = capacity;
    }
    table->history[at] = step;
    if (step.keep != 1) table->decayed = 1;
    return STATUS_OK;
}

static void update_rows(Adamw *adamw, size_t index, float scale) {
    Item *item = &adamw->item[index];
    Table *table = item->table;
    Parameter *p = adamw->set->item[index];
    size_t width = p->shape[1];
    for (size_t r = 0; r < p->row_count; r++) {
        table->done[p->rows[r]]++;
        table->moves[p->rows[r]] = 1;
    }
#pragma omp parallel for schedule(static) if (p->row_count * width >= THREADS_MINIMUM)
    for (size_t r = 0; r < p->row_count; r++) {
        size_t at = p->rows[r] * width;
        adamw->kernels->update(&adamw->numbers, &item->now, scale, p->value + at, item->first + at,
                               item->second + at, p->gradient + at, width);
    }
}

static Status open_table(Adamw *adamw, size_t index) {
    const Parameter *p = adamw->set->item[index];
    Item *item = &adamw->item[index];
    size_t rows = p->shape[0];
    Table *table = arena_take_zeroed(&adamw->arena, sizeof *table);
    if (!table) return STATUS_MEMORY;
    item->table = table;
    table->done = arena_take_zeroed(&adamw->arena, rows * sizeof *table->done);
    table->moves = arena_take_zeroed(&adamw->arena, rows);
    table->late = arena_take(&adamw->arena, rows * sizeof *table->late);
    table->since = arena_take(&adamw->arena, rows * sizeof *table->since);
    table->squares = arena_take(&adamw->arena, rows * sizeof *table->squares);
    if (!table->done || !table->moves || !table->late || !table->since || !table->squares)
        return STATUS_MEMORY;
    parameter_small_pages(item->first, p->count * sizeof(float));
    parameter_small_pages(item->second, p->count * sizeof(float));
    return STATUS_OK;
}

/* --- opening and closing -------------------------------------------------------------------- */

static Status open_items(Adamw *adamw) {
    ParameterSet *set = adamw->set;
    int deepest = 0;
    size_t chunks = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->item[i]->depth > deepest) deepest = set->item[i]->depth;
        if (set->item[i]->by_rows) continue;
        chunks += (set->item[i]->count + CHUNK - 1) / CHUNK;
        adamw->dense += set->item[i]->count;
    }
    adamw->item = arena_take_zeroed(&adamw->arena, (set->count + 1) * sizeof *adamw->item);
    adamw->chunk = arena_take(&adamw->arena, (chunks + 1) * sizeof *adamw->chunk);
    adamw->partial = arena_take(&adamw->arena, (chunks + 1) * sizeof *adamw->partial);
    if (!adamw->item || !adamw->chunk || !adamw->partial) return STATUS_MEMORY;
    for (size_t i = 0; i < set->count; i++) {
        Parameter *p = set->item[i];
        Item *item = &adamw->item[i];
        item->share = pow(adamw->options.layer_decay, deepest - p->depth);
        /* Fresh from the system, hence zero, and not real until a gradient comes. */
        item->first = arena_take(&adamw->arena, p->count * sizeof(float));
        item->second = arena_take(&adamw->arena, p->count * sizeof(float));
        if (!item->first || !item->second) return STATUS_MEMORY;
        if (p->by_rows) {
            STATUS_TRY(open_table(adamw, i));
            p->freshen = freshen;
            p->freshen_context = adamw;
            continue;
        }
        for (size_t from = 0; from < p->count; from += CHUNK)
            adamw->chunk[adamw->chunks++] =
                (Chunk){(uint32_t)i, from, p->count - from < CHUNK ? p->count - from : CHUNK};
    }
    return STATUS_OK;
}

Status adamw_open(Adamw **out, ParameterSet *set, const AdamwOptions *options) {
    *out = NULL;
    STATUS_TRY(check_options(options));
    Adamw *adamw = calloc(1, sizeof *adamw);
    if (!adamw) return status_fail(STATUS_MEMORY, "adamw: no memory");
    adamw->set = set;
    adamw->options = *options;
    adamw->numbers = (AdamwNumbers){(float)(1 - options->beta1), (float)options->beta2,
                                    (float)(1 - options->beta2), (float)options->epsilon};
    adamw->kernels = adamw_kernels();
    Status status = arena_open(&adamw->arena, 0);
    if (status == STATUS_OK) status = open_items(adamw);
    if (status != STATUS_OK) {
        adamw_close(adamw);
        return status_prefix(status, "adamw: %zu parameters", set->count);
    }
    *out = adamw;
    return STATUS_OK;
}

void adamw_close(Adamw *adamw) {
    if (!adamw) return;
    for (size_t i = 0; adamw->item && i < adamw->set->count; i++) {
        Parameter *p = adamw->set->item[i];
        if (p->by_rows && p->freshen_context == adamw) {
            p->freshen = NULL;
            p->freshen_context = NULL;
        }
        if (adamw->item[i].table) free(adamw->item[i].table->history);
    }
    arena_close(&adamw->arena);
    free(adamw);
}

/* --- steps ---------------------------------------------------------------------------------- */

double adamw_norm(const Adamw *adamw) {
    const double begun = phase_begin();
    const ParameterSet *set = adamw->set;
#pragma omp parallel for schedule(static) if (adamw->dense >= THREADS_MINIMUM)
    for (size_t c = 0; c < adamw->chunks; c++) {
        const Chunk chunk = adamw->chunk[c];
        const Parameter *p = set->item[chunk.item];
        adamw->partial[c] = p->has_gradient
                                ? adamw->kernels->sum_squares(p->gradient + chunk.from, chunk.count)
                                : 0;
    }
    double total = 0;
    for (size_t c = 0; c < adamw->chunks; c++) total += adamw->partial[c];
    for (size_t i = 0; i < set->count; i++) {
        Parameter *p = set->item[i];
        if (!p->by_rows) continue;
        parameter_sort_rows(p);
        double *squares = adamw->item[i].table->squares;
#pragma omp parallel for schedule(static) if (p->row_count * p->shape[1] >= THREADS_MINIMUM)
        for (size_t r = 0; r < p->row_count; r++)
            squares[r] =
                adamw->kernels->sum_squares(p->gradient + p->rows[r] * p->shape[1], p->shape[1]);
        for (size_t r = 0; r < p->row_count; r++) total += squares[r];
    }
    phase_end(PHASE_CLIP, begun, 4. * (double)adamw->dense);
    return sqrt(total);
}

static Status prepare_step(Adamw *adamw, double rate) {
    const AdamwOptions *o = &adamw->options;
    double time = (double)(adamw->steps + 1);
    double bias = 1 - pow(o->beta1, time), root = sqrt(1 - pow(o->beta2, time));
    for (size_t i = 0; i < adamw->set->count; i++) {
        Parameter *p = adamw->set->item[i];
        Item *item = &adamw->item[i];
        double own = rate * item->share;
        item->now = (AdamwStep){p->decays ? (float)(1 - own * o->decay) : 1, (float)(own / bias),
                                (float)root};
        if (!item->table) continue;
        /* Rows whose gradient came without a look-up through freshen catch up first. */
        size_t late = 0;
        for (size_t r = 0; r < p->row_count; r++)
            late = note_late(adamw, item->table, p->rows[r], late);
        replay_rows(adamw, i, late);
        STATUS_TRY(remember_step(adamw, p, item->table, item->now));
    }
    return STATUS_OK;
}

Status adamw_step(Adamw *adamw, double rate, double scale) {
    ParameterSet *set = adamw->set;
    if (!isfinite(rate) || rate < 0 || !isfinite(scale))
        return status_fail(STATUS_ARGUMENT,
                           "adamw: rate %g and scale %g of step %llu; expected "
                           "numbers, the rate not below 0",
                           rate, scale, (unsigned long long)adamw->steps + 1);
    const double begun = phase_begin();
    STATUS_TRY(prepare_step(adamw, rate));
    float factor = (float)scale;
#pragma omp parallel for schedule(dynamic, 8) if (adamw->dense >= THREADS_MINIMUM)
    for (size_t c = 0; c < adamw->chunks; c++) {
        const Chunk chunk = adamw->chunk[c];
        Parameter *p = set->item[chunk.item];
        const Item *item = &adamw->item[chunk.item];
        adamw->kernels->update(&adamw->numbers, &item->now, factor, p->value + chunk.from,
                               item->first + chunk.from, item->second + chunk.from,
                               p->has_gradient ? p->gradient + chunk.from : NULL, chunk.count);
    }
    for (size_t i = 0; i < set->count; i++)
        if (adamw->item[i].table) update_rows(adamw, i, factor);
    adamw->steps++;
    STATUS_TRY(parameters_changed(set));
    parameters_clear_gradients(set);
    /* value, moments and gradient are read, value and moments written */
    phase_end(PHASE_UPDATE, begun, 28. * (double)adamw->dense);
    return STATUS_OK;
}

Status adamw_settle(Adamw *adamw) {
    for (size_t i = 0; i < adamw->set->count; i++) {
        Table *table = adamw->item[i].table;
        if (!table) continue;
        size_t late = 0;
        for (size_t row = 0; row < adamw->set->item[i]->shape[0]; row++)
            late = note_late(adamw, table, (uint32_t)row, late);
        replay_rows(adamw, i, late);
        table->decayed = 0;
    }
    adamw->forgotten = adamw->steps;
    return STATUS_OK;
}

uint64_t adamw_steps(const Adamw *adamw) {
    return adamw->steps;
}

/* --- checkpoints ---------------------------------------------------------------------------- */

float *adamw_first_moment(Adamw *adamw, size_t index) {
    return adamw->item[index].first;
}

float *adamw_second_moment(Adamw *adamw, size_t index) {
    return adamw->item[index].second;
}

static int all_zero(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (x[i] != 0) return 0;
    return 1;
}

Status adamw_restore_steps(Adamw *adamw, uint64_t steps) {
    adamw->steps = adamw->forgotten = steps;
    for (size_t i = 0; i < adamw->set->count; i++) {
        Item *item = &adamw->item[i];
        if (!item->table) continue;
        size_t width = adamw->set->item[i]->shape[1];
        for (size_t row = 0; row < adamw->set->item[i]->shape[0]; row++) {
            item->table->done[row] = steps;
            item->table->moves[row] = (unsigned char)!(all_zero(item->first + row * width, width) &&
                                                       all_zero(item->second + row * width, width));
        }
        item->table->decayed = 0;
    }
    return STATUS_OK;
}
