/* Every operation of the questions has a twin on a GPU, which gives the same numbers, or stands in
 * the list with the reason why not; nothing that it lacks is computed elsewhere. */
#include "op/operations.h"
#include "op/mirror.h"
#include "op/reference.h"
#include "op/table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_operations(void);

#define NMSE 1e-9

static Arena arena;
static OperationNumbers ours, theirs;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)16 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

static const char *const reasons[] = {"tape", "decoder", "generation"};

START_TEST(every_pointer_of_a_device_is_listed) {
    const char *forgotten = operations_forgotten();
    ck_assert_msg(forgotten == NULL, "%s is in no line of tests/op/operations.c", forgotten);
    for (int i = 0; i < operations_count(); i++)
        for (int j = 0; j < i; j++)
            ck_assert_msg(strcmp(operation_at(i)->group, operation_at(j)->group) ||
                              strcmp(operation_at(i)->name, operation_at(j)->name),
                          "%s.%s stands twice", operation_at(i)->group, operation_at(i)->name);
}
END_TEST

START_TEST(the_processor_has_all_of_them) {
    for (int i = 0; i < operations_count(); i++)
        for (int d = 0; d < 2; d++) {
            const Operation *o = operation_at(i);
            if (!operation_has(o, (Direction)d)) continue;
            ck_assert_msg(operation_ask(o, device_cpu(), PRECISION_F32, (Direction)d, &arena,
                                        &ours) == OPERATION_RUNS,
                          "%s.%s, direction %d: %s", o->group, o->name, d, status_message());
        }
}
END_TEST

static double distance(const OperationNumbers *x, const OperationNumbers *y) {
    static double a[OPERATION_NUMBERS], b[OPERATION_NUMBERS];
    ck_assert_uint_eq(x->count, y->count);
    for (size_t i = 0; i < x->count; i++) a[i] = (double)x->value[i], b[i] = (double)y->value[i];
    return reference_nmse(a, b, x->count);
}

START_TEST(a_gpu_has_a_twin_or_a_reason) {
    const Device *cuda = mirror_cuda();
    if (!cuda) return;
    for (int i = 0; i < operations_count(); i++)
        for (int d = 0; d < 2; d++) {
            const Operation *o = operation_at(i);
            if (!operation_has(o, (Direction)d)) continue;
            const OperationAnswer answer =
                operation_ask(o, cuda, PRECISION_F32, (Direction)d, &arena, &ours);
            ck_assert_msg(answer != OPERATION_FAILS, "%s.%s, direction %d: %s", o->group, o->name,
                          d, status_message());
            if (answer == OPERATION_LACKS) {
                int known = 0;
                for (size_t r = 0; o->without_gpu && r < sizeof reasons / sizeof *reasons; r++)
                    known = known || strcmp(o->without_gpu, reasons[r]) == 0;
                ck_assert_msg(known,
                              "%s.%s, direction %d, has no twin on a GPU and no reason in "
                              "tests/op/operations.c",
                              o->group, o->name, d);
                continue;
            }
            ck_assert_msg(!o->without_gpu, "%s.%s runs on a GPU: its reason is out of date",
                          o->group, o->name);
            ck_assert_int_eq(
                operation_ask(o, device_cpu(), PRECISION_F32, (Direction)d, &arena, &theirs),
                OPERATION_RUNS);
            const double nmse = distance(&ours, &theirs);
            ck_assert_msg(nmse <= NMSE, "%s.%s, direction %d: NMSE %.3g from the processor's",
                          o->group, o->name, d, nmse);
        }
}
END_TEST

/* A pointer that the GPU's table shared with the processor's would read the wrong memory. */
START_TEST(nothing_is_computed_elsewhere) {
    if (!mirror_cuda()) return;
    for (int i = 0; i < operations_count(); i++)
        for (int d = 0; d < 2; d++) {
            const Operation *o = operation_at(i);
            void (*there)(void) = operation_address(o, mirror_behind(), (Direction)d);
            ck_assert_msg(!there || there != operation_address(o, device_cpu(), (Direction)d),
                          "%s.%s of the GPU is the processor's", o->group, o->name);
            if (o->without_gpu)
                ck_assert_msg(!there, "%s.%s is there, and its reason says that it is not",
                              o->group, o->name);
        }
}
END_TEST

/* What the list would say of a device that lacks something, and of one that leaves a number out. */
static Status refuses(const Attention *a, AttentionIn q, AttentionIn k, AttentionIn v,
                      AttentionOut out, void *saved, Arena *room) {
    (void)a, (void)q, (void)k, (void)v, (void)out, (void)saved, (void)room;
    return status_fail(STATUS_UNSUPPORTED, "attention is not there");
}

static Status writes_nothing(int ta, int tb, int m, int n, int k, float alpha, const float *a,
                             size_t lda, const float *b, size_t ldb, float beta, float *c,
                             size_t ldc) {
    (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda, (void)b;
    (void)ldb, (void)beta, (void)c, (void)ldc;
    return STATUS_OK;
}

START_TEST(an_answer_is_what_the_device_did) {
    Device device = *device_cpu();
    device.attention_forward = refuses;
    device.gemm = writes_nothing;
    device.recurrent = NULL;
    int refused = 0, unwritten = 0, missing = 0;
    for (int i = 0; i < operations_count(); i++) {
        const Operation *o = operation_at(i);
        const OperationAnswer answer =
            operation_ask(o, &device, PRECISION_F32, DIRECTION_FORWARD, &arena, &ours);
        refused += strcmp(o->group, "attention") == 0 && answer == OPERATION_LACKS;
        unwritten += strcmp(o->name, "gemm") == 0 && answer == OPERATION_FAILS;
        missing += strcmp(o->group, "recurrent") == 0 && answer == OPERATION_LACKS;
    }
    ck_assert_int_eq(refused, table_variants());
    ck_assert_int_eq(unwritten, 1);
    ck_assert_int_eq(missing, 3);
}
END_TEST

Suite *suite_operations(void) {
    Suite *suite = suite_create("operations");
    TCase *list = tcase_create("list");
    tcase_add_checked_fixture(list, setup, teardown);
    tcase_set_timeout(list, 60);
    tcase_add_test(list, every_pointer_of_a_device_is_listed);
    tcase_add_test(list, the_processor_has_all_of_them);
    tcase_add_test(list, a_gpu_has_a_twin_or_a_reason);
    tcase_add_test(list, nothing_is_computed_elsewhere);
    tcase_add_test(list, an_answer_is_what_the_device_did);
    suite_add_tcase(suite, list);
    return suite;
}
