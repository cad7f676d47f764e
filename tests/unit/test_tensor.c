#include "tensor/tensor.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

START_TEST(shape_and_alignment) {
    Arena arena;
    Tensor q;
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    ck_assert_int_eq(tensor_take(&arena, &q, "q", 3, (size_t[]){5, 2, 7}), STATUS_OK);
    ck_assert_uint_eq(tensor_count(&q), 70);
    ck_assert_uint_eq((uintptr_t)q.data % 64, 0);
    ck_assert_uint_ge(arena.used, 70 * sizeof(float));
    char text[64];
    tensor_describe(&q, text, sizeof text);
    ck_assert_str_eq(text, "[5, 2, 7]");
    arena_close(&arena);
}
END_TEST

START_TEST(expect_names_both_shapes) {
    Arena arena;
    Tensor q;
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    ck_assert_int_eq(tensor_take(&arena, &q, "query", 2, (size_t[]){4, 8}), STATUS_OK);
    ck_assert_int_eq(tensor_expect(&q, 2, (size_t[]){4, 8}), STATUS_OK);
    ck_assert_int_eq(tensor_expect(&q, 2, (size_t[]){8, 4}), STATUS_ARGUMENT);
    ck_assert_str_eq(status_message(), "tensor query: shape [4, 8]; expected [8, 4]");
    ck_assert_int_eq(tensor_expect(&q, 1, (size_t[]){32}), STATUS_ARGUMENT);
    arena_close(&arena);
}
END_TEST

START_TEST(refuses_what_cannot_be) {
    Arena arena;
    Tensor q;
    ck_assert_int_eq(arena_open(&arena, 1 << 16), STATUS_OK);
    ck_assert_int_eq(tensor_take(&arena, &q, "q", 0, NULL), STATUS_ARGUMENT);
    ck_assert_int_eq(tensor_take(&arena, &q, "q", 5, (size_t[]){1, 1, 1, 1, 1}), STATUS_ARGUMENT);
    ck_assert_int_eq(tensor_take(&arena, &q, "q", 2, (size_t[]){SIZE_MAX / 4, 8}), STATUS_ARGUMENT);
    ck_assert_int_eq(tensor_take(&arena, &q, "scores", 2, (size_t[]){4096, 4096}), STATUS_MEMORY);
    ck_assert_ptr_nonnull(strstr(status_message(), "scores [4096, 4096]"));
    ck_assert_uint_eq(arena.used, 0);
    arena_close(&arena);
}
END_TEST

START_TEST(normal_is_a_pure_function) {
    Arena arena;
    Tensor a, b;
    ck_assert_int_eq(arena_open(&arena, 1 << 20), STATUS_OK);
    ck_assert_int_eq(tensor_take(&arena, &a, "a", 1, (size_t[]){33}), STATUS_OK);
    ck_assert_int_eq(tensor_take(&arena, &b, "b", 1, (size_t[]){33}), STATUS_OK);
    tensor_fill_normal(&a, 7, 1);
    tensor_fill_normal(&b, 7, 1);
    ck_assert_mem_eq(a.data, b.data, 33 * sizeof(float));
    tensor_fill_normal(&b, 7, 2);
    ck_assert_mem_ne(a.data, b.data, 33 * sizeof(float));
    arena_close(&arena);
}
END_TEST

Suite *suite_tensor(void) {
    Suite *suite = suite_create("tensor");
    TCase *tcase = tcase_create("tensor");
    tcase_add_test(tcase, shape_and_alignment);
    tcase_add_test(tcase, expect_names_both_shapes);
    tcase_add_test(tcase, refuses_what_cannot_be);
    tcase_add_test(tcase, normal_is_a_pure_function);
    suite_add_tcase(suite, tcase);
    return suite;
}
