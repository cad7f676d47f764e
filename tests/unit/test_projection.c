#include "base/rng.h"
#include "op/projection.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_projection(void);

enum { SEED = 7 };

static float *draw(int features, int width, ProjectionKind kind, uint64_t seed, uint64_t stream) {
    float *w = malloc((size_t)features * (size_t)width * sizeof *w);
    ck_assert_ptr_nonnull(w);
    ck_assert_int_eq(projection_draw(w, features, width, kind, seed, stream), STATUS_OK);
    return w;
}

static double rows_dot(const float *w, int width, int i, int j) {
    double sum = 0;
    for (int e = 0; e < width; e++)
        sum += (double)w[(size_t)i * width + e] * w[(size_t)j * width + e];
    return sum;
}

/* Widths that are a power of two, odd, and one; the last block is cut in most of them. */
static const struct {
    int features, width;
} shapes[] = {{64, 64}, {256, 64}, {37, 16}, {5, 8}, {23, 7}, {4, 1}, {130, 128}};

START_TEST(rows_of_a_block_are_orthogonal) {
    int features = shapes[_i].features, width = shapes[_i].width;
    float *w = draw(features, width, PROJECTION_ORTHOGONAL, SEED, 1);
    for (int i = 0; i < features; i++) {
        for (int j = i + 1; j < features && j / width == i / width; j++) {
            double cosine = rows_dot(w, width, i, j) /
                            sqrt(rows_dot(w, width, i, i) * rows_dot(w, width, j, j));
            /* Rounding to float leaves about 1e-7 / sqrt(width). */
            ck_assert_double_lt(fabs(cosine), 3e-7);
        }
    }
    free(w);
}
END_TEST

START_TEST(blocks_and_iid_rows_are_not_orthogonal) {
    enum { WIDTH = 16, ROWS = 32 };
    for (int kind = 0; kind < 2; kind++) {
        float *w = draw(ROWS, WIDTH, (ProjectionKind)kind, SEED, 2);
        double sum = 0;
        for (int i = 0; i < WIDTH; i++)
            for (int j = WIDTH; j < ROWS; j++) {
                double product = rows_dot(w, WIDTH, i, j);
                sum += product * product;
            }
        /* E (w'v)^2 = width for independent normal rows. */
        double mean = sum / (WIDTH * WIDTH) / WIDTH;
        ck_assert_double_gt(mean, 0.6);
        ck_assert_double_lt(mean, 1.4);
        free(w);
    }
}
END_TEST

/* Squared norms must be chi-square with `width` degrees: mean width, variance 2 width. */
START_TEST(row_norms_are_chi) {
    enum { WIDTH = 16, ROWS = 20000 };
    for (int kind = 0; kind < 2; kind++) {
        float *w = draw(ROWS, WIDTH, (ProjectionKind)kind, SEED, 3);
        double sum = 0, squares = 0, cubes = 0, neighbours = 0, before = 0;
        for (int i = 0; i < ROWS; i++) {
            double centred = (rows_dot(w, WIDTH, i, i) - WIDTH) / sqrt(2.0 * WIDTH);
            sum += centred;
            squares += centred * centred;
            cubes += centred * centred * centred;
            neighbours += centred * before;
            before = centred;
        }
        /* Five standard errors: 1/sqrt(n) of the mean; the variance's holds the kurtosis 3+12/w. */
        ck_assert_double_lt(fabs(sum / ROWS), 5 / sqrt(ROWS));
        ck_assert_double_lt(fabs(squares / ROWS - 1), 5 * sqrt((2 + 12.0 / WIDTH) / ROWS));
        ck_assert_double_lt(fabs(cubes / ROWS - sqrt(8.0 / WIDTH)), 5 * sqrt(40.0 / ROWS));
        /* Norms of one block are independent of each other. */
        ck_assert_double_lt(fabs(neighbours / ROWS), 5 / sqrt(ROWS));
        free(w);
    }
}
END_TEST

/* Every row is normal marginally: moments of single entries and of entries along a direction,
 * which a wrong sign convention of QR or a missing norm would spoil. */
START_TEST(rows_are_normal_marginally) {
    enum { WIDTH = 4, ROWS = 40000 };
    static const double directions[3][WIDTH] = {{1, 0, 0, 0}, {0, 0, 0, 1}, {0.5, -0.5, 0.5, 0.5}};
    for (int kind = 0; kind < 2; kind++) {
        float *w = draw(ROWS, WIDTH, (ProjectionKind)kind, SEED, 4);
        for (int d = 0; d < 3; d++) {
            /* First rows of the blocks and last rows apart: a QR without the sign fix has a
             * first row of one sign and passes when all are thrown together. */
            for (int place = 0; place < WIDTH; place += WIDTH - 1) {
                double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
                int count = 0;
                for (int i = place; i < ROWS; i += WIDTH, count++) {
                    double z = 0;
                    for (int e = 0; e < WIDTH; e++) z += directions[d][e] * w[i * WIDTH + e];
                    m1 += z, m2 += z * z, m3 += z * z * z, m4 += z * z * z * z;
                }
                double error = 5 / sqrt(count);
                ck_assert_double_lt(fabs(m1 / count), error);
                ck_assert_double_lt(fabs(m2 / count - 1), error * sqrt(2));
                ck_assert_double_lt(fabs(m3 / count), error * sqrt(15));
                ck_assert_double_lt(fabs(m4 / count - 3), error * sqrt(96));
            }
        }
        free(w);
    }
}
END_TEST

START_TEST(drawing_is_a_pure_function) {
    for (int kind = 0; kind < 2; kind++) {
        float *a = draw(37, 16, (ProjectionKind)kind, SEED, 5);
        float *same = draw(37, 16, (ProjectionKind)kind, SEED, 5);
        float *seeded = draw(37, 16, (ProjectionKind)kind, SEED + 1, 5);
        float *streamed = draw(37, 16, (ProjectionKind)kind, SEED, 6);
        float *more = draw(100, 16, (ProjectionKind)kind, SEED, 5);
        size_t bytes = 37 * 16 * sizeof *a;
        ck_assert_mem_eq(a, same, bytes);
        ck_assert_mem_ne(a, seeded, bytes);
        ck_assert_mem_ne(a, streamed, bytes);
        /* Fewer features are the first rows of more: also where the last block is cut. */
        ck_assert_mem_eq(a, more, bytes);
        free(a), free(same), free(seeded), free(streamed), free(more);
    }
}
END_TEST

START_TEST(nothing_is_written_past_the_end) {
    float w[5 * 8 + 1];
    w[5 * 8] = 42;
    for (int kind = 0; kind < 2; kind++) {
        ck_assert_int_eq(projection_draw(w, 5, 8, (ProjectionKind)kind, SEED, 8), STATUS_OK);
        ck_assert_float_eq(w[5 * 8], 42);
    }
}
END_TEST

START_TEST(impossible_shapes_are_refused) {
    float w[4] = {0};
    ck_assert_int_eq(projection_draw(w, 0, 4, PROJECTION_IID, SEED, 1), STATUS_ARGUMENT);
    ck_assert_int_eq(projection_draw(w, 1, 0, PROJECTION_ORTHOGONAL, SEED, 1), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "width 0"));
    ck_assert_int_eq(projection_draw(w, 1, 4, (ProjectionKind)9, SEED, 1), STATUS_ARGUMENT);
}
END_TEST

Suite *suite_projection(void) {
    Suite *suite = suite_create("projection");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, rows_of_a_block_are_orthogonal, 0,
                        (int)(sizeof shapes / sizeof *shapes));
    tcase_add_test(tests, blocks_and_iid_rows_are_not_orthogonal);
    tcase_add_test(tests, row_norms_are_chi);
    tcase_add_test(tests, rows_are_normal_marginally);
    tcase_add_test(tests, drawing_is_a_pure_function);
    tcase_add_test(tests, nothing_is_written_past_the_end);
    tcase_add_test(tests, impossible_shapes_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
