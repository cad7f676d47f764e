/* Every case of the layers' table against the double-precision reference: values, gradients, the
 * gradient check by four-point differences, what may be written, the same bits for any number of
 * threads, and all of it again with narrower instruction sets. */
#define _GNU_SOURCE
#include "base/arena.h"
#include "base/threads.h"
#include "op/layer_problem.h"
#include "op/mirror.h"
#include "op/reference.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_NMSE      1e-10
#define GRADIENT_NMSE 1e-10
#define ASYMMETRY     1e-4
#define TINY          1e-5 /* of the largest gradient: below, rounding of what cancelled */
/* The same where a row has so few columns that LayerNorm's gradient is little else than what is
 * left when its three terms cancel. */
#define NARROW_TINY 1e-3

static Arena arena;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)64 << 20), STATUS_OK);
}
static void teardown(void) {
    arena_close(&arena);
}

/* --- a list of failures, so that one run names every case that is wrong ---------------------- */

static char failures[2048];
static int failed;

__attribute__((format(printf, 2, 3))) static void add_failure(const LayerProblem *p,
                                                              const char *format, ...) {
    size_t used = strlen(failures);
    char name[128];
    va_list arguments;
    if (++failed > 12) return;
    layer_name(p->variant, p->shape, name, sizeof name);
    used += (size_t)snprintf(failures + used, sizeof failures - used, "\n  %s: ", name);
    if (used >= sizeof failures) return;
    va_start(arguments, format);
    vsnprintf(failures + used, sizeof failures - used, format, arguments);
    va_end(arguments);
}

typedef void CaseCheck(LayerProblem *);

static void each_shape(CaseCheck *check, int variant, int uses) {
    failed = 0, failures[0] = 0;
    for (int s = 0; s < layer_shapes(); s++) {
        if (!layer_holds(layer_variant(variant), layer_shape(s), uses)) continue;
        LayerProblem p;
        layer_open(&p, layer_variant(variant), layer_shape(s), &arena);
        check(&p);
        layer_close(&p);
    }
    ck_assert_msg(failed == 0, "%d cases are wrong:%s", failed, failures);
}

/* --- the device against the reference -------------------------------------------------------- */

static void check_forward(LayerProblem *p) {
    if (layer_forward(p)) {
        add_failure(p, "forward refused: %s", status_message());
        return;
    }
    double *ours = layer_read(&p->out), *truth = layer_truth(p);
    double nmse = reference_nmse(ours, truth, p->out.count);
    if (!(nmse <= OUT_NMSE)) add_failure(p, "NMSE %.3g of out", nmse);
    const char *harm = layer_harm(p);
    if (harm) add_failure(p, "forward: %s", harm);
    free(ours), free(truth);
}

static int run_both(LayerProblem *p) {
    const char *harm = NULL;
    if (layer_forward(p) || layer_backward(p))
        add_failure(p, "refused: %s", status_message());
    else if ((harm = layer_harm(p)))
        add_failure(p, "backward: %s", harm);
    else
        return 1;
    return 0;
}

static void check_backward(LayerProblem *p) {
    double *truth[LAYER_INPUTS];
    if (!run_both(p)) return;
    layer_true_gradients(p, 0, truth);
    for (int i = 0; i < LAYER_INPUTS; i++) {
        if (!truth[i]) continue;
        double *ours = layer_read(&p->gradient[i]);
        double nmse = reference_nmse(ours, truth[i], p->gradient[i].count);
        if (!(nmse <= GRADIENT_NMSE)) add_failure(p, "NMSE %.3g of gradient %d", nmse, i);
        free(ours), free(truth[i]);
    }
}

static void check_differences(LayerProblem *p) {
    double *truth[LAYER_INPUTS];
    if (!run_both(p)) return;
    layer_true_gradients(p, 1, truth);
    for (int i = 0; i < LAYER_INPUTS; i++) {
        if (!truth[i]) continue;
        double *ours = layer_read(&p->gradient[i]), most = 0;
        for (size_t k = 0; k < p->gradient[i].count; k++) most = fmax(most, fabs(truth[i][k]));
        const double tiny = (p->shape->columns < 4 ? NARROW_TINY : TINY) * most;
        double asymmetry = reference_asymmetry(ours, truth[i], p->gradient[i].count, tiny);
        if (!(asymmetry <= ASYMMETRY))
            add_failure(p, "mean asymmetry %.3g of gradient %d", asymmetry, i);
        free(ours), free(truth[i]);
    }
}

START_TEST(forward_agrees_with_the_reference) {
    each_shape(check_forward, _i, USE_AGREEMENT);
}
END_TEST

START_TEST(backward_agrees_with_the_reference) {
    each_shape(check_backward, _i, USE_BACKWARD);
}
END_TEST

START_TEST(backward_agrees_with_differences) {
    each_shape(check_differences, _i, USE_DIFFERENCES);
}
END_TEST

/* A GPU's operations, emulated (op/mirror.h); those that go through the tape are the CPU's. */
START_TEST(cuda_agrees_with_the_reference) {
    const Device *cuda = mirror_cuda();
    if (!cuda || layer_is_taped(layer_variant(_i))) return;
    layer_use(cuda->layers);
    each_shape(check_forward, _i, USE_AGREEMENT);
    each_shape(check_backward, _i, USE_BACKWARD);
    layer_use(NULL);
}
END_TEST

/* Check forks for every test, and the loops are chosen once a process. */
static const char *const narrower[] = {"baseline", "avx2"};

START_TEST(narrower_instruction_sets_agree_too) {
    const char *fork = getenv("CK_FORK");
    if (fork && strcmp(fork, "no") == 0) return;
    setenv("TAMRIN_ISA", narrower[_i], 1);
    if (strcmp(device_cpu_isa(), narrower[_i])) return; /* this processor has only less */
    for (int v = 0; v < layer_variants(); v++) {
        each_shape(check_forward, v, USE_AGREEMENT);
        each_shape(check_backward, v, USE_BACKWARD);
    }
}
END_TEST

/* --- the same bits --------------------------------------------------------------------------- */

/* Rows belong to one thread whole, and sums down the rows go in their order: the number of threads
 * moves no bit. Products are the library's, which does not promise it. */
START_TEST(the_same_bits_for_any_number_of_threads) {
    const LayerVariant *variant = layer_variant(_i);
    const int most = variant->kind == LAYER_LINEAR ? 1 : 3;
    for (int s = 0; s < layer_shapes(); s++) {
        if (!layer_holds(variant, layer_shape(s), USE_BACKWARD)) continue;
        LayerProblem p;
        float *first[LAYER_INPUTS + 1] = {NULL};
        layer_open(&p, variant, layer_shape(s), &arena);
        LayerArray *results[LAYER_INPUTS + 1] = {&p.gradient[0], &p.gradient[1], &p.gradient[2],
                                                 &p.gradient[3], &p.out};
        for (int run = 0; run < 4; run++) {
            threads_set(run < most ? run + 1 : most);
            ck_assert_int_eq(layer_forward(&p), STATUS_OK);
            ck_assert_int_eq(layer_backward(&p), STATUS_OK);
            for (int i = 0; i <= LAYER_INPUTS; i++) {
                size_t bytes = results[i]->count * sizeof(float);
                if (!results[i]->data) continue;
                if (!first[i]) {
                    first[i] = malloc(bytes + 1);
                    memcpy(first[i], results[i]->data, bytes);
                } else if (memcmp(first[i], results[i]->data, bytes)) {
                    ck_abort_msg("%s/%s: result %d differs in run %d", variant->name,
                                 layer_shape(s)->name, i, run);
                }
            }
        }
        for (int i = 0; i <= LAYER_INPUTS; i++) free(first[i]);
        layer_close(&p);
    }
}
END_TEST

/* --- the reference itself -------------------------------------------------------------------- */

START_TEST(reference_backward_agrees_with_differences) {
    for (int s = 0; s < layer_shapes(); s++) {
        if (!layer_holds(layer_variant(_i), layer_shape(s), USE_DIFFERENCES)) continue;
        LayerProblem p;
        double *analytic[LAYER_INPUTS], *differences[LAYER_INPUTS];
        layer_open(&p, layer_variant(_i), layer_shape(s), &arena);
        layer_true_gradients(&p, 0, analytic);
        layer_true_gradients(&p, 1, differences);
        for (int i = 0; i < LAYER_INPUTS; i++) {
            if (!analytic[i]) continue;
            double nmse = reference_nmse(differences[i], analytic[i], p.in[i].count);
            ck_assert_msg(nmse <= 1e-16, "%s/%s: NMSE %g of gradient %d", p.variant->name,
                          p.shape->name, nmse, i);
            free(analytic[i]), free(differences[i]);
        }
        layer_close(&p);
    }
}
END_TEST

START_TEST(names_are_unique) {
    for (int i = 0; i < layer_variants(); i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(layer_variant(i)->name, layer_variant(j)->name);
    for (int i = 0; i < layer_shapes(); i++)
        for (int j = 0; j < i; j++) ck_assert_str_ne(layer_shape(i)->name, layer_shape(j)->name);
}
END_TEST

Suite *suite_layers(void) {
    Suite *suite = suite_create("layers");
    const int variants = layer_variants();
    TCase *reference = tcase_create("reference");
    tcase_add_checked_fixture(reference, setup, teardown);
    tcase_set_timeout(reference, 60);
    tcase_add_test(reference, names_are_unique);
    tcase_add_loop_test(reference, reference_backward_agrees_with_differences, 0, variants);
    suite_add_tcase(suite, reference);
    TCase *device = tcase_create("device against reference");
    tcase_add_checked_fixture(device, setup, teardown);
    tcase_set_timeout(device, 120);
    tcase_add_loop_test(device, forward_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, backward_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, backward_agrees_with_differences, 0, variants);
    tcase_add_loop_test(device, cuda_agrees_with_the_reference, 0, variants);
    tcase_add_loop_test(device, narrower_instruction_sets_agree_too, 0,
                        (int)(sizeof narrower / sizeof *narrower));
    tcase_add_loop_test(device, the_same_bits_for_any_number_of_threads, 0, variants);
    suite_add_tcase(suite, device);
    return suite;
}
