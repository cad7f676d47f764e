/* Products of rounded operands, on the emulated GPU or a real one: the table's softmax cases in
 * bf16 and tf32, single products, and that what is not there is refused by name. */
#include "base/rng.h"
#include "op/low.h"
#include "op/mirror.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_precision(void);

/* Of a tensor of so many numbers the root mean square error means something. */
#define NUMBERS_TO_AVERAGE 256
#define AT_MOST_NAIVE      2 /* times the naive one, as FlashAttention's own tests (of the largest) */

/* Roundings on the way from input to output: of features, of weights, of sums; and twice as much
 * each where the tensor core drops bits instead of rounding. */
#define TIMES_INPUTS 8

static Arena arena;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)64 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

/* --- single products -------------------------------------------------------------------------- */

static void draw(float *out, size_t count, const char *stream) {
    rng_fill_normal(out, count, 7, rng_stream(stream));
}

/* Every number within the bound that its terms give; bf16 products are exact in f32, so that there
 * only the sum may differ from the sum of rounded operands. */
START_TEST(gemm_rounds_its_operands) {
    enum { M = 21, N = 18, K = 37, WIDE = 41 };
    static float a[WIDE * WIDE], b[WIDE * WIDE], c[M * WIDE], was[M * WIDE];
    const Device *cuda = mirror_cuda();
    const Precision precision = _i & 8 ? PRECISION_TF32 : PRECISION_BF16;
    const int transpose_a = _i & 1, transpose_b = _i >> 1 & 1;
    const float beta = _i & 4 ? .5f : 0;
    if (!cuda) return; /* test_cuda says so */
    draw(a, WIDE * WIDE, "a");
    draw(b, WIDE * WIDE, "b");
    draw(c, M * WIDE, "c");
    memcpy(was, c, sizeof was);
    ck_assert_msg(cuda->gemm_at(precision, transpose_a, transpose_b, M, N, K, 1.5f, a, WIDE, b,
                                WIDE, beta, c, WIDE, &arena) == STATUS_OK,
                  "%s", status_message());
    double moved = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < WIDE; j++) {
            const double found = (double)c[i * WIDE + j], before = (double)was[i * WIDE + j];
            double sum = 0, low = 0, terms = 0;
            if (j >= N) {
                ck_assert_double_eq(found, before);
                continue;
            }
            for (int l = 0; l < K; l++) {
                const double x = (double)(transpose_a ? a[l * WIDE + i] : a[i * WIDE + l]);
                const double y = (double)(transpose_b ? b[j * WIDE + l] : b[l * WIDE + j]);
                sum += 1.5 * x * y;
                low += 1.5 * low_round(precision, x) * low_round(precision, y);
                terms += 1.5 * fabs(x * y);
            }
            const double rest = (double)beta * before, u = low_unit(precision);
            const double away =
                precision == PRECISION_BF16 ? fabs(found - rest - low) : fabs(found - rest - sum);
            const double allowed = precision == PRECISION_BF16 ? 0 : (2 * u + u * u) * terms;
            ck_assert_msg(away <= allowed + 2e-6 * (terms + fabs(rest)),
                          "%s c[%d][%d] is %g away, %g allowed", precision_name(precision), i, j,
                          away, allowed);
            moved = fmax(moved, fabs(found - rest - sum) / terms);
        }
    ck_assert_double_gt(moved, low_unit(precision) / 64); /* it was not computed in f32 */
}
END_TEST

/* --- the table ---------------------------------------------------------------------------------
 */

typedef struct {
    int count;
    char text[3000];
} Failures;

__attribute__((format(printf, 2, 3))) static void add_failure(Failures *failures,
                                                              const char *format, ...) {
    const size_t used = strlen(failures->text);
    if (++failures->count > 12) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failures->text + used, sizeof failures->text - used, format, arguments);
    va_end(arguments);
}

static void compare(const Low *low, LowName name, const double *ours, const char *who,
                    Failures *failures) {
    static const char *const names[LOWS] = {"out", "dq", "dk", "dv"};
    const double *exact = low->exact[name];
    double error = 0, naive = 0, power = 0, worst = 0;
    for (size_t i = 0; i < low->count[name]; i++) {
        const double away = fabs(ours[i] - exact[i]), allowed = low->bound[name][i] + 1e-30;
        worst = fmax(worst, isnan(away) ? INFINITY : away / allowed);
        error += away * away;
        naive += (low->naive[name][i] - exact[i]) * (low->naive[name][i] - exact[i]);
        power += exact[i] * exact[i];
    }
    if (worst > 1)
        add_failure(failures, "\n  %s: %s is %.3g times as wrong as its roundings allow", who,
                    names[name], worst);
    /* What f32 loses anyhow (test_attention) is not to be had back. */
    const double allowed = AT_MOST_NAIVE * sqrt(naive) + sqrt(1e-10 * power);
    if (low->count[name] >= NUMBERS_TO_AVERAGE && !(sqrt(error) <= allowed))
        add_failure(failures, "\n  %s: error %.3g of %s, naive %.3g, of %.3g", who, sqrt(error),
                    names[name], sqrt(naive), sqrt(power));
}

static void judge(Problem *problem, Failures *failures) {
    static const TensorName tensors[LOWS] = {TENSOR_OUT, TENSOR_DQ, TENSOR_DK, TENSOR_DV};
    char who[160];
    const int used = snprintf(who, sizeof who, "%s ", precision_name(problem->attention.precision));
    table_name(problem->variant, problem->shape, who + used, sizeof who - (size_t)used);
    Status status = problem_forward(problem, mirror_cuda(), 1, &arena);
    const char *harm = status == STATUS_OK ? problem_harm(problem) : NULL;
    if (status == STATUS_OK) status = problem_backward(problem, mirror_cuda(), &arena);
    if (!harm && status == STATUS_OK) harm = problem_harm(problem);
    if (status != STATUS_OK) add_failure(failures, "\n  %s: %s", who, status_message());
    if (harm) add_failure(failures, "\n  %s: %s", who, harm);
    if (status != STATUS_OK) return;
    Low low;
    low_open(&low, problem);
    for (int name = 0; name < LOWS; name++) {
        double *ours = problem_read(problem, tensors[name]);
        compare(&low, (LowName)name, ours, who, failures);
        free(ours);
    }
    low_close(&low);
}

static void check_case(const OpVariant *variant, const OpShape *shape, Precision precision,
                       Failures *failures) {
    Problem problem;
    problem_open(&problem, variant, shape, 16);
    problem.attention.precision = precision;
    judge(&problem, failures);
    problem_close(&problem);
}

/* Widths on both sides of 32, 64 and 128, lengths on both sides of tiles of 32, 64 and 128, every
 * layout and every kind of values. On a GPU, where it costs nothing, the whole table. */
static const char *const emulated[] = {"tiny_odd", "single",       "edge13",       "edge63",
                                       "edge65",   "edge129",      "edge193",      "wide128",
                                       "ragged",   "ragged_fused", "cross",        "cross_one",
                                       "no_keys",  "nothing",      "large_ragged", "rising"};

#ifdef __SANITIZE_ADDRESS__
enum { SLOWER = 2 };
#else
enum { SLOWER = 1 };
#endif

static int is_taken(const OpShape *shape, int every) {
    if (getenv("TAMRIN_TEST_GPU")) return 1;
    for (size_t i = 0; i < sizeof emulated / sizeof *emulated; i += (size_t)every * SLOWER)
        if (strcmp(shape->name, emulated[i]) == 0) return 1;
    return 0;
}

static const struct {
    AttentionKind kind;
    Precision precision;
    int every; /* of the cases above: the fewer, where the products are cuBLAS's */
} softmaxes[] = {{ATTENTION_MATERIALISED, PRECISION_BF16, 3},
                 {ATTENTION_MATERIALISED, PRECISION_TF32, 3},
                 {ATTENTION_TILED, PRECISION_BF16, 1}};
enum { SOFTMAXES = sizeof softmaxes / sizeof *softmaxes };

START_TEST(softmax_loses_what_rounding_loses) {
    Failures failures = {0};
    int cases = 0;
    if (!mirror_cuda()) return;
    for (int v = 0; v < table_variants(); v++) {
        const OpVariant *variant = table_variant(v);
        if (variant->kind != softmaxes[_i].kind || !table_is_plain(variant)) continue;
        for (int s = 0; s < table_shapes(); s++) {
            const OpShape *shape = table_shape(s);
            if (shape->width > 128 || !is_taken(shape, softmaxes[_i].every) ||
                !table_holds(variant, shape, USE_AGREEMENT))
                continue;
            check_case(variant, shape, softmaxes[_i].precision, &failures);
            cases++;
        }
    }
    ck_assert_msg(failures.count == 0, "%d cases are wrong:%s", failures.count, failures.text);
    ck_assert_int_ge(cases, (softmaxes[_i].every > 1 ? 8 : 28) / SLOWER);
}
END_TEST

/* Kernel attention has no such bound worth stating, since exponentials of rounded products amplify
 * the rounding: it is held against the exact answer to inputs that are rounded and nothing else. */
START_TEST(kernels_lose_little_in_tf32) {
    static const char *const shapes[] = {"edge12", "edge65", "ragged_fused"};
    if (!mirror_cuda()) return;
    for (int v = 0; v < table_variants(); v++)
        for (int s = 0; s < table_shapes(); s++) {
            const OpVariant *variant = table_variant(v);
            const OpShape *shape = table_shape(s);
            int taken = table_is_kernel(variant) && table_holds(variant, shape, USE_AGREEMENT);
            for (size_t i = 0; taken == 1 && i < sizeof shapes / sizeof *shapes; i++)
                if (strcmp(shape->name, shapes[i]) == 0) taken = 2;
            if (taken < 2) continue;
            Problem problem;
            problem_open(&problem, variant, shape, 0);
            problem.attention.precision = PRECISION_TF32;
            ck_assert_msg(problem_forward(&problem, mirror_cuda(), 0, &arena) == STATUS_OK, "%s",
                          status_message());
            const size_t count = problem_count(&problem, TENSOR_OUT);
            double *ours = problem_read(&problem, TENSOR_OUT);
            double *exact = problem_reference_out(&problem);
            for (TensorName name = TENSOR_Q; name <= TENSOR_V; name++)
                for (int row = 0; row < problem.views[name].rows; row++)
                    for (int h = 0; h < shape->heads; h++)
                        for (int e = 0; e < shape->width; e++) {
                            float *x = problem_element(&problem, name, row, h, e);
                            *x = (float)low_round(PRECISION_TF32, (double)*x);
                        }
            double *low = problem_reference_out(&problem);
            const double error = sqrt(reference_nmse(ours, exact, count));
            const double inputs = sqrt(reference_nmse(low, exact, count));
            ck_assert_msg(error <= TIMES_INPUTS * inputs, "%s/%s: error %.3g, of inputs %.3g",
                          variant->name, shape->name, error, inputs);
            ck_assert_msg(error >= inputs / 64, "%s/%s was not computed in tf32", variant->name,
                          shape->name);
            free(ours), free(exact), free(low);
            problem_close(&problem);
        }
}
END_TEST

static const OpVariant *variant_named(const char *name) {
    for (int v = 0; v < table_variants(); v++)
        if (strcmp(table_variant(v)->name, name) == 0) return table_variant(v);
    ck_abort_msg("no variant %s", name);
}
static const OpShape *shape_named(const char *name) {
    for (int s = 0; s < table_shapes(); s++)
        if (strcmp(table_shape(s)->name, name) == 0) return table_shape(s);
    ck_abort_msg("no shape %s", name);
}

/* A score that no float's exponential holds, late, for one row of a warp and no other: its sums
 * alone are scaled down, in whichever half of the lane's rows it lies. */
START_TEST(one_row_may_outgrow_the_others) {
    enum { LATE = 150 };
    Failures failures = {0};
    Problem problem;
    if (!mirror_cuda()) return;
    problem_open(&problem, variant_named("tiled"), shape_named("edge193"), 0);
    problem.attention.precision = PRECISION_BF16;
    for (int row = 0; row < problem.views[TENSOR_Q].rows; row++) {
        *problem_element(&problem, TENSOR_Q, row, 0, 0) = row == _i ? 10 : 0;
        *problem_element(&problem, TENSOR_K, row, 0, 0) = row == LATE ? 400 : 0;
    }
    judge(&problem, &failures);
    ck_assert_msg(failures.count == 0, "%s", failures.text);
    problem_close(&problem);
}
END_TEST

/* A causal row's bits are its past's, also where a warp decides for many rows at once whether to
 * scale their sums again. */
START_TEST(the_future_leaks_nothing) {
    enum { PRESENT = 100 };
    if (!mirror_cuda()) return;
    const OpShape *shape = shape_named("edge193");
    Problem problem;
    problem_open(&problem, variant_named("tiled_causal"), shape, 0);
    problem.attention.precision = PRECISION_BF16;
    ck_assert_int_eq(problem_forward(&problem, mirror_cuda(), 0, &arena), STATUS_OK);
    float *before = problem_read_bits(&problem, TENSOR_OUT);
    for (TensorName name = TENSOR_Q; name <= TENSOR_V; name++)
        for (int row = PRESENT; row < problem.views[name].rows; row++)
            for (int e = 0; e < shape->width; e++)
                *problem_element(&problem, name, row, 0, e) *= 40;
    ck_assert_int_eq(problem_forward(&problem, mirror_cuda(), 0, &arena), STATUS_OK);
    float *after = problem_read_bits(&problem, TENSOR_OUT);
    const size_t past = (size_t)PRESENT * (size_t)shape->width;
    ck_assert_mem_eq(before, after, past * sizeof *before);
    ck_assert(memcmp(before + past, after + past, sizeof *before) != 0);
    free(before), free(after);
    problem_close(&problem);
}
END_TEST

/* --- what is not there -------------------------------------------------------------------------
 */

static Status attend(const Device *device, AttentionKind kind, Precision precision) {
    const int offsets[2] = {0, 1};
    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    const Attention a = {.kind = kind,
                         .map = FEATURE_ELU1,
                         .sequences = 1,
                         .heads = 1,
                         .width = 4,
                         .query_offsets = offsets,
                         .key_offsets = offsets,
                         .scale = 1,
                         .precision = precision};
    const AttentionIn in = {x, 4, 4};
    return device->attention_forward(&a, in, in, in, (AttentionOut){y, 4, 4}, NULL, &arena);
}

START_TEST(what_is_not_there_is_refused_by_name) {
    float x[1] = {1};
    const Device *cuda = mirror_cuda();
    ck_assert_int_eq(attend(device_cpu(), ATTENTION_TILED, PRECISION_BF16), STATUS_UNSUPPORTED);
    ck_assert_str_eq(status_message(), "cpu: attention in bf16 is not there; expected f32");
    ck_assert_int_eq(attend(device_cpu(), ATTENTION_VALUE, PRECISION_BF16), STATUS_OK);
    ck_assert_int_eq(attend(device_cpu(), ATTENTION_TILED, (Precision)3), STATUS_ARGUMENT);
    ck_assert_int_eq(
        device_cpu()->gemm_at(PRECISION_TF32, 0, 0, 1, 1, 1, 1, x, 1, x, 1, 0, x, 1, &arena),
        STATUS_UNSUPPORTED);
    ck_assert_str_eq(status_message(), "cpu: gemm in tf32 is not there; expected f32");
    ck_assert_int_eq(
        device_cpu()->gemm_at(PRECISION_F32, 0, 0, 1, 1, 1, 2, x, 1, x, 1, 0, x, 1, &arena),
        STATUS_OK);
    ck_assert_float_eq(x[0], 2);
    if (!cuda) return;
    ck_assert_int_eq(attend(cuda, ATTENTION_TILED, PRECISION_TF32), STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(status_message(), "cuda: tiled attention in tf32 is not there"));
    ck_assert_int_eq(attend(cuda, ATTENTION_KERNEL_LINEAR, PRECISION_BF16), STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(status_message(), "cuda: kernel attention in bf16 is not there"));
    ck_assert_int_eq(attend(cuda, ATTENTION_KERNEL_LINEAR, PRECISION_TF32), STATUS_OK);
    ck_assert_int_eq(attend(cuda, ATTENTION_VALUE, PRECISION_BF16), STATUS_OK);
}
END_TEST

Suite *suite_precision(void) {
    Suite *suite = suite_create("precision");
    TCase *products = tcase_create("products");
    tcase_add_checked_fixture(products, setup, teardown);
    tcase_set_timeout(products, 180);
    tcase_add_loop_test(products, gemm_rounds_its_operands, 0, 16);
    tcase_add_loop_test(products, softmax_loses_what_rounding_loses, 0, SOFTMAXES);
    tcase_add_test(products, kernels_lose_little_in_tf32);
    tcase_add_loop_test(products, one_row_may_outgrow_the_others, 7, 9);
    tcase_add_test(products, the_future_leaks_nothing);
    tcase_add_test(products, what_is_not_there_is_refused_by_name);
    suite_add_tcase(suite, products);
    return suite;
}
