#define _GNU_SOURCE /* madvise */
#include "grad/parameter.h"
#include "base/threads.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Status parameters_open(ParameterSet *set) {
    *set = (ParameterSet){0};
    return arena_open(&set->arena, 0);
}

static Status count_numbers(const char *name, int rank, const size_t *shape, size_t *out) {
    if (rank < 1 || rank > TENSOR_RANK_MAX)
        return status_fail(STATUS_ARGUMENT, "parameter '%s': rank %d; expected 1 to %d", name, rank,
                           TENSOR_RANK_MAX);
    size_t count = 1, bytes;
    for (int i = 0; i < rank; i++)
        if (shape[i] == 0 || __builtin_mul_overflow(count, shape[i], &count) ||
            __builtin_mul_overflow(count, sizeof(float), &bytes))
            return status_fail(STATUS_ARGUMENT,
                               "parameter '%s': size %d of its shape is %zu; expected sizes above "
                               "0 that memory can hold",
                               name, i, shape[i]);
    *out = count;
    return STATUS_OK;
}

/* The list of parameters grows by doubling; what it leaves behind in the arena is a few pointers.
 */
static Status make_room(ParameterSet *set) {
    if (set->count < set->capacity) return STATUS_OK;
    size_t capacity = set->capacity ? 2 * set->capacity : 64;
    Parameter **item = arena_take(&set->arena, capacity * sizeof(Parameter *));
    if (!item) return STATUS_MEMORY;
    if (set->count) memcpy(item, set->item, set->count * sizeof(Parameter *));
    set->item = item;
    set->capacity = capacity;
    return STATUS_OK;
}

Parameter *parameters_add(ParameterSet *set, const char *name, int rank, const size_t *shape) {
    size_t count = 0;
    if (!*name || strlen(name) >= PARAMETER_NAME_MAX) {
        status_fail(STATUS_ARGUMENT, "parameter '%.200s': a name has 1 to %d bytes", name,
                    PARAMETER_NAME_MAX - 1);
        return NULL;
    }
    if (parameters_find(set, name)) {
        status_fail(STATUS_ARGUMENT, "parameter '%s' is there already; expected each name once",
                    name);
        return NULL;
    }
    if (count_numbers(name, rank, shape, &count) != STATUS_OK || make_room(set) != STATUS_OK)
        return NULL;
    Parameter *parameter = arena_take_zeroed(&set->arena, sizeof *parameter);
    float *value = arena_take(&set->arena, count * sizeof(float));
    float *gradient = arena_take(&set->arena, count * sizeof(float));
    if (!parameter || !value || !gradient) {
        status_prefix(STATUS_MEMORY, "parameter '%s'", name);
        return NULL;
    }
    memcpy(parameter->name, name, strlen(name) + 1);
    parameter->rank = rank;
    memcpy(parameter->shape, shape, (size_t)rank * sizeof *shape);
    parameter->count = count;
    parameter->value = value;
    parameter->gradient = gradient;
    set->item[set->count++] = parameter;
    return parameter;
}

void parameter_small_pages(void *data, size_t bytes) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)data + bytes) / page * page;
    if (from < to) madvise((void *)from, to - from, MADV_NOHUGEPAGE); /* a refusal costs memory */
}

Status parameter_use_rows(ParameterSet *set, Parameter *table) {
    if (table->rank != 2 || table->products || table->shape[0] > INT32_MAX)
        return status_fail(STATUS_ARGUMENT,
                           "parameter '%s': rank %d%s; rows are for matrices that are only looked "
                           "up, of at most 2^31 - 1 rows",
                           table->name, table->rank, table->products ? ", used in products" : "");
    if (table->by_rows) return STATUS_OK;
    table->rows = arena_take(&set->arena, table->shape[0] * sizeof *table->rows);
    table->touched = arena_take_zeroed(&set->arena, table->shape[0]);
    if (!table->rows || !table->touched) return status_prefix(STATUS_MEMORY, "%s", table->name);
    /* The gradient is zero because nobody has written to it since the system gave its pages. */
    parameter_small_pages(table->gradient, table->count * sizeof(float));
    table->by_rows = 1;
    return STATUS_OK;
}

Status parameter_use_products(Parameter *weight, Precision precision) {
    if (weight->rank != 2 || weight->by_rows || weight->shape[0] > INT32_MAX ||
        weight->shape[1] > INT32_MAX)
        return status_fail(STATUS_ARGUMENT,
                           "parameter '%s': rank %d%s; products are for matrices [outputs, inputs]",
                           weight->name, weight->rank, weight->by_rows ? ", used by rows" : "");
    matmul_weight_close(weight->products);
    weight->products = NULL;
    Status status = matmul_weight_open(&weight->products, (int)weight->shape[0],
                                       (int)weight->shape[1], precision);
    return status == STATUS_OK ? status : status_prefix(status, "parameter '%s'", weight->name);
}

void parameter_touch_rows(Parameter *table, const int32_t *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        /* A row outside is refused by the layer that looks it up; here it must not do harm. */
        if (rows[i] < 0 || (size_t)rows[i] >= table->shape[0] || table->touched[rows[i]]) continue;
        table->touched[rows[i]] = 1;
        table->rows[table->row_count++] = (uint32_t)rows[i];
    }
}

void parameter_sort_rows(Parameter *table) {
    size_t found = 0, total = table->shape[0];
    for (size_t row = 0; row < total && found < table->row_count;) {
        uint64_t eight = 0;
        if (row + 8 <= total) memcpy(&eight, table->touched + row, 8);
        if (row + 8 <= total && eight == 0) {
            row += 8;
            continue;
        }
        if (table->touched[row]) table->rows[found++] = (uint32_t)row;
        row++;
    }
}

Parameter *parameters_find(const ParameterSet *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->item[i]->name, name) == 0) return set->item[i];
    return NULL;
}

size_t parameters_count(const ParameterSet *set) {
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) count += set->item[i]->count;
    return count;
}

Status parameters_changed(ParameterSet *set) {
    for (size_t i = 0; i < set->count; i++)
        if (set->item[i]->products) {
            Status status = matmul_weight_set(set->item[i]->products, set->item[i]->value);
            if (status != STATUS_OK)
                return status_prefix(status, "parameter '%s'", set->item[i]->name);
        }
    return STATUS_OK;
}

void parameters_clear_gradients(ParameterSet *set) {
    for (size_t i = 0; i < set->count; i++) {
        Parameter *p = set->item[i];
        p->has_gradient = 0;
        if (!p->by_rows) continue;
        size_t width = p->shape[1];
#pragma omp parallel for schedule(static) if (p->row_count * width >= THREADS_MINIMUM)
        for (size_t r = 0; r < p->row_count; r++) {
            memset(p->gradient + p->rows[r] * width, 0, width * sizeof(float));
            p->touched[p->rows[r]] = 0;
        }
        p->row_count = 0;
    }
}

void parameters_close(ParameterSet *set) {
    for (size_t i = 0; i < set->count; i++) matmul_weight_close(set->item[i]->products);
    arena_close(&set->arena);
    *set = (ParameterSet){0};
}
