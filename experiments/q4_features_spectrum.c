#include "q4_features_spectrum.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>

Status features_singular_values(double *matrix, int size, double *singular) {
    lapack_int info =
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', size, size, matrix, size, singular, NULL, 1, NULL, 1);
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return status_fail(STATUS_MEMORY, "singular values of a %d x %d matrix: no memory", size,
                           size);
    if (info < 0)
        return status_fail(STATUS_ARGUMENT,
                           "singular values of a %d x %d matrix: it holds a value that is not a "
                           "number (dgesdd argument %d)",
                           size, size, (int)-info);
    if (info > 0)
        return status_fail(STATUS_UNSUPPORTED,
                           "singular values of a %d x %d matrix: dgesdd did not converge", size,
                           size);
    return STATUS_OK;
}

double features_tolerance(const double *singular, int size) {
    return size * DBL_EPSILON * singular[0];
}

int features_rank(const double *singular, int size, double tolerance) {
    int rank = 0;
    while (rank < size && singular[rank] > tolerance) rank++;
    return rank;
}

/* The sum of squares from `first` on, smallest first so that small ones are not lost. */
static double energy_from(const double *singular, int size, int first) {
    double sum = 0;
    for (int i = size - 1; i >= first; i--) sum += singular[i] * singular[i];
    return sum;
}

int features_energy_rank(const double *singular, int size, double share) {
    double total = energy_from(singular, size, 0), tail = 0;
    int rank = size;
    while (rank > 0) {
        tail += singular[rank - 1] * singular[rank - 1];
        if (tail > (1 - share) * total) break;
        rank--;
    }
    return rank;
}

double features_best_error(const double *singular, int size, int rank) {
    double total = energy_from(singular, size, 0);
    return total > 0 ? sqrt(energy_from(singular, size, rank) / total) : 0;
}
