/* parameter: names, memory that becomes real when used, rows with a gradient. */
#include "grad/parameter.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *suite_parameter(void);

START_TEST(parameters_keep_their_order_and_find_by_name) {
    ParameterSet set;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    for (int i = 0; i < 200; i++) { /* beyond the first list */
        char name[32];
        snprintf(name, sizeof name, "layer.%d.weight", i);
        Parameter *p = parameters_add(&set, name, 2, (size_t[]){3, (size_t)i + 1});
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(p->count, 3 * ((size_t)i + 1));
        ck_assert_uint_eq((uintptr_t)p->value % 64, 0);
        ck_assert_uint_eq((uintptr_t)p->gradient % 64, 0);
        for (size_t k = 0; k < p->count; k++) p->value[k] = p->gradient[k] = (float)i;
    }
    ck_assert_uint_eq(set.count, 200);
    ck_assert_uint_eq(parameters_count(&set), 3 * 200 * 201 / 2);
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer.%d.weight", i);
        ck_assert_str_eq(set.item[i]->name, name);
        ck_assert_ptr_eq(parameters_find(&set, name), set.item[i]);
        for (size_t k = 0; k < set.item[i]->count; k++) {
            ck_assert_float_eq(set.item[i]->value[k], (float)i);
            ck_assert_float_eq(set.item[i]->gradient[k], (float)i);
        }
    }
    ck_assert_ptr_null(parameters_find(&set, "layer.200.weight"));
    parameters_close(&set);
    parameters_close(&set); /* a closed set may be closed again */
}
END_TEST

START_TEST(what_makes_no_sense_is_refused) {
    ParameterSet set;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    ck_assert_ptr_nonnull(parameters_add(&set, "w", 1, (size_t[]){4}));
    ck_assert_ptr_null(parameters_add(&set, "w", 1, (size_t[]){4}));
    ck_assert_ptr_nonnull(strstr(status_message(), "'w'"));
    ck_assert_ptr_null(parameters_add(&set, "", 1, (size_t[]){4}));
    ck_assert_ptr_null(parameters_add(&set, "x", 0, NULL));
    ck_assert_ptr_null(parameters_add(&set, "x", TENSOR_RANK_MAX + 1, (size_t[]){1, 1, 1, 1, 1}));
    ck_assert_ptr_null(parameters_add(&set, "x", 2, (size_t[]){4, 0}));
    ck_assert_ptr_null(parameters_add(&set, "x", 2, (size_t[]){SIZE_MAX / 2, 4}));
    ck_assert_ptr_null(parameters_add(&set, "x", 1, (size_t[]){(size_t)1 << 55}));
    char name[PARAMETER_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    name[PARAMETER_NAME_MAX] = 0;
    ck_assert_ptr_null(parameters_add(&set, name, 1, (size_t[]){4}));
    name[PARAMETER_NAME_MAX - 1] = 0;
    ck_assert_ptr_nonnull(parameters_add(&set, name, 1, (size_t[]){4}));
    ck_assert_uint_eq(set.count, 2);
    ck_assert_int_eq(parameter_use_rows(&set, set.item[0]), STATUS_ARGUMENT);
    ck_assert_int_eq(parameter_use_products(set.item[0], PRECISION_F32), STATUS_ARGUMENT);
    Parameter *table = parameters_add(&set, "table", 2, (size_t[]){4, 2});
    ck_assert_int_eq(parameter_use_rows(&set, table), STATUS_OK);
    ck_assert_int_eq(parameter_use_products(table, PRECISION_F32), STATUS_ARGUMENT);
    parameters_close(&set);
}
END_TEST

START_TEST(rows_are_listed_once_sorted_and_cleared) {
    ParameterSet set;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    Parameter *dense = parameters_add(&set, "dense", 1, (size_t[]){4});
    Parameter *table = parameters_add(&set, "table", 2, (size_t[]){1003, 5});
    ck_assert_int_eq(parameter_use_rows(&set, table), STATUS_OK);
    for (size_t i = 0; i < table->count; i++) ck_assert_float_eq(table->gradient[i], 0);

    parameter_touch_rows(table, (int32_t[]){1002, 7, 7, 0, -1, 1003}, 6);
    parameter_touch_rows(table, (int32_t[]){8, 1002, 640}, 3);
    ck_assert_uint_eq(table->row_count, 5);
    parameter_sort_rows(table);
    const uint32_t sorted[] = {0, 7, 8, 640, 1002};
    ck_assert_mem_eq(table->rows, sorted, sizeof sorted);
    for (size_t r = 0; r < table->row_count; r++)
        for (size_t k = 0; k < 5; k++) table->gradient[table->rows[r] * 5 + k] = 1;
    dense->has_gradient = 1;

    parameters_clear_gradients(&set);
    ck_assert_int_eq(dense->has_gradient, 0);
    ck_assert_uint_eq(table->row_count, 0);
    for (size_t i = 0; i < table->count; i++) ck_assert_float_eq(table->gradient[i], 0);
    for (size_t i = 0; i < 1003; i++) ck_assert_uint_eq(table->touched[i], 0);
    parameters_close(&set);
}
END_TEST

START_TEST(products_see_changed_values) {
    ParameterSet set;
    ck_assert_int_eq(parameters_open(&set), STATUS_OK);
    Parameter *w = parameters_add(&set, "w", 2, (size_t[]){2, 3});
    ck_assert_int_eq(parameter_use_products(w, PRECISION_F32), STATUS_OK);
    for (int i = 0; i < 6; i++) w->value[i] = (float)i;
    ck_assert_int_eq(parameters_changed(&set), STATUS_OK);
    const float x[3] = {1, 10, 100};
    float y[2];
    ck_assert_int_eq(matmul_forward(w->products, 1, x, y), STATUS_OK);
    ck_assert_float_eq(y[0], 210);
    ck_assert_float_eq(y[1], 543);
    w->value[0] = 1;
    ck_assert_int_eq(parameters_changed(&set), STATUS_OK);
    ck_assert_int_eq(matmul_forward(w->products, 1, x, y), STATUS_OK);
    ck_assert_float_eq(y[0], 211);
    parameters_close(&set);
}
END_TEST

Suite *suite_parameter(void) {
    Suite *suite = suite_create("parameter");
    TCase *tests = tcase_create("parameter");
    tcase_add_test(tests, parameters_keep_their_order_and_find_by_name);
    tcase_add_test(tests, what_makes_no_sense_is_refused);
    tcase_add_test(tests, rows_are_listed_once_sorted_and_cleared);
    tcase_add_test(tests, products_see_changed_values);
    suite_add_tcase(suite, tests);
    return suite;
}
