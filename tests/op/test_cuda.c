/* CUDA's operations that are in no table of cases, its memory, how it is opened, and that the
 * emulation finds what it should. The tables run on it in test_attention and test_layers. */
#define _GNU_SOURCE
#include "op/cuda.h"
#include "base/rng.h"
#include "op/mirror.h"
#include "op/reference.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_cuda(void);

#define NMSE 1e-10

static Arena arena;

static void setup(void) {
    ck_assert_int_eq(arena_open(&arena, (size_t)16 << 20), STATUS_OK);
}

static void teardown(void) {
    arena_close(&arena);
}

START_TEST(says_where_it_is_tested) {
    const Device *cuda = mirror_cuda();
    if (cuda)
        printf("cuda: tested on %s\n", mirror_behind()->memory->describe());
    else
        printf("cuda: not tested: %s\n", mirror_why());
    fflush(stdout);
#ifdef TAMRIN_CUDA_EMULATED
    ck_assert_msg(cuda != NULL, "%s", mirror_why()); /* the emulation always opens */
#endif
}
END_TEST

/* --- recurrent cells against the CPU's ---------------------------------------------------------
 */

enum { STEPS = 5, BATCH = 3, WIDTH = 18, STATE = BATCH * WIDTH, ALL = STEPS * STATE };

typedef struct {
    float gates[4 * ALL], weight[4 * WIDTH * WIDTH], bias[WIDTH], h0[STATE], c0[STATE];
    float dh[ALL], dc_last[STATE];
    float h[ALL], c[ALL], saved[4 * ALL];
    float dgates[4 * ALL], dweight[4 * WIDTH * WIDTH], dbias[WIDTH], dh0[STATE], dc0[STATE];
} Cells;

static void draw(float *out, size_t count, double spread, const char *stream) {
    rng_fill_normal(out, count, 5, rng_stream(stream));
    for (size_t i = 0; i < count; i++) out[i] *= (float)spread;
}

static void draw_cells(Cells *cells) {
    memset(cells, 0, sizeof *cells);
    draw(cells->gates, 4 * ALL, 1, "gates");
    draw(cells->weight, 4 * WIDTH * WIDTH, .3, "weight");
    draw(cells->bias, WIDTH, 1, "bias");
    draw(cells->h0, STATE, .5, "h0");
    draw(cells->c0, STATE, .5, "c0");
    draw(cells->dh, ALL, 1, "dh");
    draw(cells->dc_last, STATE, 1, "dc");
    draw(cells->dweight, 4 * WIDTH * WIDTH, 1, "there"); /* what accumulate adds to */
    draw(cells->dbias, WIDTH, 1, "there");
}

/* `bare`: no state before, no gradient of the last cell, nothing wanted but the gates'. */
static void run_cells(const RecurrentOps *ops, const Recurrent *r, int bare, int accumulate,
                      Cells *x) {
    const int lstm = r->kind == RECURRENT_LSTM, gru = r->kind == RECURRENT_GRU;
    const float *h0 = bare ? NULL : x->h0, *c0 = bare || !lstm ? NULL : x->c0;
    const float *bias = gru && !bare ? x->bias : NULL;
    void *saved = recurrent_saved_bytes(r) ? x->saved : NULL;
    float *c = lstm ? x->c : NULL;
    ck_assert_msg(ops->forward(r, x->gates, x->weight, bias, h0, c0, x->h, c, saved, &arena) ==
                      STATUS_OK,
                  "%s", status_message());
    ck_assert_msg(ops->backward(r, x->weight, h0, c0, x->h, c, saved, x->dh,
                                lstm && !bare ? x->dc_last : NULL, x->dgates,
                                bare ? NULL : x->dweight, bias ? x->dbias : NULL,
                                bare ? NULL : x->dh0, c0 ? x->dc0 : NULL, accumulate,
                                &arena) == STATUS_OK,
                  "%s", status_message());
}

static void compare(const float *ours, const float *theirs, size_t count, const char *what) {
    double *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
    for (size_t i = 0; i < count; i++) a[i] = (double)ours[i], b[i] = (double)theirs[i];
    double nmse = reference_nmse(a, b, count);
    free(a), free(b);
    ck_assert_msg(nmse <= NMSE, "NMSE %.3g of %s", nmse, what);
}

START_TEST(cells_agree_with_the_cpu) {
    const Device *cuda = mirror_cuda();
    if (!cuda) return;
    static Cells ours, theirs;
    const Recurrent r = {.kind = (RecurrentKind)(_i % 3),
                         .steps = _i / 3 % 2 ? STEPS : 1,
                         .batch = BATCH,
                         .width = WIDTH,
                         .reverse = _i / 6 % 2};
    const int bare = _i / 12 % 2, accumulate = _i / 24;
    draw_cells(&ours);
    draw_cells(&theirs);
    run_cells(cuda->recurrent, &r, bare, accumulate, &ours);
    run_cells(device_cpu()->recurrent, &r, bare, accumulate, &theirs);
    const size_t G = (size_t)recurrent_gates(r.kind), rows = (size_t)r.steps * STATE;
    compare(ours.h, theirs.h, rows, "h");
    if (r.kind == RECURRENT_LSTM) compare(ours.c, theirs.c, rows, "c");
    compare(ours.dgates, theirs.dgates, G * rows, "dgates");
    compare(ours.dweight, theirs.dweight, G * WIDTH * WIDTH, "dweight");
    compare(ours.dbias, theirs.dbias, WIDTH, "dbias");
    if (bare) return;
    compare(ours.dh0, theirs.dh0, STATE, "dh0");
    if (r.kind == RECURRENT_LSTM) compare(ours.dc0, theirs.dc0, STATE, "dc0");
}
END_TEST

START_TEST(the_cell_may_be_forgotten) {
    const Device *cuda = mirror_cuda();
    if (!cuda) return;
    static Cells whole, only;
    const Recurrent r = {.kind = (RecurrentKind)_i, .steps = STEPS, .batch = BATCH, .width = WIDTH};
    draw_cells(&whole);
    draw_cells(&only);
    run_cells(cuda->recurrent, &r, 1, 0, &whole);
    ck_assert_int_eq(cuda->recurrent->forward(&r, only.gates, only.weight, NULL, NULL, NULL, only.h,
                                              NULL, NULL, &arena),
                     STATUS_OK);
    ck_assert_mem_eq(whole.h, only.h, sizeof whole.h);
}
END_TEST

/* --- dropout and products ----------------------------------------------------------------------
 */

START_TEST(dropout_draws_the_cpus_bits) {
    enum { COUNT = 1003 };
    static float x[COUNT], ours[COUNT], theirs[COUNT];
    const Device *cuda = mirror_cuda();
    const Dropout d = {.3f, 0x123456789abcdefULL, 0xfedcba987654321ULL};
    if (!cuda) return;
    draw(x, COUNT, 1, "x");
    cuda->layers->dropout(COUNT, &d, x, ours, 0);
    device_cpu()->layers->dropout(COUNT, &d, x, theirs, 0);
    ck_assert_mem_eq(ours, theirs, sizeof ours);
}
END_TEST

START_TEST(gemm_agrees_with_the_cpu) {
    enum { M = 7, N = 5, K = 9, WIDE = 11 };
    static float a[WIDE * WIDE], b[WIDE * WIDE], ours[M * WIDE], theirs[M * WIDE];
    const Device *cuda = mirror_cuda();
    if (!cuda) return;
    draw(a, WIDE * WIDE, 1, "a");
    draw(b, WIDE * WIDE, 1, "b");
    draw(ours, M * WIDE, 1, "c");
    draw(theirs, M * WIDE, 1, "c");
    const float beta = _i & 4 ? .5f : 0;
    const Device *devices[] = {cuda, device_cpu()};
    float *c[] = {ours, theirs};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(devices[i]->gemm(_i & 1, _i >> 1 & 1, M, N, K, 1.5f, a, WIDE, b, WIDE,
                                          beta, c[i], WIDE),
                         STATUS_OK);
    compare(ours, theirs, M * WIDE, "c"); /* what lies between the rows is compared too */
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------
 */

START_TEST(too_large_an_arena_is_refused_with_numbers) {
    if (!mirror_cuda()) return;
    const DeviceMemory *memory = mirror_behind()->memory;
    Arena large;
    ck_assert_int_eq(memory->arena_open(&large, (size_t)1 << 60), STATUS_MEMORY);
    ck_assert_ptr_nonnull(strstr(status_message(), "1152921504606846976 bytes"));
    ck_assert_ptr_nonnull(strstr(status_message(), "are free"));
    ck_assert_ptr_nonnull(strstr(status_message(), "out of memory"));
    ck_assert_int_eq(memory->wait(), STATUS_OK); /* and nothing is broken by it */
}
END_TEST

START_TEST(numbers_come_back_and_time_passes) {
    if (!mirror_cuda()) return;
    const DeviceMemory *memory = mirror_behind()->memory;
    const float sent[3] = {1, 2, 3};
    float got[3] = {0};
    double seconds = -1;
    Arena there;
    ck_assert_int_eq(memory->arena_open(&there, 4096), STATUS_OK);
    float *at = arena_take(&there, sizeof sent);
    ck_assert_int_eq(memory->time_begin(), STATUS_OK);
    ck_assert_int_eq(memory->upload(at, sent, sizeof sent), STATUS_OK);
    ck_assert_int_eq(memory->time_end(&seconds), STATUS_OK);
    ck_assert_int_eq(memory->download(got, at, sizeof got), STATUS_OK);
    ck_assert_mem_eq(sent, got, sizeof sent);
    ck_assert_double_ge(seconds, 0);
    float *beside = arena_take(&there, sizeof sent);
    ck_assert_int_eq(memory->copy(beside, at, sizeof sent), STATUS_OK);
    ck_assert_int_eq(memory->zero(at, sizeof sent), STATUS_OK);
    ck_assert_int_eq(memory->download(got, at, sizeof got), STATUS_OK);
    ck_assert_float_eq(got[1], 0);
    ck_assert_int_eq(memory->download(got, beside, sizeof got), STATUS_OK);
    ck_assert_mem_eq(sent, got, sizeof sent);
    ck_assert_ptr_null(arena_take(&there, 4096));
    memory->arena_close(&there);
}
END_TEST

/* Kernel attention of `rows` rows in an arena of `bytes`; *most = the bytes that it took beside its
 * input and output. */
static Status kernel_attention(AttentionKind kind, int causal, int rows, size_t bytes,
                               size_t *most) {
    enum { E = 4 };
    const DeviceMemory *memory = mirror_behind()->memory;
    const int offsets[2] = {0, rows};
    const Attention a = {.kind = kind,
                         .map = FEATURE_ELU1,
                         .causal = causal,
                         .sequences = 1,
                         .heads = 1,
                         .width = E,
                         .query_offsets = offsets,
                         .key_offsets = offsets,
                         .scale = 1};
    const size_t all = (size_t)rows * E * sizeof(float);
    Arena data, there;
    ck_assert_int_eq(memory->arena_open(&data, 2 * all + 512), STATUS_OK);
    ck_assert_int_eq(memory->arena_open(&there, bytes), STATUS_OK);
    float *in = arena_take(&data, all), *out = arena_take(&data, all);
    ck_assert_int_eq(memory->zero(in, all), STATUS_OK);
    const AttentionIn x = {in, E, E};
    const AttentionOut y = {out, E, E};
    const Status status = mirror_behind()->attention_forward(&a, x, x, x, y, NULL, &there);
    ck_assert_int_eq(memory->wait(), STATUS_OK);
    ck_assert_uint_eq(there.used, 0); /* all is given back, after a refusal too */
    *most = there.high_water;
    memory->arena_close(&there);
    memory->arena_close(&data);
    return status;
}

/* In the right order, memory beside input and output is a panel's, whatever N; in the wrong one it
 * grows as N^2, and what does not fit is refused. */
START_TEST(kernels_need_the_memory_of_their_order) {
    if (!mirror_cuda()) return;
    const int rows = getenv("TAMRIN_TEST_GPU") ? 16384 : 256; /* more than a panel */
    const int causal = _i;
    size_t once, twice, square;
    ck_assert_int_eq(
        kernel_attention(ATTENTION_KERNEL_LINEAR, causal, rows, (size_t)64 << 20, &once),
        STATUS_OK);
    ck_assert_int_eq(
        kernel_attention(ATTENTION_KERNEL_LINEAR, causal, 2 * rows, (size_t)64 << 20, &twice),
        STATUS_OK);
    ck_assert_uint_gt(once, 0);
    ck_assert_uint_eq(once, twice);
    ck_assert_int_eq(kernel_attention(ATTENTION_KERNEL_LINEAR, causal, rows, once / 2, &square),
                     STATUS_MEMORY);
    ck_assert_int_eq(
        kernel_attention(ATTENTION_KERNEL_QUADRATIC, causal, 256, (size_t)8 << 20, &once),
        STATUS_OK);
    ck_assert_int_eq(
        kernel_attention(ATTENTION_KERNEL_QUADRATIC, causal, 512, (size_t)8 << 20, &square),
        STATUS_OK);
    ck_assert_uint_ge(square - once, (512 * 512 - 256 * 256) * sizeof(float));
    ck_assert_int_eq(kernel_attention(ATTENTION_KERNEL_QUADRATIC, causal, 512, square / 2, &once),
                     STATUS_MEMORY);
}
END_TEST

/* --- opening -----------------------------------------------------------------------------------
 */

START_TEST(a_missing_plugin_is_named_and_auto_goes_on) {
    const Device *device = NULL;
    setenv("TAMRIN_CUDA", "/nowhere/tamrin_cuda.so", 1);
    ck_assert_int_eq(device_choose("cuda", &device), STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(status_message(), "cuda: no plug-in /nowhere/tamrin_cuda.so"));
    ck_assert_int_eq(device_choose("auto", &device), STATUS_OK);
    ck_assert_ptr_eq(device, device_cpu());
    ck_assert_ptr_nonnull(strstr(device_notice(), "computing on the CPU (cuda: no plug-in"));
    ck_assert_int_eq(device_choose("cpu", &device), STATUS_OK);
    ck_assert_str_eq(device_notice(), "");
    ck_assert_int_eq(device_choose("gpu", &device), STATUS_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status_message(), "'gpu'; expected cpu, cuda or auto"));
}
END_TEST

START_TEST(a_file_that_is_no_plugin_is_refused) {
    char path[] = "/tmp/tamrin-cuda-XXXXXX";
    const Device *device = NULL;
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq((int)write(file, "no library", 10), 10);
    close(file);
    setenv("TAMRIN_CUDA", path, 1);
    ck_assert_int_eq(device_cuda(&device), STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(status_message(), path));
    unlink(path);
}
END_TEST

/* --- the emulation itself ----------------------------------------------------------------------
 */

#ifdef TAMRIN_CUDA_EMULATED
void emulate_selftest(int which, float *out);

START_TEST(emulated_threads_meet) {
    float out[96];
    emulate_selftest(0, out); /* each thread takes its neighbour's number through shared memory */
    for (int i = 0; i < 96; i++) ck_assert_float_eq(out[i], (float)((i + 1) % 96));
    emulate_selftest(1, out); /* a warp's sum of its lanes */
    for (int i = 0; i < 96; i++) ck_assert_float_eq(out[i], (float)(i / 32 * 32 * 32 + 496));
    emulate_selftest(2, out); /* shared memory that nobody wrote */
    ck_assert_float_nan(out[0]);
}
END_TEST

START_TEST(emulated_tensor_cores_multiply) {
    float out[256];
    emulate_selftest(4 + _i, out);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            int sum = 0;
            for (int k = 0; k < 16; k++)
                sum += ((7 * i + 3 * k) % 11 - 5) * ((5 * k + 2 * j) % 13 - 6);
            ck_assert_float_eq(out[i * 16 + j], (float)sum);
        }
}
END_TEST

START_TEST(emulated_copies_arrive_when_waited_for) {
    float out[5];
    emulate_selftest(6, out);
    ck_assert_float_nan(out[0]);
    ck_assert_float_eq(out[1], 1);
    ck_assert_float_nan(out[2]);
    ck_assert_float_eq(out[3], 5);
    ck_assert_float_eq(out[4], 0);
}
END_TEST

START_TEST(emulated_threads_that_never_meet_are_found) {
    float out[96];
    emulate_selftest(3, out);
}
END_TEST
#endif

Suite *suite_cuda(void) {
    Suite *suite = suite_create("cuda");
    TCase *operations = tcase_create("operations");
    tcase_add_checked_fixture(operations, setup, teardown);
    tcase_set_timeout(operations, 60);
    tcase_add_test(operations, says_where_it_is_tested);
    tcase_add_loop_test(operations, cells_agree_with_the_cpu, 0, 48);
    tcase_add_loop_test(operations, the_cell_may_be_forgotten, 0, 3);
    tcase_add_test(operations, dropout_draws_the_cpus_bits);
    tcase_add_loop_test(operations, gemm_agrees_with_the_cpu, 0, 8);
    suite_add_tcase(suite, operations);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, too_large_an_arena_is_refused_with_numbers);
    tcase_add_test(memory, numbers_come_back_and_time_passes);
    tcase_add_loop_test(memory, kernels_need_the_memory_of_their_order, 0, 2);
    suite_add_tcase(suite, memory);
    TCase *opening = tcase_create("opening");
    tcase_add_test(opening, a_missing_plugin_is_named_and_auto_goes_on);
    tcase_add_test(opening, a_file_that_is_no_plugin_is_refused);
    suite_add_tcase(suite, opening);
#ifdef TAMRIN_CUDA_EMULATED
    TCase *emulation = tcase_create("emulation");
    tcase_add_test(emulation, emulated_threads_meet);
    tcase_add_loop_test(emulation, emulated_tensor_cores_multiply, 0, 2);
    tcase_add_test(emulation, emulated_copies_arrive_when_waited_for);
    tcase_add_test_raise_signal(emulation, emulated_threads_that_never_meet_are_found, SIGABRT);
    suite_add_tcase(suite, emulation);
#endif
    return suite;
}
