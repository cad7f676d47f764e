#include "nn/embedding.h"
#include "base/phase.h"
#include "op/cpu/kernels.h"

#include <string.h>

typedef struct {
    int tables;
    Parameter *table[NN_TABLES_MAX];
    const int32_t *ids[NN_TABLES_MAX];
    Value *y;
} Embedding;

/* 1 x is x: the fused sum has the bits of a plain one. */
static void add_row(const float *from, float *to, int n) {
    cpu_kernels()->add_row(to, from, 1, n);
}

/* Columns are shared out, not rows: two places of a batch may hold the same id. */
#define COLUMN_BLOCK 64

static Status embed_backward(Tape *tape, void *record) {
    const double begun = phase_begin();
    (void)tape;
    const Embedding *e = record;
    const int rows = e->y->rows, columns = e->y->columns;
    for (int k = 0; k < e->tables; k++) {
        Parameter *table = e->table[k];
        const int32_t *ids = e->ids[k];
        int accumulate;
        float *gradient = parameter_gradient(table, &accumulate);
        if (table->by_rows) {
            parameter_touch_rows(table, ids, (size_t)rows);
        } else if (!accumulate) {
            memset(gradient, 0, table->count * sizeof *gradient);
        }
        /* y[t] = sum of table[ids[t]]: dtable[ids[t]] += dy[t] */
#pragma omp parallel for if (rows > 16)
        for (int first = 0; first < columns; first += COLUMN_BLOCK) {
            int width = columns - first < COLUMN_BLOCK ? columns - first : COLUMN_BLOCK;
            for (int t = 0; t < rows; t++)
                add_row(e->y->gradient + (size_t)t * (size_t)columns + first,
                        gradient + (size_t)ids[t] * (size_t)columns + first, width);
        }
    }
    phase_end(PHASE_EMBEDDING, begun, 12. * rows * columns * e->tables);
    return STATUS_OK;
}

static Status check(int tables, Parameter *const *table, const int32_t *const *ids, int rows) {
    if (tables < 1 || tables > NN_TABLES_MAX)
        return status_fail(STATUS_ARGUMENT, "embed: %d tables; expected 1 to %d", tables,
                           NN_TABLES_MAX);
    if (rows < 0) return status_fail(STATUS_ARGUMENT, "embed: %d rows", rows);
    for (int k = 0; k < tables; k++) {
        if (table[k]->rank != 2 || table[k]->shape[1] != table[0]->shape[1])
            return status_fail(STATUS_ARGUMENT, "embed: %s is not as wide as %s", table[k]->name,
                               table[0]->name);
        for (int t = 0; t < rows; t++)
            if (ids[k][t] < 0 || (size_t)ids[k][t] >= table[k]->shape[0])
                return status_fail(STATUS_ARGUMENT, "embed: id %d at place %d; %s has %zu rows",
                                   (int)ids[k][t], t, table[k]->name, table[k]->shape[0]);
        if (table[k]->freshen)
            STATUS_TRY(
                table[k]->freshen(table[k]->freshen_context, table[k], ids[k], (size_t)rows));
    }
    return STATUS_OK;
}

Value *nn_embed(Tape *tape, int tables, Parameter *const *table, const int32_t *const *ids,
                int rows) {
    if (tape->status != STATUS_OK) return NULL;
    const double begun = phase_begin(); /* rows that are late catch up in check() */
    Status status = check(tables, table, ids, rows);
    if (status != STATUS_OK) return tape_fail(tape, status);
    const int columns = (int)table[0]->shape[1];
    Value *y = tape_value(tape, rows, columns);
    Embedding *e = tape_take(tape, sizeof *e);
    if (!y || !e) return NULL;
    *e = (Embedding){.tables = tables, .y = y};
    for (int k = 0; k < tables; k++) {
        e->table[k] = table[k];
        e->ids[k] = ids[k];
    }
#pragma omp parallel for if (rows > 16)
    for (int t = 0; t < rows; t++) {
        float *row = y->data + (size_t)t * (size_t)columns;
        memcpy(row, table[0]->value + (size_t)ids[0][t] * (size_t)columns,
               (size_t)columns * sizeof *row);
        for (int k = 1; k < tables; k++)
            add_row(table[k]->value + (size_t)ids[k][t] * (size_t)columns, row, columns);
    }
    phase_end(PHASE_EMBEDDING, begun, 4. * rows * columns * (tables + 1));
    tape_record(tape, y, embed_backward, e);
    return y;
}

/* --- rows of a value ------------------------------------------------------------------------- */

typedef struct {
    Value *x, *y;
    const int *row;
} TakeRows;

static Status take_backward(Tape *tape, void *record) {
    (void)tape;
    const TakeRows *r = record;
    const size_t columns = (size_t)r->x->columns;
    int accumulate;
    float *dx = tape_gradient(r->x, &accumulate);
    if (!accumulate) memset(dx, 0, (size_t)r->x->rows * columns * sizeof *dx);
    for (int i = 0; i < r->y->rows; i++)
        add_row(r->y->gradient + (size_t)i * columns, dx + (size_t)r->row[i] * columns,
                r->x->columns);
    return STATUS_OK;
}

Value *nn_take_rows(Tape *tape, Value *x, const int *row, int count) {
    if (!x) return NULL;
    for (int i = 0; i < count; i++)
        if (row[i] < 0 || row[i] >= x->rows)
            return tape_fail(
                tape, status_fail(STATUS_ARGUMENT, "take_rows: row %d of %d", row[i], x->rows));
    Value *y = tape_value(tape, count, x->columns);
    TakeRows *r = tape_take(tape, sizeof *r);
    if (!y || !r) return NULL;
    *r = (TakeRows){x, y, row};
    for (int i = 0; i < count; i++)
        memcpy(y->data + (size_t)i * (size_t)x->columns,
               x->data + (size_t)row[i] * (size_t)x->columns, (size_t)x->columns * sizeof *y->data);
    tape_record(tape, y, take_backward, r);
    return y;
}
