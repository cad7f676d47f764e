/* What must hold exactly, whatever the numbers: the future does not reach the past, a sequence does
 * not see its neighbours in a batch, the same call gives the same bits; and what must hold to
 * rounding: symmetries of the mathematics. */
#include "base/rng.h"
#include "base/threads.h"
#include "op/mirror.h"
#include "op/reference.h"
#include "property/attention.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMMETRY_NMSE 1e-10 /* two float computations of one value, each 1e-10 from it at most */

/* clang-format off */
static const OpShape leak_shapes[] = {
    {"leak_ragged", 0, LAYOUT_GAPPED, VALUES_NORMAL, .7, 2, 20, 24, 3, {97, 66, 1}, {0}, 0},
    {"leak_long",   0, LAYOUT_FUSED,  VALUES_NORMAL, .7, 1, 64, 64, 1, {262}, {0}, 0},
};
/* clang-format on */

static int count_of(const OpShape *list, size_t bytes) {
    return (int)(bytes / sizeof *list);
}

/* --- the future ------------------------------------------------------------------------------- */

typedef enum { CHANGE_RANDOM, CHANGE_HUGE, CHANGE_PEAK, CHANGES } Change;
static const char *const change_names[CHANGES] = {"random", "huge", "peak"};

/* Overwrites the rows of every sequence from `split` on. CHANGE_PEAK points keys along rows of the
 * projection, where a positive feature exp(w x - |x|^2 / 2) is largest: the change that a
 * stabiliser taken over all keys would let through. */
static void change_future(Problem *problem, TensorName name, int split, Change change) {
    const Attention *a = &problem->attention;
    uint64_t stream = rng_stream("leak") + name;
    for (int b = 0; b < a->sequences; b++)
        for (int row = a->query_offsets[b] + split; row < a->query_offsets[b + 1]; row++)
            for (int head = 0; head < a->heads; head++)
                for (int e = 0; e < a->width; e++) {
                    uint64_t index = ((uint64_t)row * a->heads + head) * a->width + e;
                    double x = rng_normal(11, stream, index);
                    if (change == CHANGE_HUGE) x = x > 0 ? 1e4 : -1e4;
                    if (change == CHANGE_PEAK && name <= TENSOR_K)
                        x = a->projection
                                ? a->projection[(size_t)(row % a->features) * a->width + e] /
                                      sqrt((double)a->scale)
                                : 8 * x;
                    *problem_element(problem, name, row, head, e) = (float)x;
                }
}

/* The first row before `split` (counted in its sequence) whose bits differ, or -1. `after` != 0
 * looks at the rows from `split` on instead. */
static int first_difference(const Problem *problem, TensorName name, const float *was,
                            const float *now, int split, int after) {
    const Attention *a = &problem->attention;
    size_t rows = problem->views[name].rows, width = a->width;
    for (int head = 0; head < a->heads; head++)
        for (int b = 0; b < a->sequences; b++)
            for (int row = a->query_offsets[b]; row < a->query_offsets[b + 1]; row++) {
                if ((row - a->query_offsets[b] >= split) != after) continue;
                size_t at = (head * rows + row) * width;
                if (memcmp(was + at, now + at, width * sizeof *was)) return row;
            }
    return -1;
}

static const int splits[] = {1, 2, 11, 12, 13, 40, 63, 64, 65, 95, 96, 97, 192, 193, 261};

/* What a case gives before anything is changed. */
typedef struct {
    float *out, *dq;
} Before;

static Before before_of(const OpVariant *variant, const OpShape *shape) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    run_forward(&problem, 1);
    run_backward(&problem);
    Before before = {problem_read_bits(&problem, TENSOR_OUT),
                     problem_read_bits(&problem, TENSOR_DQ)};
    problem_close(&problem);
    return before;
}

static void before_free(Before *before) {
    free(before->out), free(before->dq);
}

/* 1 when a change of the future moved a bit of the past. */
static int leaks(const Before *before, const OpVariant *variant, const OpShape *shape, int split,
                 Change change, char *what, size_t size) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    for (int name = TENSOR_Q; name <= (int)TENSOR_V; name++)
        change_future(&problem, name, split, change);
    /* A loss of the future, too, may not reach the queries of the past. */
    change_future(&problem, TENSOR_DOUT, split, CHANGE_RANDOM);
    run_forward(&problem, 1);
    run_backward(&problem);
    float *out = problem_read_bits(&problem, TENSOR_OUT);
    float *dq = problem_read_bits(&problem, TENSOR_DQ);
    int forward = first_difference(&problem, TENSOR_OUT, before->out, out, split, 0);
    int backward = first_difference(&problem, TENSOR_DQ, before->dq, dq, split, 0);
    int moved = first_difference(&problem, TENSOR_OUT, before->out, out, split, 1) >= 0;
    ck_assert_msg(moved, "%s: a %s change from row %d on changed nothing", variant->name,
                  change_names[change], split);
    snprintf(what, size, "%s/%s, %s change from row %d on: %s of row %d moved", variant->name,
             shape->name, change_names[change], split, forward >= 0 ? "out" : "dq",
             forward >= 0 ? forward : backward);
    free(out), free(dq);
    problem_close(&problem);
    return forward >= 0 || backward >= 0;
}

START_TEST(the_past_keeps_its_bits) {
    const OpVariant *variant = table_variant(_i);
    if (!variant->causal) return;
    for (int s = 0; s < count_of(leak_shapes, sizeof leak_shapes); s++) {
        const OpShape *shape = &leak_shapes[s];
        Before before = before_of(variant, shape);
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
            for (int change = 0; change < CHANGES && splits[i] < shape->queries[0]; change++) {
                char what[160];
                ck_assert_msg(!leaks(&before, variant, shape, splits[i], change, what, sizeof what),
                              "%s", what);
            }
        before_free(&before);
    }
}
END_TEST

/* The same test must find the leak where there is one: attention that is not causal. */
START_TEST(the_leak_test_finds_leaks) {
    const OpVariant *variant = table_variant(_i);
    char what[160];
    if (variant->causal || variant->kind == ATTENTION_VALUE) return;
    Before before = before_of(variant, &leak_shapes[0]);
    ck_assert_msg(leaks(&before, variant, &leak_shapes[0], 40, CHANGE_RANDOM, what, sizeof what),
                  "%s sees all keys, yet nothing moved", variant->name);
    before_free(&before);
}
END_TEST

/* A loss on rows before `split` cannot depend on later keys and values: their gradients are 0, not
 * merely small. And what the earlier ones receive does not depend on what the later ones hold. */
START_TEST(no_gradient_reaches_the_future) {
    const OpVariant *variant = table_variant(_i);
    if (!variant->causal) return;
    for (int s = 0; s < count_of(leak_shapes, sizeof leak_shapes); s++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i += 2) {
            const OpShape *shape = &leak_shapes[s];
            if (splits[i] >= shape->queries[0]) continue;
            Problem problem;
            problem_open(&problem, variant, shape, 0);
            const Attention *a = &problem.attention;
            for (int b = 0; b < a->sequences; b++)
                for (int row = a->query_offsets[b] + splits[i]; row < a->query_offsets[b + 1];
                     row++)
                    for (int head = 0; head < a->heads; head++)
                        for (int e = 0; e < a->width; e++)
                            *problem_element(&problem, TENSOR_DOUT, row, head, e) = 0;
            run_forward(&problem, 1);
            run_backward(&problem);
            for (int name = TENSOR_DQ; name <= (int)TENSOR_DV; name++)
                for (int b = 0; b < a->sequences; b++)
                    for (int row = a->query_offsets[b] + splits[i]; row < a->query_offsets[b + 1];
                         row++)
                        for (int head = 0; head < a->heads; head++)
                            for (int e = 0; e < a->width; e++) {
                                float g = *problem_element(&problem, name, row, head, e);
                                if (g != 0) /* NaN too */
                                    ck_abort_msg("%s/%s: gradient %g at row %d; the loss ends at "
                                                 "row %d of each sequence",
                                                 variant->name, shape->name, (double)g, row,
                                                 splits[i]);
                            }
            double *before[3], *after[3];
            for (int which = 0; which < 3; which++)
                before[which] = problem_read(&problem, TENSOR_DQ + which);
            for (int name = TENSOR_Q; name <= (int)TENSOR_V; name++)
                change_future(&problem, name, splits[i], CHANGE_RANDOM);
            run_forward(&problem, 1);
            run_backward(&problem);
            for (int which = 0; which < 3; which++) {
                after[which] = problem_read(&problem, TENSOR_DQ + which);
                double nmse = reference_nmse(after[which], before[which],
                                             problem_count(&problem, TENSOR_DQ + which));
                ck_assert_msg(nmse <= 1e-12, "%s/%s split %d: gradient %d moved, NMSE %g",
                              variant->name, shape->name, splits[i], which, nmse);
                free(before[which]), free(after[which]);
            }
            problem_close(&problem);
        }
}
END_TEST

/* --- the same bits ---------------------------------------------------------------------------- */

typedef struct {
    float *bits[5];
    size_t count[5];
} Results;

static const TensorName result_names[5] = {TENSOR_OUT, TENSOR_DQ, TENSOR_DK, TENSOR_DV,
                                           TENSOR_DBIAS};

static Results results_of(Problem *problem) {
    Results results;
    run_forward(problem, 1);
    run_backward(problem);
    for (int i = 0; i < 5; i++) {
        results.bits[i] = problem_read_bits(problem, result_names[i]);
        results.count[i] = problem_count(problem, result_names[i]);
    }
    return results;
}

static void results_free(Results *results) {
    for (int i = 0; i < 5; i++) free(results->bits[i]);
}

static int results_differ(const Results *a, const Results *b) {
    for (int i = 0; i < 5; i++)
        if (memcmp(a->bits[i], b->bits[i], a->count[i] * sizeof(float))) return 1;
    return 0;
}

START_TEST(the_same_call_gives_the_same_bits) {
    const OpVariant *variant = table_variant(_i);
    for (int threads = 1; threads <= 3; threads++) {
        threads_set(threads);
        Problem problem;
        problem_open(&problem, variant, &batch_shape, 0);
        Results first = results_of(&problem);
        for (int again = 0; again < 3; again++) {
            Results now = results_of(&problem);
            ck_assert_msg(!results_differ(&first, &now), "%s, %d threads: run %d differs",
                          variant->name, threads, again + 2);
            results_free(&now);
        }
        results_free(&first);
        problem_close(&problem);
    }
}
END_TEST

START_TEST(saving_changes_no_bit) {
    const OpVariant *variant = table_variant(_i);
    for (int s = 0; s < LAYOUTS; s++) {
        Problem problem;
        if (layouts[s].cross && (variant->causal || variant->kind == ATTENTION_VALUE)) continue;
        problem_open(&problem, variant, &layouts[s], 0);
        run_forward(&problem, 1);
        float *saved = problem_read_bits(&problem, TENSOR_OUT);
        run_forward(&problem, 0);
        float *unsaved = problem_read_bits(&problem, TENSOR_OUT);
        ck_assert_msg(!memcmp(saved, unsaved, problem_count(&problem, TENSOR_OUT) * sizeof *saved),
                      "%s/%s: out depends on whether something is saved", variant->name,
                      layouts[s].name);
        free(saved), free(unsaved);
        problem_close(&problem);
    }
}
END_TEST

/* A sequence alone, or with neighbours before and after it: the same bits. */
START_TEST(a_sequence_does_not_see_its_neighbours) {
    const OpVariant *variant = table_variant(_i);
    if (variant->dropout > 0) return; /* its mask depends on the place in the batch */
    for (int threads = 1; threads <= 2; threads++) {
        threads_set(threads);
        Problem batch;
        problem_open(&batch, variant, &batch_shape, 0);
        Results together = results_of(&batch);
        for (int b = 0; b < batch_shape.sequences; b++) {
            OpShape one = batch_shape;
            one.sequences = 1, one.queries[0] = batch_shape.queries[b];
            int first = batch.query_offsets[b], rows = one.queries[0];
            Problem alone;
            problem_open(&alone, variant, &one, 0);
            if (variant->relative) { /* distances weigh what they weigh in the batch */
                alone.attention.relative_bias = batch.attention.relative_bias;
                alone.attention.relative_span = batch.attention.relative_span;
                alone.attention.relative_bias_gradient = NULL;
            }
            for (int name = TENSOR_Q; name <= (int)TENSOR_DOUT; name++)
                for (int row = 0; row < rows; row++)
                    for (int head = 0; head < one.heads; head++)
                        memcpy(problem_element(&alone, name, row, head, 0),
                               problem_element(&batch, name, first + row, head, 0),
                               one.width * sizeof(float));
            run_forward(&alone, 1);
            run_backward(&alone);
            for (int i = 0; i < 4; i++)
                for (int row = 0; row < rows; row++)
                    for (int head = 0; head < one.heads; head++)
                        if (memcmp(problem_element(&alone, result_names[i], row, head, 0),
                                   problem_element(&batch, result_names[i], first + row, head, 0),
                                   one.width * sizeof(float)))
                            ck_abort_msg("%s, %d threads: row %d of sequence %d (%d rows): tensor "
                                         "%d of {out, dq, dk, dv} has other bits alone than in the "
                                         "batch",
                                         variant->name, threads, row, b, rows, i);
            problem_close(&alone);
        }
        results_free(&together);
        problem_close(&batch);
    }
}
END_TEST

/* --- a GPU's operations, emulated ------------------------------------------------------------- */

/* The kernel kinds, whose stabilisers and chunks are where the future could come in; what the
 * softmax kinds do is too slow here. */
START_TEST(a_gpu_keeps_the_past_too) {
    static const int some[] = {13, 64, 65, 97, 193};
    const OpVariant *variant = table_variant(_i);
    if (!table_is_kernel(variant) || !(tested = mirror_cuda())) return;
    for (int s = 0; s < count_of(leak_shapes, sizeof leak_shapes); s++) {
        const OpShape *shape = &leak_shapes[s];
        Before before = before_of(variant, shape);
        for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
            char what[160];
            if (some[i] >= shape->queries[0]) continue;
            const Change change = (Change)((i + 2 * (size_t)s) % CHANGES);
            const int leak = leaks(&before, variant, shape, some[i], change, what, sizeof what);
            if (variant->causal)
                ck_assert_msg(!leak, "%s", what);
            else
                ck_assert_msg(leak, "%s sees all keys, yet nothing moved", variant->name);
        }
        before_free(&before);
    }
}
END_TEST

START_TEST(a_gpu_gives_the_same_bits_again) {
    const OpVariant *variant = table_variant(_i);
    if (!table_is_kernel(variant) || !(tested = mirror_cuda())) return;
    Problem problem;
    problem_open(&problem, variant, &batch_shape, 0);
    Results first = results_of(&problem), again = results_of(&problem);
    ck_assert_msg(!results_differ(&first, &again), "%s: the second run differs", variant->name);
    run_forward(&problem, 0);
    float *unsaved = problem_read_bits(&problem, TENSOR_OUT);
    ck_assert_msg(!memcmp(first.bits[0], unsaved, first.count[0] * sizeof *unsaved),
                  "%s: out depends on whether something is saved", variant->name);
    free(unsaved);
    results_free(&first), results_free(&again);
    problem_close(&problem);
}
END_TEST

/* --- symmetries ------------------------------------------------------------------------------- */

static void expect_close(const Problem *problem, const char *what, const double *ours,
                         const double *truth, size_t count) {
    double nmse = reference_nmse(ours, truth, count);
    ck_assert_msg(nmse <= SYMMETRY_NMSE, "%s/%s: %s: NMSE %g", problem->variant->name,
                  problem->shape->name, what, nmse);
}

/* Swaps rows of one sequence: row i of the first n gets what row n-1-i had. */
static void reverse_rows(Problem *problem, TensorName name, int first, int rows) {
    for (int head = 0; head < problem->attention.heads; head++)
        for (int i = 0; i < rows / 2; i++)
            for (int e = 0; e < problem->attention.width; e++) {
                float *a = problem_element(problem, name, first + i, head, e);
                float *b = problem_element(problem, name, first + rows - 1 - i, head, e);
                float swap = *a;
                *a = *b, *b = swap;
            }
}

/* Without a mask, attention sees a set of keys: their order is not an input. */
START_TEST(keys_are_a_set) {
    const OpVariant *variant = table_variant(_i);
    if (variant->causal || variant->kind == ATTENTION_VALUE || !table_is_plain(variant)) return;
    static const OpShape shape = {"set", 0,  LAYOUT_ROWS, VALUES_NORMAL, .7,        2,
                                  20,    24, 2,           {30, 67},      {140, 13}, 1};
    Problem problem;
    problem_open(&problem, variant, &shape, 0);
    run_forward(&problem, 1);
    run_backward(&problem);
    double *before[4], *after[4];
    for (int i = 0; i < 4; i++) before[i] = problem_read(&problem, result_names[i]);
    for (int b = 0; b < shape.sequences; b++) {
        reverse_rows(&problem, TENSOR_K, problem.key_offsets[b], shape.keys[b]);
        reverse_rows(&problem, TENSOR_V, problem.key_offsets[b], shape.keys[b]);
    }
    run_forward(&problem, 1);
    run_backward(&problem);
    for (int b = 0; b < shape.sequences; b++) {
        reverse_rows(&problem, TENSOR_DK, problem.key_offsets[b], shape.keys[b]);
        reverse_rows(&problem, TENSOR_DV, problem.key_offsets[b], shape.keys[b]);
    }
    static const char *const names[4] = {"out", "dq", "dk", "dv"};
    for (int i = 0; i < 4; i++) {
        after[i] = problem_read(&problem, result_names[i]);
        expect_close(&problem, names[i], after[i], before[i],
                     problem_count(&problem, result_names[i]));
        free(before[i]), free(after[i]);
    }
    problem_close(&problem);
}
END_TEST

/* Adding one vector to every key adds q c to every score of a row, which softmax does not see. */
START_TEST(softmax_ignores_a_shift_of_scores) {
    const OpVariant *variant = table_variant(_i);
    if (variant->kind != ATTENTION_MATERIALISED && variant->kind != ATTENTION_TILED) return;
    Problem problem;
    problem_open(&problem, variant, &batch_shape, 0);
    run_forward(&problem, 0);
    double *before = problem_read(&problem, TENSOR_OUT);
    for (int row = 0; row < problem.views[TENSOR_K].rows; row++)
        for (int head = 0; head < batch_shape.heads; head++)
            for (int e = 0; e < batch_shape.width; e++)
                *problem_element(&problem, TENSOR_K, row, head, e) +=
                    (float)(3 * rng_normal(5, rng_stream("shift"), (uint64_t)e));
    run_forward(&problem, 0);
    double *after = problem_read(&problem, TENSOR_OUT);
    expect_close(&problem, "a shift of all scores", after, before,
                 problem_count(&problem, TENSOR_OUT));
    free(before), free(after);
    problem_close(&problem);
}
END_TEST

/* Weights of a row sum to one: a constant V comes back. */
START_TEST(weights_sum_to_one) {
    const OpVariant *variant = table_variant(_i);
    if (variant->dropout > 0) return; /* they do so on average only */
    Problem problem;
    problem_open(&problem, variant, &batch_shape, 0);
    for (int row = 0; row < problem.views[TENSOR_V].rows; row++)
        for (int head = 0; head < batch_shape.heads; head++)
            for (int e = 0; e < batch_shape.width; e++)
                *problem_element(&problem, TENSOR_V, row, head, e) = (float)(e + 1);
    run_forward(&problem, 0);
    for (int row = 0; row < problem.views[TENSOR_OUT].rows; row++)
        for (int head = 0; head < batch_shape.heads; head++)
            for (int e = 0; e < batch_shape.width; e++) {
                double x = *problem_element(&problem, TENSOR_OUT, row, head, e);
                if (!(fabs(x - (e + 1)) <= 1e-5 * (e + 1)))
                    ck_abort_msg("%s: row %d: %g, expected %d", variant->name, row, x, e + 1);
            }
    problem_close(&problem);
}
END_TEST

Suite *suite_leak(void) {
    Suite *suite = suite_create("leak");
    const struct {
        const char *name;
        const TTest *tests[4]; /* NULL ends the list */
    } cases[] = {
        {"the future",
         {the_past_keeps_its_bits, the_leak_test_finds_leaks, no_gradient_reaches_the_future,
          NULL}},
        {"the same bits",
         {the_same_call_gives_the_same_bits, saving_changes_no_bit,
          a_sequence_does_not_see_its_neighbours, NULL}},
        {"a GPU", {a_gpu_keeps_the_past_too, a_gpu_gives_the_same_bits_again, NULL}},
        {"symmetries",
         {keys_are_a_set, softmax_ignores_a_shift_of_scores, weights_sum_to_one, NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TCase *tcase = tcase_create(cases[i].name);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 300);
        for (int j = 0; cases[i].tests[j]; j++)
            tcase_add_loop_test(tcase, cases[i].tests[j], 0, table_variants());
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
