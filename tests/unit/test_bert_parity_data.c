/* Parity with the reference implementation on real weights, where TAMRIN_DATA names a folder that
 * holds models/all-MiniLM-L6-v2. TAMRIN_PARITY=folder:vectors:rate adds any other model by hand
 * (vectors made by tests/golden/encoder.py --model). */
#define _POSIX_C_SOURCE 200809L
#include "parity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_bert_parity_data(void);

static const char *minilm(void) {
    static char folder[4096];
    const char *data = getenv("TAMRIN_DATA");
    if (!data || !*data) return NULL;
    snprintf(folder, sizeof folder, "%s/models/all-MiniLM-L6-v2", data);
    return access(folder, R_OK) == 0 ? folder : NULL;
}

static void show(const char *name, const Parity *p) {
    printf("parity %s: NMSE of hidden states %.2g, logits %.2g, gradients %.2g (worst tensor %.2g, "
           "%s); relative error of the loss %.2g, ten steps %.2g, norms %.2g\n",
           name, p->hidden_nmse, p->logits_nmse, p->gradient_nmse, p->worst_gradient, p->worst_name,
           p->loss_error, p->step_error, p->norm_error);
}

static void judge(const Parity *p) {
    ck_assert_double_le(p->hidden_nmse, 1e-10);
    ck_assert_double_le(p->logits_nmse, 1e-10);
    ck_assert_double_le(p->loss_error, 1e-5);
    ck_assert_double_le(p->gradient_nmse, 1e-8);
    ck_assert_msg(p->worst_gradient <= 1e-8, "%s: %g", p->worst_name, p->worst_gradient);
    ck_assert_double_le(p->step_error, 1e-4);
}

START_TEST(minilm_agrees_to_rounding) {
    Parity p;
    parity_run(&p, minilm(), "tests/golden/minilm_expected.safetensors", PRECISION_F32, 2e-5);
    show("all-MiniLM-L6-v2", &p);
    judge(&p);
}
END_TEST

START_TEST(minilm_in_bf16_loses_at_most_twice_what_autocast_loses) {
    Parity p;
    parity_run(&p, minilm(), "tests/golden/minilm_expected.safetensors", PRECISION_BF16, 2e-5);
    show("all-MiniLM-L6-v2 in bf16", &p);
    ck_assert_double_le(p.logits_nmse, 4 * p.reference_bf16_logits);
    ck_assert_double_le(p.gradient_nmse, 4 * p.reference_bf16_gradient);
}
END_TEST

START_TEST(another_model_agrees_to_rounding) {
    char folder[2048];
    Parity p;
    snprintf(folder, sizeof folder, "%s", getenv("TAMRIN_PARITY"));
    char *vectors = strchr(folder, ':'), *rate = vectors ? strchr(vectors + 1, ':') : NULL;
    ck_assert_msg(rate != NULL, "TAMRIN_PARITY=%s: expected folder:vectors:rate", folder);
    if (!rate) return;
    *vectors++ = *rate++ = 0;
    parity_run(&p, folder, vectors, PRECISION_F32, atof(rate));
    show(folder, &p);
    judge(&p);
}
END_TEST

Suite *suite_bert_parity_data(void) {
    Suite *suite = suite_create("bert_parity_data");
    TCase *one = tcase_create("real weights");
    if (minilm()) {
        tcase_add_test(one, minilm_agrees_to_rounding);
        tcase_add_test(one, minilm_in_bf16_loses_at_most_twice_what_autocast_loses);
    }
    if (getenv("TAMRIN_PARITY")) tcase_add_test(one, another_model_agrees_to_rounding);
    suite_add_tcase(suite, one);
    return suite;
}
