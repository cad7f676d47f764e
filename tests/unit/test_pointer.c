/* The pointer's loss: by hand, against differences, equal words interchangeable; attention to what
 * remains is causal attention read backwards; rows one later. */
#include "base/rng.h"
#include "nn/multihead.h"
#include "nn/pointer.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *suite_pointer(void);

enum { D = 8, T = 9, B = 2 };
static const int offsets[] = {0, 5, T};
static const uint32_t words[T] = {7, 3, 7, 1, 7, 2, 4, 2, 9};

static double loss_of(const float *q, const float *k, float *dq, float *dk, int *right) {
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *queries = tape_input(&tape, (float *)(uintptr_t)q, T, D);
    Value *keys = tape_input(&tape, (float *)(uintptr_t)k, T, D);
    Value *loss = nn_pointer_loss(&tape, queries, keys, B, offsets, words, right);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    const double value = (double)loss->data[0];
    ck_assert_int_eq(tape_backward(&tape, loss, 1), STATUS_OK);
    if (dq) memcpy(dq, queries->gradient, T * D * sizeof *dq);
    if (dk) memcpy(dk, keys->gradient, T * D * sizeof *dk);
    arena_close(&arena);
    return value;
}

/* In double, as the header writes it. */
static double reference(const float *q, const float *k) {
    double sum = 0;
    for (int b = 0; b < B; b++)
        for (int t = offsets[b]; t < offsets[b + 1]; t++) {
            double all = 0, equal = 0; /* the right word itself is in both */
            for (int j = t; j < offsets[b + 1]; j++) {
                double z = 0;
                for (int i = 0; i < D; i++) z += (double)q[t * D + i] * (double)k[j * D + i];
                all += exp(z / sqrt(D));
                if (words[j] == words[t]) equal += exp(z / sqrt(D));
            }
            ck_assert(equal > 0);
            sum += log(all / equal);
        }
    return sum / T;
}

START_TEST(is_the_formula_and_its_gradient) {
    float q[T * D], k[T * D], dq[T * D], dk[T * D];
    rng_fill_normal(q, T * D, 1, 1);
    rng_fill_normal(k, T * D, 1, 2);
    ck_assert_double_eq_tol(loss_of(q, k, dq, dk, NULL), reference(q, k), 1e-6);
    float *const side[] = {q, k}, *const gradient[] = {dq, dk};
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < T * D; i++) {
            const float kept = side[s][i], step = 1e-2f;
            side[s][i] = kept + step;
            const double above = reference(q, k);
            side[s][i] = kept - step;
            const double below = reference(q, k);
            side[s][i] = kept;
            ck_assert_double_eq_tol((double)gradient[s][i], (above - below) / (2 * (double)step),
                                    2e-5);
        }
}
END_TEST

START_TEST(equal_words_and_the_last_word_cost_nothing) {
    /* Keys that say nothing: of n words left, log(n / copies) is lost. */
    float q[T * D] = {0}, k[T * D] = {0};
    const double by_hand =
        (log(5 / 3.) + log(4) + log(3 / 2.) + log(2) + 0 + log(4 / 2.) + log(3) + log(2) + 0) / T;
    int right;
    ck_assert_double_eq_tol(loss_of(q, k, NULL, NULL, &right), by_hand, 1e-6);
    ck_assert_int_eq(right, T); /* of equal scores the first counts, which is the right one here */
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused) {
    Arena arena;
    Tape tape;
    float q[T * D] = {0};
    const int short_of[] = {0, 5, T - 1}, falling[] = {0, T + 1, T};
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    const int *bad[] = {short_of, falling};
    for (int i = 0; i < 2; i++) {
        tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
        Value *x = tape_input(&tape, q, T, D);
        ck_assert_ptr_null(nn_pointer_loss(&tape, x, x, B, bad[i], words, NULL));
        ck_assert_int_eq(tape_status(&tape), STATUS_ARGUMENT);
        tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
        x = tape_input(&tape, q, T, D);
        ck_assert_ptr_null(nn_shift_rows(&tape, x, B, bad[i]));
    }
    arena_close(&arena);
}
END_TEST

START_TEST(shifted_rows_and_their_gradient) {
    Arena arena;
    Tape tape;
    float x[T * D], g[T * D];
    rng_fill_normal(x, T * D, 1, 3);
    rng_fill_normal(g, T * D, 1, 4);
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    tape_open(&tape, &arena, TAPE_EXACT, 1, 0);
    Value *from = tape_input(&tape, x, T, D);
    Value *y = nn_shift_rows(&tape, from, B, offsets);
    ck_assert_int_eq(tape_backward_from(&tape, y, g), STATUS_OK);
    for (int b = 0; b < B; b++)
        for (int t = offsets[b]; t < offsets[b + 1]; t++)
            for (int i = 0; i < D; i++) {
                const int is_first = t == offsets[b], is_last = t + 1 == offsets[b + 1];
                ck_assert(y->data[t * D + i] == (is_first ? 0 : x[(t - 1) * D + i]));
                ck_assert(from->gradient[t * D + i] == (is_last ? 0 : g[(t + 1) * D + i]));
            }
    arena_close(&arena);
}
END_TEST

/* --- what remains ------------------------------------------------------------------------------
 */

static void attend(int remaining, float dropout, const float *qkv, const float *g, float *out,
                   float *gradient) {
    Arena arena;
    Tape tape;
    ck_assert_int_eq(arena_open(&arena, 1 << 24), STATUS_OK);
    tape_open(&tape, &arena, dropout > 0 ? TAPE_TRAIN : TAPE_EXACT, 1, 0);
    Value *x = tape_input(&tape, (float *)(uintptr_t)qkv, T, 3 * D);
    const MultiheadShape shape = {.kind = ATTENTION_MATERIALISED,
                                  .heads = 2,
                                  .sequences = B,
                                  .query_offsets = offsets,
                                  .key_offsets = offsets,
                                  .causal = !remaining,
                                  .remaining = remaining,
                                  .dropout = dropout};
    Value *y = nn_attention(&tape, (AttentionPart){x, 0}, (AttentionPart){x, D},
                            (AttentionPart){x, 2 * D}, D, &shape);
    ck_assert_msg(tape_status(&tape) == STATUS_OK, "%s", status_message());
    ck_assert_int_eq(tape_backward_from(&tape, y, g), STATUS_OK);
    memcpy(out, y->data, T * D * sizeof *out);
    memcpy(gradient, x->gradient, 3 * T * D * sizeof *gradient);
    arena_close(&arena);
}

static void reverse(const float *from, int columns, float *to) {
    for (int b = 0; b < B; b++)
        for (int t = offsets[b]; t < offsets[b + 1]; t++)
            memcpy(to + (offsets[b] + offsets[b + 1] - 1 - t) * columns, from + t * columns,
                   (size_t)columns * sizeof *to);
}

START_TEST(what_remains_is_causal_attention_backwards) {
    float x[3 * T * D], g[T * D], y[T * D], dx[3 * T * D];
    float rx[3 * T * D], rg[T * D], ry[T * D], rdx[3 * T * D], again[3 * T * D];
    rng_fill_normal(x, 3 * T * D, 1, 5);
    rng_fill_normal(g, T * D, 1, 6);
    attend(1, 0, x, g, y, dx);
    reverse(x, 3 * D, rx);
    reverse(g, D, rg);
    attend(0, 0, rx, rg, ry, rdx);
    reverse(ry, D, again);
    for (int i = 0; i < T * D; i++) ck_assert_float_eq_tol(y[i], again[i], 1e-6f);
    reverse(rdx, 3 * D, again);
    for (int i = 0; i < 3 * T * D; i++) ck_assert_float_eq_tol(dx[i], again[i], 1e-5f);
    /* The last row of a sequence sees itself alone, with dropout or without. */
    ck_assert_mem_eq(y + (T - 1) * D, x + (T - 1) * 3 * D + 2 * D, D * sizeof *y);
}
END_TEST

Suite *suite_pointer(void) {
    Suite *suite = suite_create("pointer");
    TCase *test = tcase_create("pointer");
    tcase_add_test(test, is_the_formula_and_its_gradient);
    tcase_add_test(test, equal_words_and_the_last_word_cost_nothing);
    tcase_add_test(test, shapes_that_do_not_fit_are_refused);
    tcase_add_test(test, shifted_rows_and_their_gradient);
    tcase_add_test(test, what_remains_is_causal_attention_backwards);
    suite_add_tcase(suite, test);
    return suite;
}
