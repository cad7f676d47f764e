/* Every case of the table, on a device, against the double-precision reference: values and
 * gradients; the reference against differences and values worked out by hand; and the device's
 * GEMM. */
#define _GNU_SOURCE
#include "base/arena.h"
#include "base/rng.h"
#include "op/op.h"
#include "op/mirror.h"
#include "op/problem.h"
#include "op/reference.h"
#include "op/table.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_NMSE           1e-10
#define GRADIENT_NMSE      1e-9
#define TERMS_SHARE        2e-3
#define GRADIENT_ASYMMETRY 1e-4
#define ASYMMETRY_TINY     1e-5 /* of the largest gradient: below, rounding of what cancelled */
#define DIFFERENCES_AGREE  1e-4 /* mean asymmetry of the two double references, large scores too */
#define CONDITION_AT_LEAST .3   /* of a case's quotients: else its tolerance means nothing */

static const char *const gradient_names[GRADIENTS] = {"dq", "dk", "dv", "dbias"};

static Arena arena;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)256 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

/* --- a list of failures, so that one run names every case that is wrong ----------------------- */

typedef struct {
    int count;
    char text[2048];
} Failures;

__attribute__((format(printf, 4, 5))) static void add_failure(Failures *failures,
                                                              const OpVariant *variant,
                                                              const OpShape *shape,
                                                              const char *format, ...) {
    size_t used = strlen(failures->text);
    if (++failures->count > 12) return;
    char name[128];
    table_name(variant, shape, name, sizeof name);
    used += (size_t)snprintf(failures->text + used, sizeof failures->text - used, "\n  %s: ", name);
    if (used >= sizeof failures->text) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failures->text + used, sizeof failures->text - used, format, arguments);
    va_end(arguments);
}

static void report(const Failures *failures) {
    ck_assert_msg(failures->count == 0, "%d cases are wrong:%s", failures->count, failures->text);
}

/* --- the device against the reference --------------------------------------------------------- */

static void compare_out(const Problem *problem, Failures *failures) {
    double *ours = problem_read(problem, TENSOR_OUT), *truth = problem_reference_out(problem);
    double nmse = reference_nmse(ours, truth, problem_count(problem, TENSOR_OUT));
    if (!(nmse <= OUT_NMSE))
        add_failure(failures, problem->variant, problem->shape,
                    "NMSE %.3g of out, at most %.0e allowed", nmse, OUT_NMSE);
    free(ours), free(truth);
}

static void check_forward(const Device *device, const OpVariant *variant, const OpShape *shape,
                          Failures *failures) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    if (problem_forward(&problem, device, 0, &arena))
        add_failure(failures, variant, shape, "forward refused: %s", status_message());
    else
        compare_out(&problem, failures);
    problem_close(&problem);
}

/* The largest of a tensor, to say what is small. */
static double largest(const double *values, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(values[i]));
    return most;
}

/* The NMSE of one gradient. Where terms cancel, as in every dq of a single key, it says nothing:
 * then sum (a-b)^2 / sum (b^2 + (share t)^2), t the terms whose sum is b. This allows an error of
 * share * sqrt(GRADIENT_NMSE) = 6e-8 of them, one float rounding each. */
static double gradient_nmse(const Problem *problem, int which, const double *ours,
                            const double *truth) {
    size_t count = problem_count(problem, problem_gradient_names[which]);
    double nmse = reference_nmse(ours, truth, count), error = 0, power = 0, *terms[GRADIENTS];
    if (nmse <= GRADIENT_NMSE) return nmse;
    problem_reference_gradients(problem, reference_terms, terms);
    for (size_t i = 0; i < count; i++) {
        double t = TERMS_SHARE * terms[which][i];
        error += (ours[i] - truth[i]) * (ours[i] - truth[i]);
        power += truth[i] * truth[i] + t * t;
    }
    for (int i = 0; i < GRADIENTS; i++) free(terms[i]);
    return isnan(error) || !(power > 0) ? INFINITY : error / power;
}

/* Forward, then backward; 0 after adding a failure. */
static int run_both(Problem *problem, const Device *device, Failures *failures) {
    if (problem_forward(problem, device, 1, &arena) || problem_backward(problem, device, &arena)) {
        add_failure(failures, problem->variant, problem->shape, "refused: %s", status_message());
        return 0;
    }
    return 1;
}

static void compare_gradients(const Problem *problem, Failures *failures) {
    double *truth[GRADIENTS];
    problem_reference_gradients(problem, reference_backward, truth);
    for (int which = 0; which < GRADIENTS; which++) {
        double *ours = problem_read(problem, problem_gradient_names[which]);
        double nmse = gradient_nmse(problem, which, ours, truth[which]);
        if (!(nmse <= GRADIENT_NMSE))
            add_failure(failures, problem->variant, problem->shape,
                        "NMSE %.3g of %s, at most %.0e allowed", nmse, gradient_names[which],
                        GRADIENT_NMSE);
        free(ours), free(truth[which]);
    }
}

static void check_backward(const Device *device, const OpVariant *variant, const OpShape *shape,
                           Failures *failures) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    if (run_both(&problem, device, failures)) compare_gradients(&problem, failures);
    problem_close(&problem);
}

static void check_both(const Device *device, const OpVariant *variant, const OpShape *shape,
                       Failures *failures) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    if (run_both(&problem, device, failures)) {
        compare_out(&problem, failures);
        compare_gradients(&problem, failures);
    }
    problem_close(&problem);
}

static void check_differences(const Device *device, const OpVariant *variant, const OpShape *shape,
                              Failures *failures) {
    Problem problem;
    problem_open(&problem, variant, shape, 0);
    if (run_both(&problem, device, failures)) {
        double *truth[GRADIENTS], most = 0;
        problem_reference_gradients(&problem, reference_differences, truth);
        for (int which = 0; which < GRADIENTS; which++)
            most = fmax(most, largest(truth[which],
                                      problem_count(&problem, problem_gradient_names[which])));
        for (int which = 0; which < GRADIENTS; which++) {
            double *ours = problem_read(&problem, problem_gradient_names[which]);
            double asymmetry = reference_asymmetry(
                ours, truth[which], problem_count(&problem, problem_gradient_names[which]),
                ASYMMETRY_TINY * most);
            if (!(asymmetry <= GRADIENT_ASYMMETRY))
                add_failure(failures, variant, shape,
                            "mean asymmetry %.3g of %s, at most %.0e allowed", asymmetry,
                            gradient_names[which], GRADIENT_ASYMMETRY);
            free(ours), free(truth[which]);
        }
    }
    problem_close(&problem);
}

typedef void CaseCheck(const Device *, const OpVariant *, const OpShape *, Failures *);

/* Every step-th shape from `first` on. */
static void each_shape(CaseCheck *check, const Device *device, int variant, int uses, int first,
                       int step) {
    Failures failures = {0};
    for (int s = first; s < table_shapes(); s += step)
        if (table_holds(table_variant(variant), table_shape(s), uses))
            check(device, table_variant(variant), table_shape(s), &failures);
    report(&failures);
}

START_TEST(forward_agrees_with_the_reference) {
    each_shape(check_forward, device_cpu(), _i, USE_AGREEMENT, 0, 1);
}
END_TEST

START_TEST(backward_agrees_with_the_reference) {
    each_shape(check_backward, device_cpu(), _i, USE_BACKWARD, 0, 1);
}
END_TEST

START_TEST(backward_agrees_with_differences) {
    each_shape(check_differences, device_cpu(), _i, USE_DIFFERENCES, 0, 1);
}
END_TEST

/* A GPU's operations, emulated (op/mirror.h). */
START_TEST(cuda_agrees_with_the_reference) {
    const Device *cuda = mirror_cuda();
    if (!cuda) return; /* test_cuda says so */
    each_shape(check_both, cuda, _i, USE_AGREEMENT | USE_BACKWARD, 0, 1);
}
END_TEST

/* The device chooses its loops once a process, so each narrower set needs a process of its own:
 * Check forks one for every test unless CK_FORK=no. They are the same source: each has half of
 * the shapes of a variant, the other set the other half; under sanitizers a quarter. */
static const char *const narrower[] = {"baseline", "avx2"};
#ifdef __SANITIZE_ADDRESS__
enum { NARROWER_STEP = 4 };
#else
enum { NARROWER_STEP = 2 };
#endif

START_TEST(narrower_instruction_sets_agree_too) {
    const char *fork = getenv("CK_FORK");
    if (fork && strcmp(fork, "no") == 0) return;
    setenv("TAMRIN_ISA", narrower[_i], 1);
    const Device *device = device_cpu();
    if (strcmp(device_cpu_isa(), narrower[_i])) return; /* this processor has only less */
    for (int v = 0; v < table_variants(); v++)
        each_shape(check_both, device, v, USE_BACKWARD, (v + _i) % NARROWER_STEP, NARROWER_STEP);
}
END_TEST

/* --- the reference itself --------------------------------------------------------------------- */

START_TEST(reference_backward_agrees_with_differences) {
    Failures failures = {0};
    const OpVariant *variant = table_variant(_i);
    for (int s = 0; s < table_shapes(); s++) {
        if (!table_holds(variant, table_shape(s), USE_DIFFERENCES)) continue;
        Problem problem;
        problem_open(&problem, variant, table_shape(s), 0);
        double *analytic[GRADIENTS], *differences[GRADIENTS], most = 0;
        problem_reference_gradients(&problem, reference_backward, analytic);
        problem_reference_gradients(&problem, reference_differences, differences);
        for (int which = 0; which < GRADIENTS; which++)
            most = fmax(most, largest(analytic[which],
                                      problem_count(&problem, problem_gradient_names[which])));
        for (int which = 0; which < GRADIENTS; which++) {
            size_t count = problem_count(&problem, problem_gradient_names[which]);
            double asymmetry =
                reference_asymmetry(analytic[which], differences[which], count, 1e-9 * most);
            if (!(asymmetry <= DIFFERENCES_AGREE))
                add_failure(&failures, variant, table_shape(s), "mean asymmetry %.3g of %s",
                            asymmetry, gradient_names[which]);
            free(analytic[which]), free(differences[which]);
        }
        problem_close(&problem);
    }
    report(&failures);
}
END_TEST

/* Values worked out by hand: two keys with scores 0 and ln 3 weigh 1/4 and 3/4. */
START_TEST(reference_softmax_of_two_keys) {
    Attention a = {.kind = ATTENTION_TILED, .width = 1, .scale = 1};
    double q[1] = {1}, k[2] = {0, log(3)}, v[2] = {8, 16}, out[1];
    reference_forward(&a, NULL, 1, 2, q, k, v, out);
    ck_assert_double_eq_tol(out[0], 14, 1e-14);
}
END_TEST

/* phi of ELU1 at 1, 0 and -1 is 2, 1 and 1/e; of RELU with W = 2 at 1 and -1: 2 + floor, floor; one
 * positive feature exp(w k - k^2 / 2) weighs keys alike for every query. */
START_TEST(reference_kernels_by_hand) {
    float projection[1] = {2};
    double q[1] = {1}, k[3] = {1, 0, -1}, v[3] = {1, 10, 100}, out[1], f = FEATURE_RELU_FLOOR;
    Attention a = {.kind = ATTENTION_KERNEL_LINEAR, .map = FEATURE_ELU1, .width = 1, .scale = 1};
    reference_forward(&a, NULL, 1, 3, q, k, v, out);
    ck_assert_double_eq_tol(out[0], (2 + 10 + 100 * exp(-1)) / (3 + exp(-1)), 1e-12);
    a.map = FEATURE_RELU, a.features = 1, a.projection = projection;
    reference_forward(&a, NULL, 1, 3, q, k, v, out);
    ck_assert_double_eq_tol(out[0], ((2 + f) + 10 * f + 100 * f) / (2 + 3 * f), 1e-12);
    a.map = FEATURE_POSITIVE;
    double w[3] = {exp(2 - .5), 1, exp(-2 - .5)};
    reference_forward(&a, NULL, 1, 3, q, k, v, out);
    ck_assert_double_eq_tol(out[0], (w[0] + 10 * w[1] + 100 * w[2]) / (w[0] + w[1] + w[2]), 1e-12);
    a.map = FEATURE_TRIGONOMETRIC; /* cos(2q)cos(2k) + sin(2q)sin(2k) = cos(2q - 2k) */
    double t[3] = {exp(.5), cos(2), exp(.5) * cos(4)};
    reference_forward(&a, NULL, 1, 3, q, k, v, out);
    ck_assert_double_eq_tol(out[0], (t[0] + 10 * t[1] + 100 * t[2]) / (t[0] + t[1] + t[2]), 1e-12);
}
END_TEST

/* With many features both FAVOR maps approach softmax attention: the formulas estimate what they
 * are said to estimate (Choromanski et al. 2021, lemma 1). */
START_TEST(reference_features_approach_softmax) {
    enum { N = 6, E = 4, R = 20000 };
    FeatureMap maps[2] = {FEATURE_POSITIVE, FEATURE_TRIGONOMETRIC};
    float *projection = malloc(sizeof *projection * R * E);
    double q[N * E], k[N * E], v[N * E], exact[N * E], out[N * E];
    rng_fill_normal(projection, R * E, 3, rng_stream("reference projection"));
    for (int i = 0; i < N * E; i++) {
        q[i] = .7 * rng_normal(3, rng_stream("reference q"), (uint64_t)i);
        k[i] = .7 * rng_normal(3, rng_stream("reference k"), (uint64_t)i);
        v[i] = rng_normal(3, rng_stream("reference v"), (uint64_t)i);
    }
    Attention a = {.kind = ATTENTION_MATERIALISED, .width = E, .scale = .5f, .causal = _i & 1};
    reference_forward(&a, NULL, N, N, q, k, v, exact);
    a.kind = ATTENTION_KERNEL_QUADRATIC, a.map = maps[_i >> 1];
    a.features = R, a.projection = projection;
    reference_forward(&a, NULL, N, N, q, k, v, out);
    double nmse = reference_nmse(out, exact, N * E);
    ck_assert_msg(nmse < 1e-3, "NMSE %g against softmax with %d features", nmse, R);
    ck_assert_double_gt(nmse, 0);
    free(projection);
}
END_TEST

/* A quotient of sums that cancel loses digits in any arithmetic; no case may rest on one. */
START_TEST(table_is_well_conditioned) {
    Failures failures = {0};
    for (int s = 0; s < table_shapes(); s++) {
        const OpVariant *variant = table_variant(_i);
        const OpShape *shape = table_shape(s);
        if (!table_holds(variant, shape, USE_AGREEMENT)) continue;
        Problem problem;
        problem_open(&problem, variant, shape, 0);
        const Attention *a = &problem.attention;
        double *q = problem_read(&problem, TENSOR_Q), *k = problem_read(&problem, TENSOR_K);
        double worst = 1;
        for (int head = 0; head < a->heads; head++)
            for (int b = 0; b < a->sequences; b++) {
                size_t i = (size_t)head * problem.views[TENSOR_Q].rows + a->query_offsets[b];
                size_t j = (size_t)head * problem.views[TENSOR_K].rows + a->key_offsets[b];
                int keys = a->key_offsets[b + 1] - a->key_offsets[b];
                if (keys)
                    worst = fmin(
                        worst, reference_condition(a, a->query_offsets[b + 1] - a->query_offsets[b],
                                                   keys, q + i * a->width, k + j * a->width));
            }
        if (worst < CONDITION_AT_LEAST)
            add_failure(&failures, variant, shape, "condition %.3g", worst);
        free(q), free(k);
        problem_close(&problem);
    }
    report(&failures);
}
END_TEST

START_TEST(table_names_are_unique) {
    for (int i = 0; i < table_variants(); i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(table_variant(i)->name, table_variant(j)->name);
    for (int i = 0; i < table_shapes(); i++)
        for (int j = 0; j < i; j++) ck_assert_str_ne(table_shape(i)->name, table_shape(j)->name);
}
END_TEST

/* --- GEMM ------------------------------------------------------------------------------------- */

START_TEST(gemm_agrees_with_loops) {
    static const int sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {16, 1, 64}, {33, 65, 20}, {64, 96, 128}};
    const Device *device = device_cpu();
    int transpose_a = _i & 1, transpose_b = _i >> 1 & 1;
    float alpha = _i & 4 ? .5f : 1, beta = _i & 8 ? -2.f : 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        size_t lda = (size_t)(transpose_a ? m : k) + 3, ldb = (size_t)(transpose_b ? k : n) + 1;
        size_t ldc = (size_t)n + 2;
        size_t a_rows = (size_t)(transpose_a ? k : m), b_rows = (size_t)(transpose_b ? n : k);
        float *a = malloc(a_rows * lda * sizeof *a), *b = malloc(b_rows * ldb * sizeof *b);
        float *c = malloc((size_t)m * ldc * sizeof *c);
        double *truth = malloc(sizeof *truth * m * ldc), *ours = malloc(sizeof *ours * m * ldc);
        rng_fill_normal(a, a_rows * lda, s, rng_stream("gemm a"));
        rng_fill_normal(b, b_rows * ldb, s, rng_stream("gemm b"));
        rng_fill_normal(c, (size_t)m * ldc, s, rng_stream("gemm c"));
        for (size_t i = 0; i < (size_t)m; i++)
            for (size_t j = 0; j < ldc; j++) {
                double *to = truth + i * ldc + j;
                *to = c[i * ldc + j]; /* the gap after a row stays what it was */
                if (j >= (size_t)n) continue;
                *to *= beta;
                for (size_t l = 0; l < (size_t)k; l++)
                    *to += alpha * (double)(transpose_a ? a[l * lda + i] : a[i * lda + l]) *
                           (double)(transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
            }
        if (beta == 0) /* then C is not read: what it held must not matter */
            for (size_t i = 0; i < (size_t)m; i++)
                for (size_t j = 0; j < (size_t)n; j++) c[i * ldc + j] = NAN;
        ck_assert_int_eq(
            device->gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc),
            STATUS_OK);
        for (size_t i = 0; i < (size_t)m * ldc; i++) ours[i] = c[i];
        double nmse = reference_nmse(ours, truth, (size_t)m * ldc);
        ck_assert_msg(nmse <= OUT_NMSE, "%d x %d x %d: NMSE %g", m, n, k, nmse);
        free(a), free(b), free(c), free(truth), free(ours);
    }
}
END_TEST

Suite *suite_attention(void) {
    Suite *suite = suite_create("attention");
    int variants = table_variants();

    TCase *reference = tcase_create("reference");
    tcase_set_timeout(reference, 60);
    tcase_add_test(reference, table_names_are_unique);
    tcase_add_test(reference, reference_softmax_of_two_keys);
    tcase_add_test(reference, reference_kernels_by_hand);
    tcase_add_loop_test(reference, reference_features_approach_softmax, 0, 4);
    tcase_add_loop_test(reference, reference_backward_agrees_with_differences, 0, variants);
    tcase_add_loop_test(reference, table_is_well_conditioned, 0, variants);
    suite_add_tcase(suite, reference);

    TCase *device = tcase_create("device against reference");
    tcase_add_checked_fixture(device, setup, teardown);
    tcase_set_timeout(device, 120);
    tcase_add_loop_test(device, gemm_agrees_with_loops, 0, 16);
    tcase_add_loop_test(device, forward_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, backward_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, backward_agrees_with_differences, 0, variants);
    tcase_add_loop_test(device, cuda_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, narrower_instruction_sets_agree_too, 0,
                        (int)(sizeof narrower / sizeof *narrower));
    suite_add_tcase(suite, device);
    return suite;
}
