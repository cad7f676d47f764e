/* Memory: nothing but the outputs is written, scratch is given back, too little of it is refused
 * without harm, and what is counted grows as the formula says. */
#include "base/threads.h"
#include "property/attention.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 96 };

static const TensorName result_names[4] = {TENSOR_OUT, TENSOR_DQ, TENSOR_DK, TENSOR_DV};

/* --- what may be touched ---------------------------------------------------------------------- */

START_TEST(only_outputs_are_written) {
    const OpVariant *variant = table_variant(_i);
    for (int s = 0; s < LAYOUTS; s++) {
        Problem problem;
        if (layouts[s].cross && (variant->causal || variant->kind == ATTENTION_VALUE)) continue;
        problem_open(&problem, variant, &layouts[s], GUARD);
        run_forward(&problem, 1);
        const char *harm = problem_harm(&problem);
        ck_assert_msg(!harm, "%s/%s, forward: %s", variant->name, layouts[s].name, harm);
        run_backward(&problem);
        harm = problem_harm(&problem);
        ck_assert_msg(!harm, "%s/%s, backward: %s", variant->name, layouts[s].name, harm);
        for (int i = 0; i < 4; i++) { /* and nothing between the elements was read into them */
            double *values = problem_read(&problem, result_names[i]);
            for (size_t j = 0; j < problem_count(&problem, result_names[i]); j++)
                if (!isfinite(values[j]))
                    ck_abort_msg("%s/%s: tensor %d of {out, dq, dk, dv} is not finite at %zu",
                                 variant->name, layouts[s].name, i, j);
            free(values);
        }
        problem_close(&problem);
    }
}
END_TEST

/* Memory behind the saved state and the scratch is the arena's neighbour's. */
START_TEST(the_saved_state_stays_in_its_bytes) {
    const OpVariant *variant = table_variant(_i);
    Problem problem;
    problem_open(&problem, variant, &batch_shape, 0);
    enum { EXTRA = 256 };
    unsigned char *wide = malloc(problem.saved_bytes + 2 * EXTRA), *own = problem.saved;
    memset(wide, 0x5a, problem.saved_bytes + 2 * EXTRA);
    problem.saved = wide + EXTRA;
    run_forward(&problem, 1);
    unsigned char *copy = malloc(problem.saved_bytes + 1);
    memcpy(copy, wide + EXTRA, problem.saved_bytes);
    run_backward(&problem);
    for (int i = 0; i < EXTRA; i++)
        if (wide[i] != 0x5a || wide[EXTRA + problem.saved_bytes + i] != 0x5a)
            ck_abort_msg("%s writes beside its %zu saved bytes", variant->name,
                         problem.saved_bytes);
    ck_assert_msg(!memcmp(copy, wide + EXTRA, problem.saved_bytes),
                  "%s: backward changed what forward saved", variant->name);
    problem.saved = own;
    free(wide), free(copy);
    problem_close(&problem);
}
END_TEST

/* --- scratch memory --------------------------------------------------------------------------- */

typedef Status Call(Problem *problem, Arena *from);
static Status call_forward(Problem *problem, Arena *from) {
    return problem_forward(problem, device_cpu(), 1, from);
}
static Status call_backward(Problem *problem, Arena *from) {
    return problem_backward(problem, device_cpu(), from);
}
static Call *const calls[2] = {call_forward, call_backward};
static const char *const call_names[2] = {"forward", "backward"};

/* What is taken is given back; one line of 64 bytes less than the most that was taken is too
 * little and says so, from the first byte missing to the last; exactly that much is enough. */
START_TEST(scratch_is_given_back_and_refused_cleanly) {
    const OpVariant *variant = table_variant(_i);
    threads_set(1);
    Problem problem;
    problem_open(&problem, variant, &batch_shape, GUARD);
    run_forward(&problem, 1);
    for (int direction = 0; direction < 2; direction++) {
        ck_assert_ptr_nonnull(arena_take(&arena, 1000));
        size_t mark = arena_mark(&arena);
        arena_high_water_reset(&arena);
        ck_assert_int_eq(calls[direction](&problem, &arena), STATUS_OK);
        ck_assert_msg(arena.used == mark, "%s %s: of %zu bytes taken, %zu were kept", variant->name,
                      call_names[direction], arena.high_water - mark, arena.used - mark);
        size_t needed = arena.high_water - mark;
        arena_rewind(&arena, 0);
        for (int part = 0; part <= 16 && needed; part++) {
            size_t left = part == 16 ? needed - 64 : needed * (size_t)part / 16 / 64 * 64;
            Arena small;
            ck_assert_int_eq(arena_open(&small, needed + 4096), STATUS_OK);
            ck_assert_ptr_nonnull(arena_take(&small, small.capacity - left));
            size_t used = small.used;
            Status status = calls[direction](&problem, &small);
            ck_assert_msg(status == STATUS_MEMORY, "%s %s: status %d with %zu of %zu bytes",
                          variant->name, call_names[direction], status, left, needed);
            ck_assert_str_ne(status_message(), "");
            ck_assert_uint_eq(small.used, used);
            const char *harm = problem_harm(&problem);
            ck_assert_msg(!harm, "%s %s, refused: %s", variant->name, call_names[direction], harm);
            arena_rewind(&small, 0);
            arena_close(&small);
        }
        Arena exact;
        ck_assert_int_eq(arena_open(&exact, needed + 4096), STATUS_OK);
        ck_assert_ptr_nonnull(arena_take(&exact, exact.capacity - needed));
        ck_assert_int_eq(calls[direction](&problem, &exact), STATUS_OK);
        arena_close(&exact);
        if (direction == 0) run_forward(&problem, 1); /* whole again for backward */
    }
    problem_close(&problem);
}
END_TEST

/* Bytes counted, the arena's most and what forward saved, for one head of one sequence. */
static double counted_bytes(const OpVariant *variant, int length, int direction, double *formula) {
    OpShape shape = {"memory", 0, LAYOUT_ROWS, VALUES_NORMAL, .7, 1, 32, 32, 1, {length}, {0}, 0};
    Problem problem;
    problem_open(&problem, variant, &shape, 0);
    run_forward(&problem, 1);
    arena_high_water_reset(&arena);
    ck_assert_int_eq(calls[direction](&problem, &arena), STATUS_OK);
    double bytes = (double)arena.high_water + (double)problem.saved_bytes;
    *formula = attention_work(&problem.attention, direction).bytes;
    problem_close(&problem);
    return bytes;
}

/* What is counted is at least what the formula says that the method must hold, and grows as the
 * formula does: with N^2, with N, or not at all but for a few numbers a row. */
START_TEST(memory_grows_like_its_formula) {
    const OpVariant *variant = table_variant(_i);
    threads_set(1);
    for (int direction = 0; direction < 2; direction++) {
        double formula, formula_twice;
        double once = counted_bytes(variant, 768, direction, &formula);
        double twice = counted_bytes(variant, 1536, direction, &formula_twice);
        double grown = twice - once, matrix = 4. * 768 * 768;
        const char *name = variant->name, *way = call_names[direction];
        ck_assert_msg(once >= formula, "%s %s: %.0f bytes counted, formula %.0f", name, way, once,
                      formula);
        switch (variant->kind) {
        case ATTENTION_MATERIALISED:
            ck_assert_msg(once == formula && twice == formula_twice,
                          "%s %s: %.0f bytes counted, formula %.0f", name, way, once, formula);
            break;
        case ATTENTION_KERNEL_QUADRATIC:
            ck_assert_msg(grown >= 3 * (direction + 1) * matrix,
                          "%s %s: grows by %.0f bytes, a score matrix by %.0f", name, way, grown,
                          3 * matrix);
            break;
        case ATTENTION_TILED:
            ck_assert_msg(twice <= 2 * once && twice < matrix,
                          "%s %s: from %.0f to %.0f bytes as N doubles", name, way, once, twice);
            break;
        case ATTENTION_KERNEL_LINEAR:
            ck_assert_msg(grown <= 4 * 4 * 768, "%s %s: from %.0f to %.0f bytes as N doubles", name,
                          way, once, twice);
            break;
        case ATTENTION_VALUE:
            ck_assert_double_eq(twice, 0);
            break;
        }
    }
}
END_TEST

Suite *suite_attention_memory(void) {
    Suite *suite = suite_create("attention memory");
    const TTest *tests[] = {only_outputs_are_written, the_saved_state_stays_in_its_bytes,
                            scratch_is_given_back_and_refused_cleanly,
                            memory_grows_like_its_formula};
    TCase *tcase = tcase_create("memory");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(tcase, tests[i], 0, table_variants());
    suite_add_tcase(suite, tcase);
    return suite;
}
