#include "op/projection.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

static double dot(const double *a, const double *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* Orthonormalises the rows of block [width, width]: the QR factorisation of its transpose, by
 * Gram-Schmidt. It makes the diagonal of R positive by construction, which is the sign choice that
 * turns a normal block into a Haar-distributed Q (Mezzadri, "How to generate random matrices from
 * the classical compact groups", 2007). The second pass brings the rows' products to rounding
 * (Giraud et al. 2005). Written out, not left to LAPACK, so that W has the same bits for any
 * number of threads and any BLAS. */
static void orthonormalise_rows(double *block, int width) {
    for (int i = 0; i < width; i++) {
        double *row = block + (size_t)i * width;
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < i; j++) {
                const double *earlier = block + (size_t)j * width;
                double overlap = dot(row, earlier, width);
                for (int e = 0; e < width; e++) row[e] -= overlap * earlier[e];
            }
            double norm = sqrt(dot(row, row, width));
            for (int e = 0; e < width; e++) row[e] /= norm;
        }
    }
}

/* The norm of a fresh normal row: chi(width), independent of the row's direction. */
static double chi_norm(int width, uint64_t seed, uint64_t stream, uint64_t row) {
    double sum = 0;
    for (int e = 0; e < width; e++) {
        double z = rng_normal(seed, stream, row * (uint64_t)width + (uint64_t)e);
        sum += z * z;
    }
    return sqrt(sum);
}

Status projection_draw(float *w, int features, int width, ProjectionKind kind, uint64_t seed,
                       uint64_t stream) {
    if (features < 1 || width < 1)
        return status_fail(STATUS_ARGUMENT,
                           "projection: a matrix needs at least one row and one column, found "
                           "%d features of width %d",
                           features, width);
    if (kind == PROJECTION_IID) {
        rng_fill_normal(w, (size_t)features * (size_t)width, seed, stream);
        return STATUS_OK;
    }
    if (kind != PROJECTION_ORTHOGONAL)
        return status_fail(STATUS_ARGUMENT, "projection: unknown kind %d", (int)kind);

    size_t block_size = (size_t)width * (size_t)width;
    double *block = malloc(block_size * sizeof *block);
    if (!block)
        return status_fail(STATUS_MEMORY, "projection: no memory for a block of %d x %d", width,
                           width);
    uint64_t norms = stream ^ rng_stream("projection.norms");
    for (int first = 0; first < features; first += width) {
        uint64_t offset = (uint64_t)(first / width) * block_size;
        for (size_t i = 0; i < block_size; i++) block[i] = rng_normal(seed, stream, offset + i);
        orthonormalise_rows(block, width);
        /* The cut block is drawn whole, so that fewer features are a prefix of more. */
        for (int i = 0; i < width && first + i < features; i++) {
            double norm = chi_norm(width, seed, norms, (uint64_t)(first + i));
            for (int e = 0; e < width; e++)
                w[(size_t)(first + i) * (size_t)width + (size_t)e] =
                    (float)(norm * block[(size_t)i * (size_t)width + (size_t)e]);
        }
    }
    free(block);
    return STATUS_OK;
}
