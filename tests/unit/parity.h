/* parity: our BERT beside vectors made with the reference implementation (tests/golden/README.md).
 *
 *     Parity parity;
 *     parity_run(&parity, "tests/golden/bert_tiny", "tests/golden/bert_tiny_expected.safetensors",
 *                PRECISION_F32, 1e-3);
 *     ck_assert_double_le(parity.hidden_nmse, 1e-10);
 *
 * Aborts the test on anything that cannot be read.
 */
#ifndef TESTS_UNIT_PARITY_H
#define TESTS_UNIT_PARITY_H

#include "op/matmul.h"

#define PARITY_STEPS 10

typedef struct {
    double hidden_nmse; /* the worst of all layers */
    double logits_nmse;
    double loss_error;     /* relative */
    double gradient_nmse;  /* of all tensors together */
    double worst_gradient; /* the worst tensor's squared error over its own squares, where these are
                              at least 1e-12 of all */
    char worst_name[128];
    int tensors;
    double step_error; /* the worst of the losses of the optimiser's steps, relative */
    double norm_error; /* the same of the global gradient norms */
    /* what the reference's bf16 autocast loses against its own f32 */
    double reference_bf16_logits, reference_bf16_gradient;
} Parity;

/* `rate` of the ten AdamW steps. */
void parity_run(Parity *out, const char *folder, const char *expected, Precision precision,
                double rate);

#endif
