/* What the property tests of attention share: the layouts that they try, one arena for each test,
 * and runs that must succeed. */
#ifndef PROPERTY_ATTENTION_H
#define PROPERTY_ATTENTION_H

#include "base/arena.h"
#include "op/op.h"
#include "op/problem.h"
#include "op/table.h"

#include <check.h>

/* clang-format off */
static const OpShape batch_shape =
    {"batch", 0, LAYOUT_ROWS, VALUES_NORMAL, .7, 2, 20, 24, 5, {70, 1, 0, 131, 12}, {0}, 0};
static const OpShape layouts[] = {
    {"rows",   0, LAYOUT_ROWS,   VALUES_NORMAL, .7, 2, 33, 24, 3, {13, 0, 65}, {0}, 0},
    {"heads",  0, LAYOUT_HEADS,  VALUES_NORMAL, .7, 3, 5, 9, 2, {97, 2}, {0}, 0},
    {"fused",  0, LAYOUT_FUSED,  VALUES_NORMAL, .7, 2, 20, 33, 2, {1, 66}, {0}, 0},
    {"gapped", 0, LAYOUT_GAPPED, VALUES_NORMAL, .7, 2, 16, 16, 2, {64, 11}, {0}, 0},
    {"across", 0, LAYOUT_GAPPED, VALUES_NORMAL, .7, 2, 17, 12, 2, {64, 11}, {7, 129}, 1},
};
/* clang-format on */

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static Arena arena;
static const Device *tested; /* NULL: the CPU */

static const Device *device_tested(void) {
    return tested ? tested : device_cpu();
}

static void setup(void) {
    tested = NULL;
    ck_assert_int_eq(arena_open(&arena, (size_t)256 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

static void run_forward(Problem *problem, int save) {
    Status status = problem_forward(problem, device_tested(), save, &arena);
    ck_assert_msg(status == STATUS_OK, "%s/%s: %s", problem->variant->name, problem->shape->name,
                  status_message());
}

static void run_backward(Problem *problem) {
    Status status = problem_backward(problem, device_tested(), &arena);
    ck_assert_msg(status == STATUS_OK, "%s/%s: %s", problem->variant->name, problem->shape->name,
                  status_message());
}

#endif
