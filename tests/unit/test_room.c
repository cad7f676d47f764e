/* room: a device's memory in parts, numbers that are the host's wherever they lie, and the cases of
 * question 4 on a device beside the CPU's. */
#include "op/mirror.h"
#include "q4_complexity_case.h"
#include "room.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_room(void);

static Room there;

static const Device *gpu(void) {
    return mirror_cuda() ? mirror_behind() : NULL;
}

START_TEST(parts_are_given_back_in_order) {
    if (!gpu()) return;
    Arena one, two, rest;
    ck_assert_int_eq(room_open(&there, gpu()), STATUS_OK);
    const size_t all = room_left(&there);
    ck_assert_int_eq(room_arena(&there, 640, &one), STATUS_OK);
    ck_assert_int_eq(room_arena(&there, 64, &two), STATUS_OK);
    ck_assert_int_eq(room_arena(&there, 0, &rest), STATUS_OK);
    ck_assert_uint_eq(rest.capacity, all / 64 * 64 - 704);
    ck_assert_ptr_eq(two.base, one.base + 640);
    Arena none;
    ck_assert_int_eq(room_arena(&there, 6400, &none), STATUS_MEMORY);
    ck_assert_ptr_nonnull(strstr(status_message(), "6400 bytes asked"));
    ck_assert_ptr_nonnull(strstr(status_message(), "are free"));
    room_arena_close(&there, &none); /* nothing */
    room_arena_close(&there, &rest);
    room_arena_close(&there, &two);
    room_arena_close(&there, &one);
    ck_assert_uint_eq(room_left(&there), all);
    room_close(&there);
}
END_TEST

START_TEST(numbers_are_the_hosts) {
    if (!gpu()) return;
    enum { COUNT = 70000 }; /* more than a block */
    float *host = malloc(2 * COUNT * sizeof *host);
    Arena arena;
    ck_assert_int_eq(room_open(&there, gpu()), STATUS_OK);
    ck_assert_int_eq(room_arena(&there, COUNT * sizeof(float) + 64, &arena), STATUS_OK);
    float *at = arena_take(&arena, COUNT * sizeof *at);
    ck_assert_int_eq(room_fill_normal(device_cpu(), host, COUNT, 5, "trial"), STATUS_OK);
    ck_assert_int_eq(room_fill_normal(gpu(), at, COUNT, 5, "trial"), STATUS_OK);
    ck_assert_int_eq(gpu()->memory->download(host + COUNT, at, COUNT * sizeof *at), STATUS_OK);
    ck_assert_mem_eq(host, host + COUNT, COUNT * sizeof *host);
    room_arena_close(&there, &arena);
    room_close(&there);
    free(host);
}
END_TEST

enum { H = 2, E = 16, R = 16, N = 20, FLOATS = H * E * N };

/* What a case leaves behind: the output and, after backward, the gradient of the keys. */
static Status run_case(const Device *device, const Variant *variant, int backward,
                       float result[2 * FLOATS]) {
    Room room;
    Workspace workspace;
    Case one;
    const int calls[2] = {1, backward ? 2 : 0};
    Sample sample[2] = {{0}};
    ck_assert_int_eq(room_open(&room, device), STATUS_OK);
    ck_assert_int_eq(workspace_open(&workspace, &room, FLOATS, R * E, 3, 1, 0), STATUS_OK);
    ck_assert_int_eq(workspace_project(&workspace, R, E, 3, 0), STATUS_OK);
    case_make(&one, variant, (Shape){H, E, R, N}, &workspace);
    const Status status = case_measure(&workspace, &one, calls, sample);
    for (int d = 0; d < 2; d++) ck_assert_double_ge(sample[d].seconds, 0);
    ck_assert_uint_eq(workspace.work.used, 0);
    const DeviceMemory *memory = device->memory;
    ck_assert_int_eq(memory->download(result, workspace.output, FLOATS * sizeof(float)), STATUS_OK);
    ck_assert_int_eq(memory->download(result + FLOATS, workspace.dkey, FLOATS * sizeof(float)),
                     STATUS_OK);
    workspace_close(&workspace);
    room_close(&room);
    return status;
}

/* In f32 to its rounding; in other formats to that of their significands, about (the operator table
 * is strict: tests/op/test_precision.c). A backward that is not there is said so. */
START_TEST(a_case_is_the_same_on_both) {
    float ours[2 * FLOATS], theirs[2 * FLOATS];
    if (!gpu()) return;
    const Variant *variant = &case_variants[_i];
    Variant plain = *variant;
    plain.precision = PRECISION_F32;
    int backward = 1;
    if (run_case(gpu(), variant, 1, ours) != STATUS_OK) {
        ck_assert_int_ne(variant->precision, PRECISION_F32);
        ck_assert_ptr_nonnull(strstr(status_message(), "is not there"));
        backward = 0;
        ck_assert_int_eq(run_case(gpu(), variant, 0, ours), STATUS_OK);
    }
    ck_assert_int_eq(run_case(device_cpu(), &plain, backward, theirs), STATUS_OK);
    const double most[] = {1e-9, 1e-3, 1e-5};
    for (int d = 0; d <= backward; d++) {
        double off = 0, size = 0;
        for (int i = d * FLOATS; i < (d + 1) * FLOATS; i++) {
            off += pow((double)ours[i] - theirs[i], 2);
            size += pow(theirs[i], 2);
        }
        /* the gradient of VALUE's keys is zero */
        ck_assert(size > 0 || (d == 1 && variant->kind == ATTENTION_VALUE));
        ck_assert_msg(off <= most[variant->precision] * size, "%s: %g of %g", variant->slug, off,
                      size);
    }
}
END_TEST

Suite *suite_room(void) {
    Suite *suite = suite_create("room");
    TCase *room = tcase_create("room");
    tcase_add_test(room, parts_are_given_back_in_order);
    tcase_add_test(room, numbers_are_the_hosts);
    tcase_add_loop_test(room, a_case_is_the_same_on_both, 0, VARIANT_COUNT);
    suite_add_tcase(suite, room);
    return suite;
}
