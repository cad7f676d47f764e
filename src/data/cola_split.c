/* What is drawn from a loaded CoLA file, or compared between two: hold-out and overlap. */
#include "base/rng.h"
#include "data/cola.h"
#include "data/cola_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Status cola_overlap(const ColaFile *file, const ColaFile *other, size_t *count,
                    unsigned char *marks) {
    ColaIndex index;
    STATUS_TRY(cola_index_open(&index, other->sentence, other->rows));
    *count = 0;
    for (size_t row = 0; row < file->rows; row++) {
        int found = cola_index_first(&index, file->sentence[row]) != COLA_NOWHERE;
        *count += (size_t)found;
        if (marks) marks[row] = (unsigned char)found;
    }
    cola_index_close(&index);
    return STATUS_OK;
}

/* Validation rows of which some other row with the same sentence is a training row. */
static Status count_shared(const ColaFile *file, const unsigned char *held_out, size_t *shared) {
    ColaIndex index;
    STATUS_TRY(cola_index_open(&index, file->sentence, file->rows));
    *shared = 0;
    for (size_t row = 0; row < file->rows; row++) {
        if (!held_out[row]) continue;
        uint32_t same = cola_index_first(&index, file->sentence[row]);
        while (same != COLA_NOWHERE && held_out[same]) same = index.next[same];
        *shared += same != COLA_NOWHERE;
    }
    cola_index_close(&index);
    return STATUS_OK;
}

Status cola_split(const ColaFile *file, double share, uint64_t seed, ColaSplit *out) {
    memset(out, 0, sizeof *out);
    double wanted = round(share * (double)file->rows);
    if (!(share > 0 && share < 1) || wanted < 1 || wanted >= (double)file->rows)
        return status_fail(STATUS_ARGUMENT,
                           "%s: holding out %g of %zu rows leaves one part empty; expected a share "
                           "between 0 and 1 that gives both parts a row",
                           file->path, share, file->rows);
    out->validation = (size_t)wanted;
    out->training = file->rows - out->validation;
    uint32_t *order = malloc(file->rows * sizeof *order);
    unsigned char *held_out = calloc(file->rows, 1);
    out->training_row = malloc(out->training * sizeof *out->training_row);
    out->validation_row = malloc(out->validation * sizeof *out->validation_row);
    Status status = STATUS_OK;
    if (!order || !held_out || !out->training_row || !out->validation_row) {
        status = status_fail(STATUS_MEMORY, "%s: splitting %zu rows", file->path, file->rows);
    } else {
        for (size_t i = 0; i < file->rows; i++) order[i] = (uint32_t)i;
        rng_shuffle(order, file->rows, seed, rng_stream("cola.holdout"));
        for (size_t i = 0; i < out->validation; i++) held_out[order[i]] = 1;
        size_t training = 0, validation = 0;
        for (size_t row = 0; row < file->rows; row++) {
            if (held_out[row])
                out->validation_row[validation++] = (uint32_t)row;
            else
                out->training_row[training++] = (uint32_t)row;
        }
        status = count_shared(file, held_out, &out->shared);
    }
    free(order);
    free(held_out);
    if (status != STATUS_OK) cola_split_free(out);
    return status;
}

void cola_split_free(ColaSplit *split) {
    free(split->training_row);
    free(split->validation_row);
    memset(split, 0, sizeof *split);
}
