/* matmul: the products of a linear layer against sums in double, in both precisions and through
 * every path that this machine has; the conversion to bfloat16 on all its special values. */
#include "op/matmul.h"
#include "base/rng.h"
#include "base/threads.h"
#include "op/cpu/matmul_convert.h"
#include "op/cpu/matmul_packed.h"
#include "op/op.h"
#include "store/safetensors_half.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_matmul(void);

enum { SEED = 11, PRODUCTS = 3 };

/* Odd sizes, one row, sizes that are whole blocks, sizes on both sides of the rule of f32. */
static const struct {
    int outputs, inputs, rows;
} shapes[] = {{1, 1, 1},    {2, 3, 1},     {33, 31, 7},   {64, 96, 32},   {96, 64, 95},
              {5, 200, 64}, {200, 5, 129}, {128, 384, 1}, {384, 128, 70}, {61, 257, 143}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
    int outputs, inputs, rows;
    float *w, *x, *dy;
    float *out, *again; /* of the largest result */
    size_t count[PRODUCTS];
} Case;

static float *numbers(size_t count, const char *name) {
    float *x = malloc((count + 1) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    rng_fill_normal(x, count, SEED, rng_stream(name));
    return x;
}

static Case case_open(int outputs, int inputs, int rows) {
    size_t o = (size_t)outputs, i = (size_t)inputs, r = (size_t)rows;
    size_t most = o * i + r * (o + i);
    return (Case){.outputs = outputs,
                  .inputs = inputs,
                  .rows = rows,
                  .w = numbers(o * i, "w"),
                  .x = numbers(r * i, "x"),
                  .dy = numbers(r * o, "dy"),
                  .out = numbers(most, "before"),
                  .again = numbers(most, "before"),
                  .count = {r * o, r * i, o * i}};
}

static void case_close(Case *c) {
    free(c->w), free(c->x), free(c->dy), free(c->out), free(c->again);
}

static double term(MatmulProduct product, const Case *c, int i, int j, int k) {
    size_t inputs = (size_t)c->inputs, outputs = (size_t)c->outputs;
    size_t row = (size_t)i, column = (size_t)j, depth = (size_t)k;
    if (product == MATMUL_FORWARD)
        return (double)c->x[row * inputs + depth] * c->w[column * inputs + depth];
    if (product == MATMUL_BACKWARD_INPUT)
        return (double)c->dy[row * outputs + depth] * c->w[depth * inputs + column];
    return (double)c->dy[depth * outputs + row] * c->x[depth * inputs + column];
}

/* The product as sums in double, in memory of the caller's to free. */
static double *reference(MatmulProduct product, const Case *c) {
    int m = product == MATMUL_BACKWARD_WEIGHT ? c->outputs : c->rows;
    int n = product == MATMUL_FORWARD ? c->outputs : c->inputs;
    int depth = product == MATMUL_FORWARD          ? c->inputs
                : product == MATMUL_BACKWARD_INPUT ? c->outputs
                                                   : c->rows;
    double *sums = calloc(c->count[product] + 1, sizeof *sums);
    ck_assert_ptr_nonnull(sums);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < depth; k++)
                sums[(size_t)i * (size_t)n + (size_t)j] += term(product, c, i, j, k);
    return sums;
}

static Status launch(MatmulProduct product, MatmulWeight *weight, const Case *c, float *out,
                     int accumulate) {
    if (product == MATMUL_FORWARD) return matmul_forward(weight, c->rows, c->x, out);
    if (product == MATMUL_BACKWARD_INPUT)
        return matmul_backward_input(weight, c->rows, c->dy, out, accumulate);
    return matmul_backward_weight(weight, c->rows, c->dy, c->x, out, accumulate);
}

static void must(Status status) {
    ck_assert_msg(status == STATUS_OK, "%s", status_message());
}

static MatmulWeight *weight_open(const Case *c, Precision precision) {
    MatmulWeight *weight;
    must(matmul_weight_open(&weight, c->outputs, c->inputs, precision));
    must(matmul_weight_set(weight, c->w));
    return weight;
}

static double nmse(const float *x, const double *expected, size_t count) {
    double error = 0, power = 0;
    for (size_t i = 0; i < count; i++) {
        error += (x[i] - expected[i]) * (x[i] - expected[i]);
        power += expected[i] * expected[i];
    }
    return power > 0 ? error / power : error;
}

/* Each product, then the same added to what `again` held before: the difference must be the
 * product. Returns the largest NMSE. */
static double check_products(const Case *c, MatmulWeight *weight, double *const expected[]) {
    double worst = 0;
    for (int p = 0; p < PRODUCTS; p++) {
        MatmulProduct product = (MatmulProduct)p;
        size_t count = c->count[p];
        float guard = c->out[count];
        for (size_t i = 0; i < count; i++) c->out[i] = NAN; /* must not be read */
        must(launch(product, weight, c, c->out, 0));
        worst = fmax(worst, nmse(c->out, expected[p], count));
        ck_assert_float_eq(c->out[count], guard);
        if (product == MATMUL_FORWARD) continue;
        double *sum = malloc((count + 1) * sizeof *sum);
        ck_assert_ptr_nonnull(sum);
        for (size_t i = 0; i < count; i++) {
            c->again[i] = (float)(i % 7) - 3;
            sum[i] = (double)c->again[i] + (double)c->out[i];
        }
        must(launch(product, weight, c, c->again, 1));
        ck_assert_double_le(nmse(c->again, sum, count), 1e-12);
        free(sum);
    }
    return worst;
}

static void references(const Case *c, double *expected[PRODUCTS]) {
    for (int p = 0; p < PRODUCTS; p++) expected[p] = reference((MatmulProduct)p, c);
}

static void free_all(double *expected[PRODUCTS]) {
    for (int p = 0; p < PRODUCTS; p++) free(expected[p]);
}

START_TEST(f32_agrees_with_sums_in_double) {
    Case c = case_open(shapes[_i].outputs, shapes[_i].inputs, shapes[_i].rows);
    double *expected[PRODUCTS];
    references(&c, expected);
    MatmulWeight *weight = weight_open(&c, PRECISION_F32);
    ck_assert_double_le(check_products(&c, weight, expected), 1e-12);
    matmul_weight_close(weight);
    free_all(expected);
    case_close(&c);
}
END_TEST

static void round_case(Case *c) {
    size_t o = (size_t)c->outputs, i = (size_t)c->inputs, r = (size_t)c->rows;
    matmul_convert()->round(c->w, c->w, o * i);
    matmul_convert()->round(c->x, c->x, r * i);
    matmul_convert()->round(c->dy, c->dy, r * o);
}

/* Naive: operands rounded, sums in double. The bound on top of it is f32's own, for products whose
 * rounding happens to cancel. */
START_TEST(bf16_errs_at_most_twice_as_much_as_rounded_operands) {
    Case c = case_open(shapes[_i].outputs, shapes[_i].inputs, shapes[_i].rows);
    double *exact[PRODUCTS], *naive[PRODUCTS];
    references(&c, exact);
    MatmulWeight *weight = weight_open(&c, PRECISION_BF16);
    float *results[PRODUCTS];
    for (int p = 0; p < PRODUCTS; p++) {
        results[p] = malloc((c.count[p] + 1) * sizeof(float));
        ck_assert_ptr_nonnull(results[p]);
        must(launch((MatmulProduct)p, weight, &c, results[p], 0));
    }
    round_case(&c);
    references(&c, naive);
    for (int p = 0; p < PRODUCTS; p++) {
        double error = 0, naive_error = 0, power = 0;
        for (size_t i = 0; i < c.count[p]; i++) {
            error += pow(results[p][i] - exact[p][i], 2);
            naive_error += pow(naive[p][i] - exact[p][i], 2);
            power += exact[p][i] * exact[p][i];
        }
        ck_assert_double_le(sqrt(error), 2 * sqrt(naive_error) + 1e-6 * sqrt(power));
        /* and the arithmetic itself is f32's: the distance to the naive sums is rounding */
        ck_assert_double_le(nmse(results[p], naive[p], c.count[p]), 1e-11);
        free(results[p]);
    }
    /* Operands that are bfloat16 already: nothing is lost, in all three and when adding. */
    must(matmul_weight_set(weight, c.w));
    ck_assert_double_le(check_products(&c, weight, naive), 1e-11);
    matmul_weight_close(weight);
    free_all(exact);
    free_all(naive);
    case_close(&c);
}
END_TEST

START_TEST(the_same_call_gives_the_same_bits) {
    for (int precision = 0; precision < 2; precision++) {
        Case c = case_open(192, 320, 77);
        MatmulWeight *weight = weight_open(&c, (Precision)precision);
        for (int p = 0; p < PRODUCTS; p++) {
            must(launch((MatmulProduct)p, weight, &c, c.out, 0));
            for (int run = 0; run < 5; run++) {
                must(launch((MatmulProduct)p, weight, &c, c.again, 0));
                ck_assert_mem_eq(c.out, c.again, c.count[p] * sizeof(float));
            }
        }
        matmul_weight_close(weight);
        case_close(&c);
    }
}
END_TEST

START_TEST(no_rows_give_no_result_and_no_gradient) {
    for (int precision = 0; precision < 2; precision++) {
        Case c = case_open(5, 4, 1);
        MatmulWeight *weight = weight_open(&c, (Precision)precision);
        c.rows = 0;
        for (int i = 0; i < 20; i++) c.out[i] = 7;
        must(matmul_forward(weight, 0, c.x, c.out));
        must(matmul_backward_input(weight, 0, c.dy, c.out, 0));
        must(matmul_backward_weight(weight, 0, c.dy, c.x, c.out, 1));
        for (int i = 0; i < 20; i++) ck_assert_float_eq(c.out[i], 7);
        must(matmul_backward_weight(weight, 0, c.dy, c.x, c.out, 0));
        for (int i = 0; i < 20; i++) ck_assert_float_eq(c.out[i], 0);
        matmul_weight_close(weight);
        case_close(&c);
    }
}
END_TEST

START_TEST(bf16_sees_changed_values_when_they_are_set) {
    float w[2] = {1, 2}, y;
    const float x[2] = {1, 1};
    MatmulWeight *weight;
    must(matmul_weight_open(&weight, 1, 2, PRECISION_BF16));
    must(matmul_weight_set(weight, w));
    must(matmul_forward(weight, 1, x, &y));
    ck_assert_float_eq(y, 3);
    w[1] = 258; /* next to 256 in bfloat16 */
    must(matmul_weight_set(weight, w));
    must(matmul_forward(weight, 1, x, &y));
    ck_assert_float_eq(y, 259);
    w[1] = 257; /* a tie between the two: 256 is the even one */
    must(matmul_weight_set(weight, w));
    must(matmul_forward(weight, 1, x, &y));
    ck_assert_float_eq(y, 257);
    matmul_weight_close(weight);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    MatmulWeight *weight;
    float x[4] = {0}, y[4] = {0};
    ck_assert_int_eq(matmul_weight_open(&weight, 0, 4, PRECISION_F32), STATUS_ARGUMENT);
    ck_assert_ptr_null(weight);
    ck_assert_ptr_nonnull(strstr(status_message(), "0 x 4"));
    ck_assert_int_eq(matmul_weight_open(&weight, 4, -1, PRECISION_BF16), STATUS_ARGUMENT);
    ck_assert_int_eq(matmul_weight_open(&weight, 4, 4, (Precision)7), STATUS_ARGUMENT);
    for (int precision = 0; precision < 2; precision++) {
        must(matmul_weight_open(&weight, 2, 2, (Precision)precision));
        ck_assert_int_eq(matmul_forward(weight, 1, x, y), STATUS_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(status_message(), "matmul_weight_set"));
        ck_assert_int_eq(matmul_backward_input(weight, 1, x, y, 0), STATUS_ARGUMENT);
        ck_assert_int_eq(matmul_weight_set(weight, NULL), STATUS_ARGUMENT);
        must(matmul_weight_set(weight, x));
        ck_assert_int_eq(matmul_forward(weight, -1, x, y), STATUS_ARGUMENT);
        matmul_weight_close(weight);
    }
    matmul_weight_close(NULL);
    for (int precision = 0; precision < 2; precision++)
        ck_assert_uint_gt(strlen(matmul_backend((Precision)precision)), 0);
}
END_TEST

/* --- oneDNN's packed operands, in f32 everywhere and in bf16 where the processor has it ------ */

static int packed_works(OnednnType type) {
    return type == ONEDNN_F32 ? onednn_version() != NULL : onednn_bf16_unit() != NULL;
}

static void check_packed(MatmulPacked *weight, Case *c, double bound) {
    for (int p = 0; p < PRODUCTS; p++) {
        double *expected = reference((MatmulProduct)p, c);
        size_t count = c->count[p];
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            for (size_t i = 0; i < count; i++) c->out[i] = accumulate ? (float)(i % 5) : NAN;
            c->out[count] = 42;
            must(matmul_packed_product(weight, (MatmulProduct)p, c->rows,
                                       p == MATMUL_FORWARD ? c->x : c->dy, c->x, c->out,
                                       accumulate));
            for (size_t i = 0; i < count && accumulate; i++) c->out[i] -= (float)(i % 5);
            ck_assert_double_le(nmse(c->out, expected, count), bound);
            ck_assert_float_eq(c->out[count], 42);
        }
        free(expected);
    }
}

START_TEST(packed_products_agree_with_sums_in_double) {
    for (int type = 0; type < 2; type++) {
        if (!packed_works((OnednnType)type)) continue;
        MatmulPacked *weight;
        Case c = case_open(shapes[_i].outputs, shapes[_i].inputs, shapes[_i].rows);
        if (type == ONEDNN_BF16) round_case(&c);
        must(matmul_packed_open(&weight, c.outputs, c.inputs, (OnednnType)type));
        must(matmul_packed_set(weight, c.w));
        /* subtracting what was added costs bits */
        check_packed(weight, &c, 1e-11);
        matmul_packed_close(weight);
        case_close(&c);
    }
}
END_TEST

/* What was compiled for one number of threads must not serve another. */
START_TEST(packed_products_follow_the_number_of_threads) {
    for (int type = 0; type < 2; type++) {
        if (!packed_works((OnednnType)type)) continue;
        MatmulPacked *weight;
        Case c = case_open(96, 160, 64);
        if (type == ONEDNN_BF16) round_case(&c);
        must(matmul_packed_open(&weight, c.outputs, c.inputs, (OnednnType)type));
        must(matmul_packed_set(weight, c.w));
        static const int counts[] = {1, 3, 2, 1};
        long made = onednn_shapes_made();
        for (int t = 0; t < 4; t++) {
            threads_set(counts[t]);
            check_packed(weight, &c, 1e-11);
        }
        ck_assert_int_eq(onednn_shapes_made() - made, 3 * 6);
        matmul_packed_close(weight);
        case_close(&c);
    }
}
END_TEST

/* Batches of every size from 1 on, against two weights in turn; then more shapes than are kept. */
START_TEST(rows_that_change_compile_few_shapes) {
    enum { OUTPUTS = 64, INPUTS = 32, MOST = 200 };
    for (int type = 0; type < 2; type++) {
        if (!packed_works((OnednnType)type)) continue;
        MatmulPacked *weights[2];
        for (int w = 0; w < 2; w++)
            must(matmul_packed_open(&weights[w], OUTPUTS, INPUTS, (OnednnType)type));
        long before = onednn_shapes_made();
        for (int rows = 1; rows <= MOST; rows += rows % 32 < 2 ? 1 : 15) {
            Case c = case_open(OUTPUTS, INPUTS, rows);
            if (type == ONEDNN_BF16) round_case(&c);
            must(matmul_packed_set(weights[rows % 2], c.w));
            check_packed(weights[rows % 2], &c, 1e-11);
            case_close(&c);
        }
        /* Forward once, the other two also adding; 7 sizes of whole blocks, and one of the rest. */
        ck_assert_int_le(onednn_shapes_made() - before, 3 * 2 * 7);
        for (int w = 0; w < 2; w++) matmul_packed_close(weights[w]);
        ck_assert_int_eq(onednn_shapes_kept(), 0);
    }
}
END_TEST

START_TEST(shapes_that_are_kept_have_a_bound) {
    enum { SIZE = 8, MOST = 300 };
    if (!packed_works(ONEDNN_F32)) return;
    threads_set(1); /* 600 products that are too small for two */
    Case c = case_open(SIZE, SIZE, MOST);
    double *expected = reference(MATMUL_BACKWARD_INPUT, &c);
    OnednnPacked *w;
    must(onednn_packed_open(&w, ONEDNN_F32, SIZE, SIZE));
    ck_assert_int_eq(onednn_packed_product(w, 1, c.dy, c.out, 0), STATUS_ARGUMENT);
    must(onednn_packed_set(w, c.w, 0));
    long made = onednn_shapes_made();
    for (int pass = 0; pass < 2; pass++)
        for (int rows = 1; rows <= MOST; rows++) {
            must(onednn_packed_product(w, rows, c.dy, c.out, 0));
            ck_assert_double_le(nmse(c.out, expected, (size_t)rows * SIZE), 1e-12);
        }
    ck_assert_int_eq(onednn_shapes_kept(), 256);
    ck_assert_int_eq(onednn_shapes_made() - made,
                     2 * MOST); /* each was given up before its turn came */
    onednn_packed_close(w);
    onednn_forget();
    free(expected);
    case_close(&c);
}
END_TEST

/* --- the conversion -------------------------------------------------------------------------- */

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Every upper half with lower halves below, at and above a tie: all exponents, both signs, zeros,
 * subnormals, infinities, NaNs quiet and not. store/ has its own conversion, with tests of its own.
 */
static void check_conversion(const MatmulConvert *convert) {
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { LOWER = sizeof lower / sizeof *lower, HALVES = 65536 };
    float *from = malloc(HALVES * sizeof *from), *rounded = malloc(HALVES * sizeof *rounded);
    uint16_t *narrow = malloc(HALVES * sizeof *narrow);
    ck_assert(from && rounded && narrow);
    for (int l = 0; l < LOWER; l++) {
        for (uint32_t i = 0; i < HALVES; i++) from[i] = from_bits(i << 16 | lower[l]);
        convert->narrow(from, narrow, HALVES);
        convert->round(from, rounded, HALVES);
        for (uint32_t i = 0; i < HALVES; i++) {
            int right = narrow[i] == f32_to_bf16(from[i]) &&
                        to_bits(rounded[i]) == (uint32_t)narrow[i] << 16;
            if (!right) /* a check for each of 800,000 takes seconds */
                ck_abort_msg("%08x became %04x and %08x", to_bits(from[i]), narrow[i],
                             to_bits(rounded[i]));
        }
    }
    free(from), free(rounded), free(narrow);
}

START_TEST(conversion_rounds_to_nearest_even_and_keeps_what_is_special) {
    check_conversion(&matmul_convert_baseline);
    check_conversion(matmul_convert());
    uint16_t out[1];
    matmul_convert()->narrow((const float[]){from_bits(0x7f800001)}, out, 1);
    ck_assert_uint_eq(out[0], 0x7fc0); /* a signalling NaN whose mark is all in the lower half */
    matmul_convert()->narrow((const float[]){3.4e38f}, out, 1);
    ck_assert_uint_eq(out[0], 0x7f80);
    matmul_convert()->narrow((const float[]){from_bits(0x80000001)}, out, 1);
    ck_assert_uint_eq(out[0], 0x8000);
}
END_TEST

START_TEST(padding_is_zero_and_nothing_else_is_written) {
    float from[3 * 5], wide[6 * 8 + 1];
    uint16_t narrow[6 * 8 + 1];
    for (int i = 0; i < 15; i++) from[i] = (float)i + 1;
    wide[48] = 42, narrow[48] = 42;
    matmul_to_f32(from, 3, 5, wide, 6, 8);
    matmul_to_bf16(from, 3, 5, narrow, 6, 8);
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 8; c++) {
            float expected = r < 3 && c < 5 ? from[r * 5 + c] : 0;
            ck_assert_float_eq(wide[r * 8 + c], expected);
            ck_assert_float_eq(bf16_to_f32(narrow[r * 8 + c]), expected);
        }
    ck_assert_float_eq(wide[48], 42);
    ck_assert_uint_eq(narrow[48], 42);
}
END_TEST

/* --- operands that are kept ------------------------------------------------------------------- */

/* from [rows, columns] as products of `weight` read it; *shape says how. */
static uint16_t *rounded(const MatmulWeight *weight, const float *from, int rows, int columns,
                         MatmulRounded *shape) {
    *shape = matmul_rounded(weight, rows, columns);
    if (!shape->bytes) return NULL;
    uint16_t *to = malloc(shape->bytes);
    ck_assert_ptr_nonnull(to);
    memset(to, 0xff, shape->bytes);
    matmul_round_operand(*shape, from, rows, columns, to);
    return to;
}

/* Operands made beforehand, in both precisions: the same bits as made by each product; and a bias
 * as one addition to every sum. */
START_TEST(operands_that_are_kept_give_the_same_bits) {
    for (int precision = 0; precision < 2; precision++) {
        Case c = case_open(shapes[_i].outputs, shapes[_i].inputs, shapes[_i].rows);
        MatmulWeight *weight = weight_open(&c, (Precision)precision);
        MatmulRounded shape;
        uint16_t *x = rounded(weight, c.x, c.rows, c.inputs, &shape);
        uint16_t *dy = rounded(weight, c.dy, c.rows, c.outputs, &shape);
        const MatmulOperand kept_x = {x ? NULL : c.x, x}, kept_dy = {dy ? NULL : c.dy, dy};
        float *bias = numbers((size_t)c.outputs, "bias");
        must(matmul_forward(weight, c.rows, c.x, c.out));
        for (size_t i = 0; i < c.count[MATMUL_FORWARD]; i++)
            c.out[i] += bias[i % (size_t)c.outputs];
        must(matmul_forward_with(weight, c.rows, kept_x, bias, c.again));
        ck_assert_mem_eq(c.out, c.again, c.count[MATMUL_FORWARD] * sizeof(float));
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            must(matmul_backward_input(weight, c.rows, c.dy, c.out, accumulate));
            must(matmul_backward_input_with(weight, c.rows, kept_dy, c.again, accumulate));
            ck_assert_mem_eq(c.out, c.again, c.count[MATMUL_BACKWARD_INPUT] * sizeof(float));
        }
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            must(matmul_backward_weight(weight, c.rows, c.dy, c.x, c.out, accumulate));
            must(matmul_backward_weight_with(weight, c.rows, kept_dy, kept_x, c.again, accumulate));
            ck_assert_mem_eq(c.out, c.again, c.count[MATMUL_BACKWARD_WEIGHT] * sizeof(float));
        }
        free(bias), free(x), free(dy);
        matmul_weight_close(weight);
        case_close(&c);
    }
}
END_TEST

/* One pass gives what three gave: f'(x) dy, its sums and its bfloat16, with zeros around. */
START_TEST(gradients_round_in_one_pass) {
    enum { ROWS = 45, COLUMNS = 261, ALL = ROWS * COLUMNS };
    const Activation f = (Activation)_i;
    const LayerOps *layers = device_cpu()->layers;
    const MatmulRounded shape = {64, 288, 64 * 288 * sizeof(uint16_t)};
    float *x = numbers(ALL, "x"), *y = numbers(ALL, "y"), *dy = numbers(ALL, "dy"), *dx;
    uint16_t *expected = malloc(shape.bytes), *found = malloc(shape.bytes);
    float sum[COLUMNS], again[COLUMNS];
    ck_assert_ptr_nonnull(dx = malloc(ALL * sizeof *dx));
    ck_assert(expected && found);
    layers->activate(f, ROWS, COLUMNS, NULL, x, y);
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        for (int c = 0; c < COLUMNS; c++) sum[c] = again[c] = (float)c / 7;
        layers->activate_backward(f, ROWS, COLUMNS, x, y, dy, dx, sum, accumulate);
        matmul_to_bf16(dx, ROWS, COLUMNS, expected, shape.rows, shape.columns);
        memset(found, 0xff, shape.bytes);
        matmul_round_gradient(shape, f, ROWS, COLUMNS, x, y, dy, found, again, accumulate);
        ck_assert_mem_eq(found, expected, shape.bytes);
        ck_assert_mem_eq(again, sum, sizeof sum);
    }
    matmul_round_gradient(shape, f, ROWS, COLUMNS, x, y, dy, found, NULL, 0);
    ck_assert_mem_eq(found, expected, shape.bytes);
    if (f == ACTIVATION_GELU) {
        matmul_to_bf16(y, ROWS, COLUMNS, expected, shape.rows, shape.columns);
        matmul_round_gelu(shape, ROWS, COLUMNS, x, dx, found);
        ck_assert_mem_eq(dx, y, ALL * sizeof *y);
        ck_assert_mem_eq(found, expected, shape.bytes);
    }
    free(x), free(y), free(dy), free(dx), free(expected), free(found);
}
END_TEST

/* Where oneDNN refuses a shape, f32 multiplies what is kept: exactly the rounded numbers. */
START_TEST(kept_operands_widen_exactly) {
    enum { ROWS = 5, COLUMNS = 37, WIDE = 64 };
    float *x = numbers(ROWS * COLUMNS, "x"), wide[ROWS * COLUMNS], expected[ROWS * COLUMNS];
    uint16_t narrow[ROWS * WIDE];
    matmul_to_bf16(x, ROWS, COLUMNS, narrow, ROWS, WIDE);
    matmul_round(x, expected, ROWS * COLUMNS);
    matmul_widen(narrow, ROWS, COLUMNS, wide, WIDE);
    ck_assert_mem_eq(wide, expected, sizeof wide);
    free(x);
}
END_TEST

Suite *suite_matmul(void) {
    Suite *suite = suite_create("matmul");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, f32_agrees_with_sums_in_double, 0, SHAPES);
    tcase_add_loop_test(all, bf16_errs_at_most_twice_as_much_as_rounded_operands, 0, SHAPES);
    tcase_add_test(all, the_same_call_gives_the_same_bits);
    tcase_add_test(all, no_rows_give_no_result_and_no_gradient);
    tcase_add_test(all, bf16_sees_changed_values_when_they_are_set);
    tcase_add_test(all, what_makes_no_sense_is_refused);
    tcase_add_loop_test(all, packed_products_agree_with_sums_in_double, 0, SHAPES);
    tcase_add_test(all, packed_products_follow_the_number_of_threads);
    tcase_add_test(all, rows_that_change_compile_few_shapes);
    tcase_add_test(all, shapes_that_are_kept_have_a_bound);
    tcase_add_test(all, conversion_rounds_to_nearest_even_and_keeps_what_is_special);
    tcase_add_test(all, padding_is_zero_and_nothing_else_is_written);
    tcase_add_loop_test(all, operands_that_are_kept_give_the_same_bits, 0, SHAPES);
    tcase_add_loop_test(all, gradients_round_in_one_pass, 0, ACTIVATION_RELU + 1);
    tcase_add_test(all, kept_operands_widen_exactly);
    suite_add_tcase(suite, all);
    return suite;
}
