/* q4_features_spectrum: singular values of a matrix, and the ranks that are read off them.
 *
 *     double sigma[256];
 *     STATUS_TRY(features_singular_values(matrix, 256, sigma));      // destroys the matrix
 *     int rank = features_rank(sigma, 256, features_tolerance(sigma, 256));
 */
#ifndef EXPERIMENTS_Q4_FEATURES_SPECTRUM_H
#define EXPERIMENTS_Q4_FEATURES_SPECTRUM_H

#include "base/status.h"

/* Singular values of the square matrix [size, size], largest first, in double precision (LAPACK's
 * dgesdd). The matrix is overwritten. STATUS_MEMORY, or STATUS_UNSUPPORTED without convergence. */
Status features_singular_values(double *matrix, int size, double *singular);

/* size * eps * largest: below it a singular value is rounding (the rule of LINPACK and MATLAB). */
double features_tolerance(const double *singular, int size);

/* How many singular values exceed `tolerance`. */
int features_rank(const double *singular, int size, double tolerance);

/* The fewest terms whose squares hold `share` of the sum of squares: the smallest rank that any
 * factorisation with relative Frobenius error sqrt(1 - share) can have (Eckart and Young 1936). */
int features_energy_rank(const double *singular, int size, double share);

/* The relative Frobenius error of the best approximation of rank `rank`. */
double features_best_error(const double *singular, int size, int rank);

#endif
