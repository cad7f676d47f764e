/* The counted work of attention against its algorithms, written out product by product, and the
 * orders that Question 4 states: exactly N^2 for softmax and for the wrong order, exactly N for
 * phi(Q)(phi(K)'V). No clock is involved. */
#include "op/op.h"

#include <check.h>
#include <string.h>

Suite *suite_work(void);

enum { E = 16, R = 24 };

/* --- the algorithms, written out -------------------------------------------------------------- */

/* C[m,n] += A[m,k] B[k,n]: a multiply and an add for each (i, j, l). */
static double product(double m, double n, double k) {
    return 2 * m * n * k;
}

/* (query, key) pairs that a row may see, counted one by one. */
static double visible_pairs(int queries, int keys, int causal) {
    double pairs = 0;
    for (int i = 0; i < queries; i++)
        for (int j = 0; j < keys; j++) pairs += !causal || j <= i;
    return pairs;
}

/* One head and one sequence of n queries and m keys. A product over visible pairs only is one of
 * inner length E (or C) at each pair. */
static double flops_written_out(const Attention *a, Direction direction, int n, int m) {
    double pairs = visible_pairs(n, m, a->causal), columns = attention_feature_columns(a);
    double scores = product(pairs, 1, E), flops = 0;
    int projected = a->map != FEATURE_ELU1;
    double phi_q = projected ? product(n, R, E) : 0, phi_k = projected ? product(m, R, E) : 0;
    double values = product(pairs, 1, E), kernels = product(pairs, 1, columns);
    double state_from_keys = product(columns, E, m), rows_from_state = product(n, E, columns);
    switch (a->kind) {
    case ATTENTION_MATERIALISED:
        if (direction == DIRECTION_FORWARD) {
            flops += scores; /* S = Q K' */
            flops += values; /* O = P V */
        } else {
            flops += scores; /* dP = dO V' */
            flops += values; /* dV = P' dO */
            flops += scores; /* dQ = dS K */
            flops += scores; /* dK = dS' Q */
        }
        break;
    case ATTENTION_TILED:
        flops += scores; /* S = Q K', again in backward */
        if (direction == DIRECTION_FORWARD)
            flops += values; /* O = P V */
        else
            flops += 4 * scores; /* dP, dV, dQ, dK as above */
        break;
    case ATTENTION_KERNEL_QUADRATIC:
        flops += phi_q + phi_k; /* in backward: for dphi(K) and dphi(Q) */
        if (direction == DIRECTION_FORWARD) {
            flops += kernels; /* A = phi(Q) phi(K)' */
            flops += values;  /* O = A V */
        } else {
            flops += values;        /* dA = dO V' */
            flops += values;        /* dV = A' dO */
            flops += kernels;       /* dphi(Q) = dA phi(K) */
            flops += kernels;       /* dphi(K) = dA' phi(Q) */
            flops += phi_q + phi_k; /* once more: they are not kept from one pass to the next */
            flops += phi_q + phi_k; /* through the projections */
        }
        break;
    case ATTENTION_KERNEL_LINEAR:
        flops += phi_q + phi_k;
        flops += state_from_keys; /* S = phi(K)' V, again in backward */
        if (direction == DIRECTION_FORWARD) {
            flops += rows_from_state; /* O = phi(Q) S */
        } else {
            flops += rows_from_state; /* dphi(Q) = dO S' */
            flops += rows_from_state; /* dS = phi(Q)' dO: the same size */
            flops += state_from_keys; /* dphi(K) = V dS' */
            flops += state_from_keys; /* dV = phi(K) dS */
            flops += phi_k;           /* phi(K) for S, and again for dS */
            flops += phi_q + phi_k;   /* through the projections */
        }
        break;
    case ATTENTION_VALUE:
        break;
    }
    return flops;
}

static const struct {
    const char *name;
    AttentionKind kind;
    FeatureMap map;
    int causal;
    int order; /* the power of N in the operations */
    int bytes; /* the power of N in the bytes held */
} kinds[] = {
    {"materialised", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 0, 2, 2},
    {"materialised, causal", ATTENTION_MATERIALISED, FEATURE_POSITIVE, 1, 2, 2},
    {"tiled", ATTENTION_TILED, FEATURE_POSITIVE, 0, 2, 1},
    {"tiled, causal", ATTENTION_TILED, FEATURE_POSITIVE, 1, 2, 1},
    {"wrong order, positive", ATTENTION_KERNEL_QUADRATIC, FEATURE_POSITIVE, 0, 2, 2},
    {"wrong order, elu, causal", ATTENTION_KERNEL_QUADRATIC, FEATURE_ELU1, 1, 2, 2},
    {"right order, positive", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 0, 1, 0},
    {"right order, positive, causal", ATTENTION_KERNEL_LINEAR, FEATURE_POSITIVE, 1, 1, 0},
    {"right order, trigonometric", ATTENTION_KERNEL_LINEAR, FEATURE_TRIGONOMETRIC, 0, 1, 0},
    {"right order, elu", ATTENTION_KERNEL_LINEAR, FEATURE_ELU1, 0, 1, 0},
    {"right order, relu", ATTENTION_KERNEL_LINEAR, FEATURE_RELU, 0, 1, 0},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static Attention make(int kind, int sequences, const int *queries, const int *keys, int heads) {
    return (Attention){.kind = kinds[kind].kind,
                       .map = kinds[kind].map,
                       .causal = kinds[kind].causal,
                       .sequences = sequences,
                       .heads = heads,
                       .width = E,
                       .features = R,
                       .query_offsets = queries,
                       .key_offsets = keys,
                       .scale = 0.25f};
}

static AttentionWork work_of(int kind, int n, Direction direction) {
    int offsets[] = {0, n};
    Attention a = make(kind, 1, offsets, offsets, 3);
    return attention_work(&a, direction);
}

/* --- tests --------------------------------------------------------------------------------- */

START_TEST(operations_match_the_algorithm_written_out) {
    /* One sequence; a ragged batch with an empty one; queries and keys of different number. */
    static const int whole[] = {0, 7}, ragged[] = {0, 5, 5, 14}, other[] = {0, 3, 4, 15};
    for (int d = 0; d < 2; d++) {
        Direction direction = (Direction)d;
        Attention one = make(_i, 1, whole, whole, 1);
        ck_assert_double_eq(attention_work(&one, direction).flops,
                            flops_written_out(&one, direction, 7, 7));
        const int *keys = kinds[_i].causal ? ragged : other;
        Attention batch = make(_i, 3, ragged, keys, 4);
        double expected = 0;
        for (int b = 0; b < 3; b++)
            expected += 4 * flops_written_out(&batch, direction, ragged[b + 1] - ragged[b],
                                              keys[b + 1] - keys[b]);
        ck_assert_double_eq(attention_work(&batch, direction).flops, expected);
    }
}
END_TEST

/* f(N) = a N^2 + b N + c has f(2N) - 2 f(N) = 2 a N^2 - c; with c = 0 that grows exactly fourfold
 * when N doubles, and is exactly zero when a is. */
START_TEST(operations_have_the_stated_order_exactly) {
    for (int d = 0; d < 2; d++) {
        double previous = 0;
        for (int n = 64; n <= 1 << 16; n *= 2) {
            double once = work_of(_i, n, (Direction)d).flops;
            double twice = work_of(_i, 2 * n, (Direction)d).flops;
            double square = twice - 2 * once;
            ck_assert_double_gt(once, 0);
            if (kinds[_i].order == 1) {
                ck_assert_double_eq(square, 0);
            } else {
                ck_assert_double_gt(square, 0);
                if (previous > 0) ck_assert_double_eq(square, 4 * previous);
            }
            previous = square;
        }
    }
}
END_TEST

START_TEST(doubling_the_length_quadruples_softmax_and_doubles_the_right_order) {
    for (int d = 0; d < 2; d++)
        for (int n = 1; n <= 1 << 14; n *= 2) {
            AttentionWork once = work_of(_i, n, (Direction)d);
            AttentionWork twice = work_of(_i, 2 * n, (Direction)d);
            int softmax =
                kinds[_i].kind == ATTENTION_MATERIALISED || kinds[_i].kind == ATTENTION_TILED;
            if (softmax && !kinds[_i].causal) {
                ck_assert_double_eq(twice.flops, 4 * once.flops);
                ck_assert_double_eq(twice.exponentials, 4 * once.exponentials);
            }
            if (kinds[_i].order == 1) {
                ck_assert_double_eq(twice.flops, 2 * once.flops);
                ck_assert_double_eq(twice.exponentials, 2 * once.exponentials);
            }
        }
}
END_TEST

START_TEST(wrong_order_approaches_four) {
    int wrong = 4;
    ck_assert_str_eq(kinds[wrong].name, "wrong order, positive");
    double before = 0;
    for (int n = 256; n <= 1 << 18; n *= 2) {
        double ratio = work_of(wrong, 2 * n, DIRECTION_FORWARD).flops /
                       work_of(wrong, n, DIRECTION_FORWARD).flops;
        ck_assert_double_gt(ratio, before); /* the linear part of the features fades */
        ck_assert_double_lt(ratio, 4);
        before = ratio;
    }
    ck_assert_double_gt(before, 3.999);
}
END_TEST

START_TEST(bytes_have_the_stated_order) {
    for (int d = 0; d < 2; d++)
        for (int n = 64; n <= 1 << 14; n *= 2) {
            double once = work_of(_i, n, (Direction)d).bytes;
            double twice = work_of(_i, 2 * n, (Direction)d).bytes;
            double fourfold = work_of(_i, 4 * n, (Direction)d).bytes;
            ck_assert_double_gt(once, 0);
            switch (kinds[_i].bytes) {
            case 0:
                ck_assert_double_eq(twice, once);
                break;
            case 1:
                ck_assert_double_eq(twice, 2 * once);
                break;
            default:
                ck_assert_double_gt(twice - 2 * once, 0);
                ck_assert_double_eq(fourfold - 2 * twice, 4 * (twice - 2 * once));
            }
        }
}
END_TEST

START_TEST(causal_work_is_the_lower_triangle) {
    enum { N = 100, HEADS = 3 };
    double all = work_of(2, N, DIRECTION_FORWARD).flops;
    double triangle = work_of(3, N, DIRECTION_FORWARD).flops;
    ck_assert_double_eq(all, HEADS * 4.0 * N * N * E);
    ck_assert_double_eq(triangle, HEADS * 4.0 * E * N * (N + 1) / 2);
    ck_assert_double_eq(work_of(3, N, DIRECTION_FORWARD).exponentials, HEADS * 5050.0);
}
END_TEST

START_TEST(exponentials_and_bytes_of_known_shapes) {
    enum { N = 10, HEADS = 3 };
    int positive = 6, trigonometric = 8, elu = 9, relu = 10;
    ck_assert_double_eq(work_of(positive, N, DIRECTION_FORWARD).exponentials, HEADS * 2.0 * N * R);
    ck_assert_double_eq(work_of(trigonometric, N, DIRECTION_FORWARD).exponentials,
                        HEADS * 4.0 * N * R);
    ck_assert_double_eq(work_of(elu, N, DIRECTION_FORWARD).exponentials, HEADS * 2.0 * N * E);
    ck_assert_double_eq(work_of(relu, N, DIRECTION_FORWARD).exponentials, 0);
    ck_assert_double_eq(work_of(0, N, DIRECTION_FORWARD).bytes, HEADS * 4.0 * N * N);
    /* Log-sum-exps of every head; keys and values of one head, packed. */
    ck_assert_double_eq(work_of(2, N, DIRECTION_FORWARD).bytes, HEADS * 4.0 * N + 4.0 * 2 * N * E);
    ck_assert_double_eq(work_of(positive, N, DIRECTION_FORWARD).bytes, 4.0 * R * (E + 1));
}
END_TEST

START_TEST(value_does_no_operation) {
    int offsets[] = {0, 9};
    Attention a = make(0, 1, offsets, offsets, 2);
    a.kind = ATTENTION_VALUE;
    for (int d = 0; d < 2; d++) {
        AttentionWork work = attention_work(&a, (Direction)d);
        ck_assert_double_eq(work.flops, 0);
        ck_assert_double_eq(work.exponentials, 0);
        ck_assert_double_eq(work.bytes, 0);
    }
}
END_TEST

Suite *suite_work(void) {
    Suite *suite = suite_create("work");
    TCase *orders = tcase_create("orders");
    tcase_add_loop_test(orders, operations_match_the_algorithm_written_out, 0, KINDS);
    tcase_add_loop_test(orders, operations_have_the_stated_order_exactly, 0, KINDS);
    tcase_add_loop_test(orders, doubling_the_length_quadruples_softmax_and_doubles_the_right_order,
                        0, KINDS);
    tcase_add_loop_test(orders, bytes_have_the_stated_order, 0, KINDS);
    tcase_add_test(orders, wrong_order_approaches_four);
    suite_add_tcase(suite, orders);
    TCase *shapes = tcase_create("shapes");
    tcase_add_test(shapes, causal_work_is_the_lower_triangle);
    tcase_add_test(shapes, exponentials_and_bytes_of_known_shapes);
    tcase_add_test(shapes, value_does_no_operation);
    suite_add_tcase(suite, shapes);
    return suite;
}
