/* The whole of BERT and MPNet beside the reference implementation: hidden states, logits, loss,
 * every gradient, ten steps of AdamW. Random models of 2 layers of width 32 here; real weights in
 * test_bert_parity_data.c. */
#include "parity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

Suite *suite_bert_parity(void);

static const char *const names[] = {"bert_tiny", "mpnet_tiny"};

static void run(Parity *parity, const char *name, Precision precision) {
    char folder[64], expected[96];
    snprintf(folder, sizeof folder, "tests/golden/%s", name);
    snprintf(expected, sizeof expected, "tests/golden/%s_expected.safetensors", name);
    parity_run(parity, folder, expected, precision, 1e-3);
}

START_TEST(f32_agrees_to_rounding) {
    Parity p;
    run(&p, names[_i], PRECISION_F32);
    if (getenv("TAMRIN_SHOW"))
        printf("%s: hidden %.2g logits %.2g loss %.2g gradients %.2g worst %.2g (%s) steps %.2g "
               "norms %.2g\n",
               names[_i], p.hidden_nmse, p.logits_nmse, p.loss_error, p.gradient_nmse,
               p.worst_gradient, p.worst_name, p.step_error, p.norm_error);
    /* Ten times what the reference's own f32 is from its f64 (tests/golden/README.md). */
    ck_assert_double_le(p.hidden_nmse, 4e-12);
    ck_assert_double_le(p.logits_nmse, 4e-12);
    ck_assert_double_le(p.loss_error, 1e-6);
    ck_assert_int_ge(p.tensors, 40);
    ck_assert_double_le(p.gradient_nmse, 4e-12);
    ck_assert_msg(p.worst_gradient <= 1e-8, "%s: %g", p.worst_name, p.worst_gradient);
    ck_assert_double_le(p.step_error, 1e-4);
    ck_assert_double_le(p.norm_error, 1e-4);
}
END_TEST

START_TEST(bf16_loses_at_most_twice_what_autocast_loses) {
    Parity p;
    run(&p, names[_i], PRECISION_BF16);
    ck_assert_double_gt(p.logits_nmse, 0);
    ck_assert_double_le(p.logits_nmse, 4 * p.reference_bf16_logits); /* squares: twice the error */
    ck_assert_double_le(p.gradient_nmse, 4 * p.reference_bf16_gradient);
}
END_TEST

Suite *suite_bert_parity(void) {
    Suite *suite = suite_create("bert_parity");
    TCase *one = tcase_create("tiny");
    tcase_add_loop_test(one, f32_agrees_to_rounding, 0, 2);
    tcase_add_loop_test(one, bf16_loses_at_most_twice_what_autocast_loses, 0, 2);
    suite_add_tcase(suite, one);
    return suite;
}
